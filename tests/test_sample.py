"""Panels of a tape: regular grids without look-ahead, and rows by event count."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import DecodeError, SequenceGap, StaleBookError, TimestampError, UsageError
from orderbook.events import (
    Clear,
    Delta,
    Disconnect,
    Event,
    Heartbeat,
    OrderAdd,
    OrderSnapshot,
    Quote,
    Snapshot,
    Trade,
)
from orderbook.feed import Feed
from orderbook.panel import Panel
from orderbook.replay import book_at, load
from orderbook.sampling import sample
from orderbook.sources import FileSource, MemorySource
from orderbook.types import UNDEF_TIMESTAMP, BookState, Side
from orderbook.verdicts import OnError, OnGap

NORMAL, NO_BID, NO_ASK, EMPTY, LOCKED, CROSSED, STALE = BookState


def snapshot(ts: int | None = None, symbol: str = "X", **fields: Any) -> Snapshot:
    """A book of 9 x 1 and 11 x 1."""
    return Snapshot(**{"symbol": symbol, "ts_recv": ts, "bids": [(9, 1)], "asks": [(11, 1)]} | fields)


def bid(size: int, ts: int | None = None, symbol: str = "X", **fields: Any) -> Delta:
    """A delta that sets the size of bid 9."""
    return Delta(**{"symbol": symbol, "ts_recv": ts, "bids": [(9, size)]} | fields)


def sizes(panel: Panel) -> list[tuple[int, float]]:
    """Each row as (ts, size of the best bid)."""
    return list(zip(panel.ts.tolist(), panel.bid_sz[:, 0].tolist(), strict=True))


# -- the grid -------------------------------------------------------------------------------------------------------

TAPE = [snapshot(95), bid(2, 110), bid(3, 111), bid(4, 129), bid(5, 130)]


def test_rows_stand_on_whole_multiples() -> None:
    """From the first grid point at or after the first message to the last at or before the last one."""
    assert [(100, 1.0), (110, 2.0), (120, 3.0), (130, 5.0)] == sizes(sample(TAPE, 10))


def test_a_message_on_a_grid_point_is_in_its_row() -> None:
    """A row at t holds everything with time <= t."""
    assert [(110, 2.0)] == sizes(sample(TAPE[:2], 10))[1:]


def test_a_row_holds_all_messages_of_its_moment() -> None:
    """Several messages on the grid point itself are all in the row."""
    assert [(100, 3.0)] == sizes(sample([snapshot(100), bid(2, 100), bid(3, 100)], 10))


def test_a_tape_that_begins_on_a_grid_point_has_a_row_there() -> None:
    """The first message can be the first row."""
    assert [(100, 1.0)] == sizes(sample([snapshot(100)], 10))


def test_a_tape_between_two_grid_points_has_no_row() -> None:
    """No grid point, no row."""
    panel = sample([snapshot(101), bid(2, 109)], 10)
    assert (0, 10, "X") == (len(panel), panel.depth, panel.symbol)


def test_a_declared_symbol_names_a_panel_without_rows() -> None:
    """A source that is limited to one instrument says whose panel it is, even where it never came."""
    assert ["X", ""] == [sample(MemorySource([], symbols=symbols), 10).symbol for symbols in (["X"], ["X", "Y"])]


def test_an_empty_tape_is_an_empty_panel() -> None:
    """T = 0."""
    panel = sample([], "1s", depth=3)
    assert (0, 3, "") == (len(panel), panel.depth, panel.symbol)


def test_silence_repeats_the_book() -> None:
    """Grid points without any message have the last book."""
    assert [(t, 1.0) for t in range(10, 50, 10)] + [(50, 2.0)] == sizes(sample([snapshot(10), bid(2, 50)], 10))


@pytest.mark.parametrize("every", ["10ns", 10, timedelta(microseconds=0.01), np.timedelta64(10, "ns")])
def test_forms_of_a_duration(every: Any) -> None:
    """Text, int, timedelta and timedelta64; what rounds to nothing is refused."""
    if isinstance(every, timedelta):
        with pytest.raises(TimestampError):
            sample(TAPE, every)
        return
    assert [100, 110, 120, 130] == sample(TAPE, every).ts.tolist()


def test_the_grid_is_aligned_before_1970_too() -> None:
    """Multiples are multiples on both sides of zero."""
    assert [-20, -10, 0, 10] == sample([snapshot(-25), bid(2, 10)], 10).ts.tolist()


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"start": 110}, [110, 120, 130]),
        ({"start": 101}, [110, 120, 130]),
        ({"start": 0}, [100, 110, 120, 130]),
        ({"start": 131}, []),
        ({"stop": 120}, [100, 110]),
        ({"stop": 121}, [100, 110, 120]),
        ({"stop": 10**9}, [100, 110, 120, 130]),
        ({"stop": 0}, []),
        ({"start": 110, "stop": 130}, [110, 120]),
        ({"start": 110, "stop": 110}, []),
        ({"start": "1970-01-01T00:00:00.00000011Z"}, [110, 120, 130]),
    ],
)
def test_bounds(bounds: dict[str, Any], expected: list[int]) -> None:
    """start and stop leave out rows and nothing else; rows go on only while the tape goes on."""
    panel, full = sample(TAPE, 10, symbol="X", **bounds), sample(TAPE, 10)
    assert expected == panel.ts.tolist()
    assert full[np.isin(full.ts, expected)] == panel


def test_beyond_stop_nothing_is_read() -> None:
    """The tape is left as soon as the last row is made."""
    read = []

    def tape() -> Iterator[Event]:
        for event in TAPE:
            read.append(event.ts_recv)
            yield event

    sample(tape(), 10, stop=111)
    assert [95, 110, 111] == read


def test_time_never_runs_backwards() -> None:
    """A message that is older than the latest seen counts as at the latest: it was not there before."""
    tape = [snapshot(10), bid(2, 25), bid(3, 12), bid(4, 40)]
    assert [(10, 1.0), (20, 1.0), (30, 3.0), (40, 4.0)] == sizes(sample(tape, 10))


def test_a_message_without_a_time_counts_as_at_the_latest() -> None:
    """It follows what came before it."""
    assert [(10, 2.0), (20, 3.0)] == sizes(sample([snapshot(10), bid(2), bid(3, 20)], 10))


def test_messages_of_every_kind_move_time_on() -> None:
    """A trade or heartbeat says that the tape went on, and the book did not change."""
    tape = [snapshot(10), Trade(symbol="X", price=9, size=1, ts_recv=20), Heartbeat(ts_recv=30)]
    assert [(10, 1.0), (20, 1.0), (30, 1.0)] == sizes(sample(tape, 10))


def test_a_message_is_atomic() -> None:
    """No row sees half of a message: one in parts counts at the time of its last part."""
    tape = [snapshot(10), bid(7, 15, is_last=False), bid(2, 25), bid(3, 30)]
    assert [(10, 1.0), (20, 1.0), (30, 3.0)] == sizes(sample(tape, 10))


def test_by_the_clock_of_the_venue() -> None:
    """clock="event" puts every message where the venue sent it."""
    tape = [snapshot(19, ts_event=10), bid(2, 29, ts_event=20), bid(3, 39, ts_event=30)]
    assert [(10, 1.0), (20, 2.0), (30, 3.0)] == sizes(sample(tape, 10, clock="event"))
    assert [(20, 1.0), (30, 2.0)] == sizes(sample(tape, 10))


def test_quotes_without_a_time_do_not_move_the_clock_of_the_venue() -> None:
    """Binance spot's bookTicker has no event time; it must not drag the venue's clock to the recorder's."""
    tape = [snapshot(19, ts_event=10), Quote(symbol="X", bid_price=9, bid_size=1, ts_recv=35), bid(2, 36, ts_event=20)]
    assert [(10, 1.0), (20, 2.0)] == sizes(sample(tape, 10, clock="event"))


def test_an_unknown_clock_is_refused() -> None:
    """The message names the clocks."""
    with pytest.raises(UsageError) as caught:
        sample(TAPE, 10, clock="exchange")
    assert "clock is 'recv' or 'event', not 'exchange'" == str(caught.value)


def test_a_grid_needs_times() -> None:
    """A tape without times has events to count, and the message says so."""
    with pytest.raises(UsageError) as caught:
        sample([snapshot(), bid(2)], 10)
    assert "a regular grid (try every='100ev') needs a tape with times, and this one has none" == str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 0}, "depth is a whole number from 1, not 0"),
        ({"depth": 2.0}, "depth is a whole number from 1, not 2.0"),
        ({"depth": True}, "depth is a whole number from 1, not True"),
        ({"max_rows": 0}, "max_rows is a whole number from 1, not 0"),
        ({"every": "0ev"}, "every is a whole number from 1, not 0"),
        ({"every": "0ms"}, "a duration must be positive: '0ms'"),
        ({"every": "-1ev"}, "expected a number and a unit such as 100ms: '-1ev'"),
        ({"every": 1.5}, "expected int ns, text such as '100ms', a timedelta or numpy.timedelta64, got `float`: 1.5"),
    ],
)
def test_wrong_arguments_are_refused_before_reading(arguments: dict[str, Any], message: str) -> None:
    """A wrong argument costs nothing but the message."""

    def tape() -> Iterator[Event]:
        raise AssertionError("must not be read")
        yield

    with pytest.raises(UsageError) as caught:
        sample(tape(), **{"every": 10} | arguments)
    # How a duration is refused is the business of timestamps; that it is refused, and names the value, is ours.
    assert message.rpartition(":")[2] == str(caught.value).rpartition(":")[2]


# -- what a row says ------------------------------------------------------------------------------------------------


def row(*tape: Event, depth: int = 2) -> Panel:
    """One row, after all of the tape."""
    return sample([*tape, Heartbeat(ts_recv=1_000)], 1_000, depth=depth)


def test_levels_fill_from_the_left() -> None:
    """Best first; what is not there is NaN with size 0."""
    panel = row(snapshot(1, bids=[(8, 2), (9, 1)], asks=[(11, 3)]), depth=3)
    np.testing.assert_array_equal([[9.0, 8.0, np.nan]], panel.bid_px)
    np.testing.assert_array_equal([[1.0, 2.0, 0.0]], panel.bid_sz)
    np.testing.assert_array_equal([[11.0, np.nan, np.nan]], panel.ask_px)
    np.testing.assert_array_equal([[3.0, 0.0, 0.0]], panel.ask_sz)


@pytest.mark.parametrize(
    ("bids", "asks", "state"),
    [
        ([(9, 1)], [(11, 1)], NORMAL),
        ([], [(11, 1)], NO_BID),
        ([(9, 1)], [], NO_ASK),
        ([], [], EMPTY),
        ([(9, 1)], [(9, 1)], LOCKED),
        ([(9, 1)], [(8, 1)], CROSSED),
    ],
)
def test_states(bids: Any, asks: Any, state: BookState) -> None:
    """The state code says what the prices cannot."""
    panel = row(snapshot(1, bids=bids, asks=asks))
    assert ([state], [not bids], [not asks]) == (
        panel.state.tolist(),
        np.isnan(panel.bid_px[:, 0]).tolist(),
        np.isnan(panel.ask_px[:, 0]).tolist(),
    )


def test_before_the_first_snapshot_rows_are_stale() -> None:
    """No book, no numbers, and nothing is said to be known."""
    panel = sample([bid(1, 5), snapshot(25), bid(2, 35)], 10, depth=1)
    assert [STALE, STALE, NORMAL] == panel.state.tolist()
    assert ([0.0, 0.0, 1.0], [False, False, True]) == (panel.bid_sz[:, 0].tolist(), panel.bids_known.tolist())
    assert [True, True, False] == np.isnan(panel.ask_px[:, 0]).tolist()


def test_between_a_gap_and_the_resync_rows_are_stale() -> None:
    """A book that may be wrong is not shown."""
    tape = [snapshot(5), Disconnect(ts_recv=15), bid(2, 25), snapshot(35), bid(3, 45)]
    panel = sample(tape, 10)
    assert [(10, 1.0), (20, 0.0), (30, 0.0), (40, 1.0)] == sizes(panel)
    assert [NORMAL, STALE, STALE, NORMAL] == panel.state.tolist()


def test_a_stale_row_leaves_nothing_behind() -> None:
    """Rows are written into fresh memory: the old levels do not show through."""
    panel = sample([snapshot(5), Disconnect(ts_recv=15), Heartbeat(ts_recv=20)], 10, depth=1)
    assert (True, 0.0, 0) == (bool(np.isnan(panel.bid_px[1, 0])), panel.bid_sz[1, 0], panel.bid_ct[1, 0])


def test_a_venues_clear_is_an_empty_book() -> None:
    """Known to be empty is not the same as unknown."""
    panel = row(snapshot(1), Clear(symbol="X", ts_recv=2))
    assert ([EMPTY], [True]) == (panel.state.tolist(), panel.bids_known.tolist())


def test_beyond_the_known_range_levels_may_be_unknown() -> None:
    """A depth-limited snapshot of one level knows one level."""
    limited = snapshot(1, complete=False)
    assert ([True], [False]) == (row(limited, depth=1).bids_known.tolist(), row(limited, depth=2).bids_known.tolist())


def test_order_counts() -> None:
    """A book of orders has counts, one of levels has them where its feed does, and 0 says that there are none."""
    orders = [OrderAdd(symbol="X", order_id=i, side=Side.BID, price=9, size=2, ts_recv=2) for i in (1, 2, 3)]
    counted = row(OrderSnapshot(symbol="X", ts_recv=1), *orders)
    levels = row(snapshot(1))
    assert ([[3, 0]], [[6.0, 0.0]], [[0, 0]]) == (
        counted.bid_ct.tolist(),
        counted.bid_sz.tolist(),
        levels.bid_ct.tolist(),
    )


def test_a_level_that_is_only_partly_counted() -> None:
    """Anonymous liquidity makes one count unknown and leaves the others."""
    tape = [
        OrderSnapshot(symbol="X", ts_recv=1),
        Snapshot(symbol="X", bids=[(9, 5)], ts_recv=2),
        OrderAdd(symbol="X", order_id=1, side=Side.BID, price=8, size=2, ts_recv=3),
    ]
    assert [[0, 1]] == row(*tape).bid_ct.tolist()


# -- several instruments, errors, limits ----------------------------------------------------------------------------


def test_one_of_several_instruments() -> None:
    """The one that is named; the tape's time goes on with every message that is read."""
    tape = [snapshot(10, "X"), snapshot(15, "Y"), bid(2, 20, "X"), bid(7, 30, "Y")]
    panel = sample(tape, 10, symbol="Y")
    assert ("Y", [(10, 0.0), (20, 1.0), (30, 7.0)]) == (panel.symbol, sizes(panel))


def test_several_instruments_need_a_name() -> None:
    """The message lists them."""
    with pytest.raises(UsageError) as caught:
        sample([snapshot(1, "X"), snapshot(2, "Y")], 10)
    assert "several symbols, name one: X, Y" == str(caught.value)


def test_an_instrument_that_never_came() -> None:
    """Its rows are stale."""
    panel = sample([snapshot(10), bid(2, 20)], 10, symbol="Z")
    assert ("Z", [STALE, STALE]) == (panel.symbol, panel.state.tolist())


def test_errors_pass_through() -> None:
    """A tape that breaks breaks the panel, with the place."""
    source = MemorySource([(1, b"{")], "binance_spot", symbols=["X"])
    with pytest.raises(DecodeError, match=r"^<memory>:1: "):
        sample(source, 10)


def test_a_source_that_skips_makes_stale_rows() -> None:
    """Under SKIP what could not be read is counted, and the panel goes on."""
    source: Any = MemorySource([snapshot(10), bid(2, 20)])
    source.on_error = OnError.SKIP
    assert [(10, 1.0), (20, 2.0)] == sizes(sample(source, 10))


def test_a_feed_of_your_own_brings_its_policies() -> None:
    """OnGap.RAISE makes a gap an error here too."""
    tape = [
        snapshot(1, sequence=5),
        bid(2, 2, first_sequence=6, sequence=6),
        bid(3, 3, first_sequence=9, sequence=9),
    ]
    with pytest.raises(SequenceGap, match="expected 7, got 9"):
        sample(tape, 10, feed=Feed("binance_spot", on_gap=OnGap.RAISE))


YEAR = 365 * 86_400 * 10**9


def test_a_year_of_nanoseconds_is_refused() -> None:
    """A silent gap must not fill the memory: the rows are counted before they are made."""
    with pytest.raises(UsageError) as caught:
        sample([snapshot(0), bid(2, YEAR)], 1)
    assert (
        "31536000000000000 rows are more than max_rows=10000000, 31536000000000000 of them from "
        "1970-01-01T00:00:00.000000000Z to 1970-12-31T23:59:59.999999999Z; "
        "take a longer every, bound it with start and stop, or raise max_rows"
    ) == str(caught.value)


@pytest.mark.parametrize(("max_rows", "refused"), [(4, False), (3, True)])
def test_the_limit_is_exact(max_rows: int, refused: bool) -> None:
    """max_rows rows are allowed and not one more."""
    if not refused:
        assert 4 == len(sample(TAPE, 10, max_rows=max_rows))
        return
    with pytest.raises(UsageError, match=r"^4 rows are more than max_rows=3, 1 of them from"):
        sample(TAPE, 10, max_rows=max_rows)


def test_bounds_make_a_huge_gap_harmless() -> None:
    """What is outside of start and stop is not counted."""
    tape = [snapshot(0), bid(2, YEAR), bid(3, YEAR + 2)]
    assert [(YEAR, 2.0), (YEAR + 1, 2.0), (YEAR + 2, 3.0)] == sizes(sample(tape, 1, start=YEAR))
    assert [(0, 1.0), (1, 1.0)] == sizes(sample(tape, 1, stop=2))


def test_the_end_of_time() -> None:
    """The last nanosecond that fits is a moment like any other."""
    last = 2**63 - 1
    assert [last - last % 10] == sample([snapshot(last - 9), bid(2, last)], 10).ts.tolist()
    with pytest.raises(UsageError, match=r"to 2262-04-11T23:47:16\.854775806Z"):
        sample([snapshot(0), bid(2, last)], 1)


def test_rows_are_kept_in_arrays() -> None:
    """Many rows cost what their numbers cost, and no Python object each."""
    count = 50_000
    tracemalloc.start()
    panel = sample([snapshot(0), bid(2, count - 1)], 1, depth=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == len(panel)
    assert peak < 200 * count  # 51 bytes a row, while growing and while being copied; a tuple a row would be 600


def test_a_panel_owns_what_it_holds() -> None:
    """The room that was kept for more rows is given back."""
    panel = sample(TAPE, 10)
    assert [True] * 3 == [getattr(panel, name).base is None for name in ("ts", "bid_px", "ask_ct")]


def test_growing_keeps_what_was_there() -> None:
    """Rows of before and after the arrays grew are all right."""
    tape = [snapshot(0), *(bid(1 + ts % 7, ts) for ts in range(1, 10_001))]
    panel = sample(tape, 1, depth=1)
    assert [1.0, *(1.0 + ts % 7 for ts in range(1, 10_001))] == panel.bid_sz[:, 0].tolist()


# -- by event count -------------------------------------------------------------------------------------------------


def test_a_row_after_every_change() -> None:
    """ "1ev" is a row a message that changed the book, at the message's time."""
    assert [(95, 1.0), (110, 2.0), (111, 3.0), (129, 4.0), (130, 5.0)] == sizes(sample(TAPE, "1ev"))


@pytest.mark.parametrize(("every", "expected"), [("2ev", [110, 129]), ("3 ev", [111]), ("5ev", [130]), ("6ev", [])])
def test_a_row_after_every_few_changes(every: str, expected: list[int]) -> None:
    """Changes are counted from the beginning of the tape, the snapshot included."""
    assert expected == sample(TAPE, every).ts.tolist()


def test_what_changes_nothing_is_not_counted() -> None:
    """Trades, quotes, heartbeats, stale and buffered messages are no changes; a venue's clear is one."""
    tape = [
        bid(9, 1),
        snapshot(2),
        Trade(symbol="X", price=9, size=1, ts_recv=3),
        Quote(symbol="X", bid_price=9, bid_size=1, ts_recv=4),
        Heartbeat(symbol="X", ts_recv=5),
        Delta(symbol="X", ts_recv=6),
        bid(2, 7),
        Disconnect(ts_recv=8),
        bid(3, 9),
        snapshot(10),
        Clear(symbol="X", ts_recv=11),
    ]
    assert [2, 7, 10, 11] == sample(tape, "1ev").ts.tolist()


def test_a_message_in_parts_is_one_change() -> None:
    """However many parts a message has, it is counted once, when it is whole."""
    tape = [snapshot(10), bid(2, 20, is_last=False), bid(3, 20, is_last=False), bid(4, 20), bid(5, 30)]
    assert [(10, 1.0), (20, 4.0), (30, 5.0)] == sizes(sample(tape, "1ev"))


def test_changes_of_other_instruments_are_not_counted() -> None:
    """Only the instrument that is sampled counts."""
    tape = [snapshot(1, "X"), snapshot(2, "Y"), bid(2, 3, "Y"), bid(2, 4, "X")]
    assert [1, 4] == sample(tape, "1ev", symbol="X").ts.tolist()


def test_a_message_in_which_the_book_is_lost_is_no_change() -> None:
    """There is no book to make a row of."""
    tape = [snapshot(1), bid(2, 2, is_last=False), Disconnect(ts_recv=2), snapshot(3)]
    assert [1, 3] == sample(tape, "1ev").ts.tolist()


def test_a_tape_without_times_can_be_counted() -> None:
    """Rows have no time then (NaT), and the order of the tape."""
    panel = sample([snapshot(), bid(2), bid(3)], "1ev")
    assert [(UNDEF_TIMESTAMP, 1.0), (UNDEF_TIMESTAMP, 2.0), (UNDEF_TIMESTAMP, 3.0)] == sizes(panel)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"start": 111}, [129]),
        ({"start": 110}, [110, 129]),
        ({"stop": 129}, [110]),
        ({"start": 111, "stop": 130}, [129]),
        ({"stop": 0}, []),
    ],
)
def test_counted_rows_inside_bounds(bounds: dict[str, int], expected: list[int]) -> None:
    """Bounds leave out rows; the count still begins with the tape, so rows stay the same."""
    assert expected == sample(TAPE, "2ev", **bounds).ts.tolist()


@pytest.mark.parametrize("bounds", [{"start": 1}, {"stop": 1}])
def test_bounds_need_times(bounds: dict[str, int]) -> None:
    """Without times there is no before and after."""
    with pytest.raises(UsageError, match="start and stop need"):
        sample([snapshot()], "1ev", **bounds)


def test_counted_rows_are_limited_too() -> None:
    """max_rows holds for counted rows."""
    with pytest.raises(UsageError, match=r"^3 rows are more than max_rows=2, 1 of them from"):
        sample(TAPE, "1ev", max_rows=2)


# -- against book_at ------------------------------------------------------------------------------------------------


@st.composite
def tapes(draw: st.DrawFn) -> list[Event]:
    """Deltas, snapshots, disconnects and messages in parts, with times that mostly rise."""
    now = draw(st.integers(-30, 30))
    tape: list[Event] = []
    for _ in range(draw(st.integers(0, 20))):
        now += draw(st.integers(-3, 12))
        ts = {"ts_recv": draw(st.none() | st.just(now)), "ts_event": now - draw(st.integers(0, 9))}
        is_last = draw(st.sampled_from([True, True, False]))
        side = draw(st.sampled_from(["bids", "asks"]))
        levels: Any = {side: [(draw(st.integers(1, 9)), draw(st.integers(0, 3)))]}
        what = draw(st.sampled_from(["delta"] * 6 + ["snapshot", "disconnect"]))
        if what == "delta":
            tape.append(Delta(symbol="X", is_last=is_last, **levels, **ts))
        elif what == "snapshot":
            tape.append(Snapshot(symbol="X", bids=[(4, 1), (3, 1)], asks=[(5, 1)], complete=draw(st.booleans()), **ts))
        else:
            tape.append(Disconnect(symbol="X", **ts))
    return tape


def assert_row_is(panel: Panel, i: int, tape: Any, **options: Any) -> None:
    """Row i is what book_at() says of its moment."""
    try:
        book = book_at(tape, int(panel.ts[i]), "X", **options)
    except StaleBookError:
        assert STALE == panel.state[i]
        return
    depth = book.depth(panel.depth)
    assert (book.state, depth.bids_known, depth.asks_known) == (
        panel.state[i],
        bool(panel.bids_known[i]),
        bool(panel.asks_known[i]),
    )
    for levels, prices, amounts in (
        (depth.bids, panel.bid_px[i], panel.bid_sz[i]),
        (depth.asks, panel.ask_px[i], panel.ask_sz[i]),
    ):
        missing = panel.depth - len(levels)
        np.testing.assert_array_equal([level.price for level in levels] + [np.nan] * missing, prices)
        np.testing.assert_array_equal([level.size for level in levels] + [0.0] * missing, amounts)


@given(tapes(), st.integers(1, 9), st.sampled_from(["recv", "event"]))
def test_every_row_is_the_book_at_its_moment(tape: list[Event], every: int, clock: Any) -> None:
    """No look-ahead and nothing left out, on either clock."""
    panel = sample(tape, every, depth=3, symbol="X", clock=clock)
    assert (panel.ts % every == 0).all()
    assert (np.diff(panel.ts) == every).all()
    for i in range(len(panel)):
        assert_row_is(panel, i, tape, clock=clock)


@given(tapes(), st.integers(1, 9), st.integers(-40, 200), st.integers(-40, 200))
def test_bounds_are_a_slice_of_the_whole(tape: list[Event], every: int, start: int, stop: int) -> None:
    """Whatever the bounds, the rows between them are those of the full panel."""
    full = sample(tape, every, symbol="X")
    part = sample(tape, every, symbol="X", start=start, stop=stop)
    assert full[(full.ts >= start) & (full.ts < stop)] == part


@given(tapes(), st.integers(1, 9), st.integers(1, 3))
def test_a_longer_tape_does_not_change_earlier_rows(tape: list[Event], every: int, cut: int) -> None:
    """What comes later can add rows and never change one."""
    tape = [event for event in tape if event.is_last]
    short, full = sample(tape[:-cut], every, symbol="X"), sample(tape, every, symbol="X")
    # The last row of the short tape may stand on the very moment of its last message, which another can share.
    whole = max(len(short) - 1, 0)
    assert short[:whole] == full[:whole]


@given(tapes(), st.integers(1, 4))
def test_counted_rows_are_every_nth_of_all(tape: list[Event], every: int) -> None:
    """ "Nev" is every Nth row of "1ev"."""
    everything = sample(tape, "1ev", symbol="X")
    assert everything[every - 1 :: every] == sample(tape, f"{every}ev", symbol="X")


@given(tapes(), st.integers(1, 9))
def test_columns_sample_like_their_tape(tape: list[Event], every: int) -> None:
    """A panel of the loaded columns is the same wherever both tapes go.

    In order of time, that is: columns leave out what proved nothing, and with it the latest time that it had.
    """
    tape = sorted((e for e in tape if e.is_last and e.ts_recv is not None), key=lambda e: e.ts_recv or 0)
    panel, loaded = sample(tape, every, symbol="X"), sample(load(tape, "X"), every, symbol="X")
    if len(loaded):
        assert panel[(panel.ts >= loaded.ts[0]) & (panel.ts <= loaded.ts[-1])] == loaded


# -- captures -------------------------------------------------------------------------------------------------------

SPOT = ["binance_spot/ethusdt_20240808.gz", "binance_spot/ethusdt_20240809.gz"]
STEP = 100_000_000


class Spot:
    """The spot tape in memory, with its panel."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
        self.messages = list(self.source())
        self.panel = sample(self.memory(), "100ms", depth=10)

    def source(self, **options: Any) -> FileSource:
        """The files."""
        return FileSource(self.files, "binance_spot", symbols=["ETHUSDT"], **options)

    def memory(self, count: int | None = None) -> MemorySource:
        """The first messages of the tape, in memory."""
        return MemorySource(self.messages[:count], "binance_spot", symbols=["ETHUSDT"])


@pytest.fixture(scope="module")
def spot(data_file: Callable[[str], Path]) -> Spot:
    """Binance spot over midnight, both files as one tape, sampled at 100 ms."""
    return Spot([data_file(name) for name in SPOT])


def test_the_spot_grid_is_regular(spot: Spot) -> None:
    """6,505 rows without a hole over midnight; only the first is before the snapshot."""
    panel = spot.panel
    assert (6_505, 10, "ETHUSDT", [STALE]) == (len(panel), panel.depth, panel.symbol, panel.state[:1].tolist())
    assert [STEP] == np.unique(np.diff(panel.ts)).tolist()
    assert [NORMAL] == np.unique(panel.state[1:]).tolist()
    first, last = spot.messages[0].ts_recv, spot.messages[-1].ts_recv
    assert (-(-first // STEP) * STEP, last // STEP * STEP) == (panel.ts[0], panel.ts[-1])


def test_the_spot_panel_is_a_book_in_every_row(spot: Spot) -> None:
    """Bids descend, asks ascend, every size is positive, and every level is known."""
    panel = spot.panel[1:]
    assert (np.diff(panel.bid_px) < 0).all()
    assert (np.diff(panel.ask_px) > 0).all()
    assert (panel.bid_px[:, 0] < panel.ask_px[:, 0]).all()
    assert (panel.bid_sz > 0).all()
    assert (panel.ask_sz > 0).all()
    assert panel.bids_known.all()
    assert panel.asks_known.all()


def test_the_spot_panel_has_no_look_ahead(spot: Spot) -> None:
    """At random moments each row is the book of exactly the messages received by then, built without the sampler."""
    rows = sorted(random.Random(2).sample(range(len(spot.panel)), 40))
    feed = Feed("binance_spot", symbols=["ETHUSDT"])
    messages = iter(spot.messages)
    message = next(messages)
    for i in rows:
        while message.ts_recv is not None and message.ts_recv <= spot.panel.ts[i]:
            feed.receive(message)
            message = next(messages)
        depth = feed.book().depth(10)
        assert [level.price for level in depth.bids] == spot.panel.bid_px[i].tolist()
        assert [level.size for level in depth.bids] == spot.panel.bid_sz[i].tolist()
        assert [level.price for level in depth.asks] == spot.panel.ask_px[i].tolist()
        assert [level.size for level in depth.asks] == spot.panel.ask_sz[i].tolist()


@pytest.mark.parametrize("i", [0, 1, 37, 150])
def test_the_spot_panel_agrees_with_book_at(spot: Spot, i: int) -> None:
    """book_at() over the same tape says the same."""
    assert_row_is_spot(spot, i)


def assert_row_is_spot(spot: Spot, i: int) -> None:
    """Row i is what book_at() says."""
    try:
        depth = book_at(spot.source(), int(spot.panel.ts[i])).depth(10)
    except StaleBookError:
        assert STALE == spot.panel.state[i]
        return
    assert [level.price for level in depth.bids] == spot.panel.bid_px[i].tolist()
    assert [level.size for level in depth.asks] == spot.panel.ask_sz[i].tolist()


@pytest.mark.parametrize("chunk_size", [1, 777, 1 << 20])
def test_the_spot_panel_is_equal_however_it_is_read(spot: Spot, chunk_size: int) -> None:
    """From files in chunks of any size, a minute of tape gives the same rows."""
    stop = int(spot.panel.ts[600 if chunk_size > 1 else 20])
    assert spot.panel[spot.panel.ts < stop] == sample(spot.source(chunk_size=chunk_size), "100ms", depth=10, stop=stop)


def test_the_spot_panel_is_equal_wherever_it_starts(spot: Spot) -> None:
    """A panel from the middle is the middle of the panel."""
    start, stop = (int(spot.panel.ts[i]) for i in (400, 500))
    assert spot.panel[400:500] == sample(spot.source(), "100ms", depth=10, start=start + 1 - STEP, stop=stop)


def test_the_spot_panel_at_another_depth(spot: Spot) -> None:
    """Fewer levels are the first of more."""
    stop = int(spot.panel.ts[200])
    top = sample(spot.memory(), "100ms", depth=3, stop=stop)
    np.testing.assert_array_equal(spot.panel.bid_px[:200, :3], top.bid_px)
    np.testing.assert_array_equal(spot.panel.ask_sz[:200, :3], top.ask_sz)


def test_a_longer_step_is_every_nth_row(spot: Spot) -> None:
    """Grids are aligned: every tenth row of 100 ms is a row of 1 s."""
    seconds = sample(spot.memory(8_000), "1s", depth=10)
    tenths = spot.panel[(spot.panel.ts % (10 * STEP) == 0) & (spot.panel.ts <= seconds.ts[-1])]
    assert tenths == seconds


def test_the_spot_panel_against_the_venues_own_quotes(spot: Spot) -> None:
    """Best prices and sizes of every row are those of the last bookTicker that the last depth message covers."""
    depths, quotes = [], []
    for message in spot.messages:
        data = orjson.loads(message.payload).get("data", {})
        if data.get("e") == "depthUpdate":
            depths.append((message.ts_recv, data["u"]))
        elif "A" in data:
            quotes.append((data["u"], *(float(data[name]) for name in "bBaA")))
    panel = spot.panel[1:]
    received, numbers = np.array(depths).T
    covered = numbers[np.searchsorted(received, panel.ts, side="right") - 1]
    last = np.searchsorted([quote[0] for quote in quotes], covered, side="right") - 1
    best = np.column_stack([values[:, 0] for values in (panel.bid_px, panel.bid_sz, panel.ask_px, panel.ask_sz)])
    np.testing.assert_array_equal([quotes[i][1:] for i in last], best)


def test_lobster_samples_in_seconds(data_file: Callable[[str], Path]) -> None:
    """A tape that has only the venue's times is sampled by them, on the recorder's clock as well."""
    files = [data_file(f"lobster/AAPL_2012-06-21_34200000_57600000_{kind}_10.csv") for kind in ("message", "orderbook")]
    panel = sample(FileSource(files, "lobster"), "1s", depth=10)
    assert panel == sample(FileSource(files, "lobster"), "1s", depth=10, clock="event")
    assert (49, True) == (len(panel), bool((panel.bid_px[:, 0] < panel.ask_px[:, 0]).all()))
