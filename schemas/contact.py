"""The template of customers' contacts."""

from __future__ import annotations

from schemas.base import TemplateSchema
from schemas.fields import Code, Email, Phone, SystemId, Text, YesNo


class ContactSchema(TemplateSchema):
    entity, plural, folder = "contact", "contacts", "Contacts"
    id_column = "Contact_System_ID"

    system_id = SystemId("Contact_System_ID", help="ours; leave it empty for new contacts")
    reference_id = Code("Contact_Reference_ID", 100, help="your identifier of the contact")
    customer_system_id = SystemId("Customer_System_ID")
    customer_reference_id = Code("Customer_Reference_ID", 100, help="a customer that exists")
    first_name = Text("First_Name", 200, needed=True)
    last_name = Text("Last_Name", 200)
    email = Email("Email")
    phone = Phone("Phone")
    role = Text("Role", 200)
    is_primary = YesNo("Is_Primary", help="Y or N; of several with Y the newest counts")

    example_rows = (
        {"Contact_Reference_ID": "K-0001-1", "Customer_Reference_ID": "K-0001", "First_Name": "Grace",
         "Last_Name": "Hopper", "Email": "grace@delta.example", "Role": "Purchasing", "Is_Primary": "Y"},
        {"Customer_Reference_ID": "K-0002", "First_Name": "Alan", "Email": "alan@echo.example"},
    )  # fmt: skip
    hints = ("Name the customer by Customer_System_ID or Customer_Reference_ID.",)
