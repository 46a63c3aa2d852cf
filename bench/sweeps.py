"""What a sweep reads and how long it takes: of 10,000 holds that are over, and of none among 100,000 live ones.

The first on Moto, without the copy of the whole table that Moto makes before each transaction; the floor is one of the
sweep's own transactions, sent by botocore alone. The second on dynalite, whose index, like DynamoDB's, is sorted.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from bench import slots
from bench.calls import Raw, report, spread, timed
from bench.slots import bare_client, captured
from chalicelib import clock
from chalicelib.booking.release import release_lapsed
from chalicelib.booking.sweep import Sweep, sweep
from chalicelib.settings import settings
from chalicelib.store.items import RESERVED, Appointment, expiry_shard
from chalicelib.store.table import Item, table
from local import aws

OVER, LIVE = 10_000, 100_000
PROVIDERS = 50
ROUNDS, WARM = 200, 20
ENDLESS = 86_400.0


def holds(count: int, *, expires_at: int) -> Iterator[Appointment]:
    """Of many providers, on slots that are still to come."""
    start = clock.now() + 86_400
    for number in range(count):
        provider_id = f"p{number % PROVIDERS}"
        _, item = slots.slot(
            provider_id,
            start + number // PROVIDERS * slots.SLOT_SECONDS,
            status=RESERVED,
            nonce=f"nonce{number:011}",
            client_id=f"client-{number}",
            reserved_at=expires_at - slots.HOLD_SECONDS,
            expires_at=expires_at,
            expiry_shard=expiry_shard(provider_id),
        )
        yield item


def swept() -> tuple[Sweep, float]:
    began = perf_counter()
    done = sweep(lambda: ENDLESS, _fail)
    return done, perf_counter() - began


def _fail(_: object, error: Exception) -> None:
    raise error


def over() -> Raw:
    """10,000 to release, in one sweep that has all the time it needs."""
    aws.start()
    slots.without_copies()
    one_by_one = _releases()
    for item in holds(OVER, expires_at=clock.now() - 60):
        item.save()
    with counted() as sent:
        done, seconds = swept()
    if done.released != OVER:
        raise AssertionError(done)
    return {"released": done.released, "seconds": round(seconds, 1), "requests": dict(sent)} | one_by_one


def _releases() -> Raw:
    """One release by Holdfast, and its very transaction sent once more by botocore alone."""
    bare = bare_client()
    releases, floors = [], []
    for item in holds(ROUNDS + WARM, expires_at=clock.now() - 60):
        slots.empty_all()
        item.save()
        with captured("TransactWriteItems") as sent:
            releases.append(timed(lambda: release_lapsed(item, clock.now())))  # noqa: B023  # run at once
        slots.empty_all()
        item.save()
        floors.append(timed(lambda: bare.transact_write_items(**sent[0])))
    slots.empty_all()
    return {"release": spread(releases[WARM:]), "floor": spread(floors[WARM:])}


def none() -> Raw:
    """Nothing to release, before and after there are 100,000 live holds."""
    Item.create_table()
    empty = [swept()[1] for _ in range(ROUNDS + WARM)][WARM:]
    slots.put_all(bare_client(), (item.serialize() for item in holds(LIVE, expires_at=clock.now() + 86_400)))
    with counted() as sent:
        done, _ = swept()
    if done != Sweep():
        raise AssertionError(done)
    full = [swept()[1] for _ in range(ROUNDS + WARM)][WARM:]
    return {"requests": dict(sent), "empty": spread(empty), "full": spread(full)}


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """What is sent within the block, and what the queries looked at."""
    sent: Counter[str] = Counter()
    events = table.connection.client.meta.events

    def count(parsed: Raw, model: Any, **_: object) -> None:
        sent[model.name] += 1
        sent["items looked at"] += parsed.get("ScannedCount", 0)

    events.register("after-call.dynamodb.*", count)
    try:
        yield sent
    finally:
        events.unregister("after-call.dynamodb.*", count)


def main() -> None:
    report(none() if settings.dynamodb_endpoint else over())


if __name__ == "__main__":
    main()
