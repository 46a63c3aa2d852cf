"""Confirm: make a hold a booking."""

from chalicelib import clock
from chalicelib.audit import changed
from chalicelib.booking.errors import (
    AppointmentClosed,
    NotFound,
    ReservationCancelled,
    ReservationExpired,
    VersionMismatch,
)
from chalicelib.booking.state import Reservation, reservation_at
from chalicelib.store import appointments, table
from chalicelib.store.appointments import Versions
from chalicelib.store.ids import ReservationId, new_nonce
from chalicelib.store.items import CANCELLED, CONFIRMED, EXPIRED, RESERVED, Appointment, Ended


def confirm(reservation_id: ReservationId, *, client_id: str | None, versions: Versions = None) -> Reservation:
    """Confirm a hold in time. Again: the same, whatever `versions` says by then.

    `client_id` is None for the provider. Raises NotFound, ReservationExpired, ReservationCancelled,
    VersionMismatch, AppointmentClosed.
    """
    return _confirm(reservation_id, client_id, versions, new_nonce())


@table.until_settled
def _confirm(reservation_id: ReservationId, client_id: str | None, versions: Versions, mark: str) -> Reservation:
    now = clock.now()
    try:
        item = appointments.confirm(reservation_id, client_id=client_id, versions=versions, mark=mark, now=now)
    except table.ConditionFailed as failed:
        item = _confirmed_or_refused(failed, reservation_id, client_id=client_id, versions=versions, now=now)
    if item.edit == mark:
        changed(reservation_id, before=RESERVED, after=CONFIRMED, at=now)
    return reservation_at(item, now)


def _confirmed_or_refused(
    failed: table.ConditionFailed, reservation_id: ReservationId, *, client_id: str | None, versions: Versions, now: int
) -> Appointment:
    """The appointment when it is confirmed already; else says why it cannot be."""
    item: Appointment | Ended | None = appointments.same_slot(failed.item, reservation_id.appointment_id)
    if item is None or item.nonce != reservation_id.nonce:
        item = appointments.read_ended(reservation_id)
    if item is None or client_id not in (None, item.client_id):
        raise NotFound
    if isinstance(item, Appointment) and item.status == CONFIRMED:
        return item
    reservation = reservation_at(item, now)
    if versions and reservation.version not in versions:
        raise VersionMismatch
    if reservation.status == EXPIRED:
        raise ReservationExpired
    if reservation.status == CANCELLED:
        raise ReservationCancelled
    if reservation.start <= now:
        raise AppointmentClosed
    raise failed
