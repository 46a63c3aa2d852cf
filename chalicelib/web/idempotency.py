"""`Idempotency-Key` (the IETF's draft-ietf-httpapi-idempotency-key-header)."""

import json
import re
from base64 import urlsafe_b64encode
from hashlib import sha256

from chalicelib.web.auth import Caller
from chalicelib.web.problems import invalid

_KEY = re.compile(r'"(?P<quoted>[\x21-\x7e]{1,255})"|(?P<bare>(?!")[\x21-\x7e]{1,255})')
_KEY_BYTES, _REQUEST_BYTES = 12, 9


def key_hash(header: str | None, caller: Caller, *path: str) -> str | None:
    """The key as it is kept: of this caller and path alone. None without the header.

    Raises Problem `invalid-request`.
    """
    key = check(header)
    return None if key is None else _hash([caller.role, caller.id, *path, key], _KEY_BYTES)


def check(header: str | None) -> str | None:
    """The key, without its quotes. Raises Problem `invalid-request`."""
    if header is None:
        return None
    match = _KEY.fullmatch(header.strip())
    if match is None:
        raise invalid("/Idempotency-Key", "give 1 to 255 visible ASCII characters")
    return match["quoted"] or match["bare"]


def request_hash(*request: object) -> str:
    """What the decoded request asks for, to tell it from another one under the same key."""
    return _hash(list(request), _REQUEST_BYTES)


def _hash(parts: list[object], length: int) -> str:
    digest = sha256(json.dumps(parts).encode()).digest()
    return urlsafe_b64encode(digest[:length]).decode()
