"""Who may do what: every route with every kind of caller, against a table made from API.md, not from the code."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from chalice.app import Chalice

from app import app
from chalicelib.settings import read
from chalicelib.web.auth import MAY, mock_caller
from chalicelib.web.callers import who_calls
from chalicelib.web.edge import Edge
from chalicelib.web.tokens import Tokens
from tests.support import ADMIN, DEMO, START, Api, DynamoDB, client, provider
from tests.unit.test_tokens import AUDIENCE, ISSUER, Issuer, claims, jwk, settings, signed

ROUTES = {f"{method} {path}" for path in app.routes for method in app.routes[path] if method != "OPTIONS"}


@dataclass(frozen=True)
class Row:
    """One request, and what each kind of caller is answered."""

    target: str
    """With `{slot}`, `{held}` (a slot) and `{hold}` (alice's reservation of it) filled in."""
    client: int
    other_client: int
    provider: int
    other_provider: int
    admin: int
    no_roles: int
    nobody: int = 401
    demo: int = 200
    body: Any = None
    if_match: str | None = None


def _for_all(target: str) -> Row:
    return Row(target, 200, 200, 200, 200, 200, 200, nobody=200)


def _for_its_provider(target: str, status: int = 200, **more: Any) -> Row:
    return Row(target, 403, 403, status, 403, 403, 403, demo=status, **more)


def _for_its_client_and_its_provider(target: str) -> Row:
    # A reservation that is not one's own is as good as none, whatever one's role.
    return Row(target, 200, 404, 200, 404, 404, 404)


NEW_SLOT = {"startTime": "2027-01-05T09:00:00Z", "endTime": "2027-01-05T09:30:00Z"}
TABLE = {
    "POST /appointments": _for_its_provider("/appointments", 201, body={"providerId": "1234", "slots": [NEW_SLOT]}),
    "GET /appointments/{ref}": Row("/appointments/1234?limit=5", 200, 200, 200, 200, 200, 200),
    "POST /appointments/{ref}/reservations": Row(
        "/appointments/{slot}/reservations", 201, 403, 201, 403, 201, 403, demo=201, body={"clientId": "alice"}
    ),
    "GET /reservations": Row("/reservations?limit=5", 200, 200, 403, 403, 403, 403),
    "GET /reservations/{reservationId}": _for_its_client_and_its_provider("/reservations/{hold}"),
    "DELETE /reservations/{reservationId}": _for_its_client_and_its_provider("/reservations/{hold}"),
    "PUT /reservations/{reservationId}/confirm": _for_its_client_and_its_provider("/reservations/{hold}/confirm"),
    "GET /providers/{providerId}": Row("/providers/1234", 200, 200, 200, 200, 200, 200),
    "PUT /providers/{providerId}": Row(
        "/providers/1234", 403, 403, 403, 403, 200, 403, demo=403, body={"name": "Practice", "timeZone": "UTC"}
    ),
    "GET /providers/{providerId}/appointments": _for_its_provider("/providers/1234/appointments?limit=5"),
    "GET /providers/{providerId}/appointments/{appointmentId}": _for_its_provider(
        "/providers/1234/appointments/{slot}"
    ),
    "PATCH /providers/{providerId}/appointments/{appointmentId}": _for_its_provider(
        "/providers/1234/appointments/{slot}", body=NEW_SLOT, if_match='"1"'
    ),
    "DELETE /providers/{providerId}/appointments/{appointmentId}": _for_its_provider(
        "/providers/1234/appointments/{slot}", 204, if_match='"1"'
    ),
    "GET /health": _for_all("/health"),
    "GET /openapi.json": _for_all("/openapi.json"),
    "GET /docs": _for_all("/docs"),
    "GET /docs/{file}": _for_all("/docs/page.css"),
    "GET /problems/{code}": _for_all("/problems/not-found"),
}


def _token(role: str | None, subject: str, **more: Any) -> str:
    return "Bearer " + signed(claims(**{"sub": subject, "cognito:groups": [role] if role else None} | more))


def _mock_callers() -> dict[str, str | None]:
    return {
        "nobody": None,
        "client": client("alice"),
        "other_client": client("bob"),
        "provider": provider("1234"),
        "other_provider": provider("5678"),
        "admin": ADMIN,
        "demo": DEMO,
    }


@cache
def _callers_with_tokens() -> dict[str, str | None]:
    return {
        "nobody": None,
        "client": _token("client", "alice"),
        "other_client": _token("client", "bob"),
        "provider": _token("provider", "u-1", **{"custom:provider_id": "1234"}),
        "other_provider": _token("provider", "1234", **{"custom:provider_id": "5678"}),
        "admin": _token("admin", "root"),
        "no_roles": _token(None, "alice"),
        "no_roles, but the provider's id": _token(None, "1234", **{"custom:provider_id": "1234"}),
        "expired": _token("client", "alice", exp=START - 30),
        "wrong audience": _token("client", "alice", aud="another"),
        "wrong issuer": _token("client", "alice", iss="https://evil.example"),
        "forged": "Bearer " + signed(claims(), name="RS256-2", kid="RS256"),
        "mock": ADMIN,
    }


STATUS_AS = {"no_roles, but the provider's id": "no_roles"} | dict.fromkeys(
    ("expired", "wrong audience", "wrong issuer", "forged", "mock"), "nobody"
)
# Of the mock callers only the one that no token can be; test_mock_auth.py says that the others are who they say.
CALLERS = [("mock", "demo")] + [("tokens", kind) for kind in _callers_with_tokens()]


def _with_tokens(issuer: Issuer) -> Chalice:
    """The API of app.py as a deployed stage has it: the same views, the caller named by its token."""
    deployed = Chalice(app_name="holdfast", configure_logs=False)
    edge = Edge(deployed, who=Tokens(settings(), issuer))
    for path in app.routes:
        for method, entry in app.routes[path].items():
            # What app.py's own edge stands around.
            view: Any = entry.view_function
            deployed.route(path, methods=[method], name=f"{method} {path}", content_types=["*/*"])(
                edge(view.__wrapped__)
            )
    return deployed


@pytest.fixture(scope="session")
def deployed() -> Api:
    return Api(_with_tokens(Issuer(jwk("RS256"))))


@dataclass(frozen=True)
class Stage:
    """Both ways in, and the same scene behind them."""

    apis: dict[str, Api]
    callers: dict[str, dict[str, str | None]]
    names: dict[str, str]

    def status(self, route: str, way: str, kind: str) -> int:
        row = TABLE[route]
        headers = {} if row.if_match is None else {"If-Match": row.if_match}
        method = route.partition(" ")[0]
        target = row.target.format(**self.names)
        answer = self.apis[way].call(method, target, self.callers[way][kind], row.body, headers)
        return int(answer.status_code)


@pytest.fixture
def stage(api: Api, deployed: Api) -> Stage:
    held = api.a_slot("2027-01-03T09:00:00Z", "2027-01-03T09:30:00Z")
    names = {"slot": api.a_slot(), "held": held, "hold": api.a_hold(held)}
    callers = {"mock": _mock_callers(), "tokens": _callers_with_tokens()}
    return Stage({"mock": api, "tokens": deployed}, callers, names)


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert set(TABLE) == ROUTES


def test_the_code_has_a_row_for_every_route_too() -> None:
    assert set(MAY) == ROUTES


@pytest.mark.parametrize(("way", "kind"), CALLERS)
@pytest.mark.parametrize("route", sorted(TABLE))
def test_who_may_do_what(stage: Stage, route: str, way: str, kind: str) -> None:
    assert stage.status(route, way, kind) == getattr(TABLE[route], STATUS_AS.get(kind, kind))


@pytest.mark.parametrize("path", sorted(app.routes))
def test_anybody_may_ask_what_a_browser_asks_first(api: Api, path: str) -> None:
    answer = api.call("OPTIONS", path, None)

    assert (answer.status_code, answer.body) == (204, b"")


@pytest.mark.parametrize("route", sorted(route for route in TABLE if TABLE[route].nobody == 401))
@pytest.mark.parametrize("kind", ["nobody", "expired", "wrong audience"])
def test_who_is_not_let_in_touches_nothing(stage: Stage, dynamodb: DynamoDB, route: str, kind: str) -> None:
    with dynamodb.recorded() as sent:
        stage.status(route, "tokens", kind)

    assert sent == []


@pytest.mark.parametrize(
    ("route", "kind"),
    [
        (route, kind)
        for route in sorted(TABLE)
        for kind in ("client", "other_client", "provider", "other_provider", "admin", "no_roles")
        if getattr(TABLE[route], kind) in (403, 404)
    ],
)
def test_who_may_not_changes_nothing(stage: Stage, dynamodb: DynamoDB, route: str, kind: str) -> None:
    before = dynamodb.items()

    stage.status(route, "tokens", kind)

    assert dynamodb.items() == before


def test_a_bad_token_is_told_how_to_do_better(deployed: Api) -> None:
    answer = deployed.get("/providers/1234", "Bearer x")

    assert (answer.status_code, answer.json_body["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_no_token_is_told_how_to_do_better(deployed: Api) -> None:
    answer = deployed.get("/providers/1234", None)

    assert (answer.status_code, answer.json_body["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_issuer_that_cannot_be_reached_is_unavailable_and_lets_nobody_in() -> None:
    issuer = Issuer()
    issuer.is_down = True
    api = Api(_with_tokens(issuer))

    answer = api.get("/providers/1234", _token("admin", "root"))

    assert (answer.status_code, answer.json_body["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_what_is_public_needs_no_issuer() -> None:
    issuer = Issuer()
    issuer.is_down = True
    api = Api(_with_tokens(issuer))

    assert api.get("/health", "Bearer x").status_code == 200
    assert issuer.fetched == []


def test_a_bad_token_is_said_before_a_body_that_is_too_large(deployed: Api) -> None:
    assert deployed.post("/appointments", "Bearer x", b"x" * 300_000).status_code == 401


def test_an_own_reservation_over_a_token(deployed: Api, api: Api) -> None:
    slot = api.a_slot()

    made = deployed.reserve(slot, _token("client", "alice"))

    assert made.json_body["clientId"] == "alice"
    assert deployed.read(made.json_body["reservationId"], _token("client", "bob")).status_code == 404


def test_a_client_reserves_for_itself_without_a_word(deployed: Api, api: Api) -> None:
    assert deployed.reserve(api.a_slot(), _token("client", "bob")).json_body["clientId"] == "bob"


def test_a_caller_of_two_roles_may_do_what_either_may(deployed: Api, api: Api) -> None:
    both = _token("client", "alice", **{"cognito:groups": ["client", "provider"], "custom:provider_id": "1234"})
    slot = api.a_slot()

    assert deployed.reserve(slot, both).status_code == 201
    assert deployed.get("/providers/1234/appointments?limit=5", both).status_code == 200


def test_two_clients_with_the_same_key_over_tokens_do_not_meet(deployed: Api, api: Api) -> None:
    slot = api.a_slot()
    deployed.reserve(slot, _token("client", "alice"), Idempotency_Key="k1")

    assert deployed.reserve(slot, _token("client", "bob"), Idempotency_Key="k1").status_code == 409


def test_the_local_stage_names_callers_by_what_they_say() -> None:
    assert who_calls(read({})) is mock_caller


@pytest.mark.parametrize("stage_name", ["dev", "prod"])
def test_a_deployed_stage_names_callers_by_their_tokens(stage_name: str) -> None:
    deployed = read(
        {
            "STAGE": stage_name,
            "TABLE_NAME": "holdfast",
            "AWS_REGION": "eu-central-1",
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
        }
    )

    assert isinstance(who_calls(deployed), Tokens)
