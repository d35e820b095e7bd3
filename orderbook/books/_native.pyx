# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The books at native speed: same names, same errors, same answers as :mod:`orderbook.books.reference`.

``L2Core`` and ``L3Core`` keep the levels in C and do what is called most; :mod:`orderbook.books.native` puts the
reference's own code around them for all the rest. A book has one writer; readers in other threads take views
(``depth()``, ``copy()``) that the writer made for them. The module does not declare itself safe without the
interpreter's lock, so a free-threaded Python turns the lock on when it is imported.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.dict cimport PyDict_GetItemWithError
from cpython.exc cimport PyErr_CheckSignals
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Free
from cpython.ref cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport INT64_MAX, INT64_MIN, UINT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset, strlen

from orderbook.columns._tape cimport (
    OB_BREATH,
    OB_EVENT,
    OB_NO_TIME,
    OB_OUT_OF_MEMORY,
    OB_RECV,
    OB_REFUSED,
    ob_apply_events,
    ob_builder,
    ob_builder_init,
    ob_run_until,
    ob_tape,
)

import sys
from decimal import Decimal
from itertools import islice

from orderbook.books.arguments import MAX_COUNT, as_int, as_levels, as_ns, as_order_id, as_sequence, as_text
from orderbook.books.base import Book, ensure
from orderbook.books.l2 import L2Methods
from orderbook.books.l3 import L3Methods, QueueAhead
from orderbook.books.ladder import Aggregate
from orderbook.books.queue import Resting
from orderbook.events import Delta, Event, OrderAdd, OrderCancel, OrderExecute, OrderModify, OrderReplace
from orderbook.levels import Levels
from orderbook.scale import converter, to_decimal
from orderbook.types import BookState, Level, Order, Side
from orderbook.views import Depth

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1
    char *PyOS_double_to_string(double value, char format, int precision, int flags, int *kind)
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void *PyUnicode_1BYTE_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef int64_t _max_count = MAX_COUNT
cdef str _CHANGED = "the book changed while it was read"

include "_reading.pxi"
include "_side.pxi"
include "_rows.pxi"
include "_l2.pxi"
include "_columns.pxi"
include "_l3_arguments.pxi"
include "_l3_rows.pxi"
include "_l3.pxi"
include "_l3_cells.pxi"
