"""Events that are read only when somebody looks: most callers of a fast feed look at the book alone.

A deferred event is empty but for the bytes that it will be read from. Any look at it reads them, through the same
compiled interpreter that accepted them before, and from then on it is a plain event, its class included.
"""

from __future__ import annotations

from typing import Any, Final

from orderbook.events import Delta, Event, Quote, Trade

# Until it is read, an event keeps what it will be read from where its symbol will be.
_PENDING: Final[Any] = Event.__dict__["symbol"]


def _awake(event: Any) -> Any:
    """Read an event that nobody has looked at yet, and return it."""
    pending = _PENDING.__get__(event)
    if type(pending) is tuple:
        _fill(event, *pending)
    # Another thread may have been faster, and be here too.
    kind = _PLAIN.get(type(event))
    if kind is not None:
        object.__setattr__(event, "__class__", kind)
    return event


def _fill(event: Any, walker: Any, payload: bytes, ts_recv: int | None) -> None:
    events = walker.read(payload, ts_recv, walker.scratch())
    if events is None:
        raise MemoryError  # it was read before, so nothing else can be wrong
    (read,) = events
    for base in type(read).__mro__:
        for name in base.__dict__.get("__slots__", ()):
            if name != "symbol":
                getattr(base, name).__set__(event, getattr(read, name))
    # Last, for it says that all the others are there.
    _PENDING.__set__(event, read.symbol)


class _Deferred:
    """What every deferred event does, whatever it will be: read itself, and ask again."""

    __slots__ = ()

    @property
    def symbol(self) -> Any:
        return _awake(self).symbol

    def __getattr__(self, name: str) -> Any:
        # Reached for every other field, for they are not set yet.
        return getattr(_awake(self), name)

    def __eq__(self, other: object) -> Any:
        return _awake(self) == other

    def __hash__(self) -> int:
        return hash(_awake(self))

    def __repr__(self) -> str:
        return repr(_awake(self))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _awake(self).__reduce_ex__(protocol)


class DeferredDelta(_Deferred, Delta):
    """A delta that nobody has looked at yet."""

    __slots__ = ()


class DeferredTrade(_Deferred, Trade):
    """A trade that nobody has looked at yet."""

    __slots__ = ()


class DeferredQuote(_Deferred, Quote):
    """A quote that nobody has looked at yet."""

    __slots__ = ()


_PLAIN: Final[dict[type, type]] = {DeferredDelta: Delta, DeferredTrade: Trade, DeferredQuote: Quote}
