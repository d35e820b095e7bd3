"""Every error of the library, by whose fault it is.

::

    OrderBookError
    ├── FeedError                 the feed misbehaved             symbol, place
    │   ├── SequenceGap           continuity lost: resnapshot     expected, got
    │   ├── ChecksumMismatch      book proven wrong: resnapshot   expected, got
    │   ├── CrossedBookError      bid above ask                   bid, ask
    │   └── DecodeError           the message is not understood   path, reason, spoils
    ├── BookError                 the event cannot apply          symbol, place
    │   ├── UnknownOrder          order_id
    │   ├── DuplicateOrder        order_id
    │   ├── OverExecuted          order_id, resting, asked
    │   ├── DuplicateLevel        side, price
    │   └── TooManyLevels         side, levels, limit
    ├── UsageError                the caller erred
    │   ├── StaleBookError        symbol, state
    │   ├── ScaleError            value, reason, path             (also a ValueError)
    │   ├── TimestampError        value                           (also a ValueError)
    │   ├── UnknownFormat         name, known
    │   ├── MissingExtra          package, extra                  (also an ImportError)
    │   └── BackendUnavailable    backend
    └── SourceError               the file or server failed       place
        ├── TruncatedSource       it ends in the middle
        └── CorruptSource         its bytes are damaged

Fields are attributes; a field that is not known is None. ``place`` and ``symbol`` may be filled in on the way up by the
part that knows them (:meth:`OrderBookError.at`), and then stand in the message.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from orderbook.types import Place


class OrderBookError(Exception):
    """Base of all errors of this library: ``message``, ``symbol`` and ``place``.

    >>> str(OrderBookError("no book", symbol="ETHUSDT", place=Place("tape.gz", 12)))
    'tape.gz:12: ETHUSDT: no book'
    """

    def __init__(self, message: str, *, symbol: str | None = None, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.symbol = symbol
        self.place = place

    def at(self, *, symbol: str | None = None, place: Place | None = None) -> Self:
        """Fill in what is not known yet and return the same error; what is known stays."""
        self.symbol = self.symbol or symbol
        self.place = self.place or place
        return self

    def __str__(self) -> str:
        parts = (str(self.place) if self.place else "", self.symbol or "", self.message)
        return ": ".join(part for part in parts if part)

    def __reduce__(self) -> tuple[Any, ...]:
        # Default pickling replays ``args`` into ``__init__``, which takes fields; a worker process must be able to
        # hand its error to its parent.
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[OrderBookError], args: tuple[Any, ...], fields: dict[str, Any]) -> OrderBookError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class FeedError(OrderBookError):
    """The feed misbehaved; what to do is to resynchronise or to read what the venue says."""


class SequenceGap(FeedError):
    """Continuity was lost: messages are missing between ``expected`` and ``got``. Take a new snapshot.

    >>> str(SequenceGap(expected=101, got=105, symbol="ETHUSDT"))
    'ETHUSDT: sequence gap: expected 101, got 105; take a new snapshot'
    """

    def __init__(
        self, *, expected: int | None, got: int | None, symbol: str | None = None, place: Place | None = None
    ) -> None:
        super().__init__(
            f"sequence gap: expected {expected}, got {got}; take a new snapshot", symbol=symbol, place=place
        )
        self.expected = expected
        self.got = got


class ChecksumMismatch(FeedError):
    """The venue's checksum does not match the book: the book is wrong. Take a new snapshot."""

    def __init__(self, *, expected: int, got: int, symbol: str | None = None, place: Place | None = None) -> None:
        super().__init__(
            f"checksum mismatch: the venue says {expected}, the book gives {got}; take a new snapshot",
            symbol=symbol,
            place=place,
        )
        self.expected = expected
        self.got = got


class CrossedBookError(FeedError):
    """After a whole message the best bid stands above the best ask (a locked book is legal)."""

    def __init__(self, *, bid: Any, ask: Any, symbol: str | None = None, place: Place | None = None) -> None:
        super().__init__(f"crossed book: best bid {bid} above best ask {ask}", symbol=symbol, place=place)
        self.bid = bid
        self.ask = ask


class DecodeError(FeedError):
    """A message does not say what its format promises; ``path`` is where in it, as in ``$.data.b[3][0]``.

    ``spoils`` names an instrument whose book turns out to rest on a wrong assumption, None otherwise.

    >>> str(DecodeError("expected decimal text, got `list`", path="$.b[3][0]", place=Place("tape.gz", 7)))
    'tape.gz:7: expected decimal text, got `list` - at `$.b[3][0]`'
    """

    def __init__(
        self,
        reason: str,
        *,
        path: str | None = None,
        symbol: str | None = None,
        place: Place | None = None,
        spoils: str | None = None,
    ) -> None:
        super().__init__(reason if path is None else f"{reason} - at `{path}`", symbol=symbol, place=place)
        self.reason = reason
        self.path = path
        self.spoils = spoils


class BookError(OrderBookError):
    """The event cannot be applied to this book; the book is as it was before."""


class UnknownOrder(BookError):
    """An order id that the book does not hold.

    >>> str(UnknownOrder(42))
    'unknown order 42'
    """

    def __init__(self, order_id: Any, *, symbol: str | None = None) -> None:
        super().__init__(f"unknown order {order_id!r}", symbol=symbol)
        self.order_id = order_id


class DuplicateOrder(BookError):
    """An order id that already rests in the book."""

    def __init__(self, order_id: Any, *, symbol: str | None = None) -> None:
        super().__init__(f"order {order_id!r} is already in the book", symbol=symbol)
        self.order_id = order_id


class OverExecuted(BookError):
    """More was cancelled or executed than rests; nothing is clamped. ``order_id`` None: anonymous liquidity.

    >>> str(OverExecuted(42, resting=5, asked=7))
    'order 42: 7 to take, only 5 resting'
    """

    def __init__(self, order_id: Any, *, resting: Any, asked: Any, symbol: str | None = None) -> None:
        who = "anonymous liquidity" if order_id is None else f"order {order_id!r}"
        super().__init__(f"{who}: {asked} to take, only {resting} resting", symbol=symbol)
        self.order_id = order_id
        self.resting = resting
        self.asked = asked


class DuplicateLevel(BookError):
    """A snapshot names one price twice on a side (or reveals one that is there): which size holds cannot be known."""

    def __init__(self, *, side: str, price: Any, symbol: str | None = None) -> None:
        super().__init__(f"price {price} stands twice among the {side}", symbol=symbol)
        self.side = side
        self.price = price


class TooManyLevels(BookError):
    """A side would grow past the stated limit (:data:`orderbook.MAX_LEVELS`); set ``max_depth`` to keep the best
    only."""

    def __init__(self, *, side: str, levels: int, limit: int, symbol: str | None = None) -> None:
        super().__init__(
            f"{levels} {side} are more than the limit of {limit}; set max_depth to keep the best levels only",
            symbol=symbol,
        )
        self.side = side
        self.levels = levels
        self.limit = limit


class UsageError(OrderBookError):
    """The caller erred; the message says how to do it."""


class StaleBookError(UsageError):
    """The book asked for is not proven at that moment: before the first snapshot, or between a gap and the resync."""

    def __init__(self, state: str, *, symbol: str | None = None, when: int | None = None) -> None:
        at = "" if when is None else f" at {when}"
        super().__init__(f"no proven book{at}: the builder is {state} and needs a snapshot", symbol=symbol)
        self.state = state
        self.when = when


class ScaleError(UsageError, ValueError):
    """A number that is not a finite exact decimal, or does not fit in int64 at the scale it needs.

    >>> str(ScaleError("nan", "not a finite decimal number"))
    "not a finite decimal number: 'nan'"
    """

    def __init__(self, value: Any, reason: str, *, path: str | None = None) -> None:
        super().__init__(f"{reason}: {_shown(value)}" + ("" if path is None else f" - at `{path}`"))
        self.value = value
        self.reason = reason
        self.path = path


_SHOWN = 60


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python turns into text
        text = f"a number of {value.bit_length()} bits"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


class TimestampError(UsageError, ValueError):
    """A moment or duration that is not unambiguous (a naive datetime, text without a zone, an unknown unit)."""

    def __init__(self, value: Any, reason: str) -> None:
        super().__init__(f"{reason}: {value!r}")
        self.value = value
        self.reason = reason


class UnknownFormat(UsageError):
    """No such format is registered; ``known`` lists those that are."""

    def __init__(self, name: Any, known: Iterable[str]) -> None:
        self.name = name
        self.known = tuple(known)
        super().__init__(f"unknown format {name!r}; known are {', '.join(self.known)}")


class MissingExtra(UsageError, ImportError):
    """An optional package is not installed; the message names the extra that brings it.

    >>> str(MissingExtra("pandas", "pandas"))
    "this needs pandas: pip install 'orderbook-kit[pandas]'"
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs {package}: pip install 'orderbook-kit[{extra}]'")
        self.package = package
        self.extra = extra


class BackendUnavailable(UsageError):
    """``ORDERBOOK_BACKEND`` asks for an implementation that this installation does not have."""

    def __init__(self, backend: str, reason: str) -> None:
        super().__init__(f"backend {backend!r} is not available: {reason}")
        self.backend = backend


class SourceError(OrderBookError):
    """A file or server failed; everything before the place was already delivered."""


class TruncatedSource(SourceError):
    """A compressed stream ends in the middle: the file was cut off."""


class CorruptSource(SourceError):
    """The bytes are damaged or are not what they claim to be."""
