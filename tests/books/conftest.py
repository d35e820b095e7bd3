"""Every test of a book runs over each implementation that is built: ids end in ``python`` or ``native``."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

from orderbook import _backend
from orderbook.books import L2Book, L3Book

MODULES = {"python": "orderbook.books.reference", "native": "orderbook.books.native"}


def is_built(name: str) -> bool:
    """Whether an implementation can be tested here."""
    return name == "python" or _backend.is_built("orderbook.books._native")


@pytest.fixture(scope="session", params=[name for name in MODULES if is_built(name)])
def implementation(request: pytest.FixtureRequest) -> ModuleType:
    """The module that holds both books."""
    return importlib.import_module(MODULES[request.param])


@pytest.fixture(scope="session")
def l2(implementation: ModuleType) -> type[L2Book]:
    """The L2 class under test."""
    kind: type[L2Book] = implementation.L2Book
    return kind


@pytest.fixture(scope="session")
def l3(implementation: ModuleType) -> type[L3Book]:
    """The L3 class under test."""
    kind: type[L3Book] = implementation.L3Book
    return kind
