"""What a verified token costs: handler time with warm keys, beside mock authentication, in one run.

`python -m bench.auth_cost` prints the medians and their ratio for each kind of token, over the reserve path and a
read. The engine is Moto, in this process: slower than a request to DynamoDB is for the CPU, and without its network.
"""

import json
import random
import statistics
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import jwt
from chalice.test import Client
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from app import app, edge
from chalicelib import clock
from chalicelib.settings import read
from chalicelib.web.auth import Caller, mock_caller
from chalicelib.web.tokens import Tokens
from local import aws
from local.options import trusting

ROUNDS = 400
ISSUER = "http://127.0.0.1:1"
KEYS: dict[str, tuple[Any, Any]] = {
    "RS256": (rsa.generate_private_key(65_537, 2_048), jwt.algorithms.RSAAlgorithm),
    "ES256": (ec.generate_private_key(ec.SECP256R1()), jwt.algorithms.ECAlgorithm),
    "EdDSA": (ed25519.Ed25519PrivateKey.generate(), jwt.algorithms.OKPAlgorithm),
}
Call = Callable[[str], float]


def main() -> None:
    tokens = Tokens(read({"STAGE": "local", **trusting(ISSUER)}), lambda _: _jwks())
    http = Client(app, stage_name="local").http
    slot = _slot(http)
    hold = _hold(http, slot)
    calls: dict[str, Call] = {
        "read a reservation": lambda header: _timed(http, "GET", f"/reservations/{hold}", header),
        "reserve, lost race": lambda header: _timed(http, "POST", f"/appointments/{slot}/reservations", header),
        "list 1 slot": lambda header: _timed(http, "GET", "/appointments/1234?limit=1", header),
    }
    for name, call in calls.items():
        for algorithm in KEYS:
            _report(name, algorithm, call, tokens)


def _report(name: str, algorithm: str, call: Call, tokens: Tokens) -> None:
    times: dict[str, list[float]] = {"mock": [], "token": []}
    headers = {"mock": "client:alice", "token": f"Bearer {_token(algorithm)}"}
    who: dict[str, Callable[[str], Caller]] = {"mock": mock_caller, "token": tokens}
    kinds = ["mock", "token"] * ROUNDS
    random.Random(1).shuffle(kinds)  # noqa: S311  # no secret
    for kind in kinds:
        edge.who = who[kind]
        times[kind].append(call(headers[kind]))
    edge.who = mock_caller
    mock, token = (statistics.median(times[kind]) * 1e6 for kind in ("mock", "token"))
    sys.stdout.write(f"{name:20} {algorithm}  mock {mock:6.0f} µs  token {token:6.0f} µs  ratio {token / mock:.3f}\n")


def _timed(http: Any, method: str, path: str, header: str) -> float:
    began = perf_counter()
    http.request(method, path, headers={"authorization": header})
    return perf_counter() - began


def _slot(http: Any) -> str:
    start = clock.now() + 86_400
    slots = [{"startTime": clock.iso(start), "endTime": clock.iso(start + 1_800)}]
    body = json.dumps({"providerId": aws.DEMO_PROVIDER, "slots": slots}).encode()
    headers = {"authorization": "provider:1234", "content-type": "application/json"}
    answer = http.request("POST", "/appointments", headers=headers, body=body)
    appointment_id: str = answer.json_body["appointments"][0]["appointmentId"]
    return appointment_id


def _hold(http: Any, slot: str) -> str:
    answer = http.request("POST", f"/appointments/{slot}/reservations", headers={"authorization": "client:alice"})
    reservation_id: str = answer.json_body["reservationId"]
    return reservation_id


def _token(algorithm: str) -> str:
    now = clock.now()
    claims = {"iss": ISSUER, "aud": "holdfast", "sub": "alice", "iat": now, "nbf": now, "exp": now + 3_600}
    return jwt.encode(claims | {"roles": ["client"]}, KEYS[algorithm][0], algorithm, {"kid": algorithm})


def _jwks() -> bytes:
    keys = [
        {**kind.to_jwk(key.public_key(), as_dict=True), "kid": algorithm, "use": "sig"}
        for algorithm, (key, kind) in KEYS.items()
    ]
    return json.dumps({"keys": keys}).encode()


if __name__ == "__main__":
    main()
