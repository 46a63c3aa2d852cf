"""Races, decided one after the other: an operation runs to its end between two requests of another.

Whatever point it falls on, both must answer, and leave the table, as if one had run wholly before the other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.store import appointments
from chalicelib.store.ids import reservation_id
from chalicelib.store.items import Appointment
from chalicelib.store.table import ConditionFailed, table
from chalicelib.web.schedule import sweep_and_log
from tests.support import Api, Clock, DynamoDB, client, provider

HOLD_SECONDS = 1_800
SLOT = ("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z")


@dataclass(frozen=True)
class Scene:
    """A slot, and the hold of alice's that is or was on it."""

    api: Api
    clock: Clock
    slot: str
    held: str

    def named(self, text: str) -> str:
        return {self.slot: "the slot", self.held: "the hold"}.get(text, "another")

    @property
    def path(self) -> str:
        return f"/providers/1234/appointments/{self.slot}"


class Invocation:
    """A Lambda with time to spare."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


Operation = Callable[[Scene], HTTPResponse | None]


def reserve(scene: Scene) -> HTTPResponse:
    return scene.api.reserve(scene.slot, client("bob"))


def reserve_too(scene: Scene) -> HTTPResponse:
    return scene.api.reserve(scene.slot, client("carol"))


def confirm(scene: Scene) -> HTTPResponse:
    return scene.api.confirm(scene.held)


def cancel(scene: Scene) -> HTTPResponse:
    return scene.api.cancel(scene.held)


def cancel_by_provider(scene: Scene) -> HTTPResponse:
    return scene.api.cancel(scene.held, provider())


def read(scene: Scene) -> HTTPResponse:
    return scene.api.read(scene.held)


def browse(scene: Scene) -> HTTPResponse:
    return scene.api.get("/appointments/1234?limit=10", client())


def sweep(scene: Scene) -> None:
    assert scene
    sweep_and_log(Invocation())


def delete(scene: Scene) -> HTTPResponse:
    return scene.api.delete(scene.path, provider(), If_Match="*")


def move(scene: Scene) -> HTTPResponse:
    there = {"startTime": "2027-01-02T11:00:00Z", "endTime": "2027-01-02T11:30:00Z"}
    return scene.api.patch(scene.path, provider(), there, If_Match="*")


def lengthen(scene: Scene) -> HTTPResponse:
    return scene.api.patch(scene.path, provider(), {"endTime": "2027-01-02T09:45:00Z"}, If_Match="*")


def publish_over(scene: Scene) -> HTTPResponse:
    return scene.api.publish(("2027-01-02T09:15:00Z", "2027-01-02T09:45:00Z"))


def replace_slot(scene: Scene) -> HTTPResponse:
    """Delete it and publish another one at the same start."""
    delete(scene)
    return scene.api.publish(SLOT)


def replace_and_reserve(scene: Scene) -> HTTPResponse:
    made = replace_slot(scene)
    if made.status_code != 201:
        return made
    return reserve_too(replace(scene, slot=made.json_body["appointments"][0]["appointmentId"]))


def a_second_on(operation: Operation) -> Operation:
    def later(scene: Scene) -> HTTPResponse | None:
        scene.clock.advance(seconds=1)
        return operation(scene)

    return later


def by_a_late_clock(operation: Operation) -> Operation:
    def earlier(scene: Scene) -> HTTPResponse | None:
        scene.clock.advance(seconds=-1)
        answer = operation(scene)
        scene.clock.advance(seconds=1)
        return answer

    return earlier


def cancel_and_take(scene: Scene) -> HTTPResponse:
    cancel(scene)
    return reserve_too(scene)


def free(_: Api, __: Clock, ___: str) -> None:
    """Nothing has happened to the slot: alice's hold is none."""


def held(_: Api, clock: Clock, ___: str) -> None:
    clock.advance(minutes=10)


def in_its_last_second(_: Api, clock: Clock, __: str) -> None:
    clock.advance(seconds=HOLD_SECONDS - 1)


def lapsed(_: Api, clock: Clock, __: str) -> None:
    clock.advance(seconds=HOLD_SECONDS)


def booked(api: Api, clock: Clock, held_id: str) -> None:
    clock.advance(minutes=1)
    api.confirm(held_id)


State = Callable[[Api, Clock, str], None]
LATE_CONFIRM, LATE_CANCEL = by_a_late_clock(confirm), by_a_late_clock(cancel)
RACES: dict[State, tuple[list[Operation], list[Operation]]] = {
    free: (
        [reserve, move, delete, publish_over],
        [reserve_too, move, lengthen, replace_and_reserve],
    ),
    held: (
        [confirm, cancel, read, delete],
        [confirm, cancel_by_provider, cancel_and_take],
    ),
    in_its_last_second: (
        [confirm, cancel, read, browse],
        [a_second_on(sweep), a_second_on(reserve_too), a_second_on(replace_and_reserve)],
    ),
    lapsed: (
        [reserve, sweep, read, confirm, cancel, delete],
        [reserve_too, sweep, replace_and_reserve, LATE_CONFIRM, LATE_CANCEL],
    ),
    booked: (
        [cancel, confirm, read],
        [cancel_by_provider, cancel_and_take],
    ),
}
Outcome = tuple[object, object, list[Any]]


@dataclass
class Stage:
    """Sets one scene again and again, and tells what came of it."""

    api: Api
    clock: Clock
    dynamodb: DynamoDB

    def set(self, state: State) -> None:
        self._slot = self.api.a_slot(*SLOT)
        self._held = "" if state is free else self.api.a_hold(self._slot)
        state(self.api, self.clock, self._held)
        self._items, self._time = self.dynamodb.items(), self.clock.time
        self._left: list[Any] | None = None

    def scene(self) -> Scene:
        keep = {(item["pk"]["S"], item["sk"]["S"]) for item in self._items}
        keys = [{"pk": item["pk"], "sk": item["sk"]} for item in self._left or self.dynamodb.items()]
        gone = [key for key in keys if (key["pk"]["S"], key["sk"]["S"]) not in keep]
        table.batch_write_item(put_items=self._items, delete_items=gone)
        self._left = None
        self.clock.time = self._time
        return Scene(self.api, self.clock, self._slot, self._held)

    def table(self) -> list[Any]:
        slot = next(item for item in self._items if item["sk"]["S"].startswith("APPT#"))
        known = {slot["generation"]["S"], slot.get("nonce", {"S": ""})["S"]}
        self._left = self.dynamodb.items()
        return sorted((_plain(item, known) for item in self._left), key=repr)


def _without_key(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("pk", "sk")}


def _plain(item: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """The item without what chance made of it."""
    plain = {name: value for name, value in item.items() if name not in ("sk", "keys", "nonce", "generation", "edit")}
    kind, _, rest = item["sk"]["S"].partition("#")
    plain["sk"] = kind, "" if kind == "KEY" else rest.partition("#")[0]
    plain |= {name: item[name]["S"] in known for name in ("nonce", "generation") if name in item}
    plain["keys"] = sorted(
        (entry["S"].split(":")[0] in known, entry["S"].split(":")[2])
        for entry in item.get("keys", {"M": {}})["M"].values()
    )
    return plain


def _said(answer: HTTPResponse | None, scene: Scene) -> object:
    """What an answer says, without what chance made of it."""
    if answer is None:
        return None
    headers = {name: answer.headers.get(name) for name in ("ETag", "Retry-After", "Idempotency-Replayed")}
    if len(headers["ETag"] or "") > len('"99"'):
        del headers["ETag"]
    return answer.status_code, headers, _named(answer.json_body if answer.body else None, scene)


def _named(value: Any, scene: Scene) -> Any:
    match value:
        case dict():
            return {
                name: _named(member, scene) for name, member in value.items() if name not in ("requestId", "instance")
            }
        case list():
            return [_named(member, scene) for member in value]
        case str() if value.startswith(("apt_", "res_")):
            return scene.named(value)
    return value


@pytest.fixture
def stage(api: Api, clock: Clock, dynamodb: DynamoDB) -> Stage:
    return Stage(api, clock, dynamodb)


def _one_after_the_other(stage: Stage, first: Operation, second: Operation) -> tuple[object, object, list[Any]]:
    scene = stage.scene()
    one, two = _said(first(scene), scene), _said(second(scene), scene)
    return one, two, stage.table()


def _within(stage: Stage, outer: Operation, inner: Operation, nth: int) -> Outcome:
    scene = stage.scene()
    inside: list[object] = []
    with stage.dynamodb.before("*", lambda: inside.append(_said(inner(scene), scene)), nth=nth):
        answer = outer(scene)
    return _said(answer, scene), inside[0], stage.table()


def _points(stage: Stage, operation: Operation) -> list[int]:
    """Which of its requests something can come before; of a sweep, not its many looks at empty shards."""
    scene = stage.scene()
    with stage.dynamodb.recorded() as sent:
        operation(scene)
    idle = {at for at, pair in enumerate(pairwise(sent)) if pair == ("Query", "Query")}
    return [at + 1 for at in range(len(sent)) if at not in idle]


@pytest.mark.parametrize(
    ("state", "outer"), [(state, outer) for state, (outers, _) in RACES.items() for outer in outers]
)
def test_whatever_falls_between_two_requests_comes_wholly_before_or_after(
    stage: Stage, state: State, outer: Operation
) -> None:
    stage.set(state)

    for inner in RACES[state][1]:
        outer_first = _one_after_the_other(stage, outer, inner)
        two, one, left = _one_after_the_other(stage, inner, outer)
        for point in _points(stage, outer):
            assert _within(stage, outer, inner, point) in (outer_first, (one, two, left)), (inner, point)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_two_clients_at_a_lapsed_hold_do_not_both_get_the_slot(
    api: Api, clock: Clock, dynamodb: DynamoDB, nth: int
) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    answers: list[HTTPResponse] = []

    with dynamodb.before("*", lambda: answers.append(api.reserve(slot, client("carol"))), nth=nth):
        answers.append(api.reserve(slot, client("bob")))

    assert [answer.status_code for answer in answers] == [201, 409]
    assert answers[1].json_body["code"] == "appointment-held"
    assert answers[1].headers["Retry-After"] == str(HOLD_SECONDS)


def test_a_reserve_between_the_release_and_the_second_try_of_another_wins(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    slot = api.a_slot()
    old = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    taken: list[str] = []

    with dynamodb.before("UpdateItem", lambda: taken.append(api.a_hold(slot, client("carol"))), nth=2):
        answer = api.reserve(slot, client("bob"))

    assert answer.status_code == 409
    assert api.read(taken[0], client("carol")).json_body["status"] == "reserved"
    assert api.read(old).json_body["status"] == "expired"


def test_a_reserve_whose_clock_is_late_takes_what_was_freed_meanwhile(stage: Stage, api: Api) -> None:
    stage.set(in_its_last_second)
    scene = stage.scene()

    with stage.dynamodb.before("UpdateItem", lambda: a_second_on(sweep)(scene)):
        answer = reserve(scene)

    assert answer.status_code == 201
    assert api.read(scene.held).json_body["status"] == "expired"


@pytest.mark.parametrize(("outer", "inner"), [(confirm, LATE_CONFIRM), (cancel, LATE_CONFIRM), (confirm, LATE_CANCEL)])
def test_a_refusal_for_being_late_is_not_undone(stage: Stage, api: Api, outer: Operation, inner: Operation) -> None:
    """Two Lambdas whose clocks differ by a second: the slot is still sold once."""
    stage.set(lapsed)
    scene = stage.scene()

    with stage.dynamodb.before("*", lambda: inner(scene)):
        outer(scene)

    status = api.read(scene.held).json_body["status"]
    assert (status == "confirmed") == (api.bookable() == [])


def test_a_cancel_that_meets_a_confirm_records_the_booking_that_it_gave_back(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    slot = api.a_slot()
    reservation = api.a_hold(slot)
    clock.advance(minutes=3)

    with dynamodb.before("TransactWriteItems", lambda: api.confirm(reservation)):
        answer = api.cancel(reservation)

    assert answer.status_code == 200
    assert answer.json_body["status"] == "cancelled"
    assert answer.json_body["confirmedAt"] == "2027-01-01T08:03:00Z"
    assert answer.headers["ETag"] == '"4"'
    assert api.bookable() == [slot]


def test_a_cancel_at_a_version_does_not_give_back_what_was_confirmed_meanwhile(api: Api, dynamodb: DynamoDB) -> None:
    reservation = api.a_hold(api.a_slot())

    with dynamodb.before("TransactWriteItems", lambda: api.confirm(reservation)):
        answer = api.cancel(reservation, If_Match='"2"')

    assert (answer.status_code, answer.json_body["code"]) == (412, "precondition-failed")
    assert api.read(reservation).json_body["status"] == "confirmed"


def test_a_cancel_does_not_free_a_slot_that_another_holds_by_then(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    reservation = api.a_hold(slot)
    taken: list[str] = []

    def lapse_and_take() -> None:
        clock.advance(seconds=HOLD_SECONDS)
        taken.append(api.a_hold(slot, client("bob")))

    with dynamodb.before("TransactWriteItems", lapse_and_take):
        answer = api.cancel(reservation)

    assert (answer.status_code, answer.json_body["code"]) == (410, "reservation-expired")
    assert api.read(taken[0], client("bob")).json_body["status"] == "reserved"
    assert len(dynamodb.items("ENDED#")) == 1


def test_a_read_between_release_and_release_never_says_404(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    reservation = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    seen: list[HTTPResponse] = []

    def look() -> None:
        seen.append(api.read(reservation))

    with (
        dynamodb.before("UpdateItem", look),
        dynamodb.before("TransactWriteItems", look),
        dynamodb.before("UpdateItem", look, nth=2),
    ):
        api.reserve(slot, client("bob"))

    assert [answer.json_body["status"] for answer in seen] == ["expired"] * 3


def test_a_confirm_that_meets_a_release_finds_what_has_ended(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    reservation = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    api.a_hold(slot, client("bob"))

    def lapse_and_take() -> None:
        clock.advance(seconds=HOLD_SECONDS)
        api.a_hold(slot, client("carol"))

    with dynamodb.before("GetItem", lapse_and_take):
        answer = api.confirm(reservation)

    assert (answer.status_code, answer.json_body["code"]) == (410, "reservation-expired")


@pytest.mark.parametrize("who", [client(), provider()])
@pytest.mark.parametrize("ended", ["cancelled", "expired"])
def test_an_ended_hold_is_not_confirmed_through_the_same_clients_next_one(
    api: Api, clock: Clock, who: str, ended: str
) -> None:
    slot = api.a_slot()
    old = api.a_hold(slot)
    if ended == "cancelled":
        api.cancel(old)
    clock.advance(seconds=HOLD_SECONDS)
    new = api.a_hold(slot)

    answer = api.confirm(old, who)

    assert (answer.status_code, answer.json_body["code"]) == (410, f"reservation-{ended}")
    assert api.read(new).json_body["status"] == "reserved"


def test_a_stranger_who_knows_the_id_confirms_nothing(api: Api) -> None:
    reservation = api.a_hold(api.a_slot())

    answer = api.confirm(reservation, client("bob"))

    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")
    assert api.read(reservation).json_body["status"] == "reserved"


def test_a_confirm_at_another_version_confirms_nothing(api: Api) -> None:
    reservation = api.a_hold(api.a_slot())

    answer = api.confirm(reservation, If_Match='"1"')

    assert (answer.status_code, answer.json_body["code"]) == (412, "precondition-failed")
    assert api.read(reservation).json_body["status"] == "reserved"


@pytest.mark.parametrize("operation", [confirm, cancel, cancel_by_provider])
def test_ids_of_a_slot_that_was_replaced_reach_nothing(stage: Stage, operation: Operation) -> None:
    stage.set(lapsed)
    scene = stage.scene()
    replace_and_reserve(scene)
    before = stage.dynamodb.items("APPT#")

    answer = operation(scene)

    assert answer is not None
    assert (answer.status_code, answer.json_body["code"]) == (410, "reservation-expired")
    assert stage.dynamodb.items("APPT#") == before


def test_a_slot_that_was_replaced_is_not_found_by_its_old_id(stage: Stage, api: Api) -> None:
    stage.set(lapsed)
    scene = stage.scene()
    replace_slot(scene)

    answers = [reserve(scene), api.get(scene.path, provider()), delete(scene), move(scene), lengthen(scene)]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert len(api.bookable()) == 1


def test_an_old_version_does_not_reach_the_slot_that_followed(stage: Stage) -> None:
    stage.set(free)
    scene = stage.scene()

    with stage.dynamodb.before("UpdateItem", lambda: replace_slot(scene)):
        answer = scene.api.reserve(scene.slot, client("bob"), If_Match='"1"')

    assert answer.status_code == 404


def test_a_reservation_that_ended_is_still_read_after_its_slot_was_replaced(stage: Stage, api: Api) -> None:
    stage.set(held)
    scene = stage.scene()
    cancel(scene)
    replace_and_reserve(scene)

    answer = api.read(scene.held)

    assert (answer.status_code, answer.json_body["status"]) == (200, "cancelled")


def test_a_reserve_that_never_gets_past_a_lapsed_hold_gives_up(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)

    with dynamodb.failing("TransactWriteItems", "TransactionConflictException"), dynamodb.recorded() as sent:
        answer = api.reserve(slot, client("bob"))

    assert (answer.status_code, answer.json_body["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert [name for name in sent if name != "Query"] == ["UpdateItem", "TransactWriteItems"] * 5


def _the_hold_as_read(api: Api, dynamodb: DynamoDB) -> tuple[str, Appointment]:
    held_id = api.a_hold(api.a_slot())
    key = dynamodb.items("APPT#")[0]
    return held_id, Appointment.from_raw_data(key)


def _give_the_slot_another_generation(dynamodb: DynamoDB) -> None:
    [raw] = dynamodb.items("APPT#")
    other = _without_key(raw) | {"generation": {"S": "AAAAAAAA"}}
    table.put_item(raw["pk"]["S"], raw["sk"]["S"], attributes=other)


def test_every_write_on_a_hold_names_the_generation(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    """Even were a nonce ever drawn twice."""
    held_id, item = _the_hold_as_read(api, dynamodb)
    _give_the_slot_another_generation(dynamodb)
    now = int(clock.time)

    with pytest.raises(ConditionFailed):
        appointments.confirm(reservation_id(held_id), client_id="alice", versions=None, mark="m", now=now)
    with pytest.raises(ConditionFailed):
        appointments.cancel(item, versions=None, now=now)
    with pytest.raises(ConditionFailed):
        appointments.expire(item, now=now + HOLD_SECONDS)


@pytest.mark.parametrize("status", ["reserved", "confirmed"])
def test_no_cancel_is_written_from_the_start_on(api: Api, clock: Clock, dynamodb: DynamoDB, status: str) -> None:
    held_id, item = _the_hold_as_read(api, dynamodb)
    if status == "confirmed":
        api.confirm(held_id)
        item = Appointment.from_raw_data(dynamodb.items("APPT#")[0])
    start = reservation_id(held_id).start
    clock.time = start

    with pytest.raises(ConditionFailed):
        appointments.cancel(item, versions=None, now=start)

    appointments.cancel(item, versions=None, now=int(clock.time) - 86_400 - 1_801)


def test_no_cancel_is_written_from_the_second_that_the_hold_is_over(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    _, item = _the_hold_as_read(api, dynamodb)
    now = int(clock.time)

    with pytest.raises(ConditionFailed):
        appointments.cancel(item, versions=None, now=now + HOLD_SECONDS)

    assert appointments.cancel(item, versions=None, now=now + HOLD_SECONDS - 1).status == "cancelled"


def test_a_cancel_names_the_version(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    _, item = _the_hold_as_read(api, dynamodb)

    with pytest.raises(ConditionFailed):
        appointments.cancel(item, versions=frozenset({1}), now=int(clock.time))

    assert appointments.cancel(item, versions=frozenset({1, 2}), now=int(clock.time)).status == "cancelled"


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("operation", [confirm, cancel, read])
def test_an_id_of_another_generation_names_no_reservation(api: Api, operation: Operation, *, ended: bool) -> None:
    """Even were a nonce ever drawn twice."""
    slot = api.a_slot()
    reservation = api.a_hold(slot)
    if ended:
        api.cancel(reservation)
    other = reservation[:12] + "A" * 8 + reservation[20:]

    answer = operation(Scene(api, Clock(), slot, other))

    assert answer is not None
    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")


@pytest.mark.parametrize("operation", [delete, move, lengthen])
def test_an_edit_names_the_generation(api: Api, clock: Clock, dynamodb: DynamoDB, operation: Operation) -> None:
    """Its days would tell, too."""
    scene = Scene(api, clock, api.a_slot(), "")

    with dynamodb.before("TransactWriteItems", lambda: _give_the_slot_another_generation(dynamodb)):
        answer = operation(scene)

    assert answer is not None
    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")
    assert len(api.bookable()) == 1
