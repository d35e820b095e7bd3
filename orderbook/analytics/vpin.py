"""VPIN trade by trade."""

from __future__ import annotations

import math
from collections import deque
from typing import Final, Literal, TypeAlias

from orderbook.analytics._arguments import SideLike, as_count, as_finite, as_positive, as_size, in_order, sign_of

__all__ = ("VPIN",)

Signs: TypeAlias = Literal["feed", "bvc"]

_SLACK: Final = 1e-9
"""The share of a bucket that may be missing when it is called full, as in the array form."""


class VPIN:
    """Volume-synchronised probability of informed trading: mean imbalance of the last ``n`` buckets of equal volume.

    Each bucket holds ``bucket`` volume; a trade that crosses into the next is split. ``signs="feed"`` uses the
    aggressors' sides, where unknown volume counts on neither side; ``"bvc"`` ignores them and splits a bucket by
    Phi(price change / ``sigma``), with ``sigma`` the standard deviation of the price changes of buckets, in price.
    Equal to :func:`orderbook.analytics.arrays.vpin` and :func:`~orderbook.analytics.arrays.vpin_bvc`. O(1) a trade and
    O(n) a bucket. Source: Easley, Lopez de Prado and O'Hara (2012), Review of Financial Studies 25(5), 1457-1493.

    Pitfall: use signs where the feed has them. Andersen and Bondarenko (CREATES 2013-42, 2013-43) find that VPIN from
    accurate signs behaves oppositely to the bulk form, and has no predictive power beyond volume and volatility.

    Raises:
        ValueError: a number is not above 0, no such ``signs``, or ``sigma`` is missing or not asked for.

    >>> toxicity = VPIN(bucket=8, n=3)
    >>> for ts, (side, size) in enumerate(zip([1, -1, 1, 1, -1, -1], [4, 2, 6, 3, 5, 4])):
    ...     toxicity.update(ts, side, size)
    >>> toxicity.value, toxicity.imbalances
    (0.75, (0.5, 0.75, 1.0))
    """

    def __init__(self, *, bucket: float, n: int = 50, signs: Signs = "feed", sigma: float | None = None) -> None:
        if signs not in ("feed", "bvc"):
            raise ValueError(f"signs is one of 'feed', 'bvc', not {signs!r}")
        if (sigma is None) is (signs == "bvc"):
            raise ValueError(f"sigma is given with signs='bvc' and only then, not {sigma!r} with {signs!r}")
        self._volume = as_positive(bucket, "bucket")
        self._sigma = None if sigma is None else as_positive(sigma, "sigma")
        self._last: deque[float] = deque(maxlen=as_count(n, "n"))
        self._count = 0
        self._filled = 0.0
        self._net = 0.0
        self._start: float | None = None
        self._ts: int | None = None

    @property
    def value(self) -> float | None:
        """The mean imbalance of the last n buckets, in [0, 1]; None before there are n."""
        return math.fsum(self._last) / len(self._last) if len(self._last) == self._last.maxlen else None

    @property
    def imbalances(self) -> tuple[float, ...]:
        """``abs(bought - sold) / volume`` of the last buckets, at most n, oldest first."""
        return tuple(self._last)

    @property
    def buckets(self) -> int:
        """How many buckets have been filled so far."""
        return self._count

    def update(self, ts: int, side: SideLike | None, size: float, price: float | None = None) -> None:
        """Count a trade; ``side`` is the aggressor's (0 or None: unknown), ``price`` is read with ``"bvc"``.

        Raises:
            ValueError: ``ts`` is earlier than the last, no such side, no size, or no price that is needed.
        """
        sign, left = sign_of(side), as_size(size)
        if self._sigma is not None and price is None:
            raise ValueError("signs='bvc' needs the price of each trade")
        paid = None if self._sigma is None or price is None else as_finite(price, "price")
        self._ts = in_order(ts, self._ts)
        self._start = paid if self._start is None else self._start
        missing = self._volume - self._filled
        if left < missing - self._volume * _SLACK:
            self._take(sign, left)
            return
        self._take(sign, missing)
        self._close(paid)
        # What is left of one trade fills whole buckets that are all alike; of those no more than n are ever seen.
        left = max(left - missing, 0.0)
        whole = int(left / self._volume + _SLACK)
        for _ in range(min(whole, self._last.maxlen or 0)):
            self._take(sign, self._volume)
            self._close(paid)
        self._count += max(whole - (self._last.maxlen or 0), 0)
        self._take(sign, max(left - whole * self._volume, 0.0))

    def reset(self) -> None:
        """Drop the bucket that is being filled: what traded during a gap is missing from it."""
        self._filled, self._net, self._start = 0.0, 0.0, None

    def _take(self, sign: int, volume: float) -> None:
        self._filled += volume
        self._net += sign * volume

    def _close(self, price: float | None) -> None:
        if self._sigma is None or price is None or self._start is None:
            imbalance = abs(self._net) / self._volume
        else:
            imbalance = abs(math.erf((price - self._start) / self._sigma * math.sqrt(0.5)))  # 2 Phi(x) - 1
            self._start = price
        self._last.append(min(imbalance, 1.0))
        self._count += 1
        self._filled, self._net = 0.0, 0.0
