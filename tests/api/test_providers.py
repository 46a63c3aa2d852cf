from typing import Any

import pytest

from tests.support import ADMIN, DEMO, Api, client, provider

LEAST = {"name": "Practice", "timeZone": "Europe/Vienna"}


def _put(api: Api, body: Any, who: str = ADMIN) -> tuple[int, Any]:
    answer = api.put("/providers/5678", who, body)
    return answer.status_code, answer.json_body


def test_a_new_provider_is_201_with_its_defaults(api: Api) -> None:
    status, made = _put(api, LEAST)

    assert status == 201
    assert made == {
        "providerId": "5678",
        "name": "Practice",
        "timeZone": "Europe/Vienna",
        "holdMinutes": 30,
        "noticeMinutes": 0,
    }


def test_a_put_replaces_all_of_a_provider(api: Api) -> None:
    _put(api, LEAST | {"holdMinutes": 5, "noticeMinutes": 60})

    status, replaced = _put(api, {"name": "New", "timeZone": "UTC"})

    assert status == 200
    assert replaced == {"providerId": "5678", "name": "New", "timeZone": "UTC", "holdMinutes": 30, "noticeMinutes": 0}


@pytest.mark.parametrize("who", [client(), provider(), provider("5678"), ADMIN, DEMO])
def test_anyone_who_is_signed_in_reads_it(api: Api, who: str) -> None:
    _, made = _put(api, LEAST)

    answer = api.get("/providers/5678", who)

    assert (answer.status_code, answer.json_body) == (200, made)


@pytest.mark.parametrize("provider_id", ["nobody", "-", "%00", "a%20b", "A" * 129])
def test_an_unknown_provider_is_not_found(api: Api, provider_id: str) -> None:
    answer = api.get(f"/providers/{provider_id}", client())

    assert (answer.status_code, answer.json_body["code"]) == (404, "not-found")


@pytest.mark.parametrize("who", [client(), provider(), provider("5678"), DEMO])
def test_only_an_admin_puts_one(api: Api, who: str) -> None:
    status, problem = _put(api, LEAST, who)

    assert (status, problem["code"]) == (403, "forbidden")
    assert api.get("/providers/5678", client()).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"holdMinutes": 1},
        {"holdMinutes": 1_440},
        {"holdMinutes": 0.05},
        {"holdMinutes": 2.5},
        {"noticeMinutes": 0},
        {"noticeMinutes": 43_200},
        {"name": "x"},
        {"name": "Ordination Dr. Ünsal 🩺"},
        {"name": "x" * 200},
        {"timeZone": "UTC"},
        {"timeZone": "America/Argentina/Buenos_Aires"},
    ],
)
def test_what_may_be(api: Api, body: dict[str, Any]) -> None:
    status, made = _put(api, LEAST | body)

    assert status == 201
    assert made | body == made
    assert api.get("/providers/5678", client()).json_body == made


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"holdMinutes": 0}, "/holdMinutes"),
        ({"holdMinutes": -1}, "/holdMinutes"),
        ({"holdMinutes": 1_440.1}, "/holdMinutes"),
        ({"holdMinutes": 0.001}, "/holdMinutes"),
        ({"holdMinutes": "30"}, "/holdMinutes"),
        ({"holdMinutes": None}, "/holdMinutes"),
        ({"holdMinutes": True}, "/holdMinutes"),
        ({"holdMinutes": 1e300}, "/holdMinutes"),
        ({"noticeMinutes": -1}, "/noticeMinutes"),
        ({"noticeMinutes": 43_201}, "/noticeMinutes"),
        ({"noticeMinutes": 1.5}, "/noticeMinutes"),
        ({"noticeMinutes": 10**30}, "/noticeMinutes"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": 5}, "/name"),
        ({"timeZone": ""}, "/timeZone"),
        ({"timeZone": "Vienna"}, "/timeZone"),
        ({"timeZone": "europe/vienna"}, "/timeZone"),
        ({"timeZone": "+02:00"}, "/timeZone"),
        ({"timeZone": "../etc/passwd"}, "/timeZone"),
        ({"timeZone": "UTC\0"}, "/timeZone"),
        ({"timeZone": "UTC\n"}, "/timeZone"),
        ({"providerId": "5678"}, "/providerId"),
        ({"x": 1}, "/x"),
    ],
)
def test_what_may_not_be_is_named(api: Api, body: dict[str, Any], pointer: str) -> None:
    status, problem = _put(api, LEAST | body)

    assert (status, problem["code"]) == (400, "invalid-request")
    assert problem["errors"][0]["pointer"] == pointer
    assert api.get("/providers/5678", client()).status_code == 404


@pytest.mark.parametrize("missing", ["name", "timeZone"])
def test_a_member_that_is_missing_is_named(api: Api, missing: str) -> None:
    status, problem = _put(api, {name: value for name, value in LEAST.items() if name != missing})

    assert status == 400
    assert problem["errors"][0]["pointer"] == f"/{missing}"


@pytest.mark.parametrize("provider_id", ["-", ".a", "a%20b", "%00", "a%0A", "%C3%A4", "a%2Fb", "A" * 129])
def test_a_provider_needs_an_id_that_may_be(api: Api, provider_id: str) -> None:
    answer = api.put(f"/providers/{provider_id}", ADMIN, LEAST)

    assert (answer.status_code, answer.json_body["code"]) == (400, "invalid-request")


@pytest.mark.parametrize("provider_id", ["auth0%7C5f7c", "a%3Ab", "dr%40clinic", "auth0|5f7c", "a:b", "A" * 128])
def test_a_provider_id_in_the_path_may_be_percent_encoded(api: Api, provider_id: str) -> None:
    made = api.put(f"/providers/{provider_id}", ADMIN, LEAST)

    assert made.status_code == 201
    assert "%" not in made.json_body["providerId"]
    assert api.get(f"/providers/{made.json_body['providerId']}", client()).json_body == made.json_body


def test_every_put_has_another_tag(api: Api) -> None:
    first = api.put("/providers/5678", ADMIN, LEAST)
    second = api.put("/providers/5678", ADMIN, LEAST)

    assert first.headers["ETag"] != second.headers["ETag"]
    assert api.get("/providers/5678", client()).headers["ETag"] == second.headers["ETag"]


def test_a_provider_that_is_known_is_304(api: Api) -> None:
    tag = api.put("/providers/5678", ADMIN, LEAST).headers["ETag"]

    answer = api.get("/providers/5678", client(), if_none_match=tag)

    assert (answer.status_code, answer.body) == (304, b"")


@pytest.mark.parametrize(("tag", "status"), [('"1"', 200), ('"1", "7"', 200), ("*", 200), ('"2"', 412), ('W/"1"', 412)])
def test_if_match_is_honoured(api: Api, tag: str, status: int) -> None:
    api.put("/providers/5678", ADMIN, LEAST)

    answer = api.put("/providers/5678", ADMIN, LEAST | {"name": "New"}, if_match=tag)

    assert answer.status_code == status
    assert api.get("/providers/5678", client()).json_body["name"] == ("New" if status == 200 else "Practice")


@pytest.mark.parametrize("tag", ['"1"', "*"])
def test_if_match_makes_no_new_provider(api: Api, tag: str) -> None:
    answer = api.put("/providers/5678", ADMIN, LEAST, if_match=tag)

    assert (answer.status_code, answer.json_body["code"]) == (412, "precondition-failed")
    assert api.get("/providers/5678", client()).status_code == 404


def test_the_demo_provider_is_there_from_the_start(api: Api) -> None:
    assert api.get("/providers/1234", client()).json_body["holdMinutes"] == 30


def test_a_zone_that_only_the_host_has_is_refused(api: Api) -> None:
    status, problem = _put(api, LEAST | {"timeZone": "localtime"})

    assert (status, problem["errors"][0]["pointer"]) == (400, "/timeZone")
