"""DynamoDB over HTTP, for a package in a process of its own: the Moto of this one, and a note of what was asked."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.store.table import table
from local import issuer
from local.options import JWKS_PATH


class DynamoDB(HTTPServer):
    """One request at a time: Moto bears no more. It serves the issuer's keys, too."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: DynamoDB

    def do_GET(self) -> None:
        self._answer(200 if self.path == JWKS_PATH else 404, issuer.jwks())

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        self.server.asked.add(operation)
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])), object_hook=numbers_are_text)
        dynamodb: Any = table.connection.client
        try:
            answer = dynamodb._make_api_call(operation, sent)  # noqa: SLF001  # what is sent are its arguments
        except ClientError as error:
            said = error.response | {"__type": f"dynamodb#{error.response['Error']['Code']}"}
            self._answer(400, json.dumps(said))
        else:
            del answer["ResponseMetadata"]
            self._answer(200, json.dumps(answer))

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Nothing."""


def numbers_are_text(value: dict[str, Any]) -> dict[str, Any]:
    """Moto takes `{"N": 2}`; DynamoDB wants `{"N": "2"}`."""
    if set(value) == {"N"} and not isinstance(value["N"], str):
        raise TypeError(value)
    return value


@pytest.fixture
def dynamodb() -> Iterator[DynamoDB]:
    with DynamoDB() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
