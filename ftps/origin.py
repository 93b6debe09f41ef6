"""Whom an address stands for, where what one client may take of a common good is counted."""

from __future__ import annotations

import ipaddress

_OWN = 64
"""Bits of an IPv6 address that its holder is given; the others it chooses (RFC 6177, RFC 4291 section 2.5.1)."""


def origin(address: str) -> str:
    """An IPv4 address as it is, of an IPv6 one the network that one host has to itself."""
    if ":" not in address:
        return address
    found = ipaddress.IPv6Address(address)
    # On a socket for both families all IPv4 clients would be of one network.
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), _OWN), strict=False))
