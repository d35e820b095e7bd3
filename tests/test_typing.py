"""What a type checker sees: the package is strictly typed, and calls reveal, or refuse, what the documentation says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "typing"
REVEALED = re.compile(r"(.+?):(\d+): note: Revealed type is \"(.*)\"")
ERROR = re.compile(r"(.+?):(\d+): error: .*\[([\w-]+)\]")


@pytest.fixture(scope="module")
def report() -> list[str]:
    """What ``mypy --strict`` says of the package, the examples, and the files in ``tests/typing``."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "orderbook", "examples", str(FOLDER)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert "" == result.stderr
    return result.stdout.splitlines()


def checked(path: str) -> bool:
    """Whether a path is one of the files that hold assertions."""
    return (ROOT / path).parent == FOLDER or Path(path).parent == FOLDER


def plain(revealed: str) -> str:
    """A revealed type as every version of mypy may write it."""
    return revealed.replace("builtins.", "")


def promised(marker: str) -> dict[tuple[str, int], str]:
    """What the files promise, by file and line: the text after ``# assert`` or ``# error:``."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            code, _, text = line.partition(marker)
            if text and code.startswith(" "):
                found[path.name, number] = text.strip()
    return found


def test_package_and_examples_are_strictly_typed(report: list[str]) -> None:
    """``mypy --strict`` has nothing to say about the package and the examples."""
    assert [] == [line for line in report if " error: " in line and not checked(line.split(":")[0])]


def test_revealed_types(report: list[str]) -> None:
    """Every ``reveal_type`` reveals what stands beside it."""
    revealed = {
        (Path(match[1]).name, int(match[2])): plain(match[3]) for line in report if (match := REVEALED.match(line))
    }
    asserted = promised("  # assert ")
    assert len(asserted) > 40
    assert set(asserted) == set(revealed)
    wrong = {key: revealed[key] for key, text in asserted.items() if not eval(text, {"typ": revealed[key]})}  # noqa: S307
    assert {} == wrong


def test_refused_calls(report: list[str]) -> None:
    """Every call that must not type-check is refused for the reason that stands beside it, and no other line is."""
    refused = {
        (Path(match[1]).name, int(match[2])): match[3]
        for line in report
        if (match := ERROR.match(line)) and checked(match[1])
    }
    wanted = promised("  # error: ")
    assert set(wanted) == set(refused)
    # The same mistake has another name in another version of mypy.
    assert {} == {key: refused[key] for key, codes in wanted.items() if refused[key] not in codes.split(" or ")}
