"""The scheduled function, run as EventBridge would run it. `chalice local` never does."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from chalice.local import LambdaContext

from chalicelib.logs import logger

_MEMORY_MB = 128
_TIME_OUT_MILLISECONDS = 60_000


def run_every(seconds: float, name: str, function: Callable[[dict[str, Any], LambdaContext], object]) -> None:
    """In a thread of its own, until the process ends; one failure does not end it."""

    def run() -> None:
        waiting = threading.Event()
        while not waiting.wait(seconds):
            invoke(name, function)

    threading.Thread(target=run, name=name, daemon=True).start()


def invoke(name: str, function: Callable[[dict[str, Any], LambdaContext], object]) -> None:
    try:
        function(_event(name), LambdaContext(name, _MEMORY_MB, _TIME_OUT_MILLISECONDS))
    except Exception:  # noqa: BLE001  # EventBridge would come again, too
        logger.exception("scheduled function failed", function=name)


def _event(name: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": "us-east-1",
        "resources": [f"arn:aws:events:us-east-1:123456789012:rule/{name}"],
        "detail": {},
    }
