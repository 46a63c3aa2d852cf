import pytest

from local import options


def test_defaults() -> None:
    assert options.read({}) == options.Options(port=8000, hold_seconds=1800, sweep_seconds=60)


def test_fractions() -> None:
    chosen = options.read({"PORT": "0", "HOLD_MINUTES": "0.05", "SWEEP_SECONDS": "0.5"})

    assert chosen == options.Options(port=0, hold_seconds=3, sweep_seconds=0.5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "\u0661"),
        ("PORT", "80.5"),
        ("HOLD_MINUTES", "0.01"),
        ("HOLD_MINUTES", "1441"),
        ("HOLD_MINUTES", "inf"),
        ("HOLD_MINUTES", "nan"),
        ("HOLD_MINUTES", "half an hour"),
        ("SWEEP_SECONDS", "0"),
        ("SWEEP_SECONDS", "-1"),
        ("SWEEP_SECONDS", "1e9"),
    ],
)
def test_a_wrong_one_is_named(name: str, text: str) -> None:
    with pytest.raises(SystemExit, match=f"^holdfast: {name} is "):
        options.read({name: text})
