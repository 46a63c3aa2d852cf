"""Run by test_package.py with nothing but the package: one request of each kind, and the sweep. Prints the statuses."""

import json
import sys
import time
from typing import Any

PACKAGE, TOKENS = sys.argv[1], json.loads(sys.argv[2])
# Alone: a module that the zip lacks must not come from where the tests are.
sys.path = [PACKAGE, *(path for path in sys.path if "site-packages" not in path)]

from app import app, expire_reservations  # noqa: E402  # only now it is the package's


class Context:
    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def call(method: str, route: str, path: dict[str, str], who: str = "", body: Any = None, **query: str) -> Any:
    filled = route.format(**path)
    headers = {"Authorization": f"Bearer {TOKENS[who]}"} if who else {}
    if method in ("PATCH", "DELETE") and "appointments" in route:
        headers["If-Match"] = "*"
    event = {
        "httpMethod": method,
        "path": filled,
        "headers": headers,
        "multiValueHeaders": {name: [text] for name, text in headers.items()},
        "body": None if body is None else json.dumps(body),
        "multiValueQueryStringParameters": {name: [text] for name, text in query.items()} or None,
        "pathParameters": path,
        "stageVariables": None,
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": route,
            "httpMethod": method,
            "path": f"/api{filled}",
            "stage": "api",
            "requestId": "r",
            "identity": {"sourceIp": "127.0.0.1"},
        },
    }
    answer = app(event, Context())
    statuses[f"{method} {route}"] = answer["statusCode"]
    return json.loads(answer["body"]) if answer["body"].startswith("{") else None


def at(hour: int) -> str:
    return time.strftime(f"%Y-%m-%dT{hour:02}:00:00Z", time.gmtime(time.time() + 2 * 86_400))


statuses: dict[str, int] = {}
OF_1234 = {"providerId": "1234"}
call("GET", "/health", {})
call("PUT", "/providers/{providerId}", OF_1234, "admin", {"name": "P", "timeZone": "Europe/Vienna"})
call("GET", "/providers/{providerId}", OF_1234, "client")
slots = [{"startTime": at(hour), "endTime": at(hour + 1)} for hour in (8, 9)]
published = call("POST", "/appointments", {}, "provider", {**OF_1234, "slots": slots})
first, second = (slot["appointmentId"] for slot in published["appointments"])
call("GET", "/appointments/{ref}", {"ref": "1234"}, "client", limit="9")
held = {"reservationId": call("POST", "/appointments/{ref}/reservations", {"ref": first}, "client")["reservationId"]}
call("PUT", "/reservations/{reservationId}/confirm", held, "client")
call("GET", "/reservations/{reservationId}", held, "client")
call("GET", "/reservations", {}, "client", limit="9")
call("DELETE", "/reservations/{reservationId}", held, "client")
call("GET", "/providers/{providerId}/appointments", OF_1234, "provider", limit="9")
one = OF_1234 | {"appointmentId": second}
route = "/providers/{providerId}/appointments/{appointmentId}"
call("GET", route, one, "provider")
moved = call("PATCH", route, one, "provider", {"startTime": at(20), "endTime": at(21)})
call("DELETE", route, OF_1234 | {"appointmentId": moved["appointmentId"]}, "provider")
call("GET", "/openapi.json", {})
call("GET", "/docs", {})
call("GET", "/docs/{file}", {"file": "swagger-ui-bundle.js"})
call("GET", "/problems/{code}", {"code": "not-found"})
expire_reservations(
    {
        "version": "0",
        "id": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "0",
        "time": at(0),
        "region": "us-east-1",
        "resources": [],
        "detail": {},
    },
    Context(),
)
sys.stdout.write(json.dumps(statuses) + "\n")
