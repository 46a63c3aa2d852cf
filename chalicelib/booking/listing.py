"""Lists and single reads. Each shows things as they are now, whether or not the sweeper has been there."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib import clock
from chalicelib.booking.errors import NotFound
from chalicelib.booking.providers import get_provider
from chalicelib.booking.state import Reservation, Slot, reservation_at, slot_at
from chalicelib.store import appointments, pages, table
from chalicelib.store.ids import AppointmentId, ReservationId
from chalicelib.store.pages import Place

Thing = TypeVar("Thing")
At = TypeVar("At")


@dataclass(frozen=True, slots=True)
class Page(Generic[Thing, At]):
    """Some things in time order. It may be short, even empty: only `next` None is the end."""

    things: list[Thing]
    next: At | None


def list_bookable(
    provider_id: str, *, start: int | None, before: int | None, goes_on: int | None, limit: int
) -> Page[Slot, int]:
    """Slots that can be reserved now and start in [start, before). Raises NotFound (no such provider)."""
    now = clock.now()
    first = max(start or now, goes_on or now, now)
    items, after = pages.bookable(provider_id, first=first, before=before, limit=limit, now=now)
    if not items and after is None and goes_on is None:
        get_provider(provider_id)
    return Page([slot_at(item, now) for item in items], after)


def list_calendar(
    provider_id: str, *, start: int | None, before: int | None, goes_on: int | None, limit: int
) -> Page[Slot, int]:
    """Every appointment that starts in [start, before), past ones too."""
    now = clock.now()
    first = max(start or 0, goes_on) if goes_on is not None else start
    items, after = pages.appointments(provider_id, first=first, before=before, limit=limit)
    return Page([slot_at(item, now) for item in items], after)


def list_reservations(client_id: str, *, after: Place | None, limit: int) -> Page[Reservation, Place]:
    """The client's own, live and ended, by the time of the appointment."""
    now = clock.now()
    items, next_place = pages.reservations(client_id, after=after, limit=limit)
    return Page([reservation_at(item, now) for item in items], next_place)


def get_appointment(appointment_id: AppointmentId) -> Slot:
    """Raises NotFound."""
    item = appointments.read(appointment_id)
    if item is None:
        raise NotFound
    return slot_at(item, clock.now())


def get_reservation(reservation_id: ReservationId, *, client_id: str | None) -> Reservation:
    """`client_id` is None for the provider. Raises NotFound, for another client's too."""
    item = appointments.read_reservation(reservation_id)
    if item is None or client_id not in (None, item.client_id):
        raise NotFound
    return reservation_at(item, clock.now())


def check_health() -> None:
    """Raises StoreUnavailable unless the table can be read."""
    table.probe()
