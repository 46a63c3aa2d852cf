from typing import Any

import pytest
from chalice.test import HTTPResponse

from tests.support import ADMIN, DEMO, Api, Clock, DynamoDB, client, provider

SLOT = ("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z")
ELSEWHERE = {"startTime": "2027-01-04T11:00:00Z", "endTime": "2027-01-04T11:45:00Z"}
HOLD_SECONDS = 1_800
SECONDS_TO_SLOT = 25 * 3_600
NEVER_PUBLISHED = "apt_AABrNtXQAAAAAAAAMTIzNA"


def _path(slot: str, provider_id: str = "1234") -> str:
    return f"/providers/{provider_id}/appointments/{slot}"


def _move(api: Api, slot: str, body: Any, *, if_match: str | None = '"1"', who: str | None = None) -> HTTPResponse:
    headers = {} if if_match is None else {"If-Match": if_match}
    return api.call("PATCH", _path(slot), who or provider(), body, headers)


def _refused(answer: HTTPResponse) -> tuple[int, str]:
    return answer.status_code, answer.json_body["code"]


def _read(api: Api, slot: str) -> Any:
    return api.get(_path(slot), provider()).json_body


def test_a_slot_that_is_moved_is_told_in_full(api: Api) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, ELSEWHERE)

    assert answer.status_code == 200
    assert answer.json_body == {
        "appointmentId": answer.json_body["appointmentId"],
        "providerId": "1234",
        "startTime": "2027-01-04T11:00:00Z",
        "endTime": "2027-01-04T11:45:00Z",
        "status": "available",
        "version": 2,
    }
    assert answer.headers["ETag"] == '"2"'


def test_a_new_start_gives_a_new_id_that_location_names(api: Api) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, ELSEWHERE)

    moved = answer.json_body["appointmentId"]
    assert moved != slot
    assert answer.headers["Location"] == _path(moved)
    assert _read(api, moved) == answer.json_body


def test_the_old_id_is_not_found_after_a_move(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    _move(api, slot, ELSEWHERE)

    answers = [
        api.get(_path(slot), provider()),
        api.reserve(slot),
        _move(api, slot, ELSEWHERE, if_match="*"),
        api.delete(_path(slot), provider(), If_Match="*"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4


def test_a_moved_slot_is_listed_where_it_went_and_nowhere_else(api: Api) -> None:
    slot = api.a_slot(*SLOT)

    moved = _move(api, slot, ELSEWHERE).json_body["appointmentId"]

    assert api.bookable() == [moved]


def test_a_moved_slot_can_be_reserved_under_its_new_id(api: Api) -> None:
    moved = _move(api, api.a_slot(*SLOT), ELSEWHERE).json_body

    answer = api.reserve(moved["appointmentId"], If_Match='"2"')

    assert answer.status_code == 201
    assert (answer.json_body["startTime"], answer.json_body["endTime"]) == (moved["startTime"], moved["endTime"])


def test_a_slot_moved_there_and_back_is_a_third_one(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    moved = _move(api, slot, ELSEWHERE).json_body["appointmentId"]

    back = _move(api, moved, {"startTime": SLOT[0], "endTime": SLOT[1]}, if_match='"2"').json_body

    assert back["appointmentId"] not in (slot, moved)
    assert back["version"] == 3
    assert api.get(_path(slot), provider()).status_code == 404


def test_a_new_end_alone_keeps_id_and_start(api: Api) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, {"endTime": "2027-01-02T10:15:00Z"})

    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert answer.json_body["appointmentId"] == slot
    assert (answer.json_body["startTime"], answer.json_body["endTime"]) == (SLOT[0], "2027-01-02T10:15:00Z")
    assert answer.headers["ETag"] == '"2"'


def test_a_new_end_with_the_old_start_keeps_the_id(api: Api) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, {"startTime": SLOT[0], "endTime": "2027-01-02T09:10:00Z"})

    assert answer.json_body["appointmentId"] == slot
    assert answer.json_body["endTime"] == "2027-01-02T09:10:00Z"
    assert "Location" not in answer.headers


def test_a_new_start_alone_keeps_the_end(api: Api) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, {"startTime": "2027-01-02T09:10:00Z"})

    assert answer.status_code == 200
    assert (answer.json_body["startTime"], answer.json_body["endTime"]) == ("2027-01-02T09:10:00Z", SLOT[1])
    assert answer.json_body["appointmentId"] != slot


def test_a_key_is_replayed_after_a_new_end(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    first = api.reserve(slot, Idempotency_Key="k1")
    api.cancel(first.json_body["reservationId"])
    _move(api, slot, {"endTime": "2027-01-02T10:00:00Z"}, if_match='"3"')

    again = api.reserve(slot, Idempotency_Key="k1")

    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json_body["reservationId"] == first.json_body["reservationId"]
    assert again.json_body["status"] == "cancelled"


def test_a_key_of_before_is_not_of_the_slot_that_was_moved(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    api.cancel(api.reserve(slot, Idempotency_Key="k1").json_body["reservationId"])
    moved = _move(api, slot, ELSEWHERE, if_match='"3"').json_body["appointmentId"]

    answer = api.reserve(moved, Idempotency_Key="k1")

    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers


def test_what_ended_before_a_move_can_still_be_read(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    ended = api.a_hold(slot)
    api.cancel(ended)

    _move(api, slot, ELSEWHERE, if_match="*")

    assert api.read(ended).json_body["status"] == "cancelled"
    assert api.read(ended).json_body["startTime"] == SLOT[0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"startTime": SLOT[0]},
        {"endTime": SLOT[1]},
        {"startTime": SLOT[0], "endTime": SLOT[1]},
        {"startTime": "2027-01-02T11:00:00+02:00"},
    ],
)
def test_a_move_to_where_it_is_changes_nothing(api: Api, dynamodb: DynamoDB, body: dict[str, str]) -> None:
    slot = api.a_slot(*SLOT)
    before = dynamodb.items()

    answer = _move(api, slot, body)

    assert answer.status_code == 200
    assert (answer.json_body["appointmentId"], answer.json_body["version"]) == (slot, 1)
    assert answer.headers["ETag"] == '"1"'
    assert "Location" not in answer.headers
    assert dynamodb.items() == before


def test_a_move_that_changes_nothing_still_needs_the_right_version(api: Api) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, {}, if_match='"7"')

    assert _refused(answer) == (412, "precondition-failed")


def test_a_move_without_if_match_is_refused(api: Api) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, ELSEWHERE, if_match=None)

    assert _refused(answer) == (428, "precondition-required")
    assert api.bookable() == [slot]


def test_a_move_of_nothing_is_not_found_before_if_match_is_asked_for(api: Api) -> None:
    answer = _move(api, NEVER_PUBLISHED, ELSEWHERE, if_match=None)

    assert _refused(answer) == (404, "not-found")


def test_a_held_slot_too_needs_if_match_first(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    api.a_hold(slot)

    assert _move(api, slot, ELSEWHERE, if_match=None).status_code == 428


@pytest.mark.parametrize("stale", ['"2"', '"1x"', 'W/"1"', '""', '"01"', '"2", "3"'])
def test_a_move_at_another_version_is_refused(api: Api, stale: str) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, ELSEWHERE, if_match=stale)

    assert _refused(answer) == (412, "precondition-failed")
    assert api.bookable() == [slot]


@pytest.mark.parametrize("right", ['"1"', "*", '"9", "1"', 'W/"1","1"'])
def test_a_move_at_the_version_that_stands_is_done(api: Api, right: str) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, ELSEWHERE, if_match=right)

    assert answer.status_code == 200


@pytest.mark.parametrize("wrong", ["1", "", '"1', "x", '"1";"2"'])
def test_an_if_match_that_is_no_tag_is_bad_input(api: Api, wrong: str) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, ELSEWHERE, if_match=wrong)

    assert _refused(answer) == (400, "invalid-request")


def test_a_second_move_at_the_first_ones_version_is_stale(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    _move(api, slot, {"endTime": "2027-01-02T09:45:00Z"})

    answer = _move(api, slot, {"endTime": "2027-01-02T10:00:00Z"})

    assert _refused(answer) == (412, "precondition-failed")
    assert _read(api, slot)["endTime"] == "2027-01-02T09:45:00Z"


@pytest.mark.parametrize("if_match", ["*", '"2"'])
def test_a_held_slot_is_not_moved(api: Api, clock: Clock, if_match: str) -> None:
    slot = api.a_slot(*SLOT)
    api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS - 1)

    answer = _move(api, slot, ELSEWHERE, if_match=if_match)

    assert _refused(answer) == (409, "appointment-held")
    assert answer.headers["Retry-After"] == "1"


def test_a_booked_slot_is_not_moved(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    api.confirm(api.a_hold(slot))

    answer = _move(api, slot, ELSEWHERE, if_match='"3"')

    assert _refused(answer) == (409, "appointment-booked")


def test_a_stale_version_is_said_before_a_hold(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    api.a_hold(slot)

    assert _refused(_move(api, slot, ELSEWHERE, if_match='"1"')) == (412, "precondition-failed")


@pytest.mark.parametrize("if_match", ["*", '"3"'])
def test_a_lapsed_hold_is_released_and_the_slot_moved(api: Api, clock: Clock, if_match: str) -> None:
    slot = api.a_slot(*SLOT)
    hold = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)

    answer = _move(api, slot, ELSEWHERE, if_match=if_match)

    assert answer.status_code == 200
    assert answer.json_body["version"] == 4
    assert api.read(hold).json_body["status"] == "expired"


def test_the_version_of_a_lapsed_hold_is_stale(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)
    api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    before = dynamodb.items()

    answer = _move(api, slot, ELSEWHERE, if_match='"2"')

    assert _refused(answer) == (412, "precondition-failed")
    assert dynamodb.items() == before


def test_the_tag_that_is_read_of_a_lapsed_hold_is_the_one_to_move_with(api: Api, clock: Clock) -> None:
    slot = api.a_slot(*SLOT)
    api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    tag = api.get(_path(slot), provider()).headers["ETag"]

    assert _move(api, slot, ELSEWHERE, if_match=tag).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"startTime": "2027-01-01T07:59:59Z"}, "/startTime"),
        ({"startTime": "2027-01-01T08:00:00Z"}, "/startTime"),
        ({"startTime": "2027-01-01T08:00:00Z", "endTime": "2027-01-01T09:00:00Z"}, "/startTime"),
        ({"startTime": "2027-01-02T09:30:00Z"}, "/endTime"),
        ({"startTime": "2027-01-02T10:00:00Z"}, "/endTime"),
        ({"endTime": "2027-01-02T09:00:00Z"}, "/endTime"),
        ({"endTime": "2027-01-01T09:30:00Z"}, "/endTime"),
        ({"startTime": "2027-01-03T09:00:00Z", "endTime": "2027-01-03T09:00:00Z"}, "/endTime"),
        ({"endTime": "2027-01-03T09:00:01Z"}, "/endTime"),
        ({"startTime": "2027-01-01T09:29:59Z"}, "/endTime"),
        ({"startTime": "2031-12-31T23:00:00Z", "endTime": "2032-01-01T08:00:01Z"}, "/endTime"),
        ({"startTime": "2027-01-02T09:00:00.5Z"}, "/startTime"),
        ({"startTime": "2027-01-02T09:00:00"}, "/startTime"),
        ({"endTime": "soon"}, "/endTime"),
        ({"startTime": None}, "/startTime"),
        ({"endTime": None}, "/endTime"),
        ({"startTime": 1_798_880_400}, "/startTime"),
        ({"endTime": "9999-12-31T23:59:59Z"}, "/endTime"),
        ({"status": "available"}, "/status"),
        ({"version": 1}, "/version"),
    ],
)
def test_a_move_that_breaks_a_rule_names_what_breaks_it(api: Api, body: dict[str, Any], pointer: str) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, body)

    assert _refused(answer) == (400, "invalid-request")
    assert [error["pointer"] for error in answer.json_body["errors"]] == [pointer]
    assert api.bookable() == [slot]


@pytest.mark.parametrize(
    "body",
    [
        {"startTime": "9999-12-31T23:59:59Z"},
        {"startTime": "9999-12-31T23:59:59-14:00"},
        {"startTime": "9999-12-31T23:59:58Z", "endTime": "9999-12-31T23:59:59Z"},
        {"startTime": "0001-01-01T00:00:00+14:00"},
        {"endTime": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_the_edge_of_time_is_bad_input(api: Api, body: dict[str, str]) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, body)

    assert _refused(answer) == (400, "invalid-request")


@pytest.mark.parametrize(
    ("body", "code"),
    [("", "malformed-json"), ("{", "malformed-json"), ("[]", "invalid-request"), ("null", "invalid-request")],
)
def test_a_move_needs_an_object(api: Api, body: str, code: str) -> None:
    slot = api.a_slot(*SLOT)

    assert _refused(_move(api, slot, body)) == (400, code)


@pytest.mark.parametrize(
    "body",
    [
        {"startTime": "2027-01-01T08:00:01Z", "endTime": "2027-01-01T08:00:02Z"},
        {"endTime": "2027-01-03T09:00:00Z"},
        {"startTime": "2031-12-31T09:00:00Z", "endTime": "2032-01-01T08:00:00Z"},
    ],
)
def test_the_outermost_places_that_may_be(api: Api, dynamodb: DynamoDB, body: dict[str, str]) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, body)

    assert answer.status_code == 200
    dynamodb.check_days()


@pytest.mark.parametrize("body", [{"endTime": "2027-01-02T10:00:00Z"}, ELSEWHERE | {"startTime": SLOT[0]}])
def test_a_slot_that_has_started_is_not_lengthened(api: Api, clock: Clock, body: dict[str, str]) -> None:
    slot = api.a_slot(*SLOT)
    clock.advance(seconds=SECONDS_TO_SLOT)

    answer = _move(api, slot, body)

    assert _refused(answer) == (400, "invalid-request")


def test_bad_input_is_said_before_all_that_could_be_wrong_with_the_slot(api: Api) -> None:
    slot = api.a_slot(*SLOT)
    api.a_hold(slot)
    bad = {"startTime": "2027-01-03T10:00:00Z", "endTime": "2027-01-03T09:00:00Z"}

    answers = [
        _move(api, slot, bad, if_match=None),
        _move(api, slot, bad, if_match='"1"'),
        _move(api, slot, bad, if_match='"2"'),
        _move(api, NEVER_PUBLISHED, bad),
        _move(api, slot, bad, who=provider("5678")),
    ]

    assert [answer.status_code for answer in answers] == [400] * 5


@pytest.mark.parametrize("bad", [{"startTime": "2027-01-01T08:00:00Z"}, {"endTime": "2027-01-02T09:00:00Z"}])
@pytest.mark.parametrize("if_match", [None, '"9"'])
def test_one_time_that_is_wrong_by_itself_is_said_first_too(
    api: Api, bad: dict[str, str], if_match: str | None
) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, bad, if_match=if_match)

    assert _refused(answer) == (400, "invalid-request")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2027-01-03T09:00:00Z", "2027-01-03T10:00:00Z"),
        ("2027-01-03T08:30:00Z", "2027-01-03T09:00:01Z"),
        ("2027-01-03T09:59:59Z", "2027-01-03T10:30:00Z"),
        ("2027-01-03T08:00:00Z", "2027-01-03T11:00:00Z"),
        ("2027-01-03T09:15:00Z", "2027-01-03T09:20:00Z"),
    ],
)
def test_a_move_onto_another_slot_is_refused_with_what_stands_there(
    api: Api, dynamodb: DynamoDB, start: str, end: str
) -> None:
    slot = api.a_slot(*SLOT)
    api.publish(("2027-01-03T09:00:00Z", "2027-01-03T10:00:00Z"))
    before = dynamodb.items()

    answer = _move(api, slot, {"startTime": start, "endTime": end})

    assert _refused(answer) == (409, "slot-overlap")
    assert answer.json_body["conflicts"] == [{"startTime": "2027-01-03T09:00:00Z", "endTime": "2027-01-03T10:00:00Z"}]
    assert dynamodb.items() == before


@pytest.mark.parametrize(
    ("standing", "to"),
    [
        (
            ("2027-01-03T23:30:00Z", "2027-01-04T00:30:00Z"),
            {"startTime": "2027-01-04T00:15:00Z", "endTime": "2027-01-04T00:45:00Z"},
        ),
        (
            ("2027-01-04T00:15:00Z", "2027-01-04T00:45:00Z"),
            {"startTime": "2027-01-03T23:30:00Z", "endTime": "2027-01-04T00:30:00Z"},
        ),
        (("2027-01-03T00:00:00Z", "2027-01-03T01:00:00Z"), {"endTime": "2027-01-03T00:00:01Z"}),
    ],
)
def test_a_move_onto_another_slot_across_midnight_is_refused(
    api: Api, standing: tuple[str, str], to: dict[str, str]
) -> None:
    slot = api.a_slot(*SLOT)
    api.publish(standing)

    answer = _move(api, slot, to)

    assert _refused(answer) == (409, "slot-overlap")
    assert answer.json_body["conflicts"] == [{"startTime": standing[0], "endTime": standing[1]}]


@pytest.mark.parametrize("taken", ["held", "booked"])
def test_a_slot_that_is_taken_stands_in_the_way_too(api: Api, taken: str) -> None:
    slot = api.a_slot(*SLOT)
    hold = api.a_hold(api.a_slot("2027-01-03T09:00:00Z", "2027-01-03T10:00:00Z"))
    if taken == "booked":
        api.confirm(hold)

    answer = _move(api, slot, {"startTime": "2027-01-03T09:00:00Z", "endTime": "2027-01-03T10:00:00Z"})

    assert _refused(answer) == (409, "slot-overlap")


@pytest.mark.parametrize(
    "to",
    [
        {"startTime": "2027-01-02T09:15:00Z", "endTime": "2027-01-02T09:45:00Z"},
        {"startTime": "2027-01-02T08:45:00Z", "endTime": "2027-01-02T09:15:00Z"},
        {"startTime": "2027-01-02T08:45:00Z"},
        {"startTime": "2027-01-02T09:15:00Z"},
        {"startTime": "2027-01-02T09:10:00Z", "endTime": "2027-01-02T09:20:00Z"},
        {"startTime": "2027-01-02T08:00:00Z", "endTime": "2027-01-03T07:00:00Z"},
    ],
)
def test_its_own_old_place_is_not_in_the_way(api: Api, dynamodb: DynamoDB, to: dict[str, str]) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, to)

    assert answer.status_code == 200
    dynamodb.check_days()


def test_a_slot_across_midnight_is_moved_over_itself(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z")

    answer = _move(api, slot, {"startTime": "2027-01-02T23:45:00Z", "endTime": "2027-01-03T00:15:00Z"})

    assert answer.status_code == 200
    dynamodb.check_days()


def test_slots_may_touch_after_a_move(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)
    api.publish(("2027-01-03T09:00:00Z", "2027-01-03T10:00:00Z"), ("2027-01-03T10:30:00Z", "2027-01-03T11:00:00Z"))

    answer = _move(api, slot, {"startTime": "2027-01-03T10:00:00Z", "endTime": "2027-01-03T10:30:00Z"})

    assert answer.status_code == 200
    dynamodb.check_days()


@pytest.mark.parametrize(
    ("slot", "to", "freed"),
    [
        (SLOT, ELSEWHERE, SLOT),
        (SLOT, {"startTime": "2027-01-02T09:10:00Z"}, (SLOT[0], "2027-01-02T09:10:00Z")),
        (SLOT, {"endTime": "2027-01-02T09:10:00Z"}, ("2027-01-02T09:10:00Z", SLOT[1])),
        (
            ("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z"),
            {"endTime": "2027-01-03T00:00:00Z"},
            ("2027-01-03T00:00:00Z", "2027-01-03T00:30:00Z"),
        ),
        (
            ("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z"),
            ELSEWHERE,
            ("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z"),
        ),
    ],
)
def test_what_a_move_frees_can_be_published(
    api: Api, dynamodb: DynamoDB, slot: tuple[str, str], to: dict[str, str], freed: tuple[str, str]
) -> None:
    _move(api, api.a_slot(*slot), to)

    answer = api.publish(freed)

    assert answer.status_code == 201
    dynamodb.check_days()


@pytest.mark.parametrize(
    ("to", "over"),
    [
        (ELSEWHERE, ("2027-01-04T11:44:59Z", "2027-01-04T12:00:00Z")),
        ({"endTime": "2027-01-03T00:30:00Z"}, ("2027-01-03T00:29:59Z", "2027-01-03T01:00:00Z")),
        (
            {"startTime": "2027-01-03T23:30:00Z", "endTime": "2027-01-04T00:30:00Z"},
            ("2027-01-04T00:00:00Z", "2027-01-04T00:10:00Z"),
        ),
    ],
)
def test_what_a_move_takes_cannot_be_published(api: Api, to: dict[str, str], over: tuple[str, str]) -> None:
    _move(api, api.a_slot(*SLOT), to)

    answer = api.publish(over)

    assert _refused(answer) == (409, "slot-overlap")


def test_the_days_are_right_after_many_moves(api: Api, dynamodb: DynamoDB) -> None:
    answer = api.publish(SLOT, ("2027-01-02T10:00:00Z", "2027-01-02T10:30:00Z"))
    slot = answer.json_body["appointments"][0]["appointmentId"]

    for day in (2, 3, 2, 4):
        for start, end in (("08:00:00", "09:00:00"), ("22:00:00", "23:59:59"), ("11:00:00", "12:00:00")):
            to = {"startTime": f"2027-01-0{day}T{start}Z", "endTime": f"2027-01-0{day}T{end}Z"}
            slot = _move(api, slot, to, if_match="*").json_body["appointmentId"]
            dynamodb.check_days()

    assert len(dynamodb.items("APPT#")) == 2


def test_the_notice_of_a_slot_goes_with_it(api: Api, clock: Clock) -> None:
    api.put("/providers/1234", ADMIN, {"name": "Practice", "timeZone": "UTC", "noticeMinutes": 60})
    slot = api.a_slot(*SLOT)
    api.put("/providers/1234", ADMIN, {"name": "Practice", "timeZone": "UTC", "noticeMinutes": 0})
    moved = _move(api, slot, {"startTime": "2027-01-02T09:20:00Z"}).json_body["appointmentId"]
    clock.advance(seconds=SECONDS_TO_SLOT + 20 * 60 - 3_601)

    in_time = api.reserve(moved, client("bob"))
    api.cancel(in_time.json_body["reservationId"], client("bob"))
    clock.advance(seconds=1)
    too_late = api.reserve(moved)

    assert in_time.status_code == 201
    assert _refused(too_late) == (409, "appointment-closed")


@pytest.mark.parametrize("to", [ELSEWHERE, {"endTime": "2027-01-02T09:45:00Z"}])
def test_the_length_of_its_holds_goes_with_it(api: Api, to: dict[str, str]) -> None:
    api.put("/providers/1234", ADMIN, {"name": "Practice", "timeZone": "UTC", "holdMinutes": 7})
    slot = api.a_slot(*SLOT)
    api.put("/providers/1234", ADMIN, {"name": "Practice", "timeZone": "UTC", "holdMinutes": 90})
    moved = _move(api, slot, to).json_body["appointmentId"]

    answer = api.reserve(moved)

    assert answer.json_body["expiresAt"] == "2027-01-01T08:07:00Z"


def test_the_record_is_kept_after_its_new_end(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)

    _move(api, slot, ELSEWHERE)

    [item] = dynamodb.items("APPT#")
    assert int(item["ttl"]["N"]) == 1_799_063_100 + 400 * 86_400


@pytest.mark.parametrize("who", [client(), client("1234"), ADMIN, provider("5678"), "Bearer admin:1234"])
def test_nobody_but_its_provider_moves_a_slot(api: Api, who: str) -> None:
    slot = api.a_slot(*SLOT)

    answer = _move(api, slot, ELSEWHERE, who=who)

    assert _refused(answer) == (403, "forbidden")
    assert api.bookable() == [slot]


def test_who_may_not_is_told_so_of_what_is_not_there_too(api: Api) -> None:
    assert _move(api, NEVER_PUBLISHED, ELSEWHERE, who=provider("5678")).status_code == 403


def test_a_slot_is_not_moved_in_another_providers_calendar(api: Api) -> None:
    api.put("/providers/5678", ADMIN, {"name": "Practice", "timeZone": "UTC"})
    slot = api.a_slot(*SLOT)

    answer = api.call("PATCH", _path(slot, "5678"), provider("5678"), ELSEWHERE, {"If-Match": '"1"'})

    assert _refused(answer) == (404, "not-found")
    assert api.bookable() == [slot]


def test_a_demo_caller_moves_any_slot(api: Api) -> None:
    assert _move(api, api.a_slot(*SLOT), ELSEWHERE, who=DEMO).status_code == 200


def test_a_move_is_one_read_and_one_transaction(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot(*SLOT)

    with dynamodb.recorded() as sent:
        _move(api, slot, ELSEWHERE)

    assert sent == ["BatchGetItem", "TransactWriteItems"]


def test_location_encodes_what_a_provider_id_may_have(api: Api) -> None:
    api.put("/providers/a|b@c:d", ADMIN, {"name": "Practice", "timeZone": "UTC"})
    slot = api.publish(SLOT, provider_id="a|b@c:d").json_body["appointments"][0]["appointmentId"]

    answer = api.call("PATCH", _path(slot, "a|b@c:d"), provider("a|b@c:d"), ELSEWHERE, {"If-Match": "*"})

    assert "|" not in answer.headers["Location"]
    assert api.get(answer.headers["Location"], provider("a|b@c:d")).json_body == answer.json_body
