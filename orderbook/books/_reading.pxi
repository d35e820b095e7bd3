# What can be read from a compiled book: the hot part of orderbook/books/reading.py. Whatever is not here (vwap, equality,
# the byte form, ...) runs the reference's own code over SideCore, which looks like one of its ladders.

cdef extern from "objects.h":
    object ob_new_triple(object type, object a, object b, object c)
    int ob_store(object descriptor, object object, object value) except -1


cdef enum:
    AS_FLOAT = 0
    AS_DECIMAL = 1
    AS_FIXED = 2
    HANDFUL = 64

cdef object _bid = Side.BID
cdef object _ask = Side.ASK
cdef tuple _states = tuple(BookState(code) for code in range(7))
cdef tuple _kinds = ("float", "decimal", "fixed")
cdef int64_t _exact = 1 << 53

cdef inline object number(int kind, int64_t mantissa, int scale):
    if kind == AS_FLOAT:
        return ob_to_double(mantissa, scale)
    if kind == AS_FIXED:
        return mantissa
    return to_decimal(mantissa, scale)


cdef inline int side_index(object side) except -1:
    return OB_BID if side is _bid else OB_ASK


cdef inline object from_maybe(ob_maybe value):
    if value.kind == OB_NONE:
        return None
    if value.kind == OB_SIGNED:
        return value.value
    return <uint64_t>value.value


cdef int to_maybe(object value, ob_maybe *out) except -1:
    """An int of 64 bits of either kind, or None."""
    cdef int overflow = 0
    out.kind = OB_NONE
    out.value = 0
    if value is None:
        return 0
    out.kind = OB_SIGNED
    out.value = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow:
        out.kind = OB_UNSIGNED
        out.value = <int64_t><uint64_t>value
    return 0


cdef inline int read_time(object value, ob_maybe *out) except -1:
    if value is not None and type(value) is not int:
        value = as_ns(value)
    elif value is not None:
        value = as_ns(value)
    return to_maybe(value, out)


@cython.auto_pickle(False)
cdef class BookCore:
    """What both compiled books share: both sides, their scales, the header. Not used by itself."""

    def __cinit__(self, *args, **kwargs):
        ob_book_init(&self.book)
        self.symbol_text = ""
        self.price_type_text = "float"

    def __dealloc__(self):
        ob_book_empty(&self.book, 0)

    def __init__(self, symbol="", *, max_depth=None, price_type="float"):
        self._start(symbol, max_depth, price_type)

    def _start(self, symbol, max_depth, price_type):
        text = as_text(symbol, "symbol")
        depth = 0 if max_depth is None else as_int(max_depth, "max_depth", 1, OB_BOOK_LEVELS)
        converter(price_type)  # refuses an unknown name
        self.symbol_text = text
        self.book.max_depth = depth
        self.price_type_text = price_type
        self.kind = _kinds.index(price_type)

    # ---- what an L3 book does differently ----------------------------------------------------------------------------

    cdef int64_t count_number(self, int side, const int64_t *numbers) noexcept nogil:
        """The number of orders of a level, -1 where it is not known."""
        return -1

    cdef object count_of(self, int side, const int64_t *numbers):
        cdef int64_t count = self.count_number(side, numbers)
        return None if count < 0 else count

    cdef void free_cells(self) noexcept:
        """Let go of what belongs to the levels beside their numbers."""

    cdef void end_change(self, const ob_header *header) noexcept:
        ob_book_finish(&self.book, header)

    # ---- header ------------------------------------------------------------------------------------------------------

    @property
    def symbol(self):
        """The instrument."""
        return self.symbol_text

    @property
    def max_depth(self):
        """How many levels each side keeps, None for all; a snapshot with a ``view_depth`` may lower it."""
        return self.book.max_depth or None

    @property
    def price_type(self):
        """How prices and sizes leave the book: ``float``, ``decimal`` or ``fixed``."""
        return self.price_type_text

    @property
    def price_scale(self):
        """Decimal digits that the book keeps of prices; grows with the finest price seen."""
        return self.book.price_scale

    @property
    def size_scale(self):
        """Decimal digits that the book keeps of sizes; grows with the finest size seen."""
        return self.book.size_scale

    @property
    def sequence(self):
        """The venue's number of the last message, None before one; may be set."""
        return from_maybe(self.book.header.sequence)

    @sequence.setter
    def sequence(self, value):
        self.forget_seen()
        to_maybe(None if value is None else as_sequence(value), &self.book.header.sequence)

    @property
    def ts_event(self):
        """The venue's time of the last message, int64 ns UTC, None before one; may be set."""
        return from_maybe(self.book.header.ts_event)

    @ts_event.setter
    def ts_event(self, value):
        self.forget_seen()
        read_time(value, &self.book.header.ts_event)

    @property
    def ts_recv(self):
        """The local time of the last message, int64 ns UTC, None before one; may be set."""
        return from_maybe(self.book.header.ts_recv)

    @ts_recv.setter
    def ts_recv(self, value):
        self.forget_seen()
        read_time(value, &self.book.header.ts_recv)

    # ---- the fields by the names that the reference's code knows -----------------------------------------------------

    @property
    def _symbol(self):
        return self.symbol_text

    @property
    def _price_type(self):
        return self.price_type_text

    @property
    def _max_depth(self):
        return self.book.max_depth or None

    @_max_depth.setter
    def _max_depth(self, value):
        self.book.max_depth = value or 0

    @property
    def _price_scale(self):
        return self.book.price_scale

    @_price_scale.setter
    def _price_scale(self, value):
        self.forget_seen()
        self.book.price_scale = as_int(value, "price_scale", 0, OB_MAX_SCALE)

    @property
    def _size_scale(self):
        return self.book.size_scale

    @_size_scale.setter
    def _size_scale(self, value):
        self.forget_seen()
        self.book.size_scale = as_int(value, "size_scale", 0, OB_MAX_SCALE)

    @property
    def _sequence(self):
        return from_maybe(self.book.header.sequence)

    @_sequence.setter
    def _sequence(self, value):
        self.forget_seen()
        to_maybe(value, &self.book.header.sequence)

    @property
    def _ts_event(self):
        return from_maybe(self.book.header.ts_event)

    @_ts_event.setter
    def _ts_event(self, value):
        self.forget_seen()
        to_maybe(value, &self.book.header.ts_event)

    @property
    def _ts_recv(self):
        return from_maybe(self.book.header.ts_recv)

    @_ts_recv.setter
    def _ts_recv(self, value):
        self.forget_seen()
        to_maybe(value, &self.book.header.ts_recv)

    @property
    def _version(self):
        return self.book.version

    @property
    def _bids(self):
        return self._side_type(self, OB_BID)

    @property
    def _asks(self):
        return self._side_type(self, OB_ASK)

    # ---- levels ------------------------------------------------------------------------------------------------------

    cdef object level(self, int side, int64_t rank, const int64_t *numbers, int kind):
        # All is read before anything is made: what is made may run Python, and Python may change the book.
        cdef int64_t seen[3]
        seen[0], seen[1], seen[2] = rank, numbers[0], self.count_number(side, numbers)
        return self.level_of(side, seen, kind)

    cdef object level_of(self, int side, const int64_t *seen, int kind):
        return ob_new_triple(
            Level,
            number(kind, ob_rank(side, seen[0]), self.book.price_scale),
            number(kind, seen[1], self.book.size_scale),
            None if seen[2] < 0 else seen[2],
        )

    @property
    def best_bid(self):
        """The highest bid, None when there is none. O(1)."""
        cdef int64_t rank = 0
        cdef const int64_t *numbers
        if self.seen_bid is None or self.version_of_bid != self.book.version:
            numbers = ob_best(&self.book.sides[OB_BID].ladder, &rank)
            self.seen_bid = None if numbers == NULL else self.level(OB_BID, rank, numbers, self.kind)
            self.version_of_bid = self.book.version
        return self.seen_bid

    @property
    def best_ask(self):
        """The lowest ask, None when there is none. O(1)."""
        cdef int64_t rank = 0
        cdef const int64_t *numbers
        if self.seen_ask is None or self.version_of_ask != self.book.version:
            numbers = ob_best(&self.book.sides[OB_ASK].ladder, &rank)
            self.seen_ask = None if numbers == NULL else self.level(OB_ASK, rank, numbers, self.kind)
            self.version_of_ask = self.book.version
        return self.seen_ask

    cdef void forget_seen(self) noexcept:
        """To be called by what changes an answer without a new version of the book."""
        self.seen_bid = self.seen_ask = self.seen_depth = None

    def _top(self):
        cdef ob_top top
        return (top.bid, top.bid_size, top.ask, top.ask_size) if ob_book_top(&self.book, &top) else None

    def _level_count(self, side):
        return self.book.sides[side_index(side)].ladder.levels

    def _level_at(self, side, Py_ssize_t index):
        cdef int i = side_index(side)
        cdef ob_cursor at
        if not 0 <= index < <Py_ssize_t>self.book.sides[i].ladder.levels:
            raise IndexError(index)
        ob_seek(&at, &self.book.sides[i].ladder, index)
        ob_next(&at)
        return self.level(i, at.rank, at.numbers, self.kind)

    def _level_range(self, side, Py_ssize_t start, Py_ssize_t stop, reverse):
        cdef int i = side_index(side)
        cdef Py_ssize_t step
        cdef int64_t version = self.book.version
        # In handfuls: each is made of values while the book stands still, and a reader who stops early pays for one.
        while start < stop:
            if self.book.version != version:
                raise RuntimeError("the book changed during iteration; iterate over a slice or depth() instead")
            step = min(stop - start, HANDFUL)
            if reverse:
                stop -= step
                yield from reversed(self.levels_between(i, stop, stop + step, self.kind))
            else:
                yield from self.levels_between(i, start, start + step, self.kind)
                start += step

    cdef list levels_between(self, int side, Py_ssize_t start, Py_ssize_t stop, int kind):
        # Read first and made then, as in level(); a handful needs no memory of its own.
        cdef int64_t few[3 * HANDFUL]
        cdef int64_t *seen = few
        cdef Py_ssize_t i, count
        stop = min(stop, <Py_ssize_t>self.book.sides[side].ladder.levels)
        if start >= stop:
            return []
        if stop - start > HANDFUL:
            seen = <int64_t *>malloc(3 * (stop - start) * sizeof(int64_t))
            if seen == NULL:
                raise MemoryError
        try:
            count = self.see(side, start, stop, seen)
            return [self.level_of(side, seen + 3 * i, kind) for i in range(count)]
        finally:
            if seen != few:
                free(seen)

    cdef Py_ssize_t see(self, int side, Py_ssize_t start, Py_ssize_t stop, int64_t *seen) noexcept:
        """Rank, size and number of orders of a range of levels that are there; returns how many."""
        cdef ob_cursor at
        cdef Py_ssize_t count = 0
        ob_seek(&at, &self.book.sides[side].ladder, start)
        while start + count < stop and ob_next(&at):
            seen[3 * count] = at.rank
            seen[3 * count + 1] = at.numbers[0]
            seen[3 * count + 2] = self.count_number(side, at.numbers)
            count += 1
        return count

    # ---- measures ----------------------------------------------------------------------------------------------------

    cdef object quotient(self, int64_t numerator, int64_t denominator):
        """A price that may fall between ticks; the numbers are small enough to be exact doubles."""
        if self.kind == AS_FLOAT:
            return <double>numerator / (<double>denominator * <double>OB_TEN[self.book.price_scale])
        return self._quotient(numerator, denominator)

    @property
    def mid_price(self):
        """Half way between best bid and best ask, None when a side is empty. O(1).

        >>> from orderbook.books import L2Book
        >>> book = L2Book()
        >>> book.apply_snapshot([("100", 5)], [("100.5", 15)])
        >>> book.mid_price, book.spread, book.microprice
        (100.25, 0.5, 100.125)
        """
        cdef ob_top top
        if not ob_book_top(&self.book, &top):
            return None
        if small(top.bid) and small(top.ask):
            return self.quotient(top.bid + top.ask, 2)
        return self._quotient(<object>top.bid + <object>top.ask, 2)

    @property
    def spread(self):
        """Best ask minus best bid, negative when crossed, None when a side is empty. O(1)."""
        cdef ob_top top
        if not ob_book_top(&self.book, &top):
            return None
        if small(top.bid) and small(top.ask):
            return number(self.kind, top.ask - top.bid, self.book.price_scale)
        return self._out_price(<object>top.ask - <object>top.bid)

    @property
    def spread_bps(self):
        """The spread in basis points of the mid price; None when a side is empty or the mid is not positive. O(1)."""
        cdef ob_top top
        if not ob_book_top(&self.book, &top):
            return None
        bid, ask = top.bid, top.ask
        if ask + bid <= 0:
            return None
        return 20_000 * (ask - bid) / (ask + bid)

    @property
    def microprice(self):
        """The mid weighted by the size of the opposite side, None when a side is empty. O(1).

        ``(ask * bid_size + bid * ask_size) / (bid_size + ask_size)``: the side with more size pushes the price away.
        """
        cdef ob_top top
        if not ob_book_top(&self.book, &top):
            return None
        bid, bid_size, ask, ask_size = top.bid, top.bid_size, top.ask, top.ask_size
        return self._quotient(ask * bid_size + bid * ask_size, bid_size + ask_size)

    def imbalance(self, levels=1):
        """Return (B - A) / (B + A) over the sizes of the best ``levels`` of each side, None if one is empty. O(levels).

        From -1 (all asks) to +1 (all bids). Raises UsageError unless ``levels`` is at least 1.

        >>> from orderbook.books import L2Book
        >>> book = L2Book()
        >>> book.apply_snapshot([("100", 5), ("99", 5)], [("101", 15)])
        >>> book.imbalance(), book.imbalance(2)
        (-0.5, -0.2)
        """
        cdef int64_t count = as_int(levels, "levels", 1, INT64_MAX)
        if not self.book.sides[OB_BID].ladder.levels or not self.book.sides[OB_ASK].ladder.levels:
            return None
        bid, ask = self.sum_of(OB_BID, count), self.sum_of(OB_ASK, count)
        return (bid - ask) / (bid + ask)

    cdef object sum_of(self, int side, int64_t count):
        cdef ob_cursor at
        cdef uint64_t part = 0
        total = 0
        ob_start(&at, &self.book.sides[side].ladder)
        while count and ob_next(&at):
            if part >> 63:
                total += part
                part = 0
            part += <uint64_t>at.numbers[0]
            count -= 1
        return total + part

    @property
    def is_crossed(self):
        """Whether the best bid is above the best ask. O(1)."""
        cdef ob_top top
        return bool(ob_book_top(&self.book, &top) and top.bid > top.ask)

    @property
    def is_locked(self):
        """Whether the best bid equals the best ask, which is legal. O(1)."""
        cdef ob_top top
        return bool(ob_book_top(&self.book, &top) and top.bid == top.ask)

    @property
    def state(self):
        """What the book looks like; never ``STALE``, for that is what its builder knows. O(1)."""
        return _states[ob_book_state(&self.book)]

    def depth(self, n=10, *, price_type=None):
        """Return the best ``n`` levels of each side (None: all) as an immutable :class:`~orderbook.Depth`. O(n).

        Raises:
            UsageError: ``n`` is below 1, or ``price_type`` is unknown.

        >>> from orderbook.books import L2Book
        >>> book = L2Book("ETHUSDT")
        >>> book.apply_snapshot([("100.50", 1)], [("101", 1), ("102", 2)])
        >>> book.depth(1, price_type="decimal").asks
        (Level(price=Decimal('101.0'), size=Decimal('1'), count=None),)
        """
        cdef int64_t count = -1
        if type(n) is int and 1 <= n <= OB_BOOK_LEVELS:
            count = n
        elif n is not None:
            count = as_int(n, "n", 1, INT64_MAX)
        if price_type is None:
            return self.shot(count, self.kind)
        converter(price_type)  # refuses an unknown name
        return self.shot(count, _kinds.index(price_type))

    cdef object shot(self, int64_t count, int kind):
        """The view, or the very one that was made last while the book stands still: a view never changes."""
        if (
            self.seen_depth is None
            or self.version_of_depth != self.book.version
            or self.count_of_depth != count
            or self.kind_of_depth != kind
        ):
            self.seen_depth = self.new_shot(count, kind)
            self.version_of_depth, self.count_of_depth, self.kind_of_depth = self.book.version, count, kind
        return self.seen_depth

    cdef object new_shot(self, int64_t count, int kind):
        cdef ob_side *sides = self.book.sides
        cdef object view = Depth.__new__(Depth)
        cdef int64_t longest = max(sides[0].ladder.levels, sides[1].ladder.levels)
        cdef int64_t shown = longest if count < 0 else count
        ob_store(_depth_bids, view, tuple(self.levels_between(OB_BID, 0, shown, kind)))
        ob_store(_depth_asks, view, tuple(self.levels_between(OB_ASK, 0, shown, kind)))
        ob_store(_depth_symbol, view, self.symbol_text)
        ob_store(_depth_levels, view, shown)
        ob_store(_depth_sequence, view, from_maybe(self.book.header.sequence))
        ob_store(_depth_ts_event, view, from_maybe(self.book.header.ts_event))
        ob_store(_depth_ts_recv, view, from_maybe(self.book.header.ts_recv))
        ob_store(_depth_bids_known, view, is_known(&sides[OB_BID], count))
        ob_store(_depth_asks_known, view, is_known(&sides[OB_ASK], count))
        ob_store(_depth_price_type, view, _kinds[kind])
        ob_store(_depth_price_scale, view, self.book.price_scale)
        ob_store(_depth_size_scale, view, self.book.size_scale)
        return view


cdef inline bint small(int64_t ticks) noexcept:
    """Whether a sum of two such numbers is an exact double."""
    return -(_exact // 2) <= ticks <= _exact // 2


cdef object is_known(const ob_side *side, int64_t count):
    return bool(not side.limited or (count > 0 and ob_is_known_to(side, count)))


cdef object _depth_symbol = Depth.symbol
cdef object _depth_bids = Depth.bids
cdef object _depth_asks = Depth.asks
cdef object _depth_levels = Depth.levels
cdef object _depth_sequence = Depth.sequence
cdef object _depth_ts_event = Depth.ts_event
cdef object _depth_ts_recv = Depth.ts_recv
cdef object _depth_bids_known = Depth.bids_known
cdef object _depth_asks_known = Depth.asks_known
cdef object _depth_price_type = Depth.price_type
cdef object _depth_price_scale = Depth.price_scale
cdef object _depth_size_scale = Depth.size_scale
