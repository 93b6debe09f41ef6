"""Whose the files of a home are: what root must not do there, what its server can't write, who may read secrets."""

from __future__ import annotations

import grp
import logging
import os
import pwd
import re
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from layout import account_folders, barred
from settings import Settings

log = logging.getLogger("ftpdock")

NOBODY = 65_534
"""The user that NFS takes root for (root_squash): a home there may well be a server's that runs as root."""
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
    if owner in (0, NOBODY):
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


def open_secrets(settings: Settings) -> list[str]:
    """What is to be said of files with secrets that others may read, a sentence for each."""
    return [f"{path} holds {what}, and others than its owner may read it: {advice}"
            for path, what in _secret_files(settings) if (advice := _closing(path))]  # fmt: skip


def warn_of_open_secrets(settings: Settings) -> None:
    for problem in open_secrets(settings):
        log.warning("%s", problem)


def _secret_files(settings: Settings) -> Iterator[tuple[Path, str]]:
    if names := settings.secrets_in_file:
        yield settings.home / "ftpdock.toml", f"secrets ({', '.join(names)})"
    if settings.smtp_password_file:
        yield settings.home / settings.smtp_password_file, "a secret (smtp_password_file)"
    yield settings.private_key_path, "the server's private key"
    yield settings.home / "certs" / "secret.key", "the key for passwords of targets"


def _closing(path: Path) -> str:
    """How a file is closed to those who have no business in it; empty: it is closed, or not there.

    One of another user, such as root:ftpdock 0640 in /etc, has to let us read it by its group, or by an ACL, which
    shows as rights of the group: it is open only if everybody may read it.
    """
    try:
        found = path.stat()
    except OSError:
        return ""
    ours = found.st_uid == os.geteuid()
    if not found.st_mode & (stat.S_IRGRP | stat.S_IROTH if ours else stat.S_IROTH):
        return ""
    quoted = shlex.quote(str(path))
    return f"chmod 600 {quoted}" if ours else f"chgrp {shlex.quote(_group())} {quoted} && chmod 640 {quoted}"


def _user(number: int, mark: str = "") -> str:
    """A user's name, else the number, with the mark that a program wants before one."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"{mark}{number}"


def _group() -> str:
    """Our group's name, else its number."""
    try:
        return grp.getgrgid(os.getegid()).gr_name
    except KeyError:
        return str(os.getegid())
