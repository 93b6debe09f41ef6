"""The process that imports.ahead starts. For SQLite peewee need not load a driver, which takes longest of all."""

from __future__ import annotations

import sys
from importlib import import_module

DRIVER = "psycopg"
WITHOUT_DRIVER = "without-driver"


def main() -> None:
    _, *modules = sys.argv
    if WITHOUT_DRIVER in modules:
        modules.remove(WITHOUT_DRIVER)
        sys.modules[DRIVER] = None  # type: ignore[assignment]  # importing it fails
        import_module("peewee")
        del sys.modules[DRIVER]
    child = import_module("imports.ahead_child")
    for name in modules:
        import_module(name)
    child.main()


if __name__ == "__main__":
    main()
