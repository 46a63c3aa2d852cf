"""What the API can do: one entry an operation, in the contract's words. `openapi.py` makes the document from it."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from chalicelib.web import schemas
from chalicelib.web.calls import MAX_LIMIT
from chalicelib.web.problems import KINDS

_TAG = r'(W/)?"[!#-~]*"'
Tags = Annotated[str, Meta(pattern=rf"^(\*|{_TAG}(\s*,\s*{_TAG})*)$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A part of the path, the query or the headers."""

    name: str
    place: Literal["path", "query", "header"]
    type: Any
    description: str
    required: bool = False
    example: str | int | None = None
    """What the page at /docs has filled in: only what is right for whoever tries it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """An answer that grants; `headers` are always there, `sometimes` where they apply."""

    description: str
    body: type[Struct] | None = None
    others: tuple[str, ...] = ()
    """The media types of a body that is no JSON of ours."""
    headers: tuple[str, ...] = ()
    sometimes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def media_types(self) -> tuple[str, ...]:
        return ("application/json",) if self.body else self.others


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. `problems` are beside those of every operation."""

    id: str
    tag: str
    summary: str
    description: str
    parameters: tuple[str, ...] = ()
    body: type[Struct] | None = None
    is_body_required: bool = True
    is_public: bool = False
    answers: dict[int, Success] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What an answer says of the next call: the parameters that it already knows."""

    operation: str
    description: str
    parameters: dict[str, str]


PARAMETERS = {
    "providerId": Parameter(
        name="providerId",
        place="path",
        type=schemas.ProviderId,
        description="Names the provider.",
        required=True,
        example="1234",
    ),
    "appointmentId": Parameter(
        name="appointmentId",
        place="path",
        type=schemas.AppointmentId,
        description="Names the appointment: `appointmentId` of a list or of what was published.",
        required=True,
    ),
    "reservationId": Parameter(
        name="reservationId",
        place="path",
        type=schemas.ReservationId,
        description="Names the reservation.",
        required=True,
    ),
    "limit": Parameter(
        name="limit",
        place="query",
        type=Annotated[int, Meta(ge=1, le=MAX_LIMIT)],
        description="How long the page may be.",
        required=True,
        example=20,
    ),
    "cursor": Parameter(
        name="cursor",
        place="query",
        type=Annotated[str, Meta(min_length=1, max_length=1_024)],
        description="`nextCursor` of the page before, unchanged, with the same path and filters.",
    ),
    "start": Parameter(
        name="start",
        place="query",
        type=schemas.StartToBe,
        description="Only what starts at this time or later. RFC 3339 with an offset; percent-encode its `+`.",
    ),
    "end": Parameter(
        name="end",
        place="query",
        type=schemas.StartToBe,
        description="Only what starts before this time, which must be after `start`.",
    ),
    "If-Match": Parameter(
        name="If-Match",
        place="header",
        type=Tags,
        description="Do it only if this `ETag` still stands; else 412.",
    ),
    "If-Match, required": Parameter(
        name="If-Match",
        place="header",
        type=Tags,
        description="The `ETag` of the appointment as you have read it. Without it 428; if it no longer stands, 412.",
        required=True,
        example='"1"',
    ),
    "If-None-Match": Parameter(
        name="If-None-Match",
        place="header",
        type=Tags,
        description="The `ETag` that you have already: 304 while it still stands.",
    ),
    "Idempotency-Key": Parameter(
        name="Idempotency-Key",
        place="header",
        type=Annotated[str, Meta(pattern=r'^("[!-~]{1,255}"|[!#-~][!-~]{0,254})$')],
        description="Makes it safe to repeat the request: 1 to 255 visible characters, such as a UUID, new for every "
        "new request.",
    ),
    "code": Parameter(
        name="code",
        place="path",
        type=Literal[tuple(KINDS)],
        description="The problem's `code`.",
        required=True,
        example="slot-overlap",
    ),
    "file": Parameter(
        name="file",
        place="path",
        type=str,
        description="The name of a file that the page asks for.",
        required=True,
        example="page.css",
    ),
}

LINKS = {
    "reserve": Link(
        operation="reserveAppointment",
        description="Reserve the first of these appointments.",
        parameters={"path.appointmentId": "$response.body#/appointments/0/appointmentId"},
    ),
    "firstAppointment": Link(
        operation="getAppointment",
        description="Read the first of these appointments.",
        parameters={
            "path.providerId": "$response.body#/appointments/0/providerId",
            "path.appointmentId": "$response.body#/appointments/0/appointmentId",
        },
    ),
    "moveFirst": Link(
        operation="moveAppointment",
        description="Move the first of these appointments.",
        parameters={
            "path.providerId": "$response.body#/appointments/0/providerId",
            "path.appointmentId": "$response.body#/appointments/0/appointmentId",
            "header.If-Match": '"{$response.body#/appointments/0/version}"',
        },
    ),
    "deleteFirst": Link(
        operation="deleteAppointment",
        description="Delete the first of these appointments.",
        parameters={
            "path.providerId": "$response.body#/appointments/0/providerId",
            "path.appointmentId": "$response.body#/appointments/0/appointmentId",
            "header.If-Match": '"{$response.body#/appointments/0/version}"',
        },
    ),
    "move": Link(
        operation="moveAppointment",
        description="Move it.",
        parameters={
            "path.providerId": "$response.body#/providerId",
            "path.appointmentId": "$response.body#/appointmentId",
            "header.If-Match": "$response.header.ETag",
        },
    ),
    "delete": Link(
        operation="deleteAppointment",
        description="Delete it.",
        parameters={
            "path.providerId": "$response.body#/providerId",
            "path.appointmentId": "$response.body#/appointmentId",
            "header.If-Match": "$response.header.ETag",
        },
    ),
    "read": Link(
        operation="getReservation",
        description="Read it again.",
        parameters={"path.reservationId": "$response.body#/reservationId"},
    ),
    "confirm": Link(
        operation="confirmReservation",
        description="Confirm it before `expiresAt`.",
        parameters={
            "path.reservationId": "$response.body#/reservationId",
            "header.If-Match": "$response.header.ETag",
        },
    ),
    "cancel": Link(
        operation="cancelReservation",
        description="Give it back.",
        parameters={"path.reservationId": "$response.body#/reservationId"},
    ),
    "firstReservation": Link(
        operation="getReservation",
        description="Read the first of these reservations.",
        parameters={"path.reservationId": "$response.body#/reservations/0/reservationId"},
    ),
    "bookable": Link(
        operation="listBookableAppointments",
        description="What can be reserved with this provider.",
        parameters={"path.providerId": "$response.body#/providerId"},
    ),
    "calendar": Link(
        operation="listCalendar",
        description="This provider's whole calendar.",
        parameters={"path.providerId": "$response.body#/providerId"},
    ),
}

TAGS = {
    "Appointments": "What clients see of a calendar, and how it comes there.",
    "Reservations": "Reserve an appointment, confirm it before the hold ends, give it back.",
    "Calendar": "A provider's own appointments, whatever their status: look, move, delete.",
    "Providers": "Who publishes appointments, and the policies of what they publish.",
    "Service": "Is it well, and how is it used.",
}

_NOT_MODIFIED = Success(description="What you have still stands.", headers=("ETag",))
_LIST = ("limit", "cursor")
_BODY = ("malformed-json", "unsupported-media-type")
_PAGED = ("pagination-required", "invalid-cursor")

OPERATIONS = {
    ("POST", "/appointments"): Operation(
        id="publishAppointments",
        tag="Appointments",
        summary="Publish appointments",
        description="Puts slots into the provider's calendar: all of them, or none when one overlaps what is there. "
        "With `slotMinutes` each interval is cut into slots of that length. After cutting there may be 1 to 90 slots, "
        "which start in the future, lie within 8 days and do not overlap each other. For the provider itself.",
        parameters=("Idempotency-Key",),
        body=schemas.PublishRequest,
        answers={
            201: Success(
                description="Published, in time order.",
                body=schemas.Published,
                sometimes=("Idempotency-Replayed",),
                links=("reserve", "firstAppointment", "moveFirst", "deleteFirst"),
            )
        },
        problems=(*_BODY, "forbidden", "not-found", "slot-overlap", "idempotency-key-reused"),
    ),
    ("GET", "/appointments/{providerId}"): Operation(
        id="listBookableAppointments",
        tag="Appointments",
        summary="List what can be reserved",
        description="The provider's appointments that can be reserved now, by start time. For anyone signed in.",
        parameters=("providerId", *_LIST, "start", "end", "If-None-Match"),
        answers={
            200: Success(
                description="A page of them.",
                body=schemas.AppointmentPage,
                headers=("ETag",),
                sometimes=("Link",),
                links=("reserve",),
            ),
            304: _NOT_MODIFIED,
        },
        problems=(*_PAGED, "not-found"),
    ),
    ("POST", "/appointments/{appointmentId}/reservations"): Operation(
        id="reserveAppointment",
        tag="Reservations",
        summary="Reserve an appointment",
        description="Holds the appointment for a client until `expiresAt`; unless it is confirmed before, it is free "
        "again. A client reserves for itself and needs no body; the provider and an admin name the client.",
        parameters=("appointmentId", "If-Match", "Idempotency-Key"),
        body=schemas.ReserveRequest,
        is_body_required=False,
        answers={
            201: Success(
                description="Reserved.",
                body=schemas.Reservation,
                headers=("Location", "ETag"),
                sometimes=("Idempotency-Replayed",),
                links=("read", "confirm", "cancel"),
            )
        },
        problems=(
            *_BODY,
            "forbidden",
            "not-found",
            "precondition-failed",
            "idempotency-key-reused",
            "hold-limit",
            "appointment-held",
            "appointment-booked",
            "appointment-closed",
        ),
    ),
    ("PUT", "/reservations/{reservationId}/confirm"): Operation(
        id="confirmReservation",
        tag="Reservations",
        summary="Confirm a reservation",
        description="Turns the hold into a booking. To confirm again changes nothing and answers the same, even with "
        "an `If-Match` that is stale by then. For its client and its provider.",
        parameters=("reservationId", "If-Match"),
        answers={
            200: Success(
                description="Confirmed.", body=schemas.Reservation, headers=("ETag",), links=("read", "cancel")
            )
        },
        problems=(
            "not-found",
            "precondition-failed",
            "appointment-closed",
            "reservation-expired",
            "reservation-cancelled",
        ),
    ),
    ("GET", "/reservations/{reservationId}"): Operation(
        id="getReservation",
        tag="Reservations",
        summary="Read a reservation",
        description="Live or ended. For its client and its provider; to others it does not exist.",
        parameters=("reservationId", "If-Match", "If-None-Match"),
        answers={
            200: Success(
                description="The reservation as it is now.",
                body=schemas.Reservation,
                headers=("ETag",),
                links=("confirm", "cancel"),
            ),
            304: _NOT_MODIFIED,
        },
        problems=("not-found", "precondition-failed"),
    ),
    ("DELETE", "/reservations/{reservationId}"): Operation(
        id="cancelReservation",
        tag="Reservations",
        summary="Cancel a reservation",
        description="Gives the appointment back at once, held or confirmed. To cancel again changes nothing and "
        "answers the same. For its client and its provider.",
        parameters=("reservationId", "If-Match"),
        answers={
            200: Success(description="Cancelled.", body=schemas.Reservation, headers=("ETag",), links=("read",)),
        },
        problems=("not-found", "precondition-failed", "appointment-closed", "reservation-expired"),
    ),
    ("GET", "/reservations"): Operation(
        id="listOwnReservations",
        tag="Reservations",
        summary="List your reservations",
        description="The caller's own, live and ended, by the time of the appointment. For clients.",
        parameters=(*_LIST, "If-None-Match"),
        answers={
            200: Success(
                description="A page of them.",
                body=schemas.ReservationPage,
                headers=("ETag",),
                sometimes=("Link",),
                links=("firstReservation",),
            ),
            304: _NOT_MODIFIED,
        },
        problems=(*_PAGED, "forbidden"),
    ),
    ("GET", "/providers/{providerId}/appointments"): Operation(
        id="listCalendar",
        tag="Calendar",
        summary="List the whole calendar",
        description="The provider's appointments of every status, past ones too, by start time. For the provider "
        "itself, who also sees who holds them.",
        parameters=("providerId", *_LIST, "start", "end", "If-None-Match"),
        answers={
            200: Success(
                description="A page of them.",
                body=schemas.AppointmentPage,
                headers=("ETag",),
                sometimes=("Link",),
                links=("firstAppointment", "moveFirst", "deleteFirst"),
            ),
            304: _NOT_MODIFIED,
        },
        problems=(*_PAGED, "forbidden", "not-found"),
    ),
    ("GET", "/providers/{providerId}/appointments/{appointmentId}"): Operation(
        id="getAppointment",
        tag="Calendar",
        summary="Read an appointment",
        description="With who holds it. Its `ETag` is what a move or a delete asks for. For the provider itself.",
        parameters=("providerId", "appointmentId", "If-Match", "If-None-Match"),
        answers={
            200: Success(
                description="The appointment as it is now.",
                body=schemas.Appointment,
                headers=("ETag",),
                links=("move", "delete"),
            ),
            304: _NOT_MODIFIED,
        },
        problems=("forbidden", "not-found", "precondition-failed"),
    ),
    ("PATCH", "/providers/{providerId}/appointments/{appointmentId}"): Operation(
        id="moveAppointment",
        tag="Calendar",
        summary="Move an appointment",
        description="Gives a free appointment another start, another end, or both. Every rule of publishing holds. "
        "With another start it is another appointment: its new id is in the answer, and `Location` names it. For the "
        "provider itself.",
        parameters=("providerId", "appointmentId", "If-Match, required"),
        body=schemas.MoveRequest,
        answers={
            200: Success(
                description="Moved.",
                body=schemas.Appointment,
                headers=("ETag",),
                sometimes=("Location",),
                links=("move", "delete"),
            )
        },
        problems=(
            *_BODY,
            "forbidden",
            "not-found",
            "precondition-required",
            "precondition-failed",
            "appointment-held",
            "appointment-booked",
            "slot-overlap",
        ),
    ),
    ("DELETE", "/providers/{providerId}/appointments/{appointmentId}"): Operation(
        id="deleteAppointment",
        tag="Calendar",
        summary="Delete an appointment",
        description="Takes a free appointment out of the calendar. For the provider itself.",
        parameters=("providerId", "appointmentId", "If-Match, required"),
        answers={204: Success(description="Deleted.")},
        problems=(
            "forbidden",
            "not-found",
            "precondition-required",
            "precondition-failed",
            "appointment-held",
            "appointment-booked",
        ),
    ),
    ("GET", "/providers/{providerId}"): Operation(
        id="getProvider",
        tag="Providers",
        summary="Read a provider",
        description="For anyone signed in.",
        parameters=("providerId", "If-Match", "If-None-Match"),
        answers={
            200: Success(
                description="The provider.", body=schemas.Provider, headers=("ETag",), links=("bookable", "calendar")
            ),
            304: _NOT_MODIFIED,
        },
        problems=("not-found", "precondition-failed"),
    ),
    ("PUT", "/providers/{providerId}"): Operation(
        id="putProvider",
        tag="Providers",
        summary="Make or replace a provider",
        description="The policies apply to what is published from then on. For admins.",
        parameters=("providerId", "If-Match"),
        body=schemas.ProviderRequest,
        answers={
            200: Success(
                description="Replaced.", body=schemas.Provider, headers=("ETag",), links=("bookable", "calendar")
            ),
            201: Success(description="Made.", body=schemas.Provider, headers=("ETag",), links=("bookable", "calendar")),
        },
        problems=(*_BODY, "forbidden", "precondition-failed"),
    ),
    ("GET", "/health"): Operation(
        id="getHealth",
        tag="Service",
        summary="Is the service well?",
        description="Reads the table once. For anybody.",
        is_public=True,
        answers={200: Success(description="It is.", body=schemas.Health)},
    ),
    ("GET", "/openapi.json"): Operation(
        id="getOpenapi",
        tag="Service",
        summary="This document",
        description="OpenAPI 3.1, made from the code. For anybody.",
        parameters=("If-None-Match",),
        is_public=True,
        answers={
            200: Success(description="The document.", others=("application/json",), headers=("ETag",)),
            304: _NOT_MODIFIED,
        },
    ),
    ("GET", "/docs"): Operation(
        id="getDocs",
        tag="Service",
        summary="A page to read this document and try it out",
        description="For anybody.",
        parameters=("If-None-Match",),
        is_public=True,
        answers={
            200: Success(description="The page.", others=("text/html",), headers=("ETag",)),
            304: _NOT_MODIFIED,
        },
    ),
    ("GET", "/docs/{file}"): Operation(
        id="getDocsFile",
        tag="Service",
        summary="A file of that page",
        description="Its scripts and style sheets. For anybody.",
        parameters=("file", "If-None-Match"),
        is_public=True,
        answers={
            200: Success(
                description="The file.",
                others=("text/javascript", "text/css", "image/svg+xml"),
                headers=("ETag",),
            ),
            304: _NOT_MODIFIED,
        },
        problems=("not-found",),
    ),
    ("GET", "/problems/{code}"): Operation(
        id="getProblem",
        tag="Service",
        summary="What a problem means and what to do",
        description="The page that a problem's `type` names. For anybody.",
        parameters=("code", "If-None-Match"),
        is_public=True,
        answers={
            200: Success(description="The page.", others=("text/html",), headers=("ETag",)),
            304: _NOT_MODIFIED,
        },
        problems=("not-found",),
    ),
}
