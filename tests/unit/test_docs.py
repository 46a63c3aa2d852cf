"""What the README promises is what there is."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from app import app
from chalicelib import settings
from local import options

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
# Chalice's own name for what API.md calls by two: one position of a path has one name.
VARIABLE = re.compile(r"\{\w+\}")


class Environ(dict[str, str]):
    """An environment that notes what is read of it."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.wanted: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]  # strings only
        self.wanted.add(name)
        return super().get(name, default)


def documented(heading: str) -> set[str]:
    """The variables in the table under that heading."""
    section = README.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    return set(re.findall(r"^\| `([A-Z_]+)` \|", section, re.MULTILINE))


@pytest.mark.parametrize("auth_mode", ["mock", "jwt"])
def test_every_setting_is_documented_and_every_documented_one_is_read(auth_mode: str) -> None:
    environ = Environ({"AUTH_MODE": auth_mode, "JWT_ISSUER": "https://issuer.example", "JWT_AUDIENCE": "holdfast"})

    settings.read(environ)

    assert documented("## Settings") == environ.wanted


def test_every_option_of_the_local_start_is_documented() -> None:
    environ = Environ({})

    options.read(environ)

    assert documented("### Of the local start alone") == environ.wanted


def test_every_route_is_documented() -> None:
    """OPTIONS apart: every path has it, for browsers."""
    listed = re.findall(r"^\| `([A-Z]+) (/\S*)` \|", README, re.MULTILINE)
    routes = {(method, path) for path, methods in app.routes.items() for method in methods if method != "OPTIONS"}

    assert len(listed) == len(routes)
    assert {(method, VARIABLE.sub("{}", path)) for method, path in listed} == {
        (method, VARIABLE.sub("{}", path)) for method, path in routes
    }


def test_the_layout_names_what_there_is() -> None:
    layout = README.split("## Layout\n", 1)[1].split("```")[1]
    root = Path(__file__).parents[2]

    for name in re.findall(r"^(\S+)  ", layout, re.MULTILINE):
        assert (root / name).exists(), name
