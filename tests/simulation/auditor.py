"""The auditor: reads a history, event by event, and says which of the rules it breaks.

It replays what the engine did against the model, one request at a time, so there is no order to search for: the
order in which the engine served the requests either explains every answer, or it is an anomaly. Each write must be a
change that the model allows by the clock of whoever made it. Each answer must follow from the state that one of the
operation's own requests met, between its beginning and its end.
"""

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation import model
from tests.simulation.explain import follows
from tests.simulation.history import (
    FAILURE,
    SUCCESS,
    UNKNOWN,
    Action,
    Answer,
    Answered,
    Began,
    Calm,
    Checked,
    Event,
    Place,
    Served,
    Violation,
    first_nonce,
    reservation_of,
)
from tests.simulation.items import differences, missing, place_of
from tests.simulation.model import Broken, Policy, World, must


@dataclass
class _Operation:
    action: Action
    mint: str
    changes: int = 0
    """How often it has done what it asks for."""
    left: Place | None = None
    """Where it has left a slot, or the gap of one."""
    seen: list[World] = field(default_factory=list)
    """The world after each of its requests."""
    answer: Answer | None = None


class Auditor:
    """Sees a history; `violations` is what is wrong with it so far."""

    def __init__(self, policies: dict[str, Policy]) -> None:
        self.world = World(policies)
        self.violations: list[Violation] = []
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """By kind and outcome."""
        self._operations: dict[int, _Operation] = {}
        self._edited: dict[Place, int] = {}
        """Who has last published, moved or deleted there."""
        self._calm = False

    def see(self, event: Event) -> None:
        number = -1
        try:
            match event:
                case Began():
                    self._operations[event.number] = _Operation(event.action, event.mint)
                case Served():
                    number = event.number
                    self._served(event)
                case Answered():
                    number = event.number
                    self._answered(event)
                case Calm():
                    self._calm = True
                case Checked():
                    self._checked(event)
        except Broken as broken:
            self._found(broken.violation, number)

    def _found(self, violation: Violation, number: int) -> None:
        self.violations.append(Violation(violation.rule, violation.what, number))

    def _served(self, served: Served) -> None:
        operation = self._operations[served.number]
        if served.keys:
            self._change(operation, served)
            for violation in differences(self.world, served.items or {}):
                self._found(violation, served.number)
        operation.seen.append(self.world)

    def _change(self, operation: _Operation, served: Served) -> None:
        action, now = operation.action, served.now
        places = [place for place in map(place_of, sorted(served.keys)) if place]
        ends_one = any(sk.startswith("ENDED#") for _, sk in served.keys)
        if ends_one and action.kind != "cancel":
            self.world = model.release(self.world, places[0], now=now)
            return
        operation.changes += 1
        again = f"{action.kind} took effect {operation.changes} times"
        must(
            operation.changes == 1, model.ONE_A_KEY if action.kind in ("reserve", "publish") else model.EXPLAINED, again
        )
        if action.kind in ("publish", "move", "delete"):
            self._edited |= dict.fromkeys(places, served.number)
        match action.kind:
            case "reserve":
                made = reservation_of(action.slot, first_nonce(operation.mint))
                self.world = model.reserve(self.world, action, places[0], made=made, now=now)
            case "confirm":
                self.world = model.confirm(self.world, action, places[0], now=now)
            case "cancel":
                self.world = model.cancel(self.world, action, places[0], now=now)
            case "publish":
                self.world = model.publish(self.world, action, mint=operation.mint, now=now)
            case "move" | "delete":
                place = next(
                    (at for at in places if (slot := self.world.slots.get(at)) and slot.id == action.slot), places[0]
                )
                operation.left = place if action.start is None else Place(place.provider, action.start)
                self.world = model.remove(self.world, action, place, mint=operation.mint, now=now)
            case "put provider":
                self.world = model.put_provider(self.world, action)
            case _:
                raise Broken(model.EXPLAINED, f"a {action.kind} wrote {sorted(served.keys)}")

    def _answered(self, answered: Answered) -> None:
        operation, answer = self._operations[answered.number], answered.answer
        action = operation.action
        outcome = answer.outcome if answer else UNKNOWN
        self.outcomes[action.kind, outcome] += 1
        if answer is None or outcome == UNKNOWN:
            must(not self._calm, model.NOT_STUCK, f"{action} was not done, and nothing was in its way")
            must(answer is None or answer.status != 500, model.EXPLAINED, f"{action}: 500")
            return
        if action.kind == "own list":
            self._own_list(action, answer)
            return
        said = f"{action}: {answer.status} {answer.code}"
        if outcome == FAILURE:
            allowed = operation.changes == 0 or (answered.answers_lost > 0 and self._cannot_tell(answered, operation))
            must(allowed, model.EXPLAINED, f"{said}, and yet it was done")
        if action.kind == "delete" and outcome == SUCCESS:
            must(operation.changes == 1, model.EXPLAINED, f"{said}, and it was not done")
        seen = operation.seen or [self.world]
        explained = any(
            follows(action, answer, world, now, operation.mint)
            for world in seen
            for now in sorted({*answered.clock} or {0})
        )
        must(explained, _rule_of(action, answer), f"{said} {dict(answer.body)} follows from nothing that it met")

    def _cannot_tell(self, answered: Answered, operation: _Operation) -> bool:
        """The answer that it was done is lost, and so is every trace: the slot is gone, or another has edited it."""
        if operation.action.kind == "delete":
            return True
        edited = self._edited.get(operation.left) if operation.left else None
        return operation.action.kind == "move" and edited != answered.number

    def _own_list(self, action: Action, answer: Answer) -> None:
        """From an index, which lags: what it shows is, or was."""
        for body in answer.body["reservations"]:
            found = self.world.reservation(body["reservationId"])
            must(found is not None, model.NOT_LOST, f"{body['reservationId']} is listed, and there is no such thing")
            must(body["clientId"] == action.client, model.EXPLAINED, f"{action.client} sees {body}")

    def _checked(self, checked: Checked) -> None:
        items = {(raw["pk"]["S"], raw["sk"]["S"]): raw for raw in checked.items}
        for violation in (*differences(self.world, items), *missing(self.world, items)):
            self._found(violation, -1)
        for slot in self.world.slots.values():
            over = slot.held is not None and slot.held.lapsed(checked.now)
            must(not over, model.NOT_STUCK, f"{slot.held and slot.held.id} is over, and a sweep left it")


def _rule_of(action: Action, answer: Answer) -> str:
    """Which promise an answer that nothing explains breaks."""
    if action.kind == "read" and answer.status == 404:
        return model.NOT_LOST
    return model.ONE_A_KEY if answer.replayed else model.EXPLAINED


def audit(policies: dict[str, Policy], events: list[Event]) -> list[Violation]:
    """What is wrong with a whole history."""
    auditor = Auditor(policies)
    for event in events:
        auditor.see(event)
    return auditor.violations
