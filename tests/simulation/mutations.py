"""Deliberately broken builds: each clause of each condition dropped in turn. The simulation must notice every one.

`python -m tests.simulation.mutations` prints a table. A clause is found in the source itself, so a new one is
mutated as soon as it is written: a comparison or a call that makes a condition of DynamoDB. One of several that
must all hold is replaced by what always holds; one of several alternatives by what never does.
"""

import argparse
import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import pytest

ROOT = Path(__file__).parents[2]
STORE = Path("chalicelib/store")
FILES = ("appointments.py", "calendars.py", "providers.py")
COPIED = ("app.py", "chalicelib", "local", "tests", "pyproject.toml")
CALLS = ("exists", "does_not_exist", "is_in")
_PK = '__import__("pynamodb.expressions.operand", fromlist=["Path"]).Path("pk")'
ALWAYS, NEVER = f"({_PK}.exists() | {_PK}.does_not_exist())", f"({_PK}.exists() & {_PK}.does_not_exist())"
OPERATIONS, SECONDS = 40_000, 1_800

NOTICED_BY = {
    # A second bolt: the nonce, which comes from the same item, implies it unless one is ever drawn twice, and no run
    # draws one twice.
    "appointments._release: Appointment.generation == held.generation": (
        "tests/api/test_races.py::test_every_write_on_a_hold_names_the_generation"
    ),
}
"""Clauses that another implies in every run, and the test that notices each."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One clause, and what it is replaced by."""

    file: str
    function: str
    clause: str
    start: int
    end: int
    by: str

    def __str__(self) -> str:
        return f"{self.file.removesuffix('.py')}.{self.function}: {self.clause}"

    def apply(self, source: str) -> str:
        return source[: self.start] + self.by + source[self.end :]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the simulation said of a broken build."""

    operations: int
    violation: str

    @property
    def caught(self) -> bool:
        return bool(self.violation)


def mutations(root: Path = ROOT) -> list[Mutation]:
    """Of all conditions of the store's writes."""
    return [found for file in FILES for found in _in_file(file, (root / STORE / file).read_text())]


def _in_file(file: str, source: str) -> Iterator[Mutation]:
    models = {"Appointment", "Day", "Provider", "PublishKey", "key"}
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef):
            for node, by in _clauses(function, models, ALWAYS):
                start, end = _offsets(source, node)
                yield Mutation(file, function.name, " ".join(source[start:end].split()), start, end, by)


def _clauses(node: ast.AST, models: set[str], by: str) -> Iterator[tuple[ast.expr, str]]:
    """The conditions in the node, from the outermost in."""
    for child in ast.iter_child_nodes(node):
        either = isinstance(child, ast.BinOp) and isinstance(child.op, ast.BitOr) and _is_condition(child.left, models)
        if either and isinstance(child, ast.BinOp):
            yield child, ALWAYS
            yield child.left, NEVER
            yield child.right, NEVER
        elif isinstance(child, ast.expr) and _is_condition(child, models):
            yield child, by
        else:
            yield from _clauses(child, models, by)


def _is_condition(node: ast.expr, models: set[str]) -> bool:
    match node:
        case ast.Compare(left=ast.Attribute(value=ast.Name(id=model))):
            return model in models
        case ast.Call(func=ast.Attribute(value=ast.Name(id=model), attr=call)):
            return model in models and call in CALLS
        case ast.Call(func=ast.Attribute(value=ast.Attribute(value=ast.Name(id=model)), attr=call)):
            return model in models and call in CALLS
    return False


def _offsets(source: str, node: ast.expr) -> tuple[int, int]:
    lines = source.splitlines(keepends=True)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    assert source.isascii() or all(line.isascii() for line in lines[node.lineno - 1 : node.end_lineno])
    before = [sum(map(len, lines[: at - 1])) for at in (node.lineno, node.end_lineno)]
    return before[0] + node.col_offset, before[1] + node.end_col_offset


def try_all(only: str, seed: int, operations: int, at_once: int) -> Iterator[tuple[Mutation, Verdict]]:
    """Each in a copy of the tree, as it was at the beginning, with an interpreter of its own."""
    with tempfile.TemporaryDirectory(prefix="holdfast-mutants-") as folder:
        whole = _copy(ROOT, Path(folder) / "whole")
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(at_once):
            copies.put(_copy(whole, Path(folder) / str(number)))

        def judge(mutation: Mutation) -> Verdict:
            copy = copies.get()
            source = (whole / STORE / mutation.file).read_text()
            target = copy / STORE / mutation.file
            try:
                target.write_text(mutation.apply(source))
                test = NOTICED_BY.get(str(mutation))
                if test and _judge_by_test(whole, test).caught:
                    raise RuntimeError(f"{test} fails without any mutation")
                return _judge_by_test(copy, test) if test else _judge(copy, seed, operations)
            finally:
                target.write_text(source)
                copies.put(copy)

        wanted = [one for one in mutations(whole) if only in str(one)]
        with ThreadPoolExecutor(at_once) as pool:
            yield from zip(wanted, pool.map(judge, wanted), strict=True)


def _copy(root: Path, to: Path) -> Path:
    to.mkdir()
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", "swagger-ui"))
        else:
            shutil.copy(source, to / name)
    return to


def _judge(copy: Path, seed: int, operations: int) -> Verdict:
    command = [sys.executable, "-B", "-m", "tests.simulation", "--brief", f"--seed={seed}", f"--ops={operations}"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603  # our own interpreter, on our own code
    last = done.stdout.strip().splitlines()[-1:] or [""]
    done_operations, _, violation = last[0].partition("\t")
    if done.returncode not in (0, 1) or not done_operations.isdigit():
        raise RuntimeError(done.stderr)
    return Verdict(int(done_operations), violation)


def _judge_by_test(copy: Path, test: str) -> Verdict:
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603  # our own interpreter, on our own code
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(done.stdout + done.stderr)
    return Verdict(0, f"`{test}`" if done.returncode else "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutations")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ops", type=int, default=OPERATIONS)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--only", default="")
    wanted = parser.parse_args()
    sys.stdout.write(f"| clause dropped | noticed by | after operations (seed {wanted.seed}) |\n|---|---|---|\n")
    missed = 0
    for mutation, verdict in try_all(wanted.only, wanted.seed, wanted.ops, wanted.at_once):
        missed += not verdict.caught
        noticed = verdict.violation or "NOT NOTICED"
        sys.stdout.write(f"| `{mutation}` | {noticed[:160]} | {verdict.operations} |\n")
        sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
