"""Where files lie: the folders of an account, the spool, and the names of what an import leaves (design section 3)."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from errors import SettingsError
from settings import Settings

log = logging.getLogger("ftpdock")

PROCESSED, FAILED, REPORTS = "processed", "failed", "reports"
TEMPLATES = "Templates"
EXPORT = "Export"
"""On disk; partners see it under the name that `export_folder` in the settings gives."""
INNER = (PROCESSED, FAILED, REPORTS)


def account_root(settings: Settings, account: str) -> Path:
    return settings.accounts / account


def numbered(name: str, number: int, ending: str = ".csv") -> str:
    """PRODUCT_18_09_2024.csv, 42, '.report.csv' -> PRODUCT_18_09_2024.000042.report.csv"""
    return f"{PurePath(name).stem}.{number:06}{ending}"


LOST = ".lost"
"""Folder of the spool for uploads that no table knows."""
STAGED = ".staged-"
"""How folders of the spool begin that have no number yet."""


def spool_folder(settings: Settings, number: int) -> Path:
    """The folder of one import that is not finished: its source and the report files in the making."""
    return settings.spool / f"{number:06}"


@contextlib.contextmanager
def staged(settings: Settings) -> Iterator[Path]:
    """A folder in the spool for what is copied before it has a number: large copies must not keep a lock waiting.

    It is to be renamed to a `spool_folder`, else it is removed; what a kill leaves `jobs.pickup.reconcile` removes.
    """
    folder = settings.spool / f"{STAGED}{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def number_staged(folder: Path, settings: Settings, number: int) -> None:
    """Make a staged folder that of an import; what lies there already is of a number that no table knew."""
    target = spool_folder(settings, number)
    if target.exists():
        lose(settings, target)
    folder.rename(target)


def lose(settings: Settings, folder: Path) -> None:
    """Put a folder of the spool aside, into spool/.lost, which may hold what got its 226 though no table knows it.

    One in which there is nothing is removed. So it is with a file that somebody has put in a folder's place.
    """
    files = [path for path in (folder, *folder.rglob("*")) if path.is_file()]
    if not any(path.stat().st_size for path in files):
        if folder in files:
            folder.unlink()
        else:
            shutil.rmtree(folder, ignore_errors=True)
        return
    aside = settings.spool / LOST / f"{folder.name}-{uuid.uuid4().hex[:8]}"
    aside.parent.mkdir(exist_ok=True)
    folder.rename(aside)
    log.error("the database knows nothing of %s: a server could not record it or was killed as it did, or the database "
              "has lost that, as one from a backup has; it lies in %s now", folder, aside)  # fmt: skip


def take_back(settings: Settings, number: int, file: os.stat_result, *, recorded: bool) -> None:
    """Remove the folder with `file` in it, of a receipt that failed, whose number may be `recorded` for another one.

    Who was given the number since, and found it in his way, has put it aside.
    """
    folder = spool_folder(settings, number)
    aside = (settings.spool / LOST).glob(f"{folder.name}-*")
    for each in aside if recorded else (folder, *aside):
        if each.is_dir() and any(os.path.samestat(path.stat(), file) for path in each.iterdir()):
            shutil.rmtree(each)
            log.info("%s is removed: it could not be recorded, and whoever sent it was told so", each)


def export_source(settings: Settings, account: str) -> Path:
    """What is exported to an account, before it is mirrored."""
    return settings.exports / account


def export_root(settings: Settings, account: str) -> Path:
    """What the account's partner sees of it."""
    return account_root(settings, account) / EXPORT


def partial_folder(settings: Settings) -> Path:
    """Uploads that are not whole. On the file system of accounts/, because they are renamed into it."""
    return settings.spool / "partial"


def mail_file(settings: Settings, name: str) -> Path:
    """Where a mail of that name lies in a home without a mail server; queued ones are named by their numbers."""
    return settings.home / "mail" / f"{name}.eml"


def mail_beside(settings: Settings, name: str, token: str) -> Path:
    """Where it lies if its number was given before, as after a restore: the file of the other mail stays."""
    return mail_file(settings, f"{name}-{token[-8:]}")


def account_folders(root: Path, folders: Iterable[str]) -> Iterator[Path]:
    """/Products/processed and so on, without those in which they lie."""
    yield from (root / folder / name for folder in folders for name in INNER)
    yield from (root / TEMPLATES, root / EXPORT)


def make_account_folders(settings: Settings, account: str, folders: Iterable[str]) -> Path:
    """Make what is missing of an account's folders; return its root."""
    root = account_root(settings, account)
    for path in account_folders(root, folders):
        # Asked at each login, when mostly nothing is missing.
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
    return root


def holds_files(root: Path) -> bool:
    """Whether there are files in an account's folder but the templates, which can be made anew."""
    return any(path.is_file() and TEMPLATES not in path.relative_to(root).parts for path in root.rglob("*"))


def make_home(settings: Settings) -> None:
    """Make what is missing of the home folder, readable by its owner alone: it holds keys and partners' data.

    What is there keeps its mode: an admin may have opened exports/ to another program, or the home on the way to it.
    """
    for folder in (settings.home, settings.accounts, settings.spool, partial_folder(settings), settings.exports,
                   settings.home / "logs"):  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def open_home(home: Path) -> str:
    """What is to be said of a home folder that others may look into; empty if they may not."""
    if not home.stat().st_mode & stat.S_IRWXO:
        return ""
    return f"{home} is open to every user of this machine, and holds keys and partners' data: chmod o-rwx {home}"


def barred_home(settings: Settings) -> str:
    """What keeps this user from writing into a home, or from making what is missing of it; empty: nothing."""
    folders = (settings.home, settings.accounts, settings.spool, partial_folder(settings), settings.spool / "servers",
               settings.spool / "workers", settings.exports, settings.home / "logs",
               settings.home / "mail")  # fmt: skip
    if problem := next(filter(None, map(barred, folders)), ""):
        return problem
    # As one that root has called once leaves them.
    logs = (path for ending in ("log", "lock") for path in sorted((settings.home / "logs").glob(f"*.{ending}")))
    return next((_not_writable(path) for path in logs if not os.access(path, os.W_OK)), "")


_ANOTHERS = "run ftpdock as the user who owns it"


def barred(folder: Path, anothers: str = _ANOTHERS) -> str:
    """What keeps this user from writing into a folder, or from making one that is missing; empty: nothing.

    `anothers` is what to do about one of another user.
    """
    folder = nearest(folder)
    if not folder.is_dir():
        return f"{folder} is no folder, and has to be one: move it away"
    return "" if os.access(folder, os.R_OK | os.W_OK | os.X_OK) else _not_writable(folder, anothers)


def nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there."""
    while not os.path.lexists(path):
        path = path.parent
    return path


def _not_writable(path: Path, anothers: str = _ANOTHERS) -> str:
    found = path.stat() if path.exists() else path.lstat()
    needed = stat.S_IRWXU if stat.S_ISDIR(found.st_mode) else stat.S_IRUSR | stat.S_IWUSR
    if found.st_uid != os.geteuid():
        advice = anothers
    elif found.st_mode & needed != needed:
        advice = f"chmod u+rw{'x' if needed & stat.S_IXUSR else ''} {path}"
    else:
        advice = "is its file system mounted for reading only?"
    return f"{path} is not writable for this user: {advice}"


def refuse_export_folder(settings: Settings, folders: Iterable[str]) -> None:
    """Raises SettingsError if partners would see their exports in a folder for uploads, which `folders` names."""
    if settings.export_folder in folders:
        raise SettingsError(f"{settings.where('export_folder')} is {settings.export_folder!r}, which is a folder for "
                            "uploads: choose another name")  # fmt: skip


def warn_of_open_home(settings: Settings) -> None:
    """A folder that a service manager or a container's volume has made is no other than it was."""
    if problem := open_home(settings.home):
        log.warning("%s", problem)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power cut, as fsync does for what is in a file."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
