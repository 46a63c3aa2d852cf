"""The environment, read once."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

LOCAL = "local"
MOCK, JWT = "mock", "jwt"
SECONDS_PER_DAY = 86_400
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_MAX_DIGITS = 10
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SettingError(Exception):
    """A setting is missing or wrong; the message is one line that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Each begins with the name of its variable."""

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
    auth_mode: str
    """AUTH_MODE: `jwt`, or `mock` in the local stage."""
    jwt_issuer: str
    """JWT_ISSUER: the `iss` of tokens."""
    jwt_audience: str
    """JWT_AUDIENCE: the `aud` of tokens; of Cognito's access tokens the `client_id`."""
    jwt_jwks_url: str | None
    """JWT_JWKS_URL: the issuer's keys; when unset, what its OpenID configuration says."""
    roles_claim: str
    """ROLES_CLAIM: the claim with the caller's roles."""
    provider_claim: str
    """PROVIDER_CLAIM: the claim with the id of the provider that the caller acts for."""
    max_live_holds: int
    """MAX_LIVE_HOLDS: how many unconfirmed holds a client may have at a time; 0 is no limit."""
    allowed_origins: tuple[str, ...]
    """ALLOWED_ORIGINS: the origins whose pages may call the API, separated by commas; `*` is any."""
    log_level: str
    """LOG_LEVEL: DEBUG, INFO, WARNING or ERROR."""

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
    local = stage == LOCAL
    if local and on_lambda:
        raise SettingError("STAGE is 'local' on Lambda: the local stage is for a laptop")
    auth_mode = _one_of(environ, "AUTH_MODE", (MOCK, JWT), default=MOCK if local else JWT)
    if auth_mode == MOCK and not local:
        raise SettingError(f"AUTH_MODE is 'mock' in stage {stage!r}: it lets anybody in; only the local stage may")
    needs_tokens = auth_mode == JWT
    return Settings(
        stage=stage,
        table_name=_text(environ, "TABLE_NAME", "holdfast-local" if local else None),
        region=_text(environ, "AWS_REGION", "us-east-1" if local else None),
        dynamodb_endpoint=_url(environ, "DYNAMODB_ENDPOINT", may_be_plain=True),
        retention_days=_whole_number(environ, "RETENTION_DAYS", default=400, least=1, most=3_650),
        auth_mode=auth_mode,
        jwt_issuer=_text(environ, "JWT_ISSUER", None if needs_tokens else ""),
        jwt_audience=_text(environ, "JWT_AUDIENCE", None if needs_tokens else ""),
        jwt_jwks_url=_url(environ, "JWT_JWKS_URL", may_be_plain=stage != "prod"),
        roles_claim=_text(environ, "ROLES_CLAIM", "cognito:groups"),
        provider_claim=_text(environ, "PROVIDER_CLAIM", "custom:provider_id"),
        max_live_holds=_whole_number(environ, "MAX_LIVE_HOLDS", default=5, least=0, most=100),
        allowed_origins=_origins(environ, "ALLOWED_ORIGINS", default="*" if local else ""),
        log_level=_one_of(environ, "LOG_LEVEL", _LOG_LEVELS, default="INFO"),
    )


def _text(environ: Mapping[str, str], name: str, default: str | None) -> str:
    value = environ.get(name) or default
    if value is None:
        raise SettingError(f"{name} is missing")
    return value


def _one_of(environ: Mapping[str, str], name: str, choices: tuple[str, ...], *, default: str) -> str:
    value = environ.get(name) or default
    if value not in choices:
        raise SettingError(f"{name} is {value!r}: give one of {', '.join(choices)}")
    return value


def _whole_number(environ: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < _MAX_DIGITS and least <= int(text) <= most):
        raise SettingError(f"{name} is {text!r}: give a whole number from {least} to {most}")
    return int(text)


def _url(environ: Mapping[str, str], name: str, *, may_be_plain: bool) -> str | None:
    text = environ.get(name)
    if not text:
        return None
    url = urlsplit(text)
    secure = url.scheme == "https" or (url.scheme == "http" and (may_be_plain or url.hostname in _LOOPBACK))
    if not (secure and url.hostname):
        raise SettingError(f"{name} is {text!r}: give an https URL")
    return text


def _origins(environ: Mapping[str, str], name: str, *, default: str) -> tuple[str, ...]:
    text = environ.get(name) or default
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        url = urlsplit(origin)
        if origin not in ("*", f"{url.scheme}://{url.netloc}"):
            raise SettingError(f"{name} has {origin!r}: give origins such as https://clinic.example, or *")
    return origins


def _read_or_stop() -> Settings:
    try:
        return read(os.environ)
    except SettingError as error:
        sys.exit(f"holdfast: {error}")


settings = _read_or_stop()
