"""The figures of the way on PostgreSQL: reserve, confirm, a lost race, 64 clients at one slot, a list, a sweep.

The handlers are called as an ASGI server calls them, in this process. The floor is one bare conditional UPDATE.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable
from time import perf_counter
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.sql import SQL

from bench import lists, race, sweeps
from bench.asgi import ask
from bench.calls import Call, Raw, report, spread, token
from bench.relational import SCHEMA, SWEEP, app, pool

ROUNDS, WARM = 400, 40
SEED = """
INSERT INTO appointment (provider_id, during, status)
SELECT %(provider)s, tstzrange(start, start + interval '30 minutes'),
    CASE WHEN random() * 100 < %(booked)s THEN 'confirmed' ELSE 'available' END
FROM generate_series(0, %(slots)s - 1) AS number,
    LATERAL (SELECT date_trunc('hour', now()) + (number - %(slots)s / 2) * interval '30 minutes' AS start) AS at
"""
HOLDS = """
WITH made AS (
    INSERT INTO appointment (provider_id, during, status, expires_at)
    SELECT 'p' || number %% %(providers)s, tstzrange(start, start + interval '30 minutes'), 'reserved', %(until)s
    FROM generate_series(0, %(count)s - 1) AS number, LATERAL (
        SELECT now() + interval '1 day' + number / %(providers)s * interval '30 minutes' AS start
    ) AS at
    RETURNING id
)
INSERT INTO reservation (appointment_id, client_id, expires_at) SELECT id, 'client', %(until)s FROM made
"""


async def call(method: str, path: str, caller: str, query: str = "") -> Call:
    """What the app answers, and after how long."""
    began = perf_counter()
    status, body = await ask(app, method, path, caller, query)
    return Call(status, body, perf_counter() - began)


async def handlers(floor: AsyncConnection[Any]) -> Raw:
    times: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(ROUNDS + WARM):
        slot, bare = await slots(floor, f"h{number}", 2)
        mine, other = token(f"client-{number}"), token(f"other-{number}")
        reserved = await call("POST", f"/appointments/{slot}/reservations", mine)
        lost = await call("POST", f"/appointments/{slot}/reservations", other)
        confirmed = await call("PUT", f"/reservations/{reserved.body['id']}/confirm", mine)
        if (reserved.status, lost.status, confirmed.status) != (201, 409, 200):
            raise AssertionError((reserved, lost, confirmed))
        for name, rows in (("floor", 1), ("floor of a lost race", 0)):
            began = perf_counter()
            written = await floor.execute(
                "UPDATE appointment SET status = 'reserved', expires_at = now() + interval '30 minutes'"
                " WHERE id = %s AND status = 'available'",
                (bare,),
            )
            times[name].append(perf_counter() - began)
            if written.rowcount != rows:
                raise AssertionError(written)
        for name, answered in (("reserve", reserved), ("lost race", lost), ("confirm", confirmed)):
            times[name].append(answered.seconds)
    return {name: spread(took[WARM:]) for name, took in times.items()}


async def slots(connection: AsyncConnection[Any], provider_id: str, count: int) -> list[int]:
    rows = await connection.execute(
        "INSERT INTO appointment (provider_id, during) SELECT %s, tstzrange(start, start + interval '30 minutes')"
        " FROM generate_series(now() + interval '1 day', now() + interval '1 day' + (%s - 1) * interval '30 minutes',"
        " interval '30 minutes') AS start RETURNING id",
        (provider_id, count),
    )
    return [row[0] for row in await rows.fetchall()]


async def races(connection: AsyncConnection[Any]) -> Raw:
    tally = race.Tally()
    tokens = [token(f"client-{number}") for number in range(race.CLIENTS)]
    for number in range(race.RACES + race.WARM):
        [slot] = await slots(connection, f"r{number}", 1)
        path = f"/appointments/{slot}/reservations"
        began = perf_counter()
        answers = await asyncio.gather(*(_until(call("POST", path, one), began) for one in tokens))
        tally.add(answers)
    return tally.report()


async def _until(what: Awaitable[Call], began: float) -> tuple[Call, float]:
    return await what, perf_counter() - began


async def pages(connection: AsyncConnection[Any]) -> list[Raw]:
    await connection.execute("SELECT setseed(0.5)")
    calendars = [lists.Calendar(size, booked) for size in lists.SIZES for booked in lists.BOOKED_PERCENT]
    for calendar in calendars:
        wanted = {"provider": calendar.provider_id, "booked": calendar.booked_percent, "slots": calendar.slots}
        await connection.execute(SEED, wanted)
    await connection.execute("ANALYZE appointment")
    times: defaultdict[lists.Calendar, list[float]] = defaultdict(list)
    caller = token("alice")
    order = random.Random(1)  # noqa: S311  # no secret
    found: dict[lists.Calendar, int] = {}
    for _ in range(lists.ROUNDS + lists.WARM):
        for calendar in order.sample(calendars, len(calendars)):
            answered = await call("GET", f"/appointments/{calendar.provider_id}", caller, f"limit={lists.PAGE}")
            times[calendar].append(answered.seconds)
            found[calendar] = len(answered.body)
    return [
        {
            "slots": calendar.slots,
            "booked": calendar.booked_percent,
            "milliseconds": spread(took[lists.WARM :]),
            "found": found[calendar],
        }
        for calendar, took in times.items()
    ]


async def sweep_times(connection: AsyncConnection[Any]) -> Raw:
    over = {"providers": sweeps.PROVIDERS, "count": sweeps.OVER, "until": "-infinity"}
    await connection.execute("TRUNCATE appointment, reservation")
    await connection.execute(HOLDS, over)
    await connection.execute("ANALYZE")
    began = perf_counter()
    await connection.execute(SWEEP)
    seconds = perf_counter() - began
    rows = await connection.execute("SELECT count(*) FROM reservation WHERE status = 'expired'")
    released = await rows.fetchone()
    if released != (sweeps.OVER,):
        raise AssertionError(released)
    await connection.execute("TRUNCATE appointment, reservation")
    await connection.execute(HOLDS, over | {"count": sweeps.LIVE, "until": "infinity"})
    await connection.execute("ANALYZE")
    full = []
    for _ in range(sweeps.ROUNDS):
        began = perf_counter()
        await connection.execute(SWEEP)
        full.append(perf_counter() - began)
    return {"released": sweeps.OVER, "seconds": round(seconds, 3), "full": spread(full)}


async def measure() -> Raw:
    async with pool, await AsyncConnection.connect("", autocommit=True) as connection:
        await connection.execute("SELECT 1")
        return {
            "handlers": await handlers(connection),
            "race": await races(connection),
            "lists": await pages(connection),
            "sweeps": await sweep_times(connection),
        }


def main() -> None:
    with Connection.connect("", autocommit=True) as connection:
        connection.execute(SQL(SCHEMA))
    report(asyncio.run(measure()))


if __name__ == "__main__":
    main()
