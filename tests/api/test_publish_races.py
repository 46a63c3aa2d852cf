"""A calendar holds no two appointments at one time, however its publishes fall."""

from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.store.table import table
from tests.support import Api, Clock, DynamoDB, provider

Interval = tuple[str, str]
SLOT = ("2027-01-02T09:00:00Z", "2027-01-02T10:00:00Z")
POINTS = [("BatchGetItem", 1), ("TransactWriteItems", 1)]
"""The requests of a publish that meets nobody."""
TRIES = 5

OVERLAPPING = {
    "equal": SLOT,
    "within": ("2027-01-02T09:15:00Z", "2027-01-02T09:45:00Z"),
    "around": ("2027-01-02T08:30:00Z", "2027-01-02T10:30:00Z"),
    "at its begin": ("2027-01-02T08:30:00Z", "2027-01-02T09:00:01Z"),
    "at its end": ("2027-01-02T09:59:59Z", "2027-01-02T10:30:00Z"),
    "same start": ("2027-01-02T09:00:00Z", "2027-01-02T09:01:00Z"),
    "same end": ("2027-01-02T09:59:00Z", "2027-01-02T10:00:00Z"),
    "from the day before": ("2027-01-01T22:00:00Z", "2027-01-02T09:30:00Z"),
    "into the day after": ("2027-01-02T09:30:00Z", "2027-01-03T02:00:00Z"),
}
APART = {
    "ends where it begins": ("2027-01-02T08:00:00Z", "2027-01-02T09:00:00Z"),
    "begins where it ends": ("2027-01-02T10:00:00Z", "2027-01-02T11:00:00Z"),
    "the day after": ("2027-01-03T09:00:00Z", "2027-01-03T10:00:00Z"),
    "across midnight": ("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z"),
}
MIDNIGHT = ("2027-01-02T23:30:00Z", "2027-01-03T00:30:00Z")


def _told(interval: Interval) -> dict[str, str]:
    return {"startTime": interval[0], "endTime": interval[1]}


def _refused(answer: HTTPResponse) -> tuple[int, str]:
    return answer.status_code, answer.json_body["code"]


def _publish_during(
    api: Api, dynamodb: DynamoDB, point: tuple[str, int], first: Interval, second: Interval
) -> tuple[HTTPResponse, HTTPResponse, list[Any]]:
    """Publish `second`, with `first` published just before that request; and what was in the table after that."""
    done: list[Any] = []

    def other() -> None:
        done.extend([api.publish(first), dynamodb.items()])

    with dynamodb.before(point[0], other, nth=point[1]):
        answer = api.publish(second)
    return done[0], answer, done[1]


@pytest.mark.parametrize("interval", OVERLAPPING.values(), ids=OVERLAPPING)
def test_what_overlaps_is_refused_and_leaves_nothing(api: Api, dynamodb: DynamoDB, interval: Interval) -> None:
    api.publish(SLOT)
    before = dynamodb.items()

    answer = api.publish(interval)

    assert _refused(answer) == (409, "slot-overlap")
    assert answer.json_body["conflicts"] == [_told(SLOT)]
    assert dynamodb.items() == before


@pytest.mark.parametrize("interval", APART.values(), ids=APART)
def test_what_does_not_overlap_is_published(api: Api, interval: Interval) -> None:
    api.publish(SLOT)

    answer = api.publish(interval)

    assert answer.status_code == 201
    assert len(api.bookable()) == 2


@pytest.mark.parametrize(
    "interval",
    [
        ("2027-01-02T23:00:00Z", "2027-01-02T23:31:00Z"),
        ("2027-01-03T00:00:00Z", "2027-01-03T00:10:00Z"),
        ("2027-01-03T00:29:00Z", "2027-01-03T02:00:00Z"),
        ("2027-01-02T12:00:00Z", "2027-01-03T12:00:00Z"),
    ],
)
def test_what_crosses_midnight_stands_in_both_days(api: Api, interval: Interval) -> None:
    api.publish(MIDNIGHT)

    answer = api.publish(interval)

    assert _refused(answer) == (409, "slot-overlap")
    assert answer.json_body["conflicts"] == [_told(MIDNIGHT)]


def test_a_slot_that_ends_at_midnight_leaves_the_next_day_alone(api: Api, dynamodb: DynamoDB) -> None:
    api.publish(("2027-01-02T23:00:00Z", "2027-01-03T00:00:00Z"))

    days = dynamodb.items("DAY#")

    assert [day["sk"]["S"] for day in days] == ["DAY#2027-01-02"]


def test_three_days_of_slots_that_last_a_day(api: Api, dynamodb: DynamoDB) -> None:
    noons = [f"2027-01-0{day}T12:00:00Z" for day in range(2, 6)]
    slots = list(pairwise(noons))

    answer = api.publish(*slots)

    assert answer.status_code == 201
    assert [len(day["intervals"]["M"]) for day in dynamodb.items("DAY#")] == [1, 2, 2, 1]
    assert _refused(api.publish(slots[1])) == (409, "slot-overlap")


def test_every_conflict_is_told_once_in_time_order(api: Api) -> None:
    early = ("2027-01-02T23:00:00Z", "2027-01-03T00:00:00Z")
    across = ("2027-01-03T00:00:00Z", "2027-01-04T00:00:00Z")
    api.publish(across, early)

    answer = api.publish(("2027-01-02T22:00:00Z", "2027-01-03T12:00:00Z"))

    assert answer.json_body["conflicts"] == [_told(early), _told(across)]


def test_one_slot_that_overlaps_keeps_all_from_being_published(api: Api, dynamodb: DynamoDB) -> None:
    api.publish(SLOT)
    before = dynamodb.items()

    answer = api.publish(("2027-01-05T09:00:00Z", "2027-01-05T10:00:00Z"), SLOT)

    assert _refused(answer) == (409, "slot-overlap")
    assert dynamodb.items() == before


def test_the_same_time_at_another_provider_is_free(api: Api) -> None:
    api.put("/providers/5678", "Bearer admin:root", {"name": "Other", "timeZone": "UTC"})
    api.publish(SLOT)

    answer = api.publish(SLOT, provider_id="5678")

    assert answer.status_code == 201


@pytest.mark.parametrize("interval", OVERLAPPING.values(), ids=OVERLAPPING)
@pytest.mark.parametrize("point", POINTS)
def test_of_two_publishes_at_once_that_overlap_one_loses_and_leaves_nothing(
    api: Api, dynamodb: DynamoDB, point: tuple[str, int], interval: Interval
) -> None:
    first, second, after_first = _publish_during(api, dynamodb, point, SLOT, interval)

    assert first.status_code == 201
    assert _refused(second) == (409, "slot-overlap")
    assert second.json_body["conflicts"] == [_told(SLOT)]
    assert dynamodb.items() == after_first


@pytest.mark.parametrize("standing", [True, False])
@pytest.mark.parametrize("point", POINTS)
def test_of_two_publishes_across_midnight_one_loses(
    api: Api, dynamodb: DynamoDB, point: tuple[str, int], *, standing: bool
) -> None:
    """Whether the days that they share have items already or not."""
    if standing:
        api.publish(("2027-01-02T01:00:00Z", "2027-01-02T02:00:00Z"), ("2027-01-03T05:00:00Z", "2027-01-03T06:00:00Z"))
    over = ("2027-01-03T00:15:00Z", "2027-01-03T01:00:00Z")

    first, second, after_first = _publish_during(api, dynamodb, point, MIDNIGHT, over)

    assert (first.status_code, second.status_code) == (201, 409)
    assert dynamodb.items() == after_first


@pytest.mark.parametrize("interval", APART.values(), ids=APART)
@pytest.mark.parametrize("point", POINTS)
def test_two_publishes_at_once_that_do_not_overlap_both_stand(
    api: Api, dynamodb: DynamoDB, point: tuple[str, int], interval: Interval
) -> None:
    first, second, _ = _publish_during(api, dynamodb, point, SLOT, interval)

    assert (first.status_code, second.status_code) == (201, 201)
    stands = [_told(SLOT), _told(interval)]
    assert len(api.bookable()) == 2
    assert [_refused(api.publish(one)) for one in (SLOT, interval)] == [(409, "slot-overlap")] * 2
    calendar = api.get("/providers/1234/appointments?limit=9", provider()).json_body["appointments"]
    assert sorted([{"startTime": a["startTime"], "endTime": a["endTime"]} for a in calendar], key=str) == sorted(
        stands, key=str
    )


def test_different_days_do_not_get_in_each_others_way(api: Api, dynamodb: DynamoDB) -> None:
    with dynamodb.recorded() as sent:
        first, second, _ = _publish_during(api, dynamodb, POINTS[1], SLOT, APART["the day after"])

    assert (first.status_code, second.status_code) == (201, 201)
    assert sent.count("TransactWriteItems") == 2


def test_a_publish_is_beaten_again_and_again_and_stands_in_the_end(api: Api, dynamodb: DynamoDB) -> None:
    others = iter([(f"2027-01-02T{hour}:00:00Z", f"2027-01-02T{hour}:30:00Z") for hour in (11, 12, 13, 14)])

    def publish_another() -> None:
        api.publish(next(others))

    with (
        dynamodb.before("TransactWriteItems", publish_another),
        dynamodb.before("TransactWriteItems", publish_another, nth=3),
        dynamodb.before("TransactWriteItems", publish_another, nth=5),
        dynamodb.before("TransactWriteItems", publish_another, nth=7),
    ):
        answer = api.publish(SLOT)

    assert answer.status_code == 201
    assert len(api.bookable()) == 5


def test_a_publish_that_is_beaten_every_time_gives_up(api: Api, dynamodb: DynamoDB) -> None:
    minutes = iter(range(TRIES))

    def publish_another() -> None:
        minute = next(minutes)
        api.publish((f"2027-01-02T12:{minute:02}:00Z", f"2027-01-02T12:{minute + 1:02}:00Z"))

    with ExitStack() as each_time:
        for nth in range(1, 2 * TRIES, 2):
            each_time.enter_context(dynamodb.before("TransactWriteItems", publish_another, nth=nth))
        answer = api.publish(SLOT)

    assert _refused(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert len(api.bookable()) == TRIES


def _cancelled_by(code: str) -> dict[str, Any]:
    """What DynamoDB answers to a transaction that another was in the way of."""
    return {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": f"Transaction cancelled, please refer cancellation reasons for specific reasons [None, {code}]",
        "CancellationReasons": [{"Code": "None"}, {"Code": code, "Message": "in the way"}],
    }


@pytest.mark.parametrize("conflicts", [1, TRIES - 1])
def test_a_publish_that_another_transaction_is_in_the_way_of_tries_again(
    api: Api, dynamodb: DynamoDB, conflicts: int
) -> None:
    with dynamodb.answering("TransactWriteItems", _cancelled_by("TransactionConflict"), 400, times=conflicts):
        answer = api.publish(SLOT)

    assert answer.status_code == 201
    assert len(api.bookable()) == 1


@pytest.mark.parametrize(
    ("code", "tries"), [("TransactionConflict", TRIES), ("ThrottlingError", 1), ("ProvisionedThroughputExceeded", 1)]
)
def test_a_publish_that_never_gets_through_is_told_to_come_back(
    api: Api, dynamodb: DynamoDB, code: str, tries: int
) -> None:
    before = dynamodb.items()

    with dynamodb.answering("TransactWriteItems", _cancelled_by(code), 400), dynamodb.recorded() as sent:
        answer = api.publish(SLOT)

    assert _refused(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert sent.count("TransactWriteItems") == tries
    assert dynamodb.items() == before


@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException"])
def test_a_throttled_publish_is_repeated_a_few_times_and_told_to_come_back(
    api: Api, dynamodb: DynamoDB, operation: str, code: str
) -> None:
    before = dynamodb.items()

    with dynamodb.failing(operation, code), dynamodb.recorded() as sent:
        answer = api.publish(SLOT)

    assert _refused(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert sent.count(operation) == 3
    assert dynamodb.items() == before


def test_a_publish_that_is_throttled_once_stands(api: Api, dynamodb: DynamoDB) -> None:
    with dynamodb.failing("TransactWriteItems", "ThrottlingException", times=2):
        answer = api.publish(SLOT)

    assert answer.status_code == 201


def _unprocessed(*sort_keys: str) -> dict[str, Any]:
    keys = [{"pk": {"S": "PROVIDER#1234"}, "sk": {"S": sk}} for sk in sort_keys]
    return {"Responses": {table.table_name: []}, "UnprocessedKeys": {table.table_name: {"Keys": keys}}}


@pytest.mark.parametrize("times", [1, 2])
def test_keys_that_a_read_leaves_unprocessed_are_asked_for_again(api: Api, dynamodb: DynamoDB, times: int) -> None:
    api.publish(SLOT)

    with dynamodb.answering("BatchGetItem", _unprocessed("PROFILE", "DAY#2027-01-02"), times=times):
        answer = api.publish(OVERLAPPING["within"])

    assert _refused(answer) == (409, "slot-overlap")


def test_keys_that_are_never_processed_make_it_unavailable(api: Api, dynamodb: DynamoDB) -> None:
    with (
        dynamodb.answering("BatchGetItem", _unprocessed("PROFILE", "DAY#2027-01-02")),
        dynamodb.recorded() as sent,
    ):
        answer = api.publish(SLOT)

    assert _refused(answer) == (503, "unavailable")
    assert sent == ["BatchGetItem"] * 3


@pytest.mark.parametrize("point", POINTS)
def test_a_key_used_for_two_publishes_at_once_makes_one_of_them(
    api: Api, dynamodb: DynamoDB, point: tuple[str, int]
) -> None:
    """On different days, where nothing but the key itself stands between them."""
    path, who = "/appointments", provider()
    bodies = [{"providerId": "1234", "slots": [_told(one)]} for one in (SLOT, APART["the day after"])]
    answers: list[HTTPResponse] = []

    def other() -> None:
        answers.append(api.post(path, who, bodies[0], Idempotency_Key="one"))

    with dynamodb.before(point[0], other, nth=point[1]):
        answers.append(api.post(path, who, bodies[1], Idempotency_Key="one"))

    assert [answer.status_code for answer in answers] == [201, 422]
    assert answers[1].json_body["code"] == "idempotency-key-reused"
    assert len(api.bookable()) == 1


@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
def test_a_slot_moved_into_the_way_of_a_publish_makes_it_lose(
    api: Api, clock: Clock, dynamodb: DynamoDB, operation: str
) -> None:
    assert clock
    slot = api.a_slot("2027-01-02T15:00:00Z", "2027-01-02T15:30:00Z")
    path = f"/providers/1234/appointments/{slot}"
    there = {"startTime": "2027-01-02T09:30:00Z", "endTime": "2027-01-02T10:30:00Z"}

    with dynamodb.before(operation, lambda: api.patch(path, provider(), there, If_Match='"1"')):
        answer = api.publish(SLOT)

    assert _refused(answer) == (409, "slot-overlap")
    assert answer.json_body["conflicts"] == [there]


@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
def test_a_move_into_the_way_of_a_publish_loses(api: Api, dynamodb: DynamoDB, operation: str) -> None:
    slot = api.a_slot("2027-01-02T15:00:00Z", "2027-01-02T15:30:00Z")
    path = f"/providers/1234/appointments/{slot}"
    there = {"startTime": "2027-01-02T09:30:00Z", "endTime": "2027-01-02T10:30:00Z"}

    with dynamodb.before(operation, lambda: api.publish(SLOT)):
        answer = api.patch(path, provider(), there, If_Match='"1"')

    assert _refused(answer) == (409, "slot-overlap")
    assert answer.json_body["conflicts"] == [_told(SLOT)]
    assert slot in api.bookable()


@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
def test_a_delete_makes_room_for_a_publish_that_meets_it(api: Api, dynamodb: DynamoDB, operation: str) -> None:
    slot = api.a_slot(*SLOT)
    path = f"/providers/1234/appointments/{slot}"
    other = ("2027-01-02T11:00:00Z", "2027-01-02T12:00:00Z")

    with dynamodb.before(operation, lambda: api.delete(path, provider(), If_Match='"1"')):
        answer = api.publish(other)

    assert answer.status_code == 201
    assert api.publish(SLOT).status_code == 201
    assert len(api.bookable()) == 2
