"""What a pickled book names, so that a pickle written by one implementation opens as the one that is live."""

from __future__ import annotations

from typing import Any


def restore_l2(data: bytes) -> Any:
    """Return the live ``L2Book`` of the bytes.

    >>> from orderbook.books import L2Book
    >>> restore_l2(L2Book("ETHUSDT").to_bytes())
    <L2Book ETHUSDT empty>
    """
    from orderbook import books  # at the call: this module is imported by what that one chooses from

    return books.L2Book.from_bytes(data)


def restore_l3(data: bytes) -> Any:
    """Return the live ``L3Book`` of the bytes.

    >>> from orderbook.books import L3Book
    >>> restore_l3(L3Book("ETHUSDT").to_bytes())
    <L3Book ETHUSDT empty>
    """
    from orderbook import books

    return books.L3Book.from_bytes(data)
