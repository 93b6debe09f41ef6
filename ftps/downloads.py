"""Downloads: above all what their 226 says, and whom it is told to."""

from __future__ import annotations

import functools

from events import FileSent
from ftps.core import Core
from ftps.data import DataChannel
from ftps.exports import collect
from ftps.farewell import UNCONFIRMED
from ftps.outgoing import Exported, Outgoing
from ftps.replies import BUSY, Refusal

IN_PARTS = "226 Transfer complete, but in parts: what came before was not sent to this login, so it does not count."
MEANWHILE = "226 Transfer complete, but it was exported anew meanwhile, so it does not count: fetch it again."


class Downloads(Core):
    """RETR, and the end of it and of listings."""

    def ftp_RETR(self, path: str) -> None:
        self.fs.rest = self._restart_position
        try:
            super().ftp_RETR(path)
        except Refusal as refusal:
            self.respond(refusal.reply)

    def end_unseen(self) -> None:
        """End a download of what the login may not see any more. (What is uploaded is looked at before its receipt.)"""
        file = self._fetched()
        if file is not None and self.fs.map.place(file.virtual) is None:
            self.abort_transfer("426 This login may not fetch this file any more; transfer aborted.", answer=True)
            self.settle()

    def _fetched(self) -> Outgoing | None:
        """The file that is being sent, or will be once the data connection is there."""
        waits = self._out_dtp_queue[2] if self._out_dtp_queue is not None else None
        file = waits or (self.data_channel.file_obj if self.data_channel is not None else None)
        return file if isinstance(file, Outgoing) else None

    def sent(self, channel: DataChannel) -> None:
        file = channel.file_obj
        if file is not None:
            file.close()
        if isinstance(file, Outgoing) and file.export is not None and self.identity is not None:
            return self._export_sent(channel, file, file.export)
        self.answer_end("226 Transfer complete." if channel.whole else channel.reply)
        if isinstance(file, Outgoing) and channel.whole and self.identity is not None:
            self._tell_sent(file, channel.tot_bytes_sent)
        return None

    def _tell_sent(self, file: Outgoing, size: int) -> None:
        assert self.identity is not None
        event = FileSent(self.identity.account, self.identity.login, self.remote_ip, file.virtual, size)
        self.shared.later("on_file_sent", event=event)

    def _export_sent(self, channel: DataChannel, file: Outgoing, export: Exported) -> None:
        """A file of the export folder: 226 means that it counts as fetched, and says so when it does not."""
        assert self.identity is not None
        end = file.start + channel.most_sent
        joined = self.shared.beginnings.joined(export, file.start, end, channel.whole)
        if export.pin is None:
            self.shared.pins.sent(export.key, export.name, export.version)
        if missed := self._missed(channel, joined and end == export.version.size):
            if export.pin is not None:
                export.pin.asked(export.name, -1)
            return self.answer_end(missed)
        if export.pin is not None:
            self.shared.pins.fetched(export.key, export.pin, export.name, export.version)
        work = functools.partial(collect, self.shared.rights, self.identity, export, self.remote_ip)
        then = functools.partial(self._collected, file, channel.tot_bytes_sent)
        if not self.defer(work, then):
            self.answer_end(BUSY)
        return None

    def _missed(self, channel: DataChannel, complete: bool) -> str:
        """The reply for what does not count as fetched; empty if it does."""
        if not channel.whole:
            return str(channel.reply)
        if not self.reachable():
            return UNCONFIRMED
        return "" if complete else IN_PARTS

    def _collected(self, file: Outgoing, size: int, current: bool) -> None:
        if not current:
            return self.respond(MEANWHILE)
        self.respond("226 Transfer complete.")
        return self._tell_sent(file, size)

    def answer_end(self, reply: str) -> None:
        raise NotImplementedError
