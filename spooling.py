"""The transaction that records what is put into the spool: if it fails, what was put there goes with it."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator

from layout import take_back
from models import Upload, database, is_postgres, transaction, writing
from settings import Settings

log = logging.getLogger("ftpdock")


@contextlib.contextmanager
def spooling(settings: Settings, account_id: int, file: Callable[[], os.stat_result]) -> Iterator[list[int]]:
    """`writing` for an account, in which a file is put into the spool: its number is to be put into what is yielded.

    `file` tells that file from what another one with its number has put there, and is asked when the transaction fails:
    on SQLite the number is free again, and may have been given by then.
    """
    numbers: list[int] = []
    try:
        with writing(account_id):
            yield numbers
    except BaseException:
        for number in numbers:
            try:
                _take_back(settings, number, file())
            except Exception:
                log.warning("what could not be recorded as %s stays in the spool", number, exc_info=True)
        raise


def _take_back(settings: Settings, number: int, file: os.stat_result) -> None:
    """Unless it may have been recorded all the same: a Postgres that has gone away may still carry out the COMMIT."""
    if is_postgres() and database.connection().closed:
        return
    # On SQLite nobody else puts a folder into its place meanwhile; on Postgres no number is given twice.
    with transaction():
        recorded = Upload.select().where(Upload.id == number).exists()
        take_back(settings, number, file, recorded=recorded)
