"""Every fault, under every rule, must end in the right verdict, and the book after the resync must be the true one."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook.books import L2Book, L3Book
from orderbook.builder import BookBuilder
from orderbook.continuity import RULES, Bridge, Family, Rule, Scope
from orderbook.errors import DecodeError
from orderbook.events import BOOK_EVENTS, Delta, Event, OrderCancel, OrderModify, Snapshot
from orderbook.feed import Feed
from orderbook.testing import (
    GARBAGE,
    BitfinexWire,
    FaultKind,
    Injected,
    Message,
    NaiveL2,
    NaiveReplay,
    Numbering,
    Stream,
    SyntheticMarket,
    Venue,
    check_book,
    check_known,
    checksum,
    drop,
    duplicate,
    faulty_streams,
    garbled,
    get_wire,
    l2_streams,
    l3_streams,
    raw_messages,
    reorder,
    whole,
    wire_formats,
)
from orderbook.types import RawMessage, Side
from orderbook.verdicts import OnError, State, Verdict


def distinct(rules: list[Rule]) -> list[Rule]:
    """One rule of each behaviour, since venues differ in names more than in rules; all under the profile thorough."""
    if os.environ.get("HYPOTHESIS_PROFILE") == "thorough":
        return rules
    return list({(rule.family, rule.bridge, rule.restart): rule for rule in reversed(rules)}.values())


L2_RULES = distinct([rule for rule in RULES.values() if rule.scope is Scope.INSTRUMENT])
L3_RULES = [
    RULES[name] for name in ("bitstamp_l3", "coinbase_full", "kraken_futures", "gate", "okx", "bitstamp", "itch50")
]
# Every fault under every rule is a hundred tests: each of them may look at fewer examples than one that stands alone.
HALF = settings(max_examples=max(10, settings().max_examples // 2))
KNOWN_TO_THE_ORACLE = [
    rule
    for rule in L2_RULES
    if rule.family in (Family.RANGE, Family.PREV, Family.INCR) and rule.bridge is not Bridge.ANCHOR
]


def each(rules: list[Rule]) -> pytest.MarkDecorator:
    """Parametrize over rules, by name."""
    return pytest.mark.parametrize("rule", rules, ids=lambda rule: rule.name)


def builder_for(stream: Stream, **options: Any) -> BookBuilder[Any]:
    """A builder for a made-up stream; a venue whose proof is a checksum gets one."""
    proof = checksum if stream.rule.family is Family.CRC else None
    symbol = stream[0].symbol
    is_l3 = type(stream.opening).__name__ == "OrderSnapshot"
    book: Any = L3Book(symbol) if is_l3 else L2Book(symbol)
    return BookBuilder(book, stream.rule, checksum=proof, **options)


def truth_behind(builder: BookBuilder[Any], stream: Stream, event: Event, verdict: Verdict) -> Any:
    """What the venue's book was as of what the builder has just put into its own."""
    return stream.truth(builder.bridged[-1] if verdict == Verdict.SNAPSHOT else event)


def run(stream: Stream, *, check: bool = True, **options: Any) -> tuple[BookBuilder[Any], list[tuple[Verdict, State]]]:
    """Feed a stream to a builder; after each whole message that changes the book, hold it against the truth.

    Returns what became of the first event of each message, and where the builder stood after the message.
    """
    builder = builder_for(stream, **options)
    said = []
    trusted = was_trusted = False
    first: Verdict | None = None
    for event in stream:
        verdict = builder.apply(event)
        first = verdict if first is None else first
        if event.is_last:
            said.append((first, builder.state))
            first = None
        if not isinstance(event, BOOK_EVENTS) and verdict == Verdict.NOOP:
            continue
        # The invariant of the whole product: from a loss to the next snapshot nothing is published.
        assert trusted or verdict != Verdict.APPLIED, f"{event} was applied to an unproven book"
        trusted = builder.state is State.LIVE
        was_trusted |= trusted
        if not trusted:
            assert 0 == len(builder.book.bids) + len(builder.book.asks)
            assert not (was_trusted and builder.book.depth(1).known)
        elif check and verdict.changes_book and event.is_last:
            check_known(builder.book, truth_behind(builder, stream, event, verdict))
    return builder, said


# -- sound feeds -----------------------------------------------------------------------------------------------------


@each(L2_RULES)
@given(data=st.data())
def test_sound_feed_by_level(rule: Rule, data: st.DataObject) -> None:
    """A feed that a real venue could send has no gap, and every book on the way is the true one."""
    stream = data.draw(l2_streams(rule=rule))
    builder, said = run(stream)
    assert State.LIVE is builder.state
    assert 0 == builder.stats.gaps + builder.stats.checksums_bad + builder.stats.refused
    check_known(builder.book, stream.truth())
    assert len(stream.messages) == len(said)


@each(L3_RULES)
@given(data=st.data())
def test_sound_feed_by_order(rule: Rule, data: st.DataObject) -> None:
    """The same order by order, down to the queues."""
    stream = data.draw(l3_streams(rule=rule))
    builder, _ = run(stream)
    assert State.LIVE is builder.state
    assert 0 == builder.stats.gaps + builder.stats.refused + builder.stats.unknown_orders
    truth = stream.truth()
    for order in truth.orders:
        queue = builder.book.queue(order.side, str(float(order.price)))
        assert [other.order_id for other in truth.queue(order.side, order.price)] == [own.order_id for own in queue]


@each(KNOWN_TO_THE_ORACLE)
@given(data=st.data())
def test_second_opinion(rule: Rule, data: st.DataObject) -> None:
    """Whatever arrives, sound or damaged at random, the verdicts and the book are those of an independent replay."""
    stream = data.draw(l2_streams(rule=rule))
    messages = list(stream.messages)
    for damage, place in data.draw(st.lists(DAMAGE, max_size=4)):
        messages = damage(messages, place % len(messages)) if messages else messages
    builder, oracle = builder_for(stream), NaiveReplay(rule)
    for message in (message.events for message in messages):
        said = [builder.apply(event).value for event in message]
        assert oracle.take(message) == said[0]
        assert (oracle.book is not None) == (builder.state is State.LIVE)
        if oracle.book is not None:
            check_known(builder.book, oracle.book)
            assert all(len(oracle.book.levels(side)) == len(rows) for side, rows in sides(builder.book))


DAMAGE = st.tuples(st.sampled_from([drop, duplicate, reorder]), st.integers(0, 50))


def test_late_message_in_the_buffer() -> None:
    """A message that was overtaken and that the next snapshot covers leaves the ones around it alone."""
    deltas = {n: Delta(first_sequence=n, sequence=n, bids=[(f"{n}", "1")]) for n in (11, 12, 13)}
    builder = BookBuilder(L2Book(), "binance_spot")
    builder.apply(Snapshot(sequence=10, bids=[("10", "1")]))
    for number in (12, 11, 13):
        builder.apply(deltas[number])
    assert Verdict.SNAPSHOT == builder.apply(Snapshot(sequence=11, bids=[("10", "1"), ("11", "1")]))
    assert [13.0, 12.0, 11.0, 10.0] == [level.price for level in builder.book.bids]
    assert 2 == builder.stats.applied


def test_book_before_the_first_snapshot_is_unknown() -> None:
    """Nothing has arrived, so nothing is known: an unproven book does not pass for an empty one."""
    builder = BookBuilder(L2Book(), "binance_spot")
    builder.apply(Delta(first_sequence=11, sequence=11, bids=[("99", "1")]))
    assert State.BUFFERING is builder.state
    assert not builder.book.depth(1).known


def sides(book: Any) -> list[tuple[Any, Any]]:
    """Both sides of a book with their names."""
    return [(Side.BID, book.bids), (Side.ASK, book.asks)]


# -- damaged feeds ---------------------------------------------------------------------------------------------------


def is_blind(rule: Rule, stream: Stream) -> bool:
    """Whether what was lost does not show in a checksum, because what came next says the same of the same levels."""
    injected = stream.injected[0]
    if rule.family is not Family.CRC or injected.kind in (FaultKind.DUPLICATE, FaultKind.RECONNECT):
        return False
    book = L2Book(stream[0].symbol)
    told = stream.messages[: injected.outcome(rule).at + 1]
    start = max(index for index, message in enumerate(told) if message.is_snapshot)
    for message in told[start:]:
        for event in message.events:
            if isinstance(event, BOOK_EVENTS):
                book.apply(event)
    return checksum(book) == told[-1].events[-1].checksum


@pytest.mark.parametrize("kind", list(FaultKind), ids=lambda kind: kind.name)
@each(L2_RULES)
@HALF
@given(data=st.data())
def test_fault_gets_the_right_verdict(kind: FaultKind, rule: Rule, data: st.DataObject) -> None:
    """One fault in a live feed: the verdict that the rule can give, no untrusted book, and a true book at the end."""
    stream = data.draw(faulty_streams(rule=rule, kinds=[kind]))
    outcome = stream.injected[0].outcome(rule)
    if is_blind(rule, stream):
        return
    builder, said = run(stream, check=outcome.visible)
    assert (outcome.verdict, State.LIVE if outcome.trusted else State.STALE) == said[outcome.at]
    assert State.LIVE is builder.state
    check_known(builder.book, stream.truth())


L3_FAULTS = [kind for kind in FaultKind if kind is not FaultKind.STALE_SNAPSHOT]


@pytest.mark.parametrize("kind", L3_FAULTS, ids=lambda kind: kind.name)
@each([RULES[name] for name in ("bitstamp_l3", "coinbase_full", "kraken_futures")])
@HALF
@given(data=st.data())
def test_fault_in_a_feed_of_orders(kind: FaultKind, rule: Rule, data: st.DataObject) -> None:
    """The same order by order, where a message applied twice or not at all would spoil every later one."""
    stream = data.draw(faulty_streams(rule=rule, kinds=[kind], orders=True))
    outcome = stream.injected[0].outcome(rule)
    builder, said = run(stream)
    assert (outcome.verdict, State.LIVE if outcome.trusted else State.STALE) == said[outcome.at]
    assert State.LIVE is builder.state
    assert {order.order_id for order in stream.truth().orders} == set(builder.book.orders)


# -- a market that looks like one ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@each(L2_RULES)
def test_market_with_a_hole(rule: Rule, seed: int) -> None:
    """One message of a long feed is lost: one gap, at that place, where the rule can see it, and a true book later."""
    stream = SyntheticMarket(seed).stream(rule, 150, drop=[90], resync_after=12)
    outcome = Injected(FaultKind.DROP, 0).outcome(rule)
    builder, said = run(stream, check=outcome.visible)
    losses = [verdict for verdict, _ in said if verdict in (Verdict.GAP, Verdict.CHECKSUM_BAD)]
    assert ([] if outcome.trusted else [outcome.verdict]) == losses
    assert len(losses) == builder.stats.resyncs
    # A book that does not know that it is wrong refuses a snapshot that is older than itself, as it must.
    if outcome.visible or not rule.buffers:
        check_known(builder.book, stream.truth())


@pytest.mark.parametrize("depth", [5, 20])
@pytest.mark.parametrize("rule", ["binance_spot", "binance_usdm", "deribit"])
def test_market_with_limited_snapshots(rule: str, depth: int) -> None:
    """After a snapshot of the best levels only, what the book does not know it does not claim to."""
    stream = SyntheticMarket(5).stream(rule, 200, depth=depth, drop=[120], resync_after=5)
    builder, _ = run(stream)
    assert 1 == builder.stats.gaps
    assert not builder.book.depth(1_000).known
    check_known(builder.book, stream.truth())


@pytest.mark.parametrize("rule", ["bitstamp_l3", "coinbase_full", "kraken_futures"])
def test_market_of_orders_with_a_hole(rule: str) -> None:
    """Order by order, the queues after the resync are the true ones."""
    stream = SyntheticMarket(2, levels=15).order_stream(rule, 300, drop=[200], resync_after=20)
    builder, _ = run(stream, check=False)
    assert 1 == builder.stats.gaps == builder.stats.resyncs
    check_book(builder.book, stream.truth())


@pytest.mark.parametrize("lost", range(8, 40, 5))
def test_losing_any_message_is_one_gap(lost: int) -> None:
    """Whichever message is lost, the gap is reported with the message after it, and with both numbers."""
    whole = SyntheticMarket(9).stream("binance_spot", 60)
    stream = whole.with_messages(drop(whole.messages, lost))
    builder, said = run(stream)
    gaps = [index for index, (verdict, _) in enumerate(said) if verdict == Verdict.GAP]
    missing = whole.messages[lost].events[0]
    assert [lost] == gaps
    assert (missing.first_sequence, whole.messages[lost + 1].events[0].first_sequence) == (
        said[lost][0].expected,
        said[lost][0].got,
    )
    assert State.STALE is builder.state


# -- a connection ----------------------------------------------------------------------------------------------------


def connection_frames(count: int = 60) -> tuple[list[Message], dict[str, Venue]]:
    """Frames of two instruments on one connection, which counts them all; every frame is one event."""
    numbering = Numbering("bitfinex_raw", first=0)
    markets = {symbol: SyntheticMarket(seed, symbol=symbol, levels=10) for seed, symbol in enumerate(("tAAA", "tBBB"))}
    venues = {
        symbol: Venue("bitfinex_raw", market.order_snapshot(), symbol=symbol, numbering=numbering)
        for symbol, market in markets.items()
    }
    frames = [venue.snapshot(takes_number=True) for venue in venues.values()]
    for number in range(count):
        symbol = ("tAAA", "tBBB")[number % 3 == 0]
        acts = markets[symbol].acts()
        events = [event for act in acts for event in markets[symbol].events_of(act, upserts=True)]
        frames += [venues[symbol].tell(event) for event in events if isinstance(event, (OrderModify, OrderCancel))]
    return frames, venues


def through_wires(frames: list[Message], wires: dict[str, BitfinexWire]) -> list[bytes]:
    """The frames as Bitfinex writes them, each instrument on its channel."""
    return [payload for frame in frames for payload in wires[frame.events[0].symbol].encode(frame)]


def test_connection_with_a_hole() -> None:
    """A frame of one instrument is lost: every instrument is unproven until its own new snapshot, and true after it."""
    frames, venues = connection_frames()
    wires = {symbol: BitfinexWire(symbol, channel=channel) for symbol, channel in (("tAAA", 100), ("tBBB", 200))}
    feed = Feed("bitfinex_raw")
    for payload in through_wires(frames[:40], wires):
        feed.receive(payload)
    through_wires(frames[40:41], wires)
    updates = [update for payload in through_wires(frames[41:45], wires) for update in feed.receive(payload)]
    assert [("tAAA", Verdict.GAP), ("tBBB", Verdict.GAP)] == [(update.symbol, update.verdict) for update in updates[:2]]
    assert not any(update.verdict.changes_book for update in updates)
    for payload in through_wires(frames[45:], wires):
        assert not any(update.verdict.changes_book for update in feed.receive(payload))
    for symbol, venue in venues.items():
        assert State.STALE is feed.builders[symbol].state
        for payload in through_wires([venue.snapshot(takes_number=True)], wires):
            feed.receive(payload)
        assert State.LIVE is feed.builders[symbol].state
        check_book(feed.builders[symbol].book.to_l2(), unknown_outside(venue), measures=False)
    assert 2 == feed.stats.resyncs


def unknown_outside(venue: Venue) -> NaiveL2:
    """The venue's levels; a raw book of Bitfinex is limited in depth, so that nothing is known beyond them."""
    model = NaiveL2()
    model.apply(replace(whole(venue.book.flat()), complete=False))
    for side in Side:
        model.sides[side] = {level.price: level for level in venue.book.levels(side)}
    return model


def test_connection_frame_twice() -> None:
    """A frame that comes twice changes nothing and is counted."""
    frames, _ = connection_frames()
    wires = {symbol: BitfinexWire(symbol) for symbol in ("tAAA", "tBBB")}
    wires["tBBB"].channel = 200
    payloads = through_wires(frames, wires)
    feed, again = Feed("bitfinex_raw"), Feed("bitfinex_raw")
    for payload in payloads:
        feed.receive(payload)
    for payload in duplicate(payloads, 30):
        again.receive(payload)
    assert 0 == again.stats.gaps
    assert feed.stats.stale + 1 == again.stats.stale
    assert [feed.book(symbol) for symbol in wires] == [again.book(symbol) for symbol in wires]


# -- payloads --------------------------------------------------------------------------------------------------------

ALL_WIRES = [name for name in wire_formats() if name != "lobster"]


@pytest.mark.parametrize("format", ALL_WIRES)
@given(data=st.data())
def test_garbage_among_payloads(format: str, data: st.DataObject) -> None:
    """What nobody can read is an error that is documented, or is counted and skipped, and never a wrong book."""
    messages = data.draw(raw_messages(format, symbol="tTEST", garbage=True))
    feed = Feed(format, symbols=["tTEST"], on_error=OnError.SKIP)
    strict = Feed(format, symbols=["tTEST"])
    unreadable = 0
    for message in messages:
        feed.receive(message)
        try:
            strict.receive(message)
        except DecodeError:
            unreadable += 1
    assert unreadable == feed.stats.faults
    assert unreadable == sum(message.payload in GARBAGE for message in messages)
    assert [feed.builders.keys(), feed.stats.gaps] == [strict.builders.keys(), strict.stats.gaps]


@pytest.mark.parametrize("format", ["binance_spot", "binance_usdm", "bitfinex_raw"])
def test_garbage_in_place_of_a_message(format: str) -> None:
    """A message that cannot be read is a message that is missing: the next one shows it."""
    market = SyntheticMarket(4, symbol="tTEST", levels=10)
    stream = (market.order_stream if format == "bitfinex_raw" else market.stream)(format, 60)
    wire = get_wire(format, "tTEST")
    payloads = [payload for message in stream.messages for payload in wire.encode(message)]
    messages = [RawMessage(number, payload) for number, payload in enumerate(payloads)]
    feed = Feed(format, symbols=["tTEST"], on_error=OnError.SKIP)
    for message in garbled(messages, 40):
        feed.receive(message)
    assert (1, 1) == (feed.stats.faults, feed.stats.gaps)
    assert State.STALE is feed.builders["tTEST"].state
