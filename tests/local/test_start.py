"""How the local start begins and ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest

from tests.local.conftest import PATIENCE_SECONDS, ROOT, LocalStart

TWO_THREADS = """
import threading
from app import app
from local.__main__ import listen

listen(0)
app.current_request = "this thread's"
other = threading.Thread(target=lambda: print(getattr(app, "current_request", "nothing")))
other.start()
other.join()
"""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_within_a_second(start_own: Callable[..., LocalStart], by: signal.Signals) -> None:
    start = start_own()

    code = start.stop(by)

    assert code == 0
    assert "Traceback" not in start.output


def test_the_commands_that_it_prints_work_as_they_stand(start_own: Callable[..., LocalStart]) -> None:
    start = start_own()

    pasted = ["bash", "-euo", "pipefail", "-c", start.commands()]
    done = subprocess.run(pasted, capture_output=True, timeout=PATIENCE_SECONDS, check=False)  # noqa: S603  # our own

    assert (done.returncode, done.stderr) == (0, b"")
    published, listed, reserved = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    assert len(published["appointments"]) == 6
    assert listed["appointments"] == published["appointments"]
    assert reserved["appointmentId"] == listed["appointments"][0]["appointmentId"]
    assert (reserved["status"], reserved["clientId"]) == ("reserved", "alice")


@pytest.mark.loopback
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run(PORT=str(port))

    assert done.returncode == 1
    assert done.stderr == f"holdfast: port {port} is in use: free it, or choose another with PORT=\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [("PORT", "http"), ("HOLD_MINUTES", "0"), ("SWEEP_SECONDS", "nan"), ("RETENTION_DAYS", "many")],
)
def test_a_wrong_setting_is_one_clear_line(name: str, text: str) -> None:
    done = run(**{name: text})

    assert done.returncode == 1
    assert done.stderr.startswith(f"holdfast: {name} is '{text}': give a ")
    assert done.stderr.count("\n") == 1


def test_each_thread_has_a_current_request_of_its_own() -> None:
    """The concurrent test of the server sees it only now and then when this is not so."""
    done = run("-c", TWO_THREADS)

    assert done.stdout.splitlines()[-1:] == ["nothing"], done.stderr


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own
        [sys.executable, *(arguments or ("-m", "local"))],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
