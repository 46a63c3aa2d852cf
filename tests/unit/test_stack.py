"""What a stack is told of the settings when it is deployed."""

from collections.abc import Callable
from typing import Any

import pytest

from infra import stack

Deployed = Callable[[list[str] | None], None]


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """What was told before; None where there is no stack yet."""

    def make(told: list[str] | None) -> None:
        found = None if told is None else {"Parameters": [{"ParameterKey": key} for key in told]}
        monkeypatch.setattr(stack, "stack", lambda _: found)

    for variable in ("JWT_ISSUER", "JWT_AUDIENCE", "OTHER_TABLE", "LOG_LEVEL", "ALLOWED_ORIGINS"):
        monkeypatch.delenv(variable, raising=False)
    return make


def chosen(stage: str = "dev") -> dict[str, Any]:
    return {
        parameter["ParameterKey"]: parameter.get("ParameterValue", "as before") for parameter in stack.parameters(stage)
    }


def test_a_first_deploy_needs_an_issuer_and_an_audience(deployed: Deployed) -> None:
    deployed(None)

    with pytest.raises(SystemExit) as refused:
        stack.parameters("dev")

    assert str(refused.value) == (
        "holdfast: stage dev has never been told JWT_ISSUER and JWT_AUDIENCE: "
        "make deploy STAGE=dev JWT_ISSUER=... JWT_AUDIENCE=..."
    )


def test_a_first_deploy_tells_what_is_given(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(None)
    monkeypatch.setenv("JWT_ISSUER", "https://issuer.example")
    monkeypatch.setenv("JWT_AUDIENCE", "holdfast")

    assert chosen() == {"JwtIssuer": "https://issuer.example", "JwtAudience": "holdfast"}


def test_a_later_deploy_leaves_what_is_not_given(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(["JwtIssuer", "JwtAudience", "OtherTable"])
    monkeypatch.setenv("OTHER_TABLE", "")

    assert chosen() == {"JwtIssuer": "as before", "JwtAudience": "as before", "OtherTable": ""}


def test_prod_is_not_destroyed() -> None:
    with pytest.raises(SystemExit, match="kept"):
        stack.destroy("prod")
