"""What the documentation shows is what happens: its code runs, its output is compared, its drawings are up to date.

In README and ``docs/``:

* a ``pycon`` block is a doctest;
* a ``python`` block runs, and a ``text`` block right after it is what it printed;
* the blocks of one page share their names, from top to bottom;
* a ``toml`` or ``bash`` block is looked at by people.

A page runs in an empty folder that holds ``capture.gz``, the capture that ``examples/quickstart.py`` makes.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import io
import re
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

import orderbook

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.IGNORE_EXCEPTION_DETAIL | doctest.ELLIPSIS


class Block(NamedTuple):
    """One fenced block: its language, text, and the line where its text begins; ``output`` is what it must print."""

    language: str
    text: str
    line: int
    output: str | None = None


def blocks(text: str) -> list[Block]:
    """The blocks of a page that run, in order."""
    found: list[Block] = []
    matches = list(FENCE.finditer(text))
    for match, after in zip_longest(matches, matches[1:]):
        if match[1] not in ("python", "pycon"):
            continue
        output = None
        if after is not None and after[1] == "text" and not text[match.end() : after.start()].strip():
            output = after[2]
        found.append(Block(match[1], match[2], text.count("\n", 0, match.start(2)) + 1, output))
    return found


def run_python(block: Block, names: dict[str, Any], page: str) -> None:
    """Execute a block and compare what it prints."""
    printed = io.StringIO()
    # The line numbers of a traceback are those of the page.
    code = compile("\n" * (block.line - 1) + block.text, page, "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, names)  # noqa: S102 - our own documentation
    if block.output is not None:
        assert block.output.splitlines() == [line.rstrip() for line in printed.getvalue().splitlines()], (
            f"{page}:{block.line}"
        )


def run_pycon(block: Block, names: dict[str, Any], page: str) -> None:
    """Run a block as a doctest."""
    test = doctest.DocTestParser().get_doctest(block.text, names, page, page, block.line - 1)
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    runner.run(test, out=report.write, clear_globs=False)
    names.update(test.globs)
    assert "" == report.getvalue()


def run_page(text: str, page: str) -> int:
    """Run every block of a page; how many there were."""
    names: dict[str, Any] = {"__name__": "__main__"}
    found = blocks(text)
    for block in found:
        {"python": run_python, "pycon": run_pycon}[block.language](block, names, page)
    return len(found)


def load(path: Path) -> ModuleType:
    """A script of ours as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The capture that the pages call ``capture.gz``."""
    path = tmp_path_factory.mktemp("docs") / "capture.gz"
    load(ROOT / "examples" / "quickstart.py").synthetic_capture(path)
    return path.read_bytes()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, capture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every code block of the page runs, and prints what the page says."""
    (tmp_path / "capture.gz").write_bytes(capture)
    monkeypatch.chdir(tmp_path)
    run_page(page.read_text(encoding="utf-8"), page.name)


def test_first_screen_of_readme_is_code_with_output() -> None:
    """README shows what the library does within its first fifty lines, and the output there is compared."""
    first, *_ = blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    assert (True, True) == (first.line < 50, first.output is not None)


@pytest.mark.parametrize(
    "text",
    ["```python\nprint(1)\n```\n\n```text\n2\n```\n", "```pycon\n>>> 1 + 1\n3\n```\n"],
    ids=["python", "pycon"],
)
def test_a_wrong_output_is_seen(text: str) -> None:
    """The check above can fail."""
    with pytest.raises(AssertionError):
        run_page(text, "page")


def test_generated_parts_are_up_to_date() -> None:
    """Diagrams and tables of facts are what the code says now; if not, run ``make docs``."""
    # In an interpreter of its own: another test may have registered a format in this one.
    command = [sys.executable, str(ROOT / "docs" / "_generate.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (0, "", "") == (result.returncode, result.stdout, result.stderr)


def test_every_generated_part_is_shown() -> None:
    """No page asks for a part that is not made, and no part is made for nothing."""
    generate = load(ROOT / "docs" / "_generate.py")
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(generate.SECTIONS) == set(re.findall(r"<!-- generated: ([\w-]+) -->", text))


def test_docstrings_become_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Roles become links; doctests and literal blocks become fenced code."""
    # The rewriting needs no more of griffe, which comes with the docs extra, than a class to derive from.
    monkeypatch.setitem(sys.modules, "griffe", SimpleNamespace(Extension=object, Object=object))  # type: ignore[arg-type]
    docstrings = load(ROOT / "docs" / "_docstrings.py")
    text = "See :class:`~orderbook.Level`.\n\n::\n\n    a\n      b\n\nEnd.\n\n>>> f(\n... 1)\n2\n\n>>> 3\n3\n\nMore."
    expected = (
        "See [`Level`][orderbook.Level].\n\n```text\na\n  b\n```\n\nEnd.\n\n"
        "```pycon\n>>> f(\n... 1)\n2\n\n>>> 3\n3\n```\n\nMore."
    )
    assert expected == docstrings.to_markdown(text)


def test_every_public_name_is_in_the_reference() -> None:
    """The reference shows each name of ``orderbook.__all__`` once."""
    text = "".join(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs" / "reference").glob("*.md")))
    shown = re.findall(r"^::: orderbook\.(\w+)$", text, re.MULTILINE)
    assert sorted(set(orderbook.__all__) - {"__version__", "backend"}) == sorted(
        name for name in shown if name in orderbook.__all__
    )
