"""BookBuilder: what the worked examples leave open: policies, buffers, refusals, parts of messages."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from orderbook.books import L2Book, L3Book
from orderbook.builder import BookBuilder, SnapshotRequest, Stats
from orderbook.errors import (
    ChecksumMismatch,
    CrossedBookError,
    DecodeError,
    DuplicateLevel,
    ScaleError,
    SequenceGap,
    UnknownOrder,
    UsageError,
)
from orderbook.events import (
    Clear,
    Delta,
    Disconnect,
    Fault,
    Heartbeat,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderSnapshot,
    Quote,
    Snapshot,
    Status,
    Trade,
)
from orderbook.types import Order, Side
from orderbook.verdicts import OnCrossed, OnGap, OnUnknownOrder, State, Verdict


def spot(**options: Any) -> BookBuilder[L2Book]:
    """A live Binance-like builder: bid 100 x 1, ask 101 x 2, at 10."""
    made = BookBuilder(L2Book("X"), "binance_spot", **options)
    made.apply(Snapshot(sequence=10, bids=[("100", "1")], asks=[("101", "2")]))
    return made


def span(first: int, last: int, bids: Any = (("99", "1"),), asks: Any = (), **fields: Any) -> Delta:
    """A delta covering first..last."""
    return Delta(first_sequence=first, sequence=last, bids=bids, asks=asks, **fields)


def prices(made: BookBuilder[Any]) -> tuple[list[float], list[float]]:
    """Bid and ask prices, best first."""
    return [level.price for level in made.book.bids], [level.price for level in made.book.asks]


def test_a_gap_never_reaches_the_book() -> None:
    """The book is unknown from the gap on, and only the snapshot brings it back, with what was buffered."""
    made = spot()
    assert made.apply(span(13, 14, bids=[("98", "7")])) == Verdict.GAP
    assert prices(made) == ([], [])
    assert not made.book.depth(1).known
    assert made.apply(span(15, 15, bids=[("97", "7")])) == Verdict.BUFFERED
    assert made.needs_snapshot == SnapshotRequest("X", 12, "GET /api/v3/depth?symbol=X&limit=5000")
    assert made.apply(Snapshot(sequence=12, bids=[("100", "1")])) == Verdict.SNAPSHOT
    assert prices(made) == ([100.0, 98.0, 97.0], [])
    assert (made.needs_snapshot, made.stats.resyncs, made.stats.gaps) == (None, 1, 1)


def test_the_buffer_survives_snapshots_that_are_too_old() -> None:
    """REST answers from a cache: each old one is refused, none costs a buffered event."""
    made = BookBuilder(L2Book("X"), "binance_spot")
    made.apply(span(20, 21))
    for number in (5, 11, 18):
        assert made.apply(Snapshot(sequence=number, bids=[("1", "1")])) == Verdict.STALE
    assert made.apply(Snapshot(sequence=19)) == Verdict.SNAPSHOT
    assert (made.sequence, prices(made)) == (21, ([99.0], []))


def test_a_hole_in_the_buffer_is_a_gap_and_keeps_what_follows() -> None:
    """The part before the hole is of no use to any snapshot that still can come."""
    made = BookBuilder(L2Book("X"), "binance_spot")
    for event in (span(20, 21), span(24, 25), span(26, 26)):
        made.apply(event)
    gap = made.apply(Snapshot(sequence=19))
    assert (gap, gap.expected, gap.got) == (Verdict.GAP, 22, 24)
    assert made.needs_snapshot is not None and made.needs_snapshot.min_sequence == 23
    assert prices(made) == ([], [])
    assert made.apply(Snapshot(sequence=24)) == Verdict.SNAPSHOT
    assert made.sequence == 26


def test_an_older_snapshot_does_not_overwrite_a_live_book() -> None:
    """Taking it would lose the deltas since."""
    made = spot()
    made.apply(span(11, 12))
    before = made.book.copy()
    assert made.apply(Snapshot(sequence=11, bids=[("50", "1")])) == Verdict.STALE
    assert made.book == before
    assert made.apply(Snapshot(sequence=12, bids=[("50", "1")])) == Verdict.SNAPSHOT
    assert prices(made) == ([50.0], [])


def test_a_full_buffer_drops_the_oldest_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Bounded, counted, logged; the newest events stay usable."""
    made = BookBuilder(L2Book("X"), "binance_spot", max_buffer=2)
    with caplog.at_level(logging.WARNING, "orderbook"):
        for number in (20, 21, 22):
            made.apply(span(number, number))
    assert made.stats.overflows == 1
    assert [record.getMessage() for record in caplog.records] == ["buffer of 2 events is full, the oldest is dropped"]
    assert made.apply(Snapshot(sequence=19)) == Verdict.STALE
    assert made.apply(Snapshot(sequence=20)) == Verdict.SNAPSHOT
    assert made.sequence == 22


def test_a_buffer_holds_at_least_one() -> None:
    """Zero would make every bridge impossible."""
    with pytest.raises(UsageError, match="max_buffer is at least 1, not 0"):
        BookBuilder(L2Book(), max_buffer=0)


def test_deltas_before_an_in_band_snapshot_are_dropped() -> None:
    """They cannot be bridged: the venue starts the stream with the book."""
    made = BookBuilder(L2Book("X"), "deribit")
    assert made.apply(Delta(prev_sequence=1, sequence=2, bids=[("1", "1")])) == Verdict.STALE
    assert (made.state, made.stats.stale, made.stats.buffered) == (State.EMPTY, 1, 0)


def test_things_beside_the_book_are_noops() -> None:
    """Trades, quotes and status never touch the book, whatever number they carry."""
    made = spot()
    before = (made.book.copy(), made.sequence)
    asides = [
        Trade(price="1", size="1", sequence=999),
        Quote(bid_price="5", sequence=999),
        Status(status="halted"),
        Heartbeat(),
    ]
    assert [made.apply(event).name for event in asides] == ["NOOP"] * 4
    assert (made.book, made.sequence) == before


def test_a_numbered_heartbeat_takes_its_place() -> None:
    """It advances the sequence, is a gap like any other message, and is buffered before the snapshot."""
    made = BookBuilder(L2Book("X"), "coinbase_full")
    assert made.apply(Heartbeat(sequence=6)) == Verdict.BUFFERED
    made.apply(Snapshot(sequence=5))
    assert made.sequence == 6
    assert made.apply(Heartbeat(sequence=7)) == Verdict.NOOP
    assert made.book.sequence == 7
    assert made.apply(Heartbeat(sequence=9)) == Verdict.GAP


def test_disconnect_voids_the_book_and_the_buffer() -> None:
    """What was buffered belongs to the old connection."""
    made = spot()
    made.apply(span(13, 14))
    assert made.apply(Disconnect(symbol="X")) == Verdict.RESET
    assert (made.state, made.stats.disconnects) == (State.STALE, 1)
    assert made.apply(Snapshot(sequence=3, bids=[("5", "1")])) == Verdict.SNAPSHOT
    assert prices(made) == ([5.0], [])
    assert made.apply(span(4, 4)) == Verdict.APPLIED


def test_clear_makes_a_known_empty_book() -> None:
    """Databento's R: the book is empty and live."""
    made = BookBuilder(L3Book("ES"), "databento_mbo")
    assert made.apply(Clear()) == Verdict.RESET
    assert (made.state, made.book.depth(1).known) == (State.LIVE, True)
    assert made.apply(OrderAdd(order_id=1, side=Side.BID, price=1, size=1)) == Verdict.APPLIED


def test_an_unreadable_message_is_fatal_only_where_a_loss_is_invisible() -> None:
    """A numbered feed shows the gap by itself; an unnumbered one would go on with a wrong book."""
    fault = Fault(error=DecodeError("x"))
    assert spot().apply(fault) == Verdict.NOOP
    blind = BookBuilder(L2Book("X"), "none")
    blind.apply(Snapshot(bids=[("1", "1")]))
    assert (blind.apply(fault), blind.state, prices(blind)) == (Verdict.GAP, State.STALE, ([], []))


@pytest.mark.parametrize(
    "event",
    [
        span(11, 11, bids=[("9e18", "1")]),
        Delta(sequence=11, bids=[("99", "1")]),
    ],
    ids=["too large for the book's scale", "lacks its number"],
)
def test_what_the_book_refuses_makes_it_stale(event: Delta) -> None:
    """The error says whose instrument; the book is not served with a message missing."""
    made = BookBuilder(L2Book("X"), "binance_spot")
    made.apply(Snapshot(sequence=10, bids=[("100.5", "1")], asks=[("101", "2")]))
    with pytest.raises((ScaleError, DecodeError)) as caught:
        made.apply(event)
    assert caught.value.symbol == "X"
    assert (made.state, made.stats.refused, made.stats.gaps, prices(made)) == (State.STALE, 1, 1, ([], []))
    assert made.apply(Snapshot(sequence=12)) == Verdict.SNAPSHOT


def test_a_bad_snapshot_costs_no_buffered_event() -> None:
    """Before the book is live a refused snapshot changes nothing."""
    made = BookBuilder(L2Book("X"), "binance_spot")
    made.apply(span(11, 12))
    with pytest.raises(DuplicateLevel):
        made.apply(Snapshot(sequence=10, bids=[("1", "1"), ("1.0", "2")]))
    assert made.state is State.BUFFERING
    assert made.apply(Snapshot(sequence=10)) == Verdict.SNAPSHOT
    assert made.sequence == 12


def test_an_event_without_its_number_is_refused_before_it_is_buffered() -> None:
    """In the buffer it would spoil every later snapshot."""
    made = BookBuilder(L2Book("X"), "binance_usdm")
    with pytest.raises(DecodeError, match="X: rule 'binance_usdm' needs prev_sequence"):
        made.apply(span(5, 6))
    assert made.apply(Snapshot(sequence=4)) == Verdict.SNAPSHOT


def test_unknown_orders_by_policy() -> None:
    """Strict raises and goes stale; count passes and counts. Nothing is clamped."""
    order = OrderSnapshot(orders=[Order(1, Side.BID, "100", "1")])
    strict = BookBuilder(L3Book("X"), "none")
    strict.apply(order)
    with pytest.raises(UnknownOrder):
        strict.apply(OrderCancel(order_id=2))
    assert strict.state is State.STALE
    lax = BookBuilder(L3Book("X"), "none", on_unknown_order=OnUnknownOrder.COUNT)
    lax.apply(order)
    assert lax.apply(OrderCancel(order_id=2)) == Verdict.NOOP
    assert (lax.state, lax.stats.unknown_orders, len(lax.book.orders)) == (State.LIVE, 1, 1)


def test_a_gap_can_raise() -> None:
    """After the state has changed, so that who catches it can go on."""
    made = spot(on_gap=OnGap.RAISE)
    with pytest.raises(SequenceGap) as caught:
        made.apply(span(13, 14))
    assert (caught.value.expected, caught.value.got, caught.value.symbol, made.state) == (11, 13, "X", State.STALE)


def test_a_bad_checksum_can_raise() -> None:
    """With both numbers."""
    made = BookBuilder(L2Book("X"), "kraken", checksum=lambda book: 5, on_gap=OnGap.RAISE)
    with pytest.raises(ChecksumMismatch) as caught:
        made.apply(Snapshot(checksum=7))
    assert (caught.value.expected, caught.value.got, made.state, made.stats.checksums_bad) == (7, 5, State.STALE, 1)


def test_crossed_books_by_policy() -> None:
    """Counted by default (transients are legal), or a gap, or an error; a locked book is only counted."""
    crossing = span(11, 11, bids=[("102", "1")])
    counted = spot()
    assert counted.apply(span(11, 11, bids=[("101", "1")])) == Verdict.APPLIED
    assert (counted.stats.locked, counted.stats.crossed) == (1, 0)
    counted = spot()
    assert (counted.apply(crossing), counted.stats.crossed, counted.state) == (Verdict.APPLIED, 1, State.LIVE)
    resync = spot(on_crossed=OnCrossed.RESYNC)
    assert (resync.apply(crossing), resync.state, prices(resync)) == (Verdict.GAP, State.STALE, ([], []))
    strict = spot(on_crossed=OnCrossed.RAISE)
    with pytest.raises(CrossedBookError) as caught:
        strict.apply(crossing)
    assert (caught.value.bid, caught.value.ask, strict.state) == (102.0, 101.0, State.STALE)


def test_the_parts_of_a_message_share_its_fate_and_are_looked_at_together() -> None:
    """The first part crosses the book and the second uncrosses it: no cross is seen inside a message."""
    made = spot(on_crossed=OnCrossed.RAISE)
    first = span(11, 12, bids=[("102", "1")], is_last=False)
    second = span(11, 12, bids=[], asks=[("101", "0"), ("103", "1")])
    assert [made.apply(first).name, made.apply(second).name] == ["APPLIED", "APPLIED"]
    assert prices(made) == ([102.0, 100.0], [103.0])
    stale = span(9, 10, is_last=False)
    assert [made.apply(stale).name, made.apply(span(9, 10)).name] == ["STALE", "STALE"]
    assert made.apply(span(13, 13)) == Verdict.APPLIED


def test_buffered_and_broken_messages_keep_their_parts() -> None:
    """Whole messages bridge, not halves."""
    made = spot()
    parts = [span(13, 14, bids=[("50", "1")], is_last=False), span(13, 14, bids=[("51", "1")])]
    assert [made.apply(part).name for part in parts] == ["GAP", "GAP"]
    made.apply(Snapshot(sequence=12))
    assert prices(made) == ([51.0, 50.0], [])


def test_the_rest_of_a_refused_message_is_dropped() -> None:
    """It must not be taken for a message of its own."""
    made = BookBuilder(L3Book("X"), "none")
    made.apply(OrderSnapshot())
    with pytest.raises(UnknownOrder):
        made.apply(OrderExecute(order_id=9, size=1, is_last=False))
    assert made.apply(OrderAdd(order_id=5, side=Side.BID, price=1, size=1)) == Verdict.STALE
    assert made.apply(OrderSnapshot(orders=[Order(1, Side.BID, 1, 1)])) == Verdict.SNAPSHOT


def test_a_trade_may_end_a_message() -> None:
    """The execution before it is settled with it, and the next message is judged afresh."""
    made = BookBuilder(L3Book("X"), "none")
    made.apply(OrderSnapshot(orders=[Order(1, Side.BID, 5, 4)]))
    made.apply(OrderExecute(order_id=1, size=1, is_last=False))
    assert made.apply(Trade(price=5, size=1)) == Verdict.NOOP
    assert made.apply(OrderExecute(order_id=1, size=1)) == Verdict.APPLIED
    assert made.book.orders[1].size == 2.0


def test_bridged_tells_what_the_live_book_is_made_of() -> None:
    """Snapshot first, then exactly the buffered events that were applied."""
    made = BookBuilder(L2Book("X"), "binance_spot")
    events = [span(9, 10), span(11, 11), span(12, 13)]
    for event in events:
        made.apply(event)
    snapshot = Snapshot(sequence=10)
    made.apply(snapshot)
    assert made.bridged == (snapshot, *events[1:])


def test_the_book_is_stamped_with_what_it_covers() -> None:
    """Number and times of the last event, also of one that changed no level."""
    made = spot()
    made.apply(span(11, 12, bids=[], ts_event=5, ts_recv=6))
    assert (made.book.sequence, made.book.ts_event, made.book.ts_recv) == (12, 5, 6)
    made.apply(span(9, 12, ts_event=7, ts_recv=8))
    assert (made.book.sequence, made.book.ts_event, made.book.ts_recv) == (12, 5, 6)


def test_stats_add_up() -> None:
    """Every event ends in exactly one counter of verdicts."""
    made = spot()
    for event in (span(11, 11), span(9, 10), span(12, 12, bids=[]), span(15, 15), span(16, 16), Trade(price=1, size=1)):
        made.apply(event)
    s = made.stats
    assert (s.events, s.snapshots, s.applied, s.stale, s.noop, s.gaps, s.buffered) == (7, 1, 1, 1, 2, 1, 1)
    assert Stats(gaps=1, events=2) + Stats(gaps=3) == Stats(gaps=4, events=2)


def test_what_no_book_took_is_neither_applied_nor_bridged() -> None:
    """An unknown order that the policy passes over, in the later part of a message and in a buffer."""
    made = BookBuilder(L3Book("X"), "coinbase_full")
    made.apply(OrderAdd(order_id=1, side=Side.BID, price=5, size=1, sequence=11))
    made.apply(OrderCancel(order_id=9, sequence=12))
    made.apply(OrderSnapshot(sequence=10))
    assert [type(event).__name__ for event in made.bridged] == ["OrderSnapshot", "OrderAdd"]
    assert (made.stats.applied, made.stats.unknown_orders, made.sequence) == (1, 1, 12)
    parts = [
        OrderAdd(order_id=2, side=Side.BID, price=5, size=1, sequence=13, is_last=False),
        OrderCancel(order_id=9, sequence=13),
    ]
    assert [made.apply(part).name for part in parts] == ["APPLIED", "NOOP"]


def test_a_builder_starts_from_nothing() -> None:
    """Before the first snapshot not even emptiness is known; a book with levels in it would be taken on trust."""
    made = BookBuilder(L2Book("X"), "binance_spot")
    assert not made.book.depth(1).known
    full = L2Book("X")
    full.apply_delta([("1", "1")], [])
    with pytest.raises(UsageError, match="a builder starts from an empty book"):
        BookBuilder(full, "binance_spot")


def test_overflow_drops_whole_messages() -> None:
    """Half a message must not bridge, nor may the rest of one whose beginning had to go."""
    made = BookBuilder(L2Book("X"), "binance_spot", max_buffer=2)
    for event in (span(11, 11, [("99", "1")], is_last=False), span(11, 11, [("98", "1")]), span(12, 12, [("97", "1")])):
        made.apply(event)
    assert (made.stats.overflows, made.apply(Snapshot(sequence=10))) == (2, Verdict.STALE)
    assert made.apply(Snapshot(sequence=11)) == Verdict.SNAPSHOT
    assert prices(made) == ([97.0], [])
    tiny = BookBuilder(L2Book("X"), "binance_spot", max_buffer=1)
    parts = [span(11, 11, [("99", "1")], is_last=False), span(11, 11, [("98", "1")])]
    assert [tiny.apply(part).name for part in parts] == ["BUFFERED", "STALE"]
    assert tiny.apply(Snapshot(sequence=10)) == Verdict.SNAPSHOT
    assert prices(tiny) == ([], [])


def test_a_message_that_is_never_finished_is_a_loss() -> None:
    """The next number begins while a part is missing; so does a fault between two parts."""
    made = spot()
    made.apply(span(11, 11, is_last=False))
    assert made.apply(span(12, 12)) == Verdict.GAP
    assert made.state is State.STALE
    made = spot()
    made.apply(span(11, 11, is_last=False))
    assert made.apply(Fault(error=DecodeError("x"))) == Verdict.GAP
    assert made.apply(span(11, 11)) == Verdict.BUFFERED
    assert made.state is State.STALE


def test_a_late_clear_does_not_empty_the_book() -> None:
    """One that comes again is judged by its number; the parts that follow a clear belong to it."""
    made = BookBuilder(L3Book("X"), "coinbase_full")
    assert made.apply(Clear(sequence=5, is_last=False)) == Verdict.RESET
    add = OrderAdd(order_id=1, side=Side.BID, price=5, size=1, sequence=5)
    assert (made.apply(add).changes_book, len(made.book.orders)) == (True, 1)
    assert made.apply(Clear(sequence=5)) == Verdict.STALE
    assert len(made.book.orders) == 1


def test_a_snapshot_stands_for_itself() -> None:
    """Whatever stale part it shares a message with."""
    made = BookBuilder(L2Book("X"), "none")
    assert made.apply(Delta(bids=[("1", "1")], is_last=False)) == Verdict.STALE
    assert made.apply(Snapshot(bids=[("5", "1")])) == Verdict.SNAPSHOT


def test_a_part_counts_even_if_the_one_before_was_empty() -> None:
    """Its verdict says that the book changed, which recorders of columns go by."""
    made = spot()
    assert made.apply(span(11, 11, [], is_last=False)) == Verdict.NOOP
    assert made.apply(span(11, 11, [("99", "1")])) == Verdict.APPLIED


def test_a_checksum_rule_without_a_checksum_sees_no_loss() -> None:
    """So an unreadable message ends the book."""
    made = BookBuilder(L2Book("X"), "kraken")
    made.apply(Snapshot(bids=[("1", "1")]))
    assert made.apply(Fault(error=DecodeError("x"))) == Verdict.GAP


def test_the_checksum_of_a_bridged_snapshot_is_that_of_its_last_event() -> None:
    """The snapshot's own describes a book that the buffer has changed since."""
    made = BookBuilder(L2Book("X"), "binance_spot", checksum=lambda book: len(book.bids))
    made.apply(span(11, 11, checksum=2))
    assert made.apply(Snapshot(sequence=10, bids=[("5", "1")], checksum=1)) == Verdict.SNAPSHOT
    assert (made.stats.checksums_ok, made.stats.checksums_bad) == (1, 0)
