"""The value that holds the columns."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from orderbook._extras import require
from orderbook.columns.read import read_events, read_whole
from orderbook.columns.schema import DTYPES, MAX_ROWS, UNDEF_PRICE, UNDEF_SIZE, Columns, Stored, check
from orderbook.columns.write import RowWriter
from orderbook.errors import UsageError
from orderbook.events import Event
from orderbook.scale import converter
from orderbook.types import Action, Flag, Place, PriceType

_SHOWN: Final = 10
_EXACT: Final = 2**53


class Events:
    """Events of one instrument as columns; :mod:`orderbook.columns` says what each row means.

    ``ts_event ts_recv`` (int64 ns UTC), ``action side flags`` (uint8), ``price size`` (int64, in units of
    ``10**price_exponent`` and ``10**size_exponent``), ``order_id sequence`` (uint64): contiguous numpy arrays of
    one length, read-only, not copied where they have the right type. ``len`` is the number of rows. Iterating gives
    the events again (O(1) memory), so this is a source: ``orderbook.replay(events)``. ``==`` compares by number,
    whatever the exponents.

    Raises:
        UsageError: columns that no events could have written; the message names the row.

    >>> from orderbook.events import Delta, Snapshot
    >>> tape = [Snapshot(symbol="ETHUSDT", bids=[("99.5", 2)], asks=[("100", 1)]), Delta(bids=[("99.5", 0)])]
    >>> events = Events.from_events(tape)
    >>> len(events), events.messages(), events.price_exponent, events.price[1:], bytes(events.action)
    (4, 2, -1, array([ 995, 1000,  995]), b'RAAC')
    >>> [type(event).__name__ for event in events]
    ['Snapshot', 'Delta']
    """

    __slots__ = (*DTYPES, "_unverified", "price_exponent", "size_exponent", "symbol")

    format: ClassVar[None] = None
    """As a source: the items are events."""

    ts_event: npt.NDArray[np.int64]
    ts_recv: npt.NDArray[np.int64]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]
    price: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    order_id: npt.NDArray[np.uint64]
    sequence: npt.NDArray[np.uint64]

    def __init__(
        self,
        symbol: str = "",
        *,
        ts_event: npt.ArrayLike,
        ts_recv: npt.ArrayLike,
        action: npt.ArrayLike,
        side: npt.ArrayLike,
        flags: npt.ArrayLike,
        price: npt.ArrayLike,
        size: npt.ArrayLike,
        order_id: npt.ArrayLike,
        sequence: npt.ArrayLike,
        price_exponent: int = 0,
        size_exponent: int = 0,
    ) -> None:
        given = (ts_event, ts_recv, action, side, flags, price, size, order_id, sequence)
        columns = {name: _column(name, values) for name, values in zip(DTYPES, given, strict=True)}
        check(columns, price_exponent, size_exponent)
        self._set(symbol, columns, price_exponent, size_exponent)

    def _set(self, symbol: str, columns: Columns, price_exponent: int, size_exponent: int) -> Self:
        self.symbol = symbol
        self.price_exponent = price_exponent
        self.size_exponent = size_exponent
        self._unverified: Place | None = None
        for name, values in columns.items():
            view = values.view()
            view.flags.writeable = False
            setattr(self, name, view)
        return self

    @classmethod
    def from_events(
        cls, events: Iterable[Event], symbol: str = "", *, price_exponent: int = 0, size_exponent: int = 0
    ) -> Self:
        """Make columns of events as they come. O(rows), with a constant number of Python objects.

        Continuity is not judged here: :func:`orderbook.load` does, and keeps only what is proven. The end of the
        iterable ends the last message.

        The exponents are those that the numbers need, or the given ones where these are finer: give them for pieces of
        one live tape, which must have one unit whatever their numbers are.

        Raises:
            UsageError: events of several instruments, order ids that are text, a sequence that is no uint64, an
                exponent that is not from -18 to 0.
            ScaleError: prices or sizes that do not fit in int64 at one common exponent.

        >>> from orderbook.events import Delta
        >>> Events.from_events([Delta(bids=[("99.5", 2)])], price_exponent=-2).price
        array([9950])
        """
        rows = RowWriter(symbol, price_scale=-price_exponent, size_scale=-size_exponent)
        for event in events:
            rows.append(event)
        return cls.from_rows(rows)

    @classmethod
    def from_rows(cls, rows: RowWriter) -> Self:
        """Take over what a :class:`RowWriter` has written; it starts anew. O(1)."""
        columns, exponents = rows.finish()
        return cls.__new__(cls)._set(rows.symbol, columns, *exponents)

    # -- reading ----------------------------------------------------------------------------------------------------

    @property
    def symbols(self) -> tuple[str, ...]:
        """As a source: the one instrument. O(1)."""
        return (self.symbol,)

    @property
    def book(self) -> str:
        """Which book the events are of: ``"L3"`` if any row names a resting order or reveals a level. O(rows)."""
        orders = np.isin(self.action, (Action.ADD, Action.MODIFY, Action.CANCEL)) & ((self.flags & Flag.MBP) == 0)
        reveals = (self.action == Action.ADD) & ((self.flags & (Flag.MBP | Flag.SNAPSHOT)) == Flag.MBP)
        return "L3" if (orders | reveals).any() else "L2"

    def messages(self) -> int:
        """The number of messages: rows that end one. O(rows)."""
        return int(np.count_nonzero(self.flags & Flag.LAST))

    def __len__(self) -> int:
        return len(self.action)

    def __iter__(self) -> Iterator[Event]:
        return read_events(self.symbol, self._columns(), -self.price_exponent, -self.size_exponent)

    def __getitem__(self, rows: slice) -> Events:
        """Whole messages as Events that share memory; a slice that would cut one in half is refused."""
        if not isinstance(rows, slice):
            raise UsageError(f"rows are chosen by a slice, not {rows!r}; the columns themselves take every index")
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise UsageError(f"a slice of events takes every row, not every {step}th")
        stop = max(start, stop)
        for row in (start, stop):
            self._check_boundary(row)
        part = {name: getattr(self, name)[start:stop] for name in DTYPES}
        events = type(self).__new__(type(self))._set(self.symbol, part, self.price_exponent, self.size_exponent)
        events._unverified = self._unverified
        return events

    def _check_boundary(self, row: int) -> None:
        if row == 0 or self.flags[row - 1] & Flag.LAST:
            return
        ends = np.flatnonzero(self.flags & Flag.LAST) + 1
        i = int(np.searchsorted(ends, row))
        before = int(ends[i - 1]) if i else 0
        raise UsageError(f"row {row} is inside a message; it begins at row {before}, the next at row {int(ends[i])}")

    def _columns(self) -> Columns:
        """All columns; the rows of a file that was opened without a look at them are checked now, once."""
        columns = {name: getattr(self, name) for name in DTYPES}
        if self._unverified is not None:
            _store().verify_rows(columns, self._unverified)
            self._unverified = None
        return columns

    def _book_rows(self) -> tuple[str, Columns, int, int]:
        """What a compiled book reads the rows from: the symbol, checked columns, and the scales of prices and sizes."""
        return self.symbol, self._columns(), -self.price_exponent, -self.size_exponent

    def _events_between(self, start: int, stop: int) -> Iterator[Event]:
        """The events of rows that begin with one and end with one, which need not end a message. O(rows)."""
        columns = {name: getattr(self, name)[start:stop] for name in DTYPES}
        return read_whole(self.symbol, columns, -self.price_exponent, -self.size_exponent)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Events):
            return NotImplemented
        plain = [name for name in DTYPES if name not in ("price", "size")]
        return (
            self.symbol == other.symbol
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in plain)
            and _same(self.price, self.price_exponent, other.price, other.price_exponent)
            and _same(self.size, self.size_exponent, other.size, other.size_exponent)
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        columns = {name: np.asarray(values) for name, values in self._columns().items()}
        return _restore, (type(self), self.symbol, columns, self.price_exponent, self.size_exponent)

    def __repr__(self) -> str:
        return f"<Events {self._title()}>"

    def _title(self) -> str:
        return f"{self.symbol or 'book'}: {len(self)} rows, {self.messages()} messages, {self.book}"

    def _repr_html_(self) -> str:
        """The title and the first rows, for notebooks; pandas is not needed."""
        table = self._exported("float", _SHOWN)
        head = "".join(f"<th>{name}</th>" for name in table)
        rows = zip(*(values.tolist() for values in table.values()), strict=True)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
        return f"<table><caption>{html.escape(self._title())}</caption><tr>{head}</tr>{body}</table>"

    # -- files and exports ------------------------------------------------------------------------------------------

    def save(self, path: str | Path, *, compress: bool = False) -> None:
        """Write a file that :meth:`open` reads back exactly, in the format that the suffix names. O(rows).

        ``.npz`` (also without a suffix) is numpy's own and needs no extra; ``compress`` deflates it. ``.arrow`` is an
        Arrow IPC file for other tools to map, ``.parquet`` a small one (zstd) for them to read. Plain ``.npz`` and
        ``.arrow`` take 51 bytes a row and are memory-mapped. An existing file is replaced when the new one is whole.

        Raises:
            UsageError: another suffix, a symbol longer than 4096 bytes, or ``compress`` for a format without a choice.
            MissingExtra: pyarrow is not installed, for ``.arrow`` and ``.parquet``.
            SourceError: the file cannot be written.

        >>> import tempfile
        >>> from orderbook.events import Delta
        >>> events = Events.from_events([Delta(symbol="ETHUSDT", bids=[("99.5", 2)], sequence=7)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     events.save(f"{folder}/day.npz", compress=True)
        ...     Events.open(f"{folder}/day.npz") == events
        True
        """
        stored = Stored(self.symbol, self._columns(), self.price_exponent, self.size_exponent)
        _store().save(path, stored, compress=compress)

    @classmethod
    def open(cls, path: str | Path, *, verify: bool = True, max_rows: int = MAX_ROWS) -> Self:
        """Read what :meth:`save` wrote; the suffix names the format. Nothing in the file is executed.

        The columns of ``.arrow`` and of a plain ``.npz`` are views of the mapped file: they are not copied, take no
        memory of the process, and reach beyond what fits in it. Do not write into the file while they are in use.

        ``verify`` reads it through once, checksums and rows, in O(rows) time and O(1) memory. Without it a mapped
        file opens in O(1) and nothing is read before it is used: rows that no event writes are then found when the
        events are first iterated, exported or saved, and a damaged number is not found at all.

        A compressed file (``.parquet``, deflated ``.npz``) is unpacked into memory in O(rows), unless it has more
        than ``max_rows``.

        Raises:
            MissingExtra: pyarrow is not installed, for ``.arrow`` and ``.parquet``.
            SourceError: the file cannot be opened.
            CorruptSource: it is damaged, was not written by :meth:`save`, or has too many rows.

        >>> import tempfile
        >>> from orderbook.events import Clear
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Events.from_events([Clear(symbol="ETHUSDT")]).save(f"{folder}/day.arrow")
        ...     events = Events.open(f"{folder}/day.arrow")
        ...     events, events.price.flags.owndata, events.price.flags.writeable
        (<Events ETHUSDT: 1 rows, 1 messages, L2>, False, False)
        """
        stored = _store().load(path, verify=verify, max_rows=max_rows)
        events = cls.__new__(cls)._set(*stored)
        events._unverified = None if verify else Place(str(path))
        return events

    def to_numpy(self) -> npt.NDArray[Any]:
        """Return one structured array of shape (rows,), copied, with the columns as fields. O(rows)."""
        table = np.empty(len(self), list(DTYPES.items()))
        for name, values in self._columns().items():
            table[name] = values
        return table

    def _exported(self, price_type: PriceType, rows: int | None = None) -> dict[str, npt.NDArray[Any]]:
        """The columns as people read them: letters, numbers, NaT and NaN."""
        columns = {name: values[:rows] for name, values in self._columns().items()}
        for name in ("ts_event", "ts_recv"):
            columns[name] = columns[name].view("M8[ns]")
        for name in ("action", "side"):
            columns[name] = columns[name].view("S1").astype("U1")
        columns["price"] = _numbers(columns["price"], self.price_exponent, UNDEF_PRICE, price_type)
        columns["size"] = _numbers(columns["size"], self.size_exponent, UNDEF_SIZE, price_type)
        return columns

    def to_pandas(self, *, price_type: PriceType = "float") -> Any:
        """Return a ``pandas.DataFrame``: times in UTC, actions and sides as letters, a missing number NaN. O(rows).

        With ``price_type="fixed"`` prices and sizes are the int64 columns themselves.

        Raises:
            MissingExtra: pandas is not installed.
        """
        pandas = require("pandas", extra="pandas")
        frame = pandas.DataFrame(self._exported(price_type))
        for name in ("ts_event", "ts_recv"):
            frame[name] = frame[name].dt.tz_localize("UTC")
        return frame

    def to_polars(self, *, price_type: PriceType = "float") -> Any:
        """Return a ``polars.DataFrame`` with the columns of :meth:`to_pandas`. O(rows).

        Raises:
            MissingExtra: polars is not installed.
        """
        polars = require("polars", extra="polars")
        frame = polars.DataFrame({name: _listed(values) for name, values in self._exported(price_type).items()})
        return frame.with_columns(polars.col("ts_event", "ts_recv").dt.replace_time_zone("UTC"))

    def to_arrow(self, *, price_type: PriceType = "float") -> Any:
        """Return a ``pyarrow.Table`` with the columns of :meth:`to_pandas`. O(rows).

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        arrow = require("pyarrow", extra="arrow")
        utc = arrow.timestamp("ns", tz="UTC")
        columns = {name: arrow.array(_listed(values)) for name, values in self._exported(price_type).items()}
        columns |= {name: columns[name].cast(utc) for name in ("ts_event", "ts_recv")}
        return arrow.table(columns)


def _column(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    found = np.asarray(values)
    # An empty list has no type of its own; everything else is integers, and they must fit.
    if found.size and found.dtype.kind not in "iu":
        raise UsageError(f"column {name} is {DTYPES[name]}, not {found.dtype}")
    column = found.astype(DTYPES[name], order="C", copy=False)
    if column is not found and not np.array_equal(column, found):
        raise UsageError(f"column {name} does not fit in {DTYPES[name]}")
    return column


def _store() -> ModuleType:
    # Late: zip files and checksums are for those who keep columns in files.
    from orderbook.columns import store

    return store


def _restore(kind: type[Events], symbol: str, columns: Columns, price_exponent: int, size_exponent: int) -> Events:
    return kind.__new__(kind)._set(symbol, columns, price_exponent, size_exponent)


def _same(a: npt.NDArray[np.int64], a_exponent: int, b: npt.NDArray[np.int64], b_exponent: int) -> bool:
    """Whether two columns hold the same numbers, without leaving int64."""
    if a_exponent == b_exponent or a.shape != b.shape:
        return np.array_equal(a, b)
    if a_exponent < b_exponent:
        a, a_exponent, b, b_exponent = b, b_exponent, a, a_exponent
    factor = 10 ** (a_exponent - b_exponent)
    missing = a == UNDEF_PRICE
    equal = np.where(missing, b == UNDEF_PRICE, (b % factor == 0) & (b // factor == a) & (b != UNDEF_PRICE))
    return bool(equal.all())


def _numbers(values: npt.NDArray[np.int64], exponent: int, undef: int, price_type: PriceType) -> npt.NDArray[Any]:
    convert = converter(price_type)
    if price_type == "fixed":
        return values
    if price_type == "decimal":
        return np.array([None if value == undef else convert(value, -exponent) for value in values.tolist()], object)
    numbers = values / 10.0**-exponent
    # int64 to float64 rounds beyond 2**53, and the division again: there the exact way is taken, number by number.
    for i in np.flatnonzero(np.abs(values) > _EXACT):
        numbers[i] = np.nan if values[i] == undef else convert(int(values[i]), -exponent)
    return numbers


def _listed(values: npt.NDArray[Any]) -> Any:
    """What polars and pyarrow take: they know no array of letters or objects."""
    return values.tolist() if values.dtype.kind in "UO" else values
