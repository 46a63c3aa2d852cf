"""The OpenAPI 3.1 document, made from `operations.py`, the classes of `schemas.py` and the kinds of problems.

Imported by the first call that asks for the document, so that no other start of the Lambda function pays for it.
"""

import json
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from chalicelib.web import problems, schemas
from chalicelib.web.operations import LINKS, OPERATIONS, PARAMETERS, TAGS, Link, Operation, Parameter, Success

VERSION = "0.1.0"
EXAMPLES = Path(__file__).parent.parent / "static" / "examples.json"
OF_ALL = ("invalid-request", "payload-too-large", "too-many-requests", "internal", "unavailable")
"""Problems that any operation may have."""
OF_SIGNED_IN = ("unauthenticated",)

HEADERS = {
    "X-Request-Id": ("The request in the log.", "string", "1f1f9d4e-4b0e-4a42-a1a0-9c8f7a4d2c11"),
    "ETag": ("The version, for `If-Match` and `If-None-Match`.", "string", '"1"'),
    "Location": ("The path of what was made.", "string", "/reservations/res_…"),
    "Link": ("The next page, as long as there is one (RFC 8288).", "string", '</reservations?…>; rel="next"'),
    "Retry-After": ("Seconds until it is worth trying again.", "integer", 1_800),
    "Idempotency-Replayed": ("`true` on the answer to a repeated request: nothing was done now.", "string", "true"),
    "Cache-Control": ("How long the answer may be kept.", "string", "no-store"),
    "WWW-Authenticate": (
        "How to sign in. API Gateway sends it as `x-amzn-Remapped-WWW-Authenticate`.",
        "string",
        "Bearer",
    ),
}
_ALWAYS: dict[int, tuple[str, ...]] = {401: ("WWW-Authenticate",), 503: ("Retry-After",)}
_SOMETIMES: dict[str, tuple[str, ...]] = {"appointment-held": ("Retry-After",), "hold-limit": ("Retry-After",)}

INTRODUCTION = """\
Appointment scheduling in which no slot is sold twice. Providers publish appointments; clients list them, reserve
one and confirm it. A reservation that is not confirmed in time expires, and its appointment is free again.

**Times** are RFC 3339 in whole seconds. Input carries an offset (`Z` or `+02:00`), output is UTC.

**Errors** are `application/problem+json` (RFC 9457). `code` never changes; `type` is a page that says what it means
and what to do. When a request breaks several rules the refusals come in this order: 401, 413, 400, 403 or 404, 428,
412, 429, 409 or 410.

**Lists** come in pages: `limit` is required, and `nextCursor` goes on until it is null.

**Repeating a request** is safe with an `Idempotency-Key`: the first answer comes again, for 24 hours at least, with
`Idempotency-Replayed: true`. A refused request keeps no key.

**Lost updates**: every single resource has an `ETag`. Send it as `If-Match` and the change is made only if nothing
has changed since; a move or a delete of an appointment must send it.
"""


def document(prefix: str = "") -> dict[str, Any]:
    """The whole document; `prefix` is the stage's, which deployed paths begin with."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Holdfast", "version": VERSION, "description": INTRODUCTION},
        "servers": [{"url": prefix or "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{"bearerAuth": []}],
        "paths": _paths(),
        "components": {
            "schemas": schemas.components(),
            "parameters": {_key(name): _parameter(each) for name, each in PARAMETERS.items()},
            "headers": {name: _header(name) for name in HEADERS},
            "examples": {code: {"value": problem} for code, problem in examples()["problems"].items()},
            "securitySchemes": {
                "bearerAuth": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token of your identity provider. The local stage takes `provider:1234`, "
                    "`client:alice` and `admin:root` as they stand, and lets anything else act for everybody.",
                }
            },
        },
    }


@cache
def examples() -> dict[str, Any]:
    """Requests and answers of a real run, by operation: see tests/examples.py."""
    found: dict[str, Any] = json.loads(EXAMPLES.read_bytes())
    return found


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = defaultdict(dict)
    for (method, path), operation in OPERATIONS.items():
        paths[path][method.lower()] = _operation(operation)
    return dict(paths)


def _operation(operation: Operation) -> dict[str, Any]:
    answers = {str(status): _success(operation.id, status, answer) for status, answer in operation.answers.items()}
    document: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "responses": answers | _refusals(operation),
    }
    if operation.parameters:
        document["parameters"] = [{"$ref": f"#/components/parameters/{_key(name)}"} for name in operation.parameters]
    if operation.body:
        document["requestBody"] = {"required": operation.is_body_required, "content": _request(operation)}
    if operation.is_public:
        document["security"] = []
    return document


def _request(operation: Operation) -> dict[str, Any]:
    example = examples()["requests"].get(operation.id)
    return {"application/json": _schema_ref(operation.body) | ({"example": example} if example else {})}


def _success(operation_id: str, status: int, answer: Success) -> dict[str, Any]:
    document: dict[str, Any] = {
        "description": answer.description,
        "headers": _headers(always=("Cache-Control", *answer.headers), sometimes=answer.sometimes),
    }
    content = _content(answer, examples()["answers"].get(f"{operation_id} {status}"))
    if content:
        document["content"] = content
    if answer.links:
        document["links"] = {name: _link(LINKS[name]) for name in answer.links}
    return document


def _content(answer: Success, example: Any) -> dict[str, Any]:
    shown = {"example": example} if example else {}
    return {media_type: _schema_ref(answer.body) | shown for media_type in answer.media_types}


def _refusals(operation: Operation) -> dict[str, Any]:
    codes = (*OF_ALL, *(() if operation.is_public else OF_SIGNED_IN), *operation.problems)
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[problems.KINDS[code].status].append(code)
    return {str(status): _refusal(status, by_status[status]) for status in sorted(by_status)}


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"type": "object", "properties": {"code": {"enum": codes}, "status": {"const": status}}},
        ]
    }
    shown = {code: {"$ref": f"#/components/examples/{code}"} for code in codes if code in examples()["problems"]}
    return {
        "description": "\n".join(f"- `{code}`: {problems.KINDS[code].title}." for code in codes),
        "headers": _headers(
            always=_ALWAYS.get(status, ()),
            sometimes=tuple(dict.fromkeys(name for code in codes for name in _SOMETIMES.get(code, ()))),
        ),
        "content": {problems.MEDIA_TYPE: {"schema": schema} | ({"examples": shown} if shown else {})},
    }


def _headers(*, always: tuple[str, ...], sometimes: tuple[str, ...]) -> dict[str, Any]:
    # A reference could not say whether the header is required here.
    required = {name: _header(name) | {"required": True} for name in ("X-Request-Id", *always)}
    return required | {name: {"$ref": f"#/components/headers/{name}"} for name in sometimes}


def _header(name: str) -> dict[str, Any]:
    description, kind, example = HEADERS[name]
    return {"description": description, "schema": {"type": kind}, "example": example}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = msgspec.json.schema(parameter.type)
    schema.pop("description", None)
    document = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": schema,
    }
    return document | ({"example": parameter.example} if parameter.example else {})


def _link(link: Link) -> dict[str, Any]:
    return {"operationId": link.operation, "description": link.description, "parameters": link.parameters}


def _schema_ref(body: type[msgspec.Struct] | None) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}} if body else {}


def _key(name: str) -> str:
    """As the name of a component, which may have no spaces and commas."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name)
