from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import orderbook.books as books
from orderbook import _backend
from orderbook.books import ladder, reference

ROOT = Path(__file__).resolve().parent.parent.parent


def run(code: str, backend: str | None, extra_path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter under a choice of backend."""
    env = {name: value for name, value in os.environ.items() if name not in {"ORDERBOOK_BACKEND", "PYTHONWARNINGS"}}
    env["PYTHONPATH"] = str(ROOT)
    if backend is not None:
        env["ORDERBOOK_BACKEND"] = backend
    prefix = "" if extra_path is None else f"import orderbook; orderbook.__path__.insert(0, {str(extra_path)!r}); "
    return subprocess.run(
        [sys.executable, "-c", prefix + code], capture_output=True, text=True, check=False, env=env, cwd=ROOT
    )


def is_native_built() -> bool:
    """Whether the compiled books are in this installation."""
    return _backend.is_built("orderbook.books._native")


SHOW = "import orderbook.books as b; print(b.backend, b.L2Book.__name__, b.L3Book.__name__)"


def test_this_process() -> None:
    """The live backend has a name, and its classes are the ones that are exported."""
    assert books.backend in {"native", "python"}
    if books.backend == "python":
        assert (reference.L2Book, reference.L3Book) == (books.L2Book, books.L3Book)


def test_python_is_always_there() -> None:
    """The reference can be asked for by name."""
    result = run(SHOW, "python")
    assert ("python L2Book L3Book\n", "") == (result.stdout, result.stderr)


@pytest.mark.parametrize("backend", [None, "", "auto"])
def test_auto(backend: str | None) -> None:
    """Without a choice the compiled books are taken where they are built, silently."""
    result = run(SHOW, backend)
    name = "native" if is_native_built() else "python"
    assert (f"{name} L2Book L3Book\n", "") == (result.stdout, result.stderr)


def test_native_is_never_replaced_in_silence() -> None:
    """Asked for native and absent: fail."""
    if is_native_built():
        pytest.skip("the compiled books are built here")
    result = run(SHOW, "native")
    expected = (
        "BackendUnavailable: backend 'native' is not available: the compiled books: not built in this installation"
    )
    assert (1, "") == (result.returncode, result.stdout)
    assert result.stderr.strip().endswith(expected)


@pytest.mark.parametrize("backend", ["NATIVE", "c", "pyton", " python"])
def test_misspelled_choice(backend: str) -> None:
    """A typing error is no choice."""
    result = run(SHOW, backend)
    expected = f"backend {backend!r} is not available: ORDERBOOK_BACKEND is one of auto, native, python"
    assert (1, True) == (result.returncode, result.stderr.strip().endswith(expected))


def test_a_folder_of_the_name_is_no_module(tmp_path: Path) -> None:
    """Sources of the compiled part in a folder ``_native`` make an empty namespace package, which is not the module."""
    (tmp_path / "_native").mkdir()
    code = (
        "from orderbook import _backend, books; "
        f"books.__path__.insert(0, {str(tmp_path)!r}); print(_backend.is_built('orderbook.books._native'))"
    )
    result = run(code, "python")
    assert (f"{is_native_built()}\n", "") == (result.stdout, result.stderr)


BROKEN = """
import importlib, sys, warnings
from orderbook import _backend, errors
import orderbook.books as b
b.__path__.insert(0, {path!r})
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as caught:
    try:
        made = _backend.load('orderbook.books._native', 'the compiled books', {wanted!r}, face='orderbook.books.native')
        print('python' if made is None else 'native')
    except errors.BackendUnavailable as error:
        print(error)
print([str(w.message) for w in caught])
"""


def test_a_broken_module_is_not_kept_quiet(tmp_path: Path) -> None:
    """A compiled part that does not load is an error for native, and a warning for auto."""
    (tmp_path / "_native.py").write_text("raise ImportError('undefined symbol: x')\n")
    reason = "backend 'native' is not available: the compiled books: cannot be loaded: undefined symbol: x"
    asked = run(BROKEN.format(path=str(tmp_path), wanted="native"), "python").stdout.splitlines()
    assert [reason, "[]"] == asked
    auto = run(BROKEN.format(path=str(tmp_path), wanted="auto"), "python").stdout.splitlines()
    assert ["python", str([f"{reason}; using plain Python"])] == auto


def test_a_module_that_loads_is_taken(tmp_path: Path) -> None:
    """By auto and by native alike."""
    names = ("L2Core", "L3Core", "SideCore", "L3SideCore")
    (tmp_path / "_native.py").write_text("".join(f"class {name}: ...\n" for name in names))
    for wanted in ("auto", "native"):
        result = run(BROKEN.format(path=str(tmp_path), wanted=wanted), "python")
        assert ["native", "[]"] == result.stdout.splitlines()


def test_exports() -> None:
    """What the package promises is there."""
    assert set(books.__all__) <= set(dir(books))
    assert ladder.MAX_LEVELS == books.MAX_LEVELS == 1_000_000
