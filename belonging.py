"""Whether a home and a database belong together: rows tell what the files are, and each alone is half."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from errors import FtpdockError
from layout import account_root, holds_files
from models import Account
from settings import Settings

LOOKED_AT = 1_000
"""Folders of the spool, of which nearly all hold what waits, if there are many."""


def refuse_strange_home(settings: Settings) -> None:
    """Raises FtpdockError if there are accounts and the home has the folder of none, as when its disk is not mounted.

    Uploads would be written below the mount point, and those that wait on the disk taken for lost. Where there is no
    account at all see `refuse_strange_files`.
    """
    names = [name for (name,) in Account.select(Account.name).tuples()]
    if not names:
        refuse_strange_files(settings)
    elif not any(account_root(settings, name).is_dir() for name in names):
        raise FtpdockError(
            f"The database has accounts, and {settings.accounts} has the folder of none of them: is the disk mounted? "
            f"If this is meant to be a new home, make {account_root(settings, names[0])} first"
        )


def refuse_strange_files(settings: Settings) -> None:
    """For a database without accounts. Raises FtpdockError if there are files of some, as it is another one then.

    No partner could log in, and what waits in the spool would be taken for lost.
    """
    if found := next(_folders_in_use(settings), None):
        raise FtpdockError(
            f"The database {settings.database_name} has no account, and {found} holds files of one: is it the database "
            f"that this home had so far ({settings.where('database')})? If it is meant to be a new one, move what lies "
            f"in {settings.accounts} and {settings.spool} away first"
        )


def _folders_in_use(settings: Settings) -> Iterator[Path]:
    """Of accounts, and of imports. What was removed lies in one that begins with a dot."""
    for path in sorted(settings.accounts.iterdir()) if settings.accounts.is_dir() else ():
        if not path.name.startswith(".") and holds_files(path):
            yield path
    for path in itertools.islice(settings.spool.glob("[0-9]*"), LOOKED_AT):
        if any(file.is_file() and file.stat().st_size for file in path.glob("*")):
            yield path
