"""What a template takes the database takes; and if it does not after all, one row is refused and not its chunk."""

from __future__ import annotations

import pytest
from peewee import CharField, IntegerField

from handlers.base import Handler
from handlers.registry import HANDLERS
from models import database
from schemas.address import Country
from schemas.fields import Choice, Currency, Items, SystemId, Text, WholeNumber
from tests.partner import Partner, counts


def longest(cell: object) -> int | None:
    """Characters of the longest value that a field of a template takes; None if it gives no text."""
    if isinstance(cell, Text):
        return cell.length
    if isinstance(cell, Choice):
        return max(map(len, cell.choices))
    known: dict[type, int] = {SystemId: 36, Currency: 3, Country: 2}
    return known.get(type(cell))


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda handler: handler.schema.entity)
def test_no_value_is_too_large_for_its_column(handler: type[Handler]) -> None:
    """Lengths and whole numbers of every template fit the columns of its table."""
    compared = 0
    for name, cell in handler.schema().fields.items():
        column = handler.model._meta.fields.get(name)
        cell = cell.item if isinstance(cell, Items) else cell
        if isinstance(column, CharField):
            length = longest(cell)
            assert length is not None, name
            assert length <= column.max_length, name
            compared += 1
        if isinstance(cell, WholeNumber):
            assert isinstance(column, IntegerField), name
            assert cell.maximum == 2**31 - 1, name
    assert compared or handler.schema.entity == "order"


@pytest.mark.parametrize("again", [False, True], ids=["inserted", "updated"])
def test_a_row_that_the_database_refuses_fails_alone(partner: Partner, again: bool) -> None:
    """The rows of its chunk are written; it is reported with its line."""
    rows = [f"S{number},Name {number},{number}\n" for number in range(40)]
    header = "SKU_ID,Name,MOQ\n"
    if again:
        partner.send("product", header + "".join(rows))
        rows = [row.replace("Name", "New") for row in rows]
    database.execute_sql("CREATE UNIQUE INDEX no_name_twice ON product (name)")
    rows[17] = "S17,New 3,1\n" if again else "S17,Name 3,1\n"

    event = partner.send("product", header + "".join(rows))

    assert counts(event) == ((0, 39, 0, 1) if again else (39, 0, 0, 1))
    ((line, code),) = [(each["line"], each["code"]) for each in partner.messages(event)]
    assert (line, code) == (19, "INVALID_VALUE")
