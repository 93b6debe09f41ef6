"""Mails as .eml files in mail/ of the home: what is done with them where no mail server is named."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from certs.files import write_aside
from settings import Settings


def write(settings: Settings, message: EmailMessage, name: str) -> Path:
    """Write mail/<name>.eml whole, in place of an earlier attempt's; return its path."""
    folder = settings.home / "mail"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.eml"
    write_aside(path, message.as_bytes(), 0o600)
    return path
