"""The rules of products (design section 7)."""

from __future__ import annotations

from tests.partner import Partner


def test_new_products_are_created(partner: Partner) -> None:
    """Each row of a first file becomes a record with a System ID."""
    event = partner.send("product", "SKU_ID,Name,MOQ,Price: Retail\n001,Cup,6,7.90\n002,Saucer,,4.50\n")

    assert (event.status, event.rows, event.created, event.rejected) == ("completed", 2, 2, 0)
    assert [
        (each["SKU_ID"], each["Name"], each["MOQ"], each["Price: Retail"]) for each in partner.records("product")
    ] == [
        ("001", "Cup", "6", "7.90"),
        ("002", "Saucer", "", "4.50"),
    ]
