"""Order statistics on real tapes, end to end: the figures can be counted in the raw files by other means."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import orderbook as ob
from orderbook.analytics.conduct import fleeting_share
from orderbook.analytics.lifetimes import (
    Exit,
    Lifetimes,
    OrderKind,
    OrderLives,
    empirical_fill_table,
    order_kinds,
    order_lifetimes,
)
from orderbook.analytics.messages import MessageStats, message_burst
from orderbook.analytics.survival import cumulative_incidence, kaplan_meier
from orderbook.analytics.tape import trades_of

Files = Callable[[str], Path]

# In the venue's book when the recording began, and never heard of again, while the market traded beyond them.
STUCK = {"2002347646152704", "2002347642003458"}
COLUMNS = ("ts_event", "ts_recv", "action", "side", "flags", "price", "size", "order_id", "sequence")


@pytest.fixture(scope="module")
def bitstamp(bitstamp_tape: ob.Events) -> ob.Events:
    """The same without them; they are in the snapshot only, and their rows end no message."""
    keep = ~np.isin(bitstamp_tape.order_id, [int(order) for order in STUCK])
    return chosen(bitstamp_tape, keep)


@pytest.fixture(scope="module")
def lives(bitstamp: ob.Events) -> OrderLives:
    """What became of its orders."""
    return order_lifetimes(bitstamp)


def chosen(events: ob.Events, rows: slice | np.ndarray) -> ob.Events:
    """Some rows of a tape."""
    columns = {name: getattr(events, name)[rows] for name in COLUMNS}
    exponents = {"price_exponent": events.price_exponent, "size_exponent": events.size_exponent}
    return ob.Events(events.symbol, **columns, **exponents)


pytestmark = pytest.mark.xdist_group("bitstamp_orders")


def test_stuck_orders_are_named(bitstamp_example: ModuleType, bitstamp_tape: ob.Events) -> None:
    """Trades have passed exactly two of the orders that the tape leaves: both asks of the opening snapshot."""
    left = order_lifetimes(bitstamp_tape)
    left = left[left.exit == Exit.LIVE]
    stuck = bitstamp_example.passed_orders(left, trades_of(bitstamp_tape))
    assert {int(order) for order in STUCK} == set(stuck.order_id.tolist())
    assert ([-1, -1], [True, True]) == (stuck.side.tolist(), stuck.left_truncated.tolist())
    assert 6_518 == len(left)  # the recorder's own closing deletes


def test_every_order_is_accounted_for(lives: OrderLives) -> None:
    """6,512 of the snapshot and 156,889 created, less what only traded as it came in; 170 filled, as the trades say."""
    assert 6_512 - len(STUCK) == np.count_nonzero(lives.left_truncated)
    assert 156_889 - 6_512 - 133 == np.count_nonzero(~lives.left_truncated)
    assert {Exit.LIVE: 6_516, Exit.FILLED: 170, Exit.CANCELLED: 150_068} == {
        Exit(code): int(count) for code, count in zip(*np.unique(lives.exit, return_counts=True), strict=True)
    }
    assert 284 == lives.fills.sum()
    np.testing.assert_allclose(lives.size + lives.added, lives.filled + lives.cancelled + lives.left, rtol=1e-12)


def test_trades_and_fills_are_the_same_volume(bitstamp: ob.Events, lives: OrderLives) -> None:
    """The resting sides of 284 trades traded what the trades did."""
    trades = trades_of(bitstamp)
    assert 284 == len(trades.ts)
    assert lives.filled.sum() == pytest.approx(trades.size.sum(), rel=1e-12)


def test_most_orders_are_refused_at_once(lives: OrderLives) -> None:
    """Two orders of three come at or beyond the opposite best and are gone in the same millisecond, without a trade.

    That is what post-only orders look like that would have taken; without the stuck asks hardly another order crosses.
    """
    refused = lives[lives.marketable]
    assert 100_555 == len(refused)
    assert (refused.exit_ts == refused.entry_ts).mean() > 0.999
    assert 0.0001 > (refused.filled > 0).mean()
    others = lives[~lives.marketable & ~lives.left_truncated]
    assert 0.01 > (others.exit_ts == others.entry_ts).mean()
    assert np.quantile(others.distance, 0.5) > 0
    kinds = np.bincount(order_kinds(lives))
    assert (100_555, 0) == (kinds[OrderKind.MARKETABLE], len(kinds) - 1 - OrderKind.MARKETABLE)


def test_stuck_orders_would_have_spoilt_it(bitstamp_tape: ob.Events, lives: OrderLives) -> None:
    """With two orders too many of 156,756, over twenty thousand more seem to cross the spread."""
    spoilt = order_lifetimes(bitstamp_tape)
    assert 2 == len(spoilt) - len(lives)
    assert 123_931 - 100_555 == np.count_nonzero(spoilt.marketable) - np.count_nonzero(lives.marketable)


def test_fills_and_cancels_compete(lives: OrderLives) -> None:
    """Of the orders that rest, few are filled; to take cancels for censoring says nine times as many."""
    resting = lives[~lives.marketable]
    risks = resting.risks()
    assert 6_512 - len(STUCK) == risks.left_out
    fates = cumulative_incidence(risks.durations, risks.cause, entry=risks.entry)
    filled, cancelled, left = fates.at(Exit.FILLED, 60), fates.at(Exit.CANCELLED, 60), fates.survival_at(60)
    assert filled + cancelled + left == pytest.approx(1, abs=1e-9)
    assert 0.002 < filled < 0.005
    assert cancelled > 0.95
    naive = 1 - kaplan_meier(risks.durations, risks.cause == Exit.FILLED).at(60)
    assert naive > 9 * filled


def test_nearer_orders_are_filled_more(lives: OrderLives) -> None:
    """Orders that improve the best price are filled several times as often as those at five and more behind it."""
    resting = lives[~lives.marketable & ~lives.left_truncated]
    table = empirical_fill_table(resting, [1, 60], by=(np.digitize(resting.distance, [0, 5]),))
    assert [[0], [1], [2]] == table.groups.tolist()
    assert table.filled[0, 1] > 3 * table.filled[2, 1]
    assert (np.diff(table.filled, axis=1) >= 0).all()


def test_messages_for_a_fill(bitstamp: ob.Events) -> None:
    """Over a thousand messages for each fill; fourteen cancels are of orders that were never seen."""
    stats = MessageStats(edges=[0, 5, 50])
    stats.update(bitstamp)
    value = stats.value
    assert (150_244, 0, 150_068 + 14, 284) == (value.adds, value.changes, value.cancels, value.fills)
    assert (150_244 + 150_082) / 284 - 1 == value.order_to_trade_count
    ratios = value.cancel_ratio_at_entry
    assert ((ratios > 0.99) & (ratios < 1)).all()


def test_large_orders_are_not_the_fleeting_ones(lives: OrderLives) -> None:
    """Comparable small orders are pulled at once more often than the largest tenth."""
    for share in fleeting_share(lives):
        assert share.rate is not None
        assert share.base_rate is not None
        assert share.rate < share.base_rate
        assert 0.08 < share.orders / (share.orders + share.base_orders) < 0.12


def test_messages_come_in_bursts(bitstamp: ob.Events) -> None:
    """Tenths of a second in a market that trades in bursts: far more of them stand out than chance would make."""
    last = (bitstamp.flags & int(ob.Flag.LAST)) != 0
    burst = message_burst(bitstamp.ts_event[last], width=ob.duration_ns("100ms"), trailing=600)
    assert burst.messages.sum() == np.count_nonzero(last) - 1  # the snapshot's rows have no time of their own
    assert np.nanmean(burst.z > 4) > 0.01


def test_real_pieces_make_no_difference(bitstamp: ob.Events, lives: OrderLives) -> None:
    """Cut at uneven places, the tape gives the same lives."""
    ends = np.flatnonzero(bitstamp.flags & int(ob.Flag.LAST)) + 1
    cuts = [0, *ends[[1, 5_000, 5_001, 90_000, 200_000]].tolist(), len(bitstamp)]
    lifetimes = Lifetimes()
    tables = [lifetimes.update(chosen(bitstamp, slice(a, b))) for a, b in itertools.pairwise(cuts)]
    tables.append(lifetimes.resting)
    for name, values in lives.columns().items():
        np.testing.assert_array_equal(values, np.concatenate([getattr(t, name) for t in tables]), err_msg=name)


def test_bitfinex_says_only_that_orders_go(bitfinex_tape: ob.Events) -> None:
    """A tape without trades and times: 37,059 orders, 37,021 removed for reasons unknown, 19 left on each side."""
    lives = order_lifetimes(bitfinex_tape, tells_fills=False)
    assert (37_059, 50) == (len(lives), np.count_nonzero(lives.left_truncated))
    assert [38, 0, 0, 0, 0, 37_021] == np.bincount(lives.exit).tolist()
    assert [19, 19] == [np.count_nonzero((lives.exit == Exit.LIVE) & (lives.side == side)) for side in (1, -1)]
    assert (25_968, 0) == (lives.changes.sum(), lives.fills.sum())
    assert np.isnan(lives.seconds).all()
    assert len(lives) == lives.risks().left_out
    assert (lives.exit_row >= lives.entry_row).all()
    assert 31 == np.median(lives.exit_row - lives.entry_row)
