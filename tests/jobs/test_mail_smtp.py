"""Mail over a real SMTP server: TLS, login, and what is tried again."""

from __future__ import annotations

import datetime as dt
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from jobs import mail_smtp
from jobs.mail import backlog
from jobs.mail_sender import MailSender
from models import Mail, now
from settings import Settings
from tests.partner import Partner
from tests.postbox import LOST, Postbox

GOOD = "SKU_ID,Name\n1,Cup\n"
MakePostbox = Callable[..., Postbox]


@pytest.fixture
def partner(make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]) -> Partner:
    """A partner with one address; where the database matters, test_mail_queue.py asks both."""
    return make_partner(make_settings(), emails=["ops@acme.example"])


def sender(partner: Partner, postbox: Postbox, **settings: Any) -> MailSender:
    return MailSender(replace(partner.settings, **(postbox.settings | settings)), partner.registry.folders)


def later(**pause: float) -> dt.datetime:
    return now() + dt.timedelta(**pause)


def only() -> Mail:
    (mail,) = Mail.select()
    assert isinstance(mail, Mail)
    return mail


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_each_way_of_securing_the_connection(
    partner: Partner, make_postbox: MakePostbox, mail_ca_file: str, security: str
) -> None:
    """The mail arrives once, to the account's address, encrypted where that was asked for."""
    postbox = make_postbox(security=security)
    partner.send("product", GOOD)

    sending = sender(partner, postbox, smtp_ca_file=mail_ca_file, mail_from="ftpdock <ftp@house.example>")
    assert [sending.turn(now()), sending.turn(now())] == [True, False]

    assert [str(mail["Subject"]) for mail in postbox.mails] == [
        "[ftpdock] PRODUCT_18_09_2024.csv: 1 imported, 0 rejected"
    ]
    assert (str(postbox.mails[0]["From"]), str(postbox.mails[0]["To"])) == (
        "ftpdock <ftp@house.example>", "ops@acme.example"
    )  # fmt: skip
    assert postbox.encrypted == [security != "none"]
    assert only().state == "sent"


def test_a_certificate_of_a_wrong_authority_is_refused_and_tried_again(
    partner: Partner, make_postbox: MakePostbox, mail_ca_file: str, tmp_path: Path
) -> None:
    """Nothing is sent to a server that is not the one it should be; once the right authority is set, it is."""
    wrong = tmp_path / "wrong.pem"
    trustme.CA().cert_pem.write_to_path(str(wrong))
    postbox = make_postbox(security="starttls")
    partner.send("product", GOOD)

    sender(partner, postbox, smtp_ca_file=str(wrong)).turn(now())
    assert (only().state, postbox.attempts) == ("waiting", 0)
    assert "CERTIFICATE_VERIFY_FAILED" in only().error

    assert sender(partner, postbox, smtp_ca_file=mail_ca_file).turn(later(seconds=11))
    assert (only().state, only().error, len(postbox.mails)) == ("sent", "", 1)


def test_a_server_without_starttls_gets_nothing_in_clear(partner: Partner, make_postbox: MakePostbox) -> None:
    """starttls is a demand, not a wish."""
    postbox = make_postbox(security="none")
    partner.send("product", GOOD)

    sender(partner, postbox, smtp_security="starttls").turn(now())

    assert (only().state, postbox.attempts) == ("waiting", 0)
    assert "STARTTLS" in only().error


def test_an_authority_file_that_is_not_there_is_named(partner: Partner, make_postbox: MakePostbox) -> None:
    """The admin reads which setting is wrong."""
    partner.send("product", GOOD)

    sender(partner, make_postbox(security="starttls"), smtp_ca_file="/nowhere/ca.pem").turn(now())

    assert "smtp_ca_file /nowhere/ca.pem can't be used" in only().error


def test_a_refused_login_is_tried_again(
    partner: Partner, make_postbox: MakePostbox, mail_ca_file: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong password is a matter of settings: the mail waits. Here the right one comes from a file."""
    caplog.set_level(logging.DEBUG)
    postbox = make_postbox(security="starttls", login=("house", "right-secret"))
    login = {"smtp_ca_file": mail_ca_file, "smtp_username": "house"}
    secret = tmp_path / "secret"
    secret.write_text("right-secret\n")
    partner.send("product", GOOD)

    sender(partner, postbox, **login, smtp_password="wrong-secret").turn(now())
    assert (only().state, postbox.attempts) == ("waiting", 0)
    assert "refused the login: 535" in only().error

    sender(partner, postbox, **login, smtp_password_file=str(secret)).turn(later(seconds=11))
    assert (only().state, len(postbox.mails)) == ("sent", 1)
    assert "secret" not in caplog.text


def test_a_server_that_wants_a_login_is_tried_again(
    partner: Partner, make_postbox: MakePostbox, mail_ca_file: str
) -> None:
    """530 says that the settings lack a login, not that the mail is bad."""
    postbox = make_postbox(security="starttls", login=("house", "right-secret"))
    partner.send("product", GOOD)

    sender(partner, postbox, smtp_ca_file=mail_ca_file).turn(now())

    assert only().state == "waiting"
    assert "530" in only().error


def test_4xx_then_250(partner: Partner, make_postbox: MakePostbox) -> None:
    """A server that is busy is asked again, not before the pause is over; one mail arrives."""
    postbox = make_postbox(data_answers=["451 too busy"])
    partner.send("product", GOOD)
    sending = sender(partner, postbox)

    assert sending.turn(now())
    assert (only().state, only().error) == ("waiting", f"127.0.0.1:{postbox.port}: 451 too busy")
    assert not sending.turn(later(seconds=5))
    assert sending.turn(later(seconds=11))

    assert (only().state, only().attempts, len(postbox.mails)) == ("sent", 2, 1)


def test_a_connection_lost_within_the_mail(partner: Partner, make_postbox: MakePostbox) -> None:
    """The mail is sent again, and one arrives."""
    postbox = make_postbox(data_answers=[LOST])
    partner.send("product", GOOD)
    sending = sender(partner, postbox)

    sending.turn(now())
    assert (only().state, postbox.attempts, len(postbox.mails)) == ("waiting", 1, 0)
    sending.turn(later(seconds=11))

    assert (only().state, len(postbox.mails)) == ("sent", 1)
    assert str(postbox.mails[0]["Message-ID"]).startswith(f"<{only().token}@")


def test_a_recipient_refused_for_good(partner: Partner, make_postbox: MakePostbox) -> None:
    """The mail has failed with the server's words, is not tried again, and is counted in the backlog."""
    postbox = make_postbox(address_answers={"ops@acme.example": ["550 5.1.1 no such user here"]})
    partner.send("product", GOOD)
    sending = sender(partner, postbox)

    sending.turn(now())

    assert (only().state, only().error) == ("failed", "ops@acme.example: 550 5.1.1 no such user here")
    assert not sending.turn(later(days=1))
    assert backlog() == {"waiting": 0, "failed": 1, "oldest_waiting_seconds": None}


def test_one_of_several_recipients_is_refused(partner: Partner, make_postbox: MakePostbox) -> None:
    """Each address gets the mail once: who took it is left out when the others are tried again."""
    addresses = ["a@acme.example", "b@acme.example", "c@acme.example"]
    type(partner.account).update(emails=addresses).execute()
    postbox = make_postbox(address_answers={addresses[0]: ["450 later"], addresses[1]: ["550 never"]})
    partner.send("product", GOOD)
    sending = sender(partner, postbox)

    sending.turn(now())
    assert only().state == "waiting"
    sending.turn(later(seconds=11))

    assert postbox.recipients == [["c@acme.example"], ["a@acme.example"]]
    assert [str(mail["To"]) for mail in postbox.mails] == [", ".join(addresses)] * 2
    assert (only().state, only().error) == ("failed", "b@acme.example: 550 never")


def test_the_log_tells_why_somebody_did_not_get_it(
    partner: Partner, make_postbox: MakePostbox, caplog: pytest.LogCaptureFixture
) -> None:
    """In one line, in so many characters, with the server's words; what has failed as a warning."""
    caplog.set_level(logging.INFO, "ftpdock.mail")
    answers = ["451 4.7.1 greylisted", "550-5.1.1 no such\r\n550 5.1.1 user here"]
    postbox = make_postbox(address_answers={"ops@acme.example": answers})
    for _ in range(2):
        partner.send("product", GOOD)
    first, second = [mail.number for mail in Mail.select().order_by(Mail.number)]
    sending = sender(partner, postbox)

    assert [sending.turn(now()), sending.turn(now()), sending.turn(later(seconds=11))] == [True] * 3

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", f"mail {first}: waiting: ops@acme.example: 451 4.7.1 greylisted"),
        ("WARNING", f"mail {second}: failed: ops@acme.example: 550 5.1.1 no such 5.1.1 user here"),
        ("INFO", f"mail {first}: sent"),
    ]

    caplog.clear()
    addresses = {f"{number}{'x' * 50}@acme.example": ["550 never"] for number in range(20)}
    type(partner.account).update(emails=list(addresses)).execute()
    postbox.address_answers = addresses
    partner.send("product", GOOD)
    assert sending.turn(now())
    (record,) = caplog.records
    assert len(record.getMessage()) < 600


def test_a_mail_refused_for_good(partner: Partner, make_postbox: MakePostbox) -> None:
    """5xx for the mail itself is final, too."""
    postbox = make_postbox(data_answers=["554 looks like spam"])
    partner.send("product", GOOD)

    sender(partner, postbox).turn(now())

    assert (only().state, only().error) == ("failed", "ops@acme.example: 554 looks like spam")


def test_a_password_file_that_is_not_utf8_is_named(
    partner: Partner, make_postbox: MakePostbox, mail_ca_file: str, tmp_path: Path
) -> None:
    """Without a byte of it."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"pass\xe9word\n")
    partner.send("product", GOOD)
    postbox = make_postbox(security="starttls", login=("house", "right-secret"))

    sender(partner, postbox, smtp_ca_file=mail_ca_file, smtp_username="house",
           smtp_password_file=str(secret)).turn(now())  # fmt: skip

    assert (only().state, only().error) == (
        "waiting", f"smtp_password_file {secret} is not UTF-8: write it in UTF-8")  # fmt: skip


def test_addresses_that_no_mail_can_be_made_for_keep_nobody_else_from_it(
    partner: Partner, make_postbox: MakePostbox
) -> None:
    """They were stored before they were refused; each is told like one that a server refused."""
    addresses = ["ops@acme.example", "m..x@acme.example", "mäx@acme.example", "max@bücher.example"]
    type(partner.account).update(emails=addresses).execute()
    postbox = make_postbox()
    partner.send("product", GOOD)

    sender(partner, postbox).turn(now())

    taken = ["ops@acme.example", "max@xn--bcher-kva.example"]
    assert (postbox.recipients, str(postbox.mails[0]["To"])) == ([taken], ", ".join(taken))
    assert (only().state, only().delivered, list(only().refused)) == ("failed", taken, addresses[1:3])
    assert "m..x@acme.example: can't stand in a mail" in only().error


def test_without_any_address_that_can_be_written_a_mail_has_failed(partner: Partner, make_postbox: MakePostbox) -> None:
    """At once, and no server is asked."""
    type(partner.account).update(emails=["info@acme..example"]).execute()
    postbox = make_postbox()
    partner.send("product", GOOD)

    sender(partner, postbox).turn(now())

    assert (only().state, list(only().refused), postbox.attempts) == ("failed", ["info@acme..example"], 0)


def test_a_server_that_never_answers(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer has a time within which it has to come."""
    monkeypatch.setattr(mail_smtp, "TIMEOUT", 0.2)
    partner.send("product", GOOD)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = replace(partner.settings, smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        MailSender(settings, partner.registry.folders).turn(now())

    assert only().state == "waiting"
    assert only().error == f"127.0.0.1:{port}: it gave no answer within 0.2 s"


@pytest.mark.parametrize("security", ["none", "tls"])
def test_a_server_that_takes_its_time_gets_the_mail_once(
    partner: Partner, make_postbox: MakePostbox, mail_ca_file: str, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    """It keeps the mail and answers late, as one that filters mail does: who hung up would send it again and again."""
    monkeypatch.setattr(mail_smtp, "TIMEOUT", 1.0)
    postbox = make_postbox(security=security, delay=1.5)
    partner.send("product", GOOD)
    sending = sender(partner, postbox, smtp_ca_file=mail_ca_file)

    sending.turn(now())
    sending.turn(later(seconds=11))

    assert (only().state, only().error, len(postbox.mails)) == ("sent", "", 1)


def test_a_server_that_hangs_up_once_it_has_the_mail(partner: Partner, make_postbox: MakePostbox) -> None:
    """It has taken it all the same: told that it was not sent, we would send it again and again."""
    postbox = make_postbox(hangs_up=True)
    partner.send("product", GOOD)
    sending = sender(partner, postbox)

    assert [sending.turn(now()), sending.turn(later(seconds=11))] == [True, False]

    assert (only().state, only().error, only().attempts, len(postbox.mails)) == ("sent", "", 1, 1)


def test_a_server_that_takes_no_connection_is_quoted(partner: Partner) -> None:
    """As it greets us, so the admin reads it; the mail waits."""
    partner.send("product", GOOD)
    with socket.create_server(("127.0.0.1", 0)) as busy:

        def greet() -> None:
            connection, _ = busy.accept()
            with connection:
                connection.sendall(b"421 too many connections\r\n")
                connection.recv(1_000)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        port = busy.getsockname()[1]
        settings = replace(partner.settings, smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        MailSender(settings, partner.registry.folders).turn(now())
        thread.join(20)

    assert (only().state, only().error) == ("waiting", f"127.0.0.1:{port}: 421 too many connections")


def test_a_password_that_smtp_can_not_send(
    partner: Partner, make_postbox: MakePostbox, mail_ca_file: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The admin reads which settings to look at, and nothing of the password."""
    postbox = make_postbox(security="starttls", login=("house", "right-secret"))
    partner.send("product", GOOD)

    sender(partner, postbox, smtp_ca_file=mail_ca_file, smtp_username="house", smtp_password="gehüim").turn(now())

    assert (only().state, only().error) == (
        "waiting", "smtp_username or the password has characters that SMTP can't send")  # fmt: skip
    assert ("geh" in caplog.text, postbox.attempts) == (False, 0)


def test_the_password_is_not_shown(partner: Partner) -> None:
    """Settings end up in messages and logs; the password must not."""
    settings = replace(partner.settings, smtp_password="right-secret")

    assert "right-secret" not in repr(settings)
    assert "right-secret" not in str(settings)


def test_a_server_that_hangs_up_among_the_recipients(partner: Partner, make_postbox: MakePostbox) -> None:
    """421 ends the mail before anybody had it: those who were welcome before, and those not asked, get it later."""
    addresses = ["a@acme.example", "b@acme.example", "c@acme.example"]
    type(partner.account).update(emails=addresses).execute()
    postbox = make_postbox(address_answers={addresses[1]: ["421 too busy"]})
    partner.send("product", GOOD)
    sending = sender(partner, postbox)

    sending.turn(now())
    assert (only().state, postbox.mails) == ("waiting", [])
    sending.turn(later(seconds=11))

    assert postbox.recipients == [addresses]
    assert only().state == "sent"
