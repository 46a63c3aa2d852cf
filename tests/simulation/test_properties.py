"""Ids, cursors, intervals and times: what must hold of all of them, tried on many."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from chalicelib import clock
from chalicelib.intervals import any_overlap, cut, dates_near, days_touched, overlapping
from chalicelib.store import ids
from chalicelib.store.ids import AppointmentId, BadId, ReservationId
from chalicelib.store.items import is_sk_of_reservation
from chalicelib.store.pages import Place
from chalicelib.web import cursors
from chalicelib.web.calls import seconds_of
from chalicelib.web.problems import Problem
from chalicelib.web.schemas import Instant

settings.register_profile("properties", derandomize=True, deadline=None, max_examples=150)
settings.load_profile("properties")

NAMES = st.from_regex(ids.NAME.replace("127", "12"), fullmatch=True)
TEXT64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
GENERATIONS, NONCES = st.text(TEXT64, min_size=8, max_size=8), st.text(TEXT64, min_size=16, max_size=16)
DAY = 86_400
INSTANTS = st.integers(0, clock.LATEST - DAY)
"""An appointment may be a day long."""
AROUND_NOW = st.integers(1_798_790_400, 1_798_790_400 + 10 * DAY)
INTERVALS = st.builds(lambda start, length: (start, start + length), AROUND_NOW, st.integers(1, DAY))
APPOINTMENTS = st.builds(AppointmentId, NAMES, INSTANTS, GENERATIONS)
RESERVATIONS = st.builds(ReservationId, NAMES, INSTANTS, GENERATIONS, NONCES)


# Ids


@given(APPOINTMENTS)
def test_a_slot_s_id_says_which_slot(slot: AppointmentId) -> None:
    assert ids.appointment_id(str(slot)) == slot


@given(RESERVATIONS)
def test_a_reservation_s_id_says_which_reservation(made: ReservationId) -> None:
    assert ids.reservation_id(str(made)) == made


@given(RESERVATIONS, st.integers(0, 200), st.characters())
def test_a_damaged_id_is_no_id_or_another_one(made: ReservationId, at: int, by: str) -> None:
    whole = str(made)
    damaged = whole[:at] + by + whole[at + 1 :]
    assume(damaged != whole)

    try:
        found = ids.reservation_id(damaged)
    except BadId:
        return
    assert found != made
    assert str(found) == damaged


@given(st.text())
@example("apt_")
@example("res_" + "=" * 40)
def test_any_text_is_an_id_or_refused(text: str) -> None:
    for parse in (ids.appointment_id, ids.reservation_id):
        try:
            found = parse(text)
        except BadId:
            continue
        assert str(found) == text


# Cursors


@given(INSTANTS, st.lists(st.text(max_size=20) | st.none() | st.integers(), max_size=4))
def test_a_cursor_leads_back_to_its_place_in_its_own_list(at: int, of: list[object]) -> None:
    assert cursors.place(cursors.cursor(str(at), *of), *of) == str(at)


@given(INSTANTS, st.text(max_size=20), st.text(max_size=20))
def test_a_cursor_of_another_list_is_refused(at: int, one: str, other: str) -> None:
    assume(one != other)

    with pytest.raises(Problem):
        cursors.place(cursors.cursor(str(at), one), other)


@given(st.text(max_size=60))
@example("A")
@example("\udc80")
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        found = cursors.place(text, "a list")
    except Problem:
        return
    assert cursors.cursor(found, "a list") == text


@given(NAMES, INSTANTS, NONCES)
def test_a_place_in_a_client_s_reservations_is_one_text(provider: str, start: int, nonce: str) -> None:
    for sk in (f"APPT#{clock.iso(start)}", f"ENDED#{clock.iso(start)}#{nonce}"):
        assert is_sk_of_reservation(sk)
        assert Place.parse(str(Place(provider, sk))) == Place(provider, sk)


@given(st.text())
def test_any_text_is_a_place_or_refused(text: str) -> None:
    try:
        found = Place.parse(text)
    except ValueError:
        return
    assert str(found) == text


# Intervals


@given(st.lists(INTERVALS, max_size=6), st.lists(INTERVALS, max_size=6))
def test_what_overlaps_shares_a_second(new: list[tuple[int, int]], standing: list[tuple[int, int]]) -> None:
    shares = {(s, e) for s, e in standing if any(max(start, s) < min(end, e) for start, end in new)}

    assert overlapping(new, standing) == sorted(shares)


@given(st.lists(INTERVALS, max_size=8))
def test_some_overlap_when_two_of_them_do(intervals: list[tuple[int, int]]) -> None:
    pairs = [(one, other) for at, one in enumerate(intervals) for other in intervals[at + 1 :]]

    assert any_overlap(intervals) == any(overlapping([one], [other]) for one, other in pairs)


@given(INTERVALS)
def test_the_days_that_an_interval_touches_are_those_of_its_seconds(interval: tuple[int, int]) -> None:
    start, end = interval
    dates = {datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") for at in (*range(start, end, 1_800), end - 1)}

    assert set(days_touched(interval)) == dates
    assert dates <= set(dates_near(start))


@given(INTERVALS, INTERVALS)
def test_what_overlaps_shares_a_day(one: tuple[int, int], other: tuple[int, int]) -> None:
    """So that whoever writes the days of the one sees the other."""
    if overlapping([one], [other]):
        assert set(days_touched(one)) & set(days_touched(other))


@given(AROUND_NOW, st.integers(1, 90), st.integers(1, 240))
def test_pieces_are_the_whole(start: int, count: int, minutes: int) -> None:
    end = start + count * minutes * 60
    pieces = cut((start, end), minutes * 60)

    assert len(pieces) == count
    assert (pieces[0][0], pieces[-1][1]) == (start, end)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(pieces))


# Times


@given(INSTANTS)
def test_a_time_s_text_says_which_time(at: int) -> None:
    assert clock.seconds(clock.iso(at)) == at
    assert len(clock.iso(at)) == len("2027-01-01T08:00:00Z")


@given(INSTANTS, INSTANTS)
def test_texts_sort_as_their_times(one: int, other: int) -> None:
    assert (clock.iso(one) < clock.iso(other)) == (one < other)


@cache
def _transitions(zone: str) -> list[int]:
    """The seconds at which the zone's offset changes, from 2024 to 2030, to the second."""
    here = ZoneInfo(zone)
    first = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    days = range(first, first + 7 * 366 * DAY, 5 * DAY)
    return [_change(here, day, day + 5 * DAY) for day in days if _offset(here, day) != _offset(here, day + 5 * DAY)]


def _offset(zone: ZoneInfo, at: int) -> timedelta | None:
    return datetime.fromtimestamp(at, zone).utcoffset()


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(zone, middle) == _offset(zone, before) else (before, middle)
    return after


def test_every_zone_s_every_change_of_offset_keeps_the_instant() -> None:
    """A local time is sent with its offset: also the hour that there is twice, and around the one that there is not."""
    instants = msgspec.json.Decoder(Instant)
    changes = 0
    for zone in sorted(available_timezones()):
        for change in _transitions(zone):
            changes += 1
            for at in (change - 3_600, change - 1, change, change + 1, change + 3_599):
                sent = datetime.fromtimestamp(at, ZoneInfo(zone)).isoformat()
                if len(sent) > len("2027-01-01T08:00:00+02:00"):
                    continue  # An offset with seconds, which RFC 3339 does not know.
                read = seconds_of(instants.decode(f'"{sent}"'), "")
                assert (read, clock.iso(read)) == (at, clock.iso(at)), (zone, sent)
    assert changes > 1_000
