"""What may stand in a mail: one line of printable text, numbers as people write them, and what headers need."""

from __future__ import annotations

import datetime as dt
import re
import socket
import zoneinfo
from collections.abc import Sequence
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from mail_addresses import fault, read_one
from settings import Settings

POLICY = policy.SMTP.clone(cte_type="7bit")
"""Lines end with CRLF, and whatever is no ASCII is encoded: it passes through every server."""
_WIDE = POLICY.clone(max_line_length=400)
LONGEST_SUBJECT = 200
"""Characters."""

# Controls, line and paragraph separators, marks that turn the direction of writing around, lone surrogates.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


def one_line(text: object, longest: int = LONGEST_SUBJECT) -> str:
    """A text that can neither end a line, nor begin a header, nor drive a terminal; long ones keep both ends."""
    clean = _UNPRINTABLE.sub(" ", str(text)).strip()
    half = longest // 2
    return clean if len(clean) <= longest else f"{clean[:half]}…{clean[-half:]}"


def number(count: int) -> str:
    """1998 -> 1,998"""
    return f"{count:,}"


def plural(count: int, word: str) -> str:
    return f"{number(count)} {word}" + ("" if count == 1 else "s")


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, its cells in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def local(moment: dt.datetime | None, zone: str) -> str:
    """A time as the account reads it: 2024-09-18 08:30 (Europe/Berlin)."""
    if moment is None:
        return ""
    try:
        return f"{moment.astimezone(zoneinfo.ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return f"{moment:%Y-%m-%d %H:%M} (UTC)"


def sender(settings: Settings) -> Address:
    """Who the mails are from: `mail_from`, or ftpdock at this machine."""
    name, address = read_one(settings.mail_from) if settings.mail_from else ("", f"ftpdock@{socket.gethostname()}")
    return Address(one_line(name or "ftpdock"), addr_spec=address)


def unwritable(addresses: Sequence[str]) -> dict[str, str]:
    """Those of the addresses that no mail can be made for, each with the reason."""
    return {address: words for address in addresses if (words := fault(address))}


def envelope(settings: Settings, to: Sequence[str], subject: str, token: str, date: dt.datetime) -> EmailMessage:
    """A mail without a body. The same `token` and `date` make the same mail: a repeated sending is recognisable.

    Unwritable addresses are left out: they are no reason to tell the others nothing.
    """
    message = EmailMessage(POLICY)
    origin = sender(settings)
    left_out = unwritable(to)
    message["From"] = origin
    message["To"] = [Address(addr_spec=each) for each in to if each not in left_out]
    message["Subject"] = one_line(subject)
    message["Date"] = format_datetime(date)
    message["Message-ID"] = f"<{token}@{origin.domain}>"
    # RFC 3834: vacation programs don't answer it.
    message["Auto-Submitted"] = "auto-generated"
    return message


def unfolded(message: EmailMessage) -> EmailMessage:
    """The mail, when its body is complete, with a plain subject on one line.

    Folded, it may begin on the second line, which many programs show as a blank. Encoded words have to be short
    (RFC 2047), and so have the lines of bodies.
    """
    if str(message["Subject"]).isascii():
        message.policy = _WIDE
    return message
