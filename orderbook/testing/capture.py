"""Captures of a market that does not exist, in the files that recorders and vendors write."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from orderbook.errors import UsageError
from orderbook.events import Event, Trade
from orderbook.testing.flow import Chance
from orderbook.testing.market import SyntheticMarket
from orderbook.testing.model import NaiveL3, NaiveLevel
from orderbook.testing.streams import Stream
from orderbook.testing.wire import TARDIS_HEADER, BitfinexWire, LobsterWire, TardisWire, get_wire, wire_formats
from orderbook.types import Side

DEFAULT_RESYNC: Final = 20
"""After how many messages a new snapshot heals a gap, unless told otherwise."""

_DEFAULTS: Final[dict[str, dict[str, str]]] = {
    "binance_spot": {"symbol": "SYNTHUSDT"},
    "binance_usdm": {"symbol": "SYNTHUSDT", "lot": "0.001"},
    "binance_coinm": {"symbol": "SYNTHUSD_PERP", "lot": "1"},
    "tardis_csv": {"symbol": "SYNTHUSDT"},
    "bitfinex_raw": {"symbol": "tSYNUSD"},
    "lobster": {"symbol": "SYNTH", "lot": "1", "mid": "100"},
}


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture that was written: its files, and what is true about it.

    ``path`` is the (first) file, ``lost`` are the numbers of the messages that were left out. ``stream`` holds what
    was written, with the truth behind every event; LOBSTER has none, its truth is the orderbook file.
    """

    paths: tuple[Path, ...]
    format: str
    symbol: str
    seed: int
    lost: tuple[int, ...]
    stream: Stream | None

    @property
    def path(self) -> Path:
        """The first file."""
        return self.paths[0]


def write_capture(
    path: str | Path,
    format: str = "binance_spot",
    *,
    seed: int = 0,
    messages: int = 1_000,
    drop: Iterable[int] = (),
    resync_after: int | None = DEFAULT_RESYNC,
    depth: int | None = None,
    levels: int = 40,
    **market: Any,
) -> Capture:
    """Write a capture of a synthetic market: the same text for the same arguments. O(messages * levels).

    ``messages`` counts changes of the book; trades, quotes and snapshots come on top. ``drop`` leaves some of them
    out (they are counted from 0), as a recorder does that lost them, and ``resync_after`` puts a new snapshot into
    the capture that many messages after each loss (None: never). ``depth`` limits snapshots. Whatever else is given
    goes to :class:`SyntheticMarket`. A path that ends in ``.gz`` is compressed; for ``lobster`` it is the folder of
    the pair.

    Raises:
        UsageError: no such format, or messages dropped from a format in which nothing could show it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     capture = write_capture(f"{folder}/tape.gz", "binance_spot", messages=50, drop=[30])
    ...     (capture.symbol, capture.lost, capture.path.name)
    ('SYNTHUSDT', (30,), 'tape.gz')
    """
    if format not in _DEFAULTS:
        raise UsageError(f"no synthetic market writes {format!r}; those that are written: {', '.join(wire_formats())}")
    lost = tuple(sorted(set(drop)))
    if lost and not 0 <= lost[0] <= lost[-1] < messages:
        raise UsageError(f"messages to drop are numbered 0 to {messages - 1}, not {list(lost)}")
    settings: dict[str, Any] = {**_DEFAULTS[format], "levels": levels, **market}
    source = SyntheticMarket(seed, **settings)
    if format == "lobster":
        if lost:
            raise UsageError("a LOBSTER pair has no numbers: no reader could tell that a message is missing")
        return _write_lobster(Path(path), source, messages, depth or 10)
    order_by_order = format == "bitfinex_raw"
    ask = source.order_stream if order_by_order else source.stream
    limits: dict[str, Any] = {} if order_by_order else {"depth": depth}
    stream = ask(format, messages, drop=lost, resync_after=resync_after, witnesses=True, **limits)
    _write_lines(Path(path), _lines(format, source.symbol, stream))
    return Capture((Path(path),), format, source.symbol, seed, lost, stream)


def _lines(format: str, symbol: str, stream: Stream) -> Iterator[bytes]:
    if format == "tardis_csv":
        yield TARDIS_HEADER
        rows = TardisWire(symbol)
        for message in stream.messages:
            yield from rows.rows(message)
        return
    wire = get_wire(format, symbol)
    if isinstance(wire, BitfinexWire):
        yield _timed(stream[0], b'{"event":"info","version":2,"serverId":"synthetic","platform":{"status":1}}')
        yield _timed(stream[0], b'{"event":"conf","status":"OK","flags":65536}')
    for message in stream.messages:
        for payload in wire.encode(message):
            yield _timed(message.events[0], payload)


def _timed(event: Event, payload: bytes) -> bytes:
    return b"%d %s" % (event.ts_recv or 0, payload)


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    # Without a time in its header, so that the same capture is the same file wherever the same zlib made it.
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


# -- LOBSTER ---------------------------------------------------------------------------------------------------------

_CLOSE_MS: Final = 57_600_000
_OPEN_MS: Final = 34_200_000
_NO_ASK: Final = "9999999999,0"
_NO_BID: Final = "-9999999999,0"


def _write_lobster(folder: Path, market: SyntheticMarket, messages: int, levels: int) -> Capture:
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{market.symbol}_2023-11-14_{_OPEN_MS}_{_CLOSE_MS}"
    paths = tuple(folder / f"{stem}_{kind}_{levels}.csv" for kind in ("message", "orderbook"))
    pairs = list(_lobster_rows(market, messages, levels))
    for path, rows in zip(paths, zip(*pairs, strict=True), strict=True):
        _write_lines(path, rows)
    return Capture(paths, "lobster", market.symbol, market.seed, (), None)


def _lobster_rows(market: SyntheticMarket, messages: int, levels: int) -> Iterator[tuple[bytes, bytes]]:
    """Pairs of a message and the book after it: what touches the best ``levels`` levels, as in the vendor's files."""
    wire, chance = LobsterWire(market.symbol, opened=market.time), Chance(market.seed + 2)
    wire.book.apply(market.order_snapshot())
    view = _View(wire.book, levels)
    written = 0
    while written < messages:
        rows = [row for event in market.step() for row in view.rows(wire, event)]
        if rows and not chance.below(50):
            rows.append((wire.line(_hidden(market)), rows[-1][1]))
        if rows and written <= messages // 2 < written + len(rows):
            rows += [(line, rows[-1][1]) for line in _halt(rows[-1][0])]
        yield from rows[: messages - written]
        written += len(rows)


class _View:
    """The best levels of a book, which is all that the vendor's files show of it."""

    def __init__(self, book: NaiveL3, levels: int) -> None:
        self._levels = levels
        self._shown = self._look(book)

    def _look(self, book: NaiveL3) -> dict[Side, list[NaiveLevel]]:
        return {side: book.levels(side)[: self._levels] for side in (Side.ASK, Side.BID)}

    def _shows(self, side: int, price: Fraction) -> bool:
        return any(level.price == price for level in self._shown[Side(side)])

    def rows(self, wire: LobsterWire, event: Event) -> Iterator[tuple[bytes, bytes]]:
        """Yield what an event is in the files: nothing, if it is too deep to be seen before and after."""
        for part in wire.parts(event):
            line = wire.line(part)
            _, _, _, _, price, side = line.split(b",")
            place = (int(side), Fraction(int(price), 10_000))
            seen = self._shows(*place)
            self._shown = self._look(wire.book)
            if seen or self._shows(*place):
                yield line, self._row()

    def _row(self) -> bytes:
        cells = []
        for index in range(self._levels):
            for side, absent in ((Side.ASK, _NO_ASK), (Side.BID, _NO_BID)):
                rows = self._shown[side]
                level = rows[index] if index < len(rows) else None
                cells.append(absent if level is None else f"{int(level.price * 10_000)},{int(level.size)}")
        return ",".join(cells).encode()


def _hidden(market: SyntheticMarket) -> Trade:
    """An execution against an order that nobody saw, at the best bid: it touches no level."""
    price, _ = market.level(Side.BID)
    return Trade(ts_event=market.time, price=price, size=100, side=Side.ASK, hidden=True)


def _halt(line: bytes) -> list[bytes]:
    """Trading stops, quoting resumes, trading resumes."""
    time = line.split(b",")[0]
    return [b"%s,7,0,0,%s,-1" % (time, price) for price in (b"-1", b"0", b"1")]
