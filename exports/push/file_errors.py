"""What file systems raise, turned into PushError."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Any

from exports.push.remote import PushError, Refused, Unreachable
from exports.push.source import Stopped

OF_THE_FILE = (PermissionError, FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)


@contextlib.contextmanager
def said(what: str, refusal: type[PushError] = Refused) -> Iterator[None]:
    """Tell what was being done. `refusal` is for what is about one file, Unreachable for the rest."""
    try:
        yield
    except (PushError, Stopped):
        raise
    except Exception as error:
        # Each file system has errors of its own.
        of_the_file = isinstance(error, OF_THE_FILE) or getattr(error, "errno", None) == errno.ENOTEMPTY
        raise (refusal if of_the_file else Unreachable)(f"{what}: ", _words(error)) from error


def _words(error: Any) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
