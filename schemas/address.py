"""The template of customers' addresses."""

from __future__ import annotations

from typing import Any

from schemas.base import TemplateSchema
from schemas.countries import COUNTRIES, MEANT
from schemas.fields import CellField, Choice, Code, Phone, SystemId, Text, YesNo
from schemas.formats import invalid
from schemas.quoting import quoted


class Country(CellField):
    """Two letters of ISO 3166."""

    def _deserialize(self, value: str, attr: str | None, data: Any, **kwargs: Any) -> str:
        code = value.upper() if value.isascii() else value  # else a single letter may be two: SS of ß
        if code in MEANT:
            raise invalid(f"{quoted(value)} is no code of ISO 3166: {MEANT[code]}")
        if code not in COUNTRIES:
            raise invalid(f"{quoted(value)} is not a country: write two letters of ISO 3166, such as DE")
        return code


class AddressSchema(TemplateSchema):
    entity, plural, folder = "address", "addresses", "Addresses"
    id_column = "Address_System_ID"

    system_id = SystemId("Address_System_ID", help="ours; leave it empty for new addresses")
    reference_id = Code("Address_Reference_ID", 100, help="your identifier of the address")
    customer_system_id = SystemId("Customer_System_ID")
    customer_reference_id = Code("Customer_Reference_ID", 100, help="a customer that exists")
    type = Choice("Type", ("billing", "shipping", "both"), needed=True)
    attention = Text("Attention", 200)
    line_1 = Text("Line_1", 200, needed=True)
    line_2 = Text("Line_2", 200)
    city = Text("City", 200, needed=True)
    state = Text("State", 200)
    postal_code = Code("Postal_Code", 100)
    country = Country("Country", needed=True, help="two letters of ISO 3166")
    phone = Phone("Phone")
    is_default = YesNo("Is_Default", help="Y or N; of several with Y the newest counts")

    example_rows = (
        {"Address_Reference_ID": "K-0001-B", "Customer_Reference_ID": "K-0001", "Type": "billing",
         "Attention": "Accounts payable", "Line_1": "Hauptstr. 1", "City": "Berlin", "Postal_Code": "10115",
         "Country": "DE", "Is_Default": "Y"},
        {"Address_Reference_ID": "K-0002-S", "Customer_Reference_ID": "K-0002", "Type": "shipping",
         "Line_1": "1 High Street", "City": "Leeds", "Postal_Code": "LS1 4AP", "Country": "GB"},
    )  # fmt: skip
    hints = ("Name the customer by Customer_System_ID or Customer_Reference_ID.",)
