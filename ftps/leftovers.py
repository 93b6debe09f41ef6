"""Files that came whole under a temporary name and were never renamed. Nobody will import them; the thread of the
sweeps removes them as it removes uploads that nobody continued."""

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
from models import Account

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def sweep(shared: Shared, accounts: Iterable[Account], older_than: float) -> Iterator[Path]:
    """Remove those that nobody has touched for `older_than` seconds, unless a session has them in hand."""
    oldest = time.time() - older_than
    for account in accounts:
        key, root = account_key(account), account_root(shared.settings, account.name)
        for schema in shared.schemas:
            for name in _names(root / schema.folder, shared.settings.temporary_names):
                path = root / schema.folder / name
                # A newer one that is arriving takes the place of this one.
                if not shared.claims.holds(key, f"/{schema.folder}/{name}") and _remove(path, oldest):
                    yield path


def _names(folder: Path, temporary: tuple[str, ...]) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [each.name for each in entries if is_temporary(each.name, temporary)]
    return []


def _remove(path: Path, oldest: float) -> bool:
    try:
        lock = hold(path, functools.partial(os.open, path, _FLAGS))
    except (OSError, Refusal):
        return False  # Gone, no file, or being renamed by another server.
    try:
        found = os.fstat(lock)
        # Not by its time, which clients set to that of their own file. A waiting upload has a second name in the spool.
        if found.st_ctime >= oldest or found.st_nlink > 1:
            return False
        path.unlink(missing_ok=True)
        return True
    except OSError:
        return False  # A folder; or it may not be removed.
    finally:
        os.close(lock)
