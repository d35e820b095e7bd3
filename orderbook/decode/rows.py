"""The readable interpreter of a :class:`~orderbook.decode.table.CsvTable`: payloads of text cells in, events out.

A payload is self-contained: where the format has a header, its first line is the header, and the rows of one message
follow. Paths in errors are those of the rows below the header: ``$[0].price``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from orderbook.decode.build import build_event
from orderbook.decode.read import brief, expected, holds, parse_levels, read_field, show, walk
from orderbook.decode.table import (
    MAX_CHANNELS,
    CsvTable,
    EventSpec,
    Field,
    LevelRow,
    Message,
    Path,
    WideLevels,
    Wire,
    event_class,
)
from orderbook.decode.view import Window, changes, parse_window, revealed
from orderbook.errors import DecodeError, ScaleError
from orderbook.events import BOOK_EVENTS, Delta, Event, Snapshot
from orderbook.levels import Levels
from orderbook.scale import MAX_SCALE, to_decimal
from orderbook.types import Side

_MAX_HEADERS: Final = 64


@dataclass(slots=True)
class _Run:
    """Rows that become one event: one row, or the rows of one message that change levels."""

    symbol: str
    group: str
    message: Message
    snapshot: bool | None
    rows: list[dict[str, str]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Book:
    """What must be remembered of one symbol from payload to payload."""

    source: str | None = None
    in_snapshot: bool = False
    seen: set[tuple[Side, int]] = field(default_factory=set)
    """(side, price) of the snapshot that is being read, to know where one ends and the next begins."""
    day: str | None = None
    window: Window | None = None


class CsvDecoder:
    """Decodes one recording of a format of text cells; see :class:`~orderbook.decode.format.Decoder`."""

    def __init__(self, table: CsvTable, symbols: Sequence[str] = (), *, name: str = "") -> None:
        self.ignored = 0
        self._table = table
        self._name = name
        self._symbol = Field("symbol", table.symbol, Wire.TEXT)
        self._books: dict[str, _Book] = {}
        self._messages: dict[tuple[str, ...], tuple[Message, ...]] = {}
        self._in_doubt = False
        self._snapshot_words = tuple(_snapshot_words(table))

    def reset(self) -> None:
        """Forget where snapshots and days were: what comes next starts anew."""
        self._books.clear()
        self._in_doubt = False

    def decode(self, payload: Any, ts_recv: int | None = None, origin: str = "") -> list[Event]:
        """Return the events of one payload; see :meth:`~orderbook.decode.format.Decoder.decode`. O(size)."""
        lines = _lines(payload)
        try:
            runs = self._runs(lines)
            last = {(run.symbol, run.group): number for number, run in enumerate(runs)}
            found: list[Event] = []
            for number, run in enumerate(runs):
                found += self._become(run, ts_recv, last[run.symbol, run.group] == number)
        except DecodeError:
            self._doubt(lines)
            raise
        return found

    def _doubt(self, lines: list[list[str]]) -> None:
        if any(word in cells for word in self._snapshot_words for cells in lines):
            self.lost()
        for book in self._books.values():
            book.window = book.day = None

    def lost(self) -> None:
        """Part of a snapshot may be missing: the rest of its run must not pass for a snapshot of its own."""
        self._in_doubt = True
        for book in self._books.values():
            book.in_snapshot = True
            book.window = book.day = None

    def _book(self, symbol: str) -> _Book:
        book = self._books.get(symbol)
        if book is None:
            if len(self._books) >= MAX_CHANNELS:
                raise DecodeError(f"more than {MAX_CHANNELS} symbols in one recording")
            book = self._books[symbol] = _Book(in_snapshot=self._in_doubt)
        return book

    # -- rows -------------------------------------------------------------------------------------------------------

    def _runs(self, lines: list[list[str]]) -> list[_Run]:
        """Rows in the order of the tape, with the rows of one message, symbol and kind of change together."""
        header = self._table.columns or tuple(lines[0])
        messages = self._candidates(header)
        runs: list[_Run] = []
        open_runs: dict[str, _Run] = {}
        for number, cells in enumerate(lines if self._table.columns else lines[1:]):
            run = self._run(messages, header, cells, number)
            before = open_runs.get(run.symbol)
            if before is not None and run.snapshot is not None and _same_message(run, before):
                before.rows += run.rows
                before.numbers.append(number)
                continue
            open_runs[run.symbol] = run
            runs.append(run)
        return runs

    def _candidates(self, header: tuple[str, ...]) -> tuple[Message, ...]:
        """The kinds of row that a header can have; remembered, for every payload repeats it."""
        known = self._messages.get(header)
        if known is not None:
            return known
        names = set(header)
        if len(names) != len(header):
            raise DecodeError("a column stands twice in the header", path="$")
        found = tuple(message for message in self._table.messages if names.issuperset(message.columns))
        if not found:
            raise DecodeError(f"no header of {self._name}: {brief(','.join(header))}", path="$")
        if len(self._messages) < _MAX_HEADERS:
            self._messages[header] = found
        return found

    def _run(self, messages: Sequence[Message], header: tuple[str, ...], cells: list[str], number: int) -> _Run:
        if len(cells) != len(header) and (self._table.seed is None or len(cells) < len(header)):
            raise DecodeError(f"expected {len(header)} cells, got {len(cells)}", path=show((number,)))
        row = dict(zip(header, cells, strict=False))
        message = next((m for m in messages if all(holds(test, row, row, "") for test in m.when)), None)
        if message is None:
            raise DecodeError(f"no row of {self._name}: {brief(','.join(cells))}", path=show((number,)))
        symbol = read_field(self._symbol, row, (number,))
        self._check_source(symbol, row, number)
        levels = message.events[0].levels
        snapshot = read_field(levels.snapshot, row, (number,)) if isinstance(levels, LevelRow) else None
        group = walk(row, self._table.group) if self._table.group else str(number)
        return _Run(symbol, group, message, snapshot, [row], [number], cells[len(header) :])

    def _check_source(self, symbol: str, row: dict[str, str], number: int) -> None:
        if not self._table.source:
            return
        source = walk(row, self._table.source)
        book = self._book(symbol)
        if book.source is None:
            book.source = source
        elif book.source != source:
            raise DecodeError(
                f"{symbol} comes from both {book.source} and {source}: use one feed for each",
                path=show((number, *self._table.source)),
            )

    # -- events -----------------------------------------------------------------------------------------------------

    def _become(self, run: _Run, ts_recv: int | None, is_last: bool) -> list[Event]:
        try:
            levels = run.message.events[0].levels
            if isinstance(levels, LevelRow):
                spec = run.message.events[0]
                return [_level_event(spec, levels, run, self._book(run.symbol), ts_recv, is_last)]
            return self._row(run, ts_recv, is_last)
        except DecodeError as error:
            raise error.at(symbol=run.symbol) from None

    def _row(self, run: _Run, ts_recv: int | None, is_last: bool) -> list[Event]:
        events = _row_events(run.message.events, run, ts_recv)
        if self._table.seed is not None and run.extra:
            events = self._follow(self._table.seed, run, ts_recv, events)
        if is_last:
            events[-1] = replace(events[-1], is_last=True)
        return events

    def _follow(self, seed: EventSpec, run: _Run, ts_recv: int | None, events: list[Event]) -> list[Event]:
        """The events of a row that also shows the book after them."""
        levels, book = cast("WideLevels", seed.levels), self._book(run.symbol)
        window, day = _window(levels, run), walk(run.rows[0], self._table.day)
        new = None
        if book.window is not None and (book.day, book.window.depth) == (day, window.depth):
            new = revealed(book.window, window, tuple(changes(events, levels.scale)))
        if new is None:
            row, at = run.rows[0], (run.numbers[0],)
            start = _wide_event(seed, levels, row, at, run.symbol, ts_recv, view_depth=window.depth)
            # The message is in the seed already; what of it touched no book still counts.
            events = [start, *(event for event in events if not isinstance(event, BOOK_EVENTS))]
        elif any(new.values()) and self._table.reveal is not None:
            events.append(_reveal_event(self._table.reveal, levels.scale, run, ts_recv, new))
        book.window, book.day = window, day  # only now: a first row that cannot be read seeds nothing
        return events


def _lines(payload: Any) -> list[list[str]]:
    """The cells of each line. Nothing but LF ends one, and no cell has one in it."""
    if isinstance(payload, str):
        text = payload
    elif isinstance(payload, (bytes, bytearray, memoryview)):
        try:
            text = str(payload, "utf-8")
        except UnicodeDecodeError as error:
            raise DecodeError(f"malformed CSV: {error}", path="$") from None
    else:
        raise expected("lines of text", payload, ())
    lines = [line.removesuffix("\r") for line in text.rstrip("\r\n").split("\n")]
    try:
        cells = list(csv.reader(lines, strict=True))
    except csv.Error as error:
        raise DecodeError(f"malformed CSV: {error}", path="$") from None
    if len(cells) != len(lines) or [] in cells:
        raise DecodeError("malformed CSV: a line is empty", path="$")
    return cells


def _snapshot_words(table: CsvTable) -> Iterator[str]:
    """The texts that say that a row is part of a snapshot."""
    for message in table.messages:
        for spec in message.events:
            if isinstance(spec.levels, LevelRow):
                yield from (str(word) for word, value in spec.levels.snapshot.choices if value)


def _same_message(run: _Run, before: _Run) -> bool:
    return run.group == before.group and run.snapshot == before.snapshot


def _row_events(specs: Sequence[EventSpec], run: _Run, ts_recv: int | None) -> list[Event]:
    """The events of one row, none of them marked as the last."""
    row, at = run.rows[0], (run.numbers[0],)
    return [
        _wide_event(spec, spec.levels, row, at, run.symbol, ts_recv)
        if isinstance(spec.levels, WideLevels)
        else build_event(spec, row, at, run.symbol, ts_recv, "", is_last=False)
        for spec in specs
    ]


# -- a level to a row --------------------------------------------------------------------------------------------------


def _level_event(
    spec: EventSpec, levels: LevelRow, run: _Run, book: _Book, ts_recv: int | None, is_last: bool
) -> Event:
    sides = [read_field(levels.side, row, (number,)) for number, row in zip(run.numbers, run.rows, strict=True)]
    values: dict[str, Any] = {"symbol": run.symbol, "ts_recv": ts_recv, "is_last": is_last}
    for timed in spec.fields:
        values[timed.name] = read_field(timed, run.rows[-1], (run.numbers[-1],))
    values["bids"] = _side_levels(levels, run, sides, Side.BID)
    values["asks"] = _side_levels(levels, run, sides, Side.ASK)
    if _starts_snapshot(run, book, values):
        return Snapshot(**values, complete=levels.complete)
    return Delta(**values)


def _side_levels(levels: LevelRow, run: _Run, sides: list[Side], side: Side) -> Levels:
    price, size = str(levels.price.path[0]), str(levels.size.path[0])
    rows = [(row[price], row[size]) for row, own in zip(run.rows, sides, strict=True) if own is side]
    try:
        return Levels.parse(rows)
    except ScaleError as error:
        # Which row it was is worth a second look: this is the way out.
        for number, row in zip(run.numbers, run.rows, strict=True):
            read_field(levels.price, row, (number,))
            read_field(levels.size, row, (number,))
        raise DecodeError(f"{error.reason}: {brief(error.value)}", path="$") from None


def _starts_snapshot(run: _Run, book: _Book, values: dict[str, Any]) -> bool:
    """Judge a message by its flag and by what the run before it has shown.

    A run of ``true`` is one snapshot even where it spans several messages. Two snapshots back to back have the same
    flags; a price that the run has shown already can only be the beginning of the second.
    """
    was, book.in_snapshot = book.in_snapshot, bool(run.snapshot)
    if not run.snapshot:
        book.seen.clear()
        return False
    shown = {key for side in (Side.BID, Side.ASK) for key in _price_keys(side, values)}
    if was and book.seen.isdisjoint(shown):
        book.seen |= shown
        return False
    book.seen = shown
    return True


def _price_keys(side: Side, values: dict[str, Any]) -> Iterator[tuple[Side, int]]:
    levels: Levels = values["bids" if side is Side.BID else "asks"]
    for mantissa in levels.prices:
        # At the finest scale of all: columns of two messages may differ in theirs.
        yield side, mantissa * 10 ** (MAX_SCALE - levels.price_scale)


# -- a book to a row ---------------------------------------------------------------------------------------------------


def _wide_event(
    spec: EventSpec, levels: WideLevels, row: dict[str, str], at: Path, symbol: str, ts_recv: int | None, **more: Any
) -> Event:
    values: dict[str, Any] = {"symbol": symbol, "ts_recv": ts_recv, "is_last": False, **dict(spec.constants), **more}
    for timed in spec.fields:
        values[timed.name] = read_field(timed, row, at)
    values["asks"] = _wide_side(levels, levels.ask_price, levels.ask_size, row, at)
    values["bids"] = _wide_side(levels, levels.bid_price, levels.bid_size, row, at)
    return event_class(spec.kind)(**values)  # type: ignore[no-any-return]


def _wide_side(levels: WideLevels, price: str, size: str, row: dict[str, str], at: Path) -> Levels:
    rows = []
    for number in range(levels.first, len(row)):
        prices, sizes = price.format(number), size.format(number)
        if prices not in row or sizes not in row:
            break
        pair = (row[prices], row[sizes])
        if pair in levels.absent:
            continue
        if any(pair[0] == absent for absent, _ in levels.absent):
            raise DecodeError(f"no price, but a size of {brief(pair[1])}", path=show((*at, sizes)))
        rows.append(
            (
                read_field(Field("price", (prices,), levels.wire, scale=levels.scale, least=None), row, at),
                read_field(Field("size", (sizes,), levels.wire), row, at),
            )
        )
    return parse_levels(rows, at)


def _window(levels: WideLevels, run: _Run) -> Window:
    """What the row shows; its cells get the names that errors know them by."""
    depth, rest = divmod(len(run.extra), 4)
    if rest:
        raise DecodeError(f"expected four cells for each level, got {len(run.extra)}", path=show((run.numbers[0],)))
    window = parse_window(run.extra, levels.absent)
    run.rows[0].update(zip(_wide_names(levels, depth), run.extra, strict=True))
    if window is None:
        # One cell at a time, the same numbers are refused with their place.
        for price, size in ((levels.ask_price, levels.ask_size), (levels.bid_price, levels.bid_size)):
            _wide_side(levels, price, size, run.rows[0], (run.numbers[0],))
        raise DecodeError("expected integers", path=show((run.numbers[0],)))
    return window


def _reveal_event(
    spec: EventSpec, scale: int, run: _Run, ts_recv: int | None, new: dict[Side, dict[int, int]]
) -> Event:
    values: dict[str, Any] = {"symbol": run.symbol, "ts_recv": ts_recv, "is_last": False}
    for timed in spec.fields:
        values[timed.name] = read_field(timed, run.rows[0], (run.numbers[0],))
    for name, side in (("bids", Side.BID), ("asks", Side.ASK)):
        rows = [(to_decimal(price, scale), size) for price, size in new[side].items()]
        values[name] = parse_levels(rows, (run.numbers[0],))
    return event_class(spec.kind)(**values)  # type: ignore[no-any-return]


def _wide_names(levels: WideLevels, depth: int) -> Iterator[str]:
    for number in range(levels.first, levels.first + depth):
        for pattern in (levels.ask_price, levels.ask_size, levels.bid_price, levels.bid_size):
            yield pattern.format(number)
