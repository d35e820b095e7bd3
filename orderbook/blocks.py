"""Many messages that nobody has made objects of yet: what a source of lines gives to who takes many at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from orderbook.events import Event
from orderbook.types import RawMessage


class Block:
    """Whole lines of one file, from ``at`` to ``end`` of ``data``; ``framing`` says how they are to be read.

    ``data`` is the file's own room, which is written over when the next block is asked for.

    Its reader takes as many lines as it likes by itself (:meth:`passed`), and any other line as the item that the
    framing makes of it (:meth:`take`). ``before`` is the receive time from which another file's messages are due: no
    line received then or later may be taken. None: no other file waits.
    """

    __slots__ = ("at", "before", "data", "end", "framing")

    def __init__(self, data: bytearray, end: int, framing: str) -> None:
        self.data = data
        self.end = end
        self.framing = framing
        self.at = 0
        self.before: int | None = None

    def __bool__(self) -> bool:
        """Whether a line is left."""
        return self.at < self.end

    @property
    def is_quick(self) -> bool:
        """Whether no line can be one that must be refused for its length."""
        raise NotImplementedError

    def line(self) -> bytes:
        """Return the next line, without its end. O(length)."""
        return bytes(self.data[self.at : self.line_end()]).removesuffix(b"\r")

    def line_end(self) -> int:
        """Return where the next line ends, before its newline if it has one. O(length)."""
        end = self.data.find(b"\n", self.at, self.end)
        return self.end if end < 0 else end

    def passed(self, at: int, lines: int) -> None:
        """Say that the next ``lines`` were taken, and ``at`` is where the one after them begins."""
        raise NotImplementedError

    def take(self) -> RawMessage | Event | None:
        """Return the next item; None at the end of the block, and where the next one is another file's turn."""
        raise NotImplementedError


class BlockSource:
    """Base of a source that has blocks.

    A class that changes what it iterates over must say the same of its blocks: see :func:`has_blocks`.
    """

    def blocks(self) -> Iterator[BlockOrItem]:
        """Iterate as the source itself does, but over blocks of lines where a line is a message."""
        raise NotImplementedError


def has_blocks(source: object) -> bool:
    """Whether a source has blocks that hold what an iteration gives. O(1).

    >>> has_blocks([1, 2])
    False
    """
    if not isinstance(source, BlockSource):
        return False
    # A subclass with an ``__iter__`` of its own leaves something out, or puts something in, that its blocks do not.
    definers = (next(base for base in type(source).__mro__ if name in vars(base)) for name in ("blocks", "__iter__"))
    return len(set(definers)) == 1


BlockOrItem: TypeAlias = "Block | RawMessage | Event"
