"""Files as blocks of whole lines, for readers that take many lines at once.

However its lines are taken, each is taken once, in order, with the places, faults and errors that an iteration of the
source gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import Final

from orderbook.blocks import Block
from orderbook.errors import SourceError
from orderbook.sources.base import Item
from orderbook.sources.framing import FRAMINGS, Framing, Stream
from orderbook.sources.framing.base import Parse
from orderbook.sources.merge import Tape, first_key
from orderbook.types import Place

BLOCK: Final = 1 << 18
"""How many bytes a block has at least, if the file has them: enough that what is done once a block costs nothing."""


class FileBlock(Block):
    """Whole lines of one file, see :class:`~orderbook.blocks.Block`: each is taken once, by whoever takes it."""

    __slots__ = ("_offset", "_parse", "_passed", "_peeked", "_stream", "number")

    def __init__(
        self, data: bytearray, end: int, number: int, offset: int, stream: Stream, framing: Framing, parse: Parse
    ) -> None:
        # A framing of somebody else's, whatever it is called, is not what that name says.
        super().__init__(data, end, framing.name if FRAMINGS.get(framing.name) is framing else "")
        self.number = number
        """How many lines were taken, of the whole file."""
        self._offset = offset
        self._stream = stream
        self._parse = parse
        self._peeked: tuple[Item, int] | None = None
        self._passed = 0

    @property
    def is_quick(self) -> bool:
        """Whether no line can be longer than what is accepted."""
        return self.end <= self._stream.max_message

    def passed(self, at: int, lines: int) -> None:
        """Say that the next ``lines`` were taken, and ``at`` is where the one after them begins. O(1)."""
        if lines:
            self.at = at
            self.number += lines
            self._passed = lines
            self._peeked = None

    def peek(self) -> Item | None:
        """Return the next item without taking it, None at the end of the block. O(lines without one)."""
        while self._peeked is None and self:
            after = min(self.line_end() + 1, self.end)
            item = self._read()
            if item is None:
                self.at = after
                self.number += 1
            else:
                self._peeked = item, after
        return None if self._peeked is None else self._peeked[0]

    def take(self) -> Item | None:
        """Return the next item; None at the end of the block, and where the next one is another file's turn.

        Raises:
            SourceError: the line cannot be read, and the source says to raise.
        """
        item = self.peek()
        if item is None or self._peeked is None:
            return None
        if self.before is not None and item.ts_recv is not None and item.ts_recv >= self.before:
            return None
        self.at, self._peeked = self._peeked[1], None
        self.number += 1
        return item

    def _read(self) -> Item | None:
        size = self.line_end() - self.at
        place = Place(self._stream.name, self.number + 1, self._offset + self.at)
        self.catch_up()
        try:
            if size > self._stream.max_message:
                raise self._stream.too_long("a line")
            return self._parse(self.line(), place)
        except SourceError as error:
            return self._stream.fault(error.at(place=place))

    def catch_up(self) -> None:
        """Show the parser the line before, if it has not seen it: what it says of the next one may depend on it."""
        if not self._passed:
            return
        self._passed = 0
        begin = self.data.rfind(b"\n", 0, self.at - 1) + 1
        self._parse(bytes(self.data[begin : self.at - 1]).removesuffix(b"\r"), Place(self._stream.name))


class Blocks:
    """The lines of a stream in blocks, and the faults of lines that are too long to be held.

    All blocks share one room, so that memory is touched once and not once a block.
    """

    def __init__(self, stream: Stream, framing: Framing, parse: Parse) -> None:
        self._stream = stream
        self._framing = framing
        self._parse = parse
        self._number = 0
        self._offset = 0
        self._room = bytearray(2 * BLOCK)
        self._size = 0
        self._has_line = False
        """Whether what is held has the end of a line."""
        self._skipped: int | None = None
        """How many bytes of a line that is too long were passed over, while it goes on."""

    def __iter__(self) -> Iterator[FileBlock | Item]:
        chunks = self._stream.chunks
        while True:
            try:
                chunk = next(chunks, None)
            except SourceError as error:
                yield from self._lines()
                raise error.at(place=Place(self._stream.name, self._number + 1, self._offset)) from None
            if chunk is None:
                break
            yield from self._add(chunk)
        yield from self._lines(last=True)

    def _add(self, chunk: bytes) -> Iterator[FileBlock | Item]:
        if self._skipped is not None:
            chunk = self._skip(chunk, self._skipped)
        self._hold(chunk)
        if self._has_line and self._size >= min(BLOCK, self._stream.max_message + 1):
            yield from self._lines()
        if self._size > self._stream.max_message:
            place = Place(self._stream.name, self._number + 1, self._offset)
            yield self._stream.fault(self._stream.too_long("a line").at(place=place))
            # Told at once and then passed over: what is too long is never held.
            self._size, self._skipped = 0, self._size

    def _hold(self, chunk: bytes) -> None:
        size = self._size + len(chunk)
        if size > len(self._room):
            self._room.extend(bytes(max(size, 2 * len(self._room)) - len(self._room)))
        self._room[self._size : size] = chunk
        # A long line is not searched again with every chunk, which would cost the square of its length.
        self._has_line = self._has_line or b"\n" in chunk
        self._size = size

    def _skip(self, chunk: bytes, skipped: int) -> bytes:
        """What is left of a chunk behind the end of a line that was too long."""
        end = chunk.find(b"\n")
        if end < 0:
            self._skipped = skipped + len(chunk)
            return b""
        self._skipped = None
        self._offset += skipped + end + 1
        self._number += 1
        return chunk[end + 1 :]

    def _lines(self, *, last: bool = False) -> Iterator[FileBlock]:
        """All whole lines that are held, and the rest too at the end of the stream."""
        end = self._size if last else self._room.rfind(b"\n", 0, self._size) + 1
        self._has_line = False
        if not end:
            return
        block = FileBlock(self._room, end, self._number, self._offset, self._stream, self._framing, self._parse)
        yield block
        block.catch_up()
        self._number = block.number
        self._offset += end
        rest = self._size - end
        self._room[:rest] = self._room[end : self._size]
        self._size = rest


class _Turn:
    """A tape while it is merged: what waits, and the time that it is merged by."""

    __slots__ = ("_items", "_tape", "index", "item", "key")

    def __init__(self, tape: Tape[FileBlock | Item], index: int, key: float) -> None:
        self._tape = tape
        self._items: Iterator[FileBlock | Item] | None = None
        self.index = index
        self.item: FileBlock | Item | None = None
        self.key = key

    def __lt__(self, other: _Turn) -> bool:
        return (self.key, self.index) < (other.key, other.index)

    def wait(self) -> None:
        """Wait with the next item: the rest of a block, or what comes after it; None at the end."""
        if self._items is None:
            self._items = iter(self._tape.open())
        while not self._is_waiting():
            self.item = next(self._items, None)
            if self.item is None:
                return
        first = self.item.peek() if isinstance(self.item, FileBlock) else self.item
        key = None if first is None else self._tape.key(first)
        if key is not None:
            self.key = key

    def _is_waiting(self) -> bool:
        return self.item is not None and (not isinstance(self.item, FileBlock) or self.item.peek() is not None)

    def give(self, other: _Turn | None) -> Iterator[FileBlock | Item]:
        """Give the item, a block with the word when its turn ends."""
        item = self.item
        if isinstance(item, FileBlock):
            is_bound = other is not None and other.key != math.inf
            item.before = int(other.key) + (self.index < other.index) if is_bound and other is not None else None
        else:
            self.item = None
        if item is not None:
            yield item

    def close(self) -> None:
        """Close the tape."""
        close = getattr(self._items, "close", None)
        if close is not None:
            close()


def take_turns(tapes: Sequence[Tape[FileBlock | Item]]) -> Iterator[FileBlock | Item]:
    """Yield the blocks and items of all tapes by time, as :func:`orderbook.sources.merge.merge` does with items.

    A block that is given must be taken up to the time at which another tape is due; what is left of it comes again.
    """
    turns = [_Turn(tape, index, first_key(tape)) for index, tape in enumerate(tapes)]
    heap = turns.copy()
    heapify(heap)
    try:
        while heap:
            turn = heappop(heap)
            turn.wait()
            while turn.item is not None and not (heap and heap[0] < turn):
                yield from turn.give(heap[0] if heap else None)
                turn.wait()
            if turn.item is not None:
                heappush(heap, turn)
    finally:
        for turn in turns:
            turn.close()
