"""What admins do to targets. Prints nothing; the database is connected."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from errors import ConflictError, FtpdockError, NotFoundError
from exports.push import deliveries, steps
from exports.push.remote import Access, PushError, is_mount_point, opened
from exports.push.secret import encrypted, secret_of
from exports.push.url import LOCAL, PORTS, Place, check_username, read_url
from models import Account, Target, now, refuse_removed, transaction
from settings import Settings

KINDS = ("order", "customer", "full")
ONLY_FOR = {"ca_file": ("ftps",), "key_file": ("sftp",), "host_key": ("sftp",), "mount_point": LOCAL}


def find(number: int) -> Target:
    """Raises NotFoundError."""
    found: Target | None = Target.get_or_none(Target.number == number)
    if found is None:
        raise NotFoundError(f"There is no target {number}: `ftpdock target list` shows them")
    return found


def add(settings: Settings, account: Account, place: Place, *, everything: bool = False, **values: Any) -> Target:
    """Make a target of `account`. Values: those of `change`. Raises FtpdockError.

    It gets what becomes ready from now on; with `everything` also all that is there.
    """
    target = Target(account=account, url=place.url, username=place.username, since=None if everything else now())
    _set(settings, target, values)
    _check_whole(target, place)
    _look_for_mount(target, place)
    with transaction():
        refuse_removed(account)
        if Target.get_or_none((Target.account == account) & (Target.url == place.url)):
            raise ConflictError(f"The account {account.name!r} has the target {place.url} already")
        target.save(force_insert=True)
    return target


def change(settings: Settings, target: Target, **values: Any) -> None:
    """Set name, username, secret, secret_env, ca_file, key_file, host_key, mount_point, kinds; and try again at
    once. None takes a file away. Raises FtpdockError."""
    _check_keys(target, values)
    _set(settings, target, values)
    _check_whole(target, read_url(target.url))
    _look_for_mount(target, read_url(target.url))
    with transaction():
        target.save(only=["name", "username", "secret", "secret_env", "options", "kinds"])
        deliveries.restart(target)


def _check_keys(target: Target, values: dict[str, Any]) -> None:
    """With a key file the secret is its passphrase, without one a password: neither may be taken for the other."""
    had, gets = "key_file" in target.options, values.get("key_file")
    if values.keys() & {"secret", "secret_env"} or "key_file" not in values:
        return
    if had and not gets:
        raise FtpdockError("Without its key file the target needs a password: by --password-stdin or --password-env")
    if gets and not had:
        target.secret, target.secret_env = "", None


def _set(settings: Settings, target: Target, values: dict[str, Any]) -> None:
    if "name" in values:
        target.name = check_name(values["name"])
    if "username" in values:
        target.username = check_username(values["username"])
    if "kinds" in values:
        target.kinds = check_kinds(values["kinds"]) or None
    if "secret" in values:
        target.secret, target.secret_env = encrypted(settings, values["secret"]), None
    if "secret_env" in values:
        target.secret, target.secret_env = "", check_variable(values["secret_env"])
    options = {name: values[name] for name in ONLY_FOR if name in values}
    kept = {name: value for name, value in (target.options or {}).items() if name not in options}
    target.options = kept | {name: _option(name, value) for name, value in options.items() if value is not None}


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


def _option(name: str, value: Any) -> Any:
    if name == "mount_point":
        return value
    if name == "host_key":
        return check_host_key(value)
    path = Path(value).absolute()
    if not path.is_file():
        raise FtpdockError(f"There is no file {path}")
    return str(path)


def check_fit(place: Place, username: str, options: Collection[str]) -> None:
    """Raise FtpdockError unless these options are for a target there, and a user is named where one is needed."""
    for name, schemes in ONLY_FOR.items():
        if name in options and place.scheme not in schemes:
            option = f"--{name.replace('_', '-')}"
            raise FtpdockError(f"{option} is for {schemes[0]}:// only, the target is {place.scheme}://")
    if place.scheme in PORTS and not username:
        raise FtpdockError("The target needs a user's name: give --username, or write it before the host and an @")


def _check_whole(target: Target, place: Place) -> None:
    check_fit(place, target.username, target.options)
    if place.scheme not in PORTS:
        return
    if not (target.secret or target.secret_env or "key_file" in target.options):
        raise FtpdockError("The target needs a password: by prompt, --password-stdin or --password-env"
                           + (", or a --key-file" if place.scheme == "sftp" else ""))  # fmt: skip
    if place.scheme == "sftp" and "host_key" not in target.options:
        raise FtpdockError("The target needs the fingerprint of its server's host key: give --host-key SHA256:...")


def _look_for_mount(target: Target, place: Place) -> bool:
    """Note it if something is mounted on the target's folder. False: nothing is, or that is settled already."""
    if place.scheme not in LOCAL or "mount_point" in target.options or not is_mount_point(place.path):
        return False
    target.options = {**target.options, "mount_point": True}
    return True


def note_mount(target: Target) -> None:
    """Once something was mounted on a target's folder it has to be, unless an admin has said otherwise."""
    if _look_for_mount(target, _place(target)):
        target.save(only=["options"])


def access_of(settings: Settings, target: Target) -> Access:
    """All that is needed to connect. Raises PushError."""
    place, secret = _place(target), secret_of(settings, target)
    return Access(place.url, place.scheme, place.host, place.port, place.path, target.username, secret,
                  **target.options)  # fmt: skip


def _place(target: Target) -> Place:
    """Where it is. A URL that was taken by an earlier version may be refused by this one."""
    try:
        return read_url(target.url)
    except FtpdockError as error:
        raise PushError(f"{error}. Remove the target, and add it anew") from error


def server_key(place: Place) -> str:
    """The fingerprint that an SFTP server shows now. Raises PushError."""
    from exports.push.remote_sftp import server_key

    return server_key(Access(place.url, place.scheme, place.host, place.port, place.path))


def test(settings: Settings, target: Target) -> None:
    """Connect, write, rename and remove a probe file. Raises PushError, which says how far it got."""
    note_mount(target)
    access = access_of(settings, target)
    try:
        with opened(access) as remote:
            steps.probe(remote, remote.base)
    except PushError as error:
        raise type(error)(clean(str(error), access.secret)) from None


def clean(words: str, secret: str) -> str:
    """A server's words on one line, without the password, should it repeat it."""
    hidden = words.replace(secret, "***") if secret else words
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+", " ", hidden)[:500]


def switch(target: Target, disabled: bool) -> None:
    """Hold the target's stream, or let it go on with all that became ready meanwhile."""
    with transaction():
        Target.update(disabled=disabled).where(Target.number == target).execute()
        deliveries.restart(target)
