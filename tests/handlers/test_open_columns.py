"""Open columns: what follows the colon is the partner's, in the spelling of its first file."""

from __future__ import annotations

from tests.partner import Partner


def test_another_spelling_is_the_same_column(partner: Partner) -> None:
    """Case, blanks and hyphens of a price list's name don't make a second one."""
    partner.send("product", "SKU_ID,Name,Price: Whole sale\n1,Cup,5\n")

    event = partner.send("product", "SKU_ID,Name,price:WHOLE-SALE\n1,Cup,6\n2,Saucer,2\n")

    assert (event.updated, event.created) == (1, 1)
    assert [each["Price: Whole sale"] for each in partner.records("product")] == ["6", "2"]
    assert partner.csv("product").splitlines()[0].count("Price") == 1


def test_tiers_of_prices_are_told_apart(partner: Partner) -> None:
    """What parts two digits counts, however it is written: a file of prices for 25 pieces leaves those for 2-5."""
    partner.send("product", "SKU_ID,Name,Price: 2-5,Price: 10-\n1,Cup,7,5\n")

    event = partner.send("product", "SKU_ID,Price: 25,Price: 10,price:2_5\n1,3,4,6\n")

    assert (event.status, event.updated) == ("completed", 1)
    assert {name: price for name, price in partner.records("product")[0].items() if name.startswith("Price")} == {
        "Price: 2-5": "6", "Price: 10-": "5", "Price: 25": "3", "Price: 10": "4"}  # fmt: skip
    assert partner.send("product", partner.csv("product")).unchanged == 1


def test_a_name_is_what_is_seen_of_it(partner: Partner) -> None:
    """Blanks that do not break, soft hyphens and the ways in which Unicode writes an ä make no second attribute."""
    partner.send("product", "SKU_ID,Name,Attribute: L\u00e4nge\u00a0(cm)\n1,Cup,5\n")

    event = partner.send("product", "SKU_ID,Attribute: La\u0308n\u00adge (cm)\n1,6\n")

    assert (event.status, event.updated) == ("completed", 1)
    assert {name: value for name, value in partner.records("product")[0].items() if name.startswith("Attribute")} == {
        "Attribute: L\u00e4nge (cm)": "6"}  # fmt: skip


def test_a_dry_run_does_not_decide_the_spelling(partner: Partner) -> None:
    """Only a file that is imported names a column."""
    partner.send("product", "SKU_ID,Name,price: retail\n1,Cup,5\n", dry_run=True)

    partner.send("product", "SKU_ID,Name,Price: Retail\n1,Cup,5\n")

    assert "Price: Retail" in partner.records("product")[0]


def test_entities_spell_for_themselves(partner: Partner) -> None:
    """Attributes of one entity do not name those of another."""
    partner.send("product", "SKU_ID,Name,Attribute: color\n1,Cup,white\n")
    partner.send("customer", "Reference_ID,Company_Name,Attribute: Color\nK1,Delta,white\n")

    assert "Attribute: color" in partner.records("product")[0]
    assert "Attribute: Color" in partner.records("customer")[0]


def test_a_name_may_be_as_long_as_its_header_allows(partner: Partner) -> None:
    """Also if it is compared by more letters than it is written with."""
    name = "ß" * 100

    partner.send("product", f"SKU_ID,Name,Price: {name}\n1,Cup,5\n")
    partner.send("product", f"SKU_ID,Name,PRICE: {'SS' * 100}\n1,Cup,6\n")

    assert partner.records("product")[0][f"Price: {name}"] == "6"
