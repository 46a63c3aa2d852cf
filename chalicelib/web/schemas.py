"""The bodies of requests and answers. msgspec checks the ones and writes the others."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from chalicelib import clock
from chalicelib.booking.providers import Profile
from chalicelib.booking.publish import MAX_SLOTS
from chalicelib.booking.state import Reservation, Slot
from chalicelib.store.ids import NAME

Name = Annotated[str, Meta(pattern=rf"^{NAME}$(?!\n)", max_length=128)]
Instant = Annotated[datetime, Meta(tz=True)]
MINUTES_PER_DAY = 1_440


class Request(Struct, rename="camel", forbid_unknown_fields=True):
    """What a client sends; a member that is not named here is an error."""


class Answer(Struct, rename="camel", omit_defaults=True):
    """What we send; a member that does not apply is left out."""


class IntervalBody(Request):
    start_time: Instant
    end_time: Instant


class PublishBody(Request):
    provider_id: Name
    slots: Annotated[list[IntervalBody], Meta(min_length=1, max_length=MAX_SLOTS)]
    slot_minutes: Annotated[int, Meta(ge=1, le=MINUTES_PER_DAY)] | None = None


class ReserveBody(Request):
    client_id: Name | None = None


class ProviderBody(Request):
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)]
    hold_minutes: Annotated[float, Meta(gt=0, le=MINUTES_PER_DAY)] = 30
    notice_minutes: Annotated[int, Meta(ge=0, le=43_200)] = 0


class MoveBody(Request):
    start_time: Instant | UnsetType = UNSET
    end_time: Instant | UnsetType = UNSET


class AppointmentAnswer(Answer):
    appointment_id: str
    provider_id: str
    start_time: str
    end_time: str
    status: str
    version: int
    reservation_id: str | None = None
    client_id: str | None = None
    expires_at: str | None = None


class ReservationAnswer(Answer):
    reservation_id: str
    appointment_id: str
    provider_id: str
    client_id: str
    start_time: str
    end_time: str
    status: str
    reserved_at: str
    expires_at: str
    confirmed_at: str | None = None
    ended_at: str | None = None


class ProviderAnswer(Answer):
    provider_id: str
    name: str
    time_zone: str
    hold_minutes: int | float
    notice_minutes: int


class PublishedAnswer(Answer):
    appointments: list[AppointmentAnswer]


class AppointmentPage(Answer, omit_defaults=False):
    appointments: list[AppointmentAnswer]
    next_cursor: str | None


class ReservationPage(Answer, omit_defaults=False):
    reservations: list[ReservationAnswer]
    next_cursor: str | None


class HealthAnswer(Answer):
    status: str


def public_appointment(slot: Slot) -> AppointmentAnswer:
    """What anybody may see of it."""
    return AppointmentAnswer(
        appointment_id=str(slot.id),
        provider_id=slot.id.provider_id,
        start_time=clock.iso(slot.start),
        end_time=clock.iso(slot.end),
        status=slot.status,
        version=slot.version,
    )


def own_appointment(slot: Slot) -> AppointmentAnswer:
    """What its own provider sees of it: who holds it, too."""
    return AppointmentAnswer(
        appointment_id=str(slot.id),
        provider_id=slot.id.provider_id,
        start_time=clock.iso(slot.start),
        end_time=clock.iso(slot.end),
        status=slot.status,
        version=slot.version,
        reservation_id=str(slot.reservation_id) if slot.reservation_id else None,
        client_id=slot.client_id,
        expires_at=_iso_or_none(slot.expires_at),
    )


def reservation(seen: Reservation) -> ReservationAnswer:
    return ReservationAnswer(
        reservation_id=str(seen.id),
        appointment_id=str(seen.id.appointment_id),
        provider_id=seen.id.provider_id,
        client_id=seen.client_id,
        start_time=clock.iso(seen.start),
        end_time=clock.iso(seen.end),
        status=seen.status,
        reserved_at=clock.iso(seen.reserved_at),
        expires_at=clock.iso(seen.expires_at),
        confirmed_at=_iso_or_none(seen.confirmed_at),
        ended_at=_iso_or_none(seen.ended_at),
    )


def provider(profile: Profile) -> ProviderAnswer:
    minutes = profile.hold_seconds / 60
    return ProviderAnswer(
        provider_id=profile.id,
        name=profile.name,
        time_zone=profile.time_zone,
        hold_minutes=int(minutes) if minutes.is_integer() else minutes,
        notice_minutes=profile.notice_seconds // 60,
    )


def _iso_or_none(seconds: int | None) -> str | None:
    return None if seconds is None else clock.iso(seconds)
