"""The frozen events that cross boundaries. Each says that something is already true and stored."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LoginSucceeded:
    """A login was let in."""

    account: str
    """The account's name."""
    login: str
    remote_ip: str


@dataclass(frozen=True, slots=True)
class UploadReceived:
    """A whole file lies on disk under `path`. For the hook `on_file_received` it is not yet recorded: `number` is 0."""

    account: str
    login: str
    remote_ip: str
    entity: str
    name: str
    """File name as the partner sent it, without a folder."""
    path: Path
    """Where the bytes lie now. Read only."""
    size: int
    """Bytes."""
    number: int = 0
    """The import's number, once it is recorded."""


@dataclass(frozen=True, slots=True)
class UploadIncomplete:
    """A transfer ended before the file was whole; nothing will be imported."""

    account: str
    login: str
    remote_ip: str
    virtual_path: str
    """The path that the partner named, such as /Products/PRODUCT_18_09_2024.csv."""
    received: int
    """Bytes that arrived and are kept for REST or APPE."""
    reason: str


@dataclass(frozen=True, slots=True)
class FileSent:
    """A client fetched a whole file. One of the export folder was closed in order (docs/ftp.md) and counts as fetched;
    of others all bytes were sent.
    """

    account: str
    login: str
    remote_ip: str
    virtual_path: str
    size: int


@dataclass(frozen=True, slots=True)
class ImportStarted:
    """A worker took an import up, for the first time or again after a kill."""

    number: int
    account: str
    entity: str
    file: str
    path: Path
    dry_run: bool


@dataclass(frozen=True, slots=True)
class ImportFinished:
    """An import is closed: its files lie where the partner finds them."""

    number: int
    account: str
    entity: str
    file: str
    dry_run: bool
    status: str
    """completed | completed_with_errors | failed"""
    code: str | None
    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    warnings: int
    finished_at: dt.datetime
    report: Path | None
    """report.csv, with its header alone if there was nothing to report; None: it is gone."""


@dataclass(frozen=True, slots=True)
class ExportReady:
    """An export lies in the partner's folder, whole."""

    account: str
    kind: str
    """order | customer | full"""
    entity: str
    system_id: str | None
    """Of the order or customer; None for a full export."""
    revision: int
    """1 for the first, then one more for each change that was exported."""
    path: Path
    """The folder (order, customer) or file (full) in the export tree. Read only."""
