"""A progress bar around a source, for people who wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from orderbook._extras import require

T = TypeVar("T")

_EVERY: Final = 256
"""Items between two looks at how far the source is: asking costs more than most items do."""


def watched(source: Any, items: Iterator[T], *, progress: bool) -> Iterator[T]:
    """Return ``items`` of ``source``, behind a bar if ``progress``.

    The bar lives until the items are used up or closed. It counts bytes where the source has ``progress() -> (done,
    total)``, else messages, of ``len(source)`` where it has one. In a notebook it is a widget (``tqdm.auto``).

    Raises:
        MissingExtra: ``progress`` and tqdm is not installed; at once, not at the first item.

    >>> list(watched([1, 2], iter([1, 2]), progress=False))
    [1, 2]
    """
    if not progress:
        return items
    require("tqdm", extra="progress")
    tqdm = require("tqdm.auto", extra="progress").tqdm
    position = getattr(source, "progress", None)
    if callable(position):
        return _over_bytes(items, tqdm, position)
    return _over_items(items, tqdm, _length(source))


def _length(source: Any) -> int | None:
    # Of columns len() is the number of rows, and what they are iterated for is events.
    return None if hasattr(source, "messages") or not hasattr(source, "__len__") else len(source)


def _over_items(items: Iterator[T], tqdm: Any, total: int | None) -> Iterator[T]:
    with tqdm(total=total, unit=" messages", unit_scale=True) as bar:
        for item in items:
            yield item
            bar.update()


def _over_bytes(items: Iterator[T], tqdm: Any, position: Callable[[], tuple[int, int | None]]) -> Iterator[T]:
    done, total = position()
    with tqdm(total=total, initial=done, unit="B", unit_scale=True, unit_divisor=1024) as bar:
        for number, item in enumerate(items, 1):
            yield item
            if number % _EVERY == 0:
                bar.update(position()[0] - bar.n)
        bar.update(position()[0] - bar.n)
