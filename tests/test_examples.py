"""The examples run as a user runs them: from anywhere, by their path, with nothing but the package."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "examples"
PAIR = ("message", "orderbook")
GAP = re.compile(r"^.*\bGAP\b +expected \d+, got \d+.*$", re.MULTILINE)
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def call(folder: Path, name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run an example in a folder; a warning is an error."""
    command = [sys.executable, "-W", "error", str(FOLDER / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=250)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """``run(name, *arguments)`` runs an example in an empty folder."""
    return partial(call, tmp_path)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the quickstart says of its synthetic capture, and the capture."""
    folder = tmp_path_factory.mktemp("quickstart")
    result = call(folder, "quickstart.py", "--write", "capture.gz")
    assert (0, "") == (result.returncode, result.stderr)
    return result.stdout, folder / "capture.gz"


@pytest.mark.parametrize("name", sorted({path.name for path in FOLDER.glob("*.py")} - {"quickstart.py"}))
def test_example_runs_without_arguments(run: Run, name: str) -> None:
    """Every example does something useful by itself, and says nothing on stderr."""
    result = run(name)
    assert (0, "") == (result.returncode, result.stderr)
    assert len(result.stdout.splitlines()) > 5


def test_quickstart_catches_and_heals_the_gap(quickstart: tuple[str, Path]) -> None:
    """The synthetic capture has one gap; it is reported once, healed by a snapshot, and the end is proven right."""
    out, _ = quickstart
    assert 1 == len(GAP.findall(out))
    assert re.search(r"\bSNAPSHOT\b.*live again after", out)
    assert "all others equal to the book of the undamaged tape: yes" in out


def test_quickstart_is_deterministic(quickstart: tuple[str, Path], run: Run) -> None:
    """Two runs print the same; this one without any argument."""
    result = run("quickstart.py")
    assert (0, "") == (result.returncode, result.stderr)
    assert quickstart[0] == result.stdout


def test_quickstart_reads_the_capture_that_it_writes(quickstart: tuple[str, Path], run: Run) -> None:
    """Reading the file that ``--write`` kept shows the same gap."""
    result = run("quickstart.py", quickstart[1], "--format", "binance_spot", "--symbol", "SYNTHUSDT")
    assert (0, "") == (result.returncode, result.stderr)
    assert GAP.findall(quickstart[0]) == GAP.findall(result.stdout)


def test_quickstart_help(run: Run) -> None:
    """``--help`` lists the formats."""
    result = run("quickstart.py", "--help")
    assert (0, "") == (result.returncode, result.stderr)
    assert "binance_spot" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.gz", "--format", "binance_spot"), "nowhere.gz"),
        (("nowhere.gz", "--format", "nonesuch"), "unknown format 'nonesuch'; known are "),
        (("broken.json", "--format", "binance_spot"), "broken.json:1: "),
    ],
)
def test_quickstart_says_what_is_wrong_in_one_line(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """An error of the library is one line on stderr and exit code 1, never a traceback."""
    (tmp_path / "broken.json").write_text('1700000000000000000 {"e":"depthUpdate","E":1,"s":"X","U":"a"}\n')
    result = run("quickstart.py", *arguments)
    assert (1, 1) == (result.returncode, len(result.stderr.splitlines()))
    assert message in result.stderr


@pytest.mark.parametrize(
    ("files", "name", "shown"),
    [
        (("binance_spot/ethusdt_20240808.gz", "binance_spot/ethusdt_20240809.gz"), "binance_spot", "gaps 0"),
        (("binance_usdm/ethusdt_20240808.gz",), "binance_usdm", "gaps 0"),
        (tuple(f"lobster/AAPL_2012-06-21_34200000_57600000_{kind}_10.csv" for kind in PAIR), "lobster", "gaps 0"),
        (("bitfinex_raw/bitfinex_L3_feed.json.gz",), "bitfinex_raw", "gaps 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_quickstart_on_real_captures(
    run: Run, data_file: Callable[[str], Path], files: tuple[str, ...], name: str, shown: str
) -> None:
    """The same program shows a user's own files."""
    result = run("quickstart.py", *map(data_file, files), "--format", name)
    assert (0, "") == (result.returncode, result.stderr)
    assert shown in re.sub(r" +", " ", result.stdout)
