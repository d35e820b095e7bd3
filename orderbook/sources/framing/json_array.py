"""One JSON array of messages, split into its elements without reading it whole.

Goal: the raw bytes of each element, in memory bounded by the longest element, whatever the chunks. Plan: only
brackets, quotes and backslashes decide where an element ends, so a regular expression leaps from one to the next.
What stands between them is not judged: the decoder parses every element anyway, and names the fault better. Refused:
the whole file to a JSON parser (a day does not fit in memory), and cutting at ``},{`` (it stands in texts too).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from orderbook.errors import CorruptSource, SourceError, TruncatedSource
from orderbook.sources.base import Item
from orderbook.sources.framing.base import MAX_MESSAGE, Framing, Stream
from orderbook.types import Place, RawMessage

MAX_DEPTH: Final = 512
"""How deep an element may be nested."""

_NOT_SPACE: Final = re.compile(rb"[^ \t\n\r]")
_STRUCTURE: Final = re.compile(rb'["\[\]{}]')
_IN_STRING: Final = re.compile(rb'["\\]')
_SCALAR_END: Final = re.compile(rb'[],"\[{} \t\n\r]')

_QUOTE, _BACKSLASH, _COMMA = b'"\\,'
_OPENING: Final = {ord("["): ord("]"), ord("{"): ord("}")}
_CLOSE: Final = ord("]")


class ArraySplitter:
    """The elements of one JSON array, fed in chunks of any size. O(bytes) time, O(longest element) memory.

    A state is the method that reads on from a position and answers with the next one.

    >>> splitter = ArraySplitter()
    >>> list(splitter.feed(b'[{"a": "]"}, [1')), list(splitter.feed(b', 2]]'))
    ([(1, b'{"a": "]"}')], [(13, b'[1, 2]')])
    >>> splitter.finish()
    """

    def __init__(self, max_size: int = MAX_MESSAGE, max_depth: int = MAX_DEPTH) -> None:
        self._max_size = max_size
        self._max_depth = max_depth
        self._step: Callable[[int], int] = self._opening
        self._data = b""
        self._passed = 0
        # The element that is being read: where it began in this chunk and in all, what earlier chunks held of it.
        self.offset = 0
        """Where the element that is being read begins, or where the last one ended."""
        self._inside = False
        self._start = 0
        self._held = bytearray()
        self._told = False
        self._closers = bytearray()
        self._ready: list[tuple[int, bytes | None]] = []

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes | None]]:
        """Yield ``(offset, element)`` for each element that ends in ``data``; None for one that is too long.

        Raises:
            CorruptSource: not the structure of a JSON array, or nested too deep; earlier elements were given before.
        """
        self._data, self._start = data, 0
        position = 0
        while position < len(data):
            position = self._step(position)
            if self._ready:
                yield self._ready.pop()
        if self._inside:
            self._hold(data[self._start :])
            if self._ready:
                yield self._ready.pop()
        self._passed += len(data)

    def finish(self) -> None:
        """Say that there is nothing more.

        Raises:
            TruncatedSource: the array is not closed. (Nothing at all is no array and no fault.)
        """
        if self._step not in (self._after, self._opening):
            raise TruncatedSource("the JSON array is not closed: the file was cut off")

    def _opening(self, position: int) -> int:
        at = self._seek(_NOT_SPACE, position)
        if at < len(self._data):
            if self._data[at] != ord("["):
                raise self._unexpected(at, "expected a JSON array")
            self._step = self._first
        return at + 1

    def _first(self, position: int) -> int:
        at = self._seek(_NOT_SPACE, position)
        if at < len(self._data) and self._data[at] == _CLOSE:
            self._step = self._after
            return at + 1
        return self._value(at)

    def _value(self, position: int) -> int:
        at = self._seek(_NOT_SPACE, position)
        if at == len(self._data):
            return at
        char = self._data[at]
        if char in b",]}":
            raise self._unexpected(at, "expected an element")
        self._inside, self._start, self.offset = True, at, self._passed + at
        if char == _QUOTE:
            self._step = self._string
            return at + 1
        self._step = self._nested if char in _OPENING else self._scalar
        return at

    def _nested(self, position: int) -> int:
        data, closers = self._data, self._closers
        while match := _STRUCTURE.search(data, position):
            at, position = match.start(), match.end()
            char = data[at]
            if char == _QUOTE:
                # Nearly every string is a name without escapes that ends in this chunk.
                close = data.find(_QUOTE, position)
                if close < 0 or data.find(_BACKSLASH, position, close) >= 0:
                    self._step = self._string
                    return position
                position = close + 1
            elif char in _OPENING:
                closers.append(_OPENING[char])
                if len(closers) > self._max_depth:
                    raise CorruptSource(f"an element is nested deeper than {self._max_depth}")
            elif char != closers.pop():
                raise self._unexpected(at, "brackets do not match")
            elif not closers:
                return self._end(position)
        return len(data)

    def _string(self, position: int) -> int:
        at = self._seek(_IN_STRING, position)
        if at == len(self._data):
            return at
        if self._data[at] == _BACKSLASH:
            self._step = self._escape
        elif self._closers:
            self._step = self._nested
        else:
            return self._end(at + 1)
        return at + 1

    def _escape(self, position: int) -> int:
        self._step = self._string
        return position + 1

    def _scalar(self, position: int) -> int:
        at = self._seek(_SCALAR_END, position)
        if at == len(self._data):
            return at
        if self._data[at] in b'"[{}':
            raise self._unexpected(at, "expected `,` or `]`")
        return self._end(at)

    def _comma(self, position: int) -> int:
        at = self._seek(_NOT_SPACE, position)
        if at == len(self._data):
            return at
        if self._data[at] not in b",]":
            raise self._unexpected(at, "expected `,` or `]`")
        self._step = self._value if self._data[at] == _COMMA else self._after
        return at + 1

    def _after(self, position: int) -> int:
        at = self._seek(_NOT_SPACE, position)
        if at < len(self._data):
            raise self._unexpected(at, "something stands after the array")
        return at

    def _seek(self, pattern: re.Pattern[bytes], position: int) -> int:
        match = pattern.search(self._data, position)
        return len(self._data) if match is None else match.start()

    def _unexpected(self, at: int, reason: str) -> CorruptSource:
        where = self._passed + at
        if not self._inside:
            self.offset = where
        return CorruptSource(f"{reason}, got {chr(self._data[at])!r} at byte {where}")

    def _hold(self, part: bytes) -> None:
        if self._told:
            return
        if len(self._held) + len(part) > self._max_size:
            # Told at once and then passed over: what is too long is never held.
            self._told = True
            self._held.clear()
            self._ready.append((self.offset, None))
        else:
            self._held += part

    def _end(self, end: int) -> int:
        self._hold(self._data[self._start : end])
        if not self._told:
            self._ready.append((self.offset, bytes(self._held)))
        self._held.clear()
        self._told = self._inside = False
        self.offset = self._passed + end
        self._step = self._comma
        return end


def read(stream: Stream) -> Iterator[Item]:
    """Yield each element of a JSON array as a message; there is no receive time."""
    splitter = ArraySplitter(stream.max_message)
    try:
        for chunk in stream.chunks:
            for offset, element in splitter.feed(chunk):
                place = Place(stream.name, None, offset)
                if element is None:
                    yield stream.fault(stream.too_long("an element").at(place=place))
                else:
                    yield RawMessage(None, element, "", place)
        splitter.finish()
    except SourceError as error:
        error.at(place=Place(stream.name, None, splitter.offset))
        raise


JSON_ARRAY = Framing("json_array", read, timed=False)
