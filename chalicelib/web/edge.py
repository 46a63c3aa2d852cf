"""Around every view: who is calling, how large the body may be, every error as a problem, a line in the log."""

from collections.abc import Callable
from functools import wraps
from http.client import INTERNAL_SERVER_ERROR, METHOD_NOT_ALLOWED
from time import perf_counter
from typing import Concatenate, ParamSpec

import msgspec
from chalice.app import Chalice, Request, Response

from chalicelib.logs import logger
from chalicelib.store.table import requests_counted
from chalicelib.web import problems
from chalicelib.web.auth import Caller
from chalicelib.web.calls import MAX_BODY_BYTES, Call, full_path, prefix, raw_body
from chalicelib.web.problems import Problem
from chalicelib.web.replies import Reply

Args = ParamSpec("Args")
NOBODY = Caller("nobody", "-")


View = Callable[Concatenate[Call, Args], Reply]


class Edge:
    """What stands between Chalice and the views. `who` names the caller from the Authorization header."""

    def __init__(self, app: Chalice, who: Callable[[str], Caller]) -> None:
        self._app = app
        self._who = who
        app.register_middleware(_chalices_own_errors_as_problems, "http")

    def __call__(self, view: View[Args]) -> Callable[Args, Response]:
        """For those who are signed in."""
        return self._around(view, self._caller)

    def public(self, view: View[Args]) -> Callable[Args, Response]:
        """For anybody."""
        return self._around(view, lambda _: NOBODY)

    def _around(self, view: View[Args], caller_of: Callable[[Request], Caller]) -> Callable[Args, Response]:
        @wraps(view)
        def answer(*args: Args.args, **kwargs: Args.kwargs) -> Response:
            request = self._app.current_request
            if request is None:
                raise RuntimeError("a view was called outside a request")
            started, caller = perf_counter(), NOBODY
            with requests_counted() as sent:
                try:
                    caller = caller_of(request)
                    _check_size(request)
                    response = _response(view(Call(request, caller), *args, **kwargs))
                except Exception as error:  # noqa: BLE001  # the one place where every error becomes an answer
                    response = problem_response(error, request)
            response.headers["X-Request-Id"] = request_id(request)
            _log(request, caller, response, seconds=perf_counter() - started, dynamodb_requests=len(sent))
            return response

        return answer

    def _caller(self, request: Request) -> Caller:
        authorization = request.headers.get("authorization", "").strip()
        if not authorization:
            raise Problem(
                "unauthenticated", "send Authorization: Bearer <token>", headers={"WWW-Authenticate": "Bearer"}
            )
        return self._who(authorization)


def _check_size(request: Request) -> None:
    if len(raw_body(request)) > MAX_BODY_BYTES:
        raise Problem("payload-too-large", f"more than {MAX_BODY_BYTES} bytes")


def problem_response(error: Exception, request: Request) -> Response:
    """An error as the answer that says it; what nobody foresaw is logged and says nothing."""
    problem = problems.of(error)
    if problem.status >= INTERNAL_SERVER_ERROR:
        logger.error("failed", request_id=request_id(request), code=problem.code, exc_info=error)
    body = problem.body(prefix=prefix(request), instance=full_path(request), request_id=request_id(request))
    return _chalices(msgspec.json.encode(body), {"Content-Type": problems.MEDIA_TYPE} | problem.headers, problem.status)


def _chalices(body: bytes, headers: dict[str, str], status: int) -> Response:
    return Response(body.decode(), {**headers}, status)


def request_id(request: Request) -> str:
    """API Gateway's, or the local server's."""
    found: str | None = request.context.get("requestId")
    return found or str(getattr(request.lambda_context, "aws_request_id", "unknown"))


def _response(reply: Reply) -> Response:
    return _chalices(reply.body, {"Content-Type": "application/json"} | reply.headers, reply.status)


def _log(request: Request, caller: Caller, response: Response, *, seconds: float, dynamodb_requests: int) -> None:
    logger.info(
        "request",
        request_id=request_id(request),
        route=f"{request.method} {request.path}",
        role=caller.role,
        status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
        dynamodb_requests=dynamodb_requests,
    )


def _chalices_own_errors_as_problems(request: Request, get_response: Callable[[Request], Response]) -> Response:
    response = get_response(request)
    if not isinstance(response.body, dict) or "Code" not in response.body:
        return response
    code = {METHOD_NOT_ALLOWED: "method-not-allowed"}.get(response.status_code, "internal")
    problem = Problem(code, response.body["Message"] if code != "internal" else "it has been logged")
    if "Allow" in response.headers:
        problem.headers["Allow"] = str(response.headers["Allow"])
    answer = problem_response(problem, request)
    answer.headers["X-Request-Id"] = request_id(request)
    return answer
