"""What a type checker sees of books. Never run; read by ``tests/test_typing.py``.

``reveal_type(x)  # assert "Level" in typ`` holds of the revealed text; ``# error: code`` must be an error of that kind.
"""

from __future__ import annotations

import orderbook as ob


def l2(book: ob.L2Book) -> None:
    reveal_type(book.best_bid)  # assert "Level" in typ and "None" in typ
    reveal_type(book.bids)  # assert "LevelsView" in typ
    reveal_type(book.bids[0])  # assert "Level" in typ and "None]" not in typ.removesuffix("None]]")
    reveal_type(book.bids[:3])  # assert "ist[" in typ or "Sequence[" in typ
    reveal_type(book.bids.get("100"))  # assert "Level" in typ and "None" in typ
    reveal_type(len(book.asks))  # assert typ == "int"
    reveal_type(book.imbalance(3))  # assert "None" in typ or typ == "Any"
    reveal_type(book.is_crossed)  # assert typ == "bool"
    reveal_type(book.vwap(ob.Side.ASK, "2.5"))  # assert "Vwap" in typ
    reveal_type(book.depth(10))  # assert "Depth" in typ
    reveal_type(book.depth(10).to_dict())  # assert "dict[" in typ
    reveal_type(book.known_range)  # assert "KnownRange" in typ
    reveal_type(book.state)  # assert "BookState" in typ
    reveal_type(book.state_hash())  # assert typ == "str"
    reveal_type(book.to_bytes())  # assert typ == "bytes"
    reveal_type(ob.L2Book.from_bytes(b""))  # assert "L2Book" in typ
    reveal_type(book.copy())  # assert "L2Book" in typ
    reveal_type(book.sequence)  # assert "int" in typ and "None" in typ
    book.depth("10")  # error: arg-type
    book.apply_delta([("1", "2")])  # error: call-arg
    book.mid_price = 1.0  # error: misc or call-arg
    ob.L2Book("ETHUSDT", max_depth="10")  # error: arg-type
    ob.L2Book("ETHUSDT", price_type="text")  # error: arg-type


def l3(book: ob.L3Book) -> None:
    reveal_type(book.orders)  # assert "Mapping[" in typ and "Order" in typ
    reveal_type(book.queue(ob.Side.BID, "100"))  # assert "list[" in typ and "Order" in typ
    reveal_type(book.queue_ahead(7))  # assert "QueueAhead" in typ
    reveal_type(book.to_l2())  # assert "L2Book" in typ
    book.add(1, ob.Side.BID, "100", 2.5)
    book.modify(1, size=1)
    book.modify(1, 2)  # error: misc or call-arg
    book.cancel()  # error: call-arg
