"""Lines out of chunks of any size, and the loop that most framings are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orderbook.errors import SourceError
from orderbook.sources.base import Item
from orderbook.sources.framing.base import Stream
from orderbook.types import Place


class Lines:
    """The lines of a stream as ``(number, offset, line)``, without their ends; ``line`` is None where it is too long.

    Numbers count from 1, offsets are in plain bytes from 0. A last line without a newline is a line like the others,
    but one that was cut off by damage is not given: the stream's own error follows instead, with that line as its
    place.

    >>> list(Lines(Stream(name="tape", chunks=iter([b"a\\r\\nb", b"c"]))))
    [(1, 0, b'a'), (2, 3, b'bc')]
    """

    __slots__ = ("_stream", "number", "offset")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.number = 0
        self.offset = 0

    def __iter__(self) -> Iterator[tuple[int, int, bytes | None]]:
        limit = self._stream.max_message
        held, size = bytearray(), 0
        for chunk in self._chunks():
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                told, size = size > limit, size + len(end)
                if not told:
                    line = bytes(held) + end if held else end
                    yield self.number + 1, self.offset, None if size > limit else line.removesuffix(b"\r")
                self.number += 1
                self.offset += size + 1
                held.clear()
                size = 0
            told, size = size > limit, size + len(rest)
            if size <= limit:
                held += rest
            elif not told:
                # Told at once and then passed over: what is too long is never held.
                held.clear()
                yield self.number + 1, self.offset, None
        if held:
            yield self.number + 1, self.offset, bytes(held).removesuffix(b"\r")

    def _chunks(self) -> Iterator[bytes]:
        try:
            yield from self._stream.chunks
        except SourceError as error:
            error.at(place=Place(self._stream.name, self.number + 1, self.offset))
            raise


def each_line(stream: Stream, parse: Callable[[bytes, Place], Item | None]) -> Iterator[Item]:
    """Yield what ``parse`` makes of each line (None: nothing), and the faults of those that it refuses."""
    for number, offset, line in Lines(stream):
        place = Place(stream.name, number, offset)
        try:
            if line is None:
                raise stream.too_long("a line")
            item = parse(line, place)
        except SourceError as error:
            yield stream.fault(error.at(place=place))
            continue
        if item is not None:
            yield item


def shown(line: bytes) -> str:
    """The beginning of a line, for a message."""
    return repr(line[:40])[1:] + ("..." if len(line) > 40 else "")
