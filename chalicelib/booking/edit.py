"""Move and delete: what a provider may do to a slot that nobody holds."""

from chalicelib import clock
from chalicelib.audit import changed
from chalicelib.booking.errors import AppointmentBooked, AppointmentHeld, NotFound, SlotOverlap, VersionMismatch
from chalicelib.booking.release import release_lapsed
from chalicelib.booking.rules import check_ahead, check_length
from chalicelib.booking.state import Slot, lapsed, slot_at, version_at
from chalicelib.intervals import dates_near, overlapping
from chalicelib.store import calendars, table
from chalicelib.store.appointments import Versions
from chalicelib.store.ids import AppointmentId, new_generation, new_nonce
from chalicelib.store.items import AVAILABLE, CONFIRMED, RESERVED, Appointment


def move(appointment_id: AppointmentId, *, start: int | None, end: int | None, versions: Versions) -> Slot:
    """Give a free slot another start, another end, or both; None leaves it as it is.

    A new start makes it another slot, with an id of its own. Raises Invalid, NotFound, VersionMismatch,
    AppointmentHeld, AppointmentBooked, SlotOverlap.
    """
    new_start = appointment_id.start if start is None else start
    target = AppointmentId(
        appointment_id.provider_id,
        new_start,
        appointment_id.generation if new_start == appointment_id.start else new_generation(),
    )
    return _move(appointment_id, target, end, versions, new_nonce())


def check(appointment_id: AppointmentId, start: int | None, end: int | None) -> None:
    """Raises Invalid for a move that can be seen to be none without a look at the slot."""
    if start is None and end is None:
        return
    now = clock.now()
    new_start = appointment_id.start if start is None else start
    check_ahead(new_start, "/startTime", now)
    if end is not None:
        check_length((new_start, end), "", now)


@table.until_settled
def _move(appointment_id: AppointmentId, target: AppointmentId, end: int | None, versions: Versions, mark: str) -> Slot:
    now = clock.now()
    dates = dates_near(appointment_id.start) + dates_near(target.start)
    calendar = calendars.read_to_move(appointment_id, target, dates)
    if calendar.target and calendar.target.edit == mark:
        # Our own write, whose answer was lost.
        _tell_of_move(appointment_id, target, now)
        return slot_at(calendar.target, now)
    item = _free(calendar.appointment, versions, now)
    old = (appointment_id.start, clock.seconds(item.end))
    new = (target.start, old[1] if end is None else end)
    if new == old:
        return slot_at(item, now)
    check_ahead(new[0], "/startTime", now)
    check_length(new, "", now)
    conflicts = overlapping([new], calendar.intervals() - {old})
    if conflicts:
        raise SlotOverlap(conflicts)
    moved = slot_at(calendars.move(item, target, new, calendar.days, mark=mark), now)
    _tell_of_move(appointment_id, target, now)
    return moved


@table.until_settled
def delete(appointment_id: AppointmentId, *, versions: Versions) -> None:
    """Take a free slot out of the calendar. Raises NotFound, VersionMismatch, AppointmentHeld, AppointmentBooked."""
    calendar = calendars.read_to_move(appointment_id, appointment_id, dates_near(appointment_id.start))
    now = clock.now()
    item = _free(calendar.appointment, versions, now)
    calendars.delete(item, calendar.days)
    changed(appointment_id, before=AVAILABLE, after=None, at=now)


def _tell_of_move(old: AppointmentId, new: AppointmentId, now: int) -> None:
    if new == old:
        changed(old, before=AVAILABLE, after=AVAILABLE, at=now)
    else:
        changed(old, before=AVAILABLE, after=None, at=now)
        changed(new, before=None, after=AVAILABLE, at=now)


def _free(item: Appointment | None, versions: Versions, now: int) -> Appointment:
    """The slot as it stands, free. A hold on it that is over is released first, and everything read again."""
    if item is None:
        raise NotFound
    if versions and version_at(item, now) not in versions:
        raise VersionMismatch
    if item.status == CONFIRMED:
        raise AppointmentBooked
    if lapsed(item, now):
        release_lapsed(item, now)
        raise table.WriteConflict
    if item.status == RESERVED:
        raise AppointmentHeld(item.expires_at - now, None)
    return item
