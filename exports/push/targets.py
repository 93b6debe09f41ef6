"""What admins do to targets. Prints nothing; the database is connected."""

from __future__ import annotations

import re
from typing import Any

from errors import ConflictError, FtpdockError, NotFoundError
from exports.push import deliveries, steps
from exports.push.moving import move, refuse_second
from exports.push.remote import Access, PushError, is_mount_point, opened
from exports.push.secret import encrypted, secret_of
from exports.push.target_checks import (
    ONLY_FOR,
    check_apart,
    check_fit,
    check_kinds,
    check_name,
    check_option,
    check_variable,
)
from exports.push.url import LOCAL, PORTS, Place, check_username, read_url
from models import Account, Target, now, refuse_removed, transaction
from settings import Settings

CHANGED = ("url", "name", "username", "secret", "secret_env", "options", "kinds")
"""What `change` may write."""


def find(number: int) -> Target:
    """Raises NotFoundError."""
    found: Target | None = Target.get_or_none(Target.number == number)
    if found is None:
        raise NotFoundError(f"There is no target {number}: `ftpdock target list` shows them")
    return found


def add(settings: Settings, account: Account, place: Place, *, everything: bool = False, **values: Any) -> Target:
    """Make a target of `account`. Values: those of `change` but the place. Raises FtpdockError.

    It gets what becomes ready from now on; with `everything` also all that is there.
    """
    check_apart(settings, place)
    target = Target(account=account, url=place.url, username=place.username, since=None if everything else now())
    _set(settings, target, values)
    _check_whole(target, place)
    _look_for_mount(target, place)
    with transaction():
        refuse_removed(account)
        refuse_second(target, place)
        target.save(force_insert=True)
    return target


def change(settings: Settings, target: Target, **values: Any) -> None:
    """Set place, name, username, secret, secret_env, ca_file, key_file, host_key, mount_point, kinds; and try again at
    once. None takes a file away. With `key_lost` a password is encrypted though others can't be decrypted any more.

    What waits goes to a new place; a password that was given for another host does not. Raises FtpdockError.
    """
    former = target.url
    if "place" in values:
        check_apart(settings, values["place"])
        move(target, values)
    _check_keys(target, values)
    _set(settings, target, values)
    _check_whole(target, read_url(target.url))
    _look_for_mount(target, read_url(target.url))
    with transaction():
        if "place" in values:
            refuse_second(target, values["place"])
        _save(target, former)
        deliveries.restart(target)


def _save(target: Target, former: str) -> None:
    """Raises ConflictError if it is elsewhere by now: a password is given for the host that an admin has seen."""
    changed = {name: getattr(target, name) for name in CHANGED}
    if not Target.update(changed).where((Target.number == target.number) & (Target.url == former)).execute():
        raise ConflictError(f"The target {target.number} was moved or removed meanwhile: see `ftpdock target list`, "
                            "and say it again")  # fmt: skip


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
    if "secret_env" in values:
        target.secret, target.secret_env = "", check_variable(values["secret_env"])
    options = {name: values[name] for name in ONLY_FOR if name in values}
    kept = {name: value for name, value in (target.options or {}).items() if name not in options}
    target.options = kept | {name: check_option(name, value) for name, value in options.items() if value is not None}
    if "secret" in values:
        # Last of all: it may make the key.
        secret = encrypted(settings, values["secret"], target.number, key_lost=values.get("key_lost", False))
        target.secret, target.secret_env = secret, None


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


def note_mount(settings: Settings, target: Target) -> None:
    """Once something was mounted on a target's folder it has to be, unless an admin has said otherwise.

    Raises PushError if the folder is one of our own by now.
    """
    if _look_for_mount(target, _place(settings, target)):
        here = (Target.number == target.number) & (Target.url == target.url)
        Target.update(options=target.options).where(here).execute()


def access_of(settings: Settings, target: Target) -> Access:
    """All that is needed to connect. Raises PushError."""
    place, secret = _place(settings, target), secret_of(settings, target)
    return Access(place.url, place.scheme, place.host, place.port, place.path, target.username, secret,
                  **target.options)  # fmt: skip


def _place(settings: Settings, target: Target) -> Place:
    """Where it is. A URL that was taken by an earlier version may be refused by this one."""
    try:
        place = read_url(target.url)
        check_apart(settings, place)
        return place
    except FtpdockError as error:
        raise PushError(f"{error}. Give it by `ftpdock target set {target.number} --url URL`") from error


def server_key(place: Place) -> str:
    """The fingerprint that an SFTP server shows now. Raises PushError."""
    from exports.push.remote_sftp import server_key

    return server_key(Access(place.url, place.scheme, place.host, place.port, place.path))


def test(settings: Settings, target: Target) -> None:
    """Connect, write, rename and remove a probe file. Raises PushError, which says how far it got."""
    note_mount(settings, target)
    access = access_of(settings, target)
    try:
        with opened(access) as remote:
            steps.probe(remote, remote.base)
    except PushError as error:
        raise type(error)(clean(error, access.secret)) from None


def clean(error: Exception, secret: str) -> str:
    """What an error says, on one line; the other side's words without the password, should they repeat it. In ours it
    is looked for in vain: a piece of a word that is missing there would tell it."""
    ours, theirs = f"{type(error).__name__}: ", str(error)
    if isinstance(error, PushError):
        ours, theirs = error.ours, error.theirs
    words = ours + (theirs.replace(secret, "***") if secret else theirs)
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+", " ", words)[:500]


def switch(target: Target, disabled: bool) -> None:
    """Hold the target's stream, or let it go on with all that became ready meanwhile."""
    with transaction():
        Target.update(disabled=disabled).where(Target.number == target).execute()
        deliveries.restart(target)
