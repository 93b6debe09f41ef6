"""A dry run says what an import would do, and does nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import layout
from models import TABLES, EntitySettings, ImportRun, Upload
from settings import Settings
from tests.partner import Partner, counts

CONTENT = "SKU_ID,Name,MOQ\n1,a,1\n2,b2,\n3,c,x\n4,d,\n"


def everything() -> dict[str, list[dict[str, object]]]:
    """All rows of all tables but those that tell of imports."""
    return {model.__name__: list(model.select().dicts()) for model in TABLES if model not in (Upload, ImportRun)}


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_counts_and_report_are_those_of_the_import(partner: Partner, chunk_rows: int) -> None:
    """The same file, then imported, has the same outcome."""
    partner.send("product", "SKU_ID,Name,MOQ\n1,a,1\n2,b,\n")
    partner = partner.in_chunks(chunk_rows)

    dry = partner.send("product", CONTENT, dry_run=True)
    said = partner.messages(dry)
    event = partner.send("product", CONTENT)

    assert dry.dry_run
    assert (dry.status, dry.rows, counts(dry)) == ("completed_with_errors", 4, (1, 1, 1, 1))
    assert (event.status, event.rows, counts(event)) == ("completed_with_errors", 4, (1, 1, 1, 1))
    assert said == partner.messages(event)


FAR = "".join(f",N{number},Name {number}\n" for number in range(6))
"""Rows that move those around them into chunks of their own."""
NAMES = {
    "a namesake that got a Reference_ID": (f",K5,Alpha\n{FAR},K6,Alpha\n", 1),
    "a namesake that was made": (f",K7,Same\n{FAR},K8,SAME\n,K9,same\n", 2),
    "a name that goes": (f"S1,,Zulu\n{FAR},K8,Alpha\n", 0),
    "a name that comes": (f"S1,,Zulu\n{FAR},K8,Zulu\n,K9,Zulu\n", 1),
    "a Reference_ID given by System_ID": (f"S1,K5,\n{FAR},K8,Alpha\n", 1),
    "a Reference_ID that is cleared": (f"S2,\\N,\n{FAR},K8,Beta\n", 0),
    "a name that others had": (f"S2,,Zulu\nS3,,Yankee\n,K9,Beta\n{FAR},,Beta\n,K8,Beta\n", 1),
    "a name that is spelled anew": (f",K4,GAMMA\n{FAR},K8,gamma\n", 1),
    "a name that several get": (f",K9,Gamma\n{FAR},,Gamma\n", 2),
}
"""Rows, S1 and so on for System IDs, and how many warnings and rejected rows there are."""


@pytest.mark.parametrize("chunk_rows", [1, 3, 5_000])
@pytest.mark.parametrize("on_error", ["continue", "abort"])
@pytest.mark.parametrize("name", NAMES)
def test_customers_of_former_chunks_are_namesakes(
    make_settings: Callable[..., Settings],
    make_partner: Callable[..., Partner],
    chunk_rows: int,
    on_error: str,
    name: str,
) -> None:
    """Although each chunk is undone: the same counts, warnings and messages as in earnest."""
    rows, told = NAMES[name]
    partner = make_partner(make_settings("sqlite"))
    partner.send("customer", "Reference_ID,Company_Name\n,Alpha\nK1,Beta\nK2,Beta\nK4,Gamma\n")
    for number, system_id in enumerate(partner.column("customer", "System_ID"), 1):
        rows = rows.replace(f"S{number},", f"{system_id},")
    EntitySettings.create(account=partner.account, entity="customer", on_error=on_error)
    partner, content = partner.in_chunks(chunk_rows), f"System_ID,Reference_ID,Company_Name\n{rows}"

    dry = partner.send("customer", content, dry_run=True)
    said = partner.messages(dry)
    event = partner.send("customer", content)

    assert (event.warnings + event.rejected, len(said)) == (told, told)
    assert (dry.status, counts(dry), dry.warnings) == (event.status, counts(event), event.warnings)
    assert said == partner.messages(event)


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_contact_that_got_a_reference_has_one(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner], chunk_rows: int
) -> None:
    """The next who shares the address is another one, though the chunk between them is undone."""
    partner = make_partner(make_settings("sqlite"))
    header = "Contact_Reference_ID,Customer_Reference_ID,First_Name,Email\n"
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    partner.send("contact", f"{header},K1,Ada,a@d.example\n")
    content = f"{header}P1,K1,Ada,a@d.example\nP2,K1,Eve,a@d.example\n"

    dry = partner.in_chunks(chunk_rows).send("contact", content, dry_run=True)
    event = partner.in_chunks(chunk_rows).send("contact", content)

    assert counts(dry) == counts(event) == (1, 1, 0, 0)


def test_nothing_is_stored(partner: Partner) -> None:
    """No record, no name of a column, no file in the partner's folders."""
    partner.send("product", "SKU_ID,Name\n1,z\n")
    before = everything()
    files = sorted(layout.account_root(partner.settings, "acme").rglob("*.csv"))

    event = partner.send("product", CONTENT.replace("MOQ", "Price: New"), dry_run=True)

    assert counts(event) == (2, 1, 0, 1)
    assert everything() == before
    assert sorted(layout.account_root(partner.settings, "acme").rglob("*.csv")) == files


def test_a_file_that_can_not_be_read_is_said(partner: Partner) -> None:
    """As it would be in earnest."""
    event = partner.send("product", "SKU_ID,Colour\n1,a\n", dry_run=True)

    assert (event.status, event.code) == ("failed", "UNKNOWN_COLUMN")
    assert [each["code"] for each in partner.messages(event)] == ["UNKNOWN_COLUMN"]


def test_a_refusal_of_the_database_is_found(partner: Partner) -> None:
    """Rows are written and taken back, not only looked at."""
    partner.send("category", f"Reference_ID,Category\n1,A\n,A > {'x' * 900}\n")

    event = partner.send("category", f"Reference_ID,Category\n1,{'y' * 200}\n", dry_run=True)

    assert [each["code"] for each in partner.messages(event)] == ["TOO_LONG"]
