"""How long a page of bookable slots takes, of how many requests, as a provider's calendar grows and fills up.

On dynalite, whose queries, like DynamoDB's, begin at their place in a sorted store. The floor is Holdfast's first
query of that page, sent by botocore alone. Half of the slots are past.
"""

import random
from collections.abc import Iterator
from itertools import islice
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
BATCH = 25


class Calendar(NamedTuple):
    """A provider with so many slots, so many of them booked."""

    slots: int
    booked_percent: int

    @property
    def provider_id(self) -> str:
        return f"p{self.slots}-{self.booked_percent}"


def fill(calendar: Calendar, bare: Any) -> None:
    """By batches, as an import would."""
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
    items = _items(calendar)
    while batch := list(islice(items, BATCH)):
        sent = {table.table_name: [{"PutRequest": {"Item": item}} for item in batch]}
        answer = bare.batch_write_item(RequestItems=sent)
        if answer["UnprocessedItems"]:
            raise AssertionError(answer)


def _items(calendar: Calendar) -> Iterator[Raw]:
    draw = random.Random(calendar.provider_id)  # noqa: S311  # no secret
    first = clock.now() // slots.SLOT_SECONDS * slots.SLOT_SECONDS - calendar.slots // 2 * slots.SLOT_SECONDS
    for number in range(calendar.slots):
        booked = draw.random() * 100 < calendar.booked_percent
        more = {"status": CONFIRMED, "client_id": f"client-{number}", "nonce": "n"} if booked else {}
        _, item = slots.slot(calendar.provider_id, first + number * slots.SLOT_SECONDS, **more)
        yield item.serialize()


def main() -> None:
    Item.create_table()
    bare = bare_client()
    calendars = [Calendar(size, booked) for size in SIZES for booked in BOOKED_PERCENT]
    for calendar in calendars:
        fill(calendar, bare)
    usual.TABLE = table.table_name
    ways = {"Holdfast": app, "usual way": usual.app}
    caller = token("alice")
    times: dict[tuple[Calendar, str], list[float]] = {}
    requests: dict[tuple[Calendar, str], int] = {}
    found: dict[tuple[Calendar, str], int] = {}
    order = random.Random(1)  # noqa: S311
    for number in range(ROUNDS + WARM):
        if number == WARM:
            times.clear()
        for calendar in order.sample(calendars, len(calendars)):
            sent = event("GET", LIST, caller, query={"limit": str(PAGE)}, ref=calendar.provider_id)
            for name, of in ways.items():
                with counting(table.connection.client, usual.client) as count, captured("Query") as queries:
                    answered = fine(call(of, sent))
                    requests[calendar, name] = count()
                found[calendar, name] = len(answered.body["appointments"])
                times.setdefault((calendar, name), []).append(answered.seconds)
                if queries:
                    first = queries[0]
            times.setdefault((calendar, "floor"), []).append(timed(lambda: bare.query(**first)))  # noqa: B023  # run at once
    report(
        [
            {
                "slots": calendar.slots,
                "booked": calendar.booked_percent,
                "way": name,
                "milliseconds": spread(took),
                "requests": requests.get((calendar, name), 1),
                "found": found.get((calendar, name)),
            }
            for (calendar, name), took in sorted(times.items())
        ]
    )


if __name__ == "__main__":
    main()
