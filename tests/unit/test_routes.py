"""API Gateway allows one variable name at each place of a path, and Chalice does not tell until it is deployed."""

import re
from collections import defaultdict
from collections.abc import Iterable
from inspect import signature

import pytest

from app import app
from tests.support import Api

PATHS = sorted(app.routes)
VIEWS = [(method, path) for path in PATHS for method in app.routes[path] if method != "OPTIONS"]
PUBLIC = ("/health", "/openapi.json", "/docs", "/problems")
CONTRACT = {
    ("POST", "/appointments"),
    ("GET", "/appointments/{}"),
    ("POST", "/appointments/{}/reservations"),
    ("PUT", "/reservations/{}/confirm"),
    ("GET", "/reservations/{}"),
    ("DELETE", "/reservations/{}"),
    ("GET", "/reservations"),
    ("GET", "/providers/{}/appointments"),
    ("GET", "/providers/{}/appointments/{}"),
    ("PUT", "/providers/{}"),
    ("GET", "/providers/{}"),
    ("GET", "/health"),
}


def _places_named_twice(paths: Iterable[str]) -> set[str]:
    names: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        parts = path.split("/")
        for position, part in enumerate(parts):
            if part.startswith("{"):
                names["/".join(parts[:position])].add(part)
    return {place for place, found in names.items() if len(found) > 1}


def test_no_two_routes_name_one_place_of_a_path_differently() -> None:
    assert _places_named_twice(PATHS) == set()


@pytest.mark.parametrize(
    ("paths", "places"),
    [
        (["/a/{x}", "/a/{y}/b"], {"/a"}),
        (["/a/{x}/b/{y}", "/a/{x}/b/{z}"], {"/a/{x}/b"}),
        (["/a/{x}", "/a/{x}/b", "/b/{y}"], set()),
    ],
)
def test_the_check_of_names_finds_what_it_looks_for(paths: list[str], places: set[str]) -> None:
    assert _places_named_twice(paths) == places


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_of_plain_segments_and_variables(path: str) -> None:
    assert re.fullmatch(r"(/[a-z][a-z.-]*|/\{[a-z][A-Za-z]*\})+", path)


@pytest.mark.parametrize(("method", "path"), VIEWS)
def test_a_view_takes_each_variable_of_its_path_once(method: str, path: str) -> None:
    variables = re.findall(r"\{(\w+)\}", path)

    taken = list(signature(app.routes[path][method].view_function).parameters)[1:]

    assert taken == variables
    assert len(set(variables)) == len(variables)


def test_every_operation_of_the_contract_has_a_route() -> None:
    routes = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in VIEWS}

    assert routes >= CONTRACT


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path in VIEWS if not path.startswith(PUBLIC)])
def test_who_is_not_signed_in_is_stopped_before_anything_else(api: Api, method: str, path: str) -> None:
    answer = api.call(method, re.sub(r"\{\w+\}", "!", path), None, b"x" * 300_000)

    assert answer.status_code == 401
    assert answer.json_body["code"] == "unauthenticated"


def test_the_sweep_runs_every_minute() -> None:
    [schedule] = [source for source in app.event_sources if hasattr(source, "schedule_expression")]

    assert schedule.schedule_expression.to_string() == "rate(1 minute)"
