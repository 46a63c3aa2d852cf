"""Sweep: release the holds that are over. Nothing depends on it but tidiness: every rule looks at the time itself.

It may run twice, at the same time, or die half way: each release is one conditional transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import clock
from chalicelib.booking.release import release_lapsed
from chalicelib.store import pages, table
from chalicelib.store.items import Appointment
from chalicelib.store.table import EXPIRY_SHARDS

PAGE = 100
SPARE_SECONDS = 10
"""Left for the release under way and for the log: three tries of 3 s and their pauses."""


@dataclass(slots=True)
class Sweep:
    """What a sweep did."""

    released: int = 0
    passed_by: int = 0
    """Holds that another released first, or whose client had confirmed."""
    failed: int = 0
    lag_seconds: int = 0
    """How long the one that was over the longest had been over."""
    unread_shards: int = 0
    complete: bool = True
    """Whether all shards were swept in the time there was."""


def sweep(seconds_left: Callable[[], float], on_failure: Callable[[Appointment, Exception], None]) -> Sweep:
    """Release what is over, shard by shard, and go on past an item that fails.

    Stops when `seconds_left` says that the time is nearly up; the next sweep goes on, from another shard.
    """
    done = Sweep()
    # Half of it where there is less than twice as much: a short sweep is better than none.
    spare = min(SPARE_SECONDS, seconds_left() / 2)
    first = clock.now() // 60
    for shard in range(first, first + EXPIRY_SHARDS):
        try:
            _sweep_shard(shard % EXPIRY_SHARDS, done, lambda: seconds_left() > spare, on_failure)
        except table.StoreUnavailable:
            done.unread_shards += 1
    return done


def _sweep_shard(
    shard: int,
    done: Sweep,
    has_time: Callable[[], bool],
    on_failure: Callable[[Appointment, Exception], None],
) -> None:
    after: table.Raw | None = None
    while has_time():
        items, after = pages.expired(shard, now=clock.now(), after=after, limit=PAGE)
        for item in items:
            if not has_time():
                break
            _release(item, done, on_failure)
        else:
            if after is None:
                return
    done.complete = False


def _release(item: Appointment, done: Sweep, on_failure: Callable[[Appointment, Exception], None]) -> None:
    now = clock.now()
    done.lag_seconds = max(done.lag_seconds, now - item.expires_at)
    try:
        released = release_lapsed(item, now)
    except Exception as error:  # noqa: BLE001  # one that fails must not keep the others from being free
        done.failed += 1
        on_failure(item, error)
        return
    if released:
        done.released += 1
    else:
        done.passed_by += 1
