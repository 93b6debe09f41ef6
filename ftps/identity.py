"""Who is logged in and what they may: read from the database at login, and again whenever it changed."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import certs
import passwords
from ftps.replies import Refusal
from models import Account, Login, receipts
from models.prepared import Row
from schemas import TemplateSchema

log = logging.getLogger("ftpdock.ftps")

Schemas = Sequence[type[TemplateSchema]]

NO_MORE = "550 This login may not do this any more."
NOBODY = 0
"""No login has this number."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A login that is enabled, with its account, as they were when they were read."""

    account_id: int
    account: str
    key: str
    """Names the account for as long as it exists: SQLite gives the id of a removed account to the next one."""
    login_id: int
    login: str
    password_hash: str = field(repr=False)
    networks: tuple[str, ...]
    entities: frozenset[str]
    """What it may send."""
    exported: frozenset[str]
    """Whose exports it may see: what an account does not send it may well be sent."""
    require_close_notify: bool
    restricted: bool = False
    """Made for some of the account's entities only."""
    certificates: frozenset[str] = frozenset()
    """Fingerprints of client certificates, of which it needs one; empty: it needs none."""

    def may_come_from(self, address: str) -> bool:
        return not self.networks or any(_inside(address, network) for network in self.networks)

    def takes(self, certificate: bytes) -> bool:
        """Whether a client certificate (DER; empty: none) opens it together with the password."""
        return not self.certificates or certs.fingerprint(certificate) in self.certificates


def check(name: str, password: str, address: str, certificate: bytes, rights: Rights) -> Identity | None:
    """The identity behind a name and password, or None. Takes as long for a name that does not exist.

    `certificate` is the client's, as DER, or empty. Why it is None is logged and never told: a disabled login must look
    like a wrong password (RFC 2577, section 6).
    """
    number, stored = receipts.password(name) or (NOBODY, passwords.dummy_hash())
    right = passwords.verify(stored, password)
    # Also for nothing: the time is not to tell that the password was right, and something else was not.
    identity = rights.of(number)
    if number == NOBODY or not right:
        return None
    # It may have been changed while the password was checked.
    if identity is None or identity.password_hash != stored:
        log.info("login %r is disabled", name)
        return None
    if reason := _refusal(identity, address, certificate):
        log.info("login %r %s", name, reason)
        return None
    return identity


def _refusal(identity: Identity, address: str, certificate: bytes) -> str:
    """What keeps out somebody who knows the password; empty when nothing does."""
    if not identity.may_come_from(address):
        return f"may not come from {address}"
    if not identity.certificates:
        return ""
    if not certificate:
        return "came without a client certificate"
    if not identity.takes(certificate):
        return f"came with a client certificate that is not its own: {certs.fingerprint(certificate)}"
    end = certs.ended(certificate)
    return f"came with a client certificate that ended on {end:%Y-%m-%d}" if end else ""


def any_certificate() -> bool:
    """Whether there is a login that needs a client certificate, and is enabled as its account is."""
    needed = Login.client_certificates.is_null(False) & ~Login.disabled & ~Account.disabled
    return bool(Login.select().join(Account).where(needed).exists())


def current(login_ids: Iterable[int], schemas: Schemas) -> dict[int, Identity]:
    """The identities of those of `login_ids` that exist and are enabled."""
    rows = Login.select(Login, Account).join(Account).where(Login.id.in_(list(login_ids)))
    found = {login.id: _identity(login, schemas) for login in rows}
    return {number: identity for number, identity in found.items() if identity is not None}


class Rights:
    """Identities as they are now, made anew only when what they are made of has changed. Used in the pool."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._known: dict[int, tuple[Row | None, Identity | None]] = {}

    def of(self, login_id: int) -> Identity | None:
        """The identity of a login, or None when there is none or it is disabled."""
        row = receipts.login_row(login_id)
        known = self._known.get(login_id)
        if known is None or known[0] != row:
            # Read after the row: should it change between the two, the next call finds that out.
            known = self._known[login_id] = row, current([login_id], self._schemas).get(login_id)
        return known[1]

    def confirm(self, identity: Identity, entity: str | None = None, refusal: str = NO_MORE) -> None:
        """Raises Refusal unless the login is still there, enabled and, if an entity is named, may send it.

        Called in the transaction that writes: SQLite gives the numbers of an account and a login that were removed to
        the next ones, which would get what was meant for the former.
        """
        now = self.of(identity.login_id)
        if now is None or (now.key, now.login) != (identity.key, identity.login):
            raise Refusal(refusal)
        if entity is not None and entity not in now.entities:
            raise Refusal(refusal)


def account_key(account: Account) -> str:
    """What stands for an account in file names and in memory: another one of its number is not mistaken for it."""
    return f"{account.id}-{int(account.created_at.timestamp() * 1_000_000):x}"


def _identity(login: Login, schemas: Schemas) -> Identity | None:
    account = login.account
    if login.disabled or account.disabled:
        return None
    return Identity(
        account_id=account.id,
        account=account.name,
        key=account_key(account),
        login_id=login.id,
        login=login.name,
        password_hash=login.password_hash,
        networks=tuple(login.networks or ()),
        entities=_entities(schemas, account.entities, login.entities),
        exported=_entities(schemas, login.entities),
        require_close_notify=login.require_close_notify,
        restricted=login.entities is not None,
        certificates=frozenset(login.client_certificates or ()),
    )


def _entities(schemas: Schemas, *subsets: list[str] | None) -> frozenset[str]:
    every = frozenset(schema.entity for schema in schemas)
    for subset in subsets:
        if subset is not None:
            every &= frozenset(subset)
    return every


def _inside(address: str, network: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
        # On a socket for both families an IPv4 client shows up as ::ffff:192.0.2.1.
        return (getattr(ip, "ipv4_mapped", None) or ip) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        log.error("%r is no network; it allows no address", network)
        return False
