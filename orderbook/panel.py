"""Many moments of one book as arrays: what :func:`orderbook.sample` returns and what analytics take.

Row ``i`` is the book at ``ts[i]``; column 0 is the best level. An absent level is price NaN, size 0 and count 0, at the
right end only. A row whose ``state`` is ``BookState.STALE`` is all absent: there was no proven book then.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook._extras import require
from orderbook.errors import UsageError
from orderbook.timestamps import from_ns
from orderbook.types import UNDEF_TIMESTAMP, BookState
from orderbook.views import CELL, aligned, html_title

Layout: TypeAlias = Literal["databento", "tardis", "lobster"]
"""How the columns of an exported panel are named and ordered (see :meth:`Panel.columns`)."""

Array: TypeAlias = npt.NDArray[Any]

LOBSTER_ABSENT: Final = 9_999_999_999
"""The price of an absent ask in LOBSTER's files; an absent bid has its negative."""

_LOBSTER_UNITS: Final = 10_000
_SIDES: Final = ("bid_px", "bid_sz", "bid_ct", "ask_px", "ask_sz", "ask_ct")
_ROWS: Final = ("ts", "state", "bids_known", "asks_known")
_DTYPES: Final[dict[str, np.dtype[Any]]] = {
    **dict.fromkeys(("bid_px", "bid_sz", "ask_px", "ask_sz"), np.dtype("f8")),
    **dict.fromkeys(("bid_ct", "ask_ct"), np.dtype("u4")),
    "ts": np.dtype("i8"),
    "state": np.dtype("u1"),
    **dict.fromkeys(("bids_known", "asks_known"), np.dtype("?")),
}
_SHOWN: Final = 5
_HTML_COLUMNS: Final = ("ts", "bid size", "bid", "ask", "ask size", "state")


class Panel:
    """Sampled depth: ``T`` rows of ``N`` levels a side.

    ``ts`` (T,) int64 ns UTC; ``bid_px bid_sz ask_px ask_sz`` (T, N) float64; ``bid_ct ask_ct`` (T, N) uint32, 0
    where the feed tells no order counts; ``state`` (T,) uint8 codes of :class:`~orderbook.BookState`; ``bids_known
    asks_known`` (T,) bool, False where the row reaches beyond what a depth-limited snapshot could say: an absent
    level may be unknown.

    A slice, mask or index array gives a Panel (a slice shares memory). ``==`` is exact, with NaN equal to NaN.

    Raises:
        UsageError: the arrays do not fit together.

    >>> import numpy as np
    >>> panel = Panel("ETHUSDT", ts=[1, 2], bid_px=[[99.5], [np.nan]], bid_sz=[[2], [0]], ask_px=[[100], [100]],
    ...               ask_sz=[[1], [1]], state=[0, 1])
    >>> len(panel), panel.depth, panel.ask_px[1, 0], panel[1:].ts
    (2, 1, np.float64(100.0), array([2]))
    """

    __slots__ = (*_SIDES, *_ROWS, "symbol")

    ts: npt.NDArray[np.int64]
    state: npt.NDArray[np.uint8]
    bids_known: npt.NDArray[np.bool_]
    asks_known: npt.NDArray[np.bool_]
    bid_px: npt.NDArray[np.float64]
    bid_sz: npt.NDArray[np.float64]
    bid_ct: npt.NDArray[np.uint32]
    ask_px: npt.NDArray[np.float64]
    ask_sz: npt.NDArray[np.float64]
    ask_ct: npt.NDArray[np.uint32]

    def __init__(
        self,
        symbol: str = "",
        *,
        ts: npt.ArrayLike,
        bid_px: npt.ArrayLike,
        bid_sz: npt.ArrayLike,
        ask_px: npt.ArrayLike,
        ask_sz: npt.ArrayLike,
        state: npt.ArrayLike,
        bid_ct: npt.ArrayLike | None = None,
        ask_ct: npt.ArrayLike | None = None,
        bids_known: npt.ArrayLike | None = None,
        asks_known: npt.ArrayLike | None = None,
    ) -> None:
        self.symbol = symbol
        self.ts, self.state = _array("ts", ts), _array("state", state)
        self.bid_px, self.bid_sz = _array("bid_px", bid_px), _array("bid_sz", bid_sz)
        self.ask_px, self.ask_sz = _array("ask_px", ask_px), _array("ask_sz", ask_sz)
        shape = self.bid_px.shape
        self.bid_ct = np.zeros(shape, "u4") if bid_ct is None else _array("bid_ct", bid_ct)
        self.ask_ct = np.zeros(shape, "u4") if ask_ct is None else _array("ask_ct", ask_ct)
        self.bids_known = np.ones(shape[:1], bool) if bids_known is None else _array("bids_known", bids_known)
        self.asks_known = np.ones(shape[:1], bool) if asks_known is None else _array("asks_known", asks_known)
        self._check(shape)

    def _check(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 2:
            raise UsageError(f"bid_px has the shape (rows, levels), not {shape}")
        for name in (*_ROWS, *_SIDES):
            expected = shape[:1] if name in _ROWS else shape
            got = getattr(self, name).shape
            if got != expected:
                raise UsageError(f"{name} has the shape {expected} like the others, not {got}")

    @property
    def depth(self) -> int:
        """The number of levels a side, N. O(1)."""
        return int(self.bid_px.shape[1])

    def __len__(self) -> int:
        return int(self.ts.shape[0])

    def __getitem__(self, rows: slice | Array) -> Panel:
        if not isinstance(rows, (slice, np.ndarray)):
            raise UsageError(f"rows are chosen by a slice, mask or index array, not {rows!r}; try panel[i : i + 1]")
        return Panel(self.symbol, **{name: getattr(self, name)[rows] for name in (*_ROWS, *_SIDES)})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Panel):
            return NotImplemented
        return self.symbol == other.symbol and all(
            np.array_equal(getattr(self, name), getattr(other, name), equal_nan=name.endswith("px"))
            for name in (*_ROWS, *_SIDES)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Panel {self._title()}>"

    def _title(self) -> str:
        stale = int(np.count_nonzero(self.state == BookState.STALE))
        parts = [f"{self.symbol or 'book'}: {len(self)} rows of {self.depth} levels a side"]
        if len(self):
            parts.append(f"{_moment(self.ts[0])} to {_moment(self.ts[-1])}")
        if stale:
            parts.append(f"{stale} stale")
        return ", ".join(parts)

    def _repr_html_(self) -> str:
        """The title and the best prices of the first and last rows, for notebooks; pandas is not needed."""
        count = len(self)
        shown = [*range(min(_SHOWN, count)), *range(max(_SHOWN, count - _SHOWN), count)]
        head = "".join(f'<th style="{CELL}">{name}</th>' for name in _HTML_COLUMNS)
        rows = zip(*self._html_columns(shown), strict=True)
        lines = [
            "<tr>" + "".join(f'<td style="{CELL}">{html.escape(cell)}</td>' for cell in row) + "</tr>" for row in rows
        ]
        if count > 2 * _SHOWN:
            note = f"{count - 2 * _SHOWN} rows between are not shown"
            lines.insert(_SHOWN, f'<tr><td colspan="{len(_HTML_COLUMNS)}" style="{CELL}">{note}</td></tr>')
        table = f'<table style="border-collapse:collapse"><tr>{head}</tr>{"".join(lines)}</table>'
        return html_title(self._title()) + table

    def _html_columns(self, rows: list[int]) -> list[list[str]]:
        """The shown columns as texts; an absent level is a dash."""
        best = (self.bid_sz, self.bid_px, self.ask_px, self.ask_sz)
        numbers = []
        for values, sizes in zip(best, (self.bid_sz, self.bid_sz, self.ask_sz, self.ask_sz), strict=True):
            there = [bool(self.depth) and bool(sizes[i, 0] > 0) for i in rows]
            texts = iter(aligned(float(values[i, 0]) for i, is_there in zip(rows, there, strict=True) if is_there))
            numbers.append([next(texts) if is_there else "-" for is_there in there])
        return [[_moment(self.ts[i]) for i in rows], *numbers, [_state_name(int(self.state[i])) for i in rows]]

    def columns(self, layout: Layout = "databento") -> dict[str, Array]:
        """Return the columns of a layout by name, in order, without ``ts``. O(T N).

        * ``databento``: ``bid_px_00 ask_px_00 bid_sz_00 ask_sz_00 bid_ct_00 ask_ct_00 bid_px_01 ...``, as in its MBP
          schemas;
        * ``tardis``: ``asks[0].price asks[0].amount bids[0].price bids[0].amount asks[1].price ...``, as in its
          ``book_snapshot_N``;
        * ``lobster``: ``ask_price_1 ask_size_1 bid_price_1 bid_size_1 ask_price_2 ...``, prices in int64 units of
          1/10000, an absent level ``LOBSTER_ABSENT`` (ask) or its negative (bid) with size 0. Sizes stay float64.

        Each ends with ``state``, ``bids_known`` and ``asks_known``.

        Raises:
            UsageError: no such layout, or a price with more digits than ``lobster`` holds.

        >>> panel = Panel(ts=[1], bid_px=[[99.5]], bid_sz=[[2]], ask_px=[[100]], ask_sz=[[1]], state=[0])
        >>> list(panel.columns("tardis"))[:4]
        ['asks[0].price', 'asks[0].amount', 'bids[0].price', 'bids[0].amount']
        """
        try:
            names = _LAYOUTS[layout]
        except (KeyError, TypeError):
            raise UsageError(f"layout is one of {', '.join(map(repr, _LAYOUTS))}, not {layout!r}") from None
        sources: dict[str, Array] = {name: getattr(self, name) for name in _SIDES}
        if layout == "lobster":
            sources |= {"bid_px": _lobster_prices(self.bid_px, "bid"), "ask_px": _lobster_prices(self.ask_px, "ask")}
        columns = {
            name.format(i, i + 1): np.ascontiguousarray(sources[source][:, i])
            for i in range(self.depth)
            for source, name in names
        }
        return columns | {name: getattr(self, name) for name in _ROWS[1:]}

    def to_numpy(self) -> Array:
        """Return one structured array of shape (T,), copied: a field per array, levels with shape (N,). O(T N).

        >>> panel = Panel(ts=[1], bid_px=[[99.5]], bid_sz=[[2]], ask_px=[[100]], ask_sz=[[1]], state=[0])
        >>> panel.to_numpy()["bid_px"]
        array([[99.5]])
        """
        fields: list[Any] = [(name, _DTYPES[name]) for name in _ROWS]
        fields += [(name, _DTYPES[name], (self.depth,)) for name in _SIDES]
        table = np.empty(len(self), fields)
        for name in (*_ROWS, *_SIDES):
            table[name] = getattr(self, name)
        return table

    def to_pandas(self, layout: Layout = "databento") -> Any:
        """Return a ``pandas.DataFrame`` indexed by ``ts`` (UTC, ns). O(T N).

        Raises:
            MissingExtra: pandas is not installed.

        >>> panel = Panel(ts=[1], bid_px=[[99.5]], bid_sz=[[2]], ask_px=[[100]], ask_sz=[[1]], state=[0])
        >>> panel.to_pandas().bid_px_00.iloc[0]
        np.float64(99.5)
        """
        pandas = require("pandas", extra="pandas")
        index = pandas.DatetimeIndex(self.ts.view("M8[ns]"), tz="UTC", name="ts")
        return pandas.DataFrame(self.columns(layout), index=index)

    def to_polars(self, layout: Layout = "databento") -> Any:
        """Return a ``polars.DataFrame`` whose first column is ``ts`` (UTC, ns). O(T N).

        Raises:
            MissingExtra: polars is not installed.
        """
        polars = require("polars", extra="polars")
        frame = polars.DataFrame({"ts": self.ts} | self.columns(layout))
        return frame.with_columns(polars.col("ts").cast(polars.Datetime("ns", "UTC")))

    def to_arrow(self, layout: Layout = "databento") -> Any:
        """Return a ``pyarrow.Table`` whose first column is ``ts`` (UTC, ns). O(T N).

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        arrow = require("pyarrow", extra="arrow")
        ts = arrow.array(self.ts).cast(arrow.timestamp("ns", tz="UTC"))
        return arrow.table({"ts": ts} | {name: arrow.array(values) for name, values in self.columns(layout).items()})

    def to_parquet(self, path: str | Path, layout: Layout = "databento") -> None:
        """Write the table of :meth:`to_arrow` to a Parquet file. O(T N).

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        require("pyarrow.parquet", extra="arrow").write_table(self.to_arrow(layout), str(path))


_LAYOUTS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "databento": tuple(
        (name, name + "_{0:02d}") for name in ("bid_px", "ask_px", "bid_sz", "ask_sz", "bid_ct", "ask_ct")
    ),
    "tardis": (
        ("ask_px", "asks[{0}].price"),
        ("ask_sz", "asks[{0}].amount"),
        ("bid_px", "bids[{0}].price"),
        ("bid_sz", "bids[{0}].amount"),
    ),
    "lobster": (
        ("ask_px", "ask_price_{1}"),
        ("ask_sz", "ask_size_{1}"),
        ("bid_px", "bid_price_{1}"),
        ("bid_sz", "bid_size_{1}"),
    ),
}


def _array(name: str, values: npt.ArrayLike) -> Array:
    return np.asarray(values).astype(_DTYPES[name], copy=False)


def _lobster_prices(prices: Array, side: str) -> Array:
    absent = np.isnan(prices)
    units = np.rint(np.where(absent, 0.0, prices) * _LOBSTER_UNITS)
    # A float price is the nearest one to its decimal text: dividing back meets it exactly if four digits were enough.
    wrong = ~absent & ((units / _LOBSTER_UNITS != prices) | (np.abs(units) >= LOBSTER_ABSENT))
    if wrong.any():
        value = float(prices[wrong][0])
        raise UsageError(
            f"the lobster layout holds prices up to {LOBSTER_ABSENT // _LOBSTER_UNITS} with four decimal digits, "
            f"not {value!r}; use another layout"
        )
    return np.where(absent, LOBSTER_ABSENT if side == "ask" else -LOBSTER_ABSENT, units).astype("i8")


def _moment(ts: np.int64) -> str:
    return "no time" if ts == UNDEF_TIMESTAMP else from_ns(int(ts))


def _state_name(code: int) -> str:
    try:
        return BookState(code).name
    except ValueError:
        return str(code)
