"""The export folder as a partner sees it: its name, who sees what, deleting, and asking for a full export."""

from __future__ import annotations

import dataclasses
import datetime as dt
import zoneinfo
from collections.abc import Callable

import pytest

from errors import SettingsError
from models import Account, Export, Login, Outbox, now
from settings import Settings
from tests.ftps.shelf import DATA, FOLDER, ITEMS, UUID, Shelf, on_loopback
from tests.visitor import Client, House, opened


def facts(client: Client, path: str) -> dict[str, str]:
    """Names in a folder, with their perm facts."""
    return {name: known["perm"] for name, known in client.mlsd(path, ["perm"])}


# --- the name and the rights


def test_the_folder_has_the_name_of_the_setting(make_house: Callable[..., House]) -> None:
    """In the root, in every path and in replies; the name on disk is nothing to the partner."""
    house = make_house(export_folder="Out going")
    shelf = Shelf(house)
    shelf.order()
    client = house.login()
    assert "Out going" in client.nlst("/")
    assert "Export" not in client.nlst("/")
    assert client.nlst("/Out going/Orders") == [f"order_{UUID}"]
    assert client.get(f"/Out going/{DATA}") == b"order_data one"
    assert shelf.state(DATA) == "collected"
    assert client.cwd(f"/Out going/{FOLDER}").startswith(f'250 "/Out going/{FOLDER}"')
    for command in (f"SIZE /Export/{DATA}", f"DELE /Export/{DATA}", "CWD /Export", "MLST /Export"):
        assert client.ask(command)[:3] == "550"
    assert client.ask("SITE EXPORT product").split(" as ")[1].startswith("/Out going/Products/PRODUCT_")
    assert client.delete(f"/Out going/{DATA}").startswith("250 ")


def test_a_folder_of_the_root_can_not_lend_its_name(make_house: Callable[..., House]) -> None:
    """An export folder that is named as an entity's would hide one of them."""
    with pytest.raises(SettingsError, match="--export-folder is 'Products', which is a folder for uploads"):
        make_house(export_folder="Products")


def test_a_login_for_some_entities_sees_their_exports_only(shelf: Shelf) -> None:
    """And what other programs put there only if it is for all."""
    shelf.order()
    shelf.place("Customers/customer_1/customer_data_1.csv")
    shelf.place("Products/PRODUCT_23_11_2026.csv")
    shelf.place("Letters/a.pdf")
    shelf.place("note.txt")
    everything = shelf.house.login()
    names = ["Customers", "Letters", "Orders", "Products", "note.txt"]
    assert everything.nlst("/Export") == sorted(names)
    Login.update(entities=["order", "product"]).execute()
    some = shelf.house.login()
    assert some.nlst("/Export") == ["Orders", "Products"]
    assert list(facts(some, "/Export")) == ["Orders", "Products"]
    assert some.get(f"/Export/{DATA}") == b"order_data one"
    for path in ("Customers", "Customers/customer_1", "Letters", "note.txt", "Letters/a.pdf"):
        for command in ("CWD", "SIZE", "MLST", "DELE", "RMD", "HASH"):
            assert some.ask(f"{command} /Export/{path}")[:3] == "550"
    assert (shelf.root / "note.txt").exists()


def test_an_account_gets_exports_of_what_it_may_not_send(shelf: Shelf) -> None:
    """`account set --entities` says what the partner may send; orders and new customers come all the same."""
    shelf.order()
    Account.update(entities=["product"]).execute()
    client = shelf.house.login()
    assert "Orders" not in client.nlst("/")
    assert client.nlst("/Export") == ["Orders"]
    assert client.get(f"/Export/{DATA}") == b"order_data one"
    assert client.ask("SITE EXPORT order")[:3] == "501"
    assert "1 order" in client.ask("SITE STATUS")


def test_what_may_be_deleted_is_told_by_mlsd(shelf: Shelf) -> None:
    """RFC 3659: d may be deleted, p may be emptied."""
    shelf.order()
    client = shelf.house.login()
    assert facts(client, "/")["Export"] == "elp"
    assert facts(client, "/")["Products"] == "elc"
    assert facts(client, "/")["Templates"] == "el"
    assert facts(client, "/Export") == {"Orders": "elp"}
    assert facts(client, "/Export/Orders") == {f"order_{UUID}": "eldp"}
    assert set(facts(client, f"/Export/{FOLDER}").values()) == {"rd"}


# --- deleting


def test_a_deleted_file_is_removed_in_the_ledger(both_shelf: Shelf) -> None:
    """With the login that did it; the last one makes the export removed, and takes the folder with it."""
    shelf = both_shelf
    shelf.order()
    client = shelf.house.login()
    folder = f"/Export/{FOLDER}"
    client.mlsd(folder)
    assert client.ask(f"RMD {folder}") == "550 The folder is not empty; delete its files first."
    assert client.delete(f"/Export/{DATA}") == "250 File removed."
    assert (shelf.state(DATA), shelf.file(DATA).removed_by) == ("removed", "acme")
    assert shelf.export.state == "ready"
    assert client.delete(f"/Export/{ITEMS}") == "250 File removed."
    assert (shelf.export.state, shelf.export.removed_by) == ("removed", "acme")
    assert not (shelf.root / FOLDER).exists()
    assert client.nlst("/Export/Orders") == []
    # Clients that remove the folder, too, need not know that it is gone.
    assert client.rmd(folder) == "250 Folder removed."
    assert client.ask(f"RMD {folder}0") == "550 No such file or directory."
    assert client.ask(f"DELE /Export/{DATA}") == "550 No such file or directory."


def test_a_file_is_removed_in_the_ledger_before_it_is_gone(shelf: Shelf) -> None:
    """One that the ledger does not know yet is known as removed, so that it does not come back."""
    path = shelf.root / "Orders" / "x" / "a.csv"
    path.parent.mkdir(parents=True)
    found = shelf.write(path, "body")
    assert shelf.house.login().delete("/Export/Orders/x/a.csv") == "250 File removed."
    row = shelf.file("Orders/x/a.csv")
    assert (row.state, row.size, row.mtime_ns) == ("removed", found.st_size, found.st_mtime_ns)


@pytest.mark.parametrize("path", ["/Export", "/Export/Orders", "/Export/Products", "/Products/processed", "/", "/none"])
def test_fixed_folders_stay(shelf: Shelf, path: str) -> None:
    """Only what lies in the folders of the export folder can be removed."""
    shelf.order()
    (shelf.root / "Products").mkdir()
    assert shelf.house.login().ask(f"RMD {path}")[:3] == "550"
    assert (shelf.root / "Products").is_dir()


def test_folders_of_other_programs_can_be_removed_when_empty(shelf: Shelf) -> None:
    """At any depth, but no files by RMD and no folders by DELE."""
    shelf.place("Letters/2026/a.pdf")
    client = shelf.house.login()
    assert client.ask("RMD /Export/Letters/2026/a.pdf") == "550 Not a folder."
    assert client.ask("DELE /Export/Letters/2026") == "550 Not a file."
    client.delete("/Export/Letters/2026/a.pdf")
    for path in ("/Export/Letters/2026", "/Export/Letters"):
        assert client.rmd(path) == "250 Folder removed."


# --- full exports


def test_a_full_export_is_asked_for_once(both_shelf: Shelf) -> None:
    """By its name in any case, one or many; the reply tells where it will appear, by the account's calendar."""
    Account.update(time_zone="Pacific/Kiritimati").execute()
    client = both_shelf.house.login()
    today = dt.datetime.now(zoneinfo.ZoneInfo("Pacific/Kiritimati"))
    name = f"PRODUCT_{today:%d_%m_%Y}.csv"
    expected = f"250 Export of products asked for; it will appear as /Export/Products/{name}."
    assert client.ask("SITE EXPORT Products") == expected
    [row] = Outbox.select()
    assert (row.kind, row.entity, row.system_id, row.account.name) == ("full", "product", None, "acme")
    assert client.ask("SITE EXPORT product").startswith("550 An export of products was asked for already")
    assert client.ask("SITE EXPORT INVENTORIES").startswith("250 Export of inventories asked for;")
    assert Outbox.select().count() == 2
    Outbox.delete().execute()
    assert client.ask("site export PRODUCT") == expected


def test_only_what_a_login_may_see_can_be_asked_for(shelf: Shelf) -> None:
    """What it may not see is no word that the command knows."""
    Login.update(entities=["order", "product"]).execute()
    client = shelf.house.login()
    assert client.ask("SITE EXPORT") == "214-SITE EXPORT exports one of:\n products\n orders\n214 End of list."
    for word in ("customer", "nonsense", "product order", "\u00e4"):
        reply = client.ask(f"SITE EXPORT {word}")
        assert reply == "501 This can't be exported; name one of products, orders."
    assert Outbox.select().count() == 0
    assert "SITE EXPORT;HELP;STATUS;VALIDATE" in client.ask("FEAT")
    assert "SITE EXPORT product" in client.ask("SITE HELP")


def test_status_tells_how_many_exports_wait(both_shelf: Shelf) -> None:
    """Those that this login may see and nobody has fetched."""
    client = both_shelf.house.login()
    assert "export" not in client.ask("SITE STATUS")
    both_shelf.order()
    account = Account.get()
    for number in range(2):
        Export.create(account=account, kind="customer", entity="customer", path=f"Customers/{number}", state="ready",
                      ready_at=now())  # fmt: skip
    Export.create(account=account, kind="customer", entity="customer", path="Customers/x", state="collected")
    assert client.ask("SITE STATUS").split("\n")[-2] == " not fetched yet in /Export: 2 customers, 1 order"
    Login.update(entities=["order"]).execute()
    assert " not fetched yet in /Export: 1 order\n" in both_shelf.house.login().ask("SITE STATUS")


def test_status_counts_full_exports_apart(both_shelf: Shelf) -> None:
    """A file with all orders is no order."""
    both_shelf.order()
    ready = {"account": Account.get(), "kind": "full", "state": "ready", "ready_at": now()}
    for name in ("ORDER_28_11_2026.csv", "ORDER_29_11_2026.csv"):
        Export.create(entity="order", path=f"Orders/{name}", **ready)
    Export.create(entity="product", path="Products/PRODUCT_29_11_2026.csv", **ready)
    told = both_shelf.house.login().ask("SITE STATUS").split("\n")[-2]
    assert told == " not fetched yet in /Export: 1 full export of products, 1 order, 2 full exports of orders"


def test_the_folder_is_the_same_on_both_engines(settings: Settings, open_house: Callable[..., House]) -> None:
    """A customer's folder, fetched and deleted by one session."""
    shelf = Shelf(open_house(dataclasses.replace(on_loopback(settings), export_folder="Ausgang")))
    path = "Customers/customer_1/customer_data_1.csv"
    shelf.place(path)
    client = shelf.house.login()
    assert client.get(f"/Ausgang/{path}") == b"body"
    assert shelf.state(path) == "collected"
    assert client.delete(f"/Ausgang/{path}") == "250 File removed."
    assert client.rmd("/Ausgang/Customers/customer_1") == "250 Folder removed."
    assert shelf.state(path) == "removed"


@pytest.mark.parametrize("path", [
    "Orders/order_list.csv", "Customers/customer_prices.csv", "Orders/order_archive/2024.csv",
])  # fmt: skip
def test_other_programs_files_may_be_named_like_orders(shelf: Shelf, path: str) -> None:
    """Only with a UUID it is a folder that is exchanged as a whole."""
    shelf.place(path)
    client = shelf.house.login()
    assert client.get(f"/Export/{path}") == b"body"
    assert shelf.state(path) == "collected"
    assert client.delete(f"/Export/{path}") == "250 File removed."
    assert shelf.state(path) == "removed"


def test_a_folder_can_not_be_fetched(shelf: Shelf) -> None:
    """However often somebody tries, neither the folder nor a socket is left open."""
    shelf.order()
    folder = shelf.root / FOLDER / "more"
    folder.mkdir()
    client = shelf.house.login()

    def sockets() -> int:
        return len([link for link in opened() if link.startswith("socket:")])

    before = sockets()
    for _ in range(6):
        client.makepasv()
        assert client.ask(f"RETR /Export/{FOLDER}/more")[:3] == "550"

    shelf.house.wait(lambda: str(folder) not in opened())
    # One address may still be listened at, as nobody has connected to it.
    shelf.house.wait(lambda: sockets() <= before + 1)


def test_what_was_fetched_may_be_deleted(shelf: Shelf) -> None:
    """Also what another program has replaced since the folder was listed."""
    shelf.order()
    pdf = f"{FOLDER}/order.pdf"
    shelf.place(pdf, "one")
    client = shelf.house.login()
    client.nlst(f"/Export/{FOLDER}")
    shelf.place(pdf, "two, and longer")
    assert client.get(f"/Export/{pdf}") == b"two, and longer"
    assert client.delete(f"/Export/{pdf}") == "250 File removed."
