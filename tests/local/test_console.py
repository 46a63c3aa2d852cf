"""What the console shows."""

import logging

import pytest

from local import console


def record(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "levelno": logging.INFO} | extra)


def test_a_sweep_is_a_short_line() -> None:
    line = console.Lines().format(record("sweep", released=2, lag_seconds=7))

    assert line.endswith(" sweep released=2 lag_seconds=7")


@pytest.mark.parametrize(
    ("shown", "given"),
    [
        (True, record("sweep", released=1)),
        (False, record("sweep", released=0)),
        (False, record("request", status=200)),
        (False, record("changed", who="alice")),
        (True, record("failed", levelno=logging.ERROR)),
    ],
)
def test_what_is_worth_showing(shown: bool, given: logging.LogRecord) -> None:  # noqa: FBT001
    assert console.worth_showing(given) is shown


def test_an_error_keeps_its_traceback() -> None:
    error = ValueError("what went wrong")
    given = record("failed", exc_info=(ValueError, error, None))

    assert console.Lines().format(given).endswith("ValueError: what went wrong")
