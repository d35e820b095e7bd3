"""Captures in real venue formats: they read back as what they were made of, gaps and all."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from orderbook.builder import Stats
from orderbook.errors import UsageError
from orderbook.events import Quote, Trade
from orderbook.feed import Feed
from orderbook.sources import FileSource
from orderbook.testing import Capture, check_known, exact, wire_formats, write_capture
from orderbook.testing.compare import Model
from orderbook.types import Side
from orderbook.verdicts import State, Verdict

BOOKS = [name for name in wire_formats() if name != "lobster"]
GAPS = [name for name in BOOKS if name != "tardis_csv"]


def read(capture: Capture, **options: object) -> Feed:
    """A feed that has read a whole capture."""
    feed = Feed(capture.format, symbols=[capture.symbol], **options)  # type: ignore[arg-type]
    for message in FileSource(list(capture.paths), capture.format):
        feed.receive(message)
    return feed


def truth_of(capture: Capture) -> Model:
    """What the market's book was in the end."""
    assert capture.stream is not None
    return capture.stream.truth()


def plain_bytes(capture: Capture) -> bytes:
    """A capture's text, unpacked."""
    return b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in capture.paths
    )


@pytest.mark.parametrize("suffix", [".gz", ".txt"])
@pytest.mark.parametrize("format", BOOKS)
def test_capture_reads_back(tmp_path: Path, format: str, suffix: str) -> None:
    """A sound capture has no gap, and the book in the end is the market's."""
    suffix = ".csv" if format == "tardis_csv" and suffix != ".gz" else suffix
    capture = write_capture(tmp_path / f"tape{suffix}", format, seed=3, messages=120)
    feed = read(capture)
    assert (0, 0, 0) == (feed.stats.gaps, feed.stats.faults, feed.stats.crossed)
    check_known(feed.book(), truth_of(capture))


@pytest.mark.parametrize("format", GAPS)
def test_dropped_message_is_one_gap_and_heals(tmp_path: Path, format: str) -> None:
    """The gap is seen at its place, nothing is published until the next snapshot, and then the book is right."""
    capture = write_capture(tmp_path / "tape.gz", format, seed=5, messages=150, drop=[100], resync_after=15)
    feed = Feed(format, symbols=[capture.symbol])
    verdicts = [
        (update.verdict, feed.builders[capture.symbol].state)
        for message in FileSource(capture.path, format)
        for update in feed.receive(message)
        if not isinstance(update.event, (Quote, Trade))
    ]
    lost = [index for index, (verdict, _) in enumerate(verdicts) if verdict == Verdict.GAP]
    assert 1 == len(lost)
    healed = next(i for i, (verdict, _) in enumerate(verdicts) if i > lost[0] and verdict == Verdict.SNAPSHOT)
    assert not {Verdict.APPLIED, Verdict.SNAPSHOT} & {verdict for verdict, _ in verdicts[lost[0] : healed]}
    assert {State.STALE} == {state for _, state in verdicts[lost[0] : healed]}
    assert 14 <= healed - lost[0] <= 20
    assert ((100,), 1) == (capture.lost, feed.stats.resyncs)
    check_known(feed.book(), truth_of(capture))


def test_without_resync_a_gap_stays(tmp_path: Path) -> None:
    """Nothing heals a gap but a snapshot."""
    capture = write_capture(tmp_path / "tape.gz", seed=5, messages=80, drop=[50], resync_after=None)
    feed = read(capture)
    assert State.STALE is feed.builders[capture.symbol].state
    assert 1 == feed.stats.gaps


def test_dropped_rows_of_tardis_cannot_be_seen(tmp_path: Path) -> None:
    """The vendor checked the numbers and does not hand them on: only the next snapshot puts the book right."""
    capture = write_capture(tmp_path / "rows.csv", "tardis_csv", seed=5, messages=150, drop=[100], resync_after=15)
    feed = read(capture)
    assert (0, 2) == (feed.stats.gaps, feed.stats.snapshots)
    check_known(feed.book(), truth_of(capture))


@pytest.mark.parametrize("seed", range(3))
def test_lobster_pair_reads_back(tmp_path: Path, seed: int) -> None:
    """Row i of the orderbook file is the book after message i, as far as anyone can know it."""
    capture = write_capture(tmp_path, "lobster", seed=seed, messages=300, depth=5)
    rows = capture.paths[1].read_text().splitlines()
    lines = capture.paths[0].read_text().splitlines()
    assert 300 == len(rows) == len(lines)
    assert {"1", "2", "3", "4", "5", "7"} == {line.split(",")[1] for line in lines}
    feed = Feed("lobster", symbols=[capture.symbol])
    for row, message in zip(rows, FileSource(list(capture.paths), "lobster"), strict=True):
        feed.receive(message)
        cells = [int(cell) for cell in row.split(",")]
        book = feed.book()
        for side, first in ((Side.ASK, 0), (Side.BID, 2)):
            shown = {cells[i]: cells[i + 1] for i in range(first, len(cells), 4) if cells[i + 1]}
            view = book.asks if side is Side.ASK else book.bids
            held = {int(exact(level.price) * 10_000): level.size for level in view}
            known = [price for price in shown if price in held]
            assert known, "nothing in common"
            assert [shown[price] for price in known] == [held[price] for price in known]


@pytest.mark.parametrize("format", wire_formats())
def test_same_arguments_same_text(tmp_path: Path, format: str) -> None:
    """A capture is a pure function of its arguments, on this and on every other machine."""
    texts = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / ("" if format == "lobster" else "tape.gz")
        texts.append(plain_bytes(write_capture(path, format, seed=11, messages=60)))
    assert texts[0] == texts[1]
    assert GOLDEN[format] == hashlib.sha256(texts[0]).hexdigest()[:16]


GOLDEN = {
    "binance_spot": "eaedddefe0e9b7ce",
    "binance_usdm": "ba7f4f4ee3697bb9",
    "binance_coinm": "dd2bbffc9dacbbeb",
    "tardis_csv": "c47a07af5e1c2ca6",
    "bitfinex_raw": "41b7529b7c3cdf19",
    "lobster": "27c087244547c23b",
}


def test_limited_snapshots(tmp_path: Path) -> None:
    """A snapshot of a few levels is written as asked."""
    capture = write_capture(tmp_path / "tape.txt", seed=1, messages=20, depth=5)
    line = next(line for line in capture.path.read_bytes().splitlines() if b"lastUpdateId" in line)
    assert 2 * 5 == line.count(b'["')


@pytest.mark.parametrize(
    ("format", "options", "message"),
    [
        ("kraken", {}, "no synthetic market writes 'kraken'; those that are written: binance_spot, "),
        ("binance_spot", {"messages": 10, "drop": [10]}, r"messages to drop are numbered 0 to 9, not \[10\]"),
        ("binance_spot", {"messages": 10, "drop": [-1, 3]}, r"messages to drop are numbered 0 to 9, not \[-1, 3\]"),
        ("lobster", {"drop": [3]}, "a LOBSTER pair has no numbers: no reader could tell that a message is missing"),
    ],
)
def test_impossible_captures_are_refused(tmp_path: Path, format: str, options: dict[str, object], message: str) -> None:
    """What cannot be written says so, and how to do it."""
    with pytest.raises(UsageError, match=f"^{message}"):
        write_capture(tmp_path / "tape.gz", format, **options)  # type: ignore[arg-type]


def test_no_stats_are_left_out(tmp_path: Path) -> None:
    """Every message of a capture is counted somewhere by the one who reads it."""
    capture = write_capture(tmp_path / "tape.gz", seed=1, messages=50)
    stats: Stats = read(capture).stats
    assert plain_bytes(capture).count(b"\n") == stats.messages
    kept = stats.snapshots + stats.buffered + stats.noop
    assert stats.events == kept + stats.applied - len(read(capture).builders[capture.symbol].bridged) + 1
