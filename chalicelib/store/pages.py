"""Lists, a page at a time, in time order."""

from math import ceil
from typing import NamedTuple

from pynamodb.expressions.condition import Condition

from chalicelib import clock
from chalicelib.store import table
from chalicelib.store.ids import is_name
from chalicelib.store.items import (
    AFTER_APPOINTMENTS,
    AVAILABLE,
    BEFORE_APPOINTMENTS,
    RESERVED,
    Appointment,
    Ended,
    appointment_sk,
    is_ended,
    is_sk_of_reservation,
    partition,
    provider_in,
    start_in,
)
from chalicelib.store.table import ClientIndex, ExpiryIndex, Item

MAX_REQUESTS = 4
_MOST_LOOKED_AT = 1_000


class Place(NamedTuple):
    """Where in a client's reservations a page ended."""

    provider_id: str
    sk: str

    def __str__(self) -> str:
        return f"{self.provider_id}/{self.sk}"

    @staticmethod
    def parse(text: str) -> "Place":
        """The place that `str` made this of. Raises ValueError for any other text."""
        provider_id, _, sk = text.partition("/")
        if not (is_name(provider_id) and is_sk_of_reservation(sk)):
            raise ValueError(text)
        return Place(provider_id, sk)


def appointments(
    provider_id: str, *, first: int | None, before: int | None, limit: int
) -> tuple[list[Appointment], int | None]:
    """Every appointment that starts in [first, before), and from which start to go on; None at the end."""
    stretch = _starts(first, before)
    if stretch is None:
        return [], None
    raw, last = table.query(partition(provider_id), stretch, limit=limit)
    return [Appointment.from_raw_data(item) for item in raw], _after(last)


def bookable(
    provider_id: str, *, first: int, before: int | None, limit: int, now: int
) -> tuple[list[Appointment], int | None]:
    """What can be reserved now and starts in [first, before), and from which start to go on; None at the end.

    One request where most of the stretch is free, and never more than four: a page may be short, even empty.
    """
    free = (Appointment.status == AVAILABLE) | ((Appointment.status == RESERVED) & (Appointment.expires_at <= now))
    can_be_reserved = free & (Appointment.bookable_until > now)
    found: list[table.Raw] = []
    goes_on: int | None = first
    look_at, looked_at = limit * 2, 0
    for _ in range(MAX_REQUESTS):
        stretch = _starts(goes_on, before)
        if stretch is None:
            goes_on = None
            break
        raw, last = table.query(partition(provider_id), stretch, where=can_be_reserved, limit=look_at)
        found += raw
        goes_on = _after(last)
        if len(found) > limit:
            goes_on = start_in(found[limit]["sk"]["S"])
        if goes_on is None or len(found) >= limit:
            break
        looked_at += look_at
        look_at = _further(limit - len(found), found=len(found) if raw else 0, looked_at=looked_at)
    return [Appointment.from_raw_data(item) for item in found[:limit]], goes_on


def _further(missing: int, *, found: int, looked_at: int) -> int:
    """How many more to look at: DynamoDB counts what it looks at, not what it finds.

    By what it took so far, and half again; where nothing was found (`found` 0) much further.
    """
    wanted = ceil(missing * looked_at / found * 1.5) if found else looked_at * 4
    return min(wanted, _MOST_LOOKED_AT)


def reservations(client_id: str, *, after: Place | None, limit: int) -> tuple[list[Appointment | Ended], Place | None]:
    """The client's reservations, live and ended, and the place to go on from; None at the end.

    From an index, which lags a little behind.
    """
    start_key = _index_key(client_id, after) if after else None
    raw, last = table.query(client_id, None, after=start_key, limit=limit, index=ClientIndex)
    return [_reservation(item) for item in raw], Place(provider_in(last["pk"]["S"]), last["sk"]["S"]) if last else None


def holds_ahead(client_id: str, *, now: int, ended_after: int) -> tuple[list[Appointment | Ended], bool]:
    """The client's live holds on what is still to come, and its reservations of it that ended since then.

    And whether there is more than one request looks at. From an index, which lags a little behind.
    """
    live = (Appointment.status == RESERVED) & (Appointment.expires_at > now)
    let_go = Ended.ended_at > ended_after
    ahead = ClientIndex.start > clock.iso(now)
    raw, last = table.query(client_id, ahead, where=live | let_go, limit=_MOST_LOOKED_AT, index=ClientIndex)
    return [_reservation(item) for item in raw], last is not None


def expired(shard: int, *, now: int, after: table.Raw | None, limit: int) -> tuple[list[Appointment], table.Raw | None]:
    """Holds of a shard that are over, the longest over first, and where to go on. From an index, which lags."""
    # DynamoDB takes numbers as text, and PynamoDB passes a key on as it is.
    raw, last = table.query(str(shard), ExpiryIndex.expires_at <= now, after=after, limit=limit, index=ExpiryIndex)
    return [Appointment.from_raw_data(item) for item in raw], last


def _reservation(raw: table.Raw) -> Appointment | Ended:
    return Ended.from_raw_data(raw) if is_ended(raw["sk"]["S"]) else Appointment.from_raw_data(raw)


def _starts(first: int | None, before: int | None) -> Condition | None:
    """None where no start can be, which DynamoDB would refuse to look for."""
    lowest = appointment_sk(first) if first is not None else BEFORE_APPOINTMENTS
    # BETWEEN includes both its ends; starts are whole seconds.
    highest = AFTER_APPOINTMENTS if before is None else appointment_sk(before - 1) if before else BEFORE_APPOINTMENTS
    return Item.sk.between(lowest, highest) if lowest <= highest else None


def _after(last: table.Raw | None) -> int | None:
    return start_in(last["sk"]["S"]) + 1 if last else None


def _index_key(client_id: str, place: Place) -> table.Raw:
    return {
        "client_id": {"S": client_id},
        "start": {"S": clock.iso(start_in(place.sk))},
        "pk": {"S": partition(place.provider_id)},
        "sk": {"S": place.sk},
    }
