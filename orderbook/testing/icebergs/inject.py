"""Icebergs put into a real tape: its own rows stay as they are, and the injected orders trade when it is their turn."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from orderbook.columns import UNDEF_PRICE, UNDEF_SIZE, Events
from orderbook.columns.schema import DTYPES
from orderbook.errors import UsageError
from orderbook.testing.icebergs.draw import Draw
from orderbook.testing.icebergs.params import IcebergMarket
from orderbook.testing.icebergs.truth import IcebergTruth, Ledger, Parent, TrueLink
from orderbook.types import UNDEF_TIMESTAMP, Action, Flag

__all__ = ("InjectedIcebergs", "inject_icebergs")

_SIGN: Final = {ord("B"): 1, ord("A"): -1}
_LETTER: Final = {1: ord("B"), -1: ord("A")}
_BOOK: Final = (Action.ADD, Action.CANCEL, Action.MODIFY, Action.FILL)
Kind = Literal["native", "synthetic"]


@dataclass(frozen=True, slots=True, eq=False)
class InjectedIcebergs:
    """A tape with icebergs put in; ``injected`` marks the rows that are not the tape's own."""

    events: Events
    truth: IcebergTruth
    injected: npt.NDArray[np.bool_]


def inject_icebergs(
    events: Events,
    seed: int = 0,
    *,
    native: int = 20,
    synthetic: int = 20,
    lot: int = 1,
    params: IcebergMarket | None = None,
) -> InjectedIcebergs:
    """Put so many icebergs into an order-by-order tape and match them with what the tape's takers did. O(rows).

    Every row of the tape stays, in its order. An iceberg arrives right after an order that the tape is going to fill,
    at its side and price, so that there is something to trade with. It takes its place at the back of the queue:

    * when the tape fills an order that arrived behind it at its price, that much trades with the iceberg first;
    * when the tape fills an order at a worse price, the takers went through, and the iceberg trades as much;
    * a native one goes on under its id: what a single event takes is one F, then an M to the next display at the back
      of the queue, in the message of the tape's own fill. A synthetic one posts a new id after a latency, unless its
      price would cross by then;
    * what it trades is printed too (T), if the tape prints its trades;
    * a clear or a snapshot ends all of them, and what is called a tape's fill is an F row: a tape without any has
      nothing to match with.

    So the injected volume is added to what takers took, who would have stopped earlier in truth, and nobody reacts to
    the injected orders: detection is a little easier than in life. Of ``params`` it uses ``peaks`` (in units of
    ``lot``, which is in the tape's ints), ``tranches``, ``random_peaks``, ``spread`` and ``latency``. New ids follow
    the tape's largest.

    Raises:
        UsageError: the tape has no fills of orders that it added, or its ids leave no room.

    >>> from orderbook.testing.icebergs.simulate import simulate_icebergs
    >>> quiet = IcebergMarket(seconds=120, native=0, synthetic=0, same_event=0)
    >>> tape = inject_icebergs(simulate_icebergs(quiet).events, seed=3, native=5, synthetic=5)
    >>> len(tape.truth.icebergs), int(tape.injected.sum())
    (10, 159)
    """
    if lot < 1:
        raise UsageError(f"lot is at least 1, not {lot!r}")
    columns = {name: getattr(events, name) for name in DTYPES}
    anchors = _anchors(columns, Draw(seed), native, synthetic)
    run = _Injection(columns, anchors, Draw(seed + 1), lot, params or IcebergMarket())
    truth = run.finish()
    merged, injected = run.merged()
    tape = Events(
        events.symbol,
        price_exponent=events.price_exponent,
        size_exponent=events.size_exponent,
        **merged,
    )
    return InjectedIcebergs(tape, truth, injected)


def _anchors(columns: dict[str, npt.NDArray[Any]], draw: Draw, native: int, synthetic: int) -> dict[int, list[Kind]]:
    """After which message ends which icebergs arrive: right behind orders that the tape fills later."""
    level = (columns["flags"] & (Flag.MBP | Flag.SNAPSHOT)) != 0
    filled = np.unique(columns["order_id"][columns["action"] == Action.FILL])
    adds = np.flatnonzero((columns["action"] == Action.ADD) & ~level & np.isin(columns["order_id"], filled))
    adds = adds[np.isin(columns["side"][adds], list(_SIGN))]
    if not len(adds):
        raise UsageError("no order of the tape is added and filled (A, then F): there is nothing to match with")
    anchors: dict[int, list[Kind]] = {}
    kinds: list[Kind] = [*["native"] * native, *["synthetic"] * synthetic]  # type: ignore[list-item]
    for kind in kinds:
        anchors.setdefault(int(adds[draw.below(len(adds))]), []).append(kind)
    return anchors


@dataclass(slots=True, eq=False)
class _Child:
    """A resting injected order; ``arrived`` is the number of the tape's arrival that it came after."""

    order_id: int
    parent: Parent
    size: int
    arrived: float
    shown: int = 0
    taken: int = 0
    """What the message at hand has taken, from a display of ``shown``."""


@dataclass(slots=True)
class _Added:
    """An injected row, and the row of the tape that it stands before."""

    before: int
    ts_event: int
    ts_recv: int
    action: int
    side: int
    flags: int
    price: int
    size: int
    order_id: int
    sequence: int


@dataclass(slots=True)
class _Real:
    """An order of the tape; ``arrived`` is its place in time."""

    side: int
    price: int
    size: int
    arrived: int


@dataclass(slots=True)
class _Book:
    """The tape's own book, as far as matching needs it."""

    orders: dict[int, _Real] = field(default_factory=dict)
    prices: dict[int, dict[int, int]] = field(default_factory=lambda: {1: {}, -1: {}})

    def put(self, order_id: int, order: _Real) -> None:
        """An order rests."""
        self.drop(order_id)
        self.orders[order_id] = order
        counts = self.prices[order.side]
        counts[order.price] = counts.get(order.price, 0) + 1

    def drop(self, order_id: int) -> None:
        """An order rests no more."""
        order = self.orders.pop(order_id, None)
        if order is not None:
            counts = self.prices[order.side]
            counts[order.price] -= 1
            if not counts[order.price]:
                del counts[order.price]

    def crosses(self, side: int, price: int) -> bool:
        """Whether a new order would trade at once. O(levels): asked rarely.

        Where the tape itself has orders as good or better, one more can rest: real tapes keep stale orders across.
        """
        own, others = self.prices[side], self.prices[-side]
        if own and ((max(own) if side > 0 else min(own)) - price) * side >= 0:
            return False
        return bool(others) and (price - (min(others) if side > 0 else max(others))) * side >= 0


class _Injection:
    """One walk along the tape, message by message."""

    def __init__(
        self,
        columns: dict[str, npt.NDArray[Any]],
        anchors: dict[int, list[Kind]],
        draw: Draw,
        lot: int,
        params: IcebergMarket,
    ) -> None:
        self._columns, self._draw, self._params, self._lot = columns, draw, params, lot
        self._ledger, self._book = Ledger(), _Book()
        self._rows: dict[str, list[int]] = {name: values.tolist() for name, values in columns.items()}
        self._added: list[_Added] = []
        self._children: dict[int, dict[int, list[_Child]]] = {1: {}, -1: {}}
        self._due: list[tuple[int, int, Parent, _Child, int]] = []
        self._next_id = int(columns["order_id"].max()) + 1
        self._arrivals = self._filled = self._replaced = 0
        self._prints = bool((columns["action"] == Action.TRADE).any())
        if self._next_id >= 2**63:
            raise UsageError(f"the ids of the tape leave no room: the largest is {self._next_id - 1}")
        start = 0
        for stop in (np.flatnonzero(columns["flags"] & Flag.LAST) + 1).tolist():
            self._message(start, stop, anchors)
            start = stop

    # -- the walk ----------------------------------------------------------------------------------------------------

    def _message(self, start: int, stop: int, anchors: dict[int, list[Kind]]) -> None:
        """Post what is due, match what the message fills, follow its orders, then let new icebergs arrive."""
        self._post_due(start)
        fills = [row for row in range(start, stop) if self._rows["action"][row] == Action.FILL]
        if fills:
            touched: list[_Child] = []
            for row in fills:
                self._match(row, touched)
            for child in touched:
                self._settle(child, fills[0])
        for row in range(start, stop):
            self._follow(row)
        for row in range(start, stop):
            for kind in anchors.get(row, ()):
                self._arrive(kind, row, stop)

    def _follow(self, row: int) -> None:
        """What a row of the tape does to its book."""
        rows, book = self._rows, self._book
        action, flags, order_id = rows["action"][row], rows["flags"][row], rows["order_id"][row]
        if action == Action.CLEAR:
            self._book = _Book()
            self._end_all(self._time(row))
            return
        if action not in _BOOK or action == Action.FILL or flags & (Flag.MBP | Flag.TOB):
            return
        known = book.orders.get(order_id)
        price, size = rows["price"][row], rows["size"][row]
        if action == Action.CANCEL:
            if known is not None and size != UNDEF_SIZE and size < known.size:
                known.size -= size
            else:
                self._replaced = known.side if known is not None else 0
                book.drop(order_id)
        elif action == Action.ADD:
            # Without a side it replaces the order that the row before took off.
            side = _SIGN.get(rows["side"][row], self._replaced)
            if side:
                self._arrivals += 1
                book.put(order_id, _Real(side, price, size, self._arrivals))
        elif known is not None:
            self._change(order_id, known, price, size)

    def _change(self, order_id: int, known: _Real, price: int, size: int) -> None:
        price = known.price if price == UNDEF_PRICE else price
        size = known.size if size == UNDEF_SIZE else size
        arrived = known.arrived
        if price != known.price or size > known.size:
            self._arrivals += 1
            arrived = self._arrivals
        self._book.put(order_id, _Real(known.side, price, size, arrived))

    # -- matching ----------------------------------------------------------------------------------------------------

    def _match(self, row: int, touched: list[_Child]) -> None:
        """Let injected orders trade that stood before an order which the tape fills."""
        real = self._book.orders.get(self._rows["order_id"][row])
        if real is None:
            return
        lots = self._rows["size"][row]
        self._filled += lots >= real.size
        for price, queue in sorted(self._children[real.side].items(), reverse=real.side > 0):
            better = (price - real.price) * real.side
            if better < 0:
                return
            # In turn by time; a native one that is refilled goes behind the tape's order, unless takers went through.
            for child in sorted(queue, key=lambda child: child.arrived):
                if lots and (better or child.arrived < real.arrived):
                    lots = self._trade(child, lots, through=better > 0, touched=touched)

    def _trade(self, child: _Child, lots: int, *, through: bool, touched: list[_Child]) -> int:
        """Let one order trade; returns what is left for those behind it."""
        if child not in touched:
            child.shown, child.taken = child.size, 0
            touched.append(child)
        native, parent = child.parent.kind == "native", child.parent
        while lots and child.size:
            traded = min(lots, child.size)
            lots -= traded
            child.size -= traded
            child.taken += traded
            if child.size or not (native and parent.rest):
                break
            child.size = parent.next_clip(self._draw)
            self._arrivals += 1
            child.arrived = self._arrivals
            if not through:
                break
        return lots

    def _settle(self, child: _Child, row: int) -> None:
        """Write what the message did to an injected order, before the tape's first fill in it."""
        parent, order_id = child.parent, child.order_id
        if not child.taken:
            return
        self._ledger.executed(self._time(row), order_id, child.taken)
        if self._prints:
            self._add(row, row, Action.TRADE, child, child.taken)
        self._add(row, row, Action.FILL, child, child.taken)
        if child.taken > child.shown:
            parent.beyond = True
        if child.size and child.taken >= child.shown:
            self._add(row, row, Action.MODIFY, child, child.size)
            parent.tranches += 1
            self._ledger.link(TrueLink(order_id, order_id, "native", self._time(row), 0, child.size, False))
            return
        self._add(row, row, Action.CANCEL, child, min(child.taken, child.shown))
        if not child.size:
            self._remove(child)
            self._filled += 1
            if parent.rest:
                delay = self._draw.around(parent.latency, 0.5)
                ended = self._time(row)
                heapq.heappush(self._due, (ended + delay, self._next_id, parent, child, ended))
                self._next_id += 1

    # -- injected orders ---------------------------------------------------------------------------------------------

    def _arrive(self, kind: Kind, anchor: int, stop: int) -> None:
        params, draw = self._params, self._draw
        peak = draw.pick(params.peaks) * self._lot
        low, high = params.tranches
        total = peak * (low + draw.below(high - low + 1))
        spread = params.spread if draw.happens(params.random_peaks) else 0.0
        latency = draw.quantile(params.latency) if kind == "synthetic" else 0
        side, price = _SIGN[self._rows["side"][anchor]], self._rows["price"][anchor]
        parent = Parent(kind, side, price, total, peak, spread, latency)
        self._post(parent, stop, stop - 1, self._time(stop - 1))

    def _post_due(self, row: int) -> None:
        """Post the children whose time comes before the message that begins with this row."""
        while self._due and self._due[0][0] < self._time(row):
            due, _, parent, before, ended = heapq.heappop(self._due)
            if parent.state != "live":
                continue
            if self._book.crosses(parent.side, parent.price):
                parent.end("cancelled", due)
                continue
            child = self._post(parent, row, row - 1, due)
            link = TrueLink(before.order_id, child.order_id, "synthetic", due, due - ended, child.size, False)
            self._ledger.link(link)

    def _post(self, parent: Parent, before: int, like: int, ts: int) -> _Child:
        """Add an order in a message of its own, between two of the tape."""
        clip = parent.next_clip(self._draw)
        child = _Child(self._next_id, parent, clip, self._arrivals + 0.5)
        self._next_id += 1
        self._ledger.order(ts, child.order_id, clip, parent)
        self._children[parent.side].setdefault(parent.price, []).append(child)
        self._add(before, like, Action.ADD, child, clip, flags=int(Flag.LAST), ts=ts)
        return child

    def _remove(self, child: _Child) -> None:
        queue = self._children[child.parent.side][child.parent.price]
        queue.remove(child)
        if not queue:
            del self._children[child.parent.side][child.parent.price]

    def _end_all(self, ts: int) -> None:
        """The venue began anew: what was injected is gone with everything else."""
        children = (child for side in self._children.values() for queue in side.values() for child in queue)
        for parent in [*(child.parent for child in children), *(due[2] for due in self._due)]:
            parent.end("cancelled", ts)
        self._children = {1: {}, -1: {}}
        self._due.clear()

    # -- rows --------------------------------------------------------------------------------------------------------

    def _time(self, row: int) -> int:
        time = self._rows["ts_event"][row]
        return time if time != UNDEF_TIMESTAMP else self._rows["ts_recv"][row]

    def _add(
        self, before: int, like: int, action: Action, child: _Child, size: int, flags: int = 0, ts: int | None = None
    ) -> None:
        rows = self._rows
        event, recv = rows["ts_event"][like], rows["ts_recv"][like]
        if ts is not None:
            shift = ts - self._time(like)
            event, recv = (time if time == UNDEF_TIMESTAMP else time + shift for time in (event, recv))
        side, price, order_id = child.parent.side, child.parent.price, child.order_id
        if action == Action.TRADE:  # the side of a print is the taker's
            side, order_id = -side, 0
        sequence = rows["sequence"][like]
        self._added.append(_Added(before, event, recv, action, _LETTER[side], flags, price, size, order_id, sequence))

    def finish(self) -> IcebergTruth:
        """The truth; base rates are those of the whole tape, the injected orders included."""
        rows = self._columns
        adds = int(np.count_nonzero((rows["action"] == Action.ADD) & ((rows["flags"] & Flag.MBP) == 0)))
        fills = rows["action"] == Action.FILL
        more = [row for row in self._added if row.action == Action.FILL]
        return self._ledger.finish(
            adds=adds + sum(row.action == Action.ADD for row in self._added),
            filled=self._filled,
            lots=int(rows["size"][fills].sum()) + sum(row.size for row in more),
        )

    def merged(self) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_]]:
        """The tape's rows and the injected ones, in order, and which are which."""
        count = len(self._columns["action"])
        places = np.array([row.before for row in self._added], np.int64)
        order = np.argsort(np.concatenate((places - 0.5, np.arange(count))), kind="stable")
        merged = {name: _joined(self._added, name, values)[order] for name, values in self._columns.items()}
        return merged, (np.arange(len(order)) < len(places))[order]


def _joined(added: Iterable[_Added], name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate((np.array([getattr(row, name) for row in added], values.dtype), values))
