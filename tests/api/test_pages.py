"""The pages that people read, as a browser gets them."""

import json
import re
from typing import Any

import pytest
from chalice.local import LambdaContext

from app import app
from chalicelib.web.advice import ADVICE
from chalicelib.web.pages import FILES, STATIC
from chalicelib.web.problems import KINDS
from tests.support import Api, client

BROWSERS_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
UNSAFE = ("unsafe-inline", "unsafe-eval", "http:", "https:", " *")


@pytest.mark.parametrize("accept", ["*/*", BROWSERS_ACCEPT])
@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/docs", "text/html; charset=utf-8"),
        ("/problems/slot-overlap", "text/html; charset=utf-8"),
        ("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("/docs/swagger-ui.css", "text/css; charset=utf-8"),
        ("/docs/icon.svg", "image/svg+xml"),
    ],
)
def test_a_page_is_served_to_anybody(api: Api, path: str, content_type: str, accept: str) -> None:
    answer = api.get(path, None, accept=accept)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"].startswith("public, max-age=")


def test_a_file_is_served_as_it_stands(api: Api) -> None:
    bundle = api.get("/docs/swagger-ui-bundle.js", None).body

    assert bundle == (STATIC / "swagger-ui" / "swagger-ui-bundle.js").read_bytes()


@pytest.mark.parametrize("path", ["/docs", "/docs/page.css", "/problems/slot-overlap", "/openapi.json"])
def test_who_has_a_page_need_not_have_it_again(api: Api, path: str) -> None:
    first = api.get(path, None)

    again = api.get(path, None, if_none_match=first.headers["ETag"])

    assert (again.status_code, again.body) == (304, b"")
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/docs", "/docs/page.js", "/problems/slot-overlap"])
def test_a_page_may_load_nothing_from_elsewhere_and_run_nothing_of_its_own(api: Api, path: str) -> None:
    policy = api.get(path, None).headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert not [unsafe for unsafe in UNSAFE if unsafe in policy]


@pytest.mark.parametrize("path", ["/docs", "/problems/not-found"])
def test_a_page_has_no_scripts_or_styles_within_and_only_relative_links(api: Api, path: str) -> None:
    page = api.get(path, None).body.decode()

    assert re.findall(r"<style|<script>|\sstyle=|\son\w+=", page) == []
    assert [link for link in re.findall(r'(?:src|href)="([^"]*)"', page) if link.startswith(("/", "http"))] == []


def test_the_page_asks_for_files_that_are_served(api: Api) -> None:
    asked = re.findall(r'"docs/([^"]*)"', api.get("/docs", None).body.decode())

    assert sorted(asked) == sorted(FILES)


@pytest.mark.parametrize("file", ["README", "..%2Fexamples.json", "../examples.json", "swagger-ui.js", "docs.html"])
def test_no_other_file_is_served(api: Api, file: str) -> None:
    answer = api.get(f"/docs/{file}", None)

    assert answer.status_code in (403, 404)


@pytest.mark.parametrize("code", KINDS)
def test_every_problem_has_its_page(api: Api, code: str) -> None:
    answer = api.get(f"/problems/{code}", None)

    page = answer.body.decode()
    assert answer.status_code == 200
    assert KINDS[code].title.replace("'", "&#x27;") in page
    assert f"<code>{code}</code> · status {KINDS[code].status}" in page
    assert "$" not in page
    assert "`" not in page


def test_there_is_advice_for_every_problem_and_no_other() -> None:
    assert ADVICE.keys() == KINDS.keys()


def test_the_type_of_a_problem_is_its_page(api: Api) -> None:
    problem = api.get("/providers/nobody", client()).json_body

    assert api.get(problem["type"], None).status_code == 200


@pytest.mark.parametrize("code", ["nothing", "Slot-Overlap", "%3Cscript%3E"])
def test_what_is_no_problem_has_no_page(api: Api, code: str) -> None:
    answer = api.get(f"/problems/{code}", None)

    assert answer.status_code == 404
    assert answer.json_body["code"] == "not-found"


def _deployed(path: str) -> dict[str, Any]:
    """As API Gateway calls it, under the stage's prefix."""
    event = {
        "resource": path,
        "path": path,
        "httpMethod": "GET",
        "headers": {"accept": BROWSERS_ACCEPT},
        "multiValueHeaders": {"accept": [BROWSERS_ACCEPT]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": "GET",
            "resourcePath": path,
            "path": f"/api{path}",
            "requestId": "r",
            "stage": "api",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": None,
        "isBase64Encoded": False,
    }
    answer: dict[str, Any] = app(event, LambdaContext("f", 256))
    return answer


def test_deployed_the_document_names_the_stage() -> None:
    answer = _deployed("/openapi.json")

    assert json.loads(answer["body"])["servers"] == [{"url": "/api"}]


def test_deployed_a_page_is_no_binary() -> None:
    answer = _deployed("/docs")

    assert answer["statusCode"] == 200
    assert answer["body"].startswith("<!doctype html>")
    assert not answer.get("isBase64Encoded", False)
