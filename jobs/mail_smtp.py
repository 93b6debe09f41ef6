"""One mail to one SMTP server, by smtplib: TLS, login, and which refusals are for good."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

from errors import FtpdockError
from jobs.mail import Delivery
from settings import Settings

TIMEOUT = 60.0
"""Seconds that the server may take for one answer."""
HANDED_OVER = 600.0
"""The same for its answer to the whole mail (RFC 5321, 4.5.3.2.6): it may deliver it first, and who hangs up gets it
delivered again."""
PORTS = {"starttls": 587, "tls": 465, "none": 25}
NEEDS_LOGIN = {530, 534, 535, 538}
"""Permanent by their digits, but it is our settings that have to be mended (RFC 4954)."""


class MailError(FtpdockError):
    """A mail reached nobody; it may go through later."""


class _Server(smtplib.SMTP):
    """A connection with more patience while the mail itself is handed over."""

    def getreply(self) -> tuple[int, bytes]:
        patience = self.sock.gettimeout() if self.sock else None
        try:
            return super().getreply()
        except smtplib.SMTPServerDisconnected as error:
            if patience is not None and isinstance(error.__context__, TimeoutError):
                # It was us who closed it.
                raise smtplib.SMTPServerDisconnected(f"it gave no answer within {patience:g} s") from error
            raise

    def data(self, msg: Any) -> tuple[int, bytes]:
        assert self.sock is not None
        self.sock.settimeout(HANDED_OVER)
        try:
            return super().data(msg)
        finally:
            if self.sock is not None:  # smtplib has not closed it
                self.sock.settimeout(TIMEOUT)


class _TLSServer(_Server, smtplib.SMTP_SSL):
    """The same, secured from its first byte on."""


def where(settings: Settings) -> str:
    """The server as people write it: mail.example.com:587."""
    return f"{settings.smtp_host}:{settings.smtp_port or PORTS[settings.smtp_security]}"


def check_files(settings: Settings) -> None:
    """Read the files that the settings name. Raises MailError for one that can't be used."""
    _password(settings)
    _context(settings)


def send(settings: Settings, message: EmailMessage, to: Sequence[str]) -> Delivery:
    """Hand the mail over for `to`. Raises MailError with the server's words when it may go through later."""
    try:
        server = _connect(settings)
    except smtplib.SMTPAuthenticationError as error:
        raise MailError(f"{where(settings)} refused the login: {_reply(error)}") from error
    except smtplib.SMTPResponseException as error:
        raise MailError(f"{where(settings)}: {_reply(error)}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailError(f"{where(settings)}: {_words(error)}") from error
    except UnicodeEncodeError:
        # Its words may hold a piece of the password.
        raise MailError("smtp_username or the password has characters that SMTP can't send") from None
    try:
        return _hand_over(settings, server, message, to)
    finally:
        # Once the mail is taken, a server that ends the connection badly has taken it all the same.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()
        server.close()


def _connect(settings: Settings) -> smtplib.SMTP:
    """A connection that is secured and logged in, as the settings ask for it."""
    host, port = settings.smtp_host, settings.smtp_port or PORTS[settings.smtp_security]
    server: smtplib.SMTP
    if settings.smtp_security == "tls":
        server = _TLSServer(host, port, timeout=TIMEOUT, context=_context(settings))
    else:
        server = _Server(host, port, timeout=TIMEOUT)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=_context(settings))
        if settings.smtp_username:
            server.login(settings.smtp_username, _password(settings))
    except BaseException:
        server.close()
        raise
    return server


def _context(settings: Settings) -> ssl.SSLContext:
    trusted = settings.home / settings.smtp_ca_file if settings.smtp_ca_file else None
    try:
        return ssl.create_default_context(cafile=trusted)
    except OSError as error:
        raise MailError(f"smtp_ca_file {trusted} can't be used ({error.strerror or error}): put certificates in PEM "
                        f"form there, or take {settings.out_of('smtp_ca_file')}") from error  # fmt: skip


def _password(settings: Settings) -> str:
    if not settings.smtp_password_file:
        return settings.smtp_password
    path = settings.home / settings.smtp_password_file
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        # Python's words hold a byte of it.
        raise MailError(f"smtp_password_file {path} is not UTF-8: write it in UTF-8") from None
    except OSError as error:
        raise MailError(f"smtp_password_file {path} can't be read ({error.strerror}): put it there, let this user read "
                        f"it, or take {settings.out_of('smtp_password_file')}") from error  # fmt: skip
    return text.partition("\n")[0].rstrip("\r")


def _hand_over(settings: Settings, server: smtplib.SMTP, message: EmailMessage, to: Sequence[str]) -> Delivery:
    try:
        missed = server.send_message(message, parseaddr(str(message["From"]))[1], list(to))
    except smtplib.SMTPRecipientsRefused as error:
        # Nothing was sent: all were refused, or the server ended it (421) before it had heard of the rest.
        named = error.recipients
        ended = (421, list(named.values())[-1][1])
        return _sorted({address: named.get(address, ended) for address in to}, to)
    except smtplib.SMTPResponseException as error:
        if not _for_good(error.smtp_code):
            raise MailError(f"{where(settings)}: {_reply(error)}") from error
        return Delivery(refused=dict.fromkeys(to, _reply(error)))
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise MailError(f"{where(settings)}: {_words(error)}") from error
    return _sorted(missed, to)


def _sorted(missed: dict[str, tuple[int, bytes]], to: Sequence[str]) -> Delivery:
    words = {address: f"{code} {_text(reply)}" for address, (code, reply) in missed.items()}
    good = {address for address, (code, _) in missed.items() if _for_good(code)}
    return Delivery(
        taken=tuple(address for address in to if address not in missed),
        refused={address: words[address] for address in words if address in good},
        later={address: words[address] for address in words if address not in good},
    )


def _for_good(code: int) -> bool:
    return 500 <= code < 600 and code not in NEEDS_LOGIN


def _reply(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return " ".join(text.split())[:500]


def _words(error: Exception) -> str:
    return _text(str(error)) or type(error).__name__
