"""The main job, end to end: a file goes in by FTPS, records come out, the partner learns what happened."""

from __future__ import annotations

import ftplib
import io
from collections.abc import Callable

import pytest

from tests.system.server import PASSWORD, Server, wait_for

FILES = {
    "category": ("/Categories/CATEGORY_18_09_2024.csv", "Category\nTableware > Cups\nTableware\n"),
    "collection": ("/Collections/COLLECTION_18_09_2024.csv", "Name\nSummer\n"),
    "product": ("/Products/PRODUCT_18_09_2024.csv",
                "SKU_ID,Name,Category,Collection,Price: Retail\n001,Cup,Tableware > Cups,Summer,7.90\n"),
    "inventory": ("/Inventory/INVENTORY_18_09_2024.csv", "SKU_ID,Available_Quantity\n001,120\n"),
    "customer": ("/Customers/CUSTOMER_18_09_2024.csv", "Reference_ID,Company_Name\nK1,Delta\n"),
    "address": ("/Addresses/ADDRESS_18_09_2024.csv",
                "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,City,Country\nA1,K1,both,Str. 1,Berlin,DE\n"),
    "contact": ("/Contacts/CONTACT_18_09_2024.csv", "Customer_Reference_ID,First_Name,Email\nK1,Ada,ada@d.example\n"),
    "order": ("/Orders/ORDER_18_09_2024.csv",
              "Reference_ID,Customer_Reference_ID,Order_Date,Billing_Address_Reference_ID,SKU_ID,Quantity\n"
              "PO1,K1,2024-09-18,A1,001,2\n"),
}  # fmt: skip
"""One file of each entity, in an order in which each finds what it refers to."""


def read(server: Server, path: str) -> str:
    buffer = io.BytesIO()
    with server.login() as client:
        client.retrbinary(f"RETR {path}", buffer.write)
    return buffer.getvalue().decode("utf-8-sig")


def test_all_eight_entities_arrive(server: Server) -> None:
    """Each file is imported, and its records come out keyed by the template's columns."""
    numbers = {entity: server.upload(path, text) for entity, (path, text) in FILES.items()}

    for entity, number in numbers.items():
        shown = server.finished(number)
        assert (shown["entity"], shown["status"], shown["messages"]) == (entity, "completed", [])
        assert len(server.json("records", entity, "--account", "acme")) == shown["rows"]
    assert server.json("records", "products", "--account", "acme")[0]["Price: Retail"] == "7.90"


def test_the_partner_finds_the_outcome_on_the_same_login(server: Server) -> None:
    """Source in processed/; report, rejected rows and System IDs in reports/; mended, the rest goes through."""
    text = "SKU_ID,Name,MOQ\n001,Cup,6\n002,Saucer,six\n"
    number = server.upload("/Products/PRODUCT_18_09_2024.csv", text)
    shown = server.finished(number)

    assert (shown["status"], shown["rows"], shown["created"], shown["rejected"]) == ("completed_with_errors", 2, 1, 1)
    assert [(each["line"], each["column"], each["value"], each["code"]) for each in shown["messages"]] == [
        (3, "MOQ", "six", "INVALID_VALUE")
    ]
    stem = f"PRODUCT_18_09_2024.{number:06}"
    assert read(server, f"/Products/processed/{stem}.csv") == text
    assert read(server, f"/Products/reports/{stem}.report.csv").startswith(
        "Line,Column,Value,Code,Message\r\n3,MOQ,six,"
    )
    assert read(server, f"/Products/reports/{stem}.ids.csv").splitlines()[1].startswith("001,,")
    rejected = read(server, f"/Products/reports/{stem}.rejected.csv")
    assert rejected.splitlines()[0] == "SKU_ID,Name,MOQ,_line,_code,_message"
    again = server.finished(server.upload("/Products/PRODUCT_18_09_2024_b.csv", rejected.replace(",six,", ",6,")))
    assert (again["status"], again["created"]) == ("completed", 1)


def test_a_file_that_can_not_be_read_is_in_failed(server: Server) -> None:
    """Its code is told by the command, its report lies on the login."""
    number = server.upload("/Orders/ORDER_18_09_2024.csv", b"PK\x03\x04 not a table")
    shown = server.finished(number)

    assert (shown["status"], shown["code"], shown["rows"]) == ("failed", "NOT_TEXT", 0)
    assert [each["code"] for each in shown["messages"]] == ["NOT_TEXT"]
    assert "NOT_TEXT" in read(server, f"/Orders/reports/ORDER_18_09_2024.{number:06}.report.csv")
    assert read(server, f"/Orders/failed/ORDER_18_09_2024.{number:06}.csv") == "PK\x03\x04 not a table"


def test_uploads_are_imported_in_order_of_arrival(server: Server) -> None:
    """The last of several versions under one name is the one that stays."""
    numbers = [server.upload("/Products/PRODUCT_18_09_2024.csv", f"SKU_ID,Name\n1,Cup {version}\n")
               for version in range(5)]  # fmt: skip

    assert [server.finished(number)["status"] for number in numbers][-1] == "completed"
    assert server.json("records", "product", "--account", "acme")[0]["Name"] == "Cup 4"


def test_accounts_see_nothing_of_each_other(server: Server) -> None:
    """Two accounts use the same keys without meeting."""
    server.add_account("bravo")
    server.finished(server.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name\n1,Cup of acme\n"))
    other = server.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name\n1,Cup of bravo\n", name="bravo")

    assert server.finished(other)["created"] == 1
    assert [each["Name"] for each in server.json("records", "product", "--account", "acme")] == ["Cup of acme"]
    assert [each["number"] for each in server.json("imports", "list", "--account", "bravo")] == [other]


def test_a_retry_imports_the_kept_file_as_a_new_import(server: Server) -> None:
    """Stock that came before its product is retried once the product is there."""
    early = server.finished(server.upload("/Inventory/INVENTORY_18_09_2024.csv", "SKU_ID,Available_Quantity\n1,5\n"))
    server.finished(server.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name\n1,Cup\n"))

    said = server.command("imports", "retry", str(early["number"])).stdout

    number = int(said.rstrip(".\n").rpartition(" ")[2])
    assert early["rejected"] == 1
    assert server.finished(number)["created"] == 1


def test_a_dead_worker_is_replaced(server: Server) -> None:
    """The worker process is killed; the next upload is imported all the same."""
    import os
    import signal
    import subprocess

    assert server.process is not None
    pids = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server.process.pid)], capture_output=True, text=True,
                          check=True).stdout.split()  # fmt: skip
    assert len(pids) == 1
    os.kill(int(pids[0]), signal.SIGKILL)

    number = server.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name\n1,Cup\n")

    assert server.finished(number)["status"] == "completed"


def test_a_worker_does_not_outlive_its_server(make_server: Callable[..., Server]) -> None:
    """When the server alone is killed, its worker sees the end of the pipe and stops."""
    import subprocess

    server = make_server()
    server.add_account()
    server.start()
    assert server.process is not None
    group = server.process.pid
    server.kill_alone()

    def empty() -> bool:
        return subprocess.run(["ps", "-o", "pid=", "-g", str(group)], capture_output=True).returncode != 0

    assert wait_for(empty)


def test_a_worker_thread_does_the_same(make_server: Callable[..., Server]) -> None:
    """With workers = 0 there is one process, and the import is done by a thread of it."""
    server = make_server(FTPDOCK_WORKERS="0")
    server.add_account()
    server.start()

    number = server.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name\n1,Cup\n")

    assert server.finished(number)["created"] == 1
    assert server.stop() == 0


def test_an_orderly_stop_ends_with_status_0(server: Server) -> None:
    """SIGTERM ends the server and its worker; a later start has everything."""
    number = server.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name\n1,Cup\n")

    assert server.stop() == 0
    server.start()
    assert server.finished(number)["status"] == "completed"


def test_no_password_stands_in_a_log(server: Server) -> None:
    """Neither a right nor a wrong password is written anywhere in the home in clear."""
    wrong = f"wrong-{PASSWORD[::-1]}"
    with server.login() as client:
        client.sendcmd("NOOP")
    with pytest.raises(ftplib.error_perm, match=r"^530 "), server.login(password=wrong):
        pass
    server.stop()

    for path in server.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert PASSWORD.encode() not in content, path
            assert wrong.encode() not in content, path
