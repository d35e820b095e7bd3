"""From a matched message to its event: one small function for each thing that a table can describe."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from orderbook.decode.read import brief, check_number, expected, read_field, read_levels, show, walk
from orderbook.decode.symbols import origin_parameter
from orderbook.decode.table import (
    Deletes,
    EventSpec,
    Kind,
    LevelArrays,
    LimitRule,
    OrderRows,
    Path,
    event_class,
)
from orderbook.errors import DecodeError, ScaleError
from orderbook.events import Event, OrderCancel, OrderModify, OrderSnapshot
from orderbook.levels import Levels
from orderbook.scale import parse
from orderbook.types import INT64_MAX, Order, Side

_VENUE_TEXT: Final = 300


def build_event(
    spec: EventSpec, body: Any, at: Path, symbol: str, ts_recv: int | None, origin: str, is_last: bool
) -> Event:
    """Return the event that a table makes of a message. O(size of the message).

    Raises:
        DecodeError: the message is not as the table says, or it reports a failure of the venue.
    """
    values: dict[str, Any] = {"symbol": symbol, "ts_recv": ts_recv, "is_last": is_last, **dict(spec.constants)}
    for field in spec.fields:
        values[field.name] = read_field(field, body, at)
    if isinstance(spec.levels, LevelArrays):
        values["bids"] = read_levels(spec.levels, spec.levels.bids, body, at)
        values["asks"] = read_levels(spec.levels, spec.levels.asks, body, at)
    match spec.kind:
        case Kind.ERROR:
            raise _venue_error(values, at)
        case Kind.REFUSED:
            raise DecodeError(str(values["message"]), path=show(at))
        case Kind.ORDER_SNAPSHOT | Kind.ORDER_UPDATE if spec.orders is not None:
            return _order_event(spec.orders, values, body, at)
        case Kind.SNAPSHOT if spec.limit is not None:
            values["complete"] = _is_complete(spec.limit, origin, values["bids"], values["asks"])
        case Kind.QUOTE:
            drop_empty_sides(values)
    return event_class(spec.kind)(**values)  # type: ignore[no-any-return]


def _venue_error(values: dict[str, Any], at: Path) -> DecodeError:
    code = values.get("code")
    number = "" if code is None else f" {code}"
    text = str(values.get("message"))[:_VENUE_TEXT]
    return DecodeError(f"the venue reports error{number}: {text}", path=show(at))


def _is_complete(rule: LimitRule, origin: str, bids: Levels, asks: Levels) -> bool:
    """Fewer levels than were asked for on both sides: there are no more. Otherwise depth is unknown beyond the last."""
    text = origin_parameter(origin, rule.parameter)
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 10):
        return False
    limit = min(int(text), rule.most)
    return len(bids) < limit and len(asks) < limit


def drop_empty_sides(values: dict[str, Any]) -> None:
    """A quote of size 0, or with no price, is a side that is empty: no price of it means anything."""
    for price, size in (("bid_price", "bid_size"), ("ask_price", "ask_size")):
        empty = values.get(price) is None or values.get(size) is None or parse(values[size])[0] == 0
        if empty:
            values[price] = values[size] = None


def _order_event(spec: OrderRows, values: dict[str, Any], body: Any, at: Path) -> Event:
    rows, path = walk(body, spec.rows), at + spec.rows
    if type(rows) is not list:
        raise expected("an array", rows, path)
    if not spec.many:
        return _order_update(_order_row(spec, rows, path), values)
    orders = [_order_row(spec, row, (*path, i)) for i, row in enumerate(rows)]
    for i, order in enumerate(orders):
        if order.size is None:
            raise DecodeError("a snapshot holds an order that is none", path=show((*path, i)))
    return OrderSnapshot(orders=orders, **values)


def _order_row(spec: OrderRows, row: Any, path: Path) -> Order:
    """One row as an order; ``size`` None when the row deletes it."""
    if type(row) is not list or len(row) != spec.width:
        what = f"an array of {spec.width}"
        raise (
            expected(what, row, path)
            if type(row) is not list
            else DecodeError(f"expected {what}, got {len(row)}", path=show(path))
        )
    order_id, price, size = row[spec.order_id], row[spec.price], row[spec.size]
    if type(order_id) is not int:
        raise expected("an integer", order_id, (*path, spec.order_id))
    if not 0 <= order_id <= INT64_MAX:
        raise DecodeError(f"{brief(order_id)} is no order id", path=show((*path, spec.order_id)))
    at_price, at_size = (*path, spec.price), (*path, spec.size)
    deletes = spec.deletes is Deletes.ZERO_PRICE and _sign(price, spec, at_price) == 0
    sign = _sign(size, spec, at_size)
    if sign == 0:
        raise DecodeError("a size of 0 has no sign to tell the side", path=show(at_size))
    side = Side.BID if sign > 0 else Side.ASK
    return Order(order_id, side, None if deletes else price, None if deletes else _magnitude(size))


def _magnitude(size: Any) -> Any:
    # abs() of a Decimal rounds to the caller's context.
    return size.copy_abs() if isinstance(size, Decimal) else abs(size)


def _sign(value: Any, spec: OrderRows, path: Path) -> int:
    check_number(value, spec.wire, path)
    try:
        return parse(value)[0]
    except ScaleError as error:
        raise DecodeError(f"{error.reason}: {brief(value)}", path=show(path)) from None


def _order_update(order: Order, values: dict[str, Any]) -> Event:
    if order.size is None:
        return OrderCancel(order_id=order.order_id, side=order.side, **values)
    return OrderModify(
        order_id=order.order_id, side=order.side, price=order.price, size=order.size, upsert=True, **values
    )
