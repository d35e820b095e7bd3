"""Columns as a plain ``.npz``, which ``numpy.load`` reads too. What is not deflated is mapped: no array is copied.

That numpy keeps each array of an archive as a whole makes a directory of ``.npy`` files unnecessary: an array that is
stored stands in the archive byte for byte, and :func:`write` pads the headers so that it begins at a multiple of 64.
"""

from __future__ import annotations

import mmap
import struct
import warnings
import zipfile
import zlib
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from orderbook.columns.schema import DTYPES, Stored

VERSION: Final = 1
MAX_SYMBOL: Final = 4_096
"""Bytes of UTF-8 in a symbol."""

_ALIGNMENT: Final = 64
_PADDING: Final = 0xD935  # the extra field that Android's zipalign pads with: every reader of zip files skips it
_LOCAL_HEADER: Final = 30
_ZIP64: Final = 20  # the extra field that allows a member more than 4 GB
_KINDS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def write(file: IO[bytes], stored: Stored, *, compress: bool) -> None:
    """Write one archive. O(rows)."""
    members: dict[str, npt.NDArray[Any]] = {
        "version": np.array(VERSION, "<i8"),
        # Bytes, because a numpy string would lose trailing NULs and take four bytes a letter.
        "symbol": np.frombuffer(stored.symbol.encode(), "u1"),
        "price_exponent": np.array(stored.price_exponent, "<i8"),
        "size_exponent": np.array(stored.size_exponent, "<i8"),
    }
    for name, values in stored.columns.items():
        members[name] = values.astype(DTYPES[name].newbyteorder("<"), copy=False)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        for name, values in members.items():
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = archive.compression
            info.extra = _padding(file.tell() + _LOCAL_HEADER + len(info.filename) + _ZIP64)
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, version=(1, 0), allow_pickle=False)


def _padding(end: int) -> bytes:
    """An extra field after which the data of a member begins at a whole multiple of the alignment."""
    missing = -end % _ALIGNMENT
    if missing == 0:
        return b""
    missing += _ALIGNMENT if missing < 4 else 0
    return struct.pack("<HH", _PADDING, missing - 4) + bytes(missing - 4)


def read(file: IO[bytes], *, verify: bool, max_rows: int) -> Stored:
    """Read one archive; whatever is wrong is an error of Python's, zipfile's or numpy's, for the caller to translate.

    O(1) where nothing is deflated and ``verify`` is False, else O(rows).
    """
    with zipfile.ZipFile(file) as archive:
        version = _number(archive, "version")
        if version != VERSION:
            raise ValueError(f"version {version}, this library knows {VERSION}")
        symbol = _small(archive, "symbol", np.dtype("u1"), ndim=1).tobytes().decode()
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        columns = {
            name: _column(archive, content, name, dtype, verify=verify, max_rows=max_rows)
            for name, dtype in DTYPES.items()
        }
        return Stored(symbol, columns, _number(archive, "price_exponent"), _number(archive, "size_exponent"))


def _number(archive: zipfile.ZipFile, name: str) -> int:
    return int(_small(archive, name, np.dtype("i8"), ndim=0))


def _small(archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], *, ndim: int) -> npt.NDArray[Any]:
    """What is not worth a map; its checksum is always looked at."""
    info = _info(archive, name)
    with archive.open(info) as member:
        count = _claimed(member, info, name, dtype, ndim=ndim)
        if count > MAX_SYMBOL:
            raise ValueError(f"{name} claims {count} values in {info.file_size} bytes")
        return _inflated(member, name, dtype, count).reshape((count,)[:ndim])


def _column(
    archive: zipfile.ZipFile, content: mmap.mmap, name: str, dtype: np.dtype[Any], *, verify: bool, max_rows: int
) -> npt.NDArray[Any]:
    info = _info(archive, name)
    with archive.open(info) as member:
        count = _claimed(member, info, name, dtype, ndim=1)
        if info.compress_type == zipfile.ZIP_STORED:
            start = _start(content, info)
            at = start + member.tell()
            if at % dtype.itemsize == 0:
                if verify and zlib.crc32(memoryview(content)[start : start + info.file_size]) != info.CRC:
                    raise ValueError(f"{name} does not have its checksum")
                return np.frombuffer(content, dtype.newbyteorder("<"), count, at).astype(dtype, copy=False)
            # As numpy.savez writes it, anywhere: numbers that do not lie at a multiple of their size are copied.
        elif count > max_rows:
            raise ValueError(f"{name} unpacks to {count} rows, more than max_rows={max_rows}")
        return _inflated(member, name, dtype, count)


def _info(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in _KINDS:
        raise ValueError(f"{name} is neither stored nor deflated")
    return info


def _start(content: mmap.mmap, info: zipfile.ZipInfo) -> int:
    """Where the bytes of a member begin; that its local header is one was seen when it was opened."""
    name, extra = struct.unpack_from("<HH", content, info.header_offset + _LOCAL_HEADER - 4)
    return info.header_offset + _LOCAL_HEADER + int(name) + int(extra)


def _claimed(member: IO[bytes], info: zipfile.ZipInfo, name: str, dtype: np.dtype[Any], *, ndim: int) -> int:
    """How many values an array says it has, once its header is found to be the one that this member must have."""
    if np.lib.format.read_magic(member) != (1, 0):
        raise ValueError(f"{name} has another npy version")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a header that numpy has to mend: judged by what it says all the same
        shape, fortran, found = np.lib.format.read_array_header_1_0(member)
    if len(shape) != ndim or fortran or found != dtype.newbyteorder("<"):
        raise ValueError(f"{name} is {found} of shape {shape}")
    count = int(shape[0]) if ndim else 1
    # What the header claims is allocated only where the archive says the same: 10**12 rows in a kilobyte are refused.
    if member.tell() + count * dtype.itemsize != info.file_size:
        raise ValueError(f"{name} claims {count} values in {info.file_size} bytes")
    return count


def _inflated(member: IO[bytes], name: str, dtype: np.dtype[Any], count: int) -> npt.NDArray[Any]:
    # The size is asked for, because a deflated member may hold far more than the archive says.
    data = member.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise ValueError(f"{name} ends after {len(data)} bytes")
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False)
