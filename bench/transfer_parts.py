"""The parts of the bench of transfers, each alone."""

from __future__ import annotations

import ftplib
import hashlib
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import ftp_clients as clients
from bench.contender import Contender
from bench.ftp_idle import idle_sessions, logins, waiting
from bench.ours import NAME
from bench.transfer_table import PROVED, Sizes, row

Transfer = Callable[[Contender, Path], float]
"""Transfers the file; gives the seconds that it took."""
ATTEMPTS = 3
SESSIONS = 200
"""Idle sessions whose memory is measured."""


@dataclass(frozen=True, slots=True)
class Part:
    measure: Callable[[list[Contender], Sizes, Path], None]
    hashes: tuple[str, ...] = ("cheap",)


def alternating(contenders: list[Contender], runs: int, once: Callable[[Contender], float]) -> dict[str, float]:
    """The median of each, measured in turns: what else the machine does hits all alike."""
    found: dict[str, list[float]] = {each.name: [] for each in contenders}
    for run in range(runs):
        for each in contenders if run % 2 else contenders[::-1]:
            found[each.name].append(_patiently(each, once))
    return {name: statistics.median(figures) for name, figures in found.items()}


def _patiently(contender: Contender, once: Callable[[Contender], float]) -> float:
    """Another server may fail once in many thousand sessions, which is told but ends nothing; ours may not."""
    for _ in range(ATTEMPTS - 1 if contender.name != NAME else 0):
        try:
            return once(contender)
        except (RuntimeError, AssertionError, EOFError, ftplib.Error, OSError) as error:
            print(f"measured again: {contender.name}: {error}", file=sys.stderr, flush=True)
    return once(contender)


def large(contenders: list[Contender], sizes: Sizes, source: Path) -> None:
    pairs = {"upload, curl": clients.curl_up, "upload, ftplib": clients.ftplib_up,
             f"upload, curl, {PROVED}": proved(clients.curl_up), f"upload, ftplib, {PROVED}": proved(clients.ftplib_up),
             "download, curl": clients.curl_down, "download, ftplib": clients.ftplib_down}  # fmt: skip
    for title, once in pairs.items():

        def rate(each: Contender, once: Transfer = once) -> float:
            warm(source)
            return sizes.size / 1e6 / once(each, source)

        row(title, alternating(contenders, sizes.runs, rate), "MB/s")


def proved(once: Transfer) -> Transfer:
    """An upload with all that our 226 stands for: the others' file is hashed and synced when they have answered."""

    def upload(each: Contender, source: Path) -> float:
        seconds, begun = once(each, source), time.perf_counter()
        if each.name == NAME:
            return seconds
        with (each.home / "root" / clients.UPLOAD.lstrip("/")).open("rb") as file:
            hashlib.file_digest(file, "sha256")
            os.fsync(file.fileno())
        return seconds + time.perf_counter() - begun

    return upload


def warm(source: Path) -> None:
    """Use as much memory as the file has, and give it back.

    A virtual machine's free memory may be its host's: to get it back took up to 2 s for 512 MB, against 0.3 s to write
    them. The others truncate their old file and write into its pages; ftpdock keeps it until the new one is whole.
    """
    aside = source.with_name("warm")
    shutil.copyfile(source, aside)
    aside.unlink()


def small(contenders: list[Contender], sizes: Sizes, source: Path) -> None:
    data = (b"SKU_ID,Name\n" + b"S1,A product\n" * 400)[:4096]
    for title, once in {"small, up": clients.small_up, "small, down": clients.small_down}.items():
        for reuse, nagle in ((False, True), (True, True), (False, False), (True, False)):

            def rate(
                each: Contender, once: Callable[..., float] = once, reuse: bool = reuse, nagle: bool = nagle
            ) -> float:
                return once(each, sizes.files, reuse, nagle, data)

            figures = alternating(contenders, sizes.runs, rate)
            row(f"{title}, {'resumed' if reuse else 'full'}{', no delay' if not nagle else ''}", figures, "files/s")


def logging_in(contenders: list[Contender], sizes: Sizes, source: Path) -> None:
    ours = contenders[0].hash
    # vsftpd, which checks no password, is no measure of a dear hash.
    fair = [each for each in contenders if each.hash == ours or (ours, each.hash) == ("cheap", "none")]
    for at_once in (1, 10):
        figures = alternating(fair, sizes.runs, lambda each, at_once=at_once: logins(each, 50, at_once))  # type: ignore[misc]
        row(f"logins, {ours}, {at_once} at once", figures, "a second")


def memory(contenders: list[Contender], sizes: Sizes, source: Path) -> None:
    figures = {each.name: idle_sessions(each, SESSIONS) / 1024 for each in contenders}
    row(f"memory of {SESSIONS} idle sessions", figures, "KB each", more_is_better=False)


def beside(contenders: list[Contender], sizes: Sizes, source: Path) -> None:
    """p99 of NOOP and LIST while one client uploads and one downloads without end, and 20 logins come."""
    found = {each.name: waiting(each, source) for each in contenders}
    for index, title in enumerate(("NOOP p50", "NOOP p99", "LIST p50", "LIST p99")):
        figures = {name: values[index] for name, values in found.items()}
        row(f"{title} beside transfers", figures, "ms", more_is_better=False)


PARTS = {
    "large": Part(large),
    "small": Part(small),
    "logins": Part(logging_in, ("cheap", "argon2id")),
    "memory": Part(memory),
    "waiting": Part(beside, ("argon2id",)),
}
