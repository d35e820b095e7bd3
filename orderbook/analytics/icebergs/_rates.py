"""How often orders come to a price, and how common their sizes are, so far; in bounded memory."""

from __future__ import annotations

import math
from typing import Final, TypeAlias

from orderbook.types import UNDEF_TIMESTAMP

Key: TypeAlias = tuple[int, int]

TRAILING: Final = 10_000_000_000
"""The time constant of rates, ns: what is older counts for little."""

MOST: Final = 4096
"""So many prices, and so many sizes, are remembered."""


class LevelRates:
    """Exponentially weighted rates of events by side and price."""

    def __init__(self) -> None:
        self._counts: dict[Key, tuple[float, int]] = {}
        self._since: int | None = None

    def begin(self, ts: int) -> None:
        """Somebody looks from this time on, if nobody did before."""
        if self._since is None and ts != UNDEF_TIMESTAMP:
            self._since = ts

    def count(self, key: Key, ts: int) -> None:
        """One more; without a time it is none."""
        if ts == UNDEF_TIMESTAMP:
            return
        self.begin(ts)
        count = self._at(key, ts) + 1.0
        # The price that had nothing for the longest time stands first, and is forgotten first.
        self._counts.pop(key, None)
        self._counts[key] = (count, ts)
        if len(self._counts) > MOST:
            del self._counts[next(iter(self._counts))]

    def rate(self, key: Key, ts: int) -> float:
        """Events a second, one more than seen: a price where nothing came yet is not one where nothing can."""
        age = max(ts - (ts if self._since is None else self._since), 1_000_000)
        weight = TRAILING * -math.expm1(-age / TRAILING)
        return (self._at(key, ts) + 1.0) / weight * 1e9

    def _at(self, key: Key, ts: int) -> float:
        count, last = self._counts.get(key, (0.0, ts))
        return count * math.exp(-max(ts - last, 0) / TRAILING)


class SizeCounts:
    """How often each size was seen; all of them fade when there are too many different ones."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._total = 0

    def count(self, size: int) -> None:
        """One more."""
        self._counts[size] = self._counts.get(size, 0) + 1
        self._total += 1
        while len(self._counts) > MOST:
            self._counts = {size: count // 2 for size, count in self._counts.items() if count > 1}
            # What is forgotten was seen all the same: without it every size would seem common now.
            self._total //= 2

    def share(self, size: int, tol: float) -> float:
        """The share of sizes within a tolerance, one more than seen: above 0, at most 1. O(sizes) with a tolerance."""
        if tol:
            seen = sum(count for other, count in self._counts.items() if abs(other - size) <= tol * size)
        else:
            seen = self._counts.get(size, 0)
        return (seen + 1) / (self._total + 1)
