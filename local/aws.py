"""Moto as the embedded AWS: the table, made from the model's own definition, and provider 1234."""

import threading
from copy import deepcopy
from typing import Any

from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber, patch_client
from moto.core.serialize import XFormedAttributePicker
from moto.dynamodb.models import dynamodb_backends

from chalicelib.booking.providers import Profile, put_provider
from chalicelib.settings import settings
from chalicelib.store.table import Item, table
from local import copies, options, server

DEMO_PROVIDER = "1234"

_engine = mock_aws()
_started = threading.Event()
_seed: dict[str, Any] = {}


class _OneAtATime(BotocoreStubber):
    """Moto is not thread-safe: it lets two conditional writes through where DynamoDB lets one."""

    _lock = threading.RLock()

    def process_request(self, request: Any) -> Any:
        with self._lock:
            return super().process_request(request)


def start() -> None:
    """Start it, once in this process: from then on no request of ours leaves it."""
    if _started.is_set():
        return
    _started.set()
    # Here, because every local start comes by: `chalice local` as well as `python -m local`.
    server.mend()
    copies.mend()
    _take_answers_as_they_are()
    botocore_stubber.__class__ = _OneAtATime
    patch_client(table.connection.client)
    _engine.start()
    Item.create_table()
    table.update_time_to_live("ttl")
    fill()


def _take_answers_as_they_are() -> None:
    """Moto looks for each member of an answer under several names. DynamoDB's are dicts that have AWS's own."""
    picker: Any = XFormedAttributePicker
    look_everywhere = picker.__call__

    def pick(self: Any, context: Any) -> Any:
        if isinstance(context.obj, dict) and not self.response_transformers:
            return context.obj.get(context.key)
        return look_everywhere(self, context)

    picker.__call__ = pick


def fill() -> None:
    """The provider that every local start has."""
    if not _seed:
        put_provider(
            Profile(
                id=DEMO_PROVIDER,
                name="Demo practice",
                time_zone="Europe/Vienna",
                hold_seconds=options.read().hold_seconds,
                notice_seconds=0,
                version=0,
            )
        )
        _seed.update(deepcopy(_items()))
    _items().update(deepcopy(_seed))


def empty() -> None:
    """All gone but the table, for the next test."""
    _items().clear()


def _items() -> dict[str, Any]:
    # By Moto's back door: requests for it would take longer than most tests.
    backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][settings.region]
    items: dict[str, Any] = backend.tables[settings.table_name].items
    return items
