"""Customers by the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from handlers.customers import name_key
from models import Account, Address, Contact, Customer, OpenName, Outbox
from settings import Settings

Run = Callable[..., Result]
Done = Callable[..., str]

WHOLE = {
    "company_name": "Délta  Cafe",
    "reference_id": "K9",
    "email": "office@delta.example",
    "currency": "eur",
    "status": "inactive",
    "attributes": {"REGION": "North", "Size": None},
    "addresses": [
        {"reference_id": "A1", "type": "Billing", "line_1": "1 High Street", "city": "Leeds", "country": "gb",
         "is_default": True},
        {"type": "shipping", "line_1": "2 High Street", "city": "Leeds", "country": "GB", "is_default": "N"},
    ],
    "contacts": [{"first_name": "Eva", "email": "eva@delta.example", "is_primary": "y"}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def acme(settings: Settings) -> Account:
    account: Account = Account.create(name="acme")
    return account


def refused(run: Run, content: Any) -> str:
    result = run("customer", "add", "-", "--account", "acme", input=json.dumps(content))
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert [model.select().count() for model in (Customer, Address, Contact, Outbox, OpenName)] == [0] * 5
    return result.stderr


def test_add_prints_the_system_id(done: Done, acme: Account) -> None:
    """The example of the documentation; a new customer is exported."""
    printed = done("customer", "add", "-", "--account", "acme", input='{"company_name": "Delta", "reference_id": "K9"}')

    customer = Customer.get()
    assert printed == f"{customer.system_id}\n"
    assert (customer.account_id, customer.company_name, customer.status) == (acme.id, "Delta", "active")
    assert [(row.kind, row.system_id) for row in Outbox.select()] == [("customer", customer.system_id)]


def test_add_with_attributes_addresses_and_contacts(done: Done, acme: Account) -> None:
    """All of it belongs to the customer, and imports find what they would have made themselves."""
    OpenName.create(account=acme, entity="customer", prefix="Attribute", key="region", name="Region")

    made = json.loads(done("customer", "add", "-", "--account", "acme", "--json", input=json.dumps([WHOLE])))

    customer = Customer.get()
    assert made == [{"system_id": customer.system_id, "reference_id": "K9", "company_name": "Délta  Cafe"}]
    assert (customer.currency, customer.status, customer.attributes) == ("EUR", "inactive", {"Region": "North"})
    assert customer.name_key == name_key("délta cafe")
    billing, shipping = customer.addresses.order_by(Address.line_1)
    assert (billing.reference_id, billing.type, billing.country, billing.is_default) == ("A1", "billing", "GB", True)
    assert (shipping.reference_id, shipping.is_default, shipping.account_id) == (None, False, acme.id)
    contact = customer.contacts.get()
    assert (contact.first_name, contact.email, contact.is_primary) == ("Eva", "eva@delta.example", True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"reference_id": "K9"}, "customer.company_name: is missing or empty: give a value"),
        ({"company_name": "\\N"}, r"customer.company_name: '\N' clears a value in files and is none itself: give a "
         "value"),
        ({"company_name": "x", "phone": " \\N"}, r"customer.phone: '\N' clears a value in files and is none itself: "
         "leave the key out, or write null"),
        ({"company_name": "x", "attributes": {"a": "\\N"}}, r"customer.attributes.a: '\N' clears a value in files"),
        ({"company_name": "x", "contacts": [{"first_name": "Eva", "role": "\\N"}]},
         r"customer.contacts[0].role: '\N' clears a value in files"),
        ({"company_name": "x" * 501}, "customer.company_name: The text has 501 characters: at most 500 fit"),
        ({"company_name": "x", "attributes": ["a"]}, "customer.attributes: a list stands here: expected an object of"),
        ({"company_name": "x", "attributes": {"a b": 1}}, 'customer.attributes["a b"]: the number 1 stands here'),
        ({"company_name": "x", "attributes": {"Size": "1", "size": "2"}}, "customer.attributes.size: the name means"),
        ({"company_name": "x", "attributes": {"La\u0308nge": "1", "l\u00e4n\u00adge": "2"}},
         r'customer.attributes["l\u00e4n\u00adge"]: the name means the same'),
        ({"company_name": "x", "attributes": {"a\u0007": "1"}},
         r'customer.attributes["a\u0007"]: the name holds the control character U+0007: write it without'),
        ({"company_name": "x", "attributes": {"": "1"}}, 'customer.attributes[""]: a name has 1 to 200'),
        ({"company_name": "x", "attributes": {"ß" * 101: "1"}},
         'customer.attributes["' + r"\u00df" * 60 + '"]: a name has 1 to 200'),
        ({"company_name": "x", "addresses": [{"type": "both", "line_1": "1", "city": "y", "country": "XX"}]},
         "customer.addresses[0].country: 'XX' is not a country"),
        ({"company_name": "x", "contacts": [{"first_name": "Eva", "is_primary": "maybe"}]},
         "customer.contacts[0].is_primary: 'maybe' is neither Y nor N: write one of them"),
        ({"company_name": "x", "contacts": [{"first_name": "A", "reference_id": "C"},
                                            {"first_name": "B", "reference_id": "C"}]},
         "customer.contacts[1].reference_id: 'C' is taken by customer.contacts[0]"),
        ([{"company_name": "x", "reference_id": "1"}, {"company_name": "y", "reference_id": "1"}],
         "customers[1].reference_id: '1' is taken by customers[0]"),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_customer_that_is_not_right(run: Run, content: Any, message: str) -> None:
    """Exit status 1, one line, nothing stored."""
    said = refused(run, content)

    assert said.startswith(f"Error: Nothing was stored. {message}")
    assert said.count("\n") == 1


def test_a_reference_id_that_is_taken(run: Run, done: Done, acme: Account) -> None:
    """By a customer, an address or a contact of the account: not one record is made."""
    done("customer", "add", "-", "--account", "acme", input=json.dumps(WHOLE))
    stored, address = Customer.get(), Address.get(reference_id="A1")

    result = run("customer", "add", "-", "--account", "acme", input=json.dumps(WHOLE))

    assert (result.exit_code, result.stderr.splitlines()) == (1, [
        "Error: Nothing was stored.",
        f"customer.reference_id: 'K9' is taken by the customer {stored.system_id}: give another one to a new customer",
        f"customer.addresses[0].reference_id: 'A1' is taken by the address {address.system_id}: give another one to a "
        "new address",
    ])  # fmt: skip
    assert [model.select().count() for model in (Customer, Address, Contact)] == [1, 2, 1]
