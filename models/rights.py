"""What a Postgres and the user there have to allow, and in words why they do not. SQLite allows all of it."""

from __future__ import annotations

from collections.abc import Sequence

from peewee import Database

from models.postgres import Postgres

ENCODING = "UTF8"
"""Of the database itself. Each other one lacks characters that files may have, or checks none."""

_SESSION = """
    SELECT current_setting('transaction_read_only')::boolean, quote_ident(current_user),
           quote_ident(current_schema()), coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
           current_setting('search_path')
"""
_OURS_HERE = """
    SELECT oid FROM pg_class
    WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind = 'r' AND relname = ANY(%s)
"""
_CLOSED = f"""
    SELECT relname, 1 FROM pg_class WHERE oid IN ({_OURS_HERE})
    AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
             AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
    UNION ALL
    SELECT relname, 2 FROM pg_sequence JOIN pg_class ON oid = seqrelid
    WHERE NOT has_sequence_privilege(seqrelid, 'USAGE, UPDATE') AND seqrelid IN (
        SELECT objid FROM pg_depend WHERE deptype IN ('a', 'i') AND refobjid IN ({_OURS_HERE})
        AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass)
    ORDER BY 2, 1
"""
"""Tables of ours that the user may not work with, and sequences that number them."""
_OTHERS = f"""
    SELECT DISTINCT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid IN ({_OURS_HERE})
    AND NOT pg_has_role(relowner, 'USAGE') ORDER BY 1
"""
"""Owners of tables of ours whom the user can't act for."""
_ONLY_READS = "it can be read, but not written: it only reads (a standby, or default_transaction_read_only)"


def unfit(database: Database) -> str:
    """Why what is connected can't be ftpdock's database, whatever is in it; empty: it can. Asks nothing of it."""
    if not isinstance(database, Postgres):
        return ""
    info = database.connection().info
    if (found := info.parameter_status("server_encoding")) in (ENCODING, None):
        return ""
    return (f"The encoding of the database {info.dbname} is {found}, and ftpdock needs {ENCODING}: make the "
            f"database with ENCODING '{ENCODING}' TEMPLATE template0")  # fmt: skip


def unusable(database: Database, tables: Sequence[str]) -> str:
    """Why nobody can work with those of these tables that are there; empty: the user can."""
    if not isinstance(database, Postgres):
        return ""
    only_reads, user, schema, *_ = database.execute_sql(_SESSION).fetchone()
    if only_reads:
        return _ONLY_READS
    if not (closed := [name for name, _ in database.execute_sql(_CLOSED, (list(tables), list(tables)))]):
        return ""
    named = f"{', '.join(closed[:3])}{f' and {len(closed) - 3} more' if closed[3:] else ''}"
    return (f"its user {user} may not read and write {named}: let the owner run `GRANT SELECT, INSERT, UPDATE, "
            f"DELETE ON ALL TABLES IN SCHEMA {schema} TO {user}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} "
            f"TO {user}`")  # fmt: skip


def unchangeable(database: Database, tables: Sequence[str]) -> str:
    """Why these tables can't be made, or changed where they are there; empty: the user can do so."""
    if not isinstance(database, Postgres):
        return ""
    only_reads, user, schema, creates, path = database.execute_sql(_SESSION).fetchone()
    if only_reads:
        return _ONLY_READS
    if schema is None:
        return (f"its user {user} finds no schema to make tables in: none of the search path ({path}) is there and "
                f"open to it. Make one by `CREATE SCHEMA`, or open one by `GRANT USAGE, CREATE ON SCHEMA ... TO "
                f"{user}`")  # fmt: skip
    if not creates:
        return (f"its user {user} may make no tables in the schema {schema}: let the owner run `GRANT CREATE ON "
                f"SCHEMA {schema} TO {user}`")  # fmt: skip
    if others := ", ".join(owner for (owner,) in database.execute_sql(_OTHERS, (list(tables),))):
        return (f"its tables belong to {others}, and its user {user} may not change them: migrate as their owner, "
                f"or let it run `GRANT {others} TO {user}`")  # fmt: skip
    return ""
