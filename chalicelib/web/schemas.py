"""The bodies of requests and answers. msgspec checks the ones and writes the others.

OpenAPI's schemas are made from these classes, so what is said of a member here is what the API's users read.
"""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from chalicelib import clock
from chalicelib.booking import state
from chalicelib.booking.providers import Profile
from chalicelib.booking.rules import MAX_SLOTS
from chalicelib.store.ids import NAME
from chalicelib.store.items import AVAILABLE, CANCELLED, CONFIRMED, EXPIRED, RESERVED

MINUTES_PER_DAY = 1_440


def _id(of: str, prefix: str) -> Meta:
    return Meta(description=f"Names the {of}. Opaque.", extra_json_schema={"pattern": rf"^{prefix}_[A-Za-z0-9_-]+$"})


def _one_of(description: str, *values: str) -> Meta:
    return Meta(description=description, extra_json_schema={"enum": list(values)})


def _sent(description: str) -> Meta:
    pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"
    return Meta(description=description, extra_json_schema={"format": "date-time", "pattern": pattern})


Name = Annotated[str, Meta(pattern=rf"^{NAME}$(?!\n)", max_length=128)]
ProviderId = Annotated[Name, Meta(description="Names the provider.")]
ClientId = Annotated[Name, Meta(description="Names the client.")]
AppointmentId = Annotated[str, _id("appointment", "apt")]
ReservationId = Annotated[str, _id("reservation", "res")]
Version = Annotated[int, Meta(ge=1, description="Grows with every change. In double quotes it is the `ETag`.")]
Cursor = Annotated[str, Meta(description="Give it as `cursor` to go on; null is the end of the list.")]

Instant = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with an offset, in whole seconds."""
StartToBe = Annotated[Instant, Meta(description="When it starts, in whole seconds, with an offset: `Z` or `+02:00`.")]
EndToBe = Annotated[Instant, Meta(description="When it ends: after its start, and 24 hours after it at the latest.")]
StretchEnd = Annotated[
    Instant, Meta(description="When it ends: after its start, by 24 hours at most unless it is cut into slots.")
]

Start = Annotated[str, _sent("When the appointment starts, in UTC.")]
End = Annotated[str, _sent("When the appointment ends, in UTC.")]
ExpiresAt = Annotated[str, _sent("When the hold ends, or would have ended, unless it is confirmed before.")]


SlotMinutes = Annotated[
    int,
    Meta(
        ge=1,
        le=MINUTES_PER_DAY,
        description="Cut each interval into slots of this length, which must divide it evenly.",
    ),
]
NoticeMinutes = Annotated[
    int, Meta(ge=0, le=43_200, description="How long before its start a slot can be reserved at the latest.")
]


class Request(Struct, rename="camel", forbid_unknown_fields=True):
    """What a client sends; a member that is not named here is an error."""


class Answer(Struct, rename="camel"):
    """What we send; a member that does not apply is left out."""


class Interval(Request):
    """A stretch of a calendar."""

    start_time: StartToBe
    end_time: StretchEnd


class PublishRequest(Request):
    """The slots to publish: all of them are, or none."""

    provider_id: ProviderId
    slots: Annotated[list[Interval], Meta(min_length=1, max_length=MAX_SLOTS, description="In any order.")]
    slot_minutes: SlotMinutes | None = None


class ReserveRequest(Request):
    """Whom the reservation is for. A client may leave it out, and the whole body with it."""

    client_id: ClientId | None = None


class ProviderRequest(Request):
    """The provider as it is to be."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="For people to read.")]
    time_zone: Annotated[str, Meta(min_length=1, max_length=64, description="A name of the IANA time zone database.")]
    hold_minutes: Annotated[
        float,
        Meta(gt=0, le=MINUTES_PER_DAY, description="How long a hold lasts: whole minutes, save in the local stage."),
    ] = 30
    notice_minutes: NoticeMinutes = 0


class MoveRequest(Request):
    """The new times. What is left out stays: a new start alone keeps the end."""

    start_time: StartToBe | UnsetType = UNSET
    end_time: EndToBe | UnsetType = UNSET


class Appointment(Answer):
    """A slot in a provider's calendar. Its own provider sees who holds it, too."""

    appointment_id: AppointmentId
    provider_id: ProviderId
    start_time: Start
    end_time: End
    status: Annotated[str, _one_of("As it is now: a hold that is over counts no more.", AVAILABLE, RESERVED, CONFIRMED)]
    version: Version
    reservation_id: ReservationId | UnsetType = UNSET
    client_id: ClientId | UnsetType = UNSET
    expires_at: ExpiresAt | UnsetType = UNSET


class Reservation(Answer):
    """A client's hold on an appointment, and what became of it."""

    reservation_id: ReservationId
    appointment_id: AppointmentId
    provider_id: ProviderId
    client_id: ClientId
    start_time: Start
    end_time: End
    status: Annotated[
        str,
        _one_of(
            "`expired` shows from the second the hold is over.",
            RESERVED,
            CONFIRMED,
            EXPIRED,
            CANCELLED,
        ),
    ]
    reserved_at: Annotated[str, _sent("When it was made.")]
    expires_at: ExpiresAt
    confirmed_at: Annotated[str, _sent("When it was confirmed, if it was.")] | UnsetType = UNSET
    ended_at: Annotated[str, _sent("When it expired or was cancelled.")] | UnsetType = UNSET


class Provider(Answer):
    """Somebody who publishes appointments. The policies apply to what is published from then on."""

    provider_id: ProviderId
    name: Annotated[str, Meta(description="For people to read.")]
    time_zone: Annotated[str, Meta(description="A name of the IANA time zone database.")]
    hold_minutes: Annotated[int | float, Meta(description="How long a hold lasts.")]
    notice_minutes: NoticeMinutes


class Published(Answer):
    """What was published, in time order."""

    appointments: list[Appointment]


class AppointmentPage(Answer):
    """Some appointments by start time. A page may be short, even empty: only `nextCursor: null` is the end."""

    appointments: list[Appointment]
    next_cursor: Cursor | None


class ReservationPage(Answer):
    """Some reservations by appointment time. A page may be short: only `nextCursor: null` is the end."""

    reservations: list[Reservation]
    next_cursor: Cursor | None


class Health(Answer):
    """The service answers, and its table can be read."""

    status: Annotated[str, _one_of("How it is.", "ok")]


class InputError(Answer):
    """What is wrong with one member of the request."""

    pointer: Annotated[
        str, Meta(description="A JSON Pointer into the body, or `/` and the name of the parameter or header.")
    ]
    detail: str


class Conflict(Answer):
    """A stretch of the calendar that is taken."""

    start_time: Start
    end_time: End


class Problem(Answer):
    """A refusal (RFC 9457), `application/problem+json`."""

    type: Annotated[str, Meta(description="Names the kind of problem; a page for people to read.")]
    title: Annotated[str, Meta(description="The kind of problem in words.")]
    status: Annotated[int, Meta(ge=400, le=599, description="The status of the answer.")]
    detail: Annotated[str, Meta(description="What went wrong this time.")]
    instance: Annotated[str, Meta(description="The path that was called.")]
    code: Annotated[str, Meta(description="The kind of problem, for programs: it never changes.")]
    request_id: Annotated[str, Meta(description="The request in the log. Also the header `X-Request-Id`.")]
    errors: Annotated[list[InputError], Meta(description="What is wrong with the request.")] | UnsetType = UNSET
    conflicts: Annotated[list[Conflict], Meta(description="What it overlaps, for `slot-overlap`.")] | UnsetType = UNSET
    reservation_id: (
        Annotated[ReservationId, Meta(description="The hold that is in the way, when it is the caller's own.")]
        | UnsetType
    ) = UNSET


REQUESTS = (PublishRequest, ReserveRequest, ProviderRequest, MoveRequest)
ANSWERS = (Published, AppointmentPage, ReservationPage, Provider, Health, Problem)


def components() -> dict[str, Any]:
    """The JSON Schema of every body, by name."""
    # Few calls ask: not at import.
    from msgspec.json import schema_components  # noqa: PLC0415

    return schema_components((*REQUESTS, *ANSWERS), ref_template="#/components/schemas/{name}")[1]


def public_appointment(slot: state.Slot) -> Appointment:
    """What anybody may see of it."""
    return Appointment(
        appointment_id=str(slot.id),
        provider_id=slot.id.provider_id,
        start_time=clock.iso(slot.start),
        end_time=clock.iso(slot.end),
        status=slot.status,
        version=slot.version,
    )


def own_appointment(slot: state.Slot) -> Appointment:
    """What its own provider sees of it: who holds it, too."""
    seen = public_appointment(slot)
    if slot.reservation_id is not None:
        seen.reservation_id = str(slot.reservation_id)
        seen.client_id = slot.client_id or UNSET
        seen.expires_at = _iso_or_unset(slot.expires_at)
    return seen


def reservation(seen: state.Reservation) -> Reservation:
    return Reservation(
        reservation_id=str(seen.id),
        appointment_id=str(seen.id.appointment_id),
        provider_id=seen.id.provider_id,
        client_id=seen.client_id,
        start_time=clock.iso(seen.start),
        end_time=clock.iso(seen.end),
        status=seen.status,
        reserved_at=clock.iso(seen.reserved_at),
        expires_at=clock.iso(seen.expires_at),
        confirmed_at=_iso_or_unset(seen.confirmed_at),
        ended_at=_iso_or_unset(seen.ended_at),
    )


def provider(profile: Profile) -> Provider:
    minutes = profile.hold_seconds / 60
    return Provider(
        provider_id=profile.id,
        name=profile.name,
        time_zone=profile.time_zone,
        hold_minutes=int(minutes) if minutes.is_integer() else minutes,
        notice_minutes=profile.notice_seconds // 60,
    )


def _iso_or_unset(seconds: int | None) -> str | UnsetType:
    return UNSET if seconds is None else clock.iso(seconds)
