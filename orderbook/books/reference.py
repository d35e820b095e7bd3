"""The books in plain Python: the specification that the compiled twin is checked against.

``ladder`` keeps one side in order, ``reading`` answers questions, ``base`` holds what every change and every byte
form has in common, ``l2`` and ``l3`` are what a feed of levels and a feed of orders do to a book.
"""

from orderbook.books.l2 import L2Book
from orderbook.books.l3 import L3Book, QueueAhead

__all__ = ("L2Book", "L3Book", "QueueAhead")
