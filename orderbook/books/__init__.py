"""Order books: the compiled twin where it is built, the plain Python reference otherwise.

``ORDERBOOK_BACKEND`` chooses: ``auto`` (the default), ``native`` or ``python``. Asking for what is not there fails;
``backend`` says which one is live. Type checkers always see the reference.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Final

from orderbook.books import reference
from orderbook.books.ladder import MAX_LEVELS
from orderbook.books.reference import QueueAhead
from orderbook.errors import BackendUnavailable

__all__ = ("MAX_LEVELS", "L2Book", "L3Book", "QueueAhead", "backend")

_NATIVE: Final = "orderbook.books._native"


def _is_built() -> bool:
    """Whether the compiled module is there; a folder of its name with no module inside is a namespace, and is not."""
    spec = importlib.util.find_spec(_NATIVE)
    return spec is not None and spec.origin is not None


def _load_native() -> ModuleType:
    if not _is_built():
        raise BackendUnavailable("native", "the compiled books are not built in this installation")
    try:
        return importlib.import_module(_NATIVE)
    except ImportError as error:
        raise BackendUnavailable("native", f"the compiled books do not load: {error}") from error


def _choose(wanted: str) -> tuple[str, ModuleType]:
    """Return the name and the module of the books to use."""
    if wanted not in {"auto", "native", "python"}:
        raise BackendUnavailable(wanted, "ORDERBOOK_BACKEND is one of auto, native, python")
    if wanted == "native" or (wanted == "auto" and _is_built()):
        try:
            return "native", _load_native()
        except BackendUnavailable as error:
            if wanted == "native":
                raise
            # Slow is better than broken, but a compiled part that is there and does not load is never kept quiet.
            warnings.warn(f"{error}; using the Python books", RuntimeWarning, stacklevel=2)
    return "python", reference


backend: str
backend, _books = _choose(os.environ.get("ORDERBOOK_BACKEND") or "auto")

if TYPE_CHECKING:
    from orderbook.books.reference import L2Book, L3Book
else:
    L2Book = _books.L2Book
    L3Book = _books.L3Book
