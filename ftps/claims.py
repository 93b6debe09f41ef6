"""Who is uploading which name: two sessions must not write one file (RFC 959 allows 450, file busy)."""

from __future__ import annotations

import select
import time
from dataclasses import dataclass, field
from typing import Any

from ftps.partials import Incoming

QUIET = 20.0
"""Seconds without a byte after which another session may take a name over: the first one's network is gone."""
REFUSED = 60.0
"""Seconds for which a name that was too large is refused: clients such as FileZilla try again for ever."""


def connected(sock: Any) -> bool:
    """Whether the other end of a socket is still there, as far as the kernel knows; reads nothing from it."""
    if sock is None or sock.fileno() < 0:
        return False
    poller = select.poll()
    poller.register(sock.fileno(), select.POLLRDHUP)
    return not poller.poll(0)


@dataclass(eq=False)
class Claim:
    """One session's hold on one name."""

    key: tuple[str, str]
    session: Any
    storing: bool = False
    """The file is whole and on its way into its folder: nobody can take it over any more."""
    incoming: Incoming | None = None
    taken_at: float = field(default_factory=time.monotonic)

    def dead(self) -> bool:
        if self.storing:
            return False
        # The data connection is not asked: it may have ended in order a moment ago, which the loop is about to find.
        moved_at = self.incoming.moved_at if self.incoming else self.taken_at
        return not connected(self.session.socket) or time.monotonic() - moved_at > QUIET


class Claims:
    """The claims of one server; touched on the loop only. Other servers of the home are kept off by a lock of the
    file (`ftps.partials.hold`)."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Claim] = {}
        self._refused: dict[tuple[str, str], float] = {}

    def take(self, account: str, virtual: str, session: Any) -> Claim | None:
        """The claim on a name, or None when another living session holds it. A dead one's transfer is ended."""
        key = (account, virtual)
        held = self._held.get(key)
        if held is not None and held.session is not session and held.dead():
            held.session.abort_transfer("426 Another session took this upload over.")
        if key in self._held:
            return None
        claim = self._held[key] = Claim(key, session)
        return claim

    def holds(self, account: str, virtual: str) -> bool:
        """Whether a session holds a name; asked from any thread."""
        return (account, virtual) in self._held

    def release(self, claim: Claim) -> None:
        if self._held.get(claim.key) is claim:
            del self._held[claim.key]
        if claim.incoming is not None:
            claim.incoming.unlock()

    def refuse(self, account: str, virtual: str) -> None:
        """Remember that this name was too large a moment ago."""
        now = time.monotonic()
        self._refused = {key: until for key, until in self._refused.items() if until > now}
        self._refused[account, virtual] = now + REFUSED

    def refused(self, account: str, virtual: str) -> bool:
        return self._refused.get((account, virtual), 0.0) > time.monotonic()

    def allow(self, account: str, virtual: str | None = None) -> None:
        """Forget refusals: of one name, or of the account."""
        self._refused = {
            key: until
            for key, until in self._refused.items()
            if key[0] != account or (virtual is not None and key[1] != virtual)
        }
