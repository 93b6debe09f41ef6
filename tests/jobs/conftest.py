"""The fixtures of the tests of schedules."""

from __future__ import annotations

from tests.jobs.ticking import shop, travel

__all__ = ["shop", "travel"]
