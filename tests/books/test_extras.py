from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orderbook._extras import require
from orderbook.errors import MissingExtra


def test_present() -> None:
    """An installed package is imported."""
    assert sys.modules["numpy"] is require("numpy", extra="none")


def test_submodule() -> None:
    """A dotted name is the module at its end."""
    assert "json.decoder" == require("json.decoder", extra="none").__name__


@pytest.mark.parametrize("package", ["no_such_package_at_all", "no_such_package_at_all.part", "json.no_such_part"])
def test_missing(package: str) -> None:
    """What is not there is named, with the extra that brings it."""
    with pytest.raises(MissingExtra) as caught:
        require(package, extra="some")
    assert f"this needs {package}: pip install 'orderbook-kit[some]'" == str(caught.value)
    assert (package, "some", True) == (caught.value.package, caught.value.extra, isinstance(caught.value, ImportError))


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A None in sys.modules hides a package, as a lean installation does."""
    monkeypatch.setitem(sys.modules, "json", None)
    with pytest.raises(MissingExtra):
        require("json", extra="some")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_dependency", ModuleNotFoundError),
        ("raise ImportError('broken')", ImportError),
        ("1 / 0", ZeroDivisionError),
    ],
)
def test_present_but_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, error: type[Exception]
) -> None:
    """A package that is there and fails says why itself: no extra cures that."""
    (tmp_path / "half_installed.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(error) as caught:
        require("half_installed", extra="some")
    assert error is caught.type
