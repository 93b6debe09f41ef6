"""Whose the files of a home are."""

from __future__ import annotations

import os
import pwd
import shlex

from settings import Settings


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


def _user(number: int, mark: str = "") -> str:
    """A user's name, else the number, with the mark that a program wants before one."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"{mark}{number}"
