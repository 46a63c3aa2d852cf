import pytest

from tests.support import ADMIN, DEMO, Api, Clock, client, provider


def test_a_hold_becomes_a_booking(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    before = api.read(hold).json_body
    clock.advance(minutes=5)

    answer = api.confirm(hold)

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"3"')
    assert answer.json_body == before | {"status": "confirmed", "confirmedAt": "2027-01-01T08:05:00Z"}


def test_a_booking_does_not_expire(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    hold = api.a_hold(slot)
    api.confirm(hold)

    clock.advance(hours=20)

    assert api.read(hold).json_body["status"] == "confirmed"
    assert api.reserve(slot, client("bob")).json_body["code"] == "appointment-booked"


def test_a_second_confirm_says_the_same(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    first = api.confirm(hold)
    clock.advance(minutes=10)

    again = api.confirm(hold)

    assert (again.status_code, again.json_body) == (200, first.json_body)
    assert again.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("hours", [1, 25, 24 * 30])
def test_a_second_confirm_says_the_same_at_any_time(api: Api, clock: Clock, hours: int) -> None:
    hold = api.a_hold(api.a_slot())
    first = api.confirm(hold)
    clock.advance(hours=hours)

    assert api.confirm(hold).json_body == first.json_body


@pytest.mark.parametrize(("seconds", "status"), [(1_799, 200), (1_800, 410), (1_801, 410)])
def test_a_hold_is_confirmed_before_the_second_it_is_over(api: Api, clock: Clock, seconds: int, status: int) -> None:
    hold = api.a_hold(api.a_slot())

    clock.advance(seconds=seconds)

    assert api.confirm(hold).status_code == status


def test_a_hold_that_is_over_says_so(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    clock.advance(minutes=30)

    answer = api.confirm(hold)

    assert (answer.status_code, answer.json_body["code"]) == (410, "reservation-expired")


def test_a_hold_that_is_over_says_so_when_another_has_the_slot(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    hold = api.a_hold(slot)
    clock.advance(minutes=30)
    api.confirm(api.a_hold(slot, client("bob")), client("bob"))

    assert api.confirm(hold).json_body["code"] == "reservation-expired"


def test_a_cancelled_reservation_says_so(api: Api) -> None:
    hold = api.a_hold(api.a_slot())
    api.cancel(hold)

    answer = api.confirm(hold)

    assert (answer.status_code, answer.json_body["code"]) == (410, "reservation-cancelled")


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 409), (1, 409)])
def test_a_hold_is_confirmed_before_the_appointment_starts(api: Api, clock: Clock, seconds: int, status: int) -> None:
    slot = api.a_slot()
    clock.advance(hours=24, minutes=50)
    hold = api.a_hold(slot)

    clock.advance(minutes=10, seconds=seconds)

    assert api.confirm(hold).status_code == status


def test_an_appointment_that_has_started_says_so(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    clock.advance(hours=24, minutes=50)
    hold = api.a_hold(slot)
    clock.advance(minutes=10)

    assert api.confirm(hold).json_body["code"] == "appointment-closed"


def test_a_hold_made_before_the_notice_period_is_confirmed_in_it(api: Api, clock: Clock) -> None:
    api.put("/providers/1234", ADMIN, {"name": "Demo", "timeZone": "UTC", "noticeMinutes": 60})
    slot = api.a_slot()
    clock.advance(hours=23, minutes=59)
    hold = api.a_hold(slot)

    clock.advance(minutes=20)

    assert api.confirm(hold).status_code == 200


@pytest.mark.parametrize("who", [client(), provider(), DEMO])
def test_its_client_and_its_provider_confirm(api: Api, who: str) -> None:
    assert api.confirm(api.a_hold(api.a_slot()), who).status_code == 200


@pytest.mark.parametrize("who", [client("bob"), client("1234"), provider("alice"), provider("5678"), ADMIN])
def test_to_others_it_is_not_there(api: Api, who: str) -> None:
    hold = api.a_hold(api.a_slot())

    answer = api.confirm(hold, who)

    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")
    assert api.read(hold).json_body["status"] == "reserved"


@pytest.mark.parametrize("end", ["confirm", "cancel"])
def test_to_others_it_is_not_there_whatever_it_is(api: Api, end: str) -> None:
    hold = api.a_hold(api.a_slot())
    _ = api.confirm(hold) if end == "confirm" else api.cancel(hold)

    assert api.confirm(hold, client("bob")).status_code == 404


@pytest.mark.parametrize("nonsense", ["res_", "res_AAAA", "x", "%00", "%FF"])
def test_what_is_no_id_is_not_found(api: Api, nonsense: str) -> None:
    assert api.confirm(nonsense).status_code == 404


@pytest.mark.parametrize(("tag", "status"), [('"2"', 200), ('"1", "2"', 200), ("*", 200), ('"1"', 412), ('W/"2"', 412)])
def test_if_match_is_honoured(api: Api, tag: str, status: int) -> None:
    hold = api.a_hold(api.a_slot())

    answer = api.confirm(hold, if_match=tag)

    assert answer.status_code == status
    assert api.read(hold).json_body["status"] == ("confirmed" if status == 200 else "reserved")


def test_done_already_beats_a_stale_if_match(api: Api) -> None:
    hold = api.a_hold(api.a_slot())
    api.confirm(hold, if_match='"2"')

    assert api.confirm(hold, if_match='"2"').status_code == 200


def test_a_stale_if_match_is_told_before_a_hold_that_is_over(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    clock.advance(minutes=30)

    assert api.confirm(hold, if_match='"2"').status_code == 412
    assert api.confirm(hold, if_match='"3"').status_code == 410


def test_a_body_is_not_looked_at(api: Api) -> None:
    hold = api.a_hold(api.a_slot())

    answer = api.put(f"/reservations/{hold}/confirm", client(), b"{")

    assert answer.status_code == 200
