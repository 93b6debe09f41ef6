"""What can be a target, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from errors import FtpdockError
from exports.push import targets as push_targets
from exports.push.url import read_url
from models import Target
from settings import Settings
from tests.exports.pushing import Desk

KEY = "SHA256:" + "a" * 43


def test_a_url_is_taken_apart() -> None:
    """The user's name is stored by itself, the usual port not at all."""
    place = read_url("sftp://s%40hop@[::1]:22/~/in%20box/")

    assert (place.url, place.host, place.port, place.path, place.username) == (
        "sftp://[::1]/~/in%20box", "::1", 22, "/~/in box", "s@hop")  # fmt: skip


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftps://shop:hunter2@ftp.example/in", "leave it out"),
        ("ftps://shop:@ftp.example/in", "leave it out"),
        ("ftp://shop:hunter2@ftp.example/in", "write ftps://host/folder"),
        ("shop:hunter2@ftp.example/in", "no way|no scheme"),
        ("ftps:///in", "names no host"),
        ("ftps://shop@ftp.example/in?x=hunter2", r"behind \?"),
        ("ftps://shop@ftp.example/../in", "'..'"),
        ("ftps://shop@ftp.example:port/in", "host or port can't be read"),
        ("ftps://shop:hun[ter2@ftp.example/in", "host or port can't be read"),
        ("ftps://shop:hunter2/3@ftp.example/in", "host or port can't be read"),
        ("ftps://shop:12/hunter2@ftp.example/in", "write it as %40"),
        ("ftps:///hunter2@ftp.example/in", "write it as %40"),
        ("sftp://[::1/in", "host or port can't be read"),
        (
            "ftps://shop@ftp.example/a\nb",
            "a line break, a tab or another control character in it: write it on one line",
        ),
        ("ftps://shop@ftp.ex\tample/in", "a line break, a tab"),
        ("ftps://shop:hunter2@ftp.example/in\x7f", "without any"),
        ("ftps://sh%0aop@ftp.example/in", "without control characters"),
        ("file://mnt/Partner", "write file:///mnt/Partner"),
        ("local://Mnt/partner", "write local:///Mnt/partner"),
        ("file://localhost/mnt/partner", "write file:///mnt/partner"),
        (f"ftps://{'s' * 201}@ftp.example/in", "at most 200 characters"),
        (f"ftps://ftp.example/{'f' * 1_000}", "at most 1,000 are possible"),
        ("gopher://ftp.example/in", "gopher:// can't be used"),
        ("s3://bucket/in", "Install s3fs"),
    ],
)
def test_what_is_no_url_of_a_target(url: str, said: str) -> None:
    """The message says what to write, and repeats no password."""
    with pytest.raises(FtpdockError, match=said) as caught:
        read_url(url)
    assert "hunter2" not in str(caught.value)
    assert "hun[ter2" not in str(caught.value)


def test_a_folder_may_have_an_at_sign_in_its_name() -> None:
    """Written so that it can't be taken for what follows a password; what is stored can be read again."""
    place = read_url("ftps://shop@ftp.example/in%40box")

    assert (place.path, read_url(place.url).path) == ("/in@box", "/in@box")


@pytest.mark.parametrize(
    ("url", "values", "said"),
    [
        ("ftps://ftp.example/in", {"secret": "x"}, "--username"),
        ("ftps://ftp.example/in", {"secret": "x", "username": "a\r\nDELE b"}, "without control characters"),
        ("ftps://ftp.example/in", {"secret": "x", "username": "s" * 201}, "at most 200 characters"),
        ("ftps://shop@ftp.example/in", {}, "--password-stdin or --password-env"),
        ("ftps://shop@ftp.example/in", {"secret_env": "not a name"}, "ACME_PASSWORD"),
        ("ftps://shop@ftp.example/in", {"secret": "x", "ca_file": "/nowhere.pem"}, "no file /nowhere.pem"),
        ("ftps://shop@ftp.example/in", {"secret": "x", "kinds": ["invoice"]}, "'invoice'"),
        ("ftps://shop@ftp.example/in", {"secret": "x", "host_key": KEY}, "sftp:// only"),
        ("ftps://shop@ftp.example/in", {"secret": "x", "mount_point": True}, "--mount-point is for file:// only"),
        ("sftp://shop@ftp.example/in", {"secret": "x", "host_key": "MD5:ab"}, "SHA256:"),
        ("sftp://shop@ftp.example/in", {"secret": "x"}, "host key"),
        ("sftp://shop@ftp.example/in", {"host_key": KEY}, "--key-file"),
    ],
)
def test_what_a_target_needs(
    make_settings: Callable[..., Settings], url: str, values: dict[str, object], said: str
) -> None:
    """Nothing is stored."""
    with pytest.raises(FtpdockError, match=said):
        Desk(make_settings()).target(url, **values)
    assert Target.select().count() == 0


def test_one_url_once(make_settings: Callable[..., Settings]) -> None:
    """Two targets of an account with one URL would overwrite each other's files."""
    desk = Desk(make_settings())
    desk.target("file:///there")
    with pytest.raises(FtpdockError, match="already"):
        desk.target("file:///there/")


def test_a_key_of_the_admin_s_own(make_settings: Callable[..., Settings]) -> None:
    """The setting secret_key stands for the file; what is no key is refused."""
    desk = Desk(make_settings(secret_key="A/" * 21 + "A="))
    target = desk.target("ftps://shop@ftp.example", secret="theirs")
    assert push_targets.access_of(desk.settings, target).secret == "theirs"
    assert not (desk.settings.home / "certs" / "secret.key").exists()
    settings = make_settings()
    (settings.home / "certs").mkdir(exist_ok=True)
    (settings.home / "certs" / "secret.key").write_text("short")
    with pytest.raises(FtpdockError, match="openssl rand -base64 32"):
        Desk(settings).target("ftps://shop@ftp.example", secret="theirs")
