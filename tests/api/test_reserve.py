from tests.support import Api, Clock, DynamoDB, client


def test_a_slot_is_reserved_once(api: Api) -> None:
    slot = api.a_slot()

    first, second = api.reserve(slot), api.reserve(slot, client("bob"))

    assert (first.status_code, second.status_code) == (201, 409)
    assert second.json_body["code"] == "appointment-held"
    assert second.headers["Retry-After"] == "1800"


def test_a_reserve_whose_answer_was_lost_still_says_201(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    with dynamodb.lose_answer("UpdateItem"):
        answer = api.reserve(slot)

    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers
    assert api.read(answer.json_body["reservationId"]).json_body["status"] == "reserved"


def test_a_reserve_that_never_hears_from_the_table_says_503(api: Api, dynamodb: DynamoDB) -> None:
    slot = api.a_slot()

    with dynamodb.lose_answer("UpdateItem", forever=True):
        answer = api.reserve(slot)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"


def test_a_hold_that_is_over_does_not_stand_in_the_way(api: Api, clock: Clock) -> None:
    slot = api.a_slot()
    old = api.a_hold(slot)
    clock.advance(minutes=30)

    answer = api.reserve(slot, client("bob"))

    assert answer.status_code == 201
    assert api.read(old).json_body["status"] == "expired"
