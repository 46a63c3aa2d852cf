"""Whoever answers, the app or the gateway before it: every error is a problem of the same form."""

import pytest

from tests.e2e.client import ALICE, Api

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "requestId"}
WHO = pytest.mark.parametrize("who", [None, ALICE])


def expect(api: Api, request: str, who: str | None, status: int, code: str) -> None:
    method, path = request.split()
    answer = api(method, path, who)
    problem = answer.body
    assert (answer.status, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) == MEMBERS
    assert problem["status"] == status
    assert problem["type"] == f"/api/problems/{code}"
    assert problem["requestId"] == answer.headers["x-request-id"]
    assert problem["title"] in api.follow(problem["type"]).raw.decode()


@WHO
@pytest.mark.parametrize("path", ["/nothing", "/", "/appointments/a/b/c", "/problems"])
def test_a_path_that_is_not_there(api: Api, path: str, who: str | None) -> None:
    expect(api, f"GET {path}", who, 404, "not-found")


@WHO
@pytest.mark.parametrize("method", ["DELETE", "PATCH", "POST", "PUT"])
def test_a_method_that_is_not_there(api: Api, method: str, who: str | None) -> None:
    expect(api, f"{method} /health", who, 405, "method-not-allowed")


def test_a_thing_that_is_not_there(api: Api) -> None:
    expect(api, "GET /reservations/res_x", ALICE, 404, "not-found")


def test_nobody_is_signed_in(api: Api) -> None:
    expect(api, "GET /reservations?limit=1", None, 401, "unauthenticated")


@pytest.mark.parametrize("token", ["client:alice", "Bearer client:alice", "Bearer e30.e30.e30"])
def test_nobody_gets_in_as_on_a_laptop(api: Api, token: str) -> None:
    answer = api("GET", "/reservations?limit=1", headers={"Authorization": token})

    assert (answer.status, answer.body["code"]) == (401, "unauthenticated")


def test_a_wrong_role(api: Api) -> None:
    expect(api, "PUT /providers/p", ALICE, 400, "malformed-json")
    answer = api("PUT", "/providers/p", ALICE, {"name": "P", "timeZone": "UTC"})

    assert (answer.status, answer.body["code"]) == (403, "forbidden")


def test_the_gateway_answers_with_the_headers_of_the_app(api: Api) -> None:
    of_gateway, of_app = api("GET", "/nothing").headers, api("GET", "/problems/nothing").headers

    for name in ("cache-control", "strict-transport-security", "x-content-type-options", "content-type"):
        assert of_gateway[name] == of_app[name]
