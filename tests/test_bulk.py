"""Recorded files many lines at a time against one by one: the same columns, panels, books, counts and errors."""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import orderbook as ob
from orderbook import _backend, bulk
from orderbook.books import ladder
from orderbook.continuity import Family, Rule
from orderbook.decode import get_format
from orderbook.decode.format import Format
from orderbook.errors import OrderBookError
from orderbook.events import Snapshot
from orderbook.feed import Feed
from orderbook.sources import FileSource
from orderbook.sources import blocks as file_blocks
from orderbook.testing import faulty_streams, get_wire
from orderbook.types import RawMessage
from orderbook.verdicts import OnCrossed, OnError, OnGap

pytestmark = pytest.mark.skipif(
    _backend.load("orderbook._bulk", "the compiled bulk reader") is None, reason="there is no compiled bulk reader here"
)

SKIP = OnError.SKIP
FRAMINGS = ("ns_json", "tardis_raw", "capture", "ndjson")
Read = Callable[..., Any]
Make = Callable[[], FileSource]


# -- one way beside the other ---------------------------------------------------------------------------------------


def line_by_line(act: Callable[[], Any]) -> Any:
    """Do it as without the compiled reader."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("orderbook.replay", "orderbook.sampling"):
            patch.setattr(sys.modules[module], "can_be_quick", lambda *_, **__: False)
        return act()


def shown(value: Any) -> Any:
    """All that a result says."""
    if isinstance(value, ob.Events):
        columns = {name: getattr(value, name).tolist() for name in COLUMNS}
        return columns, value.price_exponent, value.size_exponent, value.symbol
    if isinstance(value, ob.Panel):
        return value.symbol, {name: np.asarray(getattr(value, name)).tobytes() for name in PANEL}
    return value.to_bytes(), value.state_hash(), value.sequence, value.ts_event, value.ts_recv


COLUMNS = ("ts_event", "ts_recv", "action", "side", "flags", "price", "size", "order_id", "sequence")
PANEL = (
    "ts",
    "state",
    "bids_known",
    "asks_known",
    *(f"{side}_{what}" for side in ("bid", "ask") for what in ("px", "sz", "ct")),
)


def result(read: Read, make: Make, feed: Feed | None) -> Any:
    """What reading gives or raises."""
    more = {} if feed is None else {"feed": feed}
    try:
        return shown(read(make(), **more))
    except OrderBookError as error:
        return type(error), str(error), error.symbol, error.place


def state(feed: Feed) -> Any:
    """All that a feed knows afterwards."""
    books = {
        symbol: (builder.state, builder.sequence, builder.stats, builder._at, builder.book.to_bytes())
        for symbol, builder in feed.builders.items()
    }
    return feed.stats, feed._latest, books


def same(make: Make, *reads: Read, feed: Callable[[], Feed] | None = None) -> list[Any]:
    """Check each way of reading against itself line by line; the results."""
    found = []
    for read in reads or READS:
        feeds = [None if feed is None else feed() for _ in range(2)]
        wanted = line_by_line(lambda read=read, to=feeds[0]: result(read, make, to))  # type: ignore[misc]
        assert wanted == result(read, make, feeds[1])
        if feeds[0] is not None and feeds[1] is not None:
            assert state(feeds[0]) == state(feeds[1])
        found.append(wanted)
    return found


def counted(act: Callable[[], Any]) -> int:
    """How many lines went the quick way."""
    lines = 0

    def passed(self: Any, at: int, taken: int) -> None:
        nonlocal lines
        lines += taken
        plain(self, at, taken)

    plain = file_blocks.FileBlock.passed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_blocks.FileBlock, "passed", passed)
        act()
    return lines


SECOND = 1_723_161_200 * 10**9


def load(source: Any, **more: Any) -> Any:
    """The columns of A."""
    return ob.load(source, "A", **more)


def grid(every: Any, depth: int = 2, **options: Any) -> Read:
    """A way of sampling."""
    return lambda source, **more: ob.sample(source, every, depth, **{"symbol": "A", **options}, **more)


def moment(when: int, symbol: str | None = "A", **options: Any) -> Read:
    """A way of asking for a book."""
    return lambda source, **more: ob.book_at(source, when, symbol, **options, **more)


READS: tuple[Read, ...] = (
    load,
    ob.load,
    grid("1s"),
    grid("300ms", 1, start=SECOND + 3 * 10**9),
    grid("700ms", 3, stop=SECOND + 9 * 10**9 + 5, clock="event"),
    grid("1s", symbol=None),
    grid(10**9, max_rows=6),
    grid("1ev", 1),
    grid("3ev", 2, start=SECOND + 2 * 10**9, stop=SECOND + 12 * 10**9),
    grid("2ev", clock="event", max_rows=3),
    moment(SECOND + 7 * 10**9),
    moment(SECOND + 10**12, None),
    moment(SECOND + 6 * 10**9, clock="event"),
)


# -- recordings -----------------------------------------------------------------------------------------------------


def framed(framing: str, ns: int, payload: bytes, end: bytes = b"\n") -> bytes:
    """A line as a recorder writes it."""
    if framing == "tardis_raw":
        seconds, rest = divmod(ns - SECOND, 10**9)
        return b"2024-08-08T23:%02d:%02d.%07dZ " % (*divmod(53 * 60 + 20 + seconds, 60), rest // 100) + payload + end
    if framing == "capture":
        return b"%d.%09d: " % divmod(ns, 10**9) + payload + end
    return (b"%d " % ns if framing == "ns_json" else b"") + payload + end


def snapshot(number: int, bids: Any = (("100", "1"),), asks: Any = (("101", "2"),)) -> bytes:
    """A snapshot of A, as a combined stream carries it."""
    body = {"lastUpdateId": number, "bids": bids, "asks": asks}
    return json.dumps({"stream": "a@depthSnapshot", "data": body}).encode()


def delta(first: int, last: int, bids: Any = (), asks: Any = (), symbol: str = "A", ns: int = SECOND) -> bytes:
    """A diff of spot."""
    frame = {"e": "depthUpdate", "E": ns // 10**6, "s": symbol, "U": first, "u": last, "b": bids, "a": asks}
    return json.dumps(frame, separators=(",", ":")).encode()


def trade(symbol: str = "A", price: str = "100", size: str = "1", ns: int = SECOND) -> bytes:
    """A trade of spot."""
    frame = {"e": "trade", "E": ns // 10**6, "s": symbol, "t": 7, "p": price, "q": size, "m": True}
    return json.dumps(frame).encode()


def quote(bid_size: str = "1", bid: str = "99.5") -> bytes:
    """A bookTicker of spot, which has no time."""
    return json.dumps({"u": 11, "s": "A", "b": bid, "B": bid_size, "a": "101", "A": "2"}).encode()


IGNORED = b'{"result":null,"id":1}'
texts = st.sampled_from(["0", "1", "2", "99", "100", "100.5", "101", "3.25"])
odd_texts = st.sampled_from(["9223372036854775807", "1e-9", "0.000000000000000001", "92233720368.54775807", "-5", "x"])
rows = st.lists(st.tuples(texts, texts), max_size=3)
odd_rows = st.lists(st.tuples(texts | odd_texts, texts | odd_texts), min_size=1, max_size=2)
JUNK = (b"", b"   ", b'{"e":"depthUp', b"\xff\xfe", b'{"code":-1,"msg":"no"}', b"[1]", b'{"e":"kline","E":5}', b"null")


@st.composite
def recordings(draw: Any, framing: str, symbols: Sequence[str] = ("A", "A", "A", "B")) -> bytes:
    """A recorded session: mostly what follows, with all that may come between."""
    ns = SECOND + draw(st.integers(0, 3)) * 10**9
    numbers = {"A": 10, "B": 10}
    lines = [framed(framing, ns, snapshot(10)), framed(framing, ns, snapshot(10).replace(b"a@", b"b@"))]
    for _ in range(draw(st.integers(0, 25))):
        ns += draw(st.sampled_from([0, 1, 10**6, 10**8, 10**9, 3 * 10**9, -(10**9)]))
        symbol, kind = draw(st.sampled_from(symbols)), draw(st.integers(0, 26))
        step = 1 if kind else draw(st.integers(-1, 3))
        first, last = numbers[symbol] + step, numbers[symbol] + step + draw(st.integers(0, 1))
        sides = [draw(odd_rows if kind == 1 else rows) for _ in range(2)]
        payload = delta(first, last, *sides, symbol, ns + draw(st.sampled_from([0, 0, -(10**7), 10**9])))
        if kind < 15:
            numbers[symbol] = max(last, numbers[symbol])
        elif kind < 20:
            prints = [
                trade(symbol, ns=ns),
                trade(symbol, "0.00000001"),
                quote(),
                quote("0"),
                quote("1.5", "1e-8"),
                IGNORED,
            ]
            payload = draw(st.sampled_from(prints))
        elif kind < 22:
            payload = snapshot(numbers["A"] + draw(st.integers(-1, 1)), *sides)
        elif kind < 24:
            payload = draw(st.sampled_from(JUNK))
        elif kind == 24:
            lines.append(draw(st.sampled_from([b"\n", b"\n\n", b"\r\n", b" \n", b"\0" * 60 + b"\n", b"x\n"])))
            continue
        lines.append(framed(framing, ns, payload, draw(st.sampled_from([b"\n", b"\n", b"\r\n"]))))
    data = b"".join(lines)
    return data.removesuffix(b"\n") if draw(st.booleans()) else data


reads = st.sampled_from(READS)
FEEDS: tuple[dict[str, Any], ...] = (
    {"on_error": SKIP},
    {},
    {"on_error": SKIP, "symbols": ["A"], "max_depth": 1},
    {"on_error": SKIP, "on_gap": OnGap.RAISE},
    {"on_error": SKIP, "on_crossed": OnCrossed.RAISE, "max_buffer": 2},
)


def warmed(options: dict[str, Any]) -> Feed:
    """A feed that has a finer live book of A before the tape begins, and is on the quick way."""
    feed = Feed("binance_spot", **options)
    for payload in (snapshot(9, [("98.125", "1.0625")]), delta(10, 10, symbol="A"), trade(), trade()):
        feed.receive(payload, SECOND - 5)
    return feed


@pytest.mark.parametrize("framing", FRAMINGS)
@given(data=st.data())
@settings(max_examples=30)
def test_a_recording(framing: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever is in it, however it is read, in chunks and blocks of any size."""
    path = tmp_path_factory.mktemp("bulk", numbered=True) / "tape"
    path.write_bytes(data.draw(recordings(framing)))
    options: dict[str, Any] = {
        "framing": framing,
        "on_error": data.draw(st.sampled_from([OnError.SKIP, OnError.SKIP, OnError.RAISE])),
        "chunk_size": data.draw(st.sampled_from([64, 500, 65_536])),
        "max_message": data.draw(st.sampled_from([150, 600, 1 << 20, 1 << 20])),
    }
    policies = data.draw(st.none() | st.sampled_from(FEEDS))
    is_warm = data.draw(st.booleans())
    make = (lambda: warmed(policies)) if is_warm else (lambda: Feed("binance_spot", **policies))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_blocks, "BLOCK", data.draw(st.sampled_from([1, 400, 1 << 18])))
        patch.setattr(bulk, "_ROWS", data.draw(st.sampled_from([3, 9, 1 << 10])))
        patch.setattr(sys.modules["orderbook.sampling"], "_FIRST_ROWS", data.draw(st.sampled_from([1, 5, 4_096])))
        chosen = data.draw(st.lists(reads, min_size=3, max_size=5))
        same(lambda: FileSource(path, "binance_spot", **options), *chosen, feed=None if policies is None else make)


@given(data=st.data())
@settings(max_examples=30)
def test_several_files(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files that overlap in time are one tape: the messages of each go on where the other's time has come."""
    folder = tmp_path_factory.mktemp("bulk", numbered=True)
    framing = data.draw(st.sampled_from(FRAMINGS[:3]))
    paths = [folder / str(i) for i in range(data.draw(st.integers(2, 3)))]
    for i, path in enumerate(paths):
        path.write_bytes(data.draw(recordings(framing, ["A"] if i else ["B"])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_blocks, "BLOCK", data.draw(st.sampled_from([1, 400, 1 << 18])))
        same(
            lambda: FileSource(paths, "binance_spot", framing=framing, on_error=SKIP),
            *data.draw(st.lists(reads, min_size=2, max_size=3)),
            feed=lambda: Feed("binance_spot", on_error=SKIP),
        )


@pytest.mark.parametrize("format", ["binance_spot", "binance_usdm", "binance_coinm"])
@given(data=st.data())
@settings(max_examples=12)
def test_streams_of_every_format(format: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two instruments with losses, repetitions and disorder, in one file."""
    path = tmp_path_factory.mktemp("bulk", numbered=True) / "tape"
    lines = []
    for symbol in ("A", "B"):
        wire = get_wire(format, symbol)
        stream = data.draw(faulty_streams(rule=format, symbol=symbol))
        for message in stream.messages:
            at = message.events[0].ts_recv or 0
            lines += [(at, payload) for payload in wire.encode(message) if symbol == "A" or b"lastU" not in payload]
    path.write_bytes(b"".join(b"%d %s\n" % line for line in sorted(lines, key=lambda line: line[0])))
    same(
        lambda: FileSource(path, format, framing="ns_json", on_error=SKIP),
        load, grid("1ms"), grid("2ev"), moment(2**62),
        feed=lambda: Feed(format, on_error=SKIP),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("binance_spot/ethusdt_20240808.gz", "binance_spot"),
        ("binance_usdm/ethusdt_20240808.gz", "binance_usdm"),
    ],
)
def test_real_captures(name: str, format: str, data_file: Callable[[str], Path], tmp_path: Path) -> None:
    """A stretch of a real tape: nearly all of it goes the quick way, and nothing else comes out."""
    path = tmp_path / "tape"
    with gzip.open(data_file(name)) as file:
        path.write_bytes(b"".join(line for line, _ in zip(file, range(6_000), strict=False)))

    def make() -> FileSource:
        return FileSource(path, format, framing="ns_json")

    same(
        make,
        ob.load,
        grid("100ms", 10, symbol=None),
        grid("7ev", 1, symbol=None),
    )
    same(make, moment(2**62, None), grid("1s", 5, symbol=None, clock="event"), feed=lambda: Feed(format))
    assert counted(lambda: ob.load(make())) > 3_000


# -- single cases ---------------------------------------------------------------------------------------------------


@pytest.fixture
def tape(tmp_path: Path) -> Callable[..., Make]:
    """``tape(payload, payload, ...)``: a source of those, a second after each other."""

    def write(*payloads: bytes, framing: str = "ns_json", format: Any = "binance_spot", **options: Any) -> Make:
        path = tmp_path / f"tape{len(list(tmp_path.iterdir()))}"
        path.write_bytes(b"".join(framed(framing, SECOND + i * 10**9, line) for i, line in enumerate(payloads)))
        return lambda: FileSource(path, format, framing=framing, **options)

    return write


def session(*more: bytes, fine: bool = False) -> list[bytes]:
    """A snapshot, some deltas that follow, and more."""
    level = ("99.5", "1.25") if fine else ("99", "1")
    return [snapshot(10), *(delta(n, n, [level]) for n in range(11, 17)), *more]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_what_is_plain_goes_the_quick_way(framing: str, tape: Callable[..., Make]) -> None:
    """Otherwise all these tests would compare the plain way with itself."""
    make = tape(trade(), *session(trade(), quote(), IGNORED, delta(17, 17, [("98", "2")])), framing=framing)
    for read, least in ((load, 8), (grid("1s"), 8), (grid("1ev"), 8), (moment(SECOND + 10**12), 8)):
        assert least <= counted(lambda read=read: read(make())), read  # type: ignore[misc]


def test_the_message_that_ends_it_is_seen(tape: Callable[..., Make]) -> None:
    """It is decoded and counted as far as that goes, and not applied; a feed that was handed in shows it."""
    for last in (IGNORED, trade(), delta(17, 17, [("98", "2")]), b"{"):
        make = tape(*session(last, delta(18, 18)), on_error=SKIP)
        when = SECOND + 6 * 10**9
        same(
            make, moment(when), grid("1s", stop=when), grid("1ev", stop=when), grid("1s", stop=when + 1),
            feed=lambda: Feed("binance_spot", on_error=SKIP),
        )  # fmt: skip


def test_a_book_that_is_finer_than_the_columns(tape: Callable[..., Make]) -> None:
    """A feed that was live before the tape may have seen finer prices than any that is written."""
    make = tape(*(delta(n, n, [("99", "1")], symbol=s) for n in range(11, 20) for s in "AB"))

    def feed() -> Feed:
        made = Feed("binance_spot")
        for symbol, level in (("A", ("1.00000001", "0.00000001")), ("B", ("1", "1"))):
            made.take([Snapshot(symbol=symbol, sequence=10, bids=[level])])
        return made

    same(make, load, grid("1s"), feed=feed)


@pytest.mark.parametrize(("price", "size"), [("9223372036854775807", "1"), ("1", "9223372036854775807")])
def test_the_number_that_marks_a_missing_one(price: str, size: str, tape: Callable[..., Make]) -> None:
    """No level can have it in columns; that is an error and never a missing price."""
    for more in (delta(17, 17, [(price, size)]), trade("A", price, size), quote(size, price)):
        ((kind, *_), *_) = same(tape(*session(more)), load)
        assert kind is ob.ScaleError


def test_several_instruments_and_none_named(tape: Callable[..., Make]) -> None:
    """The error comes where it came, and a feed that was handed in has seen as much."""
    known = [Snapshot(symbol=symbol, sequence=10, bids=[("1", "1")]) for symbol in "AB"]

    def feed() -> Feed:
        made = Feed("binance_spot")
        made.take(list(known))
        return made

    make = tape(*(delta(n, n, [("1", "2")]) for n in range(11, 15)))
    same(
        make,
        ob.load,
        grid("1s", symbol=None),
        grid("1ev", symbol=None),
        feed=feed,
    )


def test_a_symbol_out_of_an_array(tape: Callable[..., Make]) -> None:
    """NumPy's text is text."""
    make = tape(*session())
    (symbol,) = np.array(["A"])
    same(make, grid("1s", symbol=symbol), moment(SECOND + 10**12, symbol), lambda source, **_: ob.load(source, symbol))
    same(make, grid("1s", symbol="\ud800"), grid("1ev", symbol="\ud800"))


def test_a_disconnect_at_the_border_of_two_blocks(tape: Callable[..., Make], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second blank line of a recording is a disconnect like the first, wherever it stands."""
    payloads = [*session(), b"", *session(), b"", *session()]
    path = tape()().paths[0]
    lines = [framed("tardis_raw", SECOND + i * 10**9, p) if p else b"\n" for i, p in enumerate(payloads)]
    path.write_bytes(b"".join(lines))
    monkeypatch.setattr(file_blocks, "BLOCK", 1)
    for chunk in (*range(64, 200, 9), len(b"".join(lines[:7])), len(lines[-1])):
        make = lambda chunk=chunk: FileSource(path, "binance_spot", framing="tardis_raw", chunk_size=chunk)  # type: ignore[misc]  # noqa: E731
        same(make, load, moment(2**62), grid("1s"), feed=lambda: Feed("binance_spot"))


def test_nul_bytes_are_no_date(tmp_path: Path) -> None:
    """A hole in a damaged file is refused, also where no date was read yet."""
    path = tmp_path / "tape"
    path.write_bytes(b"\0" * 19 + b".1234567Z " + IGNORED + b"\n")
    same(lambda: FileSource(path, "binance_spot", framing="tardis_raw"), load, moment(5))


@pytest.mark.parametrize("digits", [b"9223372036854775807", b"9223372036854775808", b"9999999999999999999", b"8" * 19])
def test_receive_times_at_the_end(digits: bytes, tmp_path: Path) -> None:
    """The last nanosecond is a time, the next one is none; another file may wait for either."""
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(
            b"".join(framed("ns_json", SECOND, line) for line in session()) + digits + b" " + trade() + b"\n"
        )
    for chosen in (paths[:1], paths):
        same(lambda chosen=chosen: FileSource(chosen, "binance_spot", framing="ns_json", on_error=SKIP), *READS)  # type: ignore[misc]


def test_a_feed_whose_clock_is_beyond_int64(tape: Callable[..., Make]) -> None:
    """Everything that comes then is behind it, and counted so."""

    def feed() -> Feed:
        made = Feed("binance_spot")
        made.receive(IGNORED, 2**70)
        return made

    same(tape(*session()), feed=feed)


def test_a_damaged_file(tmp_path: Path) -> None:
    """Everything before the damage is taken, and the error says where it is."""
    data = b"".join(
        framed("ns_json", SECOND + i * 10**7, delta(n, n, [("99", str(n))])) for i, n in enumerate(range(11, 400))
    )
    packed = gzip.compress(framed("ns_json", SECOND, snapshot(10)) + data, mtime=0)
    path = tmp_path / "tape.gz"
    for cut in (len(packed) - 4, len(packed) - 40, len(packed) // 2):
        path.write_bytes(packed[:cut])
        for on_error in OnError:
            same(
                lambda on_error=on_error: FileSource(path, "binance_spot", framing="ns_json", on_error=on_error),  # type: ignore[misc]
                load, grid("1s"), moment(2**62),
                feed=lambda: Feed("binance_spot", on_error=SKIP),
            )  # fmt: skip


def test_members_of_a_zip(tmp_path: Path) -> None:
    """Each is a file."""
    path = tmp_path / "tape.zip"
    lines = [framed("capture", SECOND + i * 10**9, line) for i, line in enumerate(session(trade(), quote()))]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b", b"".join(lines[::2]))
        archive.writestr("a", b"".join(lines[1::2]))
    same(lambda: FileSource(path, "binance_spot", framing="capture"))


def test_too_many_levels(tape: Callable[..., Make], monkeypatch: pytest.MonkeyPatch) -> None:
    """A level too many is refused where it comes."""
    monkeypatch.setattr(ladder, "MAX_LEVELS", 20)
    make = tape(*session(*(delta(n, n, [(str(n), "1")]) for n in range(17, 50))))
    same(make, load, grid("1s"), feed=lambda: Feed("binance_spot", on_error=SKIP))


def test_a_rule_without_numbers(tape: Callable[..., Make]) -> None:
    """A range upside down is refused under every rule, also many lines at a time."""
    rule = Rule(name="loose", family=Family.NONE)
    loose = Format(name="loose", rule=rule, table=get_format("binance_spot").table)  # type: ignore[arg-type]
    same(tape(*session(delta(30, 20), delta(31, 31)), format=loose), feed=lambda: Feed(loose, on_error=SKIP))


def test_sources_that_only_look_like_one_are_iterated(tmp_path: Path) -> None:
    """A subclass that leaves messages out, and a source whose blocks are something else."""
    path = tmp_path / "tape"
    path.write_bytes(
        b"".join(framed("ns_json", SECOND + i * 10**9, line) for i, line in enumerate(session(trade(), trade())))
    )

    class Untraded(FileSource):
        def __iter__(self) -> Iterator[Any]:
            return (item for item in super().__iter__() if b"trade" not in item.payload)  # type: ignore[union-attr]

    class Other:
        format = "binance_spot"
        symbols = None
        blocks = "of flats"

        def __iter__(self) -> Iterator[Any]:
            return iter(FileSource(path, "binance_spot", framing="ns_json"))

    assert b"T" not in bytes(ob.load(Untraded(path, "binance_spot", framing="ns_json")).action)
    assert b"T" in bytes(ob.load(Other()).action)


def test_the_source_is_closed_early(tape: Callable[..., Make]) -> None:
    """A book that is found, or an error, closes the files."""
    make = tape(*session(b"{", delta(17, 17)))
    for read in (moment(SECOND + 2 * 10**9), load):
        source = make()
        result(read, lambda source=source: source, None)  # type: ignore[misc]
        assert not any(running.gi_frame for running in source._running)


def test_an_interrupt_leaves_a_feed_whole(tape: Callable[..., Make], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is interrupted between two lines has counted what was applied."""
    feed = Feed("binance_spot")
    make = tape(*session(), *(delta(n, n, symbol="B") for n in range(11, 15)))
    feed.take([Snapshot(symbol="B", sequence=10, bids=[("1", "1")])])
    knows = type(feed._decoder).knows  # type: ignore[attr-defined]

    def interrupted(self: Any, symbol: str) -> bool:
        if symbol == "B":
            raise KeyboardInterrupt
        return bool(knows(self, symbol))

    monkeypatch.setattr(type(feed._decoder), "knows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ob.load(make(), "A", feed=feed)
    # The event, the snapshot, six deltas, and the first of B, which nobody may take unseen.
    assert (6, 9) == (feed.builders["A"].stats.applied, feed.stats.messages)


def test_messages_from_elsewhere_between_two_readings(tape: Callable[..., Make]) -> None:
    """A feed may read a file, follow a stream, and read the next file."""
    make, then = tape(*session()), tape(*(delta(n, n, [("98", str(n))]) for n in range(18, 25)))

    def both(source: Any, feed: Feed) -> Any:
        ob.load(source, "A", feed=feed)
        feed.receive(RawMessage(5, delta(17, 17, [("97", "1")])))
        return ob.sample(then(), "1s", 2, symbol="A", feed=feed)

    same(make, both, feed=lambda: Feed("binance_spot"))
