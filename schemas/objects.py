"""Records as JSON objects: a template's attributes are the keys and its fields read the values, so that each rule
stands in one place. Nothing of ours is imported here.

Dates are ISO 8601 and decimals have a point, whatever the account's files look like. What is null or an empty text
counts as left out.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, missing, pre_load

from schemas.address import AddressSchema
from schemas.base import OpenColumns, TemplateSchema
from schemas.contact import ContactSchema
from schemas.customer import CustomerSchema
from schemas.fields import CLEAR, CellField, Number, YesNo
from schemas.formats import invalid
from schemas.names import LONGEST_OPEN_NAME, fits_open_name, open_key, plain_name, unprintable
from schemas.order import OrderSchema
from schemas.quoting import quoted

LINE = ("sku_id", "quantity", "unit_price", "line_discount", "line_notes")
"""Attributes of the order template that belong to a line."""

LONGEST_NUMBER = 60
"""Digits beyond which a number is not even written out: 1e999999999 is a short text."""


def kind_of(value: Any) -> str:
    """A JSON value in the words of an error message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else "a text" if isinstance(value, str) else f"the number {str(value)[:40]}"


class Value(fields.Field[Any]):
    """What the template's field `cell` reads: text, and for numbers and yes or no also what JSON has for them."""

    def __init__(self, cell: CellField, *, needed: bool | None = None) -> None:
        self.cell = cell
        required = cell.needed if needed is None else needed
        super().__init__(required=required, error_messages={"required": "is missing or empty: give a value"})

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        given = value.strip() if isinstance(value, str) else value
        return super().deserialize(missing if given is None or given == "" else given, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = self._text(value)
        if text == CLEAR:  # written out as a cell it would clear what is stored
            advice = "give a value" if self.required else "leave the key out, or write null"
            raise invalid(f"{quoted(text)} clears a value in files and is none itself: {advice}")
        return self.cell.deserialize(text)

    def _text(self, value: Any) -> str:
        if isinstance(value, str):
            if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
                raise invalid("half of a surrogate pair stands in the text: write the whole character")
            return value
        if isinstance(value, bool) and isinstance(self.cell, YesNo):
            return "Y" if value else "N"
        if isinstance(value, Decimal) and isinstance(self.cell, Number):
            if abs(value.adjusted()) > LONGEST_NUMBER or len(value.as_tuple().digits) > LONGEST_NUMBER:
                raise invalid(f"{kind_of(value)} is out of range", "OUT_OF_RANGE")
            return format(value, "f")
        expected = "a number" if isinstance(self.cell, Number) else "a text in quotes"
        raise invalid(f"{kind_of(value)} stands here: expected {expected}")


class Objects(fields.Field[list[dict[str, Any]]]):
    """A list of objects of one kind; left out, it has none."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(load_default=list, allow_none=True)
        self.schema = schema

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise invalid(f"{kind_of(value)} stands here: expected a list of objects")
        loaded: list[dict[str, Any]] = []
        faults: dict[int, Any] = {}
        for place, each in enumerate(value):
            try:
                loaded.append(self.schema.load(each))
            except ValidationError as error:
                faults[place] = error.normalized_messages()
        if faults:
            raise ValidationError(faults)
        return loaded


class Named(fields.Field[dict[str, Any]]):
    """An object with names of the writer's own, whose values an open column's field reads."""

    def __init__(self, column: OpenColumns) -> None:
        super().__init__(load_default=dict, allow_none=True)
        self.value = Value(column.field, needed=False)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid(f"{kind_of(value)} stands here: expected an object of names and texts")
        named: dict[str, Any] = {}
        faults: dict[str, Any] = {}
        spelled: dict[str, str] = {}
        for name, each in value.items():
            try:
                if (first := spelled.setdefault(open_key(name), name)) != name:
                    raise invalid(f"the name means the same as {quoted(first)}: keep one of them")
                text = self.value.deserialize(each)
                if text is not missing:
                    named[_checked_name(name)] = self.value.cell.pack(text)
            except ValidationError as error:
                faults[name] = error.messages
        if faults:
            raise ValidationError(faults)
        return named


def _checked_name(name: str) -> str:
    bare = plain_name(name)
    if odd := unprintable(bare):
        raise invalid(f"the name holds {odd}: write it without")
    if not fits_open_name(bare):
        raise invalid(f"a name has 1 to {LONGEST_OPEN_NAME} printable characters (letters such as ß count twice)")
    return bare


class ObjectSchema(Schema):
    """Base of the schemas below. load() takes a decoded object and returns the attributes that it sets."""

    class Meta:
        unknown = RAISE

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        known = ", ".join(self.fields)
        self.error_messages["unknown"] = f"is not known here: write one of {known}"

    @pre_load
    def _refuse_other_kinds(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, dict):
            raise ValidationError(f"{kind_of(data)} stands here: expected an object")
        return data


def _from_template(template: type[TemplateSchema], names: Collection[str], **more: fields.Field[Any]) -> ObjectSchema:
    cells = {name: cell for name, cell in template._declared_fields.items() if isinstance(cell, CellField)}
    values = {name: Value(cell) for name, cell in cells.items() if name in names}
    made = ObjectSchema.from_dict({**values, **more}, name=f"{template.entity.capitalize()}Object")()
    assert isinstance(made, ObjectSchema)
    return made


def _all_but(template: type[TemplateSchema], *left_out: str) -> list[str]:
    return [name for name in template._declared_fields if name not in left_out]


_OWNER = ("system_id", "customer_system_id", "customer_reference_id")
_LINE = _from_template(OrderSchema, LINE)
_ADDRESS = _from_template(AddressSchema, _all_but(AddressSchema, *_OWNER))
_CONTACT = _from_template(ContactSchema, _all_but(ContactSchema, *_OWNER))

ORDER = _from_template(OrderSchema, _all_but(OrderSchema, "system_id", *LINE), lines=Objects(_LINE))
"""An order with its lines. System IDs are given out, not taken."""

CUSTOMER = _from_template(
    CustomerSchema,
    _all_but(CustomerSchema, "system_id"),
    **{column.attribute: Named(column) for column in CustomerSchema.open_columns},
    addresses=Objects(_ADDRESS),
    contacts=Objects(_CONTACT),
)
"""A customer with its addresses and contacts."""
