"""What somebody would try who wants another's, or wants us down. Tokens are in tests/unit/test_tokens.py."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from chalice.test import HTTPResponse

from chalicelib import clock as clock_module
from chalicelib.store.ids import AppointmentId, ReservationId, appointment_id, new_generation, new_nonce, reservation_id
from chalicelib.web import cursors
from tests.support import ADMIN, DEMO, START, Api, Clock, DynamoDB, client, provider

HOLD_SECONDS = 1_800
PRACTICE = {"name": "Practice", "timeZone": "UTC"}
SLOTS = [{"startTime": "2027-01-05T09:00:00Z", "endTime": "2027-01-05T09:30:00Z"}]
STATES = ("reserved", "expired", "swept", "confirmed", "cancelled")


def _refused(answer: HTTPResponse) -> tuple[int, str]:
    return answer.status_code, answer.json_body["code"]


def _reservation(api: Api, clock: Clock, state: str) -> str:
    """Alice's, with provider 1234."""
    slot = api.a_slot()
    hold = api.a_hold(slot)
    match state:
        case "confirmed":
            api.confirm(hold)
        case "cancelled":
            api.cancel(hold)
        case "expired":
            clock.advance(seconds=HOLD_SECONDS)
        case "swept":
            clock.advance(seconds=HOLD_SECONDS)
            api.cancel(api.a_hold(slot, client("carol")), client("carol"))
    return hold


def _like(text: str) -> str:
    """A reservation that does not exist, of the same slot."""
    there = reservation_id(text)
    return str(there._replace(nonce=new_nonce()))


# Another's reservation is as good as none


def _look_alike(answer: HTTPResponse) -> tuple[int, dict[str, Any], dict[str, str]]:
    body = {name: value for name, value in answer.json_body.items() if name not in ("instance", "requestId")}
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "x-request-id"}
    return answer.status_code, body, headers


REQUESTS: dict[str, Callable[[Api, str, str], HTTPResponse]] = {
    "read": lambda api, hold, who: api.read(hold, who),
    "read if changed": lambda api, hold, who: api.get(f"/reservations/{hold}", who, If_None_Match="*"),
    "confirm": lambda api, hold, who: api.confirm(hold, who),
    "confirm at a version": lambda api, hold, who: api.confirm(hold, who, If_Match='"2"'),
    "confirm at a stale version": lambda api, hold, who: api.confirm(hold, who, If_Match='"99"'),
    "cancel": lambda api, hold, who: api.cancel(hold, who),
    "cancel at a version": lambda api, hold, who: api.cancel(hold, who, If_Match='"2"'),
    "cancel at a stale version": lambda api, hold, who: api.cancel(hold, who, If_Match='"99"'),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("who", [client("bob"), provider("5678"), ADMIN, client("1234")])
def test_anothers_reservation_cannot_be_told_from_none(api: Api, clock: Clock, state: str, who: str) -> None:
    there = _reservation(api, clock, state)
    not_there = _like(there)

    for name, request in REQUESTS.items():
        seen = _look_alike(request(api, there, who))
        assert seen[0] == 404
        assert seen == _look_alike(request(api, not_there, who)), name


@pytest.mark.parametrize("state", STATES)
def test_what_another_tries_on_a_reservation_changes_nothing(
    api: Api, clock: Clock, dynamodb: DynamoDB, state: str
) -> None:
    there = _reservation(api, clock, state)
    before = dynamodb.items()

    for request in REQUESTS.values():
        request(api, there, client("bob"))

    assert dynamodb.items() == before


@pytest.mark.parametrize("tamper", ["provider", "start", "generation", "nonce"])
def test_a_reservation_id_that_was_tampered_with_names_nothing(api: Api, tamper: str) -> None:
    there = reservation_id(api.a_hold(api.a_slot()))
    changed = {
        "provider": there._replace(provider_id="5678"),
        "start": there._replace(start=there.start + 60),
        "generation": there._replace(generation=new_generation()),
        "nonce": there._replace(nonce=new_nonce()),
    }[tamper]

    answers = [request(api, str(changed), client()) for request in REQUESTS.values()]

    assert {answer.status_code for answer in answers} == {404}


def test_a_provider_does_not_reach_anothers_reservation_under_its_own_name(api: Api) -> None:
    api.put("/providers/5678", ADMIN, PRACTICE)
    hold = reservation_id(api.a_hold(api.a_slot()))
    mine = str(hold._replace(provider_id="5678"))

    answers = [request(api, mine, provider("5678")) for request in REQUESTS.values()]

    assert {answer.status_code for answer in answers} == {404}


def test_a_reservation_id_tells_nothing_that_would_name_the_next() -> None:
    nonces = {new_nonce() for _ in range(1_000)}

    assert len(nonces) == 1_000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{16}", nonce) for nonce in nonces)


def test_a_slot_is_not_named_by_its_time_alone(api: Api) -> None:
    slot = appointment_id(api.a_slot())

    guesses = [str(slot._replace(generation=guess)) for guess in ("AAAAAAAA", "--------", new_generation())]

    assert [api.reserve(guess).status_code for guess in guesses] == [404] * 3


# Another's in path, body and cursor


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("theirs", [True, False])
def test_one_provider_cannot_tell_what_stands_in_anothers_calendar(api: Api, method: str, *, theirs: bool) -> None:
    slot = appointment_id(api.a_slot())
    wanted = slot if theirs else slot._replace(generation=new_generation())
    body = {"endTime": "2027-01-02T10:00:00Z"} if method == "PATCH" else None

    answer = api.call(method, f"/providers/1234/appointments/{wanted}", provider("5678"), body, {"If-Match": '"1"'})

    assert _refused(answer) == (403, "forbidden")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_anothers_slot_under_ones_own_path_is_not_found(api: Api, method: str) -> None:
    api.put("/providers/5678", ADMIN, PRACTICE)
    slot = api.a_slot()
    body = {"endTime": "2027-01-02T10:00:00Z"} if method == "PATCH" else None

    answer = api.call(method, f"/providers/5678/appointments/{slot}", provider("5678"), body, {"If-Match": '"1"'})

    assert _refused(answer) == (404, "not-found")
    assert api.bookable() == [slot]


def test_a_publish_into_anothers_calendar_is_refused_known_or_not(api: Api) -> None:
    answers = [
        api.post("/appointments", provider("5678"), {"providerId": name, "slots": SLOTS}) for name in ("1234", "nobody")
    ]

    assert [_refused(answer) for answer in answers] == [(403, "forbidden")] * 2


@pytest.mark.parametrize("there", [True, False])
def test_nobody_reserves_for_another(api: Api, *, there: bool) -> None:
    slot = appointment_id(api.a_slot())
    wanted = slot if there else slot._replace(generation=new_generation())

    answer = api.post(f"/appointments/{wanted}/reservations", client("bob"), {"clientId": "alice"})

    assert _refused(answer) == (403, "forbidden")


@pytest.mark.parametrize("query", ["&clientId=alice", "&client_id=alice", "&clientId[]=alice"])
def test_a_query_names_no_other_client(api: Api, query: str) -> None:
    api.a_hold(api.a_slot())

    assert api.get(f"/reservations?limit=5{query}", client("bob")).json_body["reservations"] == []


def test_a_cursor_of_anothers_reservations_is_refused(api: Api) -> None:
    for at in range(3):
        api.a_hold(api.a_slot(f"2027-01-02T{9 + at:02}:00:00Z", f"2027-01-02T{9 + at:02}:30:00Z"))
    cursor = api.get("/reservations?limit=1", client()).json_body["nextCursor"]

    answer = api.get(f"/reservations?limit=1&cursor={cursor}", client("bob"))

    assert _refused(answer) == (400, "invalid-cursor")


def test_a_cursor_of_anothers_calendar_is_refused(api: Api) -> None:
    api.put("/providers/5678", ADMIN, PRACTICE)
    api.publish(*[(f"2027-01-02T{hour:02}:00:00Z", f"2027-01-02T{hour:02}:30:00Z") for hour in (9, 10, 11)])
    cursor = api.get("/providers/1234/appointments?limit=1", provider()).json_body["nextCursor"]

    answer = api.get(f"/providers/5678/appointments?limit=1&cursor={cursor}", provider("5678"))

    assert _refused(answer) == (400, "invalid-cursor")


def test_a_forged_cursor_shows_nothing_of_anothers(api: Api) -> None:
    """The check in a cursor is no secret: with the place of another's reservation it is still one's own list."""
    hold = reservation_id(api.a_hold(api.a_slot()))
    mine = api.a_hold(api.a_slot("2027-01-05T09:00:00Z", "2027-01-05T09:30:00Z"), client("bob"))
    place = f"1234/APPT#{clock_module.iso(hold.start)}"
    forged = cursors.cursor(place, "GET /reservations", "bob")

    answer = api.get(f"/reservations?limit=5&cursor={forged}", client("bob"))

    assert [seen["reservationId"] for seen in answer.json_body["reservations"]] == [mine]


@pytest.mark.parametrize(
    "place",
    ["1234/PROFILE", "1234/DAY#2027-01-02", "1234/KEY#x", "1234#/APPT#2027-01-02T09:00:00Z", "/", "", "1234/APPT#~"],
)
def test_a_forged_cursor_names_no_other_item(api: Api, place: str) -> None:
    forged = cursors.cursor(place, "GET /reservations", "alice")

    assert _refused(api.get(f"/reservations?limit=5&cursor={forged}", client())) == (400, "invalid-cursor")


# Key expressions in ids


SMUGGLED = [
    "#",
    "1234#",
    "PROVIDER#1234",
    "1234#APPT#2027-01-02T09:00:00Z",
    "APPT#2027-01-02T09:00:00Z",
    "1234\u0000",
    "1234\n",
    "../1234",
    "1234/..",
    "{1234}",
    ":pk",
    "#pk",
    "1234 OR 1=1",
    "*",
    "",
    "x" * 129,
    "ﬀ1234",
    "\u0661\u0662\u0663",
]


def _packed(prefix: str, provider_id: str, *, nonce: str = "", start: int = 1_798_880_400) -> str:
    """An id as ours are made, whatever the provider id."""
    encoded = urlsafe_b64encode(provider_id.encode()).rstrip(b"=").decode()
    return f"{prefix}_{urlsafe_b64encode(start.to_bytes(6)).decode()}AAAAAAAA{nonce}{encoded}"


@pytest.mark.parametrize("smuggled", [text for text in SMUGGLED if text])
def test_a_key_smuggled_in_the_path_is_no_provider(api: Api, dynamodb: DynamoDB, smuggled: str) -> None:
    encoded = quote(smuggled, safe="")

    with dynamodb.recorded() as sent:
        answers = [
            api.get(f"/providers/{encoded}", client()),
            api.get(f"/appointments/{encoded}?limit=5", client()),
            api.get(f"/providers/{encoded}/appointments?limit=5", DEMO),
        ]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert sent == []


@pytest.mark.parametrize("smuggled", SMUGGLED)
def test_a_key_smuggled_in_an_appointment_id_names_nothing(api: Api, dynamodb: DynamoDB, smuggled: str) -> None:
    slot = _packed("apt", smuggled)

    with dynamodb.recorded() as sent:
        answers = [api.reserve(slot), api.get(f"/providers/1234/appointments/{slot}", provider())]

    assert [answer.status_code for answer in answers] == [404] * 2
    # The look at the client's holds comes only when there may be such a slot.
    assert sent == []


@pytest.mark.parametrize("smuggled", SMUGGLED)
def test_a_key_smuggled_in_a_reservation_id_names_nothing(api: Api, dynamodb: DynamoDB, smuggled: str) -> None:
    hold = _packed("res", smuggled, nonce="A" * 16)

    with dynamodb.recorded() as sent:
        answers = [request(api, hold, who) for request in REQUESTS.values() for who in (client(), DEMO)]

    assert {answer.status_code for answer in answers} == {404}
    assert sent == []


@pytest.mark.parametrize("smuggled", SMUGGLED)
def test_a_key_smuggled_in_a_body_is_bad_input(api: Api, smuggled: str) -> None:
    slot = api.a_slot()

    answers = [
        api.post("/appointments", DEMO, {"providerId": smuggled, "slots": SLOTS}),
        api.post(f"/appointments/{slot}/reservations", DEMO, {"clientId": smuggled}),
    ]

    assert [_refused(answer) for answer in answers] == [(400, "invalid-request")] * 2


@pytest.mark.parametrize("smuggled", ["client:a#b", "client:PROVIDER#1234", "client:a\tb", "client:é"])
def test_a_key_smuggled_in_a_caller_is_no_id(api: Api, smuggled: str) -> None:
    made = api.reserve(api.a_slot(), f"Bearer {smuggled}")

    assert made.json_body["clientId"] == "demo-client"


def test_a_provider_that_is_named_like_an_item_is_a_provider_of_its_own(api: Api) -> None:
    api.put("/providers/1234:PROFILE", ADMIN, PRACTICE)

    published = api.publish(("2027-01-05T09:00:00Z", "2027-01-05T09:30:00Z"), provider_id="1234:PROFILE")

    assert published.status_code == 201
    assert api.bookable() == []
    assert len(api.bookable("1234:PROFILE")) == 1


@pytest.mark.parametrize("key", ["a.b", "keys", "#n0", ":v0", "a]b[", "nonce", "`", '\\"', "${jndi}"])
def test_an_idempotency_key_is_no_expression(api: Api, key: str) -> None:
    slot = api.a_slot()

    made = api.reserve(slot, Idempotency_Key=key)
    again = api.reserve(slot, Idempotency_Key=key)

    assert (made.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("start", [0, clock_module.LATEST - 1, clock_module.LATEST])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_id_at_the_edge_of_time_names_nothing(api: Api, method: str, start: int) -> None:
    slot = AppointmentId("1234", start, "AAAAAAAA")
    body = {"startTime": "2027-01-05T09:00:00Z"} if method == "PATCH" else None

    answer = api.call(method, f"/providers/1234/appointments/{slot}", provider(), body, {"If-Match": "*"})

    assert _refused(answer) == (404, "not-found")


@pytest.mark.parametrize("start", [0, clock_module.LATEST])
def test_a_reservation_at_the_edge_of_time_names_nothing(api: Api, start: int) -> None:
    hold = str(ReservationId("1234", start, "AAAAAAAA", "A" * 16))

    answers = [request(api, hold, client()) for request in REQUESTS.values()]

    assert {answer.status_code for answer in answers} == {404}


# Header injection


INJECTED = [
    "%0d%0aSet-Cookie:%20a=b",
    "%0aX:%20y",
    "%0d",
    "x%0d%0a%0d%0a<script>",
    "\r\nSet-Cookie: a=b",
    "%E5%98%8A",
    "%00",
]


@pytest.mark.parametrize("injected", INJECTED)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/providers/1234{}"),
        ("PUT", "/providers/1234{}"),
        ("GET", "/appointments/1234{}?limit=5"),
        ("GET", "/reservations/res_{}"),
        ("GET", "/providers/1234/appointments/apt_{}"),
        ("GET", "/docs/page.css{}"),
        ("GET", "/problems/not-found{}"),
    ],
)
def test_a_line_end_in_a_path_adds_no_header(api: Api, method: str, path: str, injected: str) -> None:
    body = PRACTICE if method == "PUT" else None

    answer = api.call(method, path.format(injected), ADMIN, body)

    assert answer.status_code in (400, 404)
    assert not any("\r" in value or "\n" in value for value in answer.headers.values())
    assert "set-cookie" not in {name.lower() for name in answer.headers}


@pytest.mark.parametrize("injected", INJECTED)
@pytest.mark.parametrize("parameter", ["cursor", "start", "limit", "other"])
def test_a_line_end_in_a_query_adds_no_header(api: Api, parameter: str, injected: str) -> None:
    api.publish(*[(f"2027-01-02T{hour:02}:00:00Z", f"2027-01-02T{hour:02}:30:00Z") for hour in (9, 10, 11)])
    query = f"limit=1&{parameter}=1{quote(injected, safe='%')}"

    answer = api.get(f"/appointments/1234?{query}", client())

    assert answer.status_code in (200, 400)
    assert not any("\r" in value or "\n" in value for value in answer.headers.values())


def test_a_next_link_repeats_a_query_encoded(api: Api) -> None:
    api.publish(*[(f"2027-01-02T{hour:02}:00:00Z", f"2027-01-02T{hour:02}:30:00Z") for hour in (9, 10, 11)])

    answer = api.get("/appointments/1234?limit=1&x=%3E%3B%20rel%3D%22evil%22%0d%0a", client())

    assert answer.headers["Link"].count(";") == 1
    assert answer.headers["Link"].count(">") == 1


def test_a_location_is_made_of_what_we_made(api: Api) -> None:
    answer = api.reserve(api.a_slot(), Idempotency_Key="k", X_Forwarded_Host="evil.example", Host="evil.example")

    assert re.fullmatch(r"/reservations/res_[A-Za-z0-9_-]+", answer.headers["Location"])


@pytest.mark.parametrize("origin", ["https://evil.example\r\nSet-Cookie: a=b", "null", "\ud800"])
def test_an_origin_adds_no_header(api: Api, origin: str) -> None:
    answer = api.get("/health", None, Origin=origin)

    assert answer.status_code == 200
    assert origin not in answer.headers.values()


# Bodies


@pytest.mark.parametrize("target", ["/appointments", "/appointments/{slot}/reservations"])
@pytest.mark.parametrize("who", [client(), provider(), DEMO])
def test_a_body_over_256_kb_is_refused(api: Api, target: str, who: str) -> None:
    path = target.format(slot=api.a_slot())

    answer = api.post(path, who, b" " * (256 * 1024 + 1))

    assert _refused(answer) == (413, "payload-too-large")


def test_a_body_of_256_kb_is_read(api: Api) -> None:
    body = json.dumps({"providerId": "1234", "slots": SLOTS})

    answer = api.post("/appointments", provider(), body + " " * (256 * 1024 - len(body)))

    assert answer.status_code == 201


def test_size_is_counted_in_bytes(api: Api) -> None:
    body = json.dumps({"name": "é" * 140_000}, ensure_ascii=False)

    assert _refused(api.put("/providers/1234", ADMIN, body)) == (413, "payload-too-large")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET"])
def test_a_body_that_nobody_asked_for_is_measured_too(api: Api, method: str) -> None:
    hold = api.a_hold(api.a_slot())
    path = f"/reservations/{hold}" + ("/confirm" if method == "PUT" else "")

    assert _refused(api.call(method, path, client(), b"x" * 300_000)) == (413, "payload-too-large")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b'{"providerId":"1234","slots":' + b"[" * 100_000,
        b'{"providerId":"1234","slots":[{"startTime":' + b'{"a":' * 30_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_a_body_that_is_nested_deep_is_bad_input(api: Api, body: bytes) -> None:
    answer = api.post("/appointments", provider(), body)

    assert answer.status_code == 400
    assert answer.json_body["code"] in ("malformed-json", "invalid-request")


@pytest.mark.parametrize(
    "body",
    [
        b'{"clientId": "alice", "clientId": "bob"}',
        b'{"__proto__": {"clientId": "bob"}}',
        b'{"client_id": "bob"}',
        b'{"clientId": ["bob"]}',
        b'{"clientId": {"S": "bob"}}',
        b"NaN",
        b'{"clientId": "\xff"}',
        b'{"clientId": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"{} {}",
    ],
)
def test_no_body_books_for_another(api: Api, body: bytes) -> None:
    answer = api.post(f"/appointments/{api.a_slot()}/reservations", client(), body)

    assert answer.status_code in (400, 403)


def test_a_publish_of_a_thousand_slots_is_refused_before_anything_is_read(api: Api, dynamodb: DynamoDB) -> None:
    slots = [
        {"startTime": clock_module.iso(START + 600 * at), "endTime": clock_module.iso(START + 600 * at + 300)}
        for at in range(1, 1_001)
    ]

    with dynamodb.recorded() as sent:
        answer = api.post("/appointments", provider(), {"providerId": "1234", "slots": slots})

    assert _refused(answer) == (400, "invalid-request")
    assert sent == []


@pytest.mark.parametrize("minutes", [1, 2])
def test_a_publish_that_would_be_cut_into_thousands_is_refused(api: Api, dynamodb: DynamoDB, minutes: int) -> None:
    stretch = {"startTime": "2027-01-02T00:00:00Z", "endTime": "2031-12-31T00:00:00Z"}
    body = {"providerId": "1234", "slots": [stretch] * 90, "slotMinutes": minutes}

    with dynamodb.recorded() as sent:
        answer = api.post("/appointments", provider(), body)

    assert _refused(answer) == (400, "invalid-request")
    assert sent == []


@pytest.mark.parametrize("number", ["1e400", "1e308", "9" * 5_000, "-1", "1.5", "true", '"15"'])
def test_a_number_that_is_none_to_cut_by_is_bad_input(api: Api, number: str) -> None:
    body = json.dumps({"providerId": "1234", "slots": SLOTS})[:-1] + f', "slotMinutes": {number}}}'

    assert api.post("/appointments", provider(), body).status_code == 400


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match", "Idempotency-Key", "Authorization", "Content-Type"])
@pytest.mark.parametrize("value", ["x" * 8_000, '"' * 8_000, '"a",' * 2_000, "\x00", "\ud800", "é"])
def test_no_header_is_an_error_of_ours(api: Api, header: str, value: str) -> None:
    slot = api.a_slot()

    answer = api.call("POST", f"/appointments/{slot}/reservations", client(), {}, {header.lower(): value})

    assert answer.status_code < 500


def test_a_500_says_nothing_of_the_inside(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    with dynamodb.failing("UpdateItem", "ValidationException"):
        answer = api.reserve(slot)

    assert _refused(answer) == (500, "internal")
    assert not re.search(
        r"Validation|dynamo|pynamo|Traceback|UpdateItem|holdfast-", answer.body.decode(), re.IGNORECASE
    )
