"""Arguments of the books, checked at the door: each function returns the plain value or raises a documented error."""

from __future__ import annotations

import operator
from typing import Any, Final

from orderbook.errors import ScaleError, UsageError
from orderbook.levels import Levels
from orderbook.scale import MAX_SCALE, parse
from orderbook.timestamps import to_ns
from orderbook.types import INT64_MAX, INT64_MIN, OrderId, Side

MAX_COUNT: Final = 2**32 - 1
"""The largest order count of a level: what a ``u4`` column holds."""

UINT64_MAX: Final = 2**64 - 1


def shown(value: Any) -> str:
    """Return a short repr for an error message, whatever the value.

    >>> shown("x" * 100), shown(10**5000)
    ("'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...", '<int>')
    """
    try:
        text = repr(value)
    except ValueError:  # Python writes no int of more than 4300 digits
        return f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


_SHOWN: Final = 40


def as_side(side: Any) -> Side:
    """Return the side of any spelling that :class:`~orderbook.Side` parses.

    >>> as_side("buy")
    <Side.BID: 1>
    """
    if type(side) is Side:
        return side
    try:
        if not isinstance(side, bool):
            return Side(side)
    except ValueError:
        pass
    raise UsageError(f"expected a side, got {shown(side)}; write Side.BID or Side.ASK")


def as_text(value: Any, name: str) -> str:
    """Return text that can be written as UTF-8 (a lone surrogate cannot).

    >>> as_text("ETHUSDT", "symbol")
    'ETHUSDT'
    """
    if not isinstance(value, str):
        raise UsageError(f"{name} is text, not `{type(value).__name__}`")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{name} cannot be written as UTF-8: {shown(value)}") from None
    return str(value)


def as_int(value: Any, name: str, low: int, high: int) -> int:
    """Return an int in a range; ints of numpy are ints, a bool is not.

    >>> as_int(7, "sequence", 0, 10)
    7
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise UsageError(f"{name} is an int, not `{type(value).__name__}`")
    if not low <= number <= high:
        raise UsageError(f"{name} {shown(number)} is not between {low} and {high}")
    return int(number)


def as_sequence(value: Any) -> int:
    """Return a sequence number: any int of 64 bits, signed or unsigned.

    >>> as_sequence(2**64 - 1)
    18446744073709551615
    """
    return as_int(value, "sequence", INT64_MIN, UINT64_MAX)


def as_ns(value: Any) -> int:
    """Return a time as int64 ns UTC; takes whatever :func:`orderbook.timestamps.to_ns` takes.

    >>> as_ns(1_700_000_000_000_000_000)
    1700000000000000000
    """
    if type(value) is int and INT64_MIN < value <= INT64_MAX:
        return value
    return to_ns(value)


def as_order_id(value: Any) -> OrderId:
    """Return an order id: an int of 64 bits, signed or unsigned, or text. ``7`` and ``"7"`` are two ids.

    >>> as_order_id("d50ec984-77a8-460a-b958-66f114b0de9b")
    'd50ec984-77a8-460a-b958-66f114b0de9b'
    """
    if isinstance(value, str):
        return as_text(value, "order_id")
    return as_int(value, "order_id", INT64_MIN, UINT64_MAX)


def as_size(value: Any) -> tuple[int, int]:
    """Return a size above 0 as ``(mantissa, scale)``.

    >>> as_size("2.50")
    (25, 1)
    """
    mantissa, scale = parse(value)
    if mantissa < 0:
        raise ScaleError(value, "negative size")
    if mantissa == 0:
        raise UsageError(f"size must be above 0, not {shown(value)}; cancel() removes an order")
    return mantissa, scale


def as_levels(rows: Any, name: str) -> Levels:
    """Return parsed levels whose every number is one that a book can hold. O(rows).

    ``Levels`` built by hand are trusted by nobody: one numpy int among them would wrap around where a Python int
    raises.

    Raises:
        ScaleError: with a ``path`` that starts with ``name``.
        UsageError: columns of different lengths.
    """
    try:
        levels = Levels.parse(rows)
    except ScaleError as error:
        raise ScaleError(error.value, error.reason, path=f"{name}{error.path or ''}") from None
    if rows is levels:
        levels = _plain_levels(levels)
        _check_columns(levels, name)
    if levels.counts is not None:
        _check_counts(levels, name)
    return levels


def _plain_levels(levels: Levels) -> Levels:
    """Levels of the class itself with tuples for columns, whatever a subclass or a hand made of them."""
    columns = (levels.prices, levels.sizes, () if levels.counts is None else levels.counts)
    if type(levels) is Levels and all(type(column) is tuple for column in columns):
        return levels
    scales = {"price_scale": levels.price_scale, "size_scale": levels.size_scale}
    return Levels(levels.prices, levels.sizes, levels.counts, **scales)


def _check_columns(levels: Levels, name: str) -> None:
    counts = levels.prices if levels.counts is None else levels.counts
    if not len(levels.prices) == len(levels.sizes) == len(counts):
        raise UsageError(f"the columns of {name} differ in length")
    for scale in (levels.price_scale, levels.size_scale):
        if type(scale) is not int or not 0 <= scale <= MAX_SCALE:
            raise UsageError(f"a scale of {name} is an int from 0 to {MAX_SCALE}, not {shown(scale)}")
    for column, low in ((levels.prices, -INT64_MAX), (levels.sizes, 0)):
        if not set(map(type, column)) <= {int}:
            raise ScaleError(column, "expected ints", path=name)
        if column and not low <= min(column) <= max(column) <= INT64_MAX:
            raise ScaleError(min(column) if min(column) < low else max(column), "not an int64 or negative", path=name)


def _check_counts(levels: Levels, name: str) -> None:
    known = [count for count in levels.counts or () if count is not None]
    if not set(map(type, known)) <= {int}:
        raise ScaleError(known, "expected ints", path=name)
    if known and not 0 <= min(known) <= max(known) <= MAX_COUNT:
        raise ScaleError(max(known), "not an order count", path=name)
