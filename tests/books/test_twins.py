"""The compiled books are the reference's twins: the same public names, documented by the same words."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import pytest

from orderbook.books import reference

KINDS = ("L2Book", "L3Book")


def public_names(kind: type[Any]) -> list[str]:
    """What a class shows to its users."""
    return sorted(name for name in dir(kind) if not name.startswith("_"))


@pytest.mark.parametrize("name", KINDS)
def test_same_public_names(implementation: ModuleType, name: str) -> None:
    """No implementation has a name that the other lacks."""
    assert public_names(getattr(reference, name)) == public_names(getattr(implementation, name))


@pytest.mark.parametrize("name", KINDS)
def test_same_docstrings(implementation: ModuleType, name: str) -> None:
    """``help()`` says the same, whichever implementation is live."""
    ours, theirs = getattr(reference, name), getattr(implementation, name)
    assert inspect.getdoc(ours) == inspect.getdoc(theirs)
    expected = {public: inspect.getdoc(getattr(ours, public)) for public in public_names(ours)}
    assert expected == {public: inspect.getdoc(getattr(theirs, public)) for public in public_names(theirs)}


@pytest.mark.parametrize("name", KINDS)
def test_same_parameters(implementation: ModuleType, name: str) -> None:
    """Every method takes the same arguments by the same names, with the same defaults."""
    ours, theirs = getattr(reference, name), getattr(implementation, name)
    for public in public_names(ours):
        if not callable(getattr(ours, public)):
            continue
        shapes = []
        for kind in (ours, theirs):
            try:
                parameters = inspect.signature(getattr(kind, public)).parameters.values()
            except ValueError:  # compiled without a signature that Python can read
                break
            shapes.append([(each.name, each.kind, each.default) for each in parameters])
        assert len(shapes) < 2 or shapes[0] == shapes[1], public


@pytest.mark.parametrize("name", KINDS)
def test_same_repr_and_type_name(implementation: ModuleType, name: str) -> None:
    """A traceback or a notebook does not show which one it is."""
    ours, theirs = getattr(reference, name)("XYZ"), getattr(implementation, name)("XYZ")
    assert (repr(ours), type(ours).__name__) == (repr(theirs), type(theirs).__name__)
