from typing import Any

import pytest
from chalice.test import HTTPResponse

from tests.support import ADMIN, DEMO, Api, Clock, DynamoDB, client, provider

SLOT_START = "2027-01-02T09:00:00Z"
SECONDS_TO_SLOT = 25 * 3_600


def _refused(answer: HTTPResponse) -> tuple[int, str]:
    return answer.status_code, answer.json_body["code"]


def _reserve_for(api: Api, slot: str, who: str, client_id: str | None) -> HTTPResponse:
    body: dict[str, Any] = {} if client_id is None else {"clientId": client_id}
    return api.post(f"/appointments/{slot}/reservations", who, body)


def test_a_reserved_slot_is_told_in_full(api: Api) -> None:
    slot = api.a_slot()

    answer = api.reserve(slot)

    assert answer.status_code == 201
    reservation_id = answer.json_body["reservationId"]
    assert answer.json_body == {
        "reservationId": reservation_id,
        "appointmentId": slot,
        "providerId": "1234",
        "clientId": "alice",
        "startTime": SLOT_START,
        "endTime": "2027-01-02T09:30:00Z",
        "status": "reserved",
        "reservedAt": "2027-01-01T08:00:00Z",
        "expiresAt": "2027-01-01T08:30:00Z",
    }


def test_a_reservation_has_a_place_and_a_version(api: Api) -> None:
    slot = api.a_slot()

    answer = api.reserve(slot)

    assert answer.headers["Location"] == f"/reservations/{answer.json_body['reservationId']}"
    assert answer.headers["ETag"] == '"2"'
    assert "Idempotency-Replayed" not in answer.headers
    assert api.get(answer.headers["Location"], client()).json_body == answer.json_body


def test_a_slot_is_reserved_once(api: Api) -> None:
    slot = api.a_slot()

    first, second = api.reserve(slot), api.reserve(slot, client("bob"))

    assert first.status_code == 201
    assert _refused(second) == (409, "appointment-held")
    assert second.headers["Retry-After"] == "1800"
    assert "reservationId" not in second.json_body


def test_retry_after_says_how_long_the_hold_has_left(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(minutes=29, seconds=59)

    answer = api.reserve(slot, client("bob"))

    assert answer.headers["Retry-After"] == "1"


def test_a_client_is_shown_its_own_hold(api: Api) -> None:
    slot = api.a_slot()
    held = api.a_hold(slot)

    answer = api.reserve(slot)

    assert _refused(answer) == (409, "appointment-held")
    assert answer.json_body["reservationId"] == held
    assert answer.headers["Retry-After"] == "1800"


def test_a_booked_slot_is_not_to_be_had(api: Api) -> None:
    slot = api.a_slot()
    api.confirm(api.a_hold(slot))

    answer = api.reserve(slot, client("bob"))

    assert _refused(answer) == (409, "appointment-booked")
    assert "Retry-After" not in answer.headers


def test_a_booked_slot_stays_booked_when_its_hold_would_have_ended(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    api.confirm(api.a_hold(slot))
    clock.advance(hours=2)

    answer = api.reserve(slot, client("bob"))

    assert _refused(answer) == (409, "appointment-booked")


def test_a_cancelled_slot_is_free_at_once(api: Api) -> None:
    slot = api.a_slot()
    api.cancel(api.a_hold(slot))

    answer = api.reserve(slot, client("bob"))

    assert answer.status_code == 201


def test_the_last_second_before_the_start_is_in_time(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    clock.advance(seconds=SECONDS_TO_SLOT - 1)

    answer = api.reserve(slot)

    assert answer.status_code == 201


def test_a_slot_that_has_started_is_closed(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    clock.advance(seconds=SECONDS_TO_SLOT)

    answer = api.reserve(slot)

    assert _refused(answer) == (409, "appointment-closed")


@pytest.mark.parametrize(("seconds_before", "status"), [(3_601, 201), (3_600, 409)])
def test_the_notice_period_closes_a_slot_to_the_second(
    api: Api, clock: Clock, seconds_before: int, status: int
) -> None:
    policy = {"name": "Careful", "timeZone": "Europe/Vienna", "noticeMinutes": 60}
    api.put("/providers/1234", ADMIN, policy)
    slot = api.a_slot()
    clock.advance(seconds=SECONDS_TO_SLOT - seconds_before)

    answer = api.reserve(slot)

    assert answer.status_code == status
    assert answer.json_body.get("code") in (None, "appointment-closed")


def test_a_lapsed_hold_on_a_closed_slot_is_closed_not_held(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(seconds=SECONDS_TO_SLOT)

    answer = api.reserve(slot, client("bob"))

    assert _refused(answer) == (409, "appointment-closed")


def test_if_match_of_the_version_that_stands_reserves(api: Api) -> None:
    slot = api.a_slot()

    answer = api.reserve(slot, If_Match='"1"')

    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"2"'


def test_one_of_several_versions_is_enough(api: Api) -> None:
    slot = api.a_slot()

    answer = api.reserve(slot, If_Match='"7", "1"')

    assert answer.status_code == 201


@pytest.mark.parametrize("if_match", ['"2"', '"0"', 'W/"1"', '"abc"', '"7", "8"'])
def test_if_match_of_another_version_is_refused_and_changes_nothing(api: Api, if_match: str) -> None:
    slot = api.a_slot()

    answer = api.reserve(slot, If_Match=if_match)

    assert _refused(answer) == (412, "precondition-failed")
    assert api.bookable() == [slot]


def test_if_match_star_reserves_any_version(api: Api) -> None:
    slot = api.a_slot()
    api.cancel(api.a_hold(slot))

    answer = api.reserve(slot, If_Match="*")

    assert answer.status_code == 201


def test_a_malformed_if_match_is_bad_input(api: Api) -> None:
    slot = api.a_slot()

    answer = api.reserve(slot, If_Match="1")

    assert _refused(answer) == (400, "invalid-request")


def test_a_stale_version_is_told_before_a_hold(api: Api) -> None:
    slot = api.a_slot()
    api.a_hold(slot)

    answer = api.reserve(slot, client("bob"), If_Match='"1"')

    assert _refused(answer) == (412, "precondition-failed")


def test_the_shown_version_of_a_lapsed_hold_reserves(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(minutes=30)
    [shown] = api.get("/appointments/1234?limit=1", client("bob")).json_body["appointments"]

    answer = api.reserve(slot, client("bob"), If_Match=f'"{shown["version"]}"')

    assert shown["version"] == 3
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"4"'


def test_the_version_under_a_lapsed_hold_no_longer_stands(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(minutes=30)

    answer = api.reserve(slot, client("bob"), If_Match='"2"')

    assert _refused(answer) == (412, "precondition-failed")
    assert api.bookable() == [slot]


@pytest.mark.parametrize(
    ("who", "client_id", "holder"),
    [
        (client(), None, "alice"),
        (client(), "alice", "alice"),
        (provider(), "bob", "bob"),
        (ADMIN, "bob", "bob"),
        (DEMO, None, "demo-client"),
        (DEMO, "bob", "bob"),
    ],
)
def test_who_may_reserve_for_whom(api: Api, who: str, client_id: str | None, holder: str) -> None:
    slot = api.a_slot()

    answer = _reserve_for(api, slot, who, client_id)

    assert answer.status_code == 201
    assert answer.json_body["clientId"] == holder
    assert api.read(answer.json_body["reservationId"], client(holder)).status_code == 200


@pytest.mark.parametrize(
    ("who", "client_id", "status", "code"),
    [
        (client(), "bob", 403, "forbidden"),
        (provider("999"), "bob", 403, "forbidden"),
        (provider("999"), None, 400, "invalid-request"),
        (provider(), None, 400, "invalid-request"),
        (ADMIN, None, 400, "invalid-request"),
        (ADMIN, "no spaces", 400, "invalid-request"),
    ],
)
def test_who_may_not_reserve_for_whom(api: Api, who: str, client_id: str | None, status: int, code: str) -> None:
    slot = api.a_slot()

    answer = _reserve_for(api, slot, who, client_id)

    assert _refused(answer) == (status, code)
    assert api.bookable() == [slot]


def test_a_missing_client_id_is_pointed_at(api: Api) -> None:
    slot = api.a_slot()

    answer = api.reserve(slot, provider())

    assert [error["pointer"] for error in answer.json_body["errors"]] == ["/clientId"]


def test_nobody_reserves_nothing(api: Api) -> None:
    slot = api.a_slot()

    answer = api.post(f"/appointments/{slot}/reservations", None)

    assert _refused(answer) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["nonsense", "apt_", "apt_AAAA", "1234", "%00", "apt_%E2%82%AC"])
def test_what_is_no_id_names_nothing(api: Api, path: str) -> None:
    answer = api.reserve(path)

    assert _refused(answer) == (404, "not-found")


def test_a_reservation_id_names_no_slot(api: Api) -> None:
    held = api.a_hold(api.a_slot())

    answer = api.reserve(held)

    assert _refused(answer) == (404, "not-found")


def test_an_id_with_another_generation_names_another_slot(api: Api) -> None:
    slot = api.a_slot()
    other = slot[:12] + ("A" * 8) + slot[20:]

    answer = api.reserve(other)

    assert _refused(answer) == (404, "not-found")
    assert api.bookable() == [slot]


def test_an_id_with_another_start_names_nothing(api: Api) -> None:
    slot = api.a_slot()
    later = api.a_slot("2027-01-02T10:00:00Z", "2027-01-02T10:30:00Z")
    mixed = later[:12] + slot[12:20] + later[20:]

    answer = api.reserve(mixed)

    assert _refused(answer) == (404, "not-found")


def test_an_unknown_member_is_an_error(api: Api) -> None:
    slot = api.a_slot()

    answer = api.post(f"/appointments/{slot}/reservations", client(), {"client": "alice"})

    assert _refused(answer) == (400, "invalid-request")
    assert answer.json_body["errors"][0]["pointer"] == "/client"


def test_a_hold_is_in_its_providers_calendar_and_not_in_the_public_list(api: Api) -> None:
    slot = api.a_slot()

    held = api.a_hold(slot)

    [seen] = api.get("/providers/1234/appointments?limit=9", provider()).json_body["appointments"]
    assert (seen["status"], seen["reservationId"], seen["clientId"]) == ("reserved", held, "alice")
    assert seen["expiresAt"] == "2027-01-01T08:30:00Z"
    assert api.bookable() == []


def test_a_reserve_whose_answer_was_lost_still_says_201(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    with dynamodb.lose_answer("UpdateItem"):
        answer = api.reserve(slot)

    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers
    assert api.read(answer.json_body["reservationId"]).json_body["status"] == "reserved"


def test_a_reserve_that_never_hears_from_the_table_says_503(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    with dynamodb.lose_answer("UpdateItem", forever=True):
        answer = api.reserve(slot)

    assert _refused(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ProvisionedThroughputExceededException", "TransactionConflictException"]
)
def test_a_reserve_in_the_way_of_others_is_told_to_come_back(api: Api, dynamodb: DynamoDB, code: str) -> None:
    slot = api.a_slot()

    with dynamodb.failing("UpdateItem", code):
        answer = api.reserve(slot)

    assert _refused(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert api.bookable() == [slot]


def test_a_reserve_that_meets_a_transaction_tries_again(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    with dynamodb.failing("UpdateItem", "TransactionConflictException", times=4):
        answer = api.reserve(slot)

    assert answer.status_code == 201


def test_a_hold_that_is_over_does_not_stand_in_the_way(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    old = api.a_hold(slot)
    clock.advance(minutes=30)

    answer = api.reserve(slot, client("bob"))

    assert answer.status_code == 201
    assert api.read(old).json_body["status"] == "expired"
