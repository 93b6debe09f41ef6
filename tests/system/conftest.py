"""A running server for each test, on either engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import BACKENDS
from tests.system.server import Server


@pytest.fixture
def make_server(tmp_path: Path, make_database: Callable[[str], str]) -> Iterator[Callable[..., Server]]:
    """make_server(backend="sqlite", **environment) -> a Server that is not started yet; it is killed with the test."""
    made: list[Server] = []

    def make(backend: str = "sqlite", **environment: str) -> Server:
        server = Server(tmp_path / f"home{len(made)}", FTPDOCK_DATABASE=make_database(backend), **environment)
        server.hasty = True
        made.append(server)
        return server

    yield make
    for server in made:
        if server.process is not None:
            server.kill()


@pytest.fixture(params=BACKENDS)
def server(request: pytest.FixtureRequest, make_server: Callable[..., Server]) -> Server:
    """A started server with the account acme, once on each engine."""
    started = make_server(request.param)
    started.add_account()
    started.start()
    return started
