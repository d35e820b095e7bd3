"""A tape update by update, at one moment, and as columns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.books import L2Book, L3Book
from orderbook.columns import Events
from orderbook.errors import (
    DecodeError,
    FeedError,
    SequenceGap,
    SourceError,
    StaleBookError,
    TimestampError,
    UnknownOrder,
    UsageError,
)
from orderbook.events import (
    Clear,
    Delta,
    Disconnect,
    Event,
    Fault,
    Heartbeat,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderReplace,
    OrderSnapshot,
    Quote,
    Snapshot,
    Trade,
)
from orderbook.feed import Feed, Update
from orderbook.replay import Tape, _Pace, book_at, load, replay
from orderbook.sources import FileSource, MemorySource
from orderbook.types import Flag, Order, RawMessage, Side
from orderbook.verdicts import OnCrossed, OnError, OnGap, State, Verdict

REPLAY = sys.modules["orderbook.replay"]
BID, ASK = Side.BID, Side.ASK


def snapshot(ts: int | None = None, symbol: str = "X", **fields: Any) -> Snapshot:
    """A book of 9 x 1 and 11 x 1."""
    return Snapshot(**{"symbol": symbol, "ts_recv": ts, "bids": [(9, 1)], "asks": [(11, 1)]} | fields)


def bid(size: int, ts: int | None = None, symbol: str = "X", **fields: Any) -> Delta:
    """A delta that sets the size of bid 9."""
    return Delta(**{"symbol": symbol, "ts_recv": ts, "bids": [(9, size)]} | fields)


TAPE = [snapshot(10), bid(2, 20), bid(3, 30), bid(4, 40)]


def seen(updates: Iterable[Update]) -> list[tuple[int | None, str, float | None]]:
    """Each update as (ts_recv, verdict, size of the best bid right then)."""
    return [(u.ts_recv, u.verdict.name, u.book.best_bid and u.book.best_bid.size) for u in updates]


# -- Binance, by hand -----------------------------------------------------------------------------------------------


def depth(first: int, last: int, size: str, ts: int, symbol: str = "ETHUSDT") -> tuple[int, bytes]:
    """A depth frame of Binance spot that sets bid 100, received at ts and sent 5 ms before."""
    message = {
        "e": "depthUpdate",
        "E": ts // 1_000_000 - 5,
        "s": symbol,
        "U": first,
        "u": last,
        "b": [["100", size]],
        "a": [],
    }
    return ts, orjson.dumps(message)


def rest(number: int, ts: int) -> tuple[int, bytes]:
    """The REST snapshot of Binance spot, which says neither when nor whose."""
    return ts, orjson.dumps({"lastUpdateId": number, "bids": [["100", "1"], ["99", "1"]], "asks": [["101", "1"]]})


MS = 1_000_000
T0 = 1_700_000_000_000 * MS
BINANCE = [
    depth(11, 12, "2", T0 + 10 * MS),
    rest(10, T0 + 20 * MS),
    depth(13, 14, "3", T0 + 30 * MS),
    depth(16, 17, "9", T0 + 40 * MS),
    depth(18, 19, "8", T0 + 50 * MS),
    rest(17, T0 + 60 * MS),
    depth(20, 21, "7", T0 + 70 * MS),
]
"""A bridge, an update, a gap, and a second bridge over the buffered delta 18."""


def binance(messages: Iterable[Any] = BINANCE, **options: Any) -> MemorySource:
    """The messages as a source."""
    return MemorySource(messages, "binance_spot", **{"symbols": ["ETHUSDT"]} | options)


# -- replay ---------------------------------------------------------------------------------------------------------


def test_events_in_a_list_are_a_source() -> None:
    """A plain list of events replays: every update comes after its message was applied."""
    expected = [(10, "SNAPSHOT", 1.0), (20, "APPLIED", 2.0), (30, "APPLIED", 3.0), (40, "APPLIED", 4.0)]
    assert expected == seen(replay(TAPE))


def test_payloads_in_a_source() -> None:
    """Raw messages are decoded and judged; what is only buffered or stale is counted and not yielded."""
    tape = replay(binance())
    expected = [
        (T0 + 20 * MS, "SNAPSHOT", 2.0),
        (T0 + 30 * MS, "APPLIED", 3.0),
        (T0 + 40 * MS, "GAP", None),
        (T0 + 60 * MS, "SNAPSHOT", 8.0),
        (T0 + 70 * MS, "APPLIED", 7.0),
    ]
    assert expected == seen(tape)
    assert (7, 2, 1, 1) == (tape.stats.messages, tape.stats.buffered, tape.stats.gaps, tape.stats.resyncs)


@pytest.mark.parametrize(
    "wrap",
    [
        RawMessage,
        lambda ts, payload: (ts, payload),
        lambda ts, payload: (np.datetime64(ts, "ns"), payload),
        lambda ts, payload: RawMessage(ts, orjson.loads(payload)),
        lambda ts, payload: RawMessage(ts, payload.decode()),
    ],
    ids=["RawMessage", "pair", "pair with numpy time", "parsed", "text"],
)
def test_forms_of_a_message(wrap: Callable[[int, bytes], Any]) -> None:
    """A custom feed takes an iterable of any form of message."""
    updates = replay((wrap(*message) for message in BINANCE), feed=Feed("binance_spot", symbols=["ETHUSDT"]))
    assert [T0 + ms * MS for ms in (20, 30, 40, 60, 70)] == [update.ts_recv for update in updates]


def test_payloads_alone_have_no_time() -> None:
    """A payload without a receive time replays, with None where the time would be."""
    updates = replay([payload for _, payload in BINANCE[:3]], feed=Feed("binance_spot", symbols=["ETHUSDT"]))
    assert [(None, "SNAPSHOT", 2.0), (None, "APPLIED", 3.0)] == seen(updates)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("tape.gz", "expected a source or an iterable of messages, got `str`"),
        (b"{}", "expected a source or an iterable of messages, got `bytes`"),
        ({}, "expected a source or an iterable of messages, got `dict`"),
        (7, "expected a source or an iterable of messages, got `int`"),
    ],
)
def test_what_is_no_source(source: Any, message: str) -> None:
    """One message, or a path, is not a tape; the error comes at once."""
    with pytest.raises(UsageError) as caught:
        replay(source)
    assert message == str(caught.value)


UNWRAPPED = (
    "`bytes` is no event, and nothing says which format it is in; wrap the messages: MemorySource(messages, format=...)"
)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            b"{}",
            UNWRAPPED,
        ),
        ((1, b"{}", 3), "expected (ts_recv, payload), got a tuple of 3"),
        (Delta(bids=[(9, 1)]), "`Delta` names no instrument; give it a symbol"),
        (Clear(), "`Clear` names no instrument; give it a symbol"),
    ],
)
def test_items_that_are_no_message(item: Any, message: str) -> None:
    """An item that cannot be understood says what to do."""
    with pytest.raises(UsageError) as caught:
        list(replay([item]))
    assert message == str(caught.value)


def test_a_naive_time_in_a_pair_is_refused() -> None:
    """Times of messages are as strict as everywhere."""
    with pytest.raises(TimestampError, match="a naive datetime"):
        list(replay([(datetime(2024, 1, 1), b"{}")]))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, [10, 20, 30, 40]),
        ({"start": 20}, [20, 30, 40]),
        ({"start": 21}, [30, 40]),
        ({"stop": 30}, [10, 20]),
        ({"stop": 31}, [10, 20, 30]),
        ({"start": 20, "stop": 40}, [20, 30]),
        ({"start": 20, "stop": 20}, []),
        ({"start": 50}, []),
        ({"stop": 0}, []),
        ({"start": "1970-01-01T00:00:00.000000020Z"}, [20, 30, 40]),
        ({"start": np.datetime64(20, "ns"), "stop": datetime(1970, 1, 2, tzinfo=UTC)}, [20, 30, 40]),
    ],
)
def test_start_and_stop_are_half_open(bounds: dict[str, Any], expected: list[int]) -> None:
    """[start, stop), in every form that a time can have."""
    assert expected == [update.ts_recv for update in replay(TAPE, **bounds)]


def test_what_is_before_start_is_applied() -> None:
    """The first update that is seen stands on everything before it."""
    assert [(40, "APPLIED", 4.0)] == seen(replay(TAPE, start=40))


def test_what_is_at_stop_is_not_applied() -> None:
    """The book ends as it was before ``stop``."""
    tape = replay(TAPE, stop=30)
    list(tape)
    assert 2.0 == tape.feed.book().best_bid.size


def test_bounds_fall_back_on_the_time_of_the_venue() -> None:
    """A tape without receive times is bounded by the venue's."""
    tape = [snapshot(ts_event=10), bid(2, ts_event=20), bid(3, ts_event=30)]
    assert [20] == [update.ts_event for update in replay(tape, start=20, stop=30)]


@pytest.mark.parametrize("bounds", [{"start": 1}, {"stop": 1}])
def test_bounds_need_times(bounds: dict[str, int]) -> None:
    """A tape without any times cannot be bounded by time."""
    with pytest.raises(UsageError) as caught:
        list(replay([snapshot()], **bounds))
    assert "start and stop needs a tape with times, and this one has none" == str(caught.value).replace(
        "need a", "needs a"
    )


def test_a_disconnect_before_any_time_is_no_lack_of_times() -> None:
    """What moves no book needs no time."""
    assert [10] == [update.ts_recv for update in replay([Disconnect(), TAPE[0]], start=5)]


def test_time_never_runs_backwards() -> None:
    """A message that is older than the latest seen counts as at the latest seen."""
    tape = [snapshot(10), bid(2, 30), bid(3, 20), bid(4, 40)]
    assert ([30, 20], [10]) == (
        [update.ts_recv for update in replay(tape, start=25, stop=40)],
        [update.ts_recv for update in replay(tape, stop=25)],
    )


def test_a_message_without_a_time_counts_as_at_the_latest() -> None:
    """It is neither before the beginning nor beyond the end."""
    tape = [snapshot(10), bid(2), bid(3, 30)]
    assert [10, None] == [update.ts_recv for update in replay(tape, start=10, stop=30)]


def test_symbols_limit_what_is_seen() -> None:
    """Other instruments are left out, and counted."""
    tape = replay([snapshot(1, "X"), snapshot(2, "Y"), bid(2, 3, "X")], symbols=["Y"])
    assert (["Y"], 2) == ([update.symbol for update in tape], tape.stats.ignored)


def test_symbols_may_be_any_iterable() -> None:
    """A generator of symbols is read once and remembered."""
    tape = [snapshot(1, "X"), snapshot(2, "Y"), snapshot(3, "Z")]
    assert ["X", "Z"] == [update.symbol for update in replay(tape, symbols=(symbol for symbol in "XZ"))]


def test_symbols_of_the_source_are_the_default() -> None:
    """A source says which instruments are wanted."""
    source = MemorySource([snapshot(1, "X"), snapshot(2, "Y")], symbols=["Y"])
    assert ["Y"] == [update.symbol for update in replay(source)]


def test_symbols_filter_a_feed_of_your_own() -> None:
    """With your own feed all instruments are followed, and only those asked for are yielded."""
    feed = Feed()
    updates = replay([snapshot(1, "X"), snapshot(2, "Y")], symbols=["Y"], feed=feed)
    assert (["Y"], {"X", "Y"}) == ([update.symbol for update in updates], set(feed.builders))


def test_one_text_is_no_list_of_symbols() -> None:
    """ "ETHUSDT" would be seven instruments of one letter."""
    with pytest.raises(UsageError) as caught:
        replay(TAPE, symbols="ETHUSDT", feed=Feed())
    assert "symbols is a list of symbols, not the text 'ETHUSDT'" == str(caught.value)


def test_a_feed_of_your_own_brings_its_policies() -> None:
    """Under OnGap.RAISE the gap is an error at its place, after everything before it."""
    feed = Feed("binance_spot", symbols=["ETHUSDT"], on_gap=OnGap.RAISE)
    tape = replay(binance(), feed=feed)
    assert [2.0, 3.0] == [next(tape).book.best_bid.size for _ in range(2)]
    with pytest.raises(SequenceGap) as caught:
        next(tape)
    assert "<memory>:4: ETHUSDT: sequence gap: expected 15, got 16; take a new snapshot" == str(caught.value)


def test_an_unreadable_message_raises_at_its_place() -> None:
    """By default bad input is an error with its place, after everything before it."""
    tape = replay(binance([*BINANCE[:3], (T0, b"{"), BINANCE[3]]))
    assert 2 == len([next(tape), next(tape)])
    with pytest.raises(DecodeError, match=r"^<memory>:4: "):
        next(tape)


def test_the_source_decides_what_an_error_does() -> None:
    """A source that skips makes a feed that skips: the message is counted, and the tape goes on."""
    source: Any = binance([*BINANCE[:2], (T0, b"{"), BINANCE[2]])
    source.on_error = OnError.SKIP
    tape = replay(source)
    assert [2.0, 2.0, 3.0] == [update.book.best_bid.size for update in tape]
    assert 1 == tape.stats.faults


def test_an_error_of_the_source_passes_through() -> None:
    """Everything before it has been delivered, and afterwards the replay is over."""

    def broken() -> Iterator[Event]:
        yield TAPE[0]
        raise SourceError("the file is gone")

    tape = replay(broken())
    assert "SNAPSHOT" == next(tape).verdict.name
    with pytest.raises(SourceError, match="the file is gone"):
        next(tape)
    assert [] == list(tape)


def test_replay_is_lazy() -> None:
    """Nothing is read before it is asked for, and never more than one message ahead."""
    read: list[int] = []

    def tape() -> Iterator[Event]:
        for number, event in enumerate(TAPE):
            read.append(number)
            yield event

    updates = replay(tape())
    assert [] == read
    next(updates)
    next(updates)
    assert [0, 1] == read


class Closing:
    """A source whose iterator knows whether it was closed."""

    format = None
    symbols = None

    def __init__(self) -> None:
        self.open = 0

    def __iter__(self) -> Iterator[Event]:
        self.open += 1
        try:
            yield from TAPE
        finally:
            self.open -= 1


@pytest.mark.parametrize(
    "read",
    [
        lambda source: list(replay(source)),
        lambda source: list(replay(source, stop=25)),
        lambda source: book_at(source, 25),
        load,
    ],
    ids=["to the end", "to a bound", "book_at", "load"],
)
def test_the_source_is_closed(read: Callable[[Closing], Any]) -> None:
    """Whoever reads a tape closes it, wherever it stops."""
    source = Closing()
    read(source)
    assert 0 == source.open


def test_the_source_is_closed_with_the_replay() -> None:
    """Leaving the with block closes the source in the middle."""
    source = Closing()
    with replay(source) as tape:
        next(tape)
        assert 1 == source.open
    assert 0 == source.open
    assert [] == list(tape)


def test_the_source_is_closed_after_an_error() -> None:
    """An error in a book closes the source too."""

    class Broken(Closing):
        def __iter__(self) -> Iterator[Event]:
            self.open += 1
            try:
                yield OrderAdd(symbol="X", order_id=1, side=BID, price=1, size=1)
                yield OrderCancel(symbol="X", order_id=2)
            finally:
                self.open -= 1

    source = Broken()
    with pytest.raises(UnknownOrder):
        list(replay(source, feed=live_l3()))
    assert 0 == source.open


def live_l3() -> Feed:
    """A feed of orders whose book is live."""
    feed = Feed()
    feed.receive(OrderSnapshot(symbol="X"))
    return feed


def test_a_replay_that_never_began_can_be_closed() -> None:
    """Closing before the first update closes the iterator that was made of the source."""

    class Once(Iterator[Event]):
        closed = False

        def __next__(self) -> Event:
            raise AssertionError("never read")

        def close(self) -> None:
            self.closed = True

    items = Once()
    tape = replay(items)
    tape.close()
    assert (True, []) == (items.closed, list(tape))


def test_the_source_is_closed_behind_a_bar() -> None:
    """A progress bar between the source and the replay does not keep it open."""
    source = Closing()
    with replay(source, progress=True) as tape:
        next(tape)
    assert 0 == source.open


def test_trades_and_quotes_are_updates_too() -> None:
    """What leaves the book alone is yielded with the book as it is."""
    tape = [
        snapshot(1),
        Trade(symbol="X", price=9, size=1, ts_recv=2),
        Quote(symbol="X", bid_price=9, bid_size=1, ts_recv=3),
    ]
    assert [(1, "SNAPSHOT", 1.0), (2, "NOOP", 1.0), (3, "NOOP", 1.0)] == seen(replay(tape))


def test_a_disconnect_makes_books_unknown() -> None:
    """Between a disconnect and the next snapshot nothing of the book is yielded."""
    tape = replay([snapshot(1), Disconnect(ts_recv=2), bid(2, 3), snapshot(4)])
    assert [(1, "SNAPSHOT", 1.0), (2, "RESET", None), (4, "SNAPSHOT", 1.0)] == seen(tape)
    assert (1, 1, 1) == (tape.stats.disconnects, tape.stats.stale, tape.stats.resyncs)


# -- messages are atomic --------------------------------------------------------------------------------------------


def test_updates_of_one_message_come_when_it_is_whole() -> None:
    """Three parts of one message: the first update already shows the book after the last."""
    tape = [snapshot(10, is_last=False), bid(2, 10, is_last=False), bid(3, 10)]
    assert [3.0, 3.0, 3.0] == [update.book.best_bid.size for update in replay(tape)]


def test_the_time_of_a_message_is_that_of_its_last_part() -> None:
    """A message that began before ``stop`` and ended after it is not seen at all."""
    tape = [snapshot(10), bid(2, 20, is_last=False), bid(3, 40)]
    assert ([10], 1.0) == ([u.ts_recv for u in replay(tape, stop=30)], book_at(tape, 30).best_bid.size)


def test_messages_of_other_instruments_do_not_tear_one_apart() -> None:
    """While one instrument is in the middle of a message, everything waits for its end."""
    tape = [snapshot(1, "X"), snapshot(1, "Y"), bid(2, 2, "X", is_last=False), bid(2, 3, "Y"), bid(3, 4, "X")]
    sizes = [(u.symbol, u.book.best_bid.size) for u in replay(tape, start=2)]
    assert [("X", 3.0), ("Y", 2.0), ("X", 3.0)] == sizes


def test_a_disconnect_ends_a_message_that_will_never_be_whole() -> None:
    """What was lost in the middle does not hold up what follows."""
    tape = [snapshot(1), bid(2, 2, is_last=False), Disconnect(ts_recv=3), snapshot(4)]
    assert [None, None, 1.0] == [size for _, _, size in seen(replay(tape, start=2))]


def test_the_end_of_the_tape_ends_its_last_message() -> None:
    """A tape that stops inside a message shows what came of it."""
    assert [1.0, 2.0] == [size for _, _, size in seen(replay([snapshot(1), bid(2, 2, is_last=False)]))]


def test_a_message_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that never ends a message must not fill the memory."""
    monkeypatch.setattr(REPLAY, "MAX_PARTS", 3)
    with pytest.raises(FeedError) as caught:
        list(replay([snapshot(1), *[bid(1, 1, is_last=False)] * 3]))
    assert "X: a message of more than 3 parts" == str(caught.value)


# -- clocks ---------------------------------------------------------------------------------------------------------

BOTH = {"ts_event": 5, "ts_recv": 9}


def times(items: list[Any], clock: Any, format: str | None = None) -> list[int | None]:
    """The time of each message on a clock."""
    named = [replace(item, symbol="ETHUSDT") if isinstance(item, Event) else item for item in items]
    return [message.ts for message in Tape(named, Feed(format, symbols=["ETHUSDT"]), clock=clock)]


@pytest.mark.parametrize(
    ("event", "recv", "venue"),
    [
        (Delta(**BOTH), 9, 5),
        (Delta(ts_event=5), 5, 5),
        (Delta(ts_recv=9), 9, 9),
        (Delta(), None, None),
        (Trade(price=1, size=1, **BOTH), 9, 5),
        (Trade(price=1, size=1, ts_recv=9), 9, None),
        (Quote(ts_recv=9), 9, None),
        (Heartbeat(ts_recv=9), 9, None),
        (Snapshot(ts_recv=9), 9, 9),
        (Clear(ts_recv=9), 9, 9),
        (Disconnect(ts_recv=9), 9, 9),
    ],
    ids=lambda value: f"{type(value).__name__}" if isinstance(value, Event) else "",
)
def test_the_time_of_an_event(event: Event, recv: int | None, venue: int | None) -> None:
    """Each clock falls back on the other, but a quote without the venue's time does not move the venue's clock."""
    assert ([recv], [venue]) == (times([event], "recv"), times([event], "event"))


def test_the_time_of_a_raw_message() -> None:
    """The recorder's time is on the message, the venue's inside it; a snapshot that has none counts as received."""
    ms = [10, 20, 30]
    assert ([T0 + t * MS for t in ms], [T0 + 5 * MS, T0 + 20 * MS, T0 + 25 * MS]) == (
        times(BINANCE[:3], "recv", "binance_spot"),
        times(BINANCE[:3], "event", "binance_spot"),
    )


def test_an_ignored_message_moves_the_recorders_clock_only() -> None:
    """An acknowledgement says that time went on where it was received, and nothing about the venue."""
    items = [depth(1, 2, "1", T0), (T0 + MS, b'{"result":null,"id":1}')]
    assert ([T0, T0 + MS], [T0 - 5 * MS] * 2) == (
        times(items, "recv", "binance_spot"),
        times(items, "event", "binance_spot"),
    )


def test_the_latest_time_stays() -> None:
    """Older times and missing ones count as the latest seen."""
    assert [None, 5, 5, 5, 7] == times([Delta(), Delta(ts_recv=5), Delta(ts_recv=3), Delta(), Delta(ts_recv=7)], "recv")


@pytest.mark.parametrize("clock", ["", "local", None, []])
def test_unknown_clocks_are_refused(clock: Any) -> None:
    """The message names the clocks."""
    with pytest.raises(UsageError) as caught:
        Tape([], Feed(), clock=clock)
    assert f"clock is 'recv' or 'event', not {clock!r}" == str(caught.value)


# -- speed ----------------------------------------------------------------------------------------------------------


class FakeTime:
    """A clock that only sleeping moves, and sleeping that takes no time."""

    def __init__(self, costs: float = 0.0) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.costs = costs

    def clock(self) -> float:
        """Now; looking costs what the consumer costs."""
        self.now += self.costs
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)
        self.now += seconds


def paced(speed: float, moments: list[int | None], fake: FakeTime) -> list[float]:
    """When each message was let through, in seconds since the first."""
    pace = _Pace(speed, fake.clock, fake.sleep)
    let = []
    for ts in moments:
        pace.wait(ts)
        let.append(round(fake.now - 100.0, 9))
    return let


SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("speed", "expected"), [(1, [0.0, 1.0, 1.5, 4.0]), (2, [0.0, 0.5, 0.75, 2.0]), (0.5, [0.0, 2.0, 3.0, 8.0])]
)
def test_the_pace_is_that_of_the_recording(speed: float, expected: list[float]) -> None:
    """Messages are due at their own distance from the first, divided by speed."""
    moments: list[int | None] = [T0 + int(s * SECOND) for s in (0, 1, 1.5, 4)]
    assert expected == paced(speed, moments, FakeTime())


def test_messages_without_a_time_are_due_with_the_one_before() -> None:
    """No time, no waiting."""
    assert [0.0, 1.0, 1.0, 2.0] == paced(1, [T0, T0 + SECOND, None, T0 + 2 * SECOND], FakeTime())


def test_a_slow_consumer_catches_up() -> None:
    """What the consumer costs is taken off the wait, so the pace does not drift."""
    fake = FakeTime(costs=0.01)
    assert paced(1, [T0 + i * SECOND for i in range(50)], fake)[-1] == pytest.approx(49, abs=0.05)


def test_a_consumer_that_is_too_slow_is_never_held_up() -> None:
    """Late is late: nothing sleeps when the next message is overdue."""
    fake = FakeTime(costs=3.0)
    paced(1, [T0 + i * SECOND for i in range(5)], fake)
    assert [] == fake.slept


def test_a_long_gap_is_slept_in_pieces() -> None:
    """A week of silence is no argument that time.sleep() refuses."""
    fake = FakeTime()
    assert [0.0, 604_800.0] == paced(1, [T0, T0 + 604_800 * SECOND], fake)
    assert (168, 3_600.0) == (len(fake.slept), max(fake.slept))


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf"), True, "1"])
def test_wrong_speeds_are_refused(speed: Any) -> None:
    """The message says what speed is."""
    with pytest.raises(UsageError) as caught:
        replay(TAPE, speed=speed)
    assert f"speed is a positive number (1 is the pace of the recording), not {speed!r}" == str(caught.value)


def test_replay_keeps_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """speed= is what replay() waits by, from the first update that is seen."""
    fake = FakeTime()
    monkeypatch.setattr(_Pace.__init__, "__defaults__", (fake.clock, fake.sleep))
    tape = [snapshot(0), bid(2, 10 * SECOND), bid(3, 11 * SECOND), bid(4, 13 * SECOND)]
    waited = [round(fake.now - 100.0, 9) for _ in replay(tape, start=10 * SECOND, speed=2)]
    assert [0.0, 0.5, 1.5] == waited


# -- book_at --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("when", "size"), [(10, 1.0), (19, 1.0), (20, 2.0), (39, 3.0), (40, 4.0), (10**18, 4.0)])
def test_the_book_at_a_moment(when: int, size: float) -> None:
    """Everything up to and including the moment, and nothing after."""
    assert size == book_at(TAPE, when).best_bid.size


def test_the_book_is_a_copy() -> None:
    """It belongs to the caller, and a feed of one's own goes on without it."""
    feed = Feed()
    book = book_at(TAPE, 20, feed=feed)
    feed.receive(bid(7, 50))
    assert (2.0, 7.0) == (book.best_bid.size, feed.book().best_bid.size)


def test_it_reads_no_further() -> None:
    """One message beyond the moment is read, and nothing is applied of it."""
    read = []

    def tape() -> Iterator[Event]:
        for event in TAPE:
            read.append(event)
            yield event

    book_at(tape(), 15)
    assert TAPE[:2] == read


@pytest.mark.parametrize("when", ["1970-01-01T00:00:00.000000020Z", np.datetime64(20, "ns")])
def test_moments_in_other_forms(when: Any) -> None:
    """Text with a zone and numpy's datetime64 are moments too."""
    assert 2.0 == book_at(TAPE, when).best_bid.size


def test_by_the_clock_of_the_venue() -> None:
    """clock="event" asks when the venue sent it."""
    tape = [snapshot(10, ts_event=1), bid(2, 20, ts_event=2)]
    assert (1.0, 2.0) == (book_at(tape, 1, clock="event").best_bid.size, book_at(tape, 2, clock="event").best_bid.size)


def test_a_raw_tape_by_the_clock_of_the_venue() -> None:
    """The venue's time is inside the payload, and a message after the moment has not touched the book."""
    book = book_at(binance(), T0 + 24 * MS, clock="event")
    assert ("2.0", T0 + 5 * MS) == (str(book.best_bid.size), book.ts_event)
    assert 3.0 == book_at(binance(), T0 + 25 * MS, clock="event").best_bid.size


@pytest.mark.parametrize(
    ("tape", "when", "message"),
    [
        (TAPE, 9, "no proven book at 9: the builder is empty and needs a snapshot"),
        ([], 9, "no proven book at 9: the builder is empty and needs a snapshot"),
        ([*TAPE, Disconnect(ts_recv=50)], 50, "X: no proven book at 50: the builder is stale and needs a snapshot"),
        (
            binance(),
            T0 + 40 * MS,
            f"ETHUSDT: no proven book at {T0 + 40 * MS}: the builder is stale and needs a snapshot",
        ),
        (
            binance(),
            T0 + 10 * MS,
            f"ETHUSDT: no proven book at {T0 + 10 * MS}: the builder is buffering and needs a snapshot",
        ),
    ],
)
def test_no_book_no_answer(tape: Any, when: int, message: str) -> None:
    """Before the first snapshot, and between a gap and the resync, there is no book to give."""
    with pytest.raises(StaleBookError) as caught:
        book_at(tape, when)
    assert (message, when) == (str(caught.value), caught.value.when)


def test_one_of_several_instruments() -> None:
    """With a symbol only that instrument is followed; without one it must be the only one."""
    tape = [snapshot(1, "X"), snapshot(2, "Y"), bid(5, 3, "Y")]
    assert 5.0 == book_at(tape, 3, "Y").best_bid.size
    with pytest.raises(UsageError) as caught:
        book_at(tape, 3)
    assert "several symbols, name one: X, Y" == str(caught.value)


def test_an_instrument_that_never_came() -> None:
    """A symbol that is not on the tape has no book."""
    with pytest.raises(StaleBookError) as caught:
        book_at(TAPE, 40, "Z")
    assert "Z: no proven book at 40: the builder is empty and needs a snapshot" == str(caught.value)


def test_a_moment_needs_times() -> None:
    """A tape without times has no moments."""
    with pytest.raises(UsageError) as caught:
        book_at([snapshot()], 5)
    assert "a moment needs a tape with times, and this one has none" == str(caught.value)


# -- load -----------------------------------------------------------------------------------------------------------


def letters(events: Events) -> str:
    """The actions, a dot after each message."""
    ends = events.flags & Flag.LAST
    return "".join(chr(action) + "." * bool(end) for action, end in zip(events.action, ends, strict=True))


def test_a_snapshot_and_what_it_bridged_are_one_message() -> None:
    """The snapshot as it came, then the buffered deltas on top; deltas that it covered are gone."""
    tape = [depth(9, 10, "5", T0), *BINANCE[:3]]
    events = load(binance(tape))
    assert ("RAAAM.M.", "ETHUSDT") == (letters(events), events.symbol)
    assert [10, 10, 10, 10, 12, 14] == events.sequence.tolist()


def test_a_gap_is_a_row() -> None:
    """Where continuity was lost the book is unknown, and nothing of it is told until the next snapshot."""
    events = load(binance())
    assert "RAAAM.M.R.RAAAM.M." == letters(events)
    doubt = (events.flags & Flag.MAYBE_BAD_BOOK) != 0
    assert [T0 + 40 * MS] == events.ts_recv[doubt].tolist()


def test_columns_replay_to_the_same_updates() -> None:
    """Replaying the columns gives the same book after each message as replaying the tape."""
    expected = [(u.ts_recv, u.state, u.book.state_hash()) for u in replay(binance())]
    live = [(u.ts_recv, u.state, u.book.state_hash()) for u in last_of_each(replay(load(binance())))]
    # The bridged delta came before its snapshot; in the columns it has kept its own time.
    assert [(state, value) for _, state, value in expected] == [(state, value) for _, state, value in live]


def last_of_each(updates: Iterable[Update]) -> Iterator[Update]:
    """The last update of each message, while its book is still as it was then."""
    return (update for update in updates if update.event.is_last)


def test_sizes_and_prices_of_the_whole_tape_share_one_exponent() -> None:
    """A finer price late in the tape widens what was read before."""
    events = load([snapshot(1), bid(2, 2), Delta(symbol="X", bids=[("9.125", "0.5")])])
    assert (-3, -1, [9000, 11000, 9000, 9125]) == (
        events.price_exponent,
        events.size_exponent,
        events.price[1:].tolist(),
    )


def test_trades_and_quotes_are_kept_even_without_a_book() -> None:
    """They prove themselves."""
    tape = [Trade(symbol="X", price=9, size=1), Quote(symbol="X", bid_price=9, bid_size=1), bid(1), snapshot(1)]
    assert "T.NN.RAA." == letters(load(tape))


def test_what_proves_nothing_is_left_out() -> None:
    """Heartbeats, empty deltas, and events that the book had already leave no rows."""
    tape = [snapshot(1), Heartbeat(symbol="X"), Delta(symbol="X"), bid(2)]
    assert "RAA.M." == letters(load(tape))


def test_a_message_ends_with_what_is_kept_of_it() -> None:
    """Where the last event of a message is left out, the one before it ends the message."""
    tape = [snapshot(1), bid(2, is_last=False), Heartbeat(symbol="X"), bid(3)]
    events = load(tape)
    assert ("RAA.M.M.", 3) == (letters(events), events.messages())


def test_one_instrument_of_several() -> None:
    """With a symbol the columns hold that one; without it several are refused at once."""
    tape = [snapshot(1, "X"), snapshot(2, "Y"), bid(2, 3, "X")]
    assert ("RAA.M.", "X") == (letters(load(tape, "X")), load(tape, "X").symbol)
    with pytest.raises(UsageError) as caught:
        load(tape)
    assert "several symbols, name one: X, Y" == str(caught.value)


def test_nothing_loads_as_nothing() -> None:
    """An empty tape, or one without the symbol, gives empty columns."""
    assert (0, "X") == (len(load([], "X")), load([snapshot(1, "Y")], "X").symbol)


@pytest.mark.parametrize(
    ("tape", "expected"),
    [
        ([snapshot(1), Disconnect(ts_recv=2), bid(1), snapshot(3)], "RAA.R.RAA."),
        ([Disconnect(ts_recv=2), snapshot(3)], "RAA."),
        ([snapshot(1), Disconnect(), Disconnect(), snapshot(3)], "RAA.R.RAA."),
        ([snapshot(1), Clear(symbol="X"), bid(1)], "RAA.R.M."),
        ([snapshot(1), Fault(error=DecodeError("bad")), bid(1), snapshot(2)], "RAA.R.RAA."),
        ([snapshot(1), bid(2, is_last=False), Disconnect(), snapshot(2)], "RAA.MR.RAA."),
    ],
    ids=["disconnect", "before any book", "twice", "clear", "fault", "in a message"],
)
def test_when_the_book_becomes_unknown(tape: list[Event], expected: str) -> None:
    """One row of doubt when a live book is lost, whatever the reason, and none when there was none to lose."""
    source: Any = MemorySource(tape)
    source.on_error = OnError.SKIP
    assert expected == letters(load(source))


def test_a_crossed_book_under_a_strict_policy_is_lost() -> None:
    """A policy of the feed decides what is live, and the columns follow."""
    tape = [snapshot(1), Delta(symbol="X", bids=[(12, 1)], ts_recv=2), snapshot(3)]
    feed = Feed(on_crossed=OnCrossed.RESYNC)
    events = load(tape, feed=feed)
    assert (1, "RAA.R.RAA.") == (int(((events.flags & Flag.MAYBE_BAD_BOOK) != 0).sum()), letters(events))


def test_the_known_range_survives() -> None:
    """A depth-limited snapshot bounds the known range by its own last level, not by what deltas put beyond it."""
    tape = [
        snapshot(1, bids=[(9, 1), (8, 1)], complete=False),
        Delta(symbol="X", bids=[(5, 1)]),
        Delta(symbol="X", bids=[(8, 0)]),
    ]
    live = replay(tape)
    list(live)
    book = L2Book("X")
    book.apply_many(load(tape))
    assert (live.feed.book(), 8.0) == (book, book.known_range.bid_floor)


def test_text_ids_cannot_be_loaded() -> None:
    """The message says what is not supported."""
    tape = [OrderSnapshot(symbol="X", orders=[Order("a-b-c", BID, 9, 1, None)])]
    with pytest.raises(UsageError) as caught:
        load(tape)
    assert "X: columns hold order ids as uint64, not 'a-b-c'; text ids are not supported in columns" == str(
        caught.value
    )


ORDERS = [
    OrderSnapshot(symbol="X", orders=[Order(1, BID, 9, 5, 3), Order(2, BID, 9, 1, None), Order(3, ASK, 11, 4, None)]),
    OrderAdd(symbol="X", order_id=4, side=BID, price="9.5", size=2),
    OrderModify(symbol="X", order_id=1, size=6),
    OrderModify(symbol="X", order_id=3, size=2),
    OrderModify(symbol="X", order_id=9, side=ASK, price=12, size=1, upsert=True),
    OrderExecute(symbol="X", order_id=4, size="0.5"),
    OrderCancel(symbol="X", order_id=2),
    OrderReplace(symbol="X", order_id=3, new_id=5, price=12, size=3),
    Trade(symbol="X", price=9, size=1),
]


def test_order_events_load_and_replay() -> None:
    """A feed of orders comes back as orders, queue by queue, also through replay."""
    direct = L3Book("X")
    direct.apply_many(ORDERS)
    events = load(ORDERS)
    through = replay(events)
    list(through)
    assert ("L3", direct) == (events.book, through.feed.book())
    assert [1] == [order.order_id for order in through.feed.book().queue(BID, 9)]


def test_columns_of_orders_that_begin_with_a_trade_are_orders() -> None:
    """Which book the columns need is known from all of them, not from the first row."""
    tape = Events.from_events([ORDERS[-1], *ORDERS])
    through = replay(tape)
    list(through)
    assert isinstance(through.feed.book(), L3Book)


def test_an_unknown_order_that_is_passed_over_is_not_loaded() -> None:
    """What changed nothing in the live book must not stand in the columns, where it would be an error."""
    tape = [
        ORDERS[0],
        OrderCancel(symbol="X", order_id=99),
        OrderAdd(symbol="X", order_id=4, side=BID, price=9, size=2),
    ]
    events = load(tape, feed=Feed(on_unknown_order="count"))
    book = L3Book("X")
    book.apply_many(events)
    assert ("RAAA.A.", 4) == (letters(events), len(book.orders))


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """A numbered stream of deltas with losses, resnapshots and disconnects, under the rule of Binance spot."""
    events: list[Event] = []
    number = 10
    for _ in range(draw(st.integers(0, 25))):
        what = draw(st.sampled_from(["delta"] * 6 + ["lost", "snapshot", "late snapshot", "disconnect", "trade"]))
        if what == "lost":
            number += draw(st.integers(1, 3))
        elif what == "disconnect":
            events.append(Disconnect())
        elif what == "trade":
            events.append(Trade(symbol="X", price=draw(st.integers(1, 9)), size=1))
        elif what == "delta":
            count = draw(st.integers(1, 2))
            levels = [(draw(st.integers(1, 9)), draw(st.integers(0, 3)))]
            events.append(Delta(symbol="X", bids=levels, first_sequence=number + 1, sequence=number + count))
            number += count
        else:
            behind = draw(st.integers(0, 4)) if what == "late snapshot" else 0
            complete = draw(st.booleans())
            levels = [(price, 1) for price in range(9, draw(st.integers(1, 9)), -1)]
            events.append(Snapshot(symbol="X", bids=levels, complete=complete, sequence=number - behind))
    return events


@given(streams())
def test_columns_tell_exactly_what_was_proven(tape: list[Event]) -> None:
    """After every message the book from the columns is live when the live one is, and equal to it."""
    loaded = load(tape, "X", feed=spot_rule())
    states = [(u.state is State.LIVE, u.book.state_hash()) for u in replay(tape, feed=spot_rule()) if was_news(u)]
    through = [(u.state is State.LIVE, u.book.state_hash()) for u in last_of_each(replay(loaded))]
    assert collapsed(states) == collapsed(through)


def spot_rule() -> Feed:
    """A feed that takes events and judges them as Binance spot's."""
    return Feed("binance_spot", symbols=["X"])


def was_news(update: Update) -> bool:
    """Whether an update is about a book that is, or was, live."""
    return update.verdict not in (Verdict.BUFFERED, Verdict.STALE)


def collapsed(states: list[tuple[bool, str]]) -> list[tuple[bool, str]]:
    """Without repetitions, and without what is before the first live book."""
    kept: list[tuple[bool, str]] = []
    for live, value in states:
        state = (live, value if live else "")
        if (kept or live) and kept[-1:] != [state]:
            kept.append(state)
    return kept


# -- captures -------------------------------------------------------------------------------------------------------

SPOT = ["binance_spot/ethusdt_20240808.gz", "binance_spot/ethusdt_20240809.gz"]


class Capture:
    """What a capture comes to in one pass: its columns, and the live book after the last message."""

    def __init__(self, source: Iterable[Any], feed: Feed) -> None:
        self.columns = load(source, feed=feed)
        self.book = feed.book()
        self.stats = feed.stats


@pytest.fixture(scope="module")
def spot(data_file: Callable[[str], Path]) -> Capture:
    """Binance spot over midnight, both files as one tape."""
    source = FileSource([data_file(name) for name in SPOT], "binance_spot", symbols=["ETHUSDT"])
    return Capture(source, Feed("binance_spot", symbols=["ETHUSDT"]))


def test_spot_counts(spot: Capture) -> None:
    """6,470 depth messages: two stale, none lost, the rest applied, two of them through the bridge."""
    counts = spot.stats
    assert (79_744, 1, 6_468, 2, 0, 0) == (
        counts.messages,
        counts.snapshots,
        counts.applied,
        counts.stale,
        counts.gaps,
        counts.crossed,
    )


def test_spot_columns_build_the_live_book(spot: Capture) -> None:
    """Level by level, known range included, in any order of hashing."""
    book = L2Book("ETHUSDT")
    book.apply_many(spot.columns)
    assert (spot.book, spot.book.state_hash(), spot.book.known_range) == (book, book.state_hash(), book.known_range)


def test_spot_columns_are_small_numbers(spot: Capture) -> None:
    """Prices in cents, sizes in hundred-thousandths: the exponents are what the numbers need and no more."""
    assert (-2, -5, "L2", 79_742) == (
        spot.columns.price_exponent,
        spot.columns.size_exponent,
        spot.columns.book,
        spot.columns.messages(),
    )


def test_spot_columns_survive_a_file(spot: Capture, tmp_path: Path) -> None:
    """406,784 rows, saved and opened."""
    spot.columns.save(tmp_path / "spot.npz")
    assert spot.columns == Events.open(tmp_path / "spot.npz")


def test_spot_book_at_agrees_with_the_tape(spot: Capture, data_file: Callable[[str], Path]) -> None:
    """A moment of the raw tape and the same moment of its columns are the same book."""
    source = FileSource(data_file(SPOT[0]), "binance_spot", symbols=["ETHUSDT"])
    moment = int(spot.columns.ts_recv[30_000])
    assert book_at(source, moment) == book_at(spot.columns, moment)


def test_lobster_columns_build_the_live_book(data_file: Callable[[str], Path]) -> None:
    """Seeds, revealed levels, executions and hidden trades of the AAPL day come back in the same queues."""
    files = [data_file(f"lobster/AAPL_2012-06-21_34200000_57600000_{kind}_10.csv") for kind in ("message", "orderbook")]
    capture = Capture(FileSource(files, "lobster"), Feed("lobster"))
    book = L3Book("AAPL")
    book.apply_many(capture.columns)
    assert (capture.book, "L3", 999) == (book, capture.columns.book, capture.columns.messages())


def test_bitfinex_columns_build_the_live_book(data_file: Callable[[str], Path]) -> None:
    """The first 10,000 messages of the raw book: orders, places in the queue, and all."""
    source = FileSource(
        data_file("bitfinex_raw/bitfinex_L3_feed.json.gz"), "bitfinex_raw", framing="json_array", symbols=["tBTCUSD"]
    )
    messages = islice(source, 10_000)
    capture = Capture(messages, Feed("bitfinex_raw", symbols=["tBTCUSD"]))
    book = L3Book("tBTCUSD")
    book.apply_many(capture.columns)
    assert (capture.book, capture.book.state_hash()) == (book, book.state_hash())
