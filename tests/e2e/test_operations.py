"""Every operation of the contract, deployed."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from chalicelib.web.openapi import document
from tests.e2e.client import ADMIN, ALICE, Answer, Api, a_client, the_day_after_tomorrow


@dataclass(frozen=True)
class World:
    """A provider with a slot that is free, one that is held and one that is confirmed."""

    api: Api
    provider_id: str
    client: str
    free: str
    held: str
    confirmed: str

    @property
    def provider(self) -> str:
        return f"provider:{self.provider_id}"

    def path(self, slot: str) -> str:
        return f"/providers/{self.provider_id}/appointments/{slot}"


@pytest.fixture
def world(api: Api) -> World:
    provider_id, client = api.a_provider(), a_client()
    free, held, confirmed = api.slots(provider_id, 3)
    booking = api.a_hold(confirmed, client)
    assert api("PUT", f"/reservations/{booking}/confirm", client).status == 200
    return World(api, provider_id, client, free, api.a_hold(held, client), booking)


Operation = Callable[[World], Answer]
OPERATIONS: dict[str, tuple[Operation, int]] = {
    "POST /appointments": (lambda w: w.api.publish(w.provider_id, the_day_after_tomorrow().replace(hour=20), 60), 201),
    "GET /appointments/{providerId}": (lambda w: w.api("GET", f"/appointments/{w.provider_id}?limit=9", ALICE), 200),
    "POST /appointments/{appointmentId}/reservations": (lambda w: w.api.reserve(w.free, w.client), 201),
    "PUT /reservations/{reservationId}/confirm": (
        lambda w: w.api("PUT", f"/reservations/{w.held}/confirm", w.client),
        200,
    ),
    "GET /reservations/{reservationId}": (lambda w: w.api("GET", f"/reservations/{w.held}", w.client), 200),
    "DELETE /reservations/{reservationId}": (lambda w: w.api("DELETE", f"/reservations/{w.confirmed}", w.client), 200),
    "GET /reservations": (lambda w: w.api("GET", "/reservations?limit=9", w.client), 200),
    "GET /providers/{providerId}/appointments": (
        lambda w: w.api("GET", f"/providers/{w.provider_id}/appointments?limit=9", w.provider),
        200,
    ),
    "GET /providers/{providerId}/appointments/{appointmentId}": (
        lambda w: w.api("GET", w.path(w.free), w.provider),
        200,
    ),
    "PATCH /providers/{providerId}/appointments/{appointmentId}": (
        lambda w: w.api(
            "PATCH",
            w.path(w.free),
            w.provider,
            {
                "startTime": the_day_after_tomorrow().replace(hour=22).isoformat(),
                "endTime": the_day_after_tomorrow().replace(hour=23).isoformat(),
            },
            {"If-Match": '"1"'},
        ),
        200,
    ),
    "DELETE /providers/{providerId}/appointments/{appointmentId}": (
        lambda w: w.api("DELETE", w.path(w.free), w.provider, headers={"If-Match": '"1"'}),
        204,
    ),
    "PUT /providers/{providerId}": (
        lambda w: w.api("PUT", f"/providers/{w.provider_id}", ADMIN, {"name": "New", "timeZone": "Asia/Kathmandu"}),
        200,
    ),
    "GET /providers/{providerId}": (lambda w: w.api("GET", f"/providers/{w.provider_id}", ALICE), 200),
    "GET /health": (lambda w: w.api("GET", "/health"), 200),
    "GET /openapi.json": (lambda w: w.api("GET", "/openapi.json"), 200),
    "GET /docs": (lambda w: w.api("GET", "/docs"), 200),
    "GET /docs/{file}": (lambda w: w.api("GET", "/docs/swagger-ui-bundle.js"), 200),
    "GET /problems/{code}": (lambda w: w.api("GET", "/problems/hold-limit"), 200),
}


@pytest.mark.parametrize(("operation", "status"), OPERATIONS.values(), ids=OPERATIONS)
def test_it_does_as_the_document_says(world: World, operation: Operation, status: int) -> None:
    assert operation(world).status == status


def test_no_operation_is_left_out() -> None:
    documented = {f"{method.upper()} {path}" for path, methods in document()["paths"].items() for method in methods}

    assert set(OPERATIONS) == documented


def test_location_carries_the_stage_and_leads_to_the_reservation(world: World) -> None:
    made = world.api.reserve(world.free, world.client)

    assert made.headers["location"].startswith("/api/reservations/res_")
    assert world.api.follow(made.headers["location"], world.client).body == made.body


def test_location_of_a_moved_slot_leads_to_it(world: World) -> None:
    moved = OPERATIONS["PATCH /providers/{providerId}/appointments/{appointmentId}"][0](world)

    assert moved.headers["location"].startswith(f"/api/providers/{world.provider_id}/appointments/apt_")
    assert world.api.follow(moved.headers["location"], world.provider).body == moved.body


def test_links_carry_the_stage_and_lead_through_the_whole_list(api: Api) -> None:
    provider_id = api.a_provider()
    slots = api.slots(provider_id, 5)
    page = api("GET", f"/appointments/{provider_id}?limit=2", ALICE)

    seen = [slot["appointmentId"] for slot in page.body["appointments"]]
    while "link" in page.headers:
        [link] = re.findall(r'<(/api/[^>]+)>; rel="next"', page.headers["link"])
        page = api.follow(link, ALICE)
        seen += [slot["appointmentId"] for slot in page.body["appointments"]]

    assert seen == slots
    assert page.body["nextCursor"] is None


def test_a_list_that_has_not_changed_is_not_sent_again(world: World) -> None:
    path = f"/appointments/{world.provider_id}?limit=9"
    seen = world.api("GET", path, ALICE)

    again = world.api("GET", path, ALICE, headers={"If-None-Match": seen.headers["etag"]})

    assert (again.status, again.raw) == (304, b"")


def test_a_repeated_reserve_is_one_reservation(world: World) -> None:
    first, again = (world.api.reserve(world.free, world.client, key="again") for _ in range(2))

    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert again.headers["idempotency-replayed"] == "true"


def test_a_slot_that_is_given_back_is_free_at_once(world: World) -> None:
    world.api("DELETE", f"/reservations/{world.confirmed}", world.client)

    free = world.api("GET", f"/appointments/{world.provider_id}?limit=9", ALICE).body["appointments"]

    assert len(free) == 2


def test_a_sixth_hold_is_one_too_many(api: Api) -> None:
    slots, client = api.slots(api.a_provider(), 6), a_client()

    answers = [api.reserve(slot, client) for slot in slots]

    assert [answer.status for answer in answers] == [201] * 5 + [429]
    assert answers[-1].body["code"] == "hold-limit"


def test_the_page_to_try_it_on_is_whole(api: Api) -> None:
    page = api("GET", "/docs").raw.decode()

    files = [file for file in re.findall(r'(?:src|href)="([^"]+)"', page) if "//" not in file]
    assert files
    for file in files:
        assert api.follow(f"/api/{file.removeprefix('./')}").status == 200, file


def test_a_browser_may_ask_first(api: Api) -> None:
    asked = api("OPTIONS", "/reservations", headers={"Origin": "https://clinic.example"})

    assert asked.status == 204
    assert asked.headers["allow"] == "GET, OPTIONS"
