"""What a book shows of itself: live level sequences, immutable depth views, and how both look on a screen.

Nothing here can change a book. Rows are values, so what was read stays as it was when the book moves on.
"""

from __future__ import annotations

import html
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import zip_longest
from typing import Any, Final, Protocol, overload

import numpy as np
import numpy.typing as npt

from orderbook._extras import require
from orderbook.errors import ScaleError, UsageError
from orderbook.scale import to_decimal
from orderbook.types import INT64_MIN, Level, PriceType, Side


class LevelSource(Protocol):
    """What a :class:`LevelsView` asks of its book; both implementations of the books offer it."""

    _version: int

    def _level_count(self, side: Side) -> int: ...
    def _level_at(self, side: Side, index: int) -> Level: ...
    def _level_range(self, side: Side, start: int, stop: int, reverse: bool) -> Iterator[Level]: ...
    def _level_find(self, side: Side, price: Any) -> Level | None: ...


class LevelsView(Sequence[Level]):
    """The levels of one side of a live book, best first; follows the book, while its rows are values.

    Index and ``get`` cost O(log n). Iterating while the book changes raises RuntimeError; a slice is a list and does
    not mind.

    >>> from orderbook.books import L2Book
    >>> book = L2Book("ETHUSDT")
    >>> book.apply_snapshot([("99.5", 1), ("100.5", 2)], [("101", 4)])
    >>> book.bids[0], len(book.bids), book.bids.get("99.50").size
    (Level(price=100.5, size=2.0, count=None), 2, 1.0)
    >>> [level.price for level in book.bids], 101 in book.asks
    ([100.5, 99.5], True)
    """

    __slots__ = ("_book", "_side")

    def __init__(self, book: LevelSource, side: Side) -> None:
        self._book = book
        self._side = side

    def __len__(self) -> int:
        return self._book._level_count(self._side)

    @overload
    def __getitem__(self, index: int) -> Level: ...
    @overload
    def __getitem__(self, index: slice) -> list[Level]: ...
    def __getitem__(self, index: int | slice) -> Level | list[Level]:
        if not isinstance(index, slice):
            return self._book._level_at(self._side, self._position(index))
        start, stop, step = index.indices(len(self))
        if step == 1:
            return list(self._book._level_range(self._side, start, max(start, stop), False))
        return [self._book._level_at(self._side, i) for i in range(start, stop, step)]

    def _position(self, index: int) -> int:
        at = operator.index(index)
        count = len(self)
        if not -count <= at < count:
            raise IndexError(f"level {at} of a side with {count}")
        return at + count if at < 0 else at

    def __iter__(self) -> Iterator[Level]:
        return self._guarded(self._book._version, reverse=False)

    def __reversed__(self) -> Iterator[Level]:
        return self._guarded(self._book._version, reverse=True)

    def _guarded(self, version: int, *, reverse: bool) -> Iterator[Level]:
        rows = self._book._level_range(self._side, 0, len(self), reverse)
        while True:
            # Asked before each step: the container below must not be stepped once it has changed.
            if self._book._version != version:
                raise RuntimeError("the book changed during iteration; iterate over a slice or depth() instead")
            row = next(rows, None)
            if row is None:
                return
            yield row

    def get(self, price: Any) -> Level | None:
        """Return the level at exactly this price, or None. O(log n).

        A book of ``price_type="fixed"`` is asked in what it answers: an int at its ``price_scale``.

        Raises:
            ScaleError: not a number.
        """
        return self._book._level_find(self._side, price)

    def __contains__(self, item: object) -> bool:
        """Whether a price, or exactly this :class:`~orderbook.Level`, is there."""
        try:
            found = self.get(item.price if isinstance(item, Level) else item)
        except (ScaleError, UsageError):
            return False
        return found == item if isinstance(item, Level) else found is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (LevelsView, list, tuple)):
            return NotImplemented
        return list(self) == list(other)

    # Live and compared by value, like a list: two equal views may differ in the next moment.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        rows = ", ".join(f"({row.price}, {row.size})" for row in self[:5])
        return f"<{SIDE_NAMES[self._side]} [{rows}{', ...' if len(self) > 5 else ''}] {len(self)} levels>"


SIDE_NAMES: Final = {Side.BID: "bids", Side.ASK: "asks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """The best ``levels`` of both sides at one moment: an immutable value that no book can change any more.

    ``bids`` and ``asks`` are tuples of :class:`~orderbook.Level`, best first, in the units of ``price_type``.
    ``bids_known`` is False when levels may be missing because the view reaches beyond what the book knows (see
    ``known_range``).

    >>> from orderbook.books import L2Book
    >>> book = L2Book("ETHUSDT")
    >>> book.apply_snapshot([("100.5", 2)], [("101", 4), ("102", 1)], sequence=7, complete=False)
    >>> view = book.depth(2)
    >>> view.asks[0], view.asks_known, view.bids_known
    (Level(price=101.0, size=4.0, count=None), True, False)
    """

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    levels: int
    sequence: int | None = None
    ts_event: int | None = None
    ts_recv: int | None = None
    bids_known: bool = True
    asks_known: bool = True
    price_type: PriceType = "float"
    price_scale: int = 0
    size_scale: int = 0

    @property
    def known(self) -> bool:
        """Whether no level can be missing on either side."""
        return self.bids_known and self.asks_known

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and scalars, ready for JSON when prices are floats or ints. O(levels).

        A level is ``[price, size]``, or ``[price, size, count]`` when any level of the view has a count.

        >>> from orderbook.books import L2Book
        >>> book = L2Book("ETHUSDT")
        >>> book.apply_snapshot([("100.5", 2)], [])
        >>> book.depth(1).to_dict()["bids"]
        [[100.5, 2.0]]
        """
        width = 2 if all(row.count is None for row in (*self.bids, *self.asks)) else 3
        return {
            "symbol": self.symbol,
            "sequence": self.sequence,
            "ts_event": self.ts_event,
            "ts_recv": self.ts_recv,
            "bids": [list(row[:width]) for row in self.bids],
            "asks": [list(row[:width]) for row in self.asks],
            "bids_known": self.bids_known,
            "asks_known": self.asks_known,
        }

    def to_list(self) -> list[dict[str, Any]]:
        """Return one dict a level, ``levels`` of them, None where a side has no such level. O(levels).

        >>> from orderbook.books import L2Book
        >>> book = L2Book("ETHUSDT")
        >>> book.apply_snapshot([("100.5", 2)], [])
        >>> book.depth(1).to_list()
        [{'level': 0, 'bid_px': 100.5, 'bid_sz': 2.0, 'bid_ct': None, 'ask_px': None, 'ask_sz': None, 'ask_ct': None}]
        """
        bids, asks = _padded(self.bids, self.levels), _padded(self.asks, self.levels)
        names = ("level", *COLUMNS)
        pairs = enumerate(zip(bids, asks, strict=True))
        return [dict(zip(names, (i, *bid, *ask), strict=True)) for i, (bid, ask) in pairs]

    def to_numpy(self) -> npt.NDArray[Any]:
        """Return a structured array of shape ``(levels,)``. O(levels).

        Fields are ``level bid_px bid_sz bid_ct ask_px ask_sz ask_ct``; prices and sizes are float64 (int64 when
        ``price_type`` is ``fixed``). An absent level has price NaN (INT64_MIN when fixed), size 0 and count 0; an
        unknown count is 0.

        >>> from orderbook.books import L2Book
        >>> book = L2Book("ETHUSDT")
        >>> book.apply_snapshot([("100.5", 2)], [])
        >>> row = book.depth(1).to_numpy()[0]
        >>> row["bid_px"].item(), row["ask_px"].item(), row["ask_sz"].item()
        (100.5, nan, 0.0)
        """
        kind, absent = ("i8", INT64_MIN) if self.price_type == "fixed" else ("f8", np.nan)
        kinds = ("i8", kind, kind, "u4", kind, kind, "u4")
        table = np.zeros(self.levels, dtype=list(zip(("level", *COLUMNS), kinds, strict=True)))
        table["level"] = np.arange(self.levels)
        for prefix, rows in (("bid", self.bids), ("ask", self.asks)):
            table[f"{prefix}_px"] = absent
            table[f"{prefix}_px"][: len(rows)] = [row.price for row in rows]
            table[f"{prefix}_sz"][: len(rows)] = [row.size for row in rows]
            table[f"{prefix}_ct"][: len(rows)] = [row.count or 0 for row in rows]
        return table

    def _columns(self) -> dict[str, npt.NDArray[Any]]:
        table = self.to_numpy()
        return {name: np.ascontiguousarray(table[name]) for name in ("level", *COLUMNS)}

    def to_pandas(self) -> Any:
        """Return :meth:`to_numpy` as a ``pandas.DataFrame``. Needs the extra ``pandas``.

        Raises:
            MissingExtra: pandas is not installed.
        """
        return require("pandas", extra="pandas").DataFrame(self._columns())

    def to_polars(self) -> Any:
        """Return :meth:`to_numpy` as a ``polars.DataFrame``. Needs the extra ``polars``.

        Raises:
            MissingExtra: polars is not installed.
        """
        return require("polars", extra="polars").DataFrame(self._columns())

    def to_arrow(self) -> Any:
        """Return :meth:`to_numpy` as a ``pyarrow.Table``. Needs the extra ``arrow``.

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        return require("pyarrow", extra="arrow").table(self._columns())

    def __str__(self) -> str:
        return ladder_text(self)

    def _repr_html_(self) -> str:
        return ladder_html(self)


COLUMNS: Final = ("bid_px", "bid_sz", "bid_ct", "ask_px", "ask_sz", "ask_ct")
"""The columns of one level, named as Databento names them."""

_ABSENT: Final = Level(None, None, None)


def _padded(rows: tuple[Level, ...], levels: int) -> list[Level]:
    return [*rows, *[_ABSENT] * (levels - len(rows))]


# ---- how a view looks ------------------------------------------------------------------------------------------------


def _plain(value: Any) -> str:
    """A number as the shortest plain decimal text, never in exponent form."""
    text = format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def aligned(values: Iterable[Any], scale: int | None = None) -> list[str]:
    """Return numbers as texts with one number of digits after the point; ``scale`` when they are ints at a scale.

    >>> aligned([2683.8, 2683.81]), aligned([26838], scale=1)
    (['2683.80', '2683.81'], ['2683.8'])
    """
    texts = [_plain(value if scale is None else to_decimal(value, scale)) for value in values]
    digits = max((len(text.partition(".")[2]) for text in texts), default=0)
    return [_pad_digits(text, digits) for text in texts]


def _pad_digits(text: str, digits: int) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction:0<{digits}}" if digits else whole


def top_text(depth: Depth) -> str:
    """Return the best prices and sizes in one line, ``-`` for a missing side.

    >>> top_text(Depth(symbol="X", bids=(Level(2683.8, 3.0292),), asks=(Level(2683.81, 31.5),), levels=1))
    '2683.80 x 3.0292 | 2683.81 x 31.5000'
    """
    rows = [row for side in (depth.bids, depth.asks) for row in side[:1]]
    prices, sizes = _price_texts(depth, rows), _size_texts(depth, rows)
    shown = [f"{price} x {size}" for price, size in zip(prices, sizes, strict=True)]
    bid = shown.pop(0) if depth.bids else "-"
    return f"{bid} | {shown[0] if shown else '-'}"


def _price_texts(depth: Depth, rows: Iterable[Level]) -> list[str]:
    return aligned((row.price for row in rows), depth.price_scale if depth.price_type == "fixed" else None)


def _size_texts(depth: Depth, rows: Iterable[Level]) -> list[str]:
    return aligned((row.size for row in rows), depth.size_scale if depth.price_type == "fixed" else None)


def _exact(depth: Depth, price: Any) -> Decimal:
    """A shown price as a Decimal, for the spread that is shown beside it."""
    if depth.price_type == "fixed":
        return to_decimal(price, depth.price_scale)
    return Decimal(repr(price)) if isinstance(price, float) else Decimal(price)


_WIDE: Final = Context(prec=60)


def _spread_text(depth: Depth) -> str:
    if not depth.bids or not depth.asks:
        return "no spread: a side is empty"
    bid, ask = _exact(depth, depth.bids[0].price), _exact(depth, depth.asks[0].price)
    mark = "CROSSED, " if bid > ask else "locked, " if bid == ask else ""
    # The caller's decimal context may keep five digits, or trap: it has no say in what is shown.
    spread, double_mid = _WIDE.subtract(ask, bid), _WIDE.add(ask, bid)
    bps = ""
    if double_mid > 0:
        four_digits = f"{20_000 * float(spread) / float(double_mid):.4g}"
        bps = f" ({_plain(float(four_digits))} bps)"
    return f"{mark}spread {_plain(spread)}{bps}"


def _heading(depth: Depth) -> str:
    parts = [depth.symbol or "book"]
    if depth.sequence is not None:
        parts.append(f"sequence {depth.sequence}")
    if depth.ts_event is not None:
        parts.append(f"{np.datetime64(depth.ts_event, 'ns')}Z")
    return "  ".join(parts)


_BAR: Final = 20


def ladder_text(depth: Depth) -> str:
    """Return a view as a price ladder for a terminal: asks above, bids below, a bar for each size. O(levels).

    >>> from orderbook.books import L2Book
    >>> book = L2Book("ETHUSDT")
    >>> book.apply_snapshot([("2683.80", "3.0292")], [("2683.81", "31.4395")], sequence=7)
    >>> print(ladder_text(book.depth(1)))
    ETHUSDT  sequence 7
    ask  2683.81  31.4395  ####################
         spread 0.01 (0.03726 bps)
    bid  2683.80   3.0292  ##
    """
    rows = [*reversed(depth.asks), *depth.bids]
    prices, sizes = _price_texts(depth, rows), _size_texts(depth, rows)
    orders = _order_texts(rows)
    names = ["ask"] * len(depth.asks) + ["bid"] * len(depth.bids)
    columns = (_justified(prices), _justified(sizes), orders, _bars(rows))
    lines = ["  ".join(part for part in line if part).rstrip() for line in zip(names, *columns, strict=True)]
    lines.insert(len(depth.asks), "     " + _spread_text(depth))
    above = [] if depth.asks_known else ["     (asks may be missing: the view reaches beyond what is known)"]
    below = [] if depth.bids_known else ["     (bids may be missing: the view reaches beyond what is known)"]
    return "\n".join([_heading(depth), *above, *lines, *below])


def _justified(texts: Sequence[str]) -> list[str]:
    width = max(map(len, texts), default=0)
    return [text.rjust(width) for text in texts]


def _order_texts(rows: Sequence[Level]) -> list[str]:
    """Order counts as a column, or nothing at all where no level has one."""
    if all(row.count is None for row in rows):
        return [""] * len(rows)
    return [f"{text} orders" for text in _justified(["?" if row.count is None else str(row.count) for row in rows])]


def _shares(rows: Sequence[Level]) -> list[float]:
    """Each size as a share of the largest."""
    largest = max((float(row.size) for row in rows), default=1.0) or 1.0
    return [float(row.size) / largest for row in rows]


def _bars(rows: Sequence[Level]) -> list[str]:
    return ["#" * max(1, round(share * _BAR)) for share in _shares(rows)]


# Translucent colours and inherited text, so that the table reads on a light and on a dark notebook.
# Blue and orange, which everybody can tell apart.
_BID: Final = "rgba(0,114,178,.28)"
_ASK: Final = "rgba(213,94,0,.28)"
CELL: Final = "padding:1px 10px;text-align:right;font-variant-numeric:tabular-nums;"
"""How a cell of a table looks in a notebook."""


def ladder_html(depth: Depth) -> str:
    """Return a view as an HTML table for a notebook, bids left and asks right, sizes drawn as bars. O(levels)."""
    rows = [*depth.bids, *depth.asks]
    counted = any(row.count is not None for row in rows)
    # All texts are made together: one number of digits for both sides, one measure for all bars.
    columns = zip(rows, _price_texts(depth, rows), _size_texts(depth, rows), _shares(rows), strict=True)
    cells = [_html_cells(i < len(depth.bids), counted, *column) for i, column in enumerate(columns)]
    blank = "<td></td>" * (2 + counted)
    pairs = zip_longest(cells[: len(depth.bids)], cells[len(depth.bids) :], fillvalue=blank)
    body = "".join(f"<tr>{bid}{ask}</tr>" for bid, ask in pairs)
    names = ["orders"] * counted + ["bid size", "bid", "ask", "ask size"] + ["orders"] * counted
    head = "".join(f'<th style="{CELL}">{name}</th>' for name in names)
    return (
        f"{html_title(f'{_heading(depth)}  {_spread_text(depth)}')}"
        '<table class="orderbook" style="border-collapse:collapse">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}{_html_unknown(depth, 2 + counted)}</tbody></table>"
    )


def html_title(text: str) -> str:
    """Return the line above a table. Not a caption, which would stretch the columns to its own length."""
    return f'<div style="white-space:pre">{html.escape(text)}</div>'


def _html_cells(is_bid: bool, counted: bool, row: Level, price: str, size: str, share: float) -> str:
    """The cells of one level, mirrored on the bid side so that both best prices meet in the middle."""
    towards, colour = ("left", _BID) if is_bid else ("right", _ASK)
    bar = f"background:linear-gradient(to {towards},{colour} {share:.0%},transparent {share:.0%});"
    outwards = [
        f'<td style="{CELL}font-weight:600">{price}</td>',
        f'<td style="{CELL}{bar}">{size}</td>',
    ]
    if counted:
        outwards.append(f'<td style="{CELL}opacity:.6">{"" if row.count is None else row.count}</td>')
    return "".join(reversed(outwards) if is_bid else outwards)


def _html_unknown(depth: Depth, width: int) -> str:
    if depth.known:
        return ""
    notes = ["" if known else "beyond here: unknown" for known in (depth.bids_known, depth.asks_known)]
    cells = "".join(f'<td colspan="{width}" style="{CELL}opacity:.6">{note}</td>' for note in notes)
    return f"<tr>{cells}</tr>"
