"""The rules of contacts (design section 7)."""

from __future__ import annotations

import pytest

from tests.partner import Partner, counts

HEADER = "Contact_Reference_ID,Customer_Reference_ID,First_Name,Last_Name,Email,Phone\n"


@pytest.fixture
def partner(partner: Partner) -> Partner:
    """A partner with the customers K1 and K2."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\nK2,Echo\n")
    return partner


def test_a_contact_is_found_by_its_own_ids(partner: Partner) -> None:
    """Even with another e-mail address."""
    partner.send("contact", HEADER + "P1,K1,Ada,,ada@d.example,\n")
    (system_id,) = partner.column("contact", "Contact_System_ID")

    assert counts(partner.send("contact", HEADER + "P1,,,,new@d.example,\n")) == (0, 1, 0, 0)
    event = partner.send("contact", f"Contact_System_ID,Contact_Reference_ID,First_Name\n{system_id},P2,Eve\n")
    assert counts(event) == (0, 1, 0, 0)
    (record,) = partner.records("contact")
    assert (record["Contact_Reference_ID"], record["First_Name"], record["Email"]) == ("P2", "Eve", "new@d.example")


def test_else_customer_and_email_are_the_key(partner: Partner) -> None:
    """In any case; the same address at another customer is another contact."""
    partner.send("contact", HEADER + "P1,K1,Ada,,ada@d.example,\n")

    event = partner.send("contact", HEADER + ",K1,Ada,Byron,ADA@d.example,\n,K2,Ada,,ada@d.example,\n")

    assert counts(event) == (1, 1, 0, 0)
    assert [(each["Customer_Reference_ID"], each["Last_Name"]) for each in partner.records("contact")] == [
        ("K1", "Byron"), ("K2", "")]  # fmt: skip


@pytest.mark.parametrize("chunk_rows", [1, 1000])
def test_a_contact_gets_its_reference_later(partner: Partner, chunk_rows: int) -> None:
    """By customer and e-mail, once: a second Reference_ID is another contact's, and so is another customer's."""
    partner = partner.in_chunks(chunk_rows)
    partner.send("contact", HEADER + ",K1,Ada,Byron,ada@d.example,1\n")
    (system_id,) = partner.column("contact", "Contact_System_ID")

    event = partner.send("contact", HEADER + "P0,K2,Ada,,ada@d.example,\nP1,K1,Ada,,ADA@d.example,\n"
                         "P2,K1,Eve,,ada@d.example,\n")  # fmt: skip

    assert counts(event) == (2, 1, 0, 0)
    named = {each["Contact_Reference_ID"]: each for each in partner.records("contact")}
    assert (named["P1"]["Contact_System_ID"], named["P1"]["Phone"]) == (system_id, "1")
    assert {name: each["First_Name"] for name, each in named.items()} == {"P0": "Ada", "P1": "Ada", "P2": "Eve"}


def test_two_contacts_who_may_get_a_reference(partner: Partner) -> None:
    """Nothing tells which of them it is for."""
    partner.send("contact", HEADER + "P1,K1,Ada,,ada@d.example,\nP2,K1,Eve,,ada@d.example,\n")
    ids = partner.column("contact", "Contact_System_ID")
    partner.send("contact", "Contact_System_ID,Contact_Reference_ID\n" + "".join(f"{each},\\N\n" for each in ids))

    (message,) = partner.rejected("contact", HEADER + "P3,K1,Ada,,ada@d.example,\n")

    assert (message["column"], message["code"]) == ("Email", "AMBIGUOUS_MATCH")
    assert message["message"].endswith("say which by Contact_System_ID")


@pytest.mark.parametrize("chunk_rows", [1, 1000])
def test_a_reference_for_whom_the_row_before_has_made_known(partner: Partner, chunk_rows: int) -> None:
    """Rows act as if they were written one after the other: the first moves the address on to the contact."""
    partner = partner.in_chunks(chunk_rows)
    partner.send("contact", HEADER + ",K1,Ada,,ada@d.example,\n")
    (system_id,) = partner.column("contact", "Contact_System_ID")

    event = partner.send("contact", "Contact_System_ID,Contact_Reference_ID,Customer_Reference_ID,First_Name,Email\n"
                         f"{system_id},,,,new@d.example\n,P1,K1,Ada,new@d.example\n"
                         ",P2,K1,Eve,ada@d.example\n")  # fmt: skip

    assert counts(event) == (1, 2, 0, 0)
    assert partner.column("contact", "Contact_Reference_ID") == ["P1", "P2"]


@pytest.mark.parametrize("chunk_rows", [1, 1000])
def test_a_reference_for_whom_another_row_names_by_its_system_id(partner: Partner, chunk_rows: int) -> None:
    """Both are written, one after the other, however many share a transaction."""
    partner = partner.in_chunks(chunk_rows)
    partner.send("contact", HEADER + ",K1,Ada,,ada@d.example,\n")
    (system_id,) = partner.column("contact", "Contact_System_ID")

    event = partner.send("contact", "Contact_System_ID,Contact_Reference_ID,Customer_Reference_ID,First_Name,Email\n"
                         f"{system_id},,,Adele,\n,P1,K1,Ada,ada@d.example\n")  # fmt: skip

    assert counts(event) == (0, 2, 0, 0)
    assert partner.ids("contact", "Contact_Reference_ID") == {"P1": system_id}


@pytest.mark.parametrize("chunk_rows", [1, 1000])
def test_what_a_row_before_makes_of_a_contact(partner: Partner, chunk_rows: int) -> None:
    """The first row moves the address on to P1, whom the second finds by it; the third makes another contact."""
    partner.send("contact", HEADER + "P1,K1,Ada,,ada@d.example,\n")

    event = partner.in_chunks(chunk_rows).send("contact", HEADER + "P1,,,,new@d.example,\n"
                                               ",K1,Ada,,new@d.example,\n,K1,Eve,,ada@d.example,\n")  # fmt: skip

    assert counts(event) == (1, 1, 1, 0)


@pytest.mark.parametrize("chunk_rows", [1, 1000])
@pytest.mark.parametrize("rows", [",K1,Anna,,a@b.example,1\nC1,,Anne,,,\n", "C1,,Anna,,,\n,K1,Anne,,a@b.example,1\n"])
def test_a_contact_named_by_its_reference_and_found_by_its_email(partner: Partner, chunk_rows: int, rows: str) -> None:
    """Both rows are written, one after the other, however many share a transaction."""
    partner.send("contact", HEADER + "C1,K1,Ada,,a@b.example,\n")

    event = partner.in_chunks(chunk_rows).send("contact", HEADER + rows)

    assert counts(event) == (0, 2, 0, 0)
    (record,) = partner.records("contact")
    assert (record["First_Name"], record["Phone"]) == ("Anne", "1")


def test_people_without_email_are_told_apart_by_name_and_phone(partner: Partner) -> None:
    """The same row sent again is unchanged."""
    content = HEADER + ",K1,Ada,Byron,,1\n,K1,Ada,Byron,,2\n,K1,Ada,,,1\n"

    assert counts(partner.send("contact", content)) == (3, 0, 0, 0)
    assert counts(partner.send("contact", content)) == (0, 0, 3, 0)


def test_one_email_on_two_rows_of_a_customer_is_a_duplicate(partner: Partner) -> None:
    """Unless both have IDs of their own."""
    assert partner.codes("contact", HEADER + ",K1,Ada,,a@d.example,\n,K1,Eve,,A@D.example,\n") == [
        (2, "Email", "DUPLICATE_IN_FILE"),
        (3, "Email", "DUPLICATE_IN_FILE"),
    ]
    assert counts(partner.send("contact", HEADER + "P1,K1,Ada,,a@d.example,\nP2,K1,Eve,,a@d.example,\n")) == (
        2,
        0,
        0,
        0,
    )
    assert partner.codes("contact", HEADER + ",K1,Ada,,a@d.example,\n") == [(2, "Email", "AMBIGUOUS_MATCH")]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_what_makes_contacts_the_same_is_told(partner: Partner, chunk_rows: int) -> None:
    """Under a column that it stands in; name and phone are several, and a file may have no Email."""
    message = (
        "Lines {} are the same contact of one customer (same {}), and this row has neither Contact_System_ID nor "
        "Contact_Reference_ID: give it one, or take it out; if none of them has one, keep one of them"
    )

    event = partner.in_chunks(chunk_rows).send(
        "contact", HEADER + ",K1,Ada,,a@d.example,\n,K1,Eve,,,7\n,K1,Zoe,,A@d.example,\n,K1,EVE,,\\N,7\n")  # fmt: skip

    assert [(each["line"], each["column"], each["value"], each["message"]) for each in partner.messages(event)] == [
        (2, "Email", "a@d.example", message.format("2 and 4", "e-mail address")),
        (3, "", "", message.format("3 and 5", "name and phone")),
        (4, "Email", "A@d.example", message.format("2 and 4", "e-mail address")),
        (5, "", "", message.format("3 and 5", "name and phone")),
    ]
    assert partner.codes("contact", "Customer_Reference_ID,First_Name\nK1,Ada\nK1,ada\n") == [
        (2, "", "DUPLICATE_IN_FILE"), (3, "", "DUPLICATE_IN_FILE")]  # fmt: skip


def test_the_row_without_an_id_is_the_one_at_fault(partner: Partner) -> None:
    """Nobody is told to take out a contact who has one."""
    messages = partner.rejected("contact", HEADER + "P1,K1,Ada,,a@d.example,\n,K1,Ada,,a@d.example,\n")

    same = "Lines 2 and 3 are the same contact of one customer (same e-mail address), and"
    neither = "has neither Contact_System_ID nor Contact_Reference_ID: give it one, or take"
    assert [each["message"] for each in messages] == [
        f"{same} one of them {neither} that row out",
        f"{same} this row {neither} it out; if none of them has one, keep one of them",
    ]


def test_contacts_of_whom_no_customer_is_named_are_not_the_same(partner: Partner) -> None:
    """They may be different customers', and a row that needs one rejects nobody but itself."""
    partner.send("contact", HEADER + "P1,K1,Ada,,,\nP2,K2,Bob,,,\n")

    event = partner.send("contact", HEADER + "P1,,Ann,,sales@x.example,\nP2,,Bob,,sales@x.example,\n"
                         ",,Zoe,,sales@x.example,\n,\\N,Zoe,,sales@x.example,\n")  # fmt: skip

    assert counts(event) == (0, 2, 0, 2)
    assert [(each["line"], each["column"], each["code"]) for each in partner.messages(event)] == [
        (4, "Customer_Reference_ID", "REQUIRED"), (5, "Customer_Reference_ID", "REQUIRED")]  # fmt: skip


def test_contacts_of_an_unknown_customer_are_no_duplicates(partner: Partner) -> None:
    """Nobody is to take one out: the customer is what is wrong. Those of a known one are."""
    content = ",K9,Ada,,a@x.example,\nP1,K9,Eve,,a@x.example,\n,K9,Zoe,,a@x.example,\n,K1,Ada,,,\n,K1,ada,,,\n"

    assert [(line, code) for line, _, code in partner.codes("contact", HEADER + content)] == [
        (2, "UNKNOWN_REFERENCE"), (3, "UNKNOWN_REFERENCE"), (4, "UNKNOWN_REFERENCE"), (5, "DUPLICATE_IN_FILE"),
        (6, "DUPLICATE_IN_FILE")]  # fmt: skip


def test_contacts_who_share_an_address_are_told_apart_by_their_ids(partner: Partner) -> None:
    """A row without one means none of them; the others go in."""
    partner.send("contact", HEADER + "P1,K1,Ada,,a@x.example,\nP2,K1,Eve,,a@x.example,\n")

    event = partner.send("contact", HEADER + "P1,K1,Ann,,a@x.example,\n,K1,Zoe,,a@x.example,\n")

    assert counts(event) == (0, 1, 0, 1)
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [(3, "AMBIGUOUS_MATCH")]


def test_a_contact_that_is_like_several_has_no_column_of_its_own(partner: Partner) -> None:
    """People without e-mail are told apart by their names and phones, which are several columns."""
    partner.send("contact", HEADER + "P1,K1,Ada,,,7\nP2,K1,Ada,,,7\n")

    (message,) = partner.rejected("contact", "Customer_Reference_ID,First_Name,Phone\nK1,Ada,7\n")

    assert (message["column"], message["code"], message["message"]) == (
        "", "AMBIGUOUS_MATCH", "2 contacts of the customer are like this one (same name and phone): say which by "
        "Contact_System_ID or Contact_Reference_ID")  # fmt: skip


def test_the_customer_must_exist(partner: Partner) -> None:
    """An unknown one, and none at all."""
    assert partner.codes("contact", HEADER + ",K9,Ada,,,\n,,Ada,,,\n") == [
        (2, "Customer_Reference_ID", "UNKNOWN_REFERENCE"),
        (3, "Customer_Reference_ID", "REQUIRED"),
    ]


def test_an_unknown_system_id_is_refused(partner: Partner) -> None:
    """Under the contact's own column."""
    content = "Contact_System_ID,Customer_Reference_ID,First_Name\n01890000-0000-7000-8000-000000000000,K1,Ada\n"

    assert partner.codes("contact", content) == [(2, "Contact_System_ID", "UNKNOWN_SYSTEM_ID")]


@pytest.mark.parametrize("email", ["ada", "ada@example", "a b@d.example", "a@d.example, b@d.example", "<a@d.example>"])
def test_a_cell_holds_one_email_address(partner: Partner, email: str) -> None:
    """Nothing around it, no second one."""
    content = f'Customer_Reference_ID,First_Name,Email\nK1,Ada,"{email}"\n'

    assert partner.codes("contact", content) == [(2, "Email", "INVALID_VALUE")]


def test_contacts_of_two_accounts_never_meet(partner: Partner) -> None:
    """The same customer number, the same person: two contacts."""
    other = partner.neighbour("globex")
    other.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    content = HEADER + "P1,K1,Ada,,ada@d.example,\n"

    assert counts(partner.send("contact", content)) == (1, 0, 0, 0)
    assert counts(other.send("contact", content)) == (1, 0, 0, 0)
    assert len(other.records("contact")) == 1
