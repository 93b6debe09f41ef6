"""TLS contexts. A context in use can't be changed, so a new certificate means a new context."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

from OpenSSL import SSL, crypto

from errors import FtpdockError

log = logging.getLogger("ftpdock.ftps")

VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}

_PARTIAL_WRITE = 1
"""SSL_MODE_ENABLE_PARTIAL_WRITE, which pyOpenSSL sets and has no name for."""


class TlsError(FtpdockError):
    """The certificate and key can't be used; the message says why."""


def make_context(certificate: Path, key: Path, max_version: str) -> SSL.Context:
    """A server context for TLS 1.2 up to `max_version`. Raises TlsError."""
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
            "`ftpdock doctor` looks at them; `ftpdock cert install` or `ftpdock cert make` replaces them"
        ) from error
    return context


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
    """Notices that the certificate was replaced. Asked by the watch thread, never on the loop."""

    def __init__(self, certificate: Path, key: Path, max_version: str) -> None:
        self._files = (certificate, key)
        self._max_version = max_version
        self._used = self._seen = stamp(certificate, key)

    def renewed(self) -> SSL.Context | None:
        """A new context when there are new files that fit; broken ones are logged once and the old context stays."""
        now = stamp(*self._files)
        settled, self._seen = now == self._seen, now
        # Two files can't be replaced in one step: wait until nothing has changed between two looks.
        if not settled or now == self._used:
            return None
        self._used = now
        try:
            context = make_context(*self._files, self._max_version)
        except TlsError as error:
            log.error("The new certificate is not used: %s", error)
            return None
        log.info("The certificate was replaced; new connections use it.")
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
