"""Tokens as the issuer makes them, and as an attacker would."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from chalicelib.settings import Settings, read
from chalicelib.web.auth import Caller
from chalicelib.web.problems import Problem
from chalicelib.web.tokens import CannotFetch, Fetch, Tokens
from tests.support import START, Clock

ISSUER = "https://issuer.example/pool"
JWKS_URL = "https://issuer.example/pool/keys"
CONFIGURATION_URL = "https://issuer.example/pool/.well-known/openid-configuration"
AUDIENCE = "holdfast-app"
ALGORITHMS = ("RS256", "ES256", "EdDSA")
LEEWAY = 30
LIFETIME = 15 * 60
MINUTE = 60

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Claims = dict[str, Any]


@cache
def key_of(name: str) -> PrivateKey:
    """Made once; `RS256-2` is another one than `RS256`."""
    match name.partition("-")[0]:
        case "RS256":
            return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
    return ed25519.Ed25519PrivateKey.generate()


def public(name: str) -> PublicKeyTypes:
    return key_of(name).public_key()


def jwk(name: str, **more: Any) -> dict[str, Any]:
    """The public half as an issuer publishes it, its `kid` the name."""
    kind: Any = {"R": jwt.algorithms.RSAAlgorithm, "E": jwt.algorithms.ECAlgorithm}[name[0]]
    if name.startswith("EdDSA"):
        kind = jwt.algorithms.OKPAlgorithm
    made: dict[str, Any] = kind.to_jwk(public(name), as_dict=True)
    return made | {"kid": name, "use": "sig", "alg": name.partition("-")[0]} | more


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


class Issuer:
    """Answers a fetch, and counts them. `document` is what stands at a URL; none of it while it is down."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.is_down = False
        self.fetched: list[str] = []
        self.documents = {JWKS_URL: jwks(*keys), CONFIGURATION_URL: json.dumps({"jwks_uri": JWKS_URL}).encode()}

    def publishes(self, *keys: dict[str, Any]) -> None:
        self.documents[JWKS_URL] = jwks(*keys)

    def __call__(self, url: str) -> bytes:
        self.fetched.append(url)
        if self.is_down or url not in self.documents:
            raise CannotFetch(url)
        return self.documents[url]


def settings(**environ: str) -> Settings:
    return read(
        {
            "AUTH_MODE": "jwt",
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
            "JWT_JWKS_URL": JWKS_URL,
        }
        | environ
    )


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(*map(jwk, ALGORITHMS))


@pytest.fixture
def tokens(issuer: Issuer) -> Tokens:
    return Tokens(settings(), issuer)


def claims(**more: Any) -> Claims:
    """Those of alice, a client; what is None is left out."""
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": START - 60,
        "nbf": START - 60,
        "exp": START + 600,
        "cognito:groups": ["client"],
    } | more
    return {name: value for name, value in said.items() if value is not None}


def signed(said: Claims | None = None, name: str = "RS256", **header: Any) -> str:
    headers = {"kid": name} | header
    return jwt.encode(said or claims(), key_of(name), algorithm=name.partition("-")[0], headers=headers)


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: Claims, signature: bytes = b"", said: Claims | None = None) -> str:
    return f"{encoded(header)}.{encoded(said or claims())}.{encoded(signature)}"


def by_hand(said: bytes, name: str = "RS256") -> str:
    """Signed by the issuer, whatever the claims are."""
    header = encoded({"alg": "RS256", "kid": name})
    part = f"{header}.{encoded(said)}"
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(
        part.encode(),
        key_of(name),  # type: ignore[arg-type]  # it is an RSA key
    )
    return f"{part}.{encoded(signature)}"


def caller_of(tokens: Tokens, token: str) -> Caller:
    return tokens(f"Bearer {token}")


def refused(tokens: Tokens, authorization: str) -> Problem:
    with pytest.raises(Problem) as raised:
        tokens(authorization)
    return raised.value


def assert_unauthenticated(tokens: Tokens, token: str) -> None:
    problem = refused(tokens, f"Bearer {token}")
    assert (problem.status, problem.code) == (401, "unauthenticated")
    assert problem.headers["WWW-Authenticate"].startswith("Bearer")


# Good tokens


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_token_of_each_algorithm(tokens: Tokens, name: str) -> None:
    caller = caller_of(tokens, signed(name=name))

    assert caller == Caller("alice", frozenset({"client"}), None)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_key_need_not_say_its_algorithm_nor_its_use(name: str) -> None:
    bare = {member: value for member, value in jwk(name).items() if member not in ("alg", "use")}
    tokens = Tokens(settings(), Issuer(bare))

    assert caller_of(tokens, signed(name=name)).id == "alice"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_in_any_case(tokens: Tokens, scheme: str) -> None:
    assert tokens(f"{scheme} {signed()}").id == "alice"


def test_several_spaces_may_part_the_scheme_from_the_token(tokens: Tokens) -> None:
    assert tokens(f"Bearer   {signed()}").id == "alice"


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["another", AUDIENCE]])
def test_one_of_several_audiences_is_enough(tokens: Tokens, audience: object) -> None:
    assert caller_of(tokens, signed(claims(aud=audience))).id == "alice"


def test_a_time_may_have_a_fraction(tokens: Tokens) -> None:
    assert caller_of(tokens, signed(claims(exp=START + 0.5, iat=START - 0.5, nbf=START - 0.5))).id == "alice"


def test_a_provider_is_told_by_its_claim(tokens: Tokens) -> None:
    said = claims(**{"sub": "u-1", "cognito:groups": ["provider"], "custom:provider_id": "1234"})

    assert caller_of(tokens, signed(said)) == Caller("u-1", frozenset({"provider"}), "1234")


def test_the_names_of_the_claims_are_settings(issuer: Issuer) -> None:
    tokens = Tokens(settings(ROLES_CLAIM="https://x/roles", PROVIDER_CLAIM="practice"), issuer)
    said = claims(**{"https://x/roles": ["provider"], "practice": "1234", "custom:provider_id": "666"})

    assert caller_of(tokens, signed(said)) == Caller("alice", frozenset({"provider"}), "1234")


def test_cognitos_access_token_as_it_is(tokens: Tokens) -> None:
    said = {
        "sub": "2f1b7d1e-4c1a-4f4e-9d8f-0c5ad2b6a111",
        "cognito:groups": ["provider", "eu-central-1_Google"],
        "iss": ISSUER,
        "version": 2,
        "client_id": AUDIENCE,
        "origin_jti": "b1",
        "token_use": "access",
        "scope": "openid profile",
        "auth_time": START - 60,
        "custom:provider_id": "1234",
        "exp": START + 3_540,
        "iat": START - 60,
        "jti": "a1",
        "username": "alice",
    }

    caller = caller_of(tokens, signed(said))

    assert caller == Caller("2f1b7d1e-4c1a-4f4e-9d8f-0c5ad2b6a111", frozenset({"provider"}), "1234")


def test_cognitos_id_token_as_it_is(tokens: Tokens) -> None:
    said = {
        "at_hash": "x",
        "sub": "2f1b7d1e-4c1a-4f4e-9d8f-0c5ad2b6a111",
        "cognito:groups": ["client"],
        "email_verified": True,
        "iss": ISSUER,
        "cognito:username": "alice",
        "origin_jti": "b1",
        "aud": AUDIENCE,
        "event_id": "e1",
        "token_use": "id",
        "auth_time": START - 60,
        "exp": START + 3_540,
        "iat": START - 60,
        "jti": "a1",
        "email": "alice@example.com",
    }

    caller = caller_of(tokens, signed(said))

    assert caller == Caller("2f1b7d1e-4c1a-4f4e-9d8f-0c5ad2b6a111", frozenset({"client"}), None)


@pytest.mark.parametrize(
    "said",
    [
        {"token_use": "access", "client_id": "another", "aud": None},
        {"token_use": "access", "client_id": "another"},
        {"token_use": "access"},
        {"token_use": "id", "client_id": AUDIENCE, "aud": None},
        {"token_use": "id", "client_id": AUDIENCE, "aud": "another"},
        {"client_id": AUDIENCE, "aud": None},
    ],
)
def test_each_kind_of_cognitos_tokens_names_its_audience_in_its_own_place(tokens: Tokens, said: Claims) -> None:
    assert_unauthenticated(tokens, signed(claims(**said)))


# Roles and ids


@pytest.mark.parametrize(
    ("said", "roles"),
    [
        (["client"], {"client"}),
        (["client", "admin", "superuser"], {"client", "admin"}),
        ("client", {"client"}),
        ("client admin", {"client", "admin"}),
        ("client,provider", {"client", "provider"}),
        ("clients", set()),
        ("", set()),
        ([], set()),
        (["Admin", "ADMIN", " admin"], set()),
        ([1, None, True, {"admin": 1}, ["admin"], "client"], {"client"}),
    ],
)
def test_roles_are_those_that_there_are(tokens: Tokens, said: object, roles: set[str]) -> None:
    assert caller_of(tokens, signed(claims(**{"cognito:groups": said}))).roles == roles


def test_a_token_without_roles_is_somebody_without_roles(tokens: Tokens) -> None:
    caller = caller_of(tokens, signed(claims(**{"cognito:groups": None})))

    assert (caller.id, caller.roles, caller.is_demo) == ("alice", frozenset(), False)


@pytest.mark.parametrize("said", [{"admin": True}, 1, True, 1.5])
def test_roles_of_another_type_are_none_to_have(tokens: Tokens, said: object) -> None:
    assert_unauthenticated(tokens, signed(claims(**{"cognito:groups": said})))


@pytest.mark.parametrize("said", [b"null", b'{"admin":true}', b'"admin"', b'[[["admin"]]]'])
def test_no_shape_of_roles_is_an_error_of_ours(tokens: Tokens, said: bytes) -> None:
    raw = json.dumps(claims()).encode().replace(b'["client"]', said)

    try:
        roles = set(caller_of(tokens, by_hand(raw)).roles)
    except Problem as problem:
        roles = {str(problem.status)}

    assert roles in (set(), {"401"}, {"admin"} if said == b'"admin"' else set())


@pytest.mark.parametrize("said", [1234, ["1234"], {"id": "1234"}, True, "", "#", "a b", "a\n", "x" * 129])
def test_a_provider_id_that_is_none_acts_for_nobody(tokens: Tokens, said: object) -> None:
    said_all = claims(**{"cognito:groups": ["provider"], "custom:provider_id": said})

    assert caller_of(tokens, signed(said_all)).provider_id is None


@pytest.mark.parametrize(
    "subject", ["", " ", "a b", "alice\n", "-a", "#", "PROVIDER#1234", "é", "x" * 129, "alice\u0000", "a/b"]
)
def test_a_subject_that_is_no_id_is_refused(tokens: Tokens, subject: str) -> None:
    assert_unauthenticated(tokens, signed(claims(sub=subject)))


@pytest.mark.parametrize("subject", [b"1", b"null", b'["alice"]', b'{"a":1}', b"true"])
def test_a_subject_of_another_type_is_refused(tokens: Tokens, subject: bytes) -> None:
    assert_unauthenticated(tokens, by_hand(json.dumps(claims()).encode().replace(b'"alice"', subject)))


def test_a_subject_as_other_issuers_have_them(tokens: Tokens) -> None:
    assert (
        caller_of(tokens, signed(claims(sub="auth0|5f7c8ec7c33c6c004bbafe82"))).id == "auth0|5f7c8ec7c33c6c004bbafe82"
    )


# Time


@pytest.mark.parametrize("ended_ago", [-600, 0, LEEWAY - 1])
def test_a_token_is_good_to_the_last_second_of_the_leeway(tokens: Tokens, ended_ago: int) -> None:
    assert caller_of(tokens, signed(claims(exp=START - ended_ago))).id == "alice"


@pytest.mark.parametrize("ended_ago", [LEEWAY, LEEWAY + 1, 86_400])
def test_an_expired_token_is_refused(tokens: Tokens, ended_ago: int) -> None:
    assert_unauthenticated(tokens, signed(claims(exp=START - ended_ago)))


def test_a_token_expires_while_the_clock_passes(tokens: Tokens, clock: Clock) -> None:
    token = signed(claims(exp=START + 600))
    clock.advance(seconds=600 + LEEWAY - 1)
    assert caller_of(tokens, token).id == "alice"

    clock.advance(seconds=1)

    assert_unauthenticated(tokens, token)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize("ahead", [-60, 0, LEEWAY])
def test_a_token_may_begin_within_the_leeway(tokens: Tokens, claim: str, ahead: int) -> None:
    assert caller_of(tokens, signed(claims(**{claim: START + ahead}))).id == "alice"


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize("ahead", [LEEWAY + 1, 86_400])
def test_a_token_of_the_future_is_refused(tokens: Tokens, claim: str, ahead: int) -> None:
    assert_unauthenticated(tokens, signed(claims(exp=START + 999_999, **{claim: START + ahead})))


def test_cognitos_tokens_of_the_future_are_refused_too(tokens: Tokens) -> None:
    said = claims(token_use="id", nbf=None, iat=START + LEEWAY + 1)  # noqa: S106  # no secret

    assert_unauthenticated(tokens, signed(said))


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [b'"1798791000"', b"true", b"null", b"[]", b"{}", b"NaN", b"Infinity", b"-Infinity"])
def test_a_time_that_is_none_is_refused(tokens: Tokens, claim: str, value: bytes) -> None:
    said = json.dumps(claims(**{claim: 111_222_333})).encode().replace(b"111222333", value)

    assert_unauthenticated(tokens, by_hand(said))


@pytest.mark.parametrize("value", [b"1e999", b"9" * 400])
def test_a_time_without_end_is_refused(tokens: Tokens, value: bytes) -> None:
    said = json.dumps(claims(nbf=111_222_333)).encode().replace(b"111222333", value)

    assert_unauthenticated(tokens, by_hand(said))


# Claims


@pytest.mark.parametrize("missing", ["exp", "iat", "nbf", "iss", "aud", "sub"])
def test_a_token_without_one_of_its_claims_is_refused(tokens: Tokens, missing: str) -> None:
    assert_unauthenticated(tokens, signed(claims(**{missing: None})))


@pytest.mark.parametrize(
    "other",
    [
        "https://issuer.example/pool/",
        "https://issuer.example",
        "https://evil.example/pool",
        "",
        [ISSUER],
        "HTTPS" + ISSUER[5:],
    ],
)
def test_a_token_of_another_issuer_is_refused(tokens: Tokens, other: object) -> None:
    raw = json.dumps(claims(iss=111)).encode().replace(b"111", json.dumps(other).encode())

    assert_unauthenticated(tokens, by_hand(raw))


@pytest.mark.parametrize(
    "other", ["another", "", [], ["another"], AUDIENCE.upper(), AUDIENCE + " ", f"another {AUDIENCE}"]
)
def test_a_token_for_another_audience_is_refused(tokens: Tokens, other: object) -> None:
    assert_unauthenticated(tokens, signed(claims(aud=other)))


@pytest.mark.parametrize("other", [b"null", b"1", b"true", b'{"holdfast-app":1}', b'[["holdfast-app"]]', b"[null]"])
def test_an_audience_of_another_type_is_refused(tokens: Tokens, other: bytes) -> None:
    raw = json.dumps(claims()).encode().replace(b'"holdfast-app"', other)

    assert_unauthenticated(tokens, by_hand(raw))


# Attacks


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", "RS256 ", "rs256"])
def test_no_signature_is_none(tokens: Tokens, name: str) -> None:
    assert_unauthenticated(tokens, forged({"alg": name, "kid": "RS256", "typ": "JWT"}))


@pytest.mark.parametrize(
    "header", [{"kid": "RS256"}, {"alg": None, "kid": "RS256"}, {"alg": ["RS256"], "kid": "RS256"}]
)
def test_a_header_without_an_algorithm_is_refused(tokens: Tokens, header: Claims) -> None:
    assert_unauthenticated(tokens, forged(header))


@pytest.mark.parametrize("algorithm", ["HS256", "hs256", "HS512"])
@pytest.mark.parametrize("form", [serialization.Encoding.PEM, serialization.Encoding.DER])
def test_a_public_key_is_no_shared_secret(tokens: Tokens, algorithm: str, form: serialization.Encoding) -> None:
    secret = public("RS256").public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": algorithm, "kid": "RS256"}
    part = f"{encoded(header)}.{encoded(claims())}"
    digest = hashlib.sha512 if algorithm == "HS512" else hashlib.sha256
    signature = hmac.new(secret, part.encode(), digest).digest()

    assert_unauthenticated(tokens, f"{part}.{encoded(signature)}")


def test_a_stripped_signature_is_refused(tokens: Tokens) -> None:
    head, body, _ = signed().split(".")

    for token in (f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.AAAA", f"{head}..", head):
        assert_unauthenticated(tokens, token)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_claims_that_were_changed_are_refused(tokens: Tokens, name: str) -> None:
    head, _, signature = signed(name=name).split(".")
    body = encoded(claims(**{"cognito:groups": ["admin"]}))

    assert_unauthenticated(tokens, f"{head}.{body}.{signature}")


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_key_that_is_not_the_issuers_is_refused_under_the_right_kid(tokens: Tokens, name: str) -> None:
    assert_unauthenticated(tokens, signed(name=f"{name}-2", kid=name))


def test_an_ecdsa_signature_of_zeros_is_refused(tokens: Tokens) -> None:
    assert_unauthenticated(tokens, forged({"alg": "ES256", "kid": "ES256"}, bytes(64)))


@pytest.mark.parametrize(
    ("signer", "kid"), [("RS256", "ES256"), ("ES256", "RS256"), ("EdDSA", "ES256"), ("RS256", "x")]
)
def test_a_wrong_kid_is_refused(tokens: Tokens, signer: str, kid: str) -> None:
    assert_unauthenticated(tokens, signed(name=signer, kid=kid))


@pytest.mark.parametrize(
    "kid", ["", "../../dev/null", "' OR 1=1 --", "RS256\u0000", "x" * 5_000, None, 1, True, ["RS256"], {"a": "RS256"}]
)
def test_a_kid_that_is_no_kid_is_refused(tokens: Tokens, kid: object) -> None:
    assert_unauthenticated(tokens, forged({"alg": "RS256", "kid": kid}, bytes(256)))


def test_a_token_that_names_no_key_is_refused(tokens: Tokens) -> None:
    token = jwt.encode(claims(), key_of("RS256"), algorithm="RS256")

    assert_unauthenticated(tokens, token)


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": "its own"},
        {"x5c": ["MIIB"]},
    ],
)
def test_a_key_that_the_token_brings_is_not_looked_at(tokens: Tokens, issuer: Issuer, header: Claims) -> None:
    if "jwk" in header:
        header = {"jwk": jwk("RS256-2")}

    assert_unauthenticated(tokens, signed(name="RS256-2", kid="RS256", **header))
    assert_unauthenticated(tokens, signed(name="RS256-2", **header))
    assert issuer.fetched == [JWKS_URL]


@pytest.mark.parametrize("critical", [["exp"], ["b64"], ["http://example.invalid/UNDEFINED"], [], "exp", None])
def test_what_a_token_calls_critical_is_not_understood(tokens: Tokens, critical: object) -> None:
    part = f"{encoded({'alg': 'RS256', 'kid': 'RS256', 'crit': critical, 'exp': 1})}.{encoded(claims())}"
    rs256 = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    signature = rs256.sign(part.encode(), key_of("RS256"))  # type: ignore[arg-type]  # it is an RSA key

    assert_unauthenticated(tokens, f"{part}.{encoded(signature)}")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_another_algorithm_of_the_same_key_is_refused(tokens: Tokens, algorithm: str) -> None:
    token = jwt.encode(claims(), key_of("RS256"), algorithm=algorithm, headers={"kid": "RS256"})

    assert_unauthenticated(tokens, token)


def test_a_token_of_a_megabyte_is_refused_unread(issuer: Issuer, tokens: Tokens) -> None:
    token = signed(claims(filler="x" * 1_000_000))

    assert_unauthenticated(tokens, token)
    assert issuer.fetched == []


def test_a_token_with_much_in_it_is_read(tokens: Tokens) -> None:
    assert caller_of(tokens, signed(claims(filler="x" * 4_000))).id == "alice"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "..",
        "...",
        ".....",
        "a.b.c",
        "e30.e30.e30",
        "é.é.é",
        "\ud800",
        f"{encoded({'alg': 'RS256', 'kid': 'RS256'})}.!!!.!!!",
        "null",
        "{}",
        "." * 10_000,
        encoded(b"[" * 10_000) + ".e30.e30",
        encoded(b"\xff\xfe") + ".e30.e30",
        encoded([]) + ".e30.e30",
        encoded(None) + ".e30.e30",
        encoded("x") + ".e30.e30",
    ],
)
def test_what_is_no_token_is_refused(tokens: Tokens, text: str) -> None:
    assert_unauthenticated(tokens, text)


@pytest.mark.parametrize("said", [b"", b"x", b"[]", b"null", b"1", b'"a"', b"\xff", b"{", b"[" * 10_000])
def test_claims_that_are_no_object_are_refused(tokens: Tokens, said: bytes) -> None:
    assert_unauthenticated(tokens, by_hand(said))


@pytest.mark.parametrize(
    "authorization", ["", " ", "Bearer", "Bearer ", "Basic YTpi", "client:alice", "Digest x", "BearerX y"]
)
def test_another_scheme_is_refused(tokens: Tokens, authorization: str) -> None:
    problem = refused(tokens, authorization)

    assert (problem.status, problem.code) == (401, "unauthenticated")
    assert problem.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_bare_token_is_refused(tokens: Tokens) -> None:
    assert refused(tokens, signed()).status == 401


@pytest.mark.parametrize("said", ["client:alice", "provider:1234", "admin:root", "anything"])
def test_what_mock_authentication_lets_in_is_refused(tokens: Tokens, said: str) -> None:
    assert_unauthenticated(tokens, said)


def test_a_refusal_says_nothing_of_the_token(tokens: Tokens) -> None:
    token = signed(claims(sub="some secret", iss="https://evil.example"))

    problem = refused(tokens, f"Bearer {token}")

    said = problem.detail + json.dumps(problem.headers)
    assert not any(part in said for part in [*token.split("."), "evil", "some secret"])


# The issuer's keys


@pytest.mark.parametrize(
    "unusable",
    [
        jwk("RS256", use="enc"),
        jwk("RS256", alg="RS512"),
        jwk("RS256", alg="HS256"),
        jwk("RS256", alg="none"),
        jwk("RS256", alg="RSA-OAEP"),
        jwk("RS256") | {"kid": None},
        jwk("RS256") | {"kid": ""},
        jwk("RS256") | {"n": "!!"},
        jwk("RS256") | {"kty": "XYZ"},
        jwk("RS256") | {"e": 65_537},
        {"kty": "RSA", "kid": "RS256"},
        {"kty": "oct", "kid": "RS256", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "alg": "HS256"},
        {"kty": "oct", "kid": "RS256", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "alg": "RS256"},
        {"kid": "RS256"},
        {},
        None,
        "RS256",
    ],
)
def test_a_key_that_is_not_for_this_is_not_used_and_spoils_no_other(unusable: dict[str, Any]) -> None:
    tokens = Tokens(settings(), Issuer(unusable, jwk("ES256")))

    assert caller_of(tokens, signed(name="ES256")).id == "alice"
    assert_unauthenticated(tokens, signed())


def test_a_shared_secret_among_the_issuers_keys_signs_nothing() -> None:
    secret = b"secret-secret-secret-secret-secret"
    oct_key = {"kty": "oct", "kid": "k", "k": encoded(secret), "alg": "HS256", "use": "sig"}
    tokens = Tokens(settings(), Issuer(oct_key, jwk("RS256")))

    assert_unauthenticated(tokens, jwt.encode(claims(), secret, algorithm="HS256", headers={"kid": "k"}))


def test_a_curve_that_is_not_ours_is_not_used() -> None:
    tokens = Tokens(settings(), Issuer(jwk("ES384"), jwk("RS256")))

    assert_unauthenticated(tokens, signed(name="ES384"))


def test_a_key_that_brings_its_private_half_is_read_as_public() -> None:
    to_jwk: Any = jwt.algorithms.RSAAlgorithm.to_jwk
    private = to_jwk(key_of("RS256"), as_dict=True)
    tokens = Tokens(settings(), Issuer(private | {"kid": "RS256"}, jwk("ES256")))

    assert caller_of(tokens, signed(name="ES256")).id == "alice"


def test_keys_are_fetched_once(tokens: Tokens, issuer: Issuer) -> None:
    for name in ALGORITHMS * 3:
        caller_of(tokens, signed(name=name))

    assert issuer.fetched == [JWKS_URL]


def test_whoever_comes_while_the_keys_are_fetched_waits_for_them(issuer: Issuer) -> None:
    others: list[Future[Caller]] = []

    def fetch(url: str) -> bytes:
        context = copy_context()
        others.append(pool.submit(context.run, caller_of, tokens, signed()))
        # Who does not wait is answered by then.
        wait(others, timeout=0.2)
        return issuer(url)

    tokens = Tokens(settings(), fetch)
    with ThreadPoolExecutor() as pool:
        caller = caller_of(tokens, signed())

    assert [other.result() for other in others] == [caller]


def test_keys_are_fetched_when_the_first_token_comes(issuer: Issuer) -> None:
    Tokens(settings(), issuer)

    assert issuer.fetched == []


def test_keys_are_fresh_for_their_lifetime(tokens: Tokens, issuer: Issuer, clock: Clock) -> None:
    caller_of(tokens, signed())
    clock.advance(seconds=LIFETIME - 1)
    caller_of(tokens, signed(claims(exp=START + 99_999)))
    assert len(issuer.fetched) == 1

    clock.advance(seconds=1)
    caller_of(tokens, signed(claims(exp=START + 99_999)))

    assert len(issuer.fetched) == 2


def test_a_key_that_was_withdrawn_is_out_of_use_when_the_lifetime_is_over(
    tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    token = signed(claims(exp=START + 99_999))
    caller_of(tokens, token)
    issuer.publishes(jwk("ES256"))
    clock.advance(seconds=LIFETIME)

    assert_unauthenticated(tokens, token)


def test_a_new_key_is_fetched_for_its_first_token(tokens: Tokens, issuer: Issuer, clock: Clock) -> None:
    caller_of(tokens, signed())
    issuer.publishes(jwk("RS256"), jwk("RS256-2"))
    clock.advance(seconds=MINUTE)

    assert caller_of(tokens, signed(name="RS256-2")).id == "alice"
    assert caller_of(tokens, signed()).id == "alice"
    assert len(issuer.fetched) == 2


def test_unknown_keys_are_asked_for_once_in_a_minute(tokens: Tokens, issuer: Issuer, clock: Clock) -> None:
    caller_of(tokens, signed())

    for second in range(2 * MINUTE):
        assert_unauthenticated(tokens, signed(name="RS256-2", kid=f"k{second}"))
        clock.advance(seconds=1)

    assert len(issuer.fetched) == 2


def test_a_new_key_is_known_a_minute_after_an_attacker_asked_for_another(
    tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    caller_of(tokens, signed())
    clock.advance(seconds=MINUTE)
    assert_unauthenticated(tokens, signed(name="RS256-2", kid="nonsense"))
    issuer.publishes(jwk("RS256-2"))
    clock.advance(seconds=MINUTE)

    assert caller_of(tokens, signed(name="RS256-2")).id == "alice"


def test_another_key_under_the_same_kid_takes_its_place(tokens: Tokens, issuer: Issuer, clock: Clock) -> None:
    caller_of(tokens, signed())
    issuer.publishes(jwk("RS256-2", kid="RS256"))
    clock.advance(seconds=LIFETIME)
    late = claims(exp=START + 99_999)

    assert caller_of(tokens, signed(late, name="RS256-2", kid="RS256")).id == "alice"
    assert_unauthenticated(tokens, signed(late))


def test_keys_stay_in_use_while_the_issuer_is_down(tokens: Tokens, issuer: Issuer, clock: Clock) -> None:
    late = claims(exp=START + 999_999)
    caller_of(tokens, signed(late))
    issuer.is_down = True
    clock.advance(days=7)

    assert caller_of(tokens, signed(late)).id == "alice"


def test_an_issuer_that_is_down_is_asked_once_in_a_minute(tokens: Tokens, issuer: Issuer, clock: Clock) -> None:
    late = signed(claims(exp=START + 999_999))
    caller_of(tokens, late)
    issuer.is_down = True
    clock.advance(seconds=LIFETIME)

    for _ in range(2 * MINUTE):
        caller_of(tokens, late)
        clock.advance(seconds=1)

    assert len(issuer.fetched) == 1 + 2


def test_an_unknown_key_is_no_key_while_the_issuer_is_down(tokens: Tokens, issuer: Issuer, clock: Clock) -> None:
    caller_of(tokens, signed())
    issuer.is_down = True
    clock.advance(seconds=MINUTE)

    assert_unauthenticated(tokens, signed(name="RS256-2"))


GARBAGE = [
    b"",
    b"x",
    b"null",
    b"[]",
    b"1",
    b'"keys"',
    b"{}",
    b'{"keys": null}',
    b'{"keys": 1}',
    b'{"keys": {"a": 1}}',
    b'{"keys": ["a"]}',
    b'{"keys": [null]}',
    b"\xff",
    b"<html>",
    b"[" * 100_000,
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_instead_of_keys_is_an_issuer_that_is_down(
    tokens: Tokens, issuer: Issuer, clock: Clock, garbage: bytes
) -> None:
    late = signed(claims(exp=START + 999_999))
    caller_of(tokens, late)
    issuer.documents[JWKS_URL] = garbage
    clock.advance(seconds=LIFETIME)

    assert caller_of(tokens, late).id == "alice"


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_from_the_start_is_unavailable(tokens: Tokens, issuer: Issuer, garbage: bytes) -> None:
    issuer.documents[JWKS_URL] = garbage

    assert refused(tokens, f"Bearer {signed()}").status == 503


def test_without_any_keys_ever_fetched_it_is_unavailable_not_let_in(tokens: Tokens, issuer: Issuer) -> None:
    issuer.is_down = True

    problem = refused(tokens, f"Bearer {signed()}")

    assert (problem.status, problem.code) == (503, "unavailable")
    assert int(problem.headers["Retry-After"]) > 0


def test_a_token_that_no_key_could_save_is_refused_while_the_issuer_is_down(tokens: Tokens, issuer: Issuer) -> None:
    issuer.is_down = True

    assert refused(tokens, "Bearer x").status == 401


def test_an_issuer_that_comes_up_is_heard_within_seconds(tokens: Tokens, issuer: Issuer, clock: Clock) -> None:
    issuer.is_down = True
    assert refused(tokens, f"Bearer {signed()}").status == 503
    issuer.is_down = False
    clock.advance(seconds=10)

    assert caller_of(tokens, signed()).id == "alice"


def test_an_issuer_that_was_never_up_is_not_asked_at_every_request(tokens: Tokens, issuer: Issuer) -> None:
    issuer.is_down = True

    for _ in range(20):
        assert refused(tokens, f"Bearer {signed()}").status == 503

    assert len(issuer.fetched) == 1


@pytest.mark.parametrize("address", [ISSUER, ISSUER + "/"])
def test_the_keys_are_found_through_the_issuers_configuration(issuer: Issuer, address: str) -> None:
    tokens = Tokens(settings(JWT_JWKS_URL="", JWT_ISSUER=address), issuer)

    assert caller_of(tokens, signed(claims(iss=address))).id == "alice"
    assert issuer.fetched == [CONFIGURATION_URL, JWKS_URL]


@pytest.mark.parametrize("configuration", [b"", b"x", b"{}", b"[]", b"null", b'{"jwks_uri": null}', b'{"jwks_uri": 1}'])
def test_a_configuration_without_keys_is_unavailable(issuer: Issuer, configuration: bytes) -> None:
    issuer.documents[CONFIGURATION_URL] = configuration
    tokens = Tokens(settings(JWT_JWKS_URL=""), issuer)

    assert refused(tokens, f"Bearer {signed()}").status == 503


def test_each_process_keeps_keys_of_its_own(issuer: Issuer) -> None:
    """Nothing is shared between two issuers."""
    other: Fetch = Issuer(jwk("RS256-2"))
    first, second = Tokens(settings(), issuer), Tokens(settings(), other)
    caller_of(first, signed())

    assert_unauthenticated(second, signed())


WAYS: list[Callable[[Tokens], str]] = [
    lambda tokens: caller_of(tokens, signed()).id,
    lambda tokens: caller_of(tokens, signed(name="EdDSA")).id,
]


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_token_spoils_nothing(tokens: Tokens, way: Callable[[Tokens], str]) -> None:
    assert_unauthenticated(tokens, signed(name="RS256-2", kid="RS256"))

    assert way(tokens) == "alice"
