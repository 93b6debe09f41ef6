"""What the admin is told without being asked."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from peewee import OperationalError

import certs
import layout
from errors import FileProblem
from handlers.passes import Counts
from handlers.run import ImportJob
from jobs.mail_alerts import Watch
from jobs.mail_render import about, render
from jobs.mail_sender import MailSender
from jobs.queue import claim
from jobs.worker import ATTEMPTS, Worker
from models import ImportRun, Mail, database, is_postgres, now
from room import Room
from settings import Settings
from tests.full_disk import ROOMLESS, files_of, statvfs_says
from tests.partner import Partner
from tests.rights import LIKE_OTHERS
from tests.tls import write_self_signed


@pytest.fixture
def told(settings: Settings) -> Settings:
    """A home with a certificate, and an admin who is told."""
    certificate(settings)
    return replace(settings, admin_email="admin@house.example", min_free_bytes=0)


def keys() -> list[str]:
    return [mail.key.split("-")[0] for mail in Mail.select().order_by(Mail.number)]


def nearly_full(settings: Settings) -> Settings:
    """Settings by which the disk of this test has less than twice the least, whatever is free."""
    return replace(settings, min_free_bytes=shutil.disk_usage(settings.home).free * 3 // 4)


def certificate(settings: Settings) -> dt.datetime:
    """Make one; return when it ends."""
    settings.certificate_path.parent.mkdir(parents=True, exist_ok=True)
    certs.make(settings.certificate_path, settings.private_key_path)
    return certs.show(settings.certificate_path).not_after


@pytest.mark.parametrize("written", ["admin@house.example", "Ops <admin@house.example>", "<admin@house.example>"])
def test_the_admins_address_may_have_a_name(make_settings: Callable[..., Settings], written: str) -> None:
    """The mail is sent to the address in it."""
    settings = make_settings(admin_email=written)
    Mail.alert("disk-1", what="disk", free="1 MiB", least="64 MiB", home="/srv")

    MailSender(settings, {}).turn(now())

    assert (Mail.get().state, Mail.get().delivered) == ("sent", ["admin@house.example"])


def test_a_disk_that_is_nearly_full_is_told_once_a_day(told: Settings) -> None:
    """By however many looks, of however many servers."""
    settings = nearly_full(told)
    noon = now().replace(hour=12)
    for hours in (0, 1, 25):
        for watch in (Watch(settings), Watch(settings)):
            watch.look(noon + dt.timedelta(hours=hours))

    assert keys() == ["disk", "disk"]
    message = render(settings, Mail.get(), {})
    assert str(message["To"]) == "admin@house.example"
    assert str(message["Subject"]).startswith("[ftpdock] The disk is nearly full: ")
    text = message.get_body(("plain",))
    assert text is not None
    assert str(settings.home) in text.get_content().replace("\n", "")


def test_a_clock_that_was_ahead_puts_off_no_alert(told: Settings) -> None:
    """The same watch goes on with a clock that is right."""
    watch = Watch(nearly_full(told))
    for days in (365, 0):
        watch.look(now() + dt.timedelta(days=days))

    assert keys() == ["disk", "disk"]


def test_a_disk_with_room_is_not_told_of(told: Settings) -> None:
    """Nothing is queued."""
    Watch(replace(told, min_free_bytes=1)).look(now())

    assert keys() == []


def test_other_disks_and_inodes_are_told_of(told: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a day each; here the disk of the exports has no room, and neither takes more files."""
    statvfs_says(monkeypatch, f_files=1000, f_favail=3)
    for _ in range(2):
        Watch(replace(told, exports_path=ROOMLESS)).look(now())

    free = [about(mail).removeprefix("A disk is nearly full: ") for mail in Mail.select().order_by(Mail.number)]
    assert sorted(free) == ["0 MiB free", "3 inodes free", "3 inodes free"]


def test_a_certificate_near_its_end_is_told_once_a_day(told: Settings) -> None:
    """From 14 days before on."""
    end = certificate(told)
    watch = Watch(told)
    for days in (15, 13, 13 - 1 / 24, 11):
        watch.look(end.replace(hour=0) - dt.timedelta(days=days))

    assert keys() == ["certificate", "certificate"]
    assert about(Mail.get()) == "The certificate ends in 13 days"


def test_a_certificate_that_clients_refuse_is_told(told: Settings) -> None:
    """On the day on which it ends, too, and when it has not begun."""
    end = certificate(told).replace(hour=23, minute=0)
    write_self_signed(
        told.certificate_path, told.private_key_path, ec.generate_private_key(ec.SECP256R1()),
        end - dt.timedelta(days=30), end.replace(hour=12),
    )  # fmt: skip
    watch = Watch(told)
    for moment in (end.replace(hour=1), end.replace(hour=13), end, end - dt.timedelta(days=31)):
        watch.look(moment)

    assert [about(mail) for mail in Mail.select().order_by(Mail.number)] == [
        "The certificate ends in 0 days", "Clients refuse the certificate", "Clients refuse the certificate"
    ]  # fmt: skip
    texts = [render(told, mail, {}).get_body(("plain",)) for mail in Mail.select().order_by(Mail.number)]
    bodies = [text.get_content().replace("\n", " ") for text in texts if text is not None]
    assert ("it ended at" in bodies[1], "it begins at" in bodies[2]) == (True, True)


def spoil(settings: Settings) -> str:
    settings.private_key_path.write_text("rubbish")
    return "TLS refuses the certificate or its key ("


def lose(settings: Settings) -> str:
    settings.private_key_path.unlink()
    return f"{settings.private_key_path}: No such file or directory"


def replace_key(settings: Settings) -> str:
    certs.make(settings.home / "other.pem", settings.private_key_path)
    return "TLS refuses the certificate or its key (key values mismatch)"


@pytest.mark.parametrize("harm", [spoil, lose, replace_key])
def test_a_certificate_that_the_server_can_not_use_is_told(told: Settings, harm: Callable[[Settings], str]) -> None:
    """It goes on with the one before: that the files' own is good for long is no comfort. The disk is looked after."""
    settings = nearly_full(told)
    words = harm(settings)
    watch, noon = Watch(settings), now().replace(hour=12)
    for minutes in (0, 1, 2, 24 * 60):
        watch.look(noon + dt.timedelta(minutes=minutes))

    assert keys() == ["disk", "certificate", "disk", "certificate"]
    mail = Mail.get(Mail.key.startswith("certificate"))
    assert about(mail) == "The server can't use its certificate"
    text = render(settings, mail, {}).get_body(("plain",))
    assert text is not None
    said = " ".join(text.get_content().split())
    assert words in said
    assert "The server goes on with the one that it has" in said
    assert "What to do: `ftpdock cert install` or `ftpdock cert make` replaces them." in said


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_key_that_the_server_may_not_read_is_told(told: Settings, tmp_path: Path) -> None:
    """As root's own, which it has renewed; the reason is that, and the file that has it."""
    told.private_key_path.chmod(0)
    program = ("import datetime as dt, sys, models, settings\nfrom jobs.mail_alerts import Watch\n"
               "found = settings.load(sys.argv[1], admin_email='admin@house.example')\n"
               "models.bind(found.database_url).connect()\n"
               "watch = Watch(found)\n"
               "for minute in range(2): watch.look(models.now() + dt.timedelta(minutes=minute))\n")  # fmt: skip
    environ = {**os.environ, "FTPDOCK_DATABASE": told.database_url}
    subprocess.run([*LIKE_OTHERS, sys.executable, "-c", program, str(told.home)], cwd=Path(__file__).parents[2],
                   env=environ, check=True, capture_output=True)  # fmt: skip

    assert [mail.data["words"] for mail in Mail.select()] == [f"{told.private_key_path}: Permission denied"]


def test_a_pair_that_is_just_being_replaced_is_not_told(told: Settings) -> None:
    """Two files can't be replaced in one step, and a look may come between."""
    watch = Watch(told)
    replace_key(told)
    watch.look(now())
    certs.make(told.certificate_path, told.private_key_path)
    watch.look(now() + dt.timedelta(minutes=1))

    assert keys() == []


def test_without_an_admin_the_log_is_told(told: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """The default: no address, no mail. A line for each thing, once a day, however often it is looked at."""
    settings = replace(nearly_full(told), admin_email="")
    end = now().replace(hour=18) + dt.timedelta(days=60)
    files = settings.certificate_path, settings.private_key_path
    write_self_signed(*files, ec.generate_private_key(ec.SECP256R1()), ends=end)
    watch = Watch(settings)
    for days in (20, 3, 2):
        for minutes in range(3):
            watch.look(end.replace(hour=12) - dt.timedelta(days=days, minutes=-minutes))

    assert keys() == []
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [line.split(":")[0].partition(".")[0] for line in lines] == [
        "The disk is nearly full", "The disk is nearly full", "The certificate ends in 3 days",
        "The disk is nearly full", "The certificate ends in 2 days",
    ]  # fmt: skip
    assert f"The certificate ends in 2 days. {settings.certificate_path} ends at " in lines[-1]
    assert "Renew it: `ftpdock cert make` or `cert install`" in lines[-1]


def test_with_an_admin_the_log_is_told_as_well(told: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """A mail may go nowhere."""
    settings = nearly_full(told)
    watch = Watch(settings)
    for minutes in range(3):
        watch.look(now().replace(hour=12) + dt.timedelta(minutes=minutes))

    assert keys() == ["disk"]
    assert [record.levelname for record in caplog.records if "nearly full" in record.getMessage()] == ["WARNING"]


def test_a_check_that_fails_is_logged_once_a_day(
    told: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With what it met; the other one goes on."""

    def away(path: Path) -> Room:
        raise OSError("Stale file handle")

    monkeypatch.setattr(Room, "of", away)
    watch, end = Watch(told), certs.show(told.certificate_path).not_after.replace(hour=0)
    for minutes in (0, 1, 2, 24 * 60):
        watch.look(end - dt.timedelta(days=5, minutes=-minutes))

    assert keys() == ["certificate", "certificate"]
    failed = [record for record in caplog.records if record.getMessage() == "a check for the admin failed"]
    assert [str(record.exc_info[1]) for record in failed if record.exc_info] == ["Stale file handle"] * 2


def test_an_import_that_failed_by_our_fault_is_told_to_the_admin_and_the_partner(
    told: Settings, make_partner: Callable[..., Partner]
) -> None:
    """Two mails, queued with the import's end; the admin's names account, file and error."""
    partner = make_partner(told, emails=["ops@acme.example"])
    run = partner.queue("product", "SKU_ID,Name\n1,Cup\n")
    claimed = claim(told, partner.registry, "test", run.number)
    assert claimed is not None
    job = ImportJob(told, partner.registry.handler("product"), partner.hooks, claimed, "test")
    job.fail(FileProblem("INTERNAL", "ftpdock failed to import the file (KeyError)"))
    job.execute()

    sender = MailSender(told, partner.registry.folders)
    assert [sender.turn(now()), sender.turn(now()), sender.turn(now())] == [True, True, False]

    assert keys() == ["import", "internal"]
    message = render(told, Mail.get(Mail.key == f"internal-{run.number}"), {})
    assert str(message["To"]) == "admin@house.example"
    assert str(message["Subject"]) == f"[ftpdock] Import {run.number} of acme failed"
    text = message.get_body(("plain",))
    assert text is not None
    assert "PRODUCT_18_09_2024.csv: ftpdock failed to import the file (KeyError)" in text.get_content()
    assert f"`ftpdock imports retry {run.number}` imports the file again." in text.get_content()


def advice(settings: Settings) -> str:
    """The last line of the newest alert."""
    text = render(settings, Mail.select().order_by(Mail.number.desc()).get(), {}).get_body(("plain",))
    assert text is not None
    return str(text.get_content().partition("--")[0].strip().splitlines()[-1])


def test_what_is_gone_can_not_be_retried(told: Settings, make_partner: Callable[..., Partner]) -> None:
    """The admin is not sent to look for a file that is nowhere."""
    partner = make_partner(told)
    run = partner.queue("product", "SKU_ID,Name\n1,Cup\n")
    shutil.rmtree(layout.spool_folder(told, run.number))
    worker = Worker(told, partner.registry, partner.hooks, lambda seconds: True)

    for _ in range(ATTEMPTS):
        assert worker.turn("test")

    assert keys() == ["internal"]
    assert advice(told) == (
        "logs/ in the home says why. The file itself is gone: whoever sent it has to send it once more."
    )


@pytest.mark.parametrize("reference", ["", "P"])
def test_of_orders_without_a_key_the_admin_is_warned(
    told: Settings, make_partner: Callable[..., Partner], monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    """A retry would make them a second time; those with a key it finds."""
    partner = make_partner(told).in_chunks(2)
    partner.send("product", "SKU_ID,Name\nS,a\n")
    partner.send("customer", "Reference_ID,Company_Name\nK,Delta\n")
    rows = "".join(f"{reference and reference + str(number)},K,2024-09-18,S,1\n" for number in range(4))
    run = partner.queue("order", f"Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n{rows}")
    checkpoint = ImportJob.checkpoint

    def failing(job: ImportJob, counts: Counts, position: int, offsets: dict[str, int]) -> None:
        if position > 2:
            raise KeyError("ours")
        checkpoint(job, counts, position, offsets)

    monkeypatch.setattr(ImportJob, "checkpoint", failing)
    worker = Worker(partner.settings, partner.registry, partner.hooks, lambda seconds: True)
    for _ in range(ATTEMPTS):
        assert worker.turn("test")

    expected = f"`ftpdock imports retry {run.number}`" if reference else "Of what is in, some has no key"
    assert keys() == ["internal"]
    assert advice(told).startswith(f"logs/ in the home says why. {expected}")


@contextmanager
def refusing_writes() -> Iterator[None]:
    """For a while the database takes no writes, from whatever connection."""
    if is_postgres():
        (name,) = database.execute_sql("SELECT current_database()").fetchone()
        database.execute_sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        database.close()
        yield
        database.close()
        database.execute_sql("SET default_transaction_read_only = off")
        database.execute_sql(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        database.close()
    else:
        with files_of(4096):
            yield


@pytest.mark.parametrize(("least", "alerts"), [(0.0, ["standstill"]), (3600.0, [])])
def test_a_database_that_took_no_writes_is_told_when_it_does(
    told: Settings,
    make_partner: Callable[..., Partner],
    monkeypatch: pytest.MonkeyPatch,
    least: float,
    alerts: list[str],
) -> None:
    """Once, and only if no import could go on for a while; meanwhile `imports show` could not say why."""
    monkeypatch.setattr("jobs.worker.STOOD_STILL", least)
    partner = make_partner(told)
    number = partner.queue("product", "SKU_ID,Name\n1,Cup\n").number
    turns = iter(range(6))

    def bell(seconds: float) -> bool:
        if (turn := next(turns, None)) == 3:
            refusing.close()
            assert ImportRun.get_by_id(number).status == "waiting"
        return turn is not None

    with ExitStack() as refusing:
        refusing.enter_context(refusing_writes())
        Worker(told, partner.registry, partner.hooks, bell).run()

    assert ImportRun.get_by_id(number).status == "completed"
    assert keys() == alerts
    if alerts:
        assert about(Mail.get()).startswith("No import could go on for ")


def test_an_alert_that_can_not_be_queued_keeps_no_import_waiting(
    told: Settings, make_partner: Callable[..., Partner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database may take this and refuse that, as one that is nearly full."""
    monkeypatch.setattr("jobs.worker.STOOD_STILL", 0.0)
    partner = make_partner(told)
    number = partner.queue("product", "SKU_ID,Name\n1,Cup\n").number
    worker = Worker(told, partner.registry, partner.hooks, lambda _: True)
    worker._failed(OSError("No space left on device"))

    def alert(*_: object, **__: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(Mail, "alert", alert)

    assert worker.turn("test")
    assert ImportRun.get_by_id(number).status == "completed"


@pytest.mark.parametrize("answer", ["fails", "hangs"])
def test_another_disk_that_gives_no_answer_keeps_no_mail_back(
    told: Settings, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """A share may be dead, or never answer."""
    monkeypatch.setattr("jobs.mail_alerts.PATIENCE", 0.2 if answer == "hangs" else 20)
    asked, over = [], threading.Event()

    def of(path: Path) -> Room:
        asked.append(path)
        if path == Path(ROOMLESS):
            if answer == "hangs":
                over.wait(30)
            raise OSError("Stale file handle")
        return Room(path, 1, None)

    monkeypatch.setattr(Room, "of", of)
    watch = Watch(replace(told, exports_path=f"{ROOMLESS}/exports"))
    watch.look(now())
    watch.look(now() + dt.timedelta(hours=1))
    over.set()

    assert about(Mail.get()).startswith("A disk is nearly full")
    assert asked.count(Path(ROOMLESS)) == (2 if answer == "fails" else 1)


def test_a_partners_bad_file_is_no_alert(told: Settings, make_partner: Callable[..., Partner]) -> None:
    """The admin is told of failures of no account's fault alone."""
    make_partner(told).send("product", "PK\x03\x04")

    assert keys() == []


def test_an_alert_brings_no_headers(told: Settings) -> None:
    """What stands in an alert may come from a file's name."""
    Mail.alert("x", what="import", number=1, account="acme\r\nBcc: v@example.com", file="a\nb", error="{number}\r\n")

    message = render(told, Mail.get(), {})

    assert "Bcc" not in message
    assert str(message["Subject"]) == "[ftpdock] Import 1 of acme Bcc: v@example.com failed"
