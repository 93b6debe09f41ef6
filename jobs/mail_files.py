"""Mails as .eml files in mail/ of the home: what is done with them where no mail server is named."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from certs.files import write_aside
from layout import mail_file, make_home
from settings import Settings


def write(settings: Settings, message: EmailMessage, name: str) -> Path:
    """Write mail/<name>.eml whole, in place of an earlier attempt's; return its path."""
    target = mail_file(settings, name)
    make_home(settings)
    target.parent.mkdir(exist_ok=True, mode=0o700)
    write_aside(target, message.as_bytes(), 0o600)
    return target
