"""Routes and the schedule. Each view reads its request, calls one function of booking/, and says the result."""

from typing import Any

from chalice.app import Chalice, CloudWatchEvent, Rate

from chalicelib.booking import edit, listing, providers
from chalicelib.booking.confirm import confirm
from chalicelib.booking.publish import publish
from chalicelib.booking.release import cancel
from chalicelib.booking.reserve import reserve
from chalicelib.settings import settings
from chalicelib.web import auth, checks, replies, schemas
from chalicelib.web.calls import Call
from chalicelib.web.edge import Edge
from chalicelib.web.replies import Reply
from chalicelib.web.schedule import sweep_and_log

if settings.is_local and not settings.dynamodb_endpoint:
    # Moto stands in for AWS, in this very process. A deployed package has neither.
    from local import aws

    aws.start()

app = Chalice(app_name="holdfast", configure_logs=False)
signed_in = Edge(app, who=auth.mock_caller)
# Chalice would refuse a media type before anybody asked who calls: Call.body does it in the contract's order.
ANY: dict[str, Any] = {"content_types": ["*/*"]}


@app.route("/appointments", methods=["POST"], **ANY)
@signed_in
def publish_appointments(call: Call) -> Reply:
    body = call.body(schemas.PublishBody)
    intervals = checks.intervals(body)
    key = call.idempotency_key("publish", body.provider_id, request=(intervals, body.slot_minutes))
    call.caller.must_be_provider(body.provider_id)
    return replies.published(publish(body.provider_id, intervals, slot_minutes=body.slot_minutes, key=key))


# API Gateway allows one name for the variable at one place of a path: `ref` is a provider here, an appointment below.
@app.route("/appointments/{ref}", methods=["GET"], **ANY)
@signed_in
def list_bookable(call: Call, ref: str) -> Reply:
    limit, (start, end) = call.limit(), call.stretch()
    provider_id = call.provider_id(ref)
    a_list = (provider_id, start, end)
    after = call.start_to_go_on(*a_list)
    page = listing.list_bookable(provider_id, start=start, before=end, goes_on=after, limit=limit)
    return replies.bookable(call, page, call.cursor(page.next, *a_list))


@app.route("/appointments/{ref}/reservations", methods=["POST"], **ANY)
@signed_in
def reserve_appointment(call: Call, ref: str) -> Reply:
    body, versions = call.optional_body(schemas.ReserveBody), call.if_match()
    appointment_id = call.appointment_id(ref)
    key = call.idempotency_key("reserve", ref, request=(body.client_id or call.caller.id,))
    client_id = call.caller.books_for(appointment_id.provider_id, body.client_id)
    return replies.held(call, reserve(appointment_id, client_id=client_id, key=key, versions=versions))


@app.route("/reservations", methods=["GET"], **ANY)
@signed_in
def list_own_reservations(call: Call) -> Reply:
    limit, client_id = call.limit(), call.caller.client_id
    page = listing.list_reservations(client_id, after=call.reservation_to_go_on(client_id), limit=limit)
    return replies.reservations(call, page, call.cursor(page.next, client_id))


@app.route("/reservations/{reservationId}", methods=["GET"], **ANY)
@signed_in
def get_reservation(call: Call, reservationId: str) -> Reply:
    reservation_id = call.reservation_id(reservationId)
    owner = call.caller.owner_of(reservation_id.provider_id)
    return replies.reservation(call, listing.get_reservation(reservation_id, client_id=owner))


@app.route("/reservations/{reservationId}", methods=["DELETE"], **ANY)
@signed_in
def cancel_reservation(call: Call, reservationId: str) -> Reply:
    versions, reservation_id = call.if_match(), call.reservation_id(reservationId)
    owner = call.caller.owner_of(reservation_id.provider_id)
    return replies.reservation(call, cancel(reservation_id, client_id=owner, versions=versions))


@app.route("/reservations/{reservationId}/confirm", methods=["PUT"], **ANY)
@signed_in
def confirm_reservation(call: Call, reservationId: str) -> Reply:
    versions, reservation_id = call.if_match(), call.reservation_id(reservationId)
    owner = call.caller.owner_of(reservation_id.provider_id)
    return replies.reservation(call, confirm(reservation_id, client_id=owner, versions=versions))


@app.route("/providers/{providerId}", methods=["GET"], **ANY)
@signed_in
def get_provider(call: Call, providerId: str) -> Reply:
    return replies.provider(call, providers.get_provider(call.provider_id(providerId)))


@app.route("/providers/{providerId}", methods=["PUT"], **ANY)
@signed_in
def put_provider(call: Call, providerId: str) -> Reply:
    body, versions = call.body(schemas.ProviderBody), call.if_match()
    profile = checks.profile(providerId, body)
    call.caller.must_be_admin()
    return replies.provider_put(providers.put_provider(profile, versions=versions))


@app.route("/providers/{providerId}/appointments", methods=["GET"], **ANY)
@signed_in
def list_calendar(call: Call, providerId: str) -> Reply:
    limit, (start, end) = call.limit(), call.stretch()
    provider_id = call.provider_id(providerId)
    a_list = (provider_id, start, end)
    after = call.start_to_go_on(*a_list)
    call.caller.must_be_provider(provider_id)
    page = listing.list_calendar(provider_id, start=start, before=end, goes_on=after, limit=limit)
    return replies.calendar(call, page, call.cursor(page.next, *a_list))


@app.route("/providers/{providerId}/appointments/{appointmentId}", methods=["GET"], **ANY)
@signed_in
def get_appointment(call: Call, providerId: str, appointmentId: str) -> Reply:
    appointment_id = call.own_appointment_id(providerId, appointmentId)
    return replies.appointment(call, listing.get_appointment(appointment_id))


@app.route("/providers/{providerId}/appointments/{appointmentId}", methods=["PATCH"], **ANY)
@signed_in
def move_appointment(call: Call, providerId: str, appointmentId: str) -> Reply:
    (start, end), versions = checks.move(call.body(schemas.MoveBody)), call.if_match()
    appointment_id = call.own_appointment_id(providerId, appointmentId)
    call.must_have_if_match(lambda: listing.get_appointment(appointment_id))
    return replies.moved(call, edit.move(appointment_id, start=start, end=end, versions=versions), appointment_id)


@app.route("/providers/{providerId}/appointments/{appointmentId}", methods=["DELETE"], **ANY)
@signed_in
def delete_appointment(call: Call, providerId: str, appointmentId: str) -> Reply:
    versions, appointment_id = call.if_match(), call.own_appointment_id(providerId, appointmentId)
    call.must_have_if_match(lambda: listing.get_appointment(appointment_id))
    edit.delete(appointment_id, versions=versions)
    return replies.deleted()


@app.route("/health", methods=["GET"], **ANY)
@signed_in.public
def health(call: Call) -> Reply:  # noqa: ARG001  # every view takes its call
    listing.check_health()
    return replies.health()


@app.schedule(Rate(1, unit=Rate.MINUTES))
def expire_reservations(event: CloudWatchEvent) -> None:
    sweep_and_log(event.context)
