"""The stack of .chalice/ is what the app expects: the table, the permissions, the names of the metrics."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from chalice.package import YAMLTemplateSerializer

from chalicelib import settings
from chalicelib.booking.sweep import sweep
from chalicelib.store.items import Appointment
from chalicelib.store.table import Item, table
from chalicelib.web.problems import KINDS
from chalicelib.web.schedule import SweepIncomplete, sweep_and_log
from infra import gateway, stack
from tests.api.test_request_counts import Invocation
from tests.support import ADMIN, Api, Clock, DynamoDB, client, provider

CHALICE = Path(__file__).parents[2] / ".chalice"
TEMPLATE = YAMLTemplateSerializer().load_template((CHALICE / "template.yaml").read_text())
CONFIG = json.loads((CHALICE / "config.json").read_text())
RESOURCES = TEMPLATE["Resources"]
ALARMS = [resource["Properties"] for resource in RESOURCES.values() if resource.get("Type") == "AWS::CloudWatch::Alarm"]
DEPLOYED = [stage for stage in CONFIG["stages"] if stage != settings.LOCAL]
TABLE = "table"
OF_AWS = ("AWS/ApiGateway", "AWS/DynamoDB", "AWS/Lambda")
Permission = tuple[str, str]
"""An action, and what it is allowed on."""


def described(of: dict[str, Any]) -> dict[str, Any]:
    """A table, however it is written down: keys, their types, indexes and what these hold."""
    return {
        "keys": keys(of["KeySchema"]),
        "types": {attribute["AttributeName"]: attribute["AttributeType"] for attribute in of["AttributeDefinitions"]},
        "indexes": {
            index["IndexName"]: (
                keys(index["KeySchema"]),
                index["Projection"]["ProjectionType"],
                sorted(index["Projection"]["NonKeyAttributes"]),
            )
            for index in of["GlobalSecondaryIndexes"]
        },
    }


def keys(schema: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((key["KeyType"], key["AttributeName"]) for key in schema)


def of_model() -> dict[str, Any]:
    schema: Any = Item._get_schema()  # noqa: SLF001  # PynamoDB has no public way to it
    return {
        "KeySchema": schema["key_schema"],
        "AttributeDefinitions": schema["attribute_definitions"],
        "GlobalSecondaryIndexes": [
            {"IndexName": index["index_name"], "KeySchema": index["key_schema"], "Projection": index["projection"]}
            for index in schema["global_secondary_indexes"]
        ],
    }


def test_model_local_table_and_template_are_one_table() -> None:
    deployed = described(RESOURCES["Table"]["Properties"])

    assert deployed == described(of_model())
    assert deployed == described(table.describe_table())


def test_it_is_billed_by_the_request_everywhere() -> None:
    assert table.describe_table()["BillingModeSummary"]["BillingMode"] == Item.Meta.billing_mode
    assert RESOURCES["Table"]["Properties"]["BillingMode"] == Item.Meta.billing_mode


def test_time_to_live_is_the_models_everywhere() -> None:
    deployed = RESOURCES["Table"]["Properties"]["TimeToLiveSpecification"]
    dynamodb: Any = table.connection.client
    local = dynamodb.describe_time_to_live(TableName=table.table_name)["TimeToLiveDescription"]

    assert deployed == {"AttributeName": Item.ttl.attr_name, "Enabled": True}
    assert local == {"AttributeName": Item.ttl.attr_name, "TimeToLiveStatus": "ENABLED"}


@contextmanager
def permissions_used() -> Iterator[set[Permission]]:
    """What IAM is asked for by the requests that are sent: each part of a transaction for itself."""
    used: set[Permission] = set()

    def note(request: Any, event_name: str, **_: object) -> None:
        body = json.loads(request.body)
        used.update(permissions_for(event_name.rpartition(".")[2], body))

    events = table.connection.client.meta.events
    events.register_first("before-send.dynamodb.*", note)
    try:
        yield used
    finally:
        events.unregister("before-send.dynamodb.*", note)


def permissions_for(operation: str, body: dict[str, Any]) -> set[Permission]:
    if operation == "TransactGetItems":
        return {("GetItem", TABLE)}
    if operation == "TransactWriteItems":
        parts = {part for action in body["TransactItems"] for part in action}
        return {("ConditionCheckItem" if part == "ConditionCheck" else f"{part}Item", TABLE) for part in parts}
    index = body.get("IndexName")
    return {(operation, f"index/{index}" if index else TABLE)}


def permissions_granted(file: str) -> set[Permission]:
    statements = json.loads((CHALICE / file).read_text())["Statement"]
    return {
        (action.removeprefix("dynamodb:"), on)
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith("dynamodb:")
        for on in [index_or_table(statement["Resource"])]
    }


def index_or_table(resource: dict[str, Any]) -> str:
    return str(resource["Fn::Sub"][0]).partition("table/${Name}")[2].removeprefix("/") or TABLE


def policy_of(function: str) -> str:
    return str(CONFIG["lambda_functions"][function]["iam_policy_file"])


def test_the_api_may_do_exactly_what_it_does(api: Api, clock: Clock) -> None:
    with permissions_used() as used:
        do_everything(api, clock)

    assert used == permissions_granted(policy_of("api_handler"))


def test_the_sweep_may_do_exactly_what_it_does(api: Api, clock: Clock) -> None:
    api.a_hold(api.a_slot())
    clock.advance(minutes=30)

    with permissions_used() as used:
        sweep(lambda: 60, fail)

    assert used == permissions_granted(policy_of("expire_reservations"))


def fail(_: Appointment, error: Exception) -> None:
    raise error


def do_everything(api: Api, clock: Clock) -> None:
    api.get("/health", None)
    api.put("/providers/1234", ADMIN, {"name": "Demo", "timeZone": "Europe/Vienna"})
    api.get("/providers/1234", client())
    first, second = (
        slot["appointmentId"]
        for slot in api.publish(("2027-01-02T10:00:00Z", "2027-01-02T11:00:00Z"), slotMinutes=30).json_body[
            "appointments"
        ]
    )
    api.bookable()
    api.a_hold(first, client("carol"))
    clock.advance(minutes=30)
    held = api.a_hold(first)
    api.confirm(held)
    api.read(held)
    api.get("/reservations?limit=9", client())
    api.get("/providers/1234/appointments?limit=9", provider())
    api.cancel(held)
    path = f"/providers/1234/appointments/{second}"
    api.get(path, provider())
    times = {"startTime": "2027-01-06T09:00:00Z", "endTime": "2027-01-06T09:30:00Z"}
    moved = api.patch(path, provider(), times, If_Match="*")
    assert moved.status_code == 200
    deleted = api.delete(f"/providers/1234/appointments/{moved.json_body['appointmentId']}", provider(), If_Match="*")
    assert deleted.status_code == 204


@pytest.mark.parametrize("file", ["policy-api.json", "policy-sweep.json"])
def test_nothing_is_allowed_on_everything_but_traces(file: str) -> None:
    statements = json.loads((CHALICE / file).read_text())["Statement"]

    everything = [statement["Sid"] for statement in statements if statement["Resource"] == "*"]
    assert everything == ["TraceWhichKnowsNoResources"]
    assert not any("*" in action for statement in statements for action in statement["Action"])


@pytest.mark.parametrize("stage", DEPLOYED)
def test_a_stage_is_named_alike_in_its_settings_and_its_stack(stage: str) -> None:
    environ = CONFIG["stages"][stage]["environment_variables"]
    told = {"TABLE_NAME": "t", "AWS_REGION": "r", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}

    assert settings.read(environ | told).stage == stage


def test_the_alarms_look_at_metrics_that_the_app_writes(dynamodb: DynamoDB, capsys: pytest.CaptureFixture[str]) -> None:
    with dynamodb.failing("Query", "ThrottlingException"), pytest.raises(SweepIncomplete):
        sweep_and_log(Invocation())

    written = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"CloudWatchMetrics"' in line]
    assert metrics_of_alarms() <= {metric for line in written for metric in metrics_in(line)}


def metrics_of_alarms() -> set[tuple[str, str, str]]:
    """Namespace, service and name."""
    own = [alarm for alarm in ALARMS if alarm["Namespace"] not in OF_AWS]
    assert own
    assert all(alarm["Dimensions"] == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}] for alarm in own)
    return {(alarm["Namespace"], stack.name(settings.LOCAL), alarm["MetricName"]) for alarm in own}


def metrics_in(line: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """A line of CloudWatch's embedded metric format."""
    for group in line["_aws"]["CloudWatchMetrics"]:
        assert group["Dimensions"] == [["service"]]
        for metric in group["Metrics"]:
            yield group["Namespace"], line["service"], metric["Name"]


def test_settings_of_a_stack_are_settings_of_the_app() -> None:
    told = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    parameters = {stack.variable_of(name): {"Ref": name} for name in TEMPLATE["Parameters"] if name != "OtherTable"}

    assert told == parameters | {"TABLE_NAME": {"Fn::If": ["OnOtherTable", {"Ref": "OtherTable"}, {"Ref": "Table"}]}}
    by_the_stage = {"STAGE", "AUTH_MODE", "REGION"}
    assert set(told) | by_the_stage == {field.name.upper() for field in fields(settings.Settings)}


def test_the_gateway_knows_every_problem_of_its_own_by_a_code_of_the_app() -> None:
    for problem in gateway.PROBLEMS.values():
        body = json.loads(gateway.gateway_response(problem)["responseTemplates"]["application/json"])
        assert body["title"] == KINDS[body["code"]].title
        assert body["type"] == f"/$context.stage/problems/{body['code']}"


def test_no_alarm_is_silent() -> None:
    assert ALARMS
    assert all(alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}] for alarm in ALARMS)
