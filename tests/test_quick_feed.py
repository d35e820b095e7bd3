"""The compiled way through Feed.receive against the plain one: the same updates, books, counts and errors."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import orderbook as ob
from orderbook import _backend
from orderbook.books import L2Book
from orderbook.builder import BookBuilder
from orderbook.columns import RowWriter
from orderbook.continuity import Bridge, Family, Restart, Rule
from orderbook.decode.format import Format
from orderbook.decode.table import (
    Condition,
    Deletes,
    EventSpec,
    Field,
    JsonTable,
    Kind,
    LevelArrays,
    SymbolFrom,
    SymbolRule,
    Test,
    Wire,
)
from orderbook.decode.table import Message as TableMessage
from orderbook.errors import OrderBookError
from orderbook.events import Clear, Delta, Disconnect, Event, Fault, Quote, Snapshot, Trade
from orderbook.feed import Feed, Update
from orderbook.testing import faulty_streams, get_wire
from orderbook.types import Place, RawMessage, Side
from orderbook.verdicts import OnCrossed, OnError, OnGap, State, Verdict

pytestmark = pytest.mark.skipif(
    _backend.load("orderbook._receiver", "the compiled feed") is None, reason="there is no compiled feed here"
)

FORMATS = ("binance_spot", "binance_usdm", "binance_coinm")
Act = Callable[[Feed], Any]


# -- two feeds side by side -----------------------------------------------------------------------------------------


def told(error: BaseException) -> tuple[Any, ...]:
    """All that an error says."""
    place = getattr(error, "place", None)
    return type(error), str(error), getattr(error, "symbol", None), getattr(error, "path", None), place


def shown(update: Update) -> tuple[Any, ...]:
    """All that an update says, but for the book, which is compared by itself."""
    event: Any = update.event
    if isinstance(event, Fault):
        event = (told(event.error), event.symbol, event.ts_event, event.ts_recv)
    verdict = update.verdict
    return (
        update.symbol, verdict.name, verdict.expected, verdict.got, event, update.ts_event, update.ts_recv,
        type(update.ts_recv), update.state,
    )  # fmt: skip


def result(act: Act, feed: Feed) -> Any:
    """What an act gives, or raises."""
    try:
        given = act(feed)
    except (OrderBookError, TypeError, ValueError, OverflowError) as error:
        return told(error)
    if isinstance(given, list):
        return [shown(item) if isinstance(item, Update) else item for item in given]
    return given


def everything(feed: Feed) -> Any:
    """All that a feed knows."""
    return feed.stats, feed._latest, {symbol: facts(builder) for symbol, builder in feed.builders.items()}


def facts(builder: BookBuilder[Any]) -> tuple[Any, ...]:
    """All that a builder and its book know."""
    book = builder.book
    return (
        builder.state, builder.sequence, builder.stats, builder.needs_snapshot, builder.bridged, builder._at,
        book.to_bytes(), book.state_hash(), book.sequence, book.ts_event, book.ts_recv,
    )  # fmt: skip


def pair(format: str | Format, **options: Any) -> tuple[Feed, Feed]:
    """A feed with the compiled way, and one without."""
    quick, slow = Feed(format, **options), Feed(format, **options)
    assert quick._receiver is not None
    slow._receiver = None
    return quick, slow


def play(feeds: tuple[Feed, Feed], acts: Sequence[Act], *, look: bool = True) -> None:
    """Do the same to both; with ``look`` all that they know is compared every few acts, which interrupts it."""
    quick, slow = feeds
    for i, act in enumerate(acts):
        assert result(act, slow) == result(act, quick), i
        if look and i % 5 == 4:
            assert everything(slow) == everything(quick), i
    assert everything(slow) == everything(quick)


def gives(payload: Any, ts_recv: Any = None, **more: Any) -> Act:
    """The act of receiving."""
    return lambda feed: feed.receive(payload, ts_recv, **more)


def taken_quickly(feed: Feed, act: Act) -> bool:
    """Whether a message goes the quick way."""
    calls = []
    slow = feed.take
    feed.take = lambda *args, **more: calls.append(1) or slow(*args, **more)  # type: ignore[method-assign, func-returns-value]
    try:
        act(feed)
    finally:
        del feed.take  # type: ignore[method-assign]
    return not calls


# -- messages of Binance --------------------------------------------------------------------------------------------


def snapshot(number: int = 10, bids: Any = (("100", "1"),), asks: Any = (("101", "2"),)) -> bytes:
    """A REST snapshot that does not say whose it is."""
    return json.dumps({"lastUpdateId": number, "bids": bids, "asks": asks}).encode()


def delta(first: int, last: int, bids: Any = (("99", "1"),), asks: Any = (), symbol: str = "A", time: int = 5) -> bytes:
    """A diff of spot."""
    frame = {"e": "depthUpdate", "E": time, "s": symbol, "U": first, "u": last, "b": bids, "a": asks}
    return json.dumps(frame, separators=(",", ":")).encode()


def trade(symbol: str = "A", price: str = "100.5") -> bytes:
    """A trade of spot."""
    return json.dumps({"e": "trade", "E": 6, "s": symbol, "t": 7, "p": price, "q": "0.50", "m": True}).encode()


def quote(symbol: str = "A", size: str = "1") -> bytes:
    """A bookTicker of spot."""
    return json.dumps({"u": 11, "s": symbol, "b": "99.5", "B": size, "a": "101", "A": "2"}).encode()


def named(symbol: str, number: int = 10) -> RawMessage:
    """A snapshot with the request that it answers."""
    return RawMessage(1, snapshot(number), f"https://host/api/v3/depth?symbol={symbol}&limit=5", Place("tape", 1, 0))


def live(**options: Any) -> tuple[Feed, Feed]:
    """Two feeds of which A and B are live at 10, and on their way."""
    feeds = pair("binance_spot", **options)
    play(feeds, [gives(named("A")), gives(named("B")), gives(delta(11, 11)), gives(delta(11, 11, symbol="B"))])
    return feeds


IGNORED = b'{"result":null,"id":1}'
ODD = (
    IGNORED,
    b'{"e":"kline","E":5,"s":"A"}',
    b'{"e":"depthUp',
    b"",
    b"[]",
    b'{"code":-1,"msg":"no"}',
    b"\xff",
    b'"x"',
)
POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {"on_error": OnError.SKIP},
    {"on_error": OnError.SKIP, "on_gap": OnGap.RAISE},
    {"on_crossed": OnCrossed.RAISE},
    {"max_buffer": 2},
    {"max_depth": 2, "on_error": OnError.SKIP},
    {"max_buffer": 1, "on_error": OnError.SKIP},
    {"symbols": ["A"], "on_error": OnError.SKIP},
)

texts = st.sampled_from(
    ["0", "1", "0.00", "2.5", "99", "100.5", "100.12345678", "9223372036854775807", "922337203685477.5807", "1e-3",
     "0.000000000000000001", "-1", "x", "99999999.99999999", "123456789012345678901"]
)  # fmt: skip
plain_texts = st.sampled_from(["0", "1", "2.5", "99", "100", "100.5", "100.25", "101", "0.00"])
rows = st.lists(st.tuples(plain_texts, plain_texts), max_size=3)
wild_rows = st.lists(st.tuples(texts, texts), max_size=2)
symbols = st.sampled_from(["A", "A", "A", "B", "Ü"])
times = st.sampled_from(
    [None, None, 5, 6, 4, 2**63 - 1, 2**63, -5, -(2**63), -(2**63) + 1, 2**70, True, np.int64(7), 10**18]
)
seconds = st.sampled_from([None, 5, 6, 7])


@st.composite
def scripts(draw: Any) -> list[Act]:
    """Messages of a spot connection, most of them in order, and people who look and meddle between them."""
    numbers = {"A": 10, "B": 10, "Ü": 10}
    acts: list[Act] = [gives(named(symbol)) for symbol in draw(st.permutations(["A", "B"]))]
    for _ in range(draw(st.integers(3, 16))):
        symbol = draw(symbols)
        ts_recv = draw(seconds if draw(st.integers(0, 5)) else times)
        kind = draw(st.integers(0, 24))
        step, width = (draw(st.integers(-1, 3)), draw(st.integers(0, 2))) if kind in (0, 1) else (1, 0)
        first = numbers[symbol] + step
        sides = (draw(wild_rows), draw(wild_rows)) if kind == 2 else (draw(rows), draw(rows))
        payload: Any = delta(first, first + width, *sides, symbol=symbol)
        if kind <= 11:
            numbers[symbol] = max(numbers[symbol], first + width)
        elif kind <= 14:
            payload = draw(st.sampled_from([trade(symbol), quote(symbol), quote(symbol, "0"), trade(symbol, "1e-7")]))
        elif kind == 15:
            payload = draw(st.sampled_from(ODD))
        elif kind == 16:
            payload = named(symbol, numbers[symbol] + draw(st.integers(-2, 2)))
        elif kind == 17:
            payload = snapshot(numbers[symbol])
        elif kind == 18:
            payload = draw(
                st.sampled_from([Disconnect(), Disconnect(symbol=symbol), Clear(symbol=symbol, sequence=99)])
            )
        elif kind == 19:
            numbers[symbol] += 1
            payload = draw(st.sampled_from([bytearray, bytes.decode, json.loads, memoryview]))(payload)
        elif kind == 20:
            numbers[symbol] += 1
            payload = RawMessage(ts_recv, payload, draw(st.sampled_from(["", "wss://h/ws/a@depth5"])), Place("t", 3, 9))
        else:
            acts.append(draw(st.sampled_from(MEDDLING)))
            continue
        acts.append(gives(payload, ts_recv))
    return acts


def meddle(name: str) -> Callable[[Callable[[BookBuilder[Any]], Any]], Act]:
    """Do something to the builder of an instrument, if it is there."""

    def make(act: Callable[[BookBuilder[Any]], Any]) -> Act:
        return lambda feed: act(feed.builders[name]) if name in feed.builders else None

    return make


A = meddle("A")
MEDDLING: list[Act] = [
    A(lambda builder: builder.stats),
    A(lambda builder: builder.sequence),
    A(lambda builder: builder.lose().name),
    A(lambda builder: builder.apply(Delta(first_sequence=1, sequence=2)).name),
    A(lambda builder: builder.apply(Snapshot(sequence=500, bids=[("1.125", "2")])).name),
    A(lambda builder: builder.book.clear()),
    A(lambda builder: builder.book.forget()),
    A(lambda builder: builder.book.apply_delta([("100.125", "3.0625")], [])),
    A(lambda builder: builder.book.apply_snapshot([("1", "1")], [("0.5", "2")], complete=False)),
    A(lambda builder: setattr(builder.book, "sequence", 5)),
    A(lambda builder: setattr(builder, "on_crossed", OnCrossed.RAISE)),
    A(lambda builder: setattr(builder, "state", State.STALE)),
    lambda feed: feed.stats,
    lambda feed: feed.book("A").best_bid,
    lambda feed: feed.decode(delta(11, 12)),
    lambda feed: feed.take([Quote(symbol="B")]),
    lambda feed: feed.take(feed.decode(trade("B"), 6), place=Place("x", 1, 1)),
    lambda feed: feed.needs_snapshots,
    lambda feed: feed.receive(Snapshot(symbol="Ü", sequence=10, bids=[("1", "1")])),
]


@given(scripts(), st.sampled_from(POLICIES), st.booleans())
def test_the_quick_way_is_the_plain_one(acts: list[Act], policies: dict[str, Any], look: bool) -> None:
    """Whatever comes and whoever looks, both say the same, act by act."""
    play(pair("binance_spot", **policies), acts, look=look)


@pytest.mark.parametrize("format", FORMATS)
@given(st.data())
@settings(max_examples=15)
def test_faulty_streams_of_every_format(format: str, data: st.DataObject) -> None:
    """Losses, repetitions, disorder and damage end in the same verdicts, with two instruments interleaved."""
    feeds = pair(format, on_error=OnError.SKIP)
    payloads: list[list[tuple[bytes, int | None]]] = []
    for symbol in ("A", "B"):
        wire = get_wire(format, symbol)
        stream = data.draw(faulty_streams(rule=format, symbol=symbol))
        found = [
            (payload, message.events[0].ts_recv) for message in stream.messages for payload in wire.encode(message)
        ]
        payloads.append([(sent, time) for sent, time in found if symbol == "A" or b"lastUpdateId" not in sent])
    both = [gives(*item) for items in zip(*payloads, strict=False) for item in items]
    play(feeds, both, look=data.draw(st.booleans()))


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("binance_spot/ethusdt_20240808.gz", "binance_spot"),
        ("binance_usdm/ethusdt_20240808.gz", "binance_usdm"),
    ],
)
def test_real_captures(name: str, format: str, data_file: Callable[[str], Path]) -> None:
    """A stretch of a real tape, every update, and every event as it is read later."""
    quick, slow = pair(format)
    sent = 0
    for i, message in zip(range(4_000), ob.FileSource(data_file(name), format), strict=False):
        mine, theirs = quick.receive(message), slow.receive(message)
        assert list(map(shown, theirs)) == list(map(shown, mine)), i
        sent += len(mine)
    assert sent > 1_000
    assert everything(slow) == everything(quick)


# -- single cases ---------------------------------------------------------------------------------------------------


def test_what_is_plain_goes_the_quick_way() -> None:
    """Otherwise all these tests would compare the plain way with itself."""
    quick, _ = live()
    for payload in (delta(12, 12), trade(), quote(), IGNORED, delta(13, 14, (), ()), RawMessage(5, delta(15, 15))):
        assert taken_quickly(quick, gives(payload, 5))
    assert not taken_quickly(quick, gives(delta(20, 20)))


@pytest.mark.parametrize("ts_recv", [2**70, 2**63, 1.5, np.int64(2**62), True])
def test_a_clock_beyond_int64_stops_nothing(ts_recv: Any) -> None:
    """A trade may say any time; the next message is applied and counted as if nothing were odd about it."""
    play(live(), [gives(trade(), ts_recv), *(gives(delta(n, n), n) for n in (12, 13)), gives(trade(), 14)], look=False)


def test_the_largest_number_and_what_follows() -> None:
    """Nothing is the next of the largest number there is."""
    last = 2**63 - 1
    play(
        live(), [gives(delta(12, last)), gives(delta(last, last)), gives(delta(1, 1)), gives(delta(last + 1, last + 1))]
    )


def test_symbols_that_only_events_showed_are_noted() -> None:
    """A bare snapshot belongs to the one symbol that messages named, whichever way they went."""
    known = Snapshot(symbol="A", sequence=10, bids=[("1", "1")])
    acts = [gives(known), gives(delta(11, 11)), gives(delta(12, 12)), gives(snapshot(20)), gives(delta(21, 21))]
    play(pair("binance_spot"), acts, look=False)
    acts = [gives(known), gives(named("B")), gives(delta(11, 11)), gives(delta(12, 12)), gives(snapshot(20))]
    play(pair("binance_spot"), acts, look=False)


def test_a_guess_that_proves_wrong() -> None:
    """After a snapshot was taken for B's, a message of A is an error, quick or not."""
    known = Snapshot(symbol="A", sequence=10, bids=[("1", "1")])
    acts = [gives(known), gives(delta(11, 11, symbol="B")), gives(snapshot(11)), gives(delta(11, 11)), gives(trade())]
    play(pair("binance_spot", on_error=OnError.SKIP), acts, look=False)


def test_scales_of_several_symbols() -> None:
    """Books of different scales in turn, and one that widens meanwhile."""
    fine, coarse = [("0.00000001", "0.12345678")], [("1000", "5")]
    acts = [gives(delta(n, n, fine if n % 3 else coarse, symbol=symbol)) for n in range(12, 24) for symbol in "AB"]
    acts[6:6] = [A(lambda builder: builder.book.apply_delta([("1.0000000001", "1")], []))]
    play(live(), acts, look=False)


def test_a_policy_that_is_set_later_holds() -> None:
    """A check that somebody asks for while the stream runs is made from then on."""
    crossing = delta(12, 12, [("200", "1")])
    quick, slow = live()
    for feed in (quick, slow):
        feed.builders["A"].on_crossed = OnCrossed.RAISE
    play((quick, slow), [gives(crossing), gives(delta(13, 13))], look=False)


def test_another_book_of_the_same_builder() -> None:
    """A builder that is given another book goes on with that one."""
    quick, slow = live()
    for feed in (quick, slow):
        other: Any = L2Book("A")
        feed.builders["A"].book = other
    play((quick, slow), [gives(delta(n, n)) for n in (12, 13)], look=False)


def test_copies_and_pickles_go_their_own_way() -> None:
    """A copy of a feed, or of a builder, stands where the original stood, and neither moves the other."""
    quick, slow = live()
    for duplicate in (copy.deepcopy, lambda feed: pickle.loads(pickle.dumps(feed))):
        twins: tuple[Feed, Feed] = (duplicate(quick), duplicate(slow))
        twins[1]._receiver = None
        before = everything(slow)
        play(twins, [gives(delta(n, n)) for n in (12, 13, 14, 20)], look=False)
        assert before == everything(quick)
        play((quick, slow), [gives(trade())], look=False)
    quick.receive(delta(12, 12))
    for builder in (copy.deepcopy(quick.builders["A"]), copy.copy(quick.builders["A"])):
        assert ("NOOP", 13) == (builder.apply(Delta(first_sequence=13, sequence=13)).name, builder.sequence)
        assert 12 == quick.builders["A"].sequence


def test_stats_are_a_copy() -> None:
    """What was counted when somebody asked does not change behind his back."""
    quick, slow = live()
    kept = [feed.builders["A"].stats for feed in (quick, slow)]
    play((quick, slow), [gives(delta(12, 12))], look=False)
    assert [1, 1] == [stats.applied for stats in kept]


def test_a_feed_that_overrides_its_halves_is_asked() -> None:
    """A subclass sees every message in its own ``decode`` and ``take``."""
    seen: list[int] = []

    class Listening(Feed):
        def take(self, events: list[Event], *, place: Place | None = None) -> list[Update]:
            seen.append(len(events))
            return super().take(events, place=place)

    feed = Listening("binance_spot")
    for payload in (named("A"), delta(11, 11), delta(12, 12)):
        feed.receive(payload)
    assert [1, 1, 1] == seen


def test_threads_that_share_a_feed_lose_nothing() -> None:
    """Messages that come from several threads are each taken once, and nothing breaks."""
    quick, _ = live()
    payloads = [trade(symbol) for symbol in ("A", "B")] * 500

    def run() -> None:
        for payload in payloads:
            quick.receive(payload)
            _ = quick.builders["A"].sequence

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 4 * len(payloads) == sum(builder.stats.noop for builder in quick.builders.values())


# -- events that are read later -------------------------------------------------------------------------------------

EVENTS = {"delta": delta(12, 12, [("99.00", "1"), ("98", "0")], [("103", "2")]), "trade": trade(), "quote": quote()}


def twins(name: str) -> tuple[Any, Any]:
    """The event of a message by either way; the first is not read yet."""
    quick, slow = live()
    ((mine,), (theirs,)) = quick.receive(EVENTS[name], 9), slow.receive(EVENTS[name], 9)
    assert type(mine.event) is not type(theirs.event)
    return mine.event, theirs.event


LOOKS: dict[str, Callable[[Any], Any]] = {
    "repr": repr,
    "str": str,
    "format": lambda event: f"{event}",
    "hash": hash,
    "asdict": dataclasses.asdict,
    "astuple": dataclasses.astuple,
    "replace": lambda event: dataclasses.replace(event, symbol="C"),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda event: pickle.loads(pickle.dumps(event)),
    "old pickle": lambda event: pickle.loads(pickle.dumps(event, 2)),
    "symbol": lambda event: event.symbol,
    "last field": lambda event: getattr(event, dataclasses.fields(event)[-1].name),
    "fields": lambda event: [getattr(event, field.name) for field in dataclasses.fields(event)],
    "class": lambda event: [isinstance(event, kind) for kind in (Delta, Trade, Quote, Event, Snapshot)],
    "set": lambda event: len({event, event}),
    "is_last": lambda event: event.is_last,
}


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("look", LOOKS)
def test_a_deferred_event_is_the_event(name: str, look: str) -> None:
    """Whatever looks first sees the event itself, and from then on it is one, its class included."""
    mine, theirs = twins(name)
    assert LOOKS[look](theirs) == LOOKS[look](mine)
    assert mine == theirs
    assert type(mine) is type(theirs)


@pytest.mark.parametrize("name", EVENTS)
def test_deferred_events_are_equal_both_ways(name: str) -> None:
    """To plain ones, to deferred ones and to nothing else, on either side."""
    assert twins(name)[0] == twins(name)[1]
    assert twins(name)[1] == twins(name)[0]
    assert twins(name)[0] == twins(name)[0]
    assert not twins(name)[1] != twins(name)[0]  # noqa: SIM202 - the other operator
    assert twins(name)[0] != 5
    assert {twins(name)[1], 5} >= {twins(name)[0]}
    assert 1 == [5, twins(name)[0]].index(twins(name)[1])


@pytest.mark.parametrize("name", EVENTS)
def test_deferred_events_cannot_be_changed(name: str) -> None:
    """They are as frozen as they will be."""
    mine, _ = twins(name)
    for field in ("symbol", "ts_event"):
        with pytest.raises(AttributeError):
            setattr(mine, field, "x")
    with pytest.raises(AttributeError):
        _ = mine.nothing


def test_deferred_events_match_patterns() -> None:
    """By class and by field."""
    match twins("delta")[0]:
        case Delta(symbol=symbol, sequence=12):
            assert symbol == "A"
        case _:
            pytest.fail("no match")


def test_deferred_events_go_wherever_events_go() -> None:
    """Into builders, books, feeds and columns, unread."""
    deltas = twins("delta")
    builders = [BookBuilder(L2Book("A"), "binance_spot") for _ in deltas]
    for builder, event in zip(builders, deltas, strict=True):
        builder.apply(Snapshot(sequence=11, bids=[("99", "1")]))
        assert Verdict.APPLIED == builder.apply(event)
    assert facts(builders[0]) == facts(builders[1])
    books = [L2Book("A"), L2Book("A")]
    for book, event in zip(books, twins("delta"), strict=True):
        book.apply(event)
    assert books[0].to_bytes() == books[1].to_bytes()
    for name in EVENTS:
        writers = [RowWriter(), RowWriter()]
        for writer, event in zip(writers, twins(name), strict=True):
            writer.append(event)
        (mine, scales), (theirs, others) = (writer.finish() for writer in writers)
        assert scales == others
        assert all(np.array_equal(mine[column], theirs[column]) for column in theirs)
        feeds = [Feed(), Feed()]
        taken = [feed.receive(event) for feed, event in zip(feeds, twins(name), strict=True)]
        assert list(map(shown, taken[0])) == list(map(shown, taken[1]))


def test_an_event_that_two_threads_read() -> None:
    """Both see all of it."""
    found: list[Any] = []
    events = [twins("delta")[0] for _ in range(40)]
    start = threading.Barrier(4)

    def read() -> None:
        start.wait()
        found.extend((event.symbol, len(event.bids), event.sequence, type(event) is Delta) for event in events)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {("A", 2, 12, True)} == set(found)
    assert 160 == len(found)


def test_an_event_that_is_being_read() -> None:
    """One that another thread has filled, but not yet given its class, is whole to whoever comes then."""
    lazy = pytest.importorskip("orderbook.decode.lazy")
    mine, theirs = twins("delta")
    lazy._fill(mine, *lazy._PENDING.__get__(mine))
    assert type(mine) is lazy.DeferredDelta
    assert ("A", 12) == (mine.symbol, mine.sequence)
    assert mine == theirs


# -- rules and tables of one's own ----------------------------------------------------------------------------------

RULES = {
    "range": Rule(name="range", family=Family.RANGE, bridge=Bridge.NEXT),
    "range in band": Rule(name="range in band", family=Family.RANGE),
    "prev": Rule(name="prev", family=Family.PREV),
    "prev futures": Rule(name="prev futures", family=Family.PREV, bridge=Bridge.BINANCE_FUTURES),
    "prev linked": Rule(name="prev linked", family=Family.PREV, restart=Restart.LINKED),
    "incr": Rule(name="incr", family=Family.INCR),
    "incr one": Rule(name="incr one", family=Family.INCR, restart=Restart.ONE),
    "incr futures": Rule(name="incr futures", family=Family.INCR, bridge=Bridge.BINANCE_FUTURES),
    "time": Rule(name="time", family=Family.TIME),
    "time ranged": Rule(name="time ranged", family=Family.TIME, bridge=Bridge.BINANCE_FUTURES),
    "none": Rule(name="none", family=Family.NONE),
    "none ranged": Rule(name="none ranged", family=Family.NONE, bridge=Bridge.BINANCE_FUTURES),
    "crc": Rule(name="crc", family=Family.CRC),
    "snap": Rule(name="snap", family=Family.SNAP),
}
NUMBERS = tuple(
    Field(name, (key,), Wire.INTEGER, least=None, required=False)
    for name, key in (
        ("ts_event", "t"), ("sequence", "u"), ("first_sequence", "U"), ("prev_sequence", "p"), ("group_sequence", "g"),
        ("checksum", "c"),
    )
)  # fmt: skip
LEVELS = LevelArrays(bids=("b",), asks=("a",), wire=Wire.DECIMAL, deletes=Deletes.ZERO_SIZE)
WHOSE = (SymbolRule(SymbolFrom.FIELD, ("s",)),)


def table(delta_fields: tuple[Field, ...] = NUMBERS, trade_more: tuple[tuple[str, Any], ...] = ()) -> JsonTable:
    """A table of deltas, snapshots and trades whose numbers may all be missing."""

    def kind(letter: str) -> tuple[Condition, ...]:
        return (Condition(Test.EQUALS, ("e",), (letter,)),)

    trade = (
        Field("price", ("x",), Wire.DECIMAL, least=None),
        Field("size", ("q",), Wire.DECIMAL),
        *(() if trade_more else NUMBERS[:2]),
    )
    specs = {
        "D": EventSpec(kind=Kind.DELTA, symbol=WHOSE, fields=delta_fields, levels=LEVELS),
        "S": EventSpec(kind=Kind.SNAPSHOT, symbol=WHOSE, fields=NUMBERS, levels=LEVELS),
        "T": EventSpec(kind=Kind.TRADE, symbol=WHOSE, fields=trade, constants=trade_more),
    }
    return JsonTable(messages=tuple(TableMessage(name=k, when=kind(k), events=(spec,)) for k, spec in specs.items()))


def ruled(rule: Rule, shape: JsonTable | None = None, **options: Any) -> tuple[Feed, Feed]:
    """Two feeds of a format of one's own under a rule of one's own."""
    made = Format(name="mine", rule=rule, table=shape or table())  # type: ignore[arg-type]
    return pair_of(made, **options)


def pair_of(format: Format, **options: Any) -> tuple[Feed, Feed]:
    """The same, also where there is no quick way."""
    quick, slow = Feed(format, **options), Feed(format, **options)
    slow._receiver = None
    return quick, slow


def own(kind: str, bids: Any = (), asks: Any = (), **numbers: Any) -> bytes:
    """A message of that table."""
    sides = {"x": "1.5", "q": "2"} if kind == "T" else {"b": bids, "a": asks}
    return json.dumps({"e": kind, "s": "A", **numbers, **sides}).encode()


steps = st.fixed_dictionaries(
    {}, optional={key: st.integers(-2, 3) for key in ("u", "U", "p", "t")} | {"g": st.just(1), "c": st.just(5)}
)


@pytest.mark.parametrize("name", RULES)
@given(st.data())
@settings(max_examples=20)
def test_rules_of_ones_own(name: str, data: st.DataObject) -> None:
    """Every family, with numbers that go on, stand, turn back, or are missing."""
    on_error = data.draw(st.sampled_from([OnError.RAISE, OnError.SKIP]))
    feeds = ruled(RULES[name], on_error=on_error, on_gap=data.draw(st.sampled_from([OnGap.RESYNC, OnGap.RAISE])))
    at = data.draw(st.sampled_from([0, 1, 5]))
    acts = [gives(own("S", [("1", "1")], [("2", "1")], u=at, t=at), 5)]
    for _ in range(data.draw(st.integers(1, 12))):
        at += 1
        wish = data.draw(st.sampled_from(["next", "next", "next", "odd", "T", "S"]))
        numbers = {"u": at, "U": at, "p": at - 1, "t": at}
        if wish == "odd":
            numbers = {key: at + step for key, step in data.draw(steps).items()}
        kind = wish if wish in "TS" else "D"
        acts.append(gives(own(kind, data.draw(rows), data.draw(rows), **numbers), 5))
    play(feeds, acts, look=data.draw(st.booleans()))


@pytest.mark.parametrize("name", ["none", "crc", "time", "incr"])
def test_a_range_upside_down_is_refused_under_every_rule(name: str) -> None:
    """The first number after the last: an error, whatever the rule compares."""
    start = own("S", [("1", "1")], u=1, t=1)
    after = [own("D", [("1", "3")], u=2, t=2, U=2), own("D", [("1", "2")], u=3, U=9, t=3), own("D", u=4, t=4, U=4)]
    play(ruled(RULES[name], on_error=OnError.SKIP), [gives(payload) for payload in (start, *after)], look=False)


@pytest.mark.parametrize("name", ["none ranged", "incr futures", "time ranged"])
def test_a_first_number_that_the_bridge_needs(name: str) -> None:
    """Its absence is an error in every family."""
    start = own("S", [("1", "1")], u=1, U=1, t=1)
    after = [own("D", [("1", "2")], u=2, U=2, t=2), own("D", [("1", "3")], u=3, t=3), own("D", u=4, U=4, t=4)]
    play(ruled(RULES[name], on_error=OnError.SKIP), [gives(payload) for payload in (start, *after)], look=False)


def test_a_checksum_that_is_asked_for_later() -> None:
    """From then on every message is proven."""
    feeds = ruled(RULES["crc"])
    play(feeds, [gives(own("S", [("1", "1")])), gives(own("D", [("1", "2")], c=1)), gives(own("D", [("1", "3")], c=1))])
    for feed in feeds:
        feed.receive(own("D", [("1", "4")], c=1))
        feed.builders["A"].checksum = lambda book: 7
    play(feeds, [gives(own("D", [("1", "5")], c=7)), gives(own("D", [("1", "6")], c=8))], look=False)
    assert [1, 1] == [feed.stats.checksums_bad for feed in feeds]


@pytest.mark.parametrize("more", [("ts_event", 5), ("sequence", 9)])
def test_numbers_that_the_table_itself_says(more: tuple[str, Any]) -> None:
    """They are the event's as any other."""
    feeds = ruled(RULES["none"], table(trade_more=(more,)))
    play(feeds, [gives(payload) for payload in (own("S", [("1", "1")]), own("D", [("1", "2")]), own("T"), own("T"))])


def test_sides_and_counts_and_scales_at_their_ends() -> None:
    """Numbers at the ends of int64, at every scale."""
    big = ["9223372036854775807", "922337203685477580.7", "9.223372036854775807", "-9223372036854775807", "0.1"]
    for first in big:
        for second in big:
            acts = [own("S", [("1", "1")]), own("D", [("2", "1")]), own("D", [(first, "1")]), own("D", [("3", "1")])]
            acts += [own("D", [], [(second, "1")]), own("D", [("4", "5")]), own("D", [("1", second.strip("-"))])]
            play(ruled(RULES["none"], on_error=OnError.SKIP), [gives(act) for act in acts], look=False)


@example(ts_recv=2**62)
@given(ts_recv=times)
def test_receive_times_of_any_kind(ts_recv: Any) -> None:
    """None, backwards, of numpy, no time at all."""
    acts = [gives(delta(12, 12), ts_recv), gives(trade(), 5), gives(IGNORED, ts_recv), gives(delta(13, 13), 6)]
    play(live(on_error=OnError.SKIP), acts, look=False)


def test_side_of_a_deferred_trade() -> None:
    """The choices of a table come out as they went in."""
    assert Side.ASK is twins("trade")[0].side
