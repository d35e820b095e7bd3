"""Rows of a tape as they are made, message by message."""

from __future__ import annotations

from typing import Final

import numpy as np

from orderbook.columns import Events
from orderbook.types import Action, Flag

__all__ = ("RowLog",)

_WIRE: Final = 100_000
"""How long a message takes to whoever records it, in ns."""
_LETTER: Final = {1: ord("B"), -1: ord("A"), 0: ord("N")}


class RowLog:
    """Collects rows of one instrument; a message is what is written between two calls of :meth:`end`."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._rows: list[tuple[int, int, int, int, int, int, int, int]] = []
        self._messages = 0
        self._ended = 0

    def add(self, ts: int, action: Action, side: int, price: int, size: int, order_id: int, flags: int = 0) -> None:
        """Write a row of the open message."""
        self._rows.append((ts, action, _LETTER[side], flags, price, size, order_id, self._messages + 1))

    def end(self) -> None:
        """End the message; without a row nothing happens."""
        if len(self._rows) > self._ended:
            ts, action, side, flags, *rest = self._rows[-1]
            self._rows[-1] = (ts, action, side, flags | Flag.LAST, *rest)  # type: ignore[assignment]
            self._ended = len(self._rows)
            self._messages += 1

    def events(self) -> Events:
        """All rows as columns; prices in cents, sizes in lots."""
        table = np.array(self._rows, np.int64).reshape(-1, 8)
        ts, action, side, flags, price, size, order_id, sequence = table.T
        return Events(
            self._symbol,
            ts_event=ts,
            ts_recv=ts + _WIRE,
            action=action.astype("u1"),
            side=side.astype("u1"),
            flags=flags.astype("u1"),
            price=price,
            size=size,
            order_id=order_id.astype("u8"),
            sequence=sequence.astype("u8"),
            price_exponent=-2,
        )
