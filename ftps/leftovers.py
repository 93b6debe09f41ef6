"""What lies in entity folders and is over; the thread of the sweeps removes it, as uploads that nobody continued.

That is files that came whole under a temporary name and were never renamed, which nobody will import, and what is still
shown of uploads that were picked up, after a kill between the two.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ftps.identity import account_key
from ftps.partials import hold
from ftps.places import is_temporary
from ftps.replies import Refusal
from ftps.shared import Shared
from layout import account_root
from models import Account, Upload

_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def sweep(shared: Shared, accounts: Iterable[Account], older_than: float) -> Iterator[Path]:
    """Remove files under temporary names that nobody has touched for `older_than` seconds, unless a session has them in
    hand."""
    for account, paths in _folders(shared, accounts, temporary=True):
        # A newer one that is arriving takes the place of this one. A waiting upload has a second name in the spool.
        yield from _swept(shared, account, paths, older_than, linked=False)


def hide_picked(shared: Shared, accounts: Iterable[Account], older_than: float) -> Iterator[Path]:
    """Remove what is shown for `older_than` seconds though it waits no more. It has a second name, in the spool or in
    processed/; what has none was put there by somebody, and stays."""
    for account, paths in _folders(shared, accounts, temporary=False):
        mine = (Upload.account == account) & (Upload.state == "waiting")
        # Asked behind the look: what came in between is too young.
        waiting = {name for (name,) in Upload.select(Upload.name).where(mine).tuples()}
        over = [path for path in paths if path.name not in waiting]
        yield from _swept(shared, account, over, older_than, linked=True)


def _folders(shared: Shared, accounts: Iterable[Account], *, temporary: bool) -> Iterator[tuple[Account, list[Path]]]:
    """The files of each entity folder that have a temporary name, or the others; none of a folder that has none."""
    patterns = shared.settings.temporary_names
    for account in accounts:
        root = account_root(shared.settings, account.name)
        for schema in shared.schemas:
            names = _names(root / schema.folder)
            if found := [name for name in names if is_temporary(name, patterns) == temporary]:
                yield account, [root / schema.folder / name for name in found]


def _names(folder: Path) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [each.name for each in entries if each.is_file(follow_symlinks=False)]
    return []


def _swept(
    shared: Shared, account: Account, paths: Iterable[Path], older_than: float, *, linked: bool
) -> Iterator[Path]:
    key, oldest = account_key(account), time.time() - older_than
    for path in paths:
        virtual = f"/{path.parent.name}/{path.name}"
        if not shared.claims.holds(key, virtual) and _remove(path, oldest, linked):
            yield path


def _remove(path: Path, oldest: float, linked: bool) -> bool:
    try:
        lock = hold(path, functools.partial(os.open, path, _FLAGS))
    except (OSError, Refusal):
        return False  # Gone, no file, or being renamed by another server.
    try:
        found = os.fstat(lock)
        # Not by its time, which clients set to that of their own file.
        if found.st_ctime >= oldest or (found.st_nlink > 1) != linked:
            return False
        path.unlink(missing_ok=True)
        return True
    except OSError:
        return False  # It may not be removed.
    finally:
        os.close(lock)
