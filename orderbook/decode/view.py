"""A window on the book: the best levels of each side, as every row of an order book file shows them.

A stream of orders that keeps to such a window (LOBSTER) is silent about what happens below it: a level that is pushed
out may change unseen, and one that comes back has a size that no message announced. Only the rows themselves tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from orderbook.events import Event, OrderAdd, OrderCancel, OrderExecute
from orderbook.scale import to_fixed
from orderbook.types import Side

# Checked as one text: int() by itself would take spaces, underscores and the digits of other scripts.
_INTEGERS: Final = re.compile(r"-?[0-9]{1,18}(?:,-?[0-9]{1,18})*", re.ASCII)

Levels = dict[int, int]
"""Sizes by price, both in the integers of the file."""


class Window(NamedTuple):
    """What one row shows: both sides, and how many levels fit."""

    bids: Levels
    asks: Levels
    depth: int

    def side(self, side: Side) -> Levels:
        """One of the two."""
        return self.bids if side is Side.BID else self.asks


class Change(NamedTuple):
    """What a message does to one level: ``size`` is added, and taken where it is below 0."""

    side: Side
    price: int
    size: int


def parse_window(cells: Sequence[str], absent: Iterable[tuple[str, str]]) -> Window | None:
    """Return what four cells a level (ask price, ask size, bid price, bid size) show; None if they are no integers.

    >>> parse_window(["101", "5", "100", "7", "9999", "0", "99", "1"], [("9999", "0")])
    Window(bids={100: 7, 99: 1}, asks={101: 5}, depth=2)
    """
    if _INTEGERS.fullmatch(",".join(cells)) is None:
        return None
    numbers = list(map(int, cells))
    gone = {(int(price), int(size)) for price, size in absent}
    asks = {price: size for price, size in zip(numbers[0::4], numbers[1::4], strict=True) if (price, size) not in gone}
    bids = {price: size for price, size in zip(numbers[2::4], numbers[3::4], strict=True) if (price, size) not in gone}
    return Window(bids, asks, len(cells) // 4)


def changes(events: Iterable[Event], scale: int) -> Iterator[Change]:
    """Yield what the events of a message do to levels, prices in units of 10**-scale.

    >>> list(changes([OrderAdd(order_id=1, side=Side.BID, price="585.33", size=18)], 4))
    [Change(side=<Side.BID: 1>, price=5853300, size=18)]
    """
    for event in events:
        if isinstance(event, OrderAdd):
            yield Change(event.side, to_fixed(event.price, scale), to_fixed(event.size, 0))
        elif isinstance(event, (OrderCancel, OrderExecute)):
            side, price, size = event.side, event.price, event.size
            if side is not None and price is not None and size is not None:
                yield Change(side, to_fixed(price, scale), -to_fixed(size, 0))


def revealed(before: Window, after: Window, made: Sequence[Change]) -> dict[Side, Levels] | None:
    """Return the levels that came into view from below, or None where one row does not lead to the next. O(depth).

    It does if every level has the size that it had, but for what the message changed; if what is gone was pushed below
    the window; and if what is new was made by the message, or lay below a window that was full.

    >>> before = Window(bids={100: 7, 99: 1}, asks={}, depth=2)
    >>> after = Window(bids={99: 1, 97: 4}, asks={}, depth=2)
    >>> revealed(before, after, [Change(Side.BID, 100, -7)])
    {<Side.BID: 1>: {97: 4}, <Side.ASK: -1>: {}}
    >>> revealed(before, after, []) is None
    True
    """
    found: dict[Side, Levels] = {}
    for side in Side:
        own = [change for change in made if change.side is side]
        new = _revealed_side(side, before.side(side), after.side(side), before.depth, own)
        if new is None:
            return None
        found[side] = new
    return found


def _revealed_side(side: Side, before: Levels, after: Levels, depth: int, made: Sequence[Change]) -> Levels | None:
    if not made and before == after:
        return {}
    wanted = dict(before)
    for change in made:
        wanted[change.price] = wanted.get(change.price, 0) + change.size
        if wanted[change.price] < 0:
            return None
    wanted = {price: size for price, size in wanted.items() if size}
    # Ranks grow from the best level down on either side.
    worst_before = max((-side * price for price in before), default=None) if len(before) >= depth else None
    worst_after = max((-side * price for price in after), default=None) if len(after) >= depth else None
    for price, size in wanted.items():
        out_of_view = worst_after is not None and -side * price > worst_after
        if after.get(price) != size and not (price not in after and out_of_view):
            return None
    new = {price: size for price, size in after.items() if price not in wanted}
    if all(worst_before is not None and -side * price > worst_before for price in new):
        return new
    return None
