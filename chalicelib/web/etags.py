"""Entity tags and the conditions on them (RFC 9110, sections 8.8.3 and 13.1)."""

import re
from hashlib import sha256

from chalicelib.store.appointments import ANY_VERSION, Versions
from chalicelib.web.problems import invalid

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"\s*{_TAG}\s*(?:,\s*{_TAG}\s*)*")
_VERSION = re.compile(r'"([1-9][0-9]{0,14})"')
_NO_VERSION = 0
_MAX_TAGS = 50
"""DynamoDB compares with 100 values at most."""


def of_version(version: int) -> str:
    return f'"{version}"'


def of_body(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()[:32]}"'


def versions(if_match: str | None) -> Versions:
    """The versions that `If-Match` allows. Raises Problem `invalid-request`."""
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return ANY_VERSION
    # Strong comparison: a weak tag matches nothing, nor does one that is no version.
    exact = (_VERSION.fullmatch(tag) for tag in _tags(if_match, "/If-Match"))
    return frozenset(int(match[1]) if match else _NO_VERSION for match in exact)


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has the thing with this tag already. Raises Problem `invalid-request`."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return tag in (known.removeprefix("W/") for known in _tags(if_none_match, "/If-None-Match"))


def _tags(header: str, pointer: str) -> list[str]:
    if not _TAGS.fullmatch(header):
        raise invalid(pointer, 'give entity tags in double quotes, such as "3"')
    tags = re.findall(_TAG, header)
    if len(tags) > _MAX_TAGS:
        raise invalid(pointer, f"more than {_MAX_TAGS} entity tags")
    return tags
