"""Kyle's lambda, Amihud's ratio and the parts of the spread: worked examples, properties, streams equal to arrays."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from orderbook import L2Book, Panel
from orderbook.analytics.arrays.flow import net_volume, ofi, ofi_window
from orderbook.analytics.arrays.impact import (
    amihud,
    dollar_mean,
    effective_spread,
    kyle_lambda,
    kyle_lambda_rolling,
    mid_change,
)
from orderbook.analytics.impact import EffectiveSpread, KyleLambda

Floats = npt.NDArray[np.float64]
MakePanel = Callable[..., Panel]
BooksOf = Callable[[Panel], Iterator[L2Book]]

NAN = math.nan
MS = 1_000_000

X = [10, -5, 20, -15]
Y = [0.02, -0.01, 0.03, -0.02]


def number(value: float | None) -> float:
    """A value of a stream as arrays have it."""
    return NAN if value is None else value


def random_trades(panel: Panel, seed: int, count: int = 150) -> tuple[npt.NDArray[np.int64], Any, Any, Any]:
    """Trades over the time of a panel, some at the very time of a row, some of unknown side."""
    rng = np.random.default_rng(seed)
    ts = np.sort(np.concatenate([rng.choice(panel.ts, count // 3), rng.integers(0, panel.ts[-1], count - count // 3)]))
    price = np.round(100 + rng.integers(-50, 50, count) / 100, 2)
    return ts, rng.integers(-1, 2, count), price, rng.integers(1, 40, count) / 4


def joined(panel: Panel, books: Iterator[L2Book], ts: npt.NDArray[np.int64]) -> Iterator[tuple[int, Any, int]]:
    """Books and trades by time, books first where times are equal: ``(ts, book or None, row or number of trade)``."""
    trade = 0
    for row, (now, book) in enumerate(zip(panel.ts.tolist(), books, strict=True)):
        while trade < len(ts) and ts[trade] < now:
            yield int(ts[trade]), None, trade
            trade += 1
        yield now, book, row
    for left in range(trade, len(ts)):
        yield int(ts[left]), None, left


# ---- Kyle's lambda ---------------------------------------------------------------------------------------------------


def test_kyle_lambda_of_the_worked_example() -> None:
    """With an intercept and through the origin."""
    fit = kyle_lambda(X, Y)
    assert (0.00151724138, 10.3709) == (round(fit.slope, 11), round(fit.t, 4))
    assert 0.00153333 == round(kyle_lambda(X, Y, "origin").slope, 8)
    assert 1533.333333 == round(kyle_lambda(X, Y, "hasbrouck").slope, 6)


def test_kyle_lambda_is_the_least_squares_line() -> None:
    """Slope, intercept and share explained, as numpy finds them."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=80)
    y = 3 + 2 * x + rng.normal(size=80)
    fit = kyle_lambda(x, y)
    slope, intercept = np.polyfit(x, y, 1)
    expected = (slope, intercept, np.corrcoef(x, y)[0, 1] ** 2, 80)
    assert expected == pytest.approx((fit.slope, fit.intercept, fit.r2, fit.n))
    origin = kyle_lambda(x, y, "origin")
    assert (x @ y / (x @ x), 0.0) == pytest.approx((origin.slope, origin.intercept))


@pytest.mark.parametrize("method", ["ols", "origin", "hasbrouck"])
@pytest.mark.parametrize(("x", "y"), [([], []), ([NAN], [1]), ([0, 0, 0], [1, 2, 3])])
def test_kyle_lambda_without_variance_is_undefined(method: Any, x: list[float], y: list[float]) -> None:
    """Never 0, which would say that trades move nothing."""
    fit = kyle_lambda(x, y, method)
    assert np.isnan([fit.slope, fit.intercept, fit.t, fit.r2]).all()


def test_equal_flows_that_are_no_round_number_have_no_variance() -> None:
    """Rounding in the mean of 0.1s must not pass for variance."""
    assert math.isnan(kyle_lambda([0.1] * 7, [1, 2, 3, 4, 5, 6, 7]).slope)


def test_kyle_lambda_leaves_undefined_pairs_out() -> None:
    """The line is that of the others."""
    assert kyle_lambda(X, Y) == kyle_lambda([*X[:2], NAN, 7, *X[2:]], [*Y[:2], 1, NAN, *Y[2:]])


def test_two_points_have_a_line_but_no_error() -> None:
    """A slope without t; a perfect line of three has an infinite one."""
    fit = kyle_lambda([1, 2], [1, 3])
    assert (2, True) == (fit.slope, math.isnan(fit.t))
    assert math.inf == kyle_lambda([1, 2, 3], [2, 4, 6]).t
    assert 0 == kyle_lambda([-1, 0, 1], [1, -2, 1]).t


@pytest.mark.parametrize("method", ["ols", "origin", "hasbrouck"])
def test_rolling_lambda_is_the_lambda_of_each_window(method: Any) -> None:
    """And nothing before a window is full."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 60))
    x[[5, 30]] = NAN
    fits = kyle_lambda_rolling(x, y, 8, method)
    assert np.isnan(fits.slope[:7]).all()
    for k in range(7, 60):
        expected = kyle_lambda(x[k - 7 : k + 1], y[k - 7 : k + 1], method)
        assert expected == pytest.approx(tuple(column[k] for column in fits), rel=1e-12, nan_ok=True)
    assert np.isnan(kyle_lambda_rolling(x, y, 61).slope).all()


def test_price_change_on_ofi_has_the_slope_of_the_paper() -> None:
    """Where each tick is 2 D of flow the slope is 1 / (2 D)."""
    depth = 5.0
    bid = 100 + np.cumsum(np.random.default_rng(3).integers(-1, 2, 400)).astype(float)
    size = np.full(400, depth)
    ts, edges = np.arange(400), np.arange(1, 401, 10)
    # Both best prices move together, so each step brings D at the bid and takes D off the ask, or the other way.
    e = ofi_window(ofi(bid, size, bid + 1, size), ts, edges)
    fit = kyle_lambda(e, mid_change(ts, bid + 0.5, edges))
    assert (1 / (2 * depth), 1.0) == pytest.approx((fit.slope, fit.r2))


def test_mid_change_covers_the_time_of_its_window() -> None:
    """From the last price before an edge to the last before the next."""
    assert [0.5, 0.25] == mid_change([0, 5, 12, 18], [100, 100.5, 101, 100.75], [1, 10, 20]).tolist()
    assert [-1.0] == mid_change([0, 10], [5, 4], [10, 11]).tolist()


def test_mid_change_is_undefined_before_the_first_row_and_without_a_mid() -> None:
    """Unknown is not unmoved."""
    change = mid_change([10, 20, 30], [1, NAN, 3], [5, 15, 25, 35, 45])
    assert [NAN, NAN, NAN, 0.0] == pytest.approx(change, nan_ok=True)
    assert np.isnan(mid_change([], [], [0, 1])).all()


def test_mid_change_across_a_reset_is_undefined() -> None:
    """So is one from or to an edge inside of the gap."""
    ts, mid = [0, 10, 30, 40], [1, 2, 8, 9]
    edges = [5, 15, 25, 35, 45]
    reset = [False, False, True, False]
    assert [1, 0, 6, 1] == mid_change(ts, mid, edges).tolist()
    assert [NAN, NAN, NAN, 1.0] == pytest.approx(mid_change(ts, mid, edges, reset), nan_ok=True)


def test_amihud_leaves_windows_without_volume_out() -> None:
    """And is undefined where none has any."""
    assert 1.5e-8 == pytest.approx(amihud([0.01, -0.02, 0.03, NAN], [1e6, 1e6, 0, 1]))
    assert math.isnan(amihud([0.01], [0]))


def test_arguments_of_kyle_lambda() -> None:
    """Methods are spelled, lengths are one."""
    with pytest.raises(ValueError, match="method is one of 'ols', 'origin', 'hasbrouck', not 'rank'"):
        kyle_lambda(X, Y, "rank")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="change has 4 values like the others"):
        kyle_lambda(X, Y[:3])
    with pytest.raises(ValueError, match="window is at least 1, not 0"):
        kyle_lambda_rolling(X, Y, 0)


def drive_kyle(stream: KyleLambda, panel: Panel, books: Iterator[L2Book], seed: int) -> Iterator[int]:
    """Feed a stream with the books and trades of a panel; the time after each step."""
    ts, side, _, size = random_trades(panel, seed)
    for now, book, i in joined(panel, books, ts):
        if book is None:
            stream.trade(now, int(side[i]), float(size[i]))
        else:
            stream.update(book, now)
        yield now


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("window", "intercept"), [(None, True), (None, False), (9, True), (9, False)])
def test_streaming_lambda_is_the_array_form(
    seed: int, window: int | None, intercept: bool, make_panel: MakePanel, books_of: BooksOf
) -> None:
    """On net volume and changes of the mid over the same intervals, at every step."""
    panel, interval = make_panel(seed), 100 * MS
    ts, side, _, size = random_trades(panel, seed)
    mid = (panel.bid_px[:, 0] + panel.ask_px[:, 0]) / 2
    first = min(int(ts[0]), int(panel.ts[0])) // interval * interval
    edges = np.arange(first, panel.ts[-1] + interval, interval)
    x, y = net_volume(side, size, ts, edges), mid_change(panel.ts, mid, edges)
    method: Any = "ols" if intercept else "origin"
    stream = KyleLambda(interval=timedelta(milliseconds=100), window=window, intercept=intercept)
    seen = 0
    for now in drive_kyle(stream, panel, books_of(panel), seed):
        ended = int((now - first) // interval)
        if ended == seen:
            continue
        seen = ended
        last = slice(0 if window is None else max(ended - window, 0), ended)
        expected = kyle_lambda(x[last], y[last], method)
        got = stream.fit
        assert expected.slope == pytest.approx(number(stream.value), rel=1e-12, abs=1e-12, nan_ok=True)
        if got is not None:
            assert expected == pytest.approx(got, rel=1e-9, abs=1e-12, nan_ok=True)
    assert seen > 20


def test_streaming_lambda_forgets_the_mid_at_a_reset() -> None:
    """The interval of the gap has no change; the volume of the next counts again."""
    book, stream = L2Book(), KyleLambda(interval=10, window=50)
    edges, ts, mids = [0], [], []
    for ts_now, bid in [(1, 100), (12, 101), (22, 103), (33, 150), (45, 151), (55, 153), (65, 152), (75, 152)]:
        if bid == 150:
            stream.reset()
        book.apply_snapshot([(bid, 1)], [(bid + 2, 1)])
        stream.update(book, ts_now)
        stream.trade(ts_now, 1 if bid % 2 else -1, bid / 10)
        ts.append(ts_now)
        mids.append(bid + 1)
        edges.append(edges[-1] + 10)
    edges = edges[: 75 // 10 + 1]
    side, size = [1 if mid % 2 == 0 else -1 for mid in mids], [(mid - 1) / 10 for mid in mids]
    reset = [mid == 151 for mid in mids]
    expected = kyle_lambda(net_volume(side, size, ts, edges), mid_change(ts, mids, edges, reset))
    assert expected.n < 5
    assert expected == pytest.approx(stream.fit)


def test_a_quiet_night_is_one_step() -> None:
    """A billion intervals without a trade take no time, and count."""
    book, stream = L2Book(), KyleLambda(interval=1)
    book.apply_snapshot([(100, 1)], [(102, 1)])
    stream.update(book, 0)
    stream.trade(1, "buy", 5)
    stream.update(book, 10**9)
    assert stream.fit is not None
    assert (0.0, 10**9 - 1) == (stream.value, stream.fit.n)


def test_streaming_lambda_before_it_is_defined_and_after_a_pickle(b0: L2Book) -> None:
    """None; a pickle goes on."""
    stream = KyleLambda(interval=10, window=3)
    assert (None, None) == (stream.value, stream.fit)
    stream.update(b0, 0)
    stream = pickle.loads(pickle.dumps(stream))
    stream.update(b0, 100)
    assert None is stream.value
    with pytest.raises(ValueError, match="interval is a time above 0, not 0"):
        KyleLambda(interval=0)


# ---- spreads ---------------------------------------------------------------------------------------------------------


def test_spread_parts_of_the_worked_example() -> None:
    """4.0 bps paid, half kept, half lost to the move."""
    parts = effective_spread([10], [1], [100.03], [9, 12], [100.01, 100.02], [2])
    assert 3.9996 == round(float(parts.effective_bps[0]), 7)
    assert (1.9998, 1.9998) == (round(float(parts.realised_bps[0, 0]), 7), round(float(parts.impact_bps[0, 0]), 7))


def test_the_book_of_the_trades_own_time_is_not_before_it() -> None:
    """That one shows what the trade has done."""
    parts = effective_spread([10, 11], [-1, -1], [99.0, 99.0], [9, 10], [100, 98])
    assert [100, 98] == parts.reference.tolist()
    assert [2, -2] == parts.effective.tolist()


def test_parts_add_up(make_panel: MakePanel) -> None:
    """Effective is realised plus impact, wherever both are known."""
    panel = make_panel(4)
    ts, side, price, _ = random_trades(panel, 4)
    mid = (panel.bid_px[:, 0] + panel.ask_px[:, 0]) / 2
    parts = effective_spread(ts, side, price, panel.ts, mid, [30 * MS, 200 * MS])
    known = np.isfinite(parts.realised)
    assert 100 < known.sum() < known.size
    np.testing.assert_allclose(
        np.broadcast_to(parts.effective[:, None], known.shape)[known], (parts.realised + parts.impact)[known]
    )


def test_realised_is_unknown_past_the_end_and_across_a_reset() -> None:
    """So is it in the gap before one; it is known at the very end."""
    book = [0, 10, 20, 30], [100, 101, 102, 103]
    parts = effective_spread([5], [1], [101.0], *book, [5, 15, 25, 26])
    assert [0, -2, -4, NAN] == pytest.approx(parts.realised[0], nan_ok=True)
    parts = effective_spread([5], [1], [101.0], *book, [4, 5, 15, 25], reset=[False, False, True, False])
    assert [2, NAN, NAN, NAN] == pytest.approx(parts.realised[0], nan_ok=True)


def test_no_spread_without_a_sign_or_a_book_before() -> None:
    """A trade of unknown side, before the first row, or while the book had no mid."""
    parts = effective_spread([0, 5, 15], [1, 0, 1], [1.0, 1.0, 1.0], [0, 10, 20], [1, NAN, 1], [1])
    assert np.isnan(parts.effective).all() and np.isnan(parts.realised).all()
    empty = effective_spread([5], [1], [1.0], [], [], [1])
    assert np.isnan(empty.effective).all() and (1, 1) == empty.realised.shape


def test_bps_of_a_reference_that_is_not_above_0_are_undefined() -> None:
    """In price they are what they are."""
    parts = effective_spread([5, 15], [1, 1], [-0.5, 1.0], [0, 10], [-1, 0])
    assert [1, 2] == parts.effective.tolist()
    assert np.isnan(parts.effective_bps).all()


def test_dollar_mean_weighs_with_price_and_size() -> None:
    """NaN take no part; a column has its own count; nothing has no mean."""
    found = dollar_mean([[1, NAN], [4, 4]], [100, 50], [2, 2])
    assert ([2.0, 4.0], [2, 1]) == (found.mean.tolist(), found.n.tolist())
    found = dollar_mean([NAN], [1], [1])
    assert (True, 0) == (math.isnan(found.mean), found.n)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": [2]}, "side holds"),
        ({"price": [1, 2]}, "price has 1 values like the others"),
        ({"reference": [1]}, "reference has 2 values like the others"),
        ({"horizons": [0]}, "horizon is a time above 0, not 0"),
        ({"book_ts": [2, 1]}, "book_ts never falls"),
    ],
)
def test_arguments_of_effective_spread(change: dict[str, Any], message: str) -> None:
    """What does not fit is named."""
    arguments: dict[str, Any] = {
        "ts": [5], "side": [1], "price": [1.0], "book_ts": [0, 1], "reference": [1.0, 1.0], "horizons": [1],
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        effective_spread(**(arguments | change))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ref", ["mid", "weighted_mid"])
def test_streaming_spread_is_the_array_form(seed: int, ref: Any, make_panel: MakePanel, books_of: BooksOf) -> None:
    """Trade by trade and horizon by horizon, across resets, and the means too; the last are still to come."""
    panel = make_panel(seed)
    ts, side, price, size = random_trades(panel, seed)
    bid, ask, bid_sz, ask_sz = (grid[:, 0] for grid in (panel.bid_px, panel.ask_px, panel.bid_sz, panel.ask_sz))
    with np.errstate(invalid="ignore"):
        fair = (bid + ask) / 2 if ref == "mid" else (bid * ask_sz + ask * bid_sz) / (bid_sz + ask_sz)
    horizons = [30 * MS, 250 * MS]
    reset = np.arange(len(panel)) % 45 == 44
    parts = effective_spread(ts, side, price, panel.ts, fair, horizons, reset=reset)
    stream = EffectiveSpread(horizons=horizons, ref=ref)
    got, known = [], []
    for now, book, i in joined(panel, books_of(panel), ts):
        if book is None:
            got.append(number(stream.trade(now, int(side[i]), float(price[i]), float(size[i]))))
        else:
            if reset[i]:
                stream.reset()
            known += stream.update(book, now)
    np.testing.assert_allclose(got, parts.effective, rtol=0, atol=1e-12)
    for h, horizon in enumerate(horizons):
        due = np.isfinite(parts.realised[:, h]) & (ts + horizon < panel.ts[-1])
        mine = np.array([row[2:] for row in known if row.horizon == horizon])
        expected = np.stack([parts.effective[due], parts.realised[due, h], parts.impact[due, h]], axis=1)
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-12)
        mean = dollar_mean(parts.realised_bps[due, h], price[due], size[due])
        assert stream.value is not None
        assert (mean.mean, mean.n) == pytest.approx((stream.value.realised[h], stream.value.n_realised[h]))
    mean = dollar_mean(parts.effective_bps, price, size)
    assert (mean.mean, mean.n) == pytest.approx((stream.value.effective, stream.value.n))


def test_of_books_at_the_time_of_a_trade_none_is_before_it() -> None:
    """However many there are."""
    book, stream = L2Book(), EffectiveSpread()
    for ts, bid in [(0, 99), (10, 109), (10, 119)]:
        book.apply_snapshot([(bid, 1)], [(bid + 2, 1)])
        stream.update(book, ts)
    assert 2 == stream.trade(10, "buy", 101, 1)
    assert 2 == stream.trade(11, "buy", 121, 1)


def test_streaming_spread_does_not_look_across_a_reset(b0: L2Book) -> None:
    """Trades that wait are dropped, and a trade in the gap has no reference."""
    stream = EffectiveSpread(horizons=[5])
    assert None is stream.value
    stream.update(b0, 0)
    assert 0.04 == pytest.approx(stream.trade(1, "buy", 100.03, 1))
    stream.reset()
    assert None is stream.trade(2, "buy", 100.03, 1)
    assert [] == stream.update(b0, 10)
    assert 1 == stream.dropped
    assert stream.value is not None and (None,) == stream.value.realised


def test_waiting_trades_are_bounded(b0: L2Book) -> None:
    """The oldest goes first, and is counted."""
    stream = EffectiveSpread(horizons=[5], max_pending=2)
    stream.update(b0, 0)
    for ts in (1, 2, 3):
        stream.trade(ts, "buy", 100.03, 1)
    assert [2, 3] == [known.ts for known in stream.update(b0, 20)]
    assert 1 == stream.dropped


def test_a_horizon_without_a_mid_is_dropped(b0: L2Book) -> None:
    """A book with one side has no fair price."""
    stream = EffectiveSpread(horizons=[5])
    stream.update(b0, 0)
    stream.trade(1, "sell", 100.0, 1)
    one_sided = L2Book()
    one_sided.apply_snapshot([(100, 1)], [])
    stream.update(one_sided, 3)
    assert ([], 1) == (stream.update(b0, 10), stream.dropped)


def test_the_fair_price_may_be_a_function(b0: L2Book) -> None:
    """Such as a fitted micro-price; other names are refused."""
    stream = EffectiveSpread(ref=lambda book: float(book.bids[0].price))
    stream.update(b0, 0)
    assert 0.06 == pytest.approx(stream.trade(1, 1, 100.03, 1))
    with pytest.raises(ValueError, match="ref is one of 'mid', 'weighted_mid' or a function of a book, not 'last'"):
        EffectiveSpread(ref="last")  # type: ignore[arg-type]


def test_what_is_no_price_is_refused_or_unknown(b0: L2Book) -> None:
    """A trade needs one; a fair price of NaN is none. Neither gets into the means."""
    stream = EffectiveSpread()
    stream.update(b0, 0)
    with pytest.raises(ValueError, match="price is a finite number, not nan"):
        stream.trade(1, "buy", NAN, 1)
    assert 0.04 == pytest.approx(stream.trade(1, "buy", 100.03, 1))
    unknown = EffectiveSpread(ref=lambda book: NAN)
    unknown.update(b0, 0)
    assert (None, None) == (unknown.trade(1, "buy", 100.03, 1), unknown.value)


def test_an_endless_horizon_is_past_the_end() -> None:
    """The sum of a time and the longest span does not come round to the first row."""
    rows = np.array([4, 20], np.int64) + 10**18
    parts = effective_spread(rows[:1] + 1, [1], [1.0], rows, [1.0, 2.0], [np.iinfo(np.int64).max, 15])
    assert [NAN, -2.0] == pytest.approx(parts.realised[0], nan_ok=True)


def test_huge_prices_are_no_warning() -> None:
    """What is beyond float64 is infinite, or undefined."""
    parts = effective_spread([1], [1], [1e308], [0, 2], [-1e308, 1e-300], [1])
    assert [math.inf] == parts.effective.tolist()
    assert np.isnan(parts.effective_bps).all()
    assert [math.inf] == effective_spread([1], [1], [1e200], [0], [1e-200]).effective_bps.tolist()
    assert [math.inf] == mid_change([0, 1], [-1e308, 1e308], [1, 2]).tolist()
    assert (True, 0) == (math.isnan(dollar_mean([1], [1e308], [1e308]).mean), dollar_mean([1], [1e308], [1e308]).n)
    assert math.inf == amihud([1.0], [1e-320])
    with pytest.raises(ValueError, match=r"returns has the shape \(windows,\), not \(\)"):
        amihud(1.0, 1.0)


@pytest.mark.parametrize("stream", [KyleLambda(interval=1), EffectiveSpread()])
def test_a_fixed_book_that_changes_its_scale_is_refused(stream: Any) -> None:
    """A mid of 1001 has not moved to 10010."""
    book = L2Book(price_type="fixed")
    book.apply_snapshot([("100.1", 1)], [("100.2", 2)])
    stream.update(book, 0)
    book.apply_delta([], [("100.2", "0.5")])
    with pytest.raises(ValueError, match=r"went from \(1, 0\) to \(1, 1\)"):
        stream.update(book, 1)
