"""Opaque ids that carry their own key, so that nothing is looked up to follow one.

An appointment id is `apt_` and, in base64url, its start, its generation and its provider;
a reservation id is `res_` and the same with the nonce before the provider. Every part but the last
is a multiple of three bytes long, so each is text of its own and an id is sliced, not unpacked.
"""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple, NoReturn

from chalicelib import clock
from chalicelib.settings import SECONDS_PER_DAY

NAME = r"[A-Za-z0-9][A-Za-z0-9._:@|-]{0,127}"
"""What names a provider or a client."""

_NAME = re.compile(NAME)
_START_BYTES, _GENERATION_BYTES, _NONCE_BYTES = 6, 6, 12
_APPOINTMENT = re.compile(r"apt_([\w-]{8})([\w-]{8})([\w-]+)", re.ASCII)
_RESERVATION = re.compile(r"res_([\w-]{8})([\w-]{8})([\w-]{16})([\w-]+)", re.ASCII)


_LATEST_START = clock.LATEST - SECONDS_PER_DAY
"""What starts then still ends in a year of four digits."""


class BadId(ValueError):
    """A text that is no id of ours."""


class AppointmentId(NamedTuple):
    """Which slot: published again at the same start, it is another one."""

    provider_id: str
    start: int
    generation: str

    def __str__(self) -> str:
        return f"apt_{_start_text(self.start)}{self.generation}{_encode(self.provider_id.encode())}"


class ReservationId(NamedTuple):
    """Which attempt to hold which slot."""

    provider_id: str
    start: int
    generation: str
    nonce: str

    def __str__(self) -> str:
        start = _start_text(self.start)
        return f"res_{start}{self.generation}{self.nonce}{_encode(self.provider_id.encode())}"

    @property
    def appointment_id(self) -> AppointmentId:
        return AppointmentId(self.provider_id, self.start, self.generation)


def new_generation() -> str:
    return secrets.token_urlsafe(_GENERATION_BYTES)


def new_nonce() -> str:
    return secrets.token_urlsafe(_NONCE_BYTES)


def is_name(text: str) -> bool:
    """Whether `text` may name a provider or a client."""
    return _NAME.fullmatch(text) is not None


def appointment_id(text: str) -> AppointmentId:
    """The slot that `text` names. Raises BadId."""
    match = _APPOINTMENT.fullmatch(text)
    if match is None:
        raise BadId(text)
    start, generation, provider = match.groups()
    found = AppointmentId(_provider(provider), _start(start), generation)
    return found if str(found) == text else _not_canonical(text)


def reservation_id(text: str) -> ReservationId:
    """The reservation that `text` names. Raises BadId."""
    match = _RESERVATION.fullmatch(text)
    if match is None:
        raise BadId(text)
    start, generation, nonce, provider = match.groups()
    found = ReservationId(_provider(provider), _start(start), generation, nonce)
    return found if str(found) == text else _not_canonical(text)


def _not_canonical(text: str) -> NoReturn:
    # Base64 has spare bits that decoding forgives; one thing must not have two ids.
    raise BadId(text)


def _provider(text: str) -> str:
    try:
        provider_id = _decode(text).decode("ascii")
    except ValueError as error:
        raise BadId(text) from error
    if not is_name(provider_id):
        raise BadId(text)
    return provider_id


def _start(text: str) -> int:
    start = int.from_bytes(_decode(text))
    if start > _LATEST_START:
        raise BadId(text)
    return start


def _start_text(start: int) -> str:
    return _encode(start.to_bytes(_START_BYTES))


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
