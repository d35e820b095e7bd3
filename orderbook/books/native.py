"""The compiled books: what they keep and do most often is C (``_native``), the rest is the reference's own code."""

from __future__ import annotations

from typing import Any

from orderbook.books._native import L2Core, L3Core, L3SideCore, SideCore
from orderbook.books.l2 import L2Book as ReferenceL2Book
from orderbook.books.l2 import L2Methods
from orderbook.books.l3 import L3Book as ReferenceL3Book
from orderbook.books.l3 import L3Methods, QueueAhead
from orderbook.books.ladder import Aggregate, Rungs
from orderbook.books.queue import Queue

__all__ = ("L2Book", "L3Book", "QueueAhead")


class L2Side(SideCore, Rungs[Aggregate]):
    """One side of a compiled L2 book, as the reference's code sees it."""

    __slots__ = ()


class L2Book(L2Core, L2Methods):  # noqa: D101 - what it says is what the reference says
    __doc__ = ReferenceL2Book.__doc__
    __slots__ = ()
    _side_type: Any = L2Side


L2Book._leaf = L2Book


class L3Side(L3SideCore, Rungs[Queue]):
    """One side of a compiled L3 book, as the reference's code sees it."""

    __slots__ = ()


class L3Book(L3Core, L3Methods):  # noqa: D101 - what it says is what the reference says
    __doc__ = ReferenceL3Book.__doc__
    __slots__ = ()
    _side_type: Any = L3Side
    _flat_type: Any = L2Book


L3Book._leaf = L3Book
