"""The same handlers with real threads, real sockets and the SDK's real pauses, on an engine that is not moto.

    ministack                                        # GATEWAY_PORT=4566
    microburst --upstream http://127.0.0.1:4566      # --port 9999: the faults
    DYNAMODB_ENDPOINT=http://127.0.0.1:9999 MAX_LIVE_HOLDS=0 python -m tests.simulation.over_the_wire

No seed repeats this, and nobody sees the order of the requests: it is audited by what was answered, and by what the
API says of every reservation when the faults have stopped.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import pairwise
from random import Random
from typing import Any
from urllib.parse import urlsplit

from chalicelib.store.table import Item
from tests.simulation.chance import chance
from tests.simulation.client import Api, a_request_each_thread
from tests.simulation.history import Action, Answer, Interval, instant, utc
from tests.simulation.run import silent

THREADS, OPERATIONS, SLOTS = 8, 250, 6
HOLD_SECONDS = 2
PROVIDER = f"wire{int(time.time())}"
ADVANCE_SECONDS = 86_400
FAULTS: list[dict[str, Any]] = [
    {"probability": 0.03, "error": {"code": "ThrottlingException"}},
    {"probability": 0.02, "error": {"code": "InternalServerError", "status": 500}},
    {"probability": 0.02, "reset": True},
    # The answer is cut off after the engine has done it.
    {"probability": 0.05, "response": {"abort_frac": 0.0}},
    {"operation": "UpdateItem", "probability": 0.03, "error": {"code": "TransactionConflictException"}},
]


@dataclass
class Client:
    """One thread: what it asked for, and was told."""

    name: str
    slots: list[str]
    random: Random
    api: Api = field(default_factory=Api)
    told: list[tuple[Action, Answer]] = field(default_factory=list)
    mine: list[str] = field(default_factory=list)

    def work(self) -> None:
        for number in range(OPERATIONS):
            self.ask(self.something(number))

    def ask(self, action: Action) -> Answer:
        answer = self.api.ask(action)
        self.told.append((action, answer))
        if action.kind == "reserve" and answer.status == 201:
            self.mine.append(answer.body["reservationId"])
        return answer

    def something(self, number: int) -> Action:
        kind = self.random.choice(("reserve", "reserve", "reserve", "confirm", "cancel", "cancel", "again", "sweep"))
        reserves = [action for action, _ in self.told if action.kind == "reserve"]
        if kind == "sweep" and self.random.random() < 0.3:
            return Action(kind="sweep")
        if kind == "again" and reserves:
            return self.random.choice(reserves[-20:])
        if kind in ("confirm", "cancel") and self.mine:
            return Action(kind=kind, client=self.name, reservation=self.random.choice(self.mine[-4:]))
        key = f"{self.name}-{number}"
        return Action(kind="reserve", client=self.name, slot=self.random.choice(self.slots), key=key)


def main() -> int:
    endpoint = os.environ["DYNAMODB_ENDPOINT"]
    with a_request_each_thread(), silent():
        _rules(endpoint, [])
        clients = [Client(f"client{at}", slots, chance("wire", at)) for slots in [_world()] for at in range(THREADS)]
        _rules(endpoint, [{"service": "dynamodb", **fault} for fault in FAULTS])
        began = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            for work in [pool.submit(client.work) for client in clients]:
                work.result()
        seconds = time.perf_counter() - began
        fired = Counter(fault["action"] for fault in _ask(endpoint, "GET", "/_microburst/fired?limit=100000"))
        _rules(endpoint, [])
        wrong = list(_audit(clients))
    outcomes = Counter(answer.outcome for client in clients for _, answer in client.told)
    for line in (
        f"{outcomes.total()} operations in {seconds:.0f} s: {dict(outcomes)}",
        f"faults: {dict(fired)}",
        *wrong,
    ):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"anomalies: {len(wrong)}\n")
    return 1 if wrong else 0


def _world() -> list[str]:
    """A table with one provider and its slots."""
    if not Item.exists():
        Item.create_table(wait=True)
    api = Api()
    api.ask(Action(kind="put provider", provider=PROVIDER, name="over the wire", terms=(HOLD_SECONDS, 0)))
    first = int(time.time()) + ADVANCE_SECONDS
    intervals = tuple((first + at * 60, first + at * 60 + 60) for at in range(SLOTS))
    made = api.ask(Action(kind="publish", provider=PROVIDER, intervals=intervals))
    return [slot["appointmentId"] for slot in made.body["appointments"]]


def _audit(clients: list[Client]) -> Iterator[str]:
    """In the calm, when every hold is over and a sweep has run."""
    time.sleep(HOLD_SECONDS + 1)  # These clocks are real.
    api = Api()
    api.ask(Action(kind="sweep"))
    every = {body["reservationId"]: body for client in clients for body in _all_of(api, client.name)}
    for client in clients:
        yield from _of_client(client, every)
    for slot in clients[0].slots:
        yield from _of_slot(slot, [body for body in every.values() if body["appointmentId"] == slot])
    standing = api.ask(Action(kind="calendar", provider=PROVIDER)).body["appointments"]
    for slot in clients[0].slots:
        shown = next(body for body in standing if body["appointmentId"] == slot)
        if shown["status"] == "reserved":
            yield f"6: {slot} is stuck"
        if shown["status"] == "available" and api.ask(Action(kind="reserve", slot=slot, client="calm")).status != 201:
            yield f"6: {slot} is free, and cannot be reserved"


def _all_of(api: Api, client: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        body = api.ask(Action(kind="own list", client=client, name=cursor)).body
        found += body["reservations"]
        if body["nextCursor"] is None:
            return found
        cursor = body["nextCursor"]


def _of_client(client: Client, every: dict[str, Any]) -> Iterator[str]:
    """Nothing that it was told is lost, and no key made two."""
    won: dict[str, str] = {}
    for action, answer in client.told:
        if answer.status == 500:
            yield f"2: {action}: 500"
        if action.kind == "sweep" or answer.status >= 400:
            continue
        made = answer.body["reservationId"]
        if made not in every:
            yield f"3: {action}: {made} is lost"
        elif action.kind == "confirm" and every[made]["status"] not in ("confirmed", "cancelled"):
            yield f"4: {made} was confirmed, and is {every[made]['status']}"
        elif action.kind == "cancel" and every[made]["status"] != "cancelled":
            yield f"3: {made} was cancelled, and is {every[made]['status']}"
        if action.key and won.setdefault(action.key, made) != made:
            yield f"5: {action.key} made {won[action.key]} and {made}"


def _of_slot(slot: str, reservations: list[dict[str, Any]]) -> Iterator[str]:
    """Nobody had it while another had it."""
    lives = sorted(_life(body) for body in reservations)
    for earlier, later in pairwise(lives):
        if later[0] < earlier[1]:
            yield f"1: {slot} was held at {utc(later[0])} by two"


def _life(body: dict[str, Any]) -> Interval:
    start = instant(body["reservedAt"])
    return start, instant(body["endedAt"]) if "endedAt" in body else sys.maxsize


def _rules(endpoint: str, rules: list[dict[str, Any]]) -> None:
    _ask(endpoint, "POST", "/_microburst/rules", rules)


def _ask(endpoint: str, method: str, path: str, body: Any = None) -> Any:
    connection = HTTPConnection(urlsplit(endpoint).netloc, timeout=10)
    connection.request(method, path, json.dumps(body) if body is not None else None)
    return json.loads(connection.getresponse().read())


if __name__ == "__main__":
    sys.exit(main())
