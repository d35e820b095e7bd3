"""Optional packages, imported where they are used and never before."""

from __future__ import annotations

import importlib
from typing import Any

from orderbook.errors import MissingExtra


def require(package: str, *, extra: str) -> Any:
    """Return an optional package, or say which extra brings it. Costs an import the first time.

    Raises:
        MissingExtra: the package is not installed. A package that is there and fails to import raises its own error.

    >>> require("json", extra="none").loads("[1]")
    [1]
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        # "pandas is missing" and "pandas is here and misses numpy" are two faults; an extra cures only the first.
        if error.name is None or error.name.partition(".")[0] != package.partition(".")[0]:
            raise
        raise MissingExtra(package, extra) from error
