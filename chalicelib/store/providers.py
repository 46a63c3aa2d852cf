"""Profiles of providers."""

from pynamodb.expressions.condition import Condition

from chalicelib.store import table
from chalicelib.store.appointments import Versions
from chalicelib.store.items import Provider, profile_key


def read(provider_id: str) -> Provider | None:
    raw = table.read(profile_key(provider_id))
    return Provider.from_raw_data(raw) if raw else None


def put(
    provider_id: str,
    *,
    name: str,
    time_zone: str,
    hold_seconds: int,
    notice_seconds: int,
    nonce: str,
    versions: Versions,
) -> Provider:
    """Make or replace the profile; of version 1 when it is new.

    Raises ConditionFailed with the item as it stands: another version, or none where there must be one; or this
    very write, told by its `nonce`, done already when its answer was lost.
    """
    # Of a new profile too: what is not there is unequal to everything.
    first_time = Provider.nonce != nonce
    profile = Provider(*profile_key(provider_id))
    with table.request():
        profile.update(
            [
                Provider.name.set(name),
                Provider.time_zone.set(time_zone),
                Provider.hold_seconds.set(hold_seconds),
                Provider.notice_seconds.set(notice_seconds),
                Provider.nonce.set(nonce),
                Provider.version.add(1),
            ],
            condition=first_time & _expected(versions) if versions is not None else first_time,
        )
    return profile


def _expected(versions: frozenset[int]) -> Condition:
    condition: Condition = Provider.version.is_in(*sorted(versions)) if versions else Provider.version.exists()
    return condition
