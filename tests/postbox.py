"""A real mail server (aiosmtpd) on loopback that keeps what it takes and refuses what it is told to refuse."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

LOST = "lost"
"""An answer that is none: the connection ends."""
TAKEN = "250 OK"


@dataclass
class Postbox:
    """What arrived, and the answers to come: the first of each list is given next, then 250 again."""

    security: str = "none"
    login: tuple[str, str] | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    data_answers: list[str] = field(default_factory=list)
    address_answers: dict[str, list[str]] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds after which it answers a whole mail."""
    hangs_up: bool = False
    """Whether it ends the connection at QUIT instead of an answer."""
    attempts: int = 0
    """How often a whole mail was handed over."""

    def start(self, port: int, context: ssl.SSLContext) -> None:
        """Listen on 127.0.0.1."""
        more: dict[str, Any] = {}
        if self.security == "starttls":
            more = {"tls_context": context, "require_starttls": True}
        if self.security == "tls":
            more = {"ssl_context": context}
        if self.login:
            more |= {"authenticator": self._authenticate, "auth_required": True}
        self.port = port
        # Patience: the machine may be busy.
        self._controller = Controller(self, hostname="127.0.0.1", port=port, ready_timeout=30, **more)
        self._controller.start()

    def stop(self) -> None:
        """End what is left of connections, too: that a client was killed a moment ago may not be noticed yet."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._controller.loop).result(30)
        self._controller.stop()

    async def _hang_up(self) -> None:
        assert self._controller.server is not None
        self._controller.server.close()
        # A connection that is accepted already is made in the next turns of the loop.
        for _ in range(5):
            await asyncio.sleep(0)
            for transport in list(self._controller.loop._transports.values()):  # type: ignore[attr-defined]
                transport.abort()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by which ftpdock finds it."""
        return {"smtp_host": "127.0.0.1", "smtp_port": self.port, "smtp_security": self.security}

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self.login, handled=given == self.login)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answers = self.address_answers.get(address)
        if answers:
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return TAKEN

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.attempts += 1
        answer = self.data_answers.pop(0) if self.data_answers else TAKEN
        if answer == LOST:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        if answer == TAKEN:
            assert isinstance(envelope.content, bytes)
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.mails.append(message)
            self.recipients.append(list(envelope.rcpt_tos))
            self.encrypted.append(session.ssl is not None or self.security == "tls")
        await asyncio.sleep(self.delay)
        return answer

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.hangs_up:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "221 Bye"
