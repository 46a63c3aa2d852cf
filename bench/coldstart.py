"""What a cold start costs, beside a bare Chalice app with one PynamoDB call, and beside the usual way.

`python -m bench.coldstart` measures import and first request of the packaged zip. It packages the apps in the same
way (pruned, as bytecode), unpacks them, and starts each many times in a process of its own that sees nothing but its
package, in turns, so that a busy machine is busy for all. Printed: medians and quartiles of the wall clock and the CPU
time, the ratios, and where the time of the imports goes. Neither Lambda's own start nor the network is in it: DynamoDB
and the issuer are a stub on 127.0.0.1.
"""

import json
import statistics
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zipfile import ZipFile

from bench.calls import event, spread
from bench.engines import Keys, issuing
from infra.package import ROOT, is_needed, package, run_chalice, slim
from local import issuer
from local.options import trusting

RUNS = 21
GOAL = 1.3
FIGURES = ("importing", "first_request", "whole", "importing_cpu", "first_request_cpu", "whole_cpu")
PACKAGES_SHOWN = 12
BARE_NEEDS = ("botocore", "jmespath", "pynamodb", "python-dateutil", "six", "typing_extensions", "urllib3")
USUAL_NEEDS = (*BARE_NEEDS, "aws-lambda-powertools", "PyJWT", "cryptography", "cffi", "pycparser")
LAMBDAS_OWN = ("boto3", "s3transfer")
BARE_APP = """
import os
from chalice import Chalice
from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

app = Chalice(app_name="bare")


class Item(Model):
    class Meta:
        table_name = os.environ.get("TABLE_NAME", "")
        region = "us-east-1"
        host = os.environ.get("DYNAMODB_ENDPOINT")

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute()


@app.route("/providers/{providerId}")
def get(providerId):
    return {"name": Item.get(f"PROVIDER#{providerId}", "PROFILE", consistent_read=True).name}
"""
START = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
event = json.loads(sys.argv[2])
began, began_cpu = time.perf_counter(), time.process_time()
from app import app
imported, imported_cpu = time.perf_counter(), time.process_time()
answer = app(event, None)
done, done_cpu = time.perf_counter(), time.process_time()
assert answer["statusCode"] == 200, answer
print(json.dumps([imported - began, done - imported, imported_cpu - began_cpu, done_cpu - imported_cpu]))
"""
PROFILE = {
    "pk": {"S": "PROVIDER#1234"},
    "sk": {"S": "PROFILE"},
    "name": {"S": "Practice"},
    "time_zone": {"S": "Europe/Vienna"},
    "hold_seconds": {"N": "1800"},
    "notice_seconds": {"N": "0"},
    "nonce": {"S": "n"},
    "version": {"N": "1"},
}


class Start(NamedTuple):
    """One cold start, in seconds: of the wall clock, and of the CPU."""

    importing: float
    first_request: float
    importing_cpu: float
    first_request_cpu: float

    @property
    def whole(self) -> float:
        return self.importing + self.first_request

    @property
    def whole_cpu(self) -> float:
        return self.importing_cpu + self.first_request_cpu


class Stub(Keys):
    """The issuer, and a DynamoDB with one provider."""

    def do_POST(self) -> None:  # noqa: N802  # its name there
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(json.dumps({"Item": PROFILE, "Items": []}))


class Case(NamedTuple):
    """What to start, and how."""

    name: str
    arguments: list[str]
    env: dict[str, str]

    def start(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *options, *self.arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, text=True, capture_output=True, check=False)  # noqa: S603  # our own
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done

    def measure(self) -> Start:
        return Start(*json.loads(self.start().stdout.splitlines()[-1]))


def build(folder: Path, name: str, source: str, needs: list[str]) -> Path:
    """An app of one file, packaged as Holdfast is."""
    project, out = folder / name, folder / f"{name}-out"
    (project / ".chalice").mkdir(parents=True)
    (project / "app.py").write_text(source)
    config = {"version": "2.0", "app_name": name, "stages": {"cloud": {"lambda_architecture": "x86_64"}}}
    (project / ".chalice" / "config.json").write_text(json.dumps(config))
    (project / "requirements.txt").write_text("\n".join(needs))
    run_chalice(project, "cloud", out)
    slim(out / "deployment.zip", _needed)
    return unpack(out, folder / f"{name}-unpacked")


def _needed(name: str) -> bool:
    # Of Powertools, Holdfast's package leaves out what only the usual way uses.
    return is_needed(name) or (name.startswith("aws_lambda_powertools/") and "__pycache__" not in name)


def pinned(names: tuple[str, ...]) -> list[str]:
    return [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith(names)]


def unpack(out: Path, folder: Path) -> Path:
    with ZipFile(out / "deployment.zip") as zipped:
        zipped.extractall(folder)
    return folder


def cases(folder: Path, url: str) -> list[Case]:
    ours = unpack(package("cloud"), folder / "ours")
    bare = build(folder, "bare", BARE_APP, pinned(BARE_NEEDS))
    lambdas_own = [f"{name}=={version(name)}" for name in LAMBDAS_OWN]
    usual = build(folder, "usual", (ROOT / "bench/usual.py").read_text(), pinned(USUAL_NEEDS) + lambdas_own)
    env = {
        **trusting(url),
        "STAGE": "cloud",
        "TABLE_NAME": "table",
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "DYNAMODB_ENDPOINT": url,
    }
    route = "/providers/{providerId}"
    token = issuer.token(url, "client", "alice")
    return [
        Case("bare: one PynamoDB call", lambdas(bare, event("GET", route, providerId="1234")), env),
        Case("Holdfast: health", lambdas(ours, event("GET", "/health")), env),
        Case("Holdfast: one read, token", lambdas(ours, event("GET", route, token, providerId="1234")), env),
        Case("usual way: one read, token", lambdas(usual, event("GET", "/appointments/{ref}", token, ref="1234")), env),
    ]


def lambdas(folder: Path, sent: dict[str, Any]) -> list[str]:
    """A process that sees nothing but the package."""
    return ["-I", "-S", "-c", START, str(folder), json.dumps(sent)]


def report(case: Case, starts: list[Start], bare: list[Start]) -> None:
    ratio = median(starts, "whole") / median(bare, "whole")
    ratio_cpu = median(starts, "whole_cpu") / median(bare, "whole_cpu")
    say(case.name)
    for name in FIGURES:
        low, middle, high = spread(getattr(start, name) for start in starts)
        say(f"  {name:18}{middle:7.0f} ms  ({low:.0f} to {high:.0f})")
    say(f"  beside the bare app: {ratio:.2f} of the wall clock, {ratio_cpu:.2f} of the CPU (goal: at most {GOAL})")


def median(starts: list[Start], name: str) -> float:
    return float(statistics.median(getattr(start, name) for start in starts))


def where_imports_go(case: Case) -> None:
    """The time of each top-level package's own modules, the median of three starts."""
    runs = [own_times(case.start("-X", "importtime").stderr) for _ in range(3)]
    names = {name for run in runs for name in run}
    times = Counter({name: int(statistics.median(run[name] for run in runs)) for name in names})
    say(f"{case.name}: imports, slowed by measuring them, {sum(times.values()) / 1000:.0f} ms")
    for name, microseconds in times.most_common(PACKAGES_SHOWN):
        say(f"  {name:24}{microseconds / 1000:7.1f} ms")


def own_times(text: str) -> Counter[str]:
    """From lines such as `import time:  self | cumulative | module`."""
    times: Counter[str] = Counter()
    for line in text.splitlines():
        if line.startswith("import time:") and "self [us]" not in line:
            own, _, module = line.removeprefix("import time:").split("|")
            times[module.strip().split(".")[0]] += int(own)
    return times


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def measure(cases: list[Case]) -> dict[str, list[Start]]:
    for case in cases:
        case.measure()  # The files are in memory from here on.
    starts: dict[str, list[Start]] = {case.name: [] for case in cases}
    for _ in range(RUNS):
        for case in cases:
            starts[case.name].append(case.measure())
    return starts


def main() -> None:
    with TemporaryDirectory() as name, issuing(Stub) as url:
        measured = cases(Path(name), url)
        starts = measure(measured)
        say(f"{RUNS} cold starts each, Python {sys.version.split()[0]}; medians and quartiles")
        for case in measured:
            report(case, starts[case.name], starts[measured[0].name])
        for case in measured[:2]:
            where_imports_go(case)


if __name__ == "__main__":
    main()
