"""Lines for an operator: JSON logs, an audit of every change, and metrics in CloudWatch's embedded format.

Ids yes; names, tokens and bodies never.
"""

from collections import Counter

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from chalicelib import clock
from chalicelib.audit import Change
from chalicelib.settings import settings

NAMESPACE = "Holdfast"
logger = Logger(service=f"holdfast-{settings.stage}", level=settings.log_level)

METRIC_OF = {
    "reserved": "ReservationsMade",
    "confirmed": "ReservationsConfirmed",
    "expired": "ReservationsExpired",
    "cancelled": "ReservationsCancelled",
}


def log_changes(changes: list[Change], who: str) -> None:
    """The audit: who did what, when, and the status before and after."""
    for change in changes:
        logger.info(
            "changed",
            who=who,
            id=change.id,
            before=change.before,
            after=change.after,
            at=clock.iso(change.at),
        )


def counts_of(changes: list[Change]) -> Counter[str]:
    """The metrics that the changes are counted by."""
    return Counter(METRIC_OF[change.after] for change in changes if change.after in METRIC_OF)


def put_metrics(counts: dict[str, int], seconds: dict[str, int] | None = None) -> None:
    """One line that CloudWatch reads the metrics from; none when there is nothing to count."""
    values = [(name, MetricUnit.Count, count) for name, count in counts.items() if count]
    values += [(name, MetricUnit.Seconds, value) for name, value in (seconds or {}).items()]
    if not values:
        return
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=f"holdfast-{settings.stage}")
    for name, unit, value in values:
        metrics.add_metric(name=name, unit=unit, value=value)
    metrics.flush_metrics()
