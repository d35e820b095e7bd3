"""The only place here that touches the file system: bytes off the disk, and every failure in our own words."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from orderbook.errors import SourceError
from orderbook.sources.compression import Chunks
from orderbook.types import Place

Count: TypeAlias = "Callable[[int], None]"
"""Told the position in a file after each read."""


def uncounted(position: int) -> None:
    """A :data:`Count` that does not."""


def size_of(path: Path) -> int:
    """Return the size of a file in bytes.

    Raises:
        SourceError: it is missing, a folder, or may not be read.
    """
    try:
        # Opened and not only looked at: that it may not be read shows now and not in the middle of a tape.
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size
    except OSError as error:
        raise unreadable(path, error) from error


def read_file(path: Path, chunk_size: int, count: Count = uncounted, start: int = 0, size: int | None = None) -> Chunks:
    """Yield the bytes of a file, or ``size`` of them from ``start``, in chunks of at most ``chunk_size``.

    Raises:
        SourceError: the file cannot be read.
    """
    left = size
    try:
        with path.open("rb") as file:
            file.seek(start)
            while left is None or left > 0:
                chunk = file.read(chunk_size if left is None else min(chunk_size, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                count(file.tell())
                yield chunk
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> SourceError:
    """What the operating system said, as an error that names the file."""
    return SourceError(f"cannot be read: {error.strerror or error}", place=Place(str(path)))
