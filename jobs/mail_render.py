"""From a row of the queue to the mail itself: recipients, subject, text, HTML, and report.csv."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import jinja2

from jobs.mail import runs_of
from jobs.mail_text import envelope, number, one_line, plural, unfolded
from jobs.mail_told import Told, tell
from mail_addresses import for_network, read_one
from models import Mail
from settings import Settings

LARGEST_ATTACHMENT = 1_048_576
"""Bytes of all reports of one mail together; what does not fit is named."""

Folders = Mapping[str, str]
"""Entity to the name of its folder."""

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=jinja2.select_autoescape(),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(number=number, one_line=one_line)

_FAILED = ("Import {number} of {account} failed", "ftpdock failed to import {file}: {error}")
_ALERTS = {
    "import": (*_FAILED, "logs/ in the home says why. `ftpdock imports retry {number}` imports the file again."),
    "import_gone": (*_FAILED, "logs/ in the home says why. The file itself is gone: whoever sent it has to send it "
                              "once more."),
    "import_keyless": (*_FAILED, "logs/ in the home says why. Of what is in, some has no key, and is made a second "
                                 "time if the whole file is imported again, as by `ftpdock imports retry {number}`: "
                                 "docs/imports.md says under 'What is given up halfway' what to do instead."),
    "closing": ("Import {number} of {account} is decided, but its files can't be put in place",
                "What becomes of the rows of {file} is decided, but its files can't be put in place: {error}",
                "It is tried each minute; logs/ in the home says why."),
    "resting": ("Import {number} of {account} can't go on",
                "For more than a minute ftpdock could not go on with {file}: {error}",
                "It is tried each minute, and so are others that meet the same; this mail comes once a day. logs/ in "
                "the home says why, `ftpdock imports list --status waiting` what waits."),
    "standstill": ("No import could go on for {lasted}",
                   "For {lasted} the database or the disk did not let any import go on: {error}",
                   "They go on now; this mail comes once a day. logs/ in the home says more, `ftpdock doctor` what is "
                   "still amiss, `ftpdock imports list --status waiting` what waits."),
    "disk": ("The disk is nearly full: {free} free",
             "Of the disk with {home}, {free} are free. Below {least} uploads are refused with 452.",
             "Make room, or lower the setting min_free_bytes."),
    "disk_other": ("A disk is nearly full: {free} free",
                   "Of the disk with {path}, {free} are free. Without any, uploads are refused, and imports or exports "
                   "stand still.",
                   "Make room there; `ftpdock doctor` looks at it."),
    "certificate": ("The certificate ends in {days}",
                    "{file} ends at {end}. From then on partners can't connect.",
                    "Renew it: `ftpdock cert make` or `cert install`, or where the settings name another file."),
    "certificate_unused": ("The server can't use its certificate",
                           "{file} or its key can't be used: {words}. The server goes on with the one that it has "
                           "until that ends, or until it is started anew.",
                           "What to do: {remedy}."),
    "certificate_refused": ("Clients refuse the certificate",
                            "Partners whose programs look at it can't connect. Of {file}:",
                            "{words}"),
    "exports": ("Exports that nobody collects: {count}",
                "So many exports lie in their partners' folders for more than {hours} h, not collected:",
                "`ftpdock exports list --not-collected {hours}h` lists them."),
    "full": ("The export of {entity} of {account} failed",
             "ftpdock could not write {path}: {error}",
             "Once it is mended: `ftpdock export {entity} --account {account}`."),
    "target": ("Exports could not be delivered to {url}",
               "For three days nothing could be delivered for {account} to target {target}: {words}",
               "What waited that long has failed. Once it is mended: `ftpdock target retry {target}`."),
    "target_refused": ("{url} refused an export",
                       "Target {target} of {account} did not take {file}, tried several times: {words}",
                       "The next ones go on. Once it is mended: `ftpdock target retry {target}`."),
}  # fmt: skip
"""Kind of alert to its title and its lines; what the data has as `listed` stands before the last one."""


def recipients(settings: Settings, mail: Mail) -> list[str]:
    """Who is to be told, as the account and the settings say now."""
    if mail.account_id is None:
        return [read_one(settings.admin_email)[1]] if settings.admin_email else []
    return list(dict.fromkeys(map(for_network, mail.account.emails)))


def render(settings: Settings, mail: Mail, folders: Folders) -> EmailMessage:
    """The whole mail. The same row gives the same mail, whenever it is rendered."""
    return unfolded(_alert(settings, mail) if mail.account_id is None else _about_imports(settings, mail, folders))


def _about_imports(settings: Settings, mail: Mail, folders: Folders) -> EmailMessage:
    account = mail.account
    told = [tell(settings, account, folders.get(run.entity, run.entity), run) for run in runs_of(mail)]
    attached = _fitting(told)
    message = envelope(settings, recipients(settings, mail), _subject(told), mail.token, mail.created_at)
    _fill(message, "import", imports=told, attached={each.run.number for each, _ in attached},
          account=one_line(account.company or account.name), login=account.name)  # fmt: skip
    for each, content in attached:
        message.add_attachment(content, maintype="text", subtype="csv", filename=each.report_name,
                               params={"charset": "utf-8"})  # fmt: skip
    return message


def trial(settings: Settings, address: str, token: str, date: dt.datetime) -> EmailMessage:
    """The mail of `ftpdock mail test`."""
    message = envelope(settings, [address], "[ftpdock] Test mail", token, date)
    _fill(message, "test", home=one_line(settings.home))
    return message


def about(mail: Mail) -> str:
    """What a mail tells of, in a listing: a file's name, or an alert's title."""
    return one_line(mail.run.file) if mail.run_id is not None else alert_lines(mail.data)[0]


def _alert(settings: Settings, mail: Mail) -> EmailMessage:
    title, *lines = alert_lines(mail.data)
    message = envelope(settings, recipients(settings, mail), f"[ftpdock] {title}", mail.token, mail.created_at)
    _fill(message, "alert", title=title, lines=lines, host=socket.gethostname())
    return message


def alert_lines(found: Mapping[str, Any]) -> list[str]:
    """The title of an alert with these data, and its lines."""
    data = {key: one_line(value, 500) for key, value in found.items()}
    *lines, advice = [each.format(**data) for each in _ALERTS[data["what"]]]
    return [*lines, *(one_line(each, 500) for each in found.get("listed", ())), advice]


def _fill(message: EmailMessage, template: str, **context: Any) -> None:
    message.set_content(_TEMPLATES.get_template(f"{template}.txt").render(**context))
    message.add_alternative(_TEMPLATES.get_template(f"{template}.html").render(**context), subtype="html")


def _subject(told: Sequence[Told]) -> str:
    if len(told) == 1:
        return f"[ftpdock] {one_line(told[0].file, 100)}: {told[0].outcome}"
    failed = sum(bool(each.run.code) for each in told)
    imported, rejected = sum(each.imported for each in told), sum(each.run.rejected for each in told)
    ending = f", {plural(failed, 'file')} failed" if failed else ""
    return f"[ftpdock] {plural(len(told), 'file')}: {number(imported)} imported, {number(rejected)} rejected{ending}"


def _fitting(told: Sequence[Told]) -> list[tuple[Told, bytes]]:
    """The reports that fit into the mail, first come, first served."""
    left, fitting = LARGEST_ATTACHMENT, []
    for each in told:
        if each.report is not None and each.report.stat().st_size <= left:
            content = each.report.read_bytes()
            left -= len(content)
            fitting.append((each, content))
    return fitting
