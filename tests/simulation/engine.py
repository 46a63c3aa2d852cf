"""The engine: moto, in this process, one request at a time. What is asked of it beside its API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.core.models import botocore_stubber
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from chalicelib.settings import settings
from chalicelib.store.table import table
from local.copies import copied
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
    return copied(_table())


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


def _text(text: str) -> DynamoType:
    return DynamoType({"S": text})


def _raw(found: Item) -> Raw:
    raw: Raw = found.to_json()["Attributes"]
    return raw


def _backend() -> Any:
    return dynamodb_backends[_ACCOUNT][settings.region]


def _table() -> Any:
    return _backend().tables[table.table_name]
