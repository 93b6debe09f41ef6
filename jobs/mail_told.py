"""One import as the templates of mail show it: texts on one line, paths as the partner's login sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import layout
from handlers.close import kept_file, kept_report, report_path
from imports.report_cells import harmless, neutralise
from imports.reports import IDS, REJECTED, REPORT, made_without_key, read_report
from jobs.mail_text import aligned, local, number, one_line, plural
from models import Account, ImportRun
from settings import Settings

SHOWN = 10
"""Messages of a report that stand in the mail."""


@dataclass(frozen=True)
class Told:
    """What the templates need; `report` is the path of report.csv on our side, None if it is gone."""

    run: ImportRun
    file: str
    received: str
    finished: str
    folder: str
    messages: list[dict[str, Any]]
    more: bool
    """Whether the report has more lines than `messages`."""
    report: Path | None
    kept: bool
    """Whether the file, if it failed, lies in failed/."""
    ids: bool
    """Whether ids.csv lies in reports/."""
    keyless: bool
    """Whether of a file that failed something is in that the same file would make again."""

    @property
    def imported(self) -> int:
        return self.run.imported

    @property
    def counted(self) -> bool:
        """Whether the counts tell anything: of a failed file only if something of it is in."""
        return not self.run.code or self.imported > 0

    @property
    def outcome(self) -> str:
        """The part of the subject behind the file's name."""
        if not self.run.code:
            return f"{number(self.imported)} imported, {number(self.run.rejected)} rejected"
        rows = f"{plural(self.imported, 'row')} {'is' if self.imported == 1 else 'are'} in"
        return f"failed ({self.run.code}), {rows if self.imported else 'nothing imported'}"

    @property
    def report_name(self) -> str:
        return layout.numbered(self.file, self.run.number, f".{REPORT}")

    @property
    def report_file(self) -> str:
        return self._path(layout.REPORTS, f".{REPORT}")

    @property
    def table(self) -> list[str]:
        """The messages for plain text, below a header; what each says stands on a line of its own."""
        rows = [(str(each["line"]), each["column"], one_line(each["value"], 40), each["code"])
                for each in self.messages]  # fmt: skip
        return aligned([("Line", "Column", "Value", "Code"), *rows])

    @property
    def next_steps(self) -> list[str]:
        """What the partner does now, a sentence or two each."""
        return [*self._steps(), *self._where_ids_are()]

    def _steps(self) -> list[str]:
        name, folder = f"{self.run.entity.upper()}_DD_MM_YYYY.csv", f"/{self.folder}"
        kept = [f"Your file as it came lies in {self._path(layout.FAILED)}"] if self.kept else []
        if self.run.code in ("INTERNAL", "KILLED_WORKER") and not self.kept:
            return [f"This is our fault, not your file's. The file itself is gone: upload it into {folder} once more.",
                    *self._not_twice()]  # fmt: skip
        if self.run.code in ("INTERNAL", "KILLED_WORKER"):
            return ["This is our fault, not your file's. Whoever runs the server can import it again; you need not "
                    "upload it once more.", *kept]  # fmt: skip
        if self.run.code == "REFUSED":
            return ["Whoever runs the server does not take this file; the reason above is theirs. Ask them if it does "
                    "not say what to change.", *kept]  # fmt: skip
        if self.run.code:
            whole = f"Correct your file and upload the whole of it into {folder}, as {name}."
            return [whole, *self._not_twice(), *kept]
        if self.run.rejected:
            rejected = self._path(layout.REPORTS, f".{REJECTED}")
            return [f"The rejected rows lie in {rejected}, in your own columns, each with its reason.",
                    f"Correct them there and upload that file into {folder}, as {name}. The columns _line, _code and "
                    "_message may stay.", *self._warned()]  # fmt: skip
        if self.run.warnings:
            return ["Every row is in. Read the warnings above; if one is right, correct the file and upload it again."]
        return ["Nothing: every row is in."]

    def _not_twice(self) -> list[str]:
        """What is to be left out of a file that is sent again."""
        if not self.keyless:
            return []
        return ["Of what is in, some has no key and would be made a second time: leave its rows out of the file."]

    def _warned(self) -> list[str]:
        """Of rows that are in beside rejected ones."""
        if not self.run.warnings:
            return []
        return ["Read the warnings of the report, too: a row with nothing but a warning is in. If one is right, "
                "correct your own file and upload that again."]  # fmt: skip

    def _where_ids_are(self) -> list[str]:
        if not self.ids:
            return []
        return [f"The System IDs of your records lie in {self._path(layout.REPORTS, f'.{IDS}')}"]

    def _path(self, inner: str, ending: str = ".csv") -> str:
        """/Products/reports/PRODUCT_18_09_2024.000042.report.csv"""
        return f"/{self.folder}/{inner}/{layout.numbered(self.file, self.run.number, ending)}"


def tell(settings: Settings, account: Account, folder: str, run: ImportRun) -> Told:
    """Gather what is told of a finished import; `folder` is the name of its entity's folder."""
    path = report_path(settings, account.name, folder, run)
    report = path if path.exists() else None
    lines = read_report(report, SHOWN + 1) if report else []
    ids = kept_report(settings, account.name, folder, run, IDS)
    return Told(
        run=run,
        file=one_line(run.file, 255),
        received=local(run.received_at, account.time_zone),
        finished=local(run.finished_at, account.time_zone),
        folder=folder,
        messages=[_shown(each) for each in lines[:SHOWN]],
        more=len(lines) > SHOWN,
        report=report,
        kept=kept_file(settings, account.name, folder, run).exists(),
        ids=ids.exists(),
        keyless=bool(run.code) and ids.exists() and made_without_key(ids),
    )


def _shown(message: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the report, with nothing in it that a spreadsheet would run when it is pasted there."""
    texts = {key: neutralise(one_line(message[key], 520)) for key in ("column", "value", "code")}
    return {"line": message["line"], **texts, "message": harmless(one_line(message["message"], 520))}
