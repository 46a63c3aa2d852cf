"""A request as a view sees it: who calls, and each part checked when it is asked for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import unquote

import msgspec
from chalice.app import Request

from chalicelib import clock
from chalicelib.booking.errors import NotFound
from chalicelib.store import ids
from chalicelib.store.appointments import Versions
from chalicelib.store.ids import AppointmentId, ReservationId
from chalicelib.store.keys import CallerKey
from chalicelib.store.pages import Place
from chalicelib.web import cursors, etags, idempotency
from chalicelib.web.auth import Caller
from chalicelib.web.problems import Problem, invalid
from chalicelib.web.requests import prefix, raw_body, route_of
from chalicelib.web.schemas import Instant

MAX_BODY_BYTES = 256 * 1024
MAX_LIMIT = 100
_MAX_CURSOR_CHARACTERS = 1_024

Body = TypeVar("Body")
_instants = msgspec.json.Decoder(Instant)
_OFFSET_WITHOUT_PLUS = re.compile(r" (\d\d:\d\d)$", re.ASCII)
_START = re.compile(r"0|[1-9][0-9]{0,11}")
_MEMBER = re.compile(r"^Object (?:missing required|contains unknown) field `(?P<name>[^`]*)`")
_AT = re.compile(r" - at `(?P<path>[^`]*)`$")


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    request: Request
    caller: Caller

    @property
    def prefix(self) -> str:
        return prefix(self.request)

    @property
    def route(self) -> str:
        return route_of(self.request)

    def check_headers(self) -> None:
        """Raises Problem `invalid-request` for a condition or a key that no view could read."""
        headers = self.request.headers
        etags.versions(headers.get("if-match"))
        etags.matches(headers.get("if-none-match"), "")
        idempotency.check(headers.get("idempotency-key"))

    def body(self, kind: type[Body]) -> Body:
        """The body as `kind`. Raises Problem `unsupported-media-type`, `malformed-json`, `invalid-request`."""
        return decode(self._json(), kind)

    def optional_body(self, kind: type[Body]) -> Body:
        """Like `body`; no body is one without members."""
        return decode(self._json() if raw_body(self.request) else b"{}", kind)

    def _json(self) -> bytes:
        body = raw_body(self.request)
        media_type = self.request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if body and media_type != "application/json":
            raise Problem("unsupported-media-type", "send the body as application/json")
        return body

    def if_match(self) -> Versions:
        """Raises Problem `invalid-request`."""
        return etags.versions(self.request.headers.get("if-match"))

    def must_have_if_match(self, read: Callable[[], object]) -> None:
        """Raises Problem `precondition-required`, or what `read` raises: what is not there is 404 first."""
        if "if-match" not in self.request.headers:
            read()
            raise Problem("precondition-required", "send If-Match with the ETag of the appointment as you have read it")

    @property
    def has_idempotency_key(self) -> bool:
        return "idempotency-key" in self.request.headers

    def idempotency_key(self, *path: str, request: tuple[object, ...]) -> CallerKey | None:
        """The caller's key for `request` at `path`. Raises Problem `invalid-request`."""
        key = idempotency.key_hash(self.request.headers.get("idempotency-key"), self.caller, *path)
        return CallerKey(key, idempotency.request_hash(*request)) if key else None

    def provider_id(self, text: str) -> str:
        """A provider id in the path. Raises NotFound for what is no id."""
        provider_id = unquote(text)
        if not ids.is_name(provider_id):
            raise NotFound
        return provider_id

    def own_appointment_id(self, provider: str, appointment: str) -> AppointmentId:
        """An appointment in its own provider's path. Raises NotFound, Problem `forbidden`."""
        provider_id, appointment_id = self.provider_id(provider), self.appointment_id(appointment)
        self.caller.may(self.route, provider_id)
        if appointment_id.provider_id != provider_id:
            raise NotFound
        return appointment_id

    def appointment_id(self, text: str) -> AppointmentId:
        """Raises NotFound for what is no id."""
        try:
            return ids.appointment_id(unquote(text))
        except ids.BadId as error:
            raise NotFound from error

    def reservation_id(self, text: str) -> ReservationId:
        """Raises NotFound for what is no id."""
        try:
            return ids.reservation_id(unquote(text))
        except ids.BadId as error:
            raise NotFound from error

    def limit(self) -> int:
        """Raises Problem `pagination-required`, `invalid-request`."""
        text = self._query("limit")
        if text is None:
            raise invalid("/limit", f"is missing: give a number from 1 to {MAX_LIMIT}", "pagination-required")
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_LIMIT:
            raise invalid("/limit", f"give a whole number from 1 to {MAX_LIMIT}")
        return int(text)

    def stretch(self) -> tuple[int | None, int | None]:
        """`start` and `end`: the list is of what starts in [start, end). Raises Problem `invalid-request`."""
        start, end = self._instant("start"), self._instant("end")
        if start is not None and end is not None and start >= end:
            raise invalid("/start", "is not before end")
        return _within_years(start), _within_years(end)

    def _place(self, list_of: tuple[object, ...]) -> str | None:
        text = self._query("cursor")
        if text is None:
            return None
        return cursors.place(text[:_MAX_CURSOR_CHARACTERS], self.route, *list_of)

    def cursor(self, place: object, *list_of: object) -> str | None:
        return None if place is None else cursors.cursor(str(place), self.route, *list_of)

    def start_to_go_on(self, *list_of: object) -> int | None:
        """The cursor's place in a list of slots: a start. Raises Problem `invalid-cursor`."""
        place = self._place(list_of)
        if place is None:
            return None
        # The check in a cursor is no secret: whatever it says may be forged.
        if not _START.fullmatch(place) or int(place) > clock.LATEST:
            raise cursors.invalid_cursor()
        return int(place)

    def reservation_to_go_on(self, *list_of: object) -> Place | None:
        """The cursor's place in a list of reservations. Raises Problem `invalid-cursor`."""
        place = self._place(list_of)
        if place is None:
            return None
        try:
            return Place.parse(place)
        except ValueError as error:
            raise cursors.invalid_cursor() from error

    def _instant(self, name: str) -> int | None:
        text = self._query(name)
        if text is None:
            return None
        # A + that was not percent-encoded arrives as a space.
        text = _OFFSET_WITHOUT_PLUS.sub(r"+\1", text)
        try:
            return seconds_of(_instants.decode(msgspec.json.encode(text)), f"/{name}")
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            raise invalid(f"/{name}", "give an RFC 3339 time with an offset, such as 2026-03-01T09:00:00Z") from error

    def _query(self, name: str) -> str | None:
        found: str | None = self.request.query_params.get(name) if self.request.query_params else None
        return found


def _within_years(instant: int | None) -> int | None:
    # Nothing lies outside these, so a list is the same.
    return None if instant is None else min(max(instant, 0), clock.LATEST)


def decode(raw: bytes, kind: type[Body]) -> Body:
    """Raises Problem `malformed-json`, `invalid-request`."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        pointer, detail = _pointer_and_detail(str(error))
        raise invalid(pointer, detail) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem("malformed-json", "the body is not JSON in UTF-8") from error
    except RecursionError as error:
        raise Problem("malformed-json", "the body is nested too deep") from error


def seconds_of(instant: datetime, pointer: str) -> int:
    """Epoch seconds. Raises Problem `invalid-request` for a fraction of a second."""
    if instant.microsecond:
        raise invalid(pointer, "give whole seconds")
    return int(instant.timestamp())


def _pointer_and_detail(message: str) -> tuple[str, str]:
    """A JSON Pointer (RFC 6901) to the member that msgspec complains of, and the complaint."""
    at = _AT.search(message)
    detail = message[: at.start()] if at else message
    pointer = re.sub(r"\[(\d+)\]", r"/\1", at["path"].removeprefix("$")).replace(".", "/") if at else ""
    member = _MEMBER.match(detail)
    if member:
        pointer += "/" + member["name"].replace("~", "~0").replace("/", "~1")
    return pointer, detail
