"""AUTH, USER and PASS: TLS first, and passwords checked off the loop (RFC 4217, RFC 2577)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import layout
from account_checks import check_name
from errors import FtpdockError
from events import LoginSucceeded
from ftps.core import Core
from ftps.identity import Identity, check
from ftps.shared import Shared
from ftps.tls import peer_certificate
from ftps.view import View

DENIED = "530 Login incorrect."
"""One answer for every reason: a wrong password, no such user, a disabled account, a wrong network or certificate."""

TOO_MANY = "421 Too many wrong passwords for this login from this address. Try again in ten minutes."

_MECHANISMS = ("TLS", "TLS-C", "TLS-P", "SSL")
"""What pyftpdlib takes for TLS. Anything else is a parameter that is not known (RFC 2228, section 3)."""

NO_NAME = "?"
"""Stands for whatever can be no login's name: it goes into the log before any login, and is no login's either."""


class Entry(Core):
    """How a client becomes a login."""

    auth_failed_timeout = 1
    """Seconds before a wrong password is answered."""

    def ftp_AUTH(self, line: str) -> None:
        if not self._ssl_established and line.upper() not in _MECHANISMS:
            return self.respond("504 This mechanism is not known here; use AUTH TLS.")
        # What was sent behind AUTH in the same packet came in plain text: anybody on the way may have put it there
        # (RFC 4217 section 15.1 and the STARTTLS injections, CVE-2011-0411).
        self._throw_away()
        super().ftp_AUTH(line)
        return self._throw_away()

    def _throw_away(self) -> None:
        self.ac_in_buffer = b""
        self._in_buffer, self._in_buffer_len = [], 0
        self._lines.clear()

    def ftp_PROT(self, line: str) -> None:
        level = line.upper()
        if not self._ssl_established or level == "P":
            return super().ftp_PROT(level)
        # RFC 2228, section 3, and RFC 4217, section 9.
        if level == "C":
            return self.respond("534 Data connections need TLS; use PROT P.")
        if level in ("S", "E"):
            return self.respond(f"536 TLS has no PROT {level}; use PROT P.")
        return self.respond("504 This PROT is not known here; use PROT P.")

    def ftp_USER(self, line: str) -> None:
        if not self._ssl_established:
            return self.respond("530 TLS is required; send AUTH TLS first.")
        return super().ftp_USER(_loggable(line))

    def ftp_PASS(self, line: str) -> None:
        if not self._ssl_established:
            return self.respond("530 TLS is required; send AUTH TLS first.")
        if self.authenticated:
            return self.respond("503 You are logged in already.")
        if not self.username:
            return self.respond("503 Login with USER first.")
        if self.shared.guesses.barred(self.origin, self.username):
            return self.end(TOO_MANY)
        work = functools.partial(enter, self.username, line, self.remote_ip, peer_certificate(self.socket), self.shared)
        if not self._check(work):
            self.end("421 Too many logins at the moment. Try again later.")
        return None

    def _check(self, work: Callable[[], Identity | None]) -> bool:
        """Have a password checked; False when too many wait, or too many of this client's address."""
        if not self.shared.begin_check(self.origin):
            return False
        over = functools.partial(self.shared.end_check, self.origin)
        if self.defer(work, self._checked, pool=self.shared.logins, always=over):
            return True
        over()
        return False

    def _checked(self, identity: Identity | None) -> None:
        if identity is None:
            self.log(f"login of {self.username!r} failed")
            self.shared.guesses.wrong(self.origin, self.username)
            self.pause()
            self.ioloop.call_later(self.auth_failed_timeout, self._denied, _errback=self.handle_error)
            return
        if not self.shared.hooks.has("on_login"):
            self._let_in(identity)
            return
        # Not in the thread that checks passwords, for which others wait.
        work = functools.partial(welcome, self.shared, identity, self.remote_ip)
        if not self.defer(work, self._let_in):
            self.end("421 Too much to do at the moment. Try again later.")

    def _denied(self) -> None:
        self.username = ""
        self.attempted_logins += 1
        if not self.resume():
            return None
        if self.attempted_logins >= self.max_login_attempts:
            return self.end(f"{DENIED} Disconnecting.")
        self.respond(DENIED)
        return self.settle()

    def _let_in(self, identity: Identity) -> None:
        self.identity = identity
        self.authenticated = True
        self.attempted_logins = 0
        self.fs = View(layout.account_root(self.shared.settings, identity.account), self, self.shared)
        self.shared.identities_changed = True
        self.shared.guesses.right(self.origin, self.username)
        self.shared.login_times.note(identity.login_id)
        self.respond("230 Logged in.")
        self.log("logged in")

    def flush_account(self) -> None:
        super().flush_account()
        self.identity = None

    def renewed(self, identity: Identity | None) -> None:
        """The login as it is now; None when it is gone, disabled or may not be used any more."""
        if self.identity is None or self._going or identity == self.identity:
            return None
        old = self.identity
        same = identity is not None and (identity.key, identity.password_hash) == (old.key, old.password_hash)
        if identity is None or not (same and self._may_stay(identity)):
            return self.end("421 This login was changed; log in again.")
        self.identity = identity
        self.fs.refresh(identity)
        return self.end_unseen()

    def _may_stay(self, identity: Identity) -> bool:
        """Whether the client could come in as it did."""
        return identity.may_come_from(self.remote_ip) and identity.takes(peer_certificate(self.socket))

    def log_exception(self, instance: Any) -> None:
        super().log_exception(type(instance).__name__)


def _loggable(name: str) -> str:
    """The name of a login, or NO_NAME, which is checked like any other that does not exist."""
    try:
        return check_name(name)
    except FtpdockError:
        return NO_NAME


def enter(name: str, password: str, remote_ip: str, certificate: bytes, shared: Shared) -> Identity | None:
    """Check a password, and what else it takes; if it is right, make what is missing of the account's folders."""
    identity = check(name, password, remote_ip, certificate, shared.rights)
    if identity is not None:
        folders = [schema.folder for schema in shared.schemas if schema.entity in identity.entities]
        layout.make_account_folders(shared.settings, identity.account, folders)
    return identity


def welcome(shared: Shared, identity: Identity, remote_ip: str) -> Identity:
    """The hook runs before 230."""
    shared.hooks.call("on_login", event=LoginSucceeded(identity.account, identity.login, remote_ip))
    return identity
