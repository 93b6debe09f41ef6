"""The control connection without its commands: lines in order, work off the loop, how a session ends."""

from __future__ import annotations

import collections
import contextlib
import logging
import re
from collections.abc import Callable
from typing import Any

from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.log import logger

from ftps.authorizer import Authorizer
from ftps.identity import Identity
from ftps.pool import Pool, with_database
from ftps.replies import BUSY, FAILED, Refusal
from ftps.shared import Shared
from ftps.tls import OwnErrors, OwnSteps
from ftps.view import View

log = logging.getLogger("ftpdock.ftps")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TELNET = b"\xff\xf4\xf2"
"""IAC, IP and DM: clients put them before ABOR (RFC 959, section 4.1.3)."""
_PASSWORD = re.compile(r"(?i)(\bPASS\b).*", re.DOTALL)
_MEANWHILE = ("ABOR", "STAT", "NOOP", "QUIT")
"""Commands that are heeded during a transfer (RFC 959, section 5.4); others wait for its end."""
_GIVE_UP = ("PASV", "EPSV", "PORT", "EPRT")
"""Commands by which a client shows that it has given up waiting for a data connection."""
_MOST_LINES = 200
_DEBUG = logger.debug


class Closing(OwnErrors, FTPHandler):
    """Stands below pyftpdlib's TLS mixin, which closes past the class that builds on it when something failed."""

    def close(self) -> None:
        self.let_go()
        super().close()


class Core(OwnSteps, TLS_FTPHandler, Closing):
    """A control connection. Commands stand in the classes that build on this one."""

    shared: Shared
    identity: Identity | None = None
    fs: View

    # pyftpdlib's own.
    data_channel: Any
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
        self._ending: str | None = None
        self._quitting = False
        self._going = False
        """close() has begun: nothing can be answered any more."""
        super().__init__(conn, server, ioloop)
        self.authorizer = Authorizer(self)
        if not self._closed:
            self.shared.sessions.add(self)

    # --- lines

    def collect_incoming_data(self, data: bytes) -> None:
        """pyftpdlib answers 500 to a line that is too long and takes its rest for a command; here the rest is lost."""
        if not self._overlong:
            super().collect_incoming_data(data)
            self._overlong = not self._in_buffer

    def found_terminator(self) -> None:
        line, self._in_buffer, self._in_buffer_len = b"".join(self._in_buffer), [], 0
        overlong, self._overlong = self._overlong, False
        if overlong:
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
            self._run(self._lines.popleft())

    def _may_run(self, line: bytes) -> bool:
        if self._deferred or self._quit_pending:
            return False
        if not self.transferring:
            return True
        word, _, argument = line.lstrip(_TELNET).partition(b" ")
        verb = word.decode("ascii", "replace").upper()
        if verb == "STAT" and argument.strip():
            return False  # It lists a folder, which is no question about the transfer.
        return verb in _MEANWHILE or (self.data_channel is None and verb in _GIVE_UP)

    @property
    def transferring(self) -> bool:
        """A transfer is going on, or its command waits for the data connection."""
        channel = self.data_channel
        waiting = self._in_dtp_queue is not None or self._out_dtp_queue is not None
        return waiting or (channel is not None and channel._initialized)

    def _run(self, raw: bytes) -> None:
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
        if verb in ("LIST", "NLST", "STAT"):
            argument = re.sub(r"^(-[A-Za-z]+( |$))+", "", argument)
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

    # --- work off the loop

    def defer(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        *,
        pool: Pool | None = None,
        always: Callable[[], None] | None = None,
    ) -> bool:
        """Run `work` in a pool, meanwhile read nothing, then call `then` with its result on the loop.

        `always` is called on the loop first, even if the client has gone. Returns False, with nothing done or answered,
        when the pool is full.
        """

        def job() -> None:
            result: Any
            try:
                result = with_database(work)
            except Refusal as refusal:
                result = refusal
            except Exception as error:
                log.exception("%s failed", getattr(work, "__qualname__", work))
                result = error
            self.shared.waker.post(lambda: self._back(result, then, always))

        self.pause()
        # Last: whatever follows would wait for the thread that has begun.
        if (pool or self.shared.pool).submit(job):
            return True
        self._deferred = False
        return False

    def answer(self, work: Callable[[], str], always: Callable[[], None] | None = None) -> None:
        """Run `work`, which returns the reply (or raises Refusal), in the pool."""
        if not self.defer(work, self.respond, always=always):
            if always:
                always()
            self.respond(BUSY)

    def pause(self) -> None:
        """Read no more commands until resume().

        The loop goes on to watch the connection until something comes: mostly nothing does, and the client waits.
        """
        self._deferred = True

    def handle_read_event(self) -> None:
        if self._deferred:
            self.del_channel()
        else:
            super().handle_read_event()

    def handle_close(self) -> None:
        """By the loop, when the connection has failed; what is going on for it comes to its end all the same."""
        if self._deferred:
            self.del_channel()
        else:
            super().handle_close()

    def handle_timeout(self) -> None:
        """A session is not idle while the server works for it."""
        if self._deferred:
            self._idle_again()
        else:
            super().handle_timeout()

    def resume(self) -> bool:
        """Read commands again; False when the session has ended meanwhile."""
        self._deferred = False
        if self._closed:
            return False
        if self._fileno not in self.ioloop.socket_map:
            self.add_channel(events=self.ioloop.READ | (self.ioloop.WRITE if self.producer_fifo else 0))
        self._idle_again()
        return True

    def _back(self, result: Any, then: Callable[[Any], None], always: Callable[[], None] | None) -> None:
        if always:
            always()
        if not self.resume():
            return
        if isinstance(result, Exception):
            self.respond(getattr(result, "reply", FAILED))
        else:
            then(result)
        self.settle()

    def settle(self) -> None:
        """After a reply that was due: end the session if it has to end, else go on with the lines that waited."""
        if self._closed or self._deferred:
            return
        if self._ending is not None or self.shared.stopping:
            self.end(self._ending or "421 The server is stopping.")
        elif self._quit_pending and not self.transferring:
            self._say_goodbye()
        else:
            self.drain()

    def _idle_again(self) -> None:
        if self._idler is not None and not self._idler.cancelled:
            self._idler.reset()
        elif self.timeout:
            self._idler = self.ioloop.call_later(self.timeout, self.handle_timeout, _errback=self.handle_error)

    # --- the end

    def ftp_QUIT(self, line: str) -> None:
        """During a transfer its reply comes first (RFC 959, section 4.1.1)."""
        if self.transferring:
            self._quit_pending = True
        else:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        self._quitting = True
        self.respond("221 Goodbye.")
        self._shutdown_connecting_dtp()
        self.close_when_done()

    def end(self, reply: str) -> None:
        """End the session with `reply`, after the work that is going on for it."""
        if self._closed or self._quitting:
            return
        self._ending = reply
        if self._deferred:
            return
        self._quitting = True
        self.abort_transfer("426 The session ends; transfer aborted.")
        if not self._closed:
            self.respond(reply)
            self.close_when_done()

    def abort_transfer(self, reply: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        if self._deferred:
            # Off the loop there is no waiting until TLS has said goodbye.
            self._error = True
        self.let_go()
        super().close()

    def let_go(self) -> None:
        """Before the connection is closed: end what hangs on it. Does its work once."""
        if self._going:
            return
        self._going = True
        self.abort_transfer("426 The control connection was lost.")
        self.shared.sessions.discard(self)
        self.shared.identities_changed = True
