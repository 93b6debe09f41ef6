"""`python -m bench PART` measures, prints, and keeps what it found in bench/RESULTS.md; without a part it runs all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import click

from bench import facts, results
from bench.parts import PARTS, Part, Size


@click.group(invoke_without_command=True)
@click.pass_context
def bench(context: click.Context) -> None:
    """Measure ftpdock: one part, or all of them, each with its own sizes and in a process of its own."""
    if context.invoked_subcommand is not None:
        return
    failed = [name for name in PARTS if subprocess.run([sys.executable, "-m", "bench", name]).returncode]
    if failed:
        raise click.ClickException(f"failed, and kept their former results: {', '.join(failed)}")


def _command(part: Part) -> click.Command:
    options = [_option(name, size) for name, size in part.sizes.items()]
    keep = click.Option(["--keep/--no-keep"], default=True, show_default=True, help="write RESULTS.md and the chart")

    def run(keep: bool, **sizes: Any) -> None:
        _run(part, sizes, keep)

    return click.Command(part.name, callback=run, params=[*options, keep], help=part.title + ".")


def _option(name: str, size: Size) -> click.Option:
    flag = "--" + name.replace("_", "-")
    if isinstance(size, int):
        return click.Option([flag], default=size, show_default=True, type=click.IntRange(1))
    return click.Option([flag], default=size, show_default=True, type=click.Choice(size), multiple=True)


def _run(part: Part, sizes: dict[str, Size], keep: bool) -> None:
    # So that servers are stopped and folders removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # What is installed has its bytecode; to compile all of it takes a process longer than to start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    load = facts.load()
    click.echo(f"{part.title}; load {load}; {_told(sizes)}")
    figures = part.measure(**sizes)
    click.echo(results.table(figures))
    if keep:
        results.keep(part.name, part.title, load, _told(sizes), figures, list(PARTS))


def _told(sizes: dict[str, Size]) -> str:
    values = {name: f"{size:,}" if isinstance(size, int) else " ".join(size) for name, size in sizes.items()}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


for each in PARTS.values():
    bench.add_command(_command(each))

if __name__ == "__main__":
    bench(prog_name="python -m bench")
