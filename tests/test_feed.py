"""Feed: one connection, many instruments, errors with their place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orderbook.books import L2Book, L3Book
from orderbook.errors import (
    DecodeError,
    DuplicateLevel,
    ScaleError,
    SequenceGap,
    StaleBookError,
    UnknownFormat,
    UsageError,
)
from orderbook.events import Delta, Disconnect, Fault, OrderSnapshot, Quote, Snapshot, Status, Trade
from orderbook.feed import Feed
from orderbook.types import Place, RawMessage
from orderbook.verdicts import OnCrossed, OnError, OnGap, State, Verdict


def snapshot(symbol: str, number: int, bid: str = "100", ask: str = "101") -> RawMessage:
    """A REST snapshot, as a recorder with URLs keeps it."""
    body = {"lastUpdateId": number, "bids": [[bid, "1"]], "asks": [[ask, "2"]]}
    return RawMessage(5, json.dumps(body).encode(), f"https://host/api/v3/depth?symbol={symbol}&limit=1")


def delta(symbol: str, first: int, last: int, bids: Any = (("99", "1"),)) -> bytes:
    """A diff of Binance spot."""
    return json.dumps(
        {"e": "depthUpdate", "E": 1700000000000, "s": symbol, "U": first, "u": last, "b": bids, "a": []}
    ).encode()


def names(updates: Any) -> list[tuple[str, str]]:
    """Symbol and verdict of each update."""
    return [(update.symbol, update.verdict.name) for update in updates]


def live(*symbols: str, **options: Any) -> Feed:
    """A feed with live books at 10."""
    feed = Feed("binance_spot", **options)
    for symbol in symbols:
        feed.receive(snapshot(symbol, 10))
    return feed


def test_each_instrument_has_its_own_continuity() -> None:
    """A gap of one leaves the other alone."""
    feed = live("A", "B")
    assert names(feed.receive(delta("A", 13, 14))) == [("A", "GAP")]
    assert names(feed.receive(delta("B", 11, 12))) == [("B", "APPLIED")]
    assert {symbol: b.state.name for symbol, b in feed.builders.items()} == {"A": "STALE", "B": "LIVE"}
    assert [request.symbol for request in feed.needs_snapshots] == ["A"]
    assert (feed.stats.gaps, feed.stats.messages, feed.stats.snapshots) == (1, 4, 2)


def test_an_update_says_everything() -> None:
    """Symbol, verdict, event, live book, both times, state."""
    (update,) = live("A").receive(delta("A", 11, 12), 77)
    assert (update.symbol, update.verdict, update.ts_event, update.ts_recv) == (
        "A",
        Verdict.APPLIED,
        1700000000000000000,
        77,
    )
    assert isinstance(update.event, Delta)
    assert (update.state, update.book.best_bid.price) == (State.LIVE, 100.0)


def test_trades_and_quotes_come_through() -> None:
    """As noops, with the book beside them."""
    feed = live("A")
    trade = b'{"e":"trade","E":1,"s":"A","t":5,"p":"100.5","q":"2","T":1,"m":true}'
    quote = b'{"u":400900217,"s":"A","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}'
    updates = feed.receive(trade) + feed.receive(quote)
    assert names(updates) == [("A", "NOOP"), ("A", "NOOP")]
    assert [type(update.event) for update in updates] == [Trade, Quote]


def test_symbols_limit_the_feed() -> None:
    """Others are counted, not kept."""
    feed = live("A", symbols=["A"])
    assert feed.receive(delta("B", 1, 2)) == []
    assert (list(feed.builders), feed.stats.ignored) == (["A"], 1)


def test_text_for_symbols_is_a_mistake() -> None:
    """It would be read as its letters."""
    with pytest.raises(UsageError, match="symbols is a list of symbols, not the text 'BTC'"):
        Feed("binance_spot", symbols="BTC")


def test_unknown_format() -> None:
    """The error lists the known ones."""
    with pytest.raises(UnknownFormat, match=r"unknown format 'nyse'; known are .*binance_spot"):
        Feed("nyse")


def test_payloads_may_be_bytes_text_objects_messages_or_events() -> None:
    """One entry for all of them."""
    raw = delta("A", 11, 12)
    for payload in (
        raw,
        raw.decode(),
        json.loads(raw),
        RawMessage(1, raw),
        Delta(symbol="A", first_sequence=11, sequence=12),
    ):
        (update,) = live("A").receive(payload)
        assert update.verdict in (Verdict.APPLIED, Verdict.NOOP)


def test_a_feed_without_a_format_takes_events_only() -> None:
    """It does not guess; the kind of book follows from the first event."""
    feed = Feed()
    feed.receive(Snapshot(symbol="A", bids=[("1", "1")]))
    feed.receive(OrderSnapshot(symbol="B"))
    assert [type(feed.builders[symbol].book) for symbol in "AB"] == [L2Book, L3Book]
    with pytest.raises(UsageError, match="a feed without a format takes events, got `bytes`"):
        feed.receive(b"{}")


def test_an_unreadable_message_raises_with_its_place() -> None:
    """And what was there stays: the feed goes on after it."""
    feed = live("A")
    with pytest.raises(DecodeError) as caught:
        feed.receive(RawMessage(1, b"{not json", "", Place("tape.gz", 7)))
    assert (caught.value.place, feed.stats.faults) == (Place("tape.gz", 7), 1)
    assert str(caught.value).startswith("tape.gz:7: ")
    assert names(feed.receive(delta("A", 11, 12))) == [("A", "APPLIED")]


def test_skip_counts_what_is_unreadable() -> None:
    """Under the explicit policy; a numbered feed sees by itself whether anything was missed."""
    feed = live("A", on_error=OnError.SKIP)
    assert names(feed.receive(b"{not json")) == [("A", "NOOP")]
    assert feed.stats.faults == 1
    assert names(feed.receive(delta("A", 12, 12))) == [("A", "GAP")]


def test_skip_in_a_feed_that_cannot_see_a_loss_makes_its_books_stale() -> None:
    """Otherwise a wrong book would be served."""
    feed = Feed("tardis_csv", on_error=OnError.SKIP)
    header = b"exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
    feed.receive(header + b"x,S,1,2,true,bid,5,1")
    assert names(feed.receive(header + b"x,S,1,3,false,bid,nan,1")) == [("S", "GAP")]
    assert feed.builders["S"].state is State.STALE


def test_what_a_book_refuses_raises_or_is_news() -> None:
    """Raised with the place; under SKIP an update that carries the reason, and a stale book either way."""
    twice = b'{"lastUpdateId":20,"bids":[["1","1"],["1.0","2"]],"asks":[]}'
    message = RawMessage(1, twice, "https://host/api/v3/depth?symbol=A", Place("t", 3))
    feed = live("A")
    with pytest.raises(DuplicateLevel) as caught:
        feed.receive(message)
    assert (caught.value.symbol, caught.value.place) == ("A", Place("t", 3))
    feed = live("A", on_error=OnError.SKIP)
    (update,) = feed.receive(message)
    assert (update.verdict, update.state, feed.stats.refused) == (Verdict.GAP, State.STALE, 1)
    assert isinstance(update.event, Fault) and update.event.error.place == Place("t", 3)


def test_a_gap_can_raise() -> None:
    """Under the policy, with symbol and place."""
    feed = live("A", on_gap=OnGap.RAISE)
    with pytest.raises(SequenceGap) as caught:
        feed.receive(RawMessage(1, delta("A", 15, 16), "", Place("t", 9)))
    assert (caught.value.symbol, caught.value.place, caught.value.expected) == ("A", Place("t", 9), 11)


def test_a_disconnect_concerns_every_instrument() -> None:
    """Counted once, told to each; the next snapshot brings a book back."""
    feed = live("A", "B")
    assert names(feed.receive(Disconnect())) == [("A", "RESET"), ("B", "RESET")]
    assert feed.stats.disconnects == 1
    assert names(feed.receive(delta("A", 11, 12))) == [("A", "BUFFERED")]
    assert names(feed.receive(snapshot("A", 11))) == [("A", "SNAPSHOT")]
    assert feed.stats.resyncs == 1


SUBSCRIBED = b'{"event":"subscribed","channel":"book","chanId":5,"symbol":"tBTCUSD","prec":"R0","freq":"F0","len":"25"}'


def bitfinex(**options: Any) -> Feed:
    """A live raw book whose connection stands at 2."""
    feed = Feed("bitfinex_raw", **options)
    for frame in (SUBSCRIBED, b"[5,[[1,100,1],[2,101,-1]],1]", b"[5,[3,99,1],2]"):
        feed.receive(frame)
    return feed


def test_a_hole_in_a_connection_makes_every_book_stale() -> None:
    """Whatever was lost may have been anyone's."""
    feed = bitfinex()
    updates = feed.receive(b'[5,"hb",4]')
    assert [(u.verdict.name, u.verdict.expected, u.verdict.got) for u in updates if u.verdict == Verdict.GAP] == [
        ("GAP", 3, 4)
    ]
    assert feed.builders["tBTCUSD"].state is State.STALE
    assert feed.receive(b"[5,[4,98,1],5]")[0].verdict == Verdict.STALE
    with pytest.raises(SequenceGap):
        bitfinex(on_gap=OnGap.RAISE).receive(b'[5,"hb",4]')


def test_a_repeated_frame_is_not_applied_twice() -> None:
    """Its number says that it was there before."""
    feed = bitfinex()
    assert feed.receive(b"[5,[3,99,7],2]") == []
    assert feed.builders["tBTCUSD"].book.orders[3].size == 1.0
    assert feed.stats.stale == 1


def test_policies_reach_the_builders() -> None:
    """Each instrument gets the feed's."""
    feed = live("A", on_crossed=OnCrossed.RESYNC, max_buffer=3)
    assert names(feed.receive(delta("A", 11, 12, [["102", "1"]]))) == [("A", "GAP")]
    shallow = live("A", max_depth=1)
    shallow.receive(delta("A", 11, 12))
    assert len(shallow.builders["A"].book.bids) == 1


def test_the_book_of_a_feed() -> None:
    """The only one needs no name; a stale one is refused."""
    feed = live("A")
    assert feed.book().symbol == "A"
    feed.receive(snapshot("B", 10))
    with pytest.raises(UsageError, match="several symbols, name one: A, B"):
        feed.book()
    feed.receive(delta("A", 20, 21))
    with pytest.raises(StaleBookError, match="A: no proven book: the builder is stale"):
        feed.book("A")
    with pytest.raises(StaleBookError, match="C: no proven book: the builder is empty"):
        feed.book("C")
    with pytest.raises(StaleBookError):
        Feed("binance_spot").book()


def test_a_receive_clock_that_runs_backwards_is_counted() -> None:
    """Nothing is reordered; it is said."""
    feed = live("A")
    for ts in (50, 40, 45, 60):
        feed.receive(RawMessage(ts, b'{"result":null,"id":1}'))
    assert feed.stats.backwards == 2


def test_the_venues_word_on_itself_reaches_every_instrument() -> None:
    """It takes no number of the connection, so it cannot look like a gap."""
    feed = bitfinex()
    updates = feed.receive(b'{"event":"info","code":20060,"msg":"Entering in Maintenance mode."}')
    assert names(updates) == [("tBTCUSD", "NOOP")]
    assert isinstance(updates[0].event, Status)
    assert (feed.stats.gaps, names(feed.receive(b"[5,[4,98,1],3]"))) == (0, [("tBTCUSD", "APPLIED")])


def test_symbols_may_come_from_a_generator() -> None:
    """It is read once, for the filter and for the decoder."""
    feed = Feed("binance_spot", symbols=(symbol for symbol in ["A"]))
    assert names(feed.receive(b'{"lastUpdateId":5,"bids":[["1","1"]],"asks":[]}')) == [("A", "SNAPSHOT")]


def test_a_part_that_the_source_could_not_read_spoils_its_snapshot() -> None:
    """The rest of the run lacks levels and must not pass for a whole snapshot; the next one does."""
    feed = Feed("tardis_csv", on_error=OnError.SKIP)
    header = b"exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
    feed.receive(Fault(error=DecodeError("unreadable line")))
    assert names(feed.receive(header + b"x,S,1,2,true,bid,5,1")) == [("S", "STALE")]
    feed.receive(header + b"x,S,1,3,false,bid,4,1")
    assert names(feed.receive(header + b"x,S,1,4,true,bid,5,1")) == [("S", "SNAPSHOT")]


def test_without_a_format_events_need_no_symbol() -> None:
    """A list of events of one nameless book is a feed too."""
    feed = Feed()
    assert names(feed.receive(Snapshot(bids=[("1", "1")])) + feed.receive(Delta(bids=[("2", "1")]))) == [
        ("", "SNAPSHOT"),
        ("", "APPLIED"),
    ]
    assert feed.book().best_bid == (2.0, 1.0, None)


def test_without_a_format_orders_may_follow_a_trade() -> None:
    """The kind of book shows with the first event that changes one."""
    feed = Feed()
    feed.receive(Trade(symbol="A", price="1", size="1"))
    feed.receive(OrderSnapshot(symbol="A"))
    assert isinstance(feed.builders["A"].book, L3Book)
    assert (feed.stats.noop, feed.stats.snapshots) == (1, 1)


def test_one_instruments_error_is_not_anothers_loss() -> None:
    """Everything else in the message is applied before the error is raised."""
    feed = Feed("tardis_csv")
    header = b"exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
    feed.receive(header + b"x,A,1,2,true,bid,0.1,1\nx,B,1,2,true,bid,50,1")
    with pytest.raises(ScaleError):
        feed.receive(header + b"x,A,1,3,false,bid,9e18,1\nx,B,1,3,false,bid,51,1")
    assert feed.builders["A"].state is State.STALE
    assert feed.book("B").best_bid == (51.0, 1.0, None)


def test_an_unreadable_message_reaches_all_under_every_policy() -> None:
    """A policy about gaps neither hides the error nor spares the second book."""
    feed = Feed("tardis_csv", on_gap=OnGap.RAISE)
    header = b"exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
    feed.receive(header + b"x,A,1,2,true,bid,5,1\nx,B,1,2,true,bid,5,1")
    with pytest.raises(DecodeError):
        feed.receive(b"garbage")
    assert {builder.state for builder in feed.builders.values()} == {State.STALE}


def test_a_connection_without_numbers_sees_no_loss() -> None:
    """So an unreadable frame ends its books; with numbers the next frame would tell."""
    feed = Feed("bitfinex_raw", on_error=OnError.SKIP)
    for frame in (SUBSCRIBED, b"[5,[[1,100,1],[2,101,-1]]]"):
        feed.receive(frame)
    assert names(feed.receive(b"[5,[")) == [("tBTCUSD", "GAP")]
    numbered = bitfinex(on_error=OnError.SKIP)
    assert names(numbered.receive(b"[5,[")) == [("tBTCUSD", "NOOP")]


def test_numbers_that_start_anew_end_the_books() -> None:
    """Without a word about a new connection the old book would stand there for ever."""
    feed = bitfinex()
    feed.receive(b"[5,[[9,100,1]],1]")
    assert feed.stats.gaps == 1
    assert list(feed.builders["tBTCUSD"].book.orders) == [9]


def test_an_unsubscribed_book_is_not_served() -> None:
    """No more will come for it."""
    feed = bitfinex()
    assert names(feed.receive(b'{"event":"unsubscribed","status":"OK","chanId":5}')) == [("tBTCUSD", "RESET")]
    with pytest.raises(StaleBookError):
        feed.book()


def test_a_wrongly_inferred_symbol_is_undone() -> None:
    """The bare snapshot may have been the second symbol's: the first one's book is not trusted any longer."""
    feed = Feed("binance_spot", on_error=OnError.SKIP)
    quote = b'{"u":5,"s":"A","b":"1","B":"1","a":"2","A":"1"}'
    for raw in (quote, b'{"lastUpdateId":500,"bids":[["1","1"]],"asks":[]}', delta("B", 501, 501)):
        feed.receive(raw)
    assert feed.builders["A"].state is State.STALE
