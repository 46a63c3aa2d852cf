"""`make schemathesis`: the API here, with real tokens, against its own OpenAPI document."""

import os
import subprocess
import sys
from pathlib import Path

from local.ports import free_port

HERE = Path(__file__).parent
SCHEMATHESIS = Path(os.environ.get("SCHEMATHESIS", ".venv-schema/bin/schemathesis")).absolute()
LIMIT_SECONDS = 180
"""Far more than it takes: a run that hangs ends."""


def main() -> int:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "local"],
        env=os.environ | {"PORT": str(port), "AUTH_MODE": "jwt", "MAX_LIVE_HOLDS": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return _schemathesis(url)
    finally:
        server.terminate()
        server.wait()


def _schemathesis(url: str) -> int:
    tokens = {
        "PROVIDER_TOKEN": _token(url, "provider", "1234"),
        "CLIENT_TOKEN": _token(url, "client", "alice"),
        "ADMIN_TOKEN": _token(url, "admin", "root"),
    }
    command = [
        str(SCHEMATHESIS),
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        f"{url}/openapi.json",
        f"--seed={os.environ.get('SEED', '1')}",
        f"--max-time={os.environ.get('SECONDS', '60')}",
        "--generation-database=none",
        "--wait-for-schema=30",
        "--continue-on-failure",
        "--no-color",
    ]
    done = subprocess.run(  # noqa: S603  # a command of our own
        command, env=os.environ | tokens, cwd=HERE, timeout=LIMIT_SECONDS, check=False
    )
    return done.returncode


def _token(url: str, role: str, caller_id: str) -> str:
    command = [sys.executable, "-m", "local.issuer", url, role, caller_id]
    # Only the issuer's key is asked for: the app that it imports needs no token of its own.
    mock = os.environ | {"AUTH_MODE": "mock"}
    return subprocess.run(command, env=mock, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
