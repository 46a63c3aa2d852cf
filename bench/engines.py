"""The engines that the benchmark starts on 127.0.0.1, each in a folder of its own, and ends."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from local import issuer
from local.ports import free_port

ROOT = Path(__file__).parent.parent
DYNALITE = ROOT / ".bench" / "node_modules" / "dynalite" / "cli.js"
DEBIANS_POSTGRESQL = Path("/usr/lib/postgresql")
START_SECONDS = 20
Environment = dict[str, str]


@contextmanager
def issuing(handler: type["Keys"] | None = None) -> Iterator[str]:
    """The issuer of tokens: its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler or Keys) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Keys(BaseHTTPRequestHandler):
    """The issuer's."""

    def do_GET(self) -> None:
        self.answer(issuer.jwks())

    def answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Nothing."""


@contextmanager
def moto() -> Iterator[Environment]:
    """Starts in the process that uses it: local/aws.py."""
    yield {}


@contextmanager
def dynalite() -> Iterator[Environment]:
    """DynamoDB's API over a sorted store: what a query looks at does not grow with the table. Has no transactions."""
    port = free_port()
    command = ["node", str(DYNALITE), "--port", str(port), "--createTableMs", "1", "--deleteTableMs", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: S603  # as installed
        try:
            _wait(port)
            yield {"DYNAMODB_ENDPOINT": f"http://127.0.0.1:{port}"}
        finally:
            process.terminate()


@contextmanager
def postgresql() -> Iterator[Environment]:
    """A cluster as Debian's package makes it, durable; gives libpq's own variables."""
    programs, port = _programs(), free_port()
    with TemporaryDirectory(prefix="holdfast-postgresql-") as name:
        data = Path(name) / "data"
        data.mkdir()
        _give_away(Path(name), data)
        _run(programs / "initdb", "--auth=trust", "--username=bench", "--encoding=UTF8", "-D", data)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data}"
        _run(programs / "pg_ctl", "-w", "-D", data, "-l", data / "log", "-o", options, "start")
        try:
            yield {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "bench", "PGDATABASE": "postgres"}
        finally:
            _run(programs / "pg_ctl", "-w", "-D", data, "-m", "immediate", "stop")


def dynalites_version() -> str:
    text: str = json.loads((DYNALITE.parent / "package.json").read_text())["version"]
    return text


def postgresqls_version() -> str:
    done = subprocess.run([_programs() / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.split()[2]


def _programs() -> Path:
    newest = max(DEBIANS_POSTGRESQL.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return newest.parent


def _run(program: Path, *arguments: str | Path) -> None:
    # PostgreSQL refuses to run as root.
    as_whom = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*as_whom, program, *arguments], cwd="/", check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # Debian's


def _give_away(*folders: Path) -> None:
    if os.geteuid() == 0:
        for folder in folders:
            shutil.chown(folder, "postgres", "postgres")


def _wait(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on {port}")
