"""The wire between the app and its engine, and all that can befall a request on it, in AWS's own format."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse

from tests.simulation import engine
from tests.simulation.history import Key, Served

THROTTLED, FAILED, CONFLICT = "throttled", "internal error", "transaction conflict"
LOST, RESET, LATE = "lost on the way", "reset on the way", "arrives late"
UNANSWERED, CUT, FAILED_AFTER = "time-out after the write", "reset after the write", "internal error after the write"
KILLED, KILLED_AFTER = "killed before", "killed after"
STALE, UNPROCESSED = "stale index", "unprocessed keys"

ALWAYS = (THROTTLED, FAILED, LOST, RESET, UNANSWERED, CUT, FAILED_AFTER, KILLED, KILLED_AFTER)
ANSWER_LOST = (UNANSWERED, CUT, FAILED_AFTER, LATE)
"""It is, or may yet be, done, and its process is not told."""
WRITES = ("UpdateItem", "TransactWriteItems")
_ERRORS = {
    THROTTLED: (400, "ThrottlingException"),
    FAILED: (500, "InternalServerError"),
    FAILED_AFTER: (500, "InternalServerError"),
}
_SILENCES = {
    LOST: ReadTimeoutError,
    LATE: ReadTimeoutError,
    UNANSWERED: ReadTimeoutError,
    RESET: ConnectionClosedError,
    CUT: ConnectionClosedError,
}
_PREFIX = "com.amazonaws.dynamodb.v20120810#"
_PICTURES, _WRITES_A_PICTURE = 3, 8


class Killed(BaseException):
    """The process is gone. It is no error: nothing in the app may catch it."""


@dataclass(slots=True)
class Packet:
    """A request of an operation to the engine."""

    number: int
    name: str
    request: Any
    event_name: str
    now: int
    """What its process's clock last said."""
    until: int
    """How long it can be on its way, in true time."""
    priority: float
    """When it arrives, if it is late."""


def faults_for(name: str) -> tuple[str, ...]:
    """What can befall a request of this name; what is there more than once is so more often."""
    found = list(ALWAYS)
    if name in WRITES:
        found += [CONFLICT, LATE, LATE, UNANSWERED, CUT]
    if name == "TransactGetItems":
        found.append(CONFLICT)
    return tuple(found)


def lags(name: str, request: Any) -> str:
    """How the engine shows what was, if it does for this request: that is no fault, but how it works."""
    if name == "BatchGetItem":
        return UNPROCESSED
    return STALE if name == "Query" and b"IndexName" in request.body else ""


class Wire:
    """Serves requests, or does to them what a fault says. Tells `seen` of each that the engine took."""

    def __init__(self, seen: Callable[[Served], None]) -> None:
        self._seen = seen
        self._pictures: list[Any] = []
        self._writes = 0
        self.faults: Counter[str] = Counter()
        self.late: list[Packet] = []

    def carry(self, packet: Packet, fault: str) -> Any:
        """Raises what a client sees when there is no answer, or Killed."""
        self.faults.update([fault] if fault else [])
        match fault:
            case "killed before":
                raise Killed
            case "arrives late":
                self.late.append(packet)
            case "transaction conflict":
                return _conflict(packet)
            case "stale index" if self._pictures:
                with engine.showing(self._pictures[0]):
                    return self._serve(packet)
            case "unprocessed keys":
                return self._serve_half(packet)
        answer = None if fault in (THROTTLED, FAILED, LOST, RESET, LATE) else self._serve(packet)
        if fault == KILLED_AFTER:
            raise Killed
        if fault in _SILENCES:
            raise _SILENCES[fault](endpoint_url=packet.request.url)
        return _error(packet, *_ERRORS[fault]) if fault in _ERRORS else answer

    def arrive(self, late: Packet) -> None:
        """What was given up for lost reaches the engine; nobody hears the answer."""
        self.late.remove(late)
        self._serve(late, late=True)

    def _serve(self, packet: Packet, *, late: bool = False) -> Any:
        answer = engine.serve(packet.event_name, packet.request)
        done = answer.status_code == 200
        keys = _written(packet.name, json.loads(packet.request.body)) if done else frozenset()
        if keys:
            self._take_picture()
        items = {key: engine.item(key) for key in keys}
        self._seen(Served(packet.number, packet.now, packet.name, keys, items, late))
        return answer

    def _take_picture(self) -> None:
        """Every few writes: what an index that lags will show."""
        self._writes += 1
        if self._writes % _WRITES_A_PICTURE == 0:
            self._pictures = [*self._pictures[-_PICTURES + 1 :], engine.picture()]

    def _serve_half(self, packet: Packet) -> Any:
        """DynamoDB reads some of the keys, and hands the others back to be asked for again."""
        body = json.loads(packet.request.body)
        ((table_name, wanted),) = body["RequestItems"].items()
        keys = sorted(wanted["Keys"], key=json.dumps, reverse=packet.number % 2 == 0)
        half = 1 + packet.number // 2 % max(len(keys) - 1, 1)
        packet.request.body = json.dumps({"RequestItems": {table_name: {**wanted, "Keys": keys[:half]}}}).encode()
        told = json.loads(self._serve(packet).content)
        told["UnprocessedKeys"] = {table_name: {**wanted, "Keys": keys[half:]}} if keys[half:] else {}
        return _response(packet, 200, told)


def _written(name: str, body: Any) -> frozenset[Key]:
    if name == "UpdateItem":
        return frozenset({_key(body["Key"])})
    if name != "TransactWriteItems":
        return frozenset()
    writes = [write for action in body["TransactItems"] for write in action.values()]
    return frozenset(_key(write.get("Key") or write["Item"]) for write in writes)


def _key(raw: Any) -> Key:
    return raw["pk"]["S"], raw["sk"]["S"]


def _conflict(packet: Packet) -> Any:
    if packet.name == "UpdateItem":
        return _error(packet, 400, "TransactionConflictException")
    actions = len(json.loads(packet.request.body)["TransactItems"])
    reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}]
    reasons += [{"Code": "None"}] * (actions - 1)
    return _error(packet, 400, "TransactionCanceledException", CancellationReasons=reasons)


def _error(packet: Packet, status: int, code: str, **more: Any) -> Any:
    return _response(packet, status, {"__type": _PREFIX + code, "message": code, **more})


def _response(packet: Packet, status: int, body: Any) -> Any:
    headers = HTTPHeaders()
    headers["content-type"] = "application/x-amz-json-1.0"
    return AWSResponse(packet.request.url, status, headers, MockRawResponse(json.dumps(body)))
