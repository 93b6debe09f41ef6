"""A plugin that refuses a file: stock counts come from the warehouse's own login, and from no other.

Put this file where Python finds it and name it in ftpdock.toml: plugins = ["warehouse_only"]
"""

from __future__ import annotations

from errors import FileRefused
from events import UploadReceived
from hookspecs import hookimpl


@hookimpl
def on_file_received(event: UploadReceived) -> None:
    """The client sees: 553 Stock is counted by the login warehouse, not by acme."""
    if event.entity == "inventory" and event.login != "warehouse":
        raise FileRefused(f"Stock is counted by the login warehouse, not by {event.login}.")
