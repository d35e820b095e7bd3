"""Tapes and links with nothing in them: what a detector finds there, it finds by chance."""

from __future__ import annotations

from collections import deque
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from orderbook.analytics.tape import OrderTape
from orderbook.columns import UNDEF_SIZE, Events
from orderbook.columns.schema import DTYPES
from orderbook.testing.flow import Chance
from orderbook.types import Action, Flag

__all__ = ("WindowLink", "permuted_sizes", "window_links")

Columns = dict[str, npt.NDArray[Any]]

_LIFE: Final = (Action.ADD, Action.CANCEL, Action.FILL)


def permuted_sizes(events: Events, seed: int = 0) -> Events:
    """Return the same tape with the sizes of orders permuted within each side and price. O(rows log rows).

    Every order keeps its times and its end, so the rhythm of the level stays, and so do its common sizes; that a size
    comes back right after it was filled is no longer anything but chance. A detector of links must say much less here.

    Only orders of one size all their life take part: added once, never modified, and filled or cancelled whole or not
    at all; the others (native icebergs among them) stay. Prints follow the fills. The book can be rebuilt as before.

    >>> from orderbook.testing.icebergs.simulate import IcebergMarket, simulate_icebergs
    >>> events = simulate_icebergs(IcebergMarket(seconds=60), seed=1).events
    >>> placebo = permuted_sizes(events)
    >>> len(placebo) == len(events), bool((placebo.size == events.size).all())
    (True, False)
    """
    columns: Columns = {name: getattr(events, name) for name in DTYPES}
    rows, order = _whole_orders(columns)
    size = columns["size"].copy()
    if len(rows):
        whole = size[rows] == UNDEF_SIZE  # a cancel of all there is
        size[rows] = np.where(whole, UNDEF_SIZE, _shuffled(columns, rows, order, Chance(seed))[order])
        _follow_prints(columns, size)
    columns["size"] = size
    return Events(
        events.symbol,
        price_exponent=events.price_exponent,
        size_exponent=events.size_exponent,
        **columns,
    )


def _whole_orders(columns: Columns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rows of orders with one size all their life, and the number of the order of each such row, from 0."""
    action = columns["action"]
    touches = np.isin(action, (*_LIFE, Action.MODIFY)) & ((columns["flags"] & (Flag.MBP | Flag.TOB)) == 0)
    rows = np.flatnonzero(touches)
    _, order = np.unique(columns["order_id"][rows], return_inverse=True)
    size, kind = columns["size"][rows], action[rows]
    is_add = kind == Action.ADD
    first = np.zeros(order.max(initial=-1) + 1, np.int64)
    first[order[is_add]] = size[is_add]
    odd = (kind == Action.MODIFY) | ((size != first[order]) & (size != UNDEF_SIZE))
    # Zero rows of its own arrival is an order from before the tape; an A without a side is a replacement.
    good = (np.bincount(order, is_add, len(first)) == 1) & (np.bincount(order, odd, len(first)) == 0)
    good &= np.bincount(order, is_add & (columns["side"][rows] == ord("N")), len(first)) == 0
    chosen = good[order]
    _, number = np.unique(order[chosen], return_inverse=True)
    return rows[chosen], number


def _shuffled(
    columns: Columns, rows: npt.NDArray[np.int64], order: npt.NDArray[np.int64], chance: Chance
) -> npt.NDArray[np.int64]:
    """The new size of every order."""
    is_add = columns["action"][rows] == Action.ADD
    adds, orders = rows[is_add], order[is_add]
    level = np.unique(np.stack((columns["price"][adds], columns["side"][adds])), axis=1, return_inverse=True)[1].ravel()
    # By level, in the order that they have; and by level, in an order by chance.
    drawn = np.array([chance.unit() for _ in range(len(adds))])
    before, after = np.argsort(level, kind="stable"), np.lexsort((drawn, level))
    out = np.empty(len(adds), np.int64)
    out[orders[before]] = columns["size"][adds[after]]
    return out


def _follow_prints(columns: Columns, size: npt.NDArray[np.int64]) -> None:
    """Change the first print at a price in a message by as much as the fills there changed."""
    last = (columns["flags"] & Flag.LAST) != 0
    message = np.cumsum(last) - last
    fills = np.flatnonzero((columns["action"] == Action.FILL) & (size != columns["size"]))
    prints = np.flatnonzero(columns["action"] == Action.TRADE)
    at = {(int(message[row]), int(columns["price"][row])): int(row) for row in prints[::-1]}
    for row in fills.tolist():
        print_row = at.get((int(message[row]), int(columns["price"][row])))
        if print_row is not None:
            size[print_row] += size[row] - columns["size"][row]


class WindowLink(NamedTuple):
    """A pair as a detected iceberg of two orders, to be scored like one.

    >>> WindowLink((1, 2), ((1, 2),), 10.0).links
    ((1, 2),)
    """

    order_ids: tuple[int, int]
    links: tuple[tuple[int, int]]
    executed: float


def window_links(events: Events, *, dt: int, shift: int = 0, min_clip: int = 1) -> list[WindowLink]:
    """Return each add that follows the full execution of an equal order within a window: the plainest of linkers.

    The window is from ``shift`` up to ``shift + dt`` ns after the execution; side, price and size (of at least
    ``min_clip`` lots) are equal; each execution is used once, the latest first. With ``shift=0`` it is what a first
    attempt at synthetic icebergs looks like. With a ``shift`` beyond every latency it is a placebo: the same market,
    and no true link. O(rows).

    Raises:
        ValueError: ``dt`` is not positive, or ``shift`` is negative.

    >>> from orderbook.testing.icebergs.simulate import IcebergMarket, simulate_icebergs
    >>> events = simulate_icebergs(IcebergMarket(seconds=60), seed=1).events
    >>> len(window_links(events, dt=5_000_000)) > len(window_links(events, dt=5_000_000, shift=1_000_000_000))
    True
    """
    if dt <= 0 or shift < 0:
        raise ValueError(f"dt is positive and shift not negative, not {dt!r} and {shift!r}")
    rows = OrderTape().update(events)
    is_birth = (rows.kind == Action.ADD) & ~rows.known & ~rows.snapshot
    is_death = (rows.kind == Action.FILL) & (rows.after == 0) & (rows.before == rows.size)
    chosen = np.flatnonzero((is_birth | is_death) & (rows.size >= min_clip))
    names = (rows.ts, is_birth, rows.order_id, rows.side, rows.price, rows.size)
    ended: dict[tuple[int, int, int], deque[tuple[int, int]]] = {}
    out = []
    for ts, birth, order_id, *key in zip(*(values[chosen].tolist() for values in names), strict=True):
        waiting = ended.setdefault((key[0], key[1], key[2]), deque())
        if not birth:
            waiting.append((ts, order_id))
            continue
        while waiting and waiting[0][0] <= ts - shift - dt:
            waiting.popleft()
        found = next((item for item in reversed(waiting) if item[0] <= ts - shift), None)
        if found is not None:
            waiting.remove(found)
            out.append(WindowLink((found[1], order_id), ((found[1], order_id),), key[2] * rows.size_scale))
    return out
