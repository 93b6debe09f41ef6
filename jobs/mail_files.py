"""Mails as .eml files in mail/ of the home: what is done with them where no mail server is named."""

from __future__ import annotations

from email import message_from_binary_file, policy
from email.message import EmailMessage
from pathlib import Path

from certs.files import write_aside
from layout import mail_beside, mail_file, make_home
from settings import Settings


def write(settings: Settings, message: EmailMessage, name: str) -> Path:
    """Write mail/<name>.eml whole, in place of an earlier attempt's; return its path.

    The file of another mail, whose number a restored database has given again, stays.
    """
    target = mail_file(settings, name)
    make_home(settings)
    if _is_anothers(target, message):
        target = mail_beside(settings, name, str(message["Message-ID"]).strip("<>").partition("@")[0])
    target.parent.mkdir(exist_ok=True, mode=0o700)
    write_aside(target, message.as_bytes(), 0o600)
    return target


def _is_anothers(path: Path, message: EmailMessage) -> bool:
    try:
        with path.open("rb") as file:
            there = message_from_binary_file(file, policy=policy.default)
    except FileNotFoundError:
        return False
    return there["Message-ID"] != message["Message-ID"]
