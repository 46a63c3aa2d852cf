"""Reserve: put a hold on a slot."""

from dataclasses import dataclass

from chalicelib import clock
from chalicelib.audit import changed
from chalicelib.booking import limits
from chalicelib.booking.errors import (
    AppointmentBooked,
    AppointmentClosed,
    AppointmentHeld,
    HoldLimit,
    KeyReused,
    NotFound,
    VersionMismatch,
)
from chalicelib.booking.release import release_lapsed
from chalicelib.booking.state import Reservation, lapsed, reservation_at, version_at
from chalicelib.store import appointments, table
from chalicelib.store.appointments import Versions
from chalicelib.store.ids import AppointmentId, ReservationId, new_nonce
from chalicelib.store.items import AVAILABLE, CONFIRMED, RESERVED, Appointment
from chalicelib.store.keys import Attempt, CallerKey, attempt_in


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation made now, or replayed: made by an earlier request under the same key."""

    reservation: Reservation
    replayed: bool


def reserve(
    appointment_id: AppointmentId,
    *,
    client_id: str,
    key: CallerKey | None = None,
    versions: Versions = None,
) -> Hold:
    """Hold the slot for the client, for as long as the slot's own policy says.

    Raises NotFound, KeyReused, VersionMismatch, HoldLimit, AppointmentHeld,
    AppointmentBooked, AppointmentClosed.
    """
    nonce = new_nonce()
    attempt = Attempt(key.hash, nonce, key.request_hash) if key else Attempt(nonce, nonce, "")
    over = limits.over_limit(client_id, clock.now())
    if over:
        return _replayed_or_refused(over, appointment_id, attempt, versions)
    return _reserve(appointment_id, attempt, client_id, versions)


@table.until_settled
def _reserve(appointment_id: AppointmentId, attempt: Attempt, client_id: str, versions: Versions) -> Hold:
    now = clock.now()
    try:
        item = appointments.reserve(appointment_id, attempt, client_id=client_id, versions=versions, now=now)
    except table.ConditionFailed as failed:
        standing = appointments.same_slot(failed.item, appointment_id)
        if standing is None:
            raise NotFound from failed
        earlier = _earlier_hold(standing, attempt, now)
        if earlier:
            return earlier
        _refuse(standing, client_id=client_id, versions=versions, now=now)
        if lapsed(standing, now):
            release_lapsed(standing, now)
        if standing.status != AVAILABLE or not standing.has_spilled(now):
            raise  # Free now, unless somebody was quicker: once more.
        item = appointments.reserve(
            appointment_id,
            attempt,
            client_id=client_id,
            versions=frozenset({standing.version}),
            now=now,
            keys_looked_up=True,
        )
    reservation = reservation_at(item, now)
    changed(reservation.id, before=AVAILABLE, after=reservation.status, at=now)
    return Hold(reservation, replayed=False)


def _replayed_or_refused(over: HoldLimit, appointment_id: AppointmentId, attempt: Attempt, versions: Versions) -> Hold:
    """What a client over its limit gets: what it made before under the same key, else the refusal."""
    now = clock.now()
    standing = appointments.read(appointment_id)
    if standing is None:
        raise NotFound
    earlier = _earlier_hold(standing, attempt, now)
    if earlier:
        return earlier
    if versions and version_at(standing, now) not in versions:
        raise VersionMismatch
    raise over


def _earlier_hold(item: Appointment, attempt: Attempt, now: int) -> Hold | None:
    """What this key, or a write of ours whose answer was lost, has made of the slot before."""
    earlier = attempt_in(item.keys, attempt.key_hash)
    if earlier is None and item.has_spilled(now):
        earlier = appointments.read_spilled(item, attempt.key_hash)
    if earlier is None:
        return None
    if earlier.request_hash != attempt.request_hash:
        raise KeyReused
    replayed = earlier.nonce != attempt.nonce
    if not replayed:
        changed(ReservationId(*item.appointment_id, attempt.nonce), before=AVAILABLE, after=RESERVED, at=now)
    if item.nonce == earlier.nonce:
        return Hold(reservation_at(item, now), replayed)
    ended = appointments.read_ended(ReservationId(*item.appointment_id, earlier.nonce))
    if ended is None:
        raise NotFound
    return Hold(reservation_at(ended, now), replayed)


def _refuse(item: Appointment, *, client_id: str, versions: Versions, now: int) -> None:
    """Say why the slot is not to be had, unless a hold that is over is all that lies on it."""
    if versions and version_at(item, now) not in versions:
        raise VersionMismatch
    if item.status == RESERVED and not lapsed(item, now):
        raise AppointmentHeld(item.expires_at - now, item.reservation_id if item.client_id == client_id else None)
    if item.status == CONFIRMED:
        raise AppointmentBooked
    if item.bookable_until <= now:
        raise AppointmentClosed
