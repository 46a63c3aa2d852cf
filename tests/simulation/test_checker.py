"""The auditor on histories written by hand: what is good must pass, and each rule has a history that breaks it."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.simulation import model
from tests.simulation.auditor import audit
from tests.simulation.history import (
    ANY,
    Action,
    Answer,
    Answered,
    Began,
    Calm,
    Checked,
    Event,
    Interval,
    Key,
    Raw,
    Served,
    first_nonce,
    generation_of,
    nonce_of,
    reservation_of,
    slot_of,
    utc,
)
from tests.simulation.model import Policy, new_slot_id

NOW = 1_798_790_400
"""2027-01-01T08:00:00Z."""
NINE, HALF_PAST = NOW + 3_600, NOW + 5_400
SLOT: Interval = (NINE, HALF_PAST)
HOLD_SECONDS = 600
POLICIES = {"1234": Policy(hold_seconds=HOLD_SECONDS, notice_seconds=300)}
APPOINTMENT, DAY = ("PROVIDER#1234", f"APPT#{utc(NINE)}"), ("PROVIDER#1234", "DAY#2027-01-01")


class Book:
    """A history as it is written down. Every method is an operation from its beginning to its end, at `now`."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._number = 0

    def begin(self, action: Action) -> tuple[int, str]:
        self._number += 1
        mint = f"{self._number:06}00"
        self.events.append(Began(self._number, action, mint))
        return self._number, mint

    def wrote(self, number: int, now: int, name: str, *keys: Key, late: bool = False) -> None:
        self.events.append(Served(number, now, name, frozenset(keys), late=late))

    def read(self, number: int, now: int = NOW) -> None:
        self.events.append(Served(number, now, "TransactGetItems"))

    def answered(self, number: int, now: int, status: int, body: Mapping[str, Any] | None = None, **more: Any) -> None:
        self.events.append(Answered(number, Answer(status, body or {}, **more), (now,)))

    def refused(self, action: Action, code: str, *, status: int = 409, now: int = NOW, **more: Any) -> None:
        number, _ = self.begin(action)
        self.read(number, now)
        self.answered(number, now, status, {"code": code, **more.pop("body", {})}, **more)

    def publish(self, *slots: Interval, key: str | None = None, now: int = NOW) -> str:
        number, mint = self.begin(Action(kind="publish", provider="1234", intervals=slots, key=key))
        made = [new_slot_id("1234", start, mint) for start, _ in slots]
        self.wrote(
            number, now, "TransactWriteItems", *(("PROVIDER#1234", f"APPT#{utc(start)}") for start, _ in slots), DAY
        )
        self.answered(number, now, 201, {"appointments": [{"appointmentId": one} for one in made]})
        return made[0]

    def reserve(
        self, slot: str, client: str = "alice", *, key: str | None = None, now: int = NOW, version: int = 2
    ) -> str:
        number, mint = self.begin(Action(kind="reserve", slot=slot, client=client, key=key))
        made = reservation_of(slot, first_nonce(mint))
        self.wrote(number, now, "UpdateItem", APPOINTMENT)
        self.answered(number, now, 201, said(made, client, now), version=version)
        return made

    def confirm(
        self, made: str, client: str | None = "alice", *, now: int = NOW, reserved_at: int = NOW, **more: Any
    ) -> None:
        number, _ = self.begin(Action(kind="confirm", reservation=made, client=client, **more))
        self.wrote(number, now, "UpdateItem", APPOINTMENT)
        body = said(made, client or "alice", reserved_at, status="confirmed", confirmedAt=utc(now))
        self.answered(number, now, 200, body, version=3)

    def cancel(self, made: str, *, now: int = NOW, version: int = 3, **more: str) -> None:
        number, _ = self.begin(Action(kind="cancel", reservation=made, client="alice"))
        self.wrote(number, now, "TransactWriteItems", APPOINTMENT, ended_key(made))
        body = said(made, "alice", NOW, status="cancelled", endedAt=utc(now), **more)
        self.answered(number, now, 200, body, version=version)

    def sweep(self, made: str, now: int) -> None:
        number, _ = self.begin(Action(kind="sweep"))
        self.wrote(number, now, "TransactWriteItems", APPOINTMENT, ended_key(made))
        self.answered(number, now, 200)

    def broken(self) -> list[str]:
        return [violation.rule for violation in audit(POLICIES, self.events)]


def ended_key(made: str) -> Key:
    return "PROVIDER#1234", f"ENDED#{utc(NINE)}#{nonce_of(made)}"


def said(made: str, client: str, reserved_at: int, *, status: str = "reserved", **more: str) -> dict[str, str]:
    """A reservation as the API says it."""
    body = {"reservationId": made, "appointmentId": slot_of(made), "clientId": client, "status": status}
    times = {
        "startTime": NINE,
        "endTime": HALF_PAST,
        "reservedAt": reserved_at,
        "expiresAt": reserved_at + HOLD_SECONDS,
    }
    return body | {name: utc(at) for name, at in times.items()} | more


def slot_item(slot: str, *, status: str = "available", version: int = 1, **more: Mapping[str, str]) -> Raw:
    return {
        "pk": {"S": APPOINTMENT[0]},
        "sk": {"S": APPOINTMENT[1]},
        "generation": {"S": generation_of(slot)},
        "start": {"S": utc(NINE)},
        "end": {"S": utc(HALF_PAST)},
        "status": {"S": status},
        "version": {"N": str(version)},
        **more,
    }


def day_item(*slots: Interval) -> Raw:
    intervals = {str(start): {"N": str(end)} for start, end in slots}
    return {"pk": {"S": DAY[0]}, "sk": {"S": DAY[1]}, "intervals": {"M": intervals}}


@pytest.fixture
def book() -> Book:
    return Book()


# What is good


def test_a_slot_is_reserved_and_confirmed(book: Book) -> None:
    made = book.reserve(book.publish(SLOT))
    book.confirm(made, now=NOW + HOLD_SECONDS - 1)

    assert book.broken() == []


def test_a_hold_expires_and_the_next_client_has_the_slot(book: Book) -> None:
    slot = book.publish(SLOT)
    made = book.reserve(slot)
    book.sweep(made, NOW + HOLD_SECONDS)
    book.reserve(slot, "bob", now=NOW + HOLD_SECONDS, version=4)

    assert book.broken() == []


def test_a_sweeper_ahead_of_time_ends_a_hold_that_its_client_thought_live(book: Book) -> None:
    made = book.reserve(book.publish(SLOT))
    book.sweep(made, NOW + HOLD_SECONDS)
    book.refused(Action(kind="confirm", reservation=made, client="alice"), "reservation-expired", status=410)

    assert book.broken() == []


def test_an_unknown_outcome_may_have_been_done(book: Book) -> None:
    slot = book.publish(SLOT)
    number, _ = book.begin(Action(kind="reserve", slot=slot, client="alice"))
    book.wrote(number, NOW, "UpdateItem", APPOINTMENT)
    book.answered(number, NOW, 503, {"code": "unavailable"})
    number, _ = book.begin(Action(kind="reserve", slot=slot, client="bob"))
    book.read(number)
    book.answered(number, NOW, 409, {"code": "appointment-held"}, retry_after=HOLD_SECONDS)

    assert book.broken() == []


def test_an_unknown_outcome_may_not_have_been_done(book: Book) -> None:
    slot = book.publish(SLOT)
    number, _ = book.begin(Action(kind="reserve", slot=slot, client="alice"))
    book.events.append(Answered(number, None, (NOW,)))
    book.reserve(slot, "bob")

    assert book.broken() == []


def test_a_key_that_is_sent_again_says_the_same(book: Book) -> None:
    slot = book.publish(SLOT)
    made = book.reserve(slot, key="k")
    number, _ = book.begin(Action(kind="reserve", slot=slot, client="alice", key="k"))
    book.read(number)
    book.answered(number, NOW, 201, said(made, "alice", NOW), version=2, replayed=True)

    assert book.broken() == []


def test_slots_may_touch(book: Book) -> None:
    book.publish(SLOT, (HALF_PAST, HALF_PAST + 60))

    assert book.broken() == []


def test_all_that_is_in_the_table_is_what_was_said(book: Book) -> None:
    slot = book.publish(SLOT)
    book.events.append(Checked(NOW, (slot_item(slot), day_item(SLOT))))

    assert book.broken() == []


# 1: at most one live reservation a slot, and no overlap


def test_a_slot_is_sold_twice(book: Book) -> None:
    slot = book.publish(SLOT)
    book.reserve(slot)
    book.reserve(slot, "bob", version=3)

    assert book.broken()[0] == model.NEVER_TWICE


def test_a_slot_is_sold_before_its_hold_was_released(book: Book) -> None:
    slot = book.publish(SLOT)
    book.reserve(slot)
    book.reserve(slot, "bob", now=NOW + HOLD_SECONDS, version=3)

    assert book.broken()[0] == model.NEVER_TWICE


def test_two_slots_overlap(book: Book) -> None:
    book.publish(SLOT)
    book.publish((NINE + 60, HALF_PAST))

    assert model.NEVER_TWICE in book.broken()


def test_a_slot_is_moved_onto_another(book: Book) -> None:
    slot = book.publish(SLOT, (HALF_PAST, HALF_PAST + 1_800))
    number, _ = book.begin(Action(kind="move", provider="1234", slot=slot, end=HALF_PAST + 60, versions=ANY))
    book.wrote(number, NOW, "TransactWriteItems", APPOINTMENT, DAY)

    assert book.broken() == [model.NEVER_TWICE]


def test_a_day_forgets_what_stands_on_it(book: Book) -> None:
    slot = book.publish(SLOT)
    book.events.append(Checked(NOW, (slot_item(slot), day_item())))

    assert book.broken() == [model.NEVER_TWICE]


# 2: every answer is explained by one order


def test_a_reserve_is_answered_and_was_never_done(book: Book) -> None:
    slot = book.publish(SLOT)
    number, mint = book.begin(Action(kind="reserve", slot=slot, client="alice"))
    book.read(number)
    book.answered(number, NOW, 201, said(reservation_of(slot, first_nonce(mint)), "alice", NOW), version=2)

    assert book.broken() == [model.EXPLAINED]


def test_a_refusal_that_was_done_all_the_same(book: Book) -> None:
    slot = book.publish(SLOT)
    number, _ = book.begin(Action(kind="reserve", slot=slot, client="alice"))
    book.wrote(number, NOW, "UpdateItem", APPOINTMENT)
    book.answered(number, NOW, 409, {"code": "appointment-booked"})

    assert book.broken() == [model.EXPLAINED]


def test_a_move_that_was_done_is_refused_and_nobody_has_moved_it_since(book: Book) -> None:
    slot = book.publish(SLOT)
    number, _ = book.begin(Action(kind="move", provider="1234", slot=slot, end=HALF_PAST + 60, versions=(1,)))
    book.wrote(number, NOW, "TransactWriteItems", APPOINTMENT, DAY)
    book.events.append(Answered(number, Answer(412, {"code": "precondition-failed"}), (NOW,), answers_lost=1))

    assert book.broken() == [model.EXPLAINED]


def test_a_free_slot_is_refused(book: Book) -> None:
    slot = book.publish(SLOT)
    book.refused(Action(kind="reserve", slot=slot, client="alice"), "appointment-held", retry_after=60)

    assert book.broken() == [model.EXPLAINED]


def test_a_read_shows_what_was_before_it_began(book: Book) -> None:
    slot = book.publish(SLOT)
    made = book.reserve(slot)
    book.confirm(made)
    number, _ = book.begin(Action(kind="read", reservation=made, client="alice"))
    book.read(number)
    book.answered(number, NOW, 200, said(made, "alice", NOW), version=2)

    assert book.broken() == [model.EXPLAINED]


def test_a_stale_if_match_is_let_through(book: Book) -> None:
    made = book.reserve(book.publish(SLOT))
    book.confirm(made, versions=(1,))

    assert book.broken()[0] == model.EXPLAINED


def test_a_stranger_confirms(book: Book) -> None:
    made = book.reserve(book.publish(SLOT))
    book.confirm(made, "mallory")

    assert book.broken()[0] == model.EXPLAINED


def test_what_was_said_to_a_slot_that_is_gone_reaches_the_next_one(book: Book) -> None:
    old = book.publish(SLOT)
    number, _ = book.begin(Action(kind="delete", provider="1234", slot=old, versions=ANY))
    book.wrote(number, NOW, "TransactWriteItems", APPOINTMENT, DAY)
    book.answered(number, NOW, 204)
    book.publish(SLOT)
    book.reserve(old)

    assert book.broken()[0] == model.EXPLAINED


def test_a_late_packet_does_it_a_second_time(book: Book) -> None:
    slot = book.publish(SLOT)
    made = book.reserve(slot)
    book.cancel(made)
    book.wrote(2, NOW, "UpdateItem", APPOINTMENT, late=True)

    assert book.broken() == [model.ONE_A_KEY]


def test_a_500_is_never_an_answer(book: Book) -> None:
    number, _ = book.begin(Action(kind="list", provider="1234", client="alice"))
    book.answered(number, NOW, 500, {"code": "internal"})

    assert book.broken() == [model.EXPLAINED]


# 3: nothing acknowledged is lost


def test_a_reservation_can_no_longer_be_read(book: Book) -> None:
    made = book.reserve(book.publish(SLOT))
    book.refused(Action(kind="read", reservation=made, client="alice"), "not-found", status=404)

    assert book.broken() == [model.NOT_LOST]


def test_nothing_says_how_a_reservation_ended(book: Book) -> None:
    slot = book.publish(SLOT)
    book.cancel(book.reserve(slot))
    book.events.append(Checked(NOW, (slot_item(slot, version=3), day_item(SLOT))))

    assert book.broken() == [model.NOT_LOST]


def test_a_held_slot_is_deleted(book: Book) -> None:
    slot = book.publish(SLOT)
    book.reserve(slot)
    number, _ = book.begin(Action(kind="delete", provider="1234", slot=slot, versions=ANY))
    book.wrote(number, NOW, "TransactWriteItems", APPOINTMENT, DAY)

    assert book.broken() == [model.NOT_LOST]


# 4: confirmed never expires, and a hold ends at its second


def test_a_confirmed_reservation_expires(book: Book) -> None:
    made = book.reserve(book.publish(SLOT))
    book.confirm(made)
    book.sweep(made, NOW + HOLD_SECONDS)

    assert book.broken() == [model.IN_TIME]


def test_a_hold_is_confirmed_in_the_second_in_which_it_is_over(book: Book) -> None:
    made = book.reserve(book.publish(SLOT))
    book.confirm(made, now=NOW + HOLD_SECONDS)

    assert book.broken()[0] == model.IN_TIME


def test_a_hold_is_released_a_second_too_soon(book: Book) -> None:
    made = book.reserve(book.publish(SLOT))
    book.sweep(made, NOW + HOLD_SECONDS - 1)

    assert book.broken() == [model.IN_TIME]


def test_a_live_hold_is_said_to_have_expired(book: Book) -> None:
    made = book.reserve(book.publish(SLOT))
    late = NOW + HOLD_SECONDS - 1
    book.refused(Action(kind="confirm", reservation=made, client="alice"), "reservation-expired", status=410, now=late)

    assert book.broken() == [model.EXPLAINED]


def test_a_slot_is_reserved_within_its_notice(book: Book) -> None:
    book.reserve(book.publish(SLOT), now=NINE - 300)

    assert book.broken()[0] == model.IN_TIME


# 5: an idempotency key never makes two


def test_a_key_makes_a_second_reservation(book: Book) -> None:
    slot = book.publish(SLOT)
    book.cancel(book.reserve(slot, key="k"))
    book.reserve(slot, key="k", version=4)

    assert book.broken()[0] == model.ONE_A_KEY


def test_a_key_publishes_twice(book: Book) -> None:
    book.publish(SLOT, key="k")
    book.publish((HALF_PAST, HALF_PAST + 60), key="k")

    assert book.broken()[0] == model.ONE_A_KEY


def test_a_replay_shows_another_reservation(book: Book) -> None:
    slot = book.publish(SLOT)
    book.cancel(book.reserve(slot, key="k"))
    other = book.reserve(slot, version=4)
    number, _ = book.begin(Action(kind="reserve", slot=slot, client="alice", key="k"))
    book.read(number)
    book.answered(number, NOW, 201, said(other, "alice", NOW), version=4, replayed=True)

    assert book.broken() == [model.ONE_A_KEY]


# 6: once faults stop, no slot is stuck


def test_a_sweep_leaves_a_hold_that_is_over(book: Book) -> None:
    slot = book.publish(SLOT)
    made = book.reserve(slot)
    held = slot_item(
        slot,
        status="reserved",
        version=2,
        nonce={"S": nonce_of(made)},
        client_id={"S": "alice"},
        reserved_at={"N": str(NOW)},
        expires_at={"N": str(NOW + HOLD_SECONDS)},
    )
    book.events.append(Checked(NOW + HOLD_SECONDS, (held, day_item(SLOT))))

    assert book.broken() == [model.NOT_STUCK]


def test_nobody_is_in_the_way_and_it_is_not_done(book: Book) -> None:
    slot = book.publish(SLOT)
    book.events.append(Calm())
    number, _ = book.begin(Action(kind="reserve", slot=slot, client="alice"))
    book.answered(number, NOW, 503, {"code": "unavailable"})

    assert book.broken() == [model.NOT_STUCK]
