import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from chalicelib import clock as clock_module
from chalicelib.store.items import AVAILABLE, Appointment, appointment_key
from chalicelib.store.table import table
from tests.support import START, Api, Clock, DynamoDB, client, provider

BOOKABLE = "/appointments/1234"
CALENDAR = "/providers/1234/appointments"
OWN = "/reservations"
LISTS = [(BOOKABLE, client()), (CALENDAR, provider()), (OWN, client())]
COUNT = 5


def _things(page: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page["appointments"] if "appointments" in page else page["reservations"]
    return found


def _walk(api: Api, path: str, who: str, query: str) -> Iterator[list[dict[str, Any]]]:
    """The pages of a list, one after the other, by their cursors."""
    cursor = ""
    for _ in range(1_000):
        page = api.get(f"{path}?{query}{cursor}", who).json_body
        yield _things(page)
        if page["nextCursor"] is None:
            return
        cursor = f"&cursor={page['nextCursor']}"
    raise AssertionError("the walk never ends")


def _publish(api: Api, count: int, day: int = 2, minutes: int = 5) -> list[str]:
    """Ids of so many slots, one after the other, from midnight on."""
    hours, rest = divmod(count * minutes, 60)
    answer = api.publish(
        (f"2027-01-{day:02}T00:00:00Z", f"2027-01-{day:02}T{hours:02}:{rest:02}:00Z"), slotMinutes=minutes
    )
    assert answer.status_code == 201, answer.body
    return [slot["appointmentId"] for slot in answer.json_body["appointments"]]


def _book(api: Api, slot: str, who: str) -> None:
    assert api.confirm(api.a_hold(slot, who), who).status_code == 200


def _seed_closed(count: int) -> None:
    """So many slots that every list of what is bookable must look at and pass by."""
    with Appointment.batch_write() as batch:
        for start in range(START + 86_400, START + 86_400 + count * 60, 60):
            batch.save(
                Appointment(
                    *appointment_key("1234", start),
                    generation="AAAAAAAA",
                    start=clock_module.iso(start),
                    end=clock_module.iso(start + 60),
                    status=AVAILABLE,
                    version=1,
                    hold_seconds=1_800,
                    bookable_until=START,
                )
            )


@pytest.fixture
def slots(api: Api) -> list[str]:
    """Five of them, free."""
    return _publish(api, COUNT)


@pytest.fixture
def filled(api: Api, request: pytest.FixtureRequest, slots: list[str]) -> tuple[str, str]:
    """A list with five things in it, and who may see it."""
    path, who = request.param
    if path == OWN:
        for slot in slots:
            api.a_hold(slot, who)
    return path, who


every_list = pytest.mark.parametrize("filled", LISTS, indirect=True, ids=lambda a_list: a_list[0])


@every_list
@pytest.mark.parametrize("limit", [*range(1, COUNT + 2), 100])
def test_a_walk_shows_everything_once_and_in_order(api: Api, filled: tuple[str, str], limit: int) -> None:
    path, who = filled

    pages = list(_walk(api, path, who, f"limit={limit}"))

    starts = [thing["startTime"] for page in pages for thing in page]
    assert len(starts) == COUNT
    assert all(one < other for one, other in pairwise(starts))
    assert all(len(page) <= limit for page in pages)


@every_list
def test_a_limit_may_change_on_the_way(api: Api, filled: tuple[str, str]) -> None:
    path, who = filled
    first = api.get(f"{path}?limit=2", who).json_body

    rest = api.get(f"{path}?limit=100&cursor={first['nextCursor']}", who).json_body

    assert (len(_things(rest)), rest["nextCursor"]) == (COUNT - 2, None)


@every_list
def test_a_cursor_may_be_used_again(api: Api, filled: tuple[str, str]) -> None:
    path, who = filled
    cursor = api.get(f"{path}?limit=2", who).json_body["nextCursor"]

    pages = [api.get(f"{path}?limit=2&cursor={cursor}", who).json_body for _ in range(2)]

    assert pages[0] == pages[1]


@every_list
def test_a_cursor_is_good_at_any_later_time(api: Api, clock: Clock, filled: tuple[str, str]) -> None:
    path, who = filled
    cursor = api.get(f"{path}?limit=2", who).json_body["nextCursor"]

    clock.advance(hours=3)

    assert len(_things(api.get(f"{path}?limit=100&cursor={cursor}", who).json_body)) == COUNT - 2


@every_list
def test_the_link_leads_to_the_next_page(api: Api, filled: tuple[str, str]) -> None:
    path, who = filled
    first = api.get(f"{path}?limit=2", who)
    link = re.fullmatch(r'<(?P<target>[^>]+)>; rel="next"', first.headers["Link"])
    assert link

    followed = api.get(link["target"], who)

    by_cursor = api.get(f"{path}?limit=2&cursor={first.json_body['nextCursor']}", who)
    assert followed.json_body == by_cursor.json_body
    assert len(_things(followed.json_body)) == 2


@every_list
def test_the_last_page_has_no_link(api: Api, filled: tuple[str, str]) -> None:
    path, who = filled

    last = api.get(f"{path}?limit=100", who)

    assert last.json_body["nextCursor"] is None
    assert "Link" not in last.headers


@pytest.mark.parametrize(("path", "who"), LISTS[:2])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_the_links_keep_the_filter(api: Api, slots: list[str], path: str, who: str, limit: int) -> None:
    target = f"{path}?limit={limit}&start=2027-01-02T01:05:00%2B01:00&end=2027-01-02T00:20:00Z"
    seen: list[str] = []

    while target:
        answer = api.get(target, who)
        seen += [slot["appointmentId"] for slot in answer.json_body["appointments"]]
        target = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")

    assert seen == slots[1:4]


@pytest.mark.parametrize("seed", range(3))
def test_slots_that_are_booked_during_a_walk_make_it_neither_skip_nor_repeat(api: Api, seed: int) -> None:
    random = Random(seed)  # noqa: S311  # a test that can be repeated
    published = _publish(api, 20)
    taken: set[str] = set()
    shown: list[str] = []

    for number, page in enumerate(_walk(api, BOOKABLE, client(), f"limit={random.randint(1, 4)}")):
        shown += [slot["appointmentId"] for slot in page]
        for slot in random.sample([slot for slot in published if slot not in taken], 2 if number < 6 else 0):
            _book(api, slot, client(f"client{number}"))
            taken.add(slot)

    assert len(set(shown)) == len(shown)
    assert [slot for slot in published if slot not in taken] == [slot for slot in shown if slot not in taken]


def test_slots_that_come_free_behind_a_walk_do_not_come_back(api: Api, slots: list[str]) -> None:
    holds = {slot: api.a_hold(slot, client(slot[-20:-10])) for slot in slots[1:4]}
    shown: list[str] = []

    for page in _walk(api, BOOKABLE, client(), "limit=2"):
        shown += [slot["appointmentId"] for slot in page]
        if slots[1] in holds:
            api.cancel(holds.pop(slots[1]), client(slots[1][-20:-10]))

    assert len(set(shown)) == len(shown)
    assert {slots[0], *slots[4:]} <= set(shown)


def test_slots_that_are_published_behind_a_walk_do_not_make_it_repeat(api: Api) -> None:
    late = _publish(api, 4, day=3)
    pages = _walk(api, BOOKABLE, client(), "limit=2")
    shown = [slot["appointmentId"] for slot in next(pages)]

    _publish(api, 4, day=2)
    shown += [slot["appointmentId"] for page in pages for slot in page]

    assert shown == late


def test_slots_that_are_booked_during_a_walk_of_the_calendar_stay_in_it(api: Api, slots: list[str]) -> None:
    shown: list[str] = []

    for page in _walk(api, CALENDAR, provider(), "limit=2"):
        shown += [slot["appointmentId"] for slot in page]
        _book(api, slots[len(shown) - 1], client(f"client{len(shown)}"))

    assert shown == slots


def test_reservations_that_are_made_behind_a_walk_do_not_make_it_repeat(api: Api) -> None:
    early, late = _publish(api, 2, day=2), _publish(api, 4, day=3)
    holds = [api.a_hold(slot) for slot in late]
    pages = _walk(api, OWN, client(), "limit=2")
    shown = [seen["reservationId"] for seen in next(pages)]

    api.a_hold(early[0])
    shown += [seen["reservationId"] for page in pages for seen in page]

    assert shown == holds


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_walk_shows_every_reservation_of_one_slot_once(api: Api, limit: int) -> None:
    slot = api.a_slot()
    holds = []
    for _ in range(4):
        holds.append(api.a_hold(slot))
        api.cancel(holds[-1])

    shown = [seen["reservationId"] for page in _walk(api, OWN, client(), f"limit={limit}") for seen in page]

    assert sorted(shown) == sorted(holds)


def test_a_page_where_most_is_free_is_one_query(api: Api, dynamodb: DynamoDB) -> None:
    published = _publish(api, 40)
    for number, slot in enumerate(published[:20:5]):
        _book(api, slot, client(f"client{number}"))

    with dynamodb.recorded() as sent:
        page = api.get(f"{BOOKABLE}?limit=20", client()).json_body

    assert sent == ["Query"]
    assert len(page["appointments"]) == 20


def test_a_page_where_little_is_free_is_four_queries_at_most_and_short(api: Api, dynamodb: DynamoDB) -> None:
    _seed_closed(300)

    with dynamodb.recorded() as sent:
        page = api.get(f"{BOOKABLE}?limit=1", client()).json_body

    assert sent == ["Query"] * 4
    assert page["appointments"] == []
    assert page["nextCursor"]


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_walk_through_short_and_empty_pages_comes_to_what_is_free(api: Api, dynamodb: DynamoDB, limit: int) -> None:
    _seed_closed(200)
    free = _publish(api, 3, day=3)
    queries: list[int] = []
    shown: list[str] = []

    with dynamodb.recorded() as sent:
        for page in _walk(api, BOOKABLE, client(), f"limit={limit}"):
            shown += [slot["appointmentId"] for slot in page]
            queries.append(sent.count("Query") - sum(queries))

    assert shown == free
    assert max(queries) <= 4


@pytest.mark.parametrize("path", [BOOKABLE, CALENDAR])
def test_an_empty_list_ends_at_once(api: Api, path: str) -> None:
    answer = api.get(f"{path}?limit=1", provider())

    assert answer.json_body == {"appointments": [], "nextCursor": None}
    assert "Link" not in answer.headers


def test_the_public_list_is_to_be_asked_for_again(api: Api) -> None:
    answer = api.get(f"{BOOKABLE}?limit=2", client())

    assert answer.headers["Cache-Control"] == "private, max-age=0, must-revalidate"


@every_list
def test_no_list_is_for_a_shared_cache(api: Api, filled: tuple[str, str]) -> None:
    path, who = filled

    answer = api.get(f"{path}?limit=2", who)

    assert {"private", "no-store"} & set(answer.headers["Cache-Control"].split(", "))


@every_list
def test_a_page_has_a_tag(api: Api, filled: tuple[str, str]) -> None:
    path, who = filled

    answer = api.get(f"{path}?limit=2", who)

    assert re.fullmatch(r'"[^"]+"', answer.headers["ETag"])


@every_list
@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
def test_a_page_that_is_known_is_304_with_its_headers(api: Api, filled: tuple[str, str], form: str) -> None:
    path, who = filled
    first = api.get(f"{path}?limit=2", who)

    again = api.get(f"{path}?limit=2", who, if_none_match=form.format(first.headers["ETag"]))

    assert (again.status_code, again.body) == (304, b"")
    for name in ("ETag", "Cache-Control", "Link"):
        assert again.headers[name] == first.headers[name]


@every_list
def test_another_page_is_not_304(api: Api, filled: tuple[str, str]) -> None:
    path, who = filled
    tag = api.get(f"{path}?limit=2", who).headers["ETag"]

    assert api.get(f"{path}?limit=3", who, if_none_match=tag).status_code == 200


def test_a_page_that_has_changed_is_not_304(api: Api, slots: list[str]) -> None:
    tag = api.get(f"{BOOKABLE}?limit=100", client()).headers["ETag"]

    api.a_hold(slots[0])

    assert api.get(f"{BOOKABLE}?limit=100", client(), if_none_match=tag).status_code == 200


def test_a_page_changes_from_the_second_a_hold_is_over(api: Api, clock: Clock, slots: list[str]) -> None:
    api.a_hold(slots[0])
    tag = api.get(f"{BOOKABLE}?limit=100", client()).headers["ETag"]

    clock.advance(minutes=30)

    assert api.get(f"{BOOKABLE}?limit=100", client(), if_none_match=tag).status_code == 200


@pytest.mark.parametrize(("path", "who"), LISTS[:2])
@pytest.mark.parametrize(
    "query",
    [
        "limit=5&end=2020-01-01T00:00:00Z",
        "limit=5&end=2027-01-01T08:00:00Z",
        "limit=5&end=1970-01-01T00:00:00Z",
        "limit=1&start=2027-01-02T00:00:00Z&end=2027-01-02T00:00:01Z",
        "limit=1&end=2027-01-02T00:00:01Z",
        "limit=1&start=9999-12-31T23:59:59Z",
    ],
)
def test_no_query_is_of_a_stretch_that_ends_before_it_starts(
    api: Api, slots: list[str], path: str, who: str, query: str
) -> None:
    """DynamoDB refuses it; moto does not."""
    assert slots

    with _stretches_queried() as stretches:
        list(_walk(api, path, who, query))

    assert all(first <= last for first, last in stretches)


def test_no_query_looks_into_the_past(api: Api, clock: Clock, slots: list[str]) -> None:
    assert slots
    query = "limit=1&start=2020-01-01T00:00:00Z"
    cursor = api.get(f"{BOOKABLE}?{query}", client()).json_body["nextCursor"]
    clock.advance(days=3)

    with _stretches_queried() as stretches:
        api.get(f"{BOOKABLE}?{query}&cursor={cursor}", client())

    assert ["2027-01-04T08:00:00Z" in first for first, _ in stretches] == [True]


@contextmanager
def _stretches_queried() -> Iterator[list[tuple[str, str]]]:
    """The sort keys between which each query in the block looks."""
    found: list[tuple[str, str]] = []

    def handler(request: Any, **_: object) -> None:
        sent = json.loads(request.body)
        between = re.search(r"BETWEEN (:\w+) AND (:\w+)", sent["KeyConditionExpression"])
        assert between
        values = sent["ExpressionAttributeValues"]
        found.append((values[between[1]]["S"], values[between[2]]["S"]))

    events: Any = table.connection.client.meta.events
    events.register_first("before-send.dynamodb.Query", handler)
    try:
        yield found
    finally:
        events.unregister("before-send.dynamodb.Query", handler)


def test_the_check_of_stretches_sees_the_queries(api: Api, slots: list[str]) -> None:
    assert slots

    with _stretches_queried() as stretches:
        api.get(f"{CALENDAR}?limit=5&start=2027-01-02T00:00:00Z&end=2027-01-03T00:00:00Z", provider())

    [(first, last)] = stretches
    assert "2027-01-02T00:00:00Z" in first
    assert "2027-01-02T23:59:59Z" in last
