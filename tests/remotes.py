"""Partners' servers: a plain FTPS server (pyftpdlib) and Debian's OpenSSH, each a process of its own on loopback.

Run as a program, this file is the FTPS server: `remotes.py PORT FOLDER CERTIFICATE [WAY ...]`.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.ports import free_port

ROOT = Path(__file__).parents[1]
SSHD = "/usr/sbin/sshd"
PASSWORD = "pass phrase of acme"


class Remote:
    """A server that can be started, killed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None

    def _arguments(self) -> list[str]:
        raise NotImplementedError

    def _ready(self, said: str) -> bool:
        raise NotImplementedError

    def start(self, *more: str) -> None:
        # Into a file: a server whose pipe nobody empties stands still.
        log = self.folder.with_name(f"{self.folder.name}.log")
        with log.open("w") as file:
            self._process = subprocess.Popen([*self._arguments(), *more], stderr=file, stdout=subprocess.DEVNULL,
                                             env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
        deadline = time.monotonic() + 30
        while not self._ready(said := log.read_text()):
            assert self._process.poll() is None, f"the server did not start: {said}"
            assert time.monotonic() < deadline, f"the server does not answer: {said}"
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def tree(self) -> dict[str, bytes]:
        """Path below the server's root to content."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}


class FtpsServer(Remote):
    """Login acme with PASSWORD; shows the certificate in the file given."""

    def __init__(self, folder: Path, certificate: Path) -> None:
        super().__init__(folder)
        self._certificate = certificate

    def _arguments(self) -> list[str]:
        return [sys.executable, __file__, str(self.port), str(self.folder), str(self._certificate)]

    def _ready(self, said: str) -> bool:
        return said.startswith("ready\n")

    @property
    def url(self) -> str:
        return f"ftps://acme@localhost:{self.port}"


class SshServer(Remote):
    """OpenSSH with a host key of its own; takes the key `user_key` of whoever runs the tests."""

    def __init__(self, folder: Path, etc: Path) -> None:
        super().__init__(folder)
        self._etc = etc
        etc.mkdir()
        # It wants a folder that its package makes at boot.
        Path("/run/sshd").mkdir(exist_ok=True)
        self.user_key = etc / "user_key"
        self.make_key(self.user_key, PASSWORD)
        self.new_host_key()
        self.authorize()

    def authorize(self) -> None:
        """Take the user's key as it is now."""
        (self._etc / "authorized").write_text(self.user_key.with_suffix(".pub").read_text())

    def make_key(self, path: Path, passphrase: str = "", kind: str = "ed25519") -> None:
        for old in (path, path.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True)

    def new_host_key(self) -> None:
        for kind in ("ed25519", "ecdsa"):
            self.make_key(self._etc / f"host_{kind}", kind=kind)

    def fingerprint(self, kind: str = "ed25519") -> str:
        """As ssh-keygen shows it, which the partner would read to us."""
        shown = subprocess.run(["ssh-keygen", "-l", "-f", str(self._etc / f"host_{kind}.pub")], check=True,
                               capture_output=True, text=True)  # fmt: skip
        return shown.stdout.split()[1]

    def _arguments(self) -> list[str]:
        options = {
            "ListenAddress": "127.0.0.1", "Port": self.port, "PidFile": "none", "UsePAM": "no",
            "StrictModes": "no", "PermitRootLogin": "yes", "PasswordAuthentication": "no",
            "AuthorizedKeysFile": self._etc / "authorized",
            "Subsystem": f"sftp internal-sftp -d {self.folder}",
        }  # fmt: skip
        keys = [f"-oHostKey={self._etc / f'host_{kind}'}" for kind in ("ed25519", "ecdsa")]
        return [SSHD, "-D", "-e", "-f", "/dev/null", *keys, *(f"-o{name}={value}" for name, value in options.items())]

    def _ready(self, said: str) -> bool:
        return "Server listening on" in said

    @property
    def url(self) -> str:
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}/~"


SLOW = 2_000_000
"""Bytes a second that a slow server takes."""
LATE = 1.5
"""Seconds after which a late server says that it has a file."""
SORRY = "550 Das geht leider nicht, fragen Sie Herrn Müller."


def serve(port: int, folder: str, certificate: str, *ways: str) -> None:
    """The FTPS server. Ways in which it is unlike others:

    slow, late; latin-1 (replies and names, in a home folder Eingänge); limit=N (552 after so many bytes of a file);
    no-delete, no-rename (the login may not); files-only (renames no folders); no-rename-over (a file that is there);
    odd-rename (says that it is done before it knows to what); keeps-part (renames nothing that is named so); endless
    (of names, which are 20 MB); list=N (that reply to NLST).
    """
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import ThrottledDTPHandler, TLS_DTPHandler, TLS_FTPHandler
    from pyftpdlib.log import logger
    from pyftpdlib.servers import FTPServer

    values = dict(way.split("=") for way in ways if "=" in way)

    class Names:
        left = 400

        def more(self) -> bytes:
            self.left -= 1
            return b"order_A.csv\r\n" * 4_000 if self.left > 0 else b""

    class Channel(TLS_DTPHandler, ThrottledDTPHandler):
        read_limit = SLOW if "slow" in ways else 0

        def handle_read_event(self) -> None:
            super().handle_read_event()
            if "limit" in values and self.tot_bytes_received > int(values["limit"]) and not self._closed:
                self._resp = ("552 Exceeded storage allocation.", logger.warning)
                self.close()

    class Session(TLS_FTPHandler):
        certfile = certificate
        tls_control_required = tls_data_required = True
        authorizer = DummyAuthorizer()
        auth_failed_timeout = 0
        dtp_handler = Channel
        _rnfr: str | None
        if "latin-1" in ways:
            encoding, banner = "latin-1", "Grüß Gott."

        def on_login(self, username: str) -> None:
            if "latin-1" in ways:
                (Path(folder) / "Eingänge").mkdir(exist_ok=True)
                self.fs.cwd = "/Eingänge"

        def respond(self, resp: str, *more: Any, **named: Any) -> None:
            said = SORRY if "latin-1" in ways and resp.startswith("550") else resp
            if "late" in ways and resp.startswith("226"):
                self.ioloop.call_later(LATE, super().respond, said)
            else:
                super().respond(said, *more, **named)

        def ftp_NLST(self, path: str) -> Any:
            if "list" in values:
                return self.respond(f"{values['list']} No.")
            if "endless" not in ways:
                return super().ftp_NLST(path)
            return self.push_dtp_data(Names(), isproducer=True, cmd="NLST")

        def ftp_RNFR(self, path: str) -> None:
            if "odd-rename" in ways:
                self.respond("250 Done.")
            elif "files-only" in ways and Path(path).is_dir():
                self.respond("550 Not a plain file.")
            else:
                super().ftp_RNFR(path)

        def ftp_RNTO(self, path: str) -> None:
            kept = "keeps-part" in ways and str(self._rnfr).endswith(".part")
            if kept or ("no-rename-over" in ways and Path(path).exists()):
                self._rnfr = None
                self.respond("550 No.")
            else:
                super().ftp_RNTO(path)

    may = "".join(letter for letter, way in (("d", "no-delete"), ("f", "no-rename")) if way not in ways)
    Session.authorizer.add_user("acme", PASSWORD, folder, perm=f"elramwMT{may}", msg_login="Schön, dass Sie da sind.",
                                msg_quit="Tschüß.")  # fmt: skip
    server = FTPServer(("127.0.0.1", port), Session)
    print("ready", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), *sys.argv[2:])
