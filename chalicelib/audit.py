"""What was changed: booking/ tells, and whoever started the work collects, says who did it, and logs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """A reservation or an appointment went from one status to another; None is `not there`."""

    id: str
    before: str | None
    after: str | None
    at: int


_changes: ContextVar[list[Change] | None] = ContextVar("changes", default=None)


def changed(thing: object, *, before: str | None, after: str | None, at: int) -> None:
    """Tell that it was, once it was; `thing` is its id."""
    changes = _changes.get()
    if changes is not None:
        changes.append(Change(str(thing), before, after, at))


@contextmanager
def changes_collected() -> Iterator[list[Change]]:
    """All that is told within the block."""
    changes: list[Change] = []
    token = _changes.set(changes)
    try:
        yield changes
    finally:
        _changes.reset(token)
