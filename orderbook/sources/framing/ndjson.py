"""NDJSON: one JSON value a line is one message; there is no receive time. Blank lines are passed over."""

from __future__ import annotations

from collections.abc import Iterator

from orderbook.sources.base import Item
from orderbook.sources.framing.base import Framing, Stream
from orderbook.sources.framing.lines import each_line
from orderbook.types import Place, RawMessage


def read(stream: Stream) -> Iterator[Item]:
    """Yield each line as a message. Whether it is JSON is for the decoder to say, who parses it anyway."""
    return each_line(stream, _parse)


def _parse(line: bytes, place: Place) -> RawMessage | None:
    return RawMessage(None, line, "", place) if line.strip() else None


NDJSON = Framing("ndjson", read, timed=False, lines=lambda: _parse)
