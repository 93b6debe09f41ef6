"""The lines of LIST and MLSx, one entry each, as pyftpdlib writes them but for one fact."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection

_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HALF_A_YEAR = 180 * 24 * 60 * 60
_A_DAY = 24 * 60 * 60
"""Of a time without a year that is farther ahead many clients make one of last year."""

_FOLDER_RIGHTS = {"entity": "elc", "fixed": "elp", "export": "eldp"}
# Whether a file that was picked up may still be taken back only the database knows.
_FILE_RIGHTS = {"inbox": "dfw", "picked": "dw", "partial": "adw", "busy": "", "export": "rd"}
"""MLSx perm facts by kind of place (RFC 3659, section 7.5.5), and of what is shown in an entity folder though it does
not lie there: files that were picked up a moment ago, that have arrived in part, that are being uploaded."""


def list_line(name: str, found: os.stat_result, now: float) -> bytes:
    """As `ls -l`: -rw-r--r--   1 ftp      ftp          4096 Nov 23 15:00 order_data.csv"""
    changed = time.gmtime(found.st_mtime)
    if not -_A_DAY <= now - found.st_mtime <= _HALF_A_YEAR:
        when = f"{changed.tm_mday:02}  {changed.tm_year:04}"
    else:
        when = f"{changed.tm_mday:02} {changed.tm_hour:02}:{changed.tm_min:02}"
    line = (
        f"{stat.filemode(found.st_mode)} {found.st_nlink or 1:>3} {'ftp':<8} {'ftp':<8} {found.st_size:>8} "
        f"{_MONTHS[changed.tm_mon]} {when} {name}\r\n"
    )
    return line.encode("utf-8", "replace")


def mlsx_line(name: str, found: os.stat_result, kind: str, facts: Collection[str]) -> bytes:
    """type=file;size=4096;perm=rd;modify=20261123150000;unique=801g2a; order_data.csv"""
    folder = stat.S_ISDIR(found.st_mode)
    known = {}
    if "modify" in facts:
        known["modify"] = time.strftime("%Y%m%d%H%M%S", time.gmtime(found.st_mtime))
    if "perm" in facts:
        known["perm"] = _FOLDER_RIGHTS.get(kind, "el") if folder else _FILE_RIGHTS.get(kind, "r")
    if "size" in facts:
        known["size"] = str(found.st_size)
    if "type" in facts:
        known["type"] = "dir" if folder else "file"
    if "unique" in facts:
        known["unique"] = f"{found.st_dev:x}g{found.st_ino:x}"
    if "unix.gid" in facts:
        known["unix.gid"] = str(found.st_gid)
    if "unix.mode" in facts:
        # Octal digits alone, which clients read as such: of pyftpdlib's 0o600 lftp makes mode 0.
        known["unix.mode"] = f"{found.st_mode & 0o777:04o}"
    if "unix.uid" in facts:
        known["unix.uid"] = str(found.st_uid)
    return f"{''.join(f'{fact}={value};' for fact, value in known.items())} {name}\r\n".encode("utf-8", "replace")
