"""Every test begins with an empty table, provider 1234, and the clock at START."""

from collections.abc import Iterator

import pytest

from chalicelib import clock as clock_module
from local import aws
from tests.support import Api, Clock, DynamoDB


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
