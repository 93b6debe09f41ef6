"""Which mails are deleted once they are too old, with their files, and which are not."""

from __future__ import annotations

import datetime as dt
import logging
import os
from email.message import EmailMessage

import pytest

import layout
from exports import retention
from jobs.mail_files import write
from models import Mail, now
from tests.exports.keeping import FOLDERS, Shop, Travel


def test_mails_that_were_sent_go(shop: Shop, travel: Travel) -> None:
    """Not those that wait or failed, and of a digest that waits not what it tells of."""

    def mail(key: str, state: str, **values: object) -> Mail:
        made: Mail = Mail.create(account=shop.account, key=key, state=state, **values)
        return made

    waits = mail("waits", "waiting")
    mail("of-waits", "gathered", gathered_into=waits.number)
    sent = mail("sent", "sent")
    mail("of-sent", "gathered", gathered_into=sent.number)
    mail("failed", "failed")
    travel("2026-12-24 14:00")
    mail("young", "sent")
    shop.look()
    assert sorted(row.key for row in Mail.select()) == ["failed", "of-waits", "waits", "young"]


@pytest.mark.parametrize("dry_run", [False, True])
def test_old_mails_go_some_at_once(
    shop: Shop, travel: Travel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, dry_run: bool
) -> None:
    """Each with its file: there may be a hundred thousand, which fit into no memory, and no commit for each."""
    monkeypatch.setattr("exports.retention.AT_ONCE", 2)
    mails = [Mail.create(account=shop.account, key=f"import-{each}", state="sent") for each in range(5)]
    files = [write(shop.settings, EmailMessage(), f"{mail.number:06}") for mail in mails]
    sizes = [file.stat().st_size for file in files]
    files.pop().unlink()
    travel("2026-12-24 14:00")

    with caplog.at_level(logging.DEBUG, "peewee"):
        told = list(retention.sweep(shop.settings, FOLDERS, now(), dry_run=dry_run))

    assert [(each.account, each.path) for each in told] == [("acme", f"import-{each}") for each in range(5)]
    assert [each.size for each in told] == [*sizes[:4], 0]
    assert min(sizes) > 0
    assert (Mail.select().count(), sum(file.exists() for file in files)) == ((5, 4) if dry_run else (0, 0))
    asked = [record.getMessage() for record in caplog.records if '"mail"' in record.getMessage()]
    assert sum("DELETE" in each for each in asked) == (0 if dry_run else 3)
    assert sum("LIMIT" in each for each in asked) == 4


def test_a_mail_whose_file_can_not_be_deleted_stays(shop: Shop, travel: Travel) -> None:
    """Else nobody would ever look for the file again."""
    kept, _ = (Mail.create(account=shop.account, key=f"import-{each}", state="sent") for each in range(2))
    layout.mail_file(shop.settings, f"{kept.number:06}").mkdir(parents=True)
    travel("2026-12-24 14:00")

    shop.look()

    assert [mail.key for mail in Mail.select()] == [kept.key]


@pytest.mark.parametrize("dry_run", [False, True])
def test_mails_without_a_record_go_by_their_own_time(shop: Shop, dry_run: bool) -> None:
    """Of `mail test`, and of mails that a restored database does not know."""
    kept = Mail.create(account=shop.account, key="waits", state="waiting")
    lost, odd = (layout.mail_file(shop.settings, f"{kept.number + 7:06}{end}") for end in ("", "-1a2b3c4d"))
    old = [layout.mail_file(shop.settings, "test-0192d3a4-0000-7000-8000-000011112222"), lost, odd]
    stay = [layout.mail_file(shop.settings, name) for name in (f"{kept.number:06}", "notes", "test-notes")]
    young = layout.mail_file(shop.settings, "test-0192d3a4-0000-7000-8000-000011113333")
    lost.parent.mkdir(exist_ok=True)
    for file in (*old, *stay, young):
        file.write_text("x")
        moment = (now() - dt.timedelta(days=29 if file == young else 31)).timestamp()
        os.utime(file, (moment, moment))

    told = list(retention.sweep(shop.settings, FOLDERS, now(), dry_run=dry_run))

    assert sorted((each.account, each.what, each.path, each.size) for each in told) == sorted(
        ("", "mails", f"mail/{file.name}", 1) for file in old
    )
    assert [file.exists() for file in old] == [dry_run] * 3
    assert all(file.exists() for file in (*stay, young))


def test_a_mail_goes_with_its_own_file(shop: Shop, travel: Travel) -> None:
    """Not with that of a lost mail of its number, which goes when no record has the number any more."""
    mail = Mail.create(account=shop.account, key="x", state="sent")
    own, others = (
        layout.mail_beside(shop.settings, f"{mail.number:06}", mail.token),
        layout.mail_file(shop.settings, f"{mail.number:06}"),
    )
    own.parent.mkdir(exist_ok=True)
    own.write_text("own")
    others.write_text("another's")
    travel("2026-12-24 14:00")
    os.utime(others, (now().timestamp(), now().timestamp()))

    shop.look()

    assert (Mail.select().count(), own.exists(), others.exists()) == (0, False, True)
