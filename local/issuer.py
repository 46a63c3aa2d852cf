"""An issuer of tokens for this machine: `make run AUTH_MODE=jwt` trusts it, `make token` asks it.

Its key lies in a file that only this user can read, so that a token outlives a restart of the server.
"""

import json
import os
import sys
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from chalicelib import clock
from chalicelib.store.ids import is_name
from chalicelib.web.auth import ROLES
from local.options import AUDIENCE

TOKEN_SECONDS = 8 * 3_600
_KEY_FILE = Path(__file__).parent.parent / ".local" / "issuer.pem"
_KEY_ID = "local"


def jwks(key_file: Path = _KEY_FILE) -> str:
    """The public half of the key, as the app fetches it (RFC 7517)."""
    public = jwt.algorithms.ECAlgorithm.to_jwk(_key(key_file).public_key(), as_dict=True)
    return json.dumps({"keys": [{**public, "kid": _KEY_ID, "use": "sig", "alg": "ES256"}]})


def token(url: str, role: str, caller_id: str, key_file: Path = _KEY_FILE) -> str:
    """A token for an app at `url`: of a provider, a client or an admin with that id."""
    now = clock.now()
    claims = {
        "iss": url,
        "aud": AUDIENCE,
        "sub": caller_id,
        "iat": now,
        "nbf": now,
        "exp": now + TOKEN_SECONDS,
        "roles": [role],
    }
    if role == "provider":
        claims["provider_id"] = caller_id
    return jwt.encode(claims, _key(key_file), algorithm="ES256", headers={"kid": _KEY_ID})


def _key(key_file: Path) -> ec.EllipticCurvePrivateKey:
    if not key_file.exists():
        _make(key_file)
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{key_file} holds another kind of key: remove it")
    return key


def _make(key_file: Path) -> None:
    key_file.parent.mkdir(exist_ok=True)
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    whole = key_file.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    # `make run` and `make token` may both come first: one key wins, whole.
    try:
        os.link(whole, key_file)
    except FileExistsError:
        pass
    finally:
        whole.unlink()


def main() -> None:
    """`python -m local.issuer URL ROLE ID` prints a token, and nothing else."""
    url, role, caller_id = sys.argv[1:]
    if role not in ROLES:
        sys.exit(f"holdfast: ROLE is {role!r}: give one of {', '.join(ROLES)}")
    if not is_name(caller_id):
        sys.exit(f"holdfast: ID is {caller_id!r}: give 1 to 128 letters, digits, or . _ : @ | -")
    sys.stdout.write(token(url, role, caller_id) + "\n")


if __name__ == "__main__":
    main()
