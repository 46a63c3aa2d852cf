"""Every test begins with an empty table, provider 1234, and the clock at START."""

import gc
import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import clock as clock_module
from chalicelib.store.table import table
from local import aws
from tests.support import Api, Clock, DynamoDB

_BARE_NUMBER = re.compile(rb'"N": ?[-0-9]')


def pytest_collection_finish() -> None:
    """What was collected stays to the end: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _numbers_go_as_text() -> None:
    """DynamoDB refuses `{"N": 4}`; Moto takes it for `{"N": "4"}`."""

    def check(request: Any, **_: object) -> None:
        assert not _BARE_NUMBER.search(request.body), request.body

    table.connection.client.meta.events.register_first("before-send.dynamodb.*", check)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Clock]:
    source = Clock()
    with clock_module.running_on(source, pause=lambda seconds: source.advance(seconds=seconds)):
        yield source


@pytest.fixture(autouse=True)
def _empty_table(clock: Clock) -> None:  # noqa: ARG001  # the provider is made at the test's time
    aws.empty()
    aws.fill()


@pytest.fixture(scope="session")
def api() -> Api:
    return Api()


@pytest.fixture
def dynamodb() -> DynamoDB:
    return DynamoDB()
