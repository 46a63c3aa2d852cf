"""Headers that every answer carries: for pages of other origins, for safety, for caches."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from chalice.test import HTTPResponse

from app import app
from chalicelib.settings import read
from tests.support import ADMIN, Api, DynamoDB, client, provider

PAGE = "https://clinic.example"
EXPOSED = {"ETag", "Location", "Link", "Retry-After", "X-Request-Id", "Idempotency-Replayed"}
FROM_A_PAGE = {"Origin": PAGE}

Request = Callable[[Api, DynamoDB], HTTPResponse]


def _unavailable(api: Api, dynamodb: DynamoDB) -> HTTPResponse:
    with dynamodb.failing("*", "ThrottlingException"):
        return api.get("/providers/1234", client(), **FROM_A_PAGE)


def _internal(api: Api, dynamodb: DynamoDB) -> HTTPResponse:
    with dynamodb.failing("GetItem", "ValidationException"):
        return api.get("/providers/1234", client(), **FROM_A_PAGE)


def _held(api: Api, _: DynamoDB) -> HTTPResponse:
    slot = api.a_slot()
    api.a_hold(slot)
    return api.reserve(slot, client("bob"), **FROM_A_PAGE)


def _known(api: Api, _: DynamoDB) -> HTTPResponse:
    return api.get("/providers/1234", client(), If_None_Match="*", **FROM_A_PAGE)


def _deleted(api: Api, _: DynamoDB) -> HTTPResponse:
    return api.delete(f"/providers/1234/appointments/{api.a_slot()}", provider(), If_Match="*", **FROM_A_PAGE)


REQUESTS: dict[int, Request] = {
    200: lambda api, _: api.get("/providers/1234", client(), **FROM_A_PAGE),
    201: lambda api, _: api.reserve(api.a_slot(), **FROM_A_PAGE),
    204: _deleted,
    304: _known,
    400: lambda api, _: api.get("/reservations", client(), **FROM_A_PAGE),
    401: lambda api, _: api.get("/providers/1234", None, **FROM_A_PAGE),
    403: lambda api, _: api.get("/reservations?limit=1", provider(), **FROM_A_PAGE),
    404: lambda api, _: api.read("res_x", client()),
    405: lambda api, _: api.call("DELETE", "/appointments", client(), headers=FROM_A_PAGE),
    409: _held,
    413: lambda api, _: api.post("/appointments", provider(), b" " * 300_000, **FROM_A_PAGE),
    415: lambda api, _: api.post("/appointments", provider(), b"{}", Content_Type="text/plain", **FROM_A_PAGE),
    500: _internal,
    503: _unavailable,
}
PUBLIC = ("/health", "/openapi.json", "/docs", "/docs/page.css", "/problems/not-found")
PERSONAL = ("/reservations?limit=5", "/providers/1234/appointments?limit=5", "/providers/1234")


def _exposed(answer: HTTPResponse) -> set[str]:
    return set(answer.headers["Access-Control-Expose-Headers"].split(", "))


@pytest.mark.parametrize("status", REQUESTS)
def test_every_answer_can_be_read_by_a_page(api: Api, dynamodb: DynamoDB, status: int) -> None:
    answer = REQUESTS[status](api, dynamodb)

    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert _exposed(answer) >= EXPOSED


@pytest.mark.parametrize("status", REQUESTS)
def test_every_answer_is_hardened(api: Api, dynamodb: DynamoDB, status: int) -> None:
    answer = REQUESTS[status](api, dynamodb)

    assert int(answer.headers["Strict-Transport-Security"].partition("=")[2].partition(";")[0]) >= 31_536_000
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("status", REQUESTS)
def test_every_answer_has_a_request_id(api: Api, dynamodb: DynamoDB, status: int) -> None:
    answer = REQUESTS[status](api, dynamodb)

    assert answer.headers["X-Request-Id"] not in ("", "unknown")
    if status >= 400:
        assert answer.json_body["requestId"] == answer.headers["X-Request-Id"]


def test_no_two_answers_have_the_same_request_id(api: Api) -> None:
    seen = {api.get("/health", None).headers["X-Request-Id"] for _ in range(5)}

    assert len(seen) == 5


@pytest.mark.parametrize("status", [status for status in REQUESTS if status != 304])
def test_every_answer_but_a_list_of_the_bookable_is_not_to_be_stored(api: Api, dynamodb: DynamoDB, status: int) -> None:
    assert REQUESTS[status](api, dynamodb).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PERSONAL)
def test_what_is_personal_is_not_to_be_stored(api: Api, path: str) -> None:
    who = client() if path.startswith("/reservations") else provider()

    assert api.get(path, who).headers["Cache-Control"] == "no-store"


def test_a_reservation_is_not_to_be_stored(api: Api) -> None:
    hold = api.a_hold(api.a_slot())

    answers = [api.read(hold), api.confirm(hold), api.cancel(hold)]

    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_the_bookable_list_is_the_callers_to_keep_and_to_check(api: Api) -> None:
    answer = api.get("/appointments/1234?limit=5", client())

    assert answer.headers["Cache-Control"] == "private, max-age=0, must-revalidate"
    assert "ETag" in answer.headers


def test_a_304_of_the_bookable_list_says_the_same_of_caching(api: Api) -> None:
    first = api.get("/appointments/1234?limit=5", client())

    again = api.get("/appointments/1234?limit=5", client(), If_None_Match=first.headers["ETag"])

    assert again.status_code == 304
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert again.headers["ETag"] == first.headers["ETag"]


def test_a_refused_bookable_list_is_not_to_be_stored(api: Api) -> None:
    assert api.get("/appointments/1234", client()).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_public_is_hardened_as_well(api: Api, path: str) -> None:
    answer = api.get(path, None)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Strict-Transport-Security" in answer.headers


# Before a page's request


@pytest.mark.parametrize("path", sorted(app.routes))
def test_a_browser_is_told_the_methods_of_a_path(api: Api, path: str) -> None:
    answer = api.call("OPTIONS", path, None, headers=FROM_A_PAGE | {"Access-Control-Request-Method": "GET"})

    assert (answer.status_code, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert set(answer.headers["Access-Control-Allow-Methods"].split(", ")) == set(app.routes[path])


def test_a_browser_is_told_the_headers_that_the_contract_reads(api: Api) -> None:
    answer = api.call("OPTIONS", "/appointments", None, headers=FROM_A_PAGE)

    allowed = {name.lower() for name in answer.headers["Access-Control-Allow-Headers"].split(", ")}
    assert allowed >= {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match"}
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


def test_a_preflight_touches_no_table(api: Api, dynamodb: DynamoDB) -> None:
    with dynamodb.recorded() as sent:
        api.call("OPTIONS", "/reservations/x", None, headers=FROM_A_PAGE)

    assert sent == []


def test_a_preflight_lets_no_cookie_in(api: Api) -> None:
    answer = api.call("OPTIONS", "/reservations", None, headers=FROM_A_PAGE)

    assert "Access-Control-Allow-Credentials" not in answer.headers


# With origins of one's own

ORIGINS = (PAGE, "https://evil.example", f"{PAGE}.evil.example", PAGE.upper(), "http://clinic.example", "null", None)
ASK = f"""
import json
from tests.support import Api, client
api = Api()
def cors(answer):
    return {{name: value for name, value in answer.headers.items() if name.startswith(("Access-Control", "Vary"))}}
said = {{}}
for origin in {ORIGINS!r}:
    headers = {{}} if origin is None else {{"Origin": origin}}
    said[str(origin)] = [
        cors(api.get("/providers/1234", client(), **headers)),
        cors(api.get("/providers/1234", None, **headers)),
        cors(api.call("DELETE", "/appointments", client(), headers=headers)),
        cors(api.call("OPTIONS", "/appointments", None, headers=headers)),
    ]
print(json.dumps(said))
"""
Answers = dict[str, list[dict[str, str]]]


def _asked(origins: str) -> Answers:
    environ = {**os.environ, "ALLOWED_ORIGINS": origins}
    done = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-c", ASK], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answers: Answers = json.loads(done.stdout.splitlines()[-1])
    return answers


@pytest.fixture(scope="module")
def with_two_origins() -> Answers:
    return _asked(f"https://other.example,{PAGE}")


def test_an_allowed_origin_is_named(with_two_origins: Answers) -> None:
    answers = with_two_origins[PAGE]

    assert [answer["Access-Control-Allow-Origin"] for answer in answers] == [PAGE] * 4
    assert [answer["Vary"] for answer in answers] == ["Origin"] * 4


def test_an_allowed_origin_reads_the_headers_of_errors_too(with_two_origins: Answers) -> None:
    ok, unauthenticated, wrong_method, _ = with_two_origins[PAGE]

    assert {answer["Access-Control-Expose-Headers"] for answer in (unauthenticated, wrong_method)} == {
        ok["Access-Control-Expose-Headers"]
    }


def test_an_allowed_origin_may_send_what_the_contract_reads(with_two_origins: Answers) -> None:
    preflight = with_two_origins[PAGE][-1]

    assert "If-Match" in preflight["Access-Control-Allow-Headers"]
    assert "POST" in preflight["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("origin", [str(origin) for origin in ORIGINS[1:]])
def test_another_origin_is_told_nothing_but_that_it_matters(with_two_origins: Answers, origin: str) -> None:
    assert with_two_origins[origin] == [{"Vary": "Origin"}] * 4


def test_no_origin_is_allowed_by_itself_when_deployed() -> None:
    deployed = {"STAGE": "dev", "TABLE_NAME": "t", "AWS_REGION": "r", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}

    assert read(deployed).allowed_origins == ()


def test_a_problem_says_the_request_in_its_own_headers(api: Api) -> None:
    answer: Any = api.put("/providers/1234", ADMIN, {})

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json_body["requestId"] == answer.headers["X-Request-Id"]
