"""One call of a handler as Lambda makes it, with a real token, timed."""

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from statistics import quantiles
from time import perf_counter
from typing import Any, NamedTuple

from chalicelib.settings import settings
from local import issuer

Raw = dict[str, Any]
FINE = (HTTPStatus.OK, HTTPStatus.CREATED)


class Call(NamedTuple):
    """What a handler answered, and after how many seconds."""

    status: int
    body: Any
    seconds: float


def event(method: str, route: str, token: str = "", *, query: Raw | None = None, **path: str) -> Raw:
    """What API Gateway sends for it."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    filled = route.format(**path)
    return {
        "httpMethod": method,
        "path": filled,
        "headers": headers,
        "multiValueHeaders": {name: [text] for name, text in headers.items()},
        "body": None,
        "multiValueQueryStringParameters": {name: [text] for name, text in query.items()} if query else None,
        "pathParameters": path or None,
        "stageVariables": None,
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": route,
            "httpMethod": method,
            "path": f"/api{filled}",
            "stage": "api",
            "requestId": "r",
            "identity": {"sourceIp": "127.0.0.1"},
        },
    }


class Context:
    """Lambda's, of which Powertools asks how long there is."""

    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def call(app: Any, sent: Raw) -> Call:
    began = perf_counter()
    answer = app(sent, Context())
    seconds = perf_counter() - began
    return Call(answer["statusCode"], json.loads(answer["body"] or "null"), seconds)


def fine(answered: Call) -> Call:
    """Raises AssertionError unless it did what it was to do: a refusal is fast."""
    if answered.status not in FINE:
        raise AssertionError(answered)
    return answered


def token(client_id: str) -> str:
    """Of that client, by the issuer that the settings name."""
    return issuer.token(settings.jwt_issuer, "client", client_id)


def timed(do: Callable[[], object]) -> float:
    began = perf_counter()
    do()
    return perf_counter() - began


def spread(seconds: Iterable[float]) -> list[float]:
    """The lower quartile, the median and the upper quartile, in milliseconds."""
    return [round(one * 1_000, 3) for one in quantiles(seconds, n=4)]


def report(results: object) -> None:
    """To whoever started this part."""
    print(json.dumps(results))  # noqa: T201  # read by bench/__main__.py
