"""Indicators of conduct: worked values, made-up markets whose answer is known, base rates, and pieces of a tape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import orderbook as ob
from orderbook.analytics.conduct import fleeting_share, imbalance_around, layering_indicator, strategic_runs_indicator
from orderbook.analytics.lifetimes import OrderLives, order_lifetimes
from orderbook.analytics.messages import (
    MessageStats,
    cancel_ratio,
    cancelled_volume_imbalance,
    message_burst,
    order_to_trade,
)
from orderbook.analytics.tape import trades_of

MS = 1_000_000
BID, ASK = ob.Side.BID, ob.Side.ASK


def order(order_id: int, start: int, stop: int, **given: Any) -> list[ob.Event]:
    """An order that comes at ``start`` ms and is cancelled at ``stop`` ms."""
    what: dict[str, Any] = {"side": BID, "price": 100, "size": 1, **given}
    return [
        ob.OrderAdd(order_id=order_id, ts_event=start * MS, **what),
        ob.OrderCancel(order_id=order_id, ts_event=stop * MS),
    ]


def events_of(*tapes: list[ob.Event]) -> ob.Events:
    """All of them in the order of time; the best bid of 100 and ask of 110 rest from the beginning."""
    quotes: list[ob.Event] = [
        ob.OrderSnapshot(orders=[ob.Order(998, BID, 100, 1), ob.Order(999, ASK, 110, 1)], ts_event=0)
    ]
    return ob.Events.from_events(quotes + sorted((event for tape in tapes for event in tape), key=time_of))


def time_of(event: ob.Event) -> int:
    """When it happened."""
    assert event.ts_event is not None
    return event.ts_event


def lives_of(*tapes: list[ob.Event]) -> OrderLives:
    """The lives of a market."""
    return order_lifetimes(events_of(*tapes))


def test_order_to_trade() -> None:
    """1200 ordered for 100 traded, 48 messages for 6 trades; without a trade there is none."""
    assert (11, 7, None) == (order_to_trade(1200, 100), order_to_trade(48, 6), order_to_trade(48, 0))
    with pytest.raises(ValueError, match="ordered is at least 0"):
        order_to_trade(-1, 1)


def test_cancelled_volume_imbalance() -> None:
    """Three levels and their total; the sides swapped change the sign."""
    by_level, total = cancelled_volume_imbalance([30, 120, 250], [20, 40, 60])
    assert by_level == pytest.approx([0.2, 0.5, 0.612903], abs=5e-7)
    assert total == pytest.approx(0.538462, abs=5e-7)
    swapped = cancelled_volume_imbalance([20, 40, 60], [30, 120, 250])
    assert (-by_level).tolist() == swapped.by_level.tolist()
    empty = cancelled_volume_imbalance([0], [0])
    assert (True, None) == (bool(np.isnan(empty.by_level[0])), empty.total)
    with pytest.raises(ValueError, match="have one shape"):
        cancelled_volume_imbalance([1], [1, 2])


def test_cancel_ratio() -> None:
    """Nothing cancelled is 0, nothing at all is not known."""
    assert [0.75, 0] == cancel_ratio([3, 0, 0], [1, 2, 0])[:2].tolist()
    assert np.isnan(cancel_ratio(0, 0))


def test_bursts() -> None:
    """Against a plain loop, on counts with a burst; a constant rate is none."""
    rng = np.random.default_rng(3)
    counts = rng.poisson(4, 300)
    counts[200] = 60
    ts = np.repeat(np.arange(300) * 10 + 5_000, counts)
    burst = message_burst(ts, width=10, trailing=20)
    assert counts.tolist() == burst.messages.tolist()
    assert (np.arange(300) * 10 + 5_000).tolist() == burst.ts.tolist()
    for i in (20, 99, 200, 201, 299):
        before = counts[i - 20 : i]
        assert burst.z[i] == pytest.approx((counts[i] - before.mean()) / max(before.std(ddof=1), before.mean() ** 0.5))
    assert np.isnan(burst.z[:20]).all()
    assert 200 == np.nanargmax(burst.z)
    steady = message_burst(np.arange(100), width=4, trailing=5)
    assert [0.0] == np.unique(steady.z[5:]).tolist()


def test_bursts_out_of_silence() -> None:
    """After empty bins there is nothing to compare with; times before 1970 and unknown ones do no harm."""
    burst = message_burst([np.iinfo(np.int64).min, -25, 9], width=10, trailing=2)
    assert ([-30, -20, -10, 0], [1, 0, 0, 1]) == (burst.ts.tolist(), burst.messages.tolist())
    assert np.isnan(burst.z[3])
    assert 0 == len(message_burst([], width=10, trailing=2).z)
    assert np.isnan(message_burst([1], width=10, trailing=2).z).all()


def test_bursts_of_any_unit_of_time() -> None:
    """datetime64 of days is no count of days for ns, and floats are no times."""
    days = np.array(["1970-01-01", "1970-01-02", "1970-01-04"], "M8[D]")
    burst = message_burst(days, width=86_400 * 1_000 * MS, trailing=2)
    assert [1, 1, 0, 1] == burst.messages.tolist()
    with pytest.raises(ValueError, match="ts has a time that is no whole number of ns in int64"):
        message_burst(np.array(["1970-01-01", "2900-01-01"], "M8[D]"), width=1, trailing=2)
    with pytest.raises(TypeError, match="ts holds int nanoseconds or datetime64, not float64"):
        message_burst([0.5, 1.5], width=1, trailing=2)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"ts": [2, 1]}, "ts is one column"),
        ({"ts": [0, 10**18]}, "1000000000000000001 bins of 1 ns are too many"),
        ({"width": 0}, "width is a time above 0"),
        ({"trailing": 1}, "trailing is at least 2"),
        ({"trailing": 0}, "trailing is at least 1"),
    ],
)
def test_bursts_are_checked(options: dict[str, Any], named: str) -> None:
    """The message names the argument."""
    given: dict[str, Any] = {"ts": [1, 2], "width": 1, "trailing": 2, **options}
    with pytest.raises(ValueError, match=named):
        message_burst(given.pop("ts"), **given)


def test_fleeting_orders_beside_comparable_ones() -> None:
    """Large orders go at once; small ones at their price stay, and small ones elsewhere do not count."""
    large = [order(i, i, i + 10, size=50) for i in range(1, 11)]
    small = [order(100 + i, i, i + 400) for i in range(80)]
    far = [order(300 + i, i, i + 5, price=90) for i in range(20)]
    first, second = fleeting_share(lives_of(*large, *small, *far), [50 * MS, 500 * MS])
    assert (1.0, 0.0, 10, 80, 50.0) == first
    assert (1.0, 1.0) == second[:2]


def test_fleeting_shares_know_censoring_and_fills() -> None:
    """A fill competes, what the tape cuts off is censored, and what crosses the spread is left aside."""
    tape = [
        *order(1, 1, 20, size=9),
        *order(2, 1, 10_000, size=9)[:1],
        *order(3, 1, 0, size=9)[:1],
        ob.OrderExecute(order_id=3, size=9, ts_event=5 * MS),
        *order(4, 1, 2, size=9, price=111),
        *order(5, 0, 30, size=1),
    ]
    (share,) = fleeting_share(lives_of(tape), [50 * MS], size_quantile=0.5)
    assert (1 / 3, 3, 1.0, 1) == (share.rate, share.orders, share.base_rate, share.base_orders)
    (uncut,) = fleeting_share(lives_of(tape, order(6, 100, 110, side=ASK, price=120)), [50 * MS], size_quantile=0.5)
    assert uncut.rate == pytest.approx(1 / 3)


def test_orders_without_sound_times_are_left_aside() -> None:
    """A clock that ran backwards, a missing time, a snapshot: none of them is an order of which the age is known."""
    tape = [*order(1, 50, 40), ob.OrderAdd(order_id=2, side=BID, price=100, size=1), ob.OrderCancel(order_id=2)]
    events = ob.Events.from_events([ob.OrderSnapshot(orders=[ob.Order(9, BID, 100, 1)], ts_event=0), *tape])
    (share,) = fleeting_share(order_lifetimes(events), [MS])
    assert (None, 0) == (share.rate, share.orders)


def test_runs() -> None:
    """Four orders that follow each other are a run; one that waits, or has traded, ends it."""
    run = [order(i, 100 * i, 100 * i + 90, size=7, price=100 - i) for i in range(4)]
    apart = [order(10 + i, 50 + 1_000 * i, 90 + 1_000 * i, size=3) for i in range(1, 8)]
    result = strategic_runs_indicator(lives_of(*run, *apart), within=20 * MS, size_quantile=0.8)
    assert (1.0, 4, 7.0) == (result.rate, result.orders, result.size)
    assert 0 == result.base_rate
    for longest in (4, 5):
        found = strategic_runs_indicator(lives_of(*run), within=20 * MS, at_least=longest, size_quantile=0.5)
        assert float(longest == 4) == found.rate
    run[1].insert(1, ob.OrderExecute(order_id=1, size=1, ts_event=150 * MS))
    broken = strategic_runs_indicator(lives_of(*run), within=20 * MS, size_quantile=0.5)
    assert 0 == broken.rate


def test_long_runs_are_one() -> None:
    """A chain of a thousand orders is found whole."""
    run = [order(i, 10 * i, 10 * i + 9, size=7) for i in range(1, 901)]
    result = strategic_runs_indicator(lives_of(*run), within=5 * MS, at_least=900, size_quantile=0.5)
    assert (1.0, 900) == (result.rate, result.orders)


def layers(trade: ob.Trade | None = None, **changed: Any) -> tuple[OrderLives, Any]:
    """Three bids of 50 below each other, in and out; and forty small orders that do not belong to anything."""
    given = {"size": 50, **changed}
    tape = [order(i, i, 500 + i, **{"price": 100 - i, **given}) for i in (1, 2, 3)]
    noise = [order(100 + i, 1_000 * i, 1_000 * i + 1, price=100 - i % 4) for i in range(1, 40)]
    trades = [ob.Trade(price=110, size=1, side=BID, ts_event=100 * MS) if trade is None else trade]
    events = events_of(*tape, *noise, trades)
    return order_lifetimes(events), trades_of(events)


def test_layers() -> None:
    """Flagged with a trade against the asks while they stand; not without, on one price, or with a fill."""
    assert 1 == layering_indicator(*layers()).rate
    assert 0 == layering_indicator(*layers()).base_rate
    assert 0 == layering_indicator(*layers(ob.Trade(price=100, size=1, side=ASK, ts_event=100 * MS))).rate
    assert 0 == layering_indicator(*layers(ob.Trade(price=110, size=1, side=BID, ts_event=600 * MS))).rate
    assert 0 == layering_indicator(*layers(price=99)).rate
    assert 0 == layering_indicator(*layers(), at_least=4).rate
    assert 0 == layering_indicator(*layers(), pulled_within=400 * MS).rate
    assert 0 == layering_indicator(*layers(), within=MS // 2).rate


def test_small_layers_are_the_base_rate() -> None:
    """The same made by small orders shows beside the large ones."""
    tape = [order(i, i, 500 + i, price=100 - i, size=1) for i in (1, 2, 3)]
    large = [order(100 + i, 1_000 * i, 1_000 * i + 1, price=100 - i, size=50) for i in (1, 2, 3)]
    events = events_of(*tape, *large, [ob.Trade(price=110, size=1, side=BID, ts_event=100 * MS)])
    result = layering_indicator(order_lifetimes(events), trades_of(events), size_quantile=0.6)
    assert (0.0, 1.0, 3, 3) == result[:4]


def test_indicators_of_nothing() -> None:
    """No order, no rate; equal sizes leave none to compare with."""
    events = events_of()
    lives, trades = order_lifetimes(events), trades_of(events)
    for result in (strategic_runs_indicator(lives), layering_indicator(lives, trades), *fleeting_share(lives)):
        assert (None, None, 0, 0) == result[:4]
    assert None is strategic_runs_indicator(lives_of(order(1, 1, 2))).base_rate
    for quantile in (0, 1, float("nan")):
        with pytest.raises(ValueError, match="size_quantile is between"):
            fleeting_share(lives, size_quantile=quantile)


def busy_tape() -> list[list[ob.Event]]:
    """Orders at several distances, some filled in part, changed, cancelled; both sides."""
    rng = np.random.default_rng(11)
    tape = []
    for i in range(1, 120):
        side = BID if i % 3 else ASK
        price = int(100 - rng.integers(0, 8) if side is BID else 110 + rng.integers(0, 8))
        life = order(
            i, 10 * i, 10 * i + int(rng.integers(20, 400)), side=side, price=price, size=int(rng.integers(2, 9))
        )
        if i % 5 == 0:
            life.insert(1, ob.OrderExecute(order_id=i, size=1, ts_event=(10 * i + 5) * MS))
        if i % 7 == 0:
            life.insert(1, ob.OrderModify(order_id=i, size=1 + i % 4, ts_event=(10 * i + 3) * MS))
        tape.append(life)
    return tape


def test_message_stats_are_sums_over_lives() -> None:
    """Counts and volumes are those of the lives; the ratios by distance of entry too."""
    events = events_of(*busy_tape())
    stats = MessageStats(edges=[0, 2, 5])
    stats.update(events)
    value = stats.value
    lives = order_lifetimes(events)
    lives = lives[~lives.left_truncated]
    assert (119, 119, 17, 23) == (value.adds, value.cancels, value.changes, value.fills)
    assert (lives.size + lives.added).sum() == value.ordered
    assert (lives.cancelled.sum(), lives.filled.sum()) == (value.cancelled, value.executed)
    assert (119 + 119 + 17) / 23 - 1 == value.order_to_trade_count
    assert value.ordered / value.executed - 1 == value.order_to_trade_volume
    assert 119 / 23 == value.cancels_per_fill
    bucket = np.digitize(lives.distance, [0, 2, 5])
    sums = [np.bincount(bucket, column, 4) for column in (lives.cancelled, lives.filled)]
    np.testing.assert_array_equal(cancel_ratio(*sums), value.cancel_ratio_at_entry)
    by_side = [lives.cancelled[lives.side == side].sum() for side in (1, -1)]
    assert (by_side[0] - by_side[1]) / lives.cancelled.sum() == value.cancelled_imbalance.total


def test_distance_of_entry_and_of_exit() -> None:
    """An order that came far from the best and left at it is in two different buckets."""
    near = order(1, 10, 20, price=105)
    events = events_of(near, order(2, 11, 30, price=101, size=4))
    stats = MessageStats(edges=[0, 1])
    stats.update(events)
    assert [1.0] == stats.value.cancel_ratio_at_entry[~np.isnan(stats.value.cancel_ratio_at_entry)][:1].tolist()
    by_entry, by_exit = stats.value.cancel_ratio_at_entry, stats.value.cancel_ratio_at_exit
    assert ([1, 1], [1]) == (by_entry[[0, 2]].tolist(), by_exit[[1]].tolist())
    assert np.isnan([by_entry[1], by_exit[0], by_exit[2]]).all()


@pytest.mark.parametrize("halflife", [None, 100 * MS])
def test_message_stats_of_pieces(halflife: int | None) -> None:
    """Piece by piece comes to the same, and a reset begins anew."""
    messages = sorted((event for life in busy_tape() for event in life), key=time_of)
    whole, pieces = (MessageStats(edges=[0, 2], halflife=halflife) for _ in range(2))
    pieces.update(ob.Events.from_events(messages[:50]))
    pieces.reset()
    whole.update(ob.Events.from_events(messages))
    for at in range(0, len(messages), 7):
        pieces.update(ob.Events.from_events(messages[at : at + 7]))
    for a, b in zip(whole.value[:-1], pieces.value[:-1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    np.testing.assert_allclose(whole.value[-1].by_level, pieces.value[-1].by_level, rtol=1e-9)


def test_halflife() -> None:
    """What is one half-life old counts half."""
    stats = MessageStats(halflife=10 * MS)
    stats.update(ob.Events.from_events(order(1, 10, 20)))
    assert (0.5, 1, 0.5, 1) == (stats.value.adds, stats.value.cancels, stats.value.ordered, stats.value.cancelled)
    assert stats.value.order_to_trade_count is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"edges": [1, 1]}, "edges are prices"),
        ({"edges": [float("nan")]}, "edges are prices"),
        ({"halflife": 0}, "halflife is a time"),
        ({"clock": "x"}, "clock is"),
    ],
)
def test_message_stats_are_checked(options: dict[str, Any], named: str) -> None:
    """The message names the argument."""
    with pytest.raises(ValueError, match=named):
        MessageStats(**options)


def test_a_clock_that_falls_back_fades_nothing_in() -> None:
    """Counts fade by the latest time so far: no overflow, no more than was counted, and pieces make no difference."""
    tape = [
        ob.OrderAdd(order_id=i, side=BID, price=100, size=5, ts_event=ts) for i, ts in enumerate([10**15, 10, 10**15])
    ]
    whole, pieces = MessageStats(halflife=1_000), MessageStats(halflife=1_000)
    whole.update(ob.Events.from_events(tape))
    for event in tape:
        pieces.update(ob.Events.from_events([event]))
    assert (2, 2) == (whole.value.adds, pieces.value.adds)


def test_messages_without_a_time_fade_from_the_last_time_before() -> None:
    """Whatever the pieces; and those before any time from the first."""
    tape = [
        ob.OrderAdd(order_id=i, side=BID, price=100, size=5, ts_event=ts) for i, ts in enumerate([None, 10, None, 30])
    ]
    whole, pieces = MessageStats(halflife=10), MessageStats(halflife=10)
    whole.update(ob.Events.from_events(tape))
    for event in tape:
        pieces.update(ob.Events.from_events([event]))
        pieces.update(ob.Events.from_events([]))
    assert (1.75, 1.75) == (whole.value.adds, pieces.value.adds)


# ---- imbalance around orders -----------------------------------------------------------------------------------------


def test_imbalance_around_orders() -> None:
    """Changes towards the order's own side: as it came, as it was pulled, and by the horizon after that."""
    lives = lives_of(order(1, 10, 20), order(2, 12, 30, side=ASK, price=110))
    ts = np.array([0, 10, 12, 20, 25, 30, 40]) * MS
    found = imbalance_around(lives, ts, [0, 0.5, 0.25, -0.5, -0.25, 0.125, 0], horizon=5 * MS)
    at = [int(np.flatnonzero(lives.order_id == i)[0]) for i in (1, 2)]
    assert [0.5, 0.25] == found.came[at].tolist()
    assert [-0.75, -0.375] == found.went[at].tolist()
    assert [-0.25 - 0.25, -0.375] == found.later[at].tolist()
    # The orders of the snapshot have no birth that was seen, and still rest.
    rest = np.setdiff1d(np.arange(len(lives)), at)
    assert 2 == len(rest) and np.isnan([column[rest] for column in found]).all()


def test_imbalance_around_knows_what_it_does_not_know() -> None:
    """No row before, a gap, the end of the rows, a fill, no row at all: NaN."""
    filled = [order(3, 5, 0)[0], ob.OrderExecute(order_id=3, size=1, ts_event=20 * MS)]
    lives = lives_of(order(1, 5, 20), filled)
    at = np.argsort(lives.order_id)[:2]
    ts = np.array([5, 20, 30]) * MS
    found = imbalance_around(lives[at], ts, [0.5, 0.25, 0.125], horizon=10 * MS)
    assert np.isnan(found.came).all()
    assert [-0.25, True] == [found.went[0], np.isnan(found.went[1])]
    assert [-0.375, True] == [found.later[0], np.isnan(found.later[1])]
    assert np.isnan(imbalance_around(lives[at], ts, [0.5, 0.25, 0.125], horizon=11 * MS).later).all()
    assert np.isnan(imbalance_around(lives[at], ts, [0.5, 0.25, 0.125], horizon=2**63 - 1).later).all()
    gap = imbalance_around(lives[at], ts, [0.5, 0.25, 0.125], horizon=5 * MS, reset=[False, False, True])
    assert np.isnan(gap.later).all()
    assert np.isnan(imbalance_around(lives, [], [], horizon=1)).all()
    assert (0,) == imbalance_around(lives[:0], ts, [0, 0, 0], horizon=1).came.shape


def test_imbalance_around_does_not_look_ahead() -> None:
    """What is known by a time stays as it was, whatever comes after."""
    rng = np.random.default_rng(5)
    lives = lives_of(*busy_tape())
    ts = np.unique(rng.integers(0, 1_600, 300)) * MS
    values = rng.integers(-4, 5, len(ts)) / 4
    whole = imbalance_around(lives, ts, values, horizon=50 * MS)
    cut = len(ts) // 2
    part = imbalance_around(lives, ts[:cut], values[:cut], horizon=50 * MS)
    known_by = (lives.entry_ts, lives.exit_ts, lives.exit_ts + 50 * MS)
    for all_of, some_of, known in zip(whole, part, known_by, strict=True):
        seen = known <= ts[cut - 1]
        assert 20 < np.isfinite(some_of).sum() <= seen.sum()
        np.testing.assert_array_equal(all_of[seen], some_of[seen])
        assert np.isnan(some_of[~seen]).all()


def test_imbalance_around_is_checked() -> None:
    """One value a row, and a time to look at."""
    lives = lives_of()
    with pytest.raises(ValueError, match=r"imbalance has one value for each of 2 times, not the shape \(1,\)"):
        imbalance_around(lives, [0, 1], [0.5], horizon=1)
    with pytest.raises(ValueError, match="horizon is a time above 0, not 0"):
        imbalance_around(lives, [0], [0.5], horizon=0)
