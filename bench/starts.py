"""Import and first request of each way: `bench.coldstart` for what runs on Lambda, and a process of FastAPI's."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from psycopg import Connection
from psycopg.sql import SQL

from bench import coldstart
from bench.calls import report, spread, token
from bench.coldstart import Case
from bench.engines import issuing
from bench.relational import SCHEMA

FASTAPI = """
import asyncio, json, sys, time
from bench.asgi import ask
began, began_cpu = time.perf_counter(), time.process_time()
from bench.relational import app, pool
imported, imported_cpu = time.perf_counter(), time.process_time()
async def first():
    async with pool:
        return await ask(app, "GET", "/appointments/1234", sys.argv[1])
status, body = asyncio.run(first())
done, done_cpu = time.perf_counter(), time.process_time()
assert status == 200, body
print(json.dumps([imported - began, done - imported, imported_cpu - began_cpu, done_cpu - imported_cpu]))
"""


def main() -> None:
    with Connection.connect("", autocommit=True) as connection:
        connection.execute(SQL(SCHEMA))
    with TemporaryDirectory() as name, issuing(coldstart.Stub) as url:
        fastapi = Case("FastAPI and PostgreSQL: one read, token", ["-c", FASTAPI, token("alice")], dict(os.environ))
        starts = coldstart.measure([*coldstart.cases(Path(name), url), fastapi])
    report(
        {
            "runs": coldstart.RUNS,
            "milliseconds": {
                case: {figure: spread(getattr(one, figure) for one in made) for figure in coldstart.FIGURES}
                for case, made in starts.items()
            },
        }
    )


if __name__ == "__main__":
    main()
