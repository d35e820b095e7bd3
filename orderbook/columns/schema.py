"""What the columns are, and which rows make sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from orderbook.errors import UsageError
from orderbook.scale import MAX_SCALE
from orderbook.types import INT64_MAX, INT64_MIN, Action, Flag

UNDEF_PRICE: Final = INT64_MAX
"""A missing price, as in DBN."""

UNDEF_SIZE: Final = INT64_MAX
"""A missing size: a cancel takes all of the order, a modify keeps its size."""

PUBLISHER_SPECIFIC: Final = 0x02
"""The bit that DBN leaves to the publisher; :mod:`orderbook.columns` says what it means here, by action."""

NO_ORDERS: Final = 2**64 - 1
"""``order_id`` of a level whose feed says that it has 0 orders; 0 itself says that the feed counts none."""

NO_SIDE: Final = ord("N")
BID: Final = ord("B")
ASK: Final = ord("A")

DTYPES: Final[Mapping[str, np.dtype[Any]]] = {
    "ts_event": np.dtype("i8"),
    "ts_recv": np.dtype("i8"),
    "action": np.dtype("u1"),
    "side": np.dtype("u1"),
    "flags": np.dtype("u1"),
    "price": np.dtype("i8"),
    "size": np.dtype("i8"),
    "order_id": np.dtype("u8"),
    "sequence": np.dtype("u8"),
}
"""The columns in order; native byte order."""

MAX_ROWS: Final = 100_000_000
"""Rows that a compressed file may unpack to unless the caller allows more: 5.1 GB."""

Columns = Mapping[str, npt.NDArray[Any]]

_ACTIONS: Final = np.array(sorted(Action), "u1")
_SIDES: Final = np.array([BID, ASK, NO_SIDE], "u1")
_CHECKED: Final = 65_536
"""Rows that are looked at together: their masks stay in the processor's cache."""


class Stored(NamedTuple):
    """All that Events hold, as a file keeps it."""

    symbol: str
    columns: Columns
    price_exponent: int
    size_exponent: int


def check(columns: Columns, price_exponent: int, size_exponent: int) -> None:
    """Refuse columns that no sequence of events could have written. O(rows) time, vectorised, and O(1) memory.

    Raises:
        UsageError: what is wrong, and in which row first.
    """
    check_form(columns, price_exponent, size_exponent)
    check_rows(columns)


def check_form(columns: Columns, price_exponent: int, size_exponent: int) -> None:
    """Refuse exponents and shapes that Events never have, without a look at the rows. O(1).

    Raises:
        UsageError: what is wrong.
    """
    for name, exponent in (("price_exponent", price_exponent), ("size_exponent", size_exponent)):
        if not -MAX_SCALE <= exponent <= 0:
            raise UsageError(f"{name} is from -{MAX_SCALE} to 0, not {exponent}")
    for name, values in columns.items():
        if values.shape != columns["action"].shape or values.ndim != 1:
            raise UsageError(f"column {name} has the shape {values.shape}, column action {columns['action'].shape}")


def check_rows(columns: Columns) -> None:
    """Refuse rows that no event writes, in columns of the right form. O(rows) time, O(1) memory.

    Raises:
        UsageError: what is wrong, and in which row first.
    """
    flags = columns["flags"]
    for start in range(0, len(flags), _CHECKED):
        # From one row earlier, because what a row means can depend on the row before; that one was judged already.
        first = max(start - 1, 0)
        block = {name: values[first : start + _CHECKED] for name, values in columns.items()}
        for reason, wrong in _faults(block):
            wrong[: start - first] = False
            if wrong.any():
                raise UsageError(f"row {first + int(np.argmax(wrong))}: {reason}")
    if len(flags) and not flags[-1] & Flag.LAST:
        raise UsageError(f"row {len(flags) - 1}: the last row must end a message (LAST)")


def _faults(columns: Columns) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Each reason that makes a row nonsense, with a mask of the rows."""
    action, side, flags = columns["action"], columns["side"], columns["flags"]
    no_side, no_price = side == NO_SIDE, columns["price"] == UNDEF_PRICE
    no_size = columns["size"] == UNDEF_SIZE
    add, cancel, modify = (action == kind for kind in (Action.ADD, Action.CANCEL, Action.MODIFY))
    trade, quote = action == Action.TRADE, (flags & Flag.TOB) != 0
    level = ((flags & Flag.MBP) != 0) & (add | cancel | modify)
    return [
        ("no such action", ~np.isin(action, _ACTIONS)),
        ("no such side", ~np.isin(side, _SIDES)),
        ("a negative size", columns["size"] < 0),
        ("a price beyond int64", columns["price"] == INT64_MIN),
        ("a level without side, price or size", level & (no_side | no_price | no_size)),
        ("a level is deleted with size 0, not reduced", level & cancel & (columns["size"] != 0)),
        ("an order or trade without price or size", (add | trade) & (no_price | no_size)),
        ("an order without a side", add & ~level & no_side & ~_replaces(columns)),
        ("an execution without a size", (action == Action.FILL) & no_size),
        ("a quote (TOB) touches nothing: its action is N", quote & (action != Action.NONE)),
    ]


def _replaces(columns: Columns) -> npt.NDArray[np.bool_]:
    """Where the row before, of the same message, took an order off entirely: an A takes its side from that order."""
    flags = columns["flags"]
    whole = (columns["action"] == Action.CANCEL) & (columns["size"] == UNDEF_SIZE)
    whole &= (flags & (Flag.LAST | Flag.MBP)) == 0
    mask = np.zeros(len(flags), bool)
    mask[1:] = whole[:-1]
    return mask
