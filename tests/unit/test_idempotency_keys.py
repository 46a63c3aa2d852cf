import pytest

from chalicelib.web import idempotency
from chalicelib.web.auth import Caller, mock_caller
from chalicelib.web.problems import Problem

ALICE = mock_caller("client:alice")
PATH = ("reserve", "apt_1")


def test_no_header_is_no_key() -> None:
    assert idempotency.key_hash(None, ALICE, *PATH) is None


def test_the_same_key_of_the_same_caller_and_path_is_the_same() -> None:
    assert idempotency.key_hash("k", ALICE, *PATH) == idempotency.key_hash("k", mock_caller("client:alice"), *PATH)


def test_a_key_is_the_same_quoted_and_bare() -> None:
    assert idempotency.key_hash('"abc-1"', ALICE, *PATH) == idempotency.key_hash("abc-1", ALICE, *PATH)


def test_white_space_around_a_key_does_not_count() -> None:
    assert idempotency.key_hash(" \tabc ", ALICE, *PATH) == idempotency.key_hash("abc", ALICE, *PATH)


@pytest.mark.parametrize(
    ("key", "caller", "path"),
    [
        ("K", ALICE, PATH),
        ("k", mock_caller("client:bob"), PATH),
        ("k", mock_caller("provider:alice"), PATH),
        ("k", ALICE, ("publish", "apt_1")),
        ("k", ALICE, ("reserve", "apt_2")),
        ("k", ALICE, ("reserveapt_1",)),
        ("apt_1", ALICE, ("reserve", "k")),
    ],
)
def test_another_key_caller_or_path_is_another(key: str, caller: Caller, path: tuple[str, ...]) -> None:
    assert idempotency.key_hash(key, caller, *path) != idempotency.key_hash("k", ALICE, *PATH)


@pytest.mark.parametrize(
    "key", ["k", "!", "~", "x" * 255, '"' + "x" * 255 + '"', "8e03978e-40d5-43dd-bc93-6894a57f9324"]
)
def test_keys_that_may_be(key: str) -> None:
    assert idempotency.key_hash(key, ALICE, *PATH)


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        '""',
        '"',
        '"abc',
        "a b",
        '"a b"',
        "a\tb",
        "a\nb",
        "a\0b",
        "\x7f",
        "é",
        "\u0661",
        "\ud800",
        "x" * 256,
        '"' + "x" * 256 + '"',
        "x" * 100_000,
    ],
)
def test_what_is_no_key_is_refused(header: str) -> None:
    with pytest.raises(Problem) as caught:
        idempotency.key_hash(header, ALICE, *PATH)

    assert caught.value.code == "invalid-request"
    assert caught.value.errors[0]["pointer"] == "/Idempotency-Key"


def test_a_hash_says_nothing_of_the_key() -> None:
    kept = idempotency.key_hash("my-secret-key", ALICE, *PATH)

    assert kept is not None
    assert "secret" not in kept


@pytest.mark.parametrize("hashed", [idempotency.key_hash("k", ALICE, *PATH), idempotency.request_hash(1)])
def test_a_hash_can_stand_between_colons(hashed: str) -> None:
    """The appointment keeps `nonce:hash of the request:time`."""
    assert hashed
    assert ":" not in hashed


def test_the_same_request_has_the_same_hash() -> None:
    assert idempotency.request_hash([(1, 2)], None) == idempotency.request_hash([(1, 2)], None)


@pytest.mark.parametrize("another", [([(1, 3)], None), ([(1, 2)], 0), ([(1, 2), (3, 4)], None), ([(1, 2)],)])
def test_another_request_has_another_hash(another: tuple[object, ...]) -> None:
    assert idempotency.request_hash(*another) != idempotency.request_hash([(1, 2)], None)
