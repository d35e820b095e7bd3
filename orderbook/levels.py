"""Price levels on their way in: parsed once, exact, immutable.

A message names its levels as text, numbers or mappings. They become two int64 columns at one scale here, at the edge,
so that a bad number is found (with its index) before anything touches a book, and nothing downstream parses text again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self, overload

from orderbook.errors import ScaleError
from orderbook.scale import parse, rescale, to_float
from orderbook.types import Level


class Levels(Sequence[Level]):
    """An immutable sequence of levels: ``prices`` and ``sizes`` are ints at ``price_scale`` and ``size_scale``.

    Reads as :class:`~orderbook.Level` values with float prices and sizes; equality is exact, by number.

    >>> levels = Levels.parse([("100.50", "2"), ("100.25", "0")])
    >>> levels[0], levels.prices, levels.price_scale
    (Level(price=100.5, size=2.0, count=None), (10050, 10025), 2)
    >>> levels == Levels.parse([(100.5, 2), (100.25, 0)])
    True
    """

    __slots__ = ("counts", "price_scale", "prices", "size_scale", "sizes")

    def __init__(
        self,
        prices: Iterable[int] = (),
        sizes: Iterable[int] = (),
        counts: Iterable[int | None] | None = None,
        *,
        price_scale: int = 0,
        size_scale: int = 0,
    ) -> None:
        self.prices = tuple(prices)
        self.sizes = tuple(sizes)
        self.counts = None if counts is None else tuple(counts)
        self.price_scale = price_scale
        self.size_scale = size_scale

    @classmethod
    def parse(cls, rows: Any, price: Any = 0, size: Any = 1, count: Any = None) -> Self:
        """Parse rows of a message. O(rows).

        ``price``, ``size`` and ``count`` are the index (or key) of each in a row; a row that is a
        :class:`~orderbook.Level` brings its own count.

        Raises:
            ScaleError: a number that is not exact, a negative size, a row that is no row; ``path`` is ``[i][field]``.
        """
        if isinstance(rows, cls):
            return rows
        if isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
            raise ScaleError(rows, f"expected a list of levels, got `{type(rows).__name__}`")
        rows = rows if isinstance(rows, Sequence) else list(rows)
        if not rows:
            return cls()
        if count is None and isinstance(rows[0], Level):
            count = 2
        prices, price_scale = _column(rows, price)
        sizes, size_scale = _column(rows, size)
        if min(sizes) < 0:
            index = next(i for i, value in enumerate(sizes) if value < 0)
            raise ScaleError(rows[index][size], "negative size", path=f"[{index}][{size}]")
        counts = None if count is None else _counts(rows, count)
        return cls(prices, sizes, counts, price_scale=price_scale, size_scale=size_scale)

    @overload
    def __getitem__(self, index: int) -> Level: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Level]: ...
    def __getitem__(self, index: int | slice) -> Level | Sequence[Level]:
        if isinstance(index, slice):
            return [self._level(i) for i in range(*index.indices(len(self)))]
        return self._level(range(len(self.prices))[index])

    def _level(self, i: int) -> Level:
        count = None if self.counts is None else self.counts[i]
        return Level(to_float(self.prices[i], self.price_scale), to_float(self.sizes[i], self.size_scale), count)

    def __len__(self) -> int:
        return len(self.prices)

    def __iter__(self) -> Iterator[Level]:
        return map(self._level, range(len(self.prices)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Levels):
            return NotImplemented
        # Scales are minimal for the whole column, so equal numbers have equal scales and mantissas.
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.prices, self.sizes, self.price_scale, self.size_scale))

    def __repr__(self) -> str:
        shown = ", ".join(f"({level.price!r}, {level.size!r})" for level in self[:5])
        return f"Levels([{shown}{', ...' if len(self) > 5 else ''}])"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, tuple(getattr(self, name) for name in self.__slots__)


def _restore(counts: Any, price_scale: int, prices: Any, size_scale: int, sizes: Any) -> Levels:
    return Levels(prices, sizes, counts, price_scale=price_scale, size_scale=size_scale)


def _column(rows: Sequence[Any], key: Any) -> tuple[list[int], int]:
    """One numeric column of all rows at the smallest scale that holds every value."""
    mantissas: list[int] = []
    scales: list[int] = []
    for i, row in enumerate(rows):
        if isinstance(row, (str, bytes)):
            # Indexing would take its characters for numbers.
            raise ScaleError(row, f"expected a level, got `{type(row).__name__}`", path=f"[{i}]")
        try:
            mantissa, scale = parse(row[key])
        except ScaleError as error:
            raise ScaleError(error.value, error.reason, path=f"[{i}][{key}]") from None
        except (TypeError, LookupError):
            raise ScaleError(row, f"expected a level with {key!r}", path=f"[{i}]") from None
        mantissas.append(mantissa)
        scales.append(scale)
    target = max(scales)
    if min(scales) != target:
        mantissas = [rescale(m, s, target) for m, s in zip(mantissas, scales, strict=True)]
    return mantissas, target


def _counts(rows: Sequence[Any], key: Any) -> list[int | None]:
    counts: list[int | None] = []
    for i, row in enumerate(rows):
        try:
            value = row[key]
            count = value if value is None else int(value)
        except (TypeError, ValueError, LookupError):
            raise ScaleError(row, "expected an order count", path=f"[{i}][{key}]") from None
        if count is not None and count < 0:
            raise ScaleError(value, "negative order count", path=f"[{i}][{key}]")
        counts.append(count)
    return counts
