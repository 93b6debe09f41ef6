"""On which ports data connections are awaited."""

from __future__ import annotations

import ftplib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ftps.ports import KERNEL, TRIES, DataPorts
from settings import Settings
from tests.ports import free_ports
from tests.visitor import BODY, PATH, House


def _kernel(folder: Path, span: str, reserved: str) -> Path:
    (folder / "ip_local_port_range").write_text(span)
    (folder / "ip_local_reserved_ports").write_text(reserved)
    return folder


def test_a_given_range_is_tried_to_its_end() -> None:
    """Each port once, from one that can't be told beforehand, and never another."""
    ports = DataPorts(range(60000, 60010))
    tries = [list(ports.picks()) for _ in range(200)]
    assert {tuple(sorted(each)) for each in tries} == {tuple(range(60000, 60010))}
    assert {each[0] for each in tries} == set(range(60000, 60010))


def test_any_port_is_one_of_the_kernel_s(tmp_path: Path) -> None:
    """Not a reserved one; after some tries the kernel is asked."""
    ports = DataPorts(None, _kernel(tmp_path, "40000\t40099\n", "40000-40039,40050,40090-40200\n"))
    seen = set()
    for _ in range(500):
        *tried, last = ports.picks()
        assert last == 0
        assert len(set(tried)) == len(tried) == TRIES
        seen.update(tried)
    assert seen == {*range(40040, 40090)} - {40050}


@pytest.mark.parametrize(
    ("span", "reserved"), [("40000 40003", "40000-40003"), ("40000", ""), ("40000 none", ""), ("40000 40003", "many")]
)
def test_without_ports_of_its_own_the_kernel_is_asked(tmp_path: Path, span: str, reserved: str) -> None:
    """All are reserved, or what the kernel tells is not understood."""
    assert list(DataPorts(None, _kernel(tmp_path, span, reserved)).picks()) == [0]


def test_a_kernel_that_tells_nothing_is_asked(tmp_path: Path) -> None:
    """As on another system than Linux."""
    assert list(DataPorts(None, tmp_path / "missing").picks()) == [0]


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
@pytest.mark.parametrize("command", ["PASV", "EPSV"])
def test_without_passive_ports_any_of_the_kernel_s_is_opened(
    make_settings: Callable[..., Settings],
    open_house: Callable[[Settings], House],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    command: str,
) -> None:
    """The one that was picked, on a server for one family and for both."""
    picked = free_ports(3)
    monkeypatch.setattr("ftps.ports._ephemeral", lambda kernel: picked)
    client = open_house(make_settings(host=host, port=0)).login()
    opened = client.sendcmd(command)
    peer = ("127.0.0.1", 0)
    port = ftplib.parse227(opened)[1] if command == "PASV" else ftplib.parse229(opened, peer)[1]
    assert port in picked
    socket.create_connection((client.host, port), timeout=20).close()


def test_a_port_that_is_taken_is_passed_over(make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    """For the next, and where all are taken for one that the kernel picks."""
    taken, other = free_ports(2)
    monkeypatch.setattr("ftps.ports._ephemeral", lambda kernel: [taken, other])
    client = make_house().login()
    with socket.create_server(("127.0.0.1", taken)):
        assert [client.makepasv()[1] for _ in range(8)] == [other] * 8
        assert client.sendcmd("ABOR").startswith("225 ")
        with socket.create_server(("127.0.0.1", other)):
            assert client.makepasv()[1] not in (taken, other)
            assert client.put(PATH, BODY).startswith("226 ")


def test_a_port_is_used_again_at_once(make_house: Callable[..., House]) -> None:
    """Though the connection before it is still in TIME_WAIT."""
    (port,) = free_ports(1)
    client = make_house(passive_ports=f"{port}-{port}").login()
    for _ in range(5):
        assert client.put(PATH, BODY).startswith("226 ")


def test_this_kernel_tells_its_ports() -> None:
    """What the others of these tests can't show: that its files are where they are looked for."""
    first, last = map(int, (KERNEL / "ip_local_port_range").read_text().split())
    *tried, _ = DataPorts(None).picks()
    assert len(tried) == TRIES
    assert all(first <= port <= last for port in tried)
