"""What is asked each minute, or for each mail, must not go through all imports and mails that ever were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import models
from ftps.validate import sweep
from jobs.mail import runs_of
from models import Mail
from settings import Settings


def plans(work: Callable[[], object]) -> list[str]:
    """How SQLite finds the rows of the queries that are asked meanwhile."""
    asked: list[str] = []
    connection = models.database.connection()
    connection.set_trace_callback(asked.append)
    work()
    connection.set_trace_callback(None)
    return [step[3] for query in asked for step in connection.execute(f"EXPLAIN QUERY PLAN {query}")]


def test_dry_runs_to_be_swept_away_are_found_by_an_index(make_settings: Callable[..., Settings]) -> None:
    """On each server, each minute, and mostly there are none."""
    make_settings()

    found = plans(lambda: sweep(cast(Any, None)))

    assert found
    assert [step for step in found if "SCAN" in step] == []


def test_what_a_mail_has_gathered_is_found_by_an_index(make_settings: Callable[..., Settings]) -> None:
    """Mostly nothing."""
    make_settings()

    found = plans(lambda: runs_of(Mail(number=7)))

    assert found
    assert [step for step in found if "SCAN" in step] == []
