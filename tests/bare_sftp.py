"""A partner's SFTP server that knows version 3 of the protocol and no more: it renames over nothing (paramiko).

Run as a program, this file is the server: `bare_sftp.py PORT FOLDER KEY [WAY ...]`.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import paramiko

from tests.remotes import PASSWORD, Remote


class BareSftpServer(Remote):
    """Login acme with PASSWORD."""

    def __init__(self, folder: Path, key: Path) -> None:
        super().__init__(folder)
        self._key = key
        made = paramiko.ECDSAKey.generate()
        made.write_private_key_file(str(key))
        self.fingerprint = str(made.fingerprint)

    def _arguments(self) -> list[str]:
        return [sys.executable, __file__, str(self.port), str(self.folder), str(self._key)]

    def _ready(self, said: str) -> bool:
        return said.startswith("ready\n")

    @property
    def url(self) -> str:
        return f"sftp://acme@127.0.0.1:{self.port}"


def serve(port: int, folder: str, key: str, *ways: str) -> None:
    """The server; each connection has threads of its own.

    Ways: fails-at=N (the write at that offset of a file, and no other); loses=N (says yes to the write at that offset
    and does nothing); keeps-part (renames nothing that is named so).
    """
    fails_at = [int(way.partition("=")[2]) for way in ways if way.startswith("fails-at=")]
    loses = [int(way.partition("=")[2]) for way in ways if way.startswith("loses=")]

    class Door(paramiko.ServerInterface):
        def check_auth_password(self, username: str, password: str) -> int:
            return paramiko.AUTH_SUCCESSFUL if password == PASSWORD else paramiko.AUTH_FAILED

        def check_channel_request(self, kind: str, chanid: int) -> int:
            return paramiko.OPEN_SUCCEEDED

    class Handle(paramiko.SFTPHandle):
        def write(self, offset: int, data: bytes) -> int:
            if offset in loses:
                return paramiko.SFTP_OK
            return paramiko.SFTP_FAILURE if offset in fails_at else super().write(offset, data)

    class Files(paramiko.SFTPServerInterface):
        def stat(self, path: str) -> Any:
            return self._done(lambda: paramiko.SFTPAttributes.from_stat(self._at(path).stat()))

        lstat = stat

        def list_folder(self, path: str) -> Any:
            return self._done(lambda: [paramiko.SFTPAttributes.from_stat(each.stat(), each.name)
                                       for each in self._at(path).iterdir()])  # fmt: skip

        def open(self, path: str, flags: int, attr: Any) -> Any:
            return self._done(lambda: self._open(path, flags))

        def remove(self, path: str) -> Any:
            return self._done(self._at(path).unlink)

        def rename(self, oldpath: str, newpath: str) -> Any:
            if self._at(newpath).exists() or ("keeps-part" in ways and oldpath.endswith(".part")):
                return paramiko.SFTP_FAILURE
            return self._done(lambda: self._at(oldpath).rename(self._at(newpath)))

        def mkdir(self, path: str, attr: Any) -> Any:
            return self._done(self._at(path).mkdir)

        def rmdir(self, path: str) -> Any:
            return self._done(self._at(path).rmdir)

        def _at(self, path: str) -> Path:
            return Path(folder + self.canonicalize(path))

        def _open(self, path: str, flags: int) -> Handle:
            handle = Handle(flags)
            file = os.fdopen(os.open(self._at(path), flags, 0o644), "wb" if flags & os.O_WRONLY else "rb")
            handle.readfile = handle.writefile = file
            return handle

        def _done(self, step: Any) -> Any:
            try:
                found = step()
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno)
            return paramiko.SFTP_OK if found is None or isinstance(found, Path) else found

    listener = socket.create_server(("127.0.0.1", port))
    print("ready", file=sys.stderr, flush=True)
    kept = []
    while True:
        transport = paramiko.Transport(listener.accept()[0])
        transport.add_server_key(paramiko.PKey.from_path(key))
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
        transport.start_server(threading.Event(), Door())
        kept.append(transport)


if __name__ == "__main__":
    serve(int(sys.argv[1]), *sys.argv[2:])
