"""What is printed drives no terminal, and a live view shows what was asked for."""

from __future__ import annotations

import importlib

import pytest

from commands.output import cell
from models import ImportRun
from tests.partner import Partner


@pytest.mark.parametrize(
    "code", [0x00, 0x07, 0x0A, 0x1B, 0x1F, 0x7F, 0x80, 0x9B, 0x9F, 0x202A, 0x202E, 0x2066, 0x2069, 0xD800, 0xDFFF],
    ids=hex,
)  # fmt: skip
def test_what_drives_a_terminal_is_shown_as_an_escape(code: int) -> None:
    """Whoever names a file may not colour, clear or turn around what an admin reads. 9B alone begins a sequence."""
    shown = cell(f"a{chr(code)}31mb")

    assert shown.isascii()
    assert shown.isprintable()
    assert shown.startswith("a\\")
    assert shown.endswith("31mb")


@pytest.mark.parametrize("code", [0x20, 0x7E, 0xA0, 0xE4, 0x2014, 0x1F600], ids=hex)
def test_other_letters_are_shown_as_they_are(code: int) -> None:
    """Escapes where none are needed would hide what is there."""
    assert cell(f"a{chr(code)}b") == f"a{chr(code)}b"


def test_watch_shows_one_account_or_all(partner: Partner) -> None:
    """What waits or runs; neither what is over nor dry runs."""
    runs = importlib.import_module("commands.watch")._runs
    content = "SKU_ID,Name\n1,Cup\n"
    partner.send("product", content)
    other = partner.neighbour("beta")
    theirs = other.queue("product", content).number
    mine = partner.queue("product", content).number
    partner.queue("product", content, dry_run=True)
    ImportRun.update(status="running").where(ImportRun.number == mine).execute()

    assert [run.number for run in runs(None)] == [theirs, mine]
    assert [run.number for run in runs(partner.account.id)] == [mine]
    assert [run.number for run in runs(other.account.id)] == [theirs]
