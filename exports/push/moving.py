"""A target that gets another URL: what stays as it was, and what belonged to the former place alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from errors import ConflictError, FtpdockError
from exports.push.target_checks import ONLY_FOR, check_fit
from exports.push.url import PORTS, Place, read_url
from models import Target


def needs_password(target: Target, values: Mapping[str, Any]) -> bool:
    """Whether a change by `values` (see targets.change) needs a password that is not among them.

    What is stored was given for one host, and no other one may see it; a key file's passphrase is seen by none.
    """
    if values.keys() & {"secret", "secret_env"}:
        return False
    if values.get("key_file"):
        return False
    if "key_file" in target.options:
        return "key_file" in values
    place: Place | None = values.get("place")
    if place is None or place.scheme not in PORTS or target.secret_env:
        return False
    return not target.secret or is_other_host(target, place)


def needs_host_key(target: Target, values: Mapping[str, Any]) -> bool:
    """Whether another one is to be expected, and is not among `values`."""
    place: Place | None = values.get("place")
    return place is not None and place.scheme == "sftp" and "host_key" not in {**_kept(target, place), **values}


def is_other_host(target: Target, place: Place) -> bool:
    before = _before(target)
    return before is None or before.host != place.host


def _before(target: Target) -> Place | None:
    """Where it is now; None: at a URL that an earlier version took and this one does not."""
    try:
        return read_url(target.url)
    except FtpdockError:
        return None


def move(target: Target, values: Mapping[str, Any]) -> None:
    """Take the place among `values`, and leave behind what was of the former one. Raises FtpdockError."""
    place = values["place"]
    check_move(target, values)
    username, options = _username(target, place), _kept(target, place)
    if not _same_user(target, place):
        target.secret, target.secret_env = "", None
    elif is_other_host(target, place) and "key_file" not in options:
        target.secret = ""
    target.url, target.username, target.options = place.url, username, options


def check_move(target: Target, values: Mapping[str, Any]) -> None:
    """Raise FtpdockError if the other values don't go with the new place, before anything is asked."""
    place: Place = values["place"]
    refuse_second(target, place)
    kept = {name for name in _kept(target, place) if name not in values}
    for name in kept & ONLY_FOR.keys():
        if place.scheme not in ONLY_FOR[name]:
            option = name.replace("_", "-")
            raise FtpdockError(f"The target has a --{option}, which is for {ONLY_FOR[name][0]}:// only, and gets a URL "
                               f"of {place.scheme}://: say --no-{option}, too")  # fmt: skip
    given = {name for name, value in values.items() if value is not None}
    check_fit(place, values.get("username") or _username(target, place), given)


def refuse_second(target: Target, place: Place) -> None:
    """Raise ConflictError if another target of its account is there: they would overwrite each other's files."""
    there = (Target.account == target.account_id) & (Target.url == place.url) & (Target.number != target.number)
    if (other := Target.get_or_none(there)) is not None:
        raise ConflictError(f"The account {other.account.name!r} has the target {place.url} already")


def _username(target: Target, place: Place) -> str:
    return place.username or (target.username if _same_user(target, place) else "")


def _same_user(target: Target, place: Place) -> bool:
    """Whether name and password may go along. What another protocol does with them only its file system knows, such as
    to send them in clear."""
    before = _before(target)
    return place.scheme in PORTS or (before is not None and before.scheme == place.scheme)


def _kept(target: Target, place: Place) -> dict[str, Any]:
    """Its options without the host key of another server, and without what was seen of another folder."""
    before = _before(target)
    server = None if before is None else (before.scheme, before.host, before.port)
    gone = set() if server == (place.scheme, place.host, place.port) else {"host_key"}
    gone |= {"mount_point"} if target.url != place.url else set()
    return {name: value for name, value in target.options.items() if name not in gone}
