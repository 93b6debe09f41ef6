"""The template of customers."""

from __future__ import annotations

from schemas.base import OpenColumns, TemplateSchema
from schemas.fields import Choice, Code, Currency, Email, Phone, SystemId, Text


class CustomerSchema(TemplateSchema):
    entity, plural, folder = "customer", "customers", "Customers"

    system_id = SystemId("System_ID", help="ours; leave it empty for new customers")
    reference_id = Code("Reference_ID", 100, help="your customer number")
    company_name = Text("Company_Name", 500, needed=True)
    email = Email("Email")
    phone = Phone("Phone")
    sales_rep = Text("Sales_Rep", 200)
    pricelist = Text("Pricelist", 200)
    payment_terms = Text("Payment_Terms", 200)
    currency = Currency("Currency", help="three letters of ISO 4217")
    tax_id = Code("Tax_ID", 100)
    status = Choice("Status", ("active", "inactive"), help="active unless you say otherwise")

    open_columns = (OpenColumns("Attribute", "attributes", Text("Attribute", 10_000), "Attribute: Region"),)
    example_rows = (
        {"Reference_ID": "K-0001", "Company_Name": "Delta Cafe GmbH", "Email": "office@delta.example",
         "Phone": "+49 30 1234567", "Sales_Rep": "Ada", "Pricelist": "Retail", "Payment_Terms": "30 days",
         "Currency": "EUR", "Tax_ID": "DE123456789", "Status": "active", "Attribute: Region": "North"},
        {"Reference_ID": "K-0002", "Company_Name": "Echo Ltd"},
    )  # fmt: skip
    hints = ("A customer is found by System_ID, else by Reference_ID, else by Company_Name.",)
