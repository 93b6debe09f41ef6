"""The settings: what can't be right is refused when they are read."""

from __future__ import annotations

from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest

from errors import SettingsError
from settings import Settings, load


@pytest.mark.parametrize(
    "setting", [each for each in fields(Settings) if each.type == "int"], ids=lambda each: each.name
)
def test_each_number_has_bounds(tmp_path: Path, setting: Field[Any]) -> None:
    """Dates, clocks and databases end somewhere; the message says where."""
    for value in (-1, 10**19):
        with pytest.raises(SettingsError, match=rf"{setting.name} is {value}: expected [01] to \d+"):
            load(tmp_path, environ={}, **{setting.name: value})
