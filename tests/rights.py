"""Commands that may do no more than others do."""

from __future__ import annotations

import os

LIKE_OTHERS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""Begins a command that may read only what its user may, even if that is root."""
