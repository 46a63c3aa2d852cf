"""Real callers: signed tokens (RFC 7519, RFC 8725), verified in this process with the issuer's public keys."""

import json
import threading
from collections.abc import Callable
from http.client import OK
from typing import Any

import jwt
import urllib3
from jwt.types import Options

from chalicelib import clock
from chalicelib.logs import logger
from chalicelib.settings import Settings
from chalicelib.store.ids import is_name
from chalicelib.web.auth import ROLES, Caller
from chalicelib.web.problems import RETRY_AFTER_SECONDS, Problem

ALGORITHMS = ("RS256", "ES256", "EdDSA")
LEEWAY_SECONDS = 30
KEYS_FRESH_SECONDS = 15 * 60
REFETCH_SECONDS = 60
FIRST_FETCH_SECONDS = 5
"""Between tries while there are no keys at all."""
MAX_TOKEN_CHARACTERS = 16 * 1024
MAX_DOCUMENT_BYTES = 512 * 1024
_FETCH_TIMEOUT = urllib3.Timeout(connect=1, read=2)

# The rest is checked here: by our clock, and with Cognito's ways.
_SIGNATURE_ONLY: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}

Fetch = Callable[[str], bytes]


class CannotFetch(Exception):
    """The issuer did not give its keys."""


def fetch(url: str) -> bytes:
    """The document at `url`. Raises CannotFetch."""
    try:
        with urllib3.PoolManager() as pool:
            answer = pool.request("GET", url, timeout=_FETCH_TIMEOUT, retries=False, preload_content=False)
            body = answer.read(MAX_DOCUMENT_BYTES)
    except urllib3.exceptions.HTTPError as error:
        raise CannotFetch(url) from error
    if answer.status != OK:
        raise CannotFetch(f"{url}: {answer.status}")
    return body


class Keys:
    """The issuer's keys by their `kid`, kept in the process.

    Fetched when they are old, or when a token names one that is not among them, but never twice within
    REFETCH_SECONDS; while the issuer is down, those of before stay in use.
    """

    def __init__(self, settings: Settings, fetch: Fetch) -> None:
        self._settings = settings
        self._fetch = fetch
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: int | None = None
        self._tried_at: int | None = None
        self._one_at_a_time = threading.Lock()

    def key(self, kid: str) -> jwt.PyJWK | None:
        """Raises Problem `unavailable` when there are no keys at all to be had."""
        # A Lambda serves one request at a time; the local server many, which wait here for the first to have the keys.
        with self._one_at_a_time:
            return self._key(kid)

    def _key(self, kid: str) -> jwt.PyJWK | None:
        now = clock.now()
        old = self._fetched_at is None or now - self._fetched_at >= KEYS_FRESH_SECONDS
        pause = FIRST_FETCH_SECONDS if self._fetched_at is None else REFETCH_SECONDS
        may_try = self._tried_at is None or now - self._tried_at >= pause
        if (old or kid not in self._keys) and may_try:
            self._tried_at = now
            self._refresh(now)
        if self._fetched_at is None:
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise Problem("unavailable", "the issuer of tokens cannot be reached", headers=headers)
        return self._keys.get(kid)

    def _refresh(self, now: int) -> None:
        try:
            document = json.loads(self._fetch(self._url()))
            self._keys = _usable_keys(document)
        except (CannotFetch, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            logger.warning("the issuer's keys were not to be had", reason=type(error).__name__)
            return
        self._fetched_at = now

    def _url(self) -> str:
        if self._settings.jwt_jwks_url:
            return self._settings.jwt_jwks_url
        configuration = json.loads(
            self._fetch(f"{self._settings.jwt_issuer.rstrip('/')}/.well-known/openid-configuration")
        )
        url: str = configuration["jwks_uri"]
        return url


def _usable_keys(document: dict[str, Any]) -> dict[str, jwt.PyJWK]:
    """Raises ValueError, KeyError or TypeError for what is no set with a key that we use."""
    found = {}
    for raw in document["keys"]:
        try:
            key = jwt.PyJWK(raw)
        except (jwt.PyJWTError, ValueError, KeyError, NotImplementedError, TypeError, AttributeError):
            continue  # Of a kind that we do not use.
        if key.key_id and key.algorithm_name in ALGORITHMS and raw.get("use", "sig") == "sig":
            found[key.key_id] = key
    if not found:
        raise ValueError("no key of ours among them")
    return found


class Tokens:
    """Names the caller by its token."""

    def __init__(self, settings: Settings, fetch: Fetch = fetch) -> None:
        self._settings = settings
        self._keys = Keys(settings, fetch)

    def __call__(self, authorization: str) -> Caller:
        """Raises Problem `unauthenticated`, `unavailable`."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _refused("send Authorization: Bearer <token>")
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise _refused("the token is too long")
        return self._caller(self._verified(token.strip()))

    def _verified(self, token: str) -> dict[str, Any]:
        """The claims of a token whose signature, time, issuer and audience are right."""
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            key = self._keys.key(kid) if isinstance(kid, str) else None
            # The key says the algorithm, never the token; jku, x5u and jwk are not looked at.
            if key is None or header.get("alg") != key.algorithm_name or "crit" in header:
                raise _refused("the token is not signed with a key of the issuer")
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=[key.algorithm_name], options=_SIGNATURE_ONLY)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _refused("the token is not valid") from error
        self._check_times(claims)
        self._check_issuer_and_audience(claims)
        return claims

    def _check_times(self, claims: dict[str, Any]) -> None:
        now = clock.now()
        # Cognito's tokens, which `token_use` tells, have no nbf.
        begins = _time(claims, "iat") if "token_use" in claims and "nbf" not in claims else _time(claims, "nbf")
        if _time(claims, "exp") + LEEWAY_SECONDS <= now:
            raise _refused("the token has expired")
        if max(begins, _time(claims, "iat")) - LEEWAY_SECONDS > now:
            raise _refused("the token is not valid yet")

    def _check_issuer_and_audience(self, claims: dict[str, Any]) -> None:
        if claims.get("iss") != self._settings.jwt_issuer:
            raise _refused("the token is another issuer's")
        # Cognito's access tokens name their audience in client_id.
        audience = claims.get("client_id") if claims.get("token_use") == "access" else claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self._settings.jwt_audience not in audiences:
            raise _refused("the token is for another audience")

    def _caller(self, claims: dict[str, Any]) -> Caller:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not is_name(subject):
            raise _refused("the token's sub is missing, or no id")
        said = claims.get(self._settings.roles_claim, [])
        roles = said.replace(",", " ").split() if isinstance(said, str) else said
        if not isinstance(roles, list):
            raise _refused("the token's roles are no list")
        provider_id = claims.get(self._settings.provider_claim)
        return Caller(
            id=subject,
            roles=frozenset(role for role in roles if role in ROLES),
            provider_id=provider_id if isinstance(provider_id, str) and is_name(provider_id) else None,
        )


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    # Within the years that have a text: Python's JSON knows NaN and Infinity, which no time is before.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= clock.LATEST:
        raise _refused(f"the token's {name} is missing, or no time")
    return value


def _refused(detail: str) -> Problem:
    return Problem("unauthenticated", detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
