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

from chalicelib import clock
from chalicelib.settings import SECONDS_PER_DAY, settings
from chalicelib.store import table
from chalicelib.store.items import (
    Appointment,
    Day,
    Provider,
    PublishKey,
    day_key,
    profile_key,
    publish_key,
)
from chalicelib.store.keys import CALLER_KEY_SECONDS


@dataclass(frozen=True, slots=True)
class Calendar:
    """The profile of a provider, some of its days by their date, and what was published under a key."""

    provider: Provider | None
    days: dict[str, Day]
    published: PublishKey | None

    def intervals(self) -> set[tuple[int, int]]:
        """All that stands on these days."""
        return {interval for day in self.days.values() for interval in day.intervals.items()}

    def add(self, interval: tuple[int, int], dates: Iterable[str]) -> None:
        start, end = interval
        for date in dates:
            self.days[date].intervals[start] = end


def read(provider_id: str, dates: Iterable[str], key_hash: str) -> Calendar:
    """In one consistent request. A day that has no item yet is one of version 0, with nothing in it."""
    wanted = {date: day_key(provider_id, date) for date in dates}
    profile, key = profile_key(provider_id), publish_key(provider_id, key_hash)
    found = table.read_many([profile, key, *wanted.values()])
    return Calendar(
        provider=Provider.from_raw_data(found[profile]) if profile in found else None,
        days={date: _day(at, found.get(at)) for date, at in wanted.items()},
        published=PublishKey.from_raw_data(found[key]) if key in found else None,
    )


def _day(at: table.Key, raw: table.Raw | None) -> Day:
    return Day.from_raw_data(raw) if raw else Day(*at, version=0, intervals={})


def read_published(provider_id: str, key_hash: str) -> PublishKey | None:
    raw = table.read(publish_key(provider_id, key_hash))
    return PublishKey.from_raw_data(raw) if raw else None


def publish(appointments: Iterable[Appointment], days: Iterable[Day], key: PublishKey) -> None:
    """All of it or nothing. Raises ConditionFailed when a day has moved, or the key was used meanwhile."""
    first_use = PublishKey.pk.does_not_exist()
    with table.write() as transaction:
        for appointment in appointments:
            transaction.save(appointment)
        for day in days:
            transaction.save(_next_version(day), condition=_unmoved(day))
        transaction.save(key, condition=first_use)


def _next_version(day: Day) -> Day:
    midnight = clock.seconds(f"{day.date}T00:00:00Z")
    return Day(
        day.pk,
        day.sk,
        version=day.version + 1,
        intervals=day.intervals,
        ttl=midnight + SECONDS_PER_DAY + settings.retention_seconds,
    )


def _unmoved(day: Day) -> Condition:
    return Day.version == day.version if day.version else Day.pk.does_not_exist()


def key_ttl(now: int) -> int:
    """When DynamoDB may delete a publish key that was used now."""
    return now + CALLER_KEY_SECONDS
