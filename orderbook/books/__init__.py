"""Order books: the compiled twin where it is built, the plain Python reference otherwise.

``ORDERBOOK_BACKEND`` chooses: ``auto`` (the default), ``native`` or ``python``. Asking for what is not there fails;
``backend`` says which one is live. Type checkers always see the reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderbook import _backend
from orderbook.books import reference
from orderbook.books.ladder import MAX_LEVELS
from orderbook.books.reference import QueueAhead

__all__ = ("MAX_LEVELS", "L2Book", "L3Book", "QueueAhead", "backend")

_native = _backend.load("orderbook.books._native", "the compiled books", face="orderbook.books.native")

backend: str = "python" if _native is None else "native"

if TYPE_CHECKING:
    from orderbook.books.reference import L2Book, L3Book
else:
    _books = _native or reference
    L2Book = _books.L2Book
    L3Book = _books.L3Book
