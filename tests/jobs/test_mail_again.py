"""Mails that several senders see, that are tried again, or that a slow server holds up; and what is told of zones."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import certs
from errors import FileProblem
from handlers.run import ImportJob
from jobs import mail as queue
from jobs import mail_files
from jobs.mail import Delivery, claim
from jobs.mail_alerts import Watch
from jobs.mail_render import render
from jobs.mail_sender import MailSender
from jobs.mail_text import envelope, local, one_line
from jobs.queue import claim as claim_import
from models import Mail, now
from settings import Settings, load
from tests.partner import Partner
from tests.system.server import wait_for
from tests.tls import write_self_signed

GOOD = "SKU_ID,Name\n1,Cup\n"


def alert() -> Mail:
    Mail.alert("disk-1", what="disk", free="1 MiB", least="64 MiB", home="/srv")
    found: Mail = Mail.get()
    return found


def test_who_saw_a_mail_before_it_was_tried_does_not_try_it_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes look at one moment, and the first is done with its attempt: the pause holds for the other one, too."""
    seen, moment = [alert()], now()
    first = claim("one", moment, 30)
    assert first is not None
    assert queue.postpone(first, "one", "421 busy", moment) == "waiting"

    monkeypatch.setattr(queue, "_ready", lambda moment, lease: seen)

    assert claim("other", moment, 30) is None
    assert Mail.get().attempts == 1


@pytest.mark.parametrize("state", ["sent", "dropped", "gathered"])
def test_only_what_waits_or_failed_is_tried_again(settings: Settings, state: str) -> None:
    """What was sent would come twice, what was gathered is told by another mail."""
    number = alert().number
    Mail.update(state=state).execute()

    assert not queue.retry(number, now())
    assert Mail.get().state == state


def test_a_mail_that_is_tried_again_has_three_days_more(settings: Settings) -> None:
    """Waiting or failed: what the server had said is forgotten, and it is due at once."""
    number, later = alert().number, now() + dt.timedelta(days=5)
    for state in ("waiting", "failed"):
        Mail.update(state=state, error="a: 550 no", refused={"a@b.example": "550 no"}).execute()
        assert queue.retry(number, later)
        mail = Mail.get()
        assert (mail.state, mail.error, mail.refused) == ("waiting", "", {})
        assert mail.due_at == mail.retries_from == later


def test_when_a_mail_was_sent_is_known_of_those_that_were(settings: Settings) -> None:
    """By it old ones are deleted, some day."""
    mail, moment = alert(), now()
    for outcome, sent in ((Delivery(refused={"a@b.example": "550 no"}), None), (Delivery(("a@b.example",)), moment)):
        Mail.update(state="waiting", lease_owner="me", delivered=[], refused={}, sent_at=None).execute()
        queue.record(mail, "me", ["a@b.example"], outcome, moment)
        assert Mail.get().sent_at == sent


def test_a_mail_that_takes_long_is_nobody_elses(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease is renewed until the server has answered."""
    alert()
    settings = replace(settings, admin_email="admin@house.example", lease_seconds=1)
    begun = now()

    def slowly(*_: Any) -> Delivery:
        wait_for(lambda: Mail.get().lease_until > begun + dt.timedelta(seconds=1.2), 60)
        return Delivery(taken=("admin@house.example",))

    monkeypatch.setattr("jobs.mail_sender.deliver", slowly)

    assert MailSender(settings, {}).turn(begun)
    assert Mail.get().state == "sent"


def test_a_stop_does_not_wait_for_a_server_that_never_answers(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start sends the mail."""
    settings = make_settings(admin_email="admin@house.example")
    alert()
    going_on, over = threading.Event(), threading.Event()

    def never(*_: Any) -> Delivery:
        going_on.set()
        over.wait(60)
        return Delivery()

    monkeypatch.setattr("jobs.mail_sender.deliver", never)
    sender = MailSender(settings, {})
    sender.start()
    try:
        assert going_on.wait(30)
        begun = time.monotonic()
        sender.stop(0.1)
        assert time.monotonic() - begun < 30
        assert Mail.get().state == "waiting"
    finally:
        over.set()
        sender.stop(30)


def test_a_mail_without_a_server_needs_no_home(tmp_path: Path) -> None:
    """The first command of all may be `mail test`; what it makes is for its owner alone."""
    settings = load(tmp_path / "home", {})

    file = mail_files.write(settings, envelope(settings, ["a@b.example"], "x", "token", now()), "test-1")

    assert {path.stat().st_mode & 0o777 for path in (settings.home, file.parent)} == {0o700}
    assert file.stat().st_mode & 0o777 == 0o600


def test_each_machine_has_a_disk_that_is_told_of(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is nearly full hides no other one."""
    told = replace(settings, admin_email="admin@house.example", min_free_bytes=2**62)
    for host in ("one", "two", "one"):
        monkeypatch.setattr(socket, "gethostname", lambda host=host: host)
        Watch(told).look(now())

    assert Mail.select().count() == 2


def test_each_certificate_near_its_end_is_told_of(settings: Settings) -> None:
    """One that was put in the place of another on the same day, and ends as soon, too."""
    told = replace(settings, admin_email="admin@house.example", min_free_bytes=0)
    told.certificate_path.parent.mkdir()
    moment = now()
    for _ in range(2):
        key = ec.generate_private_key(ec.SECP256R1())
        ends = moment + dt.timedelta(days=3)
        write_self_signed(told.certificate_path, told.private_key_path, key, moment - dt.timedelta(days=9), ends)
        assert certs.show(told.certificate_path).not_after > moment
        for _ in range(2):
            Watch(told).look(moment)

    assert [mail.data["what"] for mail in Mail.select()] == ["certificate"] * 2


def test_times_in_a_zone_that_is_no_more() -> None:
    """They are told by UTC, and say so: the mail is no less true, and is sent."""
    moment = dt.datetime(2026, 11, 23, 13, 5, tzinfo=dt.UTC)

    assert local(moment, "Europe/Berlin") == "2026-11-23 14:05 (Europe/Berlin)"
    for zone in ("US/Gone", "../etc", ""):
        assert local(moment, zone) == "2026-11-23 13:05 (UTC)"
    assert local(None, "UTC") == ""


@pytest.mark.parametrize("half", [0xD800, 0xDBFF, 0xDC80, 0xDFFF], ids=hex)
def test_halves_of_characters_stand_in_no_mail(half: int) -> None:
    """As of a file's name that is not UTF-8: no mail could be written with one."""
    assert one_line(f"a{chr(half)}b") == "a b"


@pytest.mark.parametrize("code", ["INTERNAL", "KILLED_WORKER"])
@pytest.mark.parametrize("kept", [True, False])
def test_what_is_our_fault_is_told_as_ours(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner], code: str, kept: bool
) -> None:
    """Nobody is sent to correct a file in which nothing is wrong."""
    partner = make_partner(make_settings(), emails=["ops@acme.example"])
    run = partner.queue("product", GOOD)
    claimed = claim_import(partner.settings, partner.registry, "test", run.number)
    assert claimed is not None
    job = ImportJob(partner.settings, partner.registry.handler("product"), partner.hooks, claimed, "test")
    job.fail(FileProblem(code, "ftpdock failed"))
    job.execute()
    if not kept:
        for file in partner.settings.accounts.glob("acme/Products/failed/*"):
            file.unlink()

    text = render(partner.settings, Mail.get(Mail.account == partner.account), {"product": "Products"}).get_body(
        ("plain",)
    )
    assert text is not None
    plain = " ".join(text.get_content().split())

    assert "This is our fault, not your file's." in plain
    assert "Correct your file" not in plain
    assert ("you need not upload it once more" in plain, "The file itself is gone: upload it" in plain) == (
        kept, not kept)  # fmt: skip
