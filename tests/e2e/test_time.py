"""What happens by itself."""

import json

from infra import stack
from tests.e2e.client import ALICE, Api
from tests.e2e.conftest import OLD, Deployed, LeftAlone, wait_until

SWEPT_WITHIN_SECONDS = 150
"""A hold of a minute, a schedule of a minute, and the time that a busy machine takes."""
TTL_WITHIN_SECONDS = 90
GIVEN_UP_WITHIN_SECONDS = 60


def test_a_sweep_that_fails_again_and_again_ends_in_the_dead_letters(deployed: Deployed) -> None:
    event = {"not": "an event"}

    # Invoked here: the emulator's EventBridge does not retry.
    stack.client("lambda").invoke(
        FunctionName=deployed.physical_id("ExpireReservations"), InvocationType="Event", Payload=json.dumps(event)
    )

    queue, sqs = deployed.physical_id("DeadLetters"), stack.client("sqs")
    found: list[str] = []

    def is_there() -> bool:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", [])
        found.extend(message["Body"] for message in messages)
        return bool(found)

    assert wait_until(is_there, GIVEN_UP_WITHIN_SECONDS)
    assert json.loads(found[0])["requestPayload"] == event


def test_eventbridge_itself_fires_the_sweep(deployed: Deployed, left_alone: LeftAlone) -> None:
    def is_free() -> bool:
        item = deployed.item(left_alone.pk, left_alone.sk)
        return item is not None and item["status"]["S"] == "available"

    assert wait_until(is_free, SWEPT_WITHIN_SECONDS)
    ended = deployed.dynamodb.query(
        TableName=deployed.table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :ended)",
        ExpressionAttributeValues={":pk": {"S": left_alone.pk}, ":ended": {"S": "ENDED#"}},
    )
    assert [item["status"]["S"] for item in ended["Items"]] == ["expired"]


def test_what_the_sweep_ended_is_seen_so(api: Api, left_alone: LeftAlone) -> None:
    def has_expired() -> bool:
        return bool(api("GET", f"/reservations/{left_alone.reservation}", ALICE).body["status"] == "expired")

    assert wait_until(has_expired, SWEPT_WITHIN_SECONDS)
    confirmed = api("PUT", f"/reservations/{left_alone.reservation}/confirm", ALICE)
    assert (confirmed.status, confirmed.body["code"]) == (410, "reservation-expired")
    assert api.reserve(left_alone.slot, "client:bob").status == 201


def test_what_is_past_its_ttl_goes(deployed: Deployed) -> None:
    assert wait_until(lambda: deployed.item(OLD, OLD) is None, TTL_WITHIN_SECONDS)
