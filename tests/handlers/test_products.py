"""The rules of products (design section 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models import Product
from settings import Settings
from tests.partner import Partner, counts

UNKNOWN = "01890000-0000-7000-8000-000000000000"


def pair(partner: Partner) -> dict[str, str]:
    """Two products; SKU to System ID."""
    partner.send("product", "SKU_ID,Reference_ID,Name\nA,R1,Cup\nB,R2,Saucer\n")
    return partner.ids("product", "SKU_ID")


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


def test_a_new_product_is_active(partner: Partner) -> None:
    """Status has a default; clearing it goes back to that."""
    partner.send("product", "SKU_ID,Name,Status\n1,Cup,\n2,Saucer,INACTIVE\n")
    assert partner.column("product", "Status") == ["active", "inactive"]

    partner.send("product", "SKU_ID,Status\n2,\\N\n")
    assert partner.column("product", "Status") == ["active", "active"]


def test_the_system_id_goes_before_the_sku(partner: Partner) -> None:
    """With a System ID the SKU is a value like others, and may change."""
    ids = pair(partner)

    event = partner.send("product", f"SKU_ID,System_ID\nA-new,{ids['A'].upper()}\n")

    assert counts(event) == (0, 1, 0, 0)
    assert partner.ids("product", "SKU_ID") == {"A-new": ids["A"], "B": ids["B"]}


def test_an_unknown_system_id_is_refused(partner: Partner) -> None:
    """It never makes a record, even if the SKU is new."""
    assert partner.codes("product", f"SKU_ID,System_ID,Name\n1,{UNKNOWN},Cup\n") == [
        (2, "System_ID", "UNKNOWN_SYSTEM_ID")
    ]
    assert partner.records("product") == []


def test_a_reference_id_finds_the_product(partner: Partner) -> None:
    """A row without a SKU is found by its Reference_ID."""
    pair(partner)

    event = partner.send("product", "SKU_ID,Reference_ID,Name\n,R1,Mug\n")

    assert counts(event) == (0, 1, 0, 0)
    assert partner.column("product", "Name") == ["Mug", "Saucer"]


def test_keys_that_point_at_two_records_conflict(partner: Partner) -> None:
    """The SKU of one product with the Reference_ID of another is nobody; the message names both records."""
    ids = pair(partner)

    (message,) = partner.rejected("product", "SKU_ID,Reference_ID,Name\nA,R2,Mug\n")

    assert (message["column"], message["value"], message["code"]) == ("Reference_ID", "R2", "KEY_CONFLICT")
    assert ids["A"] in message["message"]
    assert ids["B"] in message["message"]
    assert partner.column("product", "Name") == ["Cup", "Saucer"]


def test_a_new_sku_with_a_known_reference_id_conflicts(partner: Partner) -> None:
    """A SKU does not change by way of the Reference_ID: the message says that System_ID is needed."""
    ids = pair(partner)

    (message,) = partner.rejected("product", "SKU_ID,Reference_ID,Name\nC,R1,Mug\n")

    assert (message["column"], message["code"]) == ("SKU_ID", "KEY_CONFLICT")
    assert f"System_ID {ids['A']}" in message["message"]


def test_a_changed_reference_id_needs_the_system_id(partner: Partner) -> None:
    """With the SKU alone the stored Reference_ID stays; with the System ID it changes."""
    ids = pair(partner)

    (message,) = partner.rejected("product", "SKU_ID,Reference_ID\nA,R9\n")
    assert (message["line"], message["column"], message["value"], message["code"]) == (
        2, "Reference_ID", "R9", "KEY_CONFLICT")  # fmt: skip
    assert message["message"] == (
        f"The record has Reference_ID 'R1', the row 'R9': to change it, send System_ID {ids['A']} with it"
    )
    assert counts(partner.send("product", f"Reference_ID,System_ID\nR9,{ids['A']}\n")) == (0, 1, 0, 0)
    assert partner.column("product", "Reference_ID") == ["R9", "R2"]


def test_clearing_a_reference_id_needs_the_system_id(partner: Partner) -> None:
    r"""\N is a change too."""
    ids = pair(partner)

    (message,) = partner.rejected("product", "SKU_ID,Reference_ID\nA,\\N\n")
    assert message["message"] == (
        f"The record has Reference_ID 'R1', the row clears it: to change it, send System_ID {ids['A']} with it"
    )
    assert counts(partner.send("product", f"Reference_ID,System_ID\n\\N,{ids['A']}\n")) == (0, 1, 0, 0)
    assert partner.column("product", "Reference_ID") == ["", "R2"]


def test_a_first_reference_id_is_taken_without_a_system_id(partner: Partner) -> None:
    """Nothing disagrees with what is stored when nothing is stored."""
    partner.send("product", "SKU_ID,Name\nA,Cup\n")

    assert counts(partner.send("product", "SKU_ID,Reference_ID\nA,R1\n")) == (0, 1, 0, 0)


def test_a_system_id_does_not_take_the_keys_of_another_product(partner: Partner) -> None:
    """Neither its SKU nor its Reference_ID: each is reported."""
    ids = pair(partner)

    assert partner.codes("product", f"SKU_ID,Reference_ID,System_ID\nB,R2,{ids['A']}\n") == [
        (2, "SKU_ID", "KEY_CONFLICT"),
        (2, "Reference_ID", "KEY_CONFLICT"),
    ]


def test_a_key_that_an_earlier_row_frees_can_be_taken(partner: Partner) -> None:
    """Rows follow one another, however many are written at once."""
    ids = pair(partner)
    for each, step in ((partner, 1), (partner.in_chunks(1), 2)):
        event = each.send("product", f"SKU_ID,System_ID\nC{step},{ids['A']}\nD{step},{ids['B']}\n")
        assert counts(event) == (0, 2, 0, 0)
        event = each.send("product", f"SKU_ID,System_ID\nE{step},{ids['A']}\nC{step},{ids['B']}\n")
        assert counts(event) == (0, 2, 0, 0)

    assert partner.ids("product", "SKU_ID") == {"E2": ids["A"], "C2": ids["B"]}


def test_keys_that_later_rows_free_are_still_taken(partner: Partner) -> None:
    """Two products can't swap SKUs in one file: the first row finds its new SKU taken, the second then too."""
    ids = pair(partner)
    for each in (partner, partner.in_chunks(1)):
        assert each.codes("product", f"SKU_ID,System_ID\nB,{ids['A']}\nA,{ids['B']}\n") == [
            (2, "SKU_ID", "KEY_CONFLICT"),
            (3, "SKU_ID", "KEY_CONFLICT"),
        ]
    assert partner.ids("product", "SKU_ID") == ids


def test_codes_keep_their_zeros_and_their_case(partner: Partner) -> None:
    """00123, 0123 and a1, A1 are four products."""
    event = partner.send("product", "SKU_ID,Name,Barcode\n00123,a,007\n0123,b,\na1,c,\nA1,d,\n")

    assert counts(event) == (4, 0, 0, 0)
    assert partner.column("product", "SKU_ID") == ["00123", "0123", "a1", "A1"]
    assert partner.column("product", "Barcode") == ["007", "", "", ""]


def test_categories_and_collections_must_exist(partner: Partner) -> None:
    """Each unknown name has a line in the report; the row is rejected once, and its value is the whole cell."""
    partner.send("category", "Category\nA\nA > B\n")
    partner.send("collection", "Name\nSummer\n")
    good = "SKU_ID,Name,Category,Collection\n1,Cup,A>B|A,Summer\n"

    event = partner.send("product", good + "2,Mug,A > C|A|D,Summer|Winter\n")

    assert counts(event) == (1, 0, 0, 1)
    assert [(each["column"], each["value"], each["code"]) for each in partner.messages(event)] == [
        ("Category", "A > C|A|D", "UNKNOWN_REFERENCE"),
        ("Category", "A > C|A|D", "UNKNOWN_REFERENCE"),
        ("Collection", "Summer|Winter", "UNKNOWN_REFERENCE"),
    ]
    assert [each["message"].split("'")[1] for each in partner.messages(event)] == ["A > C", "D", "Winter"]
    assert [each["_code"] for each in partner.read(event, ".rejected.csv")] == ["UNKNOWN_REFERENCE"]
    assert partner.column("product", "Category") == ["A > B|A"]
    assert counts(partner.send("product", good)) == (0, 0, 1, 0)


@pytest.mark.parametrize(("unknown", "told"), [(5, 5), (8, 6)])
def test_of_many_unknown_names_the_first_are_told(partner: Partner, unknown: int, told: int) -> None:
    """One cell may hold more of them than anybody reads."""
    partner.send("collection", "Name\nSummer\n")
    names = "|".join(f"C{number}" for number in range(unknown))

    messages = partner.rejected("product", f"SKU_ID,Name,Collection\n1,Cup,Summer|{names}\n")

    assert [each["message"].split("'")[1] for each in messages[:5]] == ["C0", "C1", "C2", "C3", "C4"]
    assert len(messages) == told
    for each in messages[5:]:
        assert (each["column"], each["code"]) == ("Collection", "UNKNOWN_REFERENCE")
        assert each["message"] == ("... and 3 more names of the cell are not known: send them in a COLLECTION file "
                                   "first, or correct the cell")  # fmt: skip


def test_a_product_follows_its_category(partner: Partner) -> None:
    """What is stored is the category, not its path: it may be moved and renamed."""
    partner.send("category", "Reference_ID,Category\nC1,A\nC2,A > B\n")
    partner.send("product", "SKU_ID,Name,Category\n1,Cup,A > B\n")
    partner.send("category", "Reference_ID,Category\nC1,Z\n")

    assert partner.column("product", "Category") == ["Z > B"]


def test_lists_are_replaced_and_cleared(partner: Partner) -> None:
    r"""A list cell is the whole list; \N empties it; an item that repeats counts once."""
    partner.send("category", "Category\nA\nB\n")
    partner.send("product", "SKU_ID,Name,Category,Media\n1,Cup,A|B|A,https://a.example/1|https://a.example/2\n")
    assert partner.column("product", "Category") == ["A|B"]

    partner.send("product", "SKU_ID,Category,Media\n1,B,https://a.example/3\n")
    assert partner.column("product", "Category") == ["B"]
    assert partner.column("product", "Media") == ["https://a.example/3"]

    partner.send("product", "SKU_ID,Category,Media\n1,\\N,\\N\n")
    assert partner.column("product", "Category") == [""]
    assert partner.column("product", "Media") == [""]


def test_prices_and_attributes_merge_by_name(partner: Partner) -> None:
    """A file speaks only of the open columns that it has; an empty cell keeps, a cleared one goes."""
    partner.send("product", "SKU_ID,Name,Price: Retail,Price: Trade,Attribute: Color\n1,Cup,7.90,5,white\n")

    event = partner.send("product", "SKU_ID,Price: Retail,Price: Trade,Price: VIP\n1,\\N,,4\n")

    (record,) = partner.records("product")
    assert counts(event) == (0, 1, 0, 0)
    assert {name: value for name, value in record.items() if ":" in name} == {
        "Price: Trade": "5",
        "Price: VIP": "4",
        "Attribute: Color": "white",
    }


def test_open_columns_are_the_same_in_any_spelling(partner: Partner) -> None:
    """Case, blanks, hyphens and underscores don't count: the first spelling stays, and one column goes out."""
    partner.send("product", "SKU_ID,Name,Price: Retail DE\n1,Cup,7\n")
    event = partner.send("product", "SKU_ID,Name,Price:retail_de\n1,Cup,8\n2,Mug,9\n")

    assert counts(event) == (1, 1, 0, 0)
    assert partner.column("product", "Price: Retail DE") == ["8", "9"]
    assert counts(partner.send("product", partner.csv("product"))) == (0, 0, 2, 0)


def test_equal_decimals_are_unchanged(partner: Partner) -> None:
    """1.10 and 1.1 are one amount, and what is stored keeps its digits."""
    partner.send("product", "SKU_ID,Name,MOQ,Weight,Price: Retail\n1,Cup,1.10,0,7.90\n")

    event = partner.send("product", "SKU_ID,Name,MOQ,Weight,Price: Retail\n1,Cup,1.1,-0.00,07.9000\n")

    assert counts(event) == (0, 0, 1, 0)
    assert (partner.column("product", "MOQ"), partner.column("product", "Price: Retail")) == (["1.10"], ["7.90"])


def test_unchanged_rows_are_not_written(partner: Partner) -> None:
    """updated_at moves only with a change; created_at never."""
    content = "SKU_ID,Name,Media,Attribute: a\n1,Cup,https://a.example/1,x\n"
    partner.send("product", content)
    before = Product.select().dicts().get()

    partner.send("product", content)
    assert Product.select().dicts().get() == before

    partner.send("product", content.replace("Cup", "Mug"))
    after = Product.select().dicts().get()
    assert after["updated_at"] > before["updated_at"]
    assert after["created_at"] == before["created_at"]


def test_two_accounts_never_meet(partner: Partner) -> None:
    """The same SKU and Reference_ID are two products; another account's System ID is unknown, its category too."""
    other = partner.neighbour("globex")
    ids = pair(partner)
    partner.send("category", "Category\nA\n")

    assert counts(other.send("product", "SKU_ID,Reference_ID,Name\nA,R1,Their cup\n")) == (1, 0, 0, 0)
    assert other.codes("product", f"SKU_ID,System_ID,Name,Category\nA,{ids['A']},Mine,\nC,,Mug,A\n") == [
        (2, "System_ID", "UNKNOWN_SYSTEM_ID"),
        (3, "Category", "UNKNOWN_REFERENCE"),
    ]
    assert partner.column("product", "Name") == ["Cup", "Saucer"]
    assert other.column("product", "Name") == ["Their cup"]


@pytest.mark.parametrize("stored", ["M\u00f6bel > Gro\u00dfe St\u00fchle", "Mo\u0308bel > Gro\u00dfe Stu\u0308hle"])
@pytest.mark.parametrize(
    "sent",
    [
        "M\u00f6bel > Gro\u00dfe\u00a0St\u00fchle",
        "Mo\u0308bel>Gro\u00dfe Stu\u0308hle",
        "M\u00f6bel > Gro\u00dfe Stu\u0308hle",
    ],
)
def test_a_category_that_looks_the_same(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner], stored: str, sent: str
) -> None:
    """Composed or not, with another blank: nobody sees that the cell is not what the category is called."""
    partner = make_partner(make_settings("sqlite"))
    partner.send("category", f"Category\n{stored.partition(' > ')[0]}\n{stored}\n")
    partner.send("collection", "Name\nS\u00fcd\n")

    event = partner.send("product", f"SKU_ID,Name,Category,Collection\n1,a,{sent}|{stored},Su\u0308d\n2,b,Mobel,\n")

    assert counts(event) == (1, 0, 0, 1)
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [(3, "UNKNOWN_REFERENCE")]
    assert [(each["Category"], each["Collection"]) for each in partner.records("product")] == [(stored, "S\u00fcd")]


def test_what_is_called_so_comes_before_what_looks_so(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]
) -> None:
    """And of two that only look so the one whose letters are composed."""
    partner = make_partner(make_settings("sqlite"))
    partner.send("category", "Category\nMo\u0308 1\nM\u00f6 1\n")

    partner.send("product", "SKU_ID,Name,Category\n1,a,Mo\u0308 1\n2,b,M\u00f6 1\n3,c,Mo\u0308\u00a01\n")

    assert partner.column("product", "Category") == ["Mo\u0308 1", "M\u00f6 1", "M\u00f6 1"]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_conflict_names_the_sku_that_the_record_has_by_then(partner: Partner, chunk_rows: int) -> None:
    """A row before has changed it, by the System ID."""
    system_id = pair(partner)["A"]

    event = partner.in_chunks(chunk_rows).send("product", f"SKU_ID,Reference_ID,System_ID\nA2,,{system_id}\nA3,R1,\n")

    assert counts(event) == (0, 1, 0, 1)
    assert [(each["line"], each["code"], each["message"]) for each in partner.messages(event)] == [
        (3, "KEY_CONFLICT", "Reference_ID 'R1' belongs to SKU_ID 'A2', not 'A3': to change SKU_ID, send System_ID "
                            f"{system_id} with it")]  # fmt: skip
