"""Whose the files of a home are: what root must not do there, what its server can't write."""

from __future__ import annotations

import os
import pwd
import re
import shlex
from collections.abc import Iterable

from layout import account_folders, barred
from settings import Settings

_ACCOUNT = re.compile(r"[\w-]+")
"""Folders of accounts; lost+found is none."""


def foreign_home(settings: Settings) -> str:
    """What is to be said to root in a home whose server runs as another user; empty: nothing.

    That is told by the spool, which the server writes: it could not write what root makes beside it, nor read all.
    """
    if os.geteuid() != 0:
        return ""
    try:
        owner = settings.spool.stat().st_uid
    except OSError:
        return ""
    if owner == 0:
        return ""
    name = _user(owner, "#")
    return (f"{settings.home} is {name}'s (uid {owner}): run this as that user, as in: "
            f"sudo -u {shlex.quote(name)} ftpdock ...")  # fmt: skip


def barred_account(settings: Settings, folders: Iterable[str]) -> str:
    """What keeps this user from writing into folders of an account, of the first that it may not; empty: nothing.

    An import that can't be closed, because root has made them, keeps its whole account waiting.
    """
    folders = tuple(folders)
    for root in sorted(settings.accounts.glob("*")):
        if not _ACCOUNT.fullmatch(root.name):
            continue
        advice = f"chown -R {shlex.quote(_user(os.geteuid()))} {shlex.quote(str(root))}"
        looked = dict.fromkeys(each for path in account_folders(root, folders) for each in (path.parent, path))
        if problem := next(filter(None, (barred(path, advice) for path in looked)), ""):
            return problem
    return ""


def _user(number: int, mark: str = "") -> str:
    """A user's name, else the number, with the mark that a program wants before one."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"{mark}{number}"
