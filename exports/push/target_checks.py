"""What may be said of a target. A check returns the value to store, or raises FtpdockError."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from errors import FtpdockError
from exports.push.url import LOCAL, PORTS, Place
from settings import Settings
from settings_checks import OURS

KINDS = ("order", "customer", "full")
ONLY_FOR = {"ca_file": ("ftps",), "key_file": ("sftp",), "host_key": ("sftp",), "mount_point": LOCAL}


def check_name(name: str) -> str:
    if len(name) > 63 or not name.isprintable():
        raise FtpdockError(f"{name!r} can't be a name: up to 63 printable characters")
    return name


def check_kinds(kinds: Sequence[str]) -> list[str]:
    """Each once; none of them: all."""
    wrong = [kind for kind in kinds if kind not in KINDS]
    if wrong:
        raise FtpdockError(f"{wrong[0]!r} is no kind of export: expected some of {', '.join(KINDS)}")
    return sorted(set(kinds))


def check_variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,199}", name):
        raise FtpdockError("--password-env takes the name of an environment variable, such as ACME_PASSWORD")
    return name


def check_host_key(text: str) -> str:
    if not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", text):
        raise FtpdockError(f"{text!r} is no fingerprint of a host key: expected SHA256: and 43 characters")
    return text


def check_option(name: str, value: Any) -> Any:
    """One of ONLY_FOR."""
    if name == "mount_point":
        return value
    if name == "host_key":
        return check_host_key(value)
    path = Path(value).absolute()
    if not path.is_file():
        raise FtpdockError(f"There is no file {path}")
    return str(path)


def check_apart(settings: Settings, place: Place) -> None:
    """Raise FtpdockError for a folder of this machine that is one of our own: what is delivered would lie among the
    files of exports or accounts, or replace them. Links may lead there."""
    if place.scheme not in LOCAL:
        return
    folder = Path(os.path.realpath(place.path or "/"))
    ours = {"the folder of the exports": settings.exports} | {f"{name}/ of the home": settings.home / name
                                                              for name in OURS}  # fmt: skip
    own = {name: Path(os.path.realpath(path)) for name, path in ours.items()}
    if folder == Path(os.path.realpath(settings.home)):
        relation = "is the home"
    elif name := next((name for name, path in own.items() if folder.is_relative_to(path)), ""):
        relation = f"{'is' if folder == own[name] else 'lies in'} {name}"
    else:
        return
    raise FtpdockError(f"{place.url} leads to {folder}, which {relation} of this server: deliveries would get between "
                       "its own files, and could break those to other targets. Expected a folder apart from these, "
                       "such as file:///mnt/partner")  # fmt: skip


def check_fit(place: Place, username: str, options: Collection[str]) -> None:
    """Raise FtpdockError unless these options are for a target there, and a user is named where one is needed."""
    for name, schemes in ONLY_FOR.items():
        if name in options and place.scheme not in schemes:
            option = f"--{name.replace('_', '-')}"
            raise FtpdockError(f"{option} is for {schemes[0]}:// only, the target is {place.scheme}://")
    if place.scheme in PORTS and not username:
        raise FtpdockError("The target needs a user's name: give --username, or write it before the host and an @")
