"""Two ftpdocks: what one exports, it delivers to the other, which imports it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import trustme

from models import Delivery
from settings import Settings
from tests.exports.pushing import Desk, tree
from tests.remotes import PASSWORD as THEIR_PASSWORD
from tests.remotes import FtpsServer
from tests.system.server import PASSWORD, Server, wait_for

CONTENT = b"SKU_ID,Name\r\n" + b"".join(b"A%05d,Lamp\r\n" % row for row in range(2_000))


def test_a_full_export_is_imported_by_another_ftpdock(
    make_server: Callable[..., Server], make_settings: Callable[..., Settings]
) -> None:
    """Their /Products takes our Products/PRODUCT_... : the temporary name is one that they know, the renaming is the
    receipt. Their certificate is the one that they made themselves."""
    theirs = make_server()
    theirs.add_account()
    theirs.start()
    # After the server of the other, whose commands bind no database in this process.
    desk = Desk(make_settings())
    target = desk.target(f"ftps://acme@localhost:{theirs.port}", secret=PASSWORD,
                         ca_file=str(theirs.home / "certs" / "server.pem"))  # fmt: skip
    desk.full("PRODUCT_23_11_2026.csv", CONTENT)
    desk.push()

    assert desk.states() == [("PRODUCT_23_11_2026.csv", 1, "delivered")]
    assert Delivery.get().target_id == target.number
    (listed,) = wait_for(lambda: [each for each in theirs.json("imports", "list") if each["status"] == "completed"])
    assert (listed["file"], listed["created"]) == ("PRODUCT_23_11_2026.csv", 2_000)


def test_a_customer_is_delivered_as_soon_as_it_is_ready(make_server: Callable[..., Server], tmp_path: Path) -> None:
    """By a running server, from the commit on; `exports list` tells of it."""
    server = make_server()
    server.add_account()
    server.start()
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    server.command("target", "add", "acme", f"file://{inbox}")
    (tmp_path / "customer.json").write_text('{"company_name": "Delta", "reference_id": "K9"}')
    system_id = server.command("customer", "add", str(tmp_path / "customer.json"), "--account", "acme").stdout.strip()

    name = f"customer_data_{system_id}.csv"
    data = inbox / "Customers" / f"customer_{system_id}" / name
    wait_for(data.exists)
    (export,) = wait_for(lambda: [each for each in server.json("exports", "list", "--account", "acme")
                                  if each["deliveries"] and each["deliveries"][0]["state"] == "delivered"])  # fmt: skip
    fetched = server.home / "accounts" / "acme" / "Export" / export["path"] / name
    assert fetched.read_bytes() == data.read_bytes()
    assert (export["deliveries"][0]["url"], export["deliveries"][0]["revision"]) == (f"file://{inbox}", 1)


def test_a_kill_of_ours_loses_and_halves_nothing(make_server: Callable[..., Server], tmp_path: Path) -> None:
    """SIGKILL while 40 customers are delivered: each is there in the end, whole, and nothing else."""
    authority, pem, ca = trustme.CA(), tmp_path / "server.pem", tmp_path / "ca.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(pem))
    authority.cert_pem.write_to_path(str(ca))
    theirs = FtpsServer(tmp_path / "theirs", pem)
    theirs.start()
    ours = make_server()
    ours.add_account()
    ours.command("target", "add", "acme", theirs.url, "--ca-file", str(ca), "--password-stdin",
                 input=THEIR_PASSWORD + "\n")  # fmt: skip
    ours.start()
    try:
        customers = json.dumps([{"company_name": f"Customer {number}"} for number in range(40)])
        ours.command("customer", "add", "-", "--account", "acme", input=customers)
        _wait_for_folders(theirs, 10)
        ours.kill()
        ours.start()
        _wait_for_folders(theirs, 40)
        wait_for(lambda: not ours.json("status")["deliveries"]["waiting"])
        mirrored = tree(ours.home / "accounts" / "acme" / "Export")
        assert theirs.tree() == mirrored
        assert all("/customer_data_" in name and ".part" not in name and ".old" not in name for name in mirrored)
    finally:
        theirs.kill()


def test_a_password_that_the_server_could_not_decrypt_is_not_taken(
    make_server: Callable[..., Server], tmp_path: Path
) -> None:
    """Its key is in its environment alone: a shell without it is told so by the server's card, and makes no key. With
    it the password serves the deliveries."""
    authority, pem, ca = trustme.CA(), tmp_path / "server.pem", tmp_path / "ca.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(pem))
    authority.cert_pem.write_to_path(str(ca))
    theirs = FtpsServer(tmp_path / "theirs", pem)
    theirs.start()
    ours = make_server(FTPDOCK_SECRET_KEY="A/" * 21 + "A=")
    ours.add_account()
    ours.start()
    add = ("target", "add", "acme", theirs.url, "--ca-file", str(ca), "--password-stdin")
    shell = {name: value for name, value in ours.environment.items() if name != "FTPDOCK_SECRET_KEY"}
    try:
        refused = subprocess.run([sys.executable, "-m", "commands", *add], env=shell, input=THEIR_PASSWORD + "\n",
                                 capture_output=True, text=True, check=False)  # fmt: skip
        assert refused.returncode == 1
        assert "from FTPDOCK_SECRET_KEY, and this command has none" in refused.stderr
        assert not (ours.home / "certs" / "secret.key").exists()

        ours.command(*add, input=THEIR_PASSWORD + "\n")
        ours.command("target", "test", "1")
        ours.command("customer", "add", "-", "--account", "acme", input='{"company_name": "Delta"}')
        _wait_for_folders(theirs, 1)
    finally:
        theirs.kill()


def _wait_for_folders(server: FtpsServer, count: int) -> None:
    customers = server.folder / "Customers"
    wait_for(lambda: len([each for each in customers.glob("customer_*") if not each.suffix]) >= count)
