"""One run: operations at once, one request at a time, in the order that a seed says.

Each operation runs in a thread of its own, and stops before every request that it sends. The run lets one of those
that wait go on, until it stops again: so only one thread ever runs, the engine is atomic, every order of requests
can come about, and the seed is all there is to know. What an operation meets (priority, faults, the steps of its
clock) it draws itself, from the seed and its own number: without its neighbours it meets the same.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Protocol

from moto.core.models import botocore_stubber

from chalicelib import clock
from chalicelib.booking import limits
from chalicelib.logs import logger
from chalicelib.settings import settings
from chalicelib.store import ids
from chalicelib.store.table import table
from tests.simulation import engine
from tests.simulation.auditor import Auditor
from tests.simulation.chance import chance
from tests.simulation.client import Api, a_request_each_thread
from tests.simulation.history import Action, Answer, Answered, Began, Calm, Checked, Event, Served
from tests.simulation.model import Policy
from tests.simulation.wire import ANSWER_LOST, LATE, LOST, Killed, Packet, Wire, faults_for, lags

LAMBDA_SECONDS = 29
"""A process that has not answered by then is killed, as API Gateway and Lambda do."""
LATE_SECONDS = 25
"""How long a request can be on its way."""
QUIET_SECONDS = 5
"""When more time than this passes at once, nobody is at work."""
NEARLY_OVER_SECONDS = 6
MOST_STEPS = 300
"""Of one operation."""
_TRIES = 3
_METRICS_OFF = "POWERTOOLS_METRICS_DISABLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An operation that is to come."""

    number: int
    action: Action
    skew: int = 0
    """How far the clock of its process is ahead of the true time."""
    wait: int = 0
    """Seconds before it begins."""
    calm: bool = False
    """Nothing befalls it, and nobody is at work beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How hard an episode is."""

    faults: float = 0.05
    stale: float = 0.3
    """How often an index shows what was, or a batch read is not of one instant."""
    at_once: int = 4
    max_live_holds: int = 0


@dataclass(slots=True)
class Turn:
    """What befalls an operation at its next step."""

    priority: float
    seconds: int
    fault: str = ""
    lingers: bool = False
    """It stops once more when it has been answered."""


Quiet = frozenset[tuple[int, int]]
"""Faults that do not happen after all: the operation, and which of its turns."""


class Planner(Protocol):
    """Says which operation comes next."""

    def next(self, run: "Run") -> Planned | None: ...


@dataclass
class Process:
    """An operation under way."""

    planned: Planned
    run: "Run"
    began: int
    random: Random
    ticks: Random
    skew: int
    turns: int = 0
    turn: Turn = field(default_factory=lambda: Turn(1, 0))
    readings: list[int] = field(default_factory=list)
    minted: dict[int, int] = field(default_factory=dict)
    answers_lost: int = 0
    answer: Answer | None = None
    error: BaseException | None = None
    over: bool = False
    doomed: bool = False
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def number(self) -> int:
        return self.planned.number

    def start(self) -> None:
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self) -> None:
        self.go.acquire()
        _here.process = self
        try:
            with clock.running_on(self._read_clock):
                self.answer = self.run.api.ask(self.planned.action)
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001  # to be raised where somebody hears it
            self.error = error
        finally:
            self.over = True
            self.run.baton.release()

    def _read_clock(self) -> float:
        # Time passes between any two lines of the program, too; a Lambda may be frozen there, best of all until
        # something is over that was not when it looked last.
        if not self.planned.calm:
            left = self.run.seconds_to_an_end(self.skew)
            if self.ticks.random() < (0.25 if left else 0.05):
                self.run.time += left or self.ticks.choice((1, 1, 2, 5))
        self.readings.append(self.run.time + self.skew)
        return self.readings[-1]

    def stop(self, name: str, request: Any) -> Turn:
        """Wait until the run lets this one go on. Raises Killed."""
        self.turn = self._draw(name, request)
        self.run.baton.release()
        self.go.acquire()
        if self.doomed:
            raise Killed
        return self.turn

    def _draw(self, name: str, request: Any) -> Turn:
        self.turns += 1
        if self.planned.calm:
            return Turn(1, 0)
        random, weather = self.random, self.run.weather
        turn = Turn(random.random(), random.choice((0, 0, 0, 0, 1, 2)))
        faulty, fault, stale = random.random() < weather.faults, random.random(), random.random() < weather.stale
        step, lingers = random.random(), random.random() < 0.1
        if name == "answered":
            return turn
        turn.lingers = lingers
        lag = lags(name, request) if stale else ""
        found = (lag,) if lag else faults_for(name) if faulty else ()
        if found and (self.number, self.turns) not in self.run.quiet:
            turn.fault = found[int(fault * len(found))]
            if turn.fault == LATE and self.planned.action.kind == "put provider":
                # A profile is what was written last, and what is late is last.
                turn.fault = LOST
            self.run.befell.append((self.number, self.turns, turn.fault))
        # A clock is set, forward or back, while its process is at work.
        sweeps = self.planned.action.kind == "sweep"
        if step < (0.1 if sweeps else 0.01):
            self.skew += random.randint(-40, 40)
        return turn

    def mint(self, size: int) -> str:
        count = self.minted.get(size, 0)
        self.minted[size] = count + 1
        text = f"{self.number:06}{count:02}"
        return text if size == _GENERATION_BYTES else text * 2


_GENERATION_BYTES = 6
_here = threading.local()


class Minted:
    """In the place of `secrets`: texts that say which operation made them."""

    def token_urlsafe(self, size: int) -> str:
        process: Process | None = getattr(_here, "process", None)
        return process.mint(size) if process else "-" * 16


class Run:
    """A world, and what happens in it."""

    def __init__(
        self,
        api: Api,
        seed: str,
        planner: Planner,
        *,
        start: int,
        policies: dict[str, Policy],
        weather: Weather,
        quiet: Quiet = frozenset(),
    ) -> None:
        self.api, self.seed, self.planner = api, seed, planner
        self.time, self.weather, self.quiet = start, weather, quiet
        self.auditor = Auditor(policies)
        self.wire = Wire(self._served)
        self.baton = threading.Semaphore(0)
        self.planned: list[Planned] = []
        self.events: list[Event] = []
        self._running: list[Process] = []
        self._next: Planned | None = None
        self.befell: list[tuple[int, int, str]] = []
        """Faults: the operation, which of its turns, and what."""

    def play(self) -> None:
        """To the end, or to the first anomaly."""
        with _wired(self):
            engine.wipe()
            while not self.auditor.violations:
                if self._has_room() and self._next is None:
                    self._next = self.planner.next(self)
                if self._next and self._may_begin(self._next):
                    self._begin(self._next)
                elif self._running:
                    self._step()
                else:
                    break
            self._abandon()

    def _has_room(self) -> bool:
        """Whether somebody else is to come before those at work go on. What comes next is planned no sooner."""
        if not self._running:
            return True
        if len(self._running) >= self.weather.at_once or self._running[-1].planned.calm:
            return False
        draw = chance(self.seed, self.planned[-1].number, "next").random()
        return draw > max(process.turn.priority for process in self._running)

    def _may_begin(self, planned: Planned) -> bool:
        return not (self._running and (planned.calm or planned.wait > QUIET_SECONDS))

    def seconds_to_an_end(self, skew: int) -> int:
        """How long until a hold is over, or a slot that is held starts, by a clock that is off by that; 0: not soon."""
        held = [(slot.place.start, slot.held) for slot in self.auditor.world.slots.values() if slot.held]
        ends = [start for start, _ in held] + [hold.expires_at for _, hold in held if not hold.confirmed_at]
        left = (end - self.time - skew for end in ends)
        return min((seconds for seconds in left if 0 < seconds <= NEARLY_OVER_SECONDS), default=0)

    def _begin(self, planned: Planned) -> None:
        self._next = None
        if planned.action.kind in ("calm", "check"):
            self.planned.append(planned)
            self._see(Calm() if planned.action.kind == "calm" else Checked(self.time, engine.items()))
            return
        if planned.calm or planned.wait > QUIET_SECONDS:
            # What is on its way is lost now.
            self.wire.late.clear()
        self.time += planned.wait
        self.planned.append(planned)
        name = f"{self.seed}/{planned.number}"
        process = Process(planned, self, self.time, chance(name, "turns"), chance(name, "ticks"), planned.skew)
        self._see(Began(planned.number, planned.action, f"{planned.number:06}00"))
        self._running.append(process)
        process.start()
        self._let_go_on(process)

    def _step(self) -> None:
        late = max(self.wire.late, key=lambda one: one.priority, default=None)
        process = max(self._running, key=lambda one: one.turn.priority)
        if late and late.priority > process.turn.priority:
            if self.time <= late.until:
                self.wire.arrive(late)
            else:
                self.wire.late.remove(late)
            return
        self.time += process.turn.seconds
        if self.time - process.began > LAMBDA_SECONDS or process.turns > MOST_STEPS:
            process.doomed = True
        self._let_go_on(process)

    def _let_go_on(self, process: Process) -> None:
        process.go.release()
        self.baton.acquire()
        if not process.over:
            return
        self._running.remove(process)
        if process.error:
            raise process.error
        self._see(Answered(process.number, process.answer, tuple(process.readings), process.answers_lost))

    def _abandon(self) -> None:
        for process in tuple(self._running):
            process.doomed = True
            while not process.over:
                process.go.release()
                self.baton.acquire()

    def hook(self, event_name: str, request: Any, **_: object) -> Any:
        """Every request to the engine comes by here."""
        process: Process | None = getattr(_here, "process", None)
        if process is None:
            return engine.serve(event_name, request)
        name = event_name.rpartition(".")[2]
        now = process.readings[-1] if process.readings else self.time
        turn = process.stop(name, request)
        process.answers_lost += turn.fault in ANSWER_LOST
        until, priority = self.time + LATE_SECONDS, process.random.random()
        packet = Packet(process.number, name, request, event_name, now, until, priority)
        answer = self.wire.carry(packet, turn.fault)
        if turn.lingers:
            process.stop("answered", request)
        return answer

    def _served(self, served: Served) -> None:
        self._see(served)

    def _see(self, event: Event) -> None:
        self.events.append(event)
        self.auditor.see(event)


@contextmanager
def _wired(run: Run) -> Iterator[None]:
    """The run is all there is between the app and the engine."""
    events: Any = table.connection.client.meta.events
    with ExitStack() as stack:
        stack.enter_context(a_request_each_thread())
        stack.enter_context(_set(ids, "secrets", Minted()))
        limited = replace(settings, max_live_holds=run.weather.max_live_holds)
        stack.enter_context(_set(limits, "settings", limited))
        stack.enter_context(silent())
        events.unregister("before-send", botocore_stubber)
        stack.callback(events.register, "before-send", botocore_stubber)
        for name, handler in (("before-send", run.hook), ("needs-retry", _again_at_once)):
            events.register_first(f"{name}.dynamodb.*", handler)
            stack.callback(events.unregister, f"{name}.dynamodb.*", handler)
        yield


@contextmanager
def _set(module: Any, name: str, value: object) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextmanager
def silent() -> Iterator[None]:
    """A line for every request is for an operator."""
    before, metrics = logger.log_level, os.environ.get(_METRICS_OFF)
    logger.setLevel("CRITICAL")
    os.environ[_METRICS_OFF] = "true"
    try:
        yield
    finally:
        logger.setLevel(before)
        os.environ.pop(_METRICS_OFF)
        if metrics is not None:
            os.environ[_METRICS_OFF] = metrics


def _again_at_once(attempts: int, response: Any, caught_exception: Exception | None, **_: object) -> float | None:
    """The SDK's three tries without its pauses."""
    failed = caught_exception is not None or response[0].status_code >= 500 or _throttled(response)
    return 0 if failed and attempts < _TRIES else None


def _throttled(response: Any) -> bool:
    return "Throttling" in response[1].get("Error", {}).get("Code", "")
