"""Certificates that are made here: when, for how long, and with what names."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import certs
from settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(tmp_path / "home", environ={})


@pytest.mark.parametrize("lost", ["certificate_path", "private_key_path"])
def test_half_a_pair_is_made_anew(settings: Settings, lost: str) -> None:
    """The server could not start with it; the two fit each other."""
    certs.ensure(settings)
    getattr(settings, lost).unlink()

    certs.ensure(settings)

    certs.check_usable(settings.certificate_path, settings.private_key_path)


def test_a_lost_key_loses_no_name(settings: Settings) -> None:
    """Clients that check names go on by the certificate that the next start makes."""
    certs.make(settings.certificate_path, settings.private_key_path, "ftp.acme.example", "192.0.2.7")
    settings.private_key_path.unlink()

    certs.ensure(settings)

    assert certs.show(settings.certificate_path).names == ("ftp.acme.example", "192.0.2.7", "localhost", "127.0.0.1")


@pytest.mark.parametrize("named", ["certificate", "private_key"])
def test_of_a_pair_that_settings_name_in_part_nothing_is_made(tmp_path: Path, named: str) -> None:
    """The other file would be written for a pair that is another program's."""
    settings = load(tmp_path, environ={}, **{named: str(tmp_path / "theirs")})

    certs.ensure(settings)

    assert list(tmp_path.iterdir()) == []


def test_it_has_begun_for_clocks_that_are_behind(settings: Settings) -> None:
    """By a day: they would refuse one that is yet to begin."""
    certs.ensure(settings)

    assert certs.show(settings.certificate_path).not_before <= dt.datetime.now(dt.UTC) - dt.timedelta(hours=23)


def test_what_is_made_for_it_is_for_its_owner_alone(settings: Settings) -> None:
    """The folder, too."""
    certs.ensure(settings)

    assert settings.private_key_path.parent.stat().st_mode & 0o777 == 0o700


def test_a_name_that_is_longer_than_a_subject_may_be(tmp_path: Path) -> None:
    """64 characters fit there; clients compare the other names, in which it stands whole."""
    name = f"{'a' * 60}.example.com"

    certs.make(tmp_path / "a.pem", tmp_path / "a.key", name)

    details = certs.show(tmp_path / "a.pem")
    assert name in details.names
    assert details.subject == f"CN={name[:64]}"
    certs.check_usable(tmp_path / "a.pem", tmp_path / "a.key")
