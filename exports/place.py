"""Puts folders and files into a partner's folder: made ready aside, on its file system, then renamed in."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from exports.swap import replace_folder
from exports.tree import files_of_unit, is_ours, version, version_at
from layout import sync_folder
from models.ledger import Version
from settings import Settings

KEEP_OLD = 300.0
"""Seconds that a folder stays aside after a newer one took its place: a session may still read it."""

SYNCS = 4
"""Folders that are synced at once."""

_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES)
_COPY_AT_ONCE = 1 << 24
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class Changing(OSError):
    """A file changed while it was copied."""


class Place:
    """What the mirror has aside: `new` is being made ready, `old` has been replaced."""

    def __init__(self, settings: Settings) -> None:
        self._new = settings.spool / "mirror" / "new"
        self._old = settings.spool / "mirror" / "old"

    def clear(self) -> None:
        """Forget what a mirror that was killed had made ready."""
        shutil.rmtree(self._new, ignore_errors=True)
        for folder in (self._new, self._old):
            folder.mkdir(parents=True, exist_ok=True)

    def stage_folder(self, source: int, names: Iterable[str], former: Path) -> Path:
        """A folder with the files `names` of the folder that the handle `source` is open on; hard links, if possible.

        What other programs have beside ours in `former`, whose place it is to take, goes along. Raises
        FileNotFoundError if one of `names` is gone.
        """
        with self._staged() as staged:
            staged.mkdir()
            for name in names:
                self._take(name, staged / name, source)
            for name in files_of_unit(former):
                # Gone: the partner deletes it just now.
                with contextlib.suppress(FileNotFoundError):
                    if not is_ours(name):
                        self._take(former / name, staged / name)
        return staged

    def stage_file(self, source: Path, expected: Version, *, link: bool) -> Path:
        """A file like `source`: the same one, or a copy of its own. Raises Changing and FileNotFoundError."""
        with self._staged() as staged:
            self._fill(source, staged, link=link)
            if version_at(staged) != expected:
                raise Changing(f"{source} was replaced just now")
        return staged

    def _fill(self, source: Path, staged: Path, *, link: bool) -> None:
        if link:
            self._take(source, staged)
        else:
            copy(source, staged)

    def _take(self, source: str | Path, staged: Path, folder: int | None = None) -> None:
        """The same file by another name, or a copy where that can't be. `folder`: a handle that `source` is below."""
        try:
            os.link(source, staged, src_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            copy(source, staged, folder)

    def put(self, staged: Path, target: Path) -> None:
        """Rename in what was made ready; sync the folder of `target` afterwards."""
        if staged.is_dir():
            aside = self._old / f"{time.time_ns()}-{staged.name}"
            replace_folder(staged, target, aside)
        else:
            staged.replace(target)

    def put_file(self, source: Path, target: Path, expected: Version, former: Version | None, *, link: bool) -> None:
        """Put a file in the place of the `former` one. Raises Changing, also if that one went meanwhile, as by its
        partner, FileNotFoundError and other OSErrors."""
        staged = self.stage_file(source, expected, link=link)
        try:
            if version_at(target) != former:
                raise Changing(f"{target} was deleted or replaced just now")
            self.put(staged, target)
        except OSError:
            self.drop(staged)
            raise

    def drop(self, staged: Path) -> None:
        """Forget what was made ready and is not needed."""
        if staged.is_dir():
            shutil.rmtree(staged, ignore_errors=True)
        else:
            staged.unlink(missing_ok=True)

    def drop_old(self, age: float = KEEP_OLD) -> None:
        """Delete what was replaced `age` seconds ago or earlier."""
        with os.scandir(self._old) as entries:
            for entry in entries:
                since = entry.name.partition("-")[0]
                if not since.isdigit() or time.time_ns() - int(since) >= age * 1e9:
                    shutil.rmtree(entry.path, ignore_errors=True)

    @contextlib.contextmanager
    def _staged(self) -> Iterator[Path]:
        """A path to make something ready at. What fails leaves nothing: on a full disk it would keep it full."""
        staged = self._new / uuid.uuid4().hex
        try:
            yield staged
        except BaseException:
            self.drop(staged)
            raise


def copy(source: str | Path, target: Path, folder: int | None = None) -> None:
    """A copy of a regular file that lasts through a power cut, with the time of its last change. Raises Changing."""
    with os.fdopen(os.open(source, _FLAGS, dir_fd=folder), "rb") as reading:
        before = os.fstat(reading.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise Changing(errno.EINVAL, "no regular file", str(source))
        with target.open("xb") as writing:
            shutil.copyfileobj(reading, writing, min(_COPY_AT_ONCE, before.st_size + 1))
            writing.flush()
            os.utime(writing.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
            os.fsync(writing.fileno())
            size = writing.tell()
        if version(os.fstat(reading.fileno())) != version(before) or size != before.st_size:
            target.unlink()
            raise Changing(errno.EBUSY, "it is being written", str(source))


def make_parents(root: Path, path: str) -> set[Path]:
    """Make the folders of `path` below `root`, which is there; return those that have to be synced."""
    folder = root
    to_sync = {(root / path).parent}
    for name in path.split("/")[:-1]:
        folder = folder / name
        if not folder.is_dir():
            folder.mkdir()
            to_sync.add(folder.parent)
    return to_sync


def sync_all(folders: Collection[Path]) -> None:
    """Several at once: the disk writes for all of them what it has to write, ten times as many a second."""
    if len(folders) > 1:
        with ThreadPoolExecutor(SYNCS, "exports-sync") as pool:
            list(pool.map(_sync, folders))
    for folder in folders if len(folders) == 1 else ():
        _sync(folder)


def _sync(folder: Path) -> None:
    # Gone in the meantime: then nothing in it has to last.
    with contextlib.suppress(FileNotFoundError):
        sync_folder(folder)


def remove_empty(root: Path, path: str) -> None:
    """Remove the folders of `path` that are empty, but those directly below `root`."""
    folder = (root / path).parent
    while folder.parent != root and folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
