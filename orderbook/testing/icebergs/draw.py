"""Random numbers with a shape, the same on every machine: tables of ints in the place of logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeVar

from orderbook.testing.flow import Chance

__all__ = ("Draw",)

T = TypeVar("T")

_STEPS: Final = 1024
# Rounded to ints, so that it does not matter how a machine rounds the last digit of a logarithm.
_WAITS: Final = tuple(round(-1_000_000 * math.log((i + 0.5) / _STEPS)) for i in range(_STEPS))


class Draw(Chance):
    """:class:`orderbook.testing.flow.Chance` with waiting times, quantile tables and order sizes.

    >>> draw = Draw(1)
    >>> draw.wait(10**9), draw.quantile((100, 200, 400)), draw.happens(0.5)
    (2007848001, 338, False)
    """

    def happens(self, share: float) -> bool:
        """Whether something happens that does so in that share of cases."""
        return self.unit() < share

    def wait(self, mean: int) -> int:
        """A time until the next of events that come by themselves, about exponential with that mean; at least 1."""
        return 1 + mean * _WAITS[self.below(_STEPS)] // 1_000_000

    def quantile(self, table: Sequence[int]) -> int:
        """A number between the quantiles of a table, straight lines between them."""
        at = self.unit() * (len(table) - 1)
        low = int(at)
        return table[low] + int((table[low + 1] - table[low]) * (at - low))

    def around(self, value: int, share: float) -> int:
        """An int within that share of ``value``, uniform, at least 1."""
        room = int(value * share)
        return max(1, value - room + self.below(2 * room + 1))

    def pick(self, table: Sequence[T]) -> T:
        """One entry of a table."""
        return table[self.below(len(table))]
