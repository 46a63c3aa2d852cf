"""How long a page of bookable slots takes, of how many requests, as a provider's calendar grows and fills up.

On dynalite, whose queries, like DynamoDB's, begin at their place in a sorted store. The floor is Holdfast's first
query of that page, sent by botocore alone. Half of the slots are past.
"""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from app import app
from bench import slots, usual
from bench.calls import Raw, call, event, fine, report, spread, timed, token
from bench.slots import bare_client, captured, counting
from chalicelib import clock
from chalicelib.booking.providers import Profile, put_provider
from chalicelib.store.items import CONFIRMED
from chalicelib.store.table import Item, table

SIZES = (1_000, 10_000, 100_000)
BOOKED_PERCENT = (0, 50, 99)
PAGE = 20
ROUNDS, WARM = 150, 15
LIST = "/appointments/{ref}"


class Calendar(NamedTuple):
    """A provider with so many slots, so many of them booked."""

    slots: int
    booked_percent: int

    @property
    def provider_id(self) -> str:
        return f"p{self.slots}-{self.booked_percent}"


def fill(calendar: Calendar, bare: Any) -> None:
    put_provider(
        Profile(
            id=calendar.provider_id,
            name="Practice",
            time_zone="Europe/Vienna",
            hold_seconds=slots.HOLD_SECONDS,
            notice_seconds=0,
            version=0,
        )
    )
    slots.put_all(bare, _items(calendar))


def _items(calendar: Calendar) -> Iterator[Raw]:
    draw = random.Random(calendar.provider_id)  # noqa: S311  # no secret
    # The next one starts in 29 minutes, so that the page stays what it is while it is measured.
    first = clock.now() - 60 - calendar.slots // 2 * slots.SLOT_SECONDS
    for number in range(calendar.slots):
        booked = draw.random() * 100 < calendar.booked_percent
        more = {"status": CONFIRMED, "client_id": f"client-{number}", "nonce": "n"} if booked else {}
        _, item = slots.slot(calendar.provider_id, first + number * slots.SLOT_SECONDS, **more)
        yield item.serialize()


def _event(calendar: Calendar, caller: str) -> Raw:
    return event("GET", LIST, caller, query={"limit": str(PAGE)}, ref=calendar.provider_id)


def _first_query(calendar: Calendar, caller: str) -> Raw:
    with captured("Query") as queries:
        fine(call(app, _event(calendar, caller)))
    return queries[0]


def _asked(of: Any, calendar: Calendar, caller: str) -> tuple[float, tuple[int, int]]:
    """How long it took, how many requests it was, and how many slots it found."""
    with counting() as count:
        answered = fine(call(of, _event(calendar, caller)))
        return answered.seconds, (count(), len(answered.body["appointments"]))


def main() -> None:
    Item.create_table()
    bare = bare_client()
    calendars = [Calendar(size, booked) for size in SIZES for booked in BOOKED_PERCENT]
    for calendar in calendars:
        fill(calendar, bare)
    usual.TABLE = table.table_name
    ways: dict[str, Any] = {"Holdfast": app, "usual way": usual.app, "floor": None}
    caller = token("alice")
    first = {calendar: _first_query(calendar, caller) for calendar in calendars}
    times: dict[tuple[Calendar, str], list[float]] = {}
    seen: dict[tuple[Calendar, str], tuple[int, int]] = {}
    order = random.Random(1)  # noqa: S311  # no secret
    turns = [(calendar, way) for calendar in calendars for way in ways]
    for number in range(ROUNDS + WARM):
        if number == WARM:
            times.clear()
        for calendar, way in order.sample(turns, len(turns)):
            if way == "floor":
                took = timed(lambda: bare.query(**first[calendar]))  # noqa: B023  # run at once
            else:
                took, found = _asked(ways[way], calendar, caller)
                if seen.setdefault((calendar, way), found) != found:
                    raise AssertionError((calendar, way, found))
            times.setdefault((calendar, way), []).append(took)
    report(
        [
            {
                "slots": calendar.slots,
                "booked": calendar.booked_percent,
                "way": name,
                "milliseconds": spread(took),
                "requests": seen.get((calendar, name), (1, 0))[0],
                "found": seen.get((calendar, name), (1, 0))[1],
            }
            for (calendar, name), took in sorted(times.items())
        ]
    )


if __name__ == "__main__":
    main()
