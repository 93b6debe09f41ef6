"""What is installed is whole: ftpdock works without the folder that it was installed from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEFT_OUT = shutil.ignore_patterns(".*", "tests", "bench", "docs", "build", "demo-home", "*.egg-info", "__pycache__")


@pytest.fixture
def installed(tmp_path: Path) -> tuple[Path, Path]:
    """The sources, and what setuptools takes of them."""
    source, target = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(ROOT, source, ignore=LEFT_OUT)
    build = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", "build", "--build-lib", str(target)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    return source, target


def files(root: Path) -> set[str]:
    """Modules and what lies in packages beside them."""
    found = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    return {str(path) for path in found if path.suffix == ".py" or len(path.parts) > 1}


def test_nothing_is_left_out(installed: tuple[Path, Path]) -> None:
    source, target = installed
    shutil.rmtree(source / "build", ignore_errors=True)
    for left in source.glob("*.egg-info"):
        shutil.rmtree(left)

    assert files(target) == files(source)


def test_it_imports_a_file(installed: tuple[Path, Path], tmp_path: Path) -> None:
    """With nothing of the sources within reach."""
    source, target = installed
    shutil.rmtree(source)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("FTPDOCK_")}
    environ |= {"PYTHONPATH": str(target), "FTPDOCK_HOME": str(tmp_path / "home")}
    (tmp_path / "PRODUCT_18_09_2024.csv").write_text("SKU_ID,Name\n1,Cup\n")

    def ftpdock(*arguments: str) -> str:
        command = [sys.executable, "-P", "-m", "commands", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, input="")
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = [sys.executable, "-P", "-c", "import commands; print(commands.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True).stdout
    assert found.strip() == str(target / "commands" / "__init__.py")
    ftpdock("account", "add", "acme")
    told = json.loads(ftpdock("import", "PRODUCT_18_09_2024.csv", "--account", "acme", "--json"))
    assert (told["status"], told["created"]) == ("completed", 1)
