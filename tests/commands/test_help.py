from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from commands import COMMANDS, main

PATHS = [(), *((command.name,) for command in COMMANDS)] + [
    (group.name, name) for group in COMMANDS if isinstance(group, click.Group) for name in group.commands
]


def help_of(*path: str | None) -> str:
    result = CliRunner().invoke(main, [*(name for name in path if name), "--help"])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_each_command_explains_itself(path: tuple[str, ...]) -> None:
    """`--help` works, begins with a sentence, and explains each option."""
    text = help_of(*path)

    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    assert command.get_short_help_str(), path
    assert [each.name for each in command.params if isinstance(each, click.Option) and not each.help] == []
    assert " ".join(command.get_short_help_str(200).split())[:40] in " ".join(text.split())


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_no_command_takes_a_password_as_an_argument(path: tuple[str, ...]) -> None:
    """The options about passwords read stdin, or take the name of an environment variable."""
    words = {word.strip("[],") for word in help_of(*path).split() if word.startswith("--pass")}

    assert words <= {"--password-stdin", "--password-env"}


def test_commands_are_listed_in_the_order_of_the_roster() -> None:
    """What an admin needs first stands first."""
    listed = help_of().partition("Commands:")[2].splitlines()[1:]

    assert [line.split()[0] for line in listed if line.startswith("  ") and line[2] != " "] == [
        command.name for command in COMMANDS
    ]


def test_an_unknown_command_is_wrong_usage() -> None:
    """Exit status 2."""
    assert CliRunner().invoke(main, ["acount"]).exit_code == 2


def test_the_list_says_that_exports_have_schedules_too() -> None:
    """In the one line that a command has there."""
    (line,) = (line for line in help_of("schedule").splitlines() if line.startswith("  set "))

    assert line.split(maxsplit=1)[1] == "Decide when files of ENTITY are picked up, or written (--export)."
