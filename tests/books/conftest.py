"""Every test of a book runs over each implementation that is built: ids end in ``python`` or ``native``."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

import pytest

from orderbook.books import L2Book, L3Book

MODULES = {"python": "orderbook.books.reference", "native": "orderbook.books._native"}


def is_built(name: str) -> bool:
    """Whether an implementation can be tested here."""
    spec = importlib.util.find_spec(MODULES[name])
    return spec is not None and spec.origin is not None


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
