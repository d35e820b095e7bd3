"""What the streaming estimators share: sums over the last stretch of a stream, and the unit of its numbers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias

from orderbook.analytics._arguments import Span, as_count, span_ns
from orderbook.analytics._levels import BookLike

Scales: TypeAlias = "tuple[int, int] | None"
"""Digits of prices and sizes of a book that hands out ints; None of one whose numbers are what they say."""


def same_scales(book: BookLike, before: Scales) -> Scales:
    """Return the scales of a book, which must be those of before: ints of two scales cannot be compared.

    Raises:
        ValueError: they are others.
    """
    if getattr(book, "price_type", None) != "fixed" or not (len(book.bids) or len(book.asks)):
        return before
    scales = getattr(book, "price_scale", 0), getattr(book, "size_scale", 0)
    if before is not None and scales != before:
        raise ValueError(
            f"the (price_scale, size_scale) of a fixed book went from {before} to {scales}, and what was kept is in "
            "old units: give a book with price_type 'float'"
        )
    return scales


class RollingSums:
    """Sums of rows of numbers over the last ``window`` of time or the last ``events`` rows, or of the last row alone.

    A number that is NaN is left out; :attr:`sums` is None where the window holds nothing but NaN. Amortised O(width).
    """

    def __init__(self, width: int, window: Span | None, events: int | None) -> None:
        if window is not None and events is not None:
            raise ValueError("a window is a time or a number of events: give window or events, not both")
        self._width: Final = width
        self._span = None if window is None else span_ns(window)
        self._events = (1 if window is None else None) if events is None else as_count(events, "events")
        self._rows: deque[tuple[int, tuple[float, ...]]] = deque()
        self._refresh()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def sums(self) -> tuple[float | None, ...]:
        """The sum of each column."""
        return tuple(
            total + cut if defined else None
            for total, cut, defined in zip(self._sums, self._cut, self._defined, strict=True)
        )

    def add(self, ts: int, row: Sequence[float]) -> None:
        """Take a row in, and let go of what the window has left behind."""
        self._rows.append((ts, tuple(row)))
        self._count(row, 1)
        self.advance(ts)

    def advance(self, ts: int) -> None:
        """Let go of what is outside of the window that ends at ``ts``: the window is open at its start."""
        rows = self._rows
        while rows and (len(rows) > self._events if self._events else ts - rows[0][0] >= (self._span or 0)):
            self._count(rows.popleft()[1], -1)
            self._evicted += 1
        if self._evicted >= max(len(rows), 1):
            self._refresh()

    def _count(self, row: Sequence[float], sign: int) -> None:
        for i, number in enumerate(row):
            if not math.isnan(number):
                before, part = self._sums[i], sign * number
                self._sums[i] = total = before + part
                # What rounding cut off the smaller of the two (Neumaier): 1e17 may leave while a 1 stays.
                larger, smaller = (before, part) if abs(before) >= abs(part) else (part, before)
                self._cut[i] += larger - total + smaller
                self._defined[i] += sign

    def _refresh(self) -> None:
        """Sum anew once a window: adding and taking away leaves a rounding error each time, which must not pile up."""
        self._sums, self._cut = [0.0] * self._width, [0.0] * self._width
        self._defined, self._evicted = [0] * self._width, 0
        for _, row in self._rows:
            self._count(row, 1)
