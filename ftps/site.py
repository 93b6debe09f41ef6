"""SITE EXPORT, STATUS, VALIDATE and HELP: what a partner can ask for over FTP."""

from __future__ import annotations

import functools

from ftps.claims import connected
from ftps.exports import ask_for
from ftps.hashes import Hashes
from ftps.replies import BUSY, lines
from ftps.status import NO_SUCH_IMPORT, status
from ftps.validate import Validation, begin, look
from schemas import TemplateSchema

LOOK_EVERY = 0.25
"""Seconds between two looks whether a dry run has ended."""

HELP = [
    "SITE EXPORT                 what can be exported",
    "SITE EXPORT product         all products, as a file in the export folder",
    "SITE STATUS                 the last uploads and what became of them",
    "SITE STATUS 42              one import, by its number",
    "SITE STATUS file            the last import of a file, or that of a report",
    "SITE VALIDATE file          what an import would do; changes nothing",
    "SITE HELP                   this text",
]


class Site(Hashes):
    """The SITE commands."""

    def ftp_SITE_HELP(self, line: str) -> None:
        self.respond(lines(214, "SITE commands:", HELP, "End of help."))

    def ftp_SITE_EXPORT(self, line: str) -> None:
        assert self.identity is not None
        # The names that begin a file, and no others: what this login may not see does not exist for it.
        known = {word: schema for schema in self.fs.map.folders.values() for word in schema.file_words()}
        plurals = [schema.plural for schema in self.fs.map.folders.values()]
        if not line.strip():
            return self.respond(lines(214, "SITE EXPORT exports one of:", plurals, "End of list."))
        schema = known.get(line.strip().upper())
        if schema is None:
            return self.respond(f"501 This can't be exported; name one of {', '.join(plurals)}.")
        folder = self.fs.map.export_folder
        return self.answer(functools.partial(ask_for, self.shared.rights, self.identity, schema, folder))

    def ftp_SITE_STATUS(self, line: str) -> None:
        assert self.identity is not None
        what, entity = line.strip(), None
        if "/" in what:
            schema, what = self._schema_of(what), what.rpartition("/")[2]
            if schema is None or not what:
                return self.respond(NO_SUCH_IMPORT)
            entity = schema.entity
        folder = self.fs.map.export_folder
        return self.answer(functools.partial(status, self.identity, self.shared.schemas, folder, what, entity))

    def ftp_SITE_VALIDATE(self, line: str) -> None:
        wanted = self.wanted(line.strip())
        schema = self._schema_of(line.strip())
        if wanted is None or schema is None:
            return self.respond("550 There is no such file that could be imported.")
        work = functools.partial(begin, self.shared, wanted, schema.entity)
        if not self.defer(work, self._validating, pool=self.shared.bulk):
            return self.respond(BUSY)
        return None

    def _schema_of(self, line: str) -> type[TemplateSchema] | None:
        """The template is the folder's, so that a temporary name will do."""
        place = self.fs.map.place(self.fs.ftp2fs(line))
        return place.schema if place is not None and place.kind in ("inbox", "inner") else None

    def _validating(self, validation: Validation) -> None:
        """Wait without a thread: look now and then from the loop."""
        self.pause()
        self.ioloop.call_later(LOOK_EVERY, self._look, validation, _errback=self.handle_error)

    def _look(self, validation: Validation) -> None:
        if not self.resume():
            return  # The sweep removes what nobody waits for.
        if not connected(self.socket):
            self.close()
            return
        if self._ending is not None or self.shared.stopping:
            self.respond(f"250 The dry run goes on as import {validation.number}.")
            self.settle()
            return
        if not self.defer(functools.partial(look, self.shared, validation), functools.partial(self._seen, validation)):
            self._validating(validation)

    def _seen(self, validation: Validation, reply: str | None) -> None:
        if reply is None:
            self._validating(validation)
        else:
            self.respond(reply)
