"""What API Gateway must answer itself, without the app: the app's own problems."""

import json
from typing import Any

from chalicelib.web.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, Problem

Template = dict[str, Any]

INVALID = Problem("invalid-request", "API Gateway does not take this request")
UNAUTHENTICATED = Problem(
    "unauthenticated", "send Authorization: Bearer <token>", headers={"WWW-Authenticate": "Bearer"}
)
FORBIDDEN = Problem("forbidden", "API Gateway does not let this request in")
NOT_FOUND = Problem("not-found", "there is no such path")
TOO_LARGE = Problem("payload-too-large", "more than API Gateway takes")
MEDIA = Problem("unsupported-media-type", "send the body as application/json")
LATER = {"Retry-After": str(RETRY_AFTER_SECONDS)}
TOO_MANY = Problem("too-many-requests", "try again in a moment", headers=LATER)
INTERNAL = Problem("internal", "it has been logged; requestId names it")
UNAVAILABLE = Problem(
    "unavailable", "no answer in time; try again in a moment, the same Idempotency-Key makes that safe", headers=LATER
)
# Every type that there is: what is left to a default gets its status from AWS and from the emulator in two ways.
PROBLEMS = {
    "ACCESS_DENIED": FORBIDDEN,
    "API_CONFIGURATION_ERROR": INTERNAL,
    "AUTHORIZER_CONFIGURATION_ERROR": INTERNAL,
    "AUTHORIZER_FAILURE": INTERNAL,
    "BAD_REQUEST_BODY": INVALID,
    "BAD_REQUEST_PARAMETERS": INVALID,
    # On a path that no route has, the gateway takes a bearer token for a broken AWS signature ...
    "DEFAULT_4XX": NOT_FOUND,
    "DEFAULT_5XX": INTERNAL,
    "EXPIRED_TOKEN": NOT_FOUND,
    "INTEGRATION_FAILURE": UNAVAILABLE,
    "INTEGRATION_TIMEOUT": UNAVAILABLE,
    "INVALID_API_KEY": FORBIDDEN,
    "INVALID_SIGNATURE": NOT_FOUND,
    # ... and no token for a missing one.
    "MISSING_AUTHENTICATION_TOKEN": NOT_FOUND,
    "QUOTA_EXCEEDED": TOO_MANY,
    "REQUEST_TOO_LARGE": TOO_LARGE,
    "RESOURCE_NOT_FOUND": NOT_FOUND,
    "THROTTLED": TOO_MANY,
    "UNAUTHORIZED": UNAUTHENTICATED,
    "UNSUPPORTED_MEDIA_TYPE": MEDIA,
    "WAF_FILTERED": FORBIDDEN,
}
# As the app's common_headers, which need a request.
HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}
# Spelled out: the emulator does not read x-amazon-apigateway-any-method.
METHODS = ("delete", "get", "head", "options", "patch", "post", "put")


def finish_gateway(template: Template) -> None:
    api = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    api["x-amazon-apigateway-gateway-responses"] = {
        kind: gateway_response(problem) for kind, problem in PROBLEMS.items()
    }
    for methods in api["paths"].values():
        send_other_methods_to_the_app(methods)


def gateway_response(problem: Problem) -> dict[str, Any]:
    headers = {name: f"'{value}'" for name, value in (HEADERS | problem.headers).items()}
    headers["X-Request-Id"] = "context.requestId"
    body = problem.body(
        prefix="/$context.stage",
        # The path is the caller's own text, and nothing here would escape it.
        instance="urn:uuid:$context.requestId",
        request_id="$context.requestId",
    )
    return {
        "statusCode": str(problem.status),
        "responseParameters": {f"gatewayresponse.header.{name}": value for name, value in headers.items()},
        "responseTemplates": {"application/json": json.dumps(body)},
    }


def send_other_methods_to_the_app(methods: dict[str, Any]) -> None:
    """The gateway answers an unknown method like an unknown path; only the app can say 405."""
    known = next(iter(methods.values()))
    for method in METHODS:
        integration = known["x-amazon-apigateway-integration"]
        methods.setdefault(method, {"responses": {}, "x-amazon-apigateway-integration": integration})
