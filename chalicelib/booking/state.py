"""What an item means at an instant. Pure: the same item and the same `now` give the same answer.

A hold that is over changes what is seen without a write: its slot is available, one version on, and its
reservation is expired. The release that follows, whenever it comes, writes just that.
"""

from dataclasses import dataclass

from chalicelib import clock
from chalicelib.store.ids import AppointmentId, ReservationId
from chalicelib.store.items import AVAILABLE, EXPIRED, RESERVED, Appointment, Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """An appointment as it is seen at an instant. Times in epoch seconds."""

    id: AppointmentId
    start: int
    end: int
    status: str
    version: int
    reservation_id: ReservationId | None = None
    client_id: str | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A reservation as it is seen at an instant. Times in epoch seconds."""

    id: ReservationId
    client_id: str
    start: int
    end: int
    status: str
    version: int
    reserved_at: int
    expires_at: int
    confirmed_at: int | None
    ended_at: int | None


def lapsed(item: Appointment, now: int) -> bool:
    """Whether a hold is on the slot that is over."""
    return item.status == RESERVED and item.expires_at <= now


def slot_at(item: Appointment, now: int) -> Slot:
    appointment_id = item.appointment_id
    free = item.status == AVAILABLE or lapsed(item, now)
    return Slot(
        id=appointment_id,
        start=appointment_id.start,
        end=clock.seconds(item.end),
        status=AVAILABLE if free else item.status,
        version=version_at(item, now),
        reservation_id=None if free else item.reservation_id,
        client_id=None if free else item.client_id,
        expires_at=None if free else item.expires_at,
    )


def version_at(item: Appointment, now: int) -> int:
    return item.version + 1 if lapsed(item, now) else item.version


def reservation_at(item: Appointment | Ended, now: int) -> Reservation:
    """The reservation that holds the appointment, or the ended one."""
    status, version, ended_at = item.status, item.version, None
    if isinstance(item, Ended):
        ended_at = item.ended_at
    elif lapsed(item, now):
        status, version, ended_at = EXPIRED, item.version + 1, item.expires_at
    reservation_id = item.reservation_id
    return Reservation(
        id=reservation_id,
        client_id=item.client_id,
        start=reservation_id.start,
        end=clock.seconds(item.end),
        status=status,
        version=version,
        reserved_at=item.reserved_at,
        expires_at=item.expires_at,
        confirmed_at=item.confirmed_at,
        ended_at=ended_at,
    )
