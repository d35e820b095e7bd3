# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Kernels over columns: what :func:`orderbook.sample` does with Events of an L2 book, in C and without the GIL.

A kernel reads columns that nobody writes and keeps a book that nobody else sees, so it needs no interpreter: threads
that sample several Events run at the same time. Whatever is not plain L2, and everything that is wrong, it leaves to
the Python path (it returns None), which is the specification and words the errors.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

from orderbook.columns._tape cimport (
    OB_BREATH,
    OB_EVENT,
    OB_FINE,
    OB_MORE_ROOM,
    OB_NO_TIME,
    OB_OUT_OF_MEMORY,
    OB_RECV,
    ob_sample,
    ob_sampler,
    ob_sampler_free,
    ob_sampler_init,
    ob_sampler_start,
    ob_tape,
)

from orderbook.types import INT64_MAX, Flag

include "_tape.pxi"

cdef enum:
    FEW_ROWS = 4096
    MUCH = 1 << 30  # bytes that are asked for before a row is known to be needed; untouched, they cost nothing


@cython.internal
cdef class Sampler:
    """A run of ``ob_sample`` and the arrays that it writes."""

    cdef ob_sampler run
    cdef Tape tape
    cdef dict arrays
    cdef object max_rows
    cdef object refuse

    def __cinit__(self):
        ob_sampler_init(&self.run)

    def __dealloc__(self):
        ob_sampler_free(&self.run)

    cdef int go(self) except? -100:
        """Run until it is through or refused; the GIL is free, for nobody else sees the book or the arrays."""
        cdef int code = OB_BREATH
        while code == OB_BREATH or code == OB_MORE_ROOM:
            with nogil:
                code = ob_sample(&self.run)
            if code == OB_BREATH:
                PyErr_CheckSignals()
            elif code == OB_MORE_ROOM:
                self.make_room()
        if code == OB_OUT_OF_MEMORY:
            raise MemoryError
        return code

    cdef int make_room(self) except -1:
        """Larger arrays, as the run asks for them; refuses to make them larger than the caller allows."""
        cdef object total = self.run.rows.count + <object>self.run.wanted
        if total > self.max_rows:
            raise self.refuse(total, <object>self.run.wanted, self.run.wanted_first, self.run.wanted_last)
        return self.allocate(min(self.max_rows, max(total, 2 * <object>self.run.rows.room)))

    cdef int allocate(self, size_t room) except -1:
        cdef size_t depth = self.run.rows.depth
        cdef dict old = self.arrays
        self.arrays = {
            "ts": np.empty(room, "i8"),
            "state": np.empty(room, "u1"),
            "bids_known": np.empty(room, bool),
            "asks_known": np.empty(room, bool),
        }
        for side in ("bid", "ask"):
            self.arrays[f"{side}_px"] = np.empty((room, depth))
            self.arrays[f"{side}_sz"] = np.empty((room, depth))
            self.arrays[f"{side}_ct"] = np.empty((room, depth), "u4")
        if old is not None:
            for name, values in old.items():
                self.arrays[name][: self.run.rows.count] = values[: self.run.rows.count]
        self.point()
        self.run.rows.room = room
        return 0

    cdef int point(self) except -1:
        """Tell the run where the arrays are; they have at least one row."""
        cdef int64_t[::1] ts = self.arrays["ts"]
        cdef uint8_t[::1] state = self.arrays["state"]
        cdef uint8_t[::1] known
        cdef double[:, ::1] numbers
        cdef uint32_t[:, ::1] counts
        cdef int i
        self.run.rows.ts, self.run.rows.state = &ts[0], &state[0]
        for i, side in enumerate(("bid", "ask")):
            known = self.arrays[f"{side}s_known"].view("u1")
            self.run.rows.known[i] = &known[0]
            numbers = self.arrays[f"{side}_px"]
            self.run.rows.prices[i] = &numbers[0, 0]
            numbers = self.arrays[f"{side}_sz"]
            self.run.rows.sizes[i] = &numbers[0, 0]
            counts = self.arrays[f"{side}_ct"]
            self.run.rows.counts[i] = &counts[0, 0]
        return 0

    cdef size_t first_room(self) except? 0:
        """As many rows as there will be, as far as that can be known beforehand."""
        cdef size_t depth = self.run.rows.depth
        cdef object rows
        if self.run.by_count:
            rows = int(np.count_nonzero(np.asarray(self.tape.flags) & Flag.LAST)) // self.run.step
        else:
            times = self.tape.ts_event if self.run.clock == OB_EVENT else self.tape.ts_recv
            rows = 2 + (<object>times[len(times) - 1] - <object>times[0]) // self.run.step if len(times) else 0
        most = min(self.max_rows, max(FEW_ROWS, MUCH // (11 + 40 * <object>depth)))
        return max(1, min(rows, most))

    cdef dict taken(self):
        """The rows, without the room that was kept for more if that is much."""
        cdef size_t count = self.run.rows.count
        cdef bint tight = 4 * count >= 3 * self.run.rows.room
        return {name: values[:count] if tight else values[:count].copy() for name, values in self.arrays.items()}


def sample(events, depth, every, *, by_count, clock, start, stop, max_rows, refuse):
    """Return the arrays of a Panel, None where the Python path has to decide. O(rows + panel), without the GIL.

    ``every`` is ns of the grid, or messages with ``by_count``; ``start`` and ``stop`` are int ns or None. A panel of
    more than ``max_rows`` raises what ``refuse(rows, more, first, last)`` returns.
    """
    cdef Sampler sampler = Sampler()
    cdef Tape tape
    # What does not fit in C is unusual enough to be slow.
    if every > INT64_MAX or depth > MUCH:
        return None
    tape = tape_of(events, False)
    if tape is None:
        return None
    sampler.tape, sampler.run.tape = tape, tape.rows
    sampler.run.clock = OB_EVENT if clock == "event" else OB_RECV
    sampler.run.by_count, sampler.run.step, sampler.run.left = by_count, every, every
    sampler.run.start = OB_NO_TIME if start is None else start
    sampler.run.stop = OB_NO_TIME if stop is None else stop
    sampler.run.rows.depth = depth
    sampler.max_rows, sampler.refuse = max_rows, refuse
    ob_sampler_start(&sampler.run)
    sampler.allocate(sampler.first_room())
    return sampler.taken() if sampler.go() == OB_FINE else None
