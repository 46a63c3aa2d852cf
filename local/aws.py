"""Moto as the embedded AWS: the table, made from the model's own definition, and provider 1234."""

import threading
from typing import Any

from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber, patch_client

from chalicelib.booking.providers import Profile, put_provider
from chalicelib.store.table import Item, table
from local import options, server

DEMO_PROVIDER = "1234"

_engine = mock_aws()
_started = threading.Event()


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
    botocore_stubber.__class__ = _OneAtATime
    patch_client(table.connection.client)
    _engine.start()
    fill()


def fill() -> None:
    """The table and the provider that every local start has."""
    Item.create_table()
    table.update_time_to_live("ttl")
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


def empty() -> None:
    """All gone, for the next test."""
    Item.delete_table()
