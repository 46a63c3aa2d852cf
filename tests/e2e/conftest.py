"""The deployed stack: packaged, on an emulator of the suite's own, and ended with it.

Run by `make e2e`, without the conftest of the other tests: their Moto would answer here too.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra import stack
from infra.cloud import STAGE, Cloud, for_tests
from tests.e2e.client import ALICE, Answer, Api

CLIENTS = 64
ROUNDS = 10
OLD = "OLD"
"""The keys of an item that is past its time to live."""


class Deployed:
    """The stack as its operator has it."""

    def __init__(self, cloud: Cloud, outputs: dict[str, str]) -> None:
        self.cloud = cloud
        self.url = outputs["Url"]
        self.table = outputs["TableName"]
        self.dynamodb = stack.client("dynamodb")

    def physical_id(self, logical: str) -> str:
        found = stack.client("cloudformation").describe_stack_resource(
            StackName=stack.name(STAGE), LogicalResourceId=logical
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def item(self, pk: str, sk: str) -> dict[str, Any] | None:
        found = self.dynamodb.get_item(TableName=self.table, Key={"pk": {"S": pk}, "sk": {"S": sk}})
        item: dict[str, Any] | None = found.get("Item")
        return item

    def lambdas(self) -> dict[int, dict[str, str]]:
        """The environment of every warm Lambda by process id: each is a child of the emulator."""
        children = ["pgrep", "-P", str(self.cloud.pid())]
        found = subprocess.run(children, text=True, capture_output=True, check=False)  # noqa: S603  # our own
        alive = {}
        for pid in map(int, found.stdout.split()):
            try:
                text = Path(f"/proc/{pid}/environ").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            alive[pid] = dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)
        return alive

    def kill_lambdas(self) -> int:
        """How many there were."""
        killed = self.lambdas()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        return len(killed)


class LeftAlone(NamedTuple):
    """What time alone is to end."""

    pk: str
    sk: str
    """Of the appointment."""
    slot: str
    reservation: str


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    cloud = for_tests()
    try:
        yield Deployed(cloud, cloud.up())
    finally:
        cloud.down()


@pytest.fixture(scope="session")
def api(deployed: Deployed) -> Api:
    return Api(deployed.cloud, deployed.url)


@pytest.fixture(scope="session", autouse=True)
def left_alone(api: Api, deployed: Deployed) -> LeftAlone:
    """A hold of a minute, and an item past its time. Made first, so that the other tests run while they end."""
    deployed.dynamodb.put_item(TableName=deployed.table, Item={"pk": {"S": OLD}, "sk": {"S": OLD}, "ttl": {"N": "1"}})
    provider_id = api.a_provider(holdMinutes=1)
    slot = api.a_slot(provider_id)
    reservation = api.a_hold(slot)
    [seen] = api.calendar(provider_id)
    return LeftAlone(f"PROVIDER#{provider_id}", f"APPT#{seen['startTime']}", slot, reservation)


AtOnce = Callable[[list[Callable[[], Answer]]], list[Answer]]


@pytest.fixture(scope="session")
def at_once(api: Api) -> Iterator[AtOnce]:
    """Runs calls from 64 clients at a time. Each needs a Lambda, so they are started first."""
    with ThreadPoolExecutor(CLIENTS) as pool:

        def run(calls: list[Callable[[], Answer]]) -> list[Answer]:
            return list(pool.map(lambda call: call(), calls))

        # With a token, so that each has the issuer's keys too.
        a_request = partial(api, "GET", "/reservations?limit=1", ALICE)
        for _ in range(ROUNDS):
            if {answer.status for answer in run([a_request] * CLIENTS)} == {200}:
                break
        yield run


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def codes(answers: list[Answer]) -> dict[str, int]:
    """How often each came: `201`, `409 appointment-held`."""
    counts: dict[str, int] = {}
    for answer in answers:
        code = str(answer.status)
        if answer.headers.get("content-type") == "application/problem+json":
            code += " " + json.loads(answer.raw)["code"]
        counts[code] = counts.get(code, 0) + 1
    return counts
