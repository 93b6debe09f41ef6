"""The roster of the bench's parts. Each is a module with a function `measure`, which takes the sizes by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Figure

BOTH = ("sqlite", "postgres")

Size = int | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    title: str
    sizes: dict[str, Size]
    """What `measure` takes, with what is measured if nobody says otherwise: numbers, or names to choose from."""
    module: str = ""
    """If it is not called like the part."""

    @property
    def measure(self) -> Callable[..., list[Figure]]:
        """The function; its module is loaded now, because some need more than others."""
        module = importlib.import_module(f"bench.{self.module or self.name.replace('-', '_')}")
        work: Callable[..., list[Figure]] = module.measure
        return work


PARTS = {
    part.name: part
    for part in (
        Part("imports", "Imports beside the bare limit of the database",
             {"products": 200_000, "stock": 500_000, "rounds": 5, "engines": BOTH}),
        Part("importers", "Imports beside other importers",
             {"rows": 100_000, "slow_rows": 10_000, "rounds": 5}),
        Part("large", "Imports into a large table, and their memory",
             {"rows": 5_000_000, "changed": 100_000, "rounds": 3, "engines": BOTH}),
        Part("waits", "What waits for a large import on SQLite",
             {"rows": 1_000_000}),
        Part("latency", "From the last byte of an upload to the closed import and its queued mail",
             {"uploads": 100, "rows": 1_000}),
        Part("stalls", "Other clients beside an import, an upload and logins",
             {"rows": 1_000_000, "megabytes": 512}),
        Part("transfer", "Transfer beside vsftpd, proftpd and pure-ftpd",
             {"size": 512, "files": 1_000, "runs": 5}, module="other_servers"),
        Part("exports", "From the commit of an order to a partner's listing",
             {"seconds": 20, "engines": BOTH}),
        Part("mirror", "Many exports in one account",
             {"folders": 100_000}),
        Part("full-export", "A full export of products",
             {"few": 30_000, "many": 300_000, "engines": BOTH}),
        Part("reading", "Reading a file beside csv.reader alone",
             {"rows": 1_000_000, "rounds": 3}),
    )
}  # fmt: skip
