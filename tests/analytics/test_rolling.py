"""Moving windows against their definitions, evaluated anew from all that was ever put in."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook import L2Book, Panel
from orderbook.analytics.imbalance import imbalance
from orderbook.analytics.rolling import LatencyTracker, MidHistory, Rolling

SECOND = 1_000_000_000

Update = tuple[int, float | None]

updates = st.lists(
    st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(-8, 8).map(float), st.floats(-1e6, 1e6))), max_size=60
)
windows = st.sampled_from([{"window": 1}, {"window": 7}, {"events": 1}, {"events": 5}, {"window": 9, "events": 4}])


def at_times(steps: list[tuple[int, float | None]]) -> list[Update]:
    """Updates at the times that the steps add up to."""
    return list(zip(np.cumsum([step for step, _ in steps]).tolist(), [value for _, value in steps], strict=True))


def naive_values(seen: list[Update], window: float = math.inf, events: int | None = None) -> list[float]:
    """The values of the window, by its definition."""
    now = seen[-1][0]
    values = [value for ts, value in seen if value is not None and ts > now - window]
    return values if events is None else values[-events:]


def naive_time_mean(seen: list[Update], window: float = math.inf, events: int | None = None) -> float | None:
    """The integral of the last value over the window, divided by the time that has one, a nanosecond at a time."""
    now, defined = seen[-1][0], [ts for ts, value in seen if value is not None]
    start = max(now - window, seen[0][0])
    if events is not None and len(defined) > events:
        # An update that pushes a value out by number, as it happens, may come before the window loses it by time.
        start = max(start, *_pushed(seen, window, events))
    inside = [next(value for ts, value in reversed(seen) if ts <= tick) for tick in range(int(start), now)]
    known = [value for value in inside if value is not None]
    return math.fsum(known) / len(known) if known else None


def _pushed(seen: list[Update], window: float, events: int) -> list[int]:
    """Where the window began after each update that pushed a value out by number."""
    kept: list[int] = []
    starts = [-1]
    for ts, value in seen:
        kept = [old for old in kept if old > ts - window]
        kept += [] if value is None else [ts]
        if len(kept) > events:
            kept = kept[1:]
            starts.append(kept[0])
    return starts


# -- Rolling ----------------------------------------------------------------------------------------------------------


@given(updates, windows)
def test_rolling_is_its_definition(steps: list[Any], window: dict[str, int]) -> None:
    """After every update each statistic equals the one of the plain list of values in the window."""
    rolling, seen = Rolling(**window), []
    for ts, value in at_times(steps):
        rolling.update(ts, value)
        seen.append((ts, value))
        values = naive_values(seen, **window)
        assert (len(rolling), rolling.value) == (len(values), value)
        if not values:
            assert (None,) * 5 == (rolling.mean, rolling.std, rolling.min, rolling.max, rolling.zscore)
            continue
        assert (rolling.min, rolling.max) == (min(values), max(values))
        size = max(map(abs, values)) + 1e-300
        assert rolling.mean == pytest.approx(np.mean(values), rel=1e-12, abs=1e-12 * size)
        std = float(np.std(values, ddof=1)) if len(values) > 1 else None
        assert rolling.std == (None if std is None else pytest.approx(std, rel=1e-9, abs=1e-9 * size))


@given(updates, windows)
def test_time_weighted_mean_is_its_definition(steps: list[Any], window: dict[str, int]) -> None:
    """A value counts for the time that it stood inside of the window, also one that was there when it opened."""
    rolling, seen = Rolling(**window), []
    for ts, value in at_times(steps):
        rolling.update(ts, value)
        seen.append((ts, value))
        expected = naive_time_mean(seen, **window)
        assert rolling.time_weighted_mean == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-6))


def test_time_weighted_mean_by_hand() -> None:
    """1 for 9 s of 10 and then 11: the mean over time is 2. The update to 1 is as old as the window, and out."""
    rolling = Rolling(window=timedelta(seconds=10))
    for second, value in ((0, 1.0), (9, 11.0), (10, None)):
        rolling.update(second * SECOND, value)
    assert (rolling.time_weighted_mean, rolling.mean) == (2.0, 11.0)
    rolling.update(11 * SECOND, None)
    assert rolling.time_weighted_mean == pytest.approx((8 * 1 + 1 * 11) / 9)


def test_window_is_open_at_its_start() -> None:
    """A value exactly one window old is out; one a nanosecond younger is in."""
    rolling = Rolling(window=10)
    rolling.update(0, 1.0)
    rolling.update(1, 2.0)
    rolling.update(10, 3.0)
    assert (len(rolling), rolling.min) == (2, 2.0)


def test_zscore() -> None:
    """(5 - 3) / sqrt(2.5), and None while there is no deviation or no value."""
    rolling = Rolling(events=5)
    for i in range(1, 6):
        rolling.update(i, float(i))
    assert rolling.zscore == pytest.approx(2 / math.sqrt(2.5), rel=1e-15)
    rolling.update(6, None)
    assert (rolling.value, rolling.zscore, rolling.mean) == (None, None, 3.0)
    flat = Rolling(events=5)
    for i in range(9):
        flat.update(i, 0.1)
        assert flat.zscore is None
    assert (flat.std, flat.mean) == (0.0, 0.1)


def test_nothing_piles_up_in_a_long_stream() -> None:
    """After a hundred thousand prices and one absurd value, the window is as exact as a fresh one."""
    rng = np.random.default_rng(1)
    prices = 1e5 + rng.standard_normal(30_000) * 1e-3
    rolling = Rolling(events=50)
    for i, price in enumerate(prices.tolist()):
        rolling.update(i * SECOND, 1e15 if i == 29_000 else price)
    assert rolling.mean == pytest.approx(prices[-50:].mean(), rel=1e-15)
    assert rolling.std == pytest.approx(prices[-50:].std(ddof=1), rel=1e-6)
    assert rolling.time_weighted_mean == pytest.approx(prices[-50:-1].mean(), rel=1e-14)


def test_undefined_values_end_the_one_before() -> None:
    """None, NaN and infinity are no values, and the time until the next is nobody's."""
    rolling = Rolling(window=1_000)
    for ts, value in ((0, 1.0), (10, None), (20, math.nan), (30, math.inf), (40, 4.0), (50, 4.0)):
        rolling.update(ts, value)
    assert (len(rolling), rolling.mean, rolling.time_weighted_mean) == (3, 3.0, 2.5)


def test_reset_ends_the_last_value_and_keeps_the_window() -> None:
    """How long a value stood is not known across a gap; what was measured before it was measured."""
    rolling = Rolling(window=1_000)
    rolling.update(0, 1.0)
    rolling.update(10, 3.0)
    rolling.reset()
    assert rolling.value is None
    rolling.update(500, 5.0)
    rolling.update(510, 5.0)
    assert (rolling.mean, rolling.time_weighted_mean) == (3.5, 3.0)
    empty = Rolling(events=1)
    empty.reset()
    assert (empty.value, empty.mean, empty.time_weighted_mean, len(empty)) == (None, None, None, 0)


def test_memory_is_bounded_by_events() -> None:
    """At one instant, or fast within the window, there are never more than ``events`` values and as many steps."""
    rolling = Rolling(window=10**15, events=20)
    for i in range(2_000):
        rolling.update(i // 2, float(i) if i % 3 else None)
        assert len(rolling) <= 20
    assert len(rolling._steps._closed) <= 20


def test_measure_of_a_book(make_panel: Callable[..., Panel], books_of: Callable[[Panel], Iterator[L2Book]]) -> None:
    """Fed with a measure, None where it is undefined, the window is that of the defined rows."""
    panel = make_panel(3)
    rolling = Rolling(events=30)
    values = [imbalance(book) for book in books_of(panel)]
    for ts, value in zip(panel.ts.tolist(), values, strict=True):
        rolling.update(ts, value)
    defined = [value for value in values if value is not None]
    assert len(defined) < len(values)
    assert rolling.mean == pytest.approx(np.mean(defined[-30:]), abs=1e-14)


def test_estimators_pickle() -> None:
    """All three go on after pickling as if nothing had happened."""
    rolling, history, tracker = Rolling(events=3), MidHistory(events=3), LatencyTracker(events=3)
    book = L2Book()
    for i in range(5):
        book.apply_snapshot([(10 + i, 1)], [(12 + i, 1)])
        rolling.update(i, float(i))
        history.update(book, i)
        tracker.update(i, 2 * i)
    again, before, delays = pickle.loads(pickle.dumps((rolling, history, tracker)))
    again.update(9, 9.0)
    assert (again.mean, again.time_weighted_mean) == pytest.approx((16 / 3, 23 / 6), rel=1e-14)
    assert (before.volatility, delays.mean) == (history.volatility, 3.0)


@pytest.mark.parametrize("make", [Rolling, MidHistory])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "a window is a time or a number of events, or both: give window, events, or the two"),
        ({"window": 0}, "window is a time above 0, not 0"),
        ({"window": timedelta(-1)}, "window is a time above 0"),
        ({"events": 0}, "events is at least 1, not 0"),
        # 300,000 days are so many ns that int64 wraps around to a positive number again.
        ({"window": np.timedelta64(300_000, "D")}, "window is a whole number of ns that int64 holds"),
        ({"window": timedelta.max}, "window is a whole number of ns that int64 holds"),
        ({"window": np.timedelta64(1_500, "ps")}, "window is a whole number of ns that int64 holds"),
        ({"window": np.timedelta64("NaT", "s")}, "window is a whole number of ns that int64 holds"),
    ],
)
def test_windows_are_checked(make: Any, settings: dict[str, Any], message: str) -> None:
    """There is no window without a bound."""
    with pytest.raises(ValueError, match=message):
        make(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 1.5}, r"window is int ns, a timedelta or numpy.timedelta64, not 1\.5"),
        ({"window": "1s"}, "window is int ns, a timedelta or numpy.timedelta64, not '1s'"),
        ({"events": 2.0}, r"events is a whole number, not 2\.0"),
    ],
)
def test_windows_of_another_type_are_named(settings: Any, message: str) -> None:
    """The message names the argument and what is wanted."""
    with pytest.raises(TypeError, match=message):
        Rolling(**settings)


def test_windows_of_any_unit() -> None:
    """A minute is a minute."""
    for minute in (60 * SECOND, timedelta(minutes=1), np.timedelta64(1, "m"), np.timedelta64(60_000, "ms")):
        rolling = Rolling(window=minute)
        rolling.update(0, 1.0)
        rolling.update(60 * SECOND - 1, 2.0)
        assert len(rolling) == 2
        rolling.update(60 * SECOND, 3.0)
        assert rolling.min == 2.0


def test_time_never_falls() -> None:
    """An earlier time is refused, and changes nothing."""
    rolling, history, book = Rolling(events=3), MidHistory(events=3), L2Book()
    rolling.update(5, 1.0)
    history.update(book, 5)
    with pytest.raises(ValueError, match="ts never falls: 4 is earlier than the last, 5"):
        rolling.update(4, 2.0)
    with pytest.raises(ValueError, match="ts never falls: 4 is earlier than the last, 5"):
        history.update(book, 4)
    assert (rolling.mean, len(history)) == (1.0, 0)


# -- MidHistory -------------------------------------------------------------------------------------------------------


def shown(book: L2Book, mid: float | None) -> L2Book:
    """The book with such a mid, or with one side."""
    book.apply_snapshot([] if mid is None else [(mid - 1, 1)], [(5, 1) if mid is None else (mid + 1, 1)])
    return book


def filled(history: MidHistory, updates: list[Update]) -> MidHistory:
    """The history after books with such mids."""
    book = L2Book()
    for ts, mid in updates:
        history.update(shown(book, mid), ts)
    return history


def test_mid_history_by_hand() -> None:
    """Entries are changes; the volatility is that of the squares over the seconds that had a mid."""
    mids = [(0, 100.0), (1, 102.0), (2, 102.0), (3, None), (5, 90.0), (6, 91.0)]
    history = filled(MidHistory(window=60 * SECOND, returns="price"), [(ts * SECOND, mid) for ts, mid in mids])
    np.testing.assert_array_equal(history.ts, np.array([0, 1, 3, 5, 6]) * SECOND)
    np.testing.assert_array_equal(history.mid, [100, 102, np.nan, 90, 91])
    np.testing.assert_array_equal(history.returns, [np.nan, 2, np.nan, np.nan, 1])
    assert history.volatility == pytest.approx(math.sqrt((4 + 1) / 4), rel=1e-15)
    assert (history.value, len(history)) == (91.0, 5)


def test_mid_history_in_logarithms() -> None:
    """Returns are differences of logarithms, and a mid that is not above 0 is no mid."""
    history = filled(MidHistory(events=10), [(0, 2.0), (SECOND, 4.0), (2 * SECOND, 0.0), (3 * SECOND, 4.0)])
    np.testing.assert_allclose(history.returns, [np.nan, math.log(2), np.nan, np.nan], rtol=1e-15)
    assert history.volatility == pytest.approx(math.log(2) / math.sqrt(2), rel=1e-15)
    priced = filled(MidHistory(events=10, returns="price"), [(0, -2.0), (SECOND, 0.0)])
    assert (priced.value, priced.volatility) == (0.0, 2.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(5, 12).map(float))), min_size=1, max_size=50
    ),
    windows,
)
def test_volatility_is_that_of_the_arrays(steps: list[Any], window: dict[str, int]) -> None:
    """The running figure equals the sum over the arrays that the history shows, over the time that they cover."""
    history, book = MidHistory(**window), L2Book()
    for ts, mid in at_times(steps):
        history.update(shown(book, mid), ts)
        times, mids = np.append(history.ts, ts), history.mid
        start = ts - window["window"] if "window" in window else history.ts[0] if len(history) else 0
        ns = np.diff(np.maximum(times, start))[~np.isnan(mids)].sum()
        expected = math.sqrt(np.nansum(history.returns**2) / (ns * 1e-9)) if ns else None
        assert history.volatility == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9))
        assert len(history) <= window.get("events", 99)
        assert (history.ts[1:] > ts - window.get("window", 999)).all()


def test_volatility_of_a_walk() -> None:
    """A walk of one tick up or down, ten times a second, has the volatility of sqrt(10) ticks."""
    rng = np.random.default_rng(2)
    mids = 10_000 + np.cumsum(rng.choice([-1.0, 1.0], 500))
    history = filled(
        MidHistory(window=20 * SECOND, returns="price"), [(i * SECOND // 10, m) for i, m in enumerate(mids)]
    )
    # 200 moves in the 20 s, for the one at the very start is outside.
    assert history.volatility == pytest.approx(math.sqrt(10), rel=1e-12)


def test_mid_history_after_a_gap() -> None:
    """No return across a reset, even to a mid far away, and no time is counted in it."""
    history = filled(MidHistory(window=100 * SECOND, returns="price"), [(0, 100.0), (SECOND, 101.0)])
    history.reset()
    assert history.value is None
    filled(history, [(50 * SECOND, 500.0), (51 * SECOND, 500.0)])
    assert history.volatility == pytest.approx(math.sqrt(1 / 2), rel=1e-15)
    np.testing.assert_array_equal(history.mid, [100, 101, np.nan, 500])
    empty = MidHistory(events=1)
    empty.reset()
    assert (empty.value, empty.volatility, empty.returns.shape, empty.ts.dtype) == (None, None, (0,), np.int64)


def test_mid_history_is_bounded_by_events_through_gaps() -> None:
    """A reset is an entry too, and pushes the oldest one out."""
    history, book = MidHistory(events=5, returns="price"), L2Book()
    for i in range(200):
        history.update(shown(book, 100.0 + i % 7), i)
        if i % 3 == 0:
            history.reset()
        assert len(history) <= 5
        assert max(len(history._squares), len(history._steps._closed)) <= 5


def test_unknown_returns() -> None:
    """The message lists what there is."""
    with pytest.raises(ValueError, match="returns is one of 'log', 'price', not 'bps'"):
        MidHistory(events=1, returns="bps")  # type: ignore[arg-type]


# -- LatencyTracker ---------------------------------------------------------------------------------------------------


def test_latency_is_that_of_the_last_messages() -> None:
    """Statistics of the last 100 lags of 250, quantiles without interpolation."""
    lags = np.random.default_rng(3).integers(0, 10_000, 250)
    tracker = LatencyTracker(events=100)
    for i, lag in enumerate(lags.tolist()):
        tracker.update(i * 1_000_000, i * 1_000_000 + lag)
    last = np.sort(lags[-100:])
    assert (tracker.min, tracker.mean, tracker.value) == (last[0], last.mean(), lags[-1])
    assert (tracker.p50, tracker.p95, tracker.p99) == (last[49], last[94], last[98])
    assert (tracker.quantile(0), tracker.quantile(1), tracker.messages) == (last[0], last[99], 250)


def test_latency_within_a_window_of_time() -> None:
    """A message received one window ago is out."""
    tracker = LatencyTracker(window=10)
    for ts_recv, lag in ((100, 7), (101, 5), (110, 3)):
        tracker.update(ts_recv - lag, ts_recv)
    assert (tracker.mean, tracker.min) == (4.0, 3.0)


def test_latency_anomalies_are_counted() -> None:
    """Negative lags, times that go back on either clock, and messages without a time."""
    tracker = LatencyTracker()
    for ts_event, ts_recv in ((10, 15), (12, 11), (9, 20), (None, 21), (30, None), (30, 19)):
        tracker.update(ts_event, ts_recv)
    assert (tracker.messages, tracker.untimed, tracker.negative) == (4, 2, 2)
    assert (tracker.event_backwards, tracker.recv_backwards) == (1, 2)
    assert (tracker.min, tracker.value) == (-11.0, -11.0)
    tracker.reset()
    tracker.update(1, 2)
    assert (tracker.event_backwards, tracker.recv_backwards, tracker.messages) == (1, 2, 5)


def test_latency_takes_constant_memory() -> None:
    """The arrays are as large at the end as at the beginning."""
    tracker = LatencyTracker(events=16)
    before = len(pickle.dumps(tracker))
    for i in range(500):
        tracker.update(i, i + 5)
    assert len(pickle.dumps(tracker)) - before < 100


def test_latency_of_nothing() -> None:
    """Before the first message there is no answer; a share is a share."""
    tracker = LatencyTracker()
    assert (None,) * 4 == (tracker.value, tracker.min, tracker.mean, tracker.p99)
    with pytest.raises(ValueError, match=r"q is a share from 0 to 1, not 95"):
        tracker.quantile(95)
    for settings, message in (({"events": 0}, "events is at least 1"), ({"window": -1}, "window is a time above 0")):
        with pytest.raises(ValueError, match=message):
            LatencyTracker(**settings)  # type: ignore[arg-type]
