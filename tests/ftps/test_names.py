"""Which names are taken where, and how clients that rename get their receipt."""

from __future__ import annotations

import ftplib
import re
import time
from collections.abc import Callable

import pytest

import ftps.receipt
from errors import FileRefused
from layout import spool_folder
from models import EntitySettings, Upload
from schemas.filenames import example
from tests.visitor import BODY, NAME, PATH, House

TEMPORARY = [".in.X.csv", f"{NAME}.filepart", f"{NAME}.part", "x.tmp", f".in.{NAME}", "ANY.TEMP", "X.PARTIAL"]


def refusal(house: House, command: str) -> str:
    with pytest.raises(ftplib.error_perm) as caught:
        house.login().begin(command)
    assert house.rows == []
    return str(caught.value)


@pytest.mark.parametrize("name", ["product_18_09_2024.csv", "PRODUCTS_01_01_2024_b2.CSV", "Product_29_02_2024_1.csv"])
def test_right_names_are_taken_in_any_case(house: House, name: str) -> None:
    """Singular or plural, with or without a suffix."""
    assert house.login().put(f"/Products/{name}", BODY).startswith("226 ")
    assert house.rows[0].name == name


@pytest.mark.parametrize(
    "name", ["products.csv", "PRODUCT_30_02_2024.csv", "PRODUCT_1_2_2024.csv", "PRODUCT_18_09_2024.xlsx", "x"]
)
@pytest.mark.parametrize("verb", ["STOR", "APPE"])
def test_a_wrong_name_is_refused_with_the_expected_one(house: House, name: str, verb: str) -> None:
    """553 before any data, with an example for this very folder."""
    reply = refusal(house, f"{verb} /Orders/{name}")
    assert reply.startswith("553 ")
    assert "ORDER_" in reply


@pytest.mark.parametrize("name", [f".{NAME}", ".csv", ".tmp", ".filepart", ".in.", "..."])
@pytest.mark.parametrize("verb", ["STOR", "APPE"])
def test_a_hidden_name_is_refused_for_the_name(house: House, name: str, verb: str) -> None:
    """Its folder is right, which is not denied."""
    reply = refusal(house, f"{verb} /Products/{name}")
    assert reply.startswith(f"553 '{name}' is not a file name that is imported: name it ENTITY_DD_MM_YYYY")
    assert reply.endswith(f", for example {example('product')}.")


@pytest.mark.parametrize("suffix", ["_10_30_00", "_a_b", "-2", "(1)", "_", "_\u00e4"])
def test_a_wrong_suffix_is_told_what_one_may_hold(house: House, suffix: str) -> None:
    """The form alone does not say it; the example stands there once."""
    reply = refusal(house, f"STOR /Products/PRODUCT_24_11_2026{suffix}.csv")
    assert reply == (
        f"553 'PRODUCT_24_11_2026{suffix}.csv' is not a file name that is imported: name it "
        "ENTITY_DD_MM_YYYY[_suffix].csv (a suffix has only letters a-z and digits), for example "
        f"{example('product')}."
    )


def test_what_is_no_kind_of_file_gets_an_example(house: House) -> None:
    """The folder's own, where the words have none."""
    reply = refusal(house, "STOR /Orders/INVOICE_24_11_2026.csv")
    assert reply.endswith(f"; here such as {example('order')}.")


@pytest.mark.parametrize("name", ["b" * 252 + ".tmp", "ä" * 126 + ".tmp", NAME.replace(".csv", f"_{300 * 'b'}.csv")])
def test_a_name_that_no_disk_takes(house: House, name: str) -> None:
    """553 says how long a name may be; one of 255 bytes is taken."""
    reply = refusal(house, f"STOR /Products/{name}")
    assert reply == (
        f"553 The name has {len(name.encode())} bytes: a file name may have 120 characters, a temporary one 255 bytes;"
        f" here such as {example('product')}."
    )
    assert house.login().put("/Products/" + "b" * 251 + ".tmp", b"x").startswith("226 ")


def test_a_right_name_that_is_too_long(house: House) -> None:
    """It is told what is wrong with it, not the form that it has; the longest is taken."""
    name = NAME.replace(".csv", f"_{98 * 'b'}.csv")
    reply = refusal(house, f"STOR /Products/{name}")
    assert reply == (
        f"553 '{name[:40]}...' has 121 characters, but a file name may have 120: shorten its suffix;"
        f" here such as {example('product')}."
    )
    assert house.login().put(f"/Products/{name.replace('bb.csv', 'b.csv')}", BODY).startswith("226 ")


@pytest.mark.parametrize("folder", ["/Templates", "/Export", "/Products/processed"])
def test_a_hidden_name_in_a_folder_for_no_uploads(house: House, folder: str) -> None:
    """The folder is there, so the reply does not deny it."""
    reply = refusal(house, f"STOR {folder}/.{NAME}")
    assert reply.startswith("553 Nothing can be uploaded here. Upload into /Products, ")


@pytest.mark.parametrize("folder", ["/Orders", "/Templates", "/Products/processed", ""])
def test_a_right_name_in_a_wrong_folder_is_told_the_right_one(house: House, folder: str) -> None:
    """553 names /Products."""
    reply = refusal(house, f"STOR {folder}/{NAME}")
    assert reply.startswith("553 ")
    assert f"{NAME} belongs into /Products" in reply


@pytest.mark.parametrize("path", [f"/products/{NAME}", f"/Nowhere/{NAME}", f"/Products/x/{NAME}", f"/../{NAME}x/y"])
def test_a_folder_that_does_not_exist_takes_nothing(house: House, path: str) -> None:
    """Neither in another case nor deeper down."""
    assert refusal(house, f"STOR {path}")[:3] in ("550", "553")


def test_a_login_for_some_entities_neither_sees_nor_reaches_the_others(make_house: Callable[..., House]) -> None:
    """The other folders do not exist for it."""
    house = make_house(login={"entities": ["order"]})
    client = house.login()
    assert client.nlst("/") == ["Export", "Orders", "Templates"]
    for command in (
        "CWD /Products",
        "SIZE /Products/x",
        "MLST /Products",
        "RETR /Products/processed/x",
        "DELE /Products/x",
    ):
        client.voidcmd("TYPE I")
        client.voidcmd("EPSV")
        assert client.ask(command).startswith("550")
    assert refusal(house, f"STOR {PATH}").startswith("550 ")
    assert "/Products" not in refusal(house, f"STOR /Orders/{NAME}")


@pytest.mark.parametrize("name", TEMPORARY)
def test_a_temporary_name_is_taken_and_counts_for_nothing(house: House, name: str) -> None:
    """226, no row, no hook."""
    reply = house.login().put(f"/Products/{name}", BODY)
    assert reply == "226 Transfer complete, rename it to be imported."
    assert house.rows == []
    assert house.hooks.received == []
    assert house.file(f"/Products/{name}").read_bytes() == BODY


@pytest.mark.parametrize("name", TEMPORARY[:3])
def test_renaming_to_a_right_name_is_the_receipt(house: House, name: str) -> None:
    """250 names the import; the row describes the file."""
    client = house.login()
    client.put(f"/Products/{name}", BODY)
    reply = client.rename(f"/Products/{name}", PATH)
    [row] = house.rows
    assert reply == f"250 Renamed, queued as import {row.id}."
    assert (row.name, row.size, row.entity, row.state) == (NAME, len(BODY), "product", "waiting")
    assert (spool_folder(house.settings, row.id) / NAME).read_bytes() == house.file(PATH).read_bytes() == BODY
    assert not house.file(f"/Products/{name}").exists()
    assert len(house.hooks.received) == 1


def test_renaming_into_another_entity_folder_goes_by_the_new_name(house: House) -> None:
    """From a temporary name only."""
    client = house.login()
    client.put("/Products/x.tmp", BODY)
    assert client.rename("/Products/x.tmp", "/Orders/ORDER_18_09_2024.csv").startswith("250 Renamed, queued")
    assert [row.entity for row in house.rows] == ["order"]


def test_a_hook_can_refuse_a_renamed_file(house: House) -> None:
    """553, and the file is gone."""

    def refuse(event: object) -> None:
        raise FileRefused("No.")

    house.hooks.on_received = refuse
    client = house.login()
    client.put("/Products/x.tmp", BODY)
    with pytest.raises(ftplib.error_perm, match=r"^553 No\.$"):
        client.rename("/Products/x.tmp", PATH)
    assert house.rows == []
    assert client.nlst("/Products") == ["failed", "processed", "reports"]


def test_renaming_over_a_waiting_file_replaces_it(house: House) -> None:
    """As an upload under that name would."""
    client = house.login()
    client.put(PATH, b"older")
    client.put("/Products/x.tmp", BODY)
    client.rename("/Products/x.tmp", PATH)
    assert [(row.state, row.size) for row in house.rows] == [("replaced", 5), ("waiting", len(BODY))]
    assert house.file(PATH).read_bytes() == BODY


def test_a_waiting_file_can_get_another_right_name(house: House) -> None:
    """It keeps its number; of its folder only."""
    client = house.login()
    client.put(PATH, BODY)
    other = "PRODUCT_19_09_2024.csv"
    assert client.rename(PATH, f"/Products/{other}") == "250 Renamed, queued as import 1."
    [row] = house.rows
    assert (row.name, row.state) == (other, "waiting")
    assert (spool_folder(house.settings, 1) / other).read_bytes() == BODY
    assert [entry for entry in client.nlst("/Products") if "PRODUCT" in entry] == [other]


@pytest.mark.parametrize(
    ("source", "goal", "code"),
    [
        (PATH, "/Products/x.tmp", "553"),
        (PATH, "/Orders/ORDER_18_09_2024.csv", "553"),
        (PATH, "/Products/wrong.csv", "553"),
        (PATH, f"/Products/processed/{NAME}", "553"),
        ("/Products/nothing.tmp", PATH, "550"),
        ("/Products/processed", "/Products/x.tmp", "550"),
        ("/Products", "/Orders", "550"),
        ("/", "/x", "550"),
    ],
)
def test_other_renames_are_refused(house: House, source: str, goal: str, code: str) -> None:
    """And change nothing."""
    client = house.login()
    client.put(PATH, BODY)
    with pytest.raises(ftplib.error_perm) as caught:
        client.rename(source, goal)
    assert str(caught.value)[:3] == code
    assert [(row.name, row.state) for row in house.rows] == [(NAME, "waiting")]
    assert house.file(PATH).read_bytes() == BODY


def test_rnto_needs_rnfr(house: House) -> None:
    """503."""
    assert house.login().ask(f"RNTO {PATH}").startswith("503")


def test_a_waiting_upload_can_be_deleted(house: House) -> None:
    """It is not imported then."""
    client = house.login()
    client.put(PATH, BODY)
    assert client.delete(PATH) == "250 File removed."
    assert [row.state for row in house.rows] == ["deleted"]
    assert not house.file(PATH).exists()
    assert not spool_folder(house.settings, 1).exists()
    assert client.ask(f"DELE {PATH}").startswith("550 No such file")


def test_a_temporary_file_can_be_deleted(house: House) -> None:
    """It was never more than a file."""
    client = house.login()
    client.put("/Products/x.tmp", BODY)
    assert client.delete("/Products/x.tmp").startswith("250")
    assert client.ask("SIZE /Products/x.tmp").startswith("550")


def test_stou_makes_a_right_name(house: House) -> None:
    """In an entity folder; the name is told (RFC 1123)."""
    client = house.login()
    client.voidcmd("EPSV")
    assert client.ask("STOU").startswith("553 ")
    client.cwd("/Products")
    connection = client.begin("STOU")
    connection.sendall(BODY)
    connection.unwrap().close()
    assert client.voidresp().startswith("226 Transfer complete, queued as import 1.")
    assert house.rows[0].name.startswith("PRODUCT_")


def pick_up(house: House, row: Upload) -> None:
    """What the worker does: the row is taken and the file vanishes from its folder."""
    Upload.update(state="picked").where(Upload.id == row.id).execute()
    house.file(PATH).unlink()


def test_an_upload_that_was_picked_up_stays_visible(house: House) -> None:
    """In each command with which clients look again, with the right size and time."""
    client = house.login()
    client.put(PATH, BODY)
    pick_up(house, house.rows[0])
    assert client.size(PATH) == len(BODY)
    assert NAME in client.nlst("/Products")
    lines: list[str] = []
    client.retrlines("LIST /Products", lines.append)
    assert any(line.endswith(NAME) and str(len(BODY)) in line for line in lines)
    assert dict(client.mlsd("/Products"))[NAME]["size"] == str(len(BODY))
    assert f"size={len(BODY)};" in client.ask(f"MLST {PATH}")
    assert client.ask(f"MFMT 20240918101112 {PATH}") == f"213 Modify=20240918101112; {PATH}."
    assert client.ask(f"MDTM {PATH}") == "213 20240918101112"
    assert client.ask(f"DELE {PATH}") == "550 It was already picked up as import 1."
    assert client.ask(f"RNFR {PATH}") == "550 It was already picked up as import 1."


def test_what_was_picked_up_vanishes_after_its_time(make_house: Callable[..., House]) -> None:
    """`visible_seconds` after the receipt; DELE still tells what became of it."""
    house = make_house(visible_seconds=2)
    client = house.login()
    client.put(PATH, BODY)
    pick_up(house, house.rows[0])
    assert client.size(PATH) == len(BODY)
    house.wait(lambda: client.ask(f"SIZE {PATH}").startswith("550"))
    assert NAME not in client.nlst("/Products")
    assert client.ask(f"DELE {PATH}") == "550 It was already picked up as import 1."


def test_a_pick_up_does_not_change_the_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it matter how long the receipt took: a client that looks again would take it for another file."""
    monkeypatch.setattr(ftps.receipt, "_ask_hooks", lambda *_: time.sleep(1.1))
    client = house.login()
    client.put(PATH, BODY)
    seen = client.ask(f"MDTM {PATH}")
    pick_up(house, house.rows[0])
    assert client.ask(f"MDTM {PATH}") == seen


def test_mfmt_sets_the_time_of_a_waiting_file(house: House) -> None:
    """213 and MDTM agree."""
    client = house.login()
    client.put(PATH, BODY)
    assert client.ask(f"MFMT 20240918101112 {PATH}").startswith("213 Modify=20240918101112")
    assert client.ask(f"MDTM {PATH}") == "213 20240918101112"


@pytest.mark.parametrize(
    "wrong",
    ["00010101000000", "19691231235959", "20241301000000", "20240918101160", "2024091810111", "2024-09-181011",
     "\u0660\u0660\u0660\u06610101000000", "202409181011.1"],
)  # fmt: skip
def test_mfmt_of_what_is_no_time(house: House, wrong: str) -> None:
    """501: a file system, or MDTM's fourteen digits, have no room for some of them. The file keeps its time."""
    client = house.login()
    client.put(PATH, BODY)
    before = client.ask(f"MDTM {PATH}")
    expected = f"501 {wrong} is no time: expected YYYYMMDDHHMMSS (UTC), 1970 or later."
    assert client.ask(f"MFMT {wrong} {PATH}") == expected
    pick_up(house, house.rows[0])
    assert client.ask(f"MFMT {wrong} {PATH}") == expected
    assert client.ask(f"MDTM {PATH}") == before


@pytest.mark.parametrize("far", ["19700101000000", "99991231235959"])
def test_mfmt_tells_the_time_that_was_set(house: House, far: str) -> None:
    """The file system's last one, if that is before the one that was asked for."""
    client = house.login()
    client.put(PATH, BODY)
    told = client.ask(f"MFMT {far} {PATH}")
    assert re.fullmatch(rf"213 Modify=(\d{{14}}); {PATH}\.", told)
    time = told[11:][:14]
    assert time <= far
    assert client.ask(f"MDTM {PATH}") == f"213 {time}"
    assert f"modify={time};" in client.ask(f"MLST {PATH}").lower()
    lines: list[str] = []
    client.retrlines("LIST /Products", lines.append)
    assert f"  {time[:4]} {NAME}" in lines[0]


def test_listings_by_pattern(house: House) -> None:
    """`mget *.report.csv` of many clients is NLST with a pattern; names of another folder come with it."""
    reports = house.root / "Products" / "reports"
    for name in ("PRODUCT_18_09_2024.000001.report.csv", "PRODUCT_18_09_2024.000001.ids.csv", ".hidden.report.csv"):
        (reports / name).write_text("x")
    client = house.login()
    report = "PRODUCT_18_09_2024.000001.report.csv"

    assert client.nlst("/Products/reports/*.report.csv") == [f"/Products/reports/{report}"]
    client.cwd("/Products/reports")
    assert client.nlst("*.report.csv") == [report]
    assert client.nlst("*.zip") == []
    lines: list[str] = []
    client.retrlines("LIST PRODUCT_*.ids.csv", lines.append)
    assert [line.split()[-1] for line in lines] == ["PRODUCT_18_09_2024.000001.ids.csv"]
    with pytest.raises(ftplib.error_perm, match="550"):
        client.nlst("/No*/x")


def test_what_was_received_just_before_a_restart_is_still_visible(
    house: House, open_house: Callable[..., House]
) -> None:
    """A client that looks again after the server came back finds its file, with its size and hash."""
    EntitySettings.delete().execute()
    client = house.login()
    client.put(PATH, BODY)
    seen = client.ask(f"XSHA256 {PATH}")

    again = open_house(house.settings, again=True).login()

    assert house.wait(lambda: again.nlst("/Products").count(NAME) == 1)
    assert again.size(PATH) == len(BODY)
    assert again.ask(f"XSHA256 {PATH}") == seen
