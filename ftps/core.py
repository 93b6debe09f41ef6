"""The control connection without its commands: work off the loop, how a session ends."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from typing import Any

from ftps.authorizer import Authorizer
from ftps.claims import connected
from ftps.identity import Identity
from ftps.lines import Lines
from ftps.origin import origin
from ftps.pool import Pool, with_database
from ftps.ports import DataPorts
from ftps.replies import BUSY, FAILED, NO_SPACE, Refusal, is_full
from ftps.shared import Shared
from ftps.view import View

log = logging.getLogger("ftpdock.ftps")

LOGIN_WITHIN = 60.0
"""Seconds that a client has to log in, whatever it asks for meanwhile."""


class Core(Lines):
    """A control connection. Commands stand in the classes that build on this one."""

    shared: Shared
    data_ports: DataPorts
    identity: Identity | None = None
    fs: View

    def __init__(self, conn: Any, server: Any, ioloop: Any = None) -> None:
        self._ending: str | None = None
        self._going = False
        """close() has begun: nothing can be answered any more."""
        super().__init__(conn, server, ioloop)
        # pyftpdlib's own, which nobody reads: here it says since when the client has not been logged in.
        self.started = time.monotonic()
        self.authorizer = Authorizer(self)
        self.origin = origin(self.remote_ip)
        if not self._closed:
            self.shared.sessions.add(self)

    # --- clients that have not logged in

    def handle(self) -> None:
        """Greet the client, unless too many are there from its address that have not logged in."""
        if self.shared.crowded(self.origin):
            self.handle_max_cons_per_ip()
        else:
            super().handle()

    def flush_account(self) -> None:
        super().flush_account()
        self.started = time.monotonic()

    def end_stranger(self) -> None:
        """Asked again and again: end the session if its client takes too long to log in."""
        if self.identity is not None or self._deferred or self._closing:
            return
        if time.monotonic() - self.started < LOGIN_WITHIN:
            return
        if self._ssl_accepting:
            self.close()  # In the midst of a handshake nothing can be said.
        else:
            self.end(f"421 No login within {LOGIN_WITHIN:.0f} seconds.")

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
            except BaseException as error:
                # Whatever it is: the session would wait for ever.
                result = _failed(work, error)
            self.shared.waker.post(lambda: self._back(result, then, always))

        self.pause()
        # Last: whatever follows would wait for the thread that has begun.
        if (pool or self.shared.pool).submit(job):
            return True
        self._deferred = False
        return False

    def answer(
        self, work: Callable[[], str], *, pool: Pool | None = None, always: Callable[[], None] | None = None
    ) -> None:
        """Run `work`, which returns the reply (or raises Refusal), in a pool."""
        if not self.defer(work, self.respond, pool=pool, always=always):
            if always:
                always()
            self.respond(BUSY)

    def pause(self) -> None:
        """Read no more commands until resume().

        The loop goes on to watch the connection until something comes: mostly nothing does, and the client waits.
        """
        self._deferred = True

    @property
    def working(self) -> bool:
        """Whether the server works for a command, which has no reply yet."""
        return self._deferred

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
        try:
            if isinstance(result, BaseException):
                self.respond(getattr(result, "reply", FAILED))
            else:
                then(result)
            self.settle()
        except Exception:
            # As the loop does: a session of which no one knows how far it got would wait for ever.
            self.handle_error()

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

    def reachable(self) -> bool:
        """Whether the client still holds its control connection, as far as the kernel knows. Asked from any thread.

        The flag is asked last: it is set before the socket is closed. So the answer is no, even if something else was
        polled that had been given the socket's number by then.
        """
        return connected(self.socket) and not self._going

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

    def abort_transfer(self, reply: str, answer: bool = False) -> None:
        raise NotImplementedError

    def end_unseen(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        if self._deferred:
            # Off the loop there is no waiting until TLS has said goodbye.
            self._error = True
        self.let_go()
        super().close()
        # pyftpdlib may have gone past the class that does it.
        self.forget_stranger()

    def let_go(self) -> None:
        """Before the connection is closed: end what hangs on it. Does its work once."""
        if self._going:
            return
        self._going = True
        self.abort_transfer("426 The control connection was lost.")
        self.shared.sessions.discard(self)
        self.shared.identities_changed = True


def _failed(work: Callable[[], Any], error: BaseException) -> BaseException:
    """What is told in place of the error at hand, which is logged."""
    if is_full(error):
        log.error("%s failed, there is no space left: %s", _name(work), error)
        return Refusal(NO_SPACE)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        log.error("%s failed: %s", _name(work), error)  # in a line, as all that comes fails so
    else:
        log.exception("%s failed", _name(work))
    return error


def _name(work: Callable[[], Any]) -> str:
    """Of the function alone: what a partial was given may be a password."""
    return getattr(getattr(work, "func", work), "__qualname__", "work")
