import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from chalicelib import settings
from chalicelib.settings import SettingError, read

DEPLOYED = {
    "AWS_LAMBDA_FUNCTION_NAME": "holdfast-prod",
    "STAGE": "prod",
    "TABLE_NAME": "holdfast-prod",
    "AWS_REGION": "eu-central-1",
    "JWT_ISSUER": "https://issuer.example",
    "JWT_AUDIENCE": "holdfast",
}


def test_a_laptop_needs_no_settings() -> None:
    found = read({})

    assert (found.stage, found.is_local, found.dynamodb_endpoint) == ("local", True, None)


def test_a_deployed_stage_is_read() -> None:
    found = read(DEPLOYED)

    assert (found.stage, found.is_local) == ("prod", False)
    assert (found.table_name, found.region) == ("holdfast-prod", "eu-central-1")


@pytest.mark.parametrize("missing", ["STAGE", "TABLE_NAME", "AWS_REGION"])
def test_a_deployed_stage_needs(missing: str) -> None:
    environ = {name: value for name, value in DEPLOYED.items() if name != missing}

    with pytest.raises(SettingError, match=missing):
        read(environ)


@pytest.mark.parametrize("empty", ["STAGE", "TABLE_NAME", "AWS_REGION"])
def test_an_empty_setting_is_a_missing_one(empty: str) -> None:
    with pytest.raises(SettingError, match=empty):
        read(DEPLOYED | {empty: ""})


def test_the_local_stage_which_lets_anybody_in_does_not_start_on_lambda() -> None:
    with pytest.raises(SettingError, match="STAGE"):
        read(DEPLOYED | {"STAGE": "local"})


def test_a_deployed_stage_with_mock_authentication_does_not_start() -> None:
    with pytest.raises(SettingError, match="AUTH_MODE"):
        read(DEPLOYED | {"AUTH_MODE": "mock"})


def test_another_engine_can_be_named() -> None:
    assert read({"DYNAMODB_ENDPOINT": "http://127.0.0.1:4566"}).dynamodb_endpoint == "http://127.0.0.1:4566"


def test_no_engine_is_named_by_nothing() -> None:
    assert read({"DYNAMODB_ENDPOINT": ""}).dynamodb_endpoint is None


@pytest.mark.parametrize(
    ("environ", "days"), [({}, 400), ({"RETENTION_DAYS": "1"}, 1), ({"RETENTION_DAYS": "3650"}, 3_650)]
)
def test_retention(environ: Mapping[str, str], days: int) -> None:
    found = read(environ)

    assert found.retention_days == days
    assert found.retention_seconds == days * 86_400


@pytest.mark.parametrize("text", ["0", "-1", "3651", "1.5", "1e2", "x", " 5", "\u0663", "9" * 5_000])
def test_a_retention_that_is_no_number_of_days_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingError, match="RETENTION_DAYS"):
        read({"RETENTION_DAYS": text})


def test_a_wrong_setting_stops_the_program_with_one_line() -> None:
    environ = {**os.environ, "RETENTION_DAYS": "never"}

    done = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-c", f"import {settings.__name__}"], env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("holdfast: RETENTION_DAYS")
    assert done.stderr.count("\n") == 1
