"""The rules of customers (design section 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from handlers.customers import name_key
from models import Customer, database, is_postgres
from settings import Settings
from tests.partner import Partner, counts

HEADER = "Reference_ID,Company_Name,Phone\n"


def test_a_customer_is_found_by_system_id_then_by_reference_id(partner: Partner) -> None:
    """Either may come with a new company name."""
    partner.send("customer", HEADER + "K1,Delta,\nK2,Echo,\n")
    ids = partner.ids("customer", "Reference_ID")

    event = partner.send("customer", f"System_ID,Reference_ID,Company_Name\n{ids['K1']},K9,Delta GmbH\n,K2,Echo Ltd\n")

    assert counts(event) == (0, 2, 0, 0)
    assert partner.ids("customer", "Reference_ID") == {"K9": ids["K1"], "K2": ids["K2"]}
    assert partner.column("customer", "Company_Name") == ["Delta GmbH", "Echo Ltd"]


def test_a_reference_id_of_another_customer_conflicts(partner: Partner) -> None:
    """A System ID does not take it over."""
    partner.send("customer", HEADER + "K1,Delta,\nK2,Echo,\n")
    ids = partner.ids("customer", "Reference_ID")

    assert partner.codes("customer", f"System_ID,Reference_ID\n{ids['K1']},K2\n") == [
        (2, "Reference_ID", "KEY_CONFLICT")
    ]


def test_the_company_name_is_the_last_resort(partner: Partner) -> None:
    """Case, blanks around and runs of blanks don't count; the record takes the new spelling."""
    partner.send("customer", HEADER + "K1,Straße & Söhne,\n")

    event = partner.send("customer", 'Company_Name,Phone\n"  STRASSE  &  söhne ",5\n')

    assert counts(event) == (0, 1, 0, 0)
    (record,) = partner.records("customer")
    assert (record["Reference_ID"], record["Company_Name"], record["Phone"]) == ("K1", "STRASSE  &  söhne", "5")


def test_a_namesake_without_a_reference_id_takes_it(partner: Partner) -> None:
    """One match without a different Reference_ID is the record."""
    partner.send("customer", "Company_Name\nDelta\n")

    assert counts(partner.send("customer", HEADER + "K1,delta,\n")) == (0, 1, 0, 0)
    assert partner.column("customer", "Reference_ID") == ["K1"]


def test_several_namesakes_are_ambiguous(partner: Partner) -> None:
    """The row says which is meant, or nothing happens."""
    partner.send("customer", HEADER + "K1,Delta,\nK2,Delta,\n")

    (message,) = partner.rejected("customer", "Company_Name,Phone\nDELTA,5\n")

    assert (message["column"], message["value"], message["code"]) == ("Company_Name", "DELTA", "AMBIGUOUS_MATCH")
    assert message["message"] == "2 customers are called 'DELTA': say which by System_ID or Reference_ID"
    assert partner.column("customer", "Phone") == ["", ""]


def test_a_namesake_with_another_reference_id_is_a_new_customer(partner: Partner) -> None:
    """The warning names the other one."""
    partner.send("customer", HEADER + "K1,Delta,\n")

    event = partner.send("customer", HEADER + "K2,delta,\n")

    assert (event.status, event.warnings, counts(event)) == ("completed", 1, (1, 0, 0, 0))
    (message,) = partner.messages(event)
    assert (message["line"], message["column"], message["value"], message["code"]) == (
        2, "Company_Name", "delta", "POSSIBLE_DUPLICATE")  # fmt: skip
    assert "'Delta' exists with Reference_ID 'K1': check" in message["message"]


def test_the_warning_has_the_names_as_they_are_stored(partner: Partner) -> None:
    """Which is what can be looked up, also where they are written in several ways."""
    partner.send("customer", HEADER + "K1,M\u00fcller GmbH,\nK2,M\u00dcLLER GMBH,\nK3,M\u00fcller GmbH,\n")

    (message,) = partner.rejected("customer", HEADER + "K4,m\u00fcller gmbh,\n")

    assert message["message"] == (
        "A new customer was made, but 'M\u00fcller GmbH' exists with Reference_ID 'K1', 'K3' and 'M\u00dcLLER GMBH' "
        "exists with Reference_ID 'K2': check whether they are the same"
    )


def test_namesakes_of_one_file_are_warned_of_too(partner: Partner) -> None:
    """The second of them is the possible duplicate, whether a chunk lies between or not."""
    for each, name in ((partner, "Delta"), (partner.in_chunks(1), "Echo")):
        event = each.send("customer", HEADER + f"{name}1,{name},\n{name}2,{name.upper()},\n")

        assert counts(event) == (2, 0, 0, 0)
        assert [(line["line"], line["code"]) for line in each.messages(event)] == [(3, "POSSIBLE_DUPLICATE")]


def test_the_first_row_takes_the_namesake_without_a_reference_id(partner: Partner) -> None:
    """The next with another Reference_ID is new, whether a chunk lies between or not."""
    for each, name in ((partner, "Delta"), (partner.in_chunks(1), "Echo")):
        each.send("customer", f"Company_Name\n{name}\n")
        event = each.send("customer", HEADER + f"{name}1,{name},\n{name}2,{name},\n")

        assert counts(event) == (1, 1, 0, 0)
        assert [(line["line"], line["code"]) for line in each.messages(event)] == [(3, "POSSIBLE_DUPLICATE")]
    assert partner.column("customer", "Reference_ID") == ["Delta1", "Delta2", "Echo1", "Echo2"]


def test_a_name_alone_on_two_rows_is_a_duplicate(partner: Partner) -> None:
    """A row that nothing but its name tells apart rejects its namesakes too."""
    assert partner.codes("customer", HEADER + ",Delta,\nK1, delta,\nK2,Echo,\n") == [
        (2, "Company_Name", "DUPLICATE_IN_FILE"),
        (3, "Company_Name", "DUPLICATE_IN_FILE"),
    ]
    assert partner.column("customer", "Company_Name") == ["Echo"]


def test_no_namesake_with_an_id_is_to_be_taken_out(partner: Partner) -> None:
    """They are different customers; the row without an ID is at fault."""
    messages = partner.rejected("customer", HEADER + "K1,Delta,\nK2,Delta,\n,Delta,\n")

    same, neither = "'Delta' stands on lines 2, 3 and 4, and", "has neither System_ID nor Reference_ID: give it one, or"
    assert [each["message"] for each in messages] == [
        f"{same} one of them {neither} take that row out",
        f"{same} one of them {neither} take that row out",
        f"{same} this row {neither} take it out; if none of them has one, keep one of them",
    ]


def test_a_name_that_several_have_says_nothing_against_their_ids(partner: Partner) -> None:
    """A row with nothing but that name means none of them; those with a System_ID or Reference_ID go in."""
    partner.send("customer", HEADER + "K1,Delta,\nK2,Delta,\n")
    ids = partner.ids("customer", "Reference_ID")

    event = partner.send("customer", "System_ID,Reference_ID,Company_Name,Phone\n"
                         f",K1,Delta,1\n,,Delta,2\n{ids['K2']},,Delta,3\n")  # fmt: skip

    assert counts(event) == (0, 2, 0, 1)
    assert [(each["line"], each["column"], each["code"]) for each in partner.messages(event)] == [
        (3, "Company_Name", "AMBIGUOUS_MATCH")]  # fmt: skip
    assert partner.column("customer", "Phone") == ["1", "3"]


def test_customers_written_by_sql_are_found(partner: Partner) -> None:
    """Other programs don't know how names are folded: name_key is filled in, in a dry run and after a refusal too."""
    for name in ("Straße", "Delta"):
        Customer.create(account=partner.account, company_name=name, name_key=None)
    content = "Company_Name,Phone\nSTRASSE,1\nDELTA,2\n"

    dry = partner.in_chunks(1).send("customer", content, dry_run=True)
    event = partner.send("customer", content)

    assert (counts(dry), counts(event)) == ((0, 2, 0, 0), (0, 2, 0, 0))
    assert [each.name_key for each in Customer.select().order_by(Customer.system_id)] == ["strasse", "delta"]


def test_a_customer_renamed_by_sql_is_found_by_the_new_name_alone(partner: Partner) -> None:
    """Under its former name another firm may come."""
    partner.send("customer", HEADER + "K1,Delta,\n")
    if not is_postgres():
        database.execute_sql("PRAGMA recursive_triggers = ON")  # as a program may have it
    database.execute_sql("UPDATE customer SET company_name = 'Echo'")

    event = partner.send("customer", "Company_Name,Phone\nECHO,1\nDelta,2\n")

    assert counts(event) == (1, 1, 0, 0)
    assert [(each["Reference_ID"], each["Company_Name"], each["Phone"]) for each in partner.records("customer")] == [
        ("K1", "ECHO", "1"), ("", "Delta", "2")]  # fmt: skip


def test_a_customer_renamed_by_peewee_is_found_by_the_new_name_alone(partner: Partner) -> None:
    """Whatever name it had when the program read it, before an import renamed it."""
    partner.send("customer", HEADER + "K1,Delta,\n")
    theirs = Customer.get()
    partner.send("customer", HEADER + "K1,Echo,\n")
    theirs.company_name = "Foxtrot"
    theirs.save()

    event = partner.send("customer", "Company_Name,Phone\nFoxtrot,1\nDelta,2\n")

    assert counts(event) == (1, 1, 0, 0)
    assert partner.column("customer", "Phone") == ["1", "2"]


def test_an_import_that_renames_leaves_the_right_key(partner: Partner) -> None:
    """Also where the new spelling has the key of the former, which a trigger takes for a forgotten one."""
    partner.send("customer", HEADER + "K1,Delta,\nK2,Echo,\n")

    assert counts(partner.send("customer", HEADER + "K1,Delta Ltd,\nK2,ECHO,\n")) == (0, 2, 0, 0)

    assert [each.name_key for each in Customer.select().order_by(Customer.system_id)] == ["delta ltd", "echo"]


def test_a_reference_id_is_not_cleared_by_name(partner: Partner) -> None:
    r"""\N with nothing but the name would unlink the customer from the partner's books: that needs the System ID."""
    partner.send("customer", HEADER + "K1,Delta,\n")

    assert partner.codes("customer", HEADER + "\\N,Delta,\n") == [(2, "Reference_ID", "KEY_CONFLICT")]


def test_a_customer_without_a_name_is_not_created(partner: Partner) -> None:
    """Company_Name is all that a new one needs."""
    (message,) = partner.rejected("customer", HEADER + "K1,,5\n")

    assert (message["column"], message["code"]) == ("Company_Name", "REQUIRED")


def test_customers_of_two_accounts_never_meet(partner: Partner) -> None:
    """Neither by Reference_ID nor by name; no warning gives the other away."""
    other = partner.neighbour("globex")
    partner.send("customer", HEADER + "K1,Delta,\n")

    event = other.send("customer", HEADER + "K1,Delta,\nK2,Delta Ltd,\n")

    assert (counts(event), event.warnings) == ((2, 0, 0, 0), 0)
    assert partner.column("customer", "Company_Name") == ["Delta"]


def test_a_company_name_that_looks_the_same(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]
) -> None:
    """Composed or not, with what nobody sees: it is the customer, or a warning that it may be."""
    partner = make_partner(make_settings("sqlite"))
    partner.send("customer", HEADER + "K1,S\u00f6hne AG,\n")

    assert counts(partner.send("customer", "Company_Name,Phone\nSo\u0308hne\u200b\u00a0AG,5\n")) == (0, 1, 0, 0)
    assert partner.codes("customer", HEADER + "K2,So\u0308hne AG,\n") == [(2, "Company_Name", "POSSIBLE_DUPLICATE")]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_long_names_are_compared_whole(partner: Partner, chunk_rows: int) -> None:
    """Folded, a name may be three times as long as the column is."""
    begin, shouted = 250 * "ß", 250 * "SS"
    partner.send("customer", f"Company_Name,Email\n{begin}a,a@a.example\n")

    event = partner.in_chunks(chunk_rows).send(
        "customer", f"Company_Name,Email\n{begin}b,b@b.example\n{begin}c,c@c.example\n{shouted},d@d.example\n"
    )

    assert (counts(event), partner.messages(event)) == ((3, 0, 0, 0), [])
    assert partner.column("customer", "Email") == ["a@a.example", "b@b.example", "c@c.example", "d@d.example"]
    assert partner.codes("customer", f"Company_Name\n{begin}\n{shouted}\n") == [
        (line, "Company_Name", "DUPLICATE_IN_FILE") for line in (2, 3)]  # fmt: skip
    assert counts(partner.send("customer", f"Company_Name,Email\n  {begin}B,\\N\n{begin},\\N\n")) == (0, 2, 0, 0)


def test_no_name_is_compared_as_another_cut_one() -> None:
    """What stands for a long one has two blanks in a row, as no folded name has; the key fits its column."""
    key = name_key(500 * "ß")

    assert len(key) == 500
    assert name_key(key) != key
    assert name_key(250 * "ß") == 500 * "s"
