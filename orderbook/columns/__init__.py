"""The events of one instrument as columns: one row per level or order touched, Databento's letters and flag bits.

A price is ``price * 10**price_exponent`` exactly, and so is a size; exponents are never positive. Rows belong together
up to and including the one with ``Flag.LAST``: that is a message, and a book may be read only after it.

What each event becomes (action letters, flags in parentheses)::

    Snapshot                           R (SNAPSHOT, MBP), then an A (SNAPSHOT, MBP) a level, bids first
    OrderSnapshot                      R (SNAPSHOT), then an A (SNAPSHOT) an order, with the order's own ts_event
    Delta                              an M (MBP) a level with its new size, a C (MBP) with size 0 where it is deleted
    Delta without levels               N (MBP)
    Reveal                             an A (MBP) a level
    Reveal without levels              N (MBP, PUBLISHER_SPECIFIC)
    OrderAdd                           A
    OrderModify                        M; UNDEF_PRICE and UNDEF_SIZE keep what the order has
    OrderCancel                        C: subtracts size, all of it where that is UNDEF_SIZE
    OrderExecute                       F, then a C with the same order, price and size, which is what touches the book
    OrderReplace                       C (UNDEF_SIZE) of the old order, then an A with side N: the old order's side
    Trade                              T; side is the aggressor's
    Quote                              two N (TOB), bid then ask; UNDEF_PRICE on an empty side
    Clear                              R
    Disconnect                         R (MAYBE_BAD_BOOK): the book is unknown until the next snapshot
    Heartbeat, Status, Fault           N

``PUBLISHER_SPECIFIC``, the bit that Databento leaves to the publisher, says by action: R, the snapshot is limited
in depth; M, an unknown order is added; T, the execution was hidden. On a level's row ``order_id`` is the number of
its orders, 0 where the feed has none; on the R of a snapshot the number of levels that the stream keeps to
(``view_depth``), 0 for all. What is missing is ``UNDEF_TIMESTAMP`` for a time, 0 for a sequence or a trade's order,
N for a side.

Not kept: first and previous sequence numbers, checksums, trade ids, texts, faults. Continuity is judged before events
become columns (:func:`orderbook.load`), not after.
"""

from __future__ import annotations

from orderbook.columns.schema import MAX_ROWS, PUBLISHER_SPECIFIC, UNDEF_PRICE, UNDEF_SIZE
from orderbook.columns.table import Events
from orderbook.columns.write import RowWriter

__all__ = ["MAX_ROWS", "PUBLISHER_SPECIFIC", "UNDEF_PRICE", "UNDEF_SIZE", "Events", "RowWriter"]
