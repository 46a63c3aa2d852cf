"""What can stand in the way, one class for each fact. `web/problems.py` says them in HTTP."""

from chalicelib.store.ids import ReservationId


class BookingError(Exception):
    """The request was understood and refused."""


class NotFound(BookingError):
    """There is no such thing, or none that the caller may know of."""


class Invalid(BookingError):
    """A member of the request breaks a rule."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.detail = detail


class SlotOverlap(BookingError):
    """The provider has appointments at that time already."""

    def __init__(self, conflicts: list[tuple[int, int]]) -> None:
        super().__init__("overlap")
        self.conflicts = conflicts


class HoldLimit(BookingError):
    """The client has as many holds as it may, or has let too many go."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("limit")
        self.retry_after_seconds = retry_after_seconds


class AppointmentHeld(BookingError):
    """A hold that is not over lies on the slot."""

    def __init__(self, retry_after_seconds: int, own: ReservationId | None) -> None:
        super().__init__("held")
        self.retry_after_seconds = retry_after_seconds
        self.own = own
        """The hold, when it is the caller's."""


class AppointmentBooked(BookingError):
    """The slot is confirmed for somebody."""


class AppointmentClosed(BookingError):
    """The appointment has started, or begins too soon to be reserved."""


class ReservationExpired(BookingError):
    """The hold ran out before it was confirmed."""


class ReservationCancelled(BookingError):
    """The reservation was given back."""


class VersionMismatch(BookingError):
    """The caller has seen another version than the one that stands."""


class KeyReused(BookingError):
    """The idempotency key came with another request before."""
