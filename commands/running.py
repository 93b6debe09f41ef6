"""Who carries out what a command has queued: the server or worker that runs, or the next one, and that is said."""

from __future__ import annotations

from collections.abc import Sequence

from commands.context import Context

NOBODY = "no `ftpdock serve` and no `ftpdock worker` runs"


def by_server(context: Context) -> str:
    """`by the running server`, or who does it when none runs."""
    return "by the running server" if server_runs(context) else "by the next `ftpdock serve`: none is running"


def queued(context: Context, numbers: Sequence[int]) -> str:
    """`Queued as import 41.` or `Queued as imports 41, 42.`, and what they wait for if nobody imports them now."""
    several = len(numbers) > 1
    told = f"Queued as import{'s' if several else ''} {', '.join(map(str, numbers))}."
    if imported_now(context):
        return told
    return f"{told} {'They wait' if several else 'It waits'} for one that imports: {NOBODY}."


def imported_now(context: Context, but: str = "") -> bool:
    """Whether a worker lives, other than the one named `but`, or a server that has just not started its workers yet."""
    return _lives(context, "workers", but) or (context.settings.workers > 0 and server_runs(context))


def server_runs(context: Context) -> bool:
    return _lives(context, "servers")


def _lives(context: Context, kind: str, but: str = "") -> bool:
    from jobs.cards import read_cards

    # Of a card that can't be read nobody knows, and what waits for its process may wait for ever.
    return any(card["alive"] and card["pid"] and card["name"] != but
               for card in read_cards(context.settings.spool / kind))  # fmt: skip
