# What the compiled L3 book reads its arguments with. The quick readers say 1 where a value is plain, and 0 where the
# reference shall look at it: nothing here raises for what a value is.

cdef extern from "objects.h":
    object ob_new_order_row(object type, object a, object b, object c, object d, object e)
    object ob_fetch(object descriptor, object object)

cdef dict _spellings = {"bid": OB_BID, "buy": OB_BID, "B": OB_BID, "ask": OB_ASK, "sell": OB_ASK, "A": OB_ASK}
# Ids come from strangers. What differs from process to process is where an order stands in memory, and nothing else.
cdef uint64_t _seed = <uint64_t><int64_t>hash("orderbook")
cdef frozenset _verbs = frozenset((
    "add", "modify", "replace", "cancel", "execute", "take_anonymous",
    "apply", "apply_snapshot", "apply_orders", "reveal", "clear", "forget",
))

cdef object _event_symbol = Event.symbol
cdef object _event_sequence = Event.sequence
cdef object _event_ts_event = Event.ts_event
cdef object _event_ts_recv = Event.ts_recv
cdef tuple _add_fields = (OrderAdd.order_id, OrderAdd.side, OrderAdd.price, OrderAdd.size)
cdef tuple _modify_fields = (
    OrderModify.order_id, OrderModify.side, OrderModify.price, OrderModify.size, OrderModify.upsert,
)
cdef tuple _cancel_fields = (OrderCancel.order_id, OrderCancel.size)
cdef tuple _execute_fields = (OrderExecute.order_id, OrderExecute.size)
cdef tuple _replace_fields = (OrderReplace.order_id, OrderReplace.new_id, OrderReplace.price, OrderReplace.size)


cdef inline int quick_int(object value, ob_maybe *out) except -1:
    """A sequence or time; only the lowest int64 is no time, and it is left to the reference."""
    cdef int overflow = 0
    out.kind = OB_NONE
    out.value = 0
    if value is None:
        return 1
    if type(value) is not int:
        return 0
    out.value = PyLong_AsLongLongAndOverflow(value, &overflow)
    out.kind = OB_SIGNED
    return not overflow and out.value != INT64_MIN


cdef inline int quick_header(object sequence, object ts_event, object ts_recv, ob_header *header) except -1:
    return (
        quick_int(sequence, &header.sequence)
        and quick_int(ts_event, &header.ts_event)
        and quick_int(ts_recv, &header.ts_recv)
    )


cdef inline int quick_side(object side) except -2:
    """The index of a side, -1 for what is not plainly one."""
    if side is _bid:
        return OB_BID
    if side is _ask:
        return OB_ASK
    if type(side) is str:
        found = _spellings.get(side)
        if found is not None:
            return found
    return -1


cdef int quick_number(object value, int scale, int64_t *out) except -1:
    """A number at a scale that holds it."""
    cdef int64_t mantissa = 0
    if type(value) is str:
        if not PyUnicode_IS_COMPACT_ASCII(value):
            return 0
        return ob_parse_at(
            <const char *>PyUnicode_1BYTE_DATA(value), PyUnicode_GET_LENGTH(value), scale, out
        ) == OB_OK
    if type(value) is int:
        if not parse_long(value, &mantissa) or not ob_fits(mantissa, <int64_t>OB_TEN[scale]):
            return 0
        out[0] = mantissa * <int64_t>OB_TEN[scale]
        return 1
    if type(value) is float:
        return ob_double_at(value, scale, out)
    # Events that were columns have these.
    return type(value) is Decimal and quick_number(str(value), scale, out)


cdef inline int quick_size(object value, int scale, int64_t *out) except -1:
    return quick_number(value, scale, out) and out[0] > 0


cdef inline object time_of(int64_t ts_event):
    return None if ts_event == OB_TIME_MISSING else ts_event


cdef tuple fetch_four(tuple fields, object event):
    return (
        ob_fetch(fields[0], event), ob_fetch(fields[1], event), ob_fetch(fields[2], event), ob_fetch(fields[3], event)
    )


cdef int fill_header(object header, ob_header *out) except -1:
    to_maybe(header.sequence, &out.sequence)
    to_maybe(header.ts_event, &out.ts_event)
    to_maybe(header.ts_recv, &out.ts_recv)
    return 0


cdef bint is_plain(type cls) except -1:
    """Whether events may go around the methods: not in a subclass that has verbs of its own."""
    leaf = cls._leaf
    for base in cls.__mro__:
        if base is leaf:
            return True
        if not _verbs.isdisjoint(base.__dict__):
            return False
    return True
