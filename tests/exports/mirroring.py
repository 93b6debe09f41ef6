"""A mirror that runs, and exports that are put into its tree the way the dispatcher puts them."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import layout
from events import ExportReady
from exports.delivery import Delivery, Tools
from exports.files import digest
from exports.mirror import Mirror
from exports.parts import PartThread
from exports.place import Place
from exports.swap import replace_folder
from exports.todo import Todo
from exports.tree import digest_of_file, version
from hooks import Hooks
from hookspecs import hookimpl
from models import Account, Export, ExportFile, now
from models.ledger import By, mark_collected, mark_removed
from settings import Settings


def wait_for(check: Callable[[], Any], patience: float = 60) -> Any:
    """Ask until `check` gives something true."""
    deadline = time.monotonic() + patience
    while not (found := check()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


class Listener:
    """A plugin that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[ExportReady] = []

    @hookimpl
    def on_export(self, event: ExportReady) -> None:
        self.told.append(event)


class Shop:
    """An account with its export tree, its partner's folder, and a mirror that can be started and stopped."""

    def __init__(self, settings: Settings, name: str = "acme") -> None:
        self.settings, self.name = settings, name
        self.account = Account.create(name=name)
        layout.make_account_folders(settings, name, ())
        self.source = layout.export_source(settings, name)
        self.target = layout.export_root(settings, name)
        self.listener = Listener()
        self.then: list[int] = []

    @contextlib.contextmanager
    def mirroring(self) -> Iterator[Mirror]:
        """A mirror that runs until the block ends."""
        mirror = Mirror(self.settings, Hooks(plugins=[self.listener]), self.then.append)
        thread = PartThread(mirror)
        thread.start()
        try:
            yield mirror
        finally:
            thread.tell_to_stop()
            thread.join(30)
            assert threading.active_count() < 20

    def delivery(self, todo: Todo | None = None) -> Delivery:
        """What a mirror has for this account, to be told of paths by hand."""
        place = Place(self.settings)
        place.clear()
        tools = Tools(self.settings, Hooks(plugins=[self.listener]), place, todo or Todo(), self.then.append)
        return Delivery(tools, self.name, self.account.id, *[lambda path: None] * 3)

    def put(self, content: str, system_id: str = "", kind: str = "order", *, recorded: bool = True) -> str:
        """Export an order (or a customer); returns its path below the export root. Not recorded: killed before that."""
        system_id = system_id or str(uuid.uuid4())
        path = f"{kind.title()}s/{kind}_{system_id}"
        names = ("order_data", "order_items") if kind == "order" else ("customer_data",)
        files = {f"{name}_{system_id}.csv": f"{name},{content}\n".encode() for name in names}
        if recorded:
            self._record(path, kind, system_id, digest(files))
        self._write(path, files)
        return path

    def _write(self, path: str, files: dict[str, bytes]) -> None:
        staged = self.settings.exports / ".staging" / "test" / uuid.uuid4().hex
        staged.mkdir(parents=True)
        for name, data in files.items():
            (staged / name).write_bytes(data)
        for other in (self.source / path).glob("*.pdf"):
            (staged / other.name).hardlink_to(other)
        (self.source / path).parent.mkdir(parents=True, exist_ok=True)
        aside = staged.with_suffix(".old")
        if replace_folder(staged, self.source / path, aside):
            shutil.rmtree(aside)

    def _record(self, path: str, kind: str, system_id: str, made: str) -> None:
        row, new = Export.get_or_create(account=self.account, path=path,
                                        defaults={"kind": kind, "entity": kind, "system_id": system_id})  # fmt: skip
        row.revision += 0 if new else 1
        row.state, row.digest, row.created_at = "waiting", made, now()
        row.save()

    def record_full(self, path: str, content: str) -> Path:
        """What the writer of a full export does first; returns the new file, which is not in its place yet."""
        aside = self.settings.home / "aside"
        aside.write_text(content)
        row, _ = Export.get_or_create(account=self.account, path=path, defaults={"kind": "full", "entity": "product"})
        row.revision, row.state, row.digest, row.ready_at = row.revision + 1, "waiting", digest_of_file(aside), None
        row.save()
        (self.source / path).parent.mkdir(parents=True, exist_ok=True)
        return aside

    def put_full(self, path: str, content: str) -> None:
        """A full export, the way its writer puts it there."""
        self.record_full(path, content).rename(self.source / path)

    def seen(self, path: str) -> dict[str, str]:
        """Name to content of what the partner sees in a folder."""
        folder = self.target / path
        found = {}
        for each in sorted(folder.iterdir()) if folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):  # It goes just now.
                found[each.name] = each.read_text()
        return found

    def contents(self, path: str) -> set[str]:
        """What stands in the files of a folder behind their kind."""
        return {text.partition(",")[2].strip() for text in self.seen(path).values()}

    def state(self, path: str) -> str:
        """The state of the export at `path`; empty if there is none."""
        row = Export.get_or_none((Export.account == self.account) & (Export.path == path))
        return row.state if row else ""

    def ready(self, path: str, content: str) -> None:
        """Wait until an export is ready, with this content."""
        wait_for(lambda: self.state(path) == "ready" and self.contents(path) == {content})

    def shows(self, path: str, content: str) -> None:
        """Wait until the partner sees this content in the folder."""
        wait_for(lambda: self.contents(path) == {content})

    def file(self, path: str) -> ExportFile:
        """The ledger's row of a file; fails if there is none."""
        row: ExportFile = ExportFile.get((ExportFile.account == self.account) & (ExportFile.path == path))
        return row

    def drop(self, path: str, content: str | bytes) -> Path:
        """Another program writes a file into the export tree, in place."""
        file = self.source / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def collect(self, path: str, login: str = "acme") -> bool:
        """The partner fetches a file, as the front door books it."""
        found = (self.target / path).stat()
        return mark_collected(self.account.id, path, version(found), By(login, "192.0.2.1"))

    def delete(self, path: str) -> None:
        """The partner deletes a file, as the front door does it."""
        mark_removed(self.account.id, path, By("acme"), version((self.target / path).stat()))
        (self.target / path).unlink(missing_ok=True)  # The mirror may have completed it.
