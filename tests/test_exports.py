"""``import orderbook`` is the product's face: every name is there, with an example, and nothing else leaks."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import orderbook
from orderbook import errors, events

PACKAGE = Path(orderbook.__file__).parent
# The plugin is pytest's business: importing it twice would register it twice.
MODULES = sorted(
    module.name for module in pkgutil.walk_packages([str(PACKAGE)], "orderbook.") if "plugin" not in module.name
)

CONTRACT = """
    Side Action Flag Level Order KnownRange Vwap Place RawMessage BookState
    L2Book L3Book Depth
    Snapshot Delta OrderSnapshot OrderAdd OrderModify OrderCancel OrderExecute OrderReplace
    Trade Quote Heartbeat Status Clear Disconnect Fault Event Levels
    BookBuilder Verdict State Rule RULES Stats SnapshotRequest OnGap OnCrossed OnUnknownOrder OnError
    Feed Update Format formats get_format register
    MemorySource FileSource ReplaySource
    Replay replay sample book_at load Panel Events
    to_ns from_ns duration_ns
    OrderBookError FeedError SequenceGap ChecksumMismatch CrossedBookError DecodeError
    BookError UnknownOrder DuplicateOrder OverExecuted DuplicateLevel TooManyLevels
    UsageError StaleBookError ScaleError TimestampError UnknownFormat MissingExtra BackendUnavailable
    SourceError TruncatedSource CorruptSource
    MAX_LEVELS backend __version__
""".split()


def documented_names() -> list[str]:
    """The public classes and functions."""
    return [
        name
        for name in orderbook.__all__
        if inspect.isclass(getattr(orderbook, name)) or callable(getattr(orderbook, name))
    ]


def test_all_is_written_out() -> None:
    """``__all__`` is a literal without repetition, so that a reader and a checker see the same as Python."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    targets = [
        node for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign)) and "__all__" in ast.unparse(node)
    ]
    assert 1 == len(targets)
    names = list(ast.literal_eval(targets[0].value))  # type: ignore[arg-type]
    assert sorted(set(names)) == sorted(names) == sorted(orderbook.__all__)


def test_every_name_exists() -> None:
    """``from orderbook import *`` works."""
    assert [] == [name for name in orderbook.__all__ if not hasattr(orderbook, name)]


def test_the_contract_is_exported() -> None:
    """Every name of the public contract is there."""
    assert [] == sorted(set(CONTRACT) - set(orderbook.__all__))


def test_nothing_else_leaks() -> None:
    """What is visible in the package beside ``__all__`` is a submodule or private."""
    extra = {
        name
        for name, value in vars(orderbook).items()
        if not name.startswith("_") and name not in orderbook.__all__ and not isinstance(value, ModuleType)
    }
    assert {"annotations"} >= extra


@pytest.mark.parametrize("module", [errors, events], ids=lambda module: module.__name__)
def test_whole_families_are_exported(module: ModuleType) -> None:
    """Every error and every event of the library can be caught, or matched, by its name in ``orderbook``."""
    public = {
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    assert set() == public - set(orderbook.__all__)


@pytest.mark.parametrize("name", documented_names())
def test_name_is_documented_with_an_example(name: str) -> None:
    """The docstring of a public name begins with one sentence and has an example that runs."""
    value = getattr(orderbook, name)
    doc = inspect.getdoc(value) or ""
    assert "" != doc
    assert doc.split("\n\n")[0].rstrip().endswith((".", ":", "::")), "the first paragraph is a sentence"
    if inspect.isclass(value) and issubclass(value, (Exception, events.Event)):
        return  # their family has the example: each is one line of fields
    assert ">>> " in doc, "an example is missing"


@pytest.mark.parametrize("name", documented_names())
def test_public_methods_are_documented(name: str) -> None:
    """Every public method and property of a public class has a docstring."""
    value = getattr(orderbook, name)
    if not inspect.isclass(value):
        return
    members = {
        key: member
        for key, member in vars(value).items()
        if not key.startswith("_") and isinstance(member, (property, classmethod, staticmethod, type(lambda: 0)))
    }
    assert [] == [key for key, member in members.items() if not inspect.getdoc(member)]


@pytest.mark.parametrize("name", MODULES)
def test_module_is_documented_and_imports_alone(name: str) -> None:
    """Each module says what it is for."""
    assert (importlib.import_module(name).__doc__ or "").strip()


def test_no_module_depends_on_import_order() -> None:
    """Each module imports by itself in a fresh interpreter: no circle is hidden by the order of another import."""
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    for loaded in [m for m in sys.modules if m.partition('.')[0] == 'orderbook']:\n"
        "        del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *MODULES], capture_output=True, text=True, check=False, cwd=PACKAGE.parent
    )
    assert (0, "") == (result.returncode, result.stderr)
