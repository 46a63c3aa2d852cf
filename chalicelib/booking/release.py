"""Release: free a slot and keep the record of who had it. Expire and cancel are this."""

from chalicelib import clock
from chalicelib.audit import changed
from chalicelib.booking.errors import (
    AppointmentClosed,
    NotFound,
    ReservationExpired,
    VersionMismatch,
)
from chalicelib.booking.state import Reservation, reservation_at
from chalicelib.store import appointments, table
from chalicelib.store.appointments import Versions
from chalicelib.store.ids import ReservationId
from chalicelib.store.items import CANCELLED, EXPIRED, RESERVED, Appointment, Ended


def release_lapsed(item: Appointment, now: int) -> bool:
    """Release a hold that is over. False when another did, or its client confirmed in time."""
    try:
        appointments.expire(item, now=now)
    except table.ConditionFailed:
        return False
    except table.WriteConflict:
        # Whoever is in the way does the same, or confirms.
        return False
    changed(item.reservation_id, before=RESERVED, after=EXPIRED, at=now)
    return True


@table.until_settled
def cancel(reservation_id: ReservationId, *, client_id: str | None, versions: Versions = None) -> Reservation:
    """Give a reservation back; its slot is free at once. Again: the same.

    `client_id` is None for the provider. Raises NotFound, ReservationExpired, VersionMismatch, AppointmentClosed.
    """
    item = appointments.read_reservation(reservation_id)
    if item is None or client_id not in (None, item.client_id):
        raise NotFound
    now = clock.now()
    reservation = reservation_at(item, now)
    if reservation.status == CANCELLED:
        return reservation
    if versions and reservation.version not in versions:
        raise VersionMismatch
    if reservation.status == EXPIRED or isinstance(item, Ended):
        raise ReservationExpired
    if reservation.start <= now:
        raise AppointmentClosed
    ended = appointments.cancel(item, versions=versions, now=clock.now())
    changed(reservation_id, before=item.status, after=CANCELLED, at=ended.ended_at)
    return reservation_at(ended, ended.ended_at)
