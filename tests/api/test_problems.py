from collections.abc import Callable
from dataclasses import dataclass

import pytest
from chalice.app import Chalice
from chalice.test import Client, HTTPResponse

from app import app
from chalicelib.web.auth import mock_caller
from chalicelib.web.edge import Edge
from chalicelib.web.problems import KINDS
from tests.support import ADMIN, Api, Clock, DynamoDB, client, provider

STATUSES = {
    "invalid-request": 400,
    "malformed-json": 400,
    "invalid-cursor": 400,
    "pagination-required": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "slot-overlap": 409,
    "appointment-held": 409,
    "appointment-booked": 409,
    "appointment-closed": 409,
    "reservation-expired": 410,
    "reservation-cancelled": 410,
    "precondition-failed": 412,
    "payload-too-large": 413,
    "unsupported-media-type": 415,
    "internal": 500,
    "unavailable": 503,
}
NINE = ("2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z")
PAST = ("2020-01-02T09:00:00Z", "2020-01-02T09:30:00Z")
TOO_LARGE = b"x" * 300_000
CONFIRM = "/reservations/res_x/confirm"


@dataclass(frozen=True)
class World:
    api: Api
    clock: Clock
    dynamodb: DynamoDB


@pytest.fixture
def world(api: Api, clock: Clock, dynamodb: DynamoDB) -> World:
    return World(api, clock, dynamodb)


def _publish(api: Api, who: str | None, *intervals: tuple[str, str]) -> HTTPResponse:
    slots = [{"startTime": start, "endTime": end} for start, end in intervals]
    return api.post("/appointments", who, {"providerId": "1234", "slots": slots})


def _overlap(world: World) -> HTTPResponse:
    world.api.publish(NINE)
    return world.api.publish(NINE)


def _held(world: World) -> HTTPResponse:
    slot = world.api.a_slot()
    world.api.a_hold(slot)
    return world.api.reserve(slot, client("bob"))


def _booked(world: World) -> HTTPResponse:
    slot = world.api.a_slot()
    world.api.confirm(world.api.a_hold(slot))
    return world.api.reserve(slot, client("bob"))


def _closed(world: World) -> HTTPResponse:
    slot = world.api.a_slot()
    world.clock.advance(days=2)
    return world.api.reserve(slot)


def _expired(world: World) -> HTTPResponse:
    hold = world.api.a_hold(world.api.a_slot())
    world.clock.advance(minutes=30)
    return world.api.confirm(hold)


def _cancelled(world: World) -> HTTPResponse:
    hold = world.api.a_hold(world.api.a_slot())
    world.api.cancel(hold)
    return world.api.confirm(hold)


def _stale(world: World) -> HTTPResponse:
    return world.api.reserve(world.api.a_slot(), if_match='"9"')


def _internal(world: World) -> HTTPResponse:
    with world.dynamodb.failing("GetItem", "ValidationException"):
        return world.api.get("/providers/1234", client())


def _unavailable(world: World) -> HTTPResponse:
    with world.dynamodb.failing("GetItem", "ThrottlingException"):
        return world.api.get("/providers/1234", client())


PROBLEMS: list[tuple[str, Callable[[World], HTTPResponse]]] = [
    ("invalid-request", lambda world: _publish(world.api, provider())),
    ("malformed-json", lambda world: world.api.post("/appointments", provider(), b"{")),
    ("invalid-cursor", lambda world: world.api.get("/appointments/1234?limit=1&cursor=x", client())),
    ("pagination-required", lambda world: world.api.get("/appointments/1234", client())),
    ("unauthenticated", lambda world: world.api.get("/reservations?limit=1", None)),
    ("forbidden", lambda world: world.api.get("/reservations?limit=1", provider())),
    ("not-found", lambda world: world.api.read("res_x")),
    ("method-not-allowed", lambda world: world.api.delete("/health", None)),
    ("slot-overlap", _overlap),
    ("appointment-held", _held),
    ("appointment-booked", _booked),
    ("appointment-closed", _closed),
    ("reservation-expired", _expired),
    ("reservation-cancelled", _cancelled),
    ("precondition-failed", _stale),
    ("payload-too-large", lambda world: world.api.post("/appointments", provider(), TOO_LARGE)),
    ("unsupported-media-type", lambda world: world.api.post("/appointments", provider(), "x", content_type="text/csv")),
    ("internal", _internal),
    ("unavailable", _unavailable),
]


def test_every_code_has_the_status_of_the_contract() -> None:
    assert {code: KINDS[code].status for code in STATUSES} == STATUSES


@pytest.mark.parametrize(("code", "provoke"), PROBLEMS)
def test_every_problem_has_the_form_of_rfc_9457(
    world: World, code: str, provoke: Callable[[World], HTTPResponse]
) -> None:
    answer = provoke(world)

    problem = answer.json_body
    assert answer.status_code == STATUSES[code]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance", "code", "requestId"} <= set(problem)
    assert (problem["type"], problem["code"], problem["status"]) == (f"/problems/{code}", code, answer.status_code)
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    assert problem["requestId"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(("code", "provoke"), PROBLEMS)
def test_only_bad_input_names_members(world: World, code: str, provoke: Callable[[World], HTTPResponse]) -> None:
    problem = provoke(world).json_body

    with_members = {"invalid-request", "invalid-cursor", "pagination-required"}
    assert ("errors" in problem) is (code in with_members)
    for error in problem.get("errors", []):
        assert set(error) == {"pointer", "detail"}
        assert error["pointer"] == "" or error["pointer"].startswith("/")


def test_the_instance_is_the_path_as_it_was_called(api: Api) -> None:
    answer = api.get("/appointments/a%7Cb?limit=1", client())

    assert answer.json_body["instance"] == "/appointments/a%7Cb"


def test_every_request_has_an_id_of_its_own(api: Api) -> None:
    answers = [api.get("/health", None) for _ in range(3)]

    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3


@pytest.mark.parametrize(
    ("method", "path", "who"),
    [
        ("GET", "/health", None),
        ("GET", "/reservations?limit=1", client()),
        ("GET", "/appointments/1234?limit=1", client()),
        ("GET", "/providers/1234", client()),
        ("GET", "/reservations?limit=1", None),
        ("DELETE", "/health", None),
        ("HEAD", "/health", None),
    ],
)
def test_every_response_has_a_request_id(api: Api, method: str, path: str, who: str | None) -> None:
    assert api.call(method, path, who).headers["X-Request-Id"]


def test_a_304_has_a_request_id(api: Api) -> None:
    answer = api.get("/providers/1234", client(), if_none_match="*")

    assert answer.status_code == 304
    assert answer.headers["X-Request-Id"]


def test_a_405_says_what_is_allowed(api: Api) -> None:
    answer = api.call("PATCH", "/reservations/res_x", client())

    assert {"GET", "DELETE"} <= {method.strip() for method in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"])
def test_a_500_says_nothing_of_the_inside(api: Api, dynamodb: DynamoDB, code: str) -> None:
    with dynamodb.failing("*", code):
        answer = api.get("/appointments/1234?limit=1", client())

    assert answer.json_body["code"] == "internal"
    assert not [word for word in (code, "DynamoDB", "Traceback", "holdfast-") if word in answer.body.decode()]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("InternalServerError", 500),
        ("ServiceUnavailable", 503),
    ],
)
def test_a_table_that_throttles_or_fails_is_503_with_the_seconds_to_wait(
    api: Api, dynamodb: DynamoDB, code: str, status: int
) -> None:
    with dynamodb.failing("*", code, status):
        answer = api.get("/appointments/1234?limit=1", client())

    assert (answer.status_code, answer.json_body["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


def test_what_chalice_itself_makes_of_an_error_is_a_problem() -> None:
    """A view with no edge around it."""
    broken = Chalice(app_name="broken", configure_logs=False)
    Edge(broken, who=mock_caller)

    @broken.route("/broken", content_types=["*/*"])
    def view() -> None:
        raise ZeroDivisionError("secret")

    answer = Client(broken).http.get("/broken")

    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
    assert (answer.json_body["code"], answer.json_body["instance"]) == ("internal", "/broken")
    assert answer.json_body["requestId"] == answer.headers["X-Request-Id"]
    assert b"secret" not in answer.body


@pytest.mark.parametrize(
    ("refuse", "first"),
    [
        (lambda api: api.post("/appointments", None, TOO_LARGE), 401),
        (lambda api: api.post("/appointments", None, b"{"), 401),
        (lambda api: api.get("/appointments/nobody", None), 401),
        (lambda api: api.put(CONFIRM, None, if_match="x"), 401),
        (lambda api: api.post("/appointments", provider(), TOO_LARGE), 413),
        (lambda api: api.post("/appointments", client(), TOO_LARGE, content_type="text/plain"), 413),
        (lambda api: api.post("/appointments/apt_x/reservations", client(), TOO_LARGE), 413),
        (lambda api: api.put("/providers/-", client(), TOO_LARGE, if_match="x"), 413),
        (lambda api: api.put(CONFIRM, client(), TOO_LARGE), 413),
        (lambda api: api.post("/appointments", client(), b"{"), 400),
        (lambda api: _publish(api, client()), 400),
        (lambda api: _publish(api, client(), PAST), 400),
        (lambda api: _publish(api, client(), NINE, NINE), 400),
        (lambda api: api.publish(PAST, provider_id="nobody"), 400),
        (lambda api: api.put("/providers/5678", client(), {"name": ""}), 400),
        (lambda api: api.put("/providers/-", client(), {"name": "x", "timeZone": "UTC"}), 400),
        (lambda api: api.put("/providers/5678", client(), {"name": "x", "timeZone": "UTC"}, if_match="x"), 400),
        (lambda api: api.get("/providers/1234/appointments", client()), 400),
        (lambda api: api.get("/providers/1234/appointments?limit=1&cursor=x", client()), 400),
        (lambda api: api.get("/providers/1234/appointments?limit=1&start=x", client()), 400),
        (lambda api: api.get("/providers/1234/appointments?limit=1", client(), if_none_match="x"), 400),
        (lambda api: api.get("/providers/1234/appointments/apt_x", client(), if_none_match="x"), 400),
        (lambda api: api.get("/reservations", provider()), 400),
        (lambda api: api.get("/reservations?limit=1&cursor=x", provider()), 400),
        (lambda api: api.get("/appointments/nobody", client()), 400),
        (lambda api: api.get("/appointments/nobody?limit=1&cursor=x", client()), 400),
        (lambda api: api.get("/appointments/-?limit=1&cursor=x", client()), 400),
        (lambda api: api.get("/reservations/res_x", client(), if_none_match="x"), 400),
        (lambda api: api.get("/providers/nobody", client(), if_none_match="x"), 400),
        (lambda api: api.put(CONFIRM, client(), if_match="x"), 400),
        (lambda api: api.delete("/reservations/res_x", client(), if_match="x"), 400),
        (lambda api: api.post("/appointments/apt_x/reservations", client(), {"x": 1}), 400),
        (lambda api: api.post("/appointments/apt_x/reservations", client(), if_match="x"), 400),
        (lambda api: api.post("/appointments/apt_x/reservations", client(), idempotency_key="a b"), 400),
        (lambda api: api.post("/appointments/apt_x/reservations", ADMIN), 400),
        (lambda api: api.post(f"/appointments/{api.a_slot()}/reservations", provider("5678")), 400),
        (lambda api: api.put(CONFIRM, client(), if_match='"9"'), 404),
        (lambda api: api.put("/providers/5678", client(), {"name": "x", "timeZone": "UTC"}, if_match='"9"'), 403),
        (lambda api: api.confirm(api.a_hold(api.a_slot()), client("bob"), if_match='"9"'), 404),
        (lambda api: api.cancel(api.a_hold(api.a_slot()), client("bob"), if_match='"9"'), 404),
    ],
)
def test_of_several_refusals_the_first_in_the_order_is_told(
    api: Api, refuse: Callable[[Api], HTTPResponse], first: int
) -> None:
    assert refuse(api).status_code == first


def test_a_stale_if_match_is_told_before_a_conflict(api: Api) -> None:
    slot = api.a_slot()
    api.a_hold(slot)

    assert api.reserve(slot, client("bob"), if_match='"1"').status_code == 412
    assert api.reserve(slot, client("bob"), if_match='"2"').status_code == 409


def test_a_stale_if_match_is_told_before_that_it_is_closed(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    clock.advance(days=2)

    assert api.reserve(slot, if_match='"9"').status_code == 412
    assert api.reserve(slot, if_match='"1"').status_code == 409


@dataclass(frozen=True)
class Context:
    """Of a Lambda."""

    aws_request_id: str = "of-the-lambda"


def _deployed(
    method: str, resource: str, path: str, who: str, *, query: dict[str, list[str]] | None = None
) -> HTTPResponse:
    """The answer behind API Gateway, in its stage `api`."""
    names = [part[1:-1] for part in resource.split("/") if part.startswith("{")]
    values = [real for real, part in zip(path.split("/"), resource.split("/"), strict=True) if part.startswith("{")]
    event = {
        "path": path,
        "resource": resource,
        "httpMethod": method,
        "headers": {"Authorization": who, "Content-Type": "application/json"},
        "multiValueHeaders": {"Authorization": [who]},
        "multiValueQueryStringParameters": query,
        "pathParameters": dict(zip(names, values, strict=True)) or None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "path": f"/api{path}",
            "stage": "api",
            "requestId": "of-the-gateway",
            "identity": {},
        },
        "body": None,
        "isBase64Encoded": False,
    }
    return HTTPResponse.create_from_dict(app(event, Context()))


def test_a_deployed_problem_carries_the_stage() -> None:
    answer = _deployed("GET", "/appointments/{ref}", "/appointments/nobody", client(), query={"limit": ["1"]})

    assert answer.json_body["type"] == "/api/problems/not-found"
    assert answer.json_body["instance"] == "/api/appointments/nobody"


def test_a_deployed_405_carries_the_stage() -> None:
    answer = _deployed("PUT", "/appointments", "/appointments", client())

    assert answer.json_body["type"] == "/api/problems/method-not-allowed"
    assert answer.json_body["instance"] == "/api/appointments"


def test_a_deployed_response_carries_the_gateways_request_id() -> None:
    refused = _deployed("GET", "/reservations", "/reservations", client())
    answered = _deployed("GET", "/health", "/health", "")

    assert refused.headers["X-Request-Id"] == refused.json_body["requestId"] == "of-the-gateway"
    assert answered.headers["X-Request-Id"] == "of-the-gateway"


def test_a_deployed_location_carries_the_stage(api: Api) -> None:
    path = f"/appointments/{api.a_slot()}/reservations"

    answer = _deployed("POST", "/appointments/{ref}/reservations", path, client())

    assert answer.headers["Location"] == f"/api/reservations/{answer.json_body['reservationId']}"


def test_a_deployed_link_carries_the_stage(api: Api) -> None:
    api.publish(("2027-01-02T09:00:00Z", "2027-01-02T10:00:00Z"), slotMinutes=30)

    answer = _deployed("GET", "/appointments/{ref}", "/appointments/1234", client(), query={"limit": ["1"]})

    assert answer.headers["Link"].startswith("</api/appointments/1234?limit=1&cursor=")


def test_a_local_location_carries_no_stage(api: Api) -> None:
    answer = api.reserve(api.a_slot())

    assert answer.headers["Location"] == f"/reservations/{answer.json_body['reservationId']}"


@pytest.mark.parametrize("base", ["", "/api", "/v1", "/v1/api"])
@pytest.mark.parametrize("in_path", [False, True])
def test_a_base_path_is_carried_whether_or_not_the_events_path_has_it(api: Api, base: str, *, in_path: bool) -> None:
    path = f"/appointments/{api.a_slot()}/reservations"
    event = {
        "path": f"{base}{path}" if in_path else path,
        "headers": {"authorization": client()},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"ref": path.split("/")[2]},
        "stageVariables": None,
        "requestContext": {
            "httpMethod": "POST",
            "resourcePath": "/appointments/{ref}/reservations",
            "path": f"{base}{path}",
            "requestId": "of-the-gateway",
        },
        "body": None,
    }

    answer = HTTPResponse.create_from_dict(app(event, Context()))

    assert answer.headers["Location"] == f"{base}/reservations/{answer.json_body['reservationId']}"
