"""Is there anything to find? Equal orders right after an execution, against equal orders a second later."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import Span, as_positive, span_ns
from orderbook.analytics.icebergs._orders import Bools, Ints, Unit
from orderbook.analytics.tape import Clock, EventBy, EventColumns, OrderRows, OrderTape
from orderbook.types import UNDEF_TIMESTAMP, Action

__all__ = ("NearFar", "calibrate_dt", "near_far_excess")

SECOND: Final = 1_000_000_000

DTS: Final = tuple(us * 1_000 for us in (250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 300_000))
"""Windows from a quarter of a millisecond to 300 ms."""

LEAST_Z: Final = 3.0
"""Below it, near and far do not differ by more than samples do."""


@dataclass(frozen=True, slots=True)
class NearFar:
    """How common equal orders are near an execution, and far from it (:func:`near_far_excess`).

    ``dt`` ns; ``spent``: the executions looked at; ``near_equal`` of ``near_adds`` orders that came to the price in
    ``[t, t + dt)`` had the size of the executed one, ``far_equal`` of ``far_adds`` in the window of that length
    later.

    >>> found = NearFar(5_000_000, 100, 30, 100, 22, 100)
    >>> found.near, found.far, round(found.excess, 3)
    (0.3, 0.22, 0.267)
    """

    dt: int
    spent: int
    near_equal: int
    near_adds: int
    far_equal: int
    far_adds: int

    @property
    def near(self) -> float | None:
        """The share of equal orders near, None without orders."""
        return self.near_equal / self.near_adds if self.near_adds else None

    @property
    def far(self) -> float | None:
        """The share of equal orders far, None without orders."""
        return self.far_equal / self.far_adds if self.far_adds else None

    @property
    def excess(self) -> float | None:
        """``1 - far / near``: the share of the near ones that chance does not explain; None where either is undefined.

        Negative where equal orders are rarer right after an execution.
        """
        near, far = self.near, self.far
        return None if not near or far is None else 1 - far / near

    @property
    def z(self) -> float | None:
        """The difference of the shares in its standard deviations (two proportions, pooled), None where undefined.

        Windows overlap and orders come in bursts, so that it is less certain than it looks.
        """
        near, far = self.near, self.far
        if near is None or far is None:
            return None
        pooled = (self.near_equal + self.far_equal) / (self.near_adds + self.far_adds)
        variance = pooled * (1 - pooled) * (1 / self.near_adds + 1 / self.far_adds)
        return (near - far) / math.sqrt(variance) if variance else None


def near_far_excess(
    events: EventColumns,
    dts: Iterable[Span],
    *,
    min_clip: float = 2,
    far: Span = SECOND,
    event_by: EventBy = "message",
    clock: Clock = "event",
) -> list[NearFar]:
    """Return for each ``dt`` how much more common equal orders are right after a full execution than ``far`` later.

    After each order of at least ``min_clip`` that was fully executed at ``t``: among the orders added at its side and
    price, the share with its size, in ``[t, t + dt)`` (not in the event itself) and in ``[t + far, t + far + dt)``. The
    excess is ``1 - far / near``. It needs no labels: what is far is there by chance.

    Read it as the share of links at this ``dt`` that are somebody's re-posting, and *not* as the share that is
    icebergs: makers with a fixed clip are in it too. Report it with every batch of :func:`icebergs_synthetic`.

    O(rows log rows + dts x executions log rows). After a public script, with ``far`` = 1 s.

    Raises:
        ValueError: a ``dt`` or ``far`` not above 0, ``far`` shorter than a ``dt``, ``min_clip`` not above 0, no such
            ``event_by`` or ``clock``.

    >>> import orderbook as ob
    >>> events = []
    >>> for i in range(3):
    ...     events.append(ob.OrderAdd(order_id=i, side=ob.Side.ASK, price=100, size=5, ts_event=1000 * i))
    ...     events.append(ob.OrderExecute(order_id=i, size=5, ts_event=1000 * i + 500))
    >>> [found] = near_far_excess(ob.Events.from_events(events), [600])
    >>> found.spent, found.near_equal, found.far_adds
    (3, 2, 0)
    """
    windows = [span_ns(dt, "dts") for dt in dts]
    later, least = span_ns(far, "far"), as_positive(min_clip, "min_clip")
    if windows and later < max(windows):
        raise ValueError(f"far is at least as long as every dt, {max(windows)} ns, not {later}")
    rows = OrderTape(clock=clock, event_by=event_by).update(events)
    spent = _spent(rows, least * Unit.of(events).size)
    came = (rows.kind == Action.ADD) & ~rows.known & ~rows.snapshot & (rows.ts != UNDEF_TIMESTAMP)
    adds = [_Adds(rows, came, spent, by_size=by_size) for by_size in (True, False)]
    return [
        NearFar(dt, len(spent.at), *(group.within(start, dt) for start in (0, later) for group in adds))
        for dt in windows
    ]


def calibrate_dt(
    events: EventColumns,
    dts: Iterable[Span] = DTS,
    *,
    min_excess: float = 0.5,
    min_clip: float = 2,
    far: Span = SECOND,
    event_by: EventBy = "message",
    clock: Clock = "event",
) -> NearFar | None:
    """Return the longest ``dt`` with an excess of at least ``min_excess``, so that most of what it finds is not chance.

    Near and far must differ by three standard deviations (:attr:`NearFar.z`). None says that no ``dt`` of these does it
    on this tape: then what is found at any of them is mostly chance. Calibrate on one day, use it on the next.

    Raises:
        ValueError: ``min_excess`` is not a share; else as :func:`near_far_excess`.

    >>> import orderbook as ob
    >>> calibrate_dt(ob.Events.from_events([ob.Clear()])) is None
    True
    """
    if not 0 < min_excess <= 1:
        raise ValueError(f"min_excess is a share above 0, at most 1, not {min_excess!r}")
    found = near_far_excess(events, dts, min_clip=min_clip, far=far, event_by=event_by, clock=clock)
    clear = [one for one in found if (one.excess or 0.0) >= min_excess and (one.z or 0.0) >= LEAST_Z]
    return max(clear, key=lambda one: one.dt, default=None)


@dataclass(slots=True)
class _Spent:
    """Full executions: their rows, and the first size of each order."""

    at: Ints
    clip: Ints


def _spent(rows: OrderRows, least: float) -> _Spent:
    """Orders whose size is known (born on the tape) and that a fill ended for good."""
    ended = (rows.kind == Action.FILL) & rows.known & (rows.after == 0) & (rows.before > 0)
    at = np.flatnonzero(ended & (rows.ts != UNDEF_TIMESTAMP))
    refilled = np.flatnonzero((rows.kind == Action.MODIFY) & rows.known & (rows.before == 0) & (rows.after > 0))
    again = set(zip(rows.event[refilled].tolist(), rows.order_id[refilled].tolist(), strict=True))
    pairs = zip(rows.event[at].tolist(), rows.order_id[at].tolist(), strict=True)
    at = at[[pair not in again for pair in pairs]] if again else at
    births = np.flatnonzero((rows.kind == Action.ADD) & ~rows.snapshot)
    order = np.lexsort((births, rows.order_id[births]))
    births = births[order]
    # The last birth of the id before the fill: ids may be used again.
    place = _before(_ranks(rows.order_id[births], rows.order_id[at]), births, at) - 1
    good = place >= 0
    good[good] = rows.order_id[births[place[good]]] == rows.order_id[at[good]]
    clip = rows.size[births[place[good]]]
    at = at[good]
    large = clip >= least
    return _Spent(at[large], clip[large])


class _Adds:
    """New orders sorted by side, price (and size), then time; how many came in a window after each execution."""

    def __init__(self, rows: OrderRows, came: Bools, spent: _Spent, *, by_size: bool) -> None:
        at = np.flatnonzero(came)
        # Clocks may step back a little; the order of the tape does not.
        ts = np.maximum.accumulate(rows.ts)
        size = rows.size[at], spent.clip
        mine, theirs = _codes(rows, at, spent.at, size if by_size else None)
        order = np.lexsort((at, mine))
        self._code, self._ts = mine[order], ts[at][order]
        self._asked, self._times = theirs, ts[spent.at]
        # What came up to the end of the event itself does not count as near.
        self._own = _before((self._code, theirs), rows.event[at][order], rows.event[spent.at] + 1)

    def within(self, start: int, dt: int) -> int:
        """How many came in ``[t + start, t + start + dt)`` of all executions together."""
        keys = (self._code, self._asked)
        low = np.maximum(_before(keys, self._ts, self._times + start), self._own)
        high = _before(keys, self._ts, self._times + start + dt)
        return int(np.maximum(high - low, 0).sum())


def _codes(rows: OrderRows, mine: Ints, theirs: Ints, size: tuple[Ints, Ints] | None) -> tuple[Ints, Ints]:
    """One number for each side and price (and size), the same for new orders and executed ones."""
    both = np.concatenate((mine, theirs))
    columns = [rows.side[both].astype(np.int64), rows.price[both]]
    if size is not None:
        columns.append(np.concatenate(size))
    code = np.zeros(len(both), np.int64)
    for column in columns:
        values, which = np.unique(column, return_inverse=True)
        code = code * (len(values) + 1) + which
        code = np.unique(code, return_inverse=True)[1]
    return code[: len(mine)], code[len(mine) :]


def _ranks(mine: npt.NDArray[np.uint64], theirs: npt.NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """Two sets of ids as small ints, in the same order."""
    which = np.unique(np.concatenate((mine, theirs)), return_inverse=True)[1]
    return which[: len(mine)], which[len(mine) :]


def _before(codes: tuple[Ints, Ints], values: Ints, bounds: Ints) -> Ints:
    """How many rows of a table sorted by code and value come before (code, bound), for every pair that is asked for."""
    mine, asked = codes
    count = len(mine)
    is_row = np.arange(count + len(asked)) < count
    order = np.lexsort((is_row, np.concatenate((values, bounds)), np.concatenate((mine, asked))))
    rank = np.cumsum(is_row[order])
    out = np.empty(len(order), np.int64)
    out[order] = rank
    return out[count:]
