# The level-2 book: the hot part of orderbook/books/l2.py.

@cython.auto_pickle(False)
cdef class L2Core(BookCore):
    """What a compiled L2 book keeps and does; :class:`orderbook.books.native.L2Book` is the book."""

    def __cinit__(self, *args, **kwargs):
        memset(self.columns, 0, sizeof(self.columns))

    def __dealloc__(self):
        columns_free(&self.columns[OB_BID])
        columns_free(&self.columns[OB_ASK])

    cdef int64_t count_number(self, int side, const int64_t *numbers) noexcept nogil:
        return numbers[1] if self.book.sides[side].ladder.wide else -1

    # ---- change ------------------------------------------------------------------------------------------------------

    cdef int read_header(self, object sequence, object ts_event, object ts_recv, ob_header *header) except -1:
        to_maybe(None if sequence is None else as_sequence(sequence), &header.sequence)
        read_time(ts_event, &header.ts_event)
        read_time(ts_recv, &header.ts_recv)
        return 0

    cdef int take_rows(self, object bids, object asks) except -1:
        """Both sides as columns at common scales that hold the book's numbers too; 0: not understood."""
        cdef Columns *first = &self.columns[OB_BID]
        cdef Columns *second = &self.columns[OB_ASK]
        first.price_scale, first.size_scale = self.book.price_scale, self.book.size_scale
        if not read_rows(bids, first):
            return 0
        second.price_scale, second.size_scale = first.price_scale, first.size_scale
        if not read_rows(asks, second):
            return 0
        return (
            widen_column(first.prices, first.count, &first.price_scale, second.price_scale)
            and widen_column(first.sizes, first.count, &first.size_scale, second.size_scale)
        )

    cdef int side_has_room(self, int side) noexcept:
        """Whether a side surely stays within the limit of levels."""
        if self.book.max_depth:
            return 1
        return <int64_t>(self.book.sides[side].ladder.levels + self.columns[side].count) <= OB_BOOK_LEVELS

    cdef int ready(self, object bids, object asks) except -1:
        """Read the rows and see that a delta of them surely fits in the book."""
        return (
            self.take_rows(bids, asks)
            and ob_book_fits(&self.book, self.columns[OB_BID].price_scale, self.columns[OB_BID].size_scale)
            and self.side_has_room(OB_BID)
            and self.side_has_room(OB_ASK)
        )

    def apply_delta(self, bids, asks, *, sequence=None, ts_event=None, ts_recv=None):
        """Set levels to new absolute sizes; size 0 deletes, and deleting what is not there is legal. O(k log n).

        Where a price stands twice the later row wins, for array order is the venue's order. Deltas never widen the
        known range: a level set beyond it is kept and shown, while what lies between stays unknown.

        Raises:
            ScaleError: a number that is not exact, or does not fit in int64 at the scale that the book then needs.
            TooManyLevels: a side would hold more than ``MAX_LEVELS``, and no ``max_depth``.

        >>> book = L2Book()
        >>> book.apply_delta([("100", 1), ("100", 3), ("98", 0)], [])
        >>> list(book.bids)
        [Level(price=100.0, size=3.0, count=None)]
        """
        cdef ob_header header
        self.read_header(sequence, ts_event, ts_recv, &header)
        if not self.ready(bids, asks):
            bids, asks = as_levels(bids, "bids"), as_levels(asks, "asks")
            self._plan_delta(bids, asks)  # raises where something is wrong
            ensure_taken(self.take_rows(bids, asks))
        self.put_columns(&header)

    cdef int put_columns(self, const ob_header *header) except -1:
        """Apply the columns as a delta that is known to fit."""
        cdef Columns *side
        cdef int i
        if ob_book_widen(&self.book, self.columns[OB_BID].price_scale, self.columns[OB_BID].size_scale):
            self.out_of_memory()
        for i in range(2):
            side = &self.columns[i]
            if ob_set_levels(&self.book, i, side.prices, side.sizes, side.counts if side.counted else NULL, side.count):
                self.out_of_memory()
        ob_book_finish(&self.book, header)
        return 0

    cdef int out_of_memory(self) except -1:
        """Half a message may be in: nothing of the book can be believed any more."""
        ob_book_empty(&self.book, 0)
        self.book.version += 1
        raise MemoryError

    def apply_snapshot(self, bids, asks, *, complete=True, sequence=None, ts_event=None, ts_recv=None):
        """Replace the whole book. O(n log n).

        Sides are rows of ``(price, size)`` or :class:`~orderbook.Level`, or parsed :class:`~orderbook.Levels`, in any
        order. Levels of size 0 are dropped. ``complete=False``: each side is known only to its worst level; of a side
        without levels nothing is known.

        Raises:
            ScaleError: a number that is not exact or does not fit in int64.
            DuplicateLevel: a price stands twice on a side.
            TooManyLevels: more than ``MAX_LEVELS`` on a side, and no ``max_depth``.

        >>> book = L2Book()
        >>> book.apply_snapshot([("99", 1), ("100", 2)], [], complete=False)
        >>> book.best_bid, book.known_range.bid_floor
        (Level(price=100.0, size=2.0, count=None), 99.0)
        """
        cdef ob_header header
        cdef ob_side sides[2]
        self.read_header(sequence, ts_event, ts_recv, &header)
        if not self.take_rows(bids, asks) or not self.few_rows() or not self.fill_sides(sides, complete):
            bids, asks = as_levels(bids, "bids"), as_levels(asks, "asks")
            self._plan_snapshot(bids, asks, complete=complete)  # raises where something is wrong
            ensure_taken(self.take_rows(bids, asks) and self.fill_sides(sides, complete))
        ob_ladder_clear(&self.book.sides[OB_BID].ladder)
        ob_ladder_clear(&self.book.sides[OB_ASK].ladder)
        self.book.sides[OB_BID], self.book.sides[OB_ASK] = sides[OB_BID], sides[OB_ASK]
        self.book.price_scale = self.columns[OB_BID].price_scale
        self.book.size_scale = self.columns[OB_BID].size_scale
        ob_book_finish(&self.book, &header)

    cdef int few_rows(self) noexcept:
        cdef size_t longest = max(self.columns[OB_BID].count, self.columns[OB_ASK].count)
        return self.book.max_depth > 0 or <int64_t>longest <= OB_BOOK_LEVELS

    cdef int fill_sides(self, ob_side *sides, bint complete) except -1:
        """Both sides of the columns, apart from the book; 0 where a price stands twice."""
        cdef Columns *rows
        cdef int i, code
        for i in range(2):
            rows = &self.columns[i]
            code = ob_fill_side(
                &sides[i], i, rows.prices, rows.sizes, rows.counts if rows.counted else NULL, rows.count, complete
            )
            if code != 1:
                if i:
                    ob_ladder_clear(&sides[OB_BID].ladder)
                if code < 0:
                    raise MemoryError
                return 0
        return 1

    def apply(self, event):
        """Apply a Snapshot, Delta or Clear; a Trade, Quote, Heartbeat or Status leaves the book alone.

        After a Disconnect nothing is known (:meth:`forget`), so columns with a gap in them can be applied as they are.

        Raises:
            UsageError: any other event, or one of another symbol; and all that ``apply_snapshot`` and ``apply_delta``
            raise.

        >>> book = L2Book("ETHUSDT")
        >>> book.apply(Snapshot(symbol="ETHUSDT", bids=[("100", 1)], sequence=5))
        >>> book.best_bid.price, book.sequence
        (100.0, 5)
        """
        if type(event) is not Delta:
            L2Methods.apply(self, event)
            return
        symbol = event.symbol
        if symbol and self.symbol_text and symbol != self.symbol_text:
            self._accept(event)
        self.apply_delta(
            event.bids, event.asks, sequence=event.sequence, ts_event=event.ts_event, ts_recv=event.ts_recv
        )

    def apply_many(self, events):
        """Apply events one after another and return how many; each is atomic, and the first that fails ends it.

        >>> L2Book().apply_many([Snapshot(bids=[("100", 1)]), Delta(bids=[("100", 0)])])
        2
        """
        # A subclass may apply events in a way of its own.
        count = apply_columns(self, events) if type(self) is self._leaf else None
        return L2Methods.apply_many(self, events) if count is None else count

    def _run_until(self, events, int64_t moment, clock):
        """Become the book of columns at a moment: see run_columns."""
        return run_columns(self, events, moment, clock == "event")

    def _finish(self, header):
        cdef ob_header stamps
        self.read_header(header.sequence, header.ts_event, header.ts_recv, &stamps)
        ob_book_finish(&self.book, &stamps)

    def _trim(self):
        cdef ob_header nothing
        cdef int64_t version = self.book.version
        memset(&nothing, 0, sizeof(nothing))
        ob_book_finish(&self.book, &nothing)
        self.book.version = version
        self.forget_seen()

    def _reset(self):
        ob_book_empty(&self.book, 1)

    def forget(self):
        """Empty the book and mark all of it unknown: what a gap leaves. O(1).

        ``sequence`` and the times stay, as the last that were known.

        >>> from orderbook.books import L2Book
        >>> book = L2Book()
        >>> book.forget()
        >>> book.depth(1).known, book.known_range
        (False, KnownRange(bid_floor=inf, ask_ceiling=-inf))
        """
        ob_book_empty(&self.book, 0)
        self.book.version += 1

    def copy(self):
        """Return an independent book with the same state and header. O(n)."""
        cdef L2Core twin = type(self).__new__(type(self))
        copy_head(self, twin)
        for i in range(2):
            copy_side(&self.book.sides[i], &twin.book.sides[i])
        # Only a subclass has one; what it keeps there belongs to the copy too.
        if hasattr(self, "__dict__"):
            twin.__dict__.update(self.__dict__)
        return twin

    # ---- the byte form -----------------------------------------------------------------------------------------------

    def _read_sides(self, body):
        for i, name in enumerate(("bids", "asks")):
            ladder = self._read_side(_ask if i else _bid, body.key(name))
            self._take_ladder(i, ladder)

    def _take_ladder(self, int i, ladder):
        """Take over what the reference keeps of a side."""
        cdef ob_side *side = &self.book.sides[i]
        rows = [(price, cell.size, -1 if cell.count is None else cell.count) for price, cell in ladder.walk()]
        ob_ladder_clear(&side.ladder)
        ob_ladder_init(&side.ladder, any(count >= 0 for _, _, count in rows))
        for price, size, count in rows:
            if put_cell(&side.ladder, ob_rank(i, price), size, count):
                self.out_of_memory()
        side.limited = ladder.bound is not None
        side.bound = ladder.bound if side.limited else 0


cdef int ensure_taken(bint taken) except -1:
    """What the reference's checks let through can be taken: never go on with columns that are half written."""
    if not taken:
        raise AssertionError("rows that passed every check cannot be read; please report this")
    return 0


cdef int put_cell(ob_ladder *ladder, int64_t rank, int64_t size, int64_t count) noexcept:
    cdef int is_new = 0
    cdef int64_t *place = ob_put(ladder, rank, &is_new)
    if place == NULL:
        return -1
    place[0] = size
    if ladder.wide:
        place[1] = count
    return 0


cdef void copy_head(BookCore book, BookCore twin) noexcept:
    """Everything but the levels."""
    twin.symbol_text, twin.price_type_text, twin.kind = book.symbol_text, book.price_type_text, book.kind
    twin.book.price_scale, twin.book.size_scale = book.book.price_scale, book.book.size_scale
    twin.book.max_depth, twin.book.version = book.book.max_depth, book.book.version
    twin.book.header = book.book.header


cdef int copy_side(const ob_side *source, ob_side *to) except -1:
    if ob_ladder_copy(&to.ladder, &source.ladder, source.ladder.wide, 1, 1):
        raise MemoryError
    to.limited, to.bound = source.limited, source.bound
    return 0
