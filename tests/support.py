"""A world for tests: the API as its users call it, a clock that the test owns, and what can befall a request.

api.post("/appointments", provider("1234"), {...})   one HTTP call through Chalice's own test client
clock.advance(minutes=30)                            time passes; nothing waits
with dynamodb.before("UpdateItem", do): ...          `do` runs just before the next such request is sent
with dynamodb.lose_answer("UpdateItem"): ...         the next such write goes through, its answer is lost
with dynamodb.recorded() as sent: ...                the names of the requests that were sent
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError
from chalice.app import Chalice
from chalice.test import Client, HTTPResponse
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

from app import app
from chalicelib.clock import seconds
from chalicelib.intervals import Interval, days_touched, overlapping
from chalicelib.store.table import table
from tests import contract

START = 1_798_790_400
"""2027-01-01T08:00:00Z: where every test's clock begins."""


@dataclass
class Clock:
    """Time that passes when the test says so."""

    time: float = START

    def __call__(self) -> float:
        return self.time

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        self.time += seconds + 60 * minutes + 3_600 * hours + 86_400 * days


def client(client_id: str = "alice") -> str:
    return f"Bearer client:{client_id}"


def provider(provider_id: str = "1234") -> str:
    return f"Bearer provider:{provider_id}"


ADMIN = "Bearer admin:root"
DEMO = "Bearer anything"


class Api:
    """The API through `chalice.test.Client`. `who` is an Authorization header, None for nobody."""

    said: ClassVar[list[tuple[str | None, bytes]]] = []
    """In confidence: each request's Authorization header and body, until it is cleared."""

    def __init__(self, of: Chalice = app) -> None:
        self._http = Client(of, stage_name="local").http

    def call(
        self, method: str, path: str, who: str | None, body: Any = None, headers: dict[str, str] | None = None
    ) -> HTTPResponse:
        """`body` goes out as JSON; bytes and text go out as they are."""
        sent = {"content-type": "application/json"} if body is not None else {}
        if who is not None:
            sent["authorization"] = who
        raw = body.encode() if isinstance(body, str) else body
        if raw is None:
            raw = b""
        elif not isinstance(raw, bytes):
            raw = json.dumps(raw).encode()
        sent |= headers or {}
        self.said.append((sent.get("authorization"), raw))
        answer = self._http.request(method, path, headers=sent, body=raw)
        contract.check(method, path, sent, raw, answer)
        return answer

    def get(self, path: str, who: str | None, **headers: str) -> HTTPResponse:
        return self.call("GET", path, who, headers=_dashed(headers))

    def post(self, path: str, who: str | None, body: Any = None, **headers: str) -> HTTPResponse:
        return self.call("POST", path, who, body, _dashed(headers))

    def put(self, path: str, who: str | None, body: Any = None, **headers: str) -> HTTPResponse:
        return self.call("PUT", path, who, body, _dashed(headers))

    def patch(self, path: str, who: str | None, body: Any = None, **headers: str) -> HTTPResponse:
        return self.call("PATCH", path, who, body, _dashed(headers))

    def delete(self, path: str, who: str | None, **headers: str) -> HTTPResponse:
        return self.call("DELETE", path, who, headers=_dashed(headers))

    def publish(self, *intervals: tuple[str, str], provider_id: str = "1234", **more: Any) -> HTTPResponse:
        slots = [{"startTime": start, "endTime": end} for start, end in intervals]
        return self.post("/appointments", provider(provider_id), {"providerId": provider_id, "slots": slots} | more)

    def a_slot(self, start: str = "2027-01-02T09:00:00Z", end: str = "2027-01-02T09:30:00Z") -> str:
        """The id of a slot published just now by provider 1234."""
        answer = self.publish((start, end))
        assert answer.status_code == 201, answer.body
        appointment_id: str = answer.json_body["appointments"][0]["appointmentId"]
        return appointment_id

    def reserve(self, appointment_id: str, who: str | None = None, **headers: str) -> HTTPResponse:
        return self.post(f"/appointments/{appointment_id}/reservations", who or client(), **headers)

    def a_hold(self, appointment_id: str, who: str | None = None) -> str:
        """The id of a reservation made just now."""
        answer = self.reserve(appointment_id, who)
        assert answer.status_code == 201, answer.body
        reservation_id: str = answer.json_body["reservationId"]
        return reservation_id

    def confirm(self, reservation_id: str, who: str | None = None, **headers: str) -> HTTPResponse:
        return self.put(f"/reservations/{reservation_id}/confirm", who or client(), **headers)

    def cancel(self, reservation_id: str, who: str | None = None, **headers: str) -> HTTPResponse:
        return self.delete(f"/reservations/{reservation_id}", who or client(), **headers)

    def read(self, reservation_id: str, who: str | None = None) -> HTTPResponse:
        return self.get(f"/reservations/{reservation_id}", who or client())

    def bookable(self, provider_id: str = "1234") -> list[str]:
        """The ids of what can be reserved now, as a client sees it."""
        page = self.get(f"/appointments/{provider_id}?limit=100", client()).json_body
        return [slot["appointmentId"] for slot in page["appointments"]]


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class DynamoDB:
    """What goes between the app and its database, and what can befall it there."""

    def __init__(self) -> None:
        # Typed as if no handler returned anything; some must.
        self._events: Any = table.connection.client.meta.events

    @contextmanager
    def recorded(self) -> Iterator[list[str]]:
        """The names of all requests sent in the block, in order."""
        sent: list[str] = []
        with self._hooked(lambda name, _request: sent.append(name)):
            yield sent

    @contextmanager
    def parameters(self) -> Iterator[list[dict[str, Any]]]:
        """The parameters of all requests sent in the block, in order."""
        sent: list[dict[str, Any]] = []
        with self._hooked(lambda _name, request: sent.append(json.loads(request.body))):
            yield sent

    @contextmanager
    def before(self, operation: str, do: Callable[[], object], nth: int = 1) -> Iterator[None]:
        """Run `do`, once, just before the `nth` request of that name is sent; `*` is any name.

        What `do` itself sends is not counted. Fails if it never came to that.
        """
        left, done = nth, False

        def hook(name: str, _request: object) -> None:
            nonlocal left, done
            if left == 0 or operation not in ("*", name):
                return
            left -= 1
            if left == 0:
                do()
                done = True

        with self._hooked(hook):
            yield
        assert done, f"fewer than {nth} {operation} requests were sent"

    @contextmanager
    def lose_answer(
        self, operation: str, nth: int = 1, *, then: Callable[[], object] = lambda: None, forever: bool = False
    ) -> Iterator[None]:
        """The `nth` request of that name goes through and its answer is lost: the SDK sends it again.

        `then` runs between the two. With `forever` the SDK's repeats are lost before they arrive, too.
        """
        seen = 0

        def hook(name: str, request: Any) -> None:
            nonlocal seen
            if name != operation:
                return
            seen += 1
            if seen == nth:
                botocore_stubber(event_name="before-send", request=request)
                then()
            if seen == nth or (forever and seen > nth):
                raise ReadTimeoutError(endpoint_url=request.url)

        with self._hooked(hook), self._repeating_at_once():
            yield
        assert seen >= nth, f"fewer than {nth} {operation} requests were sent"

    @contextmanager
    def failing(self, operation: str, code: str, status: int = 400, times: int = 1_000) -> Iterator[None]:
        """Requests of that name (`*`: any) are answered by this error and do nothing."""
        error = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": code}
        with self.answering(operation, error, status, times):
            yield

    @contextmanager
    def answering(self, operation: str, body: dict[str, Any], status: int = 200, times: int = 1_000) -> Iterator[None]:
        """Requests of that name (`*`: any) are answered by this body and do nothing."""
        left = times

        def hook(name: str, request: Any) -> Any:
            nonlocal left
            if operation not in ("*", name) or left == 0:
                return None
            left -= 1
            # Moto still runs after this handler: let it do what changes nothing.
            request.headers["X-Amz-Target"] = "DynamoDB_20120810.ListTables"
            return _answer(request, status, body)

        with self._hooked(hook), self._repeating_at_once():
            yield

    def items(self, sk_prefix: str = "") -> list[dict[str, Any]]:
        """The raw items of the table whose sort key begins so, in the order of their keys."""
        found = [item for item in table.scan()["Items"] if item["sk"]["S"].startswith(sk_prefix)]
        return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    def check_days(self) -> None:
        """The days say what the appointments say, no more and no less, and none of these overlap each other."""
        standing: dict[str, set[Interval]] = {}
        for item in self.items("APPT#"):
            interval = seconds(item["start"]["S"]), seconds(item["end"]["S"])
            for date in days_touched(interval):
                of_day = standing.setdefault(f"{item['pk']['S']} DAY#{date}", set())
                assert not overlapping([interval], of_day), f"{interval} overlaps another on {date}"
                of_day.add(interval)
        said = {
            f"{item['pk']['S']} {item['sk']['S']}": {
                (int(start), int(end["N"])) for start, end in item["intervals"]["M"].items()
            }
            for item in self.items("DAY#")
        }
        assert {day: intervals for day, intervals in said.items() if intervals} == standing

    @contextmanager
    def _hooked(self, hook: Callable[[str, Any], Any]) -> Iterator[None]:
        def handler(event_name: str, request: Any, **_: object) -> Any:
            return hook(event_name.rpartition(".")[2], request)

        self._events.register_first("before-send.dynamodb.*", handler)
        try:
            yield
        finally:
            self._events.unregister("before-send.dynamodb.*", handler)

    @contextmanager
    def _repeating_at_once(self) -> Iterator[None]:
        """The SDK's three tries without its pauses."""

        def handler(attempts: int, response: Any, caught_exception: Exception | None, **_: object) -> float | None:
            failed = caught_exception is not None or response[0].status_code >= 500 or _throttled(response)
            return 0 if failed and attempts < 3 else None

        self._events.register_first("needs-retry.dynamodb.*", handler)
        try:
            yield
        finally:
            self._events.unregister("needs-retry.dynamodb.*", handler)


def _throttled(response: Any) -> bool:
    code: str = response[1].get("Error", {}).get("Code", "")
    return "Throttling" in code or "ThroughputExceeded" in code


def _answer(request: Any, status: int, body: dict[str, Any]) -> Any:
    headers = HTTPHeaders()
    headers["content-type"] = "application/x-amz-json-1.0"
    return AWSResponse(request.url, status, headers, MockRawResponse(json.dumps(body)))
