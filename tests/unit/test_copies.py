"""What Moto puts back when a transaction fails is what there was."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from moto.dynamodb.models import dynamodb_backends

from chalicelib.settings import settings
from chalicelib.store.table import table
from local.copies import copied
from tests.support import Api

ACCOUNT = "123456789012"


def _whole() -> Any:
    return dynamodb_backends[ACCOUNT][settings.region].tables[table.table_name]


def _items(whole: Any) -> list[Any]:
    return [item.to_json() for partition in whole.items.values() for item in partition.values()]


@pytest.mark.parametrize(
    "change",
    [
        lambda: table.connection.client.update_item(  # type: ignore[attr-defined]  # a botocore client
            TableName=table.table_name,
            Key={"pk": {"S": "a"}, "sk": {"S": "b"}},
            UpdateExpression="ADD numbers :n SET places[0] = :p, labels.mine.one = :p",
            ExpressionAttributeValues={":n": {"NS": ["7"]}, ":p": {"S": "changed"}},
        ),
        lambda: table.delete_item("a", "b"),
    ],
)
def test_a_copy_stays_as_it_was(api: Api, change: Callable[[], object]) -> None:
    api.a_hold(api.a_slot())
    attributes = {
        "numbers": {"NS": ["1", "2"]},
        "places": {"L": [{"S": "first"}]},
        "labels": {"M": {"mine": {"M": {"one": {"S": "two"}}}}},
    }
    table.put_item("a", "b", attributes=attributes)
    copy, before = copied(_whole()), deepcopy(_items(_whole()))

    change()

    assert _items(copy) == before
    assert _items(_whole()) != before
