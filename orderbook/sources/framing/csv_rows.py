"""CSV with a header line. A message is self-contained: the header, a newline, and the rows that belong together.

``tardis_csv``
    Consecutive rows that share a ``local_timestamp`` are one message; its receive time is that column (integer
    microseconds). The last message before damage is not given: rows of it may be missing.

``csv_rows``
    Every row is one message; there is no receive time (what a column means is for the decoder to say).

Blank lines, and header lines that come again (files that were joined), are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orderbook.errors import CorruptSource
from orderbook.sources.base import Item
from orderbook.sources.framing.base import Framing, Stream
from orderbook.sources.framing.lines import Lines, shown
from orderbook.types import INT64_MAX, Place, RawMessage

RECEIVED: Final = b"local_timestamp"
_MAX_DIGITS: Final = 16


def _rows(stream: Stream) -> Iterator[tuple[Place, bytes | None]]:
    """The header line, then each row with its place; None for a line that is too long."""
    header: bytes | None = None
    for number, offset, line in Lines(stream):
        place = Place(stream.name, number, offset)
        if header is None:
            if line is None:
                raise stream.too_long("the header line").at(place=place)
            if line.strip():
                header = line
                yield place, header
        elif line is None or (line != header and line.strip()):
            yield place, line


def read_rows(stream: Stream) -> Iterator[Item]:
    """Yield each row of a CSV file, under its header, as a message."""
    rows = _rows(stream)
    _, header = next(rows, (None, None))
    if header is None:
        return
    for place, row in rows:
        if row is None:
            yield stream.fault(stream.too_long("a row").at(place=place))
        else:
            yield RawMessage(None, header + b"\n" + row, "", place)


def read_grouped(stream: Stream) -> Iterator[Item]:
    """Yield the messages of a Tardis CSV dataset."""
    rows = _rows(stream)
    place, header = next(rows, (None, None))
    if header is None:
        return
    columns = header.split(b",")
    if RECEIVED not in columns:
        raise CorruptSource(f"expected a header line with local_timestamp, got {shown(header)}", place=place)
    column, group = columns.index(RECEIVED), _Group(header, stream.max_message)
    for place, row in rows:
        try:
            if row is None:
                raise stream.too_long("a row")
            when = _local_time(row, column)
        except CorruptSource as error:
            yield stream.fault(error.at(place=place))
            continue
        if when != group.ts_recv:
            yield from group.message()
            group.begin(when, place)
        if not group.add(row):
            yield stream.fault(stream.too_long("a message").at(place=group.place), ts_recv=when)
    yield from group.message()


def _local_time(row: bytes, column: int) -> int:
    """The receive time of a row in nanoseconds."""
    cells = row.split(b",", column + 1)
    if len(cells) > column and cells[column].isdigit() and len(cells[column]) <= _MAX_DIGITS:
        when = int(cells[column]) * 1_000
        if when <= INT64_MAX:
            return when
    raise CorruptSource(f"expected local_timestamp in microseconds in column {column + 1}, got {shown(row)}")


class _Group:
    """The rows of one message, as far as they were read."""

    def __init__(self, header: bytes, limit: int) -> None:
        self._header = header
        self._limit = limit
        self._lines: list[bytes] = []
        self._size = 0
        self.ts_recv: int | None = None
        self.place: Place | None = None

    def begin(self, ts_recv: int, place: Place) -> None:
        self.ts_recv, self.place = ts_recv, place
        self._lines, self._size = [self._header], len(self._header)

    def add(self, row: bytes) -> bool:
        """Take a row; False at the moment when the message grows too long, which drops it whole."""
        told = self._size > self._limit
        self._size += len(row) + 1
        if self._size <= self._limit:
            self._lines.append(row)
            return True
        self._lines.clear()
        return told

    def message(self) -> Iterator[RawMessage]:
        if self._lines:
            yield RawMessage(self.ts_recv, b"\n".join(self._lines), "", self.place)


TARDIS_CSV = Framing("tardis_csv", read_grouped, timed=True)
CSV_ROWS = Framing("csv_rows", read_rows, timed=False)
