"""Imports point one way, nothing heavy is imported early, and every module and function stays small enough to read."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "orderbook"
MODULES = sorted(PACKAGE.rglob("*.py"))

# One row a layer, the lowest first. A part (a module, or a folder as a whole) may import from the rows above its own.
LAYERS = (
    ("types",),
    ("errors",),
    ("_backend", "_extras", "scale", "timestamps", "verdicts"),
    ("progress",),
    ("levels",),
    ("events",),
    ("blocks",),
    ("views",),
    ("books", "columns", "continuity", "decode"),
    ("builder",),
    ("feed",),
    ("bulk", "panel"),
    ("replay",),
    ("sampling",),
    ("testing",),
    ("__init__",),
)

# Parts off the main road name what they may use. A source does I/O and knows nothing of books; of the policies it needs
# only what to do with an unreadable line, and of a format only how its files are laid out.
BESIDE = {
    "sources": {
        "types",
        "errors",
        "_extras",
        "scale",
        "timestamps",
        "levels",
        "events",
        "blocks",
        "verdicts.OnError",
        "decode.get_format",
    },
    "analytics": {"types"},
    "plot": {"types", "errors", "_extras", "analytics"},
}

EXTRAS = {
    *("pandas", "polars", "pyarrow", "tqdm", "zstandard", "matplotlib", "plotly", "scipy"),
    *("httpx", "hypothesis", "pytest"),
}


def part_of(path: Path) -> str:
    """The first name below the package: ``books`` for every module of ``orderbook/books``."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def nodes_at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from nodes_at_run_time(child)


def imports_of(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every dotted name that is imported anywhere at run time, with its line."""
    for node in nodes_at_run_time(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (("." * node.level + f"{node.module or ''}.{alias.name}", node.lineno) for alias in node.names)


def allowed(part: str, name: str) -> bool:
    """Whether a part may import ``orderbook.<name>``."""
    target = name.partition(".")[0]
    if target == part:
        return True
    if part in BESIDE:
        return bool({target, ".".join(name.split(".")[:2])} & BESIDE[part])
    rank = {part: row for row, parts in enumerate(LAYERS) for part in parts}
    # What stands beside the road is used by the facade and the testing kit alone.
    below = rank.get(target, rank["testing"] - 1)
    return below < rank[part]


def wrong_imports(part: str, source: str) -> list[str]:
    """The imports of one module that go against the layers."""
    found = []
    for name, line in imports_of(ast.parse(source)):
        if name.startswith("."):
            found.append(f"line {line}: {name} (imports are absolute here)")
        elif name.split(".")[0] == "orderbook" and not allowed(part, name.removeprefix("orderbook").lstrip(".")):
            found.append(f"line {line}: {name}")
    return found


def each(modules: list[Path]) -> pytest.MarkDecorator:
    """Parametrize over modules, named by their path."""
    return pytest.mark.parametrize("path", modules, ids=lambda path: str(path.relative_to(PACKAGE)))


@each(MODULES)
def test_imports_point_one_way(path: Path) -> None:
    """A module imports only from the layers below its own."""
    assert [] == wrong_imports(part_of(path), path.read_text(encoding="utf-8"))


@each(MODULES)
def test_no_extra_is_imported_with_the_module(path: Path) -> None:
    """Optional and slow packages are imported where they are used, never at the top of a module."""
    # The testing kit is the exception that its users ask for by name; Hypothesis and pytest are what it is made of.
    mine = {"hypothesis", "pytest"} if part_of(path) == "testing" else set()
    top = ast.Module(body=ast.parse(path.read_text(encoding="utf-8")).body, type_ignores=[])
    for node in ast.walk(top):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = []
    assert set() == {name.partition(".")[0] for name, _ in imports_of(top)} & (EXTRAS - mine)


def test_import_orderbook_loads_no_extra() -> None:
    """``import orderbook`` in a fresh interpreter leaves every optional package alone."""
    code = "import sys, orderbook; print(*sorted(m for m in sys.modules if '.' not in m))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert set() == set(result.stdout.split()) & EXTRAS


@pytest.mark.parametrize(
    ("missing", "module"),
    [
        # The quickstart makes its capture after a plain install.
        ("hypothesis=None, pytest=None", "orderbook.testing"),
        # pytest loads it wherever the library is installed, also where nobody uses the testing kit.
        ("hypothesis=None", "orderbook.testing.plugin"),
    ],
)
def test_parts_of_the_testing_kit_do_without_the_extra(missing: str, module: str) -> None:
    """What must work without the extra ``test`` imports without it."""
    code = f"import sys; sys.modules.update({missing}); import {module}"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=PACKAGE.parent
    )
    assert (0, "") == (result.returncode, result.stderr)


@each(MODULES)
def test_module_is_short(path: Path) -> None:
    """No module has 600 lines or more."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < 600, f"{lines} lines"


@each(MODULES)
def test_functions_are_short(path: Path) -> None:
    """No function has more than 50 lines, its docstring aside."""
    long = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            doc = len((ast.get_docstring(node, clean=False) or "").splitlines())
            size = (node.end_lineno or node.lineno) - node.lineno + 1 - doc
            if size > 50:
                long.append(f"{node.name}: {size} lines")
    assert [] == long


@each(MODULES)
def test_nothing_is_printed(path: Path) -> None:
    """A library answers with values; it never prints."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert [] == [node.lineno for node in calls if node.func.id == "print"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("part", "source", "expected"),
    [
        ("types", "from orderbook.errors import FeedError", ["line 1: orderbook.errors.FeedError"]),
        ("books", "from orderbook.continuity import RULES", ["line 1: orderbook.continuity.RULES"]),
        ("decode", "def f():\n    import orderbook.books", ["line 2: orderbook.books"]),
        ("sources", "from orderbook.continuity import RULES", ["line 1: orderbook.continuity.RULES"]),
        ("sources", "from orderbook.verdicts import OnError", []),
        ("sources", "import orderbook.decode", ["line 1: orderbook.decode"]),
        ("sources", "from orderbook.decode import get_format", []),
        ("analytics", "from orderbook.types import Side", []),
        ("analytics", "from orderbook.books import L2Book", ["line 1: orderbook.books.L2Book"]),
        ("analytics", "from orderbook.errors import UsageError", ["line 1: orderbook.errors.UsageError"]),
        ("plot", "from orderbook.analytics import arrays", []),
        ("plot", "from orderbook.replay import replay", ["line 1: orderbook.replay.replay"]),
        ("books", "from orderbook.analytics import spread", ["line 1: orderbook.analytics.spread"]),
        ("replay", "from orderbook.sources import FileSource", ["line 1: orderbook.sources.FileSource"]),
        ("feed", "import orderbook", ["line 1: orderbook"]),
        ("feed", "from . import builder", ["line 1: ..builder (imports are absolute here)"]),
        ("feed", "if TYPE_CHECKING:\n    from orderbook.replay import replay", []),
        ("__init__", "from orderbook.sources.file import FileSource", []),
    ],
)
def test_the_layer_check_can_fail(part: str, source: str, expected: list[str]) -> None:
    """The check above sees what it is there to see."""
    assert expected == wrong_imports(part, source)
