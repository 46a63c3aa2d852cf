import string

import pytest

from chalicelib.web import cursors
from chalicelib.web.problems import Problem

LIST = ("GET /appointments/{ref}", "1234", None, None)
PLACE = "1798880400"
CURSOR = cursors.cursor(PLACE, *LIST)
ALPHABET = string.ascii_letters + string.digits + "-_"


@pytest.mark.parametrize("place", [PLACE, "", "0", "1234/ENDED#2027-01-02T09:00:00Z#nonce", "a:b|c@d", "x" * 500])
def test_a_place_is_read_back(place: str) -> None:
    assert cursors.place(cursors.cursor(place, *LIST), *LIST) == place


def test_a_cursor_needs_no_encoding_in_a_url() -> None:
    assert set(CURSOR) <= set(ALPHABET)


@pytest.mark.parametrize(
    "another",
    [
        ("GET /providers/{providerId}/appointments", "1234", None, None),
        ("GET /appointments/{ref}", "5678", None, None),
        ("GET /appointments/{ref}", "1234", 1, None),
        ("GET /appointments/{ref}", "1234", None, 1),
        ("GET /appointments/{ref}", "1234", None),
        ("GET /appointments/{ref}", "1234None", None),
        (),
    ],
)
def test_a_cursor_is_good_for_its_own_list_only(another: tuple[object, ...]) -> None:
    _refused(CURSOR, another)


def test_a_truncated_cursor_is_refused() -> None:
    for length in range(len(CURSOR)):
        _refused(CURSOR[:length])


def test_no_character_of_a_cursor_is_spare() -> None:
    for position, character in enumerate(CURSOR):
        for other in ALPHABET.replace(character, ""):
            _refused(CURSOR[:position] + other + CURSOR[position + 1 :])


@pytest.mark.parametrize("tail", ["A", "=", "==", "AAAA", " ", "\n", "\0", "%"])
def test_nothing_can_be_added_to_a_cursor(tail: str) -> None:
    _refused(CURSOR + tail)


@pytest.mark.parametrize(
    "text", ["", " ", "=", "A", "é", "\u0661\u0660", "\ud800", "\0", "None", "A" * 100_000, "////", "🦆"]
)
def test_what_is_no_cursor(text: str) -> None:
    _refused(text)


def _refused(text: str, list_of: tuple[object, ...] = LIST) -> None:
    with pytest.raises(Problem) as caught:
        cursors.place(text, *list_of)

    assert caught.value.code == "invalid-cursor"
