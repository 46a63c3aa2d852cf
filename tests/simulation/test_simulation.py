"""A short run of the simulation, and that it is what it says: reproducible, and able to see."""

import sys

import pytest

from chalicelib.booking import publish
from tests.simulation import model, workload
from tests.simulation.client import Api
from tests.simulation.history import Event
from tests.simulation.prove import episode, explained, prove, shrink, story, summary
from tests.simulation.run import Run

SEED, OPERATIONS = 20_270_101, 2_000
pytestmark = pytest.mark.simulation


def _episode(name: str) -> Run:
    return episode(Api(), name, workload.Workload(name, operations=60))


def _events(run: Run) -> list[Event]:
    return run.events


def test_nothing_breaks_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    report = prove(SEED, OPERATIONS)

    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(summary(report)) + "\n")
    assert report.broken is None, "\n".join(explained(report.broken))


def test_a_seed_is_all_there_is_to_know() -> None:
    first, second = _episode("a seed"), _episode("a seed")

    assert first.befell == second.befell
    assert _events(first) == _events(second)


def test_another_seed_is_another_history() -> None:
    assert _events(_episode("a seed")) != _events(_episode("another"))


def test_a_broken_build_is_noticed_and_its_history_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish that sees no overlap."""
    monkeypatch.setattr(publish, "overlapping", lambda *_: [])

    report = prove(1, 2_000)

    assert report.broken is not None
    assert report.broken.auditor.violations[0].rule == model.NEVER_TWICE
    short = shrink(report.broken, most_replays=40)
    assert len(short.planned) < 10, "\n".join(story(short))
