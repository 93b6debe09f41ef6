"""TLS contexts. A context in use can't be changed, so a new certificate means a new context."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto

import certs
from errors import FtpdockError

log = logging.getLogger("ftpdock.ftps")

VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}

_PARTIAL_WRITE = 1
"""SSL_MODE_ENABLE_PARTIAL_WRITE, which pyOpenSSL sets and has no name for."""

_ALONE = -2
"""Depth of a client's chain without any other certificate. 0 still takes its issuer's, and -1 stands for the default.

The others are of no interest, and a hundred of them take 90 ms of the loop. The issuer's alone takes 67 when it forbids
a thousand names and the client's has as many: each is compared with each.
"""


class TlsError(FtpdockError):
    """The certificate and key can't be used; the message says why."""


def make_context(certificate: Path, key: Path, max_version: str, remedy: str) -> SSL.Context:
    """A server context for TLS 1.2 up to `max_version`. Raises TlsError, which ends with the `remedy`."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(VERSIONS[max_version])
    # A renegotiation in the midst of a transfer is of use to attackers only.
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    # Halves the memory of an idle session.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # A write is made into records by OpenSSL, not by a call for each of them.
    context.clear_mode(_PARTIAL_WRITE)
    # Without an id, sessions can't be resumed on data connections once client certificates are asked for.
    context.set_session_id(os.urandom(16))
    try:
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey_file(str(key))
        context.check_privatekey()
    except SSL.Error as error:
        reason = _reason(error, certificate, key)
        raise TlsError(
            f"The certificate {certificate} and the key {key} can't be used together ({reason}): "
            f"`ftpdock doctor` looks at them; {remedy}"
        ) from error
    return context


def ask(context: SSL.Context) -> None:
    """Ask clients for a certificate, and take any or none: what a login needs is looked at with its password.

    That a client has the key is proven by its signature in the handshake (CertificateVerify).
    """
    context.set_verify(SSL.VERIFY_PEER, _take_any)
    context.set_verify_depth(_ALONE)


def _take_any(*_: Any) -> bool:
    # What OpenSSL finds wrong with them stays in its queue, although it is taken.
    forget_errors()
    return True


def peer_certificate(connection: SSL.Connection) -> bytes:
    """The client's certificate as DER, from this handshake or that of the session it resumed; empty without one."""
    found = connection.get_peer_certificate()
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, found) if found else b""


def forget_session(connection: Any) -> None:
    """Of a connection that is closed. OpenSSL takes it for one that was not ended in order, and drops its session.

    It keeps 20,480 of clients that take no tickets, for hours, each with all certificates that came (up to 100 KB).
    """
    if isinstance(connection, SSL.Connection):
        connection.set_shutdown(0)


def _reason(error: SSL.Error, *files: Path) -> str:
    """OpenSSL names no file, and says little of one that may not be read."""
    for path in files:
        if not os.access(path, os.R_OK):
            return f"{path} can't be read by this user" if path.exists() else f"there is no {path}"
    return "; ".join(each[-1] for each in error.args[0]) if error.args and error.args[0] else "no reason is known"


Stamp = tuple[tuple[int, int, int, int], ...]


def stamp(certificate: Path, key: Path) -> Stamp:
    """Changes whenever one of the files is replaced, rewritten or made readable; empty when one is missing."""
    try:
        found = [path.stat() for path in (certificate, key)]
    except OSError:
        return ()
    return tuple((each.st_mtime_ns, each.st_ctime_ns, each.st_size, each.st_ino) for each in found)


class Certificates:
    """Makes contexts, and notices when another one is needed. Used by the watch thread, never on the loop."""

    def __init__(self, certificate: Path, key: Path, max_version: str, asking: bool, remedy: str) -> None:
        self._files = (certificate, key)
        self._max_version = max_version
        self._remedy = remedy
        self.asking = asking
        """Whether clients are to be asked for a certificate."""
        self._used = self._seen = self._told = self._wanted()

    def _wanted(self) -> tuple[Stamp, bool]:
        return stamp(*self._files), self.asking

    def context(self) -> SSL.Context:
        """By the files as they are. Raises TlsError."""
        context = make_context(*self._files, self._max_version, self._remedy)
        if self.asking:
            ask(context)
        self._warn()
        return context

    def _warn(self) -> None:
        """Of a certificate that TLS takes, and clients don't. It is used all the same: some of them look at nothing."""
        try:
            words = certs.refusal(certs.show(self._files[0]), dt.datetime.now(dt.UTC))
        except Exception as error:
            # OpenSSL has taken it, and what else can't be read of it must not keep the server from using it.
            words = f"it can't be read ({error})"
        if words:
            log.warning("The certificate %s can't be trusted: %s", self._files[0], words)

    def renewed(self) -> SSL.Context | None:
        """A new context when it has to be another one; files that don't fit are logged once, and the old one stays.

        Sessions of the old one can't be resumed with it: clients that were not asked then are asked now.
        """
        now = self._wanted()
        settled, self._seen = now == self._seen, now
        # Two files can't be replaced in one step: wait until nothing has changed between two looks.
        if not settled or now == self._used:
            return None
        try:
            context = self.context()
        except TlsError as error:
            if now != self._told:
                log.error("The new certificate is not used: %s", error)
            self._told = now
            return None
        before, self._used = self._used, now
        if now[0] != before[0]:
            log.info("The certificate was replaced; new connections use it.")
        if self.asking != before[1]:
            log.info("New connections are asked for a client certificate%s.", "" if self.asking else " no more")
        return context


def forget_errors() -> None:
    """Empty OpenSSL's error queue, which the connections of a thread share.

    pyOpenSSL leaves errors of the system in it (a reset, for one), and the next connection that is asked for data takes
    them for its own. No public call empties it; but one that fails, as reading no certificate does, takes all there is.
    """
    with contextlib.suppress(crypto.Error):
        crypto.load_certificate(crypto.FILETYPE_ASN1, b"")


class OwnErrors:
    """Keeps a connection's errors from others. Stands below pyftpdlib's TLS mixin, where the errors come by."""

    def recv(self, buffer_size: int) -> bytes:
        try:
            return super().recv(buffer_size)  # type: ignore[misc]
        except SSL.Error as error:
            _forget(error)
            raise

    def send(self, data: bytes) -> int:
        try:
            return super().send(data)  # type: ignore[misc]
        except SSL.Error as error:
            _forget(error)
            raise


class OwnSteps:
    """The same for the steps in which the mixin keeps the errors to itself. Stands above it."""

    _ssl_established: bool
    _ssl_want_read: bool
    _ssl_want_write: bool
    _parted = False
    """TLS was shut down without an error."""

    def _do_ssl_handshake(self) -> None:
        try:
            super()._do_ssl_handshake()  # type: ignore[misc]
        finally:
            if not (self._ssl_established or self._ssl_want_read or self._ssl_want_write):
                forget_errors()

    def handle_ssl_shutdown(self) -> None:
        self._parted = True
        super().handle_ssl_shutdown()  # type: ignore[misc]

    def _do_ssl_shutdown(self) -> None:
        try:
            super()._do_ssl_shutdown()  # type: ignore[misc]
        finally:
            if not self._parted:
                forget_errors()


def _forget(error: SSL.Error) -> None:
    if not isinstance(error, (SSL.WantReadError, SSL.WantWriteError, SSL.ZeroReturnError)):
        forget_errors()
