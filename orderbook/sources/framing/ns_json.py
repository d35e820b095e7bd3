"""``<recv_ns> <json>``: one message a line, after the receive time in integer nanoseconds UTC and one space.

Lines of nothing but white space are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

from orderbook.errors import CorruptSource
from orderbook.sources.base import Item
from orderbook.sources.framing.base import Framing, Stream
from orderbook.sources.framing.lines import each_line, shown
from orderbook.types import INT64_MAX, Place, RawMessage


def read(stream: Stream) -> Iterator[Item]:
    """Yield the messages of ``<recv_ns> <json>`` lines."""
    return each_line(stream, _parse)


def _parse(line: bytes, place: Place) -> RawMessage | None:
    digits, _, payload = line.partition(b" ")
    # bytes.isdigit knows ASCII only. 19 digits hold every int64, and bound the cost of int().
    if payload and digits.isdigit() and len(digits) <= 19:
        ts_recv = int(digits)
        if ts_recv <= INT64_MAX:
            return RawMessage(ts_recv, payload, "", place)
    if not line.strip():
        return None
    raise CorruptSource(f"expected `<recv_ns> <json>`, got {shown(line)}")


NS_JSON = Framing("ns_json", read, timed=True, lines=lambda: _parse)
