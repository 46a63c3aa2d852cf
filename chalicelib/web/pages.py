"""What people read: the document, the page to try it on, a page for each problem. Relative links, no other server."""

import re
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from string import Template

import msgspec

from chalicelib.booking.errors import NotFound
from chalicelib.web import etags
from chalicelib.web.calls import Call
from chalicelib.web.problems import KINDS
from chalicelib.web.replies import Reply, unless_known

STATIC = Path(__file__).parent.parent / "static"
HTML = "text/html; charset=utf-8"
FILES = {
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
"""What `/docs/{file}` serves, and nothing else."""

# Swagger UI's icons are data in its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REVALIDATE = "public, max-age=0, must-revalidate"
FOR_AN_HOUR = "public, max-age=3600"


def openapi(call: Call) -> Reply:
    """The OpenAPI document, for this stage."""
    return _page(call, _openapi(call.prefix), "application/json", REVALIDATE)


def docs(call: Call) -> Reply:
    """The page to try it on."""
    return _page(call, _read("docs.html"), HTML, REVALIDATE)


def docs_file(call: Call, name: str) -> Reply:
    """A file of that page. Raises NotFound."""
    if name not in FILES:
        raise NotFound
    path, media_type = FILES[name]
    return _page(call, _read(path), media_type, FOR_AN_HOUR)


def problem(call: Call, code: str) -> Reply:
    """What this kind of problem means. Raises NotFound."""
    if code not in KINDS:
        raise NotFound
    return _page(call, _problem(code), HTML, REVALIDATE)


def _page(call: Call, body: bytes, media_type: str, caching: str) -> Reply:
    headers = {
        "Content-Type": media_type,
        "Cache-Control": caching,
        "ETag": _tag(body),
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
    }
    return unless_known(call, Reply(body, headers=headers))


@lru_cache(maxsize=8)
def _openapi(prefix: str) -> bytes:
    # Few calls ask, and no other start of the Lambda function shall pay for it.
    from chalicelib.web.openapi import document  # noqa: PLC0415

    return msgspec.json.encode(document(prefix))


@cache
def _problem(code: str) -> bytes:
    from chalicelib.web.advice import ADVICE  # noqa: PLC0415  # as above

    page = Template(_read("problem.html").decode())
    kind, advice = KINDS[code], ADVICE[code]
    return page.substitute(
        code=code,
        status=kind.status,
        title=escape(kind.title),
        meaning=_with_code(advice.meaning),
        remedy=_with_code(advice.remedy),
    ).encode()


def _with_code(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


@cache
def _read(path: str) -> bytes:
    return (STATIC / path).read_bytes()


@cache
def _tag(body: bytes) -> str:
    return etags.of_body(body)
