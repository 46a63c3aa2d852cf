"""The usual way on PostgreSQL, to compare with: FastAPI, an exclusion constraint, `SELECT ... FOR UPDATE`.

The constraint keeps a provider's appointments from overlapping; the row's lock makes those who want one slot wait for
each other. Every caller is told from the same tokens by PyJWT. A hold that is over can be reserved by somebody else.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

HOLD = "30 minutes"
SCHEMA = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE TABLE appointment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id text NOT NULL,
    during tstzrange NOT NULL,
    status text NOT NULL DEFAULT 'available',
    reservation_id uuid,
    expires_at timestamptz,
    EXCLUDE USING gist (provider_id WITH =, during WITH &&)
);
CREATE INDEX bookable ON appointment (provider_id, lower(during)) WHERE status <> 'confirmed';
CREATE INDEX expiring ON appointment (expires_at) WHERE status = 'reserved';
CREATE TABLE reservation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    appointment_id bigint NOT NULL REFERENCES appointment,
    client_id text NOT NULL,
    status text NOT NULL DEFAULT 'reserved',
    reserved_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX of_appointment ON reservation (appointment_id);
"""
pool = AsyncConnectionPool("", min_size=1, max_size=16, open=False, kwargs={"row_factory": dict_row})
keys = jwt.PyJWKClient(os.environ.get("JWT_JWKS_URL", "http://127.0.0.1/"))
Row = dict[str, Any]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with pool:
        yield


app = FastAPI(lifespan=lifespan)


async def caller(authorization: Annotated[str, Header()]) -> str:
    token = authorization.removeprefix("Bearer ")
    audience, issuer = os.environ["JWT_AUDIENCE"], os.environ["JWT_ISSUER"]
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key.key, algorithms=["ES256"], audience=audience, issuer=issuer)
    subject: str = claims["sub"]
    return subject


Caller = Annotated[str, Depends(caller)]


async def list_slots(provider_id: str, client_id: Caller, limit: int = 50) -> list[Row]:
    del client_id
    async with pool.connection() as connection:
        rows = await connection.execute(
            "SELECT id, lower(during) AS start, upper(during) AS end FROM appointment"
            " WHERE provider_id = %s AND lower(during) > now() AND status <> 'confirmed'"
            " AND (status = 'available' OR expires_at <= now()) ORDER BY lower(during) LIMIT %s",
            (provider_id, limit),
        )
        found: list[Row] = await rows.fetchall()
        return found


async def reserve(ref: int, client_id: Caller) -> Row:
    async with pool.connection() as connection, connection.transaction():
        rows = await connection.execute(
            "SELECT status = 'available' OR (status = 'reserved' AND expires_at <= now()) AS free"
            " FROM appointment WHERE id = %s AND lower(during) > now() FOR UPDATE",
            (ref,),
        )
        slot = await rows.fetchone()
        if slot is None:
            raise HTTPException(404)
        if not slot["free"]:
            raise HTTPException(409)
        rows = await connection.execute(
            "INSERT INTO reservation (appointment_id, client_id, expires_at)"
            " VALUES (%s, %s, now() + %s::interval) RETURNING id, status, expires_at",
            (ref, client_id, HOLD),
        )
        made: Row = await rows.fetchone()
        await connection.execute(
            "UPDATE appointment SET status = 'reserved', reservation_id = %s, expires_at = %s WHERE id = %s",
            (made["id"], made["expires_at"], ref),
        )
        return made


async def confirm(reservation_id: str, client_id: Caller) -> Row:
    async with pool.connection() as connection, connection.transaction():
        rows = await connection.execute(
            "SELECT appointment.id FROM appointment JOIN reservation ON reservation.id = appointment.reservation_id"
            " WHERE reservation.id = %s AND client_id = %s AND appointment.status = 'reserved'"
            " AND appointment.expires_at > now() FOR UPDATE",
            (reservation_id, client_id),
        )
        slot = await rows.fetchone()
        if slot is None:
            raise HTTPException(409)
        await connection.execute("UPDATE appointment SET status = 'confirmed' WHERE id = %s", (slot["id"],))
        await connection.execute("UPDATE reservation SET status = 'confirmed' WHERE id = %s", (reservation_id,))
        return {"id": reservation_id, "status": "confirmed"}


app.get("/appointments/{provider_id}")(list_slots)
app.post("/appointments/{ref}/reservations", status_code=201)(reserve)
app.put("/reservations/{reservation_id}/confirm")(confirm)

SWEEP = """
WITH over AS (
    UPDATE appointment SET status = 'available', reservation_id = NULL, expires_at = NULL
    WHERE id IN (SELECT id FROM appointment WHERE status = 'reserved' AND expires_at <= now() FOR UPDATE SKIP LOCKED)
    RETURNING id
)
UPDATE reservation SET status = 'expired' FROM over WHERE appointment_id = over.id AND reservation.status = 'reserved'
"""
