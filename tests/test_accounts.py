from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import accounts
import models
from errors import ConflictError, FtpdockError, NotFoundError
from layout import account_root, export_source, spool_folder
from models import (
    TABLES,
    Account,
    Address,
    Category,
    Collection,
    Contact,
    Customer,
    Delivery,
    EchoGuard,
    EntitySettings,
    Export,
    ExportFile,
    ImportRun,
    Inventory,
    Login,
    Mail,
    OpenName,
    Order,
    OrderLine,
    Outbox,
    Product,
    ScheduleState,
    Target,
    Upload,
    now,
)
from removal import remove
from schemas import SCHEMAS, Formats
from settings import Settings

Add = Callable[..., Account]


@pytest.fixture
def add(settings: Settings) -> Add:
    """add("acme") -> an account with the password `secret`."""

    def make(name: str, **options: Any) -> Account:
        return accounts.add(settings, SCHEMAS, name, "secret", **options)

    return make


def fill(account: Account) -> None:
    """A row in each table, with every reference that holds another row in place."""
    product = Product.create(account=account, sku_id="1", name="Cup")
    customer = Customer.create(account=account, company_name="Café")
    address = Address.create(account=account, customer=customer, type="both", line_1="1", city="Wien", country="AT")
    order = Order.create(
        account=account, customer=customer, order_date=dt.date(2024, 9, 18), billing_address=address, status="draft"
    )
    parent = Category.create(account=account, path="A")
    EntitySettings.create(account=account, entity="product")
    ScheduleState.create(account=account, entity="product", schedule="0 2 * * *", time_zone="UTC", next_run=now())
    OpenName.create(account=account, entity="product", prefix="Price: ", key="retail", name="Retail")
    Inventory.create(account=account, product=product, available_quantity=1)
    Contact.create(account=account, customer=customer, first_name="Eva")
    Category.create(account=account, path="A > B", parent=parent)
    Collection.create(account=account, name="Summer")
    OrderLine.create(order=order, position=1, product=product, quantity=1)
    export = Export.create(account=account, kind="order", system_id=order.system_id, entity="order", path="Orders/x")
    ExportFile.create(account=account, export=export, path="Orders/x/y.csv", size=1, mtime_ns=1)
    target = Target.create(account=account, url="sftp://files.example/in")
    Delivery.create(target=target, export=export, revision=1)


def receive(account: Account, **run: Any) -> int:
    """An upload with its import; returns the number."""
    name = "PRODUCT_18_09_2024.csv"
    upload = Upload.create(account=account, entity="product", name=name, size=1, state="picked")
    made = ImportRun.create(number=upload.id, account=account, entity="product", file=name, **run)
    Mail.create(account=account, run=made, key=f"import-{upload.id}")
    return int(upload.id)


@pytest.mark.parametrize("broken", ["write_templates", "make_account_folders"])
def test_a_failure_while_folders_are_made_leaves_nothing(
    settings: Settings, add: Add, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """No account, no login and no folder remain, and the name can be used again."""

    def fail(*_: Any) -> None:
        (account_root(settings, "acme") / "Products").mkdir(parents=True, exist_ok=True)
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(accounts, broken, fail)
        with pytest.raises(OSError, match="No space left"):
            add("acme")

    assert (Account.select().count(), Login.select().count()) == (0, 0)
    assert not account_root(settings, "acme").exists()
    assert add("acme").name == "acme"


def test_two_commands_asking_for_one_name(settings: Settings, add: Add) -> None:
    """One gets it; the other is told, and takes nothing of the winner's away."""

    def attempt(_: int) -> str:
        try:
            return str(add("acme").name)
        except ConflictError as error:
            return str(error)
        finally:
            models.database.close()

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(attempt, range(4)))

    assert outcomes.count("acme") == 1, outcomes
    assert (Account.select().count(), Login.select().count()) == (1, 1)
    assert (account_root(settings, "acme") / "Products" / "reports").is_dir()


def test_a_new_account_never_gets_the_files_of_an_earlier_one(settings: Settings, add: Add) -> None:
    """A folder with files in it is refused by name, and left as it was."""
    left = account_root(settings, "acme") / "Products" / "processed" / "PRODUCT_18_09_2024.000001.csv"
    left.parent.mkdir(parents=True)
    left.write_text("theirs")

    with pytest.raises(ConflictError, match="holds files of an earlier account"):
        add("acme")

    assert left.read_text() == "theirs"
    assert Account.select().count() == 0


def test_changing_formats_is_undone_when_templates_can_not_be_written(
    settings: Settings, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stored formats are always those of the templates that the partner sees."""
    account = add("acme")

    def fail(*_: Any) -> None:
        raise OSError("Read-only file system")

    monkeypatch.setattr(accounts, "write_templates", fail)
    with pytest.raises(OSError, match="Read-only"):
        accounts.change(settings, SCHEMAS, account, date_format="DD.MM.YYYY")

    assert Formats() == accounts.formats_of(Account.get())


def test_remove_takes_every_row_of_the_account_and_no_other(settings: Settings, add: Add) -> None:
    """Rows that hold others in place (orders, parents of categories) are no obstacle."""
    for name in ("acme", "beta"):
        fill(add(name))
        receive(Account.get(Account.name == name))
    owned = [table for table in TABLES if table is not EchoGuard]
    before = {table: table.select().count() for table in owned}
    assert 0 not in before.values()

    remove(settings, accounts.find("acme"))

    assert {table: count // 2 for table, count in before.items()} == {table: table.select().count() for table in owned}
    assert [account.name for account in Account.select()] == ["beta"]


def test_remove_moves_files_and_what_waits_in_the_spool_aside(settings: Settings, add: Add) -> None:
    """Nothing that a partner sent is lost by removing the account, and the name is free again."""
    account = add("acme")
    number = receive(account)
    waiting = spool_folder(settings, number) / "PRODUCT_18_09_2024.csv"
    waiting.parent.mkdir(parents=True)
    waiting.write_text("waiting")
    (account_root(settings, "acme") / "Orders" / "ORDER_18_09_2024.csv").write_text("uploaded")

    kept = remove(settings, account)

    assert kept is not None
    assert (kept / "Orders" / "ORDER_18_09_2024.csv").read_text() == "uploaded"
    assert (kept / "spool" / f"{number:06}" / "PRODUCT_18_09_2024.csv").read_text() == "waiting"
    assert not account_root(settings, "acme").exists()
    assert add("acme").name == "acme"


def export_to(settings: Settings, name: str = "acme") -> Path:
    """A file in the account's part of exports/."""
    file = export_source(settings, name) / "Orders" / "order_1" / "order_data_1.csv"
    file.parent.mkdir(parents=True)
    file.write_text("theirs")
    return file


def test_remove_moves_exports_aside(settings: Settings, add: Add) -> None:
    """The next account of the name starts clean; no other one is touched."""
    account = add("acme")
    export_to(settings)
    other = export_to(settings, "beta")

    kept = remove(settings, account)

    assert kept is not None
    assert (kept / "exports" / "Orders" / "order_1" / "order_data_1.csv").read_text() == "theirs"
    assert not export_source(settings, "acme").exists()
    assert other.exists()
    again = add("acme")
    assert [row for table in (Export, ExportFile, Outbox) for row in table.select().where(table.account == again)] == []


def test_remove_with_exports_on_another_file_system(settings: Settings, add: Add) -> None:
    """There they move aside within their own file system, or are deleted when asked."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        apart = replace(settings, exports_path=folder)
        assert apart.exports.stat().st_dev != apart.accounts.stat().st_dev
        export_to(apart)

        remove(apart, add("acme"))
        (kept,) = apart.exports.glob(".removed/acme-*/Orders/order_1/order_data_1.csv")
        assert kept.read_text() == "theirs"

        export_to(apart, "beta")
        remove(apart, add("beta"), delete_files=True)
        assert list(apart.exports.rglob("*beta*")) == []


def test_a_new_account_never_gets_the_exports_of_an_earlier_one(settings: Settings, add: Add) -> None:
    """What a crash left in exports/ is refused by name, and left as it was."""
    left = export_to(settings)

    with pytest.raises(ConflictError, match=r"exports/acme holds files of an earlier account"):
        add("acme")

    assert left.read_text() == "theirs"
    assert (Account.select().count(), account_root(settings, "acme").exists()) == (0, False)


def test_remove_refuses_while_an_import_runs(settings: Settings, add: Add) -> None:
    """A worker that holds a lease is not pulled the ground from under."""
    account = add("acme")
    number = receive(account, status="running", lease_until=models.now() + dt.timedelta(seconds=30))

    with pytest.raises(ConflictError, match=f"Import {number} of 'acme' is running"):
        remove(settings, account)

    assert account_root(settings, "acme").is_dir()


def test_remove_leaves_the_account_when_files_can_not_be_moved(
    settings: Settings, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and files go together or stay together."""
    account = add("acme")
    exported = export_to(settings)
    rename = Path.rename

    def fail(self: Path, target: Path) -> None:
        if self == export_source(settings, "acme"):
            raise PermissionError("Permission denied")
        rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(PermissionError):
        remove(settings, account)

    assert accounts.find("acme").name == "acme"
    assert exported.exists()
    assert (account_root(settings, "acme") / "Templates" / "README.txt").exists()


def test_a_login_can_not_have_more_than_its_account(add: Add) -> None:
    """The message says what the account has."""
    account = add("acme", entities=["product"])

    with pytest.raises(FtpdockError, match="has no order: it has product"):
        accounts.add_login(account, "erp", "secret", entities=["product", "order"])


def test_changing_a_login_leaves_what_the_server_writes(add: Add) -> None:
    """Only the columns that are changed are written: a login may happen meanwhile."""
    add("acme")
    ours = accounts.find_login("acme")
    moment = models.now()
    Login.update(last_login_at=moment).execute()

    accounts.change_login(ours, disabled=True)

    stored = accounts.find_login("acme")
    assert (stored.disabled, stored.last_login_at) == (True, moment)


def test_an_account_that_another_admin_removed_meanwhile(settings: Settings, add: Add) -> None:
    """A new one may have its name by then, and keeps its folders."""
    stale = add("acme")
    remove(settings, accounts.find("acme"))
    add("acme")

    with pytest.raises(NotFoundError, match="was removed meanwhile"):
        remove(settings, stale)

    assert accounts.find("acme").name == "acme"
    assert account_root(settings, "acme").is_dir()


def test_what_two_admins_set_at_once_is_both_kept(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each writes what it was asked for, not what it had read before."""
    account = add("acme")
    accounts.set_on_error(account, ["product"], "continue")
    found = EntitySettings.get_or_create

    def meanwhile(**query: Any) -> Any:
        made = found(**query)
        EntitySettings.update(schedule="0 2 * * *").execute()
        return made

    monkeypatch.setattr(EntitySettings, "get_or_create", meanwhile)
    accounts.set_on_error(account, ["product"], "abort")

    row = EntitySettings.get(EntitySettings.entity == "product")
    assert (row.on_error, row.schedule) == ("abort", "0 2 * * *")
