"""The writes on appointments. Each is one conditional request, and its condition is the whole of its safety.

Time stands in the conditions and is the writer's own: a hold is over when `expires_at <= now`, whether or
not anything has run since. Every condition names the generation, so that what was meant for a slot that
was deleted does not reach the slot that was published at the same start after it.
"""

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from chalicelib import clock
from chalicelib.settings import settings
from chalicelib.store import table
from chalicelib.store.ids import AppointmentId, ReservationId
from chalicelib.store.items import (
    AVAILABLE,
    CANCELLED,
    CONFIRMED,
    EXPIRED,
    RESERVED,
    Appointment,
    Ended,
    SpilledKey,
    appointment_key,
    ended_key,
    expiry_shard,
    idempotency_key,
)
from chalicelib.store.keys import CALLER_KEY_SECONDS, Attempt, attempt_in, entry, newest, still_of_use, useful_until

Versions = frozenset[int] | None
"""What `If-Match` allows: some versions, ANY_VERSION (`*`), or None where it was not sent."""
ANY_VERSION: frozenset[int] = frozenset()


def read(appointment_id: AppointmentId) -> Appointment | None:
    """The slot; None when it is gone, or another one stands at its start."""
    raw = table.read(appointment_key(appointment_id.provider_id, appointment_id.start))
    return same_slot(raw, appointment_id)


def same_slot(raw: table.Raw | None, appointment_id: AppointmentId) -> Appointment | None:
    """The item as that slot; None when there is none, or it is another one."""
    if raw is None:
        return None
    appointment = Appointment.from_raw_data(raw)
    return appointment if appointment.generation == appointment_id.generation else None


def read_reservation(reservation_id: ReservationId) -> Appointment | Ended | None:
    """The appointment while the reservation holds it, else the ended reservation, else None.

    Both are read at one instant: a release between two plain reads would hide it from both.
    """
    slot = appointment_key(reservation_id.provider_id, reservation_id.start)
    live, over = table.read_together([slot, ended_key(reservation_id)])
    found: list[Appointment | Ended] = []
    if live:
        found.append(Appointment.from_raw_data(live))
    if over:
        found.append(Ended.from_raw_data(over))
    wanted = (reservation_id.generation, reservation_id.nonce)
    return next((item for item in found if (item.generation, item.nonce) == wanted), None)


def read_ended(reservation_id: ReservationId) -> Ended | None:
    """The reservation, if it has ended."""
    raw = table.read(ended_key(reservation_id))
    if raw is None:
        return None
    ended = Ended.from_raw_data(raw)
    return ended if ended.generation == reservation_id.generation else None


def reserve(
    appointment_id: AppointmentId,
    attempt: Attempt,
    *,
    client_id: str,
    versions: Versions,
    now: int,
    keys_looked_up: bool = False,
) -> Appointment:
    """Put the client's hold on the slot. Raises ConditionFailed with the item as it stands.

    What can come between a client's look at the slot and this write, and the clause that sees it:

        the client       looks ------------------------------------- reserves
        another client        reserves or confirms                      still_free
        the provider          deletes it, publishes another there       same_slot
        the clock             passes the start or the notice            still_open
        this very request     reserved; the answer was lost; the hold
                              has ended; the slot is free again         first_time
                              and its key was spilled                   keys_are_here

    `keys_looked_up` says that the caller has looked among the spilled ones, at the one version it allows.
    """
    same_slot = Appointment.generation == appointment_id.generation
    still_free = Appointment.status == AVAILABLE
    still_open = Appointment.bookable_until > now
    key = Path(["keys", attempt.key_hash])
    first_time = key.does_not_exist()
    keys_are_here = Appointment.spilled_until.does_not_exist() | (Appointment.spilled_until <= now)
    condition = same_slot & still_free & still_open & first_time
    if not keys_looked_up:
        condition &= keys_are_here

    slot = Appointment(*appointment_key(appointment_id.provider_id, appointment_id.start))
    with table.request():
        slot.update(
            [
                Appointment.status.set(RESERVED),
                Appointment.version.set(Appointment.version + 1),
                Appointment.nonce.set(attempt.nonce),
                Appointment.client_id.set(client_id),
                Appointment.reserved_at.set(now),
                # By the slot's own policy, without reading it first.
                Appointment.expires_at.set(Appointment.hold_seconds + now),
                Appointment.expiry_shard.set(expiry_shard(appointment_id.provider_id)),
                key.set(entry(attempt, now)),
            ],
            condition=_at(versions, condition),
        )
    return slot


def confirm(
    reservation_id: ReservationId, *, client_id: str | None, versions: Versions, mark: str, now: int
) -> Appointment:
    """Make the hold a booking, marked. Raises ConditionFailed with the item as it stands.

        the caller       holds ------------------------------------- confirms
        the sweeper, another  releases it; somebody else holds it       same_hold
        the provider          deletes the slot, publishes another       same_slot
        the clock             passes the end of the hold                in_time
                              passes the start of the appointment       not_started
        this very request     confirmed; the answer was lost            not_yet
        a stranger            has seen the id                           own

    `client_id` is None for the provider, whose id the reservation carries.
    """
    same_slot = Appointment.generation == reservation_id.generation
    same_hold = Appointment.nonce == reservation_id.nonce
    not_yet = Appointment.status == RESERVED
    in_time = Appointment.expires_at > now
    not_started = Appointment.start > clock.iso(now)
    condition = same_slot & same_hold & not_yet & in_time & not_started
    if client_id is not None:
        own = Appointment.client_id == client_id
        condition &= own

    slot = Appointment(*appointment_key(reservation_id.provider_id, reservation_id.start))
    with table.request():
        slot.update(
            [
                Appointment.status.set(CONFIRMED),
                Appointment.version.set(Appointment.version + 1),
                Appointment.confirmed_at.set(now),
                Appointment.edit.set(mark),
                # Out of the index that the sweeper reads. expires_at stays: it is part of what was.
                Appointment.expiry_shard.remove(),
            ],
            condition=_at(versions, condition),
        )
    return slot


def expire(held: Appointment, *, now: int) -> None:
    """Release a hold that is over. Raises ConditionFailed when there is no such hold any more.

    `held` may be an old picture, from an index or a failed condition:

        the picture      reserved ------------------------------------ expire
        the client            confirms in the hold's last second        unconfirmed
        another sweeper       releases it; somebody else holds it       same_hold
        our clock             was set back since                        over
    """
    unconfirmed = Appointment.status == RESERVED
    over = Appointment.expires_at <= now
    _release(held, EXPIRED, ended_at=held.expires_at, still=unconfirmed & over, now=now)


def cancel(held: Appointment, *, versions: Versions, now: int) -> Ended:
    """Give a hold or a booking back. Raises ConditionFailed when it is not as it was read.

    the picture      reserved ------------------------------------ cancel
    the client            confirms: the record would not say so     same_status
    another               cancels or expires it                     same_hold
    the clock             passes the end of an unconfirmed hold     live
                          passes the start of the appointment       not_started
    """
    same_status = Appointment.status == held.status
    not_started = Appointment.start > clock.iso(now)
    live = not_started if held.status == CONFIRMED else not_started & (Appointment.expires_at > now)
    return _release(held, CANCELLED, ended_at=now, still=_at(versions, same_status & live), now=now)


def _release(held: Appointment, status: str, *, ended_at: int, still: Condition, now: int) -> Ended:
    same_slot = Appointment.generation == held.generation
    same_hold = Appointment.nonce == held.nonce
    ended = Ended(
        *ended_key(held.reservation_id),
        generation=held.generation,
        start=held.start,
        end=held.end,
        status=status,
        version=held.version + 1,
        nonce=held.nonce,
        client_id=held.client_id,
        reserved_at=held.reserved_at,
        expires_at=held.expires_at,
        confirmed_at=held.confirmed_at,
        ended_at=ended_at,
        ttl=expires_from_table(held.end),
    )
    # Nobody reserved since (same_hold), so nobody added a key since.
    keys = still_of_use(held.keys, now)
    here = newest(keys)
    spilled = keys.keys() - here.keys()
    with table.write() as transaction:
        transaction.update(
            Appointment(held.pk, held.sk),
            [
                Appointment.status.set(AVAILABLE),
                Appointment.version.set(Appointment.version + 1),
                Appointment.keys.set(here),
                *([Appointment.spilled_until.set(now + CALLER_KEY_SECONDS)] if spilled else []),
                Appointment.nonce.remove(),
                Appointment.client_id.remove(),
                Appointment.reserved_at.remove(),
                Appointment.expires_at.remove(),
                Appointment.confirmed_at.remove(),
                Appointment.expiry_shard.remove(),
            ],
            condition=same_slot & same_hold & still,
        )
        transaction.save(ended)
        for key_hash in spilled:
            kept = keys[key_hash]
            at = idempotency_key(held.provider_id, key_hash)
            transaction.save(SpilledKey(*at, entry=kept, ttl=useful_until(kept)))
    return ended


def read_spilled(item: Appointment, key_hash: str) -> Attempt | None:
    """The attempt that won the slot under this key, if it was spilled."""
    raw = table.read(idempotency_key(item.provider_id, key_hash))
    return attempt_in({key_hash: SpilledKey.from_raw_data(raw).entry}, key_hash) if raw else None


def expires_from_table(end: str) -> int:
    """When DynamoDB may delete what ended at `end`: its `ttl`."""
    return clock.seconds(end) + settings.retention_seconds


def _at(versions: Versions, condition: Condition) -> Condition:
    if not versions:
        return condition
    expected: Condition = condition & Appointment.version.is_in(*sorted(versions))
    return expected
