"""Providers and the policies of what they publish."""

from dataclasses import dataclass

from chalicelib.booking.errors import NotFound, VersionMismatch
from chalicelib.store import providers, table
from chalicelib.store.appointments import Versions
from chalicelib.store.ids import new_nonce
from chalicelib.store.items import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A provider. The policies apply to what is published from now on."""

    id: str
    name: str
    time_zone: str
    hold_seconds: int
    notice_seconds: int
    version: int


def get_provider(provider_id: str) -> Profile:
    """Raises NotFound."""
    item = providers.read(provider_id)
    if item is None:
        raise NotFound
    return _profile(item)


def put_provider(profile: Profile, *, versions: Versions = None) -> Profile:
    """Make or replace a provider; the profile's own version does not count, that of the answer is 1 for a new one.

    Raises VersionMismatch.
    """
    return _put(profile, new_nonce(), versions)


@table.until_settled
def _put(profile: Profile, nonce: str, versions: Versions) -> Profile:
    try:
        item = providers.put(
            profile.id,
            name=profile.name,
            time_zone=profile.time_zone,
            hold_seconds=profile.hold_seconds,
            notice_seconds=profile.notice_seconds,
            nonce=nonce,
            versions=versions,
        )
    except table.ConditionFailed as failed:
        item_now = Provider.from_raw_data(failed.item) if failed.item else None
        if item_now is None or item_now.nonce != nonce:
            raise VersionMismatch from failed
        item = item_now
    return _profile(item)


def _profile(item: Provider) -> Profile:
    return Profile(
        id=item.provider_id,
        name=item.name,
        time_zone=item.time_zone,
        hold_seconds=item.hold_seconds,
        notice_seconds=item.notice_seconds,
        version=item.version,
    )
