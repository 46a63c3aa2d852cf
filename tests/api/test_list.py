import pytest

from tests.support import ADMIN, DEMO, Api, Clock, client, provider

HOURS = [f"2027-01-02T{hour:02}:00:00Z" for hour in range(9, 14)]


def _publish_hours(api: Api) -> list[str]:
    """Ids of five slots of an hour each, from nine on."""
    slots = api.publish(("2027-01-02T09:00:00Z", "2027-01-02T14:00:00Z"), slotMinutes=60).json_body["appointments"]
    return [slot["appointmentId"] for slot in slots]


def _starts(api: Api, query: str = "") -> list[str]:
    page = api.get(f"/appointments/1234?limit=100{query}", client()).json_body
    return [slot["startTime"] for slot in page["appointments"]]


def test_free_slots_are_listed_by_start_time(api: Api) -> None:
    api.publish(("2027-01-03T09:00:00Z", "2027-01-03T09:30:00Z"))
    api.publish(("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z"))

    assert _starts(api) == ["2027-01-02T09:00:00Z", "2027-01-03T09:00:00Z"]


def test_a_listed_slot_is_the_public_one(api: Api) -> None:
    slot = api.a_slot()

    page = api.get("/appointments/1234?limit=1", client()).json_body

    assert page == {
        "appointments": [
            {
                "appointmentId": slot,
                "providerId": "1234",
                "startTime": "2027-01-02T09:00:00Z",
                "endTime": "2027-01-02T09:30:00Z",
                "status": "available",
                "version": 1,
            }
        ],
        "nextCursor": None,
    }


@pytest.mark.parametrize("who", [client(), client("bob"), provider(), provider("5678"), ADMIN, DEMO])
def test_anyone_who_is_signed_in_may_list(api: Api, who: str) -> None:
    assert api.get("/appointments/1234?limit=1", who).status_code == 200


def test_a_provider_with_nothing_to_reserve_has_an_empty_list(api: Api) -> None:
    answer = api.get("/appointments/1234?limit=1", client())

    assert answer.status_code == 200
    assert answer.json_body == {"appointments": [], "nextCursor": None}


@pytest.mark.parametrize("provider_id", ["nobody", "-", "a%20b", "%00", "12%2F34", "A" * 129])
def test_an_unknown_provider_is_not_found(api: Api, provider_id: str) -> None:
    answer = api.get(f"/appointments/{provider_id}?limit=1", client())

    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")


def test_a_held_slot_is_not_listed(api: Api) -> None:
    slots = _publish_hours(api)

    api.a_hold(slots[1])

    assert _starts(api) == HOURS[:1] + HOURS[2:]


def test_a_booked_slot_is_not_listed(api: Api, clock: Clock) -> None:
    slots = _publish_hours(api)
    api.confirm(api.a_hold(slots[1]))

    clock.advance(minutes=31)

    assert _starts(api) == HOURS[:1] + HOURS[2:]


@pytest.mark.parametrize(("seconds", "free"), [(1_799, 4), (1_800, 5)])
def test_a_slot_is_listed_again_from_the_second_its_hold_is_over(
    api: Api, clock: Clock, seconds: int, free: int
) -> None:
    slots = _publish_hours(api)
    api.a_hold(slots[0])

    clock.advance(seconds=seconds)

    assert len(_starts(api)) == free


def test_a_slot_whose_hold_is_over_is_listed_with_the_version_that_if_match_takes(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(minutes=30)

    [listed] = api.get("/appointments/1234?limit=1", client()).json_body["appointments"]

    assert (listed["status"], listed["version"]) == ("available", 3)
    assert api.reserve(slot, client("bob"), if_match='"3"').status_code == 201


def test_a_cancelled_slot_is_listed_at_once(api: Api) -> None:
    slot = api.a_slot()

    api.cancel(api.a_hold(slot))

    assert api.bookable() == [slot]


@pytest.mark.parametrize(("seconds", "free"), [(-1, 5), (0, 4)])
def test_a_slot_that_has_started_is_not_listed(api: Api, clock: Clock, seconds: int, free: int) -> None:
    _publish_hours(api)

    clock.advance(hours=25, seconds=seconds)

    assert len(_starts(api)) == free


@pytest.mark.parametrize(("seconds", "free"), [(-1, 5), (0, 4)])
def test_a_slot_inside_the_notice_period_is_not_listed(api: Api, clock: Clock, seconds: int, free: int) -> None:
    api.put("/providers/1234", ADMIN, {"name": "Demo", "timeZone": "UTC", "noticeMinutes": 60})
    _publish_hours(api)

    clock.advance(hours=24, seconds=seconds)

    assert len(_starts(api)) == free


@pytest.mark.parametrize(
    ("query", "starts"),
    [
        (f"&start={HOURS[2]}", HOURS[2:]),
        (f"&end={HOURS[2]}", HOURS[:2]),
        (f"&start={HOURS[1]}&end={HOURS[3]}", HOURS[1:3]),
        ("&start=2027-01-02T10:00:01Z", HOURS[2:]),
        ("&end=2027-01-02T10:00:01Z", HOURS[:2]),
        ("&start=2027-01-02T11:00:00%2B02:00", HOURS),
        ("&start=2027-01-02T12:00:00%2B02:00", HOURS[1:]),
        ("&start=2027-01-02T12:00:00+02:00", HOURS[1:]),
        ("&start=2027-01-02T05:00:00-05:00", HOURS[1:]),
        ("&start=2020-01-01T00:00:00Z", HOURS),
        ("&end=2020-01-01T00:00:00Z", []),
        ("&end=2027-01-01T08:00:00Z", []),
        ("&start=2027-01-03T00:00:00Z", []),
    ],
)
def test_start_and_end_narrow_the_list_to_what_starts_in_between(api: Api, query: str, starts: list[str]) -> None:
    _publish_hours(api)

    assert _starts(api, query) == starts


@pytest.mark.parametrize(
    "query",
    [
        f"&start={HOURS[1]}&end={HOURS[1]}",
        f"&start={HOURS[2]}&end={HOURS[1]}",
        "&start=2027-01-02T09:00:00Z&end=2027-01-02T10:00:00%2B02:00",
    ],
)
def test_a_start_that_is_not_before_the_end_is_refused(api: Api, query: str) -> None:
    answer = api.get(f"/appointments/1234?limit=1{query}", client())

    assert (answer.status_code, answer.json_body["code"]) == (400, "invalid-request")


def test_the_limit_is_required(api: Api) -> None:
    answer = api.get("/appointments/1234", client())

    assert (answer.status_code, answer.json_body["code"]) == (400, "pagination-required")
    assert answer.json_body["errors"][0]["pointer"] == "/limit"


def test_another_providers_slots_are_not_listed(api: Api) -> None:
    api.put("/providers/12345", ADMIN, {"name": "Neighbour", "timeZone": "UTC"})
    api.publish(("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z"), provider_id="12345")

    assert api.bookable() == []
    assert len(api.bookable("12345")) == 1


@pytest.mark.parametrize("provider_id", ["auth0|5f7c", "urn:x:y", "dr@clinic.example", "a.b_c-d"])
def test_a_provider_id_may_be_percent_encoded(api: Api, provider_id: str) -> None:
    encoded = provider_id.replace("|", "%7C").replace(":", "%3A").replace("@", "%40")
    api.put(f"/providers/{encoded}", ADMIN, {"name": "Odd", "timeZone": "UTC"})
    api.publish(("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z"), provider_id=provider_id)

    assert len(api.bookable(encoded)) == 1
    assert api.bookable(encoded) == api.bookable(provider_id)


@pytest.mark.parametrize("path", ["/appointments/1234", "/providers/1234/appointments"])
def test_a_stretch_before_the_clock_began_is_empty(api: Api, path: str) -> None:
    answer = api.get(f"{path}?limit=1&start=1960-01-01T00:00:00Z&end=1965-01-01T00:00:00Z", DEMO)

    assert (answer.status_code, answer.json_body["appointments"]) == (200, [])
