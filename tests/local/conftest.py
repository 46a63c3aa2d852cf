"""The local start as its users have it: a process of its own, called over HTTP."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30
# `python -m local`, its threads taking turns so often that whatever they can mix up, they do.
RESTLESSLY = """
import runpy, sys
sys.setswitchinterval(1e-6)
runpy.run_module("local", run_name="__main__", alter_sys=True)
"""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


class LocalStart:
    """`python -m local` on a free port."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own
            [sys.executable, *(arguments or ("-m", "local"))],
            cwd=ROOT,
            env=os.environ | {"PORT": "0"} | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        self._days = count(1)
        listening = threading.Event()
        self._reader = threading.Thread(target=self._read, args=[listening], daemon=True)
        self._reader.start()
        listening.wait(PATIENCE_SECONDS)
        found = re.search(r"http://127\.0\.0\.1:(\d+) ", self.output)
        assert found, self.output
        self.port = int(found[1])

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def commands(self) -> str:
        """The commands that it printed."""
        return self.output[self.output.index("curl ") :]

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code, all output read. Raises TimeoutExpired when it takes more than a second."""
        self._process.send_signal(by)
        code = self._process.wait(timeout=1)
        self._reader.join()
        return code

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def call(
        self, method: str, path: str, who: str = "demo", body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            return ask(connection, method, path, who, body, headers)
        finally:
            connection.close()

    def slots(self, how_many: int) -> list[str]:
        """The ids of as many new slots of provider 1234, on a day that has none yet."""
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=next(self._days))
        interval = {
            "startTime": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "endTime": f"{start + timedelta(minutes=how_many):%Y-%m-%dT%H:%M:%SZ}",
        }
        body = {"providerId": "1234", "slots": [interval], "slotMinutes": 1}
        made = self.call("POST", "/appointments", "provider:1234", body)
        assert made.status == 201, made
        return [slot["appointmentId"] for slot in made.body["appointments"]]

    def _read(self, listening: threading.Event) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.append(line)
            # The last line of the welcome.
            if "/reservations" in line:
                listening.set()
        listening.set()


def ask(  # noqa: PLR0917  # as `call` reads
    connection: HTTPConnection,
    method: str,
    path: str,
    who: str = "demo",
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    sent = {"Authorization": who, "Content-Type": "application/json"} | (headers or {})
    connection.request(method, path, None if body is None else msgspec.json.encode(body), sent)
    response = connection.getresponse()
    raw = response.read()
    return Answer(response.status, dict(response.getheaders()), msgspec.json.decode(raw) if raw else None)


@pytest.fixture(scope="session")
def start() -> Iterator[LocalStart]:
    """One that all tests share."""
    started = LocalStart("-c", RESTLESSLY)
    yield started
    started.kill()


@pytest.fixture
def start_own() -> Iterator[Callable[..., LocalStart]]:
    """Makes one for the test alone."""
    all_started: list[LocalStart] = []

    def start(**environ: str) -> LocalStart:
        all_started.append(LocalStart(**environ))
        return all_started[-1]

    yield start
    for started in all_started:
        started.kill()
