"""What an account and a login may be called and hold. A check returns the value to store or raises FtpdockError."""

from __future__ import annotations

import ipaddress
import itertools
import re
import zoneinfo

from marshmallow import ValidationError

from errors import FtpdockError
from mail_addresses import fault, for_network
from schemas.fields import Email

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_DATE_FORMATS = {
    separator.join(parts) for parts in itertools.permutations(("YYYY", "MM", "DD")) for separator in ("-", ".", "/", "")
}
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", r"\t": "\t", "pipe": "|"}
LONGEST_PASSWORD = 500
"""Characters. FTP clients send a password as one line, and lines have an end."""


def check_name(name: str) -> str:
    """The name of an account or a login, which is also the name of a folder."""
    if _NAME.fullmatch(name):
        return name
    if _NAME.fullmatch(name.lower()):
        raise FtpdockError(f"{name!r} has upper-case letters: write {name.lower()!r}")
    raise FtpdockError(
        f"{name!r} can't be a name: begin with a letter from a to z or a digit, "
        "then up to 62 more of these, hyphens or underscores"
    )


def check_email(address: str) -> str:
    """One that a mail can be made for: stricter than the rule of files, whose addresses are only kept."""
    try:
        found = for_network(str(Email("Email").deserialize(address.strip())))
    except ValidationError as error:
        raise FtpdockError(str(error.messages[0])) from None
    if words := fault(found):
        raise FtpdockError(f"{found!r} {words}")
    return found


def check_company(text: str) -> str:
    if not text.isprintable() or len(text) > 200:
        raise FtpdockError("A company's name is one line of at most 200 characters")
    return text.strip()


def check_network(text: str) -> str:
    """A CIDR network of IPv4 or IPv6; a single address is a network of one."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise FtpdockError(f"{text!r} is not a network: write it as 192.0.2.0/24, or one address") from None
    if "/" in text and str(network.network_address) != str(ipaddress.ip_address(text.partition("/")[0])):
        raise FtpdockError(f"{text!r} names an address inside a network: write {network}, or the address alone")
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped and network.prefixlen >= 96:
        raise FtpdockError(f"{text!r} is a network of IPv4 written as IPv6, from which nobody is seen to come: "
                           f"write {mapped}/{network.prefixlen - 96}")  # fmt: skip
    return str(network)


def check_time_zone(name: str) -> str:
    if name != "UTC" and name not in zoneinfo.available_timezones():
        raise FtpdockError(f"{name!r} is not a time zone: write one such as UTC, Europe/Berlin or America/New_York")
    return name


def zone_of(account: str, name: str) -> zoneinfo.ZoneInfo:
    """The time zone `name` of an account. It was one when the account got it, and may be none on this machine, or by
    now: raises FtpdockError then."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise FtpdockError(
            f"This machine knows no time zone {name!r}, which the account {account} has: install the system's time "
            f"zones (tzdata), or set another by `ftpdock account set {account} --timezone ZONE`"
        ) from None


def check_date_format(text: str) -> str:
    """YYYY, MM and DD once each, in any order, with -, . or / between them, or nothing."""
    if text not in _DATE_FORMATS:
        raise FtpdockError(
            f"{text!r} is not a date format: write YYYY, MM and DD once each, with -, . or / between them, "
            "such as DD.MM.YYYY"
        )
    return text


def check_delimiter(text: str) -> str:
    """What separates the cells of exported files: the character, or its name."""
    character = _DELIMITERS.get(text.lower(), text)
    if character not in _DELIMITERS.values():
        raise FtpdockError(f"{text!r} is not a delimiter: write comma, semicolon, tab or pipe, or the character itself")
    return character


def check_password(password: str) -> str:
    if not password:
        raise FtpdockError("The password is empty")
    if len(password) > LONGEST_PASSWORD or not password.isprintable():
        raise FtpdockError(
            f"A password is one line of at most {LONGEST_PASSWORD} characters, without control characters"
        )
    return password
