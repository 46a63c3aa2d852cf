import pytest

from chalicelib import clock
from chalicelib.intervals import Interval, any_overlap, cut, days_touched, overlapping

HOUR = 3_600


def _interval(start: str, end: str) -> Interval:
    return clock.seconds(start), clock.seconds(end)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2027-01-02T09:00:00Z", "2027-01-02T10:00:00Z", ["2027-01-02"]),
        ("2027-01-02T00:00:00Z", "2027-01-03T00:00:00Z", ["2027-01-02"]),
        ("2027-01-02T23:59:59Z", "2027-01-03T00:00:00Z", ["2027-01-02"]),
        ("2027-01-02T23:59:59Z", "2027-01-03T00:00:01Z", ["2027-01-02", "2027-01-03"]),
        ("2027-01-02T12:00:00Z", "2027-01-04T00:00:01Z", ["2027-01-02", "2027-01-03", "2027-01-04"]),
        ("2027-12-31T23:00:00Z", "2028-01-01T01:00:00Z", ["2027-12-31", "2028-01-01"]),
        ("2028-02-28T23:00:00Z", "2028-02-29T01:00:00Z", ["2028-02-28", "2028-02-29"]),
    ],
)
def test_days_touched(start: str, end: str, days: list[str]) -> None:
    assert days_touched(_interval(start, end)) == days


def test_cut_makes_pieces_that_touch_and_fill_the_interval() -> None:
    assert cut((0, 3 * HOUR), HOUR) == [(0, HOUR), (HOUR, 2 * HOUR), (2 * HOUR, 3 * HOUR)]


def test_cut_by_its_own_length_leaves_the_interval_whole() -> None:
    assert cut((5, 5 + HOUR), HOUR) == [(5, 5 + HOUR)]


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ((10, 20), (10, 20), True),
        ((10, 20), (12, 18), True),
        ((12, 18), (10, 20), True),
        ((10, 20), (19, 30), True),
        ((10, 20), (1, 11), True),
        ((10, 20), (10, 11), True),
        ((10, 20), (19, 20), True),
        ((10, 20), (20, 30), False),
        ((10, 20), (1, 10), False),
        ((10, 20), (25, 30), False),
    ],
)
def test_to_touch_is_not_to_overlap(one: Interval, other: Interval, overlap: bool) -> None:  # noqa: FBT001  # a table
    assert bool(overlapping([one], [other])) is overlap
    assert any_overlap([one, other]) is overlap


def test_overlapping_names_the_standing_ones_once_and_in_time_order() -> None:
    standing = [(40, 50), (0, 10), (20, 30), (60, 70)]

    assert overlapping([(5, 25), (22, 45)], standing) == [(0, 10), (20, 30), (40, 50)]


def test_nothing_overlaps_an_empty_calendar() -> None:
    assert overlapping([(0, 10)], []) == []


def test_any_overlap_does_not_depend_on_the_order() -> None:
    assert any_overlap([(20, 30), (0, 10), (5, 6)])
    assert not any_overlap([(20, 30), (0, 10), (10, 20)])


@pytest.mark.parametrize("few", [[], [(0, 10)]])
def test_fewer_than_two_do_not_overlap(few: list[Interval]) -> None:
    assert not any_overlap(few)
