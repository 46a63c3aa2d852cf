"""The table, the one connection to it, and what can go wrong with a request."""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from http.client import INTERNAL_SERVER_ERROR
from typing import Any, ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import Attribute, UnicodeAttribute
from pynamodb.connection.table import TableConnection
from pynamodb.constants import NUMBER
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib import clock
from chalicelib.settings import settings

P = ParamSpec("P")
R = TypeVar("R")
Raw = dict[str, Any]
"""An item as DynamoDB writes it: `{"pk": {"S": …}, …}`."""
Key = tuple[str, str]
"""Partition and sort key."""

EXPIRY_SHARDS = 8
_TRIES = 5
_FIRST_PAUSE_SECONDS = 0.02
_BATCH_GET_TRIES = 3
_THROTTLED = {
    "ProvisionedThroughputExceeded",  # As the reason of a cancelled transaction.
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingError",
    "ThrottlingException",
}
_UNAVAILABLE = _THROTTLED | {"InternalServerError", "ServiceUnavailable", "TransactionInProgressException"}


class StoreUnavailable(Exception):
    """DynamoDB throttled, failed or could not be reached: it may or may not have written."""


class WriteConflict(Exception):
    """Another transaction held an item of this write; nothing was written."""


class ConditionFailed(Exception):
    """The condition of a write did not hold; nothing was written."""

    def __init__(self, item: Raw | None) -> None:
        super().__init__("condition failed")
        self.item = item
        """The item as it stood, None if there was none. A transaction does not say: always None."""


class Whole(Attribute[int]):
    """A whole number. PynamoDB's NumberAttribute is typed as a float."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        return str(value)

    def deserialize(self, value: str) -> int:
        return int(value)


class ClientIndex(GlobalSecondaryIndex["Item"]):
    """Every reservation of a client, live and ended."""

    class Meta:
        index_name = "client-index"
        projection = IncludeProjection(
            ["generation", "nonce", "end", "status", "version", "reserved_at", "expires_at", "confirmed_at", "ended_at"]
        )

    client_id = UnicodeAttribute(hash_key=True)
    start = UnicodeAttribute(range_key=True)


class ExpiryIndex(GlobalSecondaryIndex["Item"]):
    """The reserved, unconfirmed appointments, with all that their release writes."""

    class Meta:
        index_name = "expiry-index"
        projection = IncludeProjection(
            ["generation", "nonce", "client_id", "start", "end", "status", "version", "reserved_at", "keys"]
        )

    expiry_shard = Whole(hash_key=True)
    expires_at = Whole(range_key=True)


class Item(Model):
    """Every kind of item lies in this table, in its provider's partition."""

    class Meta:
        table_name = settings.table_name
        region = settings.region
        host = settings.dynamodb_endpoint
        billing_mode = "PAY_PER_REQUEST"
        connect_timeout_seconds = 1
        read_timeout_seconds = 2
        max_retry_attempts = 2
        # So that the local stage cannot write with a developer's own.
        aws_access_key_id = "local" if settings.is_local else None
        aws_secret_access_key = "local" if settings.is_local else None  # opens nothing

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    ttl = Whole(null=True)

    client_index = ClientIndex()
    expiry_index = ExpiryIndex()


@dataclass(slots=True)
class Requests:
    """What was sent to DynamoDB: the names of the requests, retries included, and how many were throttled."""

    names: list[str] = field(default_factory=list)
    throttled: int = 0


_requests: ContextVar[Requests | None] = ContextVar("dynamodb_requests", default=None)


@contextmanager
def requests_counted() -> Iterator[Requests]:
    """All that is sent within the block."""
    sent = Requests()
    token = _requests.set(sent)
    try:
        yield sent
    finally:
        _requests.reset(token)


def _count(event_name: str, **_: object) -> None:
    sent = _requests.get()
    if sent is not None:
        sent.names.append(event_name.rpartition(".")[2])


def _count_throttled(parsed_response: Raw | None, **_: object) -> None:
    sent = _requests.get()
    if sent is not None and parsed_response and _codes(parsed_response) & _THROTTLED:
        sent.throttled += 1


def _ask_for_the_item(params: Raw, **_: object) -> None:
    # Model.update has no argument for it.
    if "ConditionExpression" in params:
        params["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"


def _connect() -> TableConnection:
    # Set on the base class before any subclass asks, so that all share one client, made where
    # Lambda's start-up is cheapest.
    table = Item._get_connection()  # noqa: SLF001  # PynamoDB has no public way to it
    events = table.connection.client.meta.events
    events.register_first("before-send.dynamodb.*", _count)
    events.register("response-received.dynamodb.*", _count_throttled)
    events.register("provide-client-params.dynamodb.UpdateItem", _ask_for_the_item)
    return table


table = _connect()


@contextmanager
def request() -> Iterator[None]:
    """A request to DynamoDB. Raises StoreUnavailable, WriteConflict or ConditionFailed."""
    try:
        yield
    except (PynamoDBException, BotoCoreError, ClientError) as error:
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(error: Exception) -> Exception | None:
    cause = error.cause if isinstance(error, PynamoDBException) else error
    if isinstance(cause, BotoCoreError):
        return StoreUnavailable(type(cause).__name__)
    if not isinstance(cause, ClientError):
        return None
    answer: Raw = getattr(cause.__cause__, "response", None) or dict(cause.response)
    codes = _codes(answer)
    if codes & _UNAVAILABLE or _is_server_error(answer):
        return StoreUnavailable(", ".join(sorted(codes)))
    if codes & {"TransactionConflictException", "TransactionConflict"}:
        return WriteConflict("conflict")
    if codes & {"ConditionalCheckFailedException", "ConditionalCheckFailed"}:
        return ConditionFailed(answer.get("Item"))
    return None


def _codes(answer: Raw) -> set[str]:
    """What DynamoDB calls the error; of a cancelled transaction, also what it says of each item."""
    reasons = {reason["Code"] for reason in answer.get("CancellationReasons", [])}
    return reasons | {answer.get("Error", {}).get("Code", "")}


def _is_server_error(answer: Raw) -> bool:
    status: int = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= INTERNAL_SERVER_ERROR


@contextmanager
def write() -> Iterator[TransactWrite]:
    """One transaction: all of it or nothing. Raises what `request` raises."""
    with request(), TransactWrite(connection=table.connection) as transaction:
        yield transaction


def until_settled(operation: Callable[P, R]) -> Callable[P, R]:
    """Run again, a few times and further and further apart, what another writer got in the way of.

    Raises StoreUnavailable after the last.
    """

    @wraps(operation)
    def settled(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(_TRIES):
            try:
                return operation(*args, **kwargs)
            except (WriteConflict, ConditionFailed):
                if attempt < _TRIES - 1:
                    _pause(attempt)
        raise StoreUnavailable("contention")

    return settled


def _pause(attempt: int) -> None:
    clock.pause(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311  # jitter


def read(key: Key) -> Raw | None:
    """The item, consistently; None if there is none."""
    with request():
        found: Raw | None = table.get_item(key[0], key[1], consistent_read=True).get("Item")
    return found


def probe() -> None:
    """Raises StoreUnavailable unless an item can be read, for whatever reason."""
    try:
        read(("HEALTH", "HEALTH"))
    except PynamoDBException as error:
        raise StoreUnavailable("probe") from error


@until_settled
def read_together(keys: Iterable[Key]) -> list[Raw | None]:
    """The items as they were at one instant, which no write falls between."""
    wanted = [table.get_operation_kwargs(pk, sk) for pk, sk in keys]
    with request():
        answer = table.connection.transact_get_items(wanted)
    return [response.get("Item") for response in answer["Responses"]]


def read_many(keys: Iterable[Key]) -> dict[Key, Raw]:
    """At most 100 items, each read consistently; not an instant's picture of them all."""
    wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys]
    found: dict[Key, Raw] = {}
    for attempt in range(_BATCH_GET_TRIES):
        if attempt:
            _pause(attempt - 1)
        with request():
            answer = table.connection.batch_get_item(
                table.table_name,
                wanted,  # type: ignore[arg-type]  # annotated as texts, takes whole keys
                consistent_read=True,
            )
        for item in answer["Responses"].get(table.table_name, []):
            found[item["pk"]["S"], item["sk"]["S"]] = item
        wanted = answer.get("UnprocessedKeys", {}).get(table.table_name, {}).get("Keys", [])
        if not wanted:
            return found
    raise StoreUnavailable("UnprocessedKeys")


def query(
    partition: str,
    stretch: Condition | None,
    *,
    where: Condition | None = None,
    after: Raw | None = None,
    limit: int,
    index: type[GlobalSecondaryIndex[Item]] | None = None,
) -> tuple[list[Raw], Raw | None]:
    """At most `limit` items looked at, in key order, and where to go on (None at the end).

    Consistent on the table; an index is never consistent, and lags.
    """
    with request():
        answer = table.query(
            partition,
            range_key_condition=stretch,
            filter_condition=where,
            exclusive_start_key=after,
            limit=limit,
            index_name=index.Meta.index_name if index else None,
            consistent_read=index is None,
        )
    return answer["Items"], answer.get("LastEvaluatedKey")
