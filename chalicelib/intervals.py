"""Intervals of time, [start, end) in epoch seconds. Pure."""

from collections.abc import Iterable
from itertools import pairwise

from chalicelib import clock
from chalicelib.settings import SECONDS_PER_DAY

Interval = tuple[int, int]


def days_touched(interval: Interval) -> list[str]:
    """The UTC dates, `yyyy-mm-dd`, that the interval lies in. One that ends at midnight leaves the next day be."""
    start, end = interval
    first, last = start // SECONDS_PER_DAY, (end - 1) // SECONDS_PER_DAY
    return [clock.iso(day * SECONDS_PER_DAY)[:10] for day in range(first, last + 1)]


def dates_near(start: int) -> list[str]:
    """The UTC dates that an appointment, which is no longer than a day, can touch when it starts then."""
    return days_touched((start, start + SECONDS_PER_DAY))


def cut(interval: Interval, length_seconds: int) -> list[Interval]:
    """The interval in pieces of that length, which must divide it."""
    start, end = interval
    return [(at, at + length_seconds) for at in range(start, end, length_seconds)]


def overlapping(new: Iterable[Interval], standing: Iterable[Interval]) -> list[Interval]:
    """Those standing that a new one overlaps, in time order. To touch is not to overlap."""
    wanted = list(new)
    return sorted({(s, e) for s, e in standing if any(start < e and s < end for start, end in wanted)})


def any_overlap(intervals: Iterable[Interval]) -> bool:
    """Whether two of them overlap each other."""
    return any(later[0] < earlier[1] for earlier, later in pairwise(sorted(intervals)))
