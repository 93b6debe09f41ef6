"""Nothing leaves the account, by whatever path, link, case or letter."""

from __future__ import annotations

import ftplib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftps.identity import Identity
from ftps.places import Map, on_disk
from models import Account
from schemas import SCHEMAS
from tests.visitor import BODY, NAME, PATH, House, add_account

ENTITIES = frozenset({"product", "order"})
IDENTITY = Identity(1, "acme", "1-0", 1, "acme", "", (), ENTITIES, ENTITIES, True)
VIEW = Map(IDENTITY, SCHEMAS, (".part", ".in.*"))
PIECES = [
    "", ".", "..", "/", "//", "Products", "products", "Customers", "Orders", "processed", "Templates", "Export", "\\",
    "..\\", "%2e%2e", "\uff0e\uff0e", "\uff30roducts", "Produc\u0074\u0301s", "~", "*", "x.part", ".in.x",
    ".hidden", "etc", NAME,
]  # fmt: skip
READ = ("RETR", "SIZE", "MDTM", "MLST", "HASH", "XMD5", "XCRC", "XSHA256", "STAT", "SITE VALIDATE")


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=7).map("/".join))
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_path_has_a_place_outside_the_account(tmp_path: Path, text: str) -> None:
    """A path is either nothing, or under one of the login's own folders by its exact name."""
    place = VIEW.place("/" + text.replace("\0", ""))
    if place is None:
        return
    assert ".." not in place.parts
    assert place.parts == () or place.parts[0] in ("Products", "Orders", "Templates", "Export")
    path = on_disk(tmp_path, place)
    assert path == tmp_path or tmp_path in path.parents


@given(st.lists(st.sampled_from(PIECES), max_size=7).map("/".join))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_command_reads_what_lies_outside(outside: tuple[House, ftplib.FTP_TLS], text: str) -> None:
    """Over a real connection: no reply holds a byte or the size of a file beside the account."""
    _, client = outside
    for command in READ[1:]:
        client.putcmd(f"{command} {text}")
        reply = client.getmultiline()
        assert "31337" not in reply
        assert reply[:1] in "25"


@pytest.fixture
def outside(house: House) -> tuple[House, ftplib.FTP_TLS]:
    """A house with files beside the account that have 31337 bytes, and a client."""
    secret = b"s" * 31337
    for path in (house.root.parent / "secret.csv", house.settings.home / "secret", house.root / "hidden"):
        path.write_bytes(secret)
    add_account(house.settings, Account.get().logins.get().password_hash, "other")
    (house.root.parent / "other" / "Products" / "processed" / NAME).write_bytes(secret)
    client = house.login()
    client.voidcmd("TYPE I")
    return house, client


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.csv",
        "../../secret",
        "/Products/../../secret.csv",
        "/Products/processed/../../../other/Products/processed/" + NAME,
        "//etc/passwd",
        "/hidden",
        "/Products/processed/../../../../../../../etc/passwd",
    ],
)
@pytest.mark.parametrize("verb", [*READ, "DELE", "CWD", "RNFR", "LIST", "NLST", "MLSD", "STOR", "APPE"])
def test_paths_upwards_lead_nowhere(outside: tuple[House, ftplib.FTP_TLS], verb: str, path: str) -> None:
    """Every command answers 4xx or 5xx."""
    house, client = outside
    client.voidcmd("EPSV")
    client.putcmd(f"{verb} {path}")
    assert client.getmultiline()[:1] in "45"
    assert (house.root.parent / "secret.csv").stat().st_size == 31337


@pytest.mark.parametrize("verb", [*READ, "LIST", "NLST", "DELE", "RNFR", "STOR", "MFMT 20240918101112"])
def test_links_are_not_followed(outside: tuple[House, ftplib.FTP_TLS], verb: str) -> None:
    """Neither to a file nor to a folder, neither out of the account nor inside it."""
    house, client = outside
    products = house.root / "Products"
    (products / NAME).symlink_to(house.root.parent / "secret.csv")
    (products / "processed" / "in.csv").symlink_to(house.root.parent / "other")
    (products / "processed" / "same.csv").symlink_to(house.root / "hidden")
    (house.root / "Orders" / "reports").rmdir()
    (house.root / "Orders" / "reports").symlink_to(house.root.parent / "other" / "Products" / "processed")
    paths = (PATH, "/Products/processed/in.csv", "/Products/processed/same.csv", f"/Orders/reports/{NAME}")
    for path in paths:
        client.voidcmd("EPSV")
        client.putcmd(f"{verb} {path}")
        assert client.getmultiline()[:1] == "5"
    assert client.nlst("/Products") == ["failed", "processed", "reports"]
    assert client.nlst("/Products/processed") == []
    assert (house.root.parent / "secret.csv").stat().st_size == 31337


def test_devices_and_pipes_are_no_files(house: House) -> None:
    """A pipe would block whoever opens it."""
    os.mkfifo(house.root / "Products" / "processed" / "pipe.csv")
    client = house.login()
    for command in ("RETR", "SIZE", "HASH"):
        client.voidcmd("TYPE I")
        client.voidcmd("EPSV")
        assert client.ask(f"{command} /Products/processed/pipe.csv").startswith("550")


def test_what_a_partner_may_read_and_what_not(house: House) -> None:
    """RETR in processed, failed, reports, Templates and Export; not one's own waiting upload."""
    client = house.login()
    client.put(PATH, BODY)
    (house.root / "Export" / "Orders").mkdir(parents=True)
    readable = ["Products/processed/a.csv", "Products/failed/a.csv", "Products/reports/a.csv", "Templates/PRODUCT.csv",
                "Export/Orders/a.csv"]  # fmt: skip
    for path in readable:
        (house.root / path).write_bytes(b"body")
        assert client.get(f"/{path}") == b"body"
    assert client.nlst("/")[-3:] == ["Orders", "Products", "Templates"]
    assert "Export" in client.nlst("/")
    client.voidcmd("EPSV")
    assert client.ask(f"RETR {PATH}") == "550 Not enough privileges."


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("DELE /Products/processed/a.csv", "550"),
        ("DELE /Templates/PRODUCT.csv", "550"),
        ("DELE /Products", "550"),
        ("DELE /Export/Orders/a.csv", "250"),
        ("DELE /Export/Orders", "550"),
        ("RNFR /Products/processed/a.csv", "550"),
        ("RMD /Products/processed", "550"),
        ("RMD /Products", "550"),
        ("MKD /Products/new", "550"),
        ("MKD /new", "550"),
        ("XMKD /new", "550"),
        ("SITE CHMOD 777 /Products", "500"),
        ("STOR /Products/processed/PRODUCT_18_09_2024.csv", "553"),
        ("STOR /Templates/PRODUCT.csv", "553"),
        ("STOR /Export/Orders/a.csv", "553"),
        ("MFMT 20240918101112 /Products/processed/a.csv", "550"),
    ],
)
def test_what_a_partner_may_change_and_what_not(house: House, command: str, code: str) -> None:
    """Delete in Export; nothing else outside the entity folders."""
    (house.root / "Export" / "Orders").mkdir(parents=True)
    for path in ("Products/processed/a.csv", "Templates/PRODUCT.csv", "Export/Orders/a.csv"):
        (house.root / path).write_bytes(b"body")
    client = house.login()
    client.voidcmd("EPSV")
    assert client.ask(command)[:3] == code
    assert (house.root / "Products/processed/a.csv").exists()
    assert (house.root / "Export/Orders/a.csv").exists() is (code != "250")


@pytest.mark.parametrize("path", ["/x", "/Products", "/Products/x", "/Products/processed/x", "/Templates/x", "/Export"])
def test_what_is_said_of_folders(house: House, path: str) -> None:
    """The same wherever one is to be made or removed."""
    client = house.login()
    for verb in ("MKD", "XMKD"):
        assert client.ask(f"{verb} {path}") == "550 Folders are fixed here; they can't be made."
    for verb in ("RMD", "XRMD"):
        assert client.ask(f"{verb} {path}") == "550 Folders are fixed here; they can't be removed."


def test_hidden_files_are_not_listed_and_not_reached(house: House) -> None:
    """Also not by their name."""
    (house.root / "Products" / "processed" / ".secret").write_bytes(b"x")
    (house.root / "Products" / ".secret").write_bytes(b"x")
    client = house.login()
    client.voidcmd("TYPE I")
    assert client.nlst("/Products/processed") == []
    for path in ("/Products/processed/.secret", "/Products/.secret"):
        assert client.ask(f"SIZE {path}").startswith("550")
        assert client.ask(f"DELE {path}").startswith("550")


def test_listing_options_of_ls_are_skipped(house: House) -> None:
    """LIST -la /Products lists /Products."""
    client = house.login()
    lines: list[str] = []
    client.retrlines("LIST -la /Products", lines.append)
    assert [line.rpartition(" ")[2] for line in lines] == ["failed", "processed", "reports"]
    client.cwd("/Products")
    lines.clear()
    client.retrlines("LIST -a", lines.append)
    assert len(lines) == 3
