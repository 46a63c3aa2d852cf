"""What a calendar is, said once more and apart from Holdfast: the state, and the only changes that there can be.

Each change is asked for with the clock of the process that makes it, and either breaks a rule or gives the next
state. States are never changed in place, so that what an operation saw can be kept.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.simulation.history import Action, Interval, Place, Violation, utc

NEVER_TWICE = "1 one live reservation a slot, no overlap"
EXPLAINED = "2 every answer explained by one order"
NOT_LOST = "3 nothing acknowledged is lost"
IN_TIME = "4 a hold ends at its second"
ONE_A_KEY = "5 a key never makes two"
NOT_STUCK = "6 no slot is stuck"
RULES = (NEVER_TWICE, EXPLAINED, NOT_LOST, IN_TIME, ONE_A_KEY, NOT_STUCK)

RESERVED, CONFIRMED, EXPIRED, CANCELLED = "reserved", "confirmed", "expired", "cancelled"
AVAILABLE = "available"


class Broken(Exception):
    """A change that no rule allows."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(what)
        self.violation = Violation(rule, what)


def must(holds: bool, rule: str, what: str) -> None:  # noqa: FBT001  # reads like the sentence that it is
    if not holds:
        raise Broken(rule, what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A hold, a booking, or what it was before it ended."""

    id: str
    client: str
    interval: Interval
    status: str
    reserved_at: int
    expires_at: int
    confirmed_at: int | None = None
    ended_at: int | None = None
    version: int = 0

    def lapsed(self, now: int) -> bool:
        return self.status == RESERVED and self.expires_at <= now

    def as_seen(self, now: int) -> "Reservation":
        """What a reader is told by its clock: a hold that is over has expired, released or not."""
        if not self.lapsed(now):
            return self
        return replace(self, status=EXPIRED, ended_at=self.expires_at, version=self.version + 1)


Used = tuple[str, str]
"""An idempotency key, and who used it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A slot and whoever holds it."""

    id: str
    place: Place
    end: int
    version: int = 1
    held: Reservation | None = None
    keys: Mapping[Used, tuple[str, str]] = field(default_factory=dict)
    """What each key won, and for which client."""

    @property
    def interval(self) -> Interval:
        return self.place.start, self.end

    def live(self, now: int) -> Reservation | None:
        return None if self.held is None or self.held.lapsed(now) else self.held

    def version_at(self, now: int) -> int:
        return self.version + 1 if self.held and self.held.lapsed(now) else self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a provider's slots are published under."""

    hold_seconds: int
    notice_seconds: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """All that the history has made so far."""

    policies: Mapping[str, Policy]
    slots: Mapping[Place, Slot] = field(default_factory=dict)
    ended: Mapping[str, Reservation] = field(default_factory=dict)
    published: Mapping[Used, tuple[str, tuple[Interval, ...]]] = field(default_factory=dict)
    """What was made under a publish key: the random part of the ids, and what was asked for."""
    profiles: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """Version and name."""

    def slot(self, slot_id: str) -> Slot | None:
        return next((slot for slot in self.slots.values() if slot.id == slot_id), None)

    def reservation(self, reservation_id: str) -> Reservation | None:
        live = (slot.held for slot in self.slots.values() if slot.held and slot.held.id == reservation_id)
        return next(live, self.ended.get(reservation_id))

    def calendar(self, provider: str) -> list[Slot]:
        found = [slot for place, slot in self.slots.items() if place.provider == provider]
        return sorted(found, key=lambda slot: slot.place.start)

    def bookable_until(self, slot: Slot) -> int:
        return slot.place.start - self.policies[slot.place.provider].notice_seconds

    def with_slot(self, slot: Slot) -> "World":
        return replace(self, slots={**self.slots, slot.place: slot})

    def without(self, place: Place) -> "World":
        return replace(self, slots={at: slot for at, slot in self.slots.items() if at != place})


def overlap(one: Interval, other: Interval) -> bool:
    """To touch is not to overlap."""
    return one[0] < other[1] and other[0] < one[1]


def at_version(action: Action, version: int) -> bool:
    return not action.versions or version in action.versions


def used_key(action: Action) -> Used:
    return action.key or "", action.client or action.provider


def reserve(world: World, action: Action, place: Place, *, made: str, now: int) -> World:
    """The hold `made` is put on the slot."""
    slot = world.slots.get(place)
    if slot is None or slot.id != action.slot:
        raise Broken(EXPLAINED, f"a reserve of {action.slot} took {slot.id if slot else 'nothing'}")
    before = slot.held.id if slot.held else ""
    must(not before, NEVER_TWICE, f"{before} holds the slot, and {made} was made")
    key = used_key(action)
    must(key not in slot.keys, ONE_A_KEY, f"key {key} won {slot.keys.get(key)} before, and {made} was made")
    must(at_version(action, slot.version), EXPLAINED, f"reserved at version {slot.version}, not {action.versions}")
    must(now < world.bookable_until(slot), IN_TIME, f"reserved at {utc(now)}, when it was closed")
    hold = Reservation(
        id=made,
        client=client_of(action),
        interval=slot.interval,
        status=RESERVED,
        reserved_at=now,
        expires_at=now + world.policies[place.provider].hold_seconds,
        version=slot.version + 1,
    )
    keys = {**slot.keys, key: (made, hold.client)} if action.key else slot.keys
    return world.with_slot(replace(slot, version=hold.version, held=hold, keys=keys))


def confirm(world: World, action: Action, place: Place, *, now: int) -> World:
    slot, held = _own(world, action, place, now)
    must(held.status == RESERVED, EXPLAINED, f"{held.id} was confirmed a second time")
    must(now < held.expires_at, IN_TIME, f"{held.id} was over at {utc(held.expires_at)}, confirmed at {utc(now)}")
    booked = replace(held, status=CONFIRMED, confirmed_at=now, version=slot.version + 1)
    return world.with_slot(replace(slot, version=booked.version, held=booked))


def cancel(world: World, action: Action, place: Place, *, now: int) -> World:
    _, held = _own(world, action, place, now)
    must(not held.lapsed(now), IN_TIME, f"{held.id} was over at {utc(held.expires_at)}, cancelled at {utc(now)}")
    return _freed(world, place, replace(held, status=CANCELLED, ended_at=now))


def release(world: World, place: Place, *, now: int) -> World:
    """Whoever finds a hold that is over frees its slot."""
    slot = world.slots.get(place)
    if slot is None or slot.held is None:
        raise Broken(EXPLAINED, f"what nobody held at {utc(place.start)} was released")
    held = slot.held
    must(held.status == RESERVED, IN_TIME, f"{held.id} was confirmed, and released as expired")
    must(held.lapsed(now), IN_TIME, f"{held.id} ends at {utc(held.expires_at)}, and was released at {utc(now)}")
    return _freed(world, place, replace(held, status=EXPIRED, ended_at=held.expires_at))


def _own(world: World, action: Action, place: Place, now: int) -> tuple[Slot, Reservation]:
    slot = world.slots.get(place)
    held = slot.held if slot else None
    if slot is None or held is None or held.id != action.reservation:
        raise Broken(EXPLAINED, f"a {action.kind} of {action.reservation} changed {held.id if held else 'no hold'}")
    must(action.client in (None, held.client), EXPLAINED, f"{action.client} changed {held.client}'s reservation")
    must(at_version(action, held.version), EXPLAINED, f"changed at version {held.version}, not {action.versions}")
    must(now < place.start, IN_TIME, f"{held.id} was changed at {utc(now)}, after its start")
    return slot, held


def _freed(world: World, place: Place, ended: Reservation) -> World:
    slot = world.slots[place]
    must(ended.id not in world.ended, NOT_LOST, f"{ended.id} ended a second time")
    ended = replace(ended, version=slot.version + 1, interval=slot.interval)
    free = replace(slot, version=slot.version + 1, held=None)
    return replace(world.with_slot(free), ended={**world.ended, ended.id: ended})


def publish(world: World, action: Action, *, mint: str, now: int) -> World:
    del now  # Whether it is too late is said of the answer: nothing depends on it.
    key = (action.provider, used_key(action)[0])
    if action.key:
        must(key not in world.published, ONE_A_KEY, f"key {action.key} made two: {world.published.get(key)} and {mint}")
        world = replace(world, published={**world.published, key: (mint, action.intervals)})
    for start, end in action.intervals:
        slot_id = new_slot_id(action.provider, start, mint)
        world = _stand(world, Slot(id=slot_id, place=Place(action.provider, start), end=end))
    return world


def remove(world: World, action: Action, place: Place, *, mint: str, now: int) -> World:
    """A delete, or a move: it stands elsewhere, or longer, at once."""
    slot = world.slots.get(place)
    if slot is None or slot.id != action.slot:
        raise Broken(EXPLAINED, f"a {action.kind} of {action.slot} changed {slot.id if slot else 'nothing'}")
    must(slot.held is None, NOT_LOST, f"a {action.kind} took away the slot of {slot.held and slot.held.id}")
    must(at_version(action, slot.version), EXPLAINED, f"changed at version {slot.version}, not {action.versions}")
    world = world.without(place)
    if action.kind == "delete":
        return world
    start = place.start if action.start is None else action.start
    end = slot.end if action.end is None else action.end
    must(now < start < end, EXPLAINED, f"moved to {utc(start)}-{utc(end)} at {utc(now)}")
    if start == place.start:
        return _stand(world, replace(slot, end=end, version=slot.version + 1))
    slot_id = new_slot_id(place.provider, start, mint)
    return _stand(world, Slot(id=slot_id, place=Place(place.provider, start), end=end, version=slot.version + 1))


def _stand(world: World, slot: Slot) -> World:
    for other in world.calendar(slot.place.provider):
        apart = not overlap(other.interval, slot.interval)
        must(apart, NEVER_TWICE, f"{utc(slot.place.start)} overlaps the slot at {utc(other.place.start)}")
    return world.with_slot(slot)


def put_provider(world: World, action: Action) -> World:
    version, _ = world.profiles.get(action.provider, (0, ""))
    may = action.versions is None or (version > 0 and at_version(action, version))
    must(may, EXPLAINED, f"a profile of version {version} was replaced, not {action.versions}")
    return replace(world, profiles={**world.profiles, action.provider: (version + 1, action.name)})


def client_of(action: Action) -> str:
    """Whom a reserve is for: a provider names somebody."""
    return action.client or action.name


def new_slot_id(provider: str, start: int, generation: str) -> str:
    """The id of a slot, as API.md has it: opaque, but the same for the same three."""
    return "apt_" + _base64(start.to_bytes(6)) + generation + _base64(provider.encode())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
