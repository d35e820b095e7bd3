"""Which implementation runs: the compiled one where it is built, plain Python otherwise.

``ORDERBOOK_BACKEND`` chooses, once, when the library is imported: ``auto`` (the default), ``native`` or ``python``.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import warnings
from types import ModuleType
from typing import Final

from orderbook.errors import BackendUnavailable

WANTED: Final = os.environ.get("ORDERBOOK_BACKEND") or "auto"
"""What the environment asks for."""


def is_built(module: str) -> bool:
    """Whether a compiled module is there; a folder of its name with no module inside is a namespace, and is not.

    >>> is_built("orderbook._none")
    False
    """
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None


def load(module: str, what: str, wanted: str = WANTED, *, face: str = "") -> ModuleType | None:
    """Return a compiled module, None where plain Python is to be used instead. ``what`` names it in errors.

    ``face`` is the module that stands in front of it, if there is one, and is returned in its place.

    Raises:
        BackendUnavailable: ``wanted`` is no backend, or ``native`` and the module is absent or broken.

    >>> load("orderbook._none", "the compiled nothing", wanted="auto") is None
    True
    """
    if wanted not in {"auto", "native", "python"}:
        raise BackendUnavailable(wanted, "ORDERBOOK_BACKEND is one of auto, native, python")
    if wanted == "python" or (wanted == "auto" and not is_built(module)):
        return None
    try:
        return _import(module, what, face or module)
    except BackendUnavailable as error:
        if wanted == "native":
            raise
        # Slow is better than broken, but a compiled part that is there and does not load is never kept quiet.
        warnings.warn(f"{error}; using plain Python", RuntimeWarning, stacklevel=2)
        return None


def _import(module: str, what: str, face: str) -> ModuleType:
    if not is_built(module):
        raise BackendUnavailable("native", f"{what}: not built in this installation")
    try:
        return importlib.import_module(face)
    except ImportError as error:
        raise BackendUnavailable("native", f"{what}: cannot be loaded: {error}") from error
