"""What EventBridge starts."""

from typing import Any

from chalicelib.audit import changes_collected
from chalicelib.booking.sweep import Sweep, sweep
from chalicelib.logs import counts_of, log_changes, logger, put_metrics
from chalicelib.store.items import Appointment
from chalicelib.store.table import requests_counted

SWEEPER = "sweeper"


class SweepIncomplete(Exception):
    """A shard could not be read; Lambda tries again, and counts an error."""


def sweep_and_log(context: Any) -> None:
    """Release what is over in the time that Lambda has left. Raises SweepIncomplete."""
    with requests_counted() as sent, changes_collected() as changes:
        done = sweep(lambda: context.get_remaining_time_in_millis() / 1000, _log_failure)
    log_changes(changes, SWEEPER)
    _log(done)
    put_metrics(
        counts_of(changes) | {"Released": done.released, "ReleasesFailed": done.failed, "Throttles": sent.throttled},
        # Told every minute, also when it is 0: the alarm looks at it.
        {"SweepLagSeconds": done.lag_seconds},
    )
    if done.unread_shards:
        raise SweepIncomplete(f"{done.unread_shards} shards could not be read")


def _log(done: Sweep) -> None:
    logger.info(
        "sweep",
        released=done.released,
        passed_by=done.passed_by,
        failed=done.failed,
        lag_seconds=done.lag_seconds,
        complete=done.complete,
    )


def _log_failure(held: Appointment, error: Exception) -> None:
    logger.error("release failed", reservation_id=str(held.reservation_id), exc_info=error)
