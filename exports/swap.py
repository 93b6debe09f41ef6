"""Folders put into place whole: by a rename, or exchanged with the one that is there, so that nobody sees half of each.

Where the file system can't exchange two names (renameat2 with RENAME_EXCHANGE, Linux 3.15; some network file systems
lack it), the former folder is renamed aside first: for an instant there is none, but never half of one.
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

STAGING = ".staging"
"""Below exports/: what is being written. Each part keeps to a folder of its own in it, such as .staging/dispatcher."""

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_UNABLE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)
_libc = ctypes.CDLL(None, use_errno=True)


def exchange(one: Path, other: Path) -> None:
    """Swap two names of one file system in a single step. Raises OSError; see `unable`."""
    renameat2 = getattr(_libc, "renameat2", None)
    if renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one), None, str(other))
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))


def unable(error: OSError) -> bool:
    """Whether `exchange` failed because system or file system have no such call."""
    return error.errno in _UNABLE


def replace_folder(staged: Path, target: Path, aside: Path) -> bool:
    """Put the folder `staged` at `target`; what was there is at `aside` afterwards. Whether something was there.

    All three lie on one file system, their parents are there, and `aside` is free. After a kill half-way `target` is
    the former or the new folder, whole (without RENAME_EXCHANGE it may be missing), and the other one may still be at
    `staged` or `aside`. Makes nothing last: sync the parent for that. Raises OSError.
    """
    while True:
        try:
            exchange(staged, target)
        except FileNotFoundError:
            if _renamed(staged, target):
                return False
        except OSError as error:
            if not unable(error):
                raise
            return _replace_in_two_steps(staged, target, aside)
        else:
            staged.rename(aside)
            return True


def _renamed(staged: Path, target: Path) -> bool:
    """False: something came to be at `target` just now. Raises FileNotFoundError if `staged` is the one missing."""
    try:
        staged.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        return False
    return True


def _replace_in_two_steps(staged: Path, target: Path, aside: Path) -> bool:
    try:
        target.rename(aside)
        former = True
    except FileNotFoundError:
        former = False
    staged.rename(target)
    return former
