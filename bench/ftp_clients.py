"""What transfers: curl in a process of its own, and Python's ftplib. All with one TLS version and one cipher."""

from __future__ import annotations

import contextlib
import ftplib
import io
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.contender import DOWNLOAD, PASSWORD, UPLOAD, Contender

CIPHER = "ECDHE-ECDSA-AES256-GCM-SHA384"
BLOCK = 256 * 1024


class Client(ftplib.FTP_TLS):
    """With `reuse` the data connections resume the session of the control connection.

    Python leaves Nagle's algorithm on, as many clients do; curl and lftp switch it off.
    """

    reuse = False
    nagle = True

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, not self.nagle)
        session = self.sock.session if self.reuse and isinstance(self.sock, ssl.SSLSocket) else None
        return self.context.wrap_socket(connection, server_hostname=self.host, session=session), size


def context(contender: Contender) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHER)
    made.load_verify_locations(contender.certificate)
    return made


@contextlib.contextmanager
def session(contender: Contender, reuse: bool = False, nagle: bool = True) -> Iterator[Client]:
    client = Client(context=context(contender), timeout=120)
    client.reuse, client.nagle = reuse, nagle
    try:
        client.connect("127.0.0.1", contender.port)
        client.login(contender.user, PASSWORD)
        client.prot_p()
        yield client
        client.quit()
    except ssl.SSLError as error:
        raise RuntimeError(f"{contender.name}: {error}; then came {_rest(client)!r}") from error
    finally:
        client.close()


def _rest(client: Client) -> bytes:
    """What else the server has sent on the control connection, TLS or not."""
    if client.sock is None:
        return b""
    client.sock.setblocking(False)
    with contextlib.suppress(OSError):
        return os.read(client.sock.fileno(), 300)
    return b""


def ftplib_up(contender: Contender, source: Path) -> float:
    """Seconds from STOR to the reply."""
    with session(contender) as client, source.open("rb") as file:
        begun = time.perf_counter()
        client.storbinary(f"STOR {UPLOAD}", file, BLOCK)
        return time.perf_counter() - begun


def ftplib_down(contender: Contender, source: Path) -> float:
    with session(contender) as client:
        got: list[int] = []
        begun = time.perf_counter()
        client.retrbinary(f"RETR {DOWNLOAD}", lambda data: got.append(len(data)), BLOCK)
        seconds = time.perf_counter() - begun
    assert sum(got) == source.stat().st_size
    return seconds


def _curl(contender: Contender, *arguments: str) -> list[float]:
    """Seconds of each transfer, all on one session: the first with the login, each with PASV and the reply."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--ssl-reqd", "--tls-max", "1.2", "--ciphers", CIPHER,
         "--cacert", str(contender.certificate), "--user", f"{contender.user}:{PASSWORD}",
         "--write-out", "%{stderr}%{time_total}\n", *arguments],
        capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, f"{contender.name}: {done.stderr}"
    return [float(line.split()[0]) for line in done.stderr.splitlines()]


def curl_up(contender: Contender, source: Path) -> float:
    little = source.with_name(UPLOAD.rpartition("/")[2].replace("18", "17"))
    little.write_bytes(b"x" * 100)
    named = source.with_name(UPLOAD.rpartition("/")[2])
    if not named.exists():
        named.hardlink_to(source)
    return _curl(contender, "-T", f"{{{little},{named}}}", f"ftp://127.0.0.1:{contender.port}/Products/")[-1]


def curl_down(contender: Contender, source: Path) -> float:
    url = f"ftp://127.0.0.1:{contender.port}/Export"
    return _curl(contender, "-o", "/dev/null", f"{url}/little.bin", "-o", "/dev/null", f"{url}/large.bin")[-1]


def small_up(contender: Contender, count: int, reuse: bool, nagle: bool, data: bytes) -> float:
    """Files a second."""
    with session(contender, reuse, nagle) as client:
        begun = time.perf_counter()
        for number in range(count):
            client.storbinary(f"STOR /Products/PRODUCT_18_09_2024_{number}.csv", io.BytesIO(data))
        return count / (time.perf_counter() - begun)


def small_down(contender: Contender, count: int, reuse: bool, nagle: bool, data: bytes) -> float:
    got: list[Any] = []
    with session(contender, reuse, nagle) as client:
        begun = time.perf_counter()
        for number in range(count):
            client.retrbinary(f"RETR /Export/small/{number}.bin", got.append)
        rate = count / (time.perf_counter() - begun)
    assert sum(map(len, got)) == count * len(data)
    return rate
