"""Tardis raw feed: ``yyyy-MM-ddTHH:mm:ss.fffffffZ <json>``, and an empty line where the recorder lost its connection.

"Timestamp = message arrival time, exactly 28 ASCII bytes, one space at byte 28, raw venue JSON from byte 29." The
line is split there and not at the first ``{``: messages may be arrays. All seven digits are kept (Tardis's own
clients keep six). "Empty line = disconnect. Consecutive empty lines are one event"; it carries the time of the
message before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from orderbook.errors import CorruptSource, TimestampError
from orderbook.events import Disconnect
from orderbook.sources.base import Item
from orderbook.sources.framing.base import Framing, Stream
from orderbook.sources.framing.lines import each_line, shown
from orderbook.timestamps import to_ns
from orderbook.types import Place, RawMessage


def read(stream: Stream) -> Iterator[Item]:
    """Yield the messages of a Tardis raw file, and one :class:`Disconnect` for each run of empty lines."""
    return each_line(stream, _Parser().parse)


class _Parser:
    def __init__(self) -> None:
        self._last: int | None = None
        self._apart = False
        # Thousands of lines share a second, and reading a date is the slow part.
        self._prefix = b""
        self._seconds = 0

    def parse(self, line: bytes, place: Place) -> Item | None:
        if not line:
            return self._empty()
        # The shape is "0123-56-89T12:45:78.1234567Z " by position; to_ns judges the date.
        digits = line[20:27]
        if line[27:29] != b"Z " or line[19:20] != b"." or not digits.isdigit() or len(line) == 29:
            raise CorruptSource(f"expected `yyyy-MM-ddTHH:mm:ss.fffffffZ <json>`, got {shown(line)}")
        self._apart = False
        self._last = self._whole(line[:19]) + int(digits) * 100
        return RawMessage(self._last, line[29:], "", place)

    def _empty(self) -> Disconnect | None:
        if self._apart:
            return None
        self._apart = True
        return Disconnect(ts_recv=self._last)

    def _whole(self, prefix: bytes) -> int:
        if prefix != self._prefix:
            try:
                self._seconds = to_ns(prefix.decode("latin-1") + "Z")
            except TimestampError as error:
                raise CorruptSource(str(error)) from error
            self._prefix = prefix
        return self._seconds


TARDIS_RAW = Framing("tardis_raw", read, timed=True, lines=lambda: _Parser().parse)
