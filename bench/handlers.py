"""How long the handlers of reserve and confirm take, beside one bare conditional write and the usual way.

On Moto, in this process. The floor is the very UpdateItem that Holdfast sends, sent for another slot by botocore
alone. The tables hold only the slots of one round, as Moto's index queries look at every item there is.
"""

import random
from collections import defaultdict
from time import perf_counter

from app import app
from bench import slots, usual
from bench.calls import Raw, call, event, fine, report, spread, timed, token
from bench.slots import Slot, bare_client, captured, counting, elsewhere
from chalicelib import clock
from local import aws

ROUNDS, WARM = 400, 40
RESERVE, CONFIRM = "/appointments/{ref}/reservations", "/reservations/{reservationId}/confirm"
Times = defaultdict[str, list[float]]
Requests = dict[str, int]


class Round:
    """Each operation once, on slots of its own."""

    def __init__(self, number: int, client: object, times: Times, requests: Requests) -> None:
        slots.empty_all()
        aws.fill()
        start = clock.now() + 86_400
        self.made: list[Slot] = []
        for place in range(4):
            made, item = slots.slot(aws.DEMO_PROVIDER, start + place * slots.SLOT_SECONDS)
            item.save()
            self.made.append(made)
        self.bare, self.times, self.requests = client, times, requests
        self.token = token(f"client-{number}")
        self.other_token = token(f"other-{number}")

    def holdfast(self) -> None:
        mine, floor, limited, _ = self.made
        slots.limit_holds(0)
        write, body = self._asked("reserve", app, event("POST", RESERVE, self.token, ref=mine.id))
        self.times["floor of reserve"].append(self._bare(write, mine, floor))
        self._lost("lost race", app, event("POST", RESERVE, self.other_token, ref=mine.id))
        self.times["floor of a lost race"].append(self._bare_lost(write, mine, floor))
        sent = event("PUT", CONFIRM, self.token, reservationId=body["reservationId"])
        write, _ = self._asked("confirm", app, sent)
        self.times["floor of confirm"].append(self._bare(write, mine, floor))
        slots.limit_holds(5)
        self._asked("reserve, with the limit of holds", app, event("POST", RESERVE, self.token, ref=limited.id))

    def usual(self) -> None:
        ref = usual.put_slot("1234", clock.iso(self.made[3].start), clock.iso(self.made[3].start + slots.SLOT_SECONDS))
        _, body = self._asked("usual: reserve", usual.app, event("POST", RESERVE, self.token, ref=ref))
        self._lost("usual: lost race", usual.app, event("POST", RESERVE, self.other_token, ref=ref))
        sent = event(
            "PUT", CONFIRM.replace("reservationId", "reservation"), self.token, reservation=body["reservationId"]
        )
        self._asked("usual: confirm", usual.app, sent)

    def _asked(self, name: str, of: object, sent: Raw) -> tuple[Raw, Raw]:
        with captured("UpdateItem") as writes, counting() as count:
            answered = fine(call(of, sent))
            self.requests[name] = count()
        self.times[name].append(answered.seconds)
        return writes[-1] if writes else {}, answered.body

    def _lost(self, name: str, of: object, sent: Raw) -> None:
        with counting() as count:
            answered = call(of, sent)
            self.requests[name] = count()
        if answered.body["code"] != "appointment-held":
            raise AssertionError(answered)
        self.times[name].append(answered.seconds)

    def _bare(self, write: Raw, here: Slot, there: Slot) -> float:
        moved = elsewhere(write, here, there)
        return timed(lambda: self.bare.update_item(**moved))  # type: ignore[attr-defined]  # a botocore client

    def _bare_lost(self, write: Raw, here: Slot, there: Slot) -> float:
        moved = elsewhere(write, here, there)
        began = perf_counter()
        try:
            self.bare.update_item(**moved)  # type: ignore[attr-defined]
        except self.bare.exceptions.ConditionalCheckFailedException:  # type: ignore[attr-defined]
            return perf_counter() - began
        raise AssertionError("a write that cannot be was done")


def main() -> None:
    aws.start()
    slots.without_copies()
    usual.create_tables()
    times: Times = defaultdict(list)
    requests: Requests = {}
    bare, order = bare_client(), random.Random(1)  # noqa: S311  # no secret
    for number in range(ROUNDS + WARM):
        if number == WARM:
            times.clear()
        this = Round(number, bare, times, requests)
        turns = [this.holdfast, this.usual]
        order.shuffle(turns)
        for turn in turns:
            turn()
    report(
        {"rounds": ROUNDS, "milliseconds": {name: spread(took) for name, took in times.items()}, "requests": requests}
    )


if __name__ == "__main__":
    main()
