"""What stands in a mail, and what can't get into it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from jobs import mail_render
from jobs.mail_render import render
from jobs.mail_text import one_line
from models import Account, ImportRun, Mail
from settings import Settings
from tests.partner import Partner

BAD = "SKU_ID,Name,MOQ\n" + "".join(f"{number},Cup,six\n" for number in range(12))


@pytest.fixture
def partner(make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]) -> Partner:
    return make_partner(make_settings(), emails=["ops@acme.example"], company="Acme & Söhne")


def sent(partner: Partner, entity: str = "product", text: str = BAD, **run: Any) -> EmailMessage:
    """Import a file; the mail about it, as a mail program reads it."""
    partner.send(entity, text, **run)
    return read(partner)


def read(partner: Partner) -> EmailMessage:
    """The newest mail, by way of its bytes."""
    mail = Mail.select().order_by(Mail.number.desc()).get()
    raw = render(partner.settings, mail, partner.registry.folders).as_bytes()
    assert raw.isascii()
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


def attachments(message: EmailMessage) -> dict[str | None, bytes]:
    return {part.get_filename(): part.get_content().encode() for part in message.iter_attachments()}


def test_subject_counts_with_thousands(partner: Partner) -> None:
    """Imported is what is in: created, updated and unchanged."""
    partner.send("product", "SKU_ID,Name\n1,Cup\n")
    ImportRun.update(created=1000, updated=900, unchanged=98, rejected=2).execute()

    assert str(read(partner)["Subject"]) == "[ftpdock] PRODUCT_18_09_2024.csv: 1,998 imported, 2 rejected"


def test_subject_of_a_failed_file_has_its_code(partner: Partner) -> None:
    """The partner reads in the list of mails that nothing is in, and why."""
    message = sent(partner, text="PK\x03\x04")

    assert str(message["Subject"]) == "[ftpdock] PRODUCT_18_09_2024.csv: failed (NOT_TEXT), nothing imported"
    assert "NOT_TEXT" in body(message)
    assert "Correct your file and upload the whole of it into /Products, as PRODUCT_DD_MM_YYYY.csv" in body(message)
    assert "/Products/failed/PRODUCT_18_09_2024.000001.csv" in body(message)


def test_text_and_html_say_the_same(partner: Partner) -> None:
    """Counts, the first ten messages of twelve, what to do next, where everything lies."""
    message = sent(partner, text=BAD + "A,Saucer,6\n")

    for kind in ("plain", "html"):
        said = body(message, kind)
        assert "PRODUCT_18_09_2024.csv: 1 imported, 12 rejected" in said
        assert said.count("INVALID_VALUE") == 10
        assert "and more, in /Products/reports/PRODUCT_18_09_2024.000001.report.csv" in said
        assert "The rejected rows lie in /Products/reports/PRODUCT_18_09_2024.000001.rejected.csv" in said
        assert "upload that file into /Products, as PRODUCT_DD_MM_YYYY.csv" in said
        assert "/Products/reports/PRODUCT_18_09_2024.000001.ids.csv" in said
        assert "The whole report is attached." in said
    assert "Acme & Söhne" in body(message)
    assert "Acme &amp; Söhne" in body(message, "html")


def test_nothing_rejected_needs_nothing(partner: Partner) -> None:
    """Good news is told too, without a table of messages."""
    message = sent(partner, text="SKU_ID,Name\n1,Cup\n")

    assert "Nothing: every row is in." in body(message)
    assert "messages" not in body(message)


def test_warnings_are_not_nothing(partner: Partner) -> None:
    """Every row is in, but it may not be what was meant; also beside rejected rows."""
    partner.send("product", "SKU_ID,Name\n007,Cup\n")

    warned = sent(partner, text="SKU_ID,Name\n7,Cup\n")
    both = sent(partner, text="SKU_ID,Name\n7.0E+2,Cup\n8,\n")

    for kind in ("plain", "html"):
        assert "Every row is in. Read the warnings above; if one is right, correct the file" in body(warned, kind)
        assert "Nothing: every row is in." not in body(warned, kind)
        assert "Read the warnings of the report, too" in body(both, kind)


def test_a_file_that_was_refused(partner: Partner) -> None:
    """Nobody but whoever refused it knows what to correct, if anything."""
    partner.send("product", "PK\x03\x04")
    ImportRun.update(code="REFUSED", error="not before nine o'clock").execute()

    said = body(read(partner)).replace("\n", " ")

    assert "Whoever runs the server does not take this file; the reason above is theirs." in said
    assert "Correct your file" not in said
    assert "/Products/failed/PRODUCT_18_09_2024.000001.csv" in said


def test_ids_that_are_not_there_are_not_promised(partner: Partner) -> None:
    """A file of an import that was given up may have been lost before."""
    event = partner.send("product", "SKU_ID,Name\n1,Cup\n")
    assert ".ids.csv" in body(read(partner))
    partner.file(event, ".ids.csv").unlink()

    assert ".ids.csv" not in body(read(partner))


def test_times_are_the_accounts(partner: Partner) -> None:
    """A partner in Berlin reads Berlin's time."""
    Account.update(time_zone="Europe/Berlin").execute()

    assert "(Europe/Berlin)" in body(sent(partner))


def test_report_is_attached(partner: Partner) -> None:
    """report.csv as it lies in reports/, under the same name."""
    event = partner.send("product", BAD)
    assert event.report is not None

    assert attachments(read(partner)) == {"PRODUCT_18_09_2024.000001.report.csv": event.report.read_bytes()}


def test_a_report_that_is_too_large_is_named(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 1 MB the mail says where it lies."""
    event = partner.send("product", BAD)
    assert event.report is not None
    with event.report.open("a") as file:
        file.write("99,MOQ,six,INVALID_VALUE,x\r\n" * 40_000)

    message = read(partner)

    assert mail_render.LARGEST_ATTACHMENT == 1_048_576 < event.report.stat().st_size
    assert attachments(message) == {}
    assert "did not fit into this mail. It lies in /Products/reports/PRODUCT_18_09_2024.000001.rep" in body(message)


def test_a_report_that_is_gone_is_no_obstacle(partner: Partner) -> None:
    """A partner may not delete reports, but an admin may."""
    event = partner.send("product", BAD)
    assert event.report is not None
    event.report.unlink()

    assert attachments(read(partner)) == {}


@pytest.mark.parametrize("before", ["", "\x01", "\u202e\u200e "])
def test_formulas_are_neutralised(partner: Partner, before: str) -> None:
    """A table that is pasted into a spreadsheet runs nothing, nor does what a mail leaves out make a formula."""
    formula = "=HYPERLINK(1)"
    message = sent(partner, text=f"SKU_ID,Name,MOQ\n1,Cup,{before}{formula}\n")

    assert f"  '{formula}  INVALID_VALUE" in body(message)
    assert f'<td style="padding:4px 8px;border-bottom:1px solid #eee">&#39;{formula}</td>' in body(message, "html")


def test_formulas_in_the_attachment_are_neutralised(partner: Partner) -> None:
    """It is made for a spreadsheet."""
    (report,) = attachments(sent(partner, text="SKU_ID,Name,MOQ\n1,Cup,=HYPERLINK(1)\n")).values()

    assert next(csv.DictReader(io.StringIO(report.decode())))["Value"] == "'=HYPERLINK(1)"


def test_a_quote_before_a_value_is_not_doubled(partner: Partner) -> None:
    """A message that begins with a value reads the same in the mail and its attachment; the guard is for formulas."""
    message = sent(partner, text="SKU_ID,Name,MOQ\n1,Cup,-1\n2,Cup,+5\n")
    (report,) = attachments(message).values()

    for text in (body(message), report.decode()):
        assert re.findall("['+-]+[0-9]' is [a-z ]+", text) == ["'-1' is too small", "'+5' is not a number"]


def test_html_from_a_file_stays_text(partner: Partner) -> None:
    """A cell can bring no markup into the mail."""
    said = body(sent(partner, text="SKU_ID,Name,MOQ\n1,Cup,<script>alert(1)</script>\n"), "html")

    assert "<script>" not in said
    assert "&lt;script&gt;" in said


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
def test_names_bring_no_headers(partner: Partner, end: str) -> None:
    """Neither a file's name nor a company's ends a header or begins one, whatever stands in them."""
    evil = f"X{end}Bcc: victim@example.com{end}{end}<b>hello"
    partner.send("product", BAD)
    ImportRun.update(file=f"{evil}.csv").execute()
    Account.update(company=evil, name="acme").execute()

    message = read(partner)

    assert set(message.keys()) == {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version",
                                   "Content-Type"}  # fmt: skip
    assert str(message["To"]) == "ops@acme.example"
    assert str(message["Subject"]).startswith("[ftpdock] X Bcc: victim@example.com <b>hello.csv: ")
    assert "&lt;b&gt;hello" in body(message, "html")


def test_a_sender_brings_no_headers(partner: Partner) -> None:
    """The name in mail_from is one line, too."""
    partner.send("product", BAD)
    settings = replace(partner.settings, mail_from="House\x85X: y <house@example.com>")

    message = render(settings, Mail.get(), partner.registry.folders)

    assert "X" not in message
    assert message.as_bytes().startswith(b"From: ")


def test_an_address_that_is_two_is_left_out(partner: Partner) -> None:
    """What could end the header is no address; the others get their mail."""
    partner.send("product", BAD)
    Account.update(emails=["a@b.example\r\nBcc: victim@example.com", "ops@acme.example"]).execute()

    message = render(partner.settings, Mail.get(), partner.registry.folders)

    assert (str(message["To"]), message["Bcc"]) == ("ops@acme.example", None)
    assert b"victim" not in message.as_bytes()


@pytest.mark.parametrize("name", ["Größe_日本語_\U0001f600.csv", "P" * 200 + ".csv", "é" * 100 + ".csv", 'a"b;c=d.csv'])
def test_unusual_names_arrive(partner: Partner, name: str) -> None:
    """Letters of any script and long names: the subject is readable and names the file, cut in the middle at most."""
    partner.send("product", BAD)
    report = partner.file(partner.send("product", BAD), ".report.csv")
    ImportRun.update(file=name).execute()
    report.rename(report.with_name(f"{name[:-4]}.000002.report.csv"))

    message = read(partner)

    assert str(message["Subject"]) == f"[ftpdock] {one_line(name, 100)}: 0 imported, 12 rejected"
    assert all(len(line) <= 998 for line in message.as_bytes().splitlines())
    assert set(attachments(message)) == {f"{name[:-4]}.000002.report.csv"}


def test_a_repeated_sending_is_recognisable(partner: Partner) -> None:
    """Message-ID and Date are the row's, not the attempt's; another mail has others."""
    settings = replace(partner.settings, mail_from="house@example.com")
    first, again = (sent(replace(partner, settings=settings)) if turn == 0 else read(partner) for turn in range(2))
    other = sent(partner)

    assert first["Date"] == again["Date"]
    assert str(first["Message-ID"]).partition("@")[0] == str(again["Message-ID"]).partition("@")[0]
    assert str(first["Message-ID"]).endswith("@example.com>")
    assert first["Message-ID"] != other["Message-ID"]


def test_all_addresses_stand_in_one_mail(partner: Partner) -> None:
    """Who is told sees who else is; an address that stands twice is told once."""
    Account.update(emails=["a@acme.example", "b@acme.example", "a@acme.example"]).execute()

    assert str(sent(partner)["To"]) == "a@acme.example, b@acme.example"


def test_our_own_failure_is_not_blamed_on_the_file(partner: Partner) -> None:
    """INTERNAL asks nothing of the partner."""
    partner.send("product", "PK\x03\x04")
    ImportRun.update(code="INTERNAL", error="ftpdock failed").execute()

    assert "This is our fault, not your file's." in body(read(partner))


@pytest.mark.parametrize(("created", "told"), [(1, "1 row is in"), (4990, "4,990 rows are in")])
def test_a_file_that_was_given_up_halfway(partner: Partner, created: int, told: str) -> None:
    """What is in stands in the subject, the counts stand below the reason, and the IDs are there."""
    partner.send("product", "SKU_ID,Name\n1,Cup\n")
    ImportRun.update(code="INTERNAL", error="ftpdock failed", rows=5000, created=created).execute()

    message = read(partner)

    assert str(message["Subject"]) == f"[ftpdock] PRODUCT_18_09_2024.csv: failed (INTERNAL), {told}"
    for kind in ("plain", "html"):
        said = body(message, kind)
        assert f"failed (INTERNAL), {told}" in said
        assert said.index("ftpdock failed") < said.index("5,000")
        assert "/Products/reports/PRODUCT_18_09_2024.000001.ids.csv" in said


def test_the_counts_of_a_file_that_failed_are_left_out(partner: Partner) -> None:
    """If nothing is in, there is only the reason to tell."""
    message = sent(partner, text="PK\x03\x04")

    for kind in ("plain", "html"):
        assert "Unchanged" not in body(message, kind)
