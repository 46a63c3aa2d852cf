"""The zip and the template, as they are deployed."""

import json
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from app import app
from chalicelib import clock
from infra.package import MAX_ZIP_BYTES, PRUNED, ROOT, CannotPackage, package, run_chalice
from local import issuer
from local.options import trusting
from tests.package.conftest import DynamoDB

A_DAY = Path(__file__).with_name("a_day.py")
ALONE = [sys.executable, "-I", "-S", str(A_DAY)]
ASKED = {"BatchGetItem", "GetItem", "Query", "TransactGetItems", "TransactWriteItems", "UpdateItem"}
"""All that tests/api/test_request_counts.py counts."""
LEFT_AT_HOME = ("local", "infra", "tests", "docs", "bench", "moto", "_pytest")


@pytest.fixture(scope="session")
def built() -> Path:
    return package("cloud")


@pytest.fixture(scope="session")
def names(built: Path) -> list[str]:
    with ZipFile(built / "deployment.zip") as zipped:
        return zipped.namelist()


@pytest.fixture
def unpacked(built: Path, tmp_path: Path) -> Path:
    with ZipFile(built / "deployment.zip") as zipped:
        zipped.extractall(tmp_path)  # noqa: S202  # ours
    return tmp_path


def test_is_small(built: Path) -> None:
    assert (built / "deployment.zip").stat().st_size <= MAX_ZIP_BYTES


def test_has_the_pages_and_nothing_that_stays_at_home(names: list[str]) -> None:
    assert "chalicelib/static/docs.html" in names
    assert "chalicelib/static/swagger-ui/swagger-ui-bundle.js" in names
    assert [name for name in names if name.startswith(tuple(f"{left}/" for left in LEFT_AT_HOME))] == []
    assert [name for name in names if "__pycache__" in name or name.endswith(".py")] == []


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_alone_it_does_all_that_the_app_does(unpacked: Path, built: Path, dynamodb: DynamoDB) -> None:
    done = spend_a_day(unpacked, built, dynamodb)

    assert done.returncode == 0, done.stderr
    statuses = json.loads(done.stdout.splitlines()[-1])
    assert {status for status in statuses.values() if status not in (200, 201, 204)} == set(), statuses
    assert set(statuses) == {
        f"{method} {path}" for path, methods in app.routes.items() for method in methods if method != "OPTIONS"
    }
    assert dynamodb.asked == ASKED


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("lost", ["botocore/data/dynamodb", "msgspec", "tzdata", "chalicelib/static"])
def test_without_a_part_of_it_it_does_not(unpacked: Path, built: Path, dynamodb: DynamoDB, lost: str) -> None:
    """So the test above would see that too much was pruned."""
    shutil.rmtree(unpacked / lost)

    done = spend_a_day(unpacked, built, dynamodb)

    assert done.returncode or not {200, 201, 204}.issuperset(json.loads(done.stdout.splitlines()[-1]).values())


def test_what_is_pruned_is_what_is_there_to_prune(names: list[str]) -> None:
    for folder, kept in PRUNED.items():
        there = [name for name in names if name.startswith(folder)]
        assert all(name.removeprefix(folder).replace(".pyc", ".py").startswith(kept) for name in there)
        assert bool(there) == bool(kept)


def test_the_same_tree_gives_the_same_zip(built: Path) -> None:
    first = (built / "deployment.zip").read_bytes()

    again = package("cloud")

    assert (again / "deployment.zip").read_bytes() == first


def test_a_dependency_without_a_wheel_for_lambda_fails_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    for part in ("chalicelib", ".chalice"):
        shutil.copytree(ROOT / part, project / part)
    shutil.copy(ROOT / "app.py", project)
    make_sdist(tmp_path, "needsacompiler")
    (project / "requirements.txt").write_text("needsacompiler==1.0\n")
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_NO_BUILD_ISOLATION": "0"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(CannotPackage, match="needsacompiler"):
        run_chalice(project, "dev", tmp_path / "out")


def test_prod_keeps_its_table_whatever_happens() -> None:
    table = table_of(package("prod"))
    properties = table["Properties"]

    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert properties["DeletionProtectionEnabled"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}


def test_another_stage_can_be_destroyed(built: Path) -> None:
    table = table_of(built)

    assert table["DeletionPolicy"] == "Delete"
    assert not table["Properties"]["DeletionProtectionEnabled"]


def test_every_function_ends_before_the_gateway_gives_up_or_the_next_sweep_begins(built: Path) -> None:
    resources = json.loads((built / "template.json").read_text())["Resources"]

    assert resources["APIHandler"]["Properties"]["Timeout"] < 29
    assert resources["ExpireReservations"]["Properties"]["Timeout"] < 60


def table_of(built: Path) -> Any:
    return json.loads((built / "template.json").read_text())["Resources"]["Table"]


def spend_a_day(unpacked: Path, built: Path, dynamodb: DynamoDB) -> subprocess.CompletedProcess[str]:
    function = json.loads((built / "template.json").read_text())["Resources"]["APIHandler"]["Properties"]
    env = {
        **function["Environment"]["Variables"],
        **trusting(dynamodb.url),
        "TABLE_NAME": "holdfast-local",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_REGION": "us-east-1",
        "DYNAMODB_ENDPOINT": dynamodb.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        # The time zones of the package, not those of this machine.
        "PYTHONTZPATH": "",
    }
    # The package has the time of day, the tests have their own.
    with clock.running_on(time.time):
        tokens = {role: issuer.token(dynamodb.url, role, "1234") for role in ("admin", "client", "provider")}
    return subprocess.run(  # noqa: S603  # our own
        [*ALONE, str(unpacked), json.dumps(tokens)], env=env, text=True, capture_output=True, check=False
    )


def make_sdist(folder: Path, name: str) -> None:
    """A distribution with a part in C, and no wheel."""
    source = folder / f"{name}-1.0"
    source.mkdir()
    (source / "part.c").write_text("#error no compiler will take this\n")
    (source / "setup.py").write_text(
        "from setuptools import Extension, setup\n"
        f"setup(name={name!r}, version='1.0', ext_modules=[Extension('part', ['part.c'])])\n"
    )
    (source / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, arcname=source.name)
