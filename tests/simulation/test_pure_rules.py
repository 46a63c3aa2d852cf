"""The pure rules as a state machine: whatever is done to a slot, in whatever order, it shows what it must."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib import clock
from chalicelib.booking.state import lapsed, reservation_at, slot_at, version_at
from chalicelib.intervals import Interval, any_overlap, overlapping
from chalicelib.store.ids import AppointmentId
from chalicelib.store.items import AVAILABLE, CANCELLED, CONFIRMED, EXPIRED, RESERVED, Appointment, Ended, ended_key

NOW = 1_798_790_400
HOLD_SECONDS = 600
START = NOW + 7_200
ID = AppointmentId("1234", START, "genGEN12")
SECONDS = st.sampled_from((0, 1, HOLD_SECONDS - 1, HOLD_SECONDS, HOLD_SECONDS + 1)) | st.integers(0, 2 * HOLD_SECONDS)


@dataclass
class Told:
    """What the machine itself knows of the reservation."""

    nonce: str
    expires_at: int
    confirmed: bool = False


class SlotRules(RuleBasedStateMachine):
    """One slot, changed only as the design allows, and read by a clock that may be anywhere."""

    @initialize()
    def publish(self) -> None:
        self.now = NOW
        self.attempts = 0
        self.told: Told | None = None
        self.over: list[tuple[Ended, str]] = []
        self.item = Appointment(
            "PROVIDER#1234",
            f"APPT#{clock.iso(START)}",
            generation=ID.generation,
            start=clock.iso(START),
            end=clock.iso(START + 1_800),
            status=AVAILABLE,
            version=1,
        )

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: self.told is None)
    @rule()
    def reserve(self) -> None:
        self.attempts += 1
        self.told = Told(f"{self.attempts:016}", self.now + HOLD_SECONDS)
        item = self.item
        item.status, item.version, item.nonce = RESERVED, item.version + 1, self.told.nonce
        item.client_id, item.reserved_at, item.expires_at = "alice", self.now, self.told.expires_at

    @precondition(lambda self: self.told and not self.told.confirmed and self.now < self.told.expires_at)
    @rule()
    def confirm(self) -> None:
        assert self.told
        self.told.confirmed = True
        self.item.status, self.item.version = CONFIRMED, self.item.version + 1
        self.item.confirmed_at = self.now

    @precondition(lambda self: self.told is not None)
    @rule()
    def release(self) -> None:
        """Cancel while it is live, expire when it is over: what is seen changes no further than it must."""
        assert self.told
        before = reservation_at(self.item, self.now)
        status = EXPIRED if lapsed(self.item, self.now) else CANCELLED
        ended = self._ended(status)
        after = reservation_at(ended, self.now)

        assert after.status == status
        if status == EXPIRED:
            assert after == before
        assert slot_at(self._freed(), self.now).version == after.version
        self.item = self._freed()
        self.over.append((ended, status))
        self.told = None

    def _ended(self, status: str) -> Ended:
        item = self.item
        return Ended(
            *ended_key(item.reservation_id),
            generation=item.generation,
            start=item.start,
            end=item.end,
            status=status,
            version=item.version + 1,
            nonce=item.nonce,
            client_id=item.client_id,
            reserved_at=item.reserved_at,
            expires_at=item.expires_at,
            confirmed_at=item.confirmed_at,
            ended_at=item.expires_at if status == EXPIRED else self.now,
        )

    def _freed(self) -> Appointment:
        item = self.item
        return Appointment(
            item.pk,
            item.sk,
            generation=item.generation,
            start=item.start,
            end=item.end,
            status=AVAILABLE,
            version=item.version + 1,
        )

    @invariant()
    def it_is_free_exactly_when_nobody_has_it(self) -> None:
        taken = self.told is not None and (self.told.confirmed or self.now < self.told.expires_at)
        seen = slot_at(self.item, self.now)

        assert (seen.status != AVAILABLE) == taken
        assert (seen.reservation_id is not None) == taken
        assert seen.version == version_at(self.item, self.now)

    @invariant()
    def a_hold_is_over_from_its_second_on(self) -> None:
        if self.told is None:
            return
        for at in (self.told.expires_at - 1, self.told.expires_at):
            seen = reservation_at(self.item, at)
            live = CONFIRMED if self.told.confirmed else RESERVED
            assert seen.status == (live if at < self.told.expires_at or self.told.confirmed else EXPIRED)

    @invariant()
    def what_has_ended_stays_so(self) -> None:
        for ended, status in self.over:
            for at in (0, self.now, self.now + 10**9):
                assert reservation_at(ended, at).status == status


class CalendarRules(RuleBasedStateMachine):
    """Intervals put into a calendar only where nothing overlaps: second by second, nothing ever does."""

    def __init__(self) -> None:
        super().__init__()
        self.standing: set[Interval] = set()
        self.taken: set[int] = set()

    @rule(start=st.integers(0, 60), length=st.integers(1, 15))
    def publish(self, start: int, length: int) -> None:
        new = (start, start + length)
        seconds = set(range(*new))

        conflicts = overlapping([new], self.standing)

        assert bool(conflicts) == bool(seconds & self.taken)
        assert {one for one in self.standing if seconds & set(range(*one))} == set(conflicts)
        if not conflicts:
            self.standing.add(new)
            self.taken |= seconds

    @precondition(lambda self: self.standing)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(sorted(self.standing)))
        self.standing.remove(gone)
        self.taken -= set(range(*gone))

    @invariant()
    def none_overlap(self) -> None:
        assert not any_overlap(self.standing)


BOUNDED = settings(max_examples=60, stateful_step_count=30, derandomize=True, deadline=None)
TestSlotRules = SlotRules.TestCase
TestSlotRules.settings = BOUNDED
TestCalendarRules = CalendarRules.TestCase
TestCalendarRules.settings = BOUNDED
