# One side of a compiled book for the code of the reference: what is rare runs there, over this.

@cython.auto_pickle(False)
cdef class SideCore:
    """One side of a compiled book, as the reference's code sees it: what a Ladder answers, read from the book."""

    cdef BookCore owner
    cdef int index

    def __cinit__(self, BookCore owner not None, bint index):
        self.owner = owner
        self.index = index

    cdef ob_ladder *ladder(self) noexcept:
        return &self.owner.book.sides[self.index].ladder

    @property
    def side(self):
        """Which side it is."""
        return _bid if self.index == OB_BID else _ask

    @property
    def bound(self):
        """The rank of the worst known price, None when all are known."""
        cdef ob_side *side = &self.owner.book.sides[self.index]
        return side.bound if side.limited else None

    def __len__(self):
        return self.ladder().levels

    def at(self, Py_ssize_t index):
        """Return ``(price, cell)`` of the level at an index, best first."""
        cdef ob_cursor at
        cdef Py_ssize_t count = self.ladder().levels
        if index < 0:
            index += count
        if not 0 <= index < count:
            raise IndexError(index)
        ob_seek(&at, self.ladder(), index)
        ob_next(&at)
        return ob_rank(self.index, at.rank), self.cell(at.rank, at.numbers)

    def get(self, price):
        """Return the level at a price."""
        if not -INT64_MAX <= price <= INT64_MAX:
            return None
        cdef int64_t rank = ob_rank(self.index, price)
        cdef const int64_t *numbers = ob_get(self.ladder(), rank)
        return None if numbers == NULL else self.cell(rank, numbers)

    def walk(self, start=0, stop=None, *, reverse=False):
        """Iterate over ``(price, cell)`` of a range of levels."""
        cdef int64_t *seen
        cdef Py_ssize_t count = self.ladder().levels
        cdef Py_ssize_t i = start, end = count if stop is None else min(stop, count)
        rows = []
        if i < end:
            seen = <int64_t *>malloc(3 * (end - i) * sizeof(int64_t))
            if seen == NULL:
                raise MemoryError
            try:
                count = self.see(i, end, seen)
                for i in range(count):
                    rows.append((ob_rank(self.index, seen[3 * i]), self.cell(seen[3 * i], seen + 3 * i + 1)))
            finally:
                free(seen)
        return reversed(rows) if reverse else iter(rows)

    cdef Py_ssize_t see(self, Py_ssize_t start, Py_ssize_t stop, int64_t *seen) noexcept:
        """Rank and numbers of a range of levels, before anything is made that might run Python."""
        cdef ob_cursor at
        cdef Py_ssize_t count = 0
        cdef int wide = self.ladder().wide
        ob_seek(&at, self.ladder(), start)
        while start + count < stop and ob_next(&at):
            seen[3 * count], seen[3 * count + 1] = at.rank, at.numbers[0]
            seen[3 * count + 2] = at.numbers[1] if wide else -1
            count += 1
        return count

    def check_order(self):
        """Raise AssertionError unless the levels stand in order."""
        prices = [self.rank(price) for price, _ in self.walk()]
        if prices != sorted(set(prices)) or len(prices) != len(self):
            raise AssertionError(f"{len(self)} levels, out of order: {prices}")

    cdef object cell(self, int64_t rank, const int64_t *numbers):
        return Aggregate(numbers[0], self.owner.count_of(self.index, numbers))
