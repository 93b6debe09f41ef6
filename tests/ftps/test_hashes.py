"""A partner compares what arrived, wherever the import has moved it."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Callable

import pytest

from layout import numbered, spool_folder
from models import EntitySettings, ImportRun, Upload
from settings import Settings
from tests.ftps.shelf import Shelf
from tests.visitor import BODY, NAME, PATH, House

EXPECTED = {
    "XSHA256": hashlib.sha256(BODY).hexdigest(),
    "XSHA1": hashlib.sha1(BODY).hexdigest(),
    "XMD5": hashlib.md5(BODY).hexdigest(),
    "XCRC": f"{zlib.crc32(BODY):08x}",
}
ALGORITHMS = {"SHA-256": "XSHA256", "SHA-1": "XSHA1", "MD5": "XMD5", "CRC32": "XCRC"}


def move(house: House, where: str) -> None:
    """What an import does with the bytes of upload 1."""
    if where == "waiting":
        return
    Upload.update(state="picked").execute()
    house.file(PATH).unlink()
    if where == "spool":
        return
    spool = spool_folder(house.settings, 1)
    (spool / NAME).rename(house.root / "Products" / where / numbered(NAME, 1))
    shutil.rmtree(spool)


@pytest.mark.parametrize("where", ["waiting", "spool", "processed", "failed"])
def test_hashes_of_a_file_on_each_station_of_its_way(house: House, where: str) -> None:
    """X* in upper case with 250, HASH as in the draft with 213."""
    client = house.login()
    client.put(PATH, BODY)
    move(house, where)
    for command, expected in EXPECTED.items():
        assert client.ask(f"{command} {PATH}") == f"250 {expected.upper()}"
    for algorithm, command in ALGORITHMS.items():
        assert client.ask(f"OPTS HASH {algorithm}") == f"200 {algorithm}"
        assert client.ask(f"HASH {PATH}") == f"213 {algorithm} 0-{len(BODY)} {EXPECTED[command]} {NAME}"


def test_a_file_that_is_queued_by_its_receipt_is_visible_too(
    settings: Settings, open_house: Callable[..., House]
) -> None:
    """With the schedule `immediate` it never lies in its folder, and yet every look finds it, on both engines."""
    house = open_house(settings.__class__(**{**vars(settings), "host": "127.0.0.1", "port": 0}))
    EntitySettings.delete().execute()
    client = house.login()
    assert client.put(PATH, BODY) == "226 Transfer complete, queued as import 1."
    assert client.size(PATH) == len(BODY)
    assert NAME in client.nlst("/Products")
    assert client.ask(f"XSHA256 {PATH}") == f"250 {EXPECTED['XSHA256'].upper()}"
    assert client.ask(f"XMD5 {PATH}") == f"250 {EXPECTED['XMD5'].upper()}"
    assert not house.file(PATH).exists()
    assert [run.number for run in ImportRun.select()] == [1]
    assert client.put(PATH, BODY).startswith("226 Transfer complete, queued as import 2.")
    assert [run.number for run in ImportRun.select().order_by(ImportRun.number)] == [1, 2]
    assert client.ask(f"DELE {PATH}") == "250 File removed."
    assert [run.number for run in ImportRun.select()] == [1]
    ImportRun.update(status="running", attempts=1).execute()
    assert client.ask(f"DELE {PATH}") == "550 It was already picked up as import 1."


def test_hash_of_nothing_is_refused(house: House) -> None:
    """550 for no file, a folder and another account's."""
    client = house.login()
    for path in (PATH, f"{PATH} 0 5", f'"{PATH}" 0 5', "/Nowhere/x", "/Export/Nothing", "/Products/.x"):
        assert client.ask(f"HASH {path}") == "550 No such file or directory."
    for path in ("/Products", "/", "..", "/Products/processed", '"/Export"'):
        assert client.ask(f"HASH {path}") == "550 It is a folder."
    assert client.ask("OPTS HASH SHA-3").startswith("501")


@pytest.mark.parametrize("command", EXPECTED)
def test_a_range_is_told_from_a_name(house: House, command: str) -> None:
    """Many clients send the whole file's; servers differ in what the numbers of any other mean."""
    client = house.login()
    client.put(PATH, BODY)
    whole, size = f"250 {EXPECTED[command].upper()}", len(BODY)
    for file in (PATH, f'"{PATH}"', f'"{PATH}",'):
        assert client.ask(f"{command} {file} 0 {size}") == whole
        for part in ("0 5", "5", "0", f"{size}", f"0 {size - 1}", f"1 {size}", f"0 {size + 1}", f"0 {'9' * 19}"):
            assert client.ask(f"{command} {file} {part}") == "504 Ranges are not supported; ask without them."
    assert client.ask(f'{command} "{PATH}"') == whole
    move(house, "spool")
    assert client.ask(f"{command} {PATH} 0 {size}") == whole
    assert client.ask(f"{command} {PATH} 0 5").startswith("504 ")


def test_a_file_with_numbers_behind_its_name(shelf: Shelf) -> None:
    """The whole line comes first as a name, then as one with a range."""
    for name in ("list 0 5", "list 0"):
        shelf.place(name, name)
        expected = hashlib.md5(name.encode()).hexdigest().upper()
        assert shelf.house.login().ask(f"XMD5 /Export/{name}") == f"250 {expected}"
    assert shelf.house.login().ask("XMD5 /Export/list 0 5 0 8")[:4] == "250 "
    assert shelf.house.login().ask("XMD5 /Export/list 0 5 0 7")[:4] == "504 "


def test_feat_lists_what_there_is(house: House) -> None:
    """With the chosen algorithm marked."""
    client = house.login()
    client.ask("OPTS HASH MD5")
    features = client.ask("FEAT").split("\n")
    assert " HASH SHA-256;SHA-1;MD5*;CRC32" in features
    for feature in ("XCRC", "XMD5", "XSHA256", "MFMT", "CLNT", "AVBL", "UTF8", "REST STREAM", "SIZE", "EPSV", "TVFS"):
        assert f" {feature}" in features
    assert any(feature.startswith(" MLST type*;") for feature in features)


def test_small_commands(house: House) -> None:
    """CLNT, AVBL, OPTS UTF8 ON, SYST, TYPE, HELP and STAT."""
    client = house.login()
    assert client.ask("CLNT test") == "200 Noted."
    assert int(client.ask("AVBL").split()[1]) > 0
    assert client.ask("OPTS UTF8 ON").startswith("200")
    for known in ("A", "a", "A N", "a n", "A  N", "I", "i", " I", "L 8", "l 8", "L8"):
        assert client.ask(f"TYPE {known}").startswith("200 ")
    for unknown in ("A T", "A C", "E", "E N", "L 36", "X", "A N N"):
        assert client.ask(f"TYPE {unknown}").startswith("504 ")
    assert client.ask("SYST") == "215 UNIX Type: L8"
    assert "XSHA256" in client.ask("HELP")
    assert client.ask("STAT").startswith("211-")
    assert client.ask("STAT /").startswith("213-")
    assert client.ask("NONSENSE").startswith("500")
