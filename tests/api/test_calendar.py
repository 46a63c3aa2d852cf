import pytest

from tests.support import ADMIN, DEMO, Api, Clock, client, provider

PATH = "/providers/1234/appointments"


def _three_slots(api: Api) -> list[str]:
    slots = api.publish(("2027-01-02T09:00:00Z", "2027-01-02T10:30:00Z"), slotMinutes=30).json_body["appointments"]
    return [slot["appointmentId"] for slot in slots]


def test_the_calendar_shows_every_status(api: Api) -> None:
    _, held, booked = _three_slots(api)
    api.a_hold(held)
    api.confirm(api.a_hold(booked))

    page = api.get(f"{PATH}?limit=100", provider()).json_body

    assert [slot["status"] for slot in page["appointments"]] == ["available", "reserved", "confirmed"]
    assert page["nextCursor"] is None


def test_the_calendar_says_who_holds_a_slot(api: Api) -> None:
    slot = api.a_slot()
    hold = api.a_hold(slot)

    page = api.get(f"{PATH}?limit=1", provider()).json_body

    assert page["appointments"] == [
        {
            "appointmentId": slot,
            "providerId": "1234",
            "startTime": "2027-01-02T09:00:00Z",
            "endTime": "2027-01-02T09:30:00Z",
            "status": "reserved",
            "version": 2,
            "reservationId": hold,
            "clientId": "alice",
            "expiresAt": "2027-01-01T08:30:00Z",
        }
    ]


def test_the_calendar_says_nothing_of_a_hold_that_is_over(api: Api, clock: Clock) -> None:
    api.a_hold(api.a_slot())

    clock.advance(minutes=30)

    [slot] = api.get(f"{PATH}?limit=1", provider()).json_body["appointments"]
    assert (slot["status"], slot["version"]) == ("available", 3)
    assert not {"reservationId", "clientId", "expiresAt"} & set(slot)


def test_the_calendar_shows_what_is_past(api: Api, clock: Clock) -> None:
    slots = _three_slots(api)

    clock.advance(days=7)

    page = api.get(f"{PATH}?limit=100", provider()).json_body
    assert [slot["appointmentId"] for slot in page["appointments"]] == slots


def test_the_calendar_shows_appointments_only(api: Api) -> None:
    api.cancel(api.a_hold(api.a_slot()))

    assert len(api.get(f"{PATH}?limit=100", provider()).json_body["appointments"]) == 1


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("&start=2027-01-02T09:30:00Z", 2),
        ("&end=2027-01-02T09:30:00Z", 1),
        ("&start=2027-01-02T09:30:00Z&end=2027-01-02T10:00:00Z", 1),
        ("&start=2020-01-01T00:00:00Z&end=2026-01-01T00:00:00Z", 0),
        ("&start=1969-01-01T00:00:00Z", 3),
        ("&end=1969-01-01T00:00:00Z", 0),
        ("&end=1970-01-01T00:00:00Z", 0),
        ("&start=0500-01-01T00:00:00Z", 3),
        ("&end=0500-01-01T00:00:00Z", 0),
        ("&start=9000-01-01T00:00:00Z", 0),
        ("&end=9000-01-01T00:00:00Z", 3),
    ],
)
def test_start_and_end_narrow_the_calendar(api: Api, query: str, count: int) -> None:
    _three_slots(api)

    assert len(api.get(f"{PATH}?limit=100{query}", provider()).json_body["appointments"]) == count


def test_the_limit_is_required(api: Api) -> None:
    answer = api.get(PATH, provider())

    assert (answer.status_code, answer.json_body["code"]) == (400, "pagination-required")


@pytest.mark.parametrize("who", [provider("5678"), client("1234"), client(), ADMIN])
def test_another_may_not_see_the_calendar(api: Api, who: str) -> None:
    answer = api.get(f"{PATH}?limit=1", who)

    assert (answer.status_code, answer.json_body["code"]) == (403, "forbidden")


def test_a_demo_caller_sees_any_calendar(api: Api) -> None:
    assert api.get(f"{PATH}?limit=1", DEMO).status_code == 200


def test_a_provider_id_in_the_path_may_be_percent_encoded(api: Api) -> None:
    answer = api.get("/providers/auth0%7C5f7c/appointments?limit=1", provider("auth0|5f7c"))

    assert answer.status_code != 403


def test_one_appointment_is_read_with_its_tag(api: Api) -> None:
    slot = api.a_slot()
    hold = api.a_hold(slot)

    answer = api.get(f"{PATH}/{slot}", provider())

    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"2"'
    assert (answer.json_body["appointmentId"], answer.json_body["reservationId"]) == (slot, hold)


def test_one_appointment_that_is_known_is_304(api: Api) -> None:
    slot = api.a_slot()

    answer = api.get(f"{PATH}/{slot}", provider(), if_none_match='"1"')

    assert (answer.status_code, answer.body) == (304, b"")
    assert answer.headers["ETag"] == '"1"'


def test_one_appointment_that_has_changed_is_not_304(api: Api) -> None:
    slot = api.a_slot()
    api.a_hold(slot)

    assert api.get(f"{PATH}/{slot}", provider(), if_none_match='"1"').status_code == 200


def test_the_tag_changes_from_the_second_a_hold_is_over(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(minutes=30)

    answer = api.get(f"{PATH}/{slot}", provider(), if_none_match='"2"')

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"3"')


@pytest.mark.parametrize("who", [provider("5678"), client(), ADMIN])
def test_another_may_not_read_one_appointment(api: Api, who: str) -> None:
    answer = api.get(f"{PATH}/{api.a_slot()}", who)

    assert (answer.status_code, answer.json_body["code"]) == (403, "forbidden")


def test_an_appointment_of_another_provider_is_not_in_the_calendar(api: Api) -> None:
    slot = api.a_slot()

    answer = api.get(f"/providers/5678/appointments/{slot}", provider("5678"))

    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")


def test_an_appointment_that_was_never_published_is_not_found(api: Api) -> None:
    slot = api.a_slot()
    of_another_generation = slot[:12] + "AAAAAAAA" + slot[20:]

    answer = api.get(f"{PATH}/{of_another_generation}", provider())

    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")
