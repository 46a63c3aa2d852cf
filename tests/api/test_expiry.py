"""A hold is over in the second that it says, whether or not anything has run since."""

from typing import Any

import pytest

from chalicelib.settings import settings
from tests.support import ADMIN, START, Api, Clock, DynamoDB, client, provider

HOLD_SECONDS = 1_800
SLOT_END = 1_798_882_200
"""2027-01-02T09:30:00Z"""


@pytest.fixture
def slot(api: Api) -> str:
    return api.a_slot()


@pytest.fixture
def held(api: Api, slot: str) -> str:
    return api.a_hold(slot)


def _numbers(item: dict[str, Any], *names: str) -> list[int]:
    return [int(item[name]["N"]) for name in names]


@pytest.mark.parametrize(("seconds", "listed"), [(HOLD_SECONDS - 1, False), (HOLD_SECONDS, True)])
def test_a_slot_is_listed_again_from_the_second_its_hold_is_over(
    api: Api, clock: Clock, slot: str, held: str, *, seconds: int, listed: bool
) -> None:
    assert held
    clock.advance(seconds=seconds)

    found = api.bookable()

    assert found == ([slot] if listed else [])


@pytest.mark.parametrize(("seconds", "status"), [(HOLD_SECONDS - 1, 409), (HOLD_SECONDS, 201)])
def test_a_slot_can_be_reserved_from_the_second_its_hold_is_over(
    api: Api, clock: Clock, slot: str, held: str, *, seconds: int, status: int
) -> None:
    assert held
    clock.advance(seconds=seconds)

    answer = api.reserve(slot, client("bob"))

    assert answer.status_code == status


@pytest.mark.parametrize(("seconds", "status"), [(HOLD_SECONDS - 1, "reserved"), (HOLD_SECONDS, "expired")])
def test_a_reservation_reads_as_expired_from_the_second_it_is_over(
    api: Api, clock: Clock, held: str, seconds: int, status: str
) -> None:
    clock.advance(seconds=seconds)

    answer = api.read(held)

    assert answer.json_body["status"] == status


@pytest.mark.parametrize(("seconds", "status"), [(HOLD_SECONDS - 1, "reserved"), (HOLD_SECONDS, "expired")])
def test_the_clients_list_says_expired_from_the_second_it_is_over(
    api: Api, clock: Clock, held: str, seconds: int, status: str
) -> None:
    clock.advance(seconds=seconds)

    answer = api.get("/reservations?limit=10", client())

    [seen] = answer.json_body["reservations"]
    assert (seen["reservationId"], seen["status"]) == (held, status)


@pytest.mark.parametrize(("seconds", "status"), [(HOLD_SECONDS - 1, "reserved"), (HOLD_SECONDS, "available")])
def test_the_calendar_says_available_from_the_second_it_is_over(
    api: Api, clock: Clock, held: str, seconds: int, status: str
) -> None:
    clock.advance(seconds=seconds)

    [seen] = api.get("/providers/1234/appointments?limit=10", provider()).json_body["appointments"]

    assert seen["status"] == status
    assert seen.get("reservationId") == (held if status == "reserved" else None)


def test_a_single_slot_says_available_from_the_second_it_is_over(api: Api, clock: Clock, slot: str, held: str) -> None:
    assert held
    clock.advance(seconds=HOLD_SECONDS)

    answer = api.get(f"/providers/1234/appointments/{slot}", provider())

    assert answer.json_body["status"] == "available"
    assert answer.headers["ETag"] == '"3"'
    assert "clientId" not in answer.json_body


def test_a_hold_is_confirmed_in_its_last_second(api: Api, clock: Clock, held: str) -> None:
    clock.advance(seconds=HOLD_SECONDS - 1)

    answer = api.confirm(held)

    assert answer.status_code == 200
    assert answer.json_body["status"] == "confirmed"
    assert answer.json_body["confirmedAt"] == "2027-01-01T08:29:59Z"


def test_a_hold_is_not_confirmed_from_the_second_it_is_over(api: Api, clock: Clock, held: str) -> None:
    clock.advance(seconds=HOLD_SECONDS)

    answer = api.confirm(held)

    assert (answer.status_code, answer.json_body["code"]) == (410, "reservation-expired")


def test_a_hold_is_cancelled_in_its_last_second(api: Api, clock: Clock, held: str) -> None:
    clock.advance(seconds=HOLD_SECONDS - 1)

    answer = api.cancel(held)

    assert answer.status_code == 200
    assert answer.json_body["status"] == "cancelled"
    assert answer.json_body["endedAt"] == "2027-01-01T08:29:59Z"


def test_a_hold_is_not_cancelled_from_the_second_it_is_over(api: Api, clock: Clock, held: str) -> None:
    clock.advance(seconds=HOLD_SECONDS)

    answer = api.cancel(held)

    assert (answer.status_code, answer.json_body["code"]) == (410, "reservation-expired")


def test_its_provider_is_held_to_the_same_second(api: Api, clock: Clock, held: str) -> None:
    clock.advance(seconds=HOLD_SECONDS)

    confirmed, cancelled = api.confirm(held, provider()), api.cancel(held, provider())

    assert (confirmed.status_code, cancelled.status_code) == (410, 410)


def test_an_expired_reservation_stays_expired_when_its_slot_is_taken(
    api: Api, clock: Clock, slot: str, held: str
) -> None:
    clock.advance(seconds=HOLD_SECONDS)
    api.confirm(api.a_hold(slot, client("bob")), client("bob"))

    confirmed, cancelled = api.confirm(held), api.cancel(held)

    assert confirmed.json_body["code"] == "reservation-expired"
    assert cancelled.json_body["code"] == "reservation-expired"


def test_a_confirmed_reservation_does_not_expire(api: Api, clock: Clock, held: str) -> None:
    api.confirm(held)
    clock.advance(seconds=HOLD_SECONDS)

    answer = api.read(held)

    assert answer.json_body["status"] == "confirmed"
    assert api.bookable() == []


def test_a_confirmed_reservation_keeps_when_its_hold_would_have_ended(api: Api, held: str) -> None:
    answer = api.confirm(held)

    assert answer.json_body["expiresAt"] == "2027-01-01T08:30:00Z"


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 409)])
def test_a_hold_is_confirmed_until_the_start(api: Api, clock: Clock, seconds: int, status: int) -> None:
    held = api.a_hold(api.a_slot("2027-01-01T08:10:00Z", "2027-01-01T08:20:00Z"))
    clock.advance(seconds=seconds)

    answer = api.confirm(held)

    assert answer.status_code == status
    assert answer.json_body.get("code") in (None, "appointment-closed")


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 409)])
@pytest.mark.parametrize("confirmed", [False, True])
def test_a_reservation_is_cancelled_until_the_start(
    api: Api, clock: Clock, seconds: int, status: int, *, confirmed: bool
) -> None:
    held = api.a_hold(api.a_slot("2027-01-01T08:10:00Z", "2027-01-01T08:20:00Z"))
    if confirmed:
        api.confirm(held)
    clock.advance(seconds=seconds)

    answer = api.cancel(held)

    assert answer.status_code == status
    assert answer.json_body.get("code") in (None, "appointment-closed")


def test_what_is_shown_of_a_lapsed_hold_is_what_its_release_writes(
    api: Api, clock: Clock, dynamodb: DynamoDB, slot: str, held: str
) -> None:
    clock.advance(hours=1)
    own = f"/providers/1234/appointments/{slot}"
    shown, shown_tag = api.read(held), api.get(own, provider()).headers["ETag"]
    api.a_hold(slot, client("bob"))

    read = api.read(held)

    assert read.json_body == shown.json_body
    assert read.headers["ETag"] == shown.headers["ETag"] == shown_tag == '"3"'
    assert _numbers(dynamodb.items("ENDED#")[0], "version") == [3]


def test_an_expired_reservation_keeps_all_that_it_was(api: Api, clock: Clock, slot: str, held: str) -> None:
    was = api.read(held).json_body
    clock.advance(hours=1)
    api.a_hold(slot, client("bob"))

    answer = api.read(held)

    assert answer.json_body == was | {"status": "expired", "endedAt": was["expiresAt"]}


def test_a_cancelled_booking_keeps_all_that_it_was(api: Api, clock: Clock, slot: str, held: str) -> None:
    clock.advance(minutes=10)
    was = api.confirm(held).json_body
    clock.advance(minutes=10)
    api.cancel(held)
    api.a_hold(slot, client("bob"))

    answer = api.read(held)

    assert was["confirmedAt"] == "2027-01-01T08:10:00Z"
    assert answer.json_body == was | {"status": "cancelled", "endedAt": "2027-01-01T08:20:00Z"}


def test_a_released_slot_carries_nothing_of_who_had_it(
    api: Api, clock: Clock, dynamodb: DynamoDB, slot: str, held: str
) -> None:
    [before] = dynamodb.items("APPT#")
    api.confirm(held)
    clock.advance(minutes=2)

    api.cancel(held)

    [after] = dynamodb.items("APPT#")
    gone = before.keys() - after.keys()
    assert gone == {"nonce", "client_id", "reserved_at", "expires_at", "expiry_shard"}
    assert after["status"] == {"S": "available"}
    assert api.bookable() == [slot]


def test_a_confirmed_booking_is_no_longer_in_the_sweepers_index(dynamodb: DynamoDB, api: Api, held: str) -> None:
    api.confirm(held)

    [item] = dynamodb.items("APPT#")

    assert "expiry_shard" not in item


def test_the_hold_is_as_long_as_the_policy_was_when_the_slot_was_published(api: Api, slot: str) -> None:
    api.put("/providers/1234", ADMIN, {"name": "Demo", "timeZone": "Europe/Vienna", "holdMinutes": 5})
    newer = api.a_slot("2027-01-03T09:00:00Z", "2027-01-03T09:30:00Z")

    old, new = api.reserve(slot), api.reserve(newer)

    assert old.json_body["expiresAt"] == "2027-01-01T08:30:00Z"
    assert new.json_body["expiresAt"] == "2027-01-01T08:05:00Z"


def test_the_notice_is_that_of_when_the_slot_was_published(api: Api) -> None:
    soon = api.a_slot("2027-01-01T09:00:00Z", "2027-01-01T09:30:00Z")
    api.put("/providers/1234", ADMIN, {"name": "Demo", "timeZone": "Europe/Vienna", "noticeMinutes": 120})
    newer = api.a_slot("2027-01-01T09:30:00Z", "2027-01-01T10:00:00Z")

    old, new = api.reserve(soon), api.reserve(newer)

    assert (old.status_code, new.status_code) == (201, 409)


def test_a_second_hold_is_as_long_as_the_first(api: Api, clock: Clock, slot: str, held: str) -> None:
    assert held
    clock.advance(hours=1)

    answer = api.reserve(slot, client("bob"))

    assert answer.json_body["reservedAt"] == "2027-01-01T09:00:00Z"
    assert answer.json_body["expiresAt"] == "2027-01-01T09:30:00Z"


def test_what_is_over_goes_from_the_table_after_the_retention(
    api: Api, clock: Clock, dynamodb: DynamoDB, slot: str, held: str
) -> None:
    api.cancel(held)
    clock.advance(hours=1)
    api.a_hold(slot)

    [ended], [appointment] = dynamodb.items("ENDED#"), dynamodb.items("APPT#")

    assert _numbers(ended, "ttl") == _numbers(appointment, "ttl") == [SLOT_END + settings.retention_seconds]


def test_each_day_goes_from_the_table_after_the_retention(api: Api, dynamodb: DynamoDB) -> None:
    api.a_slot("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z")
    midnights = [1_798_934_400, 1_799_020_800]  # the ends of 2 and 3 January

    days = dynamodb.items("DAY#")

    assert [_numbers(day, "ttl") for day in days] == [[end + settings.retention_seconds] for end in midnights]


def test_a_publish_key_goes_from_the_table_after_a_day(api: Api, dynamodb: DynamoDB, slot: str) -> None:
    assert slot
    api.publish(("2027-01-03T09:00:00Z", "2027-01-03T09:30:00Z"))

    keys = dynamodb.items("KEY#")

    assert [_numbers(key, "ttl") for key in keys] == [[START + 86_400]] * 2


def test_a_profile_stays(dynamodb: DynamoDB) -> None:
    [profile] = dynamodb.items("PROFILE")

    assert "ttl" not in profile
