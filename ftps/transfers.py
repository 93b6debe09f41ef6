"""STOR, APPE, STOU, ALLO, REST's checks and ABOR: uploads from their first check to their receipt."""

from __future__ import annotations

import datetime as dt
import functools
import logging
import secrets
from typing import Any

from ftps.claims import Claim
from ftps.connecting import RangeUsedUp, as_the_kernel_spells
from ftps.data import DataChannel
from ftps.digest import Digest
from ftps.downloads import Downloads
from ftps.ending import ABORTED, cut_by
from ftps.partials import Incoming
from ftps.receipt import LOST, Arrival, receive, tell_incomplete
from ftps.replies import BUSY, NO_SPACE, Refusal, is_full, lines
from ftps.targets import Target, target
from schemas.filenames import example

log = logging.getLogger("ftpdock.ftps")


class Upload:
    """One upload of this session: the file, the name it holds, and for whom it comes."""

    def __init__(self, incoming: Incoming, claim: Claim, identity: Any) -> None:
        self.incoming = incoming
        self.claim = claim
        self.identity = identity


class Transfers(Downloads):
    """Data transfers of a session."""

    upload: Upload | None = None

    # --- commands

    def ftp_STOR(self, path: str, mode: str = "w") -> None:
        rest, self._restart_position = self._restart_position, 0
        try:
            self._receive("APPE" if mode == "a" else "STOR", path, rest, mode == "a")
        except Refusal as refusal:
            self.respond(refusal.reply)

    def ftp_STOU(self, line: str) -> None:
        """Makes a right name of its own, with a random suffix."""
        place = self.fs.map.place(self.fs.cwd)
        if place is None or place.schema is None or place.kind != "entity":
            return self.respond("553 STOU works in an entity folder only; change into one.")
        name = example(place.schema.entity, dt.datetime.now(dt.UTC).date())
        name = name.replace(".csv", f"_{secrets.token_hex(4)}.csv")
        try:
            # RFC 1123, section 4.1.2.9: this form, with the name.
            return self._receive("STOU", f"{self.fs.cwd}/{name}", 0, False, f"FILE: {name}")
        except Refusal as refusal:
            return self.respond(refusal.reply)

    def ftp_ALLO(self, line: str) -> None:
        """Says before any data whether so many bytes can be taken."""
        size = line.split(" ")[0]
        if not (size.isascii() and size.isdigit()):
            self.respond("501 ALLO takes a number of bytes.")
        elif int(size) > self.shared.settings.max_file_size:
            self.respond(f"552 A file may have {self.shared.settings.max_file_size} bytes at most.")
        elif int(size) > self.shared.partials.free():
            self.respond(NO_SPACE)
        else:
            assert self.identity is not None
            self.shared.claims.allow(self.identity.key)
            self.respond("200 There is space for it.")

    def ftp_ABOR(self, line: str) -> None:
        if not self.transferring:
            self._shutdown_connecting_dtp()
            if self.data_channel is not None:
                self.data_channel.abort(ABORTED)
            return self.respond("225 No transfer to abort.")
        # RFC 959, section 4.1.3: 426 for the transfer, then 226 for ABOR.
        self.abort_transfer("426 Transfer aborted by ABOR.", answer=True)
        self.respond("226 ABOR done.")
        return self.settle()

    # --- before the data

    def _receive(self, cmd: str, path: str, rest: int, append: bool, text: str = "") -> None:
        """Check, open the partial and wait for the data. Raises Refusal."""
        assert self.identity is not None
        self.need_data_connection()
        goal = target(path, self.fs.map, self.fs.home, self.shared.schemas)
        self._check_room(goal)
        claim = self.shared.claims.take(self.identity.key, goal.virtual, self)
        if claim is None:
            raise Refusal("450 Another session is uploading this file.")
        try:
            self._check_resume(goal, rest, append)
            incoming = self.shared.partials.open(self.identity.key, goal, rest, append)
        except BaseException as error:
            self.shared.claims.release(claim)
            if isinstance(error, OSError):
                raise _unopened(error) from error
            raise
        if not goal.temporary:
            incoming.digest = Digest(incoming.path, self.shared.pool)
        self.upload = Upload(incoming, claim, self.identity)
        incoming.on_close, claim.incoming = self._gave_up, incoming
        self._connect_data(incoming, cmd, text)

    def need_data_connection(self) -> None:
        """Raises Refusal unless PASV, EPSV, PORT or EPRT came first: the client would wait for ever."""
        if self.data_channel is None and self._dtp_acceptor is None and self._dtp_connector is None:
            raise Refusal("425 Open a data connection first (PASV or EPSV).")

    def _check_room(self, goal: Target) -> None:
        assert self.identity is not None
        if self.shared.claims.refused(self.identity.key, goal.virtual):
            most = self.shared.settings.max_file_size
            raise Refusal(
                f"552 It was larger than {most} bytes a moment ago; send ALLO with its size or wait a minute."
            )

    def _check_resume(self, goal: Target, rest: int, append: bool) -> None:
        """A continued upload must continue what its client believes to be there. Raises Refusal.

        While a complete file shows up under the name, SIZE tells that file's size, and a client which trusts it would
        join two files to one that nobody sent.
        """
        if not (rest or append) or not self.fs.complete(goal.virtual):
            return
        assert self.identity is not None
        partial = self.shared.partials.stat(self.identity.key, goal.virtual)
        arrived, shown = partial.st_size if partial else 0, self.fs.getsize(goal.virtual)
        if append and arrived != shown:
            raise Refusal("550 A complete file has this name; nothing can be appended to it. Send the whole file.")
        if rest == shown and rest != arrived:
            raise Refusal(f"554 A complete file has this name; of a newer one {arrived} bytes arrived. Send it whole.")

    def _connect_data(self, incoming: Incoming, cmd: str, text: str) -> None:
        if self.data_channel is None:
            self._in_dtp_queue = (incoming, cmd)
            self.respond(f"150 {text or 'File status okay; about to open data connection.'}")
            self._take_connection()
            return
        self.data_channel.file_obj = incoming
        self.respond(f"125 {text or 'Data connection already open; transfer starting.'}")
        self.data_channel.enable_receiving(self._current_type, cmd)

    # --- the data connection

    def push_dtp_data(self, *args: Any, **kwargs: Any) -> None:
        super().push_dtp_data(*args, **kwargs)
        self._take_connection()

    def _take_connection(self) -> None:
        """What a command that has its reply waits for may be there already."""
        if self._dtp_acceptor is not None:
            self._dtp_acceptor.look()

    def _make_epasv(self, extmode: bool = False) -> None:
        self._give_up_waiting()
        try:
            super()._make_epasv(extmode)
        except RangeUsedUp:
            self.shared.passive_used_up += 1
            self.respond_w_warning("425 All ports for data connections are in use. Try again later.")
        except OSError as error:
            # No more open files, for one.
            log.error("%r: no port for a data connection can be opened: %s", self, error)
            self.respond("425 No data connection can be opened now. Try again later.")

    def _make_eport(self, ip: str, port: int) -> None:
        self._give_up_waiting()
        super()._make_eport(as_the_kernel_spells(ip), port)
        if self._dtp_connector is not None and self._dtp_connector._closed:
            # It was over before pyftpdlib took note of it.
            self._dtp_connector = None

    def forget_call(self, call: Any) -> None:
        """An active connection was made, or could not be."""
        if self._dtp_connector is call:
            self._dtp_connector = None

    def _give_up_waiting(self) -> None:
        """A new data connection is asked for while a command still waits for its own: that one is given up."""
        if self._in_dtp_queue is not None:
            self._in_dtp_queue[0].close()
        if self._out_dtp_queue is not None and self._out_dtp_queue[2] is not None:
            self._out_dtp_queue[2].close()
        self._in_dtp_queue = self._out_dtp_queue = None

    def data_connection_missing(self, reply: str = "425 The data connection was not opened in time.") -> None:
        """Nobody came to the passive port, or what came is of no use."""
        self._dtp_acceptor = None
        if self.connected and self.waits_for_data:
            self._give_up_waiting()
            self.respond(reply)
            # Not at once: the command that waits may be the one that is being run.
            self.ioloop.call_later(0, self.settle, _errback=self.handle_error)

    def _gave_up(self, incoming: Incoming) -> None:
        """An upload was closed before its data connection came."""
        if self.upload is not None and self.upload.incoming is incoming:
            self.shared.claims.release(self.upload.claim)
            self.upload = None
        incoming.drop_if_empty()

    def needs_close_notify(self, channel: DataChannel) -> bool:
        identity = self.upload.identity if self.upload is not None else self.identity
        return identity is None or identity.require_close_notify

    def abort_transfer(self, reply: str, answer: bool = False) -> None:
        """End what is going on or waits on the data connection."""
        self._shutdown_connecting_dtp()
        waited = getattr(self, "_in_dtp_queue", None) or getattr(self, "_out_dtp_queue", None)
        if waited:
            self._give_up_waiting()
            if answer:
                self.respond(reply)
        if self.data_channel is not None:
            self.data_channel.abort(reply)

    # --- after the data

    def transfer_ended(self, channel: DataChannel) -> None:
        """The data connection is closed. Whole or not, the reply is due."""
        if self.data_channel is channel:
            self.data_channel = None
        self._idle_again()
        if isinstance(channel.file_obj, Incoming):
            self._upload_ended(channel, channel.file_obj)
        elif channel._initialized:
            self.sent(channel)

    def _idle_again(self) -> None:
        if not (self._going or self._closed):
            super()._idle_again()

    def _upload_ended(self, channel: DataChannel, incoming: Incoming) -> None:
        upload, self.upload = self.upload, None
        incoming.on_close = _nothing
        incoming.close()
        if upload is None or upload.incoming is not incoming:
            return
        reply = channel.reply
        if channel.whole and incoming.failed is not None:
            log.error("%r: an upload could not be written: %s", self, incoming.failed)
            channel.whole, reply = False, cut_by(incoming.failed)
        if channel.whole and not self.reachable():
            channel.whole, reply = False, LOST
        if channel.whole:
            self._receipt(upload)
        else:
            self._incomplete(upload, reply)

    def _receipt(self, upload: Upload) -> None:
        incoming = upload.incoming
        upload.claim.storing = True
        arrival = Arrival(upload.identity, self.remote_ip, incoming.target, incoming.path, incoming.size,
                          incoming.digest, self.reachable)  # fmt: skip
        release = functools.partial(self.shared.claims.release, upload.claim)
        if not self.defer(functools.partial(receive, self.shared, arrival), self.respond, always=release):
            self._incomplete(upload, BUSY)

    def _incomplete(self, upload: Upload, reply: str) -> None:
        """Nothing is recorded; what arrived stays for REST and APPE, unless it is too large ever to be taken."""
        incoming, identity = upload.incoming, upload.identity
        received = incoming.size
        self.shared.claims.release(upload.claim)
        if reply.startswith("552"):
            self.shared.claims.refuse(identity.key, incoming.target.virtual)
        if reply.startswith("552") or incoming.failed is not None:  # which of its bytes are there nobody knows
            incoming.drop()
            received = 0
        incoming.drop_if_empty()
        self.answer_end(reply)
        tell_incomplete(self.shared, identity, self.remote_ip, incoming.target, received, reply)

    def answer_end(self, reply: str) -> None:
        """Reply for a transfer, then go on with what waited; never from within close()."""
        if self._going or self._closed:
            return
        self.respond(reply)
        # Not at once: ABOR and end() are still to give their own reply.
        self.ioloop.call_later(0, self.settle, _errback=self.handle_error)

    # --- looking

    def ftp_STAT(self, path: str) -> None:
        if path or not self.authenticated:
            return super().ftp_STAT(path)
        channel = self.data_channel
        moved = f"{channel.get_transmitted_bytes()} bytes moved" if channel is not None else "no data connection"
        return self.respond(lines(211, "Status", [f"Logged in as {self.username}", moved], "End of status."))


def _nothing(_: Incoming) -> None:
    pass


def _unopened(error: OSError) -> Refusal:
    """What a client is told when there is no place for its upload; it is logged, because the admin is to know."""
    log.error("an upload can't be begun: %s", error)
    if is_full(error):
        return Refusal(NO_SPACE)
    return Refusal("451 The server can't open a file for the upload; its log says why. Try again later.")
