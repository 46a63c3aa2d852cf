"""The environment, read once."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

LOCAL = "local"
SECONDS_PER_DAY = 86_400


class SettingError(Exception):
    """A setting is missing or wrong; the message is one line that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Names in upper case are the variables."""

    stage: str
    """STAGE: `local`, or the name of a deployed stage."""
    table_name: str
    """TABLE_NAME: the DynamoDB table."""
    region: str
    """AWS_REGION: set by Lambda."""
    dynamodb_endpoint: str | None
    """DYNAMODB_ENDPOINT: another DynamoDB-compatible engine; AWS's own when unset."""
    retention_days: int
    """RETENTION_DAYS: how long appointments and ended reservations are kept after their end."""

    @property
    def is_local(self) -> bool:
        return self.stage == LOCAL

    @property
    def retention_seconds(self) -> int:
        return self.retention_days * SECONDS_PER_DAY


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from `environ`. Raises SettingError for the first that is missing or wrong."""
    on_lambda = "AWS_LAMBDA_FUNCTION_NAME" in environ
    stage = environ.get("STAGE") or ("" if on_lambda else LOCAL)
    if not stage:
        raise SettingError("STAGE is missing: name the deployed stage")
    if on_lambda and stage == LOCAL:
        raise SettingError("STAGE is 'local' on Lambda: the local stage lets anybody in")
    return Settings(
        stage=stage,
        table_name=_required(environ, "TABLE_NAME", "holdfast-local" if stage == LOCAL else None),
        region=_required(environ, "AWS_REGION", "us-east-1" if stage == LOCAL else None),
        dynamodb_endpoint=environ.get("DYNAMODB_ENDPOINT") or None,
        retention_days=_whole_number(environ, "RETENTION_DAYS", default=400, least=1, most=3_650),
    )


def _required(environ: Mapping[str, str], name: str, default: str | None) -> str:
    value = environ.get(name) or default
    if value is None:
        raise SettingError(f"{name} is missing")
    return value


def _whole_number(environ: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise SettingError(f"{name} is {text!r}: give a whole number from {least} to {most}")
    return int(text)


def _read_or_stop() -> Settings:
    try:
        return read(os.environ)
    except SettingError as error:
        _stop(f"holdfast: {error}")


def _stop(line: str) -> NoReturn:
    sys.exit(line)


settings = _read_or_stop()
