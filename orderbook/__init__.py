"""Exact limit order books from what venues and data vendors really send.

Bytes from a venue, a vendor file or memory go in; a provably correct L2 or L3 book, at any moment in time, comes out::

    import orderbook as ob

    for update in ob.replay(ob.FileSource("ethusdt.gz", "binance_spot")):
        print(update.ts_recv, update.book.best_bid, update.book.best_ask)

Start with :func:`replay`, :func:`sample`, :func:`book_at` and :func:`load` for recorded data, :class:`Feed` for live
messages, :class:`L2Book` and :class:`L3Book` for books that you feed yourself. ``orderbook.analytics`` has the
measures, ``orderbook.plot`` the pictures.
"""

import importlib
import logging
import typing as _typing

from orderbook.books import MAX_LEVELS, L2Book, L3Book, backend
from orderbook.builder import BookBuilder, SnapshotRequest, Stats
from orderbook.columns import Events
from orderbook.continuity import RULES, Rule
from orderbook.decode import Format, formats, get_format, register
from orderbook.errors import (
    BackendUnavailable,
    BookError,
    ChecksumMismatch,
    CorruptSource,
    CrossedBookError,
    DecodeError,
    DuplicateLevel,
    DuplicateOrder,
    FeedError,
    MissingExtra,
    OrderBookError,
    OverExecuted,
    ScaleError,
    SequenceGap,
    SourceError,
    StaleBookError,
    TimestampError,
    TooManyLevels,
    TruncatedSource,
    UnknownFormat,
    UnknownOrder,
    UsageError,
)
from orderbook.events import (
    Clear,
    Delta,
    Disconnect,
    Event,
    Fault,
    Heartbeat,
    OrderAdd,
    OrderCancel,
    OrderExecute,
    OrderModify,
    OrderReplace,
    OrderSnapshot,
    Quote,
    Reveal,
    Snapshot,
    Status,
    Trade,
)
from orderbook.feed import Feed, Update
from orderbook.levels import Levels
from orderbook.panel import Panel
from orderbook.replay import Replay, book_at, load, replay
from orderbook.sampling import bbo, sample
from orderbook.timestamps import duration_ns, from_ns, to_ns
from orderbook.types import (
    Action,
    BookState,
    Flag,
    KnownRange,
    Level,
    Order,
    Place,
    RawMessage,
    Side,
    Vwap,
)
from orderbook.verdicts import OnCrossed, OnError, OnGap, OnUnknownOrder, State, Verdict
from orderbook.views import Depth

if _typing.TYPE_CHECKING:
    from orderbook import analytics, plot
    from orderbook.sources import FileSource, MemorySource, ReplaySource

__version__ = "0.1.0"

# Quiet by default: without a handler Python itself would print our warnings to stderr.
logging.getLogger("orderbook").addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    # Late: files, compressions and framings are for those who read some.
    if name in ("FileSource", "MemorySource", "ReplaySource"):
        from orderbook import sources

        return getattr(sources, name)
    if name in ("analytics", "plot"):
        return importlib.import_module(f"orderbook.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = (
    "MAX_LEVELS",
    "RULES",
    "Action",
    "BackendUnavailable",
    "BookBuilder",
    "BookError",
    "BookState",
    "ChecksumMismatch",
    "Clear",
    "CorruptSource",
    "CrossedBookError",
    "DecodeError",
    "Delta",
    "Depth",
    "Disconnect",
    "DuplicateLevel",
    "DuplicateOrder",
    "Event",
    "Events",
    "Fault",
    "Feed",
    "FeedError",
    "FileSource",
    "Flag",
    "Format",
    "Heartbeat",
    "KnownRange",
    "L2Book",
    "L3Book",
    "Level",
    "Levels",
    "MemorySource",
    "MissingExtra",
    "OnCrossed",
    "OnError",
    "OnGap",
    "OnUnknownOrder",
    "Order",
    "OrderAdd",
    "OrderBookError",
    "OrderCancel",
    "OrderExecute",
    "OrderModify",
    "OrderReplace",
    "OrderSnapshot",
    "OverExecuted",
    "Panel",
    "Place",
    "Quote",
    "RawMessage",
    "Replay",
    "ReplaySource",
    "Reveal",
    "Rule",
    "ScaleError",
    "SequenceGap",
    "Side",
    "Snapshot",
    "SnapshotRequest",
    "SourceError",
    "StaleBookError",
    "State",
    "Stats",
    "Status",
    "TimestampError",
    "TooManyLevels",
    "Trade",
    "TruncatedSource",
    "UnknownFormat",
    "UnknownOrder",
    "Update",
    "UsageError",
    "Verdict",
    "Vwap",
    "__version__",
    "analytics",
    "backend",
    "bbo",
    "book_at",
    "duration_ns",
    "formats",
    "from_ns",
    "get_format",
    "load",
    "plot",
    "register",
    "replay",
    "sample",
    "to_ns",
)
