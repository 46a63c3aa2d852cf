import pytest

from chalicelib.web import etags
from chalicelib.web.problems import Problem

BAD_TAGS = [
    "",
    " ",
    "1",
    '"1',
    '1"',
    "'1'",
    '"1" "2"',
    '"1",',
    ',"1"',
    '"a b"',
    '"1", *',
    '*, "1"',
    "**",
    'w/"1"',
    'W/ "1"',
    '"\n"',
    '"\x7f"',
    '"\ud800"',
    '"é\u0100"',
]


def test_the_tag_of_a_version() -> None:
    assert etags.of_version(3) == '"3"'


def test_the_tag_of_a_body_tells_bodies_apart() -> None:
    assert etags.of_body(b"a") == etags.of_body(b"a")
    assert etags.of_body(b"a") != etags.of_body(b"b")


def test_the_tag_of_a_body_is_a_tag() -> None:
    assert etags.matches(etags.of_body(b"a"), etags.of_body(b"a"))


def test_without_the_header_anything_will_do() -> None:
    assert etags.versions(None) is None


@pytest.mark.parametrize("if_match", ["*", " * "])
def test_a_star_is_any_version_of_what_is_there(if_match: str) -> None:
    assert etags.versions(if_match) == frozenset()


@pytest.mark.parametrize(
    ("if_match", "versions"),
    [
        ('"1"', {1}),
        (' "7"\t', {7}),
        ('"1","2"', {1, 2}),
        ('"1" , "2"', {1, 2}),
        ('"999999999999999"', {999_999_999_999_999}),
    ],
)
def test_the_versions_of_a_header(if_match: str, versions: set[int]) -> None:
    assert etags.versions(if_match) == frozenset(versions)


@pytest.mark.parametrize(
    "if_match", ['W/"1"', '""', '"0"', '"01"', '"+1"', '"-1"', '"1e1"', '"abc"', '"1,2"', '"' + "9" * 5_000 + '"']
)
def test_a_weak_tag_and_one_that_is_no_version_match_no_version(if_match: str) -> None:
    assert etags.versions(if_match) == frozenset({0})


@pytest.mark.parametrize("header", BAD_TAGS)
def test_an_if_match_that_is_no_list_of_tags_is_refused(header: str) -> None:
    with pytest.raises(Problem) as caught:
        etags.versions(header)

    assert caught.value.code == "invalid-request"
    assert caught.value.errors[0]["pointer"] == "/If-Match"


@pytest.mark.parametrize("header", BAD_TAGS)
def test_an_if_none_match_that_is_no_list_of_tags_is_refused(header: str) -> None:
    with pytest.raises(Problem) as caught:
        etags.matches(header, '"1"')

    assert caught.value.errors[0]["pointer"] == "/If-None-Match"


@pytest.mark.parametrize(
    ("if_none_match", "known"),
    [
        (None, False),
        ("*", True),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('"b"', False),
        ('"A"', False),
        ('""', False),
    ],
)
def test_what_the_client_knows_already(if_none_match: str | None, known: bool) -> None:  # noqa: FBT001  # a table
    assert etags.matches(if_none_match, '"a"') is known


def test_a_few_dozen_tags_are_read() -> None:
    assert etags.versions(", ".join(f'"{version}"' for version in range(1, 41))) == frozenset(range(1, 41))


@pytest.mark.parametrize("tail", ["", "x"])
def test_more_tags_than_a_condition_can_name_are_refused(tail: str) -> None:
    with pytest.raises(Problem) as caught:
        etags.versions(",".join(['"1"'] * 20_000) + tail)

    assert caught.value.code == "invalid-request"
