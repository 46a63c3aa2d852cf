"""What is answered: bodies, statuses, and the headers that go with them."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from chalicelib.booking.errors import VersionMismatch
from chalicelib.booking.listing import Page
from chalicelib.booking.providers import Profile
from chalicelib.booking.publish import Published
from chalicelib.booking.reserve import Hold
from chalicelib.booking.state import Reservation, Slot
from chalicelib.store.ids import AppointmentId
from chalicelib.store.pages import Place
from chalicelib.web import etags, schemas
from chalicelib.web.calls import Call
from chalicelib.web.requests import full_path

REVALIDATE = {"Cache-Control": "private, max-age=0, must-revalidate"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a view answers."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def health() -> Reply:
    return _json(schemas.Health(status="ok"))


def published(done: Published) -> Reply:
    body = schemas.Published(appointments=[schemas.own_appointment(slot) for slot in done.slots])
    return _json(body, 201, _replayed(done))


def held(call: Call, hold: Hold) -> Reply:
    made = hold.reservation
    headers = {"Location": f"{call.prefix}/reservations/{made.id}", "ETag": etags.of_version(made.version)}
    return _json(schemas.reservation(made), 201, headers | _replayed(hold))


def reservation(call: Call, seen: Reservation) -> Reply:
    return _tagged(call, schemas.reservation(seen), seen.version)


def appointment(call: Call, slot: Slot) -> Reply:
    return _tagged(call, schemas.own_appointment(slot), slot.version)


def moved(call: Call, slot: Slot, old: AppointmentId) -> Reply:
    headers = {"ETag": etags.of_version(slot.version)}
    if slot.id != old:
        headers["Location"] = f"{call.prefix}/providers/{quote(slot.id.provider_id)}/appointments/{slot.id}"
    return _json(schemas.own_appointment(slot), headers=headers)


def deleted() -> Reply:
    return Reply(b"", 204)


def provider(call: Call, profile: Profile) -> Reply:
    return _tagged(call, schemas.provider(profile), profile.version)


def provider_put(profile: Profile) -> Reply:
    status = 201 if profile.version == 1 else 200
    return _json(schemas.provider(profile), status, {"ETag": etags.of_version(profile.version)})


def bookable(call: Call, page: Page[Slot, int], cursor: str | None) -> Reply:
    body = schemas.AppointmentPage([schemas.public_appointment(slot) for slot in page.things], cursor)
    return _page(call, body, cursor, REVALIDATE)


def calendar(call: Call, page: Page[Slot, int], cursor: str | None) -> Reply:
    body = schemas.AppointmentPage([schemas.own_appointment(slot) for slot in page.things], cursor)
    return _page(call, body, cursor)


def reservations(call: Call, page: Page[Reservation, Place], cursor: str | None) -> Reply:
    body = schemas.ReservationPage([schemas.reservation(seen) for seen in page.things], cursor)
    return _page(call, body, cursor)


def _page(call: Call, body: schemas.Answer, cursor: str | None, caching: dict[str, str] | None = None) -> Reply:
    raw = msgspec.json.encode(body)
    headers = (caching or {}) | {"ETag": etags.of_body(raw)} | _link_to_next(call, cursor)
    return unless_known(call, Reply(raw, headers=headers))


def _tagged(call: Call, body: schemas.Answer, version: int) -> Reply:
    """Raises VersionMismatch for a read under an `If-Match` of another version; a write has looked at it itself."""
    versions = call.if_match()
    if call.request.method == "GET" and versions and version not in versions:
        raise VersionMismatch
    return unless_known(call, _json(body, headers={"ETag": etags.of_version(version)}))


def unless_known(call: Call, reply: Reply) -> Reply:
    """The reply, or 304 to a read whose `If-None-Match` knows its tag."""
    known = call.request.method == "GET" and etags.matches(
        call.request.headers.get("if-none-match"), reply.headers["ETag"]
    )
    return Reply(b"", 304, reply.headers) if known else reply


def _json(body: schemas.Answer, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(msgspec.json.encode(body), status, headers or {})


def _replayed(done: Hold | Published) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if done.replayed else {}


def _link_to_next(call: Call, cursor: str | None) -> dict[str, str]:
    """The `Link` header (RFC 8288) to the next page, as long as there is one."""
    if cursor is None:
        return {}
    query: dict[str, Any] = dict(call.request.query_params or {}) | {"cursor": cursor}
    return {"Link": f'<{full_path(call.request)}?{urlencode(query, errors="replace")}>; rel="next"'}
