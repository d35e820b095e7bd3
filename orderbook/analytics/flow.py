"""Order flow imbalance of a book and trade imbalance of a tape, event by event."""

from __future__ import annotations

import math
from typing import Final

from orderbook.analytics._arguments import SideLike, Span, as_count, as_size, in_order, sign_of
from orderbook.analytics._levels import BookLike, Levels, is_known_to, levels_of
from orderbook.analytics._rolling import RollingSums, Scales, same_scales
from orderbook.types import Side

__all__ = ("OFI", "TradeFlow")

_NAN: Final = math.nan


class OFI:
    """Order flow imbalance: what was added at the best prices less what was taken away, + = buy pressure.

    ``levels`` ranks are compared, each by the rule of :func:`orderbook.analytics.arrays.ofi`; with ``anchored`` the
    sizes at fixed prices are (:func:`orderbook.analytics.arrays.mlofi_anchored`), which gives one number. Summed over
    the updates of the last ``window`` of time (open at its start) or the last ``events`` updates; with neither, the
    values are those of the last update. Source: Cont, Kukanov and Stoikov (2014); Xu, Gould and Howison (2018).

    An update whose level is absent before or after is left out of a sum, unless the book knows that the side has no
    more: the level then appears with its size and disappears with its old one. O(levels) an update, and memory for
    the updates of a window.

    Pitfall: update on every change of the book; flow that came and went between two updates is not seen.

    Raises:
        ValueError: ``levels``, ``window`` or ``events`` is not above 0, or both of the last are given.

    >>> from orderbook import L2Book
    >>> book, flow = L2Book(), OFI(events=10)
    >>> for ts, (bid, ask) in enumerate([(5, 7), (8, 7), (8, 3)]):
    ...     book.apply_snapshot([(100, bid)], [(102, ask)])
    ...     flow.update(book, ts)
    >>> flow.value
    7.0
    """

    def __init__(
        self, *, levels: int = 1, window: Span | None = None, events: int | None = None, anchored: bool = False
    ) -> None:
        self._levels = as_count(levels, "levels")
        self._anchored = bool(anchored)
        self._sums = RollingSums(1 if anchored else self._levels, window, events)
        self._before: tuple[Levels, Levels] | None = None
        self._scales: Scales = None
        self._ts: int | None = None

    @property
    def value(self) -> float | None:
        """The sum at the best level (of all prices with ``anchored``); None before two books that can be compared."""
        return self.values[0]

    @property
    def values(self) -> tuple[float | None, ...]:
        """The sum at each level, one entry with ``anchored``."""
        return self._sums.sums if len(self._sums) else (None,) * (1 if self._anchored else self._levels)

    def update(self, book: BookLike, ts: int) -> None:
        """Compare the book with what it was at the last update.

        Raises:
            ValueError: ``ts`` is earlier than the last, or a book of ints has changed its scales.
        """
        self._scales, self._ts = same_scales(book, self._scales), in_order(ts, self._ts)
        now = self._side(book, Side.BID), self._side(book, Side.ASK)
        before, self._before = self._before, now
        if before is None:
            flow = (_NAN,) * len(self.values)
        elif self._anchored:
            flow = (_grown(now[0], before[0]) - _grown(now[1], before[1]),)
        else:
            bids, asks = (map(_gained, new, old) for new, old in zip(now, before, strict=True))
            flow = tuple(bid - ask for bid, ask in zip(bids, asks, strict=True))
        self._sums.add(ts, flow)

    def reset(self) -> None:
        """Forget the last book, after a gap or before a snapshot: the next update is compared with nothing."""
        self._before = None

    def _side(self, book: BookLike, side: Side) -> Levels:
        """Price keys (greater is better) and sizes of the ranks; a rank that is truly empty has the worst of all."""
        rows = [(side * price, size) for price, size in levels_of(book, side, self._levels)]
        if len(rows) < self._levels:
            empty = (-math.inf, 0.0) if is_known_to(book, side, -side * math.inf) else (_NAN, _NAN)
            rows += [empty] * (self._levels - len(rows))
        return rows


def _gained(now: tuple[float, float], before: tuple[float, float]) -> float:
    """What a rank gained: its size where the price is better, less its old size where it is worse, both if equal."""
    (key, size), (old_key, old_size) = now, before
    return size * (key >= old_key) - old_size * (key <= old_key)


def _grown(now: Levels, before: Levels) -> float:
    """By how much the size at the prices that both show has grown."""
    if math.isnan(now[0][0]) or math.isnan(before[0][0]):
        return _NAN
    floor = max(_floor(now), _floor(before))
    return _above(now, floor) - _above(before, floor)


def _floor(rows: Levels) -> float:
    """The worst price key down to which all levels are shown."""
    return min(key for key, _ in rows if not math.isnan(key))


def _above(rows: Levels, floor: float) -> float:
    return sum(size for key, size in rows if key >= floor)


class TradeFlow:
    """Who is buying: bought less sold volume, as it is and as a share of all volume, over the last stretch of a tape.

    Over the trades of the last ``window`` of time (open at its start) or the last ``events`` trades; one of the two
    is needed. A trade of unknown side is part of the volume and counts on neither side. Amortised O(1) a trade, and
    memory for the trades of a window. The same as :func:`orderbook.analytics.arrays.trade_imbalance` over windows
    that end at each trade.

    Pitfall: a window lets go of old trades when :meth:`update` (or :meth:`advance`) is called, not by itself.

    Raises:
        ValueError: not one of ``window`` and ``events``, or it is not above 0.

    >>> tape = TradeFlow(events=6)
    >>> for ts, (side, size) in enumerate(zip([1, -1, 1, 1, -1, -1], [4, 2, 6, 3, 5, 4])):
    ...     tape.update(ts, side, size)
    >>> round(tape.value, 7), tape.net, tape.volume
    (0.0833333, 2.0, 24.0)
    """

    def __init__(self, *, window: Span | None = None, events: int | None = None) -> None:
        if window is None and events is None:
            raise ValueError("give a window of time or a number of events")
        self._sums = RollingSums(2, window, events)
        self._ts: int | None = None

    @property
    def value(self) -> float | None:
        """(bought - sold) / all volume, in [-1, 1]; None where nothing traded."""
        return self.net / self.volume if self.volume else None

    @property
    def net(self) -> float:
        """Bought less sold volume."""
        return self._sums.sums[0] or 0.0

    @property
    def volume(self) -> float:
        """All volume."""
        return self._sums.sums[1] or 0.0

    def update(self, ts: int, side: SideLike | None, size: float) -> None:
        """Count a trade; ``side`` is the aggressor's, 0 or None where it is unknown.

        Raises:
            ValueError: ``ts`` is earlier than the last, no such side, or no size.
        """
        sign, volume = sign_of(side), as_size(size)
        self.advance(ts)
        if volume:
            self._sums.add(ts, (sign * volume, volume))

    def advance(self, ts: int) -> None:
        """Let go of the trades that the window has left behind at ``ts``.

        Raises:
            ValueError: ``ts`` is earlier than the last.
        """
        self._ts = in_order(ts, self._ts)
        self._sums.advance(ts)

    def reset(self) -> None:
        """Do nothing: trades of before a gap stay traded. For callers that reset all estimators alike."""
