"""What all tests share: where the captures are, and how hard Hypothesis works.

The captures belong to their publishers and are no part of this repository. They are looked for in ``ORDERBOOK_DATA``,
or beside the project in ``../shared/data``. A test that needs one asks for it by name::

    def test_something(data_file):
        tape = data_file("binance_spot/ethusdt_20240808.gz")

and skips, with that reason, where the file is missing; under ``CI=true`` a missing file is a failure, so that a green
run there means that nothing was passed over.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

collect_ignore = ["typing"]  # read by mypy, never run

# "ci" finds the same examples on every machine; "dev" goes looking for new ones; "thorough" is for a night.
# deadline None: a shared runner that stops for a second is not a bug of ours.
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=60, derandomize=True, print_blob=True, database=None)
settings.register_profile("few", deadline=None, max_examples=8, derandomize=True, database=None)  # under sanitizers
settings.register_profile("thorough", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])


def in_ci() -> bool:
    """Whether a missing capture is a failure here."""
    return os.environ.get("CI", "").lower() == "true"


settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if in_ci() else "dev"))


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of captures; skips the test (fails under CI=true) where there is none."""
    return _found(Path(os.environ.get("ORDERBOOK_DATA") or ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def data_file(data_dir: Path) -> Callable[[str], Path]:
    """``data_file(name)`` is the path of one capture; skips the test (fails under CI=true) where it is missing."""
    return lambda name: _found(data_dir / name)


def _found(path: Path) -> Path:
    if path.exists():
        return path
    reason = f"capture {path} is not here; ORDERBOOK_DATA names the folder"
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
