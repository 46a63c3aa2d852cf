"""Headers that every answer carries, whatever it says."""

from collections.abc import Iterable

from chalice.app import Request

from chalicelib.settings import settings
from chalicelib.web.requests import request_id

_EXPOSED = ("ETag", "Location", "Link", "Retry-After", "X-Request-Id", "Idempotency-Replayed", "WWW-Authenticate")
_ALLOWED = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match")
_PREFLIGHT_SECONDS = 7_200

Headers = dict[str, str | list[str]]


def common_headers(request: Request) -> Headers:
    """For safety, for support, and for pages of the allowed origins. A view may say its own Cache-Control."""
    return {
        "X-Request-Id": request_id(request),
        "Cache-Control": "no-store",
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        **_for_origin(request, {"Access-Control-Expose-Headers": ", ".join(_EXPOSED)}),
    }


def preflight_headers(request: Request, methods: Iterable[str]) -> dict[str, str]:
    """What a browser asks before it sends a page's request (the Fetch standard, CORS-preflight request)."""
    methods = ", ".join(sorted(methods))
    allowed = {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": ", ".join(_ALLOWED),
        "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
    }
    return {"Allow": methods, **_for_origin(request, allowed)}


def _for_origin(request: Request, more: dict[str, str]) -> dict[str, str]:
    origin = request.headers.get("origin")
    if not settings.allowed_origins:
        return {}
    if "*" in settings.allowed_origins:
        return {"Access-Control-Allow-Origin": "*", **more}
    if origin in settings.allowed_origins:
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **more}
    return {"Vary": "Origin"}
