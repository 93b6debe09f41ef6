"""HASH (draft-bryan-ftp-hash), XSHA256, XSHA1, XMD5 and XCRC: a partner compares what arrived. In the pool.

Of whole files only: servers differ in whether the numbers of `XCRC "name" 0 1000` are the first and the last byte, the
one behind it, or a length, and a hash of another part than was meant would call a good file broken.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import zlib

from ftps.core import Core
from ftps.find import Wanted, open_bytes
from ftps.replies import NO_SUCH_FILE, Refusal
from ftps.shared import Shared

ALGORITHMS = ("SHA-256", "SHA-1", "MD5", "CRC32")
RANGES = "504 Ranges are not supported; ask without them."
_CHUNK = 1024 * 1024
_RANGE = re.compile(r"(.+?)((?:,? \d{1,19}){1,2})", re.ASCII)


def digest(file: io.BufferedReader, algorithm: str) -> tuple[int, str]:
    """Size in bytes, and the hash in lower-case hex."""
    if algorithm == "CRC32":
        return _crc32(file)
    # For comparing, not for secrets: SHA-1 and MD5 are what old clients know.
    found = hashlib.file_digest(file, lambda: hashlib.new(algorithm.replace("-", ""), usedforsecurity=False))
    return file.tell(), found.hexdigest()


def _crc32(file: io.BufferedReader) -> tuple[int, str]:
    value = 0
    while chunk := file.read(_CHUNK):
        value = zlib.crc32(chunk, value)
    return file.tell(), f"{value:08x}"


class Hashes(Core):
    """Commands that hash a file."""

    _algorithm = ALGORITHMS[0]

    def ftp_HASH(self, line: str) -> None:
        self._hash(line, self._algorithm, "213 {algorithm} 0-{size} {hex} {name}")

    def ftp_XSHA256(self, line: str) -> None:
        self._hash(line, "SHA-256", "250 {HEX}")

    def ftp_XSHA1(self, line: str) -> None:
        self._hash(line, "SHA-1", "250 {HEX}")

    def ftp_XMD5(self, line: str) -> None:
        self._hash(line, "MD5", "250 {HEX}")

    def ftp_XCRC(self, line: str) -> None:
        self._hash(line, "CRC32", "250 {HEX}")

    def opts_hash(self, name: str) -> None:
        """OPTS HASH [algorithm]"""
        if name.upper() in ALGORITHMS:
            self._algorithm = name.upper()
        elif name:
            return self.respond(f"501 HASH knows {', '.join(ALGORITHMS)}.")
        return self.respond(f"200 {self._algorithm}")

    @property
    def hash_feature(self) -> str:
        """As FEAT lists it, the chosen one with an asterisk (section 3.1 of the draft)."""
        return "HASH " + ";".join(f"{each}*" if each == self._algorithm else each for each in ALGORITHMS)

    def _hash(self, line: str, algorithm: str, reply: str) -> None:
        name, part = self._split(line)
        wanted = self.wanted(name)
        if wanted is None:
            return self.respond(NO_SUCH_FILE)
        work = functools.partial(_answer, self.shared, wanted, algorithm, reply, part)
        return self.answer(work, pool=self.shared.bulk)

    def _split(self, line: str) -> tuple[str, list[int]]:
        """The name, which some clients quote, and the numbers of the range that some ask for behind it."""
        match = _RANGE.fullmatch(line)
        if match is None or self.fs.lexists(self.fs.ftp2fs(_unquoted(line))):
            return _unquoted(line), []
        return _unquoted(match[1]), [int(number) for number in match[2].replace(",", "").split()]

    def wanted(self, line: str) -> Wanted | None:
        """What a command's argument names, when it may be a file."""
        assert self.identity is not None
        path = self.fs.ftp2fs(line)
        try:
            place, disk = self.fs.place(path), self.fs.disk(path)
        except FileNotFoundError:
            return None
        recent = self.shared.overlay.get(self.identity.key, path)
        return Wanted(self.identity, place, disk, recent, self.fs.held(path))


def _answer(shared: Shared, wanted: Wanted, algorithm: str, reply: str, part: list[int]) -> str:
    """Raises Refusal."""
    recent = wanted.recent
    if recent is not None and algorithm == "SHA-256" and not wanted.disk.exists():
        size, found = recent.size, recent.sha256
        _refuse_part(part, size)
    else:
        with open_bytes(shared, wanted) as file:
            _refuse_part(part, os.fstat(file.fileno()).st_size)
            size, found = digest(file, algorithm)
    return reply.format(algorithm=algorithm, size=size, hex=found, HEX=found.upper(), name=wanted.place.name)


def _refuse_part(part: list[int], size: int) -> None:
    """From 0 to the size is the whole file, whatever the second number means. Raises Refusal for anything else."""
    if part and part != [0, size]:
        raise Refusal(RANGES)


def _unquoted(line: str) -> str:
    """Some clients quote the name."""
    return line[1:-1] if len(line) > 1 and line[0] == line[-1] == '"' else line
