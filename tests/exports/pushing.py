"""An account whose exports are pushed, and the pusher that does it: what the tests of targets share."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import layout
from exports.parts import PartThread
from exports.push import Pusher
from exports.push import targets as push_targets
from exports.push.remote import Access
from exports.push.source import Source
from exports.push.url import read_url
from models import Account, Delivery, Export, Target, now
from settings import Settings
from tests.system.server import wait_for

Files = Mapping[str, bytes]


class Desk:
    """The account acme, with exports that lie ready in the export tree."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.account = Account.create(name="acme")
        self.root = layout.export_source(settings, "acme")
        self.pusher = Pusher(settings)

    def target(self, url: str, **values: Any) -> Target:
        return push_targets.add(self.settings, self.account, read_url(url), **values)

    def order(self, name: str, revision: int = 1, **values: Any) -> Export:
        """The folder of an order, or a newer revision of it."""
        path = f"Orders/order_{name}"
        files = {f"order_data_{name}.csv": b"data %d" % revision, f"order_items_{name}.csv": b"items %d" % revision}
        shutil.rmtree(self.root / path, ignore_errors=True)
        return self._ready("order", path, {f"{path}/{each}": content for each, content in files.items()}, revision,
                           **values)  # fmt: skip

    def full(self, name: str, content: bytes, revision: int = 1) -> Export:
        """A full export of products."""
        return self._ready("full", f"Products/{name}", {f"Products/{name}": content}, revision)

    def _ready(self, kind: str, path: str, files: Files, revision: int, **values: Any) -> Export:
        for name, content in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(content)
        row = Export.get_or_none((Export.account == self.account) & (Export.path == path)) or Export(
            account=self.account, kind=kind, entity="order" if kind == "order" else "product", path=path)  # fmt: skip
        row.state, row.revision, row.ready_at = "ready", revision, now()
        for field, value in values.items():
            setattr(row, field, value)
        row.save()
        return row

    @contextlib.contextmanager
    def pushing(self) -> Iterator[Pusher]:
        """The pusher at work, as the exporting node runs it."""
        thread = PartThread(self.pusher)
        thread.start()
        try:
            yield self.pusher
        finally:
            thread.tell_to_stop()
            thread.join(30)

    def push(self, patience: float = 20) -> None:
        """Deliver until nothing waits."""
        with self.pushing():
            wait_for(lambda: Delivery.select().exists() and not self.states("waiting"), patience)

    def states(self, state: str = "") -> list[tuple[str, int, str]]:
        """(name, revision, state) of each delivery, in the order in which they were queued."""
        query = Delivery.select(Delivery, Export).join(Export).order_by(Delivery.number)
        found = [(Path(each.export.path).name, each.revision, each.state) for each in query]
        return [each for each in found if not state or each[2] == state]


def tree(folder: Path) -> dict[str, bytes]:
    """Path below a folder to content."""
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def access(url: str, **values: Any) -> Access:
    """How to get to a target without a Target."""
    place = read_url(url)
    return Access(place.url, place.scheme, place.host, place.port, place.path, place.username, **values)


def folder(files: dict[str, bytes]) -> Source:
    """An export of several files."""
    return Source(True, {name: io.BytesIO(content) for name, content in files.items()})


def file(content: bytes) -> Source:
    """An export of one file."""
    return Source(False, {"": io.BytesIO(content)})
