"""Hypothesis strategies: numbers, levels, and whole feeds that a real venue could send, sound or damaged.

Everything shrinks towards small: short streams, few levels, whole numbers.

>>> from hypothesis import given, settings
>>> from orderbook.books import L2Book
>>> from orderbook.builder import BookBuilder
>>> @settings(max_examples=5, database=None)
... @given(l2_streams(rule="binance_spot"))
... def never_crossed(stream):
...     builder = BookBuilder(L2Book("TEST"), stream.rule)
...     for event in stream:
...         builder.apply(event)
...     assert not builder.book.is_crossed
>>> never_crossed()
"""

from __future__ import annotations

from orderbook.testing.feeds import faulty_streams, l2_streams, l3_streams, raw_messages
from orderbook.testing.values import decimal_texts, levels, prices, sizes, snapshots

__all__ = [
    "decimal_texts",
    "faulty_streams",
    "l2_streams",
    "l3_streams",
    "levels",
    "prices",
    "raw_messages",
    "sizes",
    "snapshots",
]
