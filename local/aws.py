"""Moto as the embedded AWS: the table, made from the model's own definition, and provider 1234."""

import os
import threading
from typing import Any

from moto import mock_aws
from moto.core.models import botocore_stubber

from chalicelib.booking.providers import Profile, put_provider
from chalicelib.store.table import Item, table

DEMO_PROVIDER = "1234"
_MAX_HOLD_MINUTES = 1_440

_moto = threading.RLock()
_engine = mock_aws()
_started = threading.Event()


def start() -> None:
    """Start it, once in this process: from then on no request of ours leaves it."""
    if _started.is_set():
        return
    _started.set()
    events = table.connection.client.meta.events
    events.register_first("before-send", _one_at_a_time)
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
            hold_seconds=hold_seconds(),
            notice_seconds=0,
            version=0,
        )
    )


def empty() -> None:
    """All gone, for the next test."""
    Item.delete_table()


def hold_seconds() -> int:
    """HOLD_MINUTES, fractions allowed, so that nobody waits half an hour to see a hold end."""
    text = os.environ.get("HOLD_MINUTES") or "30"
    try:
        seconds = round(float(text) * 60)
    except (ValueError, OverflowError):
        seconds = 0
    if not 1 <= seconds <= _MAX_HOLD_MINUTES * 60:
        raise SystemExit(f"holdfast: HOLD_MINUTES is {text!r}: give a number of minutes, up to {_MAX_HOLD_MINUTES}")
    return seconds


def _one_at_a_time(**request: Any) -> Any:
    # Moto is not thread-safe: it lets two conditional writes through where DynamoDB lets one.
    with _moto:
        return botocore_stubber(**request)
