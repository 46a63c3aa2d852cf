"""Cursors: where a page ended, as text that is good for the very list that gave it out."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from chalicelib.web.problems import Problem

_CHECK_BYTES = 9


def cursor(place: str, *list_of: object) -> str:
    """A cursor for `place` in the list that `list_of` tells from every other: route, path, filters, caller."""
    raw = place.encode()
    return urlsafe_b64encode(_check(raw, list_of) + raw).rstrip(b"=").decode()


def place(text: str, *list_of: object) -> str:
    """The place of a cursor of this list. Raises Problem `invalid-cursor` for any other text."""
    try:
        found = urlsafe_b64decode(text + "=" * (-len(text) % 4))[_CHECK_BYTES:].decode()
    except ValueError as error:
        raise invalid_cursor() from error
    # The check, and nothing that base64 forgives: a place has one cursor.
    if cursor(found, *list_of) != text:
        raise invalid_cursor()
    return found


def _check(raw: bytes, list_of: tuple[object, ...]) -> bytes:
    # Against mistakes, not against forgers: a forged place names nothing outside the caller's own list.
    return sha256(json.dumps(list_of).encode() + b"\0" + raw).digest()[:_CHECK_BYTES]


def invalid_cursor() -> Problem:
    """For what was never given out, whatever its check says."""
    detail = "not a cursor of this list; start again without one"
    return Problem("invalid-cursor", f"/cursor: {detail}", errors=[{"pointer": "/cursor", "detail": detail}])
