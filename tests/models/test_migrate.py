from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playhouse.migrations import Runner
from playhouse.schema_diff import diff_models

import models
from models.migrate import MIGRATIONS, migrate, pending
from settings import Settings
from tests.partner import Partner


def test_migrations_make_what_the_models_say(settings: Settings) -> None:
    """A database made by the migrations alone has every table, column and index of the models."""
    difference = diff_models(models.database.obj, list(models.TABLES))

    assert not difference, str(difference)


def test_migrating_twice_applies_nothing_the_second_time(settings: Settings) -> None:
    """A migrated database has nothing pending."""
    models.database.close()

    assert migrate(models.database.obj) == []
    assert pending(models.database.obj) == []


def test_a_database_url_of_another_kind_is_refused_by_name() -> None:
    """The message names what was found and what is expected."""
    with pytest.raises(ValueError, match=r"'mysql': expected sqlite:///path or postgresql"):
        models.bind("mysql://x")


def test_sqlite_path_with_a_blank_in_it(tmp_path: Path, make_database: Callable[[str], str]) -> None:
    """The path of a home may hold blanks."""
    folder = tmp_path / "my home"
    folder.mkdir()
    database = models.bind(f"sqlite:///{folder / 'a b.db'}")

    assert migrate(database)[0] == "0001_initial"
    assert (folder / "a b.db").exists()


def test_numbers_of_deleted_uploads_are_not_given_out_again(settings: Settings) -> None:
    """An import's number stands in file names and mails: it means one file for ever."""
    account = models.Account.create(name="acme")
    first = models.Upload.create(account=account, entity="product", name="PRODUCT_18_09_2024.csv", size=1)
    first.delete_instance()

    assert models.Upload.create(account=account, entity="product", name="x.csv", size=1).id > first.id


def test_keys_of_former_names_are_forgotten_once(settings: Settings) -> None:
    """Those that are right for sure stay; the next import makes the others anew, however many they are."""
    runner = Runner(models.database.obj, str(MIGRATIONS))
    runner.down(target="0009_name_key")
    account = models.Account.create(name="acme")
    stored = {"Delta": "delta", "Echo": "delta", "ÉCHO": "écho", "Straße": "strasse", "Zulu": None}
    for name, key in stored.items():
        models.Customer.insert(account=account, company_name=name, name_key=key).execute()

    runner.up()

    kept = dict(models.Customer.select(models.Customer.company_name, models.Customer.name_key).tuples())
    assert kept == dict.fromkeys(stored) | {"Delta": "delta"}


def test_keys_of_names_that_are_not_ascii_are_made_anew(partner: Partner) -> None:
    """A customer whose name was stored decomposed is found by the composed one, too."""
    runner = Runner(models.database.obj, str(MIGRATIONS))
    partner.send("customer", "Reference_ID,Company_Name\nK1,So\u0308hne AG\nK2,Delta\n")
    runner.down(target="0015_plain_names")
    models.Customer.update(name_key="so\u0308hne ag").where(models.Customer.reference_id == "K1").execute()

    runner.up()

    kept = dict(models.Customer.select(models.Customer.reference_id, models.Customer.name_key).tuples())
    assert kept == {"K1": None, "K2": "delta"}
    event = partner.send("customer", "Company_Name,Phone\nS\u00f6hne AG,5\n")
    assert (event.created, event.updated) == (0, 1)


def test_keys_that_were_cut_are_made_anew(partner: Partner) -> None:
    """A long name that other names began with alike; the others keep their keys."""
    runner = Runner(models.database.obj, str(MIGRATIONS))
    name = 250 * "ß" + "a"
    partner.send("customer", f"Reference_ID,Company_Name\nK1,{name}\nK2,Delta\n")
    runner.down(target="0017_whole_names")
    models.Customer.update(name_key=500 * "s").where(models.Customer.reference_id == "K1").execute()

    runner.up()

    kept = dict(models.Customer.select(models.Customer.reference_id, models.Customer.name_key).tuples())
    assert kept == {"K1": None, "K2": "delta"}
    event = partner.send("customer", f"Company_Name,Phone\n{name},5\n")
    assert (event.created, event.updated) == (0, 1)


def test_names_of_open_columns_are_compared_anew(settings: Settings) -> None:
    """One that is known keeps its spelling and values; a price list that was taken for it becomes one of its own."""
    runner = Runner(models.database.obj, str(MIGRATIONS))
    runner.down(target="0010_open_keys")
    account = models.Account.create(name="acme")
    former = {"2-5": "25", "Whole sale": "wholesale", "10 -": "10", "-": "-", "La\u0308nge": "la\u0308nge"}
    for name, key in former.items():
        models.OpenName.create(account=account, entity="product", prefix="Price", name=name, key=key)

    runner.up()
    assert keys() == former | {"2-5": "2-5", "10 -": "10-", "La\u0308nge": "l\u00e4nge"}

    models.OpenName.create(account=account, entity="product", prefix="Price", name="25", key="25")
    runner.down(target="0010_open_keys")
    assert keys() == former | {"2-5": "2-5", "25": "25"}
    runner.up()


def keys() -> dict[str, str]:
    """Names of open columns with what they are compared by."""
    return dict(models.OpenName.select(models.OpenName.name, models.OpenName.key).tuples())


def test_logins_of_a_version_without_certificates_need_none(settings: Settings) -> None:
    """What they had is kept."""
    runner = Runner(models.database.obj, str(MIGRATIONS))
    account = models.Account.create(name="acme")
    models.Login.create(account=account, name="erp", password_hash="hash", networks=["192.0.2.0/24"])
    before = models.Login.get().__data__
    runner.down(target="0011_client_certificates")
    assert "client_certificates" not in {column.name for column in models.database.get_columns("login")}

    runner.up()

    assert models.Login.get().__data__ == before
    assert before["client_certificates"] is None


def whole_numbers() -> dict[str, str]:
    """Columns and sequences of the database to the type of their numbers."""
    found = models.database.execute_sql(
        "SELECT table_name || '.' || column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND data_type IN ('integer', 'bigint') "
        "UNION ALL SELECT sequencename, data_type::text FROM pg_sequences")  # fmt: skip
    return dict(found.fetchall())


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_numbers_go_on_beyond_32_bits(settings: Settings) -> None:
    """Also in a database of a former version; what refers to them follows."""
    fresh = whole_numbers()
    runner = Runner(models.database.obj, str(MIGRATIONS))
    runner.down(target="0012_long_numbers")
    account = models.Account.create(name="acme", emails=["ops@acme.example"])
    product = models.Product.create(account=account, sku_id="1", name="Cup")
    customer = models.Customer.create(account=account, company_name="Delta")
    assert whole_numbers()["outbox_number_seq"] == whole_numbers()["delivery.export_id"] == "integer"

    runner.up()

    assert whole_numbers() == fresh
    for name in (name for name in fresh if name.endswith("_seq") and "account" not in name):
        models.database.execute_sql("SELECT setval(%s, 2147483647)", (name,))
    order = models.Order.create(account=account, customer=customer, status="confirmed", order_date=models.now().date())
    models.OrderLine.create(order=order, position=1, product=product, quantity=1)
    upload = models.Upload.create(account=account, entity="product", name="x.csv", size=1)
    run = models.ImportRun.begin(upload)
    models.Mail.about_import(run)
    models.Mail.update(gathered_into=models.Mail.number).execute()
    export = models.Export.create(account=account, kind="order", entity="order", path="x")
    file = models.ExportFile.create(account=account, export=export, path="x/y", size=1, mtime_ns=1)
    target = models.Target.create(account=account, url="ftps://there")
    delivery = models.Delivery.create(target=target, export=export, revision=1)
    mail, line = models.Mail.get(), models.OrderLine.get()
    numbers = (run.number, mail.number, mail.run_id, mail.gathered_into, line.id, export.number, file.number,
               target.number, delivery.number, delivery.export_id)  # fmt: skip
    assert set(numbers) == {2**31}
    assert sorted(row.number for row in models.Outbox.select()) == [1, 2**31, 2**31 + 1]
