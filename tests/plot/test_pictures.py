from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "_pictures.py"
FILES = sorted((ROOT / "docs" / "img").glob("*.png"))


def test_the_script_makes_every_picture() -> None:
    """No picture is left over, and none is missing."""
    names = re.findall(r'save\("(\w+)"', SCRIPT.read_text(encoding="utf-8"))
    assert sorted(names) == [path.stem for path in FILES]


def test_every_picture_is_shown() -> None:
    """The page shows all of them."""
    page = (ROOT / "docs" / "analytics" / "looks.md").read_text(encoding="utf-8")
    assert {path.name for path in FILES} == set(re.findall(r"\]\(\.\./img/([\w.]+)\)", page))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_picture_is_small(path: Path) -> None:
    """An 8 bit PNG with a palette, below 100,000 bytes: it is in the repository for ever."""
    head = path.read_bytes()[:26]
    assert (b"\x89PNG", 8, 3) == (head[:4], head[24], head[25])
    assert path.stat().st_size < 100_000
