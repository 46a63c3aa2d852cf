"""Who is calling, and what they may do: `MAY` is the whole of it."""

from dataclasses import dataclass
from enum import Enum

from chalicelib.store.ids import is_name
from chalicelib.web.problems import Problem, invalid

ROLES = ("provider", "client", "admin")
DEMO_CLIENT = "demo-client"


class Grant(Enum):
    """Who may do a thing."""

    ANYBODY = "anybody"
    SIGNED_IN = "anyone signed in"
    CLIENT = "a client"
    ITS_CLIENT = "the client that it belongs to"
    ITS_PROVIDER = "the provider that it belongs to"
    ADMIN = "an admin"


MAY: dict[str, set[Grant]] = {
    "GET /health": {Grant.ANYBODY},
    "POST /appointments": {Grant.ITS_PROVIDER},
    "GET /appointments/{ref}": {Grant.SIGNED_IN},
    "POST /appointments/{ref}/reservations": {Grant.CLIENT, Grant.ITS_PROVIDER, Grant.ADMIN},
    "GET /reservations": {Grant.CLIENT},
    "GET /reservations/{reservationId}": {Grant.ITS_CLIENT, Grant.ITS_PROVIDER},
    "DELETE /reservations/{reservationId}": {Grant.ITS_CLIENT, Grant.ITS_PROVIDER},
    "PUT /reservations/{reservationId}/confirm": {Grant.ITS_CLIENT, Grant.ITS_PROVIDER},
    "GET /providers/{providerId}": {Grant.SIGNED_IN},
    "PUT /providers/{providerId}": {Grant.ADMIN},
    "GET /providers/{providerId}/appointments": {Grant.ITS_PROVIDER},
    "GET /providers/{providerId}/appointments/{appointmentId}": {Grant.ITS_PROVIDER},
    "PATCH /providers/{providerId}/appointments/{appointmentId}": {Grant.ITS_PROVIDER},
    "DELETE /providers/{providerId}/appointments/{appointmentId}": {Grant.ITS_PROVIDER},
    "GET /openapi.json": {Grant.ANYBODY},
    "GET /docs": {Grant.ANYBODY},
    "GET /docs/{file}": {Grant.ANYBODY},
    "GET /problems/{code}": {Grant.ANYBODY},
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent the request: as a client it is `id`, as a provider `provider_id`."""

    id: str
    roles: frozenset[str] = frozenset()
    provider_id: str | None = None
    is_demo: bool = False
    """The local stage's caller that may act for any provider and any client."""

    @property
    def role(self) -> str:
        """For the log."""
        return "demo" if self.is_demo else "+".join(sorted(self.roles)) or "none"

    def acts_for(self, provider_id: str) -> bool:
        return self.is_demo or ("provider" in self.roles and self.provider_id == provider_id)

    def may(self, route: str, provider_id: str = "") -> None:
        """Raises Problem `forbidden` unless a row of MAY lets the caller in; `provider_id` is whose the thing is."""
        grants = MAY[route]
        if not any(self._has(grant, provider_id) for grant in grants):
            raise Problem("forbidden", f"only {' or '.join(sorted(grant.value for grant in grants))} may do this")

    def may_reach(self, route: str, provider_id: str) -> str | None:
        """Whose reservations with this provider the caller reaches: its own client id, or None for all of them.

        Raises Problem `not-found` where there are none: another's reservation is as good as none.
        """
        try:
            self.may(route, provider_id)
        except Problem as problem:
            raise Problem("not-found", "there is no such thing, or none that you may see") from problem
        return None if self.acts_for(provider_id) else self.id

    def books_for(self, client_id: str | None) -> str:
        """The client that a reservation is for, when `client_id` is asked for. Raises Problem `invalid-request`."""
        if client_id is None and not (self.is_demo or "client" in self.roles):
            raise invalid("/clientId", "is missing")
        return client_id or self.id

    def may_book_for(self, client_id: str, provider_id: str) -> None:
        """Raises Problem `forbidden`."""
        own = "client" in self.roles and client_id == self.id
        if not (own or self.acts_for(provider_id) or "admin" in self.roles):
            raise Problem("forbidden", "a client reserves for itself, a provider its own appointments")

    def _has(self, grant: Grant, provider_id: str) -> bool:
        match grant:
            case Grant.ANYBODY | Grant.SIGNED_IN:
                return True
            case Grant.CLIENT | Grant.ITS_CLIENT:
                return self.is_demo or "client" in self.roles
            case Grant.ITS_PROVIDER:
                return self.acts_for(provider_id)
            case Grant.ADMIN:
                return "admin" in self.roles


NOBODY = Caller("-")


def is_public(route: str) -> bool:
    """Whether nobody need be signed in for it."""
    return route.startswith("OPTIONS ") or Grant.ANYBODY in MAY[route]


def mock_caller(authorization: str) -> Caller:
    """Anybody who says anything: `client:alice` is that client, `hello` is a demo caller. The local stage only."""
    role, _, caller_id = authorization.removeprefix("Bearer ").strip().partition(":")
    if role not in ROLES or not is_name(caller_id):
        return Caller(DEMO_CLIENT, is_demo=True)
    return Caller(caller_id, frozenset({role}), caller_id if role == "provider" else None)
