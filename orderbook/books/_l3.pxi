# The level-3 book: the hot part of orderbook/books/orders.py and l3.py. A call reads its arguments here where they are
# plain (an int or text id, a number that the book's scales hold) and nothing is wrong with them. Everything else is
# done, or refused, by the reference's own method, which ends in the few steps that keep the orders: _insert, _remove,
# _shrink, _put_anonymous, _widen, _take_over, _finish.

@cython.no_gc_clear
@cython.auto_pickle(False)
cdef class L3Core(BookCore):
    """What a compiled L3 book keeps and does; :class:`orderbook.books.native.L3Book` is the book."""

    def __cinit__(self, *args, **kwargs):
        ob_l3_ready(&self.book)
        ob_orders_init(&self.orders_kept, _seed)
        self.l3.book, self.l3.orders = &self.book, &self.orders_kept
        self.texts = {}
        self.plain = is_plain(type(self))

    def __dealloc__(self):
        ob_orders_clear(&self.orders_kept)

    cdef int64_t count_number(self, int side, const int64_t *numbers) noexcept nogil:
        cdef const ob_queue *queue = &self.orders_kept.queues[numbers[1]]
        return -1 if queue.anonymous else <int64_t>queue.count

    cdef void free_cells(self) noexcept:
        ob_orders_clear(&self.orders_kept)
        ob_l3_ready(&self.book)
        self.texts = {}

    cdef void end_change(self, const ob_header *header) noexcept:
        ob_l3_finish(self.l3, header)
        self.settle()

    # ---- ids ---------------------------------------------------------------------------------------------------------
    # A text id is known to C by the address of the one text in `texts` that is equal to it, which lives as long as the
    # order. So ints, the common case, never touch a Python dict, and texts are compared by Python alone.

    cdef int read_id(self, object value, ob_id *out) except -1:
        """Read a plain id; one whose text is not in `texts` gets its own address, which no resting order has."""
        cdef int overflow = 0
        cdef PyObject *found
        cdef int64_t number
        if type(value) is int:
            number = PyLong_AsLongLongAndOverflow(value, &overflow)
            if overflow:
                if overflow < 0 or value > UINT64_MAX:
                    return 0
                out.bits, out.kind = value, OB_ID_INT
                return 1
            out.bits, out.kind = <uint64_t>number, OB_ID_NEGATIVE if number < 0 else OB_ID_INT
            return 1
        if type(value) is not str:
            return 0
        found = PyDict_GetItemWithError(self.texts, value)
        out.bits = <uint64_t><size_t>(found if found != NULL else <PyObject *>value)
        out.kind = OB_ID_TEXT
        return 1

    cdef uint32_t find(self, object order_id) except? 0xFFFFFFFE:
        """The order of a plain id, OB_NIL for any other and where none rests."""
        cdef ob_id id
        return ob_find_order(&self.orders_kept, id) if self.read_id(order_id, &id) else OB_NIL

    cdef object id_of(self, uint32_t at):
        cdef const ob_order *order = &self.orders_kept.orders[at]
        if order.kind == OB_ID_INT:
            return order.id
        if order.kind == OB_ID_NEGATIVE:
            return <int64_t>order.id
        if order.kind != OB_ID_TEXT:
            raise RuntimeError(_CHANGED)
        return <object><PyObject *><size_t>order.id

    cdef int adopt_text(self, object order_id, ob_id *id) except -1:
        """Keep the text of an order to come; 0: one that rests, or that may not be one (not UTF-8, say)."""
        if not PyUnicode_IS_COMPACT_ASCII(order_id) and as_order_id(order_id) is not order_id:
            return 0
        if order_id in self.texts:
            return 0
        self.texts[order_id] = order_id
        id.bits = <uint64_t><size_t><PyObject *>order_id
        return 1

    cdef int settle(self) except -1:
        """Let go of the texts of orders that left."""
        cdef uint64_t text = 0
        while ob_next_leaver(&self.orders_kept, &text):
            del self.texts[<object><PyObject *><size_t>text]
        return 0

    cdef int settle_if(self, int code) except -1:
        """The end of a quick call: whether it is done."""
        if code == OB_NO_MEMORY:
            raise MemoryError
        if self.orders_kept.leavers != OB_NIL:
            self.settle()
        return code

    cdef int out_of_memory(self) except -1:
        """Half of a change may be in: nothing of the book can be believed any more."""
        ob_l3_empty(self.l3, 0)
        self.texts = {}
        self.book.version += 1
        raise MemoryError

    # ---- one order ---------------------------------------------------------------------------------------------------

    cdef int place(self, object side, object price, object size, ob_wish *wish) except -1:
        wish.side = quick_side(side)
        if wish.side < 0 or not quick_number(price, self.book.price_scale, &wish.rank):
            return 0
        wish.rank = ob_rank(wish.side, wish.rank)
        return quick_size(size, self.book.size_scale, &wish.size)

    cdef int try_add(self, object order_id, object side, object price, object size, const ob_header *header) except -1:
        cdef ob_wish wish
        cdef int code
        if not self.place(side, price, size, &wish) or not self.read_id(order_id, &wish.id):
            return 0
        if wish.id.kind != OB_ID_TEXT:
            return self.settle_if(ob_l3_add(self.l3, &wish, header))
        if not self.adopt_text(order_id, &wish.id):
            return 0
        code = ob_l3_add(self.l3, &wish, header)
        if code != OB_DONE:
            del self.texts[order_id]
        return self.settle_if(code)

    cdef int try_modify(
        self, uint32_t at, object side, object price, object size, const ob_header *header
    ) except -1:
        cdef const ob_order *order
        cdef const ob_queue *queue
        cdef ob_wish wish
        if at == OB_NIL:
            return 0
        order = &self.orders_kept.orders[at]
        queue = &self.orders_kept.queues[order.queue]
        wish.id.bits, wish.id.kind = order.id, order.kind
        wish.side, wish.rank, wish.size = queue.side, queue.rank, order.size
        if side is not None:
            wish.side = quick_side(side)
            if wish.side < 0:
                return 0
            if wish.side != queue.side:
                wish.rank = -wish.rank
        if price is not None:
            if not quick_number(price, self.book.price_scale, &wish.rank):
                return 0
            wish.rank = ob_rank(wish.side, wish.rank)
        if size is not None and not quick_size(size, self.book.size_scale, &wish.size):
            return 0
        return self.settle_if(ob_l3_modify(self.l3, at, &wish, header))

    cdef int try_take(self, object order_id, object size, const ob_header *header) except -1:
        cdef int64_t by = -1
        cdef uint32_t at = self.find(order_id)
        if at == OB_NIL or (size is not None and not quick_size(size, self.book.size_scale, &by)):
            return 0
        return self.settle_if(ob_l3_take(self.l3, at, by, header))

    cdef int try_replace(
        self, object order_id, object new_id, object price, object size, const ob_header *header
    ) except -1:
        cdef uint32_t at = self.find(order_id)
        cdef const ob_order *order
        cdef ob_wish wish
        if at == OB_NIL:
            return 0
        order = &self.orders_kept.orders[at]
        # A text that comes or goes has to be kept or let go of: the reference does it in two steps.
        if order.kind == OB_ID_TEXT or not self.read_id(new_id, &wish.id) or wish.id.kind == OB_ID_TEXT:
            return 0
        if not ob_is_order(order, wish.id) and ob_find_order(&self.orders_kept, wish.id) != OB_NIL:
            return 0
        if not self.place(_ask if self.orders_kept.queues[order.queue].side else _bid, price, size, &wish):
            return 0
        return self.settle_if(ob_l3_requeue(self.l3, at, &wish, header))

    def add(self, order_id, side, price, size, *, sequence=None, ts_event=None, ts_recv=None):
        """Put a new order at the back of its level's queue. O(log n).

        Raises:
            DuplicateOrder: the id rests in the book already.
            ScaleError: a number that is not exact, or an order or level that does not fit in int64.
            UsageError: an id that is neither text nor an int of 64 bits, no side, size 0.
            TooManyLevels: it would open a level past ``MAX_LEVELS``.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> book.add(1, "bid", "100.5", 2)
        >>> book.best_bid
        Level(price=100.5, size=2.0, count=1)
        """
        cdef ob_header header
        if quick_header(sequence, ts_event, ts_recv, &header) and self.try_add(order_id, side, price, size, &header):
            return
        L3Methods.add(self, order_id, side, price, size, sequence=sequence, ts_event=ts_event, ts_recv=ts_recv)

    def modify(self, order_id, *, price=None, size=None, sequence=None, ts_event=None, ts_recv=None):
        """Give a resting order a new price, size or both (None keeps it). O(log n).

        A new price or a larger size goes to the back of the queue; a smaller size, or the same, keeps its place.

        Raises:
            UnknownOrder: the id does not rest in the book.
            UsageError: size 0; and ScaleError, TooManyLevels as in :meth:`add`.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> for order_id, size in ((1, 10), (2, 5)):
        ...     book.add(order_id, "bid", 100, size)
        >>> book.modify(1, size=12)
        >>> [order.order_id for order in book.queue("bid", 100)]
        [2, 1]
        """
        cdef ob_header header
        if quick_header(sequence, ts_event, ts_recv, &header):
            if self.try_modify(self.find(order_id), None, price, size, &header):
                return
        L3Methods.modify(
            self, order_id, price=price, size=size, sequence=sequence, ts_event=ts_event, ts_recv=ts_recv
        )

    def replace(self, order_id, new_id, *, price, size, sequence=None, ts_event=None, ts_recv=None):
        """Take an order out and put another on its side, at the back of a queue. O(log n).

        Raises:
            UnknownOrder: ``order_id`` does not rest in the book.
            DuplicateOrder: ``new_id`` already does; and the errors of :meth:`add`.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> book.add(1, "ask", 101, 5)
        >>> book.replace(1, 2, price=102, size=4)
        >>> book.best_ask, list(book.orders)
        (Level(price=102.0, size=4.0, count=1), [2])
        """
        cdef ob_header header
        if quick_header(sequence, ts_event, ts_recv, &header):
            if self.try_replace(order_id, new_id, price, size, &header):
                return
        L3Methods.replace(
            self, order_id, new_id, price=price, size=size, sequence=sequence, ts_event=ts_event, ts_recv=ts_recv
        )

    def cancel(self, order_id, size=None, *, sequence=None, ts_event=None, ts_recv=None):
        """Take ``size`` off an order, all of it when None; what is left keeps its place. O(log n).

        Raises:
            UnknownOrder: the id does not rest in the book.
            OverExecuted: more than rests; nothing is clamped.
            UsageError: size 0.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> book.add(1, "bid", 100, 12)
        >>> book.cancel(1, 4)
        >>> book.orders[1].size
        8.0
        """
        cdef ob_header header
        if quick_header(sequence, ts_event, ts_recv, &header) and self.try_take(order_id, size, &header):
            return
        L3Methods.cancel(self, order_id, size, sequence=sequence, ts_event=ts_event, ts_recv=ts_recv)

    def execute(self, order_id, size, *, sequence=None, ts_event=None, ts_recv=None):
        """Take ``size`` off an order because it traded; at 0 the order is gone. O(log n).

        It need not be the first of its queue: the venue decides who trades.

        Raises:
            UnknownOrder: the id does not rest in the book.
            OverExecuted: more than rests; nothing is clamped.
            UsageError: size 0, or no size.

        >>> from orderbook.books import L3Book
        >>> book = L3Book()
        >>> book.add(1, "bid", 100, 12)
        >>> book.execute(1, 12)
        >>> len(book.orders), book.best_bid
        (0, None)
        """
        cdef ob_header header
        if size is not None and quick_header(sequence, ts_event, ts_recv, &header):
            if self.try_take(order_id, size, &header):
                return
        L3Methods.execute(self, order_id, size, sequence=sequence, ts_event=ts_event, ts_recv=ts_recv)

    # ---- events ------------------------------------------------------------------------------------------------------

    def apply(self, event):
        """Apply an order event, a snapshot or a Clear; a Trade, Quote, Heartbeat or Status leaves the book alone.

        After a Disconnect nothing is known (:meth:`forget`), so columns with a gap in them can be applied as they are.

        A cancel or execution of an unknown order is taken from the anonymous liquidity of its level when the event
        names side, price and size, and the level has any.

        Raises:
            UsageError: any other event, or one of another symbol; and all that the method of each event raises.

        >>> book = L3Book()
        >>> book.apply(OrderAdd(order_id=1, side=Side.BID, price="100", size="5", sequence=9))
        >>> book.best_bid.size, book.sequence
        (5.0, 9)
        """
        if not (self.plain and self.try_event(event)):
            L3Methods.apply(self, event)

    cdef int try_event(self, object event) except -1:
        cdef ob_header header
        kind = type(event)
        if kind is not OrderAdd and kind is not OrderCancel and kind is not OrderModify and kind is not OrderExecute:
            if kind is not OrderReplace:
                return 0
        symbol = ob_fetch(_event_symbol, event)
        if symbol is not self.symbol_text and symbol and self.symbol_text and symbol != self.symbol_text:
            return 0
        if not quick_header(
            ob_fetch(_event_sequence, event), ob_fetch(_event_ts_event, event), ob_fetch(_event_ts_recv, event), &header
        ):
            return 0
        if kind is OrderAdd:
            a, b, c, d = fetch_four(_add_fields, event)
            return self.try_add(a, b, c, d, &header)
        if kind is OrderCancel:
            return self.try_take(ob_fetch(_cancel_fields[0], event), ob_fetch(_cancel_fields[1], event), &header)
        if kind is OrderModify:
            return self.try_modify_event(event, &header)
        if kind is OrderReplace:
            a, b, c, d = fetch_four(_replace_fields, event)
            return self.try_replace(a, b, c, d, &header)
        size = ob_fetch(_execute_fields[1], event)
        return size is not None and self.try_take(ob_fetch(_execute_fields[0], event), size, &header)

    cdef int try_modify_event(self, object event, const ob_header *header) except -1:
        cdef uint32_t at
        order_id, side, price, size = fetch_four(_modify_fields, event)
        at = self.find(order_id)
        if at != OB_NIL:
            return self.try_modify(at, side, price, size, header)
        if not ob_fetch(_modify_fields[4], event) or side is None or price is None or size is None:
            return 0
        return self.try_add(order_id, side, price, size, header)

    def apply_many(self, events):
        """Apply events one after another and return how many; each is atomic, and the first that fails ends it.

        >>> L3Book().apply_many([OrderAdd(order_id=1, side=Side.BID, price=100, size=5), OrderCancel(order_id=1)])
        2
        """
        cdef RowsCore rows
        if self.plain and hasattr(type(events), "_book_rows"):
            symbol, columns, price_scale, size_scale = events._book_rows()
            if not (symbol and self.symbol_text and symbol != self.symbol_text):
                rows = RowsCore(columns, price_scale, size_scale)
                if rows.usable:
                    return self.apply_rows(rows, events)
        return L3Methods.apply_many(self, events)

    cdef object apply_rows(self, RowsCore rows, object events):
        """Events as columns. With the interpreter's lock held: the book is anybody's to look at meanwhile."""
        cdef ob_row_run run
        cdef int code
        memset(&run, 0, sizeof(run))
        try:
            while run.row < rows.rows.count:
                code = ob_rows_apply(self.l3, &rows.rows, min(run.row + STRIDE, rows.rows.count), &run)
                if code == OB_NO_MEMORY:
                    raise MemoryError
                if code == OB_DECLINED:
                    for event in events._events_between(run.row, run.stop):
                        self.apply(event)
                        run.events += 1
                    run.row = run.stop
                PyErr_CheckSignals()
        finally:
            self.settle()
            if not self.orders_kept.texts:
                self.texts.clear()
        return run.events

    # ---- what the reference's methods end in -------------------------------------------------------------------------

    @property
    def _orders(self):
        return OrdersCore(self)

    def _widen(self, target):
        if ob_l3_widen(self.l3, target.price, target.size):
            self.out_of_memory()

    def _insert(self, order):
        """Put an order that was checked at the back of its queue; at the book's scales."""
        cdef ob_wish wish
        cdef int64_t time = OB_TIME_MISSING if order.ts_event is None else order.ts_event
        key = order.order_id
        if not self.read_id(key, &wish.id) or ob_find_order(&self.orders_kept, wish.id) != OB_NIL:
            raise RuntimeError(_CHANGED)
        if wish.id.kind == OB_ID_TEXT:
            self.texts[key] = key
        wish.side = side_index(order.side)
        wish.rank, wish.size = ob_rank(wish.side, order.price), order.size
        if ob_l3_insert(self.l3, &wish, ob_id_tag(&self.orders_kept, wish.id), time) != OB_DONE:
            self.out_of_memory()

    def _remove(self, order):
        ob_l3_remove(self.l3, self.resting(order.order_id))
        self.settle()

    def _shrink(self, order, int64_t by, header):
        cdef ob_header stamps
        cdef uint32_t at
        fill_header(header, &stamps)
        at = self.resting(order.order_id)
        if not 0 <= by < self.orders_kept.orders[at].size:
            raise RuntimeError(_CHANGED)
        ob_l3_shrink(self.l3, at, by, &stamps)
        self.settle()

    cdef uint32_t resting(self, object order_id) except? 0xFFFFFFFE:
        """An order that was there a moment ago; the reference's code may have run somebody else's in between."""
        cdef uint32_t at = self.find(order_id)
        if at == OB_NIL:
            raise RuntimeError(_CHANGED)
        return at

    def _put_anonymous(self, side, price, int64_t size):
        cdef int i = side_index(side)
        cdef int64_t rank = ob_rank(i, price)
        if size < 0:
            ob_l3_take_anonymous(self.l3, i, rank, -size)
        elif ob_l3_add_anonymous(self.l3, i, rank, size) != OB_DONE:
            self.out_of_memory()

    def _take_over(self, scales, *ladders):
        """Keep the levels and orders of the reference's ladders instead of what there is."""
        self._reset()
        self.book.price_scale, self.book.size_scale = scales
        for ladder, side in zip(ladders, (self._bids, self._asks)):
            side.fill(ladder.walk())
            side.bound = ladder.bound

    def _become(self, L3Core staged not None):
        """Take all levels and orders of a book that is used up by it."""
        cdef int i
        for i in range(2):
            self.book.sides[i], staged.book.sides[i] = staged.book.sides[i], self.book.sides[i]
        self.orders_kept, staged.orders_kept = staged.orders_kept, self.orders_kept
        self.texts, staged.texts = staged.texts, self.texts
        self.book.price_scale, self.book.size_scale = staged.book.price_scale, staged.book.size_scale

    def _finish(self, header):
        cdef ob_header stamps
        fill_header(header, &stamps)
        ob_l3_finish(self.l3, &stamps)
        self.settle()

    def _trim(self):
        ob_l3_trim(self.l3)
        self.forget_seen()
        self.settle()

    def _reset(self):
        ob_l3_empty(self.l3, 1)
        self.texts = {}

    def forget(self):
        """Empty the book and mark all of it unknown: what a gap leaves. O(1).

        ``sequence`` and the times stay, as the last that were known.

        >>> from orderbook.books import L2Book
        >>> book = L2Book()
        >>> book.forget()
        >>> book.depth(1).known, book.known_range
        (False, KnownRange(bid_floor=inf, ask_ceiling=-inf))
        """
        ob_l3_empty(self.l3, 0)
        self.texts = {}
        self.book.version += 1

    # ---- questions ---------------------------------------------------------------------------------------------------

    cdef int look(self, uint32_t at, ob_order *order, ob_queue *queue) except -1:
        """Read an order and its queue at once: what is made of them may run Python, which may change the book."""
        if at >= self.orders_kept.used or self.orders_kept.orders[at].kind == OB_ID_FREE:
            raise RuntimeError(_CHANGED)
        order[0] = self.orders_kept.orders[at]
        queue[0] = self.orders_kept.queues[order.queue]
        return 0

    cdef object order_at(self, uint32_t at):
        cdef ob_order order
        cdef ob_queue queue
        self.look(at, &order, &queue)
        return ob_new_order_row(
            Order,
            self.id_of(at),
            _ask if queue.side else _bid,
            number(self.kind, ob_rank(queue.side, queue.rank), self.book.price_scale),
            number(self.kind, order.size, self.book.size_scale),
            time_of(self.orders_kept.past[at].ts_event),
        )

    cdef object resting_at(self, uint32_t at):
        """An order in ticks, as the reference keeps it."""
        cdef ob_order order
        cdef ob_queue queue
        self.look(at, &order, &queue)
        return Resting(
            self.id_of(at),
            _ask if queue.side else _bid,
            ob_rank(queue.side, queue.rank),
            order.size,
            time_of(self.orders_kept.past[at].ts_event),
        )

    def queue(self, side, price):
        """Return the known orders of a level, first in line first; anonymous liquidity is before them. O(orders).

        >>> book = L3Book()
        >>> book.add(1, "bid", 100, 2)
        >>> book.queue("bid", "100.0")
        [Order(order_id=1, side=<Side.BID: 1>, price=100.0, size=2.0, ts_event=None)]
        """
        cdef QueueCore found = self._asked_queue(side, price)
        cdef uint32_t at
        cdef list rows = []
        if found is not None:
            at = found.here().head
            while at < self.orders_kept.used:  # as none is, that is no order
                rows.append(self.order_at(at))
                at = self.orders_kept.orders[at].next
        return rows

    def queue_ahead(self, order_id):
        """Return how many known orders, and how much size in all, stand ahead of an order. O(orders ahead).

        Raises:
            UnknownOrder: the id does not rest in the book.

        >>> book = L3Book()
        >>> for order_id, size in ((1, 10), (2, 5), (3, 1)):
        ...     book.add(order_id, "ask", 100, size)
        >>> book.queue_ahead(3)
        QueueAhead(orders=2, size=15.0)
        """
        cdef uint32_t at = self.find(order_id), other
        cdef int64_t size, count = 0
        cdef const ob_queue *queue
        if at == OB_NIL:
            at = self.resting(self._resting(order_id).order_id)
        queue = &self.orders_kept.queues[self.orders_kept.orders[at].queue]
        other, size = queue.head, queue.anonymous
        while other != at:
            count += 1
            size += self.orders_kept.orders[other].size
            other = self.orders_kept.orders[other].next
        return QueueAhead(count, number(self.kind, size, self.book.size_scale))

    def to_l2(self):
        """Return an L2 book of the levels, with the header and the known range. O(levels).

        >>> book = L3Book("BTCUSD")
        >>> book.add(1, "bid", 100, 2); book.add(2, "bid", 100, 3)
        >>> book.to_l2()
        <L2Book BTCUSD 100 x 5 | -, 1 bids, 0 asks>
        """
        cdef L2Core twin = self._flat_type.__new__(self._flat_type)
        cdef ob_cursor at
        cdef int i
        copy_head(self, twin)
        for i in range(2):
            ob_ladder_init(&twin.book.sides[i].ladder, 1)
            ob_start(&at, &self.book.sides[i].ladder)
            while ob_next(&at):
                if put_cell(&twin.book.sides[i].ladder, at.rank, at.numbers[0], self.count_number(i, at.numbers)):
                    raise MemoryError
            twin.book.sides[i].limited, twin.book.sides[i].bound = self.book.sides[i].limited, self.book.sides[i].bound
        return twin

    def copy(self):
        """Return an independent book with the same state and header. O(n)."""
        cdef L3Core twin = type(self).__new__(type(self))
        cdef int i
        if ob_orders_copy(&twin.orders_kept, &self.orders_kept):
            raise MemoryError
        for i in range(2):
            copy_side(&self.book.sides[i], &twin.book.sides[i])
        copy_head(self, twin)
        twin.texts = dict(self.texts)
        ob_l3_renumber(twin.l3)
        # Only a subclass has one; what it keeps there belongs to the copy too.
        if hasattr(self, "__dict__"):
            twin.__dict__.update(self.__dict__)
        return twin

    def _check_all(self):
        cdef const char *wrong
        Book._check_all(self)
        for ladder in (self._bids, self._asks):
            for price, queue in ladder.walk():
                self._check_queue(ladder.side, price, queue)
        wrong = ob_l3_check(&self.book, &self.orders_kept)
        ensure(wrong == NULL, "" if wrong == NULL else wrong.decode())
        ensure(len(self.texts) == self.orders_kept.texts, "the texts are not those of the orders that rest")
        ensure(all(self.find(text) != OB_NIL for text in self.texts), "a text belongs to no order")
