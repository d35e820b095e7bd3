"""Formats by name: the built-in ones, those that a program registers, and those that other distributions bring.

A distribution adds a format with an entry point of the group ``orderbook.formats``. Its name is the format's name, its
value a :class:`Format` or a function without arguments that returns one; it is imported when someone asks for it::

    [project.entry-points."orderbook.formats"]
    myvenue = "my_package.formats:MY_VENUE"
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from orderbook.decode.format import Format
from orderbook.errors import UnknownFormat, UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

GROUP: Final = "orderbook.formats"

# Where each is defined, as the constant of its name in capitals: a table is made when somebody asks for it, so that a
# program pays for the formats that it uses.
_BUILT_IN: Final = MappingProxyType(
    {
        "binance_coinm": "binance",
        "binance_spot": "binance",
        "binance_usdm": "binance",
        "bitfinex_raw": "bitfinex",
        "lobster": "lobster",
        "tardis_csv": "tardis_csv",
    }
)
_registered: dict[str, Format] = {}


def formats() -> tuple[str, ...]:
    """Return the names of all formats, sorted. Imports nothing of other distributions. O(installed distributions).

    >>> "binance_spot" in formats()
    True
    """
    return tuple(sorted({*_BUILT_IN, *_registered, *(point.name for point in _entry_points())}))


def get_format(name: str | Format) -> Format:
    """Return a format by its name; a :class:`Format` is returned as it is. O(1) for a built-in one.

    Raises:
        UnknownFormat: there is none of this name; the error lists those that there are.
        UsageError: the distribution that brings it does not keep its promise.

    >>> get_format("binance_usdm").rule
    'binance_usdm'
    """
    if isinstance(name, Format):
        return name
    known = _known(name) if isinstance(name, str) else None
    if known is not None:
        return known
    points = [point for point in _entry_points() if point.name == name]
    if not points:
        raise UnknownFormat(name, formats())
    if len(points) > 1:
        owners = " and ".join(sorted(map(_owner, points)))
        raise UsageError(f"format {name!r} is brought by {owners}: remove all but one")
    return _load(points[0])


def register(format: Format) -> Format:
    """Make a format known by its name for this process, and return it. O(1).

    Raises:
        UsageError: the name is taken. No format is ever replaced: the same name must not mean two things.

    >>> register(get_format("binance_spot")).name  # the same one again is no harm
    'binance_spot'
    """
    if not isinstance(format, Format):
        raise UsageError(f"expected a Format, got `{type(format).__name__}`")
    taken = _known(format.name)
    if taken is not None and taken != format:
        raise UsageError(f"there is a format {format.name!r} already")
    _registered[format.name] = format
    return format


def _known(name: str) -> Format | None:
    module = _BUILT_IN.get(name)
    if module is None:
        return _registered.get(name)
    found: Format = getattr(import_module(f"orderbook.decode.{module}"), name.upper())
    return found


def _entry_points() -> EntryPoints:
    # Late: reading what is installed takes longer than most programs need for their import.
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def _owner(point: EntryPoint) -> str:
    return "an unknown distribution" if point.dist is None else str(point.dist.name)


def _load(point: EntryPoint) -> Format:
    where = f"format {point.name!r} of {_owner(point)}"
    try:
        found: Any = point.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{where} cannot be imported: {error}") from error
    made = found() if callable(found) and not isinstance(found, Format) else found
    if not isinstance(made, Format):
        raise UsageError(f"{where} is `{type(made).__name__}`, not a Format")
    if made.name != point.name:
        raise UsageError(f"{where} calls itself {made.name!r}")
    _registered[made.name] = made
    return made
