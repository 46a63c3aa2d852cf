"""Which way of naming the caller this stage has."""

from collections.abc import Callable

from chalicelib.settings import MOCK, Settings
from chalicelib.web.auth import Caller, mock_caller


def who_calls(settings: Settings) -> Callable[[str], Caller]:
    """The caller by the Authorization header: mock in the local stage, else a verified token."""
    if settings.auth_mode == MOCK:
        return mock_caller
    # Half the start-up time of the app, and nothing that mock authentication uses.
    from chalicelib.web.tokens import Tokens  # noqa: PLC0415  # see above

    return Tokens(settings)
