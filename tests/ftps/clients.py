"""lftp, rclone and curl as partners call them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.visitor import PASSWORD, House

CURL = ("curl", "--silent", "--show-error", "--ssl-reqd", "--insecure", "--user", f"acme:{PASSWORD}")


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=90, **options)  # type: ignore[call-overload]


def lftp(house: House, commands: str, host: str = "127.0.0.1") -> subprocess.CompletedProcess[str]:
    settings = (
        "set ssl:verify-certificate no; set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set net:max-retries 1; "
        "set net:timeout 20; "
    )
    opening = f"open -u acme,'{PASSWORD}' -p {house.port} {host}; "
    return run("lftp", "-c", f"{settings}{opening}{commands}; bye")


def rclone(house: House, folder: Path, *arguments: str, host: str = "127.0.0.1") -> subprocess.CompletedProcess[str]:
    """With the remote `dock:`; its configuration is kept in `folder`."""
    config = folder / "rclone.conf"
    config.touch()
    environment = {
        **os.environ,
        "RCLONE_CONFIG": str(config),
        "RCLONE_CONFIG_DOCK_TYPE": "ftp",
        "RCLONE_CONFIG_DOCK_HOST": host,
        "RCLONE_CONFIG_DOCK_PORT": str(house.port),
        "RCLONE_CONFIG_DOCK_USER": "acme",
        "RCLONE_CONFIG_DOCK_PASS": run("rclone", "obscure", PASSWORD).stdout.strip(),
        "RCLONE_CONFIG_DOCK_EXPLICIT_TLS": "true",
        "RCLONE_CONFIG_DOCK_NO_CHECK_CERTIFICATE": "true",
    }
    return run("rclone", "--retries", "1", "--low-level-retries", "1", *arguments, env=environment)
