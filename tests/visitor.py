"""A front door in a thread, and clients that behave or misbehave: what the tests of ftps/ share."""

from __future__ import annotations

import contextlib
import ftplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftps import FrontDoor
from hookspecs import hookimpl
from layout import account_root, make_account_folders
from models import Account, EntitySettings, Login, Upload
from schemas import SCHEMAS
from settings import Settings
from tests.tls import client_context

NAME = "PRODUCT_18_09_2024.csv"
PATH = f"/Products/{NAME}"
PASSWORD = "correct horse"
BODY = b"SKU_ID,Name\r\n" + b"".join(b"A%06d,Lamp %d\r\n" % (row, row) for row in range(20_000))


@dataclass
class Recorder:
    """A plugin that writes down what it is told, and refuses on demand."""

    incomplete: list[Any] = field(default_factory=list)
    received: list[Any] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)
    logins: list[Any] = field(default_factory=list)
    on_received: Callable[[Any], object] | None = None
    on_sent: Callable[[Any], object] | None = None

    @hookimpl
    def on_login(self, event: Any) -> None:
        self.logins.append(event)

    @hookimpl
    def on_file_received(self, event: Any) -> None:
        self.received.append(event)
        if self.on_received:
            self.on_received(event)

    @hookimpl
    def on_file_incomplete(self, event: Any) -> None:
        self.incomplete.append(event)

    @hookimpl
    def on_file_sent(self, event: Any) -> None:
        self.sent.append(event)
        if self.on_sent:
            self.on_sent(event)


class Client(ftplib.FTP_TLS):
    """ftplib, with TLS session reuse on the data channel when asked for."""

    reuse = False

    def __init__(self, **options: Any) -> None:
        self.opened: list[ssl.SSLSocket] = []
        super().__init__(**options)

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        session = self.sock.session if self.reuse else None  # type: ignore[union-attr]
        wrapped = self.context.wrap_socket(connection, server_hostname=self.host, session=session)
        return wrapped, size

    def begin(self, command: str, rest: int | None = None) -> ssl.SSLSocket:
        """The data connection of an upload, to be used or misused."""
        self.voidcmd("TYPE I")
        connection = self.transfercmd(command, rest)
        assert isinstance(connection, ssl.SSLSocket)
        self.opened.append(connection)
        return connection

    def close(self) -> None:
        for connection in self.opened:
            connection.close()
        super().close()

    def put(self, path: str, body: bytes, rest: int | None = None, verb: str = "STOR") -> str:
        """Upload and return the final reply."""
        connection = self.begin(f"{verb} {path}", rest)
        connection.sendall(body)
        connection.unwrap().close()
        return self.voidresp()

    def cut(self, path: str, body: bytes, how: str = "fin", verb: str = "STOR", rest: int | None = None) -> str:
        """Send a part and end the connection without TLS close_notify; returns the final reply."""
        connection = self.begin(f"{verb} {path}", rest)
        connection.sendall(body)
        time.sleep(0.1)
        end(connection, how)
        return self.last_reply()

    def last_reply(self) -> str:
        """The next reply, whatever its code."""
        return self.getmultiline()

    def ask(self, command: str) -> str:
        """Send a command and return its reply, whatever its code."""
        self.putcmd(command)
        return self.getmultiline()

    def get(self, path: str) -> bytes:
        parts: list[bytes] = []
        self.retrbinary(f"RETR {path}", parts.append)
        return b"".join(parts)


def opened() -> list[str]:
    """What this process has open."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(each.readlink()))
    return found


def end(connection: ssl.SSLSocket, how: str) -> None:
    """End a TLS connection by TCP alone: "fin" or "rst"."""
    if how == "rst":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    with contextlib.suppress(OSError):
        raw = socket.socket(fileno=connection.detach())
        raw.close()


@dataclass
class House:
    """A running server and what a test wants to know of it."""

    settings: Settings
    door: FrontDoor
    hooks: Recorder
    thread: threading.Thread
    rung: list[float]
    clients: list[ftplib.FTP_TLS] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.door.address[1]

    @property
    def root(self) -> Path:
        return account_root(self.settings, "acme")

    @property
    def rows(self) -> list[Upload]:
        return list(Upload.select().order_by(Upload.id))

    def file(self, virtual: str) -> Path:
        return self.root / virtual.strip("/")

    def connect(self, user: str = "", reuse: bool = False, **options: Any) -> Client:
        """A client with TLS on its control connection, logged in when a user is named."""
        client = Client(context=options.pop("context", None) or client_context(), timeout=20)
        client.encoding = "utf-8"
        client.reuse = reuse
        self.clients.append(client)
        source = options.pop("source", None)
        client.connect(options.pop("host", "127.0.0.1"), self.port, source_address=(source, 0) if source else None)
        client.auth()
        if user:
            client.login(user, PASSWORD, secure=False)
            client.prot_p()
        return client

    def login(self, reuse: bool = False, **options: Any) -> Client:
        return self.connect("acme", reuse, **options)

    def wait(self, condition: Callable[[], Any], seconds: float = 10.0) -> Any:
        """Wait until `condition` is true and return its value."""
        until = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < until, "waited in vain"
            time.sleep(0.02)
        return value


def add_account(
    settings: Settings, password_hash: str, name: str = "acme", entities: list[str] | None = None, **login: Any
) -> Account:
    """An account whose uploads wait, so that tests can look at what lies there; `immediate` is the way of most."""
    account = Account.create(name=name, entities=entities)
    for schema in SCHEMAS:
        EntitySettings.create(account=account, entity=schema.entity, schedule="off")
    Login.create(account=account, name=name, password_hash=password_hash, **login)
    make_account_folders(settings, name, [schema.folder for schema in SCHEMAS])
    return account
