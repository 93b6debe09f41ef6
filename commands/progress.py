"""A progress bar for work that this process does itself."""

from __future__ import annotations


class Bar:
    """A progress bar on standard error, when that is a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                             console=console, disable=not console.is_terminal)  # fmt: skip
        self._task = self._bar.add_task("rows", total=None)

    def show(self, done: int, rows: int) -> None:
        self._bar.update(self._task, completed=done, total=rows)

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
