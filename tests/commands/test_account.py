from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import passwords
from account_checks import check_delimiter
from layout import account_root
from models import Account, EntitySettings, Login
from settings import Settings

Run = Callable[..., Result]
Done = Callable[..., str]


@pytest.fixture
def acme(done: Done) -> Account:
    done("account", "add", "acme", "--email", "ops@acme.example", "--password-stdin", input="s3cret phrase\n")
    return Account.get(Account.name == "acme")


def shown(done: Done, name: str = "acme") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done("account", "show", name, "--json"))
    return found


def test_add_makes_account_folders_templates_and_login(done: Done, settings: Settings) -> None:
    """One command leaves everything that a partner needs to upload."""
    done("account", "add", "acme", "--company", "Acme GmbH", "--email", "a@acme.example", "--email", "b@acme.example",
         "--entities", "Products,order", "--password-stdin", input="pass word\n")  # fmt: skip

    account = Account.get()
    root = account_root(settings, "acme")
    assert account.emails == ["a@acme.example", "b@acme.example"]
    assert account.entities == ["product", "order"]
    assert {"Export", "Orders", "Products", "Templates"} == {path.name for path in root.iterdir()}
    assert {"failed", "processed", "reports"} == {path.name for path in (root / "Products").iterdir()}
    assert {"PRODUCT.csv", "ORDER.csv", "README.txt"} == {path.name for path in (root / "Templates").iterdir()}
    assert passwords.verify(Login.get(Login.name == "acme").password_hash, "pass word")


def test_add_without_a_terminal_prints_a_new_password_once(done: Done) -> None:
    """The password that is made stands on the last line, opens the login, and is nowhere else in clear."""
    output = done("account", "add", "acme")

    password = output.splitlines()[-1].rpartition(": ")[2]
    login = Login.get()
    assert passwords.verify(login.password_hash, password)
    assert password not in done("account", "show", "acme", "--json") + done("login", "list", "--json")


def test_add_takes_the_line_on_stdin_as_it_is(done: Done) -> None:
    """Blanks around a password belong to it; the end of the line, CRLF too, does not."""
    done("account", "add", "acme", "--password-stdin", input=" pässword \r\nnext line\n")

    assert passwords.verify(Login.get().password_hash, " pässword ")


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "message"),
    [
        (["ACME"], "x\n", 2, "upper-case letters: write 'acme'"),
        (["../x"], "x\n", 2, "begin with a letter from a to z or a digit"),
        (["-x"], "x\n", 2, "No such option"),
        (["a" * 64], "x\n", 2, "up to 62 more"),
        (["acme", "--email", "nobody"], "x\n", 2, "'nobody' is not one e-mail address"),
        (["acme", "--entities", "products,prdcts"], "x\n", 2, "'prdcts' is no entity: did you mean 'product"),
        (["acme"], "\n", 1, "The password is empty"),
        (["acme"], b"\xff\xfe\n", 1, "not UTF-8"),
    ],
)
def test_add_says_what_is_wrong_and_leaves_nothing(
    run: Run, settings: Settings, arguments: list[str], stdin: str | bytes, status: int, message: str
) -> None:
    """Usage errors end with 2, refused values with 1; the message says what to write, and nothing was made."""
    result = run("account", "add", *arguments, "--password-stdin", input=stdin)

    assert status == result.exit_code
    assert message in " ".join(result.stderr.split())
    assert (Account.select().count(), Login.select().count()) == (0, 0)
    assert list(settings.accounts.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mäx@firma.example", "has letters before the @ that not every mail server knows"),
        ("max.@firma.example", "can't stand in a mail"),
        (".max@firma.example", "can't stand in a mail"),
        ("m..x@firma.example", "can't stand in a mail"),
        ("info@firma..example", "can't stand in a mail"),
        ("max@straße.example", "write it in the form xn--..."),
    ],
)
def test_an_address_that_no_mail_can_be_made_for_is_refused(
    run: Run, acme: Account, address: str, message: str
) -> None:
    """By every command that takes one, as wrong usage: it says what is wrong with it, and nothing is changed."""
    for command in (["account", "add", "other"], ["account", "set", "acme"], ["mail", "test", address]):
        result = run(*command, *([] if address in command else ["--email", address]))

        assert (result.exit_code, message in " ".join(result.stderr.split())) == (2, True), result.stderr
    assert [account.emails for account in Account.select()] == [acme.emails]


def test_a_domain_with_other_letters_is_stored_as_servers_know_it(done: Done, acme: Account) -> None:
    """Mail servers that know nothing but ASCII take it, too."""
    done("account", "set", "acme", "--email", "Max@Bücher.example")

    assert Account.get().emails == ["Max@xn--bcher-kva.example"]


def test_add_never_takes_a_password_as_an_argument(run: Run) -> None:
    """There is no option that would put a password into the shell's history."""
    result = run("account", "add", "acme", "--password", "secret")

    assert result.exit_code == 2


def test_add_refuses_a_name_that_is_taken(run: Run, acme: Account) -> None:
    """The second account of a name is refused before a password is asked for, and the first is untouched."""
    result = run("account", "add", "acme", "--company", "Other")

    assert (result.exit_code, result.stderr) == (1, "Error: There is already an account 'acme'\n")
    assert [acme.id] == [account.id for account in Account.select()]


def test_add_refuses_a_name_that_is_a_login(run: Run, done: Done, acme: Account) -> None:
    """A login's name is unique over all accounts, and the message says whose it is."""
    done("login", "add", "acme", "erp")

    result = run("account", "add", "erp")

    assert (
        result.exit_code,
        result.stderr,
    ) == (1, "Error: There is already a login 'erp'; it opens the account 'acme'\n")


def test_list_and_show_as_json(done: Done, acme: Account, settings: Settings) -> None:
    """Both print the same object, with times in ISO 8601 with offset."""
    listed = json.loads(done("account", "list", "--json"))

    assert [shown(done)] == listed
    assert {
        "name": "acme",
        "company": "",
        "emails": ["ops@acme.example"],
        "entities": ["product", "inventory", "customer", "address", "contact", "category", "collection", "order"],
        "logins": ["acme"],
        "disabled": False,
        "time_zone": "UTC",
        "date_format": "YYYY-MM-DD",
        "decimal_separator": ".",
        "column_order": "strict",
        "digest": False,
        "export_imported": False,
        "export_bom": False,
        "export_delimiter": ",",
        "abort_on_error": [],
        "folder": str(account_root(settings, "acme")),
        "created_at": acme.created_at.isoformat(timespec="seconds"),
    } == listed[0]
    assert listed[0]["created_at"].endswith("+00:00")


def test_list_for_people(done: Done, run: Run, acme: Account) -> None:
    """Into a pipe goes one plain line per account, nothing cut."""
    assert done("account", "list").splitlines() == [
        "name  company  emails            logins  disabled",
        "acme           ops@acme.example  acme    no",
    ]


def test_list_of_no_accounts(run: Run) -> None:
    """An empty listing says so on stderr, and is an empty array for programs."""
    assert run("account", "list").stderr == "No accounts.\n"
    assert json.loads(run("account", "list", "--json").stdout) == []


def test_set_changes_what_is_given_and_nothing_else(done: Done, acme: Account) -> None:
    """Each option of `set` shows in `show`."""
    before = shown(done)
    done("account", "set", "acme", "--email", "new@acme.example", "--company", "Acmé", "--timezone", "Europe/Berlin",
         "--date-format", "DD.MM.YYYY", "--decimal-separator", ",", "--column-order", "any")  # fmt: skip

    assert {
        **before,
        "emails": ["new@acme.example"],
        "company": "Acmé",
        "time_zone": "Europe/Berlin",
        "date_format": "DD.MM.YYYY",
        "decimal_separator": ",",
        "column_order": "any",
    } == shown(done)


def test_set_how_exported_files_look(done: Done, acme: Account) -> None:
    """`show` has all three, and `--no-...` takes back."""
    done("account", "set", "acme", "--export-imported", "--export-bom", "--export-delimiter", "semicolon")
    found = shown(done)
    assert (found["export_imported"], found["export_bom"], found["export_delimiter"]) == (True, True, ";")

    done("account", "set", "acme", "--no-export-imported", "--no-export-bom", "--export-delimiter", ",")
    found = shown(done)
    assert (found["export_imported"], found["export_bom"], found["export_delimiter"]) == (False, False, ",")


@pytest.mark.parametrize(
    ("written", "stored"),
    [("comma", ","), (";", ";"), ("Semicolon", ";"), ("\t", "\t"), (r"\t", "\t"), ("TAB", "\t"), ("|", "|"),
     ("pipe", "|")],
)  # fmt: skip
def test_a_delimiter_by_its_name_or_as_the_character(written: str, stored: str) -> None:
    """A tab is hard to type into a shell."""
    assert stored == check_delimiter(written)


def test_add_with_how_exported_files_look(done: Done) -> None:
    """A new account may have it from the start."""
    done("account", "add", "acme", "--export-imported", "--export-bom", "--export-delimiter", ";")

    account = Account.get()
    assert (account.export_imported, account.export_bom, account.export_delimiter) == (True, True, ";")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--export-delimiter", ":", "write comma, semicolon, tab or pipe"),
        ("--export-delimiter", "", "write comma, semicolon, tab or pipe"),
        ("--timezone", "Berlin", "'Berlin' is not a time zone"),
        ("--timezone", "../etc/passwd", "is not a time zone"),
        ("--date-format", "DD.MM.YY", "write YYYY, MM and DD once each"),
        ("--date-format", "DD,MM,YYYY", "write YYYY, MM and DD once each"),
        ("--decimal-separator", ";", "is not one of"),
        ("--company", "two\nlines", "one line"),
    ],
)
def test_set_refuses_values_that_files_could_not_follow(
    run: Run, done: Done, acme: Account, option: str, value: str, message: str
) -> None:
    """A wrong value is a usage error and changes nothing."""
    before = shown(done)

    result = run("account", "set", "acme", option, value)

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert before == shown(done)


def test_set_rewrites_templates_in_the_accounts_formats(done: Done, acme: Account, settings: Settings) -> None:
    """The README in /Templates names the date format that files have to follow."""
    done("account", "set", "acme", "--date-format", "DD.MM.YYYY")

    assert "DD.MM.YYYY" in (account_root(settings, "acme") / "Templates" / "README.txt").read_text(encoding="utf-8")


def test_set_entities_makes_folders_and_all_brings_everything_back(
    done: Done, acme: Account, settings: Settings
) -> None:
    """`all` is every entity, also those to come; folders with files in them are never taken away."""
    done("account", "set", "acme", "--entities", "orders")
    assert shown(done)["entities"] == ["order"]
    assert (account_root(settings, "acme") / "Products").is_dir()

    done("account", "set", "acme", "--entities", "all")
    assert len(shown(done)["entities"]) == 8
    assert Account.get().entities is None


def test_set_on_error_for_one_entity_and_for_all(done: Done, acme: Account) -> None:
    """`--on-error` is kept per entity; without `--entity` it is for every entity of the account."""
    done("account", "set", "acme", "--on-error", "abort", "--entity", "PRODUCTS")
    assert shown(done)["abort_on_error"] == ["product"]

    done("account", "set", "acme", "--on-error", "abort")
    assert len(shown(done)["abort_on_error"]) == 8

    done("account", "set", "acme", "--on-error", "continue", "--entity", "order")
    assert "order" not in shown(done)["abort_on_error"]
    assert EntitySettings.select().count() == 8


def test_set_without_an_option_is_a_usage_error(run: Run, acme: Account) -> None:
    """A command that would do nothing says so."""
    result = run("account", "set", "acme")

    assert (result.exit_code, "Nothing to change" in result.stderr) == (2, True)


def test_set_on_error_of_an_entity_that_the_account_has_not(done: Done, run: Run, acme: Account) -> None:
    """Refused, and nothing else is changed; what it gets by the same command it has."""
    done("account", "set", "acme", "--entities", "product")

    refused = run("account", "set", "acme", "--company", "Other", "--on-error", "abort", "--entity", "order")
    assert (refused.exit_code, refused.stderr) == (1, "Error: The account 'acme' has no order: it has product\n")
    gone = run("account", "set", "acme", "--entities", "order", "--on-error", "abort", "--entity", "product")
    assert (gone.exit_code, gone.stderr) == (1, "Error: The account 'acme' has no product: it has order\n")
    assert (shown(done)["company"], shown(done)["entities"]) == (acme.company, ["product"])

    done("account", "set", "acme", "--entities", "product,order", "--on-error", "abort", "--entity", "order")
    assert shown(done)["abort_on_error"] == ["order"]


def test_set_no_email_empties_the_list(done: Done, acme: Account) -> None:
    """`--no-email` tells nobody."""
    done("account", "set", "acme", "--no-email")

    assert shown(done)["emails"] == []


def test_disable_and_enable(done: Done, acme: Account) -> None:
    """Both show at once."""
    done("account", "disable", "acme")
    assert shown(done)["disabled"] is True

    done("account", "enable", "acme")
    assert shown(done)["disabled"] is False


@pytest.mark.parametrize("command", ["show", "disable", "enable", "remove"])
def test_an_unknown_account_is_named_with_its_neighbour(run: Run, acme: Account, command: str) -> None:
    """Exit status 1 and a suggestion."""
    result = run("account", command, "acne")

    assert (result.exit_code, result.stderr) == (1, "Error: There is no account 'acne'; did you mean 'acme'?\n")


def test_remove_asks_and_keeps_the_files(done: Done, run: Run, acme: Account, settings: Settings) -> None:
    """A no changes nothing; a yes removes the account and says where its files are."""
    upload = account_root(settings, "acme") / "Products" / "PRODUCT_18_09_2024.csv"
    upload.write_text("SKU_ID\n1\n")

    assert run("account", "remove", "acme", input="n\n").exit_code == 1
    assert upload.exists()

    output = done("account", "remove", "acme", input="y\n")
    kept = Path(output.splitlines()[-1].rpartition(" lie in ")[2])
    assert (kept / "Products" / "PRODUCT_18_09_2024.csv").read_text() == "SKU_ID\n1\n"
    assert (Account.select().count(), Login.select().count()) == (0, 0)


def test_remove_with_files_deletes_them(done: Done, acme: Account, settings: Settings) -> None:
    """`--files --yes` leaves nothing and asks nothing."""
    done("account", "remove", "acme", "--files", "--yes")

    assert [path for path in settings.accounts.rglob("*") if path.is_file()] == []
