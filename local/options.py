"""What the local start can be told through the environment."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

_MAX_PORT = 65_535
_MAX_HOLD_MINUTES = 1_440
_MAX_SWEEP_SECONDS = 86_400


JWKS_PATH = "/.well-known/jwks.json"
AUDIENCE = "holdfast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Names in upper case are the variables."""

    port: int
    """PORT: where the API listens; 0 takes a free one."""
    hold_seconds: int
    """HOLD_MINUTES: how long provider 1234's holds last; fractions allowed, so that nobody waits to see one end."""
    sweep_seconds: float
    """SWEEP_SECONDS: how often the scheduled function runs."""


def read(environ: Mapping[str, str] = os.environ) -> Options:
    """Raises SystemExit with one line that names what is wrong."""
    return Options(
        port=_port(environ.get("PORT") or "8000"),
        hold_seconds=_hold_seconds(environ.get("HOLD_MINUTES") or "30"),
        sweep_seconds=_sweep_seconds(environ.get("SWEEP_SECONDS") or "60"),
    )


def trusting(url: str) -> dict[str, str]:
    """The settings of an app that trusts tokens of local/issuer.py, whose keys are served at `url`."""
    return {
        "AUTH_MODE": "jwt",
        "JWT_ISSUER": url,
        "JWT_AUDIENCE": AUDIENCE,
        "JWT_JWKS_URL": url + JWKS_PATH,
        "ROLES_CLAIM": "roles",
        "PROVIDER_CLAIM": "provider_id",
    }


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _MAX_PORT):
        raise SystemExit(f"holdfast: PORT is {text!r}: give a whole number from 0 to {_MAX_PORT}")
    return int(text)


def _hold_seconds(text: str) -> int:
    seconds = _number(text) * 60
    if not 1 <= seconds <= _MAX_HOLD_MINUTES * 60:
        raise SystemExit(
            f"holdfast: HOLD_MINUTES is {text!r}: give a number of minutes, from 0.02 to {_MAX_HOLD_MINUTES}"
        )
    return round(seconds)


def _sweep_seconds(text: str) -> float:
    seconds = _number(text)
    if not 0 < seconds <= _MAX_SWEEP_SECONDS:
        raise SystemExit(
            f"holdfast: SWEEP_SECONDS is {text!r}: give a number of seconds, more than 0, up to {_MAX_SWEEP_SECONDS}"
        )
    return seconds


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
