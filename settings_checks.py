"""What settings can be: forms, bounds, and what does not go with another; the message says what is expected."""

from __future__ import annotations

import base64
import dataclasses
import ipaddress
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from errors import SettingsError
from mail_addresses import read_one

if TYPE_CHECKING:
    from settings import Settings

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
URLS = ("database", "queue")
"""Settings that may be addresses with a password."""


def _wrong(settings: Settings, name: str, expected: str) -> SettingsError:
    return SettingsError(f"{settings.where(name)} is {getattr(settings, name)!r}: expected {expected}")


def passive_range(settings: Settings) -> range | None:
    """The ports of `passive_ports`, or None for any. Raises SettingsError."""
    if not settings.passive_ports:
        return None
    first, dash, last = settings.passive_ports.partition("-")
    if not (first.strip().isdecimal() and (last.strip().isdecimal() if dash else True)):
        raise _wrong(settings, "passive_ports", "something like 60000-60100")
    lowest, highest = int(first), int(last or first)
    if not all(0 < port < 65536 for port in (lowest, highest)):
        raise _wrong(settings, "passive_ports", "ports between 1 and 65535")
    if lowest > highest:
        raise _wrong(settings, "passive_ports", f"the lower port first, as in {highest}-{lowest}")
    return range(lowest, highest + 1)


_HOSTS = re.compile(r"(\[[^\[\]]*\]|[^:\[\]@]*)(:\d*)?")


def _check_url(where: str, url: str) -> None:
    """Refuse what would be taken apart at the wrong places: errors further down would tell parts of the password."""
    scheme, _, rest = url.partition("://")
    place, _, path = rest.partition("/")
    _, _, hosts = place.rpartition("@")
    readable = all(_HOSTS.fullmatch(each) for each in hosts.split(",")) and place.count("@") <= 1 and "@" not in path
    if not readable or re.search(r"%(?![0-9A-Fa-f]{2})|[\s#]", rest):
        raise SettingsError(f"{where} is no {scheme} address that can be read: in the user and the password write each "
                            "character but letters, digits, - . _ ~ as % and two hexadecimal digits, as %40 for "
                            "@ and %25 for %")  # fmt: skip


def has_password(url: str) -> bool:
    """Before the host, or among the parameters, as in ?password=."""
    user = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    return bool(user.partition(":")[2]) or "password=" in url.partition("?")[2]


def _check_network(settings: Settings) -> None:
    if not _is_host(settings.host):
        raise _wrong(settings, "host", "an address of this machine, or a name of it, and nothing else")
    if settings.public_address and not _is_ipv4(settings.public_address):
        raise _wrong(settings, "public_address", "an IPv4 address such as 203.0.113.7, which is what PASV can tell")
    if not settings.banner.isprintable():
        raise _wrong(settings, "banner", "one line of printable characters")


def _is_host(text: str) -> bool:
    """A name or an address, without a port."""
    try:
        if ":" in text:
            ipaddress.IPv6Address(text)
        text.encode("idna")
    except ValueError:
        return False
    return text.isprintable() and not re.search(r"[\s/@]", text)


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _check_exports(settings: Settings) -> None:
    name = settings.export_folder
    if not re.fullmatch(r"\w[\w -]{0,62}", name) or name == "Templates":
        raise _wrong(settings, "export_folder", "a folder's name such as Export")
    _check_exports_path(settings)


OURS = ("accounts", "spool", "certs", "mail", "logs")
"""Folders of the home that are no exports."""
_DEEPLY = ("accounts", "spool")
"""Those within which there can be none either."""


def _check_exports_path(settings: Settings) -> None:
    """What lies there is copied to partners: exports among the accounts would be copied into themselves, for ever."""
    exports, home = (Path(os.path.realpath(path)) for path in (settings.exports, settings.home))
    ours = {f"{name}/ of the home": Path(os.path.realpath(home / name)) for name in OURS}
    for name, folder in {"the home": home, **ours}.items():
        if exports == folder or exports in folder.parents:
            relation = "is" if exports == folder else "holds"
        elif name.startswith(_DEEPLY) and folder in exports.parents:
            relation = "lies in"
        else:
            continue
        raise SettingsError(f"{settings.where('exports_path')} leads to {exports}, which {relation} {name}, and all "
                            "that lies there would be shown to partners: expected a folder of its own, such as "
                            "exports in the home, or one outside of the home")  # fmt: skip


def _check_mail(settings: Settings) -> None:
    if not _is_host(settings.smtp_host):
        raise _wrong(settings, "smtp_host", "the name or the address of a mail server alone; smtp_port is its port")
    if settings.smtp_password and settings.smtp_password_file:
        one, other = map(settings.out_of, ("smtp_password", "smtp_password_file"))
        raise SettingsError(f"smtp_password and smtp_password_file are both set: take {one}, or {other}")
    for name in ("mail_from", "admin_email"):
        if text := getattr(settings, name):
            if not text.isprintable():
                raise _wrong(settings, name, "an e-mail address on one line")
            try:
                read_one(text)
            except ValueError as error:
                raise SettingsError(f"{settings.where(name)} is {text!r}: {error}") from None


_YEAR = 366
"""Days."""
_RANGES: dict[str, tuple[int, int]] = {
    "port": (0, 65_535),
    "smtp_port": (0, 65_535),
    **dict.fromkeys(("max_connections", "login_attempts", "login_queue"), (1, 1_000_000)),
    "max_connections_per_ip": (0, 1_000_000),
    # epoll counts milliseconds, in 31 bits: 24 days.
    **dict.fromkeys(("idle_timeout", "data_timeout"), (1, 7 * 86_400)),
    "pool_threads": (1, 1_000),
    "max_file_size": (1, 2**62),
    "min_free_bytes": (0, 2**62),
    # The database counts the rows of an import in 31 bits.
    "max_rows": (1, 2**31 - 1),
    "visible_seconds": (0, _YEAR * 86_400),
    "partial_hours": (0, _YEAR * 24),
    "workers": (0, 1_000),
    "chunk_rows": (1, 10_000_000),
    # Postgres counts ten leases in milliseconds, in 31 bits, too.
    "lease_seconds": (1, 86_400),
    "reconcile_seconds": (1, _YEAR * 86_400),
    "settle_seconds": (0, _YEAR * 86_400),
    **dict.fromkeys(("keep_exports_days", "keep_processed_days", "keep_failed_days", "keep_reports_days",
                     "keep_mails_days"), (0, 36_500)),
    "alert_not_collected_hours": (0, _YEAR * 24),
}  # fmt: skip
"""Of each number what it may be at least and at the most: dates, clocks and databases end somewhere."""

_CHOICES = {
    "tls_max_version": ("1.2", "1.3"),
    "smtp_security": ("starttls", "tls", "none"),
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
}
"""Texts of which there are only these."""


def check(settings: Settings) -> None:
    """Raises SettingsError for what can't be right, with the place where it stands."""
    _check_addresses(settings)
    passive_range(settings)
    _check_network(settings)
    _check_mail(settings)
    _check_exports(settings)
    _check_secret_key(settings)
    _check_texts(settings)
    for name, known in _CHOICES.items():
        if getattr(settings, name) not in known:
            raise _wrong(settings, name, f"{', '.join(known[:-1])} or {known[-1]}")
    for name, (least, most) in _RANGES.items():
        if not least <= getattr(settings, name) <= most:
            raise _wrong(settings, name, f"{least} to {most}")


def _check_secret_key(settings: Settings) -> None:
    try:
        right = not settings.secret_key or len(base64.urlsafe_b64decode(settings.secret_key.strip())) == 32
    except ValueError:
        right = False
    if not right:
        raise SettingsError(f"{settings.where('secret_key')} holds no key: expected 32 bytes in base64, as "
                            "`openssl rand -base64 32` prints")  # fmt: skip


_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def _check_texts(settings: Settings) -> None:
    """No name, path or address has a line break, say; passwords may have what they like."""
    for each in dataclasses.fields(settings):
        if "meaning" not in each.metadata or each.metadata["secret"]:
            continue
        value = getattr(settings, each.name)
        if isinstance(value, str) and _CONTROLS.search(value):
            told = _shape(value) if each.name in URLS else value
            raise SettingsError(f"{settings.where(each.name)} is {told!r}: expected one line without control "
                                "characters")  # fmt: skip
        if isinstance(value, tuple) and any(_CONTROLS.search(text) for text in value):
            raise _wrong(settings, each.name, "names without line breaks and other control characters")


def _check_addresses(settings: Settings) -> None:
    if not settings.database_url.startswith((SQLITE, *POSTGRES)):
        raise SettingsError(f"{settings.where('database')} is {_shape(settings.database)!r}: expected sqlite:///path "
                            "or postgresql://...")  # fmt: skip
    if not settings.database_url.startswith(SQLITE):
        _check_url(settings.where("database"), settings.database)
    if settings.queue == "sqlite":
        return
    if not settings.queue.startswith((*POSTGRES, "redis://", "rediss://")):
        raise SettingsError(f"{settings.where('queue')} is {_shape(settings.queue)!r}: expected sqlite, "
                            "postgresql://... or redis://...")  # fmt: skip
    _check_url(settings.where("queue"), settings.queue)


def _shape(url: str) -> str:
    """What was written for an address, as far as it can't be a password."""
    if re.fullmatch(r"[\w./-]*|sqlite:[\w./-]*", url):
        return url
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/*", url)
    return f"{scheme[0] if scheme else ''}..."
