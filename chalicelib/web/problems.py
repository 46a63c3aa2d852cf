"""Every refusal as `application/problem+json` (RFC 9457): the codes, and which error is which code."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib import clock
from chalicelib.booking import errors
from chalicelib.store.table import StoreUnavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: what RFC 9457 calls a type."""

    status: int
    title: str


KINDS = {
    "invalid-request": Kind(400, "The request breaks a rule"),
    "malformed-json": Kind(400, "The body is not JSON"),
    "invalid-cursor": Kind(400, "The cursor is not one of this list"),
    "pagination-required": Kind(400, "A list needs a limit"),
    "unauthenticated": Kind(401, "Nobody is signed in"),
    "forbidden": Kind(403, "The caller may not do this"),
    "not-found": Kind(404, "There is no such thing"),
    "method-not-allowed": Kind(405, "The path has no such method"),
    "slot-overlap": Kind(409, "The provider has appointments at that time"),
    "appointment-held": Kind(409, "The appointment is held"),
    "appointment-booked": Kind(409, "The appointment is booked"),
    "appointment-closed": Kind(409, "The appointment can no longer be changed"),
    "reservation-expired": Kind(410, "The hold ran out"),
    "reservation-cancelled": Kind(410, "The reservation was cancelled"),
    "precondition-failed": Kind(412, "Another version stands"),
    "payload-too-large": Kind(413, "The body is too large"),
    "unsupported-media-type": Kind(415, "The body must be application/json"),
    "idempotency-key-reused": Kind(422, "The idempotency key was used for another request"),
    "precondition-required": Kind(428, "The request needs If-Match"),
    "hold-limit": Kind(429, "The client holds too much already"),
    "too-many-requests": Kind(429, "Too many requests at once"),
    "internal": Kind(500, "Something went wrong on our side"),
    "unavailable": Kind(503, "The database cannot be reached"),
}


@dataclass(slots=True)
class Problem(Exception):
    """An answer that refuses."""

    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)
    """Members beside the common ones."""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return KINDS[self.code].status

    def body(self, *, prefix: str, instance: str, request_id: str) -> dict[str, Any]:
        """The document; `prefix` is the stage's, which deployed paths begin with."""
        document = {
            "type": f"{prefix}/problems/{self.code}",
            "title": KINDS[self.code].title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "requestId": request_id,
        }
        if self.errors:
            document["errors"] = self.errors
        return document | self.members


def invalid(pointer: str, detail: str, code: str = "invalid-request") -> Problem:
    """Bad input; `pointer` is a JSON Pointer to the member, or `/` and the name of the parameter or header."""
    return Problem(code, f"{pointer or 'the body'}: {detail}", errors=[{"pointer": pointer, "detail": detail}])


_PLAIN: dict[type[Exception], tuple[str, str]] = {
    errors.NotFound: ("not-found", "there is no such thing, or none that you may see"),
    errors.AppointmentBooked: ("appointment-booked", "it is confirmed for somebody"),
    errors.AppointmentClosed: ("appointment-closed", "it has started, or starts too soon"),
    errors.ReservationExpired: ("reservation-expired", "it was not confirmed in time; reserve the appointment again"),
    errors.ReservationCancelled: ("reservation-cancelled", "it was given back; reserve the appointment again"),
    errors.VersionMismatch: ("precondition-failed", "If-Match names a version that no longer stands; read it again"),
    errors.KeyReused: ("idempotency-key-reused", "the Idempotency-Key came with another request before; use a new one"),
}


def of(error: Exception) -> Problem:  # noqa: PLR0911  # one a case
    """The one place that says an error in HTTP. A 500 says nothing of the inside."""
    match error:
        case Problem():
            return error
        case errors.Invalid():
            return invalid(error.pointer, error.detail)
        case errors.SlotOverlap():
            conflicts = [{"startTime": clock.iso(start), "endTime": clock.iso(end)} for start, end in error.conflicts]
            detail = "nothing was changed: it overlaps what stands in the calendar"
            return Problem("slot-overlap", detail, members={"conflicts": conflicts})
        case errors.AppointmentHeld():
            return Problem(
                "appointment-held",
                "somebody holds it; it is free again when the hold ends, unless it is confirmed",
                members={"reservationId": str(error.own)} if error.own else {},
                headers={"Retry-After": str(error.retry_after_seconds)},
            )
        case errors.HoldLimit():
            return Problem(
                "hold-limit",
                "confirm or cancel what you hold, or wait",
                headers={"Retry-After": str(error.retry_after_seconds)},
            )
        case StoreUnavailable():
            detail = "try again in a moment; the same Idempotency-Key makes that safe"
            return Problem("unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    code, detail = _PLAIN.get(type(error), ("internal", "it has been logged; requestId names it"))
    return Problem(code, detail)
