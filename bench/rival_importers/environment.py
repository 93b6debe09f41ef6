"""Makes the environment of the other importers, and runs them there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / ".bench" / "venv"
PINNED = ("django==5.2.19", "django-import-export==4.4.3", "frictionless==5.21.0", "pandas==3.1.1",
          "sqlalchemy==2.1.9", "sqlite-utils==4.2.1")  # fmt: skip


def python() -> Path:
    """The environment's interpreter; installs what is missing or not as pinned."""
    made, program = FOLDER / "ready", FOLDER / "bin" / "python"
    wanted = "\n".join(PINNED)
    if not made.exists() or made.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        subprocess.run([program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINNED], check=True)
        made.write_text(wanted)
    return program


def run(module: str, *arguments: str | Path) -> float:
    """Run one of the modules beside this one in a process of its own; the seconds that it prints."""
    command = [python(), "-m", f"bench.rival_importers.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)
