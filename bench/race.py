"""One slot, 64 clients at once: who gets it, and how long those who do not get it wait.

On Moto, in this process, which serves one request at a time; Python lets one thread run at a time. What is compared is
how much each way asks of the engine, and what waiting that makes. Every race must have one winner.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import CONFLICT, CREATED
from threading import Barrier
from time import perf_counter
from typing import Any

from chalice.local import LocalChalice

from app import app
from bench import slots, usual
from bench.calls import Call, Raw, call, event, report, spread, token
from bench.slots import counting
from chalicelib import clock
from local import aws

CLIENTS, RACES, WARM = 64, 20, 2
RESERVE = "/appointments/{ref}/reservations"


class Tally:
    """What became of the races of one way."""

    def __init__(self) -> None:
        self.won: list[float] = []
        self.lost: list[float] = []
        self.last: list[float] = []

    def add(self, answers: list[tuple[Call, float]]) -> None:
        """Raises AssertionError unless one won, and all others lost."""
        winners = [took for answered, took in answers if answered.status == CREATED]
        losers = [took for answered, took in answers if answered.status == CONFLICT]
        if (len(winners), len(losers)) != (1, CLIENTS - 1):
            raise AssertionError([answered.status for answered, _ in answers])
        self.won += winners
        self.lost += losers
        self.last.append(max(losers))

    def report(self) -> Raw:
        """Without the first races, which warm up."""
        won, lost, last = self.won[WARM:], self.lost[WARM * (CLIENTS - 1) :], self.last[WARM:]
        return {"races": len(won), "winner": spread(won), "losers": spread(lost), "last": spread(last)}


def holdfast(limit: int) -> str:
    """A slot that all will want."""
    slots.limit_holds(limit)
    made, item = slots.slot(aws.DEMO_PROVIDER, clock.now() + 86_400)
    item.save()
    return made.id


def usual_way() -> str:
    start = clock.now() + 86_400
    return usual.put_slot("1234", clock.iso(start), clock.iso(start + slots.SLOT_SECONDS))


def race(of: Any, slot: str, tokens: list[str], pool: ThreadPoolExecutor) -> list[tuple[Call, float]]:
    """What each was answered, and how long after the start of all."""
    began = 0.0

    def start() -> None:
        nonlocal began
        began = perf_counter()

    barrier = Barrier(CLIENTS, start)

    def run(sent: Raw) -> tuple[Call, float]:
        barrier.wait()
        answered = call(of, sent)
        return answered, perf_counter() - began

    return list(pool.map(run, [event("POST", RESERVE, one, ref=slot) for one in tokens]))


def main() -> None:
    aws.start()
    slots.without_copies()
    usual.create_tables()
    tokens = [token(f"client-{number}") for number in range(CLIENTS)]
    ways: dict[str, tuple[Any, Any]] = {
        "Holdfast": (app, partial(holdfast, 0)),
        "Holdfast, with the limit of holds": (app, partial(holdfast, 5)),
        "usual way": (usual.app, usual_way),
    }
    tallies = {name: Tally() for name in ways}
    requests: dict[str, list[int]] = {name: [] for name in ways}
    # Chalice keeps the current request on the app, for all threads; its own local server swaps this class in.
    app.__class__ = usual.app.__class__ = LocalChalice
    order = random.Random(1)  # noqa: S311  # no secret
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(RACES + WARM):
            for name in order.sample(sorted(ways), len(ways)):
                slots.empty_all()
                aws.fill()
                of, make = ways[name]
                slot = make()
                with counting() as count:
                    answers = race(of, slot, tokens, pool)
                    requests[name].append(count())
                tallies[name].add(answers)
    report({name: tallies[name].report() | {"requests": sorted(requests[name][WARM:])[RACES // 2]} for name in ways})


if __name__ == "__main__":
    main()
