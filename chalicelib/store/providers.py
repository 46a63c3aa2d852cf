"""Profiles of providers."""

from chalicelib.store import table
from chalicelib.store.appointments import Versions
from chalicelib.store.items import Provider, profile_key


def read(provider_id: str) -> Provider | None:
    raw = table.read(profile_key(provider_id))
    return Provider.from_raw_data(raw) if raw else None


def put(
    provider_id: str, *, name: str, time_zone: str, hold_seconds: int, notice_seconds: int, versions: Versions
) -> Provider:
    """Make or replace the profile; of version 1 when it is new. Raises ConditionFailed for another version."""
    profile = Provider(*profile_key(provider_id))
    with table.request():
        profile.update(
            [
                Provider.name.set(name),
                Provider.time_zone.set(time_zone),
                Provider.hold_seconds.set(hold_seconds),
                Provider.notice_seconds.set(notice_seconds),
                Provider.version.add(1),
            ],
            condition=Provider.version.is_in(*sorted(versions)) if versions else None,
        )
    return profile
