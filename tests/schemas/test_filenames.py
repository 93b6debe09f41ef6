from __future__ import annotations

import datetime as dt

import pytest

from schemas import SCHEMAS, TemplateSchema
from schemas.filenames import LONGEST, FileName, FileNameError, example, parse

DAY = dt.date(2024, 9, 18)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PRODUCT_18_09_2024.csv", FileName("product", DAY)),
        ("products_18_09_2024.CSV", FileName("product", DAY)),
        ("Inventories_18_09_2024.csv", FileName("inventory", DAY)),
        ("CATEGORIES_29_02_2024.csv", FileName("category", dt.date(2024, 2, 29))),
        ("ADDRESS_18_09_2024_2.csv", FileName("address", DAY, "2")),
        ("order_18_09_2024_Berlin7.csv", FileName("order", DAY, "Berlin7")),
    ],
)
def test_names_that_are_taken(name: str, expected: FileName) -> None:
    """Any case, singular or plural, with or without a suffix."""
    assert parse(name, SCHEMAS) == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PRODUCT.csv", "ENTITY_DD_MM_YYYY"),
        ("PRODUCT_2024_09_18.csv", "ENTITY_DD_MM_YYYY"),
        ("PRODUCT_18-09-2024.csv", "ENTITY_DD_MM_YYYY"),
        ("PRODUCT_18_09_2024.xlsx", "ENTITY_DD_MM_YYYY"),
        ("PRODUCT_18_09_2024_a_b.csv", "ENTITY_DD_MM_YYYY"),
        ("PRODUCT_18_09_2024_ä.csv", "ENTITY_DD_MM_YYYY"),
        ("PRODUCT_١٨_09_2024.csv", "ENTITY_DD_MM_YYYY"),
        ("PRODUCT_18_09_2024.csv\n", "ENTITY_DD_MM_YYYY"),
        ("PRODUCT_18_09_2024_" + "x" * LONGEST + ".csv", "has 143 characters, but a file name may have 120"),
        ("PRODUCT-18_09_2024_" + "x" * LONGEST + ".csv", "ENTITY_DD_MM_YYYY"),
        ("PRODUCT_31_02_2024.csv", "not a date of the calendar"),
        ("PRODUCT_29_02_2023.csv", "not a date of the calendar"),
        ("PRODUCT_18_09_0000.csv", "not a date of the calendar"),
        ("INVOICE_18_09_2024.csv", "begin the name with one of PRODUCT, INVENTORY"),
    ],
)
def test_names_that_are_refused(name: str, words: str) -> None:
    """The message says what is expected."""
    with pytest.raises(FileNameError, match=words):
        parse(name, SCHEMAS)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.entity)
def test_examples_are_right(schema: type[TemplateSchema]) -> None:
    """The name that a refusal recommends is taken."""
    assert parse(example(schema.entity, DAY), SCHEMAS) == FileName(schema.entity, DAY)
