"""Whether an answer follows from the state of the world at one instant, by a clock."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.simulation.history import Action, Answer, Interval, generation_of, instant, nonce_of, slot_of, start_of
from tests.simulation.model import (
    AVAILABLE,
    CANCELLED,
    CONFIRMED,
    EXPIRED,
    Reservation,
    Slot,
    World,
    at_version,
    client_of,
    overlap,
    used_key,
)

_LONGEST_SECONDS = 86_400


def follows(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    """Whether somebody who saw `world` at `now`, just after doing what there was to do, would say this."""
    explain = _EXPLAIN.get(action.kind)
    return explain is None or explain(action, answer, world, now, mint)


def _reserve(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    slot = world.slot(action.slot)
    if slot is None:
        return answer.code == "not-found"
    won = slot.keys.get(used_key(action)) if action.key else None
    if answer.status == 201:
        return _reserved(action, answer, world, now, mint) and (won is not None or not action.key)
    if answer.code == "idempotency-key-reused":
        return won is not None and won[1] != client_of(action)
    return won is None and _refused_reserve(action, answer, world, slot, now)


def _reserved(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    """Made by this very request; or, replayed, what the key has won before."""
    made = world.reservation(str(answer.body["reservationId"]))
    if made is None or slot_of(made.id) != action.slot or not _says(answer, made, now):
        return False
    slot = world.slot(action.slot)
    own = nonce_of(made.id).startswith(mint)
    won = slot.keys.get(used_key(action)) if slot and action.key else None
    return own != answer.replayed and won in (None, (made.id, made.client))


def _refused_reserve(action: Action, answer: Answer, world: World, slot: Slot, now: int) -> bool:
    live = slot.live(now)
    match answer.code:
        case "precondition-failed":
            return not at_version(action, slot.version_at(now))
        case "appointment-held":
            own = live.id if live and live.client == client_of(action) else None
            told = (answer.retry_after, answer.body.get("reservationId"))
            return live is not None and live.status != CONFIRMED and told == (live.expires_at - now, own)
        case "appointment-booked":
            return live is not None and live.status == CONFIRMED
        case "appointment-closed":
            return live is None and world.bookable_until(slot) <= now
    return answer.code == "hold-limit"


def _of_reservation(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    """Read, confirm, cancel."""
    del mint
    found = world.reservation(action.reservation)
    if found is None or action.client not in (None, found.client):
        return answer.code == "not-found"
    seen = found.as_seen(now)
    if answer.status == 200:
        done = {"confirm": CONFIRMED, "cancel": CANCELLED}.get(action.kind)
        return done in (None, seen.status) and _says(answer, seen, now)
    refusals = {
        "precondition-failed": not at_version(action, seen.version),
        "reservation-expired": seen.status == EXPIRED,
        "reservation-cancelled": seen.status == CANCELLED,
        "appointment-closed": seen.ended_at is None and seen.interval[0] <= now,
    }
    return refusals.get(answer.code, False)


def _says(answer: Answer, found: Reservation, now: int) -> bool:
    seen, body = found.as_seen(now), answer.body
    told = {name: instant(body[name]) if name in body else None for name in ("confirmedAt", "endedAt")}
    return (
        body["reservationId"] == seen.id
        and body["clientId"] == seen.client
        and body["status"] == seen.status
        and (instant(body["startTime"]), instant(body["endTime"])) == seen.interval
        and (instant(body["reservedAt"]), instant(body["expiresAt"])) == (seen.reserved_at, seen.expires_at)
        and (told["confirmedAt"], told["endedAt"]) == (seen.confirmed_at, seen.ended_at)
        and answer.version == seen.version
    )


def shows(body: Mapping[str, Any], slot: Slot | None, now: int, *, own: bool) -> bool:
    """Whether this is what a list, or its provider, is told of the slot."""
    if slot is None or body["appointmentId"] != slot.id:
        return False
    live = slot.live(now) if own else None
    status = live.status if live else AVAILABLE
    told = (body.get("reservationId"), body.get("clientId"))
    return (
        (body["status"], body["version"]) == (status, slot.version_at(now))
        and (instant(body["startTime"]), instant(body["endTime"])) == slot.interval
        and told == ((live.id, live.client) if live else (None, None))
        and (own or slot.live(now) is None)
    )


def _get_appointment(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    del mint
    slot = world.slot(action.slot)
    if answer.status != 200:
        return answer.code == "not-found" and slot is None
    return shows(answer.body, slot, now, own=True) and answer.version == answer.body["version"]


def _list(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    """One page: exactly what could be reserved then, as far as the page goes."""
    del mint
    if answer.status != 200:
        return answer.code == "not-found" and action.provider not in world.profiles
    slots = [
        slot
        for slot in world.calendar(action.provider)
        if slot.live(now) is None and now < world.bookable_until(slot) and slot.place.start >= now
    ]
    return _shows_all(answer, slots, now, own=False)


def _calendar(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    del mint
    return answer.status == 200 and _shows_all(answer, world.calendar(action.provider), now, own=True)


def _shows_all(answer: Answer, slots: list[Slot], now: int, *, own: bool) -> bool:
    told = answer.body["appointments"]
    whole = answer.body["nextCursor"] is None
    enough = len(told) == len(slots) if whole else len(told) <= len(slots)
    return enough and all(shows(body, slot, now, own=own) for body, slot in zip(told, slots, strict=False))


def _publish(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    used = world.published.get((action.provider, action.key or "")) if action.key else None
    if answer.status == 201:
        winner = used[0] if used else mint
        told = {body["appointmentId"] for body in answer.body["appointments"]}
        by_winner = {slot.id for slot in world.calendar(action.provider) if generation_of(slot.id) == winner}
        return answer.replayed == (winner != mint) and told == by_winner and (not used or used[1] == action.intervals)
    match answer.code:
        case "not-found":
            return action.provider not in world.profiles
        case "idempotency-key-reused":
            return used is not None and used[1] != action.intervals
        case "slot-overlap":
            return used is None and _overlaps(answer, world, action, action.intervals)
        case "invalid-request":
            return any(start <= now for start, _ in action.intervals)
    return False


def _overlaps(answer: Answer, world: World, action: Action, wanted: Iterable[Interval]) -> bool:
    stand = {slot.interval for slot in world.calendar(action.provider) if slot.id != action.slot}
    told = {(instant(one["startTime"]), instant(one["endTime"])) for one in answer.body["conflicts"]}
    return told == {one for one in stand if any(overlap(one, other) for other in wanted)} and bool(told)


def _edit(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    """Move and delete; that they were done is seen at the engine."""
    slot = world.slot(action.slot)
    if answer.status == 200:
        return shows(answer.body, _moved(world, action, mint), now, own=True)
    if answer.status == 204 or answer.code == "not-found":
        return slot is None
    start = start_of(action.slot) if action.start is None else action.start
    if answer.code == "invalid-request":
        # Before anybody has looked at the slot; it may be gone.
        end = action.end or (slot.end if slot else None)
        return start <= now or (end is not None and not start < end <= start + _LONGEST_SECONDS)
    return slot is not None and _refused_edit(action, answer, world, slot, now)


def _refused_edit(action: Action, answer: Answer, world: World, slot: Slot, now: int) -> bool:
    live = slot.live(now)
    start = slot.place.start if action.start is None else action.start
    end = slot.end if action.end is None else action.end
    match answer.code:
        case "precondition-failed":
            return not at_version(action, slot.version_at(now))
        case "appointment-held":
            return live is not None and live.status != CONFIRMED
        case "appointment-booked":
            return live is not None and live.status == CONFIRMED
        case "slot-overlap":
            return _overlaps(answer, world, action, [(start, end)])
    return False


def _moved(world: World, action: Action, mint: str) -> Slot | None:
    """The slot as it was to become."""
    slot = world.slot(action.slot)
    if slot is None or action.start not in (None, slot.place.start):
        there = (one for one in world.calendar(action.provider) if one.place.start == action.start)
        slot = next((one for one in there if generation_of(one.id) == mint), None)
    return slot if slot and action.end in (None, slot.end) else None


def _put_provider(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    del now, mint
    version, name = world.profiles.get(action.provider, (0, ""))
    if answer.code == "precondition-failed":
        return action.versions is not None and not (version and at_version(action, version))
    created = answer.status == (201 if version == 1 else 200)
    return created and (answer.version, answer.body["name"]) == (version, name) and name == action.name


def _get_provider(action: Action, answer: Answer, world: World, now: int, mint: str) -> bool:
    del now, mint
    profile = world.profiles.get(action.provider)
    if profile is None:
        return answer.code == "not-found"
    return answer.status == 200 and (answer.version, answer.body["name"]) == profile


Explain = Callable[[Action, Answer, World, int, str], bool]
_EXPLAIN: dict[str, Explain] = {
    "reserve": _reserve,
    "confirm": _of_reservation,
    "cancel": _of_reservation,
    "read": _of_reservation,
    "appointment": _get_appointment,
    "list": _list,
    "calendar": _calendar,
    "publish": _publish,
    "move": _edit,
    "delete": _edit,
    "put provider": _put_provider,
    "provider": _get_provider,
}
