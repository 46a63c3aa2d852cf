"""The write goes through and its answer is lost: the SDK sends it again, and the caller hears of nothing."""

from collections.abc import Callable

import pytest
from chalice.test import HTTPResponse

from tests.support import ADMIN, Api, Clock, DynamoDB, client, provider

SLOT = ("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z")
PROFILE = {"name": "New practice", "timeZone": "Europe/Vienna"}
HOLD_SECONDS = 1_800


def _plain(answer: HTTPResponse, status: int) -> bool:
    """Whether it is what it would be had nothing been lost."""
    return answer.status_code == status and "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("key", [{}, {"Idempotency_Key": "one"}])
def test_a_publish_is_told_as_done_and_done_once(api: Api, dynamodb: DynamoDB, key: dict[str, str]) -> None:
    body = {"providerId": "1234", "slots": [{"startTime": SLOT[0], "endTime": SLOT[1]}]}

    with dynamodb.lose_answer("TransactWriteItems"):
        answer = api.post("/appointments", provider(), body, **key)

    assert _plain(answer, 201)
    [made] = answer.json_body["appointments"]
    assert (made["status"], made["version"]) == ("available", 1)
    assert api.bookable() == [made["appointmentId"]]


def test_a_publish_tells_what_has_become_of_its_slots_meanwhile(api: Api, dynamodb: DynamoDB) -> None:
    def reserve() -> None:
        api.reserve(api.bookable()[0])

    with dynamodb.lose_answer("TransactWriteItems", then=reserve):
        answer = api.publish(SLOT, ("2027-01-02T10:00:00Z", "2027-01-02T10:30:00Z"))

    assert _plain(answer, 201)
    assert [slot["status"] for slot in answer.json_body["appointments"]] == ["reserved", "available"]


def test_a_publish_whose_slot_was_replaced_meanwhile_does_not_claim_the_other(api: Api, dynamodb: DynamoDB) -> None:
    made: list[str] = []

    def replace() -> None:
        [old] = api.bookable()
        api.delete(f"/providers/1234/appointments/{old}", provider(), If_Match="*")
        made.append(api.a_slot(*SLOT))

    with dynamodb.lose_answer("TransactWriteItems", then=replace):
        answer = api.publish(SLOT)

    assert _plain(answer, 201)
    assert answer.json_body["appointments"] == []
    assert api.bookable() == made


def test_a_reserve_is_told_as_done_and_done_once(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    with dynamodb.recorded() as sent, dynamodb.lose_answer("UpdateItem"):
        answer = api.reserve(slot)

    assert _plain(answer, 201)
    assert answer.headers["ETag"] == '"2"'
    assert sent.count("UpdateItem") == 2
    [mine] = api.get("/reservations?limit=9", client()).json_body["reservations"]
    assert mine == answer.json_body


@pytest.mark.parametrize("headers", [{"If_Match": '"1"'}, {"Idempotency_Key": "one"}])
def test_a_reserve_that_was_done_beats_its_own_conditions(
    api: Api, dynamodb: DynamoDB, headers: dict[str, str]
) -> None:
    slot = api.a_slot()

    with dynamodb.lose_answer("UpdateItem"):
        answer = api.reserve(slot, **headers)

    assert _plain(answer, 201)
    assert answer.json_body["status"] == "reserved"


def test_a_reserve_over_a_lapsed_hold_is_told_as_done(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    old = api.a_hold(slot, client("bob"))
    clock.advance(seconds=HOLD_SECONDS)

    with dynamodb.lose_answer("UpdateItem", nth=2):
        answer = api.reserve(slot)

    assert _plain(answer, 201)
    assert api.read(old, client("bob")).json_body["status"] == "expired"


def test_a_release_on_the_way_to_a_reserve_is_done_once(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    api.a_hold(slot, client("bob"))
    clock.advance(seconds=HOLD_SECONDS)

    with dynamodb.lose_answer("TransactWriteItems"):
        answer = api.reserve(slot)

    assert _plain(answer, 201)
    assert answer.headers["ETag"] == '"4"'
    assert len(dynamodb.items("ENDED#")) == 1


def test_a_reserve_whose_hold_was_cancelled_meanwhile_does_not_take_the_slot_again(
    api: Api, dynamodb: DynamoDB
) -> None:
    slot = api.a_slot()

    def cancel() -> None:
        [mine] = api.get("/reservations?limit=9", client()).json_body["reservations"]
        api.cancel(mine["reservationId"])

    with dynamodb.lose_answer("UpdateItem", then=cancel):
        answer = api.reserve(slot)

    assert _plain(answer, 201)
    assert answer.json_body["status"] == "cancelled"
    assert api.bookable() == [slot]


def test_a_reserve_whose_hold_was_confirmed_meanwhile_says_so(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    def confirm() -> None:
        [mine] = api.get("/reservations?limit=9", client()).json_body["reservations"]
        api.confirm(mine["reservationId"])

    with dynamodb.lose_answer("UpdateItem", then=confirm):
        answer = api.reserve(slot)

    assert _plain(answer, 201)
    assert answer.json_body["status"] == "confirmed"


def test_a_reserve_whose_hold_has_lapsed_meanwhile_does_not_take_the_slot_again(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    slot = api.a_slot()

    with dynamodb.lose_answer("UpdateItem", then=lambda: clock.advance(seconds=HOLD_SECONDS)):
        answer = api.reserve(slot)

    assert _plain(answer, 201)
    assert answer.json_body["expiresAt"] == "2027-01-01T08:30:00Z"
    assert api.bookable() == [slot]


def test_a_reserve_whose_slot_is_anothers_by_then_is_told_what_became_of_it(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    """The Lambda was frozen between the two; a key of the caller's is kept long enough to tell."""
    slot = api.a_slot()

    def lapse_and_be_taken() -> None:
        clock.advance(seconds=HOLD_SECONDS)
        api.confirm(api.a_hold(slot, client("bob")), client("bob"))

    with dynamodb.lose_answer("UpdateItem", then=lapse_and_be_taken):
        answer = api.reserve(slot, Idempotency_Key="one")

    assert _plain(answer, 201)
    assert answer.json_body["status"] == "expired"


def test_a_short_hold_that_was_taken_over_within_the_sdks_patience_is_told_as_it_was(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    api.put("/providers/1234", ADMIN, PROFILE | {"holdMinutes": 0.05})
    slot = api.a_slot()

    def lapse_and_take() -> None:
        clock.advance(seconds=3)
        api.a_hold(slot, client("bob"))

    with dynamodb.lose_answer("UpdateItem", then=lapse_and_take):
        answer = api.reserve(slot)

    assert _plain(answer, 201)
    assert answer.json_body["status"] == "expired"
    assert answer.json_body["clientId"] == "alice"


@pytest.mark.parametrize("headers", [{}, {"If_Match": '"2"'}])
def test_a_confirm_is_told_as_done(api: Api, dynamodb: DynamoDB, headers: dict[str, str]) -> None:
    reservation = api.a_hold(api.a_slot())

    with dynamodb.lose_answer("UpdateItem"):
        answer = api.confirm(reservation, **headers)

    assert _plain(answer, 200)
    assert answer.json_body["status"] == "confirmed"
    assert answer.headers["ETag"] == '"3"'


def test_a_confirm_in_the_last_second_stands_though_its_repeat_came_late(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    reservation = api.a_hold(api.a_slot())
    clock.advance(seconds=HOLD_SECONDS - 1)

    with dynamodb.lose_answer("UpdateItem", then=lambda: clock.advance(seconds=5)):
        answer = api.confirm(reservation)

    assert _plain(answer, 200)
    assert answer.json_body["confirmedAt"] == "2027-01-01T08:29:59Z"


@pytest.mark.parametrize("taken", [False, True])
def test_a_confirm_whose_booking_was_cancelled_meanwhile_is_told_that(
    api: Api, dynamodb: DynamoDB, *, taken: bool
) -> None:
    slot = api.a_slot()
    reservation = api.a_hold(slot)

    def cancel() -> None:
        api.cancel(reservation, provider())
        if taken:
            api.a_hold(slot, client("bob"))

    with dynamodb.lose_answer("UpdateItem", then=cancel):
        answer = api.confirm(reservation)

    assert (answer.status_code, answer.json_body["code"]) == (410, "reservation-cancelled")
    assert api.read(reservation).json_body["confirmedAt"] is not None


@pytest.mark.parametrize("confirmed", [False, True])
@pytest.mark.parametrize("matching", [False, True])
def test_a_cancel_is_told_as_done_and_done_once(
    api: Api, dynamodb: DynamoDB, *, confirmed: bool, matching: bool
) -> None:
    slot = api.a_slot()
    reservation = api.a_hold(slot)
    if confirmed:
        api.confirm(reservation)
    headers = {"If_Match": api.read(reservation).headers["ETag"]} if matching else {}

    with dynamodb.lose_answer("TransactWriteItems"):
        answer = api.cancel(reservation, **headers)

    assert _plain(answer, 200)
    assert answer.json_body["status"] == "cancelled"
    assert answer.json_body["endedAt"] == "2027-01-01T08:00:00Z"
    assert len(dynamodb.items("ENDED#")) == 1
    assert api.bookable() == [slot]


def test_a_cancel_whose_slot_was_taken_meanwhile_leaves_the_new_hold(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    reservation = api.a_hold(slot)
    taken: list[str] = []

    with dynamodb.lose_answer("TransactWriteItems", then=lambda: taken.append(api.a_hold(slot, client("bob")))):
        answer = api.cancel(reservation)

    assert _plain(answer, 200)
    assert answer.json_body["status"] == "cancelled"
    assert api.read(taken[0], client("bob")).json_body["status"] == "reserved"


def test_a_new_provider_is_told_as_made_once(api: Api, dynamodb: DynamoDB) -> None:
    with dynamodb.lose_answer("UpdateItem"):
        answer = api.put("/providers/5678", ADMIN, PROFILE)

    assert _plain(answer, 201)
    assert answer.headers["ETag"] == api.get("/providers/5678", client()).headers["ETag"] == '"1"'


def test_a_changed_provider_is_told_as_changed_once(api: Api, dynamodb: DynamoDB) -> None:
    seen = api.get("/providers/1234", ADMIN).headers["ETag"]

    with dynamodb.lose_answer("UpdateItem"):
        answer = api.put("/providers/1234", ADMIN, PROFILE, If_Match=seen)

    assert _plain(answer, 200)
    assert answer.json_body["name"] == "New practice"
    assert answer.headers["ETag"] == f'"{int(seen.strip(chr(34))) + 1}"'


def _publish(api: Api) -> HTTPResponse:
    return api.publish(("2027-01-05T09:00:00Z", "2027-01-05T09:30:00Z"))


def _reserve(api: Api) -> HTTPResponse:
    return api.reserve(api.a_slot())


def _confirm(api: Api) -> HTTPResponse:
    return api.confirm(api.a_hold(api.a_slot()))


def _put(api: Api) -> HTTPResponse:
    return api.put("/providers/5678", ADMIN, PROFILE)


@pytest.mark.parametrize(
    ("write", "operation", "nth"),
    [
        (_publish, "TransactWriteItems", 1),
        (_publish, "BatchGetItem", 1),
        (_reserve, "UpdateItem", 1),
        (_confirm, "UpdateItem", 2),
        (_put, "UpdateItem", 1),
    ],
)
def test_a_write_that_is_never_answered_is_unavailable(
    api: Api, dynamodb: DynamoDB, write: Callable[[Api], HTTPResponse], operation: str, nth: int
) -> None:
    with dynamodb.lose_answer(operation, nth=nth, forever=True):
        answer = write(api)

    assert (answer.status_code, answer.json_body["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"


def test_a_cancel_that_is_never_answered_can_be_asked_again(api: Api, dynamodb: DynamoDB) -> None:
    reservation = api.a_hold(api.a_slot())
    with dynamodb.lose_answer("TransactWriteItems", forever=True):
        lost = api.cancel(reservation)

    again = api.cancel(reservation)

    assert lost.status_code == 503
    assert _plain(again, 200)
    assert again.json_body["status"] == "cancelled"


def test_a_confirm_that_is_never_answered_can_be_asked_again(api: Api, dynamodb: DynamoDB) -> None:
    reservation = api.a_hold(api.a_slot())
    with dynamodb.lose_answer("UpdateItem", forever=True):
        lost = api.confirm(reservation)

    again = api.confirm(reservation)

    assert lost.status_code == 503
    assert _plain(again, 200)
    assert again.headers["ETag"] == '"3"'


def test_a_reserve_that_was_never_answered_is_found_again_by_its_key(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    with dynamodb.lose_answer("UpdateItem", forever=True):
        lost = api.reserve(slot, Idempotency_Key="one")
    [made] = api.get("/reservations?limit=9", client()).json_body["reservations"]

    again = api.reserve(slot, Idempotency_Key="one")

    assert lost.status_code == 503
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json_body == made


def test_a_reserve_that_was_never_answered_without_a_key_is_named_to_its_client(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    with dynamodb.lose_answer("UpdateItem", forever=True):
        api.reserve(slot)
    [made] = api.get("/reservations?limit=9", client()).json_body["reservations"]

    again = api.reserve(slot)

    assert again.status_code == 409
    assert again.json_body["reservationId"] == made["reservationId"]


def test_a_publish_that_was_never_answered_is_found_again_by_its_key(api: Api, dynamodb: DynamoDB) -> None:
    body = {"providerId": "1234", "slots": [{"startTime": SLOT[0], "endTime": SLOT[1]}]}
    with dynamodb.lose_answer("TransactWriteItems", forever=True):
        lost = api.post("/appointments", provider(), body, Idempotency_Key="one")

    again = api.post("/appointments", provider(), body, Idempotency_Key="one")

    assert lost.status_code == 503
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert [slot["appointmentId"] for slot in again.json_body["appointments"]] == api.bookable()


@pytest.mark.parametrize("answers", [{"forever": True}, {}])
def test_a_sweep_whose_release_was_not_answered_does_no_harm(
    api: Api, clock: Clock, dynamodb: DynamoDB, answers: dict[str, bool]
) -> None:
    slot = api.a_slot()
    reservation = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)

    with dynamodb.lose_answer("TransactWriteItems", **answers):  # type: ignore[arg-type]  # only `forever`
        taken = api.reserve(slot, client("bob"))

    assert taken.status_code == (503 if answers else 201)
    assert api.read(reservation).json_body["status"] == "expired"
    assert len(dynamodb.items("ENDED#")) == 1
