"""Episode after episode, each a small world of its own, until enough has been done or a rule is broken."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.simulation import workload
from tests.simulation.chance import chance
from tests.simulation.client import Api
from tests.simulation.history import Answered, Began, Calm, Event, Served, Violation, utc
from tests.simulation.run import Planned, Planner, Quiet, Run

MOST_REPLAYS = 150
"""When a history is shortened."""


@dataclass
class Report:
    """What was done, and the first anomaly."""

    seed: int
    episodes: int = 0
    operations: int = 0
    seconds: float = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    broken: Run | None = None

    @property
    def violation(self) -> Violation | None:
        return self.broken.auditor.violations[0] if self.broken else None


class Literally:
    """The same operations again."""

    def __init__(self, plan: Sequence[Planned]) -> None:
        self._left = iter(plan)

    def next(self, run: Run) -> Planned | None:
        del run
        return next(self._left, None)


def prove(seed: int, operations: int) -> Report:
    """Run until so many operations are done, or one is wrong."""
    api, report, began = Api(), Report(seed), time.perf_counter()
    while report.operations < operations and report.broken is None:
        name = f"{seed}/{report.episodes}"
        run = episode(api, name, workload.Workload(name))
        report.episodes += 1
        report.operations += sum(run.auditor.outcomes.values())
        report.outcomes += run.auditor.outcomes
        report.faults += run.wire.faults
        report.broken = run if run.auditor.violations else None
    report.seconds = time.perf_counter() - began
    return report


def episode(api: Api, name: str, planner: Planner, quiet: Quiet = frozenset()) -> Run:
    random = chance(name)
    policies, weather = workload.policies(random), workload.weather(random)
    run = Run(api, name, planner, start=workload.START, policies=policies, weather=weather, quiet=quiet)
    run.play()
    return run


def shrink(run: Run, most_replays: int = MOST_REPLAYS) -> Run:
    """The shortest run found that breaks the same rule: without operations, then without faults."""
    replays = 0

    def without(plan: Sequence[Planned], quiet: Quiet) -> bool:
        nonlocal run, replays
        if replays >= most_replays:
            return False
        replays += 1
        again = episode(run.api, run.seed, Literally(plan), quiet)
        same = bool(again.auditor.violations) and again.auditor.violations[0].rule == rule
        run = again if same else run
        return same

    rule = run.auditor.violations[0].rule
    size = len(run.planned) // 2
    while size:
        start = 0
        while start < len(run.planned):
            if not without([*run.planned[:start], *run.planned[start + size :]], run.quiet):
                start += size
        size //= 2
    for number, turn, _ in tuple(run.befell):
        without(run.planned, run.quiet | {(number, turn)})
    return run


def story(run: Run) -> Iterator[str]:
    """What happened, a line for each event."""
    plans = {planned.number: planned for planned in run.planned}
    faults = {number: [f"{fault} at step {turn}" for at, turn, fault in run.befell if at == number] for number in plans}
    for event in run.events:
        yield _line(event, plans, faults)
    for violation in run.auditor.violations:
        yield f"  => {violation}"


def _line(event: Event, plans: dict[int, Planned], faults: dict[int, list[str]]) -> str:
    match event:
        case Began():
            planned = plans[event.number]
            befell = f"; befallen by {', '.join(faults[event.number])}" if faults[event.number] else ""
            late = f"{planned.wait} s later, " if planned.wait else ""
            return f"  {event.number:>4} begins: {late}{event.action} (clock {planned.skew:+} s{befell})"
        case Served():
            written = ", ".join(sk for _, sk in sorted(event.keys)) or "nothing"
            return (
                f"  {event.number:>4} {'LATE ' if event.late else ''}{event.name} at {utc(event.now)} wrote {written}"
            )
        case Answered():
            answer = event.answer
            said = (
                f"{answer.status} {answer.code} {dict(answer.body) if answer.status < 400 else ''}"
                if answer
                else "killed"
            )
            return f"  {event.number:>4} answered: {said}"
        case Calm():
            return "  the faults stop"
    return f"  looked at everything at {utc(event.now)}"


def summary(report: Report) -> Iterator[str]:
    """For people."""
    speed = report.operations / report.seconds if report.seconds else 0
    yield f"seed {report.seed}: {report.operations} operations in {report.episodes} episodes, {speed:.0f} a second"
    yield f"{'operation':<16}{'success':>9}{'failure':>9}{'unknown':>9}"
    for kind in sorted({kind for kind, _ in report.outcomes}):
        counts = (report.outcomes[kind, outcome] for outcome in ("success", "failure", "unknown"))
        yield f"{kind:<16}" + "".join(f"{count:>9}" for count in counts)
    yield f"faults: {sum(report.faults.values())}"
    for fault, count in sorted(report.faults.items()):
        yield f"  {fault:<32}{count:>7}"
    yield f"anomalies: {1 if report.broken else 0}"


def explained(broken: Run) -> Iterator[str]:
    """The anomaly, and the shortest history that shows it."""
    yield f"episode {broken.seed} broke a rule after {len(broken.planned)} operations"
    yield from (f"  => {violation}" for violation in broken.auditor.violations)
    short = shrink(broken)
    yield f"the shortest history found, {len(short.planned)} operations:"
    yield from story(short)
