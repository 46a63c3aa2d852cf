"""What each problem means and what to do about it, for people: the pages at `/problems/<code>`."""

from typing import NamedTuple


class Advice(NamedTuple):
    """In whole sentences; code between backticks."""

    meaning: str
    remedy: str


ADVICE = {
    "invalid-request": Advice(
        "A part of the request is missing, is not of the right form, or breaks a rule: a slot in the past, an end "
        "before its start, a member that does not exist.",
        "Read `errors`: each entry points at the part (a JSON Pointer into the body, or the name of a parameter or "
        "header) and says what is wrong with it. Mend it and send the request again.",
    ),
    "malformed-json": Advice(
        "The body could not be read as JSON in UTF-8.",
        "Send one JSON object, encoded in UTF-8. Comments, NaN and trailing commas are not JSON.",
    ),
    "invalid-cursor": Advice(
        "The cursor was not given out by this list: it is damaged, or comes from another provider, another list or "
        "other filters.",
        "Send `nextCursor` back unchanged, with the same path, `start` and `end`. If it is lost, start again without "
        "a cursor.",
    ),
    "pagination-required": Advice(
        "Every list is read in pages, and the request does not say how long a page may be.",
        "Add `limit`, a number from 1 to 100, and go on with `nextCursor` until it is null.",
    ),
    "unauthenticated": Advice(
        "The request carries no token, or one that is expired, forged or meant for somebody else.",
        "Sign in again and send the token as `Authorization: Bearer <token>`.",
    ),
    "forbidden": Advice(
        "The caller is known and may not do this: it is another provider's calendar, or it takes another role.",
        "Use the account of the provider, the client or the admin whose business it is.",
    ),
    "not-found": Advice(
        "Nothing has this path or this id. What belongs to another client looks the same.",
        "Check the id, and that the right account is signed in. A slot that was moved or published again has a new "
        "id: list the calendar.",
    ),
    "method-not-allowed": Advice(
        "The path exists and does not know this method.",
        "See the header `Allow`, or the documentation, for the methods that it knows.",
    ),
    "slot-overlap": Advice(
        "The provider has appointments at that time already. Nothing was published or moved.",
        "`conflicts` lists the stretches that are taken. Choose other times, or move or delete what is there first.",
    ),
    "appointment-held": Advice(
        "Somebody has reserved the slot and has not confirmed it yet.",
        "Try again when `Retry-After` has passed, or choose another slot. With `reservationId` in the answer the hold"
        " is your own: confirm it or cancel it.",
    ),
    "appointment-booked": Advice(
        "The slot is confirmed for somebody.",
        "Choose another slot. Its provider can free it by cancelling the reservation.",
    ),
    "appointment-closed": Advice(
        "The appointment has started, or starts sooner than its provider accepts reservations.",
        "Choose a later slot, or call the provider.",
    ),
    "reservation-expired": Advice(
        "The reservation was not confirmed in time, and its slot may be somebody else's by now.",
        "Reserve the appointment again, if it is still free, and confirm before `expiresAt`.",
    ),
    "reservation-cancelled": Advice(
        "The reservation was given back, by its client or its provider.",
        "Reserve the appointment again, if it is still free.",
    ),
    "precondition-failed": Advice(
        "The thing has changed since you read it: `If-Match` names a version that no longer stands.",
        "Read it again, look at what has changed, and repeat the request with the new `ETag`.",
    ),
    "payload-too-large": Advice(
        "The body is larger than 256 KB.",
        "Send less at a time: a publish takes 90 slots at most.",
    ),
    "unsupported-media-type": Advice(
        "The body is not sent as JSON.",
        "Set `Content-Type: application/json`.",
    ),
    "idempotency-key-reused": Advice(
        "The `Idempotency-Key` came with another request before. Nothing was done.",
        "Make a new key for every new request; use the old one only to repeat the very same request.",
    ),
    "precondition-required": Advice(
        "A move or a delete must say which version of the appointment it is about, so that no change is lost.",
        "Read the appointment and send its `ETag` as `If-Match`.",
    ),
    "hold-limit": Advice(
        "The client holds as many unconfirmed reservations as are allowed at one time.",
        "Confirm or cancel one, or wait until one expires; then try again.",
    ),
    "too-many-requests": Advice(
        "More requests arrived than the service accepts in a moment.",
        "Wait a little and try again; the same `Idempotency-Key` makes that safe.",
    ),
    "internal": Advice(
        "Something went wrong on our side. It has been logged.",
        "Try again later; the same `Idempotency-Key` makes that safe. If it stays, tell the operator the `requestId`.",
    ),
    "unavailable": Advice(
        "The database cannot be reached, or has too much to do, for the moment.",
        "Try again when `Retry-After` has passed; the same `Idempotency-Key` makes that safe.",
    ),
}
