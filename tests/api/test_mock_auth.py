import pytest

from tests.support import Api

SLOT = "2027-01-02T09:00:00Z", "2027-01-02T09:30:00Z"


@pytest.mark.parametrize("who", [None, "", " ", "\t"])
def test_who_says_nothing_is_let_in_nowhere(api: Api, who: str | None) -> None:
    answer = api.get("/reservations?limit=1", who)

    assert (answer.status_code, answer.json_body["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("who", ["client:alice", "Bearer client:alice"])
def test_a_client(api: Api, who: str) -> None:
    made = api.reserve(api.a_slot(), who)

    assert made.json_body["clientId"] == "alice"


@pytest.mark.parametrize("who", ["provider:1234", "Bearer provider:1234"])
def test_a_provider(api: Api, who: str) -> None:
    assert api.get("/providers/1234/appointments?limit=1", who).status_code == 200
    assert api.get("/providers/5678/appointments?limit=1", who).status_code == 403


@pytest.mark.parametrize("who", ["admin:root", "Bearer admin:root"])
def test_an_admin(api: Api, who: str) -> None:
    assert api.put("/providers/5678", who, {"name": "x", "timeZone": "UTC"}).status_code == 201


@pytest.mark.parametrize("client_id", ["auth0|5f7c", "dr@clinic.example", "a:b:c", "A" * 128])
def test_an_id_may_have_all_that_an_id_may_have(api: Api, client_id: str) -> None:
    made = api.reserve(api.a_slot(), f"Bearer client:{client_id}")

    assert made.json_body["clientId"] == client_id


@pytest.mark.parametrize(
    "who",
    [
        "anything",
        "Bearer anything",
        "Bearer",
        "Basic YWxpY2U6c2VjcmV0",
        "client",
        "client:",
        "client:-",
        "client:a b",
        "client:" + "A" * 129,
        "nurse:alice",
        "CLIENT:alice",
        ":alice",
        "client:\u0661",
        "\ud800",
    ],
)
def test_anything_else_is_the_demo_caller(api: Api, who: str) -> None:
    made = api.reserve(api.a_slot(), who)

    assert made.json_body["clientId"] == "demo-client"


def test_a_demo_caller_reserves_for_the_client_in_the_body(api: Api) -> None:
    made = api.post(f"/appointments/{api.a_slot()}/reservations", "anything", {"clientId": "bob"})

    assert made.json_body["clientId"] == "bob"


def test_a_demo_caller_acts_for_any_provider(api: Api) -> None:
    api.put("/providers/5678", "admin:root", {"name": "x", "timeZone": "UTC"})
    slot = {"startTime": SLOT[0], "endTime": SLOT[1]}

    for provider_id in ("1234", "5678"):
        published = api.post("/appointments", "anything", {"providerId": provider_id, "slots": [slot]})
        assert published.status_code == 201
        assert api.get(f"/providers/{provider_id}/appointments?limit=1", "anything").status_code == 200


def test_a_demo_caller_acts_for_any_client(api: Api) -> None:
    hold = api.a_hold(api.a_slot(), "client:alice")

    assert api.read(hold, "anything").status_code == 200
    assert api.confirm(hold, "anything").status_code == 200
    assert api.cancel(hold, "anything").status_code == 200


def test_a_client_reserves_for_itself_only(api: Api) -> None:
    path = f"/appointments/{api.a_slot()}/reservations"

    assert api.post(path, "client:alice", {"clientId": "bob"}).json_body["code"] == "forbidden"
    assert api.post(path, "client:alice", {"clientId": "alice"}).status_code == 201


def test_a_client_id_of_null_is_none(api: Api) -> None:
    made = api.post(f"/appointments/{api.a_slot()}/reservations", "client:alice", {"clientId": None})

    assert made.json_body["clientId"] == "alice"


@pytest.mark.parametrize("who", ["provider:1234", "admin:root"])
def test_its_provider_and_an_admin_name_the_client(api: Api, who: str) -> None:
    made = api.post(f"/appointments/{api.a_slot()}/reservations", who, {"clientId": "bob"})

    assert (made.status_code, made.json_body["clientId"]) == (201, "bob")


@pytest.mark.parametrize("who", ["provider:1234", "admin:root"])
def test_its_provider_and_an_admin_must_name_the_client(api: Api, who: str) -> None:
    answer = api.reserve(api.a_slot(), who)

    assert (answer.status_code, answer.json_body["code"]) == (400, "invalid-request")
    assert answer.json_body["errors"][0]["pointer"] == "/clientId"


def test_another_provider_does_not_reserve(api: Api) -> None:
    answer = api.post(f"/appointments/{api.a_slot()}/reservations", "provider:5678", {"clientId": "bob"})

    assert (answer.status_code, answer.json_body["code"]) == (403, "forbidden")


def test_the_identity_of_one_role_is_not_that_of_another(api: Api) -> None:
    hold = api.a_hold(api.a_slot(), "client:1234")

    assert api.read(hold, "provider:1234").status_code == 200
    assert api.get("/providers/1234/appointments?limit=1", "client:1234").status_code == 403
