"""Every test begins with an empty table, provider 1234, and the clock at START."""

import gc
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from moto.core.models import botocore_stubber

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


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """As pytest itself does it, within `_on_one_stack`; a plugin that would run a test in another way has no say."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    _on_one_stack(lambda: runtestprotocol(item, nextitem=nextitem))
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _on_one_stack(run: Callable[[], object]) -> None:
    """Run it with all of its frames in one chunk of Python's stack.

    A chunk holds 16 KB. Where one is full, each call of a function has another mapped and, when it returns,
    given back: a quarter of the time of a test. A frame that is larger gets a chunk of the next power of two,
    and whatever it calls has the rest of it.
    """
    run()


_on_one_stack.__code__ = _on_one_stack.__code__.replace(co_stacksize=150_000)


@pytest.fixture(scope="session", autouse=True)
def _numbers_go_as_text() -> None:
    """DynamoDB refuses `{"N": 4}`; Moto takes it for `{"N": "4"}`."""

    def check(request: Any, **_: object) -> None:
        assert not _BARE_NUMBER.search(request.body), request.body

    table.connection.client.meta.events.register_first("before-send.dynamodb.*", check)


@pytest.fixture(scope="session", autouse=True)
def _engine_is_not_traced() -> None:
    """Most of what runs is Moto, and the tracer of coverage, which looks at each call, makes it twice as slow."""
    process = botocore_stubber.process_request

    def untraced(request: Any) -> Any:
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return process(request)
        finally:
            sys.settrace(tracer)
            # The tracer takes up its count of calls and returns at the next call.
            _nothing()

    botocore_stubber.process_request = untraced  # type: ignore[method-assign]  # Moto offers no other place


def _nothing() -> None: ...


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
