"""What the console of a local start shows: short lines for people, where a deployed stage writes JSON."""

import logging
import os
import sys
from contextlib import suppress
from datetime import datetime

from chalicelib.logs import logger

_NOT_EXTRA = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


def speak_plainly() -> None:
    """Make short lines of what the app logs; each request has the server's own line already."""
    # Metrics are lines too, for CloudWatch to read.
    os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"
    for handler in logger.handlers:
        handler.setFormatter(Lines())
        handler.addFilter(worth_showing)


def request_line(method: str, path: str, status: int, seconds: float) -> None:
    """The path without its query, and escaped: it is whatever somebody sent."""
    say(f"{_time()} {ascii(method)[1:-1]} {ascii(path)[1:-1]} {status} {seconds * 1000:.1f} ms")


def say(line: str) -> None:
    """One write a line, so that threads do not mix theirs."""
    # Whoever read it may be gone (`make run | head`); the server goes on.
    with suppress(BrokenPipeError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def worth_showing(record: logging.LogRecord) -> bool:
    """What went wrong, and the sweeps that had something to do."""
    return record.levelno >= logging.WARNING or bool(getattr(record, "released", 0))


class Lines(logging.Formatter):
    """`12:03:44 sweep released=1 lag_seconds=2`, and a traceback below it where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        extra = [f"{name}={value}" for name, value in record.__dict__.items() if name not in _NOT_EXTRA]
        line = " ".join([_time(), record.getMessage(), *extra])
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _time() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"
