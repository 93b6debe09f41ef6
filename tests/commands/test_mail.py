from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands import main
from jobs.cards import server_card
from jobs.mail_sender import MailSender
from models import Account, Mail, database, now
from settings import Settings
from tests.commands.conftest import Process, Run, environment
from tests.partner import Partner
from tests.postbox import Postbox

Done = Callable[..., str]


@pytest.fixture
def partner(settings: Settings, make_partner: Callable[..., Partner]) -> Partner:
    return make_partner(settings, emails=["ops@acme.example"])


def by_way_of(settings: Settings, postbox: Postbox, *arguments: str) -> Result:
    """A command in a home that sends to `postbox`."""
    found = {f"FTPDOCK_{name.upper()}": str(value) for name, value in postbox.settings.items()}
    database.close()
    return CliRunner().invoke(main, list(arguments), env=environment(settings) | found)


def test_test_sends_a_mail_at_once(settings: Settings, make_postbox: Callable[..., Postbox]) -> None:
    """It says by which server, and the mail is there."""
    postbox = make_postbox()

    result = by_way_of(settings, postbox, "mail", "test", "ada@acme.example")

    assert (result.exit_code, result.stdout) == (
        0, f"Handed the mail for ada@acme.example to 127.0.0.1:{postbox.port} (smtp_security none).\n"
    )  # fmt: skip
    assert [str(mail["To"]) for mail in postbox.mails] == ["ada@acme.example"]


def test_test_tells_the_servers_words(settings: Settings, make_postbox: Callable[..., Postbox]) -> None:
    """Exit status 1, on one line, for a refused address and for a refused mail."""
    postbox = make_postbox(address_answers={"ada@acme.example": ["550 5.1.1 who is that"]}, data_answers=["451 later"])

    refused, busy = (by_way_of(settings, postbox, "mail", "test", "ada@acme.example") for _ in range(2))

    where = f"127.0.0.1:{postbox.port}"
    assert (refused.exit_code, refused.stderr) == (
        1, f"Error: {where} (smtp_security none) refused ada@acme.example: 550 5.1.1 who is that\n"
    )  # fmt: skip
    assert (busy.exit_code, busy.stderr) == (1, f"Error: {where}: 451 later\n")


def test_test_without_a_server_writes_a_file(settings: Settings, done: Done) -> None:
    """It says where the file lies and why."""
    said = done("mail", "test", "ada@acme.example")

    (path,) = (settings.home / "mail").iterdir()
    assert said == f"Handed the mail for ada@acme.example to {path}, because no smtp_host is set.\n"
    assert message_from_bytes(path.read_bytes(), policy=policy.default)["To"] == "ada@acme.example"


def test_test_of_what_is_no_address_is_wrong_usage(run: Run) -> None:
    """Exit status 2."""
    assert run("mail", "test", "ada").exit_code == 2


def test_list_shows_what_waits_and_what_failed(partner: Partner, done: Done, run: Run) -> None:
    """Not what was sent; an empty listing says so."""
    assert run("mail", "list").stderr == "No mail waits, none failed.\n"
    for _ in range(3):
        partner.send("product", "SKU_ID,Name\n1,Cup\n")
    first, second, _ = Mail.select().order_by(Mail.number)
    Mail.update(state="sent").where(Mail.number == first.number).execute()
    Mail.update(state="failed", error="ops@acme.example: 550 no").where(Mail.number == second.number).execute()

    failed, waiting = json.loads(done("mail", "list", "--json"))

    assert failed == {
        "number": second.number, "account": "acme", "import": 2, "about": "PRODUCT_18_09_2024.csv",
        "to": ["ops@acme.example"], "state": "failed", "attempts": 0,
        "created_at": second.created_at.isoformat(timespec="seconds"), "next_attempt": None,
        "error": "ops@acme.example: 550 no",
    }  # fmt: skip
    assert (waiting["state"], waiting["import"], waiting["error"]) == ("waiting", 3, "")
    assert waiting["next_attempt"] is not None
    assert "550 no" in done("mail", "list")


def test_list_shows_alerts(settings: Settings, done: Done) -> None:
    """They belong to no account."""
    Mail.alert("disk-1", what="disk", free="1 MiB", least="64 MiB", home="/srv")

    (alert,) = json.loads(done("mail", "list", "--json"))

    assert (alert["account"], alert["import"], alert["about"]) == (None, None, "The disk is nearly full: 1 MiB free")


def test_retry_puts_a_failed_mail_back(partner: Partner, done: Done, run: Run) -> None:
    """The next turn of the server sends it, to the addresses that the account has by then."""
    partner.send("product", "SKU_ID,Name\n1,Cup\n")
    number = Mail.get().number
    Mail.update(state="failed", refused={"ops@acme.example": "550 no"}).execute()
    Account.update(emails=["new@acme.example"]).execute()

    assert done("mail", "retry", str(number)) == (
        f"Mail {number} will be sent by the next `ftpdock serve`: none is running.\n"
    )
    with contextlib.closing(server_card(partner.settings, "127.0.0.1", 2121)):
        assert done("mail", "retry", str(number)) == f"Mail {number} will be sent by the running server.\n"
    MailSender(partner.settings, partner.registry.folders).turn(now())

    (path,) = (partner.settings.home / "mail").iterdir()
    assert message_from_bytes(path.read_bytes(), policy=policy.default)["To"] == "new@acme.example"
    again = run("mail", "retry", str(number))
    assert (again.exit_code, again.stderr) == (
        1, f"Error: No mail {number} waits or has failed: `ftpdock mail list` shows them\n"
    )  # fmt: skip


def test_digest_is_a_setting_of_the_account(partner: Partner, done: Done) -> None:
    """Off by default; `account show` tells."""
    for option, digest in ((None, False), ("--digest", True), ("--no-digest", False)):
        if option:
            done("account", "set", "acme", option)
        assert json.loads(done("account", "show", "acme", "--json"))["digest"] is digest


def test_a_password_from_settings_never_stands_in_a_message(process: Process, tmp_path: Path) -> None:
    """A setting of the wrong kind is named without its value when it is the password."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "ftpdock.toml").write_text("smtp_password = 123456\n")

    result = process("mail", "test", "ada@acme.example", home=home)

    assert "smtp_password is a number: expected a text in quotes" in result.stderr
    assert "123456" not in result.stderr
