"""The items of the table; DESIGN's names, one class each."""

import re
from zlib import crc32

from pynamodb.attributes import Attribute, NumberSetAttribute, UnicodeAttribute
from pynamodb.constants import MAP

from chalicelib import clock
from chalicelib.store.ids import AppointmentId, ReservationId
from chalicelib.store.table import EXPIRY_SHARDS, Item, Key, Whole

AVAILABLE, RESERVED, CONFIRMED = "available", "reserved", "confirmed"
EXPIRED, CANCELLED = "expired", "cancelled"

_PROVIDER = "PROVIDER#"
_APPOINTMENT, _DAY, _ENDED, _KEY = "APPT#", "DAY#", "ENDED#", "KEY#"
_START = r"[0-9TZ:-]{20}"
_RESERVATION_SK = re.compile(rf"{_APPOINTMENT}{_START}|{_ENDED}{_START}#[\w-]{{16}}", re.ASCII)


def partition(provider_id: str) -> str:
    return _PROVIDER + provider_id


def provider_in(pk: str) -> str:
    return pk.removeprefix(_PROVIDER)


def profile_key(provider_id: str) -> Key:
    return partition(provider_id), "PROFILE"


def appointment_key(provider_id: str, start: int) -> Key:
    return partition(provider_id), appointment_sk(start)


def appointment_sk(start: int) -> str:
    return _APPOINTMENT + clock.iso(start)


BEFORE_APPOINTMENTS, AFTER_APPOINTMENTS = _APPOINTMENT, _APPOINTMENT + "~"
"""Sort around all appointments, with no other kind of item between."""


def start_in(sk: str) -> int:
    """The start in the sort key of an appointment or an ended reservation. Raises ValueError."""
    return clock.seconds(sk.split("#")[1])


def is_sk_of_reservation(sk: str) -> bool:
    """Whether it is the sort key of an appointment or of an ended reservation."""
    try:
        return _RESERVATION_SK.fullmatch(sk) is not None and clock.iso(start_in(sk)) == sk.split("#")[1]
    except ValueError:
        return False


def is_ended(sk: str) -> bool:
    return sk.startswith(_ENDED)


def day_key(provider_id: str, date: str) -> Key:
    return partition(provider_id), _DAY + date


def ended_key(reservation_id: ReservationId) -> Key:
    sk = f"{_ENDED}{clock.iso(reservation_id.start)}#{reservation_id.nonce}"
    return partition(reservation_id.provider_id), sk


def idempotency_key(provider_id: str, key_hash: str) -> Key:
    return partition(provider_id), _KEY + key_hash


def expiry_shard(provider_id: str) -> int:
    return crc32(provider_id.encode()) % EXPIRY_SHARDS


class TextMap(Attribute[dict[str, str]]):
    """A map of texts. PynamoDB's own MapAttribute makes an attribute of every key."""

    attr_type = MAP

    def serialize(self, value: dict[str, str]) -> dict[str, dict[str, str]]:
        return {key: {"S": text} for key, text in value.items()}

    def deserialize(self, value: dict[str, dict[str, str]]) -> dict[str, str]:
        return {key: text["S"] for key, text in value.items()}


class Intervals(Attribute[dict[int, int]]):
    """Starts and ends in epoch seconds, kept as a map of start to end."""

    attr_type = MAP

    def serialize(self, value: dict[int, int]) -> dict[str, dict[str, str]]:
        return {str(start): {"N": str(end)} for start, end in value.items()}

    def deserialize(self, value: dict[str, dict[str, str]]) -> dict[int, int]:
        return {int(start): int(end["N"]) for start, end in value.items()}


class Provider(Item):
    """A provider and the policies of what it publishes from now on."""

    name = UnicodeAttribute()
    time_zone = UnicodeAttribute()
    hold_seconds = Whole()
    notice_seconds = Whole()
    nonce = UnicodeAttribute()
    version = Whole()

    @property
    def provider_id(self) -> str:
        return provider_in(self.pk)


class Reserved(Item):
    """What an appointment and an ended reservation both say of a reservation."""

    generation = UnicodeAttribute()
    start = UnicodeAttribute()
    end = UnicodeAttribute()
    status = UnicodeAttribute()
    version = Whole()
    nonce = UnicodeAttribute(null=True)
    client_id = UnicodeAttribute(null=True)
    reserved_at = Whole(null=True)
    expires_at = Whole(null=True)
    confirmed_at = Whole(null=True)

    @property
    def provider_id(self) -> str:
        return provider_in(self.pk)

    @property
    def appointment_id(self) -> AppointmentId:
        return AppointmentId(self.provider_id, clock.seconds(self.start), self.generation)

    @property
    def reservation_id(self) -> ReservationId:
        """Whose hold it is. Only while there is one."""
        return ReservationId(*self.appointment_id, self.nonce)


class Appointment(Reserved):
    """A slot and the reservation that holds it, if one does."""

    hold_seconds = Whole()
    bookable_until = Whole()
    keys = TextMap(default=dict)
    expiry_shard = Whole(null=True)
    edit = UnicodeAttribute(null=True)
    """The mark of the last move or confirm, by which one whose answer was lost knows its own."""
    spilled_until = Whole(null=True)
    """Until then some keys of the slot lie in items of their own."""

    def has_spilled(self, now: int) -> bool:
        return self.spilled_until is not None and self.spilled_until > now


class Ended(Reserved):
    """A reservation that is over: `expired` or `cancelled`, when, and all that it was."""

    ended_at = Whole()


class Day(Item):
    """The intervals of all appointments that touch one UTC day: the truth about overlap."""

    version = Whole()
    intervals = Intervals(default=dict)


class SpilledKey(Item):
    """An entry that found no more room in its appointment."""

    entry = UnicodeAttribute()


class PublishKey(Item):
    """What was published under an idempotency key."""

    request_hash = UnicodeAttribute()
    generation = UnicodeAttribute()
    starts = NumberSetAttribute()
