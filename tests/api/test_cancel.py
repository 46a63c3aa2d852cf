import pytest

from tests.support import ADMIN, DEMO, Api, Clock, client, provider


def test_a_hold_is_given_back(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    before = api.read(hold).json_body
    clock.advance(minutes=5)

    answer = api.cancel(hold)

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"3"')
    assert answer.json_body == before | {"status": "cancelled", "endedAt": "2027-01-01T08:05:00Z"}


def test_a_booking_is_given_back(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    before = api.confirm(hold).json_body
    clock.advance(hours=5)

    answer = api.cancel(hold)

    assert answer.json_body == before | {"status": "cancelled", "endedAt": "2027-01-01T13:00:00Z"}


def test_the_slot_is_free_at_once(api: Api) -> None:
    slot = api.a_slot()
    api.cancel(api.a_hold(slot))

    assert api.bookable() == [slot]
    assert api.reserve(slot, client("bob")).status_code == 201


def test_a_second_cancel_says_the_same(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    first = api.cancel(hold)
    clock.advance(days=3)

    again = api.cancel(hold)

    assert (again.status_code, again.json_body) == (200, first.json_body)
    assert again.headers["ETag"] == first.headers["ETag"]


def test_a_second_cancel_leaves_the_next_hold_alone(api: Api) -> None:
    slot = api.a_slot()
    hold = api.a_hold(slot)
    api.cancel(hold)
    next_hold = api.a_hold(slot, client("bob"))

    api.cancel(hold)

    assert api.read(next_hold, client("bob")).json_body["status"] == "reserved"


@pytest.mark.parametrize(("seconds", "status"), [(1_799, 200), (1_800, 410)])
def test_a_hold_that_is_over_cannot_be_cancelled(api: Api, clock: Clock, seconds: int, status: int) -> None:
    hold = api.a_hold(api.a_slot())

    clock.advance(seconds=seconds)

    assert api.cancel(hold).status_code == status


@pytest.mark.parametrize("released", [False, True])
def test_a_hold_that_is_over_says_so(api: Api, clock: Clock, released: bool) -> None:  # noqa: FBT001  # a table
    slot = api.a_slot()
    hold = api.a_hold(slot)
    clock.advance(minutes=30)
    if released:
        api.a_hold(slot, client("bob"))

    answer = api.cancel(hold)

    assert (answer.status_code, answer.json_body["code"]) == (410, "reservation-expired")


@pytest.mark.parametrize("confirmed", [False, True])
@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 409), (1, 409)])
def test_nothing_is_cancelled_once_it_has_started(
    api: Api,
    clock: Clock,
    confirmed: bool,  # noqa: FBT001  # a table
    seconds: int,
    status: int,
) -> None:
    slot = api.a_slot()
    clock.advance(hours=24, minutes=50)
    hold = api.a_hold(slot)
    if confirmed:
        api.confirm(hold)

    clock.advance(minutes=10, seconds=seconds)

    answer = api.cancel(hold)
    assert answer.status_code == status
    assert status == 200 or answer.json_body["code"] == "appointment-closed"


@pytest.mark.parametrize("who", [client(), provider(), DEMO])
def test_its_client_and_its_provider_cancel(api: Api, who: str) -> None:
    assert api.cancel(api.a_hold(api.a_slot()), who).status_code == 200


@pytest.mark.parametrize("who", [client("bob"), client("1234"), provider("alice"), provider("5678"), ADMIN])
def test_to_others_it_is_not_there(api: Api, who: str) -> None:
    hold = api.a_hold(api.a_slot())

    answer = api.cancel(hold, who)

    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")
    assert api.read(hold).json_body["status"] == "reserved"


def test_to_others_an_ended_one_is_not_there_either(api: Api) -> None:
    hold = api.a_hold(api.a_slot())
    api.cancel(hold)

    assert api.cancel(hold, client("bob")).status_code == 404


@pytest.mark.parametrize("nonsense", ["res_", "res_AAAA", "x", "%00", "%FF"])
def test_what_is_no_id_is_not_found(api: Api, nonsense: str) -> None:
    assert api.cancel(nonsense).status_code == 404


@pytest.mark.parametrize(("tag", "status"), [('"2"', 200), ('"1", "2"', 200), ("*", 200), ('"1"', 412), ('W/"2"', 412)])
def test_if_match_is_honoured(api: Api, tag: str, status: int) -> None:
    hold = api.a_hold(api.a_slot())

    answer = api.cancel(hold, if_match=tag)

    assert answer.status_code == status
    assert api.read(hold).json_body["status"] == ("cancelled" if status == 200 else "reserved")


def test_a_confirm_in_between_makes_an_if_match_stale(api: Api) -> None:
    hold = api.a_hold(api.a_slot())
    api.confirm(hold)

    assert api.cancel(hold, if_match='"2"').json_body["code"] == "precondition-failed"
    assert api.cancel(hold, if_match='"3"').status_code == 200


def test_a_stale_if_match_is_told_before_a_hold_that_is_over(api: Api, clock: Clock) -> None:
    hold = api.a_hold(api.a_slot())
    clock.advance(minutes=30)

    assert api.cancel(hold, if_match='"2"').status_code == 412
    assert api.cancel(hold, if_match='"3"').status_code == 410


def test_many_cancels_of_one_slot_keep_a_record_each(api: Api) -> None:
    slot = api.a_slot()
    holds = []
    for _ in range(3):
        holds.append(api.a_hold(slot))
        api.cancel(holds[-1])

    assert len(set(holds)) == 3
    assert [api.read(hold).json_body["status"] for hold in holds] == ["cancelled"] * 3
