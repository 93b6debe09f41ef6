"""What accounts and logins may hold: where each rule ends."""

from __future__ import annotations

import pytest

from account_checks import check_company, check_date_format, check_name, check_network
from errors import FtpdockError


def test_a_companys_name_is_kept_without_blanks_around_it() -> None:
    """It stands in mails, at the beginning of a line."""
    assert check_company("  Acme GmbH ") == "Acme GmbH"


def test_a_companys_name_has_an_end() -> None:
    """As much as the database keeps, on either engine."""
    assert check_company("x" * 200) == "x" * 200
    with pytest.raises(FtpdockError, match="at most 200 characters"):
        check_company("x" * 201)


def test_a_name_has_an_end() -> None:
    """It is that of a folder."""
    assert check_name("a" * 63) == "a" * 63
    with pytest.raises(FtpdockError, match="up to 62 more"):
        check_name("a" * 64)


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", "a\n", "\uff41", "a.b", "_a", "a b"])
def test_what_is_no_name_of_a_folder(name: str) -> None:
    """Nothing leads out of accounts/, and nothing that the file system would spell otherwise."""
    with pytest.raises(FtpdockError, match="can't be a name"):
        check_name(name)


@pytest.mark.parametrize(
    ("written", "meant"), [("::ffff:0.0.0.0/96", "0.0.0.0/0"), ("::ffff:10.0.0.0/104", "10.0.0.0/8")]
)
def test_a_network_of_ipv4_that_is_written_as_ipv6(written: str, meant: str) -> None:
    """Clients of it are seen to come from IPv4: the login would be closed to all. Also the whole of IPv4."""
    with pytest.raises(FtpdockError, match=f"write {meant}$"):
        check_network(written)


def test_a_network_of_ipv6_may_hold_what_is_written_so() -> None:
    """All of IPv6 is none of IPv4."""
    assert check_network("::/0") == "::/0"


@pytest.mark.parametrize("text", ["YYYYMMDD", "DD/MM/YYYY", "MM-DD-YYYY", "YYYY.DD.MM"])
def test_date_formats_that_files_may_have(text: str) -> None:
    """Also without anything between the parts."""
    assert check_date_format(text) == text
