"""E-mail addresses as headers and SMTP can carry them. A leaf: the settings have addresses, too."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import getaddresses


def for_network(address: str) -> str:
    """The address with its domain as servers know it (xn--...), where there is no doubt about it; else as it is."""
    name, at, domain = address.rpartition("@")
    try:
        encoded = domain.encode("idna")
        # Python's rules are those of 2003: straße.example would become strasse.example, which is somebody else's.
        known = encoded.decode("idna").lower() == domain.lower()
    except UnicodeError:
        return address
    return address if domain.isascii() or not known else f"{name}{at}{encoded.decode('ascii')}"


def fault(address: str) -> str:
    """Why no mail can be made for an address, as the rest of a sentence about it; empty: one can."""
    name, _, domain = address.rpartition("@")
    if not name.isascii():
        return "has letters before the @ that not every mail server knows (SMTPUTF8): give one without them"
    if not domain.isascii():
        return "has a domain with letters that name no server for sure: write it in the form xn--..."
    try:
        Address(addr_spec=address)
    except (ValueError, HeaderParseError, IndexError):
        return "can't stand in a mail: expected something like name@example.com, with dots only between other signs"
    return ""


def read_one(text: str) -> tuple[str, str]:
    """Name (or "") and address of a text such as `Ops <ops@x.example>`. Raises ValueError if it holds not just one."""
    found = getaddresses([text])
    if len(found) != 1:
        raise ValueError("expected an e-mail address, exactly one, such as ops@example.com or Ops <ops@example.com>")
    name, address = found[0][0], for_network(found[0][1])
    if words := fault(address):
        raise ValueError(f"expected an e-mail address, and {address!r} {words}")
    return name, address
