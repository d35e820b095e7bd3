"""The micro-price of Stoikov (2018): the mid plus what the next moves of the mid are expected to add.

The adjustment depends on the imbalance and the spread, and is estimated from a tape by
:func:`orderbook.analytics.arrays.fit_microprice`. Here are the estimate itself, :class:`MicropriceModel`, and its value
for one book, :func:`microprice`. What many libraries call micro-price is :func:`~orderbook.analytics.weighted_mid`.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.analytics._levels import BookLike, best_of
from orderbook.analytics.prices import slack_of

__all__ = ("MicropriceDiagnostics", "MicropriceModel", "Wide", "microprice")

Wide: TypeAlias = Literal["drop", "pool"]
"""What becomes of a spread beyond ``n_spread`` ticks: no state at all, or one with the spread of ``n_spread`` ticks."""


def off_grid(exact: Any, magnitude: Any, tick: float) -> Any:
    """Whether ``exact`` ticks are no whole number of them, beyond what float64 does to prices of that magnitude."""
    return abs(exact - np.rint(exact)) > slack_of(magnitude, tick)


@dataclass(frozen=True, slots=True)
class MicropriceDiagnostics:
    """How much of the tape a fit could use, and how far to trust it.

    Rows and transitions are those of the tape, before the mirrored copy is added.

    >>> from orderbook.analytics import arrays
    >>> bid, held = [10, 10, 9, 9, 10, 14], [3, 1, 1, 3, 3, 3]  # the last spread is 4 ticks
    >>> ask, offered = [11, 11, 10, 10, 11, 18], [1, 3, 3, 1, 1, 1]
    >>> found = arrays.fit_microprice(bid, held, ask, offered, tick=1, n_imb=3, n_spread=1).diagnostics
    >>> found.transitions, found.moves, found.wide, found.unvisited
    (4, 2, 1, 1)
    """

    rows: int
    """Rows that were given."""
    odd: int
    """Rows that are no state: a side is empty, locked, or crossed."""
    wide: int
    """Rows whose spread is beyond ``n_spread`` ticks; dropped or pooled, as ``wide=`` says."""
    wide_share: float
    """``wide`` as a share of the rows that are not ``odd``; NaN if there are none."""
    transitions: int
    """Pairs of consecutive rows that were counted."""
    moves: int
    """Transitions in which the mid moved."""
    cut: int
    """Pairs of states not counted because the second row is a ``reset``."""
    jumps: int
    """Pairs of states not counted because the mid moved by more than ``kmax`` half ticks."""
    dead_ends: int
    """Transitions (with their mirrored copies) left out because they enter a state without a way to a mid move."""
    unvisited: int
    """States that no transition leaves, not even a mirrored one. Without smoothing their ``G`` is NaN."""
    undefined: int
    """States whose ``G`` is NaN."""
    drift: float
    """``pi @ G1`` in ticks, the mean move of the mid; 0 after symmetrising. It is taken out before ``G`` is solved."""
    tail: float
    """Largest element of ``B^6 G1`` in ticks: what a sum of six terms leaves to come."""
    frac_outside: float
    """Share of the rows in a state with a ``G`` whose micro-price is below the bid or above the ask; never clipped."""


@dataclass(frozen=True, eq=False)
class MicropriceModel:
    """The estimate of a micro-price: an adjustment of the mid for each state of the book.

    A state is a spread of 1 to ``n_spread`` ticks and a bucket of the imbalance; its number is ``x = (spread - 1) *
    n_imb + bucket``, ``S = n_spread * n_imb`` in all. The arrays are read-only; the object pickles. In ticks, so that
    the value of a book is ``mid + tick * G[x]``:

    * ``G`` (S,): the micro-price adjustment ``G* = sum over n of B^n G1``, NaN where the data do not define it;
    * ``G1`` (S,): the expected next move of the mid;
    * ``B`` (S, S): where the book is after the next move of the mid, a law in each row; NaN rows like ``G1``;
    * ``pi`` (S,): the long-run share of states after moves, ``pi B = pi``; 0 where ``B`` is NaN;
    * ``counts`` (S,): transitions of the tape that leave the state;
    * ``edges`` (n_imb + 1,): bounds of the buckets in ``rho = (B - A) / (B + A)``, symmetric about 0. A value on a
      bound belongs to the bucket nearer to 0, on both sides.

    >>> from orderbook.analytics import arrays
    >>> bid, held = [10, 10, 9, 9, 10], [3, 1, 1, 3, 3]
    >>> ask, offered = [11, 11, 10, 10, 11], [1, 3, 3, 1, 1]
    >>> model = arrays.fit_microprice(bid, held, ask, offered, tick=1, n_imb=3, n_spread=1)
    >>> model.edges.round(2), model.counts, model.G
    (array([-1.  , -0.33,  0.33,  1.  ]), array([2, 0, 2]), array([-0.5,  nan,  0.5]))
    """

    tick: float
    n_imb: int
    n_spread: int
    wide: Wide
    edges: npt.NDArray[np.float64]
    G: npt.NDArray[np.float64]
    G1: npt.NDArray[np.float64]
    B: npt.NDArray[np.float64]
    pi: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    diagnostics: MicropriceDiagnostics

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Arrays come out of a pickle writable.
        self.__dict__.update(state)
        self.__post_init__()

    @property
    def outer_edges(self) -> npt.NDArray[np.float64]:
        """Bounds of ``abs(rho)`` between the middle bucket and the ones further out, rising, (n_imb // 2,)."""
        return self.edges[self.n_imb // 2 + 1 : -1]


def microprice(book: BookLike, model: MicropriceModel) -> float | None:
    """Return the micro-price of a book by a fitted model: ``mid + tick * G[state]``. O(1).

    ``P = lim E[mid after n moves of the mid | imbalance, spread]`` (Stoikov 2018). None where a side is empty, the book
    is locked or crossed, the spread is wider than the model's states, or the data did not define the state's value. It
    may lie outside of bid and ask where the spread is small, and is not clipped: see ``diagnostics.frac_outside``.

    Pitfall: a model is of one instrument on one feed. A conflated feed has other transitions; fit it anew.

    Raises:
        ValueError: the spread is above 0 and no whole number of the model's ticks.

    >>> import numpy as np
    >>> from orderbook import L2Book
    >>> from orderbook.analytics.arrays import fit_microprice
    >>> held = np.array([3, 1, 1, 3, 3, 1, 1, 3])  # bid heavy before a move up, ask heavy before a move down
    >>> bid = np.array([10, 10, 9, 9, 10, 10, 9, 9])
    >>> model = fit_microprice(bid, held, bid + 1, 4 - held, tick=1, n_imb=3, n_spread=1)
    >>> book = L2Book()
    >>> book.apply_snapshot([(9, 3)], [(10, 1)])
    >>> microprice(book, model)
    9.875
    """
    best = best_of(book)
    if best is None:
        return None
    bid, bid_size, ask, ask_size = best
    exact = (ask - bid) / model.tick
    if exact > 0 and off_grid(exact, abs(ask) + abs(bid), model.tick):
        raise ValueError(f"the spread from {bid!r} to {ask!r} is no whole number of ticks of {model.tick!r}")
    spread = round(exact)
    if spread < 1 or (spread > model.n_spread and model.wide == "drop"):
        return None
    rho = (bid_size - ask_size) / (bid_size + ask_size)
    out = bisect_left(model.outer_edges, abs(rho))
    bucket = model.n_imb // 2 + (out if rho > 0 else -out)
    adjustment = float(model.G[(min(spread, model.n_spread) - 1) * model.n_imb + bucket])
    return None if adjustment != adjustment else (bid + ask) / 2 + model.tick * adjustment
