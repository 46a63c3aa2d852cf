"""What the operations cost in DynamoDB's request units, from the app's own requests and the sizes of its own items.

This runs each operation on Moto, compares the tables before and after each request, and counts as AWS bills: a
write unit for each KB of an item, twice in a transaction, and one for each index entry that it changes; a read unit for
4 KB, twice in a transaction, half where an index is read. `make bench` runs it.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chalice.test import Client

from app import app
from bench import calls, usual
from chalicelib import clock
from chalicelib.booking.sweep import sweep
from chalicelib.settings import settings
from chalicelib.store.table import ClientIndex, ExpiryIndex, table
from local import aws, issuer

START = 1_798_790_400
"""2027-01-01T08:00:00Z."""
PROVIDER = "1234567890abcdef1234567890abcdef"
CLIENT = "client:fedcba0987654321fedcba0987654321"
INDEXES = (("client_id", "start", ClientIndex), ("expiry_shard", "expires_at", ExpiryIndex))
READS = {"GetItem", "BatchGetItem", "Query", "TransactGetItems"}
Item = dict[str, Any]
Items = dict[tuple[str, str], Item]
TABLES = {table.table_name: ("pk", "sk"), usual.TABLE: ("pk", "sk"), usual.RECORDS: ("id",)}


@dataclass(slots=True)
class Units:
    """Request units, and the requests that they are of."""

    reads: float = 0
    writes: float = 0
    requests: int = 0


def size(item: Item) -> int:
    """In bytes, by DynamoDB's rules."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: Item) -> int:
    [(kind, content)] = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content.strip("-0.")) // 2 + 2
    if kind == "NS":
        return sum(value_size({"N": number}) for number in content) + 3
    return 3 + sum(len(name.encode()) + value_size(inner) + 1 for name, inner in content.items())


def write_units(before: Items, after: Items, times: int) -> float:
    """Of what is different; `times` is 2 for a transaction, whose index entries cost what they always do."""
    units = 0.0
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        units += times * max(kilobytes(old), kilobytes(new))
        units += sum(index_units(entry(old, *index), entry(new, *index)) for index in INDEXES)
    return units


def kilobytes(item: Item | None) -> int:
    return math.ceil(size(item) / 1_024) if item else 0


def entry(item: Item | None, hash_key: str, range_key: str, index: Any) -> Item | None:
    """What the index holds of an item."""
    if item is None or hash_key not in item or range_key not in item:
        return None
    names = {"pk", "sk", hash_key, range_key, *index.Meta.projection.non_key_attributes}
    held = {name: value for name, value in item.items() if name in names}
    return held | {"": {"S": json.dumps([item[hash_key], item[range_key]])}}


def index_units(old: Item | None, new: Item | None) -> int:
    if old == new:
        return 0
    moved = old is not None and new is not None and old[""] != new[""]
    return 2 if moved else 1


def read_units(operation: str, sent: Item, answer: Item) -> float:
    if operation == "Query":
        whole = sum(size(item) for item in answer["Items"])
        return max(1, math.ceil(whole / 4_096)) * (0.5 if "IndexName" in sent else 1)
    if operation == "TransactGetItems":
        return sum(2 * read_size(one.get("Item")) for one in answer["Responses"])
    if operation == "BatchGetItem":
        asked: int = sum(len(one["Keys"]) for one in sent["RequestItems"].values())
        found: list[int] = [read_size(item) for some in answer["Responses"].values() for item in some]
        return sum(found) + asked - len(found)
    return read_size(answer.get("Item"))


def read_size(item: Item | None) -> int:
    return max(1, math.ceil(size(item or {}) / 4_096))


def items() -> Items:
    """All that there is, in each table."""
    return {
        (name, json.dumps([item[key] for key in keys])): item
        for name, keys in TABLES.items()
        for item in usual.client.scan(TableName=name)["Items"]
    }


@contextmanager
def counted() -> Iterator[Units]:
    """The units of all that is sent within the block."""
    units = Units()
    sent: list[Item] = []
    stood: list[Items] = []

    def before(params: Item, model: Any, **_: object) -> None:
        if model.name != "Scan":
            units.requests += 1
            sent.append(json.loads(params["body"]))
            stood.append(items())

    def after(parsed: Item, model: Any, **_: object) -> None:
        if model.name == "Scan":
            return
        times = 2 if model.name == "TransactWriteItems" else 1
        if model.name in READS:
            units.reads += read_units(model.name, sent[-1], parsed)
        elif "Error" in parsed:
            # A condition that fails is billed as the write that it kept from being done.
            units.writes += times * len(sent[-1].get("TransactItems", [None]))
        else:
            units.writes += write_units(stood[-1], items(), times)

    clients = (table.connection.client, usual.client)
    for client in clients:
        client.meta.events.register("before-call.dynamodb.*", before)
        client.meta.events.register("after-call.dynamodb.*", after)
    try:
        yield units
    finally:
        for client in clients:
            client.meta.events.unregister("before-call.dynamodb.*", before)
            client.meta.events.unregister("after-call.dynamodb.*", after)


class Api:
    def __init__(self) -> None:
        self._http = Client(app, stage_name="local").http

    def __call__(self, method: str, path: str, who: str, body: Any = None) -> Any:
        role, _, caller_id = who.partition(":")
        token = issuer.token(settings.jwt_issuer, role, caller_id)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if "/appointments/" in path and method in ("PATCH", "DELETE"):
            headers["If-Match"] = "*"
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self._http.request(method, path, headers=headers, body=raw)
        if answer.status_code not in (200, 201, 204, 409):
            raise AssertionError(answer.body)
        return answer.json_body


def day(api: Api, now: list[int]) -> Iterator[tuple[str, Callable[[], object]]]:
    """The operations in an order in which each finds what it needs: a provider with 16 slots a day."""
    who = f"provider:{PROVIDER}"
    slots: list[str] = []
    held: list[str] = []

    def publish() -> None:
        interval = {"startTime": "2027-01-04T08:00:00Z", "endTime": "2027-01-04T16:00:00Z"}
        body = {"providerId": PROVIDER, "slots": [interval], "slotMinutes": 30}
        slots.extend(slot["appointmentId"] for slot in api("POST", "/appointments", who, body)["appointments"])

    def reserve(slot: int, client: str = CLIENT) -> None:
        answer = api("POST", f"/appointments/{slots[slot]}/reservations", client)
        if "code" not in answer:
            held.append(answer["reservationId"])

    def lapse() -> None:
        now[0] += 3_600
        sweep(lambda: 60, fail)

    profile = {"name": "Dr. Practice of the Example", "timeZone": "Europe/Vienna"}
    yield "put a provider", lambda: api("PUT", f"/providers/{PROVIDER}", "admin:root", profile)
    yield "publish a day (16 slots)", publish
    yield "list a page (10 slots)", lambda: api("GET", f"/appointments/{PROVIDER}?limit=10", CLIENT)
    yield "reserve", lambda: reserve(0)
    yield "reserve, too late", lambda: reserve(0, "client:other")
    yield "confirm", lambda: api("PUT", f"/reservations/{held[0]}/confirm", CLIENT)
    yield "read a reservation", lambda: api("GET", f"/reservations/{held[0]}", CLIENT)
    yield "my reservations", lambda: api("GET", "/reservations?limit=10", CLIENT)
    yield "calendar, a page of 16", lambda: api("GET", f"/providers/{PROVIDER}/appointments?limit=16", who)
    yield "cancel", lambda: api("DELETE", f"/reservations/{held[0]}", CLIENT)
    yield "(reserve)", lambda: reserve(1)
    yield "expire (a sweep with one hold)", lapse
    yield "a sweep with none", lapse
    move = {"startTime": "2027-01-05T09:00:00Z", "endTime": "2027-01-05T09:30:00Z"}
    yield "move", lambda: api("PATCH", f"/providers/{PROVIDER}/appointments/{slots[2]}", who, move)
    yield "delete", lambda: api("DELETE", f"/providers/{PROVIDER}/appointments/{slots[3]}", who)
    yield "health", lambda: api("GET", "/health", CLIENT)


def fail(_: object, error: Exception) -> None:
    raise error


def the_usual_way() -> Iterator[tuple[str, Callable[[], object]]]:
    """What of the day it has."""
    start = clock.now() + 86_400
    ref = usual.put_slot(PROVIDER, clock.iso(start), clock.iso(start + 1_800))
    mine, other = calls.token(CLIENT.partition(":")[2]), calls.token("other")
    held: list[str] = []

    def reserve(token: str) -> None:
        answered = calls.call(usual.app, calls.event("POST", "/appointments/{ref}/reservations", token, ref=ref))
        held.append(answered.body.get("reservationId"))

    def confirm() -> None:
        sent = calls.event("PUT", "/reservations/{reservation}/confirm", mine, reservation=held[0])
        calls.fine(calls.call(usual.app, sent))

    yield "usual: reserve", lambda: reserve(mine)
    yield "usual: reserve, too late", lambda: reserve(other)
    yield "usual: confirm", confirm


def main() -> None:
    aws.start()
    usual.create_tables()
    now = [START]
    with clock.running_on(lambda: now[0]):
        measured = dict(measure(day(Api(), now)))
    measured |= dict(measure(the_usual_way()))
    kinds = ("PROFILE", "APPT#", "DAY#", "ENDED#", "KEY#")
    sizes = {
        kind: max(size(item) for item in items().values() if item.get("sk", {"S": ""})["S"].startswith(kind))
        for kind in kinds
    }
    calls.report({"operations": measured, "bytes": sizes})


def measure(operations: Iterable[tuple[str, Callable[[], object]]]) -> Iterator[tuple[str, list[float]]]:
    """The requests of each, its read and its write units."""
    for name, operation in operations:
        with counted() as units:
            operation()
        yield name, [units.requests, units.reads, units.writes]


if __name__ == "__main__":
    main()
