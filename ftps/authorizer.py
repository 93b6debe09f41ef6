"""Who may do what where (design section 3), in pyftpdlib's letters.

Paths outside a login's view are let through: the command then finds nothing there, and that is all it may tell.
Uploads, renames and what is done to folders are let through too, because their own checks say more than "Not enough
privileges".
"""

from __future__ import annotations

from typing import Any

_READ = frozenset({"inner", "templates", "export"})
_DELETE = frozenset({"inbox", "export"})


class Authorizer:
    """The authorizer of one session."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:
        if perm in "elwafm":
            return True
        place = self._session.fs.map.place(path or "/")
        if place is None:
            return True
        if perm == "r":
            return place.kind in _READ
        if perm == "d":
            return place.kind in _DELETE
        return perm == "T" and place.kind == "inbox"

    def get_perms(self, username: str) -> str:
        return "elr"

    def get_msg_quit(self, username: str) -> str:
        return "Goodbye."

    def impersonate_user(self, username: str, password: str) -> None:
        """Not used: files belong to the server's user."""

    def terminate_impersonation(self, username: str) -> None:
        """Not used."""
