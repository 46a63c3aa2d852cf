"""Routes and the schedule. Each view reads its request, calls one function of booking/, and says the result."""

import gc
from typing import Any

# A fifth of a cold start is the collector's, which finds nothing to collect among what is imported here.
gc.disable()

from chalice.app import Chalice, CloudWatchEvent, Rate

from chalicelib.booking import edit, listing, providers
from chalicelib.booking.confirm import confirm
from chalicelib.booking.publish import publish
from chalicelib.booking.release import cancel
from chalicelib.booking.reserve import reserve
from chalicelib.settings import settings
from chalicelib.web import callers, checks, pages, replies, schemas
from chalicelib.web.calls import Call
from chalicelib.web.edge import Edge
from chalicelib.web.preflight import preflight_every_path
from chalicelib.web.replies import Reply
from chalicelib.web.schedule import sweep_and_log

if settings.is_local and not settings.dynamodb_endpoint:
    # Moto stands in for AWS, in this very process. A deployed package has neither.
    from local import aws

    aws.start()

app = Chalice(app_name="holdfast", configure_logs=False)
edge = Edge(app, who=callers.who_calls(settings))
# Chalice would refuse a media type before anybody asked who calls: Call.body does it in the contract's order.
ANY: dict[str, Any] = {"content_types": ["*/*"]}


@app.route("/appointments", methods=["POST"], **ANY)
@edge
def publish_appointments(call: Call) -> Reply:
    body = call.body(schemas.PublishRequest)
    slots = checks.slots(body, may_be_past=call.has_idempotency_key)
    key = call.idempotency_key("publish", body.provider_id, request=(slots,))
    call.caller.may(call.route, body.provider_id)
    return replies.published(publish(body.provider_id, slots, key=key))


# API Gateway allows one name for the variable at one place of a path: `ref` is a provider here, an appointment below.
@app.route("/appointments/{ref}", methods=["GET"], **ANY)
@edge
def list_bookable(call: Call, ref: str) -> Reply:
    limit, (start, end) = call.limit(), call.stretch()
    a_list = (ref, start, end)
    after = call.start_to_go_on(*a_list)
    provider_id = call.provider_id(ref)
    page = listing.list_bookable(provider_id, start=start, before=end, goes_on=after, limit=limit)
    return replies.bookable(call, page, call.cursor(page.next, *a_list))


@app.route("/appointments/{ref}/reservations", methods=["POST"], **ANY)
@edge
def reserve_appointment(call: Call, ref: str) -> Reply:
    client_id = call.caller.books_for(call.optional_body(schemas.ReserveRequest).client_id)
    key = call.idempotency_key("reserve", ref, request=(client_id,))
    appointment_id = call.appointment_id(ref)
    call.caller.may(call.route, appointment_id.provider_id)
    call.caller.may_book_for(client_id, appointment_id.provider_id)
    return replies.held(call, reserve(appointment_id, client_id=client_id, key=key, versions=call.if_match()))


@app.route("/reservations", methods=["GET"], **ANY)
@edge
def list_own_reservations(call: Call) -> Reply:
    limit, client_id = call.limit(), call.caller.id
    after = call.reservation_to_go_on(client_id)
    call.caller.may(call.route)
    page = listing.list_reservations(client_id, after=after, limit=limit)
    return replies.reservations(call, page, call.cursor(page.next, client_id))


@app.route("/reservations/{reservationId}", methods=["GET"], **ANY)
@edge
def get_reservation(call: Call, reservationId: str) -> Reply:
    reservation_id = call.reservation_id(reservationId)
    owner = call.caller.may_reach(call.route, reservation_id.provider_id)
    return replies.reservation(call, listing.get_reservation(reservation_id, client_id=owner))


@app.route("/reservations/{reservationId}", methods=["DELETE"], **ANY)
@edge
def cancel_reservation(call: Call, reservationId: str) -> Reply:
    versions, reservation_id = call.if_match(), call.reservation_id(reservationId)
    owner = call.caller.may_reach(call.route, reservation_id.provider_id)
    return replies.reservation(call, cancel(reservation_id, client_id=owner, versions=versions))


@app.route("/reservations/{reservationId}/confirm", methods=["PUT"], **ANY)
@edge
def confirm_reservation(call: Call, reservationId: str) -> Reply:
    versions, reservation_id = call.if_match(), call.reservation_id(reservationId)
    owner = call.caller.may_reach(call.route, reservation_id.provider_id)
    return replies.reservation(call, confirm(reservation_id, client_id=owner, versions=versions))


@app.route("/providers/{providerId}", methods=["GET"], **ANY)
@edge
def get_provider(call: Call, providerId: str) -> Reply:
    return replies.provider(call, providers.get_provider(call.provider_id(providerId)))


@app.route("/providers/{providerId}", methods=["PUT"], **ANY)
@edge
def put_provider(call: Call, providerId: str) -> Reply:
    body, versions = call.body(schemas.ProviderRequest), call.if_match()
    profile = checks.profile(providerId, body)
    call.caller.may(call.route)
    return replies.provider_put(providers.put_provider(profile, versions=versions))


@app.route("/providers/{providerId}/appointments", methods=["GET"], **ANY)
@edge
def list_calendar(call: Call, providerId: str) -> Reply:
    limit, (start, end) = call.limit(), call.stretch()
    a_list = (providerId, start, end)
    after = call.start_to_go_on(*a_list)
    provider_id = call.provider_id(providerId)
    call.caller.may(call.route, provider_id)
    page = listing.list_calendar(provider_id, start=start, before=end, goes_on=after, limit=limit)
    return replies.calendar(call, page, call.cursor(page.next, *a_list))


@app.route("/providers/{providerId}/appointments/{appointmentId}", methods=["GET"], **ANY)
@edge
def get_appointment(call: Call, providerId: str, appointmentId: str) -> Reply:
    appointment_id = call.own_appointment_id(providerId, appointmentId)
    return replies.appointment(call, listing.get_appointment(appointment_id))


@app.route("/providers/{providerId}/appointments/{appointmentId}", methods=["PATCH"], **ANY)
@edge
def move_appointment(call: Call, providerId: str, appointmentId: str) -> Reply:
    (start, end), versions = checks.move(call.body(schemas.MoveRequest)), call.if_match()
    appointment_id = call.own_appointment_id(providerId, appointmentId)
    edit.check(appointment_id, start, end)
    call.must_have_if_match(lambda: listing.get_appointment(appointment_id))
    return replies.moved(call, edit.move(appointment_id, start=start, end=end, versions=versions), appointment_id)


@app.route("/providers/{providerId}/appointments/{appointmentId}", methods=["DELETE"], **ANY)
@edge
def delete_appointment(call: Call, providerId: str, appointmentId: str) -> Reply:
    versions, appointment_id = call.if_match(), call.own_appointment_id(providerId, appointmentId)
    call.must_have_if_match(lambda: listing.get_appointment(appointment_id))
    edit.delete(appointment_id, versions=versions)
    return replies.deleted()


@app.route("/health", methods=["GET"], **ANY)
@edge
def health(call: Call) -> Reply:  # noqa: ARG001  # every view takes its call
    listing.check_health()
    return replies.health()


@app.route("/openapi.json", methods=["GET"], **ANY)
@edge
def get_openapi(call: Call) -> Reply:
    return pages.openapi(call)


@app.route("/docs", methods=["GET"], **ANY)
@edge
def get_docs(call: Call) -> Reply:
    return pages.docs(call)


@app.route("/docs/{file}", methods=["GET"], **ANY)
@edge
def get_docs_file(call: Call, file: str) -> Reply:
    return pages.docs_file(call, file)


@app.route("/problems/{code}", methods=["GET"], **ANY)
@edge
def get_problem(call: Call, code: str) -> Reply:
    return pages.problem(call, code)


preflight_every_path(app, edge)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def expire_reservations(event: CloudWatchEvent) -> None:
    sweep_and_log(event.context)


gc.freeze()
gc.enable()
