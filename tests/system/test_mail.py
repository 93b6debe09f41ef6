"""Mail, end to end: a file goes in by FTPS, a mail comes out of a real mail server."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.conftest import BACKENDS
from tests.postbox import Postbox
from tests.system.server import Server, wait_for
from tests.system.test_workers import pids

TEXT = "SKU_ID,Name,MOQ\n001,Cup,6\n002,Saucer,six\n"
WAITING = "SELECT count(*) FROM mail WHERE state = 'waiting'"
SUBJECT = "[ftpdock] PRODUCT_18_09_2024.csv: 1 imported, 1 rejected"

MakeServer = Callable[..., Server]
MakePostbox = Callable[..., Postbox]


def variables(postbox: Postbox, **more: str) -> dict[str, str]:
    """The environment by which a server finds its mail server."""
    return {f"FTPDOCK_{name.upper()}": str(value) for name, value in (postbox.settings | more).items()}


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_upload_is_told_by_mail(
    make_server: MakeServer, make_postbox: MakePostbox, mail_ca_file: str, tmp_path: Path, backend: str
) -> None:
    """Over STARTTLS, with a login whose password lies in a file and stands nowhere else."""
    secret = tmp_path / "smtp-password"
    secret.write_text("a secret of mail\n")
    postbox = make_postbox(security="starttls", login=("house", "a secret of mail"))
    server = make_server(backend, **variables(postbox, smtp_ca_file=mail_ca_file, smtp_username="house",
                                              smtp_password_file=str(secret)))  # fmt: skip
    server.add_account()
    server.start()

    server.upload("/Products/PRODUCT_18_09_2024.csv", TEXT)
    wait_for(lambda: postbox.mails)
    server.stop()

    assert [(str(mail["To"]), str(mail["Subject"])) for mail in postbox.mails] == [("ops@acme.example", SUBJECT)]
    assert postbox.encrypted == [True]
    for path in server.home.rglob("*"):
        assert not path.is_file() or b"a secret of mail" not in path.read_bytes(), path


def test_commands_and_workers_leave_mail_to_the_server(make_server: MakeServer, tmp_path: Path) -> None:
    """Without a server a mail waits; the next one sends it. Here into a file, because no mail server is named."""
    server = make_server()
    server.add_account()
    source = tmp_path / "PRODUCT_18_09_2024.csv"
    source.write_text("SKU_ID,Name\n001,Cup\n")
    server.command("import", str(source), "--account", "acme")
    worker = subprocess.Popen([sys.executable, "-m", "commands", "worker"], env=server.environment,
                              stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        wait_for(lambda: pids(server))
        # Long enough for it to look for work, and for mail if it did.
        time.sleep(1.5)
    finally:
        worker.terminate()
        worker.wait(30)
    assert [mail["state"] for mail in server.json("mail", "list")] == ["waiting"]

    server.start()

    wait_for(lambda: server.ask(WAITING) == [(0,)])
    assert server.json("mail", "list") == []
    assert len(list((server.home / "mail").glob("*.eml"))) == 1


def test_mails_survive_kills(make_server: MakeServer, make_postbox: MakePostbox) -> None:
    """Kills at any moment, a mail server that is busy and loses connections: each import is told, no other is.

    What is told twice (a kill between 250 and our commit) has one Message-ID.
    """
    moments = random.Random(7)
    postbox = make_postbox(data_answers=["451 busy", "lost", "451 busy"])
    server = make_server(FTPDOCK_LEASE_SECONDS="2", **variables(postbox))
    server.add_account()
    for turn in range(8):
        server.start()
        server.upload(f"/Products/PRODUCT_18_09_2024_{turn}.csv", TEXT)
        time.sleep(moments.uniform(0, 2.5))
        server.kill()
    server.start()

    told = [f"[ftpdock] PRODUCT_18_09_2024_{turn}.csv: 1 imported, 1 rejected" for turn in range(8)]
    # The second of two files with the same rows changes nothing, but its row is in.
    wait_for(lambda: {str(mail["Subject"]) for mail in postbox.mails} == set(told), 60)
    wait_for(lambda: server.ask(WAITING) == [(0,)])
    assert server.json("mail", "list") == []
    server.stop()

    by_id = {str(mail["Message-ID"]): str(mail["Subject"]) for mail in postbox.mails}
    assert sorted(by_id.values()) == told
    assert len(postbox.mails) <= 8 + 8


def test_a_digest_by_the_account_setting(make_server: MakeServer) -> None:
    """`account set --digest` reaches the running server; a file imported on receipt still has its own mail."""
    server = make_server()
    server.add_account()
    server.start()
    server.command("account", "set", "acme", "--digest")

    server.upload("/Products/PRODUCT_18_09_2024.csv", TEXT)

    wait_for(lambda: list((server.home / "mail").glob("*.eml")))
    (path,) = (server.home / "mail").glob("*.eml")
    assert f"Subject: {SUBJECT}" in path.read_text()


def test_a_digest_tells_what_was_picked_up_together(make_server: MakeServer) -> None:
    """Two files that waited for their schedule are one pick-up, and one mail."""
    server = make_server()
    server.add_account()
    server.command("account", "set", "acme", "--digest")
    server.command("schedule", "set", "acme", "all", "0 2 * * *")
    server.start()
    with server.login() as client:
        for folder, name, text in (
            ("Products", "PRODUCT_18_09_2024.csv", TEXT),
            ("Customers", "CUSTOMER_18_09_2024.csv", "Reference_ID,Company_Name\nK1,Delta\n"),
        ):
            client.storbinary(f"STOR /{folder}/{name}", io.BytesIO(text.encode()))
    server.command("imports", "run", "acme")
    (path,) = wait_for(lambda: list((server.home / "mail").glob("*.eml")))
    server.stop()

    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = mail.get_body(("plain",))
    assert body is not None
    assert "PRODUCT_18_09_2024.csv" in body.get_content()
    assert "CUSTOMER_18_09_2024.csv" in body.get_content()
    assert len(list((server.home / "mail").glob("*.eml"))) == 1
