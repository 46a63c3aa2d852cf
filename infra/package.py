"""Builds the template and the zip that are deployed: `python -m infra.package prod`."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import yaml

from infra.gateway import finish_gateway

ROOT = Path(__file__).resolve().parent.parent
MAX_ZIP_BYTES = 8_000_000
MISSING_WHEEL = "Could not install dependencies"
# Chalice imports the app, with what its stage says in config.json; these come with the stack.
KNOWN_LATER = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "TABLE_NAME": "known-later",
    "JWT_ISSUER": "known-later",
    "JWT_AUDIENCE": "known-later",
}

# Of what lies below a folder, the part that is needed: botocore's data of the one service that is called, and what the
# app imports of Powertools; nothing of what builds C extensions or carries the time zones a second time.
PRUNED: dict[str, tuple[str, ...]] = {
    "botocore/data/": (
        "dynamodb/",
        "_retry.json",
        "endpoints.json",
        "partitions.json",
        "sdk-default-configuration.json",
    ),
    "aws_lambda_powertools/event_handler/": (),
    "aws_lambda_powertools/utilities/": ("__init__.py", "jmespath_utils/"),
    "cffi/": (),
    "dateutil/rrule.py": (),
    "dateutil/zoneinfo/": (),
    "pycparser/": (),
    "tzdata/zoneinfo/tzdata.zi": (),
    "urllib3/contrib/emscripten/": (),
}


class CannotPackage(Exception):
    """Chalice's own words say why."""


def package(stage: str) -> Path:
    """The directory with `template.json` and `deployment.zip`. Raises CannotPackage."""
    out = ROOT / "dist" / stage
    shutil.rmtree(out, ignore_errors=True)
    run_chalice(ROOT, stage, out, "--merge-template", ".chalice/template.yaml")
    template = yaml.safe_load((out / "sam.yaml").read_text())
    (out / "sam.yaml").unlink()
    finish_gateway(template)
    if stage != "prod":
        make_disposable(template["Resources"]["Table"])
    (out / "template.json").write_text(json.dumps(template, indent=2))
    slim(out / "deployment.zip")
    return out


def run_chalice(project: Path, stage: str, out: Path, *more: str) -> None:
    # Chalice reuses a zip after a rename, and takes a missing wheel for a warning.
    shutil.rmtree(project / ".chalice" / "deployments", ignore_errors=True)
    chalice = str(Path(sys.executable).with_name("chalice"))
    command = [chalice, "package", "--stage", stage, *more, str(out)]
    done = subprocess.run(  # noqa: S603  # our own
        command, cwd=project, env=os.environ | KNOWN_LATER, text=True, capture_output=True, check=False
    )
    if done.returncode or MISSING_WHEEL in done.stdout + done.stderr:
        raise CannotPackage(f"chalice package failed:\n{done.stdout}{done.stderr}")


def make_disposable(table: dict[str, Any]) -> None:
    """The template says what prod gets; every other stage may be destroyed."""
    table["DeletionPolicy"] = table["UpdateReplacePolicy"] = "Delete"
    table["Properties"]["DeletionProtectionEnabled"] = False


def is_needed(name: str) -> bool:
    for folder, kept in PRUNED.items():
        if name.startswith(folder):
            return name.removeprefix(folder).startswith(kept)
    parts = name.split("/")
    if "__pycache__" in parts or "tests" in parts or name.endswith((".pyc", ".pyi")):
        return False
    return not parts[0].endswith((".dist-info", ".data"))


def slim(zipped: Path, needed: Callable[[str], bool] = is_needed) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with ZipFile(zipped) as full:
            full.extractall(folder, [entry for entry in full.namelist() if needed(entry)])
        compile_to_bytecode(folder)
        write_zip(folder, zipped)


def compile_to_bytecode(folder: Path) -> None:
    """Lambda cannot keep what it compiles: it would again at every cold start, for half of it."""
    # In a process of its own: what bytecode looks like depends on what its process did before.
    command = [sys.executable, "-m", "compileall", "-q", "-b", "-s", str(folder)]
    mode = ["--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, *mode, str(folder)], env={"PYTHONHASHSEED": "0"}, check=True)  # noqa: S603  # our own
    for bytecode in folder.rglob("*.pyc"):
        bytecode.with_suffix(".py").unlink()


def write_zip(folder: Path, zipped: Path) -> None:
    """The same content gives the same zip, which is then not deployed again."""
    with ZipFile(zipped, "w") as small:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = ZipInfo(path.relative_to(folder).as_posix())
                entry.compress_type = ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                small.writestr(entry, path.read_bytes(), compresslevel=9)


def main() -> None:
    try:
        out = package(sys.argv[1])
    except CannotPackage as error:
        sys.exit(f"holdfast: {error}")
    zipped = out / "deployment.zip"
    size = zipped.stat().st_size
    sys.stdout.write(f"{zipped.relative_to(ROOT)}: {size / 1e6:.2f} MB of at most {MAX_ZIP_BYTES / 1e6:.0f}\n")
    if size > MAX_ZIP_BYTES:
        sys.exit("holdfast: the zip is too large")


if __name__ == "__main__":
    main()
