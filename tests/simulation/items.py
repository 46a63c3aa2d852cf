"""The table, item by item, against the model: the one look at how Holdfast keeps what it promises."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulation.history import Key, Place, Raw, Violation, generation_of, instant, nonce_of, slot_of, utc
from tests.simulation.model import (
    AVAILABLE,
    EXPLAINED,
    NEVER_TWICE,
    NOT_LOST,
    Reservation,
    World,
)

DAY_SECONDS = 86_400


def place_of(key: Key) -> Place | None:
    """Which slot the item is, if it is one."""
    kind, _, start = key[1].partition("#")
    return Place(provider_of(key), instant(start)) if kind == "APPT" else None


def provider_of(key: Key) -> str:
    return key[0].removeprefix("PROVIDER#")


def differences(world: World, items: Mapping[Key, Raw | None]) -> Iterator[Violation]:
    """What these items say that the world does not."""
    for key, raw in items.items():
        kind = key[1].partition("#")[0]
        plain = {name: _plain(value) for name, value in raw.items()} if raw else None
        match kind:
            case "APPT":
                yield from _differs(key, EXPLAINED, _of_slot(world, key), plain)
            case "DAY":
                yield from _differs(key, NEVER_TWICE, {"intervals": _of_day(world, key)}, plain or {"intervals": {}})
            case "ENDED":
                yield from _differs(key, NOT_LOST, _of_ended(world, key), plain)
            case "PROFILE":
                version, name = world.profiles.get(provider_of(key), (0, ""))
                yield from _differs(key, EXPLAINED, {"version": version, "name": name}, plain)


def missing(world: World, items: Mapping[Key, Raw]) -> Iterator[Violation]:
    """What the world has and no item says."""
    for place in world.slots:
        if (f"PROVIDER#{place.provider}", f"APPT#{utc(place.start)}") not in items:
            yield Violation(NOT_LOST, f"the slot at {utc(place.start)} is not in the table")
    kept = {key[1].rpartition("#")[2] for key in items if key[1].startswith("ENDED#")}
    for ended in world.ended.values():
        if nonce_of(ended.id) not in kept:
            yield Violation(NOT_LOST, f"nothing says how {ended.id} ended")


def _differs(
    key: Key, rule: str, wanted: Mapping[str, Any] | None, found: Mapping[str, Any] | None
) -> Iterator[Violation]:
    if wanted is None or found is None:
        if wanted is not found:
            yield Violation(rule, f"{key[1]} is {'there' if found else 'not there'}, against the history")
        return
    for name, value in wanted.items():
        if found.get(name) != value:
            yield Violation(rule, f"{key[1]} says {name} {found.get(name)}, the history {value}")


def _of_slot(world: World, key: Key) -> Mapping[str, Any] | None:
    place = place_of(key)
    slot = world.slots.get(place) if place else None
    if slot is None:
        return None
    held = slot.held
    return {
        "generation": generation_of(slot.id),
        "start": utc(slot.place.start),
        "end": utc(slot.end),
        "version": slot.version,
        "status": held.status if held else AVAILABLE,
        "nonce": nonce_of(held.id) if held else None,
        "client_id": held.client if held else None,
        "reserved_at": held.reserved_at if held else None,
        "expires_at": held.expires_at if held else None,
        "confirmed_at": held.confirmed_at if held else None,
    }


def _of_day(world: World, key: Key) -> dict[str, int]:
    first = instant(key[1].removeprefix("DAY#") + "T00:00:00Z")
    slots = world.calendar(provider_of(key))
    return {
        str(slot.place.start): slot.end for slot in slots if slot.place.start < first + DAY_SECONDS and slot.end > first
    }


def _of_ended(world: World, key: Key) -> Mapping[str, Any] | None:
    _, start, nonce = key[1].split("#")
    ended = _reservation(world, nonce)
    if ended is None:
        return None
    return {
        "generation": generation_of(slot_of(ended.id)),
        "start": start,
        "end": utc(ended.interval[1]),
        "status": ended.status,
        "version": ended.version,
        "client_id": ended.client,
        "reserved_at": ended.reserved_at,
        "expires_at": ended.expires_at,
        "confirmed_at": ended.confirmed_at,
        "ended_at": ended.ended_at,
    }


def _reservation(world: World, nonce: str) -> Reservation | None:
    return next((ended for ended in world.ended.values() if nonce_of(ended.id) == nonce), None)


def _plain(value: Mapping[str, Any]) -> Any:
    match value:
        case {"N": number}:
            return int(number)
        case {"S": text}:
            return text
        case {"M": members}:
            return {name: _plain(member) for name, member in members.items()}
    return value
