"""What clients, providers and sweepers do, from a seed.

All want the same few slots; old requests come again, ids are damaged, and much is asked in the very second in which
a hold ends.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

from tests.simulation.chance import chance
from tests.simulation.history import ANY, Action, Interval, generation_of, nonce_of, slot_of
from tests.simulation.model import Policy, Slot
from tests.simulation.run import Planned, Run, Weather

START = 1_798_839_000
"""2027-01-01T21:30:00Z: midnight is within an episode."""
HOUR, DAY = 3_600, 86_400
GRID_SECONDS = 600
CLIENTS = ("alice", "bob", "carol", "dave")
PROVIDERS = ("p0", "p1")
LATECOMER = "p2"
"""Whom nobody knows at first."""
OPERATIONS = 200
"""Of an episode, before the calm at its end: moto copies the whole table for every transaction."""
_MOST_WAIT_SECONDS = 2 * HOUR
_KEYS_KEPT = 4
"""Of a slot: whatever is kept elsewhere must be as good."""

MIX = {
    "reserve": 26,
    "confirm": 16,
    "cancel": 8,
    "read": 4,
    "publish": 11,
    "move": 7,
    "delete": 5,
    "again": 9,
    "late duplicate": 7,
    "list": 3,
    "own list": 1,
    "calendar": 2,
    "appointment": 2,
    "damaged": 6,
    "sweep": 8,
    "put provider": 3,
    "provider": 1,
}
HOT = {"confirm": 8, "cancel": 18, "publish": 6, "late duplicate": 16}
"""A slot that is held and let go again and again: its keys no longer fit in its item."""


def policies(random: Random) -> dict[str, Policy]:
    """How long each provider's holds last, and its notice."""
    return {
        provider: Policy(hold_seconds=random.choice((40, 120, 600)), notice_seconds=random.choice((0, 0, 1_200)))
        for provider in (*PROVIDERS, LATECOMER)
    }


def weather(random: Random) -> Weather:
    return Weather(
        faults=random.choice((0.0, 0.03, 0.08, 0.2)),
        stale=random.choice((0.0, 0.3, 0.6)),
        at_once=random.choice((2, 3, 5)),
        max_live_holds=random.choice((0, 0, 0, 3)),
    )


class Workload:
    """One episode: providers are made, everybody is at work, and then it is calm."""

    def __init__(self, seed: str, operations: int = OPERATIONS) -> None:
        self.seed = seed
        random = chance(seed, "episode")
        self._most_skew = random.choice((0, 2, 30, 180))
        self._a_day_later = random.random() < 0.4
        hot = random.random() < 0.4
        self._spread = 3.0 if hot else 0.5
        """The higher, the more want the very same slot."""
        self._mix = MIX | HOT if hot else MIX
        self._keyed = random.choice((0.4, 0.9))
        self._operations = operations
        self._number = 0
        self._slots: dict[str, str] = {}
        """Every slot that ever was, and its provider."""
        self._reservations: dict[str, str] = {}
        """Every reservation that ever was, and its client."""
        self._done: list[Action] = []
        self._crowd: list[Action] = []
        """Who come next, all for the same slot."""
        self._plan: Iterator[Planned] | None = None

    def next(self, run: Run) -> Planned | None:
        if self._plan is None:
            self._plan = self._episode(run)
        return next(self._plan, None)

    def _episode(self, run: Run) -> Iterator[Planned]:
        for provider in PROVIDERS:
            yield self._calmly(self._put_provider(run, provider, "at first"))
        far = tuple((START + 3 * DAY + at * GRID_SECONDS, START + 3 * DAY + (at + 1) * GRID_SECONDS) for at in range(2))
        yield self._calmly(Action(kind="publish", provider=PROVIDERS[0], intervals=far))
        for _ in range(self._operations):
            yield self._somebody(run)
        yield self._calmly(Action(kind="calm"))
        holds = [policy.hold_seconds for policy in run.auditor.world.policies.values()]
        yield self._calmly(Action(kind="sweep"), wait=25 * HOUR if self._a_day_later else max(holds) + 500)
        yield self._calmly(Action(kind="check"))
        yield from self._all_is_well(run)
        yield self._calmly(Action(kind="sweep"), wait=max(holds))
        yield self._calmly(Action(kind="check"))

    def _all_is_well(self, run: Run) -> Iterator[Planned]:
        """Every reservation can be read, every slot that is free be reserved, and every hold be confirmed."""
        self._remember(run)
        for reservation, client in self._reservations.items():
            yield self._calmly(Action(kind="read", reservation=reservation, client=client))
        for provider in PROVIDERS:
            yield self._calmly(Action(kind="calendar", provider=provider))
            yield self._calmly(Action(kind="list", provider=provider))
        world = run.auditor.world
        free = [slot for slot in world.slots.values() if not slot.held and run.time < world.bookable_until(slot)]
        for slot in free:
            yield self._calmly(Action(kind="reserve", slot=slot.id, client=f"calm{self._number}"))
        yield self._calmly(Action(kind="check"))
        for slot in tuple(run.auditor.world.slots.values())[::2]:
            if slot.held and slot.held.client.startswith("calm"):
                yield self._calmly(Action(kind="confirm", reservation=slot.held.id, client=slot.held.client))

    def _calmly(self, action: Action, wait: int = 0) -> Planned:
        self._number += 1
        return Planned(number=self._number, action=action, wait=wait, calm=True)

    def _somebody(self, run: Run) -> Planned:
        self._number += 1
        random = chance(self.seed, self._number, "plan")
        self._remember(run)
        wait = random.choice((0, 0, 0, 0, 1, 3))
        if not self._crowd and random.random() < 0.07:
            wait = self._gather(run, random)
        action = self._crowd.pop() if self._crowd else self._action(run, random)
        self._done.append(action)
        who = action.client or action.provider or f"sweeper{random.randrange(3)}"
        return Planned(number=self._number, action=action, skew=self._skew(who), wait=wait)

    def _gather(self, run: Run, random: Random) -> int:
        """All come at about the second at which something ends or starts, by somebody's clock: how long that is."""
        world = run.auditor.world
        held = [slot for slot in world.slots.values() if slot.held and not slot.held.confirmed_at]
        soon = [slot for slot in world.slots.values() if 0 < slot.place.start - run.time < _MOST_WAIT_SECONDS]
        to_come = [slot for slot in soon if _kept_until_start(slot)]
        starts = sorted({at for slot in world.slots.values() for at in (slot.place.start, world.bookable_until(slot))})
        edge = random.choice([at for at in starts if at > run.time][:2] or [run.time])
        fresh = [slot for slot in world.slots.values() if slot.version == 1]
        if fresh and random.random() < 0.25:
            self._crowd = self._in_place_of(random.choice(fresh), random)
            return 0
        if random.random() < 0.1:
            self._crowd = self._on_a_new_day(random)
            return 0
        if to_come and random.random() < 0.5:
            slot = min(to_come, key=lambda slot: slot.place.start)
            # While the request is under way, it starts.
            edge = slot.place.start - random.randint(1, 5)
            self._crowd = self._cancels(slot)
        elif held and random.random() < 0.85:
            slot = random.choice(held)
            edge = slot.held.expires_at if slot.held else 0
            self._crowd = self._about(slot, random)
        who = (self._crowd[-1].client or self._crowd[-1].provider) if self._crowd else None
        # By the clock of whoever comes first, or by anybody's.
        skew = self._skew(who) if who else random.randint(-self._most_skew, self._most_skew)
        about = 0 if who and self._crowd[-1].kind == "cancel" else random.randint(-4, 4)
        return min(max(edge - skew + about - run.time, 0), _MOST_WAIT_SECONDS)

    def _skew(self, who: str) -> int:
        return chance(self.seed, who, "skew").randint(-self._most_skew, self._most_skew)

    def _in_place_of(self, slot: Slot, random: Random) -> list[Action]:
        """Somebody is slow to delete a slot, which another does, and publishes its like."""
        provider = slot.place.provider
        delete = Action(kind="delete", provider=provider, slot=slot.id, versions=random.choice((ANY, (slot.version,))))
        slow = replace(delete, kind="move", end=slot.end + GRID_SECONDS) if random.random() < 0.3 else delete
        return [Action(kind="publish", provider=provider, intervals=(slot.interval,)), delete, slow]

    def _on_a_new_day(self, random: Random) -> list[Action]:
        """Two want the same time of a day on which nothing was published yet."""
        first = START + DAY * random.randint(4, 60)
        publish = Action(kind="publish", provider=random.choice(PROVIDERS), intervals=((first, first + GRID_SECONDS),))
        return [publish, replace(publish, intervals=((first, first + 2 * GRID_SECONDS),))]

    def _cancels(self, slot: Slot) -> list[Action]:
        """By whoever holds it, and by the provider, whose clock is another."""
        assert slot.held
        mine, provider = slot.held, slot.place.provider
        by_client = Action(kind="cancel", provider=provider, reservation=mine.id, client=mine.client)
        return [replace(by_client, client=None), by_client]

    def _about(self, slot: Slot, random: Random) -> list[Action]:
        assert slot.held
        mine, provider = slot.held, slot.place.provider
        confirm = Action(kind="confirm", provider=provider, reservation=mine.id, client=mine.client)
        sweep = Action(kind="sweep")
        others = [
            replace(confirm, kind="cancel"),
            Action(kind="reserve", slot=slot.id, client=random.choice(CLIENTS)),
            Action(kind="delete", provider=provider, slot=slot.id, versions=ANY),
            sweep,
        ]
        crowd = [confirm, sweep, *random.sample(others, random.randint(0, 2))]
        random.shuffle(crowd)
        return crowd

    def _remember(self, run: Run) -> None:
        world = run.auditor.world
        self._slots |= {slot.id: slot.place.provider for slot in world.slots.values()}
        held = (slot.held for slot in world.slots.values() if slot.held)
        self._reservations |= {one.id: one.client for one in (*world.ended.values(), *held)}

    def _action(self, run: Run, random: Random) -> Action:
        kind = random.choices(list(self._mix), list(self._mix.values()))[0]
        if self._done and self._done[-1].kind == "sweep" and random.random() < 0.3:
            kind = "sweep"
        make: dict[str, Callable[[Run, Random], Action]] = {
            "reserve": self._reserve,
            "confirm": self._confirm,
            "cancel": self._cancel,
            "read": self._read,
            "publish": self._publish,
            "move": self._move,
            "delete": self._delete,
            "again": self._again,
            "late duplicate": self._late_duplicate,
            "damaged": self._damaged,
            "appointment": self._appointment,
        }
        if kind in make:
            return make[kind](run, random)
        if kind == "sweep":
            return Action(kind=kind)
        if kind == "own list":
            return Action(kind=kind, client=random.choice(CLIENTS))
        provider = random.choice((*PROVIDERS, LATECOMER))
        if kind == "put provider":
            version = run.auditor.world.profiles.get(provider, (0, ""))[0]
            versions = random.choice((None, None, ANY, (version,), (version + random.choice((-1, 1)),)))
            return self._put_provider(run, provider, f"name {self._number}", versions)
        return Action(kind=kind, provider=provider, client=random.choice(CLIENTS) if kind == "list" else None)

    def _put_provider(self, run: Run, provider: str, name: str, versions: tuple[int, ...] | None = None) -> Action:
        policy = run.auditor.world.policies[provider]
        terms = (policy.hold_seconds, policy.notice_seconds)
        return Action(kind="put provider", provider=provider, name=name, versions=versions, terms=terms)

    def _slot(self, run: Run, random: Random) -> str:
        """Mostly one of the hottest that stand; now and then one that has gone."""
        slots = sorted(run.auditor.world.slots.values(), key=lambda slot: (-slot.version, slot.place))
        if not slots or random.random() < 0.1:
            return random.choice(list(self._slots)[-12:])
        return slots[min(int(random.expovariate(self._spread)), len(slots) - 1)].id

    def _reserve(self, run: Run, random: Random) -> Action:
        slot_id = self._slot(run, random)
        key = f"key{self._number}" if random.random() < self._keyed else None
        versions = self._versions(run.auditor.world.slot(slot_id), random, 0.2)
        client = random.choice(CLIENTS)
        action = Action(kind="reserve", slot=slot_id, client=client, key=key, versions=versions)
        by_provider = replace(action, client=None, provider=self._slots[slot_id], name=client)
        return by_provider if random.random() < 0.1 else action

    def _reservation(self, run: Run, random: Random) -> str:
        """Mostly one that is live."""
        live = [slot.held.id for slot in run.auditor.world.slots.values() if slot.held]
        if live and random.random() < 0.75:
            return random.choice(live)
        return random.choice(list(self._reservations)[-20:] or [""])

    def _of_reservation(self, run: Run, random: Random, kind: str, if_match: float) -> Action:
        reservation = self._reservation(run, random)
        if not reservation:
            return self._reserve(run, random)
        owner = self._reservations[reservation]
        versions = self._versions(run.auditor.world.slot(slot_of(reservation)), random, if_match)
        provider = self._slots[slot_of(reservation)]
        who = random.random()
        client = None if who < 0.15 else random.choice(CLIENTS) if who < 0.25 else owner
        return Action(kind=kind, reservation=reservation, client=client, provider=provider, versions=versions)

    def _confirm(self, run: Run, random: Random) -> Action:
        return self._of_reservation(run, random, "confirm", 0.2)

    def _cancel(self, run: Run, random: Random) -> Action:
        return self._of_reservation(run, random, "cancel", 0.2)

    def _read(self, run: Run, random: Random) -> Action:
        return self._of_reservation(run, random, "read", 0)

    def _publish(self, run: Run, random: Random) -> Action:
        provider = random.choice((*PROVIDERS, *PROVIDERS, *PROVIDERS, LATECOMER))
        key = f"key{self._number}" if random.random() < 0.6 else None
        used = [one.key for one in self._done[-6:] if one.kind == "publish" and one.key and one.provider == provider]
        if used and random.random() < 0.5:
            key = used[-1]
        return Action(kind="publish", provider=provider, key=key, intervals=_intervals(run.time, random))

    def _edit(self, run: Run, random: Random, kind: str) -> Action:
        slot_id = self._slot(run, random)
        versions = self._versions(run.auditor.world.slot(slot_id), random, 1)
        return Action(kind=kind, provider=self._slots[slot_id], slot=slot_id, versions=versions)

    def _delete(self, run: Run, random: Random) -> Action:
        return self._edit(run, random, "delete")

    def _move(self, run: Run, random: Random) -> Action:
        action = self._edit(run, random, "move")
        start, end = _intervals(run.time, random)[0]
        slot = run.auditor.world.slot(action.slot)
        if slot is None or random.random() < 0.6:
            return replace(action, start=start, end=end)
        return replace(action, end=slot.place.start + GRID_SECONDS * random.randint(1, 4))

    def _appointment(self, run: Run, random: Random) -> Action:
        return replace(self._edit(run, random, "appointment"), versions=None)

    def _again(self, run: Run, random: Random) -> Action:
        """The caller has not heard, and asks again."""
        return random.choice(self._done[-5:] or [self._reserve(run, random)])

    def _late_duplicate(self, run: Run, random: Random) -> Action:
        """Something has kept an old request, and sends it again."""
        forgotten = [
            used
            for slot in run.auditor.world.slots.values()
            if slot.live(run.time) is None
            for used in list(slot.keys)[:-_KEYS_KEPT]
        ]
        if forgotten and random.random() < 0.7:
            key, _ = random.choice(forgotten)
            return next(one for one in self._done if one.key == key)
        standing = {slot.id for slot in run.auditor.world.slots.values()}
        keyed = [one for one in self._done if one.key]
        old = [one for one in keyed if one.slot in standing] or keyed or self._done
        return random.choice(old or [self._reserve(run, random)])

    def _damaged(self, run: Run, random: Random) -> Action:
        """An id that nobody was given."""
        whole = self._of_reservation(run, random, random.choice(("confirm", "confirm", "cancel", "read")), 0)
        if whole.kind == "reserve" or random.random() < 0.2:
            slot_id = self._slot(run, random)
            return Action(
                kind="reserve", slot=_other_generation(slot_id, self._slots, random), client=random.choice(CLIENTS)
            )
        return replace(whole, reservation=_damage(whole.reservation, list(self._reservations), random))

    def _versions(self, slot: Slot | None, random: Random, often: float) -> tuple[int, ...] | None:
        if random.random() >= often:
            return None
        version = slot.version if slot else 1
        return random.choice((ANY, (version,), (version,), (version - 1 or 9,), (version + 1,)))


def _kept_until_start(slot: Slot) -> bool:
    held = slot.held
    return held is not None and (held.confirmed_at is not None or held.expires_at > slot.place.start)


def _intervals(now: int, random: Random) -> tuple[Interval, ...]:
    """Some that do not overlap each other, on a grid that is small enough for others to want the same."""
    first = now - now % GRID_SECONDS + GRID_SECONDS * random.randint(0, 12)
    if random.random() < 0.15:
        first += DAY
    if random.random() < 0.15:
        first = START + 3 * DAY + GRID_SECONDS * random.randint(0, 4)
    made = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        end = first + GRID_SECONDS * random.choice((1, 1, 2, 4))
        made.append((first, end))
        first = end + GRID_SECONDS * random.choice((0, 0, 1))
    return tuple(made)


def _other_generation(slot_id: str, known: dict[str, str], random: Random) -> str:
    other = generation_of(random.choice(list(known)))
    other = other if other != generation_of(slot_id) else "AAAAAAAA"
    return slot_id[:12] + other + slot_id[20:]


def _damage(reservation: str, known: list[str], random: Random) -> str:
    start, generation, nonce, provider = reservation[4:12], reservation[12:20], reservation[20:36], reservation[36:]
    other = random.choice(known)
    match random.randrange(5):
        case 0 | 1 | 2:
            generation = "AAAAAAAA" if other[12:20] == generation else other[12:20]
        case 3:
            nonce = "A" * 16 if nonce_of(other) == nonce else nonce_of(other)
        case 4:
            return reservation[: random.randrange(4, len(reservation))]
    damaged = f"res_{start}{generation}{nonce}{provider}"
    return damaged if damaged not in known else reservation[:-1]
