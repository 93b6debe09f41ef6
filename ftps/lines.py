"""The control connection as lines: commands are run one after the other, replies go out."""

from __future__ import annotations

import collections
import contextlib
import re
from typing import Any

from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.log import logger

from ftps.tls import OwnErrors, OwnSteps, forget_session

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TELNET = b"\xff\xf4\xf2"
"""IAC, IP and DM: clients put them before ABOR (RFC 959, section 4.1.3)."""
_PASSWORD = re.compile(r"(?i)(\bPASS\b).*", re.DOTALL)
_MEANWHILE = ("ABOR", "STAT", "NOOP", "QUIT")
"""Commands that are heeded during a transfer (RFC 959, section 5.4); others wait for its end."""
_GIVE_UP = ("PASV", "EPSV", "PORT", "EPRT")
"""Commands by which a client shows that it has given up waiting for a data connection."""
_TRANSFERS = ("RETR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD")
"""Commands that REST may have been sent for."""
_WORDS = frozenset({"ALLO", "AUTH", "EPRT", "EPSV", "MODE", "PASV", "PBSZ", "PORT", "PROT", "REST", "STRU", "TYPE"})
"""Commands whose argument is no name, to which blanks at its ends could belong."""
_MOST_LINES = 200
_LONGEST = 2048
"""Bytes of a command."""
_TOO_LONG = b"\0 a line that was too long"
"""Stands in its place."""
LAST_WORDS = 10.0
"""Seconds in which a client has to take the last reply."""
_DEBUG = logger.debug


class Closing(OwnErrors, FTPHandler):
    """Stands below pyftpdlib's TLS mixin, which closes past the class that builds on it when something failed."""

    def close(self) -> None:
        self.let_go()
        super().close()
        self.forget_stranger()

    def forget_stranger(self) -> None:
        """What TLS keeps of a client that has not logged in: anybody could fill the memory with it."""
        if not self.authenticated:
            forget_session(self.socket)


class Lines(OwnSteps, TLS_FTPHandler, Closing):
    """Commands that come in and replies that go out."""

    # pyftpdlib's own.
    data_channel: Any
    _dtp_acceptor: Any
    _dtp_connector: Any
    _in_buffer: list[bytes]
    _in_buffer_len: int
    _in_dtp_queue: tuple[Any, str] | None
    _out_dtp_queue: tuple[Any, bool, Any, str] | None
    _restart_position: int
    _rnfr: str | None
    _idler: Any

    def __init__(self, conn: Any, server: Any, ioloop: Any = None) -> None:
        self._lines: collections.deque[bytes] = collections.deque()
        self._overlong = False
        self._deferred = False
        """The server works for the session, off the loop."""
        self._quitting = False
        super().__init__(conn, server, ioloop)

    # --- commands

    def collect_incoming_data(self, data: bytes) -> None:
        """pyftpdlib answers a line that is too long past all that waits, and takes its rest for a command."""
        if self._overlong:
            return
        self._in_buffer.append(data)
        self._in_buffer_len += len(data)
        if self._in_buffer_len > _LONGEST:
            self._overlong = True
            self._in_buffer, self._in_buffer_len = [], 0
            self._take(_TOO_LONG)

    def found_terminator(self) -> None:
        line, self._in_buffer, self._in_buffer_len = b"".join(self._in_buffer), [], 0
        overlong, self._overlong = self._overlong, False
        if not overlong:
            self._take(line)

    def _take(self, line: bytes) -> None:
        if self._quitting or self._closing:
            return
        if self._idler is not None and not self._idler.cancelled:
            self._idler.reset()
        self._lines.append(line)
        if len(self._lines) > _MOST_LINES:
            self.end("421 Too many commands at once.")
        self.drain()

    def drain(self) -> None:
        """Run the lines that may run now."""
        while self._lines and not (self._closed or self._closing or self._quitting) and self._may_run(self._lines[0]):
            line = self._lines.popleft()
            self._run(line)
            if line is _TOO_LONG or _split(line)[0] in _TRANSFERS:
                # REST holds for one transfer, however that was answered.
                self._restart_position = 0

    def _may_run(self, line: bytes) -> bool:
        # A client that reads no replies gets no more of them: they would fill the memory.
        if self._deferred or self._quit_pending or self.producer_fifo:
            return False
        if not self.transferring:
            return True
        verb, argument = _split(line)
        if verb == "STAT" and argument.strip():
            return False  # It lists a folder, which is no question about the transfer.
        return verb in _MEANWHILE or (self.data_channel is None and verb in _GIVE_UP)

    @property
    def transferring(self) -> bool:
        """A transfer is going on, or its command waits for the data connection."""
        channel = self.data_channel
        return self.waits_for_data or (channel is not None and channel._initialized)

    @property
    def waits_for_data(self) -> bool:
        """A command waits for its data connection."""
        return self._in_dtp_queue is not None or self._out_dtp_queue is not None

    def _run(self, raw: bytes) -> None:
        if raw is _TOO_LONG:
            return self.respond("500 Command too long.")
        try:
            line = raw.lstrip(_TELNET).decode("utf-8")
        except UnicodeDecodeError:
            return self.respond("501 Commands are UTF-8.")
        if _CONTROL.search(line):
            return self.respond("501 Control characters are not allowed in a command.")
        verb, _, argument = line.partition(" ")
        if not verb.isascii():
            return self.respond("500 Command not understood.")
        verb = verb.upper()
        if verb in _WORDS:
            argument = argument.strip(" ")
        elif verb == "SITE":
            argument = argument.lstrip(" ")
        elif verb in ("LIST", "NLST", "STAT"):
            argument = re.sub(r"^(-[A-Za-z0-9]+( |$))+", "", argument)
        with contextlib.suppress(UnicodeEncodeError):
            return self.pre_process_command(f"{verb} {argument}" if argument else verb, verb, argument)
        return self.respond("501 This path can't be represented here.")

    def __repr__(self) -> str:
        """pyftpdlib makes one for each of its debugging lines, whether or not anybody reads them."""
        return f"<session of {self.username!r} from {self.remote_ip}:{self.remote_port}>"

    __str__ = __repr__

    def logline(self, msg: str, **kwargs: Any) -> None:
        """What a client types in a wrong place may still be its password."""
        if self._log_debug:
            super().logline(_PASSWORD.sub(r"\1 ******", msg), **kwargs)

    # --- replies

    def respond(self, resp: str, logfun: Any = _DEBUG) -> None:
        """pyftpdlib's, which words a line of the log whether or not anybody reads it."""
        if self._log_debug or logfun != _DEBUG:
            return super().respond(resp, logfun)
        self._last_response = resp
        return self.push(f"{resp}\r\n")

    def push(self, data: str) -> None:
        """Straight to TLS while nothing waits before it: the way through the queue takes longer than that."""
        idle = self._ssl_established and not (self._ssl_closing or self._closed or self.producer_fifo)
        # OpenSSL takes all of it or nothing (ftps/tls.py).
        if not (idle and (self._send_now(data.encode(self.encoding)) or self._closed)):
            super().push(data)

    def _send_now(self, data: bytes) -> int:
        try:
            sent: int = self.send(data)
        except OSError:
            self.handle_error()
            return 0
        return sent

    def handle_write_event(self) -> None:
        super().handle_write_event()
        if self._lines and not self._closed:
            # They waited until the client had read what it asked for before.
            self.drain()

    # --- the end

    def close_when_done(self) -> None:
        """A client that takes nothing any more is not waited for without an end."""
        super().close_when_done()
        if not self._closed:
            self.call_later(LAST_WORDS, self._give_up)

    def _give_up(self) -> None:
        self._error = True
        self.close()

    def let_go(self) -> None:
        raise NotImplementedError

    def end(self, reply: str) -> None:
        raise NotImplementedError


def _split(line: bytes) -> tuple[str, bytes]:
    """The verb and the argument of a command."""
    word, _, argument = line.lstrip(_TELNET).partition(b" ")
    return word.decode("ascii", "replace").upper(), argument
