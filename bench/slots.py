"""Slots of Holdfast's, put into the table as a publish leaves them; and one bare write or query of what it sends."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace
from typing import Any, NamedTuple

import botocore.session
import moto.dynamodb.models as moto_models
from moto.core.models import DEFAULT_ACCOUNT_ID, patch_client
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from bench import usual
from chalicelib import clock
from chalicelib.booking import limits
from chalicelib.settings import settings
from chalicelib.store.ids import AppointmentId, new_generation
from chalicelib.store.items import AVAILABLE, Appointment, appointment_key
from chalicelib.store.table import table

SLOT_SECONDS = 1_800
HOLD_SECONDS = 1_800
_BATCH = 25
Raw = dict[str, Any]


class Slot(NamedTuple):
    """Where it is, and which."""

    start: int
    generation: str
    id: str


def slot(provider_id: str, start: int, **more: Any) -> tuple[Slot, Appointment]:
    """A free one, or as `more` says; not written yet."""
    generation = new_generation()
    item = Appointment(
        *appointment_key(provider_id, start),
        generation=generation,
        start=clock.iso(start),
        end=clock.iso(start + SLOT_SECONDS),
        version=1,
        hold_seconds=HOLD_SECONDS,
        bookable_until=start,
        keys={},
        ttl=start + settings.retention_seconds,
        **{"status": AVAILABLE} | more,
    )
    return Slot(start, generation, str(AppointmentId(provider_id, start, generation))), item


def put_all(client: Any, items: Iterable[Raw]) -> None:
    """By batches, as an import would."""
    left = iter(items)
    while batch := list(islice(left, _BATCH)):
        sent = {table.table_name: [{"PutRequest": {"Item": item}} for item in batch]}
        answer = client.batch_write_item(RequestItems=sent)
        if answer["UnprocessedItems"]:
            raise AssertionError(answer)


def empty_all() -> None:
    """Nothing is left in any of Moto's tables: of a bigger one, some requests take longer."""
    for whole in dynamodb_backends[DEFAULT_ACCOUNT_ID][settings.region].tables.values():
        whole.items.clear()


def without_copies() -> None:
    """Moto copies each table of a transaction, whole, before each of its actions. DynamoDB does not."""
    models: Any = moto_models
    models.copy = SimpleNamespace(deepcopy=lambda one: one if isinstance(one, Table) else copy.deepcopy(one))


def limit_holds(most: int) -> None:
    """MAX_LIVE_HOLDS, from here on; 0 is none, and saves each reserve a request."""
    setattr(limits, "settings", replace(settings, max_live_holds=most))  # noqa: B010  # read once, where it is imported


def bare_client() -> Any:
    """Botocore alone, on the engine that the app uses."""
    client = botocore.session.get_session().create_client(
        "dynamodb", region_name=settings.region, endpoint_url=settings.dynamodb_endpoint
    )
    if settings.dynamodb_endpoint is None:
        patch_client(client)
    return client


@contextmanager
def captured(operation: str) -> Iterator[list[Raw]]:
    """The parameters of each such request that the app sends within the block."""
    sent: list[Raw] = []
    events = table.connection.client.meta.events
    name = f"provide-client-params.dynamodb.{operation}"

    def keep(params: Raw, **_: object) -> None:
        sent.append(copy.deepcopy(params))

    events.register_last(name, keep)
    try:
        yield sent
    finally:
        events.unregister(name, keep)


def elsewhere(params: Raw, here: Slot, there: Slot) -> Raw:
    """The same request for another slot."""
    text = json.dumps(params).replace(clock.iso(here.start), clock.iso(there.start))
    moved: Raw = json.loads(text.replace(here.generation, there.generation))
    return moved


@contextmanager
def counting() -> Iterator[Callable[[], int]]:
    """How many requests Holdfast and the usual way have sent since."""
    clients = (table.connection.client, usual.client)
    sent = 0

    def count(**_: object) -> None:
        nonlocal sent
        sent += 1

    for client in clients:
        client.meta.events.register_first("before-send.dynamodb.*", count)
    try:
        yield lambda: sent
    finally:
        for client in clients:
            client.meta.events.unregister("before-send.dynamodb.*", count)
