"""`make bench`: every figure anew, each part in a process of its own, on an engine of its own, one after the other.

Writes `docs/benchmarks/results.json`, the plots beside it, and the tables of `docs/benchmarks.md`. Names of parts, as
arguments, measure only those. Everything listens on 127.0.0.1 and ends by itself.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import engines, page
from bench.engines import ROOT, Environment
from local.options import trusting

RESULTS = ROOT / "docs" / "benchmarks" / "results.json"
MOST_SECONDS = 1_800
"""Of one part."""
PARTS: dict[str, tuple[str, Callable[[], AbstractContextManager[Environment]]]] = {
    "handlers": ("bench.handlers", engines.moto),
    "race": ("bench.race", engines.moto),
    "rows": ("bench.rows", engines.postgresql),
    "starts": ("bench.starts", engines.postgresql),
    "units": ("bench.units", engines.moto),
    "lists": ("bench.lists", engines.dynalite),
    "sweep-over": ("bench.sweeps", engines.moto),
    "sweep-none": ("bench.sweeps", engines.dynalite),
}
LOCAL = {
    "STAGE": "local",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}


def measure(part: str) -> Any:
    module, engine = PARTS[part]
    with engines.issuing() as url, engine() as own:
        done = subprocess.run(  # noqa: S603  # our own
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=os.environ | LOCAL | trusting(url) | own,
            stdout=subprocess.PIPE,
            text=True,
            timeout=MOST_SECONDS,
            check=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> dict[str, str]:
    """What it all ran on."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": f"{os.cpu_count()} x {models[0].partition(': ')[2]}" if models else platform.machine(),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "Python": platform.python_version(),
        "Moto": version("moto"),
        "botocore": version("botocore"),
        "PynamoDB": version("pynamodb"),
        "Powertools": version("aws-lambda-powertools"),
        "FastAPI": version("fastapi"),
        "dynalite": engines.dynalites_version(),
        "PostgreSQL": engines.postgresqls_version(),
    }


def main() -> None:
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    wanted = sys.argv[1:] or [*PARTS]
    unknown = set(wanted) - set(PARTS)
    if unknown:
        sys.exit(f"no such parts: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    for part in wanted:
        began, load = datetime.now(UTC), os.getloadavg()[0]
        sys.stderr.write(f"{began:%H:%M:%S} {part}\n")
        figures = measure(part)
        seconds = round((datetime.now(UTC) - began).total_seconds())
        results[part] = {"at": f"{began:%Y-%m-%d}", "load": round(load, 1), "seconds": seconds, "figures": figures}
        results["machine"] = machine()
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    if set(PARTS) <= set(results):
        page.write(results)


if __name__ == "__main__":
    main()
