"""The API over HTTP, from a process of its own."""

import socket
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from threading import Barrier

import msgspec
import pytest

from tests.local.conftest import PATIENCE_SECONDS, Answer, LocalStart, ask

pytestmark = [pytest.mark.loopback, pytest.mark.allow_hosts(["127.0.0.1"])]


def at_once(calls: Iterable[Callable[[], Answer]]) -> list[Answer]:
    """What all of them answer, let go at the same moment."""
    waiting = list(calls)
    barrier = Barrier(len(waiting))

    def run(call: Callable[[], Answer]) -> Answer:
        barrier.wait(PATIENCE_SECONDS)
        return call()

    with ThreadPoolExecutor(len(waiting)) as threads:
        return list(threads.map(run, waiting))


def test_of_64_clients_that_race_for_a_slot_one_gets_it(start: LocalStart) -> None:
    [slot] = start.slots(1)

    answers = at_once(partial(reserve, start, slot, f"racer-{n}") for n in range(64))

    assert Counter(answer.status for answer in answers) == {201: 1, 409: 63}
    [won] = [answer.body["clientId"] for answer in answers if answer.status == 201]
    calendar = start.call("GET", f"/providers/1234/appointments/{slot}", "provider:1234")
    assert (calendar.body["status"], calendar.body["clientId"]) == ("reserved", won)


def test_128_requests_at_once_keep_their_own_headers_and_identity(start: LocalStart) -> None:
    """Every second one carries an If-Match that is wrong: nobody may get another's."""
    slots = [slot for _ in range(2) for slot in start.slots(64)]

    answers = at_once(
        partial(reserve, start, slot, f"own-{n}", {"If-Match": f'"{1 + n % 2}"'}) for n, slot in enumerate(slots)
    )

    assert [answer.status for answer in answers] == [201, 412] * 64
    held = [(answer.body["appointmentId"], answer.body["clientId"]) for answer in answers[::2]]
    assert held == [(slot, f"own-{2 * n}") for n, slot in enumerate(slots[::2])]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 128


def test_a_connection_serves_one_request_after_another(start: LocalStart) -> None:
    connection = HTTPConnection("127.0.0.1", start.port, timeout=PATIENCE_SECONDS)

    answers = [ask(connection, method, "/health") for method in ("GET", "HEAD", "PROPFIND", "GET")]
    connection.close()

    assert [answer.status for answer in answers] == [200, 405, 405, 200]
    assert answers[1].body is None


@pytest.mark.parametrize("method", ["PROPFIND", "PATCH", "__init__"])
def test_a_method_that_a_path_has_not(start: LocalStart, method: str) -> None:
    answer = start.call(method, "/health")

    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, OPTIONS"


@pytest.mark.parametrize("path", ["/", "/nowhere", "//health", "/health/x", "/%00", "/nowhere?limit=1", "//["])
@pytest.mark.parametrize("who", ["client:alice", "client:\xe4lice"])
def test_an_unknown_path(start: LocalStart, path: str, who: str) -> None:
    if path == "//health":
        # Python's server takes several leading slashes for one.
        assert start.call("GET", path, who).status == 200
        return
    assert_problem(start.call("GET", path, who), 404, "not-found")


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        pytest.param(b"POST /x HTTP/1.1\r\nContent-Length: abc\r\n\r\n", 400, "invalid-request", id="no length"),
        pytest.param(b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "invalid-request", id="negative"),
        pytest.param(b"POST /x HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n", 400, "invalid-request", id="underscore"),
        pytest.param(b"POST /x HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 400, "invalid-request", id="not ascii"),
        pytest.param(
            b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "invalid-request", id="two"
        ),
        pytest.param(
            b"POST /x HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413, "payload-too-large", id="huge length"
        ),
        pytest.param(
            b"POST /x HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            400,
            "invalid-request",
            id="length of 5000 digits",
        ),
        pytest.param(
            b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            400,
            "invalid-request",
            id="chunked",
        ),
        pytest.param(b"\xff\xfe\r\n\r\n", 400, "invalid-request", id="no HTTP"),
        pytest.param(b"GET /a b HTTP/1.1\r\n\r\n", 400, "invalid-request", id="four words"),
        pytest.param(b"GET / HTTP/x\r\n\r\n", 400, "invalid-request", id="no version"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\n", 400, "invalid-request", id="HTTP/2"),
        pytest.param(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 400, "invalid-request", id="long path"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 400, "invalid-request", id="long header"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", 400, "invalid-request", id="many headers"),
    ],
)
def test_what_is_hardly_http(start: LocalStart, request_: bytes, status: int, code: str) -> None:
    assert_problem(exchange(start, request_), status, code)


def test_a_body_far_too_large_is_refused_and_the_answer_arrives(start: LocalStart) -> None:
    """The answer comes before the body is read; a connection closed then would take the answer with it."""
    size = 12 * 1024 * 1024

    answer = exchange(start, b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))

    assert_problem(answer, 413, "payload-too-large")


def test_a_client_that_leaves_half_way_leaves_no_trace(start_own: Callable[..., LocalStart]) -> None:
    start = start_own()
    with socket.create_connection(("127.0.0.1", start.port), PATIENCE_SECONDS) as connection:
        connection.sendall(b"POST /appointments HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc")
    with socket.create_connection(("127.0.0.1", start.port), PATIENCE_SECONDS) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n")

    assert start.call("GET", "/health").status == 200
    assert start.stop() == 0
    assert "Traceback" not in start.output


def test_the_console_has_a_line_a_request_and_no_token(start_own: Callable[..., LocalStart]) -> None:
    start = start_own()

    start.call("GET", "/reservations?limit=1", "client:alice")
    exchange(start, b"GET /\x1b[31m HTTP/1.1\r\nConnection: close\r\n\r\n")
    start.stop()

    shown = start.output.split("\n\n")[-1].splitlines()
    assert len(shown) == 2, shown
    assert " GET /reservations 200 " in shown[0]
    assert " GET /\\x1b[31m 404 " in shown[1]
    assert "alice" not in "".join(shown)


def reserve(start: LocalStart, slot: str, client_id: str, headers: dict[str, str] | None = None) -> Answer:
    return start.call("POST", f"/appointments/{slot}/reservations", f"client:{client_id}", headers=headers)


def exchange(start: LocalStart, request: bytes) -> Answer:
    """These very bytes, and all that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", start.port), PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        raw = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("ascii").split("\r\n")
    return Answer(int(first.split()[1]), dict(line.split(": ", 1) for line in rest), msgspec.json.decode(body))


def assert_problem(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.body["status"], answer.body["code"]) == (status, status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] == answer.body["requestId"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
