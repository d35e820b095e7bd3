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
    walker, payload, ts_recv = _PENDING.__get__(event)
    (read,) = walker.read(payload, ts_recv, walker.scratch())
    kind = type(read)
    for base in kind.__mro__:
        for name in base.__dict__.get("__slots__", ()):
            getattr(base, name).__set__(event, getattr(read, name))
    object.__setattr__(event, "__class__", kind)
    return event


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
