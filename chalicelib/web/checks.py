"""The rules of a body that no type says."""

from functools import cache
from importlib.resources import files
from urllib.parse import unquote

from msgspec import UNSET

from chalicelib import clock
from chalicelib.booking.providers import Profile
from chalicelib.booking.rules import check_ahead, check_length, cut_into_slots
from chalicelib.intervals import Interval
from chalicelib.settings import settings
from chalicelib.store.ids import is_name
from chalicelib.web.calls import seconds_of
from chalicelib.web.problems import invalid
from chalicelib.web.schemas import MoveRequest, ProviderRequest, PublishRequest


def slots(body: PublishRequest, *, may_be_past: bool) -> list[Interval]:
    """The slots to publish, in time order. Raises Problem `invalid-request`, Invalid."""
    intervals = [
        (
            seconds_of(slot.start_time, f"/slots/{position}/startTime"),
            seconds_of(slot.end_time, f"/slots/{position}/endTime"),
        )
        for position, slot in enumerate(body.slots)
    ]
    return cut_into_slots(intervals, body.slot_minutes, clock.now(), may_be_past=may_be_past)


def move(body: MoveRequest) -> tuple[int | None, int | None]:
    """The new start and end; None for what stays. Raises Problem `invalid-request`."""
    start = None if body.start_time is UNSET else seconds_of(body.start_time, "/startTime")
    end = None if body.end_time is UNSET else seconds_of(body.end_time, "/endTime")
    now = clock.now()
    if start is not None:
        check_ahead(start, "/startTime", now)
    if start is not None and end is not None:
        check_length((start, end), "", now)
    return start, end


def profile(provider_id: str, body: ProviderRequest) -> Profile:
    """The provider as it is to be. Raises Problem `invalid-request`."""
    provider_id = unquote(provider_id)
    if not is_name(provider_id):
        raise invalid("/providerId", "give 1 to 128 letters, digits, or . _ : @ | -, the first a letter or digit")
    if body.time_zone not in _time_zones():
        raise invalid("/timeZone", "give a name of the IANA time zone database, such as Europe/Vienna")
    return Profile(
        id=provider_id,
        name=body.name,
        time_zone=body.time_zone,
        hold_seconds=_hold_seconds(body),
        notice_seconds=body.notice_minutes * 60,
        version=0,
    )


def _hold_seconds(body: ProviderRequest) -> int:
    seconds = round(body.hold_minutes * 60)
    # Holds of seconds, to see one expire, are for trying things out.
    if seconds < 1 or (seconds % 60 and not settings.is_local):
        raise invalid("/holdMinutes", "give a whole number of minutes")
    return seconds


@cache
def _time_zones() -> set[str]:
    # Not what the host has: that differs, and has names such as `localtime`. Not at import, as few ever ask.
    return set((files("tzdata") / "zones").read_text().split())
