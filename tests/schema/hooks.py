"""What schemathesis makes up, where the document's own words would lead nearly every request to a 400 or a 403."""

from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis
from hypothesis import strategies as st

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
QUARTERS = 4 * 96
"""Four days of quarter hours: many slots fit, and some overlap."""


def _instant(quarter: int) -> str:
    return (TODAY + timedelta(days=2, minutes=15 * quarter)).isoformat().replace("+00:00", "Z")


INSTANTS = {_instant(quarter): quarter for quarter in range(QUARTERS + 1)}
schemathesis.openapi.format("date-time", st.sampled_from(sorted(INSTANTS)))


@schemathesis.hook  # type: ignore[untyped-decorator]  # unknown in this environment
def map_body(context: Any, body: Any) -> Any:
    """Slots of provider 1234 that end half an hour after they start; what is no such body stays as it is."""
    if context.operation.definition.raw["operationId"] == "publishAppointments" and isinstance(body, dict):
        slots = body.get("slots")
        if isinstance(slots, list) and all(isinstance(slot, dict) and slot.keys() <= _TIMES for slot in slots):
            for slot in slots:
                _mend(slot)
            if isinstance(body.get("slotMinutes"), int) and body["slotMinutes"] in range(1, 1_441):
                body["slotMinutes"] = 15
        if isinstance(body.get("providerId"), str) and body["providerId"].isalnum():
            body["providerId"] = "1234"
    return body


_TIMES = {"startTime", "endTime"}


def _mend(slot: dict[str, Any]) -> None:
    quarter = INSTANTS.get(slot.get("startTime", ""))
    if quarter is not None and slot.get("endTime") in INSTANTS:
        slot["endTime"] = _instant(quarter + 2)


@schemathesis.hook  # type: ignore[untyped-decorator]  # unknown in this environment
def filter_case(context: Any, case: Any) -> bool:  # noqa: ARG001  # the hook's own signature
    """Without the coverage phase's `If-Match: 0`, which schemathesis 4.32 takes to match any pattern."""
    return not {"If-Match", "If-None-Match"} & {name for name, value in case.headers.items() if value == "0"}
