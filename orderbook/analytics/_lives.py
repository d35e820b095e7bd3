"""Orders from entry to exit: what every row of a tape does to the life of one order, and how far from the best price.

A life begins where an order is announced and ends where it is filled, taken off, replaced, or lost in a gap.
:class:`Flow` follows lives through consecutive pieces of a tape. The best prices are those before the match event, so
that no row is measured against what its own message did.
"""

from __future__ import annotations

import enum
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from orderbook.analytics.tape import Clock, EventColumns, OrderRows, OrderTape
from orderbook.types import INT64_MAX, INT64_MIN, UNDEF_TIMESTAMP, Action

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Lives = npt.NDArray[Any]

UNDEF: Final = INT64_MAX
"""A price or distance that is not known."""

LIFE: Final = np.dtype(
    [
        ("order_id", "u8"),
        *[(name, "i1") for name in ("side", "cause")],
        *[(name, "?") for name in ("truncated", "marketable")],
        *[(name, "i8") for name in ("entry_row", "exit_row", "entry_ts", "first_ts", "exit_ts")],
        *[(name, "i8") for name in ("entry_price", "price", "entry_size", "left", "distance", "exit_distance")],
        *[(name, "i8") for name in ("filled", "cancelled", "added", "fills", "changes", "reprices")],
    ]
)
_NO_SIDE: Final = ord("N")


class Exit(enum.IntEnum):
    """How the life of an order ended.

    >>> Exit(1).name
    'FILLED'
    """

    LIVE = 0
    """It still rests where the tape ends: censored."""
    FILLED = 1
    CANCELLED = 2
    REPLACED = 3
    """Another order took its place in the same message; with ``split_on_price`` also: it moved to another price."""
    GAP = 4
    """The book was cleared, snapped anew or lost: what became of it is not known. Censored."""
    REMOVED = 5
    """Taken off on a feed that does not say whether it was filled or cancelled."""


class Piece(NamedTuple):
    """What one piece of a tape did: its rows, and the lives that were open before it or began in it.

    ``life`` is the index into ``lives`` of each row, -1 where it belongs to none; ``distance`` how far the order stood
    behind the best price of its side before the event (negative: in front), in ints, ``UNDEF`` where not known.
    """

    rows: OrderRows
    life: Ints
    lives: Lives
    distance: Ints


class Flow:
    """Follows the life of every order. Memory: the resting orders."""

    def __init__(self, *, clock: Clock, split_on_price: bool) -> None:
        self._tape = OrderTape(clock=clock)
        self._clock = clock
        self._split = split_on_price
        self.open: Lives = np.zeros(0, LIFE)
        self.now = UNDEF_TIMESTAMP
        self.rows = 0

    def update(self, events: EventColumns) -> Piece:
        """Take the next piece. O(n log n) in its rows, and O(1) for each order that rests."""
        rows = self._tape.update(events)
        table = _Sorted(rows, self.open, split_on_price=self._split)
        bid, ask = _bests(rows, table)
        distance = _distances(rows, bid, ask)
        lives = self._lives(rows, table)
        self._begin(rows, table, lives, bid, ask)
        _count(rows, table, lives)
        _end(rows, table, lives, distance, _replaces(events, rows, self.rows))
        self.open = lives[lives["cause"] == Exit.LIVE]
        ts = events.ts_event if self._clock == "event" else events.ts_recv
        told = ts[ts != UNDEF_TIMESTAMP]
        self.now = int(told[-1]) if len(told) else self.now
        self.rows += len(ts)
        life = np.full(len(rows), -1)
        life[table.pos[table.is_row]] = table.life[table.is_row]
        return Piece(rows, life, lives, distance)

    def _lives(self, rows: OrderRows, table: _Sorted) -> Lives:
        lives = np.zeros(table.count, LIFE)
        lives[table.life[~table.is_row]] = self.open[table.held]
        return lives

    def _begin(self, rows: OrderRows, table: _Sorted, lives: Lives, bid: Ints, ask: Ints) -> None:
        """Write down how each new life begins."""
        begins = table.starts & table.is_row
        at, life = table.pos[begins], table.life[begins]
        side, price, snapshot = rows.side[at].astype(np.int64), rows.price[at], rows.snapshot[at]
        new = np.zeros(len(at), LIFE)
        new["order_id"], new["side"], new["truncated"] = rows.order_id[at], side, snapshot
        new["entry_row"], new["entry_price"], new["price"] = rows.row[at], price, price
        new["entry_size"] = new["left"] = rows.after[at]
        new["first_ts"] = rows.ts[at]
        clears = np.append(rows.ts[rows.kind == Action.CLEAR], UNDEF_TIMESTAMP)
        # A snapshot's orders bring their own times; they are seen from the moment of the snapshot.
        new["first_ts"][snapshot] = clears[table.epoch[begins][snapshot] - 1]
        new["entry_ts"] = np.where(snapshot & (self._clock == "recv"), UNDEF_TIMESTAMP, rows.ts[at])
        distance = _behind(side, price, bid[at], ask[at])
        new["distance"] = np.where(snapshot, UNDEF, distance)
        other = np.where(side > 0, ask[at], bid[at])
        priced = (other != UNDEF) & (price != UNDEF) & ~snapshot
        new["marketable"] = priced & ((price - np.where(priced, other, price)) * side >= 0)
        lives[life] = new


class _Sorted:
    """The rows of lives, sorted by epoch, order and place; each open life has one row ahead of its own, at place -1."""

    def __init__(self, rows: OrderRows, held: Lives, *, split_on_price: bool) -> None:
        adds = (rows.kind == Action.ADD) & ~rows.known & (rows.after > 0)
        is_order = (rows.kind != Action.TRADE) & (rows.kind != Action.CLEAR)
        at = np.flatnonzero(is_order & (adds | rows.known))
        clears = np.flatnonzero(rows.kind == Action.CLEAR)
        epoch = np.cumsum(rows.kind == Action.CLEAR)
        count = len(held)
        pos = np.concatenate((np.full(count, -1), at))
        ids = np.concatenate((held["order_id"], rows.order_id[at]))
        epochs = np.concatenate((np.zeros(count, np.int64), epoch[at]))
        order = np.lexsort((pos, ids, epochs))
        self.held = order[order < count]
        self.pos, self.epoch = pos[order], epochs[order]
        self.is_row = self.pos >= 0
        starts = adds
        if split_on_price:
            starts = adds | ((rows.kind == Action.MODIFY) & (rows.price != rows.old_price) & (rows.after > 0))
        self.starts = np.concatenate((np.ones(count, bool), starts[at]))[order]
        self.life = np.cumsum(self.starts) - 1
        self.count = int(np.count_nonzero(self.starts))
        self.side = np.concatenate((held["side"], rows.side[at]))[order]
        self.price = np.concatenate((held["price"], rows.price[at]))[order]
        self.after = np.concatenate((held["left"], rows.after[at]))[order]
        ids = ids[order]
        # The place of the next row of the order, else of the clear that ends it, else of the end of the piece.
        bounds = np.append(clears, len(rows))
        self.next = bounds[self.epoch]
        same = (ids[1:] == ids[:-1]) & (self.epoch[1:] == self.epoch[:-1])
        self.next[:-1][same] = self.pos[1:][same]
        self.last = np.append(self.starts[1:], True) if len(order) else np.zeros(0, bool)
        self.followed = np.append(same, False) if len(order) else np.zeros(0, bool)
        self.cleared = self.epoch < len(clears)


def _bests(rows: OrderRows, table: _Sorted) -> tuple[Ints, Ints]:
    """Best bid and ask before the match event of every row, ``UNDEF`` where the side is empty."""
    before = np.searchsorted(rows.event, rows.event)
    rests = (table.after > 0) & (table.price != UNDEF)
    out = []
    for sign in (1, -1):
        of = rests & (table.side == sign)
        best = _running_max(table.pos[of] + 1, table.next[of] + 1, sign * table.price[of], len(rows) + 1)[before]
        out.append(np.where(best == INT64_MIN, UNDEF, sign * best))
    return out[0], out[1]


def _running_max(start: Ints, stop: Ints, value: Ints, count: int) -> Ints:
    """The highest of the values that hold at each of ``count`` places, each from its start up to before its stop.

    A tree of maxima over halves: every span is cut into O(log n) nodes, and all spans take each level together.
    """
    leaves = 1 << max(count - 1, 1).bit_length()
    tree = np.full(2 * leaves, INT64_MIN)
    low, high = start + leaves, stop + leaves
    while len(low):
        odd = (low & 1) == 1
        np.maximum.at(tree, low[odd], value[odd])
        low = low + odd
        odd = (high & 1) == 1
        high = high - odd
        np.maximum.at(tree, high[odd], value[odd])
        low, high = low >> 1, high >> 1
        still = low < high
        low, high, value = low[still], high[still], value[still]
    width = 1
    while width < leaves:
        parents = np.repeat(tree[width : 2 * width], 2)
        np.maximum(tree[2 * width : 4 * width], parents, out=tree[2 * width : 4 * width])
        width *= 2
    return tree[leaves : leaves + count]


def _behind(side: Ints, price: Ints, bid: Ints, ask: Ints) -> Ints:
    """How far prices stand behind the best of their side."""
    own = np.where(side > 0, bid, ask)
    known = (own != UNDEF) & (price != UNDEF) & (side != 0)
    return np.where(known, (np.where(known, own, 0) - np.where(known, price, 0)) * side, UNDEF)


def _distances(rows: OrderRows, bid: Ints, ask: Ints) -> Ints:
    """How far the order of each row stood behind the best before it: a new one by the price that it brings."""
    price = np.where(rows.known, rows.old_price, rows.price)
    return _behind(rows.side.astype(np.int64), price, bid, ask)


def _replaces(events: EventColumns, rows: OrderRows, done: int) -> Bools:
    """Which rows take off an order that the next row replaces: what is added there brings no side of its own."""
    out = np.zeros(len(rows), bool)
    inherits = (rows.kind[1:] == Action.ADD) & (events.side[rows.row[1:] - done] == _NO_SIDE)
    out[:-1] = (rows.kind[:-1] == Action.CANCEL) & inherits & (rows.event[1:] == rows.event[:-1])
    return out


def _count(rows: OrderRows, table: _Sorted, lives: Lives) -> None:
    """Add up what the rows after the first do to each life."""
    of = table.is_row & ~table.starts
    at, life = table.pos[of], table.life[of]
    kind, grown = rows.kind[at], rows.after[at] - rows.before[at]
    fill, change = kind == Action.FILL, (kind == Action.MODIFY) | (kind == Action.ADD)
    moved = change & (rows.price[at] != rows.old_price[at])
    for name, chosen, amount in (
        ("filled", fill, rows.size[at]),
        ("fills", fill, 1),
        ("added", change & (grown > 0), grown),
        ("cancelled", ~fill & (grown < 0), -grown),
        ("changes", change, 1),
        ("reprices", moved, 1),
    ):
        total = np.zeros(len(lives), np.int64)
        np.add.at(total, life[chosen], np.broadcast_to(amount, len(at))[chosen])
        lives[name] += total
    ends = np.flatnonzero(table.last)
    lives["left"], lives["price"] = table.after[ends], table.price[ends]


def _end(rows: OrderRows, table: _Sorted, lives: Lives, distance: Ints, replaces: Bools) -> None:
    """Write down how and where each life ended, and leave open what rests."""
    ends = np.flatnonzero(table.last)
    last, gone = table.pos[ends], table.after[ends] == 0
    filled = gone & (rows.kind[last] == Action.FILL) if len(rows) else gone
    replaced = gone & replaces[last] if len(rows) else gone
    moved = ~gone & table.followed[ends]
    cause = np.select(
        [replaced | moved, filled, gone, table.cleared[ends]],
        [Exit.REPLACED, Exit.FILLED, Exit.CANCELLED, Exit.GAP],
        Exit.LIVE,
    ).astype("i1")
    lives["cause"] = cause
    over = cause != Exit.LIVE
    where = np.where(gone, last, table.next[ends])[over]
    lives["exit_row"][over], lives["exit_ts"][over] = rows.row[where], rows.ts[where]
    lives["exit_distance"] = UNDEF
    seen = (over & (cause != Exit.GAP))[over]
    lives["exit_distance"][np.flatnonzero(over)[seen]] = distance[where[seen]]
