"""The scheduled Lambda: it tidies up, and nothing depends on it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from chalice.test import Client

from app import app
from chalicelib.booking.sweep import PAGE, SPARE_SECONDS
from chalicelib.store.items import expiry_shard
from chalicelib.store.table import EXPIRY_SHARDS, table
from chalicelib.web.schedule import SweepIncomplete, sweep_and_log
from tests.support import ADMIN, START, Api, Clock, DynamoDB, client, provider

HOLD_MINUTES = 30
PLENTY_SECONDS = 60.0
with Client(app, stage_name="local") as _client:
    EVENT = _client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])


class Lambda:
    """The context of an invocation: `seconds_left` gives what it has left, each time it is asked."""

    def __init__(self, seconds_left: Callable[[], float] = lambda: PLENTY_SECONDS) -> None:
        self._seconds_left = seconds_left

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds_left() * 1000)


def _sweep() -> None:
    sweep_and_log(Lambda())


def _time_for(looks: int) -> Lambda:
    """A context in which time is up after so many looks at it, beside the first."""
    left = [PLENTY_SECONDS] * (1 + looks)
    return Lambda(lambda: left.pop() if left else SPARE_SECONDS)


def _a_provider_of_shard(shard: int) -> str:
    return next(name for name in (f"p{number}" for number in range(1_000)) if expiry_shard(name) == shard)


def _hold_with(api: Api, provider_id: str) -> str:
    """A hold on a slot of a provider made just now, by a client of the same name."""
    api.put(f"/providers/{provider_id}", ADMIN, {"name": "One more", "timeZone": "UTC"})
    published = api.publish(("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z"), provider_id=provider_id)
    return api.a_hold(published.json_body["appointments"][0]["appointmentId"], client(provider_id))


def _holds(api: Api, count: int) -> list[str]:
    """Holds on slots of provider 1234, the first of them over the longest."""
    published = api.publish(("2027-01-02T09:00:00Z", f"2027-01-02T09:{count:02}:00Z"), slotMinutes=1)
    slots = [slot["appointmentId"] for slot in published.json_body["appointments"]]
    return [api.a_hold(slot) for slot in slots]


def _kept(dynamodb: DynamoDB) -> list[str]:
    """How the reservations that were released ended."""
    return [item["status"]["S"] for item in dynamodb.items("ENDED#")]


def _others(raw: dict[str, Any]) -> dict[str, Any]:
    """All but the key."""
    return {name: value for name, value in raw.items() if name not in ("pk", "sk")}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[Any]]:
    """The records of that message, so far."""
    return lambda message: [record for record in caplog.records if record.getMessage() == message]


@contextmanager
def _items_looked_at() -> Iterator[list[int]]:
    """How many items each Query looked at."""
    seen: list[int] = []
    events: Any = table.connection.client.meta.events

    def handler(parsed: dict[str, Any], **_: object) -> None:
        seen.append(parsed["ScannedCount"])

    events.register("after-call.dynamodb.Query", handler)
    try:
        yield seen
    finally:
        events.unregister("after-call.dynamodb.Query", handler)


def test_the_schedule_releases_what_is_over(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    held = api.a_hold(slot)
    clock.advance(minutes=HOLD_MINUTES)

    app.handler_map["expire_reservations"](EVENT, Lambda())

    assert _kept(dynamodb) == ["expired"]
    assert api.read(held).json_body["status"] == "expired"
    assert api.bookable() == [slot]


@pytest.mark.parametrize(("seconds", "kept"), [(1_799, []), (1_800, ["expired"])])
def test_a_hold_is_released_from_the_second_it_is_over(
    api: Api, clock: Clock, dynamodb: DynamoDB, seconds: int, kept: list[str]
) -> None:
    api.a_hold(api.a_slot())
    clock.advance(seconds=seconds)

    _sweep()

    assert _kept(dynamodb) == kept


@pytest.mark.parametrize("minutes", [0, 1])
def test_every_shard_is_swept(api: Api, clock: Clock, dynamodb: DynamoDB, minutes: int) -> None:
    names = [_a_provider_of_shard(shard) for shard in range(EXPIRY_SHARDS)]
    held = {name: _hold_with(api, name) for name in names}
    clock.advance(minutes=HOLD_MINUTES + minutes)

    _sweep()

    assert _kept(dynamodb) == ["expired"] * EXPIRY_SHARDS
    assert {api.read(held[name], client(name)).json_body["status"] for name in names} == {"expired"}


def test_a_page_of_holds_that_cannot_be_released_does_not_hide_the_next(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    api.a_hold(api.a_slot())
    [raw] = dynamodb.items("APPT#")
    for nth in range(PAGE):
        table.put_item(raw["pk"]["S"], f"APPT#2027-01-03T09:{nth // 60:02}:{nth % 60:02}Z", attributes=_others(raw))
    clock.advance(minutes=HOLD_MINUTES)

    with (
        dynamodb.recorded() as sent,
        dynamodb.failing("TransactWriteItems", "TransactionConflictException", times=PAGE),
    ):
        _sweep()

    assert sent.count("Query") == EXPIRY_SHARDS + 1
    assert len(_kept(dynamodb)) == 1


def test_a_second_sweep_finds_nothing(
    api: Api, clock: Clock, dynamodb: DynamoDB, log: Callable[[str], list[Any]]
) -> None:
    _holds(api, 3)
    clock.advance(minutes=HOLD_MINUTES)
    _sweep()
    after_one = dynamodb.items()

    _sweep()

    assert dynamodb.items() == after_one
    assert [record.released for record in log("sweep")] == [3, 0]


@pytest.mark.parametrize("point", range(1, EXPIRY_SHARDS + 2 + 1))
def test_two_sweeps_at_once_release_each_hold_once(
    api: Api, clock: Clock, dynamodb: DynamoDB, log: Callable[[str], list[Any]], point: int
) -> None:
    held = _holds(api, 2)
    clock.advance(minutes=HOLD_MINUTES)

    with dynamodb.before("*", _sweep, nth=point):
        _sweep()

    assert _kept(dynamodb) == ["expired"] * 2
    assert [api.read(one).headers["ETag"] for one in held] == ['"3"'] * 2
    assert sum(record.released for record in log("sweep")) == 2
    assert {item["version"]["N"] for item in dynamodb.items("APPT#")} == {"3"}


def test_a_second_sweep_before_every_request_of_the_first_does_no_harm(
    api: Api, clock: Clock, dynamodb: DynamoDB, log: Callable[[str], list[Any]]
) -> None:
    held = _holds(api, 2)
    clock.advance(minutes=HOLD_MINUTES)

    with dynamodb.before("*", _sweep), dynamodb.before("Query", _sweep, nth=2), dynamodb.before("Query", _sweep, nth=8):
        _sweep()

    assert [api.read(one).json_body["status"] for one in held] == ["expired"] * 2
    assert sum(record.released for record in log("sweep")) == 2
    assert sum(record.failed for record in log("sweep")) == 0


@pytest.mark.parametrize("looks", [0, 1, 2, 3, 5, 8, 11, 14])
def test_a_sweep_stops_when_its_time_is_up_and_the_next_finishes(
    api: Api, clock: Clock, dynamodb: DynamoDB, log: Callable[[str], list[Any]], looks: int
) -> None:
    _holds(api, 3)
    _hold_with(api, _a_provider_of_shard((expiry_shard("1234") + 1) % EXPIRY_SHARDS))
    clock.advance(minutes=HOLD_MINUTES)

    sweep_and_log(_time_for(looks))
    sweep_and_log(Lambda())

    first, second = log("sweep")
    assert len(_kept(dynamodb)) == first.released + second.released == 4
    assert (first.complete, second.complete) == (looks >= EXPIRY_SHARDS + 4, True)


def test_a_sweep_without_time_sends_nothing(dynamodb: DynamoDB) -> None:
    with dynamodb.recorded() as sent:
        sweep_and_log(_time_for(0))

    assert sent == []


def test_a_sweep_without_time_for_a_release_begins_none(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    _hold_with(api, _a_provider_of_shard((START // 60 + HOLD_MINUTES) % EXPIRY_SHARDS))
    clock.advance(minutes=HOLD_MINUTES)

    with dynamodb.recorded() as sent:
        sweep_and_log(_time_for(1))

    assert sent == ["Query"]
    assert _kept(dynamodb) == []


def test_sweeps_that_never_finish_still_come_to_every_shard(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    for shard in range(EXPIRY_SHARDS):
        _hold_with(api, _a_provider_of_shard(shard))
    clock.advance(minutes=HOLD_MINUTES)

    for _ in range(EXPIRY_SHARDS):
        sweep_and_log(_time_for(2))
        clock.advance(minutes=1)

    assert _kept(dynamodb) == ["expired"] * EXPIRY_SHARDS


@pytest.mark.parametrize("code", ["ValidationException", "ThrottlingException", "InternalServerError"])
def test_a_sweep_goes_on_past_a_release_that_fails(
    api: Api, clock: Clock, dynamodb: DynamoDB, log: Callable[[str], list[Any]], code: str
) -> None:
    held = _holds(api, 3)
    clock.advance(minutes=HOLD_MINUTES)
    tries = 3 if code == "ThrottlingException" else 1

    with dynamodb.failing("TransactWriteItems", code, times=tries):
        _sweep()

    [failure], [record] = log("release failed"), log("sweep")
    assert failure.reservation_id == held[0]
    assert failure.levelno == logging.ERROR
    assert (record.released, record.failed, record.complete) == (2, 1, True)
    assert len(_kept(dynamodb)) == 2


def test_a_release_that_met_another_transaction_is_left_to_the_next_sweep(
    api: Api, clock: Clock, dynamodb: DynamoDB, log: Callable[[str], list[Any]]
) -> None:
    _holds(api, 2)
    clock.advance(minutes=HOLD_MINUTES)
    with dynamodb.failing("TransactWriteItems", "TransactionConflictException", times=1):
        _sweep()

    _sweep()

    assert [(record.released, record.passed_by, record.failed) for record in log("sweep")] == [(1, 1, 0), (1, 0, 0)]


def test_what_failed_is_released_by_the_next_sweep(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    _holds(api, 2)
    clock.advance(minutes=HOLD_MINUTES)
    with dynamodb.failing("TransactWriteItems", "ValidationException"):
        _sweep()

    _sweep()

    assert _kept(dynamodb) == ["expired"] * 2


def test_a_sweep_looks_at_nothing_that_is_not_over(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    over = api.a_hold(api.a_slot())
    confirmed = api.a_hold(api.a_slot("2027-01-02T10:00:00Z", "2027-01-02T10:30:00Z"))
    api.confirm(confirmed)
    api.a_slot("2027-01-02T11:00:00Z", "2027-01-02T11:30:00Z")
    clock.advance(minutes=1)
    live = api.a_hold(api.a_slot("2027-01-02T12:00:00Z", "2027-01-02T12:30:00Z"))
    clock.advance(minutes=HOLD_MINUTES - 1)

    with _items_looked_at() as looked_at:
        _sweep()

    assert sum(looked_at) == 1
    assert len(dynamodb.items("ENDED#")) == 1
    read = [api.read(one).json_body["status"] for one in (over, confirmed, live)]
    assert read == ["expired", "confirmed", "reserved"]


def test_a_sweep_tells_how_many_it_released_and_how_late(
    api: Api, clock: Clock, log: Callable[[str], list[Any]]
) -> None:
    api.a_hold(api.a_slot())
    clock.advance(seconds=7)
    api.a_hold(api.a_slot("2027-01-02T10:00:00Z", "2027-01-02T10:30:00Z"))
    clock.advance(minutes=HOLD_MINUTES)

    _sweep()

    [record] = log("sweep")
    assert (record.released, record.lag_seconds, record.failed) == (2, 7, 0)


def test_a_late_release_says_when_the_hold_was_over_not_when_it_was_swept(api: Api, clock: Clock) -> None:
    held = api.a_hold(api.a_slot())
    clock.advance(hours=3)

    _sweep()

    assert api.read(held).json_body["endedAt"] == "2027-01-01T08:30:00Z"


@pytest.mark.parametrize("unread", [1, EXPIRY_SHARDS])
def test_a_shard_that_cannot_be_read_is_an_error_after_the_others_were_swept(
    api: Api, clock: Clock, dynamodb: DynamoDB, unread: int
) -> None:
    for shard in range(EXPIRY_SHARDS):
        _hold_with(api, _a_provider_of_shard(shard))
    clock.advance(minutes=HOLD_MINUTES)

    with (
        dynamodb.failing("Query", "ThrottlingException", times=3 * unread),
        pytest.raises(SweepIncomplete, match=str(unread)),
    ):
        _sweep()

    assert len(_kept(dynamodb)) == EXPIRY_SHARDS - unread


def test_a_booking_confirmed_in_the_holds_last_second_outlives_a_late_sweep(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    held = api.a_hold(api.a_slot())
    clock.advance(seconds=HOLD_MINUTES * 60 - 1)
    api.confirm(held)
    clock.advance(hours=1)

    _sweep()

    assert api.read(held).json_body["status"] == "confirmed"
    assert _kept(dynamodb) == []


def test_a_sweep_that_saw_the_hold_before_it_was_confirmed_in_time_passes_it_by(
    api: Api, clock: Clock, dynamodb: DynamoDB, log: Callable[[str], list[Any]]
) -> None:
    """The client's Lambda lags a second behind the sweeper's."""
    held = api.a_hold(api.a_slot())
    clock.advance(minutes=HOLD_MINUTES)

    def confirm_by_a_late_clock() -> None:
        clock.advance(seconds=-1)
        assert api.confirm(held).status_code == 200
        clock.advance(seconds=1)

    with dynamodb.before("TransactWriteItems", confirm_by_a_late_clock):
        _sweep()

    [record] = log("sweep")
    assert (record.released, record.passed_by, record.failed) == (0, 1, 0)
    assert api.read(held).json_body["status"] == "confirmed"
    assert _kept(dynamodb) == []


def test_a_sweep_that_saw_a_hold_passes_by_the_one_that_followed_it(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(minutes=HOLD_MINUTES)
    taken: list[str] = []

    with dynamodb.before("TransactWriteItems", lambda: taken.append(api.a_hold(slot, client("bob")))):
        _sweep()

    assert api.read(taken[0], client("bob")).json_body["status"] == "reserved"
    assert _kept(dynamodb) == ["expired"]


def test_a_sweep_that_saw_a_hold_passes_by_a_later_one_that_is_over_too(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    """Its record would tell of the first client again, and the second's would be lost."""
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(minutes=HOLD_MINUTES)
    taken: list[str] = []

    def take_by_a_late_clock() -> None:
        clock.advance(minutes=HOLD_MINUTES)
        taken.append(api.a_hold(slot, client("bob")))
        clock.advance(minutes=-2 * HOLD_MINUTES)
        clock.advance(minutes=HOLD_MINUTES)

    with dynamodb.before("TransactWriteItems", take_by_a_late_clock):
        _sweep()
    clock.advance(minutes=3 * HOLD_MINUTES)

    assert api.read(taken[0], client("bob")).json_body["status"] == "expired"
    assert len(dynamodb.items("ENDED#")) == 1


def test_a_sweep_whose_clock_was_set_back_releases_no_live_hold(
    api: Api, clock: Clock, dynamodb: DynamoDB, log: Callable[[str], list[Any]]
) -> None:
    held = api.a_hold(api.a_slot())
    clock.advance(minutes=HOLD_MINUTES)
    nth = (expiry_shard("1234") - int(clock.time) // 60) % EXPIRY_SHARDS + 1

    with dynamodb.before("Query", lambda: clock.advance(seconds=-1), nth=nth):
        _sweep()

    [record] = log("sweep")
    assert (record.released, record.passed_by) == (0, 1)
    assert api.read(held).json_body["status"] == "reserved"


def test_a_slot_deleted_under_the_sweep_is_passed_by(
    api: Api, clock: Clock, dynamodb: DynamoDB, log: Callable[[str], list[Any]]
) -> None:
    api.a_hold(api.a_slot())
    clock.advance(minutes=HOLD_MINUTES)
    [raw] = dynamodb.items("APPT#")

    with dynamodb.before("TransactWriteItems", lambda: table.delete_item(raw["pk"]["S"], raw["sk"]["S"])):
        _sweep()

    [record] = log("sweep")
    assert (record.released, record.passed_by, record.failed) == (0, 1, 0)
    assert dynamodb.items("APPT#") == []
    assert _kept(dynamodb) == []


def test_a_swept_hold_is_in_both_parties_lists_as_before(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(minutes=HOLD_MINUTES)
    mine = api.get("/reservations?limit=10", client()).json_body
    calendar = api.get("/providers/1234/appointments?limit=10", provider()).json_body

    _sweep()

    assert api.get("/reservations?limit=10", client()).json_body == mine
    assert api.get("/providers/1234/appointments?limit=10", provider()).json_body == calendar
