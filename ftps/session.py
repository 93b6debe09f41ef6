"""A partner's session: every command that it takes."""

from __future__ import annotations

from typing import Any

from pyftpdlib.handlers import TLS_FTPHandler

from ftps.changes import Changes
from ftps.connecting import ActiveCall, PassiveListener
from ftps.data import DataChannel
from ftps.entry import Entry
from ftps.families import Families
from ftps.features import Features
from ftps.listing import Listing
from ftps.replies import Refusal
from ftps.site import Site
from ftps.transfers import Transfers

_NEED_DATA = frozenset({"RETR", "LIST", "NLST", "MLSD"})


def _command(argument: bool | None, help: str, auth: bool = True) -> dict[str, Any]:
    """An entry of pyftpdlib's table; with perm None the command gets its argument as it was sent."""
    return {"perm": None, "auth": auth, "arg": argument, "help": help}


COMMANDS = {name: entry for name, entry in TLS_FTPHandler.proto_cmds.items() if name != "SITE CHMOD"} | {
    # Asked for as MKD is, not as DELE.
    **{name: TLS_FTPHandler.proto_cmds[name] | {"perm": "m"} for name in ("RMD", "XRMD")},
    "AVBL": _command(None, "Syntax: AVBL (bytes that may still be uploaded)."),
    "CLNT": _command(True, "Syntax: CLNT <SP> name (name of the client).", auth=False),
    "HASH": _command(True, "Syntax: HASH <SP> file-name (hash by the algorithm of OPTS HASH)."),
    "XCRC": _command(True, "Syntax: XCRC <SP> file-name (CRC32)."),
    "XMD5": _command(True, "Syntax: XMD5 <SP> file-name (MD5)."),
    "XSHA1": _command(True, "Syntax: XSHA1 <SP> file-name (SHA-1)."),
    "XSHA256": _command(True, "Syntax: XSHA256 <SP> file-name (SHA-256)."),
    "SITE EXPORT": _command(None, "Syntax: SITE EXPORT [<SP> entity] (all records of an entity as a file)."),
    "SITE STATUS": _command(None, "Syntax: SITE STATUS [<SP> file or number] (what became of uploads)."),
    "SITE VALIDATE": _command(True, "Syntax: SITE VALIDATE <SP> file-name (dry run)."),
}


class Session(Entry, Families, Transfers, Changes, Features, Listing, Site):
    """The control connection of one client. A fresh subclass is made for each server, which holds its settings."""

    tls_control_required = True
    tls_data_required = True
    dtp_handler = DataChannel
    passive_dtp = PassiveListener
    active_dtp = ActiveCall
    use_sendfile = False
    proto_cmds = COMMANDS

    @property
    def _current_type(self) -> str:
        """Always binary: TYPE A is taken note of, but a file's bytes, its SIZE and its hash stay what they are."""
        return "i"

    @_current_type.setter
    def _current_type(self, wanted: str) -> None:
        """pyftpdlib sets it with each TYPE, and with each new login."""

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
