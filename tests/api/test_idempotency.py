"""The same request under the same Idempotency-Key is done once, and told again as it is now."""

from collections.abc import Callable

import pytest
from chalice.test import HTTPResponse

from chalicelib.store.table import table
from tests.support import ADMIN, DEMO, Api, Clock, DynamoDB, client, provider

HOLD_SECONDS = 1_800
SLOT = ("2027-01-05T09:00:00Z", "2027-01-05T09:30:00Z")
OTHER = ("2027-01-06T09:00:00Z", "2027-01-06T09:30:00Z")
COPIES = 16


def _reserve(
    api: Api, slot: str, who: str | None = None, key: str = "one", client_id: str | None = None
) -> HTTPResponse:
    body = {} if client_id is None else {"clientId": client_id}
    return api.post(f"/appointments/{slot}/reservations", who or client(), body, Idempotency_Key=key)


def _publish(
    api: Api, *intervals: tuple[str, str], who: str | None = None, key: str = "one", provider_id: str = "1234"
) -> HTTPResponse:
    slots = [{"startTime": start, "endTime": end} for start, end in intervals]
    body = {"providerId": provider_id, "slots": slots}
    return api.post("/appointments", who or provider(provider_id), body, Idempotency_Key=key)


def _refused(answer: HTTPResponse) -> tuple[int, str]:
    return answer.status_code, answer.json_body["code"]


def _replayed(answer: HTTPResponse) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


def _ids(answer: HTTPResponse) -> list[str]:
    return [slot["appointmentId"] for slot in answer.json_body["appointments"]]


def test_a_reserve_again_is_the_same_answer_marked_as_replayed(api: Api) -> None:
    slot = api.a_slot()
    first = _reserve(api, slot)

    again = _reserve(api, slot)

    assert (first.status_code, _replayed(first)) == (201, False)
    assert (again.status_code, _replayed(again)) == (201, True)
    assert again.json_body == first.json_body
    assert [again.headers[name] for name in ("Location", "ETag")] == [
        first.headers[name] for name in ("Location", "ETag")
    ]


def test_a_publish_again_is_the_same_answer_marked_as_replayed(api: Api) -> None:
    first = _publish(api, SLOT, OTHER)

    again = _publish(api, SLOT, OTHER)

    assert (first.status_code, _replayed(first)) == (201, False)
    assert (again.status_code, _replayed(again)) == (201, True)
    assert again.json_body == first.json_body
    assert api.bookable() == _ids(first)


def test_a_replay_tells_a_reservation_as_it_is_now(api: Api) -> None:
    slot = api.a_slot()
    made = _reserve(api, slot).json_body
    api.confirm(made["reservationId"])

    again = _reserve(api, slot)

    assert again.status_code == 201
    assert again.json_body == made | {"status": "confirmed", "confirmedAt": "2027-01-01T08:00:00Z"}
    assert again.headers["ETag"] == '"3"'


def test_a_replay_tells_slots_as_they_are_now(api: Api) -> None:
    made = _ids(_publish(api, SLOT, OTHER))
    api.a_hold(made[0])

    again = _publish(api, SLOT, OTHER)

    assert [slot["status"] for slot in again.json_body["appointments"]] == ["reserved", "available"]
    assert _ids(again) == made


def test_a_replay_of_a_publish_leaves_out_what_was_deleted(api: Api) -> None:
    made = _ids(_publish(api, SLOT, OTHER))
    api.delete(f"/providers/1234/appointments/{made[0]}", provider(), If_Match="*")
    api.a_slot(*SLOT)

    again = _publish(api, SLOT, OTHER)

    assert (again.status_code, _ids(again)) == (201, made[1:])


def test_another_reserve_under_the_key_is_refused(api: Api) -> None:
    slot = api.a_slot()
    _reserve(api, slot, provider(), client_id="alice")

    other = _reserve(api, slot, provider(), client_id="bob")

    assert _refused(other) == (422, "idempotency-key-reused")


def test_another_publish_under_the_key_is_refused(api: Api) -> None:
    made = _ids(_publish(api, SLOT))

    other = _publish(api, OTHER)

    assert _refused(other) == (422, "idempotency-key-reused")
    assert api.bookable() == made


@pytest.mark.parametrize("ended", [False, True])
def test_another_reserve_is_refused_whatever_has_become_of_the_first(api: Api, *, ended: bool) -> None:
    slot = api.a_slot()
    first = _reserve(api, slot, provider(), client_id="alice")
    if ended:
        api.cancel(first.json_body["reservationId"])

    other = _reserve(api, slot, provider(), client_id="bob")

    assert _refused(other) == (422, "idempotency-key-reused")


def test_a_body_that_says_the_same_otherwise_is_the_same_request(api: Api) -> None:
    slot = api.a_slot()
    first = _reserve(api, slot)

    again = _reserve(api, slot, client_id="alice")

    assert _replayed(again)
    assert again.json_body == first.json_body


def test_times_that_say_the_same_otherwise_are_the_same_request(api: Api) -> None:
    first = _publish(api, SLOT)

    again = _publish(api, ("2027-01-05T10:00:00+01:00", "2027-01-05T10:30:00+01:00"))

    assert _replayed(again)
    assert _ids(again) == _ids(first)


def test_a_key_in_quotes_is_the_same_key(api: Api) -> None:
    slot = api.a_slot()
    first = _reserve(api, slot, key="one")

    again = _reserve(api, slot, key='"one"')

    assert _replayed(again)
    assert again.json_body == first.json_body


def test_two_clients_with_the_same_key_do_not_meet(api: Api) -> None:
    slot, other = api.a_slot(*SLOT), api.a_slot(*OTHER)
    mine = _reserve(api, slot)

    theirs, elsewhere = _reserve(api, slot, client("bob")), _reserve(api, other, client("bob"))

    assert mine.status_code == 201
    assert _refused(theirs) == (409, "appointment-held")
    assert (elsewhere.status_code, _replayed(elsewhere)) == (201, False)


@pytest.mark.parametrize("who", [provider("alice"), ADMIN, DEMO, client("Alice")])
def test_callers_of_other_roles_and_names_do_not_meet(api: Api, who: str) -> None:
    api.put("/providers/alice", ADMIN, {"name": "Alice too", "timeZone": "UTC"})
    made = api.publish(SLOT, provider_id="alice")
    slot = _ids(made)[0]
    first = _reserve(api, slot, client("alice"))
    api.cancel(first.json_body["reservationId"], client("alice"))

    theirs = _reserve(api, slot, who, client_id="Alice")

    assert (theirs.status_code, _replayed(theirs)) == (201, False)


def test_one_key_on_two_slots_makes_two_reservations(api: Api) -> None:
    slots = [api.a_slot(*SLOT), api.a_slot(*OTHER)]

    answers = [_reserve(api, slot) for slot in slots]

    assert [(answer.status_code, _replayed(answer)) for answer in answers] == [(201, False)] * 2


def test_one_key_on_a_publish_and_a_reserve_are_two_keys(api: Api) -> None:
    [slot] = _ids(_publish(api, SLOT, who=DEMO))

    answer = _reserve(api, slot, DEMO)

    assert (answer.status_code, _replayed(answer)) == (201, False)


def test_one_key_for_two_providers_publishes_twice(api: Api) -> None:
    api.put("/providers/5678", ADMIN, {"name": "Other", "timeZone": "UTC"})
    _publish(api, SLOT, who=DEMO)

    other = _publish(api, SLOT, who=DEMO, provider_id="5678")

    assert (other.status_code, _replayed(other)) == (201, False)


def test_a_key_of_a_slot_that_was_replaced_is_unknown_to_the_next(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    held = _reserve(api, slot)
    api.cancel(held.json_body["reservationId"])
    api.delete(f"/providers/1234/appointments/{slot}", provider(), If_Match="*")
    next_slot = api.a_slot(*SLOT)

    old, new = _reserve(api, slot), _reserve(api, next_slot)

    assert _refused(old) == (404, "not-found")
    assert (new.status_code, _replayed(new)) == (201, False)


def test_a_refused_reserve_keeps_no_key(api: Api) -> None:
    slot = api.a_slot()
    held = api.a_hold(slot, client("bob"))
    refused = _reserve(api, slot)
    api.cancel(held, client("bob"))

    again = _reserve(api, slot)

    assert refused.status_code == 409
    assert (again.status_code, _replayed(again)) == (201, False)


def test_a_reserve_refused_for_its_body_keeps_no_key(api: Api) -> None:
    slot = api.a_slot()
    refused = _reserve(api, slot, provider())

    again = _reserve(api, slot, provider(), client_id="bob")

    assert refused.status_code == 400
    assert (again.status_code, _replayed(again)) == (201, False)


def test_a_refused_publish_keeps_no_key(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)
    keys = dynamodb.items("KEY#")
    refused = _publish(api, SLOT)
    left = dynamodb.items("KEY#")
    api.delete(f"/providers/1234/appointments/{slot}", provider(), If_Match="*")

    again = _publish(api, SLOT)

    assert refused.status_code == 409
    assert left == keys
    assert (again.status_code, _replayed(again)) == (201, False)


def _cancelled(api: Api, _: Clock, __: str, reservation: str) -> None:
    api.cancel(reservation)


def _expired(_: Api, clock: Clock, __: str, ___: str) -> None:
    clock.advance(seconds=HOLD_SECONDS)


def _cancelled_and_taken(api: Api, clock: Clock, slot: str, reservation: str) -> None:
    _cancelled(api, clock, slot, reservation)
    api.a_hold(slot, client("bob"))


def _expired_and_taken(api: Api, clock: Clock, slot: str, reservation: str) -> None:
    _expired(api, clock, slot, reservation)
    api.confirm(api.a_hold(slot, client("bob")), client("bob"))


def _expired_twice(api: Api, clock: Clock, slot: str, reservation: str) -> None:
    _expired(api, clock, slot, reservation)
    api.a_hold(slot, client("bob"))
    clock.advance(seconds=HOLD_SECONDS)


End = Callable[[Api, Clock, str, str], None]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (_cancelled, "cancelled"),
        (_expired, "expired"),
        (_cancelled_and_taken, "cancelled"),
        (_expired_and_taken, "expired"),
        (_expired_twice, "expired"),
    ],
)
def test_a_retry_after_its_hold_has_ended_does_not_take_the_slot_again(
    api: Api, clock: Clock, end: End, status: str
) -> None:
    slot = api.a_slot(*SLOT)
    first = _reserve(api, slot)
    end(api, clock, slot, first.json_body["reservationId"])
    bookable = api.bookable()

    again = _reserve(api, slot)

    assert (again.status_code, _replayed(again)) == (201, True)
    assert again.headers["Location"] == first.headers["Location"]
    assert (again.json_body["reservationId"], again.json_body["status"]) == (first.json_body["reservationId"], status)
    assert again.json_body == api.read(first.json_body["reservationId"]).json_body
    assert api.bookable() == bookable


@pytest.mark.parametrize("headers", [{"If_Match": '"1"'}, {"If_Match": '"999"'}])
def test_a_replay_is_not_refused_for_its_version(api: Api, headers: dict[str, str]) -> None:
    slot = api.a_slot()
    first = api.reserve(slot, Idempotency_Key="one", If_Match='"1"')

    again = api.reserve(slot, Idempotency_Key="one", **headers)

    assert (again.status_code, _replayed(again)) == (201, True)
    assert again.json_body == first.json_body


def test_a_replay_is_not_refused_once_the_slot_is_closed(api: Api, clock: Clock) -> None:
    slot = api.a_slot("2027-01-01T08:10:00Z", "2027-01-01T08:20:00Z")
    first = _reserve(api, slot)
    clock.advance(minutes=15)

    again = _reserve(api, slot)

    assert (again.status_code, _replayed(again)) == (201, True)
    assert again.json_body == first.json_body


def test_a_replay_is_not_refused_for_the_hold_limit(api: Api) -> None:
    slots = [api.a_slot(f"2027-01-05T{hour:02}:00:00Z", f"2027-01-05T{hour:02}:30:00Z") for hour in range(9, 15)]
    answers = [_reserve(api, slot) for slot in slots]

    again = _reserve(api, slots[0])

    assert _refused(answers[-1]) == (429, "hold-limit")
    assert (again.status_code, _replayed(again)) == (201, True)


def test_a_replay_of_a_publish_comes_before_the_overlap_with_what_it_made(api: Api, clock: Clock) -> None:
    first = _publish(api, SLOT)
    clock.advance(hours=1)

    again = _publish(api, SLOT)

    assert (again.status_code, _ids(again)) == (201, _ids(first))


def test_a_publish_is_replayed_though_its_slot_has_started_meanwhile(api: Api, clock: Clock) -> None:
    soon = ("2027-01-01T09:00:00Z", "2027-01-01T09:30:00Z")
    first = _publish(api, soon)
    clock.advance(hours=2)

    again = _publish(api, soon)

    assert (again.status_code, _ids(again)) == (201, _ids(first))


@pytest.mark.parametrize("operation", ["Query", "UpdateItem"])
def test_sixteen_reserves_at_one_moment_make_one_reservation_and_sixteen_equal_answers(
    api: Api, dynamodb: DynamoDB, operation: str
) -> None:
    slot = api.a_slot()
    answers: list[HTTPResponse] = []

    def send(copies: int) -> None:
        if copies == 1:
            answers.append(_reserve(api, slot))
            return
        with dynamodb.before(operation, lambda: send(copies - 1)):
            answers.append(_reserve(api, slot))

    send(COPIES)

    assert [answer.status_code for answer in answers] == [201] * COPIES
    assert [_replayed(answer) for answer in answers] == [False] + [True] * (COPIES - 1)
    assert len({answer.body for answer in answers}) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len(api.get("/reservations?limit=99", client()).json_body["reservations"]) == 1


@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
def test_sixteen_publishes_at_one_moment_publish_once_and_give_sixteen_equal_answers(
    api: Api, dynamodb: DynamoDB, operation: str
) -> None:
    answers: list[HTTPResponse] = []

    def send(copies: int) -> None:
        if copies == 1:
            answers.append(_publish(api, SLOT))
            return
        with dynamodb.before(operation, lambda: send(copies - 1)):
            answers.append(_publish(api, SLOT))

    send(COPIES)

    assert [answer.status_code for answer in answers] == [201] * COPIES
    assert [_replayed(answer) for answer in answers] == [False] + [True] * (COPIES - 1)
    assert len({answer.body for answer in answers}) == 1
    assert api.bookable() == _ids(answers[0])


def test_a_publish_that_meets_its_twin_at_work_is_no_overlap(api: Api, dynamodb: DynamoDB) -> None:
    """A read of many items is no picture of one instant: it may see the twin's days and not its key."""
    first = _publish(api, SLOT)
    seen = [item for item in dynamodb.items() if not item["sk"]["S"].startswith("KEY#")]

    with dynamodb.answering("BatchGetItem", {"Responses": {table.table_name: seen}}, times=1):
        again = _publish(api, SLOT)

    assert (again.status_code, _replayed(again)) == (201, True)
    assert again.json_body == first.json_body


def test_another_publish_that_meets_one_of_the_same_key_at_work_is_refused(api: Api, dynamodb: DynamoDB) -> None:
    _publish(api, SLOT)
    seen = [item for item in dynamodb.items() if not item["sk"]["S"].startswith("KEY#")]

    with dynamodb.answering("BatchGetItem", {"Responses": {table.table_name: seen}}, times=1):
        other = _publish(api, ("2027-01-05T09:00:00Z", "2027-01-05T09:10:00Z"))

    assert _refused(other) == (422, "idempotency-key-reused")


def test_a_key_is_good_for_a_day(api: Api, clock: Clock) -> None:
    slot = api.a_slot(*SLOT)
    first = _reserve(api, slot)
    clock.advance(hours=23, minutes=58)
    api.cancel(api.a_hold(slot, client("bob")), client("bob"))
    clock.advance(minutes=1)

    again = _reserve(api, slot)

    assert (again.status_code, _replayed(again)) == (201, True)
    assert again.json_body["reservationId"] == first.json_body["reservationId"]


def test_a_key_of_a_publish_is_good_for_a_day(api: Api, clock: Clock) -> None:
    first = _publish(api, SLOT)
    clock.advance(hours=23, minutes=59)

    again = _publish(api, SLOT)

    assert (again.status_code, _replayed(again)) == (201, True)
    assert _ids(again) == _ids(first)


@pytest.mark.parametrize(("seconds", "kept"), [(0, 2), (1, 1)])
def test_a_release_after_a_day_forgets_the_key(
    api: Api, clock: Clock, dynamodb: DynamoDB, seconds: int, kept: int
) -> None:
    slot = api.a_slot(*SLOT)
    api.cancel(_reserve(api, slot).json_body["reservationId"])
    clock.advance(hours=24, seconds=seconds)

    api.cancel(_reserve(api, slot, client("bob")).json_body["reservationId"], client("bob"))

    [item] = dynamodb.items("APPT#")
    assert len(item["keys"]["M"]) == kept


def test_a_key_that_was_forgotten_can_be_used_again(api: Api, clock: Clock) -> None:
    slot = api.a_slot(*SLOT)
    first = _reserve(api, slot)
    clock.advance(hours=24, seconds=1)
    api.cancel(api.a_hold(slot, client("bob")), client("bob"))

    again = _reserve(api, slot)

    assert (again.status_code, _replayed(again)) == (201, False)
    assert again.json_body["reservationId"] != first.json_body["reservationId"]


@pytest.mark.parametrize(("seconds", "kept"), [(600, 1), (601, 0)])
def test_a_key_of_our_own_is_forgotten_when_the_sdk_no_longer_repeats(
    api: Api, clock: Clock, dynamodb: DynamoDB, seconds: int, kept: int
) -> None:
    reservation = api.a_hold(api.a_slot())
    clock.advance(seconds=seconds)

    api.cancel(reservation)

    [item] = dynamodb.items("APPT#")
    assert len(item["keys"]["M"]) == kept


def _hold_and_let_go(api: Api, slot: str, times: int, prefix: str = "c") -> list[str]:
    """The reservations, each of a client of its own under a key of its own."""
    made = []
    for nth in range(times):
        _let_go_last(api, slot)
        made.append(_reserve(api, slot, client(f"{prefix}{nth}"), key=f"key-{nth}").json_body["reservationId"])
    return made


def _let_go_last(api: Api, slot: str) -> None:
    own = api.get(f"/providers/1234/appointments/{slot}", provider()).json_body
    if "reservationId" in own:
        api.cancel(own["reservationId"], provider())


def test_every_key_of_a_slot_that_is_often_held_and_let_go_is_remembered(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    made = _hold_and_let_go(api, slot, 8)
    _let_go_last(api, slot)

    again = [_reserve(api, slot, client(f"c{nth}"), key=f"key-{nth}") for nth in range(8)]

    assert [(answer.status_code, _replayed(answer)) for answer in again] == [(201, True)] * 8
    assert [answer.json_body["reservationId"] for answer in again] == made
    assert api.bookable() == [slot]


def test_a_slot_that_is_often_held_and_let_go_can_still_be_reserved_and_stays_small(
    api: Api, dynamodb: DynamoDB
) -> None:
    slot = api.a_slot(*SLOT)
    _hold_and_let_go(api, slot, 8)
    _let_go_last(api, slot)

    answer = _reserve(api, slot, client("new"))

    assert (answer.status_code, _replayed(answer)) == (201, False)
    [item] = dynamodb.items("APPT#")
    assert len(item["keys"]["M"]) <= 5


def test_a_twin_whose_key_was_spilled_meanwhile_is_found(api: Api, dynamodb: DynamoDB) -> None:
    """It comes, and goes, between the look among the spilled keys and the write that follows it."""
    slot = api.a_slot(*SLOT)
    _hold_and_let_go(api, slot, 6)
    _let_go_last(api, slot)
    twins: list[HTTPResponse] = []

    def come_and_go() -> None:
        twins.append(_reserve(api, slot))
        _hold_and_let_go(api, slot, 6, prefix="d")
        _let_go_last(api, slot)

    with dynamodb.before("UpdateItem", come_and_go, nth=2):
        answer = _reserve(api, slot)

    assert (answer.status_code, _replayed(answer)) == (201, True)
    assert answer.json_body["reservationId"] == twins[0].json_body["reservationId"]
    assert answer.json_body["status"] == "cancelled"
    assert api.bookable() == [slot]


def test_once_the_spilled_keys_are_too_old_a_reserve_is_one_write_again(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    slot = api.a_slot(*SLOT)
    _hold_and_let_go(api, slot, 6)
    _let_go_last(api, slot)
    clock.advance(hours=24)

    with dynamodb.recorded() as sent:
        answer = _reserve(api, slot, client("new"))

    assert answer.status_code == 201
    assert sent.count("UpdateItem") == 1


@pytest.mark.parametrize("nth", [1, 2])
def test_a_spilled_key_and_a_rival_do_not_both_get_the_slot(api: Api, dynamodb: DynamoDB, nth: int) -> None:
    slot = api.a_slot(*SLOT)
    _hold_and_let_go(api, slot, 8)
    _let_go_last(api, slot)
    answers: list[HTTPResponse] = []

    with dynamodb.before("UpdateItem", lambda: answers.append(api.reserve(slot, client("carol"))), nth=nth):
        answers.append(_reserve(api, slot, client("bob")))

    assert [answer.status_code for answer in answers] == [201, 409]


@pytest.mark.parametrize("key", ["", '""', "a b", "a\tb", "ü", '"unended', '"a"b"c" d', "x" * 256, f'"{"x" * 256}"'])
@pytest.mark.parametrize("path", ["reserve", "publish"])
def test_a_malformed_key_is_bad_input(api: Api, path: str, key: str) -> None:
    slot = api.a_slot()

    answer = _reserve(api, slot, key=key) if path == "reserve" else _publish(api, SLOT, key=key)

    assert _refused(answer) == (400, "invalid-request")
    assert answer.json_body["errors"][0]["pointer"] == "/Idempotency-Key"
    assert api.bookable() == [slot]


@pytest.mark.parametrize(
    "key", ["x", "x" * 255, f'"{"x" * 255}"', "8e03978e-40d5-43dd-bc93-6894a57f9324", "!#$%&'*+-.^_`|~"]
)
def test_a_key_may_be_anything_visible(api: Api, key: str) -> None:
    slot = api.a_slot()
    _reserve(api, slot, key=key)

    again = _reserve(api, slot, key=key)

    assert _replayed(again)


def test_the_item_does_not_tell_the_key(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    _reserve(api, slot, key="a-very-secret-key")

    assert "a-very-secret-key" not in repr(dynamodb.items())
