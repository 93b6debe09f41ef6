"""A partner's session: every command that it takes."""

from __future__ import annotations

from typing import Any

from ftps.changes import Changes
from ftps.data import DataChannel, PassiveListener
from ftps.entry import Entry
from ftps.replies import Refusal
from ftps.transfers import Transfers

_NEED_DATA = frozenset({"RETR", "LIST", "NLST", "MLSD"})


class Session(Entry, Transfers, Changes):
    """The control connection of one client. A fresh subclass is made for each server, which holds its settings."""

    tls_control_required = True
    tls_data_required = True
    dtp_handler = DataChannel
    passive_dtp = PassiveListener
    use_sendfile = False

    def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        if cmd in _NEED_DATA:
            try:
                self.need_data_connection()
            except Refusal as refusal:
                return self.respond(refusal.reply)
        if cmd in ("USER", "PASS"):
            # Past pyftpdlib's own check, which answers 550: clients take 530 for "log in another way".
            return getattr(self, f"ftp_{cmd}")(*args)
        return super().process_command(cmd, *args, **kwargs)
