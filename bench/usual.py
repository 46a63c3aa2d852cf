"""The usual way on DynamoDB, to compare with: an app of its own, small, and honest about what it is.

An appointment and its reservation are two items, written in one transaction. Around it, so that a retry does not
reserve twice, lies the idempotency of Powertools: a record `INPROGRESS` before, the answer in it after. Every caller
is told from the same tokens by PyJWT. A hold that is over can be reserved by somebody else, as in Holdfast.
"""

import os
import time
from operator import itemgetter
from typing import Any
from uuid import uuid4

import boto3
import jwt
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from botocore.config import Config
from chalice.app import Chalice, Request, Response

TABLE, RECORDS = "usual", "usual-idempotency"
HOLD_SECONDS = 1_800
PAGE = 50
Item = dict[str, Any]

app = Chalice(app_name="usual")
client = boto3.client(
    "dynamodb",
    region_name=os.environ.get("AWS_REGION", "us-east-1"),
    endpoint_url=os.environ.get("DYNAMODB_ENDPOINT"),
    config=Config(connect_timeout=1, read_timeout=2),
)
keys = jwt.PyJWKClient(os.environ.get("JWT_JWKS_URL", "http://127.0.0.1/"))
store = DynamoDBPersistenceLayer(RECORDS, boto3_client=client)
once = IdempotencyConfig(event_key_jmespath="key", expires_after_seconds=86_400)


class Taken(Exception):
    """By somebody else, or over."""


@app.route("/appointments/{ref}", methods=["GET"])
def list_slots(ref: str) -> Item:
    _caller()
    query = _request().query_params
    limit = int(query["limit"]) if query else PAGE
    found: list[Item] = []
    after: Item = {}
    while len(found) < limit:
        page = client.query(
            TableName=TABLE,
            KeyConditionExpression="pk = :p AND sk >= :now",
            FilterExpression="#status = :available OR (#status = :reserved AND expires_at <= :seconds)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":p": {"S": f"PROVIDER#{ref}"},
                ":now": {"S": time.strftime("APPT#%Y-%m-%dT%H:%M:%SZ", time.gmtime())},
                ":available": {"S": "available"},
                ":reserved": {"S": "reserved"},
                ":seconds": {"N": str(int(time.time()))},
            },
            Limit=limit,
            ConsistentRead=True,
            **after,
        )
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        after = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    return {"appointments": [{"start": item["sk"]["S"], "end": item["end"]["S"]} for item in found[:limit]]}


@app.route("/appointments/{ref}/reservations", methods=["POST"])
def reserve(ref: str) -> Response:
    caller = _caller()
    once.register_lambda_context(app.lambda_context)  # type: ignore[arg-type]  # Chalice calls it by another name
    key = _request().headers.get("Idempotency-Key") or str(uuid4())
    try:
        return Response(_reserve(request={"key": f"{caller}#{key}", "ref": ref, "client_id": caller}), status_code=201)
    except Taken:
        return Response({"code": "appointment-held"}, status_code=409)


@idempotent_function(data_keyword_argument="request", persistence_store=store, config=once)  # type: ignore[untyped-decorator]  # it gives Any
def _reserve(*, request: Item) -> Item:
    now = int(time.time())
    provider, start = request["ref"].split("_")
    reservation = f"{request['ref']}_{uuid4()}"
    _write(
        {
            "Update": {
                "TableName": TABLE,
                "Key": {"pk": {"S": f"PROVIDER#{provider}"}, "sk": {"S": f"APPT#{start}"}},
                "UpdateExpression": "SET #status = :reserved, reservation = :r, expires_at = :until",
                "ConditionExpression": "#status = :available OR (#status = :reserved AND expires_at <= :now)",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {
                    ":available": {"S": "available"},
                    ":reserved": {"S": "reserved"},
                    ":r": {"S": reservation},
                    ":now": {"N": str(now)},
                    ":until": {"N": str(now + HOLD_SECONDS)},
                },
            }
        },
        {
            "Put": {
                "TableName": TABLE,
                "Item": {
                    "pk": {"S": f"RESERVATION#{reservation}"},
                    "sk": {"S": "RESERVATION"},
                    "status": {"S": "reserved"},
                    "client_id": {"S": request["client_id"]},
                    "reserved_at": {"N": str(now)},
                    "expires_at": {"N": str(now + HOLD_SECONDS)},
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        },
    )
    return {"reservationId": reservation, "status": "reserved", "expiresAt": now + HOLD_SECONDS}


@app.route("/reservations/{reservation}/confirm", methods=["PUT"])
def confirm(reservation: str) -> Response:
    caller = _caller()
    once.register_lambda_context(app.lambda_context)  # type: ignore[arg-type]  # Chalice calls it by another name
    request = {"key": f"{caller}#confirm#{reservation}", "reservation": reservation, "client_id": caller}
    try:
        return Response(_confirm(request=request), status_code=200)
    except Taken:
        return Response({"code": "reservation-expired"}, status_code=409)


@idempotent_function(data_keyword_argument="request", persistence_store=store, config=once)  # type: ignore[untyped-decorator]  # it gives Any
def _confirm(*, request: Item) -> Item:
    reservation = request["reservation"]
    provider, start, _ = reservation.split("_")
    change = {
        "TableName": TABLE,
        "UpdateExpression": "SET #status = :confirmed",
        "ExpressionAttributeNames": {"#status": "status"},
    }
    values = {
        ":confirmed": {"S": "confirmed"},
        ":reserved": {"S": "reserved"},
        ":now": {"N": str(int(time.time()))},
    }
    held = "#status = :reserved AND expires_at > :now"
    _write(
        {
            "Update": {
                **change,
                "Key": {"pk": {"S": f"PROVIDER#{provider}"}, "sk": {"S": f"APPT#{start}"}},
                "ConditionExpression": f"{held} AND reservation = :r",
                "ExpressionAttributeValues": values | {":r": {"S": reservation}},
            }
        },
        {
            "Update": {
                **change,
                "Key": {"pk": {"S": f"RESERVATION#{reservation}"}, "sk": {"S": "RESERVATION"}},
                "ConditionExpression": f"{held} AND client_id = :c",
                "ExpressionAttributeValues": values | {":c": {"S": request["client_id"]}},
            }
        },
    )
    return {"reservationId": reservation, "status": "confirmed"}


def _write(*actions: Item) -> None:
    try:
        client.transact_write_items(TransactItems=actions)
    except client.exceptions.TransactionCanceledException as error:
        # No comprehension: `chalice package` fails on the names in one.
        if "ConditionalCheckFailed" in map(itemgetter("Code"), error.response["CancellationReasons"]):
            raise Taken from error
        raise


def _request() -> Request:
    request = app.current_request
    assert request is not None  # noqa: S101  # for the type
    return request


def _caller() -> str:
    token = _request().headers["authorization"].removeprefix("Bearer ")
    key = keys.get_signing_key_from_jwt(token)
    audience, issuer = os.environ["JWT_AUDIENCE"], os.environ["JWT_ISSUER"]
    claims = jwt.decode(token, key.key, algorithms=["ES256"], audience=audience, issuer=issuer)
    subject: str = claims["sub"]
    return subject


def create_tables() -> None:
    """As small as they can be; a real one would have an index for the sweep and one for a client's reservations."""
    for name, attributes in ((TABLE, ("pk", "sk")), (RECORDS, ("id",))):
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in attributes],
            KeySchema=[
                {"AttributeName": one, "KeyType": kind}
                for one, kind in zip(attributes, ("HASH", "RANGE"), strict=False)
            ],
        )


def put_slot(provider: str, start: str, end: str) -> str:
    """A free slot; gives its reference."""
    key = {"pk": {"S": f"PROVIDER#{provider}"}, "sk": {"S": f"APPT#{start}"}}
    client.put_item(TableName=TABLE, Item={**key, "end": {"S": end}, "status": {"S": "available"}})
    return f"{provider}_{start}"
