# Columns of events into the level-2 book: L2Core's methods are in _l2.pxi, what they do is here.

include "../columns/_tape.pxi"


cdef bint is_columns(object events):
    """Whether these are Events, whose columns say all; this part of the library does not import them."""
    module = sys.modules.get("orderbook.columns.table")
    return module is not None and type(events) is module.Events


cdef object apply_columns(L2Core book, object events):
    """Apply all events of columns and return how many; None where it is not for this way, and nothing was done.

    At an event that C does not take, Python goes on, to raise what is wrong with it or to find that nothing is.
    """
    cdef Tape tape
    cdef size_t at = 0
    cdef int64_t applied = 0, inside = 0
    cdef int code = OB_BREATH
    if not is_columns(events) or (events.symbol and book.symbol_text and events.symbol != book.symbol_text):
        return None
    tape = tape_of(events, True)
    if tape is None:
        return None
    while code == OB_BREATH:
        code = ob_apply_events(&tape.rows, &book.book, &at, &applied, &inside)
        PyErr_CheckSignals()
    if code == OB_OUT_OF_MEMORY:
        book.out_of_memory()
    if code == OB_REFUSED:
        applied += inside
        return applied + L2Methods.apply_many(book, islice(iter(rows_from(events, at)), inside, None))
    return applied


cdef object rows_from(object events, size_t row):
    """The same columns from a row on. Not a slice: the end of damaged columns may be inside a message."""
    columns = {name: values[row:] for name, values in events._columns().items()}
    return type(events).__new__(type(events))._set(
        events.symbol, columns, events.price_exponent, events.size_exponent
    )


cdef str run_columns(L2Core book, object events, int64_t moment, bint by_event):
    """Make an empty book the one that a builder would have at a moment; what became of it is a State's value.

    None where it is not for this way: then the book is as it was. The GIL is free meanwhile, for nobody sees the book
    before it is there.
    """
    cdef Tape tape = tape_of(events, True)
    cdef ob_builder builder
    cdef size_t at = 0
    cdef int64_t now = OB_NO_TIME
    cdef int code = OB_BREATH
    if tape is None:
        return None
    ob_builder_init(&builder)
    try:
        while code == OB_BREATH:
            with nogil:
                code = ob_run_until(&tape.rows, &builder, OB_EVENT if by_event else OB_RECV, moment, &at, &now)
            PyErr_CheckSignals()
        if code == OB_OUT_OF_MEMORY:
            raise MemoryError
        if code == OB_REFUSED or not at:
            return None
        if builder.live:
            book.book, builder.book = builder.book, book.book
            return "live"
        return "stale" if builder.was_live else "empty"
    finally:
        ob_book_empty(&builder.book, 0)
