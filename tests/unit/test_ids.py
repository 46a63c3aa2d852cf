from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator

import pytest

from chalicelib import clock
from chalicelib.store import ids
from chalicelib.store.ids import AppointmentId, ReservationId

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
START = clock.seconds("2027-01-02T09:00:00Z")
APPOINTMENT = AppointmentId("1234", START, "genGEN12")
RESERVATION = ReservationId("1234", START, "genGEN12", "nonceNONCE123456")
NAMES = ["1", "1234", "dr.who", "a_b-c", "auth0|5f7c", "user@example.org", "urn:x:y", "A" * 128]
NOT_NAMES = [
    "",
    ".a",
    "-a",
    "_a",
    "|a",
    "a b",
    "a\n",
    "\na",
    "a\0",
    "a/b",
    "a#b",
    "a%20",
    "ä",
    "a\u0661",
    "A" * 129,
    "\ud800",
]


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize("name", NAMES)
def test_names_that_may_be(name: str) -> None:
    assert ids.is_name(name)


@pytest.mark.parametrize("name", NOT_NAMES)
def test_names_that_may_not_be(name: str) -> None:
    assert not ids.is_name(name)


@pytest.mark.parametrize("provider", NAMES)
def test_an_appointment_id_is_read_back(provider: str) -> None:
    appointment_id = AppointmentId(provider, START, "genGEN12")

    assert ids.appointment_id(str(appointment_id)) == appointment_id


@pytest.mark.parametrize("provider", NAMES)
def test_a_reservation_id_is_read_back(provider: str) -> None:
    reservation_id = ReservationId(provider, START, "genGEN12", "nonceNONCE123456")

    assert ids.reservation_id(str(reservation_id)) == reservation_id


@pytest.mark.parametrize("start", [0, 1, START, clock.LATEST - 86_400])
def test_a_start_is_read_back(start: int) -> None:
    assert ids.appointment_id(str(AppointmentId("1234", start, "genGEN12"))).start == start


def test_ids_say_what_they_name() -> None:
    assert str(APPOINTMENT).startswith("apt_")
    assert str(RESERVATION).startswith("res_")


@pytest.mark.parametrize("text", [str(APPOINTMENT), str(RESERVATION)])
def test_an_id_needs_no_encoding_in_a_url(text: str) -> None:
    assert set(text) <= set(ALPHABET)


def test_a_reservation_knows_its_appointment() -> None:
    assert RESERVATION.appointment_id == APPOINTMENT


def test_one_kind_of_id_is_not_the_other() -> None:
    with pytest.raises(ids.BadId):
        ids.appointment_id(str(RESERVATION))
    with pytest.raises(ids.BadId):
        ids.reservation_id(str(APPOINTMENT))


def test_a_reservation_id_under_the_other_prefix_names_no_reservation_of_the_same_provider() -> None:
    text = str(RESERVATION).replace("res_", "apt_")

    with pytest.raises(ids.BadId):
        ids.appointment_id(text)


def test_a_truncated_appointment_id_never_names_the_same_slot() -> None:
    text = str(APPOINTMENT)

    assert APPOINTMENT not in [_appointment_or_none(text[:length]) for length in range(len(text))]


def test_a_truncated_reservation_id_never_names_the_same_reservation() -> None:
    text = str(RESERVATION)

    assert RESERVATION not in [_reservation_or_none(text[:length]) for length in range(len(text))]


def test_no_character_of_an_appointment_id_is_spare() -> None:
    assert APPOINTMENT not in [_appointment_or_none(text) for text in _with_another_character(str(APPOINTMENT))]


def test_no_character_of_a_reservation_id_is_spare() -> None:
    assert RESERVATION not in [_reservation_or_none(text) for text in _with_another_character(str(RESERVATION))]


@pytest.mark.parametrize("tail", ["A", "=", "==", "\n", " ", "AAAA", "/", "\0", "%3D"])
def test_nothing_can_be_added_to_an_id(tail: str) -> None:
    assert _appointment_or_none(str(APPOINTMENT) + tail) != APPOINTMENT
    assert _reservation_or_none(str(RESERVATION) + tail) != RESERVATION


@pytest.mark.parametrize(
    "text",
    [
        "",
        "apt_",
        "apt",
        "1234",
        "apt_é" * 6,
        "apt_" + "\u0661" * 30,
        "apt_\ud800" + "A" * 30,
        "apt_" + "A" * 100_000,
        "APT_" + str(APPOINTMENT)[4:],
        " " + str(APPOINTMENT),
        f"apt_AAAAAAAAgenGEN12{_b64(b'a b')}",
        f"apt_AAAAAAAAgenGEN12{_b64('ä'.encode())}",
        f"apt_AAAAAAAAgenGEN12{_b64(bytes([255, 254]))}",
        f"apt_AAAAAAAAgenGEN12{_b64(b'A' * 129)}",
        "apt_AAAAAAAAgenGEN12A",
    ],
)
def test_what_is_no_appointment_id(text: str) -> None:
    with pytest.raises(ids.BadId):
        ids.appointment_id(text)


@pytest.mark.parametrize("start", [clock.LATEST - 86_399, clock.LATEST, clock.LATEST + 1, 2**48 - 1])
def test_a_start_so_late_that_its_end_may_have_no_text_is_no_id(start: int) -> None:
    with pytest.raises(ids.BadId):
        ids.appointment_id(str(AppointmentId("1234", start, "genGEN12")))


@pytest.mark.parametrize(("mint", "bits"), [(ids.new_generation, 40), (ids.new_nonce, 80)])
def test_what_is_minted_is_long_enough_to_be_told_apart(mint: Callable[[], str], bits: int) -> None:
    minted = {mint() for _ in range(1_000)}

    assert len(minted) == 1_000
    assert all(len(text) * 6 >= bits for text in minted)


def test_what_is_minted_fits_an_id() -> None:
    made = ReservationId("1234", START, ids.new_generation(), ids.new_nonce())

    assert ids.reservation_id(str(made)) == made


def _appointment_or_none(text: str) -> AppointmentId | None:
    try:
        return ids.appointment_id(text)
    except ids.BadId:
        return None


def _reservation_or_none(text: str) -> ReservationId | None:
    try:
        return ids.reservation_id(text)
    except ids.BadId:
        return None


def _with_another_character(text: str) -> Iterator[str]:
    for position, character in enumerate(text):
        for other in ALPHABET.replace(character, ""):
            yield text[:position] + other + text[position + 1 :]
