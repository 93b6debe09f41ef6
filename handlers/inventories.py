"""How stock is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from handlers.base import Context, Handler, batched
from handlers.further import Further
from handlers.strangers import Strangers
from imports import store
from imports.codes import SKUS
from imports.near import NearCodes
from imports.rows import Row
from imports.scan import Key, PlainKey, Texts
from models import Inventory, Product
from schemas import CLEAR, quoted
from schemas.inventory import InventorySchema, unequal

MAIN = "MAIN"


def is_like_main(warehouse: str | None) -> bool:
    """Whether it differs from MAIN in upper and lower case only."""
    return warehouse is not None and warehouse != MAIN and warehouse.upper() == MAIN


class InventoryHandler(Handler):
    schema, model = InventorySchema, Inventory
    key_columns = ("SKU_ID", "Warehouse")
    after = ("category", "collection", "product")
    references = frozenset({"sku_id"})

    plain_keys = (PlainKey("SKU_ID", "Warehouse", MAIN),)

    def keys(self, texts: Texts) -> Iterable[Key]:
        if sku_id := texts("SKU_ID"):
            yield Key("SKU_ID", f"{sku_id}\t{texts('Warehouse') or MAIN}")

    def duplicate(self, row: Row, column: str, lines: str) -> tuple[str, str]:
        if "Warehouse" not in row.texts:
            return super().duplicate(row, column, lines)
        text = row.text("Warehouse")
        warehouse = MAIN if text in ("", CLEAR) else text
        named = f"{quoted(warehouse)} (also where the cell is empty)" if warehouse == MAIN else quoted(warehouse)
        return column, f"SKU_ID {quoted(row.text('SKU_ID'))} in warehouse {named} stands on {lines}: keep one of them"

    def find(self, rows: list[Row], context: Context) -> None:
        products = store.system_ids(Product, context.account, "sku_id", [row.values.get("sku_id") for row in rows])
        warehouses = {row.values.get("warehouse") or MAIN for row in rows}
        if any(map(is_like_main, warehouses)):
            warehouses.add(MAIN)
        found = store.fetch(Inventory, context.account, "product", products.values(), hold=True,
                            warehouse=warehouses)  # fmt: skip
        stored = {(record["product"], record["warehouse"]): record for record in found}
        self._refuse_unknown([row for row in rows if row.values.get("sku_id") not in products], context)
        for row in rows:
            if not row.rejected:
                row.write = {"product": products[row.values["sku_id"]],
                             "warehouse": row.values.get("warehouse") or MAIN}  # fmt: skip
                row.stored = stored.get((row.write["product"], row.write["warehouse"]))
                if row.stored is None and is_like_main(row.write["warehouse"]):
                    _warn_beside_main(row, stored.get((row.write["product"], MAIN)), context)

    def _refuse_unknown(self, rows: list[Row], context: Context) -> None:
        given = [row.values.get("sku_id") for row in rows]
        near = NearCodes(SKUS, given, (), context.account, context.started, context.memory)
        for row in rows:
            sku_id = row.values.get("sku_id")
            if not sku_id:
                row.reject("REQUIRED", "SKU_ID", "SKU_ID is empty: name the product that the stock is of")
            else:
                row.reject("UNKNOWN_REFERENCE", "SKU_ID", f"No product has SKU_ID {quoted(sku_id)}"
                           + near.instead(sku_id, "send the product first"))  # fmt: skip

    def look_further(self, rows: list[Further], context: Context) -> None:
        """A row whose product is not known, or whose warehouse is not, may mean stock that is stored."""
        named = [row for row in rows if "SKU_ID" not in row.faulty]
        products = store.system_ids(Product, context.account, "sku_id", [row.values.get("sku_id") for row in named])
        self._refuse_unknown([row for row in named if row.values.get("sku_id") not in products], context)
        for row in rows:
            # The schema looks at both lists only if each cell of the row is right; they are read if they differ.
            bars = {row.text(column).count("|") for column in ("On_Order_Quantity", "On_Order_ETA")}
            if len(bars) > 1 and (message := unequal(row.values)):
                row.reject("INVALID_VALUE", "On_Order_ETA", message)
        known = [(row, products[sku], row.values.get("warehouse") or MAIN)
                 for row in self.lacking(named, context)
                 if "Warehouse" not in row.faulty and (sku := row.values.get("sku_id")) in products]  # fmt: skip
        wanted = {"product": {product for _, product, _ in known}, "warehouse": {place for _, _, place in known}}
        stored = set(store.select(Inventory, tuple(wanted), context.account, wanted))
        for row, *stock in known:
            if tuple(stock) not in stored:
                self.refuse_missing(row, context)

    def check(self, row: Row, context: Context) -> None:
        quantities, dates = row.write.get("on_order_quantity") or [], row.write.get("on_order_eta") or []
        if len(quantities) != len(dates):
            row.reject("INVALID_VALUE", "On_Order_ETA", f"With what is stored, {len(quantities)} quantities stand "
                       f"against {len(dates)} dates: send both columns, with one date for each quantity")  # fmt: skip

    def identify(self, row: Row) -> list[str]:
        return [MAIN if row.text(column) == CLEAR else row.text(column) for column in self.key_columns]

    def export(self, account: int) -> Iterable[dict[str, Any]]:
        """Without the stock of products that are not the account's: no row can be without a SKU."""
        strangers = Strangers(self.entity)
        for batch in batched(super().export(account)):
            products = (record["product"] for record in batch)
            codes = dict(store.select(Product, ("system_id", "sku_id"), account, {"system_id": products}))
            for record in batch:
                if record["product"] in codes:
                    yield record | {"sku_id": codes[record["product"]]}
                else:
                    strangers.tell(record["system_id"], ("product",))


def _warn_beside_main(row: Row, main: Mapping[str, Any] | None, context: Context) -> None:
    """Stock in 'Main' is new: warn if the product had some in MAIN before the run, which would say the same again."""
    if main and main["created_at"] < context.started:
        row.warn("POSSIBLE_DUPLICATE", "Warehouse", f"Warehouse {quoted(row.write['warehouse'])} is new for SKU_ID "
                 f"{quoted(row.values['sku_id'])}, which has stock in {quoted(MAIN)}: if that is meant, write it like "
                 "that, or leave the cell empty")  # fmt: skip
