"""``orderbook.testing`` is one namespace: what needs Hypothesis comes when it is asked for, or says what is missing."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from orderbook import testing

ROOT = Path(__file__).resolve().parents[2]
LAZY = sorted(testing._WITH_HYPOTHESIS)


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return result.stdout.strip()


@pytest.mark.parametrize("name", testing.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    """No name without a thing, no function or class without a word on it."""
    value = getattr(testing, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert (inspect.getdoc(value) or "").strip()


def test_names_are_written_out_once() -> None:
    """``__all__`` is sorted as a reader expects, without repetition, and ``dir`` says the same."""
    assert sorted(set(testing.__all__)) == sorted(testing.__all__) == dir(testing)
    assert set(LAZY) <= set(testing.__all__)


def test_checkers_see_the_lazy_names() -> None:
    """What comes late at run time is imported for type checkers."""
    tree = ast.parse((ROOT / "orderbook" / "testing" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imported = [alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted({*LAZY, *testing._ICEBERGS}) == sorted(imported)


def test_hypothesis_is_imported_on_demand() -> None:
    """The markets, models and faults load without it."""
    assert "False True" == python(
        "import sys, orderbook.testing as t; before = 'hypothesis' in sys.modules; t.prices; "
        "print(before, 'hypothesis' in sys.modules)"
    )


@pytest.mark.parametrize("name", LAZY)
def test_missing_hypothesis_says_what_to_install(name: str) -> None:
    """Without the extra the error names it, and the rest works."""
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from orderbook.errors import MissingExtra\n"
        "import orderbook.testing as t\n"
        "t.SyntheticMarket(1).step()\n"
        f"try: t.{name}\n"
        "except MissingExtra as error: print(error)"
    )
    assert "this needs hypothesis: pip install 'orderbook-kit[test]'" == python(code)


def test_unknown_name_is_an_attribute_error() -> None:
    """A typo is not a missing package."""
    with pytest.raises(AttributeError, match=r"module 'orderbook\.testing' has no attribute 'price'"):
        testing.price  # noqa: B018
