"""Columns as an Arrow IPC file, which is mapped, or as a Parquet file, which is small and unpacked into memory.

Both have the columns of :data:`orderbook.columns.schema.DTYPES` with the numbers that Events hold, so that nothing is
rounded: prices and sizes in units of their exponents, actions and sides as codes of letters. Only the two times have a
richer type, ``timestamp[ns, UTC]``, which is the same 64 bits; a missing time is null.

What is no column stands in the schema's metadata under ``orderbook``, as JSON with a checksum of each column and of
itself. Arrow has no checksums of its own, and a price with a flipped bit is a price.
"""

from __future__ import annotations

import json
import mmap
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, Final, cast

import numpy as np
import numpy.typing as npt

from orderbook._extras import require
from orderbook.columns.schema import DTYPES, Stored
from orderbook.types import UNDEF_TIMESTAMP

VERSION: Final = 1

_KEY: Final = b"orderbook"
_EXTRA: Final = "arrow"
_TIMES: Final = ("ts_event", "ts_recv")
_RISING: Final = (*_TIMES, "sequence")
_MAGIC: Final = b"ARROW1"
_STREAM: Final = 8
"""Where the messages of an IPC file begin: after the magic and two bytes that fill it up."""


def write_ipc(file: IO[bytes], stored: Stored) -> None:
    """Write one record batch that is not compressed. O(rows), nothing is copied but the marks of missing times."""
    ipc = require("pyarrow.ipc", extra=_EXTRA)
    batch = _batch(stored)
    options = ipc.IpcWriteOptions(allow_64bit=True)
    with ipc.new_file(file, batch.schema, options=options) as writer:
        writer.write_batch(batch)


def write_parquet(file: IO[bytes], stored: Stored) -> None:
    """Write row groups that are compressed with zstd. O(rows)."""
    arrow = require("pyarrow", extra=_EXTRA)
    table = arrow.Table.from_batches([_batch(stored)])
    parquet = require("pyarrow.parquet", extra=_EXTRA)
    # Times and numbers in sequence rise by little: their differences are a fifth smaller and several times faster.
    plain = [name for name in DTYPES if name not in _RISING]
    encoding = dict.fromkeys(_RISING, "DELTA_BINARY_PACKED")
    parquet.write_table(table, file, compression="zstd", use_dictionary=plain, column_encoding=encoding)


def _batch(stored: Stored) -> Any:
    arrow = require("pyarrow", extra=_EXTRA)
    arrays = [_array(arrow, name, stored.columns[name]) for name in DTYPES]
    fields = [(name, _type(arrow, name)) for name in DTYPES]
    return arrow.RecordBatch.from_arrays(arrays, schema=arrow.schema(fields, metadata={_KEY: _header(stored)}))


def _array(arrow: Any, name: str, values: npt.NDArray[Any]) -> Any:
    """A column as Arrow has it: the same memory, and a bit a row where times are missing."""
    missing = values == UNDEF_TIMESTAMP if name in _TIMES else np.zeros(0, bool)
    present = arrow.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    buffers = [present, arrow.py_buffer(values)]
    return arrow.Array.from_buffers(_type(arrow, name), len(values), buffers, int(np.count_nonzero(missing)))


def _type(arrow: Any, name: str) -> Any:
    return arrow.timestamp("ns", tz="UTC") if name in _TIMES else arrow.from_numpy_dtype(DTYPES[name])


# -- reading --------------------------------------------------------------------------------------------------------


def read_ipc(file: IO[bytes], *, verify: bool) -> Stored:
    """Map an IPC file; several batches are joined, which copies them. O(1) for one if not ``verify``, else O(rows).

    Whatever is wrong is an error of Python's, for the caller to translate.
    """
    arrow, ipc = require("pyarrow", extra=_EXTRA), require("pyarrow.ipc", extra=_EXTRA)
    content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if content[: len(_MAGIC)] != _MAGIC or content[-len(_MAGIC) :] != _MAGIC:
        raise ValueError("no whole Arrow IPC file")
    with _translated(arrow):
        # The messages one after the other, as in a stream; the footer only repeats where each of them begins.
        messages = ipc.MessageReader.open_stream(arrow.py_buffer(content).slice(_STREAM))
        schema = ipc.read_schema(messages.read_next_message())
        header = _read_header(arrow, schema)
        batches = [ipc.read_record_batch(message, schema) for message in _plain(messages)]
        return _checked(header, {name: [batch.column(name) for batch in batches] for name in DTYPES}, verify=verify)


def _plain(messages: Iterator[Any]) -> Iterator[Any]:
    """The messages of record batches, none of which may be compressed: it could not be mapped, and may be a bomb."""
    for message in messages:
        if message.type != "record batch":
            raise ValueError(f"a message is a {message.type}")
        if _is_compressed(message.metadata.to_pybytes()):
            raise ValueError("its columns are compressed and cannot be mapped; use .parquet for a small file")
        yield message


def _is_compressed(metadata: bytes) -> bool:
    """Whether a message of a record batch says how its buffers are compressed; pyarrow itself does not tell.

    Flatbuffers: a table begins with the distance back to its vtable, which lists where in the table each field is.
    """
    message = _number(metadata, 0, 4)
    at = message + _field(metadata, message, 2)  # Message.header, a RecordBatch
    return _field(metadata, at + _number(metadata, at, 4), 3) != 0  # RecordBatch.compression


def _field(data: bytes, table: int, index: int) -> int:
    vtable = table - _number(data, table, 4, signed=True)
    at = 4 + 2 * index
    return _number(data, vtable + at, 2) if at < _number(data, vtable, 2) else 0


def _number(data: bytes, at: int, size: int, *, signed: bool = False) -> int:
    return int.from_bytes(data[at : at + size], "little", signed=signed)


def read_parquet(file: IO[bytes], *, verify: bool, max_rows: int) -> Stored:
    """Unpack a Parquet file into memory. O(rows).

    Whatever is wrong is an error of Python's, for the caller to translate.
    """
    arrow, parquet = require("pyarrow", extra=_EXTRA), require("pyarrow.parquet", extra=_EXTRA)
    with _translated(arrow), parquet.ParquetFile(file) as content:
        header = _read_header(arrow, content.schema_arrow)
        footer = content.metadata
        rows = max(footer.num_rows, sum(footer.row_group(i).num_rows for i in range(footer.num_row_groups)))
        if rows > max_rows:
            raise ValueError(f"it unpacks to {rows} rows, more than max_rows={max_rows}")
        table = content.read(columns=list(DTYPES))
        return _checked(header, {name: table.column(name).chunks for name in DTYPES}, verify=verify)


@contextmanager
def _translated(arrow: Any) -> Iterator[None]:
    """Arrow's errors as one that is always there to be caught."""
    try:
        yield
    except arrow.ArrowException as error:
        raise ValueError(str(error)) from error


def _checked(header: dict[str, Any], chunks: Mapping[str, list[Any]], *, verify: bool) -> Stored:
    columns = {name: _joined(name, parts) for name, parts in chunks.items()}
    for name, values in columns.items():
        if len(values) != header["rows"]:
            raise ValueError(f"{name} has {len(values)} of {header['rows']} rows")
        if verify and _checksum(name, values) != header["checksums"].get(name):
            raise ValueError(f"{name} does not have its checksum")
    return Stored(header["symbol"], columns, header["price_exponent"], header["size_exponent"])


def _joined(name: str, chunks: list[Any]) -> npt.NDArray[Any]:
    parts = [_values(name, chunk) for chunk in chunks if len(chunk)]
    values = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, DTYPES[name]), *parts])
    values.flags.writeable = False
    return values


def _values(name: str, chunk: Any) -> npt.NDArray[Any]:
    """The memory of an Arrow array as a numpy array, copied only where it has to be."""
    dtype = DTYPES[name]
    memory = memoryview(chunk.buffers()[1]).toreadonly()
    values = np.frombuffer(memory, dtype, len(chunk), chunk.offset * dtype.itemsize)
    if chunk.null_count:
        if name not in _TIMES:
            raise ValueError(f"{name} has nulls")
        missing = chunk.is_null().to_numpy(zero_copy_only=False)
        # What we wrote has the mark of a missing time below its nulls as well; others may leave anything there.
        if (values[missing] != UNDEF_TIMESTAMP).any():
            values = np.where(missing, UNDEF_TIMESTAMP, values)
    return values if values.flags.aligned else values.copy()


# -- metadata -------------------------------------------------------------------------------------------------------


def _header(stored: Stored) -> bytes:
    """All that is no column, as JSON: text of any kind comes back exactly."""
    header: dict[str, Any] = {
        "version": VERSION,
        "symbol": stored.symbol,
        "price_exponent": int(stored.price_exponent),
        "size_exponent": int(stored.size_exponent),
        "rows": len(stored.columns["action"]),
        "checksums": {name: _checksum(name, values) for name, values in stored.columns.items()},
    }
    return _json(header | {"checksum": zlib.crc32(_json(header))})


def _read_header(arrow: Any, schema: Any) -> dict[str, Any]:
    """The metadata of a schema, after the schema was found to have every column."""
    text = (schema.metadata or {}).get(_KEY)
    if text is None:
        raise ValueError("its schema has no metadata `orderbook`")
    header = json.loads(text)
    if not isinstance(header, dict) or header.get("version") != VERSION:
        version = header.get("version") if isinstance(header, dict) else None
        raise ValueError(f"version {version}, this library knows {VERSION}")
    checksum = header.pop("checksum", None)
    if checksum != zlib.crc32(_json(header)):
        raise ValueError("its metadata does not have its checksum")
    _check_header(header)
    for name in DTYPES:
        at = schema.get_field_index(name)
        if at < 0:
            raise ValueError(f"no column {name}, or several")
        if schema.field(at).type != _type(arrow, name):
            raise ValueError(f"{name} is {schema.field(at).type}, not {_type(arrow, name)}")
    return cast("dict[str, Any]", header)


_HEADER: Final = {"symbol": str, "price_exponent": int, "size_exponent": int, "rows": int, "checksums": dict}


def _check_header(header: dict[str, Any]) -> None:
    for name, kind in _HEADER.items():
        if type(header.get(name)) is not kind:
            raise ValueError(f"its metadata has no `{name}`")


def _json(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _checksum(name: str, values: npt.NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(values, DTYPES[name].newbyteorder("<")).data)
