"""The deployed API as its clients have it: HTTP and tokens, nothing else.

api("GET", "/reservations?limit=9", "client:alice")   one request; every answer is held against the OpenAPI document
api.a_provider(holdMinutes=1)                         a provider of the test's own
api.slots(provider_id, 3)                             the ids of three free slots of theirs, the day after tomorrow
"""

import json
import uuid
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.client import HTTPResponse
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from chalice.test import HTTPResponse as ChalicesResponse

from infra.cloud import Cloud
from tests import contract

ADMIN = "admin:root"
ALICE = "client:alice"
PATIENCE_SECONDS = 120
"""For an answer. The emulator starts a Lambda for each of 64 clients, on few cores."""

OF_THE_EMULATOR = 502
"""What it says, in its own words, where a Lambda was killed; AWS starts another one."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    """Their names in lower case."""
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


class Api:
    def __init__(self, cloud: Cloud, url: str) -> None:
        self.url = url
        self._cloud = cloud
        self._tokens: dict[str, str] = {}

    @cached_property
    def origin(self) -> str:
        """What the prefix of a deployed path comes behind."""
        return self.url.removesuffix("/api")

    def __call__(
        self, method: str, path: str, who: str | None = None, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if raw else {}
        if who:
            sent["Authorization"] = f"Bearer {self.token(who)}"
        sent |= headers or {}
        answer = _answer(Request(self.url + path, method=method, data=raw or None, headers=sent))  # noqa: S310  # ours
        if answer.status != OF_THE_EMULATOR:
            contract.check(method, path, sent, raw, ChalicesResponse(answer.raw, answer.headers, answer.status))
        return answer

    def follow(self, deployed_path: str, who: str | None = None) -> Answer:
        """A GET of a path that an answer named: it carries the stage."""
        headers = {"Authorization": f"Bearer {self.token(who)}"} if who else {}
        return _answer(Request(self.origin + deployed_path, headers=headers))  # noqa: S310  # ours

    def token(self, who: str) -> str:
        if who not in self._tokens:
            self._tokens[who] = self._cloud.token(*who.split(":", 1))
        return self._tokens[who]

    def a_provider(self, **policies: int) -> str:
        provider_id = uuid.uuid4().hex
        profile = {"name": "Practice", "timeZone": "Europe/Vienna", **policies}
        assert self("PUT", f"/providers/{provider_id}", ADMIN, profile).status == 201
        return provider_id

    def publish(self, provider_id: str, start: datetime, minutes: int, headers: dict[str, str] | None = None) -> Answer:
        """As many slots of half an hour as there is time for."""
        end = start + timedelta(minutes=minutes)
        slots = [{"startTime": start.isoformat(), "endTime": end.isoformat()}]
        body = {"providerId": provider_id, "slots": slots, "slotMinutes": 30}
        return self("POST", "/appointments", f"provider:{provider_id}", body, headers)

    def slots(self, provider_id: str, count: int) -> list[str]:
        answer = self.publish(provider_id, the_day_after_tomorrow(), 30 * count)
        assert answer.status == 201, answer
        return [slot["appointmentId"] for slot in answer.body["appointments"]]

    def a_slot(self, provider_id: str) -> str:
        [slot] = self.slots(provider_id, 1)
        return slot

    def reserve(self, slot: str, who: str = ALICE, key: str | None = None) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        return self("POST", f"/appointments/{slot}/reservations", who, headers=headers)

    def a_hold(self, slot: str, who: str = ALICE) -> str:
        answer = self.reserve(slot, who)
        assert answer.status == 201, answer
        return str(answer.body["reservationId"])

    def calendar(self, provider_id: str) -> list[dict[str, Any]]:
        """All of it, as its provider sees it."""
        answer = self("GET", f"/providers/{provider_id}/appointments?limit=100", f"provider:{provider_id}")
        assert answer.body["nextCursor"] is None
        return list(answer.body["appointments"])


def the_day_after_tomorrow() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)


def a_client() -> str:
    """One who holds nothing yet: MAX_LIVE_HOLDS is a client's own."""
    return f"client:{uuid.uuid4().hex}"


def _answer(request: Request) -> Answer:
    try:
        with urlopen(request, timeout=PATIENCE_SECONDS) as response:  # noqa: S310  # ours
            return _read(response)
    except HTTPError as error:
        with error:
            return _read(error)


def _read(response: HTTPResponse | HTTPError) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status or 0, headers, response.read())
