"""A venue speaks in the numbers of its rule, and a stream knows the truth behind every event."""

from __future__ import annotations

from typing import Any

import pytest

from orderbook.continuity import RULES, Family, Rule
from orderbook.errors import UsageError
from orderbook.events import Delta, Event, Heartbeat, OrderAdd, OrderSnapshot, Snapshot
from orderbook.testing import Message, Numbering, Venue, arrive, checksum, exact, whole
from orderbook.testing.streams import decimal_text, is_connection_scoped
from orderbook.types import Order, Side

BID, ASK = Side.BID, Side.ASK
OPENING = Snapshot(bids=[("99", "1")], asks=[("101", "1")])


def numbers(event: Any) -> tuple[Any, ...]:
    """What a rule compares."""
    return (event.first_sequence, event.prev_sequence, event.sequence, getattr(event, "group_sequence", None))


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        ("binance_spot", (1001, None, 1002, None), (1003, None, 1003, None)),
        ("binance_usdm", (1008, 1000, 1009, None), (1017, 1009, 1017, None)),
        ("deribit", (None, 1000, 1009, None), (None, 1009, 1017, None)),
        ("kraken_futures", (None, None, 1001, None), (None, None, 1002, None)),
        ("bybit_full", (None, None, 1001, 10008), (None, None, 1002, 10016)),
        ("bitstamp", (None, None, None, None), (None, None, None, None)),
        ("kraken", (None, None, None, None), (None, None, None, None)),
        ("okx_books5", (None, None, 1009, None), (None, None, 1017, None)),
    ],
)
def test_numbers_of_each_family(rule: str, first: Any, second: Any) -> None:
    """Ranges join, links name the last number, counters count, and what has no numbers has none."""
    venue = Venue(rule, OPENING)
    messages = [
        venue.change_levels([(BID, "99", "2"), (BID, "98", "1")], skip=7),
        venue.change_levels([(ASK, "101", "0")], skip=7),
    ]
    assert [first, second] == [numbers(message.events[0]) for message in messages]
    times = [message.events[0].ts_event for message in messages]
    assert times[0] < times[1]  # type: ignore[operator]


def test_message_in_two_parts() -> None:
    """Bids and asks may come as two events of one message, with the same numbers."""
    message = Venue("binance_spot", OPENING).change_levels([(BID, "98", "1"), (ASK, "102", "1")], parts=2)
    assert [False, True] == [event.is_last for event in message.events]
    assert 1 == len({numbers(event) for event in message.events})


def test_level_that_changes_twice_is_told_once() -> None:
    """A message has final sizes, and its range counts every update."""
    message = Venue("binance_spot", OPENING).change_levels([(BID, "98", "1"), (BID, "98", "3")])
    event: Any = message.events[0]
    assert (1001, 1002, 1, 3.0) == (event.first_sequence, event.sequence, len(event.bids), event.bids[0].size)


@pytest.mark.parametrize("rule", ["binance_spot", "binance_usdm", "okx_rest"])
def test_snapshot_inside_a_message(rule: str) -> None:
    """Taken after so many updates of the last message, it holds just these, under the number of the last of them."""
    venue = Venue(rule, OPENING)
    delta = venue.change_levels([(BID, "98", "1"), (BID, "97", "1"), (BID, "96", "1")], skip=5).events[0]
    event: Any = venue.snapshot(inside=2).events[0]
    assert [99.0, 98.0, 97.0] == [level.price for level in event.bids]
    assert (delta.sequence or 0) - 1 == event.sequence
    whole_now: Any = venue.snapshot().events[0]
    assert (4, delta.sequence) == (len(whole_now.bids), whole_now.sequence)


@pytest.mark.parametrize(
    ("rule", "inside"), [("deribit", 1), ("binance_spot", 0), ("binance_spot", 2), ("bitstamp", 1)]
)
def test_impossible_snapshots_are_refused(rule: str, inside: int) -> None:
    """Inside means inside, and only where updates have numbers of their own."""
    venue = Venue(rule, OPENING)
    venue.change_levels([(BID, "98", "1")])
    with pytest.raises(UsageError, match="no snapshot of rule"):
        venue.snapshot(inside=inside)


def test_limited_snapshot() -> None:
    """The best levels only, and it says so."""
    venue = Venue("binance_spot", Snapshot(bids=[("99", "1"), ("98", "1")], asks=[("101", "1")]))
    one: Any = venue.snapshot(1).events[0]
    two: Any = venue.snapshot(2).events[0]
    assert [(1, False), (2, True)] == [(len(event.bids), event.complete) for event in (one, two)]


@pytest.mark.parametrize(
    ("rule", "kind", "expected"),
    [
        ("okx", Delta, (None, 1000, 1000, None)),
        ("crypto_com", Delta, (None, 1000, 1001, None)),
        ("kucoin", Delta, (1001, None, 1001, None)),
        ("coinbase_full", Heartbeat, (None, None, 1001, None)),
    ],
)
def test_keepalives(rule: str, kind: type[Event], expected: Any) -> None:
    """Nothing in them; on OKX the number stays, elsewhere it moves on."""
    message = Venue(rule, OPENING).beat()
    assert message is not None
    assert (kind, expected) == (type(message.events[0]), numbers(message.events[0]))


def test_venues_without_keepalives() -> None:
    """Where nothing is numbered a keepalive says nothing."""
    assert [None, None] == [Venue(rule, OPENING).beat() for rule in ("bitstamp", "tardis_csv")]


def test_legal_restarts() -> None:
    """OKX goes on lower and links, Bybit starts again at 1."""
    okx = Venue("okx", OPENING)
    okx.change_levels([(BID, "98", "1")], skip=50)
    event = okx.change_levels([(BID, "97", "1")], restart=True).events[0]
    assert (None, 1051, 1, None) == numbers(event)
    bybit = Venue("bybit", OPENING)
    assert 1 == bybit.restart().events[0].sequence
    assert 2 == bybit.change_levels([(BID, "97", "1")]).events[0].sequence
    with pytest.raises(UsageError, match="rule 'okx' has no restart at 1"):
        okx.restart()


def test_checksum_venue_proves_every_message() -> None:
    """Where the only proof is a checksum, snapshots and deltas have the right one."""
    venue = Venue("kraken", OPENING)
    first: Any = venue.snapshot().events[-1]
    assert checksum(venue.book) == first.checksum
    last: Any = venue.change_levels([(BID, "98", "1"), (ASK, "102", "1")], parts=2).events[-1]
    assert first.checksum != checksum(venue.book) == last.checksum


def test_connection_is_shared() -> None:
    """Two instruments of one connection take turns at one counter, snapshots included."""
    numbering = Numbering("bitfinex_raw", first=0)
    opening = OrderSnapshot(orders=[Order(1, BID, "99", "1")])
    venues = [Venue("bitfinex_raw", opening, symbol=symbol, numbering=numbering) for symbol in ("tA", "tB")]
    messages = [venue.snapshot(takes_number=True) for venue in venues]
    messages += [venue.tell(OrderAdd(order_id=2, side=BID, price="98", size="1")) for venue in venues]
    assert [1, 2, 3, 4] == [message.events[0].sequence for message in messages]
    assert is_connection_scoped("bitfinex_raw")


def test_stream_is_a_sequence_of_events_with_a_truth() -> None:
    """Index, slice, length, and what the venue's book was as of every event, in any order of asking."""
    venue = Venue("deribit", OPENING)
    messages = [venue.snapshot(), *(venue.change_levels([(BID, str(price), "1")]) for price in (98, 97, 96))]
    stream = arrive(venue, messages)
    assert (4, stream[1]) == (len(stream), stream[1:3][0])
    levels = [len(stream.truth(stream[i]).levels(BID)) for i in (0, 3, 1, 2, 0)]
    assert [1, 4, 2, 3, 1] == levels
    assert 4 == len(stream.truth().levels(BID))
    stream.truth().clear()
    assert 4 == len(stream.truth().levels(BID))
    times = [event.ts_recv or 0 for event in stream]
    assert sorted(set(times)) == times
    with pytest.raises(UsageError, match="not of this stream"):
        stream.truth(Delta())


def test_stream_reads_well_in_a_report() -> None:
    """A failing example shows what arrived, without what goes without saying."""
    venue = Venue("deribit", OPENING)
    stream = arrive(venue, [venue.snapshot(), venue.change_levels([(BID, "98", "1")])])
    assert """Stream('deribit', [
    Snapshot(sequence=1000, bids=Levels([(99.0, 1.0)]), asks=Levels([(101.0, 1.0)])),
    Delta(sequence=1001, prev_sequence=1000, bids=Levels([(98.0, 1.0)])),
])""" == repr(stream)


def test_truth_of_a_snapshot_inside_a_message_is_what_it_says() -> None:
    """It shows a moment that no message ends with."""
    venue = Venue("binance_spot", OPENING)
    delta = venue.change_levels([(BID, "98", "1"), (BID, "97", "1")])
    stream = arrive(venue, [delta, venue.snapshot(inside=1)])
    assert [2, 3] == [len(stream.truth(event).levels(BID)) for event in (stream[1], stream[0])]


def test_whole_of_orders() -> None:
    """All orders in queue order, and only where all of them are known."""
    opening = OrderSnapshot(orders=[Order(2, BID, "99", "1"), Order(1, BID, "99", "2"), Order(3, ASK, "101", "1")])
    venue = Venue("none", opening)
    assert [2, 1, 3] == [order.order_id for order in whole(venue.book).orders]  # type: ignore[union-attr]
    venue.book.seed(BID, 98, 1)  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="none without a name"):
        whole(venue.book)


@pytest.mark.parametrize("text", ["0", "-0.5", "1000000", "0.00000001", "123456789.123456789"])
def test_decimal_text(text: str) -> None:
    """A fraction comes back as the text it came from."""
    assert text == decimal_text(exact(text))


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_every_rule_can_be_spoken(rule: Rule) -> None:
    """No venue row is without a voice."""
    venue = Venue(rule, OPENING)
    messages: list[Message] = [venue.snapshot(), venue.change_levels([(BID, "98", "1")]), venue.snapshot(1)]
    assert ["TEST"] * 3 == [message.events[0].symbol for message in messages]
    assert [True, rule.family is Family.SNAP, True] == [message.is_snapshot for message in messages]
