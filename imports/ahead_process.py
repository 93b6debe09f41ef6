"""The process that imports.ahead starts. It has no database, so peewee need not load a driver, which takes longest."""

from __future__ import annotations

import sys
from importlib import import_module

DRIVER = "psycopg"


def main() -> None:
    sys.modules[DRIVER] = None  # type: ignore[assignment]  # importing it fails
    import_module("peewee")
    del sys.modules[DRIVER]
    import_module("imports.ahead").main()


if __name__ == "__main__":
    main()
