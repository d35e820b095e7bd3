"""What all framings share: the stream that they read, and what to do with what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from orderbook.errors import CorruptSource, SourceError
from orderbook.events import Fault
from orderbook.sources.base import Item
from orderbook.types import Place
from orderbook.verdicts import OnError

MAX_MESSAGE: Final = 64 * 1024 * 1024
"""The longest message that is accepted unless a source says otherwise, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream of plain bytes and what a framing needs to know of it.

    ``name`` stands in messages and places, ``filename`` is the file's own name without folders. ``companion`` is the
    second stream of a pair (LOBSTER's orderbook file).

    >>> from orderbook.sources.framing import FRAMINGS
    >>> stream = Stream(name="tape", chunks=iter([b"[1]\\n[", b"2]"]))
    >>> [message.payload for message in FRAMINGS["ndjson"].read(stream)]
    [b'[1]', b'[2]']
    """

    name: str
    chunks: Iterator[bytes]
    filename: str = ""
    max_message: int = MAX_MESSAGE
    on_error: OnError = OnError.RAISE
    companion: Stream | None = None

    def fault(self, error: SourceError, *, ts_recv: int | None = None) -> Fault:
        """Raise ``error``, or return it as an event where the policy says to go on."""
        if self.on_error is OnError.RAISE:
            raise error
        return Fault(error=error, ts_recv=ts_recv)

    def too_long(self, what: str) -> CorruptSource:
        """The error for a message beyond ``max_message``: without a limit a missing newline would fill the memory."""
        return CorruptSource(f"{what} is longer than max_message ({self.max_message} bytes)")


def receive_time(item: Item) -> int | None:
    """The time by which the items of several files are merged: the receive time."""
    return item.ts_recv


Parse: TypeAlias = "Callable[[bytes, Place], Item | None]"
"""What makes an item of a line, None of one that is nothing; raises SourceError for one that it cannot read."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How a recorder stored messages: a name, a reader, and whether the items bring a time to merge files by.

    ``read`` turns a :class:`Stream` into messages and events, lazily. A framing of your own goes to
    ``FileSource(framing=...)`` as such a value.

    >>> from orderbook.sources.framing import FRAMINGS
    >>> FRAMINGS["ns_json"].timed, FRAMINGS["ndjson"].timed
    (True, False)
    """

    name: str
    read: Callable[[Stream], Iterator[Item]]
    timed: bool
    lines: Callable[[], Parse] | None = None
    """Makes what turns a line into a message, where a line is one: such files can be read in blocks."""
    key: Callable[[Item], int | None] = receive_time
