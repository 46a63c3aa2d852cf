"""Whatever a test of the API is about, nothing that was said in confidence is logged: no token, no body, no name."""

import io
import json
import logging
import sys
from collections.abc import Iterator, Sequence

import pytest

from chalicelib.logs import logger
from tests.support import Api

SHORTEST_SECRET = 12
"""What is shorter stands in a line by chance: `{}`, `x`."""


class Stdout(io.TextIOBase):
    """Whatever is stdout when something is written: pytest changes it for each test."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


class Printed:
    """What was printed since the test began."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def lines(self) -> list[str]:
        self._text += self._capsys.readouterr().out
        return self._text.splitlines()


class Listener(logging.Handler):
    """Everything that any library logs, as it would be printed."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(message)s"))
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # The API's own records are seen as the JSON that they become; see `Printed`.
        if record.name != logger.name and record.levelno >= logging.INFO:
            self.written.append(self.format(record))


@pytest.fixture(autouse=True)
def printed(capsys: pytest.CaptureFixture[str]) -> Iterator[Printed]:
    """What is printed while the test runs; with what is logged elsewhere it is checked when the test ends."""
    own = logger.registered_handler
    assert isinstance(own, logging.StreamHandler)
    stream, listener, printed = own.stream, Listener(), Printed(capsys)
    Api.said.clear()
    own.setStream(Stdout())
    logging.getLogger().addHandler(listener)
    try:
        yield printed
    finally:
        logging.getLogger().removeHandler(listener)
        own.setStream(stream)
    assert leaks(printed.lines() + listener.written, Api.said) == []


def leaks(lines: Sequence[str], said: Sequence[tuple[str | None, bytes]]) -> list[str]:
    """The secrets of what was said that can be read in what was printed."""
    seen = "\n".join(text for line in lines for text in _texts_of(line))
    return sorted({secret for secret in _secrets(said) if secret in seen})


def _secrets(said: Sequence[tuple[str | None, bytes]]) -> Iterator[str]:
    # Of the name that every local start gives its provider, too.
    yield "Demo practice"
    for authorization, raw in said:
        yield from _of_token(authorization or "")
        body = raw.decode(errors="replace").strip()
        if len(body) >= SHORTEST_SECRET:
            yield body[:200]
        yield from _names_in(body)


def _of_token(authorization: str) -> Iterator[str]:
    scheme, _, token = authorization.strip().partition(" ")
    if token:
        yield f"{scheme} {token}"
    # Mock authentication's `client:alice`, or a JWT and its parts.
    for part in {token, *token.split(".")}:
        if len(part) >= SHORTEST_SECRET:
            yield part.strip()


def _names_in(body: str) -> Iterator[str]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    name = document.get("name") if isinstance(document, dict) else None
    # A name of one letter is in every line.
    if isinstance(name, str) and len(name) >= len("Practice"):
        yield name


def _texts_of(line: str) -> Iterator[str]:
    """The texts in a line of JSON as they were before they were escaped; another line as it is."""
    try:
        document = json.loads(line)
    except ValueError:
        yield line
        return
    yield line
    yield from _leaves(document)


def _leaves(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, member in value.items():
                yield str(name)
                yield from _leaves(member)
        case list():
            for member in value:
                yield from _leaves(member)
