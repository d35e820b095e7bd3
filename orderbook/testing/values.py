"""Hypothesis strategies for single values: decimal texts, prices, sizes, levels, snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from orderbook.events import Snapshot
from orderbook.levels import Levels
from orderbook.scale import MAX_SCALE, to_text
from orderbook.types import INT64_MAX

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MAX_LEVELS: Final = 6
"""How many levels a side of a made-up book has at most, unless asked for more."""

# -- numbers ---------------------------------------------------------------------------------------------------------


def decimal_texts(
    *, places: int = MAX_SCALE, digits: int = 18, negative: bool = False, zero: bool = True, spellings: bool = True
) -> SearchStrategy[str]:
    """Return a strategy for decimal numbers as text that fit in int64.

    A number has at most ``digits`` digits and ``places`` of them after the point. With ``spellings`` it comes in any
    way that venues write it: padded with zeros, with a sign, in exponent form, without a digit before or after the
    point.

    >>> from decimal import Decimal
    >>> from hypothesis import find
    >>> find(decimal_texts(zero=False, spellings=False), lambda text: Decimal(text) < 1)
    '0.1'
    """
    biggest = min(10**digits - 1, INT64_MAX)
    numbers = st.tuples(st.integers(0 if zero else 1, biggest), st.integers(0, places), st.booleans())
    plain = numbers.map(lambda number: to_text(-number[0] if negative and number[2] else number[0], number[1]))
    return st.tuples(plain, st.integers(0, len(_SPELLINGS) - 1)).map(_spelled) if spellings else plain


def _spelled(drawn: tuple[str, int]) -> str:
    return _SPELLINGS[drawn[1]](drawn[0])


def _exponent(text: str) -> str:
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = digits.partition(".")
    return f"{sign}{whole}{fraction}E-{len(fraction)}"


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"


def _bare(text: str) -> str:
    """No zero before the point, no digit after it."""
    if "." not in text:
        return f"{text}."
    return text.replace("0.", ".", 1) if text.removeprefix("-").startswith("0.") else text


def _padded(text: str) -> str:
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return f"{sign}00{digits}" + ("000" if "." in digits else ".000")


_SPELLINGS: Final[tuple[Callable[[str], str], ...]] = (str, _padded, _exponent, _signed, _bare)


def prices(*, places: int = 8, most: int = 1_000_000) -> SearchStrategy[str]:
    """Return a strategy for positive prices as text, from 10**-places up to ``most``: wide, and all in one book.

    >>> from hypothesis import find
    >>> find(prices(), lambda text: True)
    '1'
    """
    return st.integers(0, places).flatmap(lambda digits: _scaled(st.integers(1, most * 10**digits), digits))


def sizes(*, zero: bool = False, digits: int = 18, places: int = 8) -> SearchStrategy[str]:
    """Return a strategy for sizes as text, of up to ``digits`` digits; 0 (a delete) only if asked.

    >>> from hypothesis import find
    >>> find(sizes(zero=True), lambda text: True)
    '0'
    """
    least = 0 if zero else 1
    some = st.integers(0, places).flatmap(lambda scale: _scaled(st.integers(1, 10**digits - 1), scale))
    return st.one_of(st.integers(least, 9).map(str), some)


def _scaled(mantissas: SearchStrategy[int], places: int) -> SearchStrategy[str]:
    return mantissas.map(lambda mantissa: plain_text(mantissa, places))


def plain_text(mantissa: int, places: int) -> str:
    """Return ``mantissa / 10**places`` as plain text without padding.

    >>> plain_text(1250, 3)
    '1.25'
    """
    text = to_text(mantissa, places)
    return text.rstrip("0").rstrip(".") if "." in text else text


# -- levels ----------------------------------------------------------------------------------------------------------


def levels(
    *, max_size: int = 10, zero: bool = False, places: int = 8, digits: int = 18
) -> SearchStrategy[list[tuple[str, str]]]:
    """Return a strategy for the levels of one side as rows of texts, with no price twice, in any order.

    >>> from hypothesis import find
    >>> find(levels(), lambda rows: len(rows) == 1)
    [('1', '1')]
    """
    rows = st.tuples(prices(places=places), sizes(zero=zero, digits=digits))
    return st.lists(rows, max_size=max_size, unique_by=lambda row: row[0])


def snapshots(*, symbol: str = "TEST", max_levels: int = MAX_LEVELS, crossed: bool = False) -> SearchStrategy[Snapshot]:
    """Return a strategy for whole books, best level first; not crossed unless asked.

    >>> from hypothesis import find
    >>> found = find(snapshots(), lambda snapshot: snapshot.bids and snapshot.asks)
    >>> found.bids[0].price, found.asks[0].price
    (99.99, 100.0)
    """
    return st.builds(_snapshot_of, _sides(max_levels), st.just(symbol), st.booleans() if crossed else st.just(False))


def _sides(max_levels: int) -> SearchStrategy[Any]:
    """Two sides as a map from the distance to the touch to a size."""
    side = st.dictionaries(st.integers(0, 2 * max_levels), lots(), max_size=max_levels)
    return st.tuples(side, side)


_LOTS: Final = (1, 2, 3, 5, 7, 10, 50, 99, 100, 500, 999, 1_000, 1_001, 2_500, 12_345, 1_000_000)


def lots() -> SearchStrategy[int]:
    """Return a strategy for sizes above 0 in lots: few, as on a venue, so that streams are quickly made and shrunk."""
    return st.sampled_from(_LOTS)


def lots_or_none() -> SearchStrategy[int]:
    """Return a strategy for changes of size: a third of them delete, as they do everywhere."""
    return st.sampled_from((0,) * (len(_LOTS) // 2) + _LOTS)


# Ticks and lots of the made-up streams: prices around 100.00, sizes in thousandths.
TICK_PLACES: Final = 2
LOT_PLACES: Final = 3
MID: Final = 10_000


def price_text(ticks: int) -> str:
    """Return the price of a number of ticks."""
    return plain_text(ticks, TICK_PLACES)


def size_text(lots: int) -> str:
    """Return the size of a number of lots."""
    return plain_text(lots, LOT_PLACES)


def _snapshot_of(sides: Any, symbol: str, crossed: bool) -> Snapshot:
    bids, asks = sides
    best_bid = MID + 2 if crossed else MID - 1
    rows = [
        [(price_text(best_bid - away), size_text(size)) for away, size in sorted(bids.items())],
        [(price_text(MID + away), size_text(size)) for away, size in sorted(asks.items())],
    ]
    return Snapshot(symbol=symbol, bids=Levels.parse(rows[0]), asks=Levels.parse(rows[1]))
