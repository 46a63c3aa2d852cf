"""The stack, in the AWS account that the credentials are of: `python -m infra.stack deploy dev`.

AWS_ENDPOINT_URL points it at the emulator instead (infra/cloud.py). What it is told of the app's settings comes
from the environment: the parameters of .chalice/template.yaml.
"""

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError
from chalice.package import YAMLTemplateSerializer

from infra.package import ROOT, CannotPackage, package

POLL_SECONDS = 1
KEPT = "prod"


def client(service: str) -> Any:
    return botocore.session.get_session().create_client(service)


def name(stage: str) -> str:
    return f"holdfast-{stage}"


def deploy(stage: str) -> dict[str, str]:
    """Returns the outputs of the stack."""
    # What a first deploy that failed leaves can only be deleted.
    if status(stage) == "ROLLBACK_COMPLETE":
        destroy(stage)
    change_set = propose(stage)
    changes = read_changes(change_set)
    show(changes)
    if changes:
        execute(stage, change_set)
    if stage == KEPT:
        client("cloudformation").update_termination_protection(StackName=name(stage), EnableTerminationProtection=True)
    return outputs(stage)


def diff(stage: str) -> None:
    change_set = propose(stage)
    show(read_changes(change_set))
    cloudformation = client("cloudformation")
    cloudformation.delete_change_set(ChangeSetName=change_set)
    if stack(stage) is None:
        # The change set of a stack that is not there has made an empty one.
        cloudformation.delete_stack(StackName=name(stage))


def destroy(stage: str) -> None:
    if stage == KEPT:
        sys.exit(f"holdfast: stage {KEPT} is kept; docs/operations.md says how to part with it")
    client("cloudformation").delete_stack(StackName=name(stage))
    if until(lambda: status(stage), ("", "DELETE_FAILED")):
        sys.exit(f"holdfast: the stack could not be deleted\n{failures(stage)}")


def propose(stage: str) -> str:
    """Makes a change set of what is in the work tree and returns its ARN."""
    chosen = parameters(stage)
    answer = client("cloudformation").create_change_set(
        StackName=name(stage),
        ChangeSetName=f"at-{time.time_ns()}",
        ChangeSetType="UPDATE" if stack(stage) else "CREATE",
        TemplateURL=upload_template(package(stage)),
        Parameters=chosen,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    return str(answer["Id"])


def parameters(stage: str) -> list[dict[str, Any]]:
    """What the environment says of the settings; what it does not say stays as it was."""
    template = YAMLTemplateSerializer().load_template((ROOT / ".chalice" / "template.yaml").read_text())
    before = {parameter["ParameterKey"] for parameter in (stack(stage) or {}).get("Parameters", [])}
    chosen: list[dict[str, Any]] = []
    missing = []
    for key, described in template["Parameters"].items():
        variable = variable_of(key)
        if variable in os.environ:
            chosen.append({"ParameterKey": key, "ParameterValue": os.environ[variable]})
        elif key in before:
            chosen.append({"ParameterKey": key, "UsePreviousValue": True})
        elif "Default" not in described:
            missing.append(variable)
    if missing:
        given = " ".join(f"{variable}=..." for variable in missing)
        sys.exit(
            f"holdfast: stage {stage} has never been told {' and '.join(missing)}: make deploy STAGE={stage} {given}"
        )
    return chosen


def variable_of(parameter: str) -> str:
    """`JWT_ISSUER` for `JwtIssuer`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter).upper()


def read_changes(change_set: str) -> list[dict[str, Any]]:
    cloudformation = client("cloudformation")

    def read() -> dict[str, Any]:
        return dict(cloudformation.describe_change_set(ChangeSetName=change_set))

    if until(lambda: read()["Status"], ("CREATE_COMPLETE", "FAILED")) == "FAILED":
        reason = read()["StatusReason"]
        if "contain changes" not in reason and "No updates" not in reason:
            sys.exit(reason)
    return [change["ResourceChange"] for change in read()["Changes"]]


def show(changes: list[dict[str, Any]]) -> None:
    if not changes:
        say("Nothing changes.")
    for change in changes:
        replaced = " (replaced)" if change.get("Replacement") == "True" else ""
        say(f"{change['Action']:7}{change['LogicalResourceId']}{replaced}")


def execute(stage: str, change_set: str) -> None:
    client("cloudformation").execute_change_set(ChangeSetName=change_set)
    end = until(lambda: status(stage), ("COMPLETE", "FAILED"))
    if end not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        sys.exit(f"{end}\n{failures(stage)}")


def failures(stage: str) -> str:
    events = client("cloudformation").describe_stack_events(StackName=name(stage))["StackEvents"]
    return "\n".join(
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
    )


def stack(stage: str) -> dict[str, Any] | None:
    try:
        answer = client("cloudformation").describe_stacks(StackName=name(stage))
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    found: dict[str, Any] = answer["Stacks"][0]
    return None if found["StackStatus"] == "REVIEW_IN_PROGRESS" else found


def status(stage: str) -> str:
    found = stack(stage)
    return str(found["StackStatus"]) if found else ""


def outputs(stage: str) -> dict[str, str]:
    found = stack(stage) or {}
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def upload_template(built: Path) -> str:
    """Returns the address of a template whose functions point at the uploaded zip."""
    template = json.loads((built / "template.json").read_text())
    code = upload((built / "deployment.zip").read_bytes(), "zip")
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{code}"
    return f"{client('s3').meta.endpoint_url}/{upload(json.dumps(template).encode(), 'json')}"


def upload(content: bytes, suffix: str) -> str:
    """Returns `bucket/key`. Named by content, so that what did not change is not deployed again."""
    s3 = client("s3")
    bucket = artifact_bucket(s3)
    key = f"{hashlib.sha256(content).hexdigest()}.{suffix}"
    s3.put_object(Bucket=bucket, Key=key, Body=content)
    return f"{bucket}/{key}"


def artifact_bucket(s3: Any) -> str:
    region = s3.meta.region_name
    bucket = f"holdfast-{client('sts').get_caller_identity()['Account']}-{region}"
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError:
        # us-east-1 is the one region that must not be named.
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else place))
    return bucket


def until(read: Callable[[], str], ends: tuple[str, ...]) -> str:
    """Reads until the status is, or ends with, one of these."""
    while True:
        value = read()
        if value in ends or any(end and value.endswith(f"_{end}") for end in ends):
            return value
        time.sleep(POLL_SECONDS)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def require_credentials() -> None:
    try:
        client("cloudformation")  # Needs a region.
        client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"holdfast: this needs the AWS CLI's credentials and region (aws configure): {error}")


def main() -> None:
    command, stage = sys.argv[1:]
    require_credentials()
    try:
        run(command, stage)
    except CannotPackage as error:
        sys.exit(f"holdfast: {error}")


def run(command: str, stage: str) -> None:
    if command == "deploy":
        for key, value in deploy(stage).items():
            say(f"{key}: {value}")
    elif command == "diff":
        diff(stage)
    elif command == "destroy":
        destroy(stage)
    else:
        sys.exit(f"unknown command: {command}")


if __name__ == "__main__":
    main()
