"""The way that is configured: by SMTP, or into a file where no server is named."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage

import layout
from jobs import mail_files, mail_smtp
from jobs.mail import Delivery
from settings import Settings


def deliver(settings: Settings, message: EmailMessage, to: Sequence[str], name: str) -> Delivery:
    """Bring a mail to `to`; `name` is that of the file. Raises MailError or OSError: it may go through later."""
    if settings.smtp_host:
        return mail_smtp.send(settings, message, to)
    mail_files.write(settings, message, name)
    return Delivery(taken=tuple(to))


def way(settings: Settings, name: str) -> str:
    """Where `deliver` brings a mail, for people."""
    if settings.smtp_host:
        return f"{mail_smtp.where(settings)} (smtp_security {settings.smtp_security})"
    return f"{layout.mail_file(settings, name)}, because no smtp_host is set"
