"""Standard input, output and error: no command that has done its work may fail in telling so."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from pathlib import Path
from typing import Any

import click

SHOWING = ("list", "show", "status", "doctor", "records", "template", "watch")
"""Commands that do nothing else: they end as soon as nobody can get what they print."""


def make_streams_sound() -> None:
    """Closed standard streams lead to nowhere from now on, letters that an encoding lacks are printed as escapes, and
    standard output is an `Output`."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    former = sys.stdout
    if former is sys.__stdout__ and isinstance(former, io.TextIOWrapper):
        raw = io.BufferedWriter(Output(former.fileno(), "w", closefd=False))
        sys.stdout = io.TextIOWrapper(raw, former.encoding, line_buffering=former.line_buffering,
                                      write_through=former.write_through)  # fmt: skip
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class Output(io.FileIO):
    """What can't be written, as on a full disk, is lost, and `fault` says why: whoever does more than show goes on."""

    fault: OSError | None = None

    def write(self, data: Any, /) -> int:
        if self.fault is None:
            try:
                return super().write(data)
            except OSError as error:
                if error.errno == errno.EPIPE:
                    raise
                self.fault = error
                context = click.get_current_context(silent=True)
                if context is not None and context.info_name in SHOWING:
                    raise click.exceptions.Exit(1) from error
        return len(data)


def fault_of_output() -> str:
    """Why not all of the output was written; empty if it was."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if not isinstance(raw, Output):
        return ""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    return raw.fault.strerror or str(raw.fault) if raw.fault else ""
