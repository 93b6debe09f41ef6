"""Passwords of targets are encrypted with one key, the server's: another one, or none, is noticed before."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable

import pytest

from errors import SettingsError
from exports.push import key
from exports.push import targets as push_targets
from models import Target
from settings import Settings
from tests.exports.pushing import Desk

OURS, OTHER = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
ANEW = "`ftpdock target set NUMBER --password-stdin --key-lost`"


@pytest.fixture
def desk(make_settings: Callable[..., Settings]) -> Desk:
    return Desk(make_settings())


def with_key(desk: Desk, value: str) -> Settings:
    """As a command has it in whose environment FTPDOCK_SECRET_KEY is this."""
    sources = {"secret_key": "FTPDOCK_SECRET_KEY"} if value else {}
    return dataclasses.replace(desk.settings, secret_key=value, sources=sources)


def add(settings: Settings, desk: Desk, folder: str, **values: object) -> Target:
    desk.settings = settings
    return desk.target(f"ftps://shop@ftp.example/{folder}", **{"secret": "theirs", **values})


def give(desk: Desk, number: int | None) -> None:
    """A password, of a new target or of this one."""
    if number is None:
        add(desk.settings, desk, "new")
    else:
        push_targets.change(desk.settings, Target.get_by_id(number), secret="new")


def secrets(settings: Settings) -> list[bool]:
    """Of each target, whether its password can be decrypted."""
    return list(key.tried(settings).values())


def test_no_key_is_made_beside_passwords_of_another(desk: Desk) -> None:
    """As after a restore without the file: what is missing is named, and what to do; nothing is stored or made."""
    for folder in ("a", "b"):
        add(desk.settings, desk, folder)
    file = key.key_path(desk.settings)
    file.unlink()

    for number, which in ((None, "passwords of targets 1, 2 are"), (1, "password of target 2 is")):
        with pytest.raises(SettingsError) as caught:
            give(desk, number)
        assert str(caught.value) == (
            f"The {which} encrypted with a key that is neither in FTPDOCK_SECRET_KEY nor in {file}. Run this with the "
            f"FTPDOCK_SECRET_KEY of the server, or put {file} back from the backup. If that key is lost for good, say "
            f"so with each password that is given anew: {ANEW}"
        )
    assert (file.exists(), Target.select().count()) == (False, 2)


def test_what_needs_no_key_is_not_kept_up_by_one(desk: Desk) -> None:
    """A password in a variable, a folder, a change of the name."""
    target = add(desk.settings, desk, "a")
    key.key_path(desk.settings).unlink()

    desk.target("ftps://shop@ftp.example/b", secret_env="ACME_PASSWORD")
    desk.target("file:///in")
    push_targets.change(desk.settings, target, name="The shop")

    assert not key.key_path(desk.settings).exists()


@pytest.mark.parametrize("server", [OURS, ""])
def test_another_key_encrypts_nothing(desk: Desk, server: str) -> None:
    """Whether the server has it from its environment or from the file; the message names where this one is from."""
    theirs = with_key(desk, server)
    add(theirs, desk, "a")
    ours = with_key(desk, OTHER)

    with pytest.raises(SettingsError, match="with another key than that in FTPDOCK_SECRET_KEY") as caught:
        add(ours, desk, "b")
    assert f"or without any if its key is {key.key_path(ours)}" in str(caught.value)
    assert add(theirs, desk, "b").number == 2


def test_the_password_of_the_only_target_tells_the_key(desk: Desk) -> None:
    """That it is to be replaced is no sign that its key is lost."""
    target = add(with_key(desk, OURS), desk, "a")
    shell = with_key(desk, "")

    with pytest.raises(SettingsError, match="The password of target 1 is encrypted with a key that is neither in"):
        push_targets.change(shell, target, secret="new")
    assert not key.key_path(shell).exists()
    push_targets.change(with_key(desk, OURS), target, secret="new")
    assert push_targets.access_of(with_key(desk, OURS), Target.get()).secret == "new"


def test_what_was_encrypted_with_a_wrong_key_is_put_right_with_the_right_one(desk: Desk) -> None:
    """Which the passwords of the others tell, without another word."""
    add(with_key(desk, OURS), desk, "a")
    wrong = add(with_key(desk, OTHER), desk, "b", key_lost=True)
    assert secrets(with_key(desk, OURS)) == [True, False]

    push_targets.change(with_key(desk, OURS), wrong, secret="theirs")

    assert secrets(with_key(desk, OURS)) == [True, True]


def test_a_key_that_is_lost_for_good(desk: Desk) -> None:
    """Each password is given anew, with a word that it is, until the last one: then nothing is of the lost key."""
    made = [add(with_key(desk, OURS), desk, folder) for folder in "abc"]
    shell = with_key(desk, "")

    push_targets.change(shell, made[0], secret="new", key_lost=True)
    assert (secrets(shell), key.lost(shell)) == ([True, False, False], [2, 3])
    with pytest.raises(SettingsError, match="The password of target 3 is encrypted with another key"):
        push_targets.change(shell, made[1], secret="new")
    push_targets.change(shell, made[1], secret="new", key_lost=True)
    push_targets.change(shell, made[2], secret="new")

    assert secrets(shell) == [True, True, True]


def test_a_message_names_some_of_many() -> None:
    """It stays one that can be read."""
    assert key.which([7]) == "password of target 7"
    assert key.which(range(1, 13)) == "passwords of targets 1, 2, 3, 4, 5 and 7 more"


def test_a_card_tells_the_key_and_gives_nothing_of_it_away(desk: Desk) -> None:
    """Where it is from, and whether somebody else has the same."""
    ours, shell, other = (with_key(desk, value) for value in (OURS, "", OTHER))
    card = key.on_card(ours)

    assert card["from"] == "FTPDOCK_SECRET_KEY"
    assert key.on_card(shell) == {"from": str(key.key_path(shell)), "proof": ""}
    assert OURS[:8] not in json.dumps(card)
    assert [key.is_that_of(each, card["proof"]) for each in (ours, shell, other)] == [True, False, False]
    assert [key.is_that_of(each, "") for each in (ours, shell, other)] == [False, True, False]


def test_one_key_in_two_places_is_one_key(desk: Desk) -> None:
    """The variable of a shell may hold what the server has in its file, and the other way round."""
    ours, shell = with_key(desk, OURS), with_key(desk, "")
    key.key_path(shell).parent.mkdir(exist_ok=True)
    key.key_path(shell).write_text(OURS + "\n")

    assert key.is_that_of(ours, key.on_card(shell)["proof"])
    assert key.is_that_of(shell, key.on_card(ours)["proof"])
