"""How contacts of customers are imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from handlers.addresses import CustomerPartHandler, customer_named, folded
from handlers.keys import own_keys
from imports.rows import Row
from imports.scan import Key, Texts
from models import Contact
from schemas import CLEAR
from schemas.contact import ContactSchema


class ContactHandler(CustomerPartHandler):
    schema, model = ContactSchema, Contact
    id_columns = ("Contact_System_ID", "Contact_Reference_ID")
    unique = {"Contact_Reference_ID": "reference_id"}
    likeness_column = "Email"
    key_columns = ("Contact_Reference_ID", "Customer_System_ID", "Customer_Reference_ID", "First_Name", "Last_Name",
                   "Email", "Phone")  # fmt: skip
    after = ("customer",)

    def keys(self, texts: Texts) -> Iterable[Key]:
        yield from own_keys(texts, *self.id_columns)
        likeness = self.likeness({"email": texts("Email"), "first_name": texts("First_Name"),
                                  "last_name": texts("Last_Name"), "phone": texts("Phone")})  # fmt: skip
        yield Key(self.likeness_column, "\t".join([customer_named(texts), *likeness]), strong=self.without_ids(texts))

    def alike_by(self, row: Row) -> tuple[str, str]:
        if row.text("Email") in ("", CLEAR):
            return "", " (same name and phone)"
        return "Email", " (same e-mail address)"

    def likeness(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        """The e-mail address; people without one are told apart by name and phone."""
        if record.get("email"):
            return ("email", folded(record["email"]))
        return ("name", *(folded(record.get(attribute)) for attribute in ("first_name", "last_name", "phone")))
