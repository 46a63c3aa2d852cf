"""Every request that a test makes, and its answer, against the OpenAPI document: it cannot drift from the code."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from chalice.test import HTTPResponse
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from chalicelib.web.openapi import document
from chalicelib.web.problems import MEDIA_TYPE

Operation = dict[str, Any]
Schema = dict[str, Any]
_ROOT = "urn:holdfast"


class Drift(AssertionError):
    """The API does not do what its document says."""


def check(method: str, target: str, headers: dict[str, str], body: bytes, answer: HTTPResponse) -> None:
    """Raises Drift. What the document does not know (another path, another method) may only be refused."""
    found = _operation(method, urlsplit(target).path)
    if found is None:
        if answer.status_code < 400 and method != "OPTIONS":
            raise Drift(f"{method} {target} is not in the document, and answers {answer.status_code}")
        return
    operation, variables = found
    complaints = [*_about_answer(operation, answer)]
    if answer.status_code < 300:
        complaints += _about_request(operation, variables, urlsplit(target).query, headers, body)
    if complaints:
        raise Drift(f"{method} {target} {answer.status_code} {answer.body!r}: " + "; ".join(complaints))


def _about_answer(operation: Operation, answer: HTTPResponse) -> Iterator[str]:
    document_of = operation["responses"].get(str(answer.status_code))
    if document_of is None:
        yield "the status is not in the document"
        return
    headers = {name.lower(): value for name, value in answer.headers.items()}
    for name, header in document_of["headers"].items():
        if name.lower() in headers:
            yield from _about_text(headers[name.lower()], header, name)
        elif _resolved(header).get("required"):
            yield f"header {name} is missing"
    if "content" in document_of:
        yield from _about_body(document_of["content"], headers.get("content-type", ""), answer.body)
    elif answer.body:
        yield "a body where the document has none"


def _about_body(content: dict[str, Any], content_type: str, body: bytes) -> Iterator[str]:
    media_type = content_type.partition(";")[0]
    if media_type not in content:
        yield f"content type {content_type!r} is not in the document"
    elif media_type in ("application/json", MEDIA_TYPE):
        yield from complaints(content[media_type].get("schema", {}), json.loads(body), "answer")


def _about_request(
    operation: Operation, variables: dict[str, str], query: str, headers: dict[str, str], body: bytes
) -> Iterator[str]:
    """A request that was granted must be one that the document allows."""
    sent = {
        "path": variables,
        # Not parse_qs: a + that was not percent-encoded is forgiven.
        "query": {name: unquote(text) for name, _, text in (part.partition("=") for part in query.split("&"))},
        "header": {name.lower(): text for name, text in headers.items()},
    }
    for parameter in map(_resolved, operation.get("parameters", ())):
        name = parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]
        if name in sent[parameter["in"]]:
            yield from _about_text(sent[parameter["in"]][name], parameter, parameter["name"])
        elif parameter["required"]:
            yield f"{parameter['name']} is missing and was granted"
    expected = operation.get("requestBody")
    if expected and body:
        yield from complaints(expected["content"]["application/json"]["schema"], json.loads(body), "request")
    elif expected and expected["required"]:
        yield "no body, and it was granted"


def _about_text(text: str, described: dict[str, Any], name: str) -> Iterator[str]:
    schema = _resolved(described)["schema"]
    value = int(text) if schema.get("type") == "integer" and text.isdigit() else text
    yield from complaints(schema, value, name)


def complaints(schema: Schema, value: Any, what: str) -> Iterator[str]:
    for error in _validator(json.dumps(schema)).iter_errors(value):
        yield f"{what}{error.json_path.removeprefix('$')}: {error.message}"


@cache
def _validator(schema: str) -> Draft202012Validator:
    registry: Registry[bool | Mapping[str, Any]] = Registry().with_resource(
        _ROOT, DRAFT202012.create_resource(_closed())
    )
    return Draft202012Validator(
        json.loads(schema.replace('"#/', f'"{_ROOT}#/')),
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


@cache
def _closed() -> Schema:
    """The document, and nothing sent that it does not name: clients must bear new members, our tests need not."""
    whole: Schema = json.loads(json.dumps(_document()))
    for schema in whole["components"]["schemas"].values():
        schema.setdefault("additionalProperties", False)
    return whole


@cache
def _document() -> dict[str, Any]:
    return document()


@cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Operation]]]:
    # A path that says a place in so many words comes before one with a variable there.
    paths = sorted(_document()["paths"].items(), key=lambda item: item[0].count("{"))
    return [(re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), operations) for path, operations in paths]


def _operation(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    for pattern, operations in _paths():
        match = pattern.fullmatch(path)
        if match and method.lower() in operations:
            return operations[method.lower()], {name: unquote(text) for name, text in match.groupdict().items()}
    return None


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    found: Any = node
    if "$ref" in node:
        found = _document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
    return dict(found)
