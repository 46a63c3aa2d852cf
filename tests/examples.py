"""`python -m tests.examples`: a real run, kept as the examples of the OpenAPI document.

Run it again when requests or answers have changed; a test says so.
"""

import json
from typing import Any

from chalice.test import HTTPResponse

from chalicelib import clock as clock_module
from chalicelib.web.openapi import EXAMPLES
from local import aws
from tests.support import ADMIN, DEMO, Api, Clock, DynamoDB, client, provider

NOW = clock_module.seconds("2029-03-01T08:00:00Z")
"""Late enough that who tries the examples out can publish them as they are, for years."""
ALICE, PRACTICE = client("alice"), provider("1234")
DAY = "2029-03-05"


class Run:
    """What was sent and answered."""

    def __init__(self, clock: Clock) -> None:
        self.api, self.clock = Api(), clock
        self.kept: dict[str, Any] = {"requests": {}, "answers": {}, "problems": {}}

    def keep(self, operation: str, answer: HTTPResponse, request: Any = None) -> Any:
        """Keep both as the operation's example; the answer's body."""
        self.kept["answers"][f"{operation} {answer.status_code}"] = answer.json_body
        if request is not None:
            self.kept["requests"][operation] = request
        return answer.json_body

    def refused(self, answer: HTTPResponse) -> None:
        problem = answer.json_body
        self.kept["problems"][problem["code"]] = problem

    def publish(self, *times: tuple[str, str], **more: Any) -> tuple[HTTPResponse, Any]:
        slots = [{"startTime": f"{DAY}T{start}:00+01:00", "endTime": f"{DAY}T{end}:00+01:00"} for start, end in times]
        request = {"providerId": "1234", "slots": slots, **more}
        return self.api.post("/appointments", PRACTICE, request), request


def main() -> None:
    clock = Clock(NOW)
    with clock_module.running_on(clock, pause=lambda seconds: clock.advance(seconds=seconds)):
        aws.empty()
        aws.fill()
        run = Run(clock)
        granted(run)
        refused(run)
    EXAMPLES.write_text(json.dumps(run.kept, indent=2, ensure_ascii=False) + "\n")


def granted(run: Run) -> None:
    api = run.api
    run.keep("getHealth", api.get("/health", None))
    policies = {"name": "Practice Dr. Huber", "timeZone": "Europe/Vienna", "holdMinutes": 30, "noticeMinutes": 60}
    run.keep("putProvider", api.put("/providers/huber", ADMIN, policies), policies)
    run.keep("putProvider", api.put("/providers/huber", ADMIN, policies))
    run.keep("getProvider", api.get("/providers/1234", ALICE))

    slots = run.keep("publishAppointments", *run.publish(("09:00", "10:30"), slotMinutes=30))["appointments"]
    first, second, third = (slot["appointmentId"] for slot in slots)
    run.keep("listBookableAppointments", api.get("/appointments/1234?limit=2", ALICE))
    asked = {"clientId": "alice"}
    reserved = api.post(f"/appointments/{first}/reservations", ALICE, asked)
    made = run.keep("reserveAppointment", reserved, asked)["reservationId"]
    run.clock.advance(minutes=2)
    run.keep("confirmReservation", api.confirm(made, ALICE))
    run.keep("getReservation", api.read(made, ALICE))
    other = api.a_hold(second, ALICE)
    run.keep("listOwnReservations", api.get("/reservations?limit=20", ALICE))
    run.keep("listCalendar", api.get("/providers/1234/appointments?limit=20", PRACTICE))
    run.keep("cancelReservation", api.cancel(other, ALICE))
    mine = f"/providers/1234/appointments/{third}"
    run.keep("getAppointment", api.get(mine, PRACTICE))
    later = {"startTime": f"{DAY}T11:00:00+01:00", "endTime": f"{DAY}T11:45:00+01:00"}
    run.keep("moveAppointment", api.patch(mine, PRACTICE, later, if_match='"1"'), later)


def refused(run: Run) -> None:
    api = run.api
    run.refused(run.publish(("14:30", "14:00"))[0])
    run.refused(api.post("/appointments", PRACTICE, "{"))
    run.refused(api.get("/appointments/1234?limit=20&cursor=x", ALICE))
    run.refused(api.get("/appointments/1234", ALICE))
    run.refused(api.get("/reservations?limit=20", None))
    run.refused(api.get("/providers/1234/appointments?limit=20", ALICE))
    run.refused(api.get("/providers/nobody", ALICE))
    run.refused(run.publish(("09:15", "09:45"))[0])
    run.refused(api.post("/appointments", PRACTICE, "x" * 300_000))
    run.refused(api.put("/providers/1234", ADMIN, "{}", content_type="text/plain"))
    _refused_reservations(run)
    with DynamoDB().failing("*", "InternalServerError", 500):
        run.refused(api.get("/health", None))


def _refused_reservations(run: Run) -> None:
    api = run.api
    published = run.publish(("15:00", "16:30"), slotMinutes=30)[0].json_body["appointments"]
    held, booked, kept = (slot["appointmentId"] for slot in published)
    api.confirm(api.a_hold(booked, ALICE), ALICE)
    run.refused(api.reserve(booked, client("bob")))
    hold = api.a_hold(held, ALICE)
    run.refused(api.reserve(held, ALICE))
    run.refused(api.confirm(hold, ALICE, if_match='"7"'))
    api.post(f"/appointments/{kept}/reservations", DEMO, {"clientId": "alice"}, idempotency_key="k-1")
    run.refused(api.post(f"/appointments/{kept}/reservations", DEMO, {"clientId": "bob"}, idempotency_key="k-1"))
    run.refused(api.delete(f"/providers/1234/appointments/{kept}", PRACTICE))
    run.refused(_one_too_many(run))
    run.clock.advance(minutes=31)
    run.refused(api.confirm(hold, ALICE))
    hold = api.a_hold(held, ALICE)
    api.cancel(hold, ALICE)
    run.refused(api.confirm(hold, ALICE))
    run.clock.advance(days=5)
    run.refused(api.reserve(held, ALICE))


def _one_too_many(run: Run) -> HTTPResponse:
    slots = run.publish(("18:00", "20:00"), slotMinutes=10)[0].json_body["appointments"]
    for slot in slots:
        answer = run.api.reserve(slot["appointmentId"], client("carol"))
        if answer.status_code != 201:
            break
    return answer


if __name__ == "__main__":
    main()
