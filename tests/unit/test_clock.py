import time

import pytest

from chalicelib import clock
from tests.support import START, Clock


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (START, "2027-01-01T08:00:00Z"),
        (1_835_395_199, "2028-02-28T23:59:59Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ],
)
def test_an_instant_as_text_and_back(seconds: int, text: str) -> None:
    assert clock.iso(seconds) == text
    assert clock.seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "2027-13-01T08:00:00Z",
        "2027-02-29T08:00:00Z",
        "2027-01-01T08:00:00Z ",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        clock.seconds(text)


def test_texts_sort_as_their_instants_do() -> None:
    instants = [0, 999_999_999, 1_000_000_000, START, 253_402_300_799]

    assert sorted(instants, key=clock.iso) == instants


def test_now_is_in_whole_seconds(clock: Clock) -> None:
    clock.advance(seconds=0.9)

    assert _now() == START


def test_now_moves_with_the_clock(clock: Clock) -> None:
    clock.advance(days=1, hours=1, minutes=1, seconds=1)

    assert _now() == START + 86_400 + 3_600 + 60 + 1


def test_a_pause_passes_the_tests_time_without_waiting(clock: Clock) -> None:
    began = time.monotonic()

    _pause(3_600)

    assert clock.time == START + 3_600
    assert time.monotonic() - began < 1


def test_the_clock_of_before_runs_again_after_the_block() -> None:
    with clock.running_on(lambda: 5):
        inside = clock.now()

    assert (inside, clock.now()) == (5, START)


def test_the_clock_of_before_runs_again_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), clock.running_on(lambda: 5):
        _ = 1 / 0

    assert clock.now() == START


def _now() -> int:
    return clock.now()


def _pause(seconds: float) -> None:
    clock.pause(seconds)
