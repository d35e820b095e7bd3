# What the reference's code sees of a compiled L3 book: its index, its sides and its queues, each read from the book
# when it is asked.

@cython.auto_pickle(False)
cdef class OrdersCore:
    """The resting orders by id, oldest first: the index of a reference book, read only."""

    cdef L3Core owner

    def __cinit__(self, L3Core owner not None):
        self.owner = owner

    def __len__(self):
        return self.owner.orders_kept.count

    cdef uint32_t find(self, object key) except? 0xFFFFFFFE:
        """As a dict finds it: what is equal to an id is that id."""
        cdef uint32_t at = self.owner.find(key)
        if at == OB_NIL and type(key) is not int and type(key) is not str:
            at = self.owner.find(plain_key(key))
        return at

    def __contains__(self, key):
        return self.find(key) != OB_NIL

    def __getitem__(self, key):
        cdef uint32_t at = self.find(key)
        if at == OB_NIL:
            raise KeyError(key)
        return self.owner.resting_at(at)

    def __iter__(self):
        cdef uint32_t at
        cdef const ob_orders *orders = &self.owner.orders_kept
        ages = [(orders.past[at].age, at) for at in range(orders.used) if orders.orders[at].kind != OB_ID_FREE]
        ages.sort()
        return iter([self.owner.id_of(at) for _, at in ages])


cdef object plain_key(object key):
    """The int or text that equals a key, None where there is none; TypeError for what no dict takes."""
    hash(key)
    if isinstance(key, str):
        return str(key)
    try:
        value = int(key)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if value == key else None


@cython.auto_pickle(False)
cdef class L3SideCore(SideCore):
    """One side of a compiled L3 book, as the reference's code sees it."""

    cdef object cell(self, int64_t rank, const int64_t *numbers):
        return QueueCore(self.owner, <uint32_t>numbers[1], numbers[0])

    @property
    def bound(self):
        """The rank of the worst known price, None when all are known."""
        cdef ob_side *side = &self.owner.book.sides[self.index]
        return side.bound if side.limited else None

    @bound.setter
    def bound(self, value):
        cdef ob_side *side = &self.owner.book.sides[self.index]
        side.limited, side.bound = value is not None, 0 if value is None else value

    def limit_to_worst(self, *, but=0):
        """Say that the side is known to its worst level (``but`` so many levels) and no further."""
        ob_limit_side(&self.owner.book.sides[self.index], but)

    def fill(self, cells):
        """Set levels that are not there yet from pairs of price and queue."""
        book = self.owner
        for price, cell in cells:
            if cell.anonymous:
                book._put_anonymous(self.side, price, cell.anonymous)
            for order in cell.orders.values():
                book._insert(order)


@cython.auto_pickle(False)
cdef class QueueCore:
    """One level of a compiled L3 book, to be read at once: it does not follow the book."""

    cdef L3Core owner
    cdef uint32_t queue
    cdef readonly int64_t size

    def __cinit__(self, L3Core owner not None, uint32_t queue, int64_t size):
        self.owner, self.queue, self.size = owner, queue, size

    cdef const ob_queue *here(self) except NULL:
        if self.queue >= self.owner.orders_kept.queue_used:
            raise RuntimeError(_CHANGED)
        return &self.owner.orders_kept.queues[self.queue]

    @property
    def anonymous(self):
        """The size ahead of the orders."""
        return self.here().anonymous

    @property
    def count(self):
        """The number of orders; None while some of the size is anonymous."""
        cdef const ob_queue *queue = self.here()
        return None if queue.anonymous else queue.count

    @property
    def orders(self):
        """The orders by id, in queue order."""
        cdef const ob_orders *orders = &self.owner.orders_kept
        cdef uint32_t at = self.here().head
        cdef dict found = {}
        while at < orders.used:  # as none is, that is no order
            found[self.owner.id_of(at)] = self.owner.resting_at(at)
            at = orders.orders[at].next
        return found

    def canonical(self, size_divisor):
        """Return the anonymous size, and id and size of every order in queue order."""
        cdef const ob_orders *orders = &self.owner.orders_kept
        cdef uint32_t at = self.here().head
        cdef int64_t divisor = size_divisor
        cdef list rows = []
        while at < orders.used:
            rows.append((self.owner.id_of(at), orders.orders[at].size // divisor))
            at = orders.orders[at].next
        return (self.here().anonymous // divisor, tuple(rows))

    def sizes(self):
        """Return the anonymous size and every order's."""
        return (self.anonymous, *(order.size for order in self.orders.values()))

    def __repr__(self):
        return f"Queue(size={self.size}, anonymous={self.anonymous}, orders={list(self.orders.values())})"
