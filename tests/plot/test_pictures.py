from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "_pictures.py"
FILES = sorted((ROOT / "docs" / "img").glob("*.png"))
PAGES = sorted((ROOT / "docs" / "analytics").glob("*.md"))


def test_the_script_makes_every_picture() -> None:
    """No picture is left over, and none is missing."""
    names = re.findall(r'save\("(\w+)"', SCRIPT.read_text(encoding="utf-8"))
    assert sorted(names) == [path.stem for path in FILES]


def pictures_on(page: Path) -> set[str]:
    """The files that a page shows."""
    return set(re.findall(r"\]\(\.\./img/([\w.]+)\)", page.read_text(encoding="utf-8")))


def test_every_picture_is_shown() -> None:
    """No picture lies around."""
    assert {path.name for path in FILES} == set().union(*map(pictures_on, PAGES))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_family_has_a_picture(page: Path) -> None:
    """A page about measures shows one; overviews and tables of figures do not have to."""
    assert pictures_on(page) or page.stem in {"index", "speed", "iceberg-scores"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_picture_is_small(path: Path) -> None:
    """An 8 bit PNG with a palette, below 100,000 bytes: it is in the repository for ever."""
    head = path.read_bytes()[:26]
    assert (b"\x89PNG", 8, 3) == (head[:4], head[24], head[25])
    assert path.stat().st_size < 100_000
