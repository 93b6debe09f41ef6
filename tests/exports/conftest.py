"""Partners' servers, for the tests of what is pushed to them; an account whose exports are kept, and its clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.bare_sftp import BareSftpServer
from tests.exports.keeping import shop, travel
from tests.remotes import FtpsServer, SshServer

__all__ = ["shop", "travel"]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, certificate: Path) -> str:
    path = certificate.with_name("ca.pem")
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def make_ftps(tmp_path: Path, certificate: Path) -> Iterator[Callable[..., FtpsServer]]:
    """make_ftps(*ways) -> a partner's FTPS server that runs; `authority` vouches for it."""
    made: list[FtpsServer] = []

    def make(*ways: str) -> FtpsServer:
        made.append(FtpsServer(tmp_path / f"ftps{len(made)}", certificate))
        made[-1].start(*ways)
        return made[-1]

    yield make
    for each in made:
        each.kill()


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[SshServer]:
    server = SshServer(tmp_path / "ssh", tmp_path / "ssh-etc")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def make_bare_sftp(tmp_path: Path) -> Iterator[Callable[..., BareSftpServer]]:
    """make_bare_sftp(*ways) -> a partner's SFTP server that runs and is not OpenSSH."""
    made: list[BareSftpServer] = []

    def make(*ways: str) -> BareSftpServer:
        made.append(BareSftpServer(tmp_path / f"bare{len(made)}", tmp_path / f"bare{len(made)}.key"))
        made[-1].start(*ways)
        return made[-1]

    yield make
    for each in made:
        each.kill()
