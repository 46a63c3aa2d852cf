"""The one source of the time: whole seconds since the epoch, UTC.

Stored keys and answers carry the same instants as RFC 3339 text ending in `Z`, which sorts by time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

# Looked up at each call, so that whatever replaces time.time replaces it here too.
_source: ContextVar[Callable[[], float]] = ContextVar("clock", default=lambda: time.time())  # noqa: PLW0108  # see above
_pause: ContextVar[Callable[[float], None]] = ContextVar("pause", default=time.sleep)


def now() -> int:
    """Now, in whole seconds since the epoch."""
    return int(_source.get()())


def pause(seconds: float) -> None:
    """Let other writers get on; a test's clock passes the time without waiting."""
    _pause.get()(seconds)


@contextmanager
def running_on(source: Callable[[], float], pause: Callable[[float], None] = lambda _: None) -> Iterator[None]:
    """Take the time from `source`, and let `pause` pass it, within the block."""
    source_before, pause_before = _source.set(source), _pause.set(pause)
    try:
        yield
    finally:
        _source.reset(source_before)
        _pause.reset(pause_before)


def iso(seconds: int) -> str:
    """`2026-03-01T09:00:00Z` for an instant in epoch seconds, from 1970 to LATEST."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6] + "Z"


def seconds(text: str) -> int:
    """Epoch seconds of a text that `iso` made. Raises ValueError for what is no time."""
    return int(datetime.fromisoformat(text).timestamp())


LATEST = seconds("9999-12-31T23:59:59Z")
"""The last instant that has a text."""
