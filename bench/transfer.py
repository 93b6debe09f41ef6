"""Explicit FTPS beside vsftpd, proftpd and pure-ftpd: large and small files, logins, memory, other clients' waiting.

python -m bench.transfer [PART ...] [--size MB] [--files N] [--runs N]     as root, which the others need

Parts: large, small, logins, memory, waiting; none means all. Everything lies in memory (/dev/shm); the same TLS
version, cipher and certificate for all; runs alternate, figures are medians. ftpdock runs as it is shipped: an upload's
time ends with its receipt (SHA-256, fsync, the row in the database), a download's with the ledger's entry. Only its
imports wait (schedule off), so that none runs beside.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.contender import Contender
from bench.ours import certificate, ftpdock
from bench.rivals import RIVALS
from bench.transfer_parts import PARTS
from bench.transfer_table import Sizes, facts

MEMORY = Path("/dev/shm")


def _files(folder: Path, sizes: Sizes) -> dict[str, Path]:
    """What can be downloaded: name below /Export to its bytes."""
    folder.mkdir()
    made = {"large.bin": sizes.size, "little.bin": 100}
    made |= {f"small/{number}.bin": 4096 for number in range(sizes.files)}
    (folder / "small").mkdir()
    for name, size in made.items():
        # Random and repeated: neither compressible by chance nor slow to make.
        block = os.urandom(min(size, 1 << 20))
        with (folder / name).open("wb") as file:
            for _ in range(size // len(block)):
                file.write(block)
    return {name: folder / name for name in made}


def _start(folder: Path, sizes: Sizes, hash: str) -> Iterator[Contender]:
    files = _files(folder / f"files-{hash}", sizes)
    home = folder / f"ftpdock-{hash}"
    home.mkdir()
    yield ftpdock(home, hash, files)
    pem = certificate(home)
    for start in RIVALS:
        home = folder / f"{start.__name__}-{hash}"
        home.mkdir()
        yield start(home, pem, hash)
        export = home / "root" / "Export"
        shutil.copytree(folder / f"files-{hash}", export, copy_function=os.link, dirs_exist_ok=True)


def run(parts: list[str], sizes: Sizes) -> None:
    print(facts(sizes))
    for name in parts or list(PARTS):
        part = PARTS[name]
        with tempfile.TemporaryDirectory(dir=MEMORY, prefix="ftpdock-bench-") as folder:
            Path(folder).chmod(0o755)
            for hash in part.hashes:
                _measure(Path(folder), sizes, hash, part.measure)


def _measure(folder: Path, sizes: Sizes, hash: str, measure: Callable[[list[Contender], Sizes, Path], None]) -> None:
    contenders: list[Contender] = []
    try:
        # One by one: when one does not start, those before it are stopped.
        for contender in _start(folder, sizes, hash):
            contenders.append(contender)
        measure(contenders, sizes, folder / f"files-{hash}" / "large.bin")
    finally:
        for each in contenders:
            each.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--size", type=int, default=512, help="megabytes of the large file")
    parser.add_argument("--files", type=int, default=1000, help="small files on one session")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    # So that the servers are stopped and the memory is given back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if os.geteuid() != 0:
        parser.error("start it as root: vsftpd, proftpd and pure-ftpd can't be run otherwise")
    run(given.parts, Sizes(given.size << 20, given.files, given.runs))


if __name__ == "__main__":
    main()
