"""How products are imported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handlers.base import Context, Handler
from handlers.further import Further
from handlers.keys import find_by_two_keys, find_further, own_keys
from imports import store
from imports.codes import SKUS, warn_of_lost_zeros
from imports.near import instead
from imports.rows import Row
from imports.scan import Key, PlainKey, Texts
from models import Category, Collection, Product
from models.base import Record
from schemas import plain_name, quoted
from schemas.product import ProductSchema

NAMED = 5
"""Unknown names of one cell that are told; a cell may hold a million."""


class ProductHandler(Handler):
    schema, model = ProductSchema, Product
    key_columns = ("SKU_ID", "Reference_ID")
    unique = {"SKU_ID": "sku_id", "Reference_ID": "reference_id"}
    after = ("category", "collection")
    references = frozenset({"categories", "collections"})

    plain_keys = (PlainKey("SKU_ID"), PlainKey("Reference_ID"))

    def keys(self, texts: Texts) -> Iterable[Key]:
        return own_keys(texts, "System_ID", "SKU_ID", "Reference_ID")

    def find(self, rows: list[Row], context: Context) -> None:
        find_by_two_keys(rows, context, Product, "sku_id", "SKU_ID")
        new = [row for row in rows if row.stored is None]
        warn_of_lost_zeros(new, SKUS, "SKU_ID", context.account, context.started, context.memory)

    def refer(self, rows: list[Row], context: Context) -> None:
        _refer(rows, context, "categories", "Category", Category, "path")
        _refer(rows, context, "collections", "Collection", Collection, "name")

    def look_further(self, rows: list[Further], context: Context) -> None:
        self.refer(list(rows), context)
        for row in find_further(self.lacking(rows, context), context, self):
            self.refuse_missing(row, context)

    def export(self, account: int) -> Iterable[dict[str, Any]]:
        paths = _names(Category, account, "path")
        names = _names(Collection, account, "name")
        for record in super().export(account):
            record["categories"] = _told(record["categories"], paths)
            record["collections"] = _told(record["collections"], names)
            yield record


def _refer(rows: list[Row], context: Context, attribute: str, column: str, model: type[Record], named_by: str) -> None:
    """Names of `column` to System IDs; one that does not exist rejects the row."""
    wanted = {name for row in rows for name in row.values.get(attribute) or ()}
    known = {name: record["system_id"] for name, record in
             store.fetch_by(model, context.account, named_by, wanted).items()}  # fmt: skip
    near: dict[str, str] = {}
    if unknown := wanted - known.keys():
        alike, near = _alike(unknown, context.account, model, named_by)
        known |= alike
    for row in rows:
        if attribute not in row.values:
            continue
        names = row.values[attribute] or []
        missing = [name for name in names if name not in known]
        for name in missing[:NAMED]:
            row.reject("UNKNOWN_REFERENCE", column, f"No {column.lower()} {quoted(name)} exists"
                       + instead(near.get(name), f"send it in a {column.upper()} file first"))  # fmt: skip
        if len(missing) > NAMED:
            row.reject("UNKNOWN_REFERENCE", column, f"... and {len(missing) - NAMED} more names of the cell are not "
                       f"known: send them in a {column.upper()} file first, or correct the cell")  # fmt: skip
        row.write[attribute] = list(dict.fromkeys(known[name] for name in names if name in known))


def _alike(
    unknown: set[str], account: int, model: type[Record], named_by: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Names that do not exist as they are written, to the System IDs of what looks the same, and to the stored names
    that differ in upper and lower case only.

    Where several look the same, the one that is composed is meant.
    """
    looks = {name: plain_name(name) for name in unknown}
    wanted, found = set(looks.values()), dict[str, str]()
    folded, near = {plain.casefold() for plain in wanted}, dict[str, str]()
    for system_id, name in _names(model, account, named_by).items():
        plain = plain_name(name)
        if plain in wanted and (plain == name or plain not in found):
            found[plain] = system_id
        if (fold := plain.casefold()) in folded:
            near[fold] = min(name, near.get(fold, name))
    return ({name: found[plain] for name, plain in looks.items() if plain in found},
            {name: near[fold] for name, plain in looks.items() if (fold := plain.casefold()) in near})  # fmt: skip


def _names(model: type[Record], account: int, named_by: str) -> dict[str, str]:
    """System ID to name of all categories or collections of an account."""
    query = model.select(model.system_id, model._meta.fields[named_by]).where(model._meta.fields["account"] == account)
    return dict(query.tuples())


def _told(stored: Any, names: dict[str, str]) -> Any:
    """The names of those that the account has; what is no list is left to whoever writes it out."""
    if not isinstance(stored, list):
        return stored
    return [names[each] for each in stored if isinstance(each, str) and each in names]
