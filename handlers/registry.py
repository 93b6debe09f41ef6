"""The roster of handlers, and what plugins add to it."""

from __future__ import annotations

from collections.abc import Sequence

from errors import FtpdockError, HookError
from handlers.addresses import AddressHandler
from handlers.base import Handler
from handlers.categories import CategoryHandler
from handlers.collections import CollectionHandler
from handlers.contacts import ContactHandler
from handlers.customers import CustomerHandler
from handlers.inventories import InventoryHandler
from handlers.orders import OrderHandler
from handlers.products import ProductHandler
from hooks import Hooks
from models import Base, database
from models.migrate import NAMES, alone
from models.rights import unchangeable
from schemas import TemplateSchema, quoted

HANDLERS: tuple[type[Handler], ...] = (
    ProductHandler,
    InventoryHandler,
    CustomerHandler,
    AddressHandler,
    ContactHandler,
    CategoryHandler,
    CollectionHandler,
    OrderHandler,
)
"""One for each entity, in the order of schemas.SCHEMAS."""


class Registry:
    """The entities of one process: the roster, and behind it what plugins registered."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self.plugin_tables: list[type[Base]] = []
        for handler in HANDLERS:
            self._add(handler())

    def _add(self, handler: Handler) -> None:
        taken = {each.schema.folder.casefold() for each in self._handlers.values()}
        words = {word for each in self._handlers.values() for word in each.schema.file_words()}
        if handler.schema.folder.casefold() in taken or words & set(handler.schema.file_words()):
            raise HookError(f"The entity {quoted(handler.entity)} has a name or a folder that is taken")
        self._handlers[handler.entity] = handler

    def add(self, handler: Handler, tables: Sequence[type[Base]] = ()) -> None:
        """Add an entity; `tables` are made when they are missing (without any, the handler's model alone).

        Raises HookError when its name, its file word or its folder is taken.
        """
        self._add(handler)
        self.plugin_tables.extend(tables or [handler.model])

    @property
    def handlers(self) -> tuple[Handler, ...]:
        return tuple(self._handlers.values())

    @property
    def entities(self) -> frozenset[str]:
        return frozenset(self._handlers)

    def make_tables(self) -> None:
        """Make those tables of plugins that are missing; those of the roster come by migrations. Raises FtpdockError.

        What is there is left alone, as its owner may be another user.
        """
        if not self.plugin_tables:
            return
        with database.connection_context():
            if not self.missing_tables():
                return
            with alone(database.obj):
                missing = self.missing_tables()
                # They refer to tables of ours, for which it takes the right of who owns those.
                if problem := unchangeable(database.obj, NAMES):
                    raise FtpdockError(f"The tables of plugins can't be made: {problem}")
                with database.atomic():
                    database.create_tables(missing)

    def missing_tables(self) -> list[type[Base]]:
        """Those of plugins that the connected database does not have."""
        there = set(database.get_tables())
        return [each for each in self.plugin_tables if each._meta.table_name not in there]

    @property
    def schemas(self) -> tuple[type[TemplateSchema], ...]:
        return tuple(handler.schema for handler in self.handlers)

    @property
    def folders(self) -> dict[str, str]:
        """Entity to the name of its folder."""
        return {handler.entity: handler.schema.folder for handler in self.handlers}

    def handler(self, entity: str) -> Handler:
        """Raises KeyError for an entity that is not registered."""
        return self._handlers[entity]

    def rank(self, entity: str) -> int:
        """How many steps of dependence lie under an entity: what depends goes later."""
        after = [each for each in self.handler(entity).after if each in self._handlers]
        return 1 + max(map(self.rank, after)) if after else 0


def load(hooks: Hooks) -> Registry:
    """The roster with what the plugins of `hooks` add by `register_entities`."""
    registry = Registry()
    hooks.call("register_entities", registry=registry)
    return registry
