"""The writes on a provider's calendar: what may stand in it together.

Every appointment's interval stands in the item of each UTC day that it touches. Whoever adds or removes
appointments writes those days too, each on the condition that it is still the version that was read:

    publish A    reads the days ------------------------ writes them
    publish B             reads the days   writes them       the version has moved: A reads again

so of two writes that overlap, the later one sees the earlier.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from chalicelib import clock
from chalicelib.intervals import Interval, days_touched
from chalicelib.settings import SECONDS_PER_DAY, settings
from chalicelib.store import table
from chalicelib.store.appointments import expires_from_table, same_slot
from chalicelib.store.ids import AppointmentId
from chalicelib.store.items import (
    Appointment,
    Day,
    Provider,
    PublishKey,
    appointment_key,
    day_key,
    idempotency_key,
    profile_key,
)
from chalicelib.store.keys import CALLER_KEY_SECONDS


@dataclass(frozen=True, slots=True)
class Days:
    """Some days of a calendar, by their dates."""

    days: dict[str, Day]

    def intervals(self) -> set[Interval]:
        """All that stands on these days."""
        return {interval for day in self.days.values() for interval in day.intervals.items()}


@dataclass(frozen=True, slots=True)
class ToPublish(Days):
    """The days that a publish touches, the provider, and what was published under the key before."""

    provider: Provider | None
    published: PublishKey | None


@dataclass(frozen=True, slots=True)
class ToMove(Days):
    """The days around an appointment and around where it is to go, it, and what of that generation is there."""

    appointment: Appointment | None
    target: Appointment | None


def read_to_publish(provider_id: str, dates: Iterable[str], key_hash: str) -> ToPublish:
    """In one consistent request."""
    profile, key = profile_key(provider_id), idempotency_key(provider_id, key_hash)
    found, days = _read(provider_id, dates, profile, key)
    return ToPublish(
        days,
        provider=Provider.from_raw_data(found[profile]) if profile in found else None,
        published=PublishKey.from_raw_data(found[key]) if key in found else None,
    )


def read_to_move(appointment_id: AppointmentId, target: AppointmentId, dates: Iterable[str]) -> ToMove:
    """In one consistent request."""
    here = appointment_key(appointment_id.provider_id, appointment_id.start)
    there = appointment_key(target.provider_id, target.start)
    found, days = _read(appointment_id.provider_id, dates, here, there)
    return ToMove(
        days,
        appointment=same_slot(found.get(here), appointment_id),
        target=same_slot(found.get(there), target),
    )


def _read(
    provider_id: str, dates: Iterable[str], *others: table.Key
) -> tuple[dict[table.Key, table.Raw], dict[str, Day]]:
    """The items, and the days by their dates; one that has no item yet is of version 0, with nothing in it."""
    wanted = {date: day_key(provider_id, date) for date in dates}
    found = table.read_many({*others, *wanted.values()})
    days = {
        date: Day.from_raw_data(found[at]) if at in found else Day(*at, version=0, intervals={})
        for date, at in wanted.items()
    }
    return found, days


def read_published(provider_id: str, key_hash: str) -> PublishKey | None:
    raw = table.read(idempotency_key(provider_id, key_hash))
    return PublishKey.from_raw_data(raw) if raw else None


def publish(appointments: list[Appointment], days: dict[str, Day], key: PublishKey) -> None:
    """All of it or nothing. Raises ConditionFailed when a day has moved, or the key was used meanwhile."""
    first_use = PublishKey.pk.does_not_exist()
    with table.write() as transaction:
        for appointment in appointments:
            transaction.save(appointment)
        _put_days(transaction, days, add=[_interval(appointment) for appointment in appointments])
        transaction.save(key, condition=first_use)


def move(
    item: Appointment, target: AppointmentId, interval: Interval, days: dict[str, Day], *, mark: str
) -> Appointment:
    """Put the slot there instead, marked. Raises ConditionFailed when a day has moved, or anything befell the slot.

    the provider     reads the slot, free -------------------- writes it elsewhere
    a client              reserves it                               unchanged
    the provider          deletes it, publishes another there       same_slot
    """
    start, end = interval
    stays = target == item.appointment_id
    moved = Appointment(
        *appointment_key(target.provider_id, start),
        generation=target.generation,
        start=clock.iso(start),
        end=clock.iso(end),
        status=item.status,
        version=item.version + 1,
        edit=mark,
        hold_seconds=item.hold_seconds,
        # Its own notice period goes with it.
        bookable_until=item.bookable_until + start - clock.seconds(item.start),
        # Keys are of a slot, and a new start is another slot.
        keys=item.keys if stays else {},
        spilled_until=item.spilled_until if stays else None,
        ttl=expires_from_table(clock.iso(end)),
    )
    with table.write() as transaction:
        if stays:
            transaction.save(moved, condition=_untouched(item))
        else:
            transaction.delete(item, condition=_untouched(item))
            transaction.save(moved)
        _put_days(transaction, days, remove=[_interval(item)], add=[interval])
    return moved


def delete(item: Appointment, days: dict[str, Day]) -> None:
    """Raises ConditionFailed when a day has moved, or anything befell the slot; see `move`."""
    with table.write() as transaction:
        transaction.delete(item, condition=_untouched(item))
        _put_days(transaction, days, remove=[_interval(item)])


def _untouched(item: Appointment) -> Condition:
    same_slot = Appointment.generation == item.generation
    # Whatever is done to a slot moves its version, so this says `still available` too.
    unchanged = Appointment.version == item.version
    condition: Condition = same_slot & unchanged
    return condition


def _put_days(
    transaction: TransactWrite,
    days: dict[str, Day],
    *,
    remove: Iterable[Interval] = (),
    add: Iterable[Interval] = (),
) -> None:
    """Write the days that these intervals touch, each on the condition that nobody has since it was read."""
    touched = set()
    for interval in remove:
        for date in days_touched(interval):
            days[date].intervals.pop(interval[0], None)
            touched.add(date)
    for start, end in add:
        for date in days_touched((start, end)):
            days[date].intervals[start] = end
            touched.add(date)
    for date in sorted(touched):
        day = days[date]
        unmoved = Day.version == day.version if day.version else Day.pk.does_not_exist()
        midnight = clock.seconds(f"{date}T00:00:00Z")
        written = Day(
            day.pk,
            day.sk,
            version=day.version + 1,
            intervals=day.intervals,
            ttl=midnight + SECONDS_PER_DAY + settings.retention_seconds,
        )
        transaction.save(written, condition=unmoved)


def _interval(item: Appointment) -> Interval:
    return clock.seconds(item.start), clock.seconds(item.end)


def key_ttl(now: int) -> int:
    """When DynamoDB may delete a publish key that was used now."""
    return now + CALLER_KEY_SECONDS
