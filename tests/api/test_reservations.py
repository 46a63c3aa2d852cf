from typing import Any

import pytest

from tests.support import ADMIN, DEMO, Api, Clock, client, provider


def _own(api: Api, who: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/reservations?limit=100", who or client()).json_body["reservations"]
    return found


def _slots(api: Api, count: int) -> list[str]:
    until = f"2027-01-02T{9 + count:02}:00:00Z"
    slots = api.publish(("2027-01-02T09:00:00Z", until), slotMinutes=60).json_body["appointments"]
    return [slot["appointmentId"] for slot in slots]


def test_a_live_hold_is_read(api: Api) -> None:
    slot = api.a_slot()
    hold = api.a_hold(slot)

    answer = api.read(hold)

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert answer.json_body == {
        "reservationId": hold,
        "appointmentId": slot,
        "providerId": "1234",
        "clientId": "alice",
        "startTime": "2027-01-02T09:00:00Z",
        "endTime": "2027-01-02T09:30:00Z",
        "status": "reserved",
        "reservedAt": "2027-01-01T08:00:00Z",
        "expiresAt": "2027-01-01T08:30:00Z",
    }


def test_a_read_says_what_the_reserve_said(api: Api) -> None:
    made = api.reserve(api.a_slot())

    assert api.read(made.json_body["reservationId"]).json_body == made.json_body


def test_a_booking_says_when_it_was_confirmed(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    clock.advance(minutes=5)
    api.confirm(hold)

    seen = api.read(hold).json_body

    assert (seen["status"], seen["confirmedAt"]) == ("confirmed", "2027-01-01T08:05:00Z")
    assert "endedAt" not in seen


def test_a_cancelled_reservation_keeps_all_that_it_was(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    before = api.confirm(hold).json_body
    clock.advance(hours=2)
    api.cancel(hold)

    assert api.read(hold).json_body == before | {"status": "cancelled", "endedAt": "2027-01-01T10:00:00Z"}


def test_a_reservation_reads_as_expired_from_the_second_it_is_over(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    before = api.read(hold).json_body
    clock.advance(minutes=30)

    assert api.read(hold).json_body == before | {"status": "expired", "endedAt": "2027-01-01T08:30:00Z"}


@pytest.mark.parametrize("who", [client(), provider(), DEMO])
def test_its_client_and_its_provider_read_it(api: Api, who: str) -> None:
    assert api.read(api.a_hold(api.a_slot()), who).status_code == 200


@pytest.mark.parametrize("who", [client("bob"), client("1234"), provider("alice"), provider("5678"), ADMIN])
def test_to_others_it_is_not_there(api: Api, who: str) -> None:
    answer = api.read(api.a_hold(api.a_slot()), who)

    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")


def test_to_others_an_ended_one_is_not_there_either(api: Api) -> None:
    hold = api.a_hold(api.a_slot())
    api.cancel(hold)

    assert api.read(hold, client("bob")).status_code == 404


def test_the_client_of_before_does_not_see_the_hold_of_now(api: Api) -> None:
    slot = api.a_slot()
    old = api.a_hold(slot)
    api.cancel(old)
    new = api.a_hold(slot, client("bob"))

    assert api.read(old).json_body["status"] == "cancelled"
    assert api.read(new).status_code == 404


def test_a_nonce_that_never_won_is_not_found(api: Api) -> None:
    hold = api.a_hold(api.a_slot())
    of_another_nonce = hold[:20] + "A" * 16 + hold[36:]

    assert api.read(of_another_nonce).status_code == 404


def test_an_appointment_id_is_no_reservation_id(api: Api) -> None:
    assert api.read(api.a_slot()).status_code == 404


def test_a_reservation_that_is_known_is_304(api: Api) -> None:
    hold = api.a_hold(api.a_slot())

    answer = api.get(f"/reservations/{hold}", client(), if_none_match='"2"')

    assert (answer.status_code, answer.body, answer.headers["ETag"]) == (304, b"", '"2"')


def test_a_reservation_that_has_changed_is_not_304(api: Api) -> None:
    hold = api.a_hold(api.a_slot())
    api.confirm(hold)

    assert api.get(f"/reservations/{hold}", client(), if_none_match='"2"').headers["ETag"] == '"3"'


@pytest.mark.parametrize("new_hold", [False, True])
def test_an_ended_reservation_keeps_its_last_tag(api: Api, new_hold: bool) -> None:  # noqa: FBT001  # a table
    slot = api.a_slot()
    hold = api.a_hold(slot)
    ended = api.cancel(hold).headers["ETag"]
    if new_hold:
        api.a_hold(slot, client("bob"))

    assert api.read(hold).headers["ETag"] == ended == '"3"'


def test_an_expired_reservation_has_the_tag_that_the_release_writes(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    hold = api.a_hold(slot)
    clock.advance(minutes=30)
    before = api.read(hold).headers["ETag"]

    api.reserve(slot, client("bob"))

    assert api.read(hold).headers["ETag"] == before


def test_own_reservations_are_listed_by_the_time_of_the_appointment(api: Api) -> None:
    slots = _slots(api, 3)
    holds = [api.a_hold(slot) for slot in reversed(slots)]

    assert [seen["reservationId"] for seen in _own(api)] == list(reversed(holds))


def test_own_reservations_are_live_and_ended(api: Api, clock: Clock) -> None:
    lapsed, kept, confirmed, cancelled = _slots(api, 4)
    api.a_hold(lapsed)
    clock.advance(minutes=30)
    api.a_hold(kept)
    api.confirm(api.a_hold(confirmed))
    api.cancel(api.a_hold(cancelled))

    assert [seen["status"] for seen in _own(api)] == ["expired", "reserved", "confirmed", "cancelled"]


def test_a_listed_reservation_is_what_its_read_says(api: Api, clock: Clock) -> None:
    first, second = _slots(api, 2)
    api.confirm(api.a_hold(first))
    api.cancel(api.a_hold(second))
    clock.advance(minutes=1)

    assert [api.read(seen["reservationId"]).json_body for seen in _own(api)] == _own(api)


def test_every_reservation_of_one_slot_is_listed(api: Api) -> None:
    slot = api.a_slot()
    for _ in range(3):
        api.cancel(api.a_hold(slot))
    api.a_hold(slot)

    statuses = sorted(seen["status"] for seen in _own(api))

    assert statuses == ["cancelled", "cancelled", "cancelled", "reserved"]


def test_reservations_with_every_provider_are_listed(api: Api) -> None:
    api.put("/providers/5678", ADMIN, {"name": "Other", "timeZone": "UTC"})
    elsewhere = api.publish(("2027-01-02T08:00:00Z", "2027-01-02T08:30:00Z"), provider_id="5678").json_body
    api.a_hold(api.a_slot())
    api.a_hold(elsewhere["appointments"][0]["appointmentId"])

    assert [seen["providerId"] for seen in _own(api)] == ["5678", "1234"]


def test_anothers_reservations_are_not_listed(api: Api) -> None:
    api.a_hold(api.a_slot())

    assert _own(api, client("bob")) == []


def test_a_client_with_none_has_an_empty_list(api: Api) -> None:
    answer = api.get("/reservations?limit=1", client("nobody"))

    assert answer.json_body == {"reservations": [], "nextCursor": None}


def test_a_demo_caller_lists_those_of_the_demo_client(api: Api) -> None:
    hold = api.a_hold(api.a_slot(), DEMO)

    assert [(seen["reservationId"], seen["clientId"]) for seen in _own(api, DEMO)] == [(hold, "demo-client")]


@pytest.mark.parametrize("who", [provider(), ADMIN])
def test_only_a_client_has_reservations_of_its_own(api: Api, who: str) -> None:
    answer = api.get("/reservations?limit=1", who)

    assert (answer.status_code, answer.json_body["code"]) == (403, "forbidden")


def test_the_limit_is_required(api: Api) -> None:
    answer = api.get("/reservations", client())

    assert (answer.status_code, answer.json_body["code"]) == (400, "pagination-required")


def test_a_read_honours_if_match(api: Api) -> None:
    hold = api.a_hold(api.a_slot())

    stale = api.get(f"/reservations/{hold}", client(), If_Match='"99"')
    right = api.get(f"/reservations/{hold}", client(), If_Match='"2"')

    assert (stale.status_code, stale.json_body["code"]) == (412, "precondition-failed")
    assert right.status_code == 200
