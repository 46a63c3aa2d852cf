"""The OpenAPI document: well formed, of the same routes as the app, never stale, and itself checked by every test."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chalice.test import HTTPResponse
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from app import app
from chalicelib.web.auth import is_public
from chalicelib.web.openapi import VERSION, document, examples
from chalicelib.web.operations import LINKS, OPERATIONS, PARAMETERS, TAGS
from chalicelib.web.problems import KINDS
from local import openapi as as_file
from tests import contract
from tests.support import Api, client

DOCUMENT = document()
ROOT = Path(__file__).parent.parent.parent


def _by_position(path: str) -> str:
    # Chalice's routes have one name where the contract has two.
    return re.sub(r"\{\w+\}", "{}", path)


def _routes() -> Iterator[tuple[str, str]]:
    return ((method, path) for path, methods in app.routes.items() for method in methods if method != "OPTIONS")


def test_it_is_openapi_3_1() -> None:
    validate(json.loads(json.dumps(DOCUMENT)))

    assert DOCUMENT["openapi"].startswith("3.1.")


def test_its_operations_are_the_routes_of_the_app() -> None:
    routes = {(method, _by_position(path)) for method, path in _routes()}
    operations = {(method, _by_position(path)) for method, path in OPERATIONS}

    assert operations == routes


def test_an_operation_is_public_where_the_table_of_grants_says_so() -> None:
    public = {(method, _by_position(path)) for method, path in _routes() if is_public(f"{method} {path}")}

    assert {(method, _by_position(path)) for (method, path), each in OPERATIONS.items() if each.is_public} == public


def test_nothing_in_its_tables_is_left_unused() -> None:
    successes = [answer for operation in OPERATIONS.values() for answer in operation.answers.values()]

    assert {name for operation in OPERATIONS.values() for name in operation.parameters} == PARAMETERS.keys()
    assert {name for answer in successes for name in answer.links} == LINKS.keys()
    assert {operation.tag for operation in OPERATIONS.values()} == TAGS.keys()


def test_links_lead_to_operations() -> None:
    assert {link.operation for link in LINKS.values()} <= {operation.id for operation in OPERATIONS.values()}


def test_every_problem_is_some_operations() -> None:
    documented = set(re.findall(r"- `([a-z-]+)`:", "\n".join(_descriptions(DOCUMENT["paths"]))))

    # A method that a path does not know is no operation.
    assert documented == KINDS.keys() - {"method-not-allowed"}


def _descriptions(paths: dict[str, Any]) -> Iterator[str]:
    for operations in paths.values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                yield answer["description"]


def test_it_is_of_the_projects_version() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_the_file_in_docs_is_not_stale() -> None:
    assert as_file.FILE.read_text() == as_file.text(), "run: make openapi"


def _examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Each with the schema that it is an example of."""
    for operation in (each for operations in DOCUMENT["paths"].values() for each in operations.values()):
        bodies = [("request", operation["requestBody"])] if "requestBody" in operation else []
        for status, body in bodies + list(operation["responses"].items()):
            for media in body.get("content", {}).values():
                if "example" in media:
                    yield f"{operation['operationId']} {status}", media["schema"], media["example"]
                for code in media.get("examples", {}):
                    yield f"{operation['operationId']} {code}", media["schema"], examples()["problems"][code]
    for parameter in DOCUMENT["components"]["parameters"].values():
        if "example" in parameter:
            yield parameter["name"], parameter["schema"], parameter["example"]


@pytest.mark.parametrize(("of", "schema", "example"), list(_examples()))
def test_an_example_is_what_it_is_an_example_of(of: str, schema: dict[str, Any], example: Any) -> None:
    assert list(contract.complaints(schema, example, of)) == []


def test_every_json_body_has_an_example() -> None:
    bodies = {f"{each.id} {status}" for each in OPERATIONS.values() for status, a in each.answers.items() if a.body}

    assert examples()["answers"].keys() == bodies
    assert examples()["requests"].keys() == {each.id for each in OPERATIONS.values() if each.body}


def test_every_schema_is_a_json_schema() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_anyone_may_have_it(api: Api) -> None:
    answer = api.get("/openapi.json", None)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json_body == DOCUMENT
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_it_names_the_stage_that_it_was_asked_of() -> None:
    assert document("/api")["servers"] == [{"url": "/api"}]


def test_who_has_it_need_not_have_it_again(api: Api) -> None:
    tag = api.get("/openapi.json", None).headers["ETag"]

    answer = api.get("/openapi.json", None, if_none_match=tag)

    assert (answer.status_code, answer.body) == (304, b"")


GOOD = {"X-Request-Id": "r", "Cache-Control": "no-store", "Content-Type": "application/json", "ETag": '"1"'}
PROVIDER = {"providerId": "1", "name": "n", "timeZone": "UTC", "holdMinutes": 30, "noticeMinutes": 0}


def _provider(*, status: int = 200, headers: dict[str, str] | None = None, **members: Any) -> HTTPResponse:
    kept = {name: value for name, value in (GOOD | (headers or {})).items() if value}
    return HTTPResponse.create_from_dict(
        {"statusCode": status, "headers": kept, "body": json.dumps(PROVIDER | members), "multiValueHeaders": {}}
    )


def _check(answer: HTTPResponse, path: str = "/providers/1", method: str = "GET", **headers: str) -> None:
    contract.check(method, path, headers, b"", answer)


def test_the_check_of_answers_lets_a_good_one_pass() -> None:
    _check(_provider())


@pytest.mark.parametrize(
    "answer",
    [
        _provider(noticeMinutes="0"),
        _provider(surplus=1),
        _provider(status=202),
        _provider(headers={"ETag": ""}),
        _provider(headers={"X-Request-Id": ""}),
        _provider(headers={"Content-Type": "text/plain"}),
        _provider(status=404, headers={"Content-Type": "application/problem+json"}),
    ],
)
def test_the_check_of_answers_finds_what_is_not_in_the_document(answer: HTTPResponse) -> None:
    with pytest.raises(contract.Drift):
        _check(answer)


def test_the_check_of_requests_finds_what_the_document_would_refuse() -> None:
    with pytest.raises(contract.Drift, match="If-None-Match"):
        _check(_provider(), **{"If-None-Match": "no tag"})


def test_the_check_finds_an_operation_that_is_not_in_the_document() -> None:
    with pytest.raises(contract.Drift):
        _check(_provider(), "/secret")


def test_the_check_finds_a_code_that_is_not_the_operations(api: Api) -> None:
    problem = api.get("/providers/1234/appointments?limit=5", client())
    assert problem.json_body["code"] == "forbidden"

    with pytest.raises(contract.Drift, match="status"):
        _check(problem)
