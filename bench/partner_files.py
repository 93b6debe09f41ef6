"""The files that are imported: what partners send, faults included. Knows nothing of ours: rivals use it, too."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

PRODUCT_NAME, STOCK_NAME = "PRODUCT_18_09_2024.csv", "INVENTORY_18_09_2024.csv"
PRODUCT = ["SKU_ID", "Reference_ID", "Name", "Description", "Status", "Category", "Collection", "MOQ", "IOQ", "UOM",
           "Barcode", "Weight", "Media", "Price: Retail", "Price: Dealer", "Price: Export", "Attribute: Color",
           "Attribute: Size", "Attribute: Material", "Attribute: Season"]  # fmt: skip
STOCK = ["SKU_ID", "Warehouse", "Available_Quantity", "On_Order_Quantity", "On_Order_ETA", "Back_Order_Allowed",
         "Back_Order_Limit", "_note"]  # fmt: skip
UNRELATED = [name for name in PRODUCT if name not in ("Category", "Collection")]
"""For an account that has neither."""
CATEGORIES = ("Tableware", "Tableware > Cups", "Lamps")
COLLECTION = "Summer"
WORDS = ["porcelain", "cup", "steel", "lamp", "oak", "table", "linen", "blue", "grand", "small", "silent", "river"]


def product_rows(count: int, repeated: bool = True) -> Iterator[list[str]]:
    """With references; of 10,000 rows 100 have a price that is none, and 5 a SKU that is there twice if `repeated`."""
    chance = random.Random(1)
    for number in range(count):
        sku = number - 3 if repeated and number % 2_000 == 1_999 else number
        row = product_row(number, chance)
        row[0] = f"S{sku:08}"
        if chance.random() < 0.01:
            row[13] = "x"
        yield row


def product_row(number: int, chance: random.Random) -> list[str]:
    """One without a fault; all but its keys depends on chance."""
    prices = [f"{chance.randint(100, 99_999) / 100:.2f}" for _ in range(3)]
    return [f"S{number:08}", f"R{number}", f"{' '.join(chance.choices(WORDS, k=3))} {number}",
            f"A {' '.join(chance.choices(WORDS, k=10))}.", chance.choice(["active", "inactive", "Active"]),
            "Tableware > Cups" if number % 3 else "Tableware|Lamps", COLLECTION if number % 2 else "",
            str(chance.randint(1, 24)), chance.choice(["1", "6", "12"]), "piece", f"04{number:011}",
            f"{chance.randint(1, 9_999) / 1000:.3f}", f"https://img.example.com/p/{number}.jpg", *prices,
            chance.choice(["white", "red", "blue"]), chance.choice("SML"), chance.choice(WORDS),
            chance.choice(["S24", "W24", ""])]  # fmt: skip


def numbered_products(numbers: Iterable[int], seed: int, suffix: str = "") -> Iterator[list[str]]:
    """Faultless rows with these numbers in their keys; another seed changes what they say, a suffix whom they mean."""
    chance = random.Random(seed)
    for number in numbers:
        row = product_row(number, chance)
        yield [row[0] + suffix, row[1] + suffix, *row[2:]]


def unrelated(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    """Rows of products without the columns that refer to something."""
    first, second = PRODUCT.index("Category"), PRODUCT.index("Collection")
    assert second == first + 1
    return ([*row[:first], *row[second + 1 :]] for row in rows)


def stock_rows(count: int, products: int) -> Iterator[list[str]]:
    """Stock of the products of `product_rows`; of 10,000 rows 100 have a quantity that is none."""
    chance = random.Random(2)
    for number in range(count):
        ordered = ["60|60", "2030-01-15|2030-02-15"] if number % 4 == 0 else ["", ""]
        available = "many" if chance.random() < 0.01 else str(chance.randint(0, 5_000))
        sku = number % products
        sku -= 3 if sku % 2_000 == 1_999 else 0
        yield [f"S{sku:08}", f"W{number // products}", available, *ordered, "NY"[number % 3 > 0],
               chance.choice(["", "50", "100"]), "x"]  # fmt: skip


def write(path: Path, header: list[str], rows: Iterable[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path
