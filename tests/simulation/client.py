"""Says an action in HTTP, through Chalice's own gateway to the real handlers, and reads the answer."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalice.local import LocalChalice
from chalice.test import Client, HTTPResponse

from app import app
from chalicelib.web.schedule import SweepIncomplete, sweep_and_log
from tests.simulation.history import Action, Answer, utc

_VERSION = re.compile(r'"(\d{1,9})"')
_NO_CONTENT = 204
_PROSE = ("type", "title", "detail", "instance", "requestId")
_LIMIT = 100


class Invocation:
    """A Lambda with time to spare."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Api:
    """The real handlers."""

    def __init__(self) -> None:
        self._http = Client(app, stage_name="local").http

    def ask(self, action: Action) -> Answer:
        if action.kind == "sweep":
            return _swept()
        method, path, body = request_of(action)
        headers = {"authorization": _who(action), "content-type": "application/json"}
        if action.key:
            headers["idempotency-key"] = action.key
        if action.versions is not None:
            headers["if-match"] = ", ".join(f'"{version}"' for version in action.versions) or "*"
        raw = b"" if body is None else json.dumps(body).encode()
        return _answer(self._http.request(method, path, headers=headers, body=raw))


@contextmanager
def a_request_each_thread() -> Iterator[None]:
    """Chalice keeps the current request on the app, for all threads; its own local server swaps this class in."""
    before = app.__class__
    app.__class__ = LocalChalice
    try:
        yield
    finally:
        app.__class__ = before


Request = tuple[str, str, Any]
"""Method, path and body."""


def request_of(action: Action) -> Request:
    own = f"/providers/{action.provider}/appointments"
    reservation = f"/reservations/{action.reservation}"
    requests: dict[str, Request] = {
        "publish": ("POST", "/appointments", {"providerId": action.provider, "slots": _slots(action)}),
        "reserve": ("POST", f"/appointments/{action.slot}/reservations", _booked_for(action)),
        "confirm": ("PUT", f"{reservation}/confirm", None),
        "cancel": ("DELETE", reservation, None),
        "read": ("GET", reservation, None),
        "list": ("GET", f"/appointments/{action.provider}?limit={_LIMIT}", None),
        "own list": ("GET", f"/reservations?limit={_LIMIT}{_cursor(action)}", None),
        "calendar": ("GET", f"{own}?limit={_LIMIT}", None),
        "appointment": ("GET", f"{own}/{action.slot}", None),
        "move": ("PATCH", f"{own}/{action.slot}", _times(action)),
        "delete": ("DELETE", f"{own}/{action.slot}", None),
        "provider": ("GET", f"/providers/{action.provider}", None),
        "put provider": ("PUT", f"/providers/{action.provider}", _profile(action)),
    }
    return requests[action.kind]


def _swept() -> Answer:
    try:
        sweep_and_log(Invocation())
    except SweepIncomplete:
        return Answer(503)
    return Answer(200)


def _cursor(action: Action) -> str:
    return f"&cursor={action.name}" if action.name else ""


def _slots(action: Action) -> list[dict[str, str]]:
    return [{"startTime": utc(start), "endTime": utc(end)} for start, end in action.intervals]


def _who(action: Action) -> str:
    if action.kind == "put provider":
        return "admin:root"
    return f"client:{action.client}" if action.client else f"provider:{action.provider}"


def _booked_for(action: Action) -> dict[str, str] | None:
    return None if action.client else {"clientId": action.name}


def _times(action: Action) -> dict[str, str]:
    times = {"startTime": action.start, "endTime": action.end}
    return {name: utc(at) for name, at in times.items() if at is not None}


def _profile(action: Action) -> dict[str, Any]:
    hold_seconds, notice_seconds = action.terms
    return {
        "name": action.name,
        "timeZone": "Europe/Vienna",
        "holdMinutes": hold_seconds / 60,
        "noticeMinutes": notice_seconds // 60,
    }


def _answer(response: HTTPResponse) -> Answer:
    tag = _VERSION.fullmatch(response.headers.get("ETag", ""))
    retry_after = response.headers.get("Retry-After")
    body = {} if response.status_code == _NO_CONTENT else json.loads(response.body)
    return Answer(
        response.status_code,
        {name: value for name, value in body.items() if name not in _PROSE},
        int(tag[1]) if tag else None,
        replayed=response.headers.get("Idempotency-Replayed") == "true",
        retry_after=int(retry_after) if retry_after else None,
    )
