from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import click
import pytest

from commands import main
from settings import Settings

DOCS = Path(__file__).parents[1] / "docs"


def every_command() -> dict[str, click.Command]:
    """'account add' -> the command, for all that do something."""
    found: dict[str, click.Command] = {}
    for name, each in main.commands.items():
        if isinstance(each, click.Group):
            found.update({f"{name} {inner}": command for inner, command in each.commands.items()})
        else:
            found[name] = each
    return found


COMMANDS = every_command()


def section(command: str) -> str:
    """What docs/commands.md says under the command's heading."""
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    found = re.search(rf"^### `ftpdock {command}\b.*?(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no heading ### `ftpdock {command} ...`"
    return found[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_stands_in_the_docs_with_its_options(command: str) -> None:
    """docs/commands.md has a section for the command, and the section names each of its options."""
    shown = [each for each in COMMANDS[command].params if isinstance(each, click.Option) and not each.hidden]
    options = [option for each in shown for option in [*each.opts, *each.secondary_opts]]

    text = section(command)
    assert [each for each in options if each != "--home" and not re.search(rf"{each}(?![\w-])", text)] == []


def test_the_docs_name_no_command_that_is_not_there() -> None:
    """Every heading of docs/commands.md is a command."""
    text = (DOCS / "commands.md").read_text(encoding="utf-8")

    headings = re.findall(r"^### `ftpdock ([a-z ]*[a-z])", text, re.MULTILINE)
    assert sorted(headings) == sorted(COMMANDS)


@pytest.mark.parametrize("setting", [each for each in dataclasses.fields(Settings) if each.name != "home"],
                         ids=lambda each: each.name)  # fmt: skip
def test_each_setting_stands_in_the_docs(setting: dataclasses.Field[object]) -> None:
    """docs/settings.md has the setting's line, with its default and its meaning as settings.py says them."""
    default = setting.default_factory() if callable(setting.default_factory) else setting.default
    text = ",".join(default) if isinstance(default, tuple) else str(default)
    line = f"| `{setting.name}` | {f'`{text}` ' if text else ''}| {setting.metadata['meaning']} |"

    assert line in (DOCS / "settings.md").read_text(encoding="utf-8").splitlines()
