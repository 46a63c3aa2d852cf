import pytest

from tests.support import Api, DynamoDB, client


@pytest.mark.parametrize("who", [None, client(), "nonsense"])
def test_anyone_is_told_that_all_is_well(api: Api, who: str | None) -> None:
    answer = api.get("/health", who)

    assert (answer.status_code, answer.json_body) == (200, {"status": "ok"})


def test_health_is_told_from_a_read_of_the_table(api: Api, dynamodb: DynamoDB) -> None:
    with dynamodb.recorded() as sent:
        api.get("/health", None)

    assert sent == ["GetItem"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InternalServerError", 500),
        ("ProvisionedThroughputExceededException", 400),
        ("ThrottlingException", 400),
        ("ResourceNotFoundException", 400),
        ("AccessDeniedException", 400),
    ],
)
def test_whatever_keeps_the_table_from_being_read_is_503(api: Api, dynamodb: DynamoDB, code: str, status: int) -> None:
    with dynamodb.failing("GetItem", code, status):
        answer = api.get("/health", None)

    assert (answer.status_code, answer.json_body["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_table_that_cannot_be_reached_is_503(api: Api, dynamodb: DynamoDB) -> None:
    with dynamodb.lose_answer("GetItem", forever=True):
        answer = api.get("/health", None)

    assert answer.status_code == 503
