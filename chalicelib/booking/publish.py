"""Publish: put slots into a provider's calendar, all of them or none."""

from dataclasses import dataclass
from datetime import UTC, datetime

from dateutil.relativedelta import relativedelta

from chalicelib import clock
from chalicelib.audit import changed
from chalicelib.booking.errors import Invalid, KeyReused, NotFound, SlotOverlap
from chalicelib.booking.state import Slot, slot_at
from chalicelib.intervals import Interval, any_overlap, cut, days_touched, overlapping
from chalicelib.settings import SECONDS_PER_DAY
from chalicelib.store import calendars, table
from chalicelib.store.appointments import expires_from_table
from chalicelib.store.ids import new_generation, new_nonce
from chalicelib.store.items import (
    AVAILABLE,
    Appointment,
    Provider,
    PublishKey,
    appointment_key,
    idempotency_key,
)
from chalicelib.store.keys import CallerKey

MAX_SLOTS = 90
"""With 9 days and the key, the 100 actions of a transaction."""
MAX_SPAN_SECONDS = 8 * SECONDS_PER_DAY
MAX_SLOT_SECONDS = SECONDS_PER_DAY
MAX_YEARS_AHEAD = 5


@dataclass(frozen=True, slots=True)
class Published:
    """Slots made now, or replayed: made by an earlier request under the same key, those that still stand."""

    slots: list[Slot]
    replayed: bool


def cut_into_slots(intervals: list[Interval], slot_minutes: int | None) -> list[Interval]:
    """The slots to publish, in time order: the intervals, each cut into slots of `slot_minutes` if that is given.

    Raises Invalid.
    """
    now = clock.now()
    slots: list[Interval] = []
    for position, interval in enumerate(intervals):
        slots += _checked(interval, f"/slots/{position}", slot_minutes, now)
        if len(slots) > MAX_SLOTS:
            raise Invalid("/slots", f"more than {MAX_SLOTS} slots")
    if max(end for _, end in slots) - min(start for start, _ in slots) > MAX_SPAN_SECONDS:
        raise Invalid("/slots", "the slots lie more than 8 days apart")
    if any_overlap(slots):
        raise Invalid("/slots", "the slots overlap each other")
    return sorted(slots)


def publish(provider_id: str, slots: list[Interval], *, key: CallerKey | None = None) -> Published:
    """Publish slots that `cut_into_slots` made. Raises NotFound (no such provider), KeyReused, SlotOverlap."""
    return _publish(provider_id, slots, new_generation(), key or CallerKey(new_nonce(), ""))


@table.until_settled
def _publish(provider_id: str, slots: list[Interval], generation: str, key: CallerKey) -> Published:
    now = clock.now()
    dates = sorted({date for slot in slots for date in days_touched(slot)})
    calendar = calendars.read_to_publish(provider_id, dates, key.hash)
    if calendar.provider is None:
        raise NotFound
    if calendar.published:
        return _earlier(calendar.published, provider_id, generation, key)
    conflicts = overlapping(slots, calendar.intervals())
    if conflicts:
        # The days may have been read after a twin of this request, or its own first try, had written them.
        twin = calendars.read_published(provider_id, key.hash)
        if twin is None:
            raise SlotOverlap(conflicts)
        return _earlier(twin, provider_id, generation, key)

    appointments = [_appointment(calendar.provider, interval, generation) for interval in slots]
    published = PublishKey(
        *idempotency_key(provider_id, key.hash),
        request_hash=key.request_hash,
        generation=generation,
        starts={start for start, _ in slots},
        ttl=calendars.key_ttl(now),
    )
    calendars.publish(appointments, calendar.days, published)
    made = [slot_at(item, now) for item in appointments]
    for slot in made:
        changed(slot.id, before=None, after=slot.status, at=now)
    return Published(made, replayed=False)


def _earlier(published: PublishKey, provider_id: str, generation: str, key: CallerKey) -> Published:
    if published.request_hash != key.request_hash:
        raise KeyReused
    now = clock.now()
    found = table.read_many(appointment_key(provider_id, int(start)) for start in published.starts)
    items = [Appointment.from_raw_data(raw) for _, raw in sorted(found.items())]
    slots = [slot_at(item, now) for item in items if item.generation == published.generation]
    return Published(slots, replayed=published.generation != generation)


def _appointment(provider: Provider, slot: Interval, generation: str) -> Appointment:
    start, end = slot
    return Appointment(
        *appointment_key(provider.provider_id, start),
        generation=generation,
        start=clock.iso(start),
        end=clock.iso(end),
        status=AVAILABLE,
        version=1,
        hold_seconds=provider.hold_seconds,
        bookable_until=start - provider.notice_seconds,
        ttl=expires_from_table(clock.iso(end)),
    )


def _checked(interval: Interval, pointer: str, slot_minutes: int | None, now: int) -> list[Interval]:
    if slot_minutes is None:
        check_slot(interval, pointer, now)
        return [interval]
    _check_order_and_time(interval, pointer, now)
    start, end = interval
    slots, left = divmod(end - start, slot_minutes * 60)
    if left:
        raise Invalid("/slotMinutes", f"does not divide {pointer} evenly")
    if slots > MAX_SLOTS:
        raise Invalid("/slots", f"more than {MAX_SLOTS} slots")
    return cut(interval, slot_minutes * 60)


def check_slot(interval: Interval, pointer: str, now: int) -> None:
    """Raises Invalid for what cannot be an appointment: past, too far ahead, too long, or ending before it starts."""
    _check_order_and_time(interval, pointer, now)
    if interval[1] - interval[0] > MAX_SLOT_SECONDS:
        raise Invalid(f"{pointer}/endTime", "is more than 24 hours after startTime")


def _check_order_and_time(interval: Interval, pointer: str, now: int) -> None:
    start, end = interval
    if end <= start:
        raise Invalid(f"{pointer}/endTime", "is not after startTime")
    if start <= now:
        raise Invalid(f"{pointer}/startTime", "is in the past")
    if end > _furthest(now):
        raise Invalid(f"{pointer}/endTime", f"is more than {MAX_YEARS_AHEAD} years ahead")


def _furthest(now: int) -> int:
    return int((datetime.fromtimestamp(now, UTC) + relativedelta(years=MAX_YEARS_AHEAD)).timestamp())
