"""The queue of mails, the same on both engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from peewee import OperationalError

import models
from handlers.run import ImportJob
from jobs import mail as queue
from jobs.mail import PATIENCE, backlog, claim
from jobs.mail_sender import MailSender
from jobs.queue import claim as claim_import
from models import Account, ImportRun, Mail, now
from settings import Settings
from tests.partner import Partner
from tests.postbox import Postbox
from tests.system.server import wait_for

GOOD = "SKU_ID,Name\n1,Cup\n"
BAD = "SKU_ID,Name,MOQ\n1,Cup,six\n"


@pytest.fixture
def partner(settings: Settings, make_partner: Callable[..., Partner]) -> Partner:
    return make_partner(settings, emails=["ops@acme.example"])


@pytest.fixture
def sender(partner: Partner) -> MailSender:
    return MailSender(partner.settings, partner.registry.folders)


def files(settings: Settings) -> list[EmailMessage]:
    """The .eml files of a home without a mail server, in the order of their numbers."""
    found = []
    for path in sorted((settings.home / "mail").glob("*")):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(message, EmailMessage)
        found.append(message)
    return found


def states() -> list[str]:
    return [mail.state for mail in Mail.select().order_by(Mail.number)]


def send_all(sender: MailSender, moment: dt.datetime | None = None) -> None:
    while sender.turn(moment or now()):
        pass


def test_a_finished_import_has_a_mail(partner: Partner) -> None:
    """Whatever its outcome; the row is there with the import's end."""
    for text in (GOOD, BAD, ""):
        partner.send("product", text)

    assert [(mail.key, mail.state) for mail in Mail.select().order_by(Mail.number)] == [
        ("import-1", "waiting"), ("import-2", "waiting"), ("import-3", "waiting")
    ]  # fmt: skip


def test_the_mail_is_queued_in_the_transaction_that_closes_the_import(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the mail can't be queued the import is not closed; taken up again, it ends with one mail."""
    run = partner.queue("product", GOOD)
    with monkeypatch.context() as patch:
        patch.setattr(Mail, "_once", lambda **values: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _execute(partner, run.number)
    assert (ImportRun.get_by_id(run.number).status, Mail.select().count()) == ("running", 0)

    _execute(partner, run.number)

    assert (ImportRun.get_by_id(run.number).status, states()) == ("completed", ["waiting"])


def _execute(partner: Partner, number: int) -> None:
    claimed = claim_import(partner.settings, partner.registry, "test", number)
    assert claimed is not None
    ImportJob(partner.settings, partner.registry.handler("product"), partner.hooks, claimed, "test").execute()


def test_nobody_is_told_of_dry_runs_or_without_an_address(partner: Partner) -> None:
    """Who asked for a dry run gets its outcome there; an account without addresses wants no mail."""
    partner.send("product", GOOD, dry_run=True)
    partner.neighbour("bravo").send("product", GOOD)

    assert Mail.select().count() == 0


def test_without_a_mail_server_mails_are_files(partner: Partner, sender: MailSender) -> None:
    """One .eml for each, named by its number, whole, readable by the owner alone, as their folder is."""
    partner.send("product", GOOD)

    send_all(sender)

    (path,) = (partner.settings.home / "mail").iterdir()
    assert (path.name, path.stat().st_mode & 0o777) == (f"{Mail.get().number:06}.eml", 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [str(mail["Subject"]) for mail in files(partner.settings)] == [
        "[ftpdock] PRODUCT_18_09_2024.csv: 1 imported, 0 rejected"
    ]
    assert states() == ["sent"]


def test_a_restart_keeps_the_queue(partner: Partner) -> None:
    """What one process queued another sends, from nothing but the database."""
    partner.send("product", GOOD)
    models.database.close()
    models.bind(partner.settings.database_url).connect()

    send_all(MailSender(partner.settings, partner.registry.folders))

    assert states() == ["sent"]


def test_of_many_senders_one_gets_a_mail(partner: Partner) -> None:
    """Twenty mails, four senders at once: each mail is claimed once."""
    for number in range(20):
        Mail.alert(f"test-{number}", what="disk")
    moment = now()

    def take(owner: str) -> list[int]:
        taken: list[int] = []
        with models.database.connection_context():
            while mail := claim(owner, moment, 30):
                taken.append(int(mail.number))
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [number for numbers in pool.map(take, "abcd") for number in numbers]

    assert sorted(taken) == [mail.number for mail in Mail.select().order_by(Mail.number)]


def test_the_mail_of_a_dead_sender_is_taken_over(partner: Partner) -> None:
    """Not before its lease has ended; what the dead one still says is not heard."""
    Mail.alert("test", what="disk")
    moment = now()
    first = claim("dead", moment, 30)
    assert first is not None

    assert claim("other", moment + dt.timedelta(seconds=29), 30) is None
    second = claim("other", moment + dt.timedelta(seconds=31), 30)
    assert second is not None
    queue.postpone(first, "dead", "I was asleep", moment)

    assert (second.attempts, Mail.get().lease_owner, Mail.get().error) == (2, "other", "")


def test_a_clock_that_was_ahead_holds_no_mail_up(partner: Partner) -> None:
    """Neither one that it queued or put off, nor is one tried for three days of a year later."""
    right, ahead = now(), now() + dt.timedelta(days=365)
    Mail.alert("test", what="disk")
    Mail.update(created_at=ahead, retries_from=ahead, due_at=ahead).execute()
    mail = claim("sender", right, 30)
    assert mail is not None
    assert mail.retries_from == right
    queue.postpone(mail, "sender", "no route to host", right)
    mail = claim("sender", ahead, 30)
    assert mail is not None
    queue.postpone(mail, "sender", "no route to host", ahead)
    mail = claim("sender", right, 30)
    assert mail is not None
    assert mail.retries_from == right


def test_the_mail_of_a_sender_that_died_with_a_clock_ahead_is_taken_over(partner: Partner) -> None:
    """After the time in which one that lives renews its lease, so that nothing is sent twice."""
    right = now()
    Mail.alert("test", what="disk")
    assert claim("dead", right + dt.timedelta(days=365), 30) is not None

    assert claim("other", right, 30) is None
    assert claim("other", right + dt.timedelta(seconds=29), 30) is None
    taken = claim("other", right + dt.timedelta(seconds=31), 30)
    assert taken is not None
    assert taken.lease_owner == "other"


def test_pauses_grow_and_end_after_three_days(partner: Partner) -> None:
    """10 s, 1, 5, 15 minutes, then each hour; after three days it has failed with the last words."""
    Mail.alert("test", what="disk")
    begin = moment = now()
    pauses = []
    while mail := claim("sender", moment, 30):
        queue.postpone(mail, "sender", "no route to host", moment)
        pauses.append(Mail.get().due_at - moment)
        moment = Mail.get().due_at if Mail.get().state == "waiting" else moment

    seconds = [round(pause.total_seconds()) for pause in pauses]
    assert seconds[:6] == [10, 60, 300, 900, 3600, 3600]
    assert set(seconds[6:]) == {3600}
    assert PATIENCE - dt.timedelta(hours=1) < moment - begin <= PATIENCE
    assert (Mail.get().state, Mail.get().error) == ("failed", "no route to host")


def test_days_in_which_nobody_tried_are_none_of_the_three(partner: Partner) -> None:
    """The server was off: one hiccup after its start fails nothing, and the days that were left are left."""
    Mail.alert("test", what="disk")
    begin = now()
    first = claim("sender", begin, 30)
    assert first is not None
    queue.postpone(first, "sender", "no route to host", begin)

    for days in (5, 10, 15):
        mail = claim("sender", begin + dt.timedelta(days=days), 30)
        assert mail is not None
        assert queue.postpone(mail, "sender", "no route to host", begin + dt.timedelta(days=days)) == "waiting"

    moment = begin + dt.timedelta(days=15)
    while Mail.get().state == "waiting":
        moment = Mail.get().due_at
        mail = claim("sender", moment, 30)
        assert mail is not None
        queue.postpone(mail, "sender", "no route to host", moment)
    assert dt.timedelta(days=2) < moment - (begin + dt.timedelta(days=15)) < PATIENCE


def test_a_mail_that_waited_for_its_first_attempt_is_tried_for_three_days(partner: Partner) -> None:
    """Queued by a worker while no `serve` ran."""
    Mail.alert("test", what="disk")
    late = now() + dt.timedelta(days=3, hours=1)
    mail = claim("sender", late, 30)
    assert mail is not None

    assert queue.postpone(mail, "sender", "no route to host", late) == "waiting"


def test_retry_begins_the_three_days_again(partner: Partner) -> None:
    """A failed mail waits again, at once; one that was sent does not."""
    Mail.alert("test", what="disk")
    number = Mail.get().number
    Mail.update(state="failed", refused={"a@b.example": "550 no"}, retries_from=now() - PATIENCE).execute()

    assert queue.retry(number, now())
    mail = claim("sender", now(), 30)
    assert mail is not None
    assert mail.refused == {}
    assert queue.postpone(mail, "sender", "busy", now()) == "waiting"

    Mail.update(state="sent").execute()
    assert not queue.retry(number, now())


def test_backlog(partner: Partner) -> None:
    """What waits, what failed, and the age of the oldest that waits."""
    moment = now()
    assert backlog(moment) == {"waiting": 0, "failed": 0, "oldest_waiting_seconds": None}
    Mail.alert("test-1", what="disk")
    Mail.alert("test-2", what="disk")
    Mail.update(created_at=moment - dt.timedelta(minutes=2)).where(Mail.key == "test-1").execute()
    Mail.update(created_at=moment).where(Mail.key == "test-2").execute()
    assert backlog(moment) == {"waiting": 2, "failed": 0, "oldest_waiting_seconds": 120}
    Mail.update(state="failed").where(Mail.key == "test-1").execute()
    assert backlog(moment) == {"waiting": 1, "failed": 1, "oldest_waiting_seconds": 0}


def test_a_digest_tells_of_a_whole_pick_up(partner: Partner, sender: MailSender) -> None:
    """One mail, once the last of its imports is finished."""
    Account.update(digest=True).execute()
    partner.send("product", GOOD, pickup="p1")
    last = partner.queue("product", BAD, pickup="p1", name="PRODUCT_19_09_2024.csv")
    send_all(sender)
    assert states() == ["waiting"]

    _execute(partner, last.number)
    send_all(sender)

    assert states() == ["sent", "gathered"]
    (mail,) = files(partner.settings)
    assert str(mail["Subject"]) == "[ftpdock] 2 files: 1 imported, 1 rejected"
    text = mail.get_body(("plain",))
    assert text is not None
    assert "PRODUCT_18_09_2024.csv: 1 imported, 0 rejected" in text.get_content()
    assert "PRODUCT_19_09_2024.csv: 0 imported, 1 rejected" in text.get_content()
    assert [part.get_filename() for part in mail.iter_attachments()] == [
        "PRODUCT_18_09_2024.000001.report.csv", "PRODUCT_19_09_2024.000002.report.csv"
    ]  # fmt: skip


def test_a_digest_names_failed_files(partner: Partner, sender: MailSender) -> None:
    """A file of which nothing is in counts as failed, not as rows."""
    Account.update(digest=True).execute()
    for text in (GOOD, ""):
        partner.send("product", text, pickup="p1")

    send_all(sender)

    assert [str(mail["Subject"]) for mail in files(partner.settings)] == [
        "[ftpdock] 2 files: 1 imported, 0 rejected, 1 file failed"
    ]


def test_what_comes_in_behind_a_digest_has_a_mail_of_its_own(partner: Partner, sender: MailSender) -> None:
    """An import of the pick-up that was begun after the digest went out is not lost."""
    Account.update(digest=True).execute()
    for _ in range(2):
        partner.send("product", GOOD, pickup="p1")
        send_all(sender)

    assert states() == ["sent", "sent"]


def test_a_digest_stays_the_same_through_its_attempts(partner: Partner, make_postbox: Callable[..., Postbox]) -> None:
    """What finishes between two attempts is told by a mail of its own, so that a repetition is one."""
    Account.update(digest=True).execute()
    postbox = make_postbox(data_answers=["451 later"])
    sending = MailSender(replace(partner.settings, **postbox.settings), partner.registry.folders)
    for _ in range(2):
        partner.send("product", GOOD, pickup="p1")
    assert sending.turn(now())
    partner.send("product", BAD, pickup="p1")

    send_all(sending, now() + dt.timedelta(seconds=11))

    assert sorted(str(mail["Subject"]) for mail in postbox.mails) == [
        "[ftpdock] 2 files: 2 imported, 0 rejected",
        "[ftpdock] PRODUCT_18_09_2024.csv: 0 imported, 1 rejected",
    ]


def test_without_a_pick_up_a_digest_is_a_mail_for_each_import(partner: Partner, sender: MailSender) -> None:
    """Files that are imported on receipt were picked up with no other."""
    Account.update(digest=True).execute()
    for _ in range(2):
        partner.send("product", GOOD)

    send_all(sender)

    assert states() == ["sent", "sent"]


def test_without_digest_a_pick_up_has_a_mail_for_each_import(partner: Partner, sender: MailSender) -> None:
    """The default."""
    for _ in range(2):
        partner.send("product", GOOD, pickup="p1")

    send_all(sender)

    assert states() == ["sent", "sent"]


def test_accounts_get_digests_of_their_own(partner: Partner, sender: MailSender) -> None:
    """Nothing crosses from one account to another, not even under one name of a pick-up."""
    other = partner.neighbour("bravo", emails=["ops@bravo.example"])
    Account.update(digest=True).execute()
    for each in (partner, other):
        each.send("product", GOOD, pickup=f"p-{each.account.name}")

    send_all(sender)

    assert [str(mail["To"]) for mail in files(partner.settings)] == ["ops@acme.example", "ops@bravo.example"]


def test_a_mail_nobody_is_left_to_read_is_dropped(partner: Partner, sender: MailSender) -> None:
    """The account's addresses at the time of sending count."""
    partner.send("product", GOOD)
    Account.update(emails=[]).execute()

    send_all(sender)

    assert (states(), backlog()["failed"]) == (["dropped"], 0)


def test_the_address_that_did_not_take_it_is_taken_away(partner: Partner, make_postbox: Callable[..., Postbox]) -> None:
    """All that are left have the mail."""
    Account.update(emails=["a@acme.example", "b@acme.example"]).execute()
    postbox = make_postbox(address_answers={"b@acme.example": ["450 later"]})
    sending = MailSender(replace(partner.settings, **postbox.settings), partner.registry.folders)
    partner.send("product", GOOD)
    assert sending.turn(now())
    Account.update(emails=["a@acme.example"]).execute()

    send_all(sending, now() + dt.timedelta(seconds=11))

    assert (states(), Mail.get().error, postbox.recipients) == (["sent"], "", [["a@acme.example"]])


def test_a_mail_that_everybody_has_is_tried_again(partner: Partner, make_postbox: Callable[..., Postbox]) -> None:
    """It failed for an address that the account has no more."""
    Account.update(emails=["a@acme.example", "b@acme.example"]).execute()
    postbox = make_postbox(address_answers={"b@acme.example": ["550 never"]})
    sending = MailSender(replace(partner.settings, **postbox.settings), partner.registry.folders)
    partner.send("product", GOOD)
    assert sending.turn(now())
    assert states() == ["failed"]
    Account.update(emails=["a@acme.example"]).execute()
    assert queue.retry(Mail.get().number, now())

    send_all(sending)

    assert (states(), postbox.recipients) == (["sent"], [["a@acme.example"]])


def test_a_mail_that_can_not_be_written_waits(partner: Partner, sender: MailSender) -> None:
    """An error of ours (here: a file where the folder should be) stops neither the sender nor other mails."""
    partner.send("product", GOOD)
    blocker = Path(partner.settings.home / "mail")
    blocker.write_text("")
    send_all(sender)
    assert states() == ["waiting"]
    blocker.unlink()

    send_all(sender, now() + dt.timedelta(seconds=11))

    assert states() == ["sent"]


def test_a_sender_outlives_its_connection(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres ends all connections: what is queued after that is sent, over another one."""
    monkeypatch.setattr("jobs.mail_sender.LOOK", 0.05)
    partner = make_partner(make_settings("postgres"), emails=["ops@acme.example"])
    sender = MailSender(partner.settings, partner.registry.folders)
    sender.start()
    try:
        for _ in range(2):
            partner.send("product", GOOD)
            wait_for(lambda: set(states()) == {"sent"})
            models.database.execute_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                        "WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
    finally:
        sender.stop()
    assert len(files(partner.settings)) == 2


def test_the_lease_of_a_mail_is_renewed_while_its_server_takes_its_time(
    partner: Partner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else another node would send it, too; and one renewal that fails is not the last."""
    sender = MailSender(replace(partner.settings, lease_seconds=1), partner.registry.folders)
    partner.send("product", GOOD)
    mail = claim(sender._owner, now(), 1)
    assert mail is not None
    failures = [OperationalError("the database is locked")]

    def renew(*arguments: Any, renew: Callable[..., None] = queue.renew) -> None:
        if failures:
            raise failures.pop()
        renew(*arguments)

    monkeypatch.setattr(queue, "renew", renew)
    with sender._leased(mail):
        wait_for(lambda: Mail.get().lease_until > mail.lease_until, 20)

    assert f"the lease of mail {mail.number} could not be renewed" in caplog.text
    assert claim("another", mail.lease_until, 1) is None
