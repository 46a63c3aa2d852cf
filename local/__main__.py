"""`python -m local`: the whole of Holdfast in one process, for trying it out."""

import os
import signal
import sys
from errno import EADDRINUSE
from pathlib import Path
from types import FrameType
from typing import Any

from local.options import Options, read, trusting

# The local stage lets anybody in: no other machine shall reach it.
HOST = "127.0.0.1"


def main() -> None:
    # First of all, since what follows takes a second or two.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _end)
    options = read()
    os.environ["STAGE"] = "local"
    if os.environ.get("AUTH_MODE") == "jwt" and "JWT_ISSUER" not in os.environ:
        # The server is the issuer, too.
        os.environ |= trusting(f"http://{HOST}:{options.port}")
    _serve(options)


def _serve(options: Options) -> None:
    # Not at the top: they read the environment, start Moto, and take their time.
    from app import expire_reservations  # noqa: PLC0415
    from chalicelib.settings import JWT, settings  # noqa: PLC0415
    from local import console, schedule, welcome  # noqa: PLC0415

    server = listen(options.port)
    schedule.run_every(options.sweep_seconds, "expire_reservations", expire_reservations)
    header = welcome.token_header(options.port) if settings.auth_mode == JWT else welcome.mock_header
    console.say(welcome.text(f"http://{HOST}:{server.server_port}", options.hold_seconds, header))
    server.serve_forever()


def listen(port: int) -> Any:
    """Chalice's local server, as `chalice local --stage local` makes it."""
    from chalice.cli.factory import CLIFactory  # noqa: PLC0415

    from local.server import mend  # noqa: PLC0415

    mend()
    factory = CLIFactory(str(Path(__file__).parent.parent))
    config = factory.create_config_obj(chalice_stage_name="local")
    try:
        return factory.create_local_server(config.chalice_app, config, HOST, port).server
    except OSError as error:
        if error.errno != EADDRINUSE:
            raise
        sys.exit(f"holdfast: port {port} is in use: free it, or choose another with PORT=")


def _end(_signal: int, _frame: FrameType | None) -> None:
    # Nothing outlives the process, and Python's own way out would wait for threads that wait for clients.
    os._exit(0)


if __name__ == "__main__":
    main()
