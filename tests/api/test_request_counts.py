"""DESIGN's table of what each operation asks of DynamoDB, request by request."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.store.table import EXPIRY_SHARDS, table
from chalicelib.web.schedule import sweep_and_log
from tests.support import ADMIN, Api, Clock, DynamoDB, client, provider

PROFILE = {"name": "Demo", "timeZone": "Europe/Vienna"}
LIMIT_READ = "Query"
"""How much the client holds: one read of an index, before the write that reserves."""


class Invocation:
    """A Lambda with time to spare."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass(frozen=True)
class World:
    """Slots free, held by alice, confirmed for alice, and with a hold of hers that is over."""

    api: Api
    free: str
    taken: str
    held: str
    confirmed: str
    lapsed_slot: str
    lapsed: str

    def path(self, slot: str) -> str:
        return f"/providers/1234/appointments/{slot}"


@pytest.fixture
def world(api: Api, clock: Clock) -> World:
    published = api.publish(*((f"2027-01-02T{hour}:00:00Z", f"2027-01-02T{hour}:30:00Z") for hour in range(10, 14)))
    free, taken, booked, lapsed_slot = (slot["appointmentId"] for slot in published.json_body["appointments"])
    lapsed = api.a_hold(lapsed_slot)
    clock.advance(minutes=30)
    confirmed = api.a_hold(booked)
    api.confirm(confirmed)
    return World(api, free, taken, api.a_hold(taken), confirmed, lapsed_slot, lapsed)


Operation = Callable[[World], object]
WRITE = "TransactWriteItems"
COUNTS: dict[str, tuple[Operation, list[str]]] = {
    "publish": (lambda w: w.api.a_slot(), ["BatchGetItem", WRITE]),
    "publish 90 slots": (
        lambda w: w.api.publish(("2027-01-05T09:00:00Z", "2027-01-05T10:30:00Z"), slotMinutes=1),
        ["BatchGetItem", WRITE],
    ),
    "publish what overlaps": (
        lambda w: w.api.publish(("2027-01-02T10:00:00Z", "2027-01-02T10:30:00Z")),
        ["BatchGetItem", "GetItem"],
    ),
    "list": (lambda w: w.api.bookable(), ["Query"]),
    "list what is empty": (
        lambda w: w.api.get("/appointments/1234?limit=9&start=2028-01-01T00:00:00Z", client()),
        ["Query", "GetItem"],
    ),
    "list of an unknown provider": (lambda w: w.api.get("/appointments/0?limit=9", client()), ["Query", "GetItem"]),
    "reserve": (lambda w: w.api.reserve(w.free), [LIMIT_READ, "UpdateItem"]),
    "reserve under a key": (lambda w: w.api.reserve(w.free, Idempotency_Key="k"), [LIMIT_READ, "UpdateItem"]),
    "reserve at a version": (lambda w: w.api.reserve(w.free, If_Match='"1"'), [LIMIT_READ, "UpdateItem"]),
    "reserve what is held": (lambda w: w.api.reserve(w.taken, client("bob")), [LIMIT_READ, "UpdateItem"]),
    "reserve what is not there": (
        lambda w: w.api.reserve(w.free[:12] + "A" * 8 + w.free[20:]),
        [LIMIT_READ, "UpdateItem"],
    ),
    "reserve over a lapsed hold": (
        lambda w: w.api.reserve(w.lapsed_slot, client("bob")),
        [LIMIT_READ, "UpdateItem", WRITE, "UpdateItem"],
    ),
    "confirm": (lambda w: w.api.confirm(w.held), ["UpdateItem"]),
    "confirm by the provider": (lambda w: w.api.confirm(w.held, provider()), ["UpdateItem"]),
    "confirm again": (lambda w: w.api.confirm(w.confirmed), ["UpdateItem"]),
    "confirm what has lapsed": (lambda w: w.api.confirm(w.lapsed), ["UpdateItem"]),
    "confirm another's": (lambda w: w.api.confirm(w.held, client("bob")), ["UpdateItem"]),
    "cancel a hold": (lambda w: w.api.cancel(w.held), ["TransactGetItems", WRITE]),
    "cancel a booking": (lambda w: w.api.cancel(w.confirmed), ["TransactGetItems", WRITE]),
    "cancel what has lapsed": (lambda w: w.api.cancel(w.lapsed), ["TransactGetItems"]),
    "cancel another's": (lambda w: w.api.cancel(w.held, client("bob")), ["TransactGetItems"]),
    "read a reservation": (lambda w: w.api.read(w.held), ["TransactGetItems"]),
    "read a lapsed one": (lambda w: w.api.read(w.lapsed), ["TransactGetItems"]),
    "my reservations": (lambda w: w.api.get("/reservations?limit=9", client()), ["Query"]),
    "calendar": (lambda w: w.api.get("/providers/1234/appointments?limit=9", provider()), ["Query"]),
    "one appointment": (lambda w: w.api.get(w.path(w.free), provider()), ["GetItem"]),
    "move": (
        lambda w: w.api.patch(
            w.path(w.free),
            provider(),
            {"startTime": "2027-01-06T09:00:00Z", "endTime": "2027-01-06T09:30:00Z"},
            If_Match='"1"',
        ),
        ["BatchGetItem", WRITE],
    ),
    "lengthen": (
        lambda w: w.api.patch(w.path(w.free), provider(), {"endTime": "2027-01-02T10:40:00Z"}, If_Match='"1"'),
        ["BatchGetItem", WRITE],
    ),
    "delete": (lambda w: w.api.delete(w.path(w.free), provider(), If_Match='"1"'), ["BatchGetItem", WRITE]),
    "delete under a lapsed hold": (
        lambda w: w.api.delete(w.path(w.lapsed_slot), provider(), If_Match="*"),
        ["BatchGetItem", WRITE, "BatchGetItem", WRITE],
    ),
    "profile": (lambda w: w.api.get("/providers/1234", client()), ["GetItem"]),
    "put a profile": (lambda w: w.api.put("/providers/1234", ADMIN, PROFILE), ["UpdateItem"]),
    "health": (lambda w: w.api.get("/health", None), ["GetItem"]),
    "sweep": (lambda _: sweep_and_log(Invocation()), ["Query"] * EXPIRY_SHARDS + [WRITE]),
}


@pytest.mark.parametrize(("operation", "requests"), COUNTS.values(), ids=COUNTS)
def test_an_operation_asks_no_more_than_it_must(
    world: World, dynamodb: DynamoDB, operation: Operation, requests: list[str]
) -> None:
    with dynamodb.recorded() as sent:
        operation(world)

    assert sorted(sent) == sorted(requests)


def test_a_sweep_of_nothing_looks_into_each_shard_once(dynamodb: DynamoDB) -> None:
    with dynamodb.recorded() as sent:
        sweep_and_log(Invocation())

    assert sent == ["Query"] * EXPIRY_SHARDS


def test_a_lost_race_costs_one_write(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    with dynamodb.recorded() as sent, dynamodb.before("UpdateItem", lambda: api.reserve(slot, client("carol"))):
        answer = api.reserve(slot, client("bob"))

    assert answer.status_code == 409
    assert sorted(sent) == [LIMIT_READ] * 2 + ["UpdateItem"] * 2


def test_a_replay_of_a_reserve_costs_one_write(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    api.reserve(slot, Idempotency_Key="k")

    with dynamodb.recorded() as sent:
        answer = api.reserve(slot, Idempotency_Key="k")

    assert answer.headers["Idempotency-Replayed"] == "true"
    assert sent == [LIMIT_READ, "UpdateItem"]


def test_a_list_of_which_most_is_booked_asks_four_times_at_the_most(api: Api, dynamodb: DynamoDB) -> None:
    last = api.a_slot("2027-01-03T09:00:00Z", "2027-01-03T09:30:00Z")
    [raw] = dynamodb.items("APPT#")
    for hour in range(8, 19):
        starts = [f"2027-01-02T{hour:02}:{minute:02}:00Z" for minute in range(25)]
        booked = [raw | {"sk": {"S": f"APPT#{start}"}, "status": {"S": "confirmed"}} for start in starts]
        table.batch_write_item(put_items=booked)

    with dynamodb.recorded() as sent:
        page = api.get("/appointments/1234?limit=1", client()).json_body

    assert sent == ["Query"] * 4
    assert page["appointments"] == []
    rest = api.get(f"/appointments/1234?limit=1&cursor={page['nextCursor']}", client()).json_body
    assert [slot["appointmentId"] for slot in rest["appointments"]] == [last]


def test_a_list_looks_no_further_than_it_must(api: Api, dynamodb: DynamoDB) -> None:
    """Two of three slots are booked: of the first 20 it gets 7, and looks at 13 more for the other 3."""
    api.a_slot("2027-01-03T09:00:00Z", "2027-01-03T09:30:00Z")
    [raw] = dynamodb.items("APPT#")
    for minute in range(60):
        status = {"S": "confirmed" if minute % 3 else "available"}
        item = raw | {"sk": {"S": f"APPT#2027-01-02T09:{minute:02}:00Z"}, "status": status}
        table.batch_write_item(put_items=[item])

    with dynamodb.parameters() as sent:
        page = api.get("/appointments/1234?limit=10", client()).json_body

    assert [params["Limit"] for params in sent] == [20, 13]
    assert len(page["appointments"]) == 10


def test_a_list_looks_much_further_where_all_is_booked(api: Api, dynamodb: DynamoDB) -> None:
    api.a_slot("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z")
    last = api.a_slot("2027-01-03T09:00:00Z", "2027-01-03T09:30:00Z")
    [raw, _] = dynamodb.items("APPT#")
    for minute in range(50):
        booked = {"sk": {"S": f"APPT#2027-01-02T10:{minute:02}:00Z"}, "status": {"S": "confirmed"}}
        table.batch_write_item(put_items=[raw | booked])

    with dynamodb.parameters() as sent:
        page = api.get("/appointments/1234?limit=2", client()).json_body

    assert [params["Limit"] for params in sent] == [4, 6, 40, 200]
    assert page["appointments"][-1]["appointmentId"] == last


@pytest.mark.parametrize("path", ["/reservations/res_x", "/providers/1234/appointments/apt_x"])
def test_what_is_no_id_costs_nothing(api: Api, dynamodb: DynamoDB, path: str) -> None:
    with dynamodb.recorded() as sent:
        answer = api.get(path, provider())

    assert answer.status_code == 404
    assert sent == []


@contextmanager
def _bodies() -> Iterator[list[dict[str, Any]]]:
    """What each request asked for."""
    sent: list[dict[str, Any]] = []
    events: Any = table.connection.client.meta.events

    def handler(params: dict[str, Any], **_: object) -> None:
        sent.append(json.loads(params["body"]))

    events.register("before-call.dynamodb.*", handler)
    try:
        yield sent
    finally:
        events.unregister("before-call.dynamodb.*", handler)


def _is_consistent(body: dict[str, Any]) -> bool:
    """Whether a request is no read, a read of an instant, or of an index, or says that it is consistent."""
    if "RequestItems" in body:
        return all(asked["ConsistentRead"] is True for asked in body["RequestItems"].values())
    needs_not = body.keys() & {"UpdateExpression", "TransactItems", "IndexName"}
    return bool(needs_not) or body["ConsistentRead"] is True


@pytest.mark.parametrize(
    "operation",
    [operation for operation, requests in COUNTS.values() if {"GetItem", "BatchGetItem", "Query"} & {*requests}],
)
def test_every_read_of_the_table_is_consistent(world: World, operation: Operation) -> None:
    with _bodies() as sent:
        operation(world)

    assert sent
    assert [body for body in sent if not _is_consistent(body)] == []
