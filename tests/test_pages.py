"""Pages of the documentation lead somewhere, and the one of the commands has each of them with all of its options."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from commands import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EVERYWHERE = {"--home", "--help"}
"""Options that the page tells of once."""


def commands(group: click.Group, path: str = "ftpdock") -> Iterator[tuple[str, click.Command]]:
    """("ftpdock account add", its command) and so on; what is hidden is left out."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


COMMANDS = dict(commands(main))


def sections() -> dict[str, str]:
    """What stands below the heading of each command, heading included, by the words before its arguments."""
    page = (ROOT / "docs" / "commands.md").read_text()
    found = {}
    for section in re.split(r"^##+ ", page, flags=re.MULTILINE):
        if words := re.match(r"`(ftpdock(?: [a-z]+)+)", section):
            found[words[1]] = section
    return found


def test_the_page_has_every_command_and_no_other() -> None:
    assert set(sections()) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_every_option(name: str) -> None:
    """With the command, or with another one to which it refers."""
    options = {
        option
        for parameter in COMMANDS[name].params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    page = sections()
    named = [other for other in page if f"`{other.removeprefix('ftpdock ')}`" in page[name]]
    told = set(re.findall(r"--[a-z][a-z-]*", "".join(page[each] for each in (name, *named))))
    assert options - EVERYWHERE - told == set()


def anchors(page: Path) -> set[str]:
    """Those that a page gets for its headings: letters, digits and hyphens in small; what comes again is counted."""
    seen = Counter[str]()
    found = set()
    for heading in re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there, and a heading of it."""
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if re.match(r"https?:|mailto:", target):
            continue
        if not file.exists() or (anchor and anchor not in anchors(file)):
            wrong.append(target)
    assert wrong == []
