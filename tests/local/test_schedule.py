"""The scheduled function, run as EventBridge would."""

import app
from local import schedule
from tests.support import Api, Clock, provider


def test_it_releases_what_is_over(api: Api, clock: Clock) -> None:
    reservation = api.a_hold(api.a_slot())
    clock.advance(minutes=31)

    schedule.invoke("expire_reservations", app.expire_reservations)

    ended = api.read(reservation, provider()).json_body
    assert ended["status"] == "expired"


def test_one_that_fails_does_not_end_the_schedule() -> None:
    def fails(*_: object) -> None:
        raise ValueError("what went wrong")

    schedule.invoke("expire_reservations", fails)
