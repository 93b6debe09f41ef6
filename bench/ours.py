"""ftpdock as it is shipped, on a home in memory: an account whose uploads wait (schedule off), files in its exports."""

from __future__ import annotations

import os
from pathlib import Path

from bench.contender import Contender
from tests.system.server import Server, wait_for

NAME = "ftpdock"


def ftpdock(home: Path, hash: str, exports: dict[str, Path]) -> Contender:
    """Everything runs (`serve`), and each upload gets its receipt; only the import waits for its schedule."""
    os.environ.pop("FTPDOCK_DATABASE", None)
    server = Server(home / "home", FTPDOCK_MAX_CONNECTIONS="1000")
    server.environment["FTPDOCK_DATABASE"] = f"sqlite:///{home}/home/ftpdock.db"
    server.add_account()
    server.command("schedule", "set", "acme", "all", "off")
    if hash == "cheap":
        server.make_logins_cheap()
    for name, path in exports.items():
        target = server.home / "exports" / "acme" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)
    server.start()
    shown = [server.home / "accounts" / "acme" / "Export" / name for name in exports]
    wait_for(lambda: all(path.exists() for path in shown), 120)
    made = Contender(NAME, server.port, "acme", home, server.home / "certs" / "server.pem", hash)
    made.process = server.process
    return made


def certificate(home: Path) -> Path:
    """The one that ftpdock made, with its key in one file."""
    folder, pem = home / "home" / "certs", home / "both.pem"
    pem.write_text("".join((folder / name).read_text() for name in ("server.pem", "server.key")))
    return pem
