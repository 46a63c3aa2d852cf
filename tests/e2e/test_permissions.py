"""What each function may do. That it suffices, the other tests say: the emulator enforces it everywhere."""

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from infra import stack
from tests.e2e.client import Api
from tests.e2e.conftest import Deployed

Call = Callable[[Any, str], object]
KEY = {"pk": {"S": "PROVIDER#1234"}, "sk": {"S": "PROFILE"}}
REFUSED: dict[str, tuple[str, Call]] = {
    "the API scans": ("APIHandler", lambda db, table: db.scan(TableName=table)),
    "the API deletes the table": ("APIHandler", lambda db, table: db.delete_table(TableName=table)),
    "the API reads the sweep's index": ("APIHandler", lambda db, table: query(db, table, "expiry-index")),
    "the sweep reads items": ("ExpireReservations", lambda db, table: db.get_item(TableName=table, Key=KEY)),
    "the sweep deletes items": ("ExpireReservations", lambda db, table: db.delete_item(TableName=table, Key=KEY)),
    "the sweep reads the clients' index": ("ExpireReservations", lambda db, table: query(db, table, "client-index")),
}


@pytest.fixture(scope="module", autouse=True)
def _both_are_warm(api: Api, deployed: Deployed) -> None:
    api("GET", "/health")
    swept = stack.client("lambda").invoke(FunctionName=deployed.physical_id("ExpireReservations"), Payload=EVENT)
    assert "FunctionError" not in swept, swept["Payload"].read()


@pytest.mark.parametrize(("function", "call"), REFUSED.values(), ids=REFUSED)
def test_a_call_outside_its_policy_is_refused(deployed: Deployed, function: str, call: Call) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        call(dynamodb_as(deployed, function), deployed.table)


def test_a_call_within_its_policy_is_not(deployed: Deployed) -> None:
    dynamodb_as(deployed, "APIHandler").get_item(TableName=deployed.table, Key=KEY)


def dynamodb_as(deployed: Deployed, function: str) -> Any:
    """With the credentials that the function has been given."""
    name = deployed.physical_id(function)
    env = next(env for env in deployed.lambdas().values() if env.get("AWS_LAMBDA_FUNCTION_NAME") == name)
    return botocore.session.get_session().create_client(
        "dynamodb",
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=env["AWS_SESSION_TOKEN"],
    )


def query(dynamodb: Any, table: str, index: str) -> object:
    hash_key, value = ("expiry_shard", {"N": "0"}) if index == "expiry-index" else ("client_id", {"S": "alice"})
    return dynamodb.query(
        TableName=table,
        IndexName=index,
        KeyConditionExpression=f"{hash_key} = :value",
        ExpressionAttributeValues={":value": value},
    )


EVENT = b"""{"version": "0", "id": "0", "detail-type": "Scheduled Event", "source": "aws.events", "account": "0",
"time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [], "detail": {}}"""
