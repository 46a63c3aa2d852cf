"""Publish: put slots into a provider's calendar, all of them or none."""

from dataclasses import dataclass

from chalicelib import clock
from chalicelib.audit import changed
from chalicelib.booking.errors import KeyReused, NotFound, SlotOverlap
from chalicelib.booking.rules import check_ahead, check_room
from chalicelib.booking.state import Slot, slot_at
from chalicelib.intervals import Interval, days_touched, overlapping
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


@dataclass(frozen=True, slots=True)
class Published:
    """Slots made now, or replayed: made by an earlier request under the same key, those that still stand."""

    slots: list[Slot]
    replayed: bool


def publish(provider_id: str, slots: list[Interval], *, key: CallerKey | None = None) -> Published:
    """Publish slots that `rules.cut_into_slots` made.

    Raises NotFound (no such provider), KeyReused, Invalid (a slot is past), SlotOverlap.
    """
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
    # Only now: what was published in time may be asked for again under its key once it has begun.
    check_ahead(slots[0][0], "/slots", now)
    conflicts = overlapping(slots, calendar.intervals())
    if conflicts:
        # The days may have been read after a twin of this request, or its own first try, had written them.
        twin = calendars.read_published(provider_id, key.hash)
        if twin is None:
            raise SlotOverlap(conflicts)
        return _earlier(twin, provider_id, generation, key)

    check_room(max(len(day.intervals) for day in calendar.days.values()), len(slots))
    appointments = [_appointment(calendar.provider, interval, generation) for interval in slots]
    published = PublishKey(
        *idempotency_key(provider_id, key.hash),
        request_hash=key.request_hash,
        generation=generation,
        starts={start for start, _ in slots},
        ttl=calendars.key_ttl(now),
    )
    calendars.publish(appointments, calendar.days, published)
    return _published(appointments, now, replayed=False)


def _earlier(published: PublishKey, provider_id: str, generation: str, key: CallerKey) -> Published:
    if published.request_hash != key.request_hash:
        raise KeyReused
    now = clock.now()
    found = table.read_many(appointment_key(provider_id, int(start)) for start in published.starts)
    items = [Appointment.from_raw_data(raw) for _, raw in sorted(found.items())]
    standing = [item for item in items if item.generation == published.generation]
    return _published(standing, now, replayed=published.generation != generation)


def _published(items: list[Appointment], now: int, *, replayed: bool) -> Published:
    slots = [slot_at(item, now) for item in items]
    if not replayed:
        for slot in slots:
            changed(slot.id, before=None, after=AVAILABLE, at=now)
    return Published(slots, replayed)


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
