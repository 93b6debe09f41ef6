"""What `ftpdock serve --demo` adds: an account to try the server with, an example file, and lines to paste."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from errors import ConflictError
from settings import Settings

DEMO = "demo"


def refuse_second(settings: Settings) -> None:
    """What another server of this home has printed is to stay true, and each demo makes a new password."""
    from jobs.cards import read_cards

    folder = settings.spool / "servers"
    if running := [card for card in read_cards(folder) if card["alive"]]:
        where = running[0].get("address") or f"what {folder / running[0]['name']}.lock does not tell"
        raise ConflictError(f"A server of {settings.home} runs on {where}, and the password of the "
                            f"account {DEMO} that it may have printed would be wrong: use that one, stop it, "
                            "or give another --home")  # fmt: skip


def prepare(settings: Settings, schemas: Sequence[type]) -> str:
    """Make the account, or give it a new password, and write the example file; return the password."""
    import accounts
    import passwords
    from models import Account

    password = passwords.new_password()
    if Account.get_or_none(Account.name == DEMO):
        accounts.change_login(accounts.find_login(DEMO), password=password)
    else:
        accounts.add(settings, schemas, DEMO, password, company="Demo")
    _write_example(example_file(settings))
    return password


def example_file(settings: Settings) -> Path:
    """Where the example lies, under the name that it is uploaded by today."""
    from schemas.filenames import example

    return settings.home / example("product")


def _write_example(path: Path) -> None:
    from imports.templates import template_csv
    from schemas.product import ProductSchema

    path.write_text(template_csv(ProductSchema), encoding="utf-8", newline="")


def lines(settings: Settings, password: str, port: int) -> str:
    """Shell commands that upload the example and read back what became of it."""
    file, ca = _short(example_file(settings)), _short(settings.certificate_path)
    curl = f"curl --ssl-reqd --cacert {ca} -u {DEMO}:{password}"
    lftp = f"lftp -u {DEMO},{password} -e 'set ftp:ssl-force yes; set ssl:ca-file {ca};"
    reports = f"{file.stem}.*"
    return textwrap.dedent(f"""
        The account {DEMO} has the password {password} (made for this run, stored nowhere).
        In another terminal, in this folder, upload the example and see what became of it:

        {curl} -T {file} ftp://localhost:{port}/Products/
        {curl} ftp://localhost:{port}/Products/reports/

        The same with lftp:

        {lftp} put -O /Products {file}; bye' -p {port} localhost
        {lftp} cls -l /Products/reports/{reports}; bye' -p {port} localhost

        Stop the server with Ctrl-C.
        """)


def _short(path: Path) -> Path:
    """The path as it is written from the current folder, when it lies in there."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
