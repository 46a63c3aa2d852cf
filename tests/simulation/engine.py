"""The engine: moto, in this process, one request at a time. What is asked of it beside its API."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import moto.dynamodb.models as moto_models
from moto.core.models import botocore_stubber
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from chalicelib.settings import settings
from chalicelib.store.table import table
from tests.simulation.history import Key, Raw

_ACCOUNT = "123456789012"
"""Moto's own."""


def serve(event_name: str, request: Any) -> Any:
    """Let the engine do what the request says, and answer."""
    return botocore_stubber(event_name=event_name, request=request)


def item(key: Key) -> Raw | None:
    found = _table().items.get(_text(key[0]), {}).get(_text(key[1]))
    return _raw(found) if found else None


def items() -> tuple[Raw, ...]:
    return tuple(_raw(found) for partition in _table().items.values() for found in partition.values())


def wipe() -> None:
    """No item is left."""
    _table().items.clear()


def picture() -> Any:
    """The table as it is now, to be looked at later."""
    return _copy(_table())


@contextmanager
def showing(old: Any) -> Iterator[None]:
    """What is asked within the block is answered from an old picture, as an index that lags does."""
    tables = _backend().tables
    now = tables[table.table_name]
    tables[table.table_name] = old
    try:
        yield
    finally:
        tables[table.table_name] = now


@contextmanager
def copying_fast() -> Iterator[None]:
    """Moto copies its whole table before each transaction: let it, without what never changes."""
    models: Any = moto_models
    slow = models.copy
    models.copy = SimpleNamespace(deepcopy=lambda one: _copy(one) if isinstance(one, Table) else slow.deepcopy(one))
    try:
        yield
    finally:
        models.copy = slow


def _copy(whole: Any) -> Any:
    """The table with items of its own. Moto changes items in place, attribute by attribute, maps within them too."""
    copied: Any = Table.__new__(Table)
    copied.__dict__.update(whole.__dict__)
    copied.items = type(whole.items)(whole.items.default_factory)
    for partition, found in whole.items.items():
        copied.items[partition] = {sort: _copy_item(one) for sort, one in found.items()}
    return copied


def _copy_item(one: Any) -> Any:
    copied: Any = Item.__new__(Item)
    copied.hash_key, copied.range_key = one.hash_key, one.range_key
    copied.attrs = type(one.attrs)()
    # As moto's own copy does: not by its setter, which measures the whole item each time.
    dict.update(copied.attrs, {name: _copy_value(value) for name, value in one.attrs.items()})
    return copied


def _copy_value(value: DynamoType) -> DynamoType:
    copied = DynamoType.__new__(DynamoType)
    copied.type = value.type
    copied.value = (
        {name: _copy_value(member) for name, member in value.value.items()} if value.is_map() else value.value
    )
    return copied


def _text(text: str) -> DynamoType:
    return DynamoType({"S": text})


def _raw(found: Item) -> Raw:
    raw: Raw = found.to_json()["Attributes"]
    return raw


def _backend() -> Any:
    return dynamodb_backends[_ACCOUNT][settings.region]


def _table() -> Any:
    return _backend().tables[table.table_name]
