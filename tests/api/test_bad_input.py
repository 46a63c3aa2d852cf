"""Whatever is sent, the answer says what is wrong with it, and is never a 500."""

import json
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from chalice.test import HTTPResponse

from chalicelib import clock as clock_module
from chalicelib.web import cursors
from local import aws
from tests.support import ADMIN, Api, Clock, client, provider

NINE = {"startTime": "2027-01-02T09:00:00Z", "endTime": "2027-01-02T09:30:00Z"}
PUBLISH = {"providerId": "1234", "slots": [NINE]}
PROVIDER = {"name": "Practice", "timeZone": "UTC"}
LISTS = [
    ("/appointments/1234", client()),
    ("/providers/1234/appointments", provider()),
    ("/reservations", client()),
]
SLOT_LISTS = LISTS[:2]
BODIES = [
    ("POST", "/appointments", provider()),
    ("POST", "/appointments/apt_x/reservations", client()),
    ("PUT", "/providers/5678", ADMIN),
]
ALPHABET = string.ascii_letters + string.digits + "-_"
TOO_DEEP = 100_000


@pytest.fixture(scope="module", autouse=True)
def _empty_table() -> None:
    """One for all: hardly any test here gets as far as to write."""
    with clock_module.running_on(Clock()):
        _begin_again()


@pytest.fixture
def _fresh(clock: Clock) -> None:  # noqa: ARG001  # the provider is made at the test's time
    _begin_again()


def _begin_again() -> None:
    aws.empty()
    aws.fill()


@pytest.fixture
def slot(api: Api, _fresh: None) -> str:
    return api.a_slot()


def _refused(answer: HTTPResponse, status: int = 400, code: str = "invalid-request") -> None:
    assert (answer.status_code, answer.json_body["code"]) == (status, code), answer.body


def _damaged(text: str) -> Iterator[str]:
    """The text cut, with each character changed, and with more behind it."""
    yield from (text[:length] for length in range(1, len(text)))
    for position, character in enumerate(text):
        other = ALPHABET[(ALPHABET.index(character) + 7) % len(ALPHABET)]
        yield text[:position] + other + text[position + 1 :]
    yield from (text + tail for tail in ("A", "AAAA", "%3D", "%00", "%0A", "%20", "."))


@pytest.mark.parametrize(("method", "path", "who"), BODIES)
@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b"}",
        b"x",
        b"'",
        b"{]",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"name": 1e}',
        b"NaN",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"name": "\xff"}',
        b'{"clientId": "\xed\xa0\x80"}',
        '{"clientId": "\\ud800"}',
        '{"name": "\\udfff"}',
        '{"providerId": "a\tb"}',
        "{}{}",
    ],
)
def test_what_is_no_json_is_malformed(api: Api, method: str, path: str, who: str, body: bytes | str) -> None:
    answer = api.call(method, path, who, body)

    assert answer.status_code == 400
    assert answer.json_body["code"] in ("malformed-json", "invalid-request")


@pytest.mark.parametrize(("method", "path", "who"), [BODIES[0], BODIES[2]])
def test_a_body_that_must_be_may_not_be_empty(api: Api, method: str, path: str, who: str) -> None:
    _refused(api.call(method, path, who, b""), code="malformed-json")


@pytest.mark.parametrize(("method", "path", "who"), BODIES)
@pytest.mark.parametrize("body", [[], "text", 1, 1.5, True, None, [[]], [{}]])
def test_a_body_that_is_no_object_is_refused(api: Api, method: str, path: str, who: str, body: Any) -> None:
    _refused(api.call(method, path, who, json.dumps(body)))


@pytest.mark.parametrize(("method", "path", "who"), BODIES)
@pytest.mark.parametrize(
    "opening", ["[", '{"a":', '{"name":[', '{"clientId":[', '{"slots":[', '{"slots":[{"startTime":[']
)
def test_a_body_nested_deep_is_refused(api: Api, method: str, path: str, who: str, opening: str) -> None:
    body = opening + "[" * TOO_DEEP

    answer = api.call(method, path, who, body)

    assert answer.status_code == 400


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_whole_document_nested_deep_is_refused(api: Api, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    body = opening * 40_000 + "1" + closing * 40_000

    _refused(api.post("/appointments", provider(), body))


@pytest.mark.parametrize(("method", "path", "who"), BODIES)
@pytest.mark.parametrize("size", [256 * 1024 + 1, 1_000_000])
def test_a_body_that_is_too_large_is_413(api: Api, method: str, path: str, who: str, size: int) -> None:
    _refused(api.call(method, path, who, b" " * size), 413, "payload-too-large")


@pytest.mark.usefixtures("_fresh")
def test_a_body_of_just_the_size_that_may_be_is_read(api: Api) -> None:
    body = json.dumps(PUBLISH).encode().ljust(256 * 1024)

    assert api.post("/appointments", provider(), body).status_code == 201


@pytest.mark.parametrize(("method", "path", "who"), BODIES)
@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "",
        ";",
        "/",
        "json",
        "application",
        "application/x-www-form-urlencoded",
        "application/problem+json",
        "application/octet-stream",
        "application/json, text/plain",
        "*/*",
        "application/jsonx",
        "\ud800",
        "x" * 10_000,
    ],
)
def test_a_body_of_another_media_type_is_415(api: Api, method: str, path: str, who: str, media_type: str) -> None:
    _refused(api.call(method, path, who, PUBLISH, {"content-type": media_type}), 415, "unsupported-media-type")


@pytest.mark.parametrize("media_type", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8"])
@pytest.mark.usefixtures("_fresh")
def test_json_may_be_named_so(api: Api, media_type: str) -> None:
    assert api.post("/appointments", provider(), PUBLISH, content_type=media_type).status_code == 201


@pytest.mark.parametrize(("path", "who"), [*((f"{path}?limit=1", who) for path, who in LISTS), ("/health", None)])
def test_a_read_does_not_mind_a_content_type(api: Api, path: str, who: str | None) -> None:
    assert api.get(path, who, content_type="text/plain").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"providerId": 1234}, "/providerId"),
        ({"providerId": None}, "/providerId"),
        ({"providerId": ["1234"]}, "/providerId"),
        ({"providerId": ""}, "/providerId"),
        ({"providerId": "1234\n"}, "/providerId"),
        ({"providerId": "12\x0034"}, "/providerId"),
        ({"providerId": "12 34"}, "/providerId"),
        ({"providerId": "\u0661"}, "/providerId"),
        ({"providerId": "A" * 129}, "/providerId"),
        ({"slots": {}}, "/slots"),
        ({"slots": None}, "/slots"),
        ({"slots": "x"}, "/slots"),
        ({"slots": [1]}, "/slots/0"),
        ({"slots": [NINE, None]}, "/slots/1"),
        ({"slots": [[]]}, "/slots/0"),
        ({"slots": [NINE] * 91}, "/slots"),
        ({"slotMinutes": "30"}, "/slotMinutes"),
        ({"slotMinutes": 1.5}, "/slotMinutes"),
        ({"slotMinutes": True}, "/slotMinutes"),
        ({"slotMinutes": [30]}, "/slotMinutes"),
        ({"slotMinutes": 10**40}, "/slotMinutes"),
        ({"slotMinutes": -(10**40)}, "/slotMinutes"),
        ({"slotMinutes": 1e308}, "/slotMinutes"),
        ({"slots": [NINE | {"x": 1}]}, "/slots/0/x"),
        ({"slots": [NINE | {"start_time": 1}]}, "/slots/0/start_time"),
        ({"slots": [NINE | {"a/b~c": 1}]}, "/slots/0/a~1b~0c"),
        ({"slots": [NINE, NINE | {"": 1}]}, "/slots/1/"),
        ({"x": 1}, "/x"),
        ({"x": {"y": [1, {"z": None}]}}, "/x"),
        ({"provider_id": "1234"}, "/provider_id"),
        ({"ProviderId": "1234"}, "/ProviderId"),
        ({"__proto__": {}}, "/__proto__"),
    ],
)
def test_a_publish_with_a_wrong_member_names_it(api: Api, body: dict[str, Any], pointer: str) -> None:
    answer = api.post("/appointments", provider(), PUBLISH | body)

    _refused(answer)
    assert answer.json_body["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"clientId": 1}, "/clientId"),
        ({"clientId": []}, "/clientId"),
        ({"clientId": ""}, "/clientId"),
        ({"clientId": "-"}, "/clientId"),
        ({"clientId": "alice\n"}, "/clientId"),
        ({"clientId": "\nalice"}, "/clientId"),
        ({"clientId": "ali\x00ce"}, "/clientId"),
        ({"clientId": "a#b"}, "/clientId"),
        ({"clientId": "a/b"}, "/clientId"),
        ({"clientId": "\u0661"}, "/clientId"),
        ({"clientId": "\U0001f986"}, "/clientId"),
        ({"clientId": "A" * 129}, "/clientId"),
        ({"x": None}, "/x"),
        ({"client_id": "alice"}, "/client_id"),
    ],
)
def test_a_reserve_with_a_wrong_member_names_it(api: Api, body: dict[str, Any], pointer: str) -> None:
    answer = api.post("/appointments/apt_x/reservations", ADMIN, body)

    _refused(answer)
    assert answer.json_body["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("member", ["startTime", "endTime"])
@pytest.mark.parametrize(
    "time",
    [
        None,
        1,
        1.5,
        True,
        [],
        {},
        "",
        "now",
        "2027-01-02",
        "09:00:00Z",
        "2027-01-02T09:00:00",
        "2027-01-02T09:00:00.5Z",
        "2027-01-02T09:00:00.000001Z",
        "2027-01-02T09:00Z",
        "2027-01-02T9:00:00Z",
        "2027-1-2T09:00:00Z",
        "27-01-02T09:00:00Z",
        "20270102T090000Z",
        "2027-W01-6T09:00:00Z",
        "2027-01-02T24:00:00Z",
        "2027-01-02T09:60:00Z",
        "2027-01-02T09:00:60Z",
        "2027-02-29T09:00:00Z",
        "2027-13-01T09:00:00Z",
        "2027-00-01T09:00:00Z",
        "2027-01-02T09:00:00+25:00",
        "2027-01-02T09:00:00+02",
        "2027-01-02T09:00:00+02:00:00",
        "2027-01-02T09:00:00 Europe/Vienna",
        "2027-01-02T09:00:00Z\n",
        " 2027-01-02T09:00:00Z",
        "2027-01-02T09:00:00Z\u0000",
        "\u0662\u0660\u0662\u0667-01-02T09:00:00Z",
        "10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "-2027-01-02T09:00:00Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00",
        "9999-12-31T23:59:59-23:59",
        "1969-12-31T23:59:59Z",
        "1" * 100_000,
    ],
)
def test_a_slot_at_what_is_no_time_to_publish_is_refused(api: Api, member: str, time: Any) -> None:
    answer = api.post("/appointments", provider(), {"providerId": "1234", "slots": [NINE | {member: time}]})

    _refused(answer)
    assert answer.json_body["errors"][0]["pointer"].startswith("/slots/0")


def test_the_longest_interval_there_is_is_refused(api: Api) -> None:
    ages = {"startTime": "0001-01-01T00:00:00+14:00", "endTime": "9999-12-31T23:59:59-12:00"}

    _refused(api.post("/appointments", provider(), {"providerId": "1234", "slots": [ages], "slotMinutes": 1}))


@pytest.mark.parametrize(("path", "who"), LISTS)
@pytest.mark.parametrize(
    "limit",
    [
        "",
        "0",
        "-1",
        "101",
        "1e1",
        "+5",
        " 5",
        "5 ",
        "5\n",
        "5.0",
        "5,6",
        "0x5",
        "1_0",
        "ten",
        "null",
        "NaN",
        "\u0661\u0660",
        "\uff15",
        "\u00b2",
        "5\0",
        "9" * 30,
        "9" * 5_000,
    ],
)
def test_a_limit_that_is_no_number_from_1_to_100_is_refused(api: Api, path: str, who: str, limit: str) -> None:
    answer = api.get(f"{path}?limit={quote(limit)}", who)

    _refused(answer)
    assert answer.json_body["errors"][0]["pointer"] == "/limit"


@pytest.mark.parametrize(("path", "who"), LISTS)
@pytest.mark.parametrize("limit", ["+5", "\ud800"])
def test_a_limit_that_was_not_percent_encoded_is_refused(api: Api, path: str, who: str, limit: str) -> None:
    _refused(api.get(f"{path}?limit={limit}", who))


@pytest.mark.parametrize(("path", "who"), SLOT_LISTS)
@pytest.mark.parametrize("name", ["start", "end"])
@pytest.mark.parametrize(
    "time",
    [
        "",
        "now",
        "0",
        "1798794000",
        "2027-01-02",
        "2027-01-02T09:00:00",
        "2027-01-02T09:00:00.5Z",
        "2027-01-02T09:00:60Z",
        "2027-02-30T09:00:00Z",
        "2027-01-02T09:00:00+25:00",
        "10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        '"2027-01-02T09:00:00Z"',
        "2027-01-02T09:00:00Z\0",
        "2027-01-02T09:00:00Z\n",
        "\u0662027-01-02T09:00:00Z",
        "Z" * 20_000,
    ],
)
def test_a_start_or_end_that_is_no_time_is_refused(api: Api, path: str, who: str, name: str, time: str) -> None:
    answer = api.get(f"{path}?limit=1&{name}={quote(time)}", who)

    _refused(answer)
    assert answer.json_body["errors"][0]["pointer"] == f"/{name}"


@pytest.mark.parametrize(("path", "who"), SLOT_LISTS)
@pytest.mark.parametrize("name", ["start", "end"])
@pytest.mark.parametrize(
    "time",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00-23:59",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_a_list_from_or_to_the_end_of_time_is_answered(api: Api, path: str, who: str, name: str, time: str) -> None:
    assert api.get(f"{path}?limit=1&{name}={quote(time)}", who).status_code == 200


@pytest.mark.parametrize(("path", "who"), LISTS)
@pytest.mark.parametrize("query", ["limit=5&limit=6", "limit=5&x=1&x=2", "limit=5&&", "limit=5&=", "x=%ff&limit=5"])
def test_what_is_repeated_or_unknown_in_a_query_does_no_harm(api: Api, path: str, who: str, query: str) -> None:
    assert api.get(f"{path}?{query}", who).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "limit=5&limit=x",
        "limit=x&limit=5",
        "limit=1&cursor=a&cursor=b",
        "limit=1&start=x&start=y",
        "limit=1&start=2027-01-03T00:00:00Z&end=2027-01-02T00:00:00Z&end=2027-01-01T00:00:00Z",
    ],
)
def test_what_is_repeated_and_wrong_is_no_error_of_ours(api: Api, query: str) -> None:
    assert api.get(f"/appointments/1234?{query}", client()).status_code in (200, 400)


@pytest.mark.parametrize(
    "nonsense", ["%00", "%0A", "%", "%zz", "%ED%A0%80", "%FF", "..", "%2F", "\ud800", "x" * 20_000]
)
@pytest.mark.parametrize(
    ("method", "path", "who"),
    [
        ("GET", "/appointments/{}?limit=1", client()),
        ("POST", "/appointments/{}/reservations", client()),
        ("PUT", "/reservations/{}/confirm", client()),
        ("GET", "/reservations/{}", client()),
        ("DELETE", "/reservations/{}", client()),
        ("GET", "/providers/1234/appointments/{}", provider()),
        ("GET", "/providers/{}", client()),
    ],
)
def test_nonsense_in_a_path_is_not_found(api: Api, method: str, path: str, who: str, nonsense: str) -> None:
    answer = api.call(method, path.format(nonsense), who)

    _refused(answer, 404, "not-found")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("nonsense", ["%00", "%0A", "%", "%ED%A0%80", "%2F", "\ud800", "1234%0A", "%201234"])
def test_nonsense_for_a_provider_whose_calendar_it_is_gives_nothing_away(api: Api, nonsense: str) -> None:
    assert api.get(f"/providers/{nonsense}/appointments?limit=1", provider()).status_code in (403, 404)


def test_a_damaged_appointment_id_is_not_found(api: Api, slot: str) -> None:
    for damaged in _damaged(slot):
        _refused(api.reserve(damaged), 404, "not-found")
        _refused(api.get(f"/providers/1234/appointments/{damaged}", provider()), 404, "not-found")


def test_a_damaged_reservation_id_is_not_found(api: Api, slot: str) -> None:
    hold = api.a_hold(slot)

    for damaged in _damaged(hold):
        _refused(api.read(damaged), 404, "not-found")


@pytest.mark.parametrize("act", [Api.confirm, Api.cancel])
def test_no_damaged_reservation_id_changes_anything(api: Api, slot: str, act: Any) -> None:
    hold = api.a_hold(slot)

    for damaged in list(_damaged(hold))[::3]:
        _refused(act(api, damaged), 404, "not-found")

    assert api.read(hold).json_body["status"] == "reserved"


@pytest.fixture
def three_slots(api: Api, _fresh: None) -> list[str]:
    """Of provider 1234."""
    slots = api.publish(("2027-01-02T09:00:00Z", "2027-01-02T10:30:00Z"), slotMinutes=30).json_body["appointments"]
    return [slot["appointmentId"] for slot in slots]


def _cursor(api: Api, path: str, who: str) -> str:
    """Of the second page of the list."""
    mark = "&" if "?" in path else "?"
    cursor = api.get(f"{path}{mark}limit=1", who).json_body["nextCursor"]
    assert cursor
    return str(cursor)


@pytest.mark.parametrize(("path", "who"), LISTS)
@pytest.mark.parametrize("text", ["", "x", "=", " ", "%00", "%ff", "null", "\ud800", "%D9%A1", "A" * 5_000, "../.."])
def test_what_is_no_cursor_is_refused(api: Api, path: str, who: str, text: str) -> None:
    _refused(api.get(f"{path}?limit=1&cursor={text}", who), code="invalid-cursor")


@pytest.mark.parametrize(("path", "who"), LISTS)
def test_a_damaged_cursor_is_refused(api: Api, three_slots: list[str], path: str, who: str) -> None:
    for slot in three_slots:
        if path == "/reservations":
            api.a_hold(slot)
    cursor = _cursor(api, path, who)

    for damaged in _damaged(cursor):
        _refused(api.get(f"{path}?limit=1&cursor={damaged}", who), code="invalid-cursor")


@pytest.mark.parametrize(
    ("of", "at", "who"),
    [
        ("/appointments/1234", "/appointments/5678?x=", client()),
        ("/appointments/1234", "/providers/1234/appointments?x=", provider()),
        ("/appointments/1234", "/reservations?x=", client()),
        ("/appointments/1234", "/appointments/1234?start=2027-01-02T00:00:00Z", client()),
        ("/appointments/1234", "/appointments/1234?end=2027-01-03T00:00:00Z", client()),
        ("/appointments/1234?start=2027-01-02T00:00:00Z", "/appointments/1234?x=", client()),
        (
            "/appointments/1234?start=2027-01-02T00:00:00Z",
            "/appointments/1234?start=2027-01-02T00:00:01Z",
            client(),
        ),
        (
            "/appointments/1234?start=2027-01-02T00:00:00Z",
            "/appointments/1234?end=2027-01-02T00:00:00Z",
            client(),
        ),
    ],
)
def test_another_lists_cursor_is_refused(api: Api, three_slots: list[str], of: str, at: str, who: str) -> None:
    assert three_slots
    api.put("/providers/5678", ADMIN, PROVIDER)
    cursor = _cursor(api, of, who)

    _refused(api.get(f"{at}&limit=1&cursor={cursor}", who), code="invalid-cursor")


def test_the_calendars_cursor_is_no_cursor_of_the_public_list(api: Api, three_slots: list[str]) -> None:
    assert three_slots
    cursor = _cursor(api, "/providers/1234/appointments", provider())

    _refused(api.get(f"/appointments/1234?limit=1&cursor={cursor}", provider()), code="invalid-cursor")


def test_another_clients_cursor_is_refused(api: Api, three_slots: list[str]) -> None:
    for slot in three_slots:
        api.a_hold(slot)
    cursor = _cursor(api, "/reservations", client())

    _refused(api.get(f"/reservations?limit=1&cursor={cursor}", client("bob")), code="invalid-cursor")


def test_the_same_filter_written_otherwise_is_the_same_list(api: Api, three_slots: list[str]) -> None:
    assert three_slots
    cursor = _cursor(api, "/appointments/1234?start=2027-01-02T09:00:00Z", client())

    again = api.get(f"/appointments/1234?start=2027-01-02T10:00:00%2B01:00&limit=2&cursor={cursor}", client())

    assert len(again.json_body["appointments"]) == 2


def _forged(path: str, place: str) -> str:
    """A cursor with a right check, which is no secret."""
    match path:
        case "/appointments/1234":
            return cursors.cursor(place, "GET /appointments/{ref}", "1234", None, None)
        case "/providers/1234/appointments":
            return cursors.cursor(place, "GET /providers/{providerId}/appointments", "1234", None, None)
        case _:
            return cursors.cursor(place, "GET /reservations", "alice")


@pytest.mark.parametrize(
    ("path", "who", "place"),
    [
        (*SLOT_LISTS[0], "1798880400"),
        (*SLOT_LISTS[1], "1798880400"),
        (*LISTS[2], "1234/APPT#2027-01-02T09:00:00Z"),
    ],
)
def test_the_forgery_of_these_tests_is_a_good_one(api: Api, path: str, who: str, place: str) -> None:
    assert api.get(f"{path}?limit=1&cursor={_forged(path, place)}", who).status_code == 200


@pytest.mark.parametrize(("path", "who"), SLOT_LISTS)
@pytest.mark.parametrize(
    "place",
    [
        "",
        "x",
        "-1",
        "+1",
        " 1",
        "1.5",
        "1e9",
        "01",
        "1_0",
        "\u0661",
        "-99999999999999999",
        "253402300800",
        "9" * 30,
        "9" * 500,
        "2027-01-02T09:00:00Z",
        "\0",
    ],
)
def test_a_forged_place_in_a_list_of_slots_is_refused(api: Api, path: str, who: str, place: str) -> None:
    _refused(api.get(f"{path}?limit=1&cursor={_forged(path, place)}", who), code="invalid-cursor")


@pytest.mark.parametrize(
    "place",
    [
        "",
        "/",
        "x",
        "1234",
        "1234/",
        "1234/PROFILE",
        "1234/APPT#x",
        "1234/APPT#",
        "1234/APPT#2027-01-02",
        "1234/APPT#2027-13-02T09:00:00Z",
        "1234/APPT#2027-01-02T09:00:00+01:00",
        "1234/APPT#2027-01-02T09:00:00Z#nonce",
        "1234/DAY#2027-01-02",
        "1234/KEY#x",
        "1234/ENDED#2027-01-02T09:00:00Z",
        "1234/ENDED#2027-01-02T09:00:00Z#",
        "a b/APPT#2027-01-02T09:00:00Z",
        "/APPT#2027-01-02T09:00:00Z",
        "1234/x/APPT#2027-01-02T09:00:00Z",
        "1234/APPT#2027-01-02T09:00:00Z\n",
    ],
)
def test_a_forged_place_in_a_list_of_reservations_is_refused(api: Api, place: str) -> None:
    answer = api.get(f"/reservations?limit=1&cursor={_forged('/reservations', place)}", client())

    _refused(answer, code="invalid-cursor")


def test_a_forged_place_shows_nothing_of_another_client(api: Api, three_slots: list[str]) -> None:
    api.a_hold(three_slots[1], client("bob"))

    answer = api.get(
        f"/reservations?limit=100&cursor={_forged('/reservations', '1234/APPT#1970-01-01T00:00:00Z')}", client()
    )

    assert answer.json_body["reservations"] == []


@pytest.mark.parametrize(
    "if_match",
    ['"' + "9" * 200_000 + '"', '"' + "x" * 200_000 + '"', ", ".join(['W/"1"'] * 40), '"999999999999999"', '"0"', '""'],
)
def test_an_if_match_that_names_no_version_of_it_fails(api: Api, slot: str, if_match: str) -> None:
    hold = api.a_hold(slot)

    _refused(api.confirm(hold, if_match=if_match), 412, "precondition-failed")
    _refused(api.cancel(hold, if_match=if_match), 412, "precondition-failed")


@pytest.mark.parametrize(
    "if_match",
    [
        "",
        "1",
        '"1',
        "x" * 200_000,
        '"1"' * 1_000,
        "\ud800",
        '"\ud800"',
        "\0",
        ", ".join(f'"{version}"' for version in range(1, 151)),
        ", ".join(f'"{version}"' for version in range(1, 20_001)),
        "," * 100_000,
        '"' * 100_001,
        '" ' * 50_000,
    ],
)
def test_an_if_match_that_cannot_be_read_is_refused(api: Api, if_match: str) -> None:
    _refused(api.confirm("res_x", if_match=if_match))
    _refused(api.cancel("res_x", if_match=if_match))
    _refused(api.put("/providers/5678", ADMIN, PROVIDER, if_match=if_match))


@pytest.mark.parametrize("header", ["x", "", '"a', "\ud800", "\0", "x" * 100_000])
def test_an_if_none_match_that_cannot_be_read_is_refused(api: Api, header: str) -> None:
    _refused(api.get("/appointments/1234?limit=1", client(), if_none_match=header))


@pytest.mark.parametrize("key", ["", " ", "a b", '"a', "\ud800", "\u0661", "\0", "x" * 256, "x" * 100_000])
def test_an_idempotency_key_that_cannot_be_read_is_refused(api: Api, key: str) -> None:
    _refused(api.post("/appointments", provider(), PUBLISH, idempotency_key=key))
    _refused(api.reserve("apt_x", idempotency_key=key))


@pytest.mark.parametrize("name", ["accept", "host", "x-forwarded-for", "user-agent", "origin", "x-amzn-trace-id"])
@pytest.mark.parametrize("value", ["", "\ud800", "\0", "é", "x" * 50_000])
def test_other_headers_do_no_harm(api: Api, name: str, value: str) -> None:
    assert api.call("GET", "/appointments/1234?limit=1", client(), headers={name: value}).status_code == 200


@pytest.mark.parametrize("name", ["Ordination\u0000", "a\u0007b", "\u202egnidnoforp", "\U0001f986", "é\u0301"])
@pytest.mark.usefixtures("_fresh")
def test_a_name_of_any_characters_is_kept(api: Api, name: str) -> None:
    made = api.put("/providers/5678", ADMIN, PROVIDER | {"name": name})

    assert made.status_code in (201, 400)
    assert made.status_code == 400 or api.get("/providers/5678", client()).json_body["name"] == name
