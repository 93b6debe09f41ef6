"""A database whose COMMIT fails when something was recorded, as that on a full disk does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from models import database, is_postgres

_REFUSES = "RAISE EXCEPTION 'out of luck';"
IS_FULL = "RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full';"
HANGS_UP = "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10);"


@contextmanager
def failing_commit(postgres: str = _REFUSES, table: str = "upload") -> Iterator[None]:
    """For a while no transaction that inserts into `table` can be committed; `postgres` is what that does instead."""
    if is_postgres():
        database.execute_sql(f"CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {postgres} END$$")
        database.execute_sql(f"CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED "
                             "FOR EACH ROW EXECUTE FUNCTION fails()")  # fmt: skip
    else:
        database.execute_sql("CREATE TABLE fails (id INTEGER REFERENCES account(id) DEFERRABLE INITIALLY DEFERRED)")
        database.execute_sql(f"CREATE TRIGGER failing AFTER INSERT ON {table} BEGIN INSERT INTO fails VALUES (-1); END")
    try:
        yield
    finally:
        if is_postgres():
            database.execute_sql("DROP FUNCTION fails CASCADE")
        else:
            database.execute_sql("DROP TRIGGER failing")
            database.execute_sql("DROP TABLE fails")
