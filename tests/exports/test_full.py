"""Full exports: the file, its row in the ledger's `export`, and what a kill leaves."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine

import models
from exports import full_file
from exports.full_file import LOCKED_WITHIN, clear_staging, write_full
from exports.swap import STAGING
from models import Account, Address, Contact, Export, ExportFile, Inventory, Order, OrderLine, now
from models.base import Base
from removal import remove
from settings import Settings
from tests.exports.wanting import ask, export, outbox, staged
from tests.partner import Partner, counts

FILES = {
    "category": "Category;Description;Position\nA;Über uns;1\nA > B;=1+1;\n",
    "collection": "Reference_ID;Name\nC1;Sommer; 2026\n".replace("; 2026", ", 2026"),
    "product": 'SKU_ID;Name;Description;Category;Collection;MOQ;Price: Retail;Attribute: Farbe\n'
               '001;Tasse;"a\nb; ""c"", d";A > B|A;Sommer, 2026;1{0}50;19{0}90;weiß\n002;Teller;;;;;;\n',
    "inventory": "SKU_ID;Warehouse;Available_Quantity;On_Order_Quantity;On_Order_ETA;Back_Order_Allowed\n"
                 "001;MAIN;12{0}5;1|2{0}25;{1}|{1};Y\n002;Süd;-3;;;\n",
    "customer": "Reference_ID;Company_Name;Email;Attribute: Rang\nK1;Delta, Söhne;a@b.example;1\nK2;Beta;;\n",
    "address": "Address_Reference_ID;Customer_Reference_ID;Type;Line_1;City;Country;Is_Default\n"
               "A1;K1;both;Weg 1;Köln;DE;Y\n;K2;billing;Weg 2;Ulm;DE;N\n",
    "contact": "Contact_Reference_ID;Customer_Reference_ID;First_Name;Email;Is_Primary\nP1;K1;Änne;a@b.example;Y\n",
    "order": "Reference_ID;Customer_Reference_ID;Status;Order_Date;Shipping_Address_Reference_ID;Shipping_Amount;"
             "SKU_ID;Quantity;Unit_Price\n"
             "PO1;K1;confirmed;{1};A1;4{0}90;001;2;19{0}90\nPO1;K1;confirmed;{1};A1;4{0}90;002;1{0}5;\n",
}  # fmt: skip
"""A file of each entity, what others refer to first; {0} is the decimal separator, {1} a date."""
PLAIN = {"decimal_separator": ".", "date_format": "YYYY-MM-DD"}
GERMAN = {"decimal_separator": ",", "date_format": "DD.MM.YYYY", "export_delimiter": ";", "export_bom": True}


def fill(partner: Partner) -> None:
    """Some records of every entity."""
    account = partner.account
    date = "23.11.2026" if account.date_format.startswith("DD") else "2026-11-23"
    for entity, content in FILES.items():
        event = partner.send(entity, content.format(account.decimal_separator, date))
        assert (event.created, event.rejected) == (event.rows, 0), partner.messages(event)


@pytest.mark.parametrize("formats", [PLAIN, GERMAN], ids=["plain", "german"])
def test_each_entity_imports_back_unchanged(
    settings: Settings, make_partner: Callable[..., Partner], formats: dict[str, object]
) -> None:
    """Whatever decimal separator, date format, delimiter and BOM the account has asked for."""
    partner = make_partner(settings, **formats)
    fill(partner)

    for entity in FILES:
        content = export(partner, entity).file.read_bytes()
        event = partner.send(entity, content)
        assert (event.rows > 0, counts(event)) == (True, (0, 0, event.rows, 0)), partner.messages(event)
        assert content.startswith(b"\xef\xbb\xbf") == bool(formats.get("export_bom"))
        assert str(formats.get("export_delimiter", ",")) in content.decode("utf-8-sig").splitlines()[0]
        assert event.warnings == 0


def test_the_file_is_named_by_the_accounts_calendar(settings: Settings, make_partner: Callable[..., Partner]) -> None:
    """At 23:30 UTC it is tomorrow in Berlin."""
    partner = make_partner(settings, time_zone="Europe/Berlin")
    with time_machine.travel(dt.datetime(2026, 11, 23, 23, 30, tzinfo=dt.UTC), tick=False):
        written = export(partner, "category")

    assert written.path == "Categories/CATEGORY_24_11_2026.csv"
    assert written.file == settings.exports / "acme" / "Categories" / "CATEGORY_24_11_2026.csv"
    assert written.file.read_text().startswith("System_ID,Reference_ID,Category,")
    assert written.rows == 0


def test_in_a_time_zone_that_is_no_more_it_is_named_by_utc(
    settings: Settings, make_partner: Callable[..., Partner]
) -> None:
    """As mails tell it. One that could not be named could not be given up either, and would hold all others up."""
    partner = make_partner(settings, time_zone="Mars/Olympus_Mons")
    with time_machine.travel(dt.datetime(2026, 11, 23, 23, 30, tzinfo=dt.UTC), tick=False):
        assert export(partner, "category").path == "Categories/CATEGORY_23_11_2026.csv"


def test_each_file_of_a_day_is_a_new_revision(partner: Partner) -> None:
    """Under one name and in one row, which waits for the mirror again: nobody has collected the new one."""
    first = export(partner)
    row = Export.get()
    assert (row.kind, row.system_id, row.entity, row.path, row.state) == (
        "full",
        None,
        "product",
        first.path,
        "waiting",
    )
    row.state, row.ready_at, row.collected_at, row.collected_by, row.error = "collected", now(), now(), "acme", "x"
    row.save()

    partner.send("product", "SKU_ID,Name\n001,Cup\n")
    second = export(partner)

    again = Export.get()
    assert (first.revision, second.revision, again.revision) == (1, 2, 2)
    assert (again.state, again.ready_at, again.collected_at, again.collected_by, again.error) == (
        "waiting", None, None, None, "")  # fmt: skip
    assert again.digest != row.digest
    assert second.file.read_text().count("\n") == 2
    assert staged(partner.settings) == []


def test_an_order_without_lines_is_left_out(partner: Partner) -> None:
    """Other programs may write one; the template has no row for it."""
    fill(partner)
    customer = partner.ids("customer", "Reference_ID")["K1"]
    Order.create(account=partner.account, customer=customer, order_date=dt.date(2026, 11, 23))

    assert export(partner, "order").rows == 2


SECOND_ORDER = "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\nPO2,K1,2026-11-23,001,1\n"
STRANGE: dict[str, tuple[str, type[Base], str, int]] = {
    "the customer of an address": ("address", Address, "customer", 2),
    "the customer of a contact": ("contact", Contact, "customer", 1),
    "the customer of an order": ("order", Order, "customer", 3),
    "the address of an order": ("order", Order, "shipping_address", 3),
    "the product of a line": ("order", OrderLine, "product", 1),
    "the product of a stock": ("inventory", Inventory, "product", 1),
}
"""What plain SQL may take from another account: the entity that tells of it, table, attribute, and the rows left."""


@pytest.fixture
def globex(partner: Partner) -> Partner:
    """Another partner of the same server, with a customer, an address and a product."""
    other = partner.neighbour("globex")
    other.send("customer", "Reference_ID,Company_Name\nGLOBEX-K,Globex\n")
    other.send("product", "SKU_ID,Name\nGLOBEX-S,Globex\n")
    other.send("address", "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,City,Country\n"
               "GLOBEX-A,GLOBEX-K,both,Weg 1,Ulm,DE\n")  # fmt: skip
    return other


def lead_astray(globex: Partner, model: type[Base], attribute: str) -> str:
    """Let the oldest record refer to another account's; the System ID of what is written with it."""
    entity, column = {"customer": ("customer", "Reference_ID"), "product": ("product", "SKU_ID"),
                      "shipping_address": ("address", "Address_Reference_ID")}[attribute]  # fmt: skip
    ((_, foreign),) = globex.ids(entity, column).items()
    key = model._meta.primary_key
    record = model.select().where(model._meta.fields[attribute] != foreign).order_by(key).get()
    model.update({attribute: foreign}).where(key == record.get_id()).execute()
    return str(record.order_id if isinstance(record, OrderLine) else record.get_id())


@pytest.mark.parametrize("what", STRANGE)
def test_nothing_of_another_account_is_written(
    partner: Partner, globex: Partner, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """Neither its System IDs nor its codes. What is written imports back unchanged, and the log names the record."""
    entity, model, attribute, rows = STRANGE[what]
    fill(partner)
    partner.send("order", SECOND_ORDER)
    system_id = lead_astray(globex, model, attribute)
    ids = [*globex.ids("customer", "Reference_ID").values(), *globex.ids("product", "SKU_ID").values(),
           *globex.ids("address", "Address_Reference_ID").values()]  # fmt: skip
    caplog.clear()

    written = export(partner, entity)

    content = written.file.read_text("utf-8-sig")
    assert [each for each in ("GLOBEX", *ids) if each in content] == []
    assert written.rows == rows
    (warning,) = [each.getMessage() for each in caplog.records]
    assert warning.startswith(f"{entity} {system_id} is not written as it is stored: its {attribute} ")
    event = partner.send(entity, content)
    assert counts(event) == (0, 0, rows, 0), partner.messages(event)


def test_addresses_of_a_customer_who_is_not_told_are_not_told(partner: Partner, globex: Partner) -> None:
    """A row that names no customer can't name an address of one: it would be refused when it comes back."""
    fill(partner)
    assert partner.column("order", "Shipping_Address_Reference_ID") == ["A1", "A1"]
    lead_astray(globex, Order, "customer")

    assert partner.column("order", "Shipping_Address_Reference_ID") == ["", ""]


def test_one_picture_of_the_database(settings: Settings, partner: Partner) -> None:
    """What is committed while the file is written is in none of its rows, and its columns not in the header."""
    partner.send("product", "SKU_ID,Name\n" + "".join(f"{n:04},Cup\n" for n in range(1_500)))

    def change(done: int, rows: int) -> None:
        if done == 1_000:
            thread = threading.Thread(target=_rename_all)
            thread.start()
            thread.join()

    account = Account.get_by_id(partner.account.id)
    written = write_full(settings, partner.registry.handler("product"), account, change)

    lines = written.file.read_text().splitlines()
    assert len(lines) == 1 + 1_500
    assert all(",Cup," in line for line in lines[1:])
    assert "Attribute" not in lines[0]
    again = export(partner).file.read_text().splitlines()
    assert len(again) == 1 + 1_500
    assert all(",Bowl," in line for line in again[1:])


def _rename_all() -> None:
    with models.database.connection_context():
        models.Product.update(name="Bowl", attributes={"Color": "red"}).execute()


def test_an_account_that_is_removed_meanwhile_leaves_no_file(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the next account of its name would get it."""

    def remove_and_make(target: Path, root: Path, make_parent: Callable[..., None] = full_file.make_parent) -> None:
        remove(partner.settings, partner.account)
        make_parent(target, root)

    monkeypatch.setattr(full_file, "make_parent", remove_and_make)
    partner.send("product", "SKU_ID,Name\n001,Cup\n")

    written = export(partner)

    assert not written.file.exists()
    assert staged(partner.settings) == []


@pytest.mark.usefixtures("as_on_nfs")
def test_what_is_left_over_keeps_no_export_from_being_written(
    make_settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    """Over NFS, too: what nobody holds goes, what can't be removed stays and is told."""
    settings = make_settings()
    folder = settings.exports / STAGING / "full"
    (folder / "odd.csv").mkdir(parents=True)
    (folder / "left.csv").touch()
    (folder / "begun.new").touch()
    (folder / "killed.new").touch()
    os.utime(folder / "killed.new", (0, time.time() - LOCKED_WITHIN))
    with (folder / "held.csv").open("x+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        clear_staging(settings)

    assert {path.name for path in folder.iterdir()} == {"odd.csv", "held.csv", "begun.new"}
    assert [record.message for record in caplog.records if "odd.csv" in record.message]
    assert "held.csv" not in caplog.text


@pytest.mark.parametrize("placed", [False, True], ids=["before the rename", "after it"])
def test_a_kill_around_the_rename_is_made_good(partner: Partner, placed: bool) -> None:
    """The row is there and the outbox still wants the file: it is written again, under the same name."""
    written = export(partner)
    if not placed:
        written.file.unlink()
    ask(partner)

    again = export(partner)

    assert (again.path, again.file.exists(), outbox()) == (written.path, True, [])
    assert [(row.revision, row.state) for row in Export.select()] == [(2, "waiting")]


def test_a_file_that_another_program_had_there_gives_way(partner: Partner) -> None:
    """Its row in the ledger becomes the export's."""
    path = export(partner).path
    Export.delete().execute()
    ExportFile.create(account=partner.account, path=path, size=1, mtime_ns=1)

    export(partner)

    assert ExportFile.get().export == Export.get()
