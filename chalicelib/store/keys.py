"""Idempotency keys as an appointment carries them: `keys.<hash of the key>` names the nonce it won.

An entry lies in the appointment's own item, written by the write that reserves, so that a key costs no
request; it is dropped by a later release, once it is too old to be of use. A slot that is held and let go
often in a day would outgrow its item: a release leaves the newest entries there, spills the others into items
of their own, and marks the slot, whose next reserve looks there too.
"""

from typing import NamedTuple

from chalicelib.settings import SECONDS_PER_DAY

CALLER_KEY_SECONDS = SECONDS_PER_DAY
"""How long a caller may repeat a request under its key."""
MOST_KEYS_HERE = 4
"""With these, and one more while it is held, an appointment's item stays under 1 KB."""
OWN_KEY_SECONDS = 10 * 60
"""How long the SDK may repeat a write of ours. A Lambda that sent it is gone after 29 s; the clock of whoever
releases the hold meanwhile may be minutes ahead of its own."""


class CallerKey(NamedTuple):
    """A caller's idempotency key, of this caller and path alone, and what it asks for under it; both hashed."""

    hash: str
    request_hash: str


class Attempt(NamedTuple):
    """One try to reserve, under the caller's idempotency key or one of our own."""

    key_hash: str
    nonce: str
    request_hash: str
    """Of what was asked for under the caller's key; empty under a key of our own."""


def entry(attempt: Attempt, now: int) -> str:
    """What the item keeps under the attempt's key."""
    return f"{attempt.nonce}:{attempt.request_hash}:{now}"


def attempt_in(keys: dict[str, str], key_hash: str) -> Attempt | None:
    """The attempt that won the slot under this key."""
    if key_hash not in keys:
        return None
    nonce, request_hash, _ = keys[key_hash].split(":")
    return Attempt(key_hash, nonce, request_hash)


def newest(keys: dict[str, str]) -> dict[str, str]:
    """The entries that stay in the item when it is released."""
    by_age = sorted(keys, key=lambda key_hash: _at(keys[key_hash]), reverse=True)
    return {key_hash: keys[key_hash] for key_hash in by_age[:MOST_KEYS_HERE]}


def still_of_use(keys: dict[str, str], now: int) -> dict[str, str]:
    """The entries without those that are too old to be repeated."""
    return {key_hash: kept for key_hash, kept in keys.items() if now <= useful_until(kept)}


def useful_until(kept: str) -> int:
    """The last second in which the entry may be asked for."""
    _, request_hash, _ = kept.split(":")
    return _at(kept) + (CALLER_KEY_SECONDS if request_hash else OWN_KEY_SECONDS)


def _at(kept: str) -> int:
    return int(kept.rpartition(":")[2])
