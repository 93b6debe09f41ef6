"""The clients that partners use: curl, lftp and rclone, over real connections."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from models import EntitySettings, Upload
from tests.ftps.clients import CURL, lftp, rclone, run
from tests.ftps.shelf import DATA, ITEMS, Shelf
from tests.visitor import BODY, NAME, PASSWORD, PATH, House

NAMES = [f"PRODUCT_18_09_2024_{number:02}.csv" for number in range(20)]


@pytest.fixture(params=["waits", "immediate"])
def shop(request: pytest.FixtureRequest, house: House) -> House:
    """A house whose uploads wait in their folder, and one where each is an import at once."""
    if request.param == "immediate":
        EntitySettings.delete().execute()
    return house


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with 20 different files, from 0 to 1.9 MB."""
    folder = tmp_path / "out"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(os.urandom(100_000) * number)
    return folder


def curl(house: House, *arguments: str, path: str = "/") -> subprocess.CompletedProcess[str]:
    return run(*CURL, *arguments, f"ftp://127.0.0.1:{house.port}{path}")


def received(files: Path) -> None:
    """Every file was received once, and whole."""
    rows = {row.name: row.sha256 for row in Upload.select()}
    assert rows == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files.iterdir()}


def test_curl_uploads_lists_and_downloads(shop: House, files: Path) -> None:
    """With 226 as the last reply of an upload."""
    source = files / NAMES[5]
    uploaded = curl(shop, "--verbose", "--upload-file", str(source), path="/Products/")
    assert "< 226 Transfer complete, queued as import 1." in uploaded.stderr
    assert uploaded.returncode == 0
    assert NAMES[5] in curl(shop, path="/Products/").stdout
    (shop.root / "Products" / "reports" / "a.csv").write_bytes(BODY)
    assert curl(shop, "--output", str(files / "a"), path="/Products/reports/a.csv").returncode == 0
    assert (files / "a").read_bytes() == BODY
    assert [row.size for row in shop.rows] == [500_000]


def test_curl_continues_an_upload(house: House, files: Path) -> None:
    """`curl -C -` asks for SIZE and appends."""
    source = files / NAMES[5]
    house.login().cut(f"/Products/{source.name}", source.read_bytes()[:123_456])
    done = curl(house, "--continue-at", "-", "--upload-file", str(source), path="/Products/")
    assert done.returncode == 0
    assert house.rows[0].sha256 == hashlib.sha256(source.read_bytes()).hexdigest()


def test_curl_is_told_what_name_is_expected(house: House, files: Path) -> None:
    """A wrong name fails with the reply in sight."""
    done = curl(house, "--verbose", "--upload-file", str(files / NAMES[1]), path="/Orders/")
    assert done.returncode != 0
    assert "belongs into /Products" in done.stderr


def test_curl_without_tls_gets_nowhere(house: House) -> None:
    """A plain login fails."""
    done = run("curl", "--silent", "--user", f"acme:{PASSWORD}", f"ftp://127.0.0.1:{house.port}/")
    assert done.returncode != 0
    assert done.stdout == ""


def test_a_killed_curl_leaves_no_receipt(house: House, files: Path) -> None:
    """SIGKILL in the midst of an upload: nothing is recorded, and what arrived can be continued."""
    address = f"ftp://127.0.0.1:{house.port}{PATH}"
    process = subprocess.Popen([*CURL, "--upload-file", "-", address], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(BODY)
    process.stdin.flush()
    partials = house.settings.spool / "partial"
    house.wait(lambda: [path for path in partials.glob("*/*/*") if path.stat().st_size > 100_000])
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    [event] = house.wait(lambda: house.hooks.incomplete)
    assert event.received > 100_000
    assert house.rows == []
    assert not house.file(PATH).exists()


@pytest.mark.parametrize("temporary", ["no", "yes"])
def test_lftp_mirrors_uploads(shop: House, files: Path, temporary: str) -> None:
    """In parallel, directly or by temporary names."""
    (files / NAMES[0]).unlink()
    done = lftp(shop, f"set xfer:use-temp-file {temporary}; mput -O /Products -P 2 {files}/*.csv; cls -1 /Products")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(NAMES[1:]) <= {Path(line).name for line in done.stdout.splitlines()}
    received(files)


def test_lftp_continues_an_upload(house: House, files: Path) -> None:
    """`put -c` uses SIZE and REST."""
    source = files / NAMES[7]
    house.login().cut(f"/Products/{source.name}", source.read_bytes()[:200_000])
    done = lftp(house, f"put -c -O /Products {source}")
    assert (done.returncode, done.stderr) == (0, "")
    assert house.rows[0].sha256 == hashlib.sha256(source.read_bytes()).hexdigest()


def test_what_lftp_mirrors_can_be_read(shelf: Shelf, tmp_path: Path) -> None:
    """It gives files and folders the modes that the server tells, which are those on the disk."""
    shelf.order()
    (shelf.root / DATA).chmod(0o640)
    done = lftp(shelf.house, f"mirror /Export {tmp_path}/in")
    assert (done.returncode, done.stderr) == (0, "")
    fetched = [tmp_path / "in", *(tmp_path / "in").rglob("*")]
    assert {path.name for path in fetched} > {Path(DATA).name, Path(ITEMS).name, "Orders"}
    assert [path for path in fetched if not path.stat().st_mode & stat.S_IRUSR] == []
    assert (tmp_path / "in" / DATA).stat().st_mode & 0o777 == 0o640


def test_rclone_copies_20_files_without_an_error_line(shop: House, files: Path, tmp_path: Path) -> None:
    """And each is whole; a second copy finds nothing to do."""
    done = rclone(shop, tmp_path, "copy", "-v", str(files), "dock:Products")
    assert done.returncode == 0
    assert "ERROR" not in done.stderr
    assert done.stderr.count("Copied (new)") == 20
    received(files)
    again = rclone(shop, tmp_path, "copy", "-v", "--size-only", str(files), "dock:Products")
    assert "Copied" not in again.stderr
    assert "ERROR" not in again.stderr
    assert Upload.select().count() == 20


def test_rclone_fetches_what_it_may_read(house: House, tmp_path: Path) -> None:
    """A folder of reports, checked file by file."""
    for number in range(5):
        (house.root / "Products" / "reports" / f"{number}.csv").write_bytes(BODY * number)
    done = rclone(house, tmp_path, "copy", "dock:Products/reports", str(tmp_path / "in"))
    assert (done.returncode, done.stderr) == (0, "")
    assert [(tmp_path / "in" / f"{number}.csv").stat().st_size for number in range(5)] == [
        len(BODY) * number for number in range(5)
    ]
    assert len(house.wait(lambda: len(house.hooks.sent) == 5 and house.hooks.sent)) == 5


def test_many_small_uploads_in_one_session_are_quick(house: House) -> None:
    """No stall of 40 ms for each (delayed acknowledgements)."""
    client = house.login(reuse=True)
    started = time.monotonic()
    for _ in range(20):
        client.put("/Products/x.tmp", b"x" * 4096)
    assert time.monotonic() - started < 20 * 0.2
    assert NAME not in client.nlst("/Products")
