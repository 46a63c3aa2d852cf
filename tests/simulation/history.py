"""What is recorded of a run: what was asked, which of its requests the engine served, and what was answered.

Nothing here knows how Holdfast works. Ids are text; their layout (API.md: opaque) is read only to say which place
in a calendar an id is about.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

Raw = Mapping[str, Any]
"""An item as DynamoDB writes it."""
Key = tuple[str, str]
"""Partition and sort key."""
Interval = tuple[int, int]
ANY: tuple[int, ...] = ()
"""`If-Match: *`."""

SUCCESS, FAILURE, UNKNOWN = "success", "failure", "unknown"


class Place(NamedTuple):
    """Where a slot stands: at most one at a time."""

    provider: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What somebody asks for. `client` None is the provider itself."""

    kind: str
    provider: str = ""
    client: str | None = None
    slot: str = ""
    reservation: str = ""
    key: str | None = None
    versions: tuple[int, ...] | None = None
    """What If-Match names; None when it is not sent."""
    intervals: tuple[Interval, ...] = ()
    start: int | None = None
    end: int | None = None
    name: str = ""
    """Of a provider; or whom a provider reserves for."""
    terms: Interval = (0, 0)
    """Seconds of hold and of notice that a provider is to have."""

    def __str__(self) -> str:
        parts = [self.client or self.provider or "sweeper", self.kind]
        parts += [self.reservation or self.slot or self.name]
        parts += [f"{utc(start)}-{utc(end)}" for start, end in self.intervals]
        parts += [f"to {utc(self.start)}" if self.start is not None else ""]
        parts += [f"until {utc(self.end)}" if self.end is not None else ""]
        parts += [f"key={self.key}" if self.key else ""]
        parts += [f"If-Match={self.versions or '*'}" if self.versions is not None else ""]
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP; a sweep that ended is a 200."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None
    """Of the ETag."""
    replayed: bool = False
    retry_after: int | None = None

    @property
    def code(self) -> str:
        return str(self.body.get("code", "")) if self.status >= 400 else ""

    @property
    def outcome(self) -> str:
        if self.status < 400:
            return SUCCESS
        return UNKNOWN if self.status >= 500 else FAILURE


@dataclass(frozen=True, slots=True)
class Began:
    """Somebody asks. `mint` begins every random text that is made for this operation."""

    number: int
    action: Action
    mint: str


@dataclass(frozen=True, slots=True)
class Served:
    """The engine took one request of an operation and did what it says."""

    number: int
    now: int
    """What the clock of the operation's process said when it was last asked before the request was made."""
    name: str
    keys: frozenset[Key] = frozenset()
    """The items that it wrote; none for a read."""
    items: Mapping[Key, Raw | None] | None = None
    """Those items afterwards; None in histories written by hand."""
    late: bool = False
    """It was given up for lost, and arrived after all."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The operation is over. `answer` is None when its process was killed. `clock` is all that its clock ever said."""

    number: int
    answer: Answer | None
    clock: tuple[int, ...]
    answers_lost: int = 0
    """How many of its requests were done, and the process not told."""


@dataclass(frozen=True, slots=True)
class Calm:
    """The faults have stopped: from here on every request must be answered, and done."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A sweep has run in the calm, by a clock that said `now`, and this is all that the table holds."""

    now: int
    items: tuple[Raw, ...]


Event = Began | Served | Answered | Calm | Checked


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule of the issue that the history breaks."""

    rule: str
    what: str
    number: int = -1
    """The operation that showed it."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}" + (f" (operation {self.number})" if self.number >= 0 else "")


_START, _GENERATION, _NONCE = 8, 8, 16


def slot_of(reservation: str) -> str:
    """The id of the slot that a reservation id is about."""
    at = len("res_") + _START + _GENERATION
    return "apt_" + reservation[len("res_") : at] + reservation[at + _NONCE :]


def start_of(slot: str) -> int:
    """When the slot with this id starts."""
    return int.from_bytes(urlsafe_b64decode(slot[len("apt_") :][:_START]))


def generation_of(slot: str) -> str:
    """The random part of a slot's id."""
    return slot[len("apt_") + _START :][:_GENERATION]


def nonce_of(reservation: str) -> str:
    """The random part of a reservation's id that tells it from others of its slot."""
    return reservation[len("res_") + _START + _GENERATION :][:_NONCE]


def reservation_of(slot: str, nonce: str) -> str:
    """The id of the reservation of a slot that has this nonce."""
    at = len("apt_") + _START + _GENERATION
    return "res_" + slot[len("apt_") : at] + nonce + slot[at:]


def first_nonce(mint: str) -> str:
    """The first that an operation makes."""
    return mint * 2


def utc(seconds: int) -> str:
    """`2027-01-01T08:00:00Z`, without asking Holdfast's own clock how."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(text: str) -> int:
    """What `utc` made the text of."""
    return int(datetime.fromisoformat(text).timestamp())
