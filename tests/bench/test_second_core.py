"""What a second core is worth is nothing where there is none."""

from __future__ import annotations

import os

from bench.second_core import second_core


def test_two_processes_on_one_core_do_no_more_than_one() -> None:
    """The share that each has of it is told as it is. Others who want the core, too, let it seem more for a moment."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(mine)})
    try:
        with second_core() as look:
            looks = [look() for _ in range(3)]
        assert min(looks) < 1.5
        assert max(looks) > 0.5
    finally:
        os.sched_setaffinity(0, mine)
