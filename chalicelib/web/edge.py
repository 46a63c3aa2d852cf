"""Around every view: who is calling, how large the body may be, every error as a problem, a line in the log."""

from collections.abc import Callable
from functools import wraps
from http.client import INTERNAL_SERVER_ERROR, METHOD_NOT_ALLOWED
from time import perf_counter
from typing import Concatenate, ParamSpec

import msgspec
from chalice.app import Chalice, Request, Response

from chalicelib.audit import Change, changes_collected
from chalicelib.logs import counts_of, log_changes, logger, put_metrics
from chalicelib.store.table import Requests, requests_counted
from chalicelib.web import problems
from chalicelib.web.auth import NOBODY, Caller, is_public
from chalicelib.web.calls import MAX_BODY_BYTES, Call
from chalicelib.web.headers import common_headers
from chalicelib.web.problems import Problem
from chalicelib.web.replies import Reply
from chalicelib.web.requests import full_path, prefix, raw_body, request_id, route_of

Args = ParamSpec("Args")
View = Callable[Concatenate[Call, Args], Reply]
LOST_RACE = ("appointment-held", "appointment-booked")


class Edge:
    """What stands between Chalice and the views. `who` names the caller from the Authorization header."""

    def __init__(self, app: Chalice, who: Callable[[str], Caller]) -> None:
        self._app = app
        self.who = who
        self._cold = True
        app.register_middleware(_chalices_own_errors_as_problems, "http")

    def __call__(self, view: View[Args]) -> Callable[Args, Response]:
        @wraps(view)
        def answer(*args: Args.args, **kwargs: Args.kwargs) -> Response:
            request = self._app.current_request
            if request is None:
                raise RuntimeError("a view was called outside a request")
            line = _Line(request, cold_start=self._cold)
            self._cold = False
            with requests_counted() as line.sent, changes_collected() as line.changes:
                try:
                    line.caller = self._caller(request)
                    _check_size(request)
                    call = Call(request, line.caller)
                    call.check_headers()
                    reply = view(call, *args, **kwargs)
                    response = _chalices(reply.body, {"Content-Type": "application/json"} | reply.headers, reply.status)
                except Exception as error:  # noqa: BLE001  # the one place where every error becomes an answer
                    problem = problems.of(error)
                    line.code = problem.code
                    response = problem_response(problem, request, error)
            response.headers = common_headers(request) | response.headers
            line.write(response.status_code)
            return response

        return answer

    def _caller(self, request: Request) -> Caller:
        authorization = request.headers.get("authorization", "").strip()
        if is_public(route_of(request)):
            return NOBODY
        if not authorization:
            detail = "send Authorization: Bearer <token>"
            raise Problem("unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})
        return self.who(authorization)


class _Line:
    """What the log says of a request."""

    def __init__(self, request: Request, *, cold_start: bool) -> None:
        self.request = request
        self.cold_start = cold_start
        self.started = perf_counter()
        self.caller = NOBODY
        self.code: str | None = None
        self.sent = Requests()
        self.changes: list[Change] = []

    def write(self, status: int) -> None:
        logger.info(
            "request",
            request_id=request_id(self.request),
            route=route_of(self.request),
            caller=self.caller.id,
            role=self.caller.role,
            status=status,
            milliseconds=round((perf_counter() - self.started) * 1000, 1),
            cold_start=self.cold_start,
            dynamodb_requests=len(self.sent.names),
            code=self.code,
        )
        log_changes(self.changes, self.caller.id)
        counts = counts_of(self.changes)
        counts["LostRaces"] = int(self.code in LOST_RACE and self.request.method == "POST")
        counts["Throttles"] = self.sent.throttled
        put_metrics(counts)


def problem_response(problem: Problem, request: Request, error: Exception | None = None) -> Response:
    """The problem as an answer; what nobody foresaw is logged with its `error`, and says nothing of it."""
    if problem.status >= INTERNAL_SERVER_ERROR:
        logger.error("failed", request_id=request_id(request), code=problem.code, exc_info=error)
    body = problem.body(prefix=prefix(request), instance=full_path(request), request_id=request_id(request))
    return _chalices(msgspec.json.encode(body), {"Content-Type": problems.MEDIA_TYPE} | problem.headers, problem.status)


def _check_size(request: Request) -> None:
    if len(raw_body(request)) > MAX_BODY_BYTES:
        raise Problem("payload-too-large", f"more than {MAX_BODY_BYTES} bytes")


def _chalices(body: bytes, headers: dict[str, str], status: int) -> Response:
    return Response(body.decode(), {**headers}, status)


def _chalices_own_errors_as_problems(request: Request, get_response: Callable[[Request], Response]) -> Response:
    response = get_response(request)
    if not isinstance(response.body, dict) or "Code" not in response.body:
        return response
    if response.status_code == METHOD_NOT_ALLOWED:
        allowed = str(response.headers.get("Allow", ""))
        problem = Problem("method-not-allowed", f"this path has {allowed}", headers={"Allow": allowed})
    else:
        problem = Problem("internal", "it has been logged; requestId names it")
    answer = problem_response(problem, request)
    answer.headers = common_headers(request) | answer.headers
    return answer
