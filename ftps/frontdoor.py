"""Puts the parts of the front door together, and runs and stops them."""

from __future__ import annotations

import errno
import logging
import resource
import time
from collections.abc import Callable
from typing import Any

from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

import certs
import passwords
from ftps.data import DataChannel
from ftps.ending import LOOKS
from ftps.identity import Schemas, any_certificate
from ftps.ports import DataPorts
from ftps.session import Session
from ftps.shared import Shared
from ftps.sweeps import Sweeps
from ftps.tls import Certificates
from ftps.watch import Watch
from hooks import Hooks
from layout import make_home, refuse_export_folder
from models import database
from settings import Settings
from settings_checks import passive_range

log = logging.getLogger("ftpdock.ftps")

GRACE = 30.0
"""Seconds that stop() waits for receipts in the making."""

ACCEPT_PAUSE = 1.0
"""Seconds after which a listener looks again whether there are file descriptors for a connection."""
MOST_FILES = 65_536
"""File descriptors that the process asks for, if it may have as many. A transfer has two, a session one."""
HANDSHAKE_WITHIN = 30.0
"""Seconds that a client has for TLS on a data connection; as many as it has to come to a passive port."""
LOOK_FOR_STRANGERS = 1.0
"""Seconds between two looks for clients that take too long to log in. One timer for all: sessions have to be small."""
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class FrontDoor:
    """The FTPS server. open(), then run() on any thread; stop() from any other.

    `ring` is called in a pool thread after an upload was recorded. The models' database must be bound already.
    """

    def __init__(self, settings: Settings, hooks: Hooks, schemas: Schemas, ring: Callable[[], None]) -> None:
        self._settings = settings
        self._hooks = hooks
        self._schemas = schemas
        self._ring = ring
        self._opened = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are listened on, once open."""
        host, port = self._server.address
        return host, port

    @property
    def passive_used_up(self) -> int:
        """How often a client was told that no passive port is free."""
        return self.shared.passive_used_up

    def open(self) -> None:
        """Make what is missing and bind the port. Raises OSError, SettingsError or ftps.tls.TlsError."""
        # Without a handler of its own pyftpdlib would configure logging for the whole process.
        logging.getLogger("pyftpdlib").addHandler(logging.NullHandler())
        settings = self._settings
        refuse_export_folder(settings, [schema.folder for schema in self._schemas])
        _ask_for_files()
        make_home(settings)
        certs.ensure(settings)
        # Made before the first login needs it, or that one would take longer.
        passwords.dummy_hash()
        with database.connection_context():
            asking = any_certificate()
        files = settings.certificate_path, settings.private_key_path
        certificates = Certificates(*files, settings.tls_max_version, asking, certs.remedy(settings))
        context = certificates.context()
        # A loop of its own: pyftpdlib's default one is shared by the whole process.
        self._loop = IOLoop()
        self.shared = Shared(settings, self._hooks, self._schemas, self._ring, self._loop)
        self._session = _session_class(settings, self.shared, context)
        try:
            self._server = _Server((settings.host, settings.port), self._session, ioloop=self._loop)
        except BaseException:
            self._loop.close()
            raise
        self._server.max_cons = settings.max_connections
        self._server.max_cons_per_ip = settings.max_connections_per_ip
        self._loop.call_every(LOOK_FOR_STRANGERS, self._end_strangers)
        self._watch = Watch(self.shared, certificates, self._use_context)
        self._sweeps = Sweeps(self.shared)
        self._opened = True

    def run(self) -> None:
        """Serve until stop() is called. Blocks; everything is closed when it returns."""
        for pool in self.shared.pools:
            pool.start()
        self._watch.start()
        self._sweeps.start()
        try:
            self._loop.loop()
        finally:
            self._watch.stop()
            self._sweeps.stop()
            for pool in self.shared.pools:
                pool.stop()
            self.shared.pins.close()
            self._loop.close()

    def stop(self) -> None:
        """End run(), from any thread: no new clients, receipts in the making are finished, sessions get 421."""
        self.shared.waker.post(self._begin_stop)

    def close(self) -> None:
        """Give up a front door that was opened and never run."""
        self._loop.close()

    def _end_strangers(self) -> None:
        for session in list(self.shared.sessions):
            try:
                session.end_stranger()
            except Exception:
                session.handle_error()

    def _begin_stop(self) -> None:
        if self.shared.stopping:
            return
        self.shared.stopping = True
        self._server.close()
        for session in list(self.shared.sessions):
            try:
                session.end("421 The server is stopping.")
            except Exception:
                session.handle_error()  # one of them must not keep the others, and the server, from ending
        self._finish_stop(time.monotonic() + GRACE)

    def _finish_stop(self, deadline: float) -> None:
        """Leave once the pools have nothing to do; hooks that hang are not waited for longer than GRACE."""
        idle = all(pool.idle for pool in self.shared.pools) and not self.shared.sessions
        if idle or time.monotonic() > deadline:
            self._loop.close()
        else:
            self._loop.call_later(0.02, self._finish_stop, deadline)

    def _use_context(self, context: Any) -> None:
        """For connections that come from now on; a context in use can't be changed."""
        self._session.ssl_context = context


def _ask_for_files() -> None:
    """Systems give a process 1,024 file descriptors, and more if it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Server(FTPServer):
    """pyftpdlib's listener, which answers with a session for each connection."""

    def handle_accept(self) -> None:
        """What can't be accepted stays ready: without a pause the loop would do nothing but try."""
        try:
            super().handle_accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            log.error("No connection can be accepted for %s seconds: %s", ACCEPT_PAUSE, error)
            self.del_channel()
            self.ioloop.call_later(ACCEPT_PAUSE, self._accept_again)

    def _accept_again(self) -> None:
        if not self._closed:
            self.add_channel()

    def handle_error(self) -> None:
        """An error of one connection must not close the listener, as it does in pyftpdlib."""
        log.exception("accepting a connection failed")


def _session_class(settings: Settings, shared: Shared, context: Any) -> Any:
    """A class of its own: pyftpdlib keeps settings in class attributes, which two servers must not share."""
    within = min(HANDSHAKE_WITHIN, settings.data_timeout)
    limits = {"timeout": within / LOOKS, "secures_within": within, "stalls_after": settings.data_timeout}
    channel = type("DataChannel", (DataChannel,), limits)
    attributes = {
        "shared": shared,
        "ssl_context": context,
        "dtp_handler": channel,
        "banner": settings.banner,
        "timeout": settings.idle_timeout,
        "max_login_attempts": settings.login_attempts,
        "data_ports": DataPorts(passive_range(settings)),
        "masquerade_address": settings.public_address or None,
    }
    return type("Session", (Session,), attributes)
