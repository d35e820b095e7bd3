"""The lives of orders: when each came and went, how it ended, and how far from the best price it stood.

:class:`Lifetimes` follows a tape piece by piece, :func:`order_lifetimes` does all of it at once. A fill and a cancel
are *competing* ends; the end of the tape and a gap are no ends at all but censoring. An order that was there before the
tape (in a snapshot) is left truncated: it is here *because* it lasted, and must not count as born at the snapshot.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from orderbook.analytics._lives import UNDEF, Exit, Flow, Lives
from orderbook.analytics.survival import cumulative_incidence
from orderbook.analytics.tape import Clock, EventColumns
from orderbook.types import UNDEF_TIMESTAMP

__all__ = (
    "Exit",
    "FillTable",
    "Lifetimes",
    "OrderKind",
    "OrderLives",
    "Risks",
    "empirical_fill_table",
    "order_kinds",
    "order_lifetimes",
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


_AS_THEY_ARE: Final = (
    *("order_id", "side", "marketable", "entry_ts", "first_ts", "exit_ts", "entry_row", "exit_row"),
    *("fills", "changes", "reprices"),
)


class Risks(NamedTuple):
    """What :func:`cumulative_incidence` takes: seconds, codes of :class:`Exit` (0: censored), ages at first sight.

    ``left_out`` orders are in none of them: their birth or end has no time.

    >>> import orderbook as ob
    >>> add = ob.OrderAdd(order_id=7, side=ob.Side.BID, price=100, size=5, ts_event=0)
    >>> gone = ob.OrderCancel(order_id=7, ts_event=2_000_000_000)
    >>> lives = order_lifetimes(ob.Events.from_events([add, gone]))
    >>> lives.risks()
    Risks(durations=array([2.]), cause=array([2]), entry=array([0.]), left_out=0)
    """

    durations: Floats
    cause: npt.NDArray[np.int64]
    entry: Floats
    left_out: int


@dataclass(frozen=True, slots=True)
class OrderLives:
    """One row an order: columns of one length.

    * ``order_id`` uint64; ``side`` int8, +1 bid, -1 ask, 0 where the feed does not say;
    * ``entry_ts exit_ts`` int64 ns UTC: birth and end, ``UNDEF_TIMESTAMP`` where not known; for a life that still goes
      on ``exit_ts`` is the last time on the tape. ``first_ts`` is since when it was watched: the birth, or the snapshot
      that showed it. ``entry_row exit_row``: the same as row numbers of the tape, known on every feed;
    * ``exit`` uint8 codes of :class:`Exit`; ``left_truncated`` bool, it was there before it was seen;
    * ``entry_price price`` the first and the last; ``size`` at entry; ``filled`` what traded (also from hidden
      reserves), ``cancelled`` and ``added`` what was taken off or put on otherwise, ``left`` what is displayed at the
      end; float64. ``fills changes reprices``: how many executions, modifications, and those of them that moved it;
    * ``distance`` of the entry price behind the best of its own side just before the message, in price units: 0 at the
      best, negative inside the spread; ``exit_distance`` the same at the end. NaN where that side was empty, for
      orders of a snapshot, for censored ends. ``marketable`` bool: it came at or beyond the opposite best.

    ``lives[mask]``, a slice or an index array gives the chosen rows.

    >>> import orderbook as ob
    >>> add = ob.OrderAdd(order_id=7, side=ob.Side.BID, price=100, size=5, ts_event=0)
    >>> gone = ob.OrderCancel(order_id=7, ts_event=2_000_000_000)
    >>> lives = order_lifetimes(ob.Events.from_events([add, gone]))
    >>> len(lives), lives.seconds, lives[lives.exit == Exit.FILLED].order_id
    (1, array([2.]), array([], dtype=uint64))
    """

    order_id: npt.NDArray[np.uint64]
    side: npt.NDArray[np.int8]
    exit: npt.NDArray[np.uint8]
    left_truncated: Bools
    marketable: Bools
    entry_ts: Ints
    first_ts: Ints
    exit_ts: Ints
    entry_row: Ints
    exit_row: Ints
    entry_price: Floats
    price: Floats
    distance: Floats
    exit_distance: Floats
    size: Floats
    filled: Floats
    cancelled: Floats
    added: Floats
    left: Floats
    fills: Ints
    changes: Ints
    reprices: Ints

    def __len__(self) -> int:
        return len(self.order_id)

    def __getitem__(self, rows: slice | npt.NDArray[Any]) -> OrderLives:
        return OrderLives(**{name: values[rows] for name, values in self.columns().items()})

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns by name, not copied: ``pandas.DataFrame(lives.columns())``. O(1)."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def seconds(self) -> Floats:
        """How long each was seen to live, in seconds; NaN where birth or end has no time. O(n)."""
        return _seconds(self.entry_ts, self.exit_ts)

    @property
    def censored(self) -> Bools:
        """Where the end was not seen. O(n)."""
        return np.isin(self.exit, (Exit.LIVE, Exit.GAP))

    def risks(self) -> Risks:
        """Return what survival analysis asks for. O(n).

        Orders without a known birth are left out: how old they were is not known. Those of a snapshot that tells the
        birth come in late, at the age at which they were first seen.

        >>> import orderbook as ob
        >>> add = ob.OrderAdd(order_id=7, side=ob.Side.BID, price=100, size=5, ts_event=0)
        >>> gone = ob.OrderCancel(order_id=7, ts_event=2_000_000_000)
        >>> risks = order_lifetimes(ob.Events.from_events([add, gone])).risks()
        >>> risks.durations, risks.cause
        (array([2.]), array([2]))
        """
        seconds, entry = self.seconds, np.nan_to_num(_seconds(self.entry_ts, self.first_ts))
        known = seconds >= np.maximum(entry, 0.0)
        cause = np.where(self.censored, 0, self.exit).astype(np.int64)
        return Risks(seconds[known], cause[known], entry[known], int(np.count_nonzero(~known)))


class Lifetimes:
    """Follows the lives of orders through consecutive pieces of a tape.

    :meth:`update` returns the lives that ended in the piece, in the order of their ends; :attr:`resting` those that go
    on. Cut into whatever pieces of whole messages, a tape gives the same lives. Memory: the resting orders.

    Args:
        clock: whose time, ``"event"`` or ``"recv"``. By the receive clock the birth of a snapshot's orders is unknown.
        split_on_price: a modify to another price ends one life (``REPLACED``) and begins another; else it goes on.
        tells_fills: False for a feed that takes filled and cancelled orders off in the same way (Bitfinex raw books):
            what would be cancelled is then ``REMOVED``.

    Raises:
        ValueError: no such clock; pieces with different exponents.

    >>> import orderbook as ob
    >>> lives = Lifetimes()
    >>> add = ob.OrderAdd(order_id=7, side=ob.Side.BID, price=100, size=5, ts_event=1_000)
    >>> len(lives.update(ob.Events.from_events([add]))), len(lives.resting)
    (0, 1)
    >>> filled = ob.OrderExecute(order_id=7, size=5, ts_event=4_000)
    >>> ended = lives.update(ob.Events.from_events([filled]))
    >>> Exit(ended.exit[0]).name, ended.seconds
    ('FILLED', array([3.e-06]))
    """

    def __init__(self, *, clock: Clock = "event", split_on_price: bool = False, tells_fills: bool = True) -> None:
        self._flow = Flow(clock=clock, split_on_price=split_on_price)
        self._tells_fills = tells_fills
        self._exponents = (0, 0)

    def update(self, events: EventColumns) -> OrderLives:
        """Take the next piece and return the lives that ended in it. O(n log n) in its rows, plus the resting orders.

        Raises:
            ValueError: the exponents are not those of the pieces before.
        """
        if len(events.action):
            self._exponents = (events.price_exponent, events.size_exponent)
        lives = self._flow.update(events).lives
        ended = lives[lives["cause"] != Exit.LIVE]
        # An order may begin two lives in the row that ends one, but ends only one there; a clear ends many.
        return self._table(ended[np.lexsort((ended["entry_row"], ended["exit_row"]))])

    @property
    def resting(self) -> OrderLives:
        """The lives that go on, censored at the last time seen; in the order of their beginning. O(n log n)."""
        lives = self._flow.open[np.argsort(self._flow.open["entry_row"], kind="stable")]
        lives["exit_ts"], lives["exit_row"] = self._flow.now, self._flow.rows - 1
        lives["exit_distance"] = UNDEF
        return self._table(lives)

    def _table(self, lives: Lives) -> OrderLives:
        price_unit, size_unit = (10.0**-exponent for exponent in self._exponents)
        cause = lives["cause"].astype(np.uint8)
        if not self._tells_fills:
            cause[cause == Exit.CANCELLED] = Exit.REMOVED

        def priced(name: str) -> Floats:
            return np.where(lives[name] == UNDEF, np.nan, lives[name] / price_unit)

        def sized(name: str) -> Floats:
            return np.asarray(lives[name] / size_unit, np.float64)

        columns: dict[str, Any] = {name: lives[name].copy() for name in _AS_THEY_ARE}
        columns |= {name: priced(name) for name in ("entry_price", "price", "distance", "exit_distance")}
        columns |= {name: sized(name) for name in ("filled", "cancelled", "added", "left")}
        return OrderLives(**columns, exit=cause, left_truncated=lives["truncated"].copy(), size=sized("entry_size"))


def order_lifetimes(
    events: EventColumns, *, clock: Clock = "event", split_on_price: bool = False, tells_fills: bool = True
) -> OrderLives:
    """Return the life of every order on a tape: those that ended, by their ends, then those that still rest.

    O(n log n), without a loop over rows. Arguments as for :class:`Lifetimes`.

    Raises:
        ValueError: no such clock.

    >>> import orderbook as ob
    >>> add = ob.OrderAdd(order_id=7, side=ob.Side.BID, price=100, size=5, ts_event=0)
    >>> part = ob.OrderExecute(order_id=7, size=2, ts_event=1_000_000_000)
    >>> gone = ob.OrderCancel(order_id=7, ts_event=3_000_000_000)
    >>> lives = order_lifetimes(ob.Events.from_events([add, part, gone]))
    >>> Exit(lives.exit[0]).name, lives.seconds[0], lives.filled[0], lives.cancelled[0]
    ('CANCELLED', np.float64(3.0), np.float64(2.0), np.float64(3.0))
    """
    lifetimes = Lifetimes(clock=clock, split_on_price=split_on_price, tells_fills=tells_fills)
    ended = lifetimes.update(events).columns()
    resting = lifetimes.resting.columns()
    return OrderLives(**{name: np.concatenate((values, resting[name])) for name, values in ended.items()})


class OrderKind(enum.IntEnum):
    """What an order did, seen from outside.

    >>> OrderKind(1).name
    'FLASHED'
    """

    RESTING = 0
    """It rested, and was filled, is partly filled, or is still there."""
    FLASHED = 1
    """It was taken off without ever having traded, after however long."""
    MARKETABLE = 2
    """It came at or beyond the opposite best, and yet was seen in the book."""
    REPRICED = 3
    """It moved to another price."""


def order_kinds(lives: OrderLives) -> npt.NDArray[np.uint8]:
    """Return a code of :class:`OrderKind` for each order; the highest that holds. O(n).

    After the types of limit orders in obAnalytics. Its market orders cannot be seen here: most feeds never show them in
    the book. With ``split_on_price`` no life is ``REPRICED``.

    >>> import orderbook as ob
    >>> tape = [ob.OrderAdd(order_id=7, side=ob.Side.BID, price=100, size=5, ts_event=0), ob.OrderCancel(order_id=7)]
    >>> [OrderKind(code).name for code in order_kinds(order_lifetimes(ob.Events.from_events(tape)))]
    ['FLASHED']
    """
    untouched = (lives.filled == 0) & np.isin(lives.exit, (Exit.CANCELLED, Exit.REPLACED, Exit.REMOVED))
    kinds = np.where(untouched, OrderKind.FLASHED, OrderKind.RESTING).astype(np.uint8)
    kinds[lives.marketable] = OrderKind.MARKETABLE
    kinds[lives.reprices > 0] = OrderKind.REPRICED
    return kinds


class FillTable(NamedTuple):
    """What became of comparable orders: G groups, K labels each, H horizons.

    ``groups`` (G, K) the labels; ``orders`` (G,) how many; ``horizons`` (H,) seconds; ``filled cancelled`` (G, H) the
    probability of that end up to each horizon, ``resting`` (G, H) of neither; NaN for a group without a time at which
    anything was seen. What was replaced or removed counts as ``cancelled``. ``left_out``: orders without a known age.

    >>> import orderbook as ob
    >>> add = ob.OrderAdd(order_id=7, side=ob.Side.BID, price=100, size=5, ts_event=0)
    >>> gone = ob.OrderCancel(order_id=7, ts_event=2_000_000_000)
    >>> lives = order_lifetimes(ob.Events.from_events([add, gone]))
    >>> empirical_fill_table(lives, [1, 3]).resting
    array([[1., 0.]])
    """

    groups: npt.NDArray[Any]
    orders: Ints
    horizons: Floats
    filled: Floats
    cancelled: Floats
    resting: Floats
    left_out: int


def empirical_fill_table(
    lives: OrderLives, horizons: npt.ArrayLike, *, by: Sequence[npt.ArrayLike] | None = None
) -> FillTable:
    """Return how often orders like these were filled, cancelled or neither within each horizon. O(n log n).

    For each group the cumulative incidence of fills and cancels as competing ends (Aalen-Johansen); what the tape or a
    gap cut off is censored, what was there before it comes in late.

    Args:
        lives: the orders.
        horizons: (H,) seconds.
        by: columns of n labels, for instance ``(lives.side, numpy.digitize(lives.distance, edges))``; orders with the
            same labels are a group. Left out: by side.

    Raises:
        ValueError: a label column of another length; horizons that are no numbers.

    It describes these orders under what their owners did, and is no promise for another. Fills come sooner when the
    price is about to move against them: look at the price after a fill too.

    >>> import orderbook as ob
    >>> second = 1_000_000_000
    >>> tape = [ob.OrderAdd(order_id=i, side=ob.Side.BID, price=100, size=5, ts_event=0) for i in (1, 2)]
    >>> tape += [ob.OrderExecute(order_id=1, size=5, ts_event=second), ob.OrderCancel(order_id=2, ts_event=3 * second)]
    >>> table = empirical_fill_table(order_lifetimes(ob.Events.from_events(tape)), [1, 5])
    >>> table.filled, table.cancelled
    (array([[0.5, 0.5]]), array([[0. , 0.5]]))
    """
    until = np.atleast_1d(np.asarray(horizons, np.float64))
    if until.ndim != 1 or not (until >= 0).all():
        raise ValueError(f"horizons are seconds from 0, shape (H,), not {horizons!r}")
    labels = [np.asarray(column) for column in ((lives.side,) if by is None else by)]
    if not labels or any(column.shape != (len(lives),) for column in labels):
        raise ValueError(
            f"by is columns of {len(lives)} labels, not of the shapes {[column.shape for column in labels]}"
        )
    groups, of = np.unique(np.stack(labels, axis=1), axis=0, return_inverse=True)
    ends = np.full((3, len(groups), len(until)), np.nan)
    orders, left_out = np.zeros(len(groups), np.int64), 0
    sizes = np.bincount(of.reshape(-1), minlength=len(groups))
    members = np.split(np.argsort(of.reshape(-1), kind="stable"), np.cumsum(sizes)[:-1])
    for group in range(len(groups)):
        risks = lives[members[group]].risks()
        orders[group], left_out = len(risks.durations), left_out + risks.left_out
        if len(risks.durations):
            cause = np.where(risks.cause > Exit.FILLED, Exit.CANCELLED, risks.cause)
            fates = cumulative_incidence(risks.durations, cause, entry=risks.entry)
            ends[:, group] = fates.at(Exit.FILLED, until), fates.at(Exit.CANCELLED, until), fates.survival_at(until)
    return FillTable(groups, orders, until, ends[0], ends[1], ends[2], left_out)


def _seconds(start: Ints, stop: Ints) -> Floats:
    """From one time to another, NaN where either is not known."""
    known = (start != UNDEF_TIMESTAMP) & (stop != UNDEF_TIMESTAMP)
    return np.where(known, (np.where(known, stop, 0) - np.where(known, start, 0)) / 1e9, np.nan)
