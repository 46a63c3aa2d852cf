"""A provider edits a slot while somebody else wants it: one of them wins, and nothing is left behind.

The inner operation runs to its end just before one of the requests of the outer, whichever that is. So it is
always the inner one that wins, and the outer one that must see it.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from chalice.test import HTTPResponse

from tests.support import Api, Clock, DynamoDB, client, provider

HOLD_SECONDS = 1_800
SLOT = ("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z")
THERE = ("2027-01-04T23:30:00Z", "2027-01-05T00:30:00Z")
OVER_THERE = ("2027-01-05T00:15:00Z", "2027-01-05T00:45:00Z")
LATER = "2027-01-03T01:00:00Z"

Operation = Callable[[Api, str, str], HTTPResponse]
"""Of the API, the slot, and the version it is edited at."""


class Race(NamedTuple):
    """`inner` runs within `outer`, both at `version`; the outer one is refused with `code`."""

    outer: Operation
    inner: Operation
    version: str = "*"
    code: str = ""


def _path(slot: str) -> str:
    return f"/providers/1234/appointments/{slot}"


def _interval(start: str, end: str) -> dict[str, str]:
    return {"startTime": start, "endTime": end}


def move(api: Api, slot: str, version: str) -> HTTPResponse:
    return api.patch(_path(slot), provider(), _interval(*THERE), If_Match=version)


def move_nearby(api: Api, slot: str, version: str) -> HTTPResponse:
    return api.patch(_path(slot), provider(), {"startTime": "2027-01-02T23:45:00Z"}, If_Match=version)


def lengthen(api: Api, slot: str, version: str) -> HTTPResponse:
    return api.patch(_path(slot), provider(), {"endTime": LATER}, If_Match=version)


def delete(api: Api, slot: str, version: str) -> HTTPResponse:
    return api.delete(_path(slot), provider(), If_Match=version)


def reserve(api: Api, slot: str, _: str) -> HTTPResponse:
    return api.reserve(slot, client("bob"))


def publish_there(api: Api, _: str, __: str) -> HTTPResponse:
    return api.publish(OVER_THERE)


def publish_where_it_grows(api: Api, _: str, __: str) -> HTTPResponse:
    return api.publish(("2027-01-03T00:45:00Z", "2027-01-03T01:15:00Z"))


def publish_elsewhere_that_day(api: Api, _: str, __: str) -> HTTPResponse:
    return api.publish(
        ("2027-01-03T05:00:00Z", "2027-01-03T06:00:00Z"), ("2027-01-05T05:00:00Z", "2027-01-05T06:00:00Z")
    )


def _interleaved(api: Api, dynamodb: DynamoDB, race: Race, slot: str, nth: int) -> tuple[HTTPResponse, HTTPResponse]:
    """What the outer and the inner one were answered; the inner one runs before the outer one's `nth` request."""
    inside: list[HTTPResponse] = []
    with dynamodb.before("*", lambda: inside.append(race.inner(api, slot, race.version)), nth=nth):
        answer = race.outer(api, slot, race.version)
    return answer, inside[0]


def _refusal(answer: HTTPResponse) -> str:
    code: str = answer.json_body["code"]
    return code


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize(
    "race",
    [
        Race(move, reserve, "*", "appointment-held"),
        Race(move, reserve, '"1"', "precondition-failed"),
        Race(lengthen, reserve, "*", "appointment-held"),
        Race(delete, reserve, "*", "appointment-held"),
        Race(delete, reserve, '"1"', "precondition-failed"),
        Race(reserve, move, "*", "not-found"),
        Race(reserve, delete, "*", "not-found"),
        Race(move, move, "*", "not-found"),
        Race(move, move_nearby, '"1"', "not-found"),
        Race(move_nearby, move, '"1"', "not-found"),
        Race(move, lengthen, '"1"', "precondition-failed"),
        Race(lengthen, move, "*", "not-found"),
        Race(lengthen, lengthen, '"1"', "precondition-failed"),
        Race(delete, delete, "*", "not-found"),
        Race(delete, delete, '"1"', "not-found"),
        Race(delete, move, "*", "not-found"),
        Race(delete, lengthen, '"1"', "precondition-failed"),
        Race(move, delete, "*", "not-found"),
        Race(lengthen, delete, '"1"', "not-found"),
        Race(move, publish_there, '"1"', "slot-overlap"),
        Race(publish_there, move, '"1"', "slot-overlap"),
        Race(lengthen, publish_where_it_grows, '"1"', "slot-overlap"),
        Race(publish_where_it_grows, lengthen, '"1"', "slot-overlap"),
    ],
)
def test_one_of_two_wins(api: Api, dynamodb: DynamoDB, race: Race, nth: int) -> None:
    slot = api.a_slot(*SLOT)

    refused, done = _interleaved(api, dynamodb, race, slot, nth)

    assert done.status_code < 300
    assert _refusal(refused) == race.code
    dynamodb.check_days()


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize(("outer", "inner"), [(move, reserve), (delete, reserve), (lengthen, reserve)])
def test_the_hold_that_won_is_whole(api: Api, dynamodb: DynamoDB, outer: Operation, inner: Operation, nth: int) -> None:
    slot = api.a_slot(*SLOT)

    _, hold = _interleaved(api, dynamodb, Race(outer, inner, "*"), slot, nth)

    reservation = hold.json_body["reservationId"]
    assert api.confirm(reservation, client("bob")).json_body["startTime"] == SLOT[0]
    assert len(dynamodb.items("APPT#")) == 1


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize(("inner", "left"), [(move, 1), (delete, 0)])
def test_a_reserve_that_lost_leaves_no_trace(
    api: Api, dynamodb: DynamoDB, inner: Operation, left: int, nth: int
) -> None:
    slot = api.a_slot(*SLOT)

    _interleaved(api, dynamodb, Race(reserve, inner, "*"), slot, nth)

    assert len(dynamodb.items("APPT#")) == left
    assert api.get("/reservations?limit=5", client("bob")).json_body["reservations"] == []


@pytest.mark.parametrize("nth", [1, 2])
def test_of_two_moves_to_two_places_one_is_where_the_slot_is(api: Api, dynamodb: DynamoDB, nth: int) -> None:
    slot = api.a_slot(*SLOT)

    _, done = _interleaved(api, dynamodb, Race(move, move_nearby, "*"), slot, nth)

    assert api.bookable() == [done.json_body["appointmentId"]]
    assert done.json_body["startTime"] == "2027-01-02T23:45:00Z"


@pytest.mark.parametrize("nth", [1, 2])
def test_of_two_slots_one_is_moved_to_the_same_place(api: Api, dynamodb: DynamoDB, nth: int) -> None:
    slot = api.a_slot(*SLOT)
    other = api.a_slot("2027-01-06T09:00:00Z", "2027-01-06T10:00:00Z")

    refused, done = _interleaved(api, dynamodb, Race(move, lambda *_: move(api, other, "*"), "*"), slot, nth)

    assert done.status_code == 200
    assert _refusal(refused) == "slot-overlap"
    assert api.bookable() == [slot, done.json_body["appointmentId"]]
    dynamodb.check_days()


@pytest.mark.parametrize("nth", [1, 2])
def test_of_two_moves_to_overlapping_places_on_both_sides_of_midnight_one_is_done(
    api: Api, dynamodb: DynamoDB, nth: int
) -> None:
    slot = api.a_slot(*SLOT)
    other = api.a_slot("2027-01-06T09:00:00Z", "2027-01-06T10:00:00Z")

    def move_other(*_: object) -> HTTPResponse:
        return api.patch(_path(other), provider(), _interval(*OVER_THERE), If_Match="*")

    refused, done = _interleaved(api, dynamodb, Race(move, move_other, "*"), slot, nth)

    assert done.status_code == 200
    assert _refusal(refused) == "slot-overlap"
    dynamodb.check_days()


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("outer", [move, move_nearby, lengthen, delete])
def test_an_edit_that_meets_a_publish_elsewhere_that_day_is_done_too(
    api: Api, dynamodb: DynamoDB, outer: Operation, nth: int
) -> None:
    slot = api.a_slot(*SLOT)

    edited, published = _interleaved(api, dynamodb, Race(outer, publish_elsewhere_that_day, '"1"'), slot, nth)

    assert (edited.status_code < 300, published.status_code) == (True, 201)
    dynamodb.check_days()


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("inner", [move, move_nearby, lengthen, delete])
def test_a_publish_that_meets_an_edit_elsewhere_that_day_is_done_too(
    api: Api, dynamodb: DynamoDB, inner: Operation, nth: int
) -> None:
    slot = api.a_slot(*SLOT)

    published, edited = _interleaved(api, dynamodb, Race(publish_elsewhere_that_day, inner, '"1"'), slot, nth)

    assert (edited.status_code < 300, published.status_code) == (True, 201)
    dynamodb.check_days()


@pytest.mark.parametrize("inner", [move, delete])
def test_a_publish_takes_what_an_edit_frees_before_its_second_look(
    api: Api, dynamodb: DynamoDB, inner: Operation
) -> None:
    slot = api.a_slot(*SLOT)

    published, _ = _interleaved(
        api, dynamodb, Race(lambda *_: api.publish(SLOT), lambda *_: inner(api, slot, "*"), "*"), slot, 1
    )

    assert published.status_code == 201
    dynamodb.check_days()


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "race",
    [
        Race(move, reserve, "*", "appointment-held"),
        Race(move, reserve, '"3"', "precondition-failed"),
        Race(delete, reserve, "*", "appointment-held"),
        Race(lengthen, reserve, '"3"', "precondition-failed"),
        Race(reserve, move, '"3"', "not-found"),
        Race(reserve, delete, '"3"', "not-found"),
        Race(move, move_nearby, '"3"', "not-found"),
        Race(delete, delete, '"3"', "not-found"),
        Race(move, delete, '"3"', "not-found"),
        Race(move, publish_there, '"3"', "slot-overlap"),
    ],
)
def test_one_of_two_wins_what_a_lapsed_hold_leaves(
    api: Api, clock: Clock, dynamodb: DynamoDB, race: Race, nth: int
) -> None:
    slot = api.a_slot(*SLOT)
    lapsed = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)

    refused, done = _interleaved(api, dynamodb, race, slot, nth)

    assert done.status_code < 300
    assert _refusal(refused) == race.code
    assert api.read(lapsed).json_body["status"] == "expired"
    assert len(dynamodb.items("ENDED#")) == 1
    dynamodb.check_days()


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
@pytest.mark.parametrize("outer", [move, delete])
def test_a_confirm_in_the_last_second_is_not_edited_away(
    api: Api, clock: Clock, dynamodb: DynamoDB, outer: Operation, nth: int
) -> None:
    """The confirm comes from a Lambda whose clock is a second late."""
    slot = api.a_slot(*SLOT)
    hold = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    confirmed: list[int] = []

    def confirm_late() -> None:
        clock.advance(seconds=-1)
        confirmed.append(api.confirm(hold).status_code)
        clock.advance(seconds=1)

    with dynamodb.before("*", confirm_late, nth=nth):
        answer = outer(api, slot, "*")

    assert (confirmed == [200]) == (_status_of(api, hold) == "confirmed")
    assert (confirmed == [200]) == (answer.status_code == 409)
    dynamodb.check_days()


def _status_of(api: Api, reservation: str) -> str:
    status: str = api.read(reservation).json_body["status"]
    return status


def test_a_slot_published_anew_at_its_start_is_not_moved_in_its_stead(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)
    anew: list[str] = []

    def replace() -> None:
        delete(api, slot, "*")
        anew.append(api.a_slot(*SLOT))

    with dynamodb.before("TransactWriteItems", replace):
        answer = move(api, slot, '"1"')

    assert _refusal(answer) == "not-found"
    assert api.bookable() == anew
    dynamodb.check_days()


def test_a_move_whose_answer_was_lost_is_answered(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)

    with dynamodb.lose_answer("TransactWriteItems"):
        answer = move(api, slot, '"1"')

    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"2"'
    assert answer.headers["Location"] == _path(answer.json_body["appointmentId"])
    assert api.bookable() == [answer.json_body["appointmentId"]]
    dynamodb.check_days()


def test_a_new_end_whose_answer_was_lost_is_answered(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)

    with dynamodb.lose_answer("TransactWriteItems"):
        answer = lengthen(api, slot, '"1"')

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert answer.json_body["endTime"] == LATER
    dynamodb.check_days()


def test_a_move_whose_answer_was_lost_shows_who_was_quick_to_reserve(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)

    with dynamodb.lose_answer("TransactWriteItems", then=lambda: api.a_hold(api.bookable()[0], client("bob"))):
        answer = move(api, slot, '"1"')

    assert answer.status_code == 200
    assert (answer.json_body["status"], answer.json_body["clientId"]) == ("reserved", "bob")
    dynamodb.check_days()


@pytest.mark.parametrize("operation", [move, lengthen, delete])
def test_an_edit_that_is_never_answered_is_unavailable_and_whole(
    api: Api, dynamodb: DynamoDB, operation: Operation
) -> None:
    slot = api.a_slot(*SLOT)

    with dynamodb.lose_answer("TransactWriteItems", forever=True):
        answer = operation(api, slot, '"1"')

    assert (answer.status_code, _refusal(answer)) == (503, "unavailable")
    assert "Retry-After" in answer.headers
    assert len(dynamodb.items("APPT#")) == (operation is not delete)
    dynamodb.check_days()


@pytest.mark.parametrize("operation", [move, lengthen, delete])
def test_a_release_whose_answer_was_lost_does_not_stop_the_edit(
    api: Api, clock: Clock, dynamodb: DynamoDB, operation: Operation
) -> None:
    slot = api.a_slot(*SLOT)
    hold = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)

    with dynamodb.lose_answer("TransactWriteItems"):
        answer = operation(api, slot, '"3"')

    assert answer.status_code < 300
    assert _status_of(api, hold) == "expired"
    dynamodb.check_days()


@pytest.mark.parametrize("operation", [move, lengthen, delete])
def test_an_edit_that_always_meets_another_gives_up_and_changes_nothing(
    api: Api, dynamodb: DynamoDB, operation: Operation
) -> None:
    slot = api.a_slot(*SLOT)
    before = dynamodb.items()

    with dynamodb.failing("TransactWriteItems", "TransactionConflictException"), dynamodb.recorded() as sent:
        answer = operation(api, slot, '"1"')

    assert (answer.status_code, _refusal(answer)) == (503, "unavailable")
    assert sent.count("TransactWriteItems") <= 5
    assert dynamodb.items() == before
