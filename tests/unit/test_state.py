import pytest

from chalicelib import clock
from chalicelib.booking.state import lapsed, reservation_at, slot_at, version_at
from chalicelib.store.ids import AppointmentId, ReservationId
from chalicelib.store.items import AVAILABLE, CANCELLED, CONFIRMED, EXPIRED, RESERVED, Appointment, Ended
from tests.support import START

AT, UNTIL = START + 3_600, START + 5_400
HOLD_ENDS = START + 1_800
SLOT = AppointmentId("1234", AT, "genGEN12")
HOLD = ReservationId(*SLOT, "nonceNONCE123456")


def _free() -> Appointment:
    return Appointment(
        "PROVIDER#1234",
        f"APPT#{clock.iso(AT)}",
        generation=SLOT.generation,
        start=clock.iso(AT),
        end=clock.iso(UNTIL),
        status=AVAILABLE,
        version=4,
    )


def _held(status: str = RESERVED) -> Appointment:
    item = _free()
    item.status, item.version, item.nonce = status, 5, HOLD.nonce
    item.client_id, item.reserved_at, item.expires_at = "alice", START, HOLD_ENDS
    if status == CONFIRMED:
        item.confirmed_at = START + 60
    return item


def _ended(status: str) -> Ended:
    return Ended(
        "PROVIDER#1234",
        f"ENDED#{clock.iso(AT)}#{HOLD.nonce}",
        generation=SLOT.generation,
        start=clock.iso(AT),
        end=clock.iso(UNTIL),
        status=status,
        version=6,
        nonce=HOLD.nonce,
        client_id="alice",
        reserved_at=START,
        expires_at=HOLD_ENDS,
        ended_at=START + 70,
    )


def test_a_free_slot_is_seen_as_it_is() -> None:
    seen = slot_at(_free(), START)

    assert (seen.id, seen.start, seen.end) == (SLOT, AT, UNTIL)
    assert (seen.status, seen.version) == (AVAILABLE, 4)
    assert (seen.reservation_id, seen.client_id, seen.expires_at) == (None, None, None)


def test_a_held_slot_says_who_holds_it() -> None:
    seen = slot_at(_held(), HOLD_ENDS - 1)

    assert (seen.status, seen.version) == (RESERVED, 5)
    assert (seen.reservation_id, seen.client_id, seen.expires_at) == (HOLD, "alice", HOLD_ENDS)


def test_a_slot_is_free_again_one_version_on_from_the_second_the_hold_is_over() -> None:
    seen = slot_at(_held(), HOLD_ENDS)

    assert (seen.status, seen.version) == (AVAILABLE, 6)
    assert (seen.reservation_id, seen.client_id, seen.expires_at) == (None, None, None)


@pytest.mark.parametrize("now", [HOLD_ENDS, AT, UNTIL + 86_400])
def test_a_booked_slot_stays_booked(now: int) -> None:
    seen = slot_at(_held(CONFIRMED), now)

    assert (seen.status, seen.version, seen.client_id) == (CONFIRMED, 5, "alice")


@pytest.mark.parametrize(
    ("status", "now", "over"),
    [
        (RESERVED, HOLD_ENDS - 1, False),
        (RESERVED, HOLD_ENDS, True),
        (RESERVED, HOLD_ENDS + 1, True),
        (CONFIRMED, HOLD_ENDS, False),
    ],
)
def test_only_an_unconfirmed_hold_lapses(status: str, now: int, over: bool) -> None:  # noqa: FBT001  # a table
    assert lapsed(_held(status), now) is over


def test_a_free_slot_does_not_lapse() -> None:
    assert not lapsed(_free(), UNTIL)


@pytest.mark.parametrize(("now", "version"), [(HOLD_ENDS - 1, 5), (HOLD_ENDS, 6), (HOLD_ENDS + 99, 6)])
def test_the_version_is_the_one_that_the_release_will_write(now: int, version: int) -> None:
    assert version_at(_held(), now) == version


def test_a_live_hold_is_seen_as_it_is() -> None:
    seen = reservation_at(_held(), HOLD_ENDS - 1)

    assert (seen.id, seen.client_id, seen.start, seen.end) == (HOLD, "alice", AT, UNTIL)
    assert (seen.status, seen.version) == (RESERVED, 5)
    assert (seen.reserved_at, seen.expires_at, seen.confirmed_at, seen.ended_at) == (START, HOLD_ENDS, None, None)


def test_a_hold_that_is_over_is_expired_and_ended_when_it_ran_out() -> None:
    seen = reservation_at(_held(), HOLD_ENDS + 500)

    assert (seen.status, seen.version, seen.ended_at) == (EXPIRED, 6, HOLD_ENDS)


def test_a_booking_says_when_it_was_confirmed() -> None:
    seen = reservation_at(_held(CONFIRMED), UNTIL)

    assert (seen.status, seen.version, seen.confirmed_at, seen.ended_at) == (CONFIRMED, 5, START + 60, None)


@pytest.mark.parametrize("status", [EXPIRED, CANCELLED])
def test_an_ended_reservation_stays_as_it_ended(status: str) -> None:
    seen = reservation_at(_ended(status), UNTIL + 86_400)

    assert (seen.id, seen.client_id, seen.status, seen.version) == (HOLD, "alice", status, 6)
    assert (seen.reserved_at, seen.expires_at, seen.ended_at) == (START, HOLD_ENDS, START + 70)
