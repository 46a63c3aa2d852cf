"""How much one client may hold, and how long an appointment's item may grow."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.store.table import table
from chalicelib.web.schedule import sweep_and_log
from tests.support import ADMIN, DEMO, Api, Clock, DynamoDB, client, provider

MAX_LIVE_HOLDS = 5
HOLD_SECONDS = 1_800
DAY = 86_400
MOST_LET_GO_A_DAY = 50
KILOBYTE = 1_024


class Invocation:
    """A Lambda with time to spare."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def _slots(api: Api, count: int, day: str = "2027-01-03") -> list[str]:
    answer = api.publish(
        *[
            (f"{day}T{9 + at // 4:02}:{at % 4 * 15:02}:00Z", f"{day}T{9 + at // 4:02}:{at % 4 * 15 + 10:02}:00Z")
            for at in range(count)
        ]
    )
    return [slot["appointmentId"] for slot in answer.json_body["appointments"]]


def _holds(api: Api, slots: list[str]) -> list[str]:
    return [api.a_hold(slot) for slot in slots]


def _refused(answer: HTTPResponse) -> tuple[int, str]:
    return answer.status_code, answer.json_body["code"]


def _reserve_for(api: Api, slot: str, who: str, client_id: str) -> HTTPResponse:
    return api.post(f"/appointments/{slot}/reservations", who, {"clientId": client_id})


def _size(value: dict[str, Any]) -> int:
    """Of an attribute's value by DynamoDB's rule (developer guide, `Item sizes and formats`)."""
    [(kind, held)] = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return (len(held.lstrip("-0")) + 1) // 2 + 2
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(member) for name, member in held.items())
    raise AssertionError(kind)


def _item_size(item: dict[str, Any]) -> int:
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


# Live holds


def test_as_many_holds_as_may_be(api: Api) -> None:
    answers = [api.reserve(slot) for slot in _slots(api, MAX_LIVE_HOLDS)]

    assert [answer.status_code for answer in answers] == [201] * MAX_LIVE_HOLDS


def test_one_hold_more_is_refused(api: Api) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    _holds(api, slots)

    answer = api.reserve(another)

    assert _refused(answer) == (429, "hold-limit")
    assert api.bookable() == [another]


def test_retry_after_says_when_the_first_hold_ends(api: Api, clock: Clock) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    for slot in slots:
        api.a_hold(slot)
        clock.advance(minutes=2)

    answer = api.reserve(another)
    clock.advance(seconds=int(answer.headers["Retry-After"]))

    assert answer.headers["Retry-After"] == str(HOLD_SECONDS - 600)
    assert api.reserve(another).status_code == 201


def test_a_second_before_retry_after_is_too_early(api: Api, clock: Clock) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    _holds(api, slots)
    clock.advance(seconds=HOLD_SECONDS - 1)

    answer = api.reserve(another)

    assert answer.headers["Retry-After"] == "1"


def test_a_confirm_makes_room(api: Api) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    api.confirm(_holds(api, slots)[2])

    assert api.reserve(another).status_code == 201


def test_a_cancel_makes_room(api: Api) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    api.cancel(_holds(api, slots)[2])

    assert api.reserve(another).status_code == 201


@pytest.mark.parametrize("swept", [False, True])
def test_expiry_makes_room_swept_or_not(api: Api, clock: Clock, *, swept: bool) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    _holds(api, slots)
    clock.advance(seconds=HOLD_SECONDS)
    if swept:
        sweep_and_log(Invocation())

    assert api.reserve(another).status_code == 201


def test_confirmed_reservations_do_not_count(api: Api) -> None:
    *slots, another = _slots(api, 3 * MAX_LIVE_HOLDS)
    for slot in slots:
        api.confirm(api.a_hold(slot))

    assert api.reserve(another).status_code == 201


def test_a_hold_on_what_has_started_does_not_count(api: Api, clock: Clock) -> None:
    api.put("/providers/1234", ADMIN, {"name": "Practice", "timeZone": "UTC", "holdMinutes": 1_440})
    _holds(api, _slots(api, MAX_LIVE_HOLDS, day="2027-01-01"))
    clock.advance(hours=4)

    assert api.reserve(api.a_slot()).status_code == 201


def test_the_limit_is_of_one_client(api: Api) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    _holds(api, slots)

    assert api.reserve(another, client("bob")).status_code == 201


def test_the_limit_is_across_providers(api: Api) -> None:
    api.put("/providers/5678", ADMIN, {"name": "Practice", "timeZone": "UTC"})
    _holds(api, _slots(api, MAX_LIVE_HOLDS))
    other = api.publish(("2027-01-03T09:00:00Z", "2027-01-03T10:00:00Z"), provider_id="5678").json_body["appointments"]

    assert _refused(api.reserve(other[0]["appointmentId"])) == (429, "hold-limit")


@pytest.mark.parametrize("who", [provider(), ADMIN, DEMO])
def test_the_limit_is_the_clients_whoever_reserves_for_it(api: Api, who: str) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    _holds(api, slots)

    assert _refused(_reserve_for(api, another, who, "alice")) == (429, "hold-limit")
    assert _reserve_for(api, another, who, "bob").status_code == 201


def test_a_provider_reserves_for_many_clients(api: Api) -> None:
    answers = [_reserve_for(api, slot, provider(), f"c{at}") for at, slot in enumerate(_slots(api, 2 * MAX_LIVE_HOLDS))]

    assert {answer.status_code for answer in answers} == {201}


# Replays


def test_a_replay_is_never_refused_by_the_limit(api: Api) -> None:
    first, *slots = _slots(api, MAX_LIVE_HOLDS)
    made = api.reserve(first, Idempotency_Key="k1")
    _holds(api, slots)

    again = api.reserve(first, Idempotency_Key="k1")

    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.json_body == made.json_body
    assert again.headers["Location"] == made.headers["Location"]


def test_a_replay_of_what_has_ended_is_not_refused_either(api: Api) -> None:
    first, *slots = _slots(api, MAX_LIVE_HOLDS + 1)
    made = api.reserve(first, Idempotency_Key="k1").json_body["reservationId"]
    api.cancel(made)
    _holds(api, slots)

    again = api.reserve(first, Idempotency_Key="k1")

    assert (again.status_code, again.json_body["status"]) == (201, "cancelled")
    assert again.json_body["reservationId"] == made


def test_another_request_under_a_key_is_told_so_over_the_limit_too(api: Api) -> None:
    first, *slots = _slots(api, MAX_LIVE_HOLDS + 1)
    _holds(api, slots)
    path = f"/appointments/{first}/reservations"
    api.post(path, ADMIN, {"clientId": "bob"}, Idempotency_Key="k1")

    answer = api.post(path, ADMIN, {"clientId": "alice"}, Idempotency_Key="k1")

    assert _refused(answer) == (422, "idempotency-key-reused")


def test_a_request_that_the_limit_refused_keeps_no_key(api: Api) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    first, *_ = _holds(api, slots)
    api.reserve(another, Idempotency_Key="k1")
    api.cancel(first)

    answer = api.reserve(another, Idempotency_Key="k1")

    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers


# The order of refusals


def test_what_is_not_there_is_said_before_the_limit(api: Api) -> None:
    *slots, gone = _slots(api, MAX_LIVE_HOLDS + 1)
    _holds(api, slots)
    api.delete(f"/providers/1234/appointments/{gone}", provider(), If_Match="*")

    assert _refused(api.reserve(gone)) == (404, "not-found")


def test_a_stale_version_is_said_before_the_limit(api: Api) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    _holds(api, slots)

    assert _refused(api.reserve(another, If_Match='"2"')) == (412, "precondition-failed")
    assert _refused(api.reserve(another, If_Match='"1"')) == (429, "hold-limit")


def test_bad_input_is_said_before_the_limit(api: Api) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    _holds(api, slots)

    assert _refused(api.reserve(another, Idempotency_Key="a b")) == (400, "invalid-request")


@pytest.mark.parametrize("state", ["held", "booked", "own hold", "closed"])
def test_the_limit_is_said_before_what_stands_in_the_way(api: Api, clock: Clock, state: str) -> None:
    api.put("/providers/1234", ADMIN, {"name": "Practice", "timeZone": "UTC", "holdMinutes": 1_440})
    soon, *slots, another = [
        api.a_slot("2027-01-01T09:00:00Z", "2027-01-01T10:00:00Z"),
        *_slots(api, MAX_LIVE_HOLDS + 1),
    ]
    _holds(api, slots)
    if state in ("held", "booked"):
        hold = api.a_hold(another, client("bob"))
        if state == "booked":
            api.confirm(hold, client("bob"))
    clock.advance(hours=1)
    wanted = {"own hold": slots[0], "closed": soon}.get(state, another)

    assert _refused(api.reserve(wanted)) == (429, "hold-limit")


# Holding and letting go, in a loop


def _take_and_cancel(api: Api, slot: str) -> HTTPResponse:
    answer = api.reserve(slot)
    if answer.status_code == 201:
        api.cancel(answer.json_body["reservationId"])
    return answer


def _as_if_let_go(dynamodb: DynamoDB, times: int, *, apart: int = 60) -> None:
    """Puts copies of the one reservation that has ended, each ended so much later; without the loop's cost."""
    [ended] = dynamodb.items("ENDED#")
    at = int(ended["ended_at"]["N"])
    copies = [
        ended | {"sk": {"S": f"{ended['sk']['S'][:-3]}{copy:03}"}, "ended_at": {"N": str(at + copy * apart)}}
        for copy in range(1, times)
    ]
    table.batch_write_item(put_items=copies)


def test_holding_and_letting_go_in_a_loop_is_bounded(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slots = _slots(api, 2, day="2027-01-08")
    _take_and_cancel(api, slots[0])
    _as_if_let_go(dynamodb, 40)
    clock.advance(minutes=40)
    answers = []
    for at in range(11):
        answers.append(_take_and_cancel(api, slots[at % 2]))
        clock.advance(minutes=1)

    assert [answer.status_code for answer in answers] == [201] * (MOST_LET_GO_A_DAY - 40) + [429]
    assert answers[-1].json_body["code"] == "hold-limit"
    assert answers[-1].headers["Retry-After"] == str(DAY - MOST_LET_GO_A_DAY * 60)


def test_the_loop_may_go_on_when_retry_after_has_passed(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot("2027-01-08T09:00:00Z", "2027-01-08T10:00:00Z")
    _take_and_cancel(api, slot)
    _as_if_let_go(dynamodb, MOST_LET_GO_A_DAY)
    clock.advance(hours=1)
    wait = int(api.reserve(slot).headers["Retry-After"])

    clock.advance(seconds=wait - 1)
    early = api.reserve(slot)
    clock.advance(seconds=1)
    answer = api.reserve(slot)

    assert wait == DAY - 3_600
    assert (early.status_code, answer.status_code) == (429, 201)


def test_holds_that_ran_out_are_counted_as_well(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    slot = api.a_slot("2027-01-08T09:00:00Z", "2027-01-08T10:00:00Z")
    api.a_hold(slot)
    clock.advance(seconds=HOLD_SECONDS)
    sweep_and_log(Invocation())
    _as_if_let_go(dynamodb, MOST_LET_GO_A_DAY)

    assert _refused(api.reserve(slot)) == (429, "hold-limit")


def test_one_time_less_may_be(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot("2027-01-08T09:00:00Z", "2027-01-08T10:00:00Z")
    _take_and_cancel(api, slot)
    _as_if_let_go(dynamodb, MOST_LET_GO_A_DAY - 1)

    assert [_take_and_cancel(api, slot).status_code for _ in range(2)] == [201, 429]


def test_a_loop_of_one_client_does_not_stop_another(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    _take_and_cancel(api, slot)
    _as_if_let_go(dynamodb, MOST_LET_GO_A_DAY)

    assert api.reserve(slot).status_code == 429
    assert api.reserve(slot, client("bob")).status_code == 201


# What it costs


def test_the_limit_costs_one_read_a_reserve(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    with dynamodb.recorded() as sent:
        api.reserve(slot)

    assert sent == ["Query", "UpdateItem"]


def test_a_refusal_by_the_limit_writes_nothing(api: Api, dynamodb: DynamoDB) -> None:
    *slots, another = _slots(api, MAX_LIVE_HOLDS + 1)
    _holds(api, slots)

    with dynamodb.recorded() as sent:
        api.reserve(another)

    assert sent == ["Query", "GetItem"]


def test_reservations_of_long_ago_are_not_read(api: Api, clock: Clock, dynamodb: DynamoDB) -> None:
    for slot in _slots(api, 12):
        api.confirm(api.a_hold(slot))
    clock.advance(days=10)
    slot = api.a_slot("2027-01-20T09:00:00Z", "2027-01-20T10:00:00Z")

    with dynamodb.recorded() as sent:
        answer = api.reserve(slot)

    assert (answer.status_code, sent) == (201, ["Query", "UpdateItem"])


WITHOUT_A_LIMIT = """
import json
from tests.support import Api, DynamoDB
api = Api()
# At the present time: the clock is the machine's.
from chalicelib.clock import iso, now
start = now() + 86_400
slots = [api.a_slot(iso(start + 600 * at), iso(start + 600 * at + 300)) for at in range(8)]
with DynamoDB().recorded() as sent:
    said = [api.reserve(slot).status_code for slot in slots]
print(json.dumps([said, sorted(set(sent))]))
"""


def test_a_limit_of_zero_is_none_and_costs_nothing() -> None:
    environ = {**os.environ, "MAX_LIVE_HOLDS": "0"}

    done = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-c", WITHOUT_A_LIMIT], env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[201] * 8, ["UpdateItem"]]


# The size of an item, and the keys that found no room in it


def _visits(api: Api, slot: str, count: int, *, name: Callable[[int], str] = "c{}".format) -> list[HTTPResponse]:
    """That many clients, each with a key, hold the slot and let it go."""
    made = []
    for at in range(count):
        made.append(api.reserve(slot, client(name(at)), Idempotency_Key=f"key-{at}"))
        api.cancel(made[-1].json_body["reservationId"], client(name(at)))
    return made


def test_an_item_stays_under_a_kilobyte_whatever_befalls_it_in_a_day(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    longest = "p" * 128
    api.put(f"/providers/{longest}", ADMIN, {"name": "Practice", "timeZone": "UTC", "holdMinutes": 1_440})
    published = api.publish(("2027-01-08T09:00:00Z", "2027-01-08T10:00:00Z"), provider_id=longest)
    slot = published.json_body["appointments"][0]["appointmentId"]
    sizes = []

    for at in range(20):
        who = client(f"{at:0>128}")
        held = api.reserve(slot, who, Idempotency_Key="k" * 255).json_body["reservationId"]
        sizes.append(_item_size(dynamodb.items("APPT#")[0]))
        if at % 2:
            api.confirm(held, who)
            sizes.append(_item_size(dynamodb.items("APPT#")[0]))
        api.cancel(held, who)
        clock.advance(minutes=5)

    ended = [_item_size(item) for item in dynamodb.items("ENDED#")]
    assert max(sizes) < KILOBYTE
    assert max(ended) < KILOBYTE


def test_the_measure_of_sizes() -> None:
    item = {"pk": {"S": "é"}, "n": {"N": "1798790400"}, "keys": {"M": {"a": {"S": "bc"}}}}

    assert _item_size(item) == (2 + 2) + (1 + 7) + (4 + 3 + 1 + 1 + 2)


def test_keys_that_were_spilled_are_replayed(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    made = _visits(api, slot, 10)
    assert len(dynamodb.items("KEY#")) > 1

    again = [api.reserve(slot, client(f"c{at}"), Idempotency_Key=f"key-{at}") for at in range(10)]

    assert [answer.status_code for answer in again] == [201] * 10
    assert {answer.headers["Idempotency-Replayed"] for answer in again} == {"true"}
    assert [answer.json_body["reservationId"] for answer in again] == [
        answer.json_body["reservationId"] for answer in made
    ]
    assert {answer.json_body["status"] for answer in again} == {"cancelled"}


def test_a_replay_of_a_spilled_key_does_not_take_the_slot_again(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    _visits(api, slot, 10)
    before = dynamodb.items()

    for at in range(10):
        api.reserve(slot, client(f"c{at}"), Idempotency_Key=f"key-{at}")

    assert dynamodb.items() == before


def test_a_spilled_key_is_replayed_while_another_holds_the_slot(api: Api) -> None:
    slot = api.a_slot()
    made = _visits(api, slot, 10)
    api.a_hold(slot, client("bob"))

    again = api.reserve(slot, client("c0"), Idempotency_Key="key-0")

    assert (again.status_code, again.json_body["status"]) == (201, "cancelled")
    assert again.json_body["reservationId"] == made[0].json_body["reservationId"]


def test_a_spilled_key_with_another_body_is_refused(api: Api) -> None:
    slot = api.a_slot()
    path = f"/appointments/{slot}/reservations"
    held = api.post(path, ADMIN, {"clientId": "bob"}, Idempotency_Key="k1").json_body["reservationId"]
    api.cancel(held, client("bob"))
    _visits(api, slot, 10)

    answer = api.post(path, ADMIN, {"clientId": "carol"}, Idempotency_Key="k1")

    assert _refused(answer) == (422, "idempotency-key-reused")


def test_keys_are_spilled_by_an_expiry_as_by_a_cancel(api: Api, clock: Clock) -> None:
    slot = api.a_slot("2027-01-08T09:00:00Z", "2027-01-08T10:00:00Z")
    made = []
    for at in range(10):
        made.append(api.reserve(slot, client(f"c{at}"), Idempotency_Key=f"key-{at}").json_body["reservationId"])
        clock.advance(seconds=HOLD_SECONDS)
        sweep_and_log(Invocation())

    again = [api.reserve(slot, client(f"c{at}"), Idempotency_Key=f"key-{at}").json_body for at in range(10)]

    assert [answer["reservationId"] for answer in again] == made
    assert {answer["status"] for answer in again} == {"expired"}


def test_a_spilled_key_is_kept_for_a_day(api: Api, clock: Clock) -> None:
    slot = api.a_slot("2027-01-08T09:00:00Z", "2027-01-08T10:00:00Z")
    made = _visits(api, slot, 10)
    clock.advance(seconds=DAY)

    again = api.reserve(slot, client("c0"), Idempotency_Key="key-0")

    assert again.json_body["reservationId"] == made[0].json_body["reservationId"]


def test_spilled_keys_go_from_the_table_after_their_day(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    _visits(api, slot, 10)

    spilled = [item for item in dynamodb.items("KEY#") if "entry" in item]
    assert spilled
    assert {int(item["ttl"]["N"]) for item in spilled} == {1_798_790_400 + DAY}


def test_a_slot_whose_keys_were_spilled_can_be_had(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    _visits(api, slot, 10)

    with dynamodb.recorded() as sent:
        answer = api.reserve(slot, client("bob"), Idempotency_Key="mine")

    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers
    assert sent == ["Query", "UpdateItem", "GetItem", "UpdateItem"]


def test_a_slot_costs_no_more_again_when_the_day_of_its_spilled_keys_is_over(
    api: Api, clock: Clock, dynamodb: DynamoDB
) -> None:
    slot = api.a_slot("2027-01-08T09:00:00Z", "2027-01-08T10:00:00Z")
    _visits(api, slot, 10)
    clock.advance(seconds=DAY + 1)

    with dynamodb.recorded() as sent:
        answer = api.reserve(slot, client("bob"))

    assert (answer.status_code, sent) == (201, ["Query", "UpdateItem"])


def test_a_moved_slot_has_no_spilled_keys(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()
    _visits(api, slot, 10)
    moved = api.patch(
        f"/providers/1234/appointments/{slot}", provider(), {"startTime": "2027-01-02T09:10:00Z"}, If_Match="*"
    ).json_body["appointmentId"]

    with dynamodb.recorded() as sent:
        answer = api.reserve(moved, client("c0"), Idempotency_Key="key-0")

    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers
    assert sent == ["Query", "UpdateItem"]


def test_a_lengthened_slot_still_knows_its_spilled_keys(api: Api) -> None:
    slot = api.a_slot()
    made = _visits(api, slot, 10)
    api.patch(f"/providers/1234/appointments/{slot}", provider(), {"endTime": "2027-01-02T10:10:00Z"}, If_Match="*")

    again = api.reserve(slot, client("c0"), Idempotency_Key="key-0")

    assert again.json_body["reservationId"] == made[0].json_body["reservationId"]


def test_an_if_match_counts_for_a_slot_whose_keys_were_spilled(api: Api) -> None:
    slot = api.a_slot()
    _visits(api, slot, 10)

    stale = api.reserve(slot, client("bob"), If_Match='"1"')
    right = api.reserve(slot, client("bob"), If_Match='"21"')

    assert _refused(stale) == (412, "precondition-failed")
    assert right.status_code == 201


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_of_two_clients_at_a_slot_whose_keys_were_spilled_one_gets_it(api: Api, dynamodb: DynamoDB, nth: int) -> None:
    slot = api.a_slot()
    _visits(api, slot, 10)
    answers: list[HTTPResponse] = []

    with dynamodb.before("*", lambda: answers.append(api.reserve(slot, client("carol"))), nth=nth):
        answers.append(api.reserve(slot, client("bob")))

    assert [answer.status_code for answer in answers] == [201, 409]


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_twin_that_came_and_went_meanwhile_is_replayed(api: Api, dynamodb: DynamoDB, nth: int) -> None:
    slot = api.a_slot()
    _visits(api, slot, 10)
    twins: list[str] = []

    def come_and_go() -> None:
        twins.append(api.reserve(slot, client("bob"), Idempotency_Key="mine").json_body["reservationId"])
        api.cancel(twins[0], client("bob"))

    with dynamodb.before("*", come_and_go, nth=nth):
        answer = api.reserve(slot, client("bob"), Idempotency_Key="mine")

    assert (answer.status_code, answer.json_body["status"]) == (201, "cancelled")
    assert answer.json_body["reservationId"] == twins[0]
    assert api.bookable() == [slot]


@pytest.mark.parametrize("key", [{}, {"Idempotency_Key": "mine"}])
def test_a_lost_answer_at_a_slot_whose_keys_were_spilled_is_answered(
    api: Api, dynamodb: DynamoDB, key: dict[str, str]
) -> None:
    slot = api.a_slot()
    _visits(api, slot, 10)

    with dynamodb.lose_answer("UpdateItem", nth=2):
        answer = api.reserve(slot, client("bob"), **key)

    assert (answer.status_code, answer.json_body["status"]) == (201, "reserved")
    assert "Idempotency-Replayed" not in answer.headers
    assert api.read(answer.json_body["reservationId"], client("bob")).json_body == answer.json_body


def test_a_lapsed_hold_on_a_slot_whose_keys_were_spilled_gives_way(api: Api, clock: Clock) -> None:
    slot = api.a_slot("2027-01-08T09:00:00Z", "2027-01-08T10:00:00Z")
    _visits(api, slot, 10)
    lapsed = api.a_hold(slot, client("bob"))
    clock.advance(seconds=HOLD_SECONDS)

    answer = api.reserve(slot, client("carol"))

    assert answer.status_code == 201
    assert api.read(lapsed, client("bob")).json_body["status"] == "expired"
