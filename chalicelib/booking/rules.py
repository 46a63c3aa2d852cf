"""What may be an appointment. Pure: intervals in epoch seconds, and the instant to judge them at."""

from datetime import UTC, datetime

from dateutil.relativedelta import relativedelta

from chalicelib.booking.errors import Invalid
from chalicelib.intervals import Interval, any_overlap, cut
from chalicelib.settings import SECONDS_PER_DAY

MAX_SLOTS = 90
"""With 9 days and the key, the 100 actions of a transaction."""
MAX_SPAN_SECONDS = 8 * SECONDS_PER_DAY
MAX_SLOT_SECONDS = SECONDS_PER_DAY
MAX_A_DAY = 2_880
"""Appointments that touch one UTC day: its item stays far below DynamoDB's 400 KB."""
MAX_YEARS_AHEAD = 5


def cut_into_slots(
    intervals: list[Interval], slot_minutes: int | None, now: int, *, may_be_past: bool = False
) -> list[Interval]:
    """The slots to publish, in time order: the intervals, each cut into slots of `slot_minutes` if that is given.

    Raises Invalid.
    """
    slots: list[Interval] = []
    for position, interval in enumerate(intervals):
        pointer = f"/slots/{position}"
        if not may_be_past or interval[0] < 0:
            check_ahead(interval[0], f"{pointer}/startTime", now)
        slots += _cut(interval, pointer, slot_minutes, now)
        if len(slots) > MAX_SLOTS:
            raise Invalid("/slots", f"more than {MAX_SLOTS} slots")
    if max(end for _, end in slots) - min(start for start, _ in slots) > MAX_SPAN_SECONDS:
        raise Invalid("/slots", "the slots lie more than 8 days apart")
    if any_overlap(slots):
        raise Invalid("/slots", "the slots overlap each other")
    return sorted(slots)


def check_ahead(start: int, pointer: str, now: int) -> None:
    """Raises Invalid for what has begun already, or begins too far ahead."""
    if start <= now:
        raise Invalid(pointer, "is in the past")
    if start > _furthest(now):
        raise Invalid(pointer, f"is more than {MAX_YEARS_AHEAD} years ahead")


def check_room(standing: int, new: int) -> None:
    """Raises Invalid when a day would have too many appointments."""
    if standing + new > MAX_A_DAY:
        raise Invalid("/slots", f"more than {MAX_A_DAY} appointments in a day")


def check_length(interval: Interval, pointer: str, now: int) -> None:
    """Raises Invalid for what ends before it starts, too far ahead, or more than a day later."""
    _check_end(interval, pointer, now)
    if interval[1] - interval[0] > MAX_SLOT_SECONDS:
        raise Invalid(f"{pointer}/endTime", "is more than 24 hours after startTime")


def _cut(interval: Interval, pointer: str, slot_minutes: int | None, now: int) -> list[Interval]:
    if slot_minutes is None:
        check_length(interval, pointer, now)
        return [interval]
    _check_end(interval, pointer, now)
    start, end = interval
    slots, left = divmod(end - start, slot_minutes * 60)
    if left:
        raise Invalid("/slotMinutes", f"does not divide {pointer} evenly")
    if slots > MAX_SLOTS:
        raise Invalid("/slots", f"more than {MAX_SLOTS} slots")
    return cut(interval, slot_minutes * 60)


def _check_end(interval: Interval, pointer: str, now: int) -> None:
    start, end = interval
    if end <= start:
        raise Invalid(f"{pointer}/endTime", "is not after startTime")
    if end > _furthest(now):
        raise Invalid(f"{pointer}/endTime", f"is more than {MAX_YEARS_AHEAD} years ahead")


def _furthest(now: int) -> int:
    return int((datetime.fromtimestamp(now, UTC) + relativedelta(years=MAX_YEARS_AHEAD)).timestamp())
