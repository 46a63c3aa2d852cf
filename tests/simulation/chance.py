"""The one source of chance: the same names give the same numbers, on any machine, ever."""

from random import Random


def chance(*names: object) -> Random:
    return Random("/".join(map(str, names)))  # noqa: S311  # to be repeated is what it is for
