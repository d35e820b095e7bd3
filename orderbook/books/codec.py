"""Bytes of a book: canonical ones for the state hash, and the container of ``to_bytes``.

The container is ``OBK`` + NUL, a version byte, the CRC-32 of the body (u32, little endian) and the body, which is
JSON made of ints, texts and lists. The CRC finds damage; it proves nothing of where the bytes came from, so the
reader believes no field before it has looked at it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Any, Final, Self

import orjson

from orderbook.errors import DecodeError
from orderbook.types import INT64_MAX

MAGIC: Final = b"OBK\x00"
VERSION: Final = 1
_HEAD: Final = struct.Struct("<4sBI")


def canonical_bytes(value: object) -> bytes:
    """Return bytes that say a nested tuple of ints, texts and None in exactly one way. O(size).

    >>> canonical_bytes(("L2", 1, None, ()))
    b'(s2:L2i1;n())'
    """
    parts: list[bytes] = []
    _append_canonical(value, parts)
    return b"".join(parts)


def _append_canonical(value: object, parts: list[bytes]) -> None:
    if value is None:
        parts.append(b"n")
    elif isinstance(value, int):
        parts.append(b"i%d;" % value)
    elif isinstance(value, str):
        text = value.encode()
        parts.append(b"s%d:%b" % (len(text), text))
    elif isinstance(value, tuple):
        parts.append(b"(")
        for item in value:
            _append_canonical(item, parts)
        parts.append(b")")
    else:
        raise TypeError(f"no canonical form for `{type(value).__name__}`")


def pack(body: dict[str, Any]) -> bytes:
    """Return the container of a body.

    >>> pack({})[:5]
    b'OBK\\x00\\x01'
    """
    text = orjson.dumps(body)
    return _HEAD.pack(MAGIC, VERSION, zlib.crc32(text)) + text


def unpack(data: Any) -> Node:
    """Return the body of a container, not yet believed.

    Raises:
        DecodeError: not bytes, not a container of this version, or damaged.

    >>> unpack(pack({"a": 1})).key("a").integer()
    1
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise DecodeError(f"expected the bytes of a book, got `{type(data).__name__}`")
    data = bytes(data)
    if len(data) < _HEAD.size or data[:4] != MAGIC:
        raise DecodeError("these are not the bytes of a book")
    _, version, crc = _HEAD.unpack_from(data)
    if version != VERSION:
        raise DecodeError(f"book bytes of version {version}; this library reads version {VERSION}")
    text = data[_HEAD.size :]
    if zlib.crc32(text) != crc:
        raise DecodeError("the bytes of the book are damaged: wrong CRC-32")
    try:
        return Node(orjson.loads(text), "$")
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"the body of the book is not JSON: {error}") from None


class Node:
    """A value somewhere in untrusted JSON: every question checks, and an error names the path.

    >>> Node({"a": [1]}, "$").key("a").items()[0].text()
    Traceback (most recent call last):
    ...
    orderbook.errors.DecodeError: expected `str`, got `int` - at `$.a[0]`
    """

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str) -> None:
        self.value = value
        self.path = path

    def fail(self, reason: str) -> DecodeError:
        """Return the error for this place, to be raised."""
        return DecodeError(reason, path=self.path)

    def _expect(self, kind: type) -> Any:
        # type() and not isinstance(): JSON's true is an int to Python, and no number here.
        if type(self.value) is not kind:
            raise self.fail(f"expected `{kind.__name__}`, got `{type(self.value).__name__}`")
        return self.value

    def key(self, name: str) -> Self:
        """Return the value of a key."""
        table = self._expect(dict)
        if name not in table:
            raise self.fail(f"{name!r} is missing")
        return type(self)(table[name], f"{self.path}.{name}")

    def items(self, length: int | None = None) -> list[Self]:
        """Return the values of a list, of an exact length where one is asked for."""
        rows = self._expect(list)
        if length is not None and len(rows) != length:
            raise self.fail(f"expected {length} items, got {len(rows)}")
        return [type(self)(row, f"{self.path}[{i}]") for i, row in enumerate(rows)]

    def integer(self, low: int = -INT64_MAX, high: int = INT64_MAX) -> int:
        """Return an int in a range; int64 without its lowest value unless told otherwise."""
        value: int = self._expect(int)
        if not low <= value <= high:
            raise self.fail(f"{value} is not between {low} and {high}")
        return value

    def optional_integer(self, low: int = -INT64_MAX, high: int = INT64_MAX) -> int | None:
        """Return an int in a range, or None for null."""
        return None if self.value is None else self.integer(low, high)

    def text(self) -> str:
        """Return a text."""
        value: str = self._expect(str)
        return value

    def choice(self, known: Iterable[str]) -> str:
        """Return a text that is one of those known."""
        value, names = self.text(), tuple(known)
        if value not in names:
            raise self.fail(f"expected one of {', '.join(names)}, got {value!r}")
        return value
