"""The synthetic market looks like one, and is the same market on every machine."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise

import pytest

from orderbook.books import L2Book, L3Book
from orderbook.builder import BookBuilder
from orderbook.errors import UsageError
from orderbook.events import Delta, OrderAdd, OrderCancel, OrderExecute, OrderModify, Quote, Snapshot, Trade
from orderbook.testing import SyntheticMarket, check_book, exact
from orderbook.testing.flow import Chance, OrderFlow
from orderbook.types import Side
from orderbook.verdicts import Verdict


def test_same_on_every_machine() -> None:
    """These numbers were made once; whatever computes others makes another market."""
    chance = Chance(1)
    assert [1, 8, 7, 2, 4, 4, 6, 7, 0, 0] == [chance.below(10) for _ in range(10)]
    flow = OrderFlow(1, mid=10_000, levels=20)
    acts = [tuple(map(str, act)) for _ in range(2_000) for act in flow.act()]
    assert "f3712a44f3a17bb7" == hashlib.sha256(repr(acts).encode()).hexdigest()[:16]


def test_seed_decides() -> None:
    """Another seed, another market; the same seed, the same."""
    first, again, other = (SyntheticMarket(seed).stream("none", 30) for seed in (1, 1, 2))
    assert list(first) == list(again)
    assert list(first) != list(other)


@pytest.mark.parametrize("seed", range(4))
def test_books_from_events_are_the_market(seed: int) -> None:
    """A book of orders and a book of levels rebuilt from events are what really rests, after every step."""
    market = SyntheticMarket(seed, levels=12)
    book = L3Book(market.symbol)
    book.apply(market.order_snapshot())
    for step in range(400):
        for event in market.step():
            book.apply(event)
        if step % 40 == 0:
            check_book(book, market.l3())
    check_book(book.to_l2(), market.l3().flat(), measures=False)
    levels = L2Book(market.symbol)
    levels.apply(market.snapshot())
    check_book(levels, market.l2())


def test_never_crossed_and_never_thin() -> None:
    """The matching engine never lets bid and ask meet, and no side runs dry, however long it goes on."""
    flow = OrderFlow(3, mid=5_000, levels=20)
    for _ in range(20_000):
        flow.act()
        assert flow.best(Side.BID) < flow.best(Side.ASK)
    for side in Side:
        assert 10 <= len(flow.prices(side)) <= 80
        assert sorted(flow.prices(side), reverse=side is Side.BID) == flow.prices(side)


def test_looks_like_a_market() -> None:
    """The price moves, a third of the changes are deletes, sizes cluster, most happens near the top."""
    market = SyntheticMarket(8)
    stream = market.stream("none", 3_000)
    deltas = [event for event in stream if isinstance(event, Delta)]
    sizes = [size for delta in deltas for rows in (delta.bids, delta.asks) for size in rows.sizes]
    assert 0.28 < sizes.count(0) / len(sizes) < 0.42
    clustered = Counter(level.size for delta in deltas for level in (*delta.bids, *delta.asks) if level.size)
    assert sum(count for _, count in clustered.most_common(12)) > 0.2 * clustered.total()
    book = L2Book(market.symbol)
    near = mids = 0
    seen = set()
    for event in stream:
        if isinstance(event, Delta) and book.best_bid and book.best_ask:
            seen.add(book.mid_price)
            touched = [abs(level.price - book.mid_price) for level in (*event.bids, *event.asks)]
            near, mids = near + sum(distance < 0.1 for distance in touched), mids + len(touched)
        book.apply(event)
    assert len(seen) > 30
    assert near > mids / 3


def test_events_of_every_kind() -> None:
    """Orders arrive, change, shrink, leave and trade."""
    market = SyntheticMarket(1)
    events = [event for _ in range(500) for event in market.step()]
    assert {OrderAdd, OrderModify, OrderCancel, OrderExecute, Trade} == {type(event) for event in events}
    for execution, trade in pairwise(events):
        if isinstance(execution, OrderExecute):
            assert isinstance(trade, Trade)
            assert (execution.price, execution.size) == (trade.price, trade.size)
            assert execution.side is not trade.side
    times = [event.ts_event or 0 for event in events]
    assert sorted(times) == times


def test_witnesses_agree_with_the_book() -> None:
    """After a delta that ends at u, the best levels are those of the last quote whose own number is at most u."""
    stream = SyntheticMarket(6).stream("binance_spot", 300, witnesses=True)
    builder = BookBuilder(L2Book(stream[0].symbol), stream.rule)
    last = Quote()
    checked = 0
    for event in stream:
        last = event if isinstance(event, Quote) else last
        if builder.apply(event) == Verdict.APPLIED:
            bid, ask = builder.book.best_bid, builder.book.best_ask
            assert bid is not None
            assert ask is not None
            assert last.sequence == event.sequence
            said = [last.bid_price, last.bid_size, last.ask_price, last.ask_size]
            assert [exact(value or 0) for value in said] == [exact(value) for value in (*bid[:2], *ask[:2])]
            checked += 1
    assert checked > 250


def test_snapshot_comes_late_and_inside_a_message() -> None:
    """Some of what comes before the first snapshot is stale, one message bridges it, the rest follows."""
    stream = SyntheticMarket(1).stream("binance_spot", 30)
    at = next(index for index, event in enumerate(stream) if isinstance(event, Snapshot))
    number = stream[at].sequence or 0
    early = [((event.first_sequence or 0), (event.sequence or 0)) for event in stream[:at]]
    assert [True, False] == [last <= number for _, last in early[:2]]
    assert [1] == [index for index, (first, last) in enumerate(early) if first <= number < last]
    assert len(early) > 4


def test_dropping_and_resync() -> None:
    """A message that is dropped is not there, and a snapshot comes after it as asked."""
    whole = SyntheticMarket(1).stream("deribit", 40)
    stream = SyntheticMarket(1).stream("deribit", 40, drop=[20], resync_after=5)
    assert len(whole) == len(stream)
    assert 2 == sum(isinstance(event, Snapshot) for event in stream)
    gone = {event.sequence for event in whole} - {event.sequence for event in stream}
    assert 1 == len(gone)


def test_decimals_follow_tick_and_lot() -> None:
    """Prices are multiples of the tick, sizes of the lot."""
    market = SyntheticMarket(1, tick="0.25", lot="5", mid="1000", levels=10)
    for _ in range(100):
        market.step()
    model = market.l2()
    for side in Side:
        for level in model.levels(side):
            assert level.price % exact("0.25") == 0
            assert level.size % 5 == 0


@pytest.mark.parametrize(("mid", "tick"), [("100.001", "0.01"), ("0.5", "0.01")])
def test_impossible_prices_are_refused(mid: str, tick: str) -> None:
    """A market cannot open between ticks, or so low that it would run into 0."""
    with pytest.raises(UsageError, match=f"mid {mid} is a multiple of the tick"):
        SyntheticMarket(mid=mid, tick=tick)
