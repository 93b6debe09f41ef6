"""The hooks, as a catalogue: what a plugin may implement, on which thread it runs and what it can change.

A plugin is a module with functions decorated by `hookimpl`. Name the module in `plugins` of ftpdock.toml or offer it
under the entry-point group `ftpdock.hooks`. A hook may take fewer arguments than its specification names. An exception
in a hook is logged with the plugin's name and stops nothing else; FileRefused, where a hook may raise it, is heeded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from events import (
    ExportReady,
    FileSent,
    ImportFinished,
    ImportStarted,
    LoginSucceeded,
    UploadIncomplete,
    UploadReceived,
)

if TYPE_CHECKING:
    from handlers.base import Row
    from handlers.registry import Registry

hookspec = pluggy.HookspecMarker("ftpdock")
hookimpl = pluggy.HookimplMarker("ftpdock")


@hookspec
def register_entities(registry: Registry) -> None:
    """At start, in every process: add entities with `registry.add(handler)`; their tables are made by `db migrate`."""


@hookspec
def on_login(event: LoginSucceeded) -> None:
    """On a pool thread of the server, before the client's 230. Can't refuse."""


@hookspec
def on_file_received(event: UploadReceived) -> None:
    """On a pool thread of the server, before 226. Raise errors.FileRefused(message) to answer 553 and drop the file."""


@hookspec
def on_file_incomplete(event: UploadIncomplete) -> None:
    """On a thread of the server that has only such hooks to call, after 426, 450 or 55x."""


@hookspec
def on_file_sent(event: FileSent) -> None:
    """On a thread of the server that has only such hooks to call, after 226."""


@hookspec
def before_import(event: ImportStarted) -> None:
    """In the worker, before the file is read. Raise errors.FileRefused(message) to fail the import with REFUSED."""


@hookspec
def on_rows(entity: str, account: str, rows: list[Row]) -> None:
    """In the worker, for each chunk of validated rows: change `row.values` or call `row.reject(code, column, message)`.

    It may see a row twice (on_error = abort looks before it writes; a chunk is begun again after a kill), so write to
    nothing but the rows. Changed values go through the rules of the template; a call that raises has changed nothing.
    """


@hookspec
def after_import(event: ImportFinished) -> None:
    """In the worker, once the import's files are in their places, right before its row says that it is closed.

    After a kill it may run a second time for the same number.
    """


@hookspec
def on_export(event: ExportReady) -> None:
    """On a thread of the server, once the export lies in the partner's folder. After a kill it may run twice.

    The exports of all accounts wait until it is done.
    """
