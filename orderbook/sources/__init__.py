"""Where messages come from: the only part of the library that does I/O, and it does nothing else.

A source is anything that can be iterated for :class:`~orderbook.RawMessage` or events and says its format
(:class:`ReplaySource`). How a recorder stored messages is a matter of :mod:`orderbook.sources.framing`.
"""

from __future__ import annotations

from orderbook.sources.base import Item, ReplaySource
from orderbook.sources.file import FileSource
from orderbook.sources.framing import FRAMINGS, Framing, Stream
from orderbook.sources.memory import MemorySource

__all__ = ["FRAMINGS", "FileSource", "Framing", "Item", "MemorySource", "ReplaySource", "Stream"]
