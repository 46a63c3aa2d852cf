"""Chalice's local server, mended where it would not answer as the deployed API does.

`chalice local` and `python -m local` both serve through `chalice.local.create_local_server`; that also gives each
thread a `current_request` of its own, without which requests see each other's headers. `mend` puts the classes
below in the place of Chalice's. Each says which behaviour of Chalice 1.34 it mends.
"""

import re
import socket
import sys
import uuid
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import perf_counter
from typing import Any

from chalice.app import Chalice, Request
from chalice.config import Config
from chalice.local import ChaliceRequestHandler, LocalDevServer, LocalGateway, ThreadedHTTPServer

from chalicelib.logs import logger
from chalicelib.settings import JWT, settings
from chalicelib.web import problems
from chalicelib.web.edge import problem_response
from chalicelib.web.headers import common_headers
from chalicelib.web.problems import Problem, invalid
from local import console, issuer
from local.options import JWKS_PATH

MAX_BODY_BYTES = 10 * 1024 * 1024
"""API Gateway's own limit. The app has a smaller one, and answers for what is between the two."""
IDLE_SECONDS = 60
LINGER_SECONDS = 1
LINGER_BYTES = 4 * MAX_BODY_BYTES
_READ_BYTES = 65_536
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


def mend() -> None:
    """Let every LocalDevServer of this process be made of these classes."""
    LocalDevServer.__init__.__defaults__ = (Handler, Server)


class Gateway(LocalGateway):
    """In API Gateway's place, and in that of the issuer of tokens when the app asks for real ones."""

    def handle_request(self, method: str, path: str, headers: dict[str, Any], body: bytes | None) -> Any:
        if settings.auth_mode == JWT and (method, path) == ("GET", JWKS_PATH):
            found = {"Content-Type": "application/json"}
            return {"statusCode": 200, "headers": found, "multiValueHeaders": {}, "body": issuer.jwks()}
        return super().handle_request(method, path, headers, body)

    def _generate_lambda_event(self, method: str, path: str, headers: dict[str, Any], body: bytes | None) -> Any:
        try:
            return super()._generate_lambda_event(method, path, headers, body)
        except ValueError as error:
            # Chalice says 403, or dies of an Authorization header that is not ASCII.
            raise Problem("not-found", "there is no such path") from error


class Handler(ChaliceRequestHandler):
    """One connection."""

    # Chalice sends status line, headers and body apart, and Nagle's algorithm holds them back for 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1
    # Python's own server answers what it cannot parse without a status line, as in 1991.
    default_request_version = "HTTP/1.0"
    # Chalice keeps a thread for as long as a silent client likes.
    timeout = IDLE_SECONDS

    # Until a request is parsed.
    path = "/"
    headers = HTTPMessage()
    _began: float | None = None

    def __init__(
        self, request: Any, client_address: Any, server: HTTPServer, app_object: Chalice, config: Config
    ) -> None:
        self.local_gateway = Gateway(app_object, config)
        # Not Chalice's own: it makes a LocalGateway, then serves the whole connection before it returns.
        BaseHTTPRequestHandler.__init__(self, request, client_address, server)

    def __getattr__(self, name: str) -> Any:
        # Chalice answers a method it has never heard of (PROPFIND) with a page of HTML; the app knows what to say.
        if name.startswith("do_"):
            return self._generic_handle
        raise AttributeError(name)

    def parse_request(self) -> bool:
        self._began, self.path, self.headers = perf_counter(), "/", HTTPMessage()
        parsed: bool = super().parse_request()
        return parsed

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _generic_handle(self) -> None:
        # Chalice takes int(Content-Length) for granted, reads whatever that says, and knows no chunks.
        try:
            length = self._length()
        except Problem as problem:
            self._hang_up(problem)
            return
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionAbortedError
        self._answer(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _generic_handle  # noqa: N815

    def _length(self) -> int:
        """How many bytes of body there are to read. Raises Problem."""
        if "transfer-encoding" in self.headers:
            raise invalid("/Transfer-Encoding", "send the body whole, with its Content-Length")
        lengths = set(self.headers.get_all("content-length", ["0"]))
        text = lengths.pop().strip()
        if lengths or not _LENGTH.fullmatch(text):
            raise invalid("/Content-Length", "give the length of the body in bytes, once")
        if int(text) > MAX_BODY_BYTES:
            raise Problem("payload-too-large", f"more than {MAX_BODY_BYTES} bytes")
        return int(text)

    def _answer(self, body: bytes) -> None:
        try:
            answer = self._handle_binary(
                self.local_gateway.handle_request(self.command, self.path, dict(self.headers), body or None)
            )
        except Exception as error:  # noqa: BLE001  # Chalice lets it end the thread; the client goes without an answer
            self._refuse(error)
        else:
            headers = {**answer["headers"], **answer["multiValueHeaders"]}
            self._send_http_response(answer["statusCode"], headers, answer["body"])

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """For what is not HTTP enough to reach a method: Python's own server sends a page of HTML."""
        self._hang_up(Problem("invalid-request", HTTPStatus(code).phrase))

    def _hang_up(self, problem: Problem) -> None:
        """Refuse what has not been read to its end."""
        self.close_connection = True
        self._refuse(problem)
        # To close now, while the client still sends, would make TCP throw the answer away.
        with suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(LINGER_SECONDS)
            left = LINGER_BYTES
            while left > 0 and (read := len(self.connection.recv(_READ_BYTES))):
                left -= read

    def _refuse(self, error: Exception) -> None:
        """As the app itself would, which has not seen the request."""
        request = _request(self.command or "-", self.path.partition("?")[0], dict(self.headers))
        response = problem_response(problems.of(error), request, error)
        self._send_http_response(response.status_code, common_headers(request) | response.headers, response.body)

    def _send_http_response(self, code: int, headers: dict[str, Any], body: str | bytes | None) -> None:
        # Chalice sends a body to HEAD, which the client takes for its next answer, and a length with 204 and 304.
        raw = body.encode() if isinstance(body, str) else body or b""
        lengths = {} if code in _WITHOUT_BODY else {"Content-Length": str(len(raw))}
        closing = {"Connection": "close"} if self.close_connection else {}
        self.send_response(code)
        self._send_headers({**headers, **lengths, **closing})
        if self.command != "HEAD":
            self.wfile.write(raw)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002
        began = self._began or perf_counter()
        console.request_line(self.command or "-", self.path.partition("?")[0], int(code), perf_counter() - began)

    def log_message(self, *_: object) -> None:
        """Every answer has its line; there is nothing else to say."""


class Server(ThreadedHTTPServer):
    """All connections."""

    # Chalice leaves it at 5: more clients than that at one moment wait for a second, or are turned away.
    request_queue_size = 128

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        console.speak_plainly()
        super().serve_forever(poll_interval)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        # Python's own server prints a traceback when a client has gone away.
        if not isinstance(sys.exception(), OSError):
            logger.exception("a connection failed")


def _request(method: str, path: str, headers: dict[str, str]) -> Request:
    return Request(
        {
            "requestContext": {
                "httpMethod": method,
                "resourcePath": path,
                "path": path,
                "requestId": str(uuid.uuid4()),
            },
            "headers": {name.lower(): value for name, value in headers.items()},
            "pathParameters": {},
            "multiValueQueryStringParameters": None,
            "stageVariables": {},
            "body": None,
        }
    )
