from typing import Any

import pytest

from chalicelib import clock as clock_module
from chalicelib.store.items import Day, day_key
from tests.support import ADMIN, DEMO, Api, Clock, client, provider

NINE = ("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z")
TEN = ("2027-01-02T10:00:00Z", "2027-01-02T10:30:00Z")


def _body(*intervals: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"providerId": "1234", "slots": [{"startTime": start, "endTime": end} for start, end in intervals]} | more


def _times(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(slot["startTime"], slot["endTime"]) for slot in answer["appointments"]]


def _calendar(api: Api) -> list[tuple[str, str]]:
    return _times(api.get("/providers/1234/appointments?limit=100", provider()).json_body)


def test_a_published_slot_is_available_and_of_version_1(api: Api) -> None:
    answer = api.publish(NINE)

    [slot] = answer.json_body["appointments"]
    assert answer.status_code == 201
    assert slot.pop("appointmentId").startswith("apt_")
    assert slot == {
        "providerId": "1234",
        "startTime": NINE[0],
        "endTime": NINE[1],
        "status": "available",
        "version": 1,
    }


def test_slots_come_back_in_time_order(api: Api) -> None:
    answer = api.publish(TEN, NINE)

    assert _times(answer.json_body) == [NINE, TEN]


def test_a_time_with_an_offset_comes_back_in_utc(api: Api) -> None:
    answer = api.publish(("2027-01-02T11:00:00+02:00", "2027-01-02T04:30:00-05:00"))

    assert _times(answer.json_body) == [NINE]


def test_an_interval_is_cut_into_slots(api: Api) -> None:
    answer = api.publish(("2027-01-02T09:00:00Z", "2027-01-02T10:30:00Z"), slotMinutes=30)

    assert _times(answer.json_body) == [NINE, ("2027-01-02T09:30:00Z", "2027-01-02T10:00:00Z"), TEN]


def test_each_of_several_intervals_is_cut(api: Api) -> None:
    answer = api.publish(NINE, TEN, slotMinutes=15)

    assert [start[11:16] for start, _ in _times(answer.json_body)] == ["09:00", "09:15", "10:00", "10:15"]


def test_every_slot_has_an_id_of_its_own(api: Api) -> None:
    slots = api.publish(NINE, TEN).json_body["appointments"]

    assert len({slot["appointmentId"] for slot in slots}) == 2


def test_slot_minutes_may_be_null(api: Api) -> None:
    assert api.publish(NINE, slotMinutes=None).status_code == 201


def test_ninety_slots_are_published_at_once(api: Api) -> None:
    answer = api.publish(("2027-01-02T09:00:00Z", "2027-01-02T10:30:00Z"), slotMinutes=1)

    assert answer.status_code == 201
    assert len(answer.json_body["appointments"]) == 90


def test_ninety_slots_over_eight_days_are_published_at_once(api: Api) -> None:
    """Nine UTC days: the most that fits a transaction."""
    intervals = [(f"2027-02-{day:02}T12:00:00Z", f"2027-02-{day:02}T23:00:00Z") for day in range(1, 9)]
    intervals.append(("2027-02-09T10:00:00Z", "2027-02-09T12:00:00Z"))

    answer = api.publish(*intervals, slotMinutes=60)

    assert answer.status_code == 201
    assert len(answer.json_body["appointments"]) == 90


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2027-01-01T08:00:01Z", "2027-01-01T08:00:02Z"),
        ("2027-01-02T09:00:00Z", "2027-01-03T09:00:00Z"),
        ("2032-01-01T07:00:00Z", "2032-01-01T08:00:00Z"),
    ],
)
def test_the_outermost_slots_that_may_be(api: Api, start: str, end: str) -> None:
    assert api.publish((start, end)).status_code == 201


@pytest.mark.parametrize(
    ("intervals", "slot_minutes", "pointer"),
    [
        ([("2027-01-01T08:00:00Z", "2027-01-01T09:00:00Z")], None, "/slots/0/startTime"),
        ([NINE, ("2020-01-01T08:00:00Z", "2020-01-01T09:00:00Z")], None, "/slots/1/startTime"),
        ([("2032-01-01T07:00:00Z", "2032-01-01T08:00:01Z")], None, "/slots/0/endTime"),
        ([(NINE[1], NINE[0])], None, "/slots/0/endTime"),
        ([(NINE[0], NINE[0])], None, "/slots/0/endTime"),
        ([("2027-01-02T09:00:00Z", "2027-01-03T09:00:01Z")], None, "/slots/0/endTime"),
        ([("2027-01-02T09:00:00Z", "2027-01-02T10:30:00Z")], 60, "/slotMinutes"),
        ([("2027-01-02T09:00:00Z", "2027-01-02T09:30:01Z")], 1, "/slotMinutes"),
        ([("2027-01-02T09:00:00Z", "2027-01-02T10:31:00Z")], 1, "/slots"),
        ([NINE], 0, "/slotMinutes"),
        ([NINE], -30, "/slotMinutes"),
        ([NINE], 1_441, "/slotMinutes"),
        ([NINE, NINE], None, "/slots"),
        ([("2027-01-02T09:00:00Z", "2027-01-02T10:00:00Z"), NINE], None, "/slots"),
        ([NINE, ("2027-01-10T09:00:00Z", "2027-01-10T09:00:01Z")], None, "/slots"),
        ([], None, "/slots"),
    ],
)
def test_a_publish_that_breaks_a_rule_names_what_breaks_it(
    api: Api, intervals: list[tuple[str, str]], slot_minutes: int | None, pointer: str
) -> None:
    answer = api.publish(*intervals, slotMinutes=slot_minutes)

    assert (answer.status_code, answer.json_body["code"]) == (400, "invalid-request")
    assert answer.json_body["errors"][0]["pointer"] == pointer
    assert _calendar(api) == []


def test_more_than_ninety_slots_are_refused_uncut_too(api: Api) -> None:
    intervals = [
        (f"2027-01-02T0{n // 60}:{n % 60:02}:00Z", f"2027-01-02T0{n // 60}:{n % 60:02}:30Z") for n in range(91)
    ]

    assert api.publish(*intervals).status_code == 400


@pytest.mark.parametrize(
    ("start", "end"),
    [
        NINE,
        ("2027-01-02T09:10:00Z", "2027-01-02T09:20:00Z"),
        ("2027-01-02T08:00:00Z", "2027-01-02T10:00:00Z"),
        ("2027-01-02T09:29:59Z", "2027-01-02T10:00:00Z"),
        ("2027-01-02T08:00:00Z", "2027-01-02T09:00:01Z"),
        ("2027-01-01T23:00:00Z", "2027-01-02T09:00:01Z"),
        ("2027-01-02T09:29:59Z", "2027-01-03T09:00:00Z"),
    ],
)
def test_what_overlaps_the_calendar_is_refused_with_what_stands_there(api: Api, start: str, end: str) -> None:
    api.publish(NINE)

    answer = api.publish((start, end))

    assert (answer.status_code, answer.json_body["code"]) == (409, "slot-overlap")
    assert answer.json_body["conflicts"] == [{"startTime": NINE[0], "endTime": NINE[1]}]
    assert _calendar(api) == [NINE]


def test_a_slot_across_midnight_utc_stands_in_both_days(api: Api) -> None:
    night = ("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z")
    api.publish(night)

    after_midnight = api.publish(("2027-01-03T00:29:59Z", "2027-01-03T01:00:00Z"))
    before_midnight = api.publish(("2027-01-02T23:00:00Z", "2027-01-02T23:30:01Z"))

    assert after_midnight.json_body["conflicts"] == before_midnight.json_body["conflicts"]
    assert after_midnight.json_body["conflicts"] == [{"startTime": night[0], "endTime": night[1]}]


def test_a_slot_that_stands_in_two_days_is_one_conflict(api: Api) -> None:
    night = ("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z")
    api.publish(night)

    answer = api.publish(night)

    assert answer.json_body["conflicts"] == [{"startTime": night[0], "endTime": night[1]}]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2027-01-02T09:30:00Z", "2027-01-02T10:00:00Z"),
        ("2027-01-02T08:30:00Z", "2027-01-02T09:00:00Z"),
    ],
)
def test_slots_may_touch(api: Api, start: str, end: str) -> None:
    api.publish(NINE)

    assert api.publish((start, end)).status_code == 201


def test_slots_may_touch_at_midnight(api: Api) -> None:
    api.publish(("2027-01-02T23:30:00Z", "2027-01-03T00:00:00Z"))

    assert api.publish(("2027-01-03T00:00:00Z", "2027-01-03T00:30:00Z")).status_code == 201


def test_all_conflicts_are_named_in_time_order(api: Api) -> None:
    api.publish(TEN, NINE)

    answer = api.publish(("2027-01-02T08:00:00Z", "2027-01-02T12:00:00Z"))

    assert [conflict["startTime"] for conflict in answer.json_body["conflicts"]] == [NINE[0], TEN[0]]


def test_nothing_is_published_when_one_of_many_overlaps(api: Api) -> None:
    api.publish(TEN)

    api.publish(NINE, TEN)

    assert _calendar(api) == [TEN]


def test_held_and_booked_slots_stand_in_the_way_too(api: Api) -> None:
    api.confirm(api.a_hold(api.a_slot(*NINE)))
    api.a_hold(api.a_slot(*TEN))

    answer = api.publish(NINE, TEN)

    assert len(answer.json_body["conflicts"]) == 2


def test_another_providers_calendar_is_not_in_the_way(api: Api) -> None:
    api.put("/providers/5678", ADMIN, {"name": "Other", "timeZone": "UTC"})
    api.publish(NINE)

    assert api.publish(NINE, provider_id="5678").status_code == 201


def test_an_unknown_provider_is_not_found(api: Api) -> None:
    answer = api.publish(NINE, provider_id="nobody")

    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")


@pytest.mark.parametrize("who", [provider("5678"), client("1234"), client(), ADMIN])
def test_only_its_provider_publishes(api: Api, who: str) -> None:
    answer = api.post("/appointments", who, _body(NINE))

    assert (answer.status_code, answer.json_body["code"]) == (403, "forbidden")
    assert _calendar(api) == []


def test_a_demo_caller_publishes_for_any_provider(api: Api) -> None:
    assert api.post("/appointments", DEMO, _body(NINE)).status_code == 201


@pytest.mark.parametrize("missing", ["providerId", "slots"])
def test_a_member_that_is_missing_is_named(api: Api, missing: str) -> None:
    body = {name: value for name, value in _body(NINE).items() if name != missing}

    answer = api.post("/appointments", provider(), body)

    assert answer.status_code == 400
    assert answer.json_body["errors"][0]["pointer"] == f"/{missing}"


def test_policies_apply_to_what_is_published_from_then_on(api: Api) -> None:
    before = api.a_slot(*NINE)
    api.put("/providers/1234", ADMIN, {"name": "Demo", "timeZone": "UTC", "holdMinutes": 5})

    after = api.a_slot(*TEN)

    assert api.reserve(before).json_body["expiresAt"] == "2027-01-01T08:30:00Z"
    assert api.reserve(after, client("bob")).json_body["expiresAt"] == "2027-01-01T08:05:00Z"


def test_five_years_ahead_of_a_leap_day_is_the_last_of_february(api: Api, clock: Clock) -> None:
    clock.time = 1_835_395_200 + 60

    assert api.publish(("2033-02-27T23:00:00Z", "2033-02-28T00:00:00Z")).status_code == 201
    assert api.publish(("2033-02-28T23:00:00Z", "2033-03-01T00:00:00Z")).status_code == 400


def test_a_slot_before_the_clock_began_is_refused_under_a_key_too(api: Api) -> None:
    slot = {"startTime": "0001-01-01T00:00:00+05:00", "endTime": "0001-01-01T00:30:00+05:00"}

    answer = api.post("/appointments", provider(), {"providerId": "1234", "slots": [slot]}, Idempotency_Key="k")

    assert (answer.status_code, answer.json_body["code"]) == (400, "invalid-request")


def test_a_day_holds_no_more_than_its_item_may(api: Api) -> None:
    midnight = clock_module.seconds("2027-01-02T00:00:00Z")
    day = Day(
        *day_key("1234", "2027-01-02"), version=1, intervals={midnight + n: midnight + n + 1 for n in range(2_880)}
    )
    day.save()

    answer = api.publish(("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z"))

    assert (answer.status_code, answer.json_body["code"]) == (400, "invalid-request")
