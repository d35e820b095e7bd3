"""The micro-price of Stoikov (2018), estimated from a tape and evaluated on arrays; up-move probabilities of queues.

A model is fitted by :func:`fit_microprice` on best prices and sizes, one row for every change of them, and evaluated by
:func:`microprice` here or, for one book, by :func:`orderbook.analytics.microprice`. :func:`p_up` and
:func:`hidden_depth_from_l1` are the up-move probability of Avellaneda, Reed and Stoikov (2011), with hidden size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import as_count, as_positive, one_of
from orderbook.analytics.arrays._rows import NAN, Floats, as_flags, as_grid, as_levels, in_blocks, present, same_rows
from orderbook.analytics.arrays.prices import first_column
from orderbook.analytics.microprice import MicropriceDiagnostics, MicropriceModel, Wide, off_grid

__all__ = ("Edges", "fit_microprice", "hidden_depth_from_l1", "microprice", "next_mid_change", "p_up")

Edges: TypeAlias = Literal["width", "quantile"]
"""Buckets of the imbalance: equally wide, or with about equal shares of the rows."""

Ints: TypeAlias = npt.NDArray[np.int64]

ROUNDED: Final = 1e-14
"""A probability below this is rounding: counts cannot make one."""

SETTLED: Final = 1e-9
"""Below this a mean that should be 0 is 0, in ticks: far above rounding, far below what data can tell."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """A tape as states: ``x`` the state or -1, ``spread`` in ticks, ``half`` the mid in half ticks."""

    x: Ints
    spread: Floats
    half: Floats


@dataclass(frozen=True, slots=True)
class _Counts:
    """Transitions: ``still`` (S, S) those that leave the mid alone, ``moved`` (S, S) the others, by where they land.

    ``push`` (S, S) is the sum of the moves of the mid, in ticks, by the same. (``R1`` by size of move is not needed:
    only its mean enters.)
    """

    still: Floats
    moved: Floats
    push: Floats

    @property
    def leaving(self) -> Floats:
        """Transitions that leave each state."""
        out: Floats = self.still.sum(1) + self.moved.sum(1)
        return out


def fit_microprice(
    bid_px: npt.ArrayLike,
    bid_sz: npt.ArrayLike,
    ask_px: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    *,
    tick: float,
    n_imb: int = 9,
    n_spread: int = 3,
    reset: npt.ArrayLike | None = None,
    symmetrise: bool = True,
    smoothing: float = 0.0,
    kmax: int | None = None,
    edges: Edges = "width",
    wide: Wide = "drop",
) -> MicropriceModel:
    """Estimate the micro-price of Stoikov (2018) from consecutive best prices and sizes. O(T + S^3).

    With ``Q`` the transitions between states that leave the mid alone, ``R1 K`` the mean move of the mid and ``R2``
    the transitions that come with a move: ``G1 = (I - Q)^-1 R1 K``, ``B = (I - Q)^-1 R2`` and, with ``W`` the limit of
    ``B^n`` (every row ``pi``), ``G = (I - B + W)^-1 G1``: the whole series ``sum B^n G1`` in one linear solve.

    A transition is a pair of consecutive rows that are both states: both sides there, the spread at least one tick.
    None is formed across a ``reset`` or a row that is no state. Repeated rows change nothing. Only the first columns
    are read. Fit on one period and judge on another (:func:`next_mid_change`).

    Args:
        bid_px: best bids, (T,) or (T, N).
        bid_sz: their sizes.
        ask_px: best asks.
        ask_sz: their sizes.
        tick: the price step, in the unit of the prices.
        n_imb: buckets of the imbalance, odd: a balanced book is in the middle one.
        n_spread: spreads that are told apart: 1, 2, ... ticks.
        reset: (T,) bool, True where a row does not continue the one before (snapshot, gap, auction, session).
        symmetrise: add the mirrored copy of every transition (sides swapped, move negated). Without it the mean move
            ``pi @ G1`` is not 0; it is taken out and reported as ``diagnostics.drift``.
        smoothing: made-up transitions added to every state: a move of mean zero that lands anywhere alike. More than 0
            gives states without data a value (0 for a state of which nothing is known).
        kmax: leave out moves of the mid by more half ticks than this (None: none), and count them as ``jumps``.
        edges: ``width``, equally wide buckets, or ``quantile``, of the absolute imbalance, mirrored.
        wide: ``drop`` makes a wider spread no state, ``pool`` one with the spread of ``n_spread``.

    Returns:
        The model, with ``diagnostics`` to read before it is used.

    Raises:
        ValueError: an argument out of its range; arrays that do not fit; a price that is not on the grid of ``tick``; a
            tape in which no state leads to a move of the mid.

    Pitfall: a state that never leads to a move has no ``G`` (NaN), and transitions into it are left out.

    >>> import numpy as np
    >>> held = np.array([3, 1, 1, 3, 3, 1, 1, 3])
    >>> bid = np.array([10, 10, 9, 9, 10, 10, 9, 9])
    >>> model = fit_microprice(bid, held, bid + 1, 4 - held, tick=1, n_imb=3, n_spread=1)
    >>> model.G.round(3), model.diagnostics.moves
    (array([-0.375,    nan,  0.375]), 3)
    """
    tick = as_positive(tick, "tick")
    size = as_count(n_spread, "n_spread") * _odd(n_imb)
    one_of(wide, Wide, "wide")
    if not 0 <= smoothing < np.inf:
        raise ValueError(f"smoothing is a number of transitions, 0 or more, not {smoothing!r}")
    top = _top_of(bid_px, bid_sz, ask_px, ask_sz)
    bounds = _edges(edges, n_imb, *top)
    rows = _states(top, bounds, tick, n_spread, wide)
    given, tally = _count(rows, as_flags(reset, len(rows.x)), size, np.inf if kmax is None else as_count(kmax, "kmax"))
    counts = _mirrored(given, n_imb) if symmetrise else given
    unvisited = int((counts.leaving == 0).sum())
    counts, lost = _leading_to_moves(_smoothed(counts, smoothing))
    if not counts.moved.any():
        raise ValueError(f"no state leads to a move of the mid; {_told(tally)}, tick {tick!r}")
    first, law, pi, adjustment, tail = _solved(counts)
    found = MicropriceDiagnostics(
        **tally,
        wide=int((rows.spread > n_spread).sum()),
        wide_share=_share(rows.spread > n_spread, rows.spread >= 1),
        dead_ends=lost,
        unvisited=unvisited,
        undefined=int(np.isnan(adjustment).sum()),
        drift=float(pi @ np.nan_to_num(first)),
        tail=tail,
        frac_outside=_outside(rows, adjustment),
    )
    leaving = given.leaving.astype(np.int64)
    return MicropriceModel(tick, n_imb, n_spread, wide, bounds, adjustment, first, law, pi, leaving, found)


def microprice(
    model: MicropriceModel, bid_px: npt.ArrayLike, bid_sz: npt.ArrayLike, ask_px: npt.ArrayLike, ask_sz: npt.ArrayLike
) -> Floats:
    """Return the micro-price of each row by a fitted model: ``mid + tick * G[state]``, (T,). O(T).

    NaN where a side is absent, the book is locked or crossed, the spread is wider than the model's states, or the data
    did not define the state's value. Only the first columns are read. Not clipped into bid and ask.

    Raises:
        ValueError: the spread of a row is no whole number of the model's ticks, or arrays that do not fit.

    >>> held = [3, 1, 1, 3, 3, 1, 1, 3]
    >>> bid, ask = [10, 10, 9, 9, 10, 10, 9, 9], [11, 11, 10, 10, 11, 11, 10, 10]
    >>> model = fit_microprice(bid, held, ask, held[2:] + held[:2], tick=1, n_imb=3, n_spread=1)
    >>> microprice(model, [9, 9], [3, 2], [10, 10], [1, 2])
    array([9.875,   nan])
    """
    top = _top_of(bid_px, bid_sz, ask_px, ask_sz)

    def kernel(bid: Floats, held: Floats, ask: Floats, offered: Floats) -> Floats:
        x, _ = _state(bid, held, ask, offered, model.edges, model.tick, model.n_spread, model.wide)
        return np.where(x < 0, NAN, (bid + ask) / 2 + model.tick * model.G[x])

    return in_blocks(kernel, *top)


def next_mid_change(
    bid_px: npt.ArrayLike,
    bid_sz: npt.ArrayLike,
    ask_px: npt.ArrayLike,
    ask_sz: npt.ArrayLike,
    *,
    reset: npt.ArrayLike | None = None,
) -> Floats:
    """Return the next change of the mid after each row, in price, (T,): what a forecast of the mid is judged by. O(T).

    ``m[j] - m[t]`` with ``j`` the first row after ``t`` whose mid differs. NaN where the mid is undefined (a side is
    absent, locked, crossed), and where a ``reset``, such a row or the end comes first. It looks ahead by definition:
    use it to fit and to evaluate, never as an input. Only the first columns are read.

    Raises:
        ValueError: arrays that do not fit.

    >>> next_mid_change([10, 10, 11, 11], [1, 1, 1, 1], [12, 12, 13, 13], [1, 1, 1, 1])
    array([ 1.,  1., nan, nan])
    """
    bid, held, ask, offered = _top_of(bid_px, bid_sz, ask_px, ask_sz)
    flags = as_flags(reset, len(bid))
    defined = present(bid, held) & present(ask, offered) & (bid < ask)
    mid = in_blocks(lambda bid, ask, defined: np.where(defined, (bid + ask) / 2, NAN), bid, ask, defined)
    # Every row ends the run before it where the mid changes; NaN differs from itself, so it ends one too.
    ends = np.ones(len(mid) + 1, bool)
    ends[1:-1] = (mid[1:] != mid[:-1]) | flags[1:]
    starts = np.flatnonzero(ends[:-1])
    after = np.append(mid[starts[1:]], NAN)
    after[:-1][flags[starts[1:]]] = NAN
    return np.repeat(after - mid[starts], np.diff(np.append(starts, len(mid)))) if len(mid) else mid


def p_up(bid_sz: npt.ArrayLike, ask_sz: npt.ArrayLike, *, rho: float = -1.0, hidden: float = 0.0) -> Floats:
    """Return the probability that the next move of the best prices is up, from the two best sizes, (T,). O(T).

    For queues ``x`` (bid) and ``y`` (ask) that diffuse with correlation ``rho`` until one of them is empty
    (Avellaneda, Reed and Stoikov 2011): ``p = 1/2 [1 - atan(c (y - x) / (y + x)) / atan(c)]`` with ``c = sqrt((1 + rho)
    / (1 - rho))``. At ``rho = -1`` this is ``x / (x + y)``. ``hidden`` is a size H behind both queues, not displayed:
    ``x`` and ``y`` become ``x + H`` and ``y + H``, at ``rho = -1`` thus ``(x + H) / (x + y + 2 H)``. How H enters is
    our own definition. NaN where a side is absent. Only the first columns are read.

    Raises:
        ValueError: ``rho`` is not in [-1, 1), ``hidden`` is negative or not finite, or arrays that do not fit.

    >>> p_up([5], [15]), p_up([5], [15], rho=0).round(4), p_up([5], [15], hidden=10)
    (array([0.25]), array([0.2048]), array([0.375]))
    """
    if not -1 <= rho < 1:
        raise ValueError(f"rho is a correlation from -1 to below 1, not {rho!r}")
    if not 0 <= hidden < np.inf:
        raise ValueError(f"hidden is a size of 0 or more, not {hidden!r}")
    c = float(np.sqrt((1 + rho) / (1 - rho)))

    def kernel(held: Floats, offered: Floats) -> Floats:
        lean = (offered - held) / (offered + held + 2 * hidden)
        share = np.arctan(c * lean) / np.arctan(c) if c > 0 else lean
        return np.where((held > 0) & (offered > 0), (1 - share) / 2, NAN)

    return in_blocks(kernel, first_column(as_grid(bid_sz, "bid_sz")), first_column(as_grid(ask_sz, "ask_sz")))


def hidden_depth_from_l1(bid_sz: npt.ArrayLike, ask_sz: npt.ArrayLike, up: npt.ArrayLike) -> float:
    """Return the hidden size H behind each best queue that explains the next moves best, from best sizes alone. O(T).

    Least squares of the outcomes on ``(x + H) / (x + y + 2 H)`` over ``H >= 0``, the curve of :func:`p_up`: the less
    the displayed imbalance tells about the next move, the more is hidden. In units of the sizes; a figure of the whole
    market and period, of no single order. Locates icebergs nowhere.

    Args:
        bid_sz: best bid sizes, (T,) or (T, N).
        ask_sz: best ask sizes.
        up: (T,) the outcome: 1 or True where the next move was up, 0 down, NaN unknown. From
            :func:`next_mid_change`: ``np.where(np.isnan(change), np.nan, change > 0)``.

    Returns:
        H; 0 where displayed size tells all or more than the curve; ``inf`` where it tells nothing, or the wrong way
        round; NaN without a row that has both sides, unequal sizes and an outcome.

    Raises:
        ValueError: an outcome that is neither 0, 1 nor NaN, or arrays that do not fit.

    >>> round(hidden_depth_from_l1([30, 30, 30], [10, 10, 10], [1, 1, 0]), 6)  # 2/3 = (30 + H) / (40 + 2 H)
    10.0
    """
    held, offered = first_column(as_grid(bid_sz, "bid_sz")), first_column(as_grid(ask_sz, "ask_sz"))
    outcome = np.asarray(up, np.float64)
    if outcome.shape != held.shape or outcome.shape != offered.shape:
        raise ValueError(f"up has one value a row, {held.shape}, not {outcome.shape}")
    if not (np.isnan(outcome) | (outcome == 0) | (outcome == 1)).all():
        raise ValueError("up is 1 where the next move was up, 0 where it was down, NaN where it is not known")
    used = (held > 0) & (offered > 0) & (held != offered) & ~np.isnan(outcome)
    if not used.any():
        return NAN
    return _best_depth((held + offered)[used], (held - offered)[used], outcome[used] - 0.5)


def _best_depth(total: Floats, gap: Floats, above: Floats) -> float:
    """The H whose ``q = gap / 2 (total + 2 H)`` is nearest to ``above``, the outcome less 1/2, in least squares."""

    def error(hidden: float) -> float:
        """The squared error, less that of a curve that says 1/2 everywhere."""
        q = gap / (2 * (total + 2 * hidden))
        return float(np.sum(q * (q - 2 * above)))

    def slope(hidden: float) -> float:
        """Half the derivative of the squared error by H."""
        depth = total + 2 * hidden
        return float(np.sum((above - gap / (2 * depth)) * gap / depth**2))

    # The error may have more than one valley where sizes differ much: look at all scales before going down into one.
    scale = float(np.median(total))
    tried = [0.0, *(scale * 2.0**power for power in range(-10, 31))]
    errors = [error(hidden) for hidden in tried]
    best = int(np.argmin(errors))
    if errors[best] >= 0 or best == len(tried) - 1:
        return float("inf")
    if best == 0 and slope(0.0) >= 0:
        return 0.0
    low, high = tried[max(best - 1, 0)], tried[best + 1]
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return (low + high) / 2


def _odd(n_imb: int) -> int:
    if as_count(n_imb, "n_imb") % 2 == 0:
        raise ValueError(f"n_imb is odd, so that a balanced book is in the middle bucket, not {n_imb}")
    return n_imb


def _top_of(
    bid_px: npt.ArrayLike, bid_sz: npt.ArrayLike, ask_px: npt.ArrayLike, ask_sz: npt.ArrayLike
) -> tuple[Floats, Floats, Floats, Floats]:
    """Best prices and sizes, (T,) each."""
    bids, asks = as_levels(bid_px, bid_sz), as_levels(ask_px, ask_sz)
    same_rows(*bids, *asks)
    return first_column(bids[0]), first_column(bids[1]), first_column(asks[0]), first_column(asks[1])


def _edges(kind: Edges, n_imb: int, bid: Floats, held: Floats, ask: Floats, offered: Floats) -> Floats:
    """Bounds of the buckets, exactly symmetric: an asymmetry here would break the mirrored copy."""
    one_of(kind, Edges, "edges")
    if kind == "width":
        return (2.0 * np.arange(n_imb + 1) - n_imb) / n_imb
    there = present(bid, held) & present(ask, offered) & (bid < ask)
    if not there.any():
        raise ValueError("edges='quantile' needs a row with both sides and a spread above 0; there is none")
    lean = abs(held - offered)[there] / (held + offered)[there]
    outer = np.quantile(lean, np.arange(1, n_imb, 2)[: n_imb // 2] / n_imb)
    # 0 - x and not -x: an edge at 0 has no sign.
    return np.concatenate([[-1.0], 0 - outer[::-1], outer, [1.0]])


def _state(
    bid: Floats, held: Floats, ask: Floats, offered: Floats, edges: Floats, tick: float, n_spread: int, wide: Wide
) -> tuple[Ints, Floats]:
    """The number of the state of each row, -1 for none, and the spread in ticks, NaN where it is not at least one."""
    n_imb = len(edges) - 1
    there = present(bid, held) & present(ask, offered) & (bid < ask)
    exact = (ask - bid) / tick
    wrong = there & off_grid(exact, abs(ask) + abs(bid), tick)
    if wrong.any():
        low, high = float(bid[wrong][0]), float(ask[wrong][0])
        raise ValueError(f"the spread from {low!r} to {high!r} is no whole number of ticks of {tick!r}")
    spread = np.where(there & (exact > 0.5), np.rint(exact), NAN)
    rho = (held - offered) / (held + offered)
    # Counted from the middle outwards, so that a value on a bound is treated alike on both sides.
    bucket = n_imb // 2 + np.sign(rho) * np.searchsorted(edges[n_imb // 2 + 1 : -1], abs(rho))
    known = spread >= 1 if wide == "pool" else spread <= n_spread
    x = np.where(known, (np.minimum(spread, n_spread) - 1) * n_imb + bucket, -1)
    return x.astype(np.int64), spread


def _states(top: tuple[Floats, ...], edges: Floats, tick: float, n_spread: int, wide: Wide) -> _Rows:
    def kernel(bid: Floats, held: Floats, ask: Floats, offered: Floats) -> Floats:
        x, spread = _state(bid, held, ask, offered, edges, tick, n_spread, wide)
        wrong = (x >= 0) & off_grid(bid / tick, abs(bid), tick)
        if wrong.any():
            raise ValueError(f"the bid {float(bid[wrong][0])!r} is no whole number of ticks of {tick!r}")
        half = np.where(x < 0, NAN, np.rint(bid / tick) + np.rint(ask / tick))
        return np.stack([x, spread, half], axis=1)

    table = in_blocks(kernel, *top, shape=(3,))
    return _Rows(table[:, 0].astype(np.int64), table[:, 1], table[:, 2])


def _count(rows: _Rows, reset: npt.NDArray[np.bool_], size: int, kmax: float) -> tuple[_Counts, dict[str, int]]:
    """Count the transitions, and what was and was not counted."""
    x, y = rows.x[:-1], rows.x[1:]
    pairs = (x >= 0) & (y >= 0)
    cut = pairs & reset[1:]
    move = np.where(pairs, np.diff(rows.half), 0.0)
    jumps = pairs & ~cut & (abs(move) > kmax)
    used = pairs & ~cut & ~jumps
    still, moved = used & (move == 0), used & (move != 0)
    cell = x * size + y
    shape, cells = (size, size), size * size
    counts = _Counts(
        np.bincount(cell[still], minlength=cells).reshape(shape).astype(np.float64),
        np.bincount(cell[moved], minlength=cells).reshape(shape).astype(np.float64),
        np.bincount(cell[moved], weights=move[moved] / 2, minlength=cells).reshape(shape).astype(np.float64),
    )
    tally = {
        "rows": len(rows.x),
        "odd": int(np.isnan(rows.spread).sum()),
        "transitions": int(used.sum()),
        "moves": int(moved.sum()),
        "cut": int(cut.sum()),
        "jumps": int(jumps.sum()),
    }
    return counts, tally


def _told(tally: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in tally.items())


def _mirrored(counts: _Counts, n_imb: int) -> _Counts:
    """The counts and those of the tape with its sides swapped: the state's bucket turns round, the move its sign."""
    size = len(counts.still)
    mirror = np.arange(size).reshape(-1, n_imb)[:, ::-1].ravel()
    turned = np.ix_(mirror, mirror)
    return _Counts(
        counts.still + counts.still[turned], counts.moved + counts.moved[turned], counts.push - counts.push[turned]
    )


def _smoothed(counts: _Counts, number: float) -> _Counts:
    """The counts and, out of every state, so many moves of mean zero that land anywhere alike."""
    return replace(counts, moved=counts.moved + number / len(counts.moved))


def _leading_to_moves(counts: _Counts) -> tuple[_Counts, int]:
    """Leave out the states from which no move of the mid is ever reached, and what leads into them; how much that is.

    Without such states ``I - Q`` has an inverse. Leaving one out may leave another without a way on: until none is.
    """
    keep = counts.leaving > 0
    while True:
        able = keep & (counts.moved[:, keep].sum(1) > 0)
        while (more := able | (keep & (counts.still[:, able].sum(1) > 0))).sum() > able.sum():
            able = more
        if (able == keep).all():
            break
        keep = able
    inside = np.outer(keep, keep)
    lost = (counts.still + counts.moved)[np.outer(keep, ~keep)].sum()
    return _Counts(counts.still * inside, counts.moved * inside, counts.push * inside), round(float(lost))


def _solved(counts: _Counts) -> tuple[Floats, Floats, Floats, Floats, float]:
    """``G1``, ``B``, ``pi``, ``G`` and the largest element of ``B^6 G1``; NaN (``pi``: 0) for states without counts."""
    keep = counts.leaving > 0
    inside, number = np.ix_(keep, keep), counts.leaving[keep]
    one = np.eye(len(number))
    share = number[:, None]
    leave = one - counts.still[inside] / share
    push = np.linalg.solve(leave, counts.push.sum(1)[keep] / number)
    law = np.linalg.solve(leave, counts.moved[inside] / share).astype(np.float64)
    law[law < ROUNDED] = 0
    law = law / law.sum(1, keepdims=True)
    limit = _limit(law)
    # The long run as seen from where the data are; with one recurrent class the weights do not matter.
    pi = number / number.sum() @ limit
    centred = push - pi @ push
    adjustment = np.linalg.solve(one - law + limit, centred)
    # Where the mean of the moves to come does not vanish, the series has no sum.
    adjustment[abs(limit @ centred) > SETTLED * max(1.0, float(abs(push).max()))] = NAN
    tail = float(abs(np.linalg.matrix_power(law, 6) @ centred).max())
    whole = np.full(counts.still.shape, NAN)
    whole[inside] = law
    whole[np.ix_(keep, ~keep)] = 0.0
    rows = [np.full(len(keep), fill) for fill in (NAN, 0.0, NAN)]
    for row, values in zip(rows, (push, pi, adjustment), strict=True):
        row[keep] = values
    return rows[0], whole, rows[1], rows[2], tail


def _limit(law: Floats) -> Floats:
    """The mean of ``law^n`` over all n.

    Squared until nothing changes, and lazy, so that a period of the chain averages out. Zeros stay zeros: classes that
    do not communicate each keep a law of their own.
    """
    power = (np.eye(len(law)) + law) / 2
    for _ in range(64):
        squared = power @ power
        squared /= squared.sum(1, keepdims=True)
        done = abs(squared - power).max() < ROUNDED
        power = squared
        if done:
            break
    return power


def _outside(rows: _Rows, adjustment: Floats) -> float:
    """The share of rows whose micro-price is not between bid and ask, of those that have one."""
    x, spread = rows.x[rows.x >= 0], rows.spread[rows.x >= 0]
    value = adjustment[x]
    return _share(abs(value) > spread / 2 + SETTLED, ~np.isnan(value))


def _share(part: npt.NDArray[np.bool_], whole: npt.NDArray[np.bool_]) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else NAN
