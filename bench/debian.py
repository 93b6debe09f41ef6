"""Debian's FTP servers beside each other: the packages conflict, so each is unpacked into a folder of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".bench" / "debian"
PACKAGES = {
    "vsftpd": ("vsftpd", "libwrap0"),
    "proftpd": ("proftpd-core", "proftpd-mod-crypto", "libhiredis0.14", "libmemcached11", "libmemcachedutil2",
                "libhashkit2", "libpcre2-posix3"),
    "pure-ftpd": ("pure-ftpd", "pure-ftpd-common", "libsodium23"),
}  # fmt: skip
"""With the libraries that a plain system lacks; what they need beyond these is there with OpenSSL and PAM."""


def install(name: str) -> Path:
    """The folder in which a server is unpacked; downloads it at the first time (no root needed, nothing installed)."""
    folder = FOLDER / name
    if not (folder / "ready").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", *PACKAGES[name]], cwd=folder, check=True)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
        (folder / "ready").touch()
    return folder


def environment(folder: Path) -> dict[str, str]:
    """With the libraries that were unpacked."""
    return {**os.environ, "LD_LIBRARY_PATH": f"{folder}/usr/lib/x86_64-linux-gnu:{folder}/lib/x86_64-linux-gnu"}


def version(name: str) -> str:
    """As Debian names it."""
    (package,) = (FOLDER / name).glob(f"{PACKAGES[name][0]}_*.deb")
    return package.name.split("_")[1].replace("%2b", "+")
