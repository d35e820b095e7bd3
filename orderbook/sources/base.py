"""What a source is: anything that can be iterated for messages and says which format they are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from orderbook.events import Event
from orderbook.types import RawMessage

if TYPE_CHECKING:
    from orderbook.decode import Format

Item: TypeAlias = "RawMessage | Event"
"""What a source gives: a message as it was recorded, or an event that is decoded already."""


@runtime_checkable
class ReplaySource(Protocol):
    """What :func:`orderbook.replay` reads: an iterable of :class:`RawMessage` or events, in the order of the tape.

    ``format`` names the format of the payloads (None where every item is an event), ``symbols`` the instruments that
    are wanted (None for all); a source hands both on and filters nothing itself. A source that can be iterated again
    starts again at its beginning. One that knows its length also has ``progress() -> (done, total)``.

    >>> from orderbook.sources import MemorySource
    >>> isinstance(MemorySource([]), ReplaySource)
    True
    """

    @property
    def format(self) -> str | Format | None:
        """The format of the payloads, or None for decoded events."""

    @property
    def symbols(self) -> tuple[str, ...] | None:
        """The instruments that are wanted; None for all."""

    def __iter__(self) -> Iterator[Item]:
        """The messages from the beginning."""


def symbol_tuple(symbols: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return ``symbols`` as a tuple; one name by itself is one symbol, not its letters.

    >>> symbol_tuple("ETHUSDT"), symbol_tuple(None)
    (('ETHUSDT',), None)
    """
    if symbols is None:
        return None
    return (symbols,) if isinstance(symbols, str) else tuple(symbols)
