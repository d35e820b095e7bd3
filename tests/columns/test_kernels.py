"""Kernels over columns: exactly what the plain Python path gives, from several threads as well, and never a crash."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import orderbook as ob
from orderbook import sampling
from orderbook.books.l2 import L2Methods
from orderbook.columns import UNDEF_PRICE, UNDEF_SIZE, schema
from orderbook.events import Clear, Delta, Disconnect, Event, Heartbeat, OrderAdd, Quote, Snapshot, Trade
from orderbook.scale import MAX_SCALE, to_float
from orderbook.testing import l2_streams, l3_streams
from orderbook.types import INT64_MAX, INT64_MIN, UNDEF_TIMESTAMP, BookState, Flag, Side

pytestmark = pytest.mark.skipif(ob.backend != "native", reason="the kernels are part of the compiled backend")

LAST, MBP, SNAPSHOT, TOB, BAD = (int(flag) for flag in (Flag.LAST, Flag.MBP, Flag.SNAPSHOT, Flag.TOB, 0x04))
NAMES = tuple(schema.DTYPES)
REPLAY = importlib.import_module("orderbook.replay")  # `orderbook.replay` itself is the function


# -- both ways ------------------------------------------------------------------------------------------------------


@contextmanager
def plain_python() -> Iterator[None]:
    """Inside, nothing runs over columns but the Python path."""
    with mock.patch.object(REPLAY, "backend", "python"):
        yield


def outcome(work: Callable[[], Any]) -> tuple[str, Any]:
    """What comes out, or the error in full."""
    try:
        return "value", work()
    except Exception as error:  # noqa: BLE001 - whatever it is, both ways must agree
        return type(error).__name__, str(error)


def same(work: Callable[[], Any]) -> tuple[str, Any]:
    """The outcome of the compiled way, after it was found to be that of the Python path."""
    compiled = outcome(work)
    with plain_python():
        assert compiled == outcome(work)
    return compiled


def is_taken(events: ob.Events, **options: Any) -> bool:
    """Whether the kernel itself makes a panel of the events."""
    defaults: dict[str, Any] = {"clock": "recv", "start": None, "stop": None, "max_rows": 10**6, "refuse": None}
    return sampling._kernels.sample(events, 2, 1, by_count=True, **defaults | options) is not None


def header(book: ob.L2Book) -> tuple[Any, ...]:
    """All that ``==`` leaves out."""
    return (book.price_scale, book.size_scale, book.sequence, book.ts_event, book.ts_recv, book.max_depth)


def whole(book: ob.L2Book) -> tuple[Any, ...]:
    """All that can be told of a book."""
    return (book.symbol, book.to_bytes(), *header(book))


# -- any rows -------------------------------------------------------------------------------------------------------

TIMES = st.sampled_from([UNDEF_TIMESTAMP, 0, 7, 10, 19, 20, 25]) | st.integers(-30, 60)
PRICES = st.integers(-3, 9).map(lambda price: 10 * price) | st.integers(-40, 140)
SIZES = st.sampled_from([0, 0, 10, 25, 300])
COUNTS = st.sampled_from([0, 0, 0, 1, 7, 2**32 - 1, 2**64 - 1])
SEQUENCES = st.sampled_from([0, 1, 2, 2**63, 2**64 - 1])
LETTERS = {name: ord(name) for name in "ABCFMNRT"}

Row = tuple[int, ...]


def level(draw: st.DrawFn, action: str, flags: int, times: tuple[int, int, int]) -> Row:
    """A row of a level."""
    size = 0 if action == "C" else draw(SIZES)
    side = ord(draw(st.sampled_from("BA")))
    return (*times[:2], LETTERS[action], side, MBP | flags, draw(PRICES), size, draw(COUNTS), times[2])


@st.composite
def l2_rows(draw: st.DrawFn) -> list[Row]:
    """The rows of one event of an L2 tape, whether it makes sense there or not."""
    times = draw(st.tuples(TIMES, TIMES, SEQUENCES))
    kind = draw(st.sampled_from("snapshot delta delta delta delta clear cut cut_row trade quote beat empty".split()))
    if kind == "snapshot":
        limited = draw(st.sampled_from([0, schema.PUBLISHER_SPECIFIC]))
        view = draw(st.sampled_from([0, 0, 0, 1, 2, 3]))
        first = (*times[:2], LETTERS["R"], ord("N"), SNAPSHOT | MBP | limited, UNDEF_PRICE, 0, view, times[2])
        return [first, *(level(draw, "A", SNAPSHOT, times) for _ in range(draw(st.integers(0, 5))))]
    if kind in ("delta", "cut_row"):
        mark = BAD if kind == "cut_row" else 0
        return [level(draw, draw(st.sampled_from("MC")), mark, times) for _ in range(draw(st.integers(1, 4)))]
    action, side, flags, price = {
        "clear": ("R", "N", 0, UNDEF_PRICE),
        "cut": ("R", "N", BAD, UNDEF_PRICE),
        "trade": ("T", draw(st.sampled_from("ABN")), 0, draw(PRICES)),
        "quote": ("N", draw(st.sampled_from("AB")), TOB, draw(PRICES)),
        "beat": ("N", "N", 0, UNDEF_PRICE),
        "empty": ("N", "N", MBP, UNDEF_PRICE),
    }[kind]
    return [(*times[:2], LETTERS[action], ord(side), flags, price, 1, 0, times[2])] * (1 + (kind == "quote"))


def made(messages: list[list[Row]], price_scale: int, size_scale: int) -> ob.Events:
    """Columns of messages as they are, unchecked."""
    rows = [(*row[:4], row[4] | (LAST if i == len(message) - 1 else 0), *row[5:]) for message in messages
            for i, row in enumerate(message)]  # fmt: skip
    columns = {name: np.array([row[i] for row in rows], schema.DTYPES[name]) for i, name in enumerate(NAMES)}
    return ob.Events.__new__(ob.Events)._set("X", columns, -price_scale, -size_scale)


SCALES = st.sampled_from([0, 1, 2, 18])


@st.composite
def l2_columns(draw: st.DrawFn) -> ob.Events:
    """Messages of one to three events, in any order, with times that run back and forth."""
    message = st.lists(l2_rows(), min_size=1, max_size=3).map(lambda events: list(itertools.chain(*events)))
    messages = draw(st.lists(message, max_size=12))
    return made(messages, draw(SCALES), draw(SCALES))


ANY_INT = st.sampled_from([INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX]) | st.integers(-9, 9)
ANY_UINT = st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 2, 2**64 - 1])


@st.composite
def garbage(draw: st.DrawFn) -> ob.Events:
    """A tape with holes punched into it: any number anywhere."""
    events = draw(l2_columns())
    columns = {name: getattr(events, name).copy() for name in NAMES}
    for _ in range(draw(st.integers(0, 6)) if len(events) else 0):
        name, row = draw(st.sampled_from(NAMES)), draw(st.integers(0, len(events) - 1))
        size = schema.DTYPES[name].itemsize
        any_byte = st.sampled_from([*b"ABCFMNRT", *(flag for flag in Flag), 0xFF]) | st.integers(0, 255)
        value = any_byte if size == 1 else ANY_INT if schema.DTYPES[name].kind == "i" else ANY_UINT
        columns[name][row] = draw(value)
    return ob.Events.__new__(ob.Events)._set("X", columns, events.price_exponent, events.size_exponent)


EVERY = st.sampled_from(["1ev", "2ev", "3ev", 1, 7, 10, 1_000])
BOUND = st.none() | st.integers(-35, 65)
OPTIONS = st.fixed_dictionaries(
    {
        "every": EVERY,
        "depth": st.sampled_from([1, 1, 2, 3, 10]),
        "start": BOUND,
        "stop": BOUND,
        "clock": st.sampled_from(["recv", "event"]),
        "max_rows": st.sampled_from([10**6, 10**6, 5]),
    }
)


@given(events=l2_columns(), options=OPTIONS)
def test_sample_is_the_python_path(events: ob.Events, options: dict[str, Any]) -> None:
    """Times, prices, sizes, counts, states, what is known, and every error."""
    same(lambda: ob.sample(events, **options))


@given(events=garbage(), options=OPTIONS)
def test_garbage_is_the_python_paths(events: ob.Events, options: dict[str, Any]) -> None:
    """No number anywhere makes a kernel crash or say something of its own."""
    same(lambda: ob.sample(events, **options))
    same(lambda: whole(ob.book_at(events, 30, clock=options["clock"])))
    assert_applied_alike(events)


@given(stream=l2_streams() | l3_streams(), options=OPTIONS)
def test_streams_are_sampled_alike(stream: list[Event], options: dict[str, Any]) -> None:
    """What venues send, of both kinds of book."""
    events = ob.Events.from_events(stream)
    same(lambda: ob.sample(events, **options))


@given(events=l2_columns(), when=st.integers(-35, 65), clock=st.sampled_from(["recv", "event"]))
def test_book_at_is_the_python_path(events: ob.Events, when: int, clock: Any) -> None:
    """Book, scales, header and view, and the error where there is no proven book."""
    same(lambda: whole(ob.book_at(events, when, clock=clock)))


# -- apply_many -----------------------------------------------------------------------------------------------------


def applied(events: ob.Events, work: Callable[[ob.L2Book, ob.Events], int], **options: Any) -> tuple[Any, ...]:
    """What is returned or raised, and the book that it leaves."""
    book = ob.L2Book(options.pop("symbol", "X"), **options)
    book.apply_delta([("1.5", 2), (3, "0.25")], [("7.125", 1)])
    return outcome(lambda: work(book, events)), whole(book)


def one_by_one(book: ob.L2Book, events: ob.Events) -> int:
    """What ``apply_many`` says that it does."""
    return L2Methods.apply_many(book, iter(events))


def assert_applied_alike(events: ob.Events, **options: Any) -> None:
    """Columns at once and event by event leave the same book."""
    assert applied(events, one_by_one, **options) == applied(events, ob.L2Book.apply_many, **options)


@given(events=l2_columns(), max_depth=st.sampled_from([None, None, 1, 3]))
def test_apply_many_is_event_by_event(events: ob.Events, max_depth: int | None) -> None:
    """Book, scales and header are the same, on top of what the book had."""
    assert_applied_alike(events, max_depth=max_depth)


@given(stream=l2_streams() | l3_streams())
def test_apply_many_takes_streams(stream: list[Event]) -> None:
    """What venues send; an L2 book refuses orders where they come."""
    assert_applied_alike(ob.Events.from_events(stream), symbol="")


def test_apply_many_stops_where_an_event_is_refused() -> None:
    """Everything before it has been applied, inside its message too."""
    parts: list[Event] = [Delta(symbol="X", bids=[(5, 1)], is_last=False), OrderAdd(symbol="X", order_id=1,
                          side=Side.BID, price=1, size=1)]  # fmt: skip
    events = ob.Events.from_events([Snapshot(symbol="X", bids=[(4, 1)]), *parts, Clear(symbol="X")])
    book = ob.L2Book("X")
    with pytest.raises(ob.UsageError, match="an L2 book cannot apply `OrderAdd`"):
        book.apply_many(events)
    assert [5.0, 4.0] == [level.price for level in book.bids]


def test_apply_many_goes_on_behind_what_only_python_takes() -> None:
    """A number that does not fit at the book's scale is refused by itself, with the reference's words."""
    events = ob.Events.from_events([Delta(bids=[(2, 1)]), Delta(bids=[(2**62, 1)]), Delta(bids=[(3, 1)])], "X")
    fine, book = ob.L2Book("X"), ob.L2Book("X")
    for made_book in (fine, book):
        made_book.apply_delta([("0.01", 1)], [])
    assert outcome(lambda: one_by_one(fine, events)) == outcome(lambda: book.apply_many(events))
    assert whole(fine) == whole(book) and book.best_bid == ob.Level(2.0, 1.0, None)


def test_apply_many_refuses_another_instrument() -> None:
    """As for single events, before anything is applied."""
    with pytest.raises(ob.UsageError, match="an event of 'X' does not belong to this book"):
        ob.L2Book("Y").apply_many(ob.Events.from_events([Delta(symbol="X", bids=[(2, 1)])]))


def test_a_subclass_applies_in_its_own_way() -> None:
    """Its ``apply`` sees every event."""

    class Noted(ob.L2Book):
        def __init__(self) -> None:
            super().__init__("X")
            self.seen: list[str] = []

        def apply(self, event: Event) -> None:
            self.seen.append(type(event).__name__)

    book = Noted()
    assert 2 == book.apply_many(ob.Events.from_events([Clear(symbol="X"), Heartbeat(symbol="X")]))
    assert ["Clear", "Heartbeat"] == book.seen


# -- what the kernel takes, and what not ----------------------------------------------------------------------------

TAPE: list[Event] = [
    Snapshot(symbol="X", ts_recv=95, bids=[("99.5", 2), (99, 1)], asks=[("100.25", "0.5")], sequence=5),
    Delta(symbol="X", ts_recv=110, bids=[("99.5", 0)], asks=[(100, 1)]),
    Trade(symbol="X", ts_recv=111, price=100, size=1, side=Side.BID),
    Quote(symbol="X", ts_recv=112, bid_price=99, bid_size=1),
    Delta(symbol="X", ts_recv=120, bids=[("99.75", 1)]),
]


def test_the_kernel_takes_an_l2_tape() -> None:
    """Otherwise every test here would compare the Python path with itself."""
    assert is_taken(ob.Events.from_events(TAPE))
    assert not is_taken(ob.Events.from_events([OrderAdd(symbol="X", order_id=1, side=Side.BID, price=1, size=1)]))


def test_orders_behind_the_end_are_seen() -> None:
    """They make it the tape of an L3 book, from its beginning."""
    events = ob.Events.from_events(
        [*TAPE, OrderAdd(symbol="X", ts_recv=200, order_id=1, side=Side.BID, price=1, size=1)]
    )
    assert not is_taken(events, stop=115)
    same(lambda: ob.sample(events, 10, stop=115))
    same(lambda: ob.book_at(events, 100).depth(5))


@pytest.mark.parametrize("symbol", ["X", "Y", None])
def test_symbols_are_as_on_the_python_path(symbol: str | None) -> None:
    """The one that is there, one that is not, and none."""
    events, nameless = ob.Events.from_events(TAPE), ob.Events.from_events([Clear(ts_recv=1)])
    for tape in (events, nameless):
        same(lambda tape=tape: ob.sample(tape, 10, symbol=symbol))
        same(lambda tape=tape: ob.bbo(tape, symbol=symbol))
        same(lambda tape=tape: whole(ob.book_at(tape, 150, symbol)))


def test_the_ways_around_the_kernel() -> None:
    """A feed with policies of its own, and a progress bar, are for the Python path, with the same answer."""
    events = ob.Events.from_events(TAPE)
    expected = ob.sample(events, 10)
    with mock.patch.object(sampling._kernels, "sample", side_effect=AssertionError):
        assert expected == ob.sample(events, 10, feed=ob.Feed()) == ob.sample(iter(events), 10)
        assert expected == ob.sample(TAPE, 10)


def test_columns_of_unequal_length_are_left_to_python() -> None:
    """Made by hand around every check."""
    columns = {name: getattr(ob.Events.from_events(TAPE), name) for name in NAMES}
    broken = ob.Events.__new__(ob.Events)._set("X", columns | {"price": columns["price"][:3]}, 0, 0)
    assert not is_taken(broken)
    assert "IndexError" == outcome(lambda: ob.sample(broken, "1ev"))[0]


def test_a_file_is_verified_before_it_is_run_over(tmp_path: Path) -> None:
    """Rows that no event writes are found in a file that was opened without a look at them."""
    events = ob.Events.from_events(TAPE)
    columns = {name: getattr(events, name).copy() for name in NAMES}
    columns["size"][1] = -1
    ob.Events.__new__(ob.Events)._set("X", columns, 0, 0).save(tmp_path / "tape.npz")
    for work in (lambda e: ob.sample(e, 10), lambda e: ob.book_at(e, 100), lambda e: ob.L2Book("X").apply_many(e)):
        with pytest.raises(ob.CorruptSource, match="row 1: a negative size"):
            work(ob.Events.open(tmp_path / "tape.npz", verify=False))


def test_too_many_rows_are_refused_at_once() -> None:
    """With the words of the Python path, and without going through the tape again."""
    events = ob.Events.from_events(TAPE)
    with (
        mock.patch.object(sampling, "feed_for", side_effect=AssertionError),
        pytest.raises(
            ob.UsageError, match=r"^25 rows are more than max_rows=20, 8 of them from .*000000112Z to .*000000119Z; "
        ),
    ):
        ob.sample(events, 1, max_rows=20)


def test_a_long_panel_grows() -> None:
    """More rows than there was room for at first."""
    tape = [TAPE[0], *(Delta(symbol="X", ts_recv=ts, bids=[(ts, 1)]) for ts in (200, 60_000, 30_000_000))]
    events = ob.Events.from_events(tape)
    kind, panel = same(lambda: ob.sample(events, 20, depth=2))
    assert ("value", 1_499_996) == (kind, len(panel))


def test_a_stale_row_says_so() -> None:
    """Before the first snapshot and after a disconnect there is nothing, and it is not known to be nothing."""
    tape = [Trade(symbol="X", ts_recv=1, price=1, size=1), TAPE[0], Disconnect(symbol="X", ts_recv=115)]
    panel = ob.sample(ob.Events.from_events([*tape, Clear(symbol="X", ts_recv=130)]), 10)
    assert [BookState.STALE] * 9 + [0, 0] + [BookState.STALE] + [BookState.EMPTY] == panel.state[:13].tolist()[:9] + [
        *panel.state[9:11].tolist(), int(panel.state[11]), int(panel.state[12])]  # fmt: skip


@pytest.mark.parametrize("scale", range(MAX_SCALE + 1))
@given(mantissa=st.integers(-INT64_MAX + 1, INT64_MAX - 1) | st.integers(0, 63).map(lambda bit: 2**bit - 1))
def test_floats_are_the_nearest(scale: int, mantissa: int) -> None:
    """Every int64 at every scale leaves as Python divides it."""
    events = made([[(1, 1, LETTERS["R"], ord("N"), SNAPSHOT | MBP, 0, 0, 0, 0)], [
        (2, 2, LETTERS["M"], ord("B"), MBP, mantissa, max(abs(mantissa), 1), 0, 0)]], scale, scale)  # fmt: skip
    row = ob.bbo(events)[1:]
    assert (to_float(mantissa, scale), to_float(max(abs(mantissa), 1), scale)) == (row.bid_px[0, 0], row.bid_sz[0, 0])
    exact, got = Fraction(mantissa, 10**scale), Fraction(float(row.bid_px[0, 0]))
    assert all(abs(exact - got) <= abs(exact - Fraction(float(near))) for near in neighbours(row.bid_px[0, 0]))


def neighbours(value: Any) -> list[Any]:
    """The doubles beside one."""
    return [np.nextafter(value, -np.inf), np.nextafter(value, np.inf)]


# -- bbo ------------------------------------------------------------------------------------------------------------


@given(events=l2_columns(), start=BOUND, stop=BOUND, clock=st.sampled_from(["recv", "event"]))
def test_bbo_is_a_sample_of_every_change(events: ob.Events, start: Any, stop: Any, clock: Any) -> None:
    """Of columns as of events, and of what gives events."""
    options = {"start": start, "stop": stop, "clock": clock}
    expected = outcome(lambda: ob.sample(events, "1ev", depth=1, **options))
    assert expected == outcome(lambda: ob.bbo(events, **options))
    assert expected == outcome(lambda: ob.bbo(list(events), symbol="X", **options))


# -- threads --------------------------------------------------------------------------------------------------------


def market(seed: int, messages: int = 20_000) -> ob.Events:
    """A snapshot and changes around a price that wanders."""
    random = np.random.default_rng(seed)
    mid = 10_000 + np.cumsum(random.integers(-1, 2, messages))
    is_bid = random.random(messages) < 0.5
    size = random.integers(0, 4, messages)
    off = random.geometric(0.1, messages)
    columns = {
        "ts_event": np.arange(messages) * 1_000,
        "ts_recv": np.arange(messages) * 1_000,
        "action": np.where(size == 0, ord("C"), ord("M")),
        "side": np.where(is_bid, ord("B"), ord("A")),
        "flags": np.full(messages, MBP | LAST),
        "price": np.where(is_bid, mid - off, mid + off),
        "size": size,
        "order_id": np.zeros(messages, "u8"),
        "sequence": np.arange(messages),
    }
    for name, value in {"action": ord("R"), "side": ord("N"), "flags": SNAPSHOT | MBP | LAST}.items():
        columns[name][0] = value
    return ob.Events(f"S{seed}", **columns, price_exponent=-2)


def test_threads_give_what_one_gives() -> None:
    """Several instruments at once, and several threads over the same columns."""
    tapes = [market(seed) for seed in range(4)] * 3
    jobs: list[Callable[[ob.Events], Any]] = [
        ob.bbo,
        lambda events: ob.sample(events, 7_000, depth=5),
        lambda events: whole(ob.book_at(events, 15_000_000)),
    ]
    for job in jobs:
        alone = [job(events) for events in tapes]
        with ThreadPoolExecutor(4) as pool:
            assert alone == list(pool.map(job, tapes))


# -- real tapes -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def capture(data_file: Callable[[str], Path]) -> ob.Events:
    """Minutes of a real venue as columns."""
    return ob.load(ob.FileSource(data_file("binance_usdm/ethusdt_20240808.gz"), "binance_usdm", symbols=["ETHUSDT"]))


@pytest.mark.parametrize("clock", ["recv", "event"])
@pytest.mark.parametrize(("every", "depth"), [("1ev", 1), ("100ev", 25), ("100ms", 10), ("7ms", 3)])
def test_a_real_tape_is_sampled_alike(capture: ob.Events, every: Any, depth: int, clock: Any) -> None:
    """And by the kernel, not by its stand-in."""
    assert is_taken(capture)
    kind, panel = same(lambda: ob.sample(capture, every, depth, clock=clock))
    assert kind == "value" and len(panel) > 50


def test_a_real_tape_is_applied_alike(capture: ob.Events) -> None:
    """At several moments of it, and as a whole."""
    times = np.unique(capture.ts_recv)
    for moment in times[:: max(1, len(times) // 4)].tolist():
        same(lambda moment=moment: whole(ob.book_at(capture, moment)))
    assert_applied_alike(capture, symbol="ETHUSDT")


def test_undefined_sizes_are_refused_alike() -> None:
    """A row with a missing number, around every check."""
    row = (1, 1, LETTERS["M"], ord("B"), MBP, UNDEF_PRICE, UNDEF_SIZE, 0, 0)
    same(lambda: ob.sample(made([[(1, 1, LETTERS["R"], ord("N"), 0, 0, 0, 0, 0)], [row]], 2, 2), "1ev"))
