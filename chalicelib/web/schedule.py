"""What EventBridge starts."""

from typing import Any

from chalicelib.booking.sweep import sweep
from chalicelib.logs import logger
from chalicelib.store.items import Appointment


class SweepIncomplete(Exception):
    """A shard could not be read; Lambda tries again, and counts an error."""


def sweep_and_log(context: Any) -> None:
    """Release what is over in the time that Lambda has left. Raises SweepIncomplete."""
    done = sweep(lambda: context.get_remaining_time_in_millis() / 1000, _log_failure)
    logger.info(
        "sweep",
        released=done.released,
        passed_by=done.passed_by,
        failed=done.failed,
        lag_seconds=done.lag_seconds,
        complete=done.complete,
    )
    if done.unread_shards:
        raise SweepIncomplete(f"{done.unread_shards} shards could not be read")


def _log_failure(held: Appointment, error: Exception) -> None:
    logger.error("release failed", reservation_id=str(held.reservation_id), exc_info=error)
