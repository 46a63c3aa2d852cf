"""web -> booking -> store, never back; and who may know what."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ["app.py", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "chalicelib").rglob("*.py"))]
LAYERS = {"chalicelib.web": 3, "chalicelib.booking": 2, "chalicelib.store": 1}
STATUS_OF_DYNAMODB = "http.client.INTERNAL_SERVER_ERROR"
"""The store reads the status of DynamoDB's own answers."""
CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


def _tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def _imports_of(file: str, *packages: str) -> list[str]:
    return [name for name in _imported(_tree(file)) if name.split(".")[0] in packages]


def _layer(module: str) -> int:
    """1 for the store, 3 for the web; 0 for what lies below them all."""
    return next((height for layer, height in LAYERS.items() if (module + ".").startswith(layer + ".")), 0)


def _module(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def _layer_of(file: str) -> int:
    return _layer(_module(file))


def _is_web(file: str) -> bool:
    return file == "app.py" or _layer_of(file) == LAYERS["chalicelib.web"]


def _offenders(found: dict[str, list[str]], but: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """The files where something was found."""
    return {file: names for file, names in found.items() if set(names) - but}


def _clocks_read(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            dotted = ".".join(ast.unparse(node).split(".")[-2:])
            found += [dotted] if dotted in CLOCKS else []
    from_time = [name for name in _imported(tree) if name in ("time.time", "time.time_ns")]
    return found + from_time


def test_no_layer_knows_one_above_it() -> None:
    modules = [file for file in FILES if file != "app.py"]

    above = {file: [name for name in _imported(_tree(file)) if _layer(name) > _layer_of(file)] for file in modules}

    assert _offenders(above) == {}


def test_only_the_web_knows_chalice() -> None:
    assert _offenders({file: _imports_of(file, "chalice") for file in FILES if not _is_web(file)}) == {}


def test_only_the_web_knows_http() -> None:
    of_http = {
        file: _imports_of(file, "http", "urllib", "msgspec", "jwt") for file in FILES if _layer_of(file) in (1, 2)
    }

    assert _offenders(of_http, but=frozenset({STATUS_OF_DYNAMODB})) == {}


def test_only_the_store_knows_dynamodb() -> None:
    others = [file for file in FILES if _layer_of(file) != 1]

    assert _offenders({file: _imports_of(file, "pynamodb", "botocore", "boto3", "moto") for file in others}) == {}


def test_only_the_clock_knows_what_time_it_is() -> None:
    others = [file for file in FILES if file != "chalicelib/clock.py"]

    assert _offenders({file: _clocks_read(_tree(file)) for file in others}) == {}


def test_only_the_settings_know_the_environment() -> None:
    others = [file for file in FILES if file != "chalicelib/settings.py"]

    assert _offenders({file: _imports_of(file, "os") for file in others}) == {}


def test_nothing_that_is_deployed_knows_the_laptop_or_the_tests() -> None:
    modules = [file for file in FILES if file != "app.py"]

    assert _offenders({file: _imports_of(file, "local", "tests", "app") for file in modules}) == {}


def test_no_import_is_relative() -> None:
    """`_imported` would not know where it leads."""
    relative = {file: [name for name in _imported(_tree(file)) if name.startswith(".")] for file in FILES}

    assert _offenders(relative) == {}


def test_there_are_files_to_check() -> None:
    assert {_layer_of(file) for file in FILES} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time\ntime.time()", ["time.time"]),
        ("from time import time", ["time.time"]),
        ("import datetime\ndatetime.datetime.now()", ["datetime.now"]),
        ("from datetime import datetime\ndatetime.utcnow", ["datetime.utcnow"]),
        ("from time import perf_counter\nfrom datetime import datetime\ndatetime.fromtimestamp(0)", []),
    ],
)
def test_the_check_of_clocks_finds_what_it_looks_for(source: str, found: list[str]) -> None:
    assert _clocks_read(ast.parse(source)) == found
