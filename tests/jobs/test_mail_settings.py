"""The settings of mail: what can't be right is refused when they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import SettingsError
from jobs.mail_smtp import where
from settings import load


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('smtp_security = "ssl"', "smtp_security is 'ssl': expected starttls, tls or none"),
        ("smtp_port = 70000", "smtp_port is 70000: expected 0 to 65535"),
        ('smtp_password = "a"\nsmtp_password_file = "b"', "smtp_password and smtp_password_file are both set"),
        ('mail_from = "ftpdock"', "mail_from is 'ftpdock': expected an e-mail address"),
        ('mail_from = "a@b.example\\r\\nBcc: c@d.example"', "mail_from is .*: expected an e-mail address"),
        ('admin_email = "a@b@c"', "admin_email is 'a@b@c': expected an e-mail address"),
        ('admin_email = "a@x.example, b@y.example"', "admin_email is .*: expected an e-mail address, exactly one"),
        ('admin_email = "a@x.example; b@y.example"', "admin_email is .*: expected an e-mail address, exactly one"),
        ('admin_email = "Ops <a..b@x.example>"', "admin_email is .*, and 'a..b@x.example' can't stand in a mail"),
        ('mail_from = "max.@x.example"', "mail_from is .*, and 'max.@x.example' can't stand in a mail"),
    ],
)
def test_what_can_not_be_right_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The message names the setting and what is expected."""
    (tmp_path / "ftpdock.toml").write_text(text)

    with pytest.raises(SettingsError, match=message):
        load(tmp_path, environ={})


def test_the_password_of_a_queue_is_not_told(tmp_path: Path) -> None:
    """A scheme that is wrong is all that is shown of an address."""
    (tmp_path / "ftpdock.toml").write_text('queue = "redsi://:hush@cache.example/0"')
    with pytest.raises(SettingsError, match=r"queue is 'redsi://\.\.\.': expected sqlite") as told:
        load(tmp_path, environ={})
    assert "hush" not in str(told.value)


def test_the_password_comes_from_the_environment(tmp_path: Path) -> None:
    """Where other users can't read it."""
    assert load(tmp_path, environ={"FTPDOCK_SMTP_PASSWORD": "secret"}).smtp_password == "secret"


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_each_way_has_a_port(tmp_path: Path, security: str, port: int) -> None:
    """The one that mail servers use for it, unless another is set."""
    settings = load(tmp_path, environ={}, smtp_host="mail.example.com", smtp_security=security)

    assert where(settings) == f"mail.example.com:{port}"
