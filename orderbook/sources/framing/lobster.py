"""LOBSTER: a message file and, row by row beside it, the orderbook file after each message.

Both have no header; ticker, date and levels stand in the names: ``{TICKER}_{DATE}_{start}_{end}_message_{L}.csv`` and
``..._orderbook_{L}.csv`` (also compressed: ``.csv.gz``). A message is self-contained::

    <TICKER>,<YYYY-MM-DD>,<6 message columns>[,<4 L orderbook columns>]

The message file may come alone; an orderbook file may not. Nothing is looked for that was not named. There is no
receive time, so ``ts_recv`` is None (the time in the file is the venue's, which the decoder reads); several days or
tickers are merged by that venue time. Blank lines are passed over. When one file of a pair is longer, all whole pairs
are given first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from orderbook.errors import CorruptSource, TimestampError, UsageError
from orderbook.sources.base import Item
from orderbook.sources.framing.base import Framing, Stream
from orderbook.sources.framing.lines import Lines, shown
from orderbook.timestamps import seconds_to_ns
from orderbook.types import Place, RawMessage

_NAME: Final = re.compile(
    r"([^,]+_(\d{4}-\d\d-\d\d)_\d+_\d+)_(message|orderbook)_(\d{1,4})\.csv(?:\.[a-z0-9]+)?", re.ASCII
)
PATTERN: Final = "{TICKER}_{DATE}_{start}_{end}_message_{L}.csv"
_DAY: Final = 86_400 * 1_000_000_000
_MESSAGE_COLUMNS: Final = 6

Row = tuple[Place, bytes | None]


class Name(NamedTuple):
    """What the name of a LOBSTER file says; ``pair`` is the same for both files of a pair."""

    ticker: str
    day: str
    kind: str
    levels: int
    pair: tuple[str, int]


def parse_name(filename: str) -> Name | None:
    """Return what a LOBSTER file's name says, or None if it is no such name.

    >>> parse_name("AAPL_2012-06-21_34200000_57600000_message_10.csv")[:4]
    ('AAPL', '2012-06-21', 'message', 10)
    """
    match = _NAME.fullmatch(filename)
    if match is None:
        return None
    stem, day, kind, levels = match.groups()
    return Name(stem[: stem.index(f"_{day}_")], day, kind, int(levels), (stem, int(levels)))


def pair_up(filenames: Iterable[str]) -> list[tuple[int, int | None]]:
    """Return the positions ``(message, orderbook)`` of each pair, in the order of the message files.

    Raises:
        UsageError: a name that is not LOBSTER's, one that comes twice, or an orderbook file without its message file.
    """
    found: dict[str, dict[tuple[str, int], int]] = {"message": {}, "orderbook": {}}
    for position, filename in enumerate(filenames):
        name = _named(filename)
        if name.pair in found[name.kind]:
            raise UsageError(f"two files are called {filename}")
        found[name.kind][name.pair] = position
    books = found["orderbook"]
    pairs = [(message, books.pop(pair, None)) for pair, message in found["message"].items()]
    for stem, levels in books:
        raise UsageError(f"{stem}_orderbook_{levels}.csv comes without its message file")
    return pairs


def _named(filename: str) -> Name:
    name = parse_name(filename)
    if name is None:
        raise UsageError(f"a LOBSTER file is called {PATTERN} (or ..._orderbook_{{L}}.csv), not {filename!r}")
    return name


def read(stream: Stream) -> Iterator[Item]:
    """Yield the messages of a LOBSTER pair, or of a message file alone."""
    name = _named(stream.filename)
    head = f"{name.ticker},{name.day},".encode()
    for message, book in _rows(stream):
        place = message[0]
        try:
            row = _checked(stream, message, _MESSAGE_COLUMNS)
            if book is not None:
                place = book[0]
                row += b"," + _checked(stream, book, 4 * name.levels)
        except CorruptSource as error:
            yield stream.fault(error.at(place=place))
            continue
        yield RawMessage(None, head + row, "", message[0])


def _rows(stream: Stream) -> Iterator[tuple[Row, Row | None]]:
    """Row i of the message file with row i of the orderbook file."""
    if stream.companion is None:
        for row in _filled(stream):
            yield row, None
        return
    books = _filled(stream.companion)
    for message in _filled(stream):
        book = next(books, None)
        if book is None:
            reason = f"row without its partner: {stream.companion.filename} has fewer rows than {stream.filename}"
            raise CorruptSource(reason, place=message[0])
        yield message, book
    extra = next(books, None)
    if extra is not None:
        reason = f"row without its partner: {stream.filename} has fewer rows than {stream.companion.filename}"
        raise CorruptSource(reason, place=extra[0])


def _filled(stream: Stream) -> Iterator[Row]:
    for number, offset, line in Lines(stream):
        if line is None or line.strip():
            yield Place(stream.name, number, offset), line


def _checked(stream: Stream, row: Row, columns: int) -> bytes:
    # One column more or less and the join would put prices where sizes are.
    line = row[1]
    if line is None:
        raise stream.too_long("a row")
    if line.count(b",") + 1 != columns:
        raise CorruptSource(f"expected {columns} columns, got {line.count(b',') + 1}: {shown(line)}")
    return line


def venue_time(item: Item) -> int | None:
    """The time to merge pairs by: nanoseconds of the exchange's own clock since year 1, from the message itself."""
    if not isinstance(item, RawMessage):
        return None
    _, day, seconds, _ = item.payload.split(b",", 3)
    try:
        return _midnight(day) + seconds_to_ns(seconds)
    except (TimestampError, ValueError):
        # For the decoder to refuse, with the reason; here it keeps its place in its file.
        return None


@lru_cache(maxsize=64)
def _midnight(day: bytes) -> int:
    return date.fromisoformat(day.decode("ascii")).toordinal() * _DAY


LOBSTER = Framing("lobster", read, timed=True, key=venue_time)
