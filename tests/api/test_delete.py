import pytest
from chalice.test import HTTPResponse

from tests.support import ADMIN, DEMO, Api, Clock, DynamoDB, client, provider

SLOT = ("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z")
ACROSS_MIDNIGHT = ("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z")
HOLD_SECONDS = 1_800
NEVER_PUBLISHED = "apt_AABrNtXQAAAAAAAAMTIzNA"


def _path(slot: str, provider_id: str = "1234") -> str:
    return f"/providers/{provider_id}/appointments/{slot}"


def _delete(api: Api, slot: str, *, if_match: str | None = '"1"', who: str | None = None) -> HTTPResponse:
    headers = {} if if_match is None else {"If-Match": if_match}
    return api.call("DELETE", _path(slot), who or provider(), headers=headers)


def _refused(answer: HTTPResponse) -> tuple[int, str]:
    return answer.status_code, answer.json_body["code"]


def test_a_deleted_slot_is_answered_by_nothing(api: Api) -> None:
    slot = api.a_slot(*SLOT)

    answer = _delete(api, slot)

    assert (answer.status_code, answer.body) == (204, b"")


def test_a_deleted_slot_is_gone(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    _delete(api, slot)

    answers = [
        api.get(_path(slot), provider()),
        api.reserve(slot),
        _delete(api, slot),
        _delete(api, slot, if_match="*"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert api.bookable() == []
    assert api.get("/providers/1234/appointments?limit=5", provider()).json_body["appointments"] == []


@pytest.mark.parametrize("interval", [SLOT, ACROSS_MIDNIGHT])
def test_the_time_of_a_deleted_slot_can_be_published(api: Api, dynamodb: DynamoDB, interval: tuple[str, str]) -> None:
    slot = api.a_slot(*interval)
    _delete(api, slot)

    answer = api.publish(interval)

    assert answer.status_code == 201
    dynamodb.check_days()


def test_what_is_published_in_its_place_is_another_slot(api: Api) -> None:
    old = api.a_slot(*SLOT)
    _delete(api, old)

    new = api.a_slot(*SLOT)

    assert new != old
    assert [api.reserve(old).status_code, _delete(api, old).status_code] == [404, 404]
    assert api.bookable() == [new]


def test_the_other_slots_of_the_day_stay(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)
    other = api.a_slot("2027-01-02T09:30:00Z", "2027-01-02T10:00:00Z")

    _delete(api, slot)

    assert api.bookable() == [other]
    dynamodb.check_days()
    assert _refused(api.publish(("2027-01-02T09:15:00Z", "2027-01-02T09:45:00Z"))) == (409, "slot-overlap")


def test_nothing_is_left_of_a_deleted_slot(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*ACROSS_MIDNIGHT)

    _delete(api, slot)

    assert dynamodb.items("APPT#") == []
    dynamodb.check_days()


def test_a_delete_without_if_match_is_refused(api: Api) -> None:
    slot = api.a_slot(*SLOT)

    answer = _delete(api, slot, if_match=None)

    assert _refused(answer) == (428, "precondition-required")
    assert api.bookable() == [slot]


def test_a_delete_of_nothing_is_not_found_before_if_match_is_asked_for(api: Api) -> None:
    assert _refused(_delete(api, NEVER_PUBLISHED, if_match=None)) == (404, "not-found")


def test_a_booked_slot_too_needs_if_match_first(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    api.confirm(api.a_hold(slot))

    assert _delete(api, slot, if_match=None).status_code == 428


@pytest.mark.parametrize("stale", ['"2"', 'W/"1"', '"x"', '"01"'])
def test_a_delete_at_another_version_is_refused(api: Api, stale: str) -> None:
    slot = api.a_slot(*SLOT)

    answer = _delete(api, slot, if_match=stale)

    assert _refused(answer) == (412, "precondition-failed")
    assert api.bookable() == [slot]


@pytest.mark.parametrize("right", ['"1"', "*", '"9", "1"'])
def test_a_delete_at_the_version_that_stands_is_done(api: Api, right: str) -> None:
    assert _delete(api, api.a_slot(*SLOT), if_match=right).status_code == 204


@pytest.mark.parametrize("wrong", ["1", '"1', "x"])
def test_an_if_match_that_is_no_tag_is_bad_input(api: Api, wrong: str) -> None:
    assert _refused(_delete(api, api.a_slot(*SLOT), if_match=wrong)) == (400, "invalid-request")


def test_a_slot_that_was_moved_is_not_deleted_at_its_old_version(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    api.patch(_path(slot), provider(), {"endTime": "2027-01-02T10:00:00Z"}, If_Match='"1"')

    assert _refused(_delete(api, slot)) == (412, "precondition-failed")


@pytest.mark.parametrize("if_match", ["*", '"2"'])
def test_a_held_slot_is_not_deleted(api: Api, clock: Clock, if_match: str) -> None:
    slot = api.a_slot(*SLOT)
    hold = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS - 1)

    answer = _delete(api, slot, if_match=if_match)

    assert _refused(answer) == (409, "appointment-held")
    assert answer.headers["Retry-After"] == "1"
    assert api.read(hold).json_body["status"] == "reserved"


def test_a_booked_slot_is_not_deleted(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    booked = api.a_hold(slot)
    api.confirm(booked)

    answer = _delete(api, slot, if_match='"3"')

    assert _refused(answer) == (409, "appointment-booked")
    assert api.read(booked).json_body["status"] == "confirmed"


def test_a_booked_slot_is_not_deleted_when_its_hold_would_be_over(api: Api, clock: Clock) -> None:
    slot = api.a_slot(*SLOT)
    api.confirm(api.a_hold(slot))
    clock.advance(days=3)

    assert _refused(_delete(api, slot, if_match="*")) == (409, "appointment-booked")


def test_a_stale_version_is_said_before_a_booking(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    api.confirm(api.a_hold(slot))

    assert _refused(_delete(api, slot, if_match='"2"')) == (412, "precondition-failed")


@pytest.mark.parametrize("if_match", ["*", '"3"'])
def test_a_lapsed_hold_is_released_and_the_slot_deleted(
    api: Api, clock: Clock, dynamodb: DynamoDB, if_match: str
) -> None:
    slot = api.a_slot(*SLOT)
    hold = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)

    answer = _delete(api, slot, if_match=if_match)

    assert answer.status_code == 204
    assert dynamodb.items("APPT#") == []
    assert api.read(hold).json_body["status"] == "expired"


def test_the_version_of_a_lapsed_hold_is_stale(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)
    api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    before = dynamodb.items()

    answer = _delete(api, slot, if_match='"2"')

    assert _refused(answer) == (412, "precondition-failed")
    assert dynamodb.items() == before


def test_a_slot_that_was_given_back_can_be_deleted_and_its_reservation_read(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    hold = api.a_hold(slot)
    api.cancel(hold)

    answer = _delete(api, slot, if_match='"3"')

    assert answer.status_code == 204
    assert api.read(hold).json_body["status"] == "cancelled"


def test_a_slot_that_is_past_and_was_nobodys_can_be_deleted(api: Api, clock: Clock) -> None:
    slot = api.a_slot(*SLOT)
    clock.advance(days=10)

    assert _delete(api, slot).status_code == 204


@pytest.mark.parametrize("who", [client(), client("1234"), ADMIN, provider("5678"), "Bearer admin:1234"])
def test_nobody_but_its_provider_deletes_a_slot(api: Api, who: str) -> None:
    slot = api.a_slot(*SLOT)

    answer = _delete(api, slot, who=who)

    assert _refused(answer) == (403, "forbidden")
    assert api.bookable() == [slot]


def test_who_may_not_is_told_so_of_what_is_not_there_too(api: Api) -> None:
    assert _delete(api, NEVER_PUBLISHED, who=provider("5678")).status_code == 403


def test_a_slot_is_not_deleted_in_another_providers_calendar(api: Api) -> None:
    api.put("/providers/5678", ADMIN, {"name": "Practice", "timeZone": "UTC"})
    slot = api.a_slot(*SLOT)

    answer = api.delete(_path(slot, "5678"), provider("5678"), If_Match="*")

    assert _refused(answer) == (404, "not-found")
    assert api.bookable() == [slot]


def test_a_demo_caller_deletes_any_slot(api: Api) -> None:
    assert _delete(api, api.a_slot(*SLOT), who=DEMO).status_code == 204


def test_a_delete_is_one_read_and_one_transaction(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)

    with dynamodb.recorded() as sent:
        _delete(api, slot)

    assert sent == ["BatchGetItem", "TransactWriteItems"]
