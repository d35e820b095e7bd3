"""Columns in a file: a plain ``.npz`` that ``numpy.load`` reads too, and a reader that trusts nothing in it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from orderbook.columns.schema import DTYPES, Columns
from orderbook.errors import CorruptSource, SourceError
from orderbook.types import Place

VERSION: Final = 1

_MAX_SYMBOL: Final = 4_096
_NOT_OURS: Final = (
    *(ValueError, KeyError, EOFError, OverflowError, MemoryError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error, UnicodeDecodeError),
)


def write_npz(
    path: str | Path, symbol: str, columns: Columns, price_exponent: int, size_exponent: int, *, compress: bool
) -> None:
    """Write one file; the suffix is the caller's."""
    members: dict[str, Any] = {
        "version": np.int64(VERSION),
        # Bytes, because a numpy string would lose trailing NULs and take four bytes a letter.
        "symbol": np.frombuffer(symbol.encode(), "u1"),
        "price_exponent": np.int64(price_exponent),
        "size_exponent": np.int64(size_exponent),
    }
    for name, values in columns.items():
        members[name] = values.astype(DTYPES[name].newbyteorder("<"), copy=False)
    with Path(path).open("wb") as file:
        (np.savez_compressed if compress else np.savez)(file, **members)


def read_npz(path: str | Path) -> tuple[str, dict[str, npt.NDArray[Any]], int, int]:
    """Read one file: symbol, columns and the two exponents.

    Raises:
        SourceError: the file cannot be opened.
        CorruptSource: it is damaged, no file of ours, or of a version that is not known.
    """
    place = Place(str(path))
    try:
        with Path(path).open("rb") as file:
            return _read(file)
    except OSError as error:
        raise SourceError(f"cannot read the file: {error.strerror or error}", place=place) from error
    except _NOT_OURS as error:
        raise CorruptSource(f"not columns as Events.save() writes them: {error}", place=place) from error


def _read(file: IO[bytes]) -> tuple[str, dict[str, npt.NDArray[Any]], int, int]:
    with zipfile.ZipFile(file) as archive:
        version = _number(archive, "version")
        if version != VERSION:
            raise ValueError(f"version {version}, this library knows {VERSION}")
        symbol = _member(archive, "symbol", np.dtype("u1"), limit=_MAX_SYMBOL).tobytes().decode()
        columns = {name: _member(archive, name, dtype) for name, dtype in DTYPES.items()}
        return symbol, columns, _number(archive, "price_exponent"), _number(archive, "size_exponent")


def _number(archive: zipfile.ZipFile, name: str) -> int:
    return int(_member(archive, name, np.dtype("i8"), ndim=0))


def _member(
    archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], *, ndim: int = 1, limit: int | None = None
) -> npt.NDArray[Any]:
    """One array of the archive, after its header was found to be the one that this member must have."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{name} has another npy version")
        shape, fortran, found = np.lib.format.read_array_header_1_0(file)
        if len(shape) != ndim or fortran or found != dtype.newbyteorder("<"):
            raise ValueError(f"{name} is {found} of shape {shape}")
        count = shape[0] if ndim else 1
        # What the header claims is allocated only where the archive has as much: 10**12 rows in a kilobyte are refused.
        if file.tell() + count * dtype.itemsize != info.file_size or (limit is not None and count > limit):
            raise ValueError(f"{name} claims {count} values in {info.file_size} bytes")
        data = file.read()
    return np.frombuffer(bytearray(data), found).astype(dtype, copy=False).reshape(shape)
