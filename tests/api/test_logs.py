"""What an operator sees: a line a request, a line a change, and metrics. See conftest.py for what nobody may see."""

import json
import re
from typing import Any

import pytest
from chalice.app import Chalice

from chalicelib.web.auth import Caller, mock_caller
from chalicelib.web.calls import Call
from chalicelib.web.edge import Edge
from chalicelib.web.replies import Reply
from chalicelib.web.schedule import sweep_and_log
from tests.api.conftest import Printed, leaks
from tests.support import ADMIN, DEMO, Api, Clock, DynamoDB, client, provider
from tests.unit.test_tokens import claims, signed

HOLD_SECONDS = 1_800
SLOT = ("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z")
ELSEWHERE = {"startTime": "2027-01-04T11:00:00Z", "endTime": "2027-01-04T11:45:00Z"}
NOW = "2027-01-01T08:00:00Z"
Line = dict[str, Any]


class Invocation:
    """A Lambda with time to spare."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Log:
    """What is printed from now on, line by line."""

    def __init__(self, printed: Printed) -> None:
        self._printed = printed
        self._begins = len(printed.lines())

    def lines(self) -> list[Line]:
        return [json.loads(line) for line in self._printed.lines()[self._begins :]]

    def of(self, message: str) -> list[Line]:
        return [line for line in self.lines() if line.get("message") == message]

    def changes(self) -> list[tuple[str, str, str | None, str | None, str]]:
        return [
            (line["who"], line["id"], line.get("before"), line.get("after"), line["at"]) for line in self.of("changed")
        ]

    def metrics(self) -> dict[str, float]:
        """The values by their names, added up over all lines."""
        found: dict[str, float] = {}
        for line in self.lines():
            for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
                for metric in directive["Metrics"]:
                    found[metric["Name"]] = found.get(metric["Name"], 0) + sum(line[metric["Name"]])
        return found


def _path(slot: str) -> str:
    return f"/providers/1234/appointments/{slot}"


# A line a request


def test_a_request_is_one_line(api: Api, printed: Printed) -> None:
    log = Log(printed)

    answer = api.get("/providers/1234", client())

    [line] = log.lines()
    assert line["message"] == "request"
    assert line["level"] == "INFO"
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert line["route"] == "GET /providers/{providerId}"
    assert (line["caller"], line["role"]) == ("alice", "client")
    assert line["status"] == 200
    assert isinstance(line["milliseconds"], float)
    assert line["milliseconds"] >= 0
    assert isinstance(line["cold_start"], bool)
    assert line["dynamodb_requests"] == 1
    assert "code" not in line


@pytest.mark.parametrize(
    ("who", "caller", "role"),
    [
        (client("bob"), "bob", "client"),
        (provider("5678"), "5678", "provider"),
        (ADMIN, "root", "admin"),
        (DEMO, "demo-client", "demo"),
        (None, "-", "none"),
    ],
)
def test_the_line_says_who_it_was(api: Api, printed: Printed, who: str | None, caller: str, role: str) -> None:
    log = Log(printed)

    api.get("/providers/1234", who)

    assert [(line["caller"], line["role"]) for line in log.of("request")] == [(caller, role)]


@pytest.mark.parametrize(
    ("roles", "said"), [({"provider", "client"}, "client+provider"), ({"admin"}, "admin"), (set(), "none")]
)
def test_the_line_names_all_roles(roles: set[str], said: str) -> None:
    assert Caller("alice", frozenset(roles)).role == said


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "route"),
    [
        ("GET", "/providers/1234", 401, "unauthenticated", "GET /providers/{providerId}"),
        ("GET", "/reservations", 401, "unauthenticated", "GET /reservations"),
        ("GET", "/health", 200, None, "GET /health"),
        ("OPTIONS", "/reservations", 204, None, "OPTIONS /reservations"),
    ],
)
def test_what_nobody_asks_is_a_line_too(  # noqa: PLR0917  # a table
    api: Api, printed: Printed, method: str, path: str, status: int, code: str | None, route: str
) -> None:
    log = Log(printed)

    api.call(method, path, None)

    assert [(line["status"], line.get("code"), line["route"]) for line in log.of("request")] == [(status, code, route)]


def test_a_refusal_is_a_line_with_its_code(api: Api, printed: Printed) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    log = Log(printed)

    api.reserve(slot, client("bob"))

    assert [(line["status"], line["code"]) for line in log.of("request")] == [(409, "appointment-held")]


def test_the_line_counts_what_was_sent_to_dynamodb(
    api: Api, clock: Clock, dynamodb: DynamoDB, printed: Printed
) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    log = Log(printed)

    with dynamodb.recorded() as sent:
        api.reserve(slot, client("bob"))

    assert [line["dynamodb_requests"] for line in log.of("request")] == [len(sent)]
    assert len(sent) == 4


def test_what_the_sdk_repeats_is_counted(api: Api, dynamodb: DynamoDB, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    with dynamodb.failing("UpdateItem", "ThrottlingException", times=1):
        api.reserve(slot)

    assert [line["dynamodb_requests"] for line in log.of("request")] == [3]


def test_only_the_first_request_of_a_process_is_a_cold_start(printed: Printed) -> None:
    fresh = Chalice(app_name="holdfast", configure_logs=False)
    edge = Edge(fresh, who=mock_caller)

    def health(call: Call) -> Reply:
        assert call
        return Reply(b'{"status":"ok"}')

    fresh.route("/health", content_types=["*/*"])(edge(health))
    api, log = Api(fresh), Log(printed)

    for _ in range(3):
        api.get("/health", None)

    assert [line["cold_start"] for line in log.of("request")] == [True, False, False]


def test_what_went_wrong_inside_is_logged_with_its_request(api: Api, dynamodb: DynamoDB, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    with dynamodb.failing("UpdateItem", "ValidationException"):
        answer = api.reserve(slot)

    [failed] = log.of("failed")
    assert (failed["level"], failed["request_id"]) == ("ERROR", answer.json_body["requestId"])
    assert "ValidationException" in failed["exception"]
    assert [line["status"] for line in log.of("request")] == [500]


# The audit


def test_a_publish_is_audited_slot_by_slot(api: Api, printed: Printed) -> None:
    log = Log(printed)

    answer = api.publish(SLOT, ("2027-01-02T10:00:00Z", "2027-01-02T10:30:00Z"))

    ids = [slot["appointmentId"] for slot in answer.json_body["appointments"]]
    assert log.changes() == [("1234", slot, None, "available", NOW) for slot in ids]


def test_each_change_of_a_reservation_is_audited(api: Api, clock: Clock, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    hold = api.a_hold(slot)
    clock.advance(minutes=1)
    api.confirm(hold)
    clock.advance(minutes=1)
    api.cancel(hold, provider())

    assert log.changes() == [
        ("alice", hold, "available", "reserved", NOW),
        ("alice", hold, "reserved", "confirmed", "2027-01-01T08:01:00Z"),
        ("1234", hold, "confirmed", "cancelled", "2027-01-01T08:02:00Z"),
    ]


def test_a_hold_that_is_given_back_is_audited(api: Api, printed: Printed) -> None:
    hold = api.a_hold(api.a_slot())
    log = Log(printed)

    api.cancel(hold)

    assert log.changes() == [("alice", hold, "reserved", "cancelled", NOW)]


def test_the_audit_says_who_reserved_for_whom(api: Api, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    api.post(f"/appointments/{slot}/reservations", ADMIN, {"clientId": "bob"})

    assert [change[0] for change in log.changes()] == ["root"]


def test_a_release_by_the_sweeper_is_audited_as_its(api: Api, clock: Clock, printed: Printed) -> None:
    hold = api.a_hold(api.a_slot())
    clock.advance(seconds=HOLD_SECONDS)
    log = Log(printed)

    sweep_and_log(Invocation())

    assert log.changes() == [("sweeper", hold, "reserved", "expired", "2027-01-01T08:30:00Z")]


@pytest.mark.parametrize("edit", ["reserve", "move", "delete"])
def test_a_release_on_the_way_is_audited_too(api: Api, clock: Clock, printed: Printed, edit: str) -> None:
    slot = api.a_slot()
    hold = api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    log = Log(printed)

    match edit:
        case "reserve":
            api.reserve(slot, client("bob"))
        case "move":
            api.patch(_path(slot), provider(), ELSEWHERE, If_Match="*")
        case _:
            api.delete(_path(slot), provider(), If_Match="*")

    who = "bob" if edit == "reserve" else "1234"
    assert log.changes()[0] == (who, hold, "reserved", "expired", "2027-01-01T08:30:00Z")
    assert len(log.changes()) == {"reserve": 2, "move": 3, "delete": 2}[edit]


def test_a_move_is_audited_at_both_its_ends(api: Api, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    moved = api.patch(_path(slot), provider(), ELSEWHERE, If_Match="*").json_body["appointmentId"]

    assert log.changes() == [("1234", slot, "available", None, NOW), ("1234", moved, None, "available", NOW)]


def test_a_new_end_is_audited(api: Api, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    api.patch(_path(slot), provider(), {"endTime": "2027-01-02T10:00:00Z"}, If_Match="*")

    assert log.changes() == [("1234", slot, "available", "available", NOW)]


def test_a_delete_is_audited(api: Api, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    api.delete(_path(slot), provider(), If_Match="*")

    assert log.changes() == [("1234", slot, "available", None, NOW)]


def test_what_changes_nothing_is_not_audited(api: Api, printed: Printed) -> None:
    slot = api.a_slot()
    hold = api.reserve(slot, Idempotency_Key="k").json_body["reservationId"]
    api.confirm(hold)
    log = Log(printed)

    api.reserve(slot, Idempotency_Key="k")
    api.reserve(slot, client("bob"))
    api.confirm(hold)
    api.read(hold)
    api.bookable()
    api.delete(_path(slot), provider(), If_Match="*")
    api.publish(SLOT)
    sweep_and_log(Invocation())

    assert log.changes() == []


def test_a_move_to_where_it_is_is_not_audited(api: Api, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    api.patch(_path(slot), provider(), {}, If_Match="*")

    assert log.changes() == []


def test_a_cancel_again_is_not_audited_again(api: Api, printed: Printed) -> None:
    hold = api.a_hold(api.a_slot())
    api.cancel(hold)
    log = Log(printed)

    api.cancel(hold)

    assert log.changes() == []


def test_a_reserve_whose_answer_was_lost_is_audited_and_counted(api: Api, dynamodb: DynamoDB, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    with dynamodb.lose_answer("UpdateItem"):
        hold = api.a_hold(slot)

    assert log.changes() == [("alice", hold, "available", "reserved", NOW)]
    assert log.metrics()["ReservationsMade"] == 1


def test_a_move_whose_answer_was_lost_is_audited(api: Api, dynamodb: DynamoDB, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    with dynamodb.lose_answer("TransactWriteItems"):
        moved = api.patch(_path(slot), provider(), ELSEWHERE, If_Match="*").json_body["appointmentId"]

    assert log.changes() == [("1234", slot, "available", None, NOW), ("1234", moved, None, "available", NOW)]


def test_a_publish_whose_answer_was_lost_is_audited(api: Api, dynamodb: DynamoDB, printed: Printed) -> None:
    log = Log(printed)

    with dynamodb.lose_answer("TransactWriteItems"):
        slot = api.a_slot()

    assert log.changes() == [("1234", slot, None, "available", NOW)]


# Metrics


def test_metrics_are_in_cloudwatchs_embedded_format(api: Api, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    api.reserve(slot)

    [line] = [line for line in log.lines() if "_aws" in line]
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Holdfast"
    assert directive["Dimensions"] == [["service"]]
    assert directive["Metrics"] == [{"Name": "ReservationsMade", "Unit": "Count"}]
    assert line["service"] == "holdfast-local"
    assert isinstance(line["_aws"]["Timestamp"], int)


def test_reservations_are_counted_as_they_come_and_go(api: Api, clock: Clock, printed: Printed) -> None:
    slots = [api.a_slot(f"2027-01-02T{hour:02}:00:00Z", f"2027-01-02T{hour:02}:30:00Z") for hour in range(9, 14)]
    log = Log(printed)

    holds = [api.a_hold(slot) for slot in slots[:4]]
    api.confirm(holds[0])
    api.confirm(holds[1])
    api.cancel(holds[1])
    api.cancel(holds[2])
    clock.advance(seconds=HOLD_SECONDS)
    api.reserve(slots[3], client("bob"))

    assert log.metrics() == {
        "ReservationsMade": 5,
        "ReservationsConfirmed": 2,
        "ReservationsCancelled": 2,
        "ReservationsExpired": 1,
    }


@pytest.mark.parametrize("state", ["held", "booked"])
def test_a_lost_race_is_counted(api: Api, printed: Printed, state: str) -> None:
    slot = api.a_slot()
    hold = api.a_hold(slot)
    if state == "booked":
        api.confirm(hold)
    log = Log(printed)

    api.reserve(slot, client("bob"))

    assert log.metrics() == {"LostRaces": 1}


def test_a_delete_of_a_held_slot_is_no_lost_race(api: Api, printed: Printed) -> None:
    slot = api.a_slot()
    api.a_hold(slot)
    log = Log(printed)

    api.delete(_path(slot), provider(), If_Match="*")

    assert log.metrics() == {}


def test_a_replay_is_counted_once(api: Api, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    for _ in range(3):
        api.reserve(slot, Idempotency_Key="k")

    assert log.metrics() == {"ReservationsMade": 1}


def test_throttles_are_counted(api: Api, dynamodb: DynamoDB, printed: Printed) -> None:
    slot = api.a_slot()
    log = Log(printed)

    with dynamodb.failing("UpdateItem", "ProvisionedThroughputExceededException", times=2):
        api.reserve(slot)

    assert log.metrics() == {"ReservationsMade": 1, "Throttles": 2}


def test_a_read_has_no_metrics(api: Api, printed: Printed) -> None:
    log = Log(printed)

    api.bookable()

    assert log.metrics() == {}


def test_a_sweep_tells_its_lag_and_what_it_released(api: Api, clock: Clock, printed: Printed) -> None:
    for hour in (9, 10):
        api.a_hold(api.a_slot(f"2027-01-02T{hour:02}:00:00Z", f"2027-01-02T{hour:02}:30:00Z"))
        clock.advance(minutes=1)
    clock.advance(seconds=HOLD_SECONDS - 90)
    log = Log(printed)

    sweep_and_log(Invocation())

    assert log.metrics() == {"ReservationsExpired": 1, "Released": 1, "SweepLagSeconds": 30}


def test_a_sweep_with_nothing_to_do_tells_so(printed: Printed) -> None:
    log = Log(printed)

    sweep_and_log(Invocation())

    assert log.metrics() == {"SweepLagSeconds": 0}
    assert [line["released"] for line in log.of("sweep")] == [0]


# What nobody may see


JEKYLL = "Dr. Jekyll's practice"
TOKEN = signed(claims())


@pytest.mark.parametrize(
    ("who", "body"),
    [
        (ADMIN, {"name": JEKYLL, "timeZone": "UTC"}),
        (ADMIN, {"name": JEKYLL, "timeZone": "nowhere"}),
        (ADMIN, {"name": JEKYLL, "secret": 1}),
        (client(), {"name": JEKYLL, "timeZone": "UTC"}),
        (f"Bearer {TOKEN}", {"name": JEKYLL, "timeZone": "UTC"}),
        (f"Bearer {TOKEN}", f'{{"name": "{JEKYLL}"'),
    ],
)
def test_neither_name_nor_body_nor_token_is_printed(api: Api, printed: Printed, who: str, body: Any) -> None:
    log = Log(printed)

    api.put("/providers/1234", who, body)

    text = json.dumps(log.lines())
    assert not re.search(r"Jekyll|timeZone|Bearer|admin:root|eyJ", text)


def test_an_error_of_ours_prints_neither_name_nor_body_nor_token(
    api: Api, dynamodb: DynamoDB, printed: Printed
) -> None:
    log = Log(printed)

    with dynamodb.failing("UpdateItem", "ValidationException"):
        api.put("/providers/1234", ADMIN, {"name": JEKYLL, "timeZone": "UTC"})

    assert log.of("failed")
    assert not re.search(r"Jekyll|timeZone|Bearer|admin:root", json.dumps(log.lines()))


@pytest.mark.parametrize(
    "line",
    [
        "Bearer client:alice",
        "the caller sent client:alice",
        json.dumps({"message": "request", "body": '{"clientId": "alice"}'}),
        json.dumps({"exception": 'bad body: {"clientId": "alice"}\nTraceback'}),
        json.dumps({"nested": [{"provider": "Demo practice"}]}),
    ],
)
def test_the_check_after_each_test_finds_what_it_looks_for(line: str) -> None:
    said = [("Bearer client:alice", b'{"clientId": "alice"}')]

    assert leaks([line + "\n"], said) != []


@pytest.mark.parametrize("part", [0, 1, 2])
def test_the_check_after_each_test_finds_parts_of_a_token(part: int) -> None:
    assert leaks([f"decoding {TOKEN.split('.')[part]} failed\n"], [(f"Bearer {TOKEN}", b"")]) != []


def test_the_check_after_each_test_finds_a_name_by_itself() -> None:
    body = json.dumps({"name": JEKYLL, "timeZone": "UTC"}).encode()

    assert leaks([json.dumps({"detail": f"{JEKYLL} is no provider"})], [(ADMIN, body)]) == [JEKYLL]


def test_the_check_after_each_test_lets_ids_pass() -> None:
    line = json.dumps({"message": "request", "caller": "alice", "role": "client"})

    assert leaks([line], [("Bearer client:alice", b"{}"), (None, b"x")]) == []


def test_a_confirm_whose_answer_was_lost_is_audited_once(api: Api, dynamodb: DynamoDB, printed: Printed) -> None:
    hold = api.a_hold(api.a_slot())
    log = Log(printed)

    with dynamodb.lose_answer("UpdateItem"):
        api.confirm(hold)
    api.confirm(hold)

    assert log.changes() == [("alice", hold, "reserved", "confirmed", NOW)]
