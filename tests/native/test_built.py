"""The compiled modules are there where they must be."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path

import pytest

import orderbook
from orderbook import _backend


def modules(root: Path) -> list[str]:
    """The names in setup.py's list."""
    listed = (root / "setup.py").read_text(encoding="utf-8").split("MODULES = [")[1].split("]")[0]
    return re.findall(r'"([\w.]+)"', listed)


def test_native_runs_in_ci(project_root: Path) -> None:
    """Under CI=true a run without the compiled code is a failure, unless plain Python was asked for."""
    if os.environ.get("CI", "").lower() != "true" or _backend.WANTED == "python":
        pytest.skip("CI=true, and ORDERBOOK_BACKEND other than python, demand the compiled code")
    assert "native" == orderbook.backend
    missing = [name for name in modules(project_root) if not _backend.is_built(name)]
    assert [] == missing


def test_every_source_is_built(project_root: Path) -> None:
    """No .pyx is left out of setup.py, and each module that is built can be imported."""
    package = project_root / "orderbook"
    sources = {".".join(path.relative_to(project_root).with_suffix("").parts) for path in package.rglob("*.pyx")}
    assert sources == set(modules(project_root))
    if orderbook.backend == "native":
        for name in sources:
            assert importlib.import_module(name).__file__ is not None
