"""Many clients at one moment: each slot has one winner, and nobody sees an error of ours."""

import time
import uuid
from functools import partial
from random import Random
from threading import Thread

from tests.e2e.client import Answer, Api, a_client, the_day_after_tomorrow
from tests.e2e.conftest import CLIENTS, AtOnce, Deployed, codes

SLOTS = 50
CLIENTS_A_SLOT = 16
PUBLISHERS = 16


def test_one_of_64_clients_gets_the_slot(api: Api, at_once: AtOnce) -> None:
    provider_id = api.a_provider()
    slot = api.a_slot(provider_id)

    answers = at_once([partial(api.reserve, slot, a_client()) for _ in range(CLIENTS)])

    assert codes(answers) == {"201": 1, "409 appointment-held": CLIENTS - 1}
    [winner] = [answer.body["clientId"] for answer in answers if answer.status == 201]
    assert [seen["clientId"] for seen in api.calendar(provider_id)] == [winner]


def test_each_of_50_slots_has_one_winner_of_16(api: Api, at_once: AtOnce) -> None:
    provider_id = api.a_provider()
    slots = api.slots(provider_id, SLOTS)
    wanted = [slot for slot in slots for _ in range(CLIENTS_A_SLOT)]
    Random(1).shuffle(wanted)  # noqa: S311  # an order, no secret

    answers = at_once([partial(api.reserve, slot, a_client()) for slot in wanted])

    assert codes(answers) == {"201": SLOTS, "409 appointment-held": SLOTS * (CLIENTS_A_SLOT - 1)}
    won = {answer.body["appointmentId"]: answer.body["clientId"] for answer in answers if answer.status == 201}
    assert {seen["appointmentId"]: seen["clientId"] for seen in api.calendar(provider_id)} == won
    assert set(won) == set(slots)


def test_one_of_16_publishes_of_the_same_time_goes_through(api: Api, at_once: AtOnce) -> None:
    provider_id, start = api.a_provider(), the_day_after_tomorrow()

    answers = at_once([partial(api.publish, provider_id, start, 60)] * PUBLISHERS)

    assert codes(answers) == {"201": 1, "409 slot-overlap": PUBLISHERS - 1}
    assert len(api.calendar(provider_id)) == 2


def test_16_publishes_under_one_key_are_one(api: Api, at_once: AtOnce) -> None:
    provider_id, start = api.a_provider(), the_day_after_tomorrow()
    once = partial(api.publish, provider_id, start, 60, {"Idempotency-Key": "once"})

    answers = at_once([once] * PUBLISHERS)

    assert codes(answers) == {"201": PUBLISHERS}
    assert len({answer.raw for answer in answers}) == 1
    assert len(api.calendar(provider_id)) == 2


def test_publishes_side_by_side_all_go_through(api: Api, at_once: AtOnce) -> None:
    provider_id, day = api.a_provider(), the_day_after_tomorrow()

    def publish(hour: int) -> Answer:
        return patiently(partial(api.publish, provider_id, day.replace(hour=hour), 60, {"Idempotency-Key": str(hour)}))

    answers = at_once([partial(publish, hour) for hour in range(8)])

    assert codes(answers) == {"201": 8}
    assert len(api.calendar(provider_id)) == 16


def test_killed_lambdas_leave_nothing_half_done(api: Api, at_once: AtOnce, deployed: Deployed) -> None:
    provider_id = api.a_provider()
    slots = api.slots(provider_id, 2)
    wanted = [(slot, a_client()) for slot in slots for _ in range(8)]
    keys = {client: uuid.uuid4().hex for _, client in wanted}
    killed: list[int] = []

    def kill() -> None:
        for _ in range(2):
            time.sleep(0.1)
            killed.append(deployed.kill_lambdas())

    killer = Thread(target=kill)
    killer.start()
    answers = at_once([partial(patiently, partial(api.reserve, slot, client, keys[client])) for slot, client in wanted])
    killer.join()

    assert sum(killed) > 0
    assert codes(answers) == {"201": 2, "409 appointment-held": 14}
    won = [answer.body for answer in answers if answer.status == 201]
    assert {seen["reservationId"] for seen in api.calendar(provider_id)} == {body["reservationId"] for body in won}
    for body in won:
        confirm = partial(api, "PUT", f"/reservations/{body['reservationId']}/confirm", f"client:{body['clientId']}")
        assert patiently(confirm).status == 200


def patiently(call: partial[Answer]) -> Answer:
    """As a client does that has an Idempotency-Key: after a 5xx, again."""
    for _ in range(20):
        answer = call()
        if answer.status < 500:
            break
        time.sleep(0.2)
    return answer
