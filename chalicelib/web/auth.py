"""Who is calling, and what they may do."""

from dataclasses import dataclass
from typing import Literal

from chalicelib.store.ids import is_name
from chalicelib.web.problems import Problem

Role = Literal["provider", "client", "admin", "demo", "nobody"]
DEMO_CLIENT = "demo-client"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent the request. A demo caller, in the local stage, may act for any provider and any client."""

    role: Role
    id: str

    @property
    def client_id(self) -> str:
        """The client that the caller is. Raises Problem `forbidden` when it is none."""
        if self.role not in ("client", "demo"):
            raise _forbidden("only a client has reservations of its own")
        return self.id

    def is_provider(self, provider_id: str) -> bool:
        return self.role == "demo" or (self.role == "provider" and self.id == provider_id)

    def must_be_provider(self, provider_id: str) -> None:
        """Raises Problem `forbidden`."""
        if not self.is_provider(provider_id):
            raise _forbidden(f"only provider {provider_id} may do this")

    def must_be_admin(self) -> None:
        """Raises Problem `forbidden`."""
        if self.role != "admin":
            raise _forbidden("only an admin may do this")

    def books_for(self, provider_id: str, client_id: str | None) -> str:
        """The client that a reservation with this provider is for; `client_id` is the one that was asked for.

        Raises Problem `forbidden`, or `invalid-request` when nobody was named.
        """
        if self.role == "demo":
            return client_id or self.id
        if self.role == "client":
            if client_id not in (None, self.id):
                raise _forbidden("a client reserves for itself")
            return self.id
        if self.role == "provider" and self.id != provider_id:
            raise _forbidden("the appointment is another provider's")
        if client_id is None:
            raise Problem(
                "invalid-request",
                "/clientId: name the client that the reservation is for",
                errors=[{"pointer": "/clientId", "detail": "is missing"}],
            )
        return client_id

    def owner_of(self, provider_id: str) -> str | None:
        """Whose reservations with this provider the caller may act on: a client id, or None for all of them.

        Raises Problem `not-found` when that is nobody's: another's reservation is as good as none.
        """
        if self.is_provider(provider_id):
            return None
        if self.role == "client":
            return self.id
        raise Problem("not-found", "there is no such thing, or none that you may see")


def mock_caller(authorization: str) -> Caller:
    """Anybody who says anything: `client:alice` is that client, `hello` is a demo caller. The local stage only."""
    name = authorization.removeprefix("Bearer ").strip()
    role, _, caller_id = name.partition(":")
    if role in ("provider", "client", "admin") and is_name(caller_id):
        return Caller(role, caller_id)  # type: ignore[arg-type]  # narrowed by the line above
    return Caller("demo", DEMO_CLIENT)


def _forbidden(detail: str) -> Problem:
    return Problem("forbidden", detail)
