"""What a local start says first: where it is, and three commands that work as they stand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Header = Callable[[str, str], str]
"""curl's words for the Authorization header of a role and an id."""


def text(url: str, hold_seconds: int, header: Header) -> str:
    return f"""\
Holdfast is at {url} and keeps nothing when it ends (Ctrl-C).
Provider 1234 is there; its holds last {hold_seconds / 60:g} minutes. In another shell, publish, list, reserve:

{publish(url, header)}

{list_bookable(url, header)}

{reserve_first(url, header)}
"""


def mock_header(role: str, caller_id: str) -> str:
    return f"-H 'Authorization: {role}:{caller_id}'"


def token_header(port: int) -> Header:
    """With a token made just then; the shell must stand where the Makefile is."""

    def header(role: str, caller_id: str) -> str:
        return f'-H "Authorization: Bearer $(make -s token ROLE={role} ID={caller_id} PORT={port})"'

    return header


def publish(url: str, header: Header) -> str:
    """Six slots tomorrow."""
    day = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    body = (
        f'{{"providerId": "1234", "slotMinutes": 30, '
        f'"slots": [{{"startTime": "{day}T09:00:00Z", "endTime": "{day}T12:00:00Z"}}]}}'
    )
    return f"""\
curl -sS -w '\\n' {url}/appointments {header("provider", "1234")} \\
  -H 'Content-Type: application/json' -d '{body}'"""


def list_bookable(url: str, header: Header) -> str:
    return f"curl -sS -w '\\n' '{url}/appointments/1234?limit=10' {header('client', 'alice')}"


def reserve_first(url: str, header: Header) -> str:
    """The one that is first in the list; a shell finds its id."""
    alice = header("client", "alice")
    return f"""\
slot=$(curl -sS '{url}/appointments/1234?limit=10' {alice} | grep -o 'apt_[^"]*' | head -n 1)
curl -sS -w '\\n' -X POST "{url}/appointments/$slot/reservations" {alice}"""
