"""Columns in a file: which format it is, how it is replaced, and what its damage is called."""

from __future__ import annotations

import errno
import os
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from orderbook._extras import require
from orderbook.columns import arrow, npz
from orderbook.columns.schema import Columns, Stored, check_form, check_rows
from orderbook.errors import CorruptSource, SourceError, UsageError
from orderbook.types import Place

_SUFFIXES: Final = (".npz", ".arrow", ".parquet")

# What numpy, zipfile, json and pyarrow say about a file that is not what it should be.
_NOT_OURS: Final = (
    *(ValueError, LookupError, TypeError, EOFError, ArithmeticError, MemoryError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


def save(path: str | Path, stored: Stored, *, compress: bool) -> None:
    """Write one file, of the format that the suffix names; what was there stays until the new one is whole.

    Raises:
        UsageError: an unknown suffix, a symbol that no file holds, or ``compress`` for a format without a choice.
        MissingExtra: the format needs pyarrow.
        SourceError: the file cannot be written.
    """
    suffix = _suffix(path)
    if suffix not in ("", *_SUFFIXES):
        raise UsageError(f"columns are saved as {', '.join(_SUFFIXES)}, not as {suffix!r}")
    if compress and suffix not in ("", ".npz"):
        raise UsageError(f"compress is for .npz: {suffix} is always {_FIXED[suffix]}")
    _check_symbol(stored.symbol)
    _require(suffix)
    with _replacing(Path(path)) as file:
        if suffix == ".arrow":
            arrow.write_ipc(file, stored)
        elif suffix == ".parquet":
            arrow.write_parquet(file, stored)
        else:
            npz.write(file, stored, compress=compress)


_FIXED: Final = {".arrow": "plain, so that it can be mapped", ".parquet": "compressed"}


def _suffix(path: str | Path) -> str:
    return Path(path).suffix.lower()


def _require(suffix: str) -> None:
    if suffix in (".arrow", ".parquet"):
        require("pyarrow", extra="arrow")


def _check_symbol(symbol: str) -> None:
    try:
        size = len(symbol.encode())
    except UnicodeEncodeError as error:
        raise UsageError(f"a symbol in a file is UTF-8, not {symbol!r}") from error
    if size > npz.MAX_SYMBOL:
        raise UsageError(f"a symbol in a file has at most {npz.MAX_SYMBOL} bytes, not {size}")


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of ``path`` once it is whole, and leaves nothing behind where that fails."""
    place = Place(str(path))
    # What a link points to is replaced, not the link.
    target = Path(os.path.realpath(path))
    # In the same folder, since a file can be moved into its place at once only within one file system.
    draft = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        try:
            with draft.open("xb") as file:
                yield file
            draft.replace(target)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
    except OSError as error:
        raise SourceError(f"cannot write the file: {error.strerror or error}", place=place) from error


def load(path: str | Path, *, verify: bool, max_rows: int) -> Stored:
    """Read one file: of the format that its suffix names, and an archive of numpy's where that names none.

    Raises:
        MissingExtra: the format needs pyarrow.
        SourceError: the file cannot be opened.
        CorruptSource: it is damaged, no file of ours, of a version that is not known, or unpacks to too many rows.
    """
    suffix, place = _suffix(path), Place(str(path))
    _require(suffix)
    try:
        with Path(path).open("rb") as file:
            stored = _read(file, suffix, verify=verify, max_rows=max_rows)
    except OSError as error:
        # Damage is an OSError too where it leads pyarrow astray (without a number) or a seek outside of all files.
        if error.errno in (None, errno.EINVAL):
            raise _corrupt(error, place) from error
        raise SourceError(f"cannot read the file: {error.strerror or error}", place=place) from error
    except _NOT_OURS as error:
        raise _corrupt(error, place) from error
    try:
        check_form(stored.columns, stored.price_exponent, stored.size_exponent)
    except UsageError as error:
        raise CorruptSource(error.message, place=place) from error
    if verify:
        verify_rows(stored.columns, place)
    return stored


def _read(file: IO[bytes], suffix: str, *, verify: bool, max_rows: int) -> Stored:
    if suffix == ".arrow":
        return arrow.read_ipc(file, verify=verify)
    if suffix == ".parquet":
        return arrow.read_parquet(file, verify=verify, max_rows=max_rows)
    return npz.read(file, verify=verify, max_rows=max_rows)


def _corrupt(error: Exception, place: Place) -> CorruptSource:
    return CorruptSource(f"not columns as Events.save() writes them: {error}", place=place)


def verify_rows(columns: Columns, place: Place) -> None:
    """Refuse rows that no event writes. O(rows).

    Raises:
        CorruptSource: what is wrong, and in which row first.
    """
    try:
        check_rows(columns)
    except UsageError as error:
        raise CorruptSource(error.message, place=place) from error
