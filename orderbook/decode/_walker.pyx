# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False
"""The compiled interpreter of JSON tables: :mod:`orderbook.decode.interpret` at the speed of C, or no answer at all.

A :class:`Walker` is a table made into a program for ``orderbook/csrc/walker.h``, which runs it straight over the bytes.
What it accepts it reads as the readable interpreter does; whatever is wrong, rare or not compiled it declines, and the
readable interpreter decides. So there is one specification, and one place where errors are worded.

A Walker never changes once it is made: threads may share it, with and without the GIL. A :class:`Scratch` is the room
that one thread reads into, used again from message to message.
"""

import dataclasses
from decimal import Decimal

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.long cimport PyLong_FromLongLong
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport INT64_MAX, INT64_MIN
from libc.string cimport memcmp
cimport cython

from orderbook.decode.table import Kind, LevelArrays, Scope, SymbolFrom, Test, Wire, event_class
from orderbook.errors import ScaleError, UsageError
from orderbook.levels import Levels

cdef extern from "Python.h":
    int PyObject_GenericSetAttr(object o, object name, object value) except -1
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL


# -- numbers -----------------------------------------------------------------------------------------------------------

cdef dict _REASONS = {
    OB_NOT_DECIMAL: "not a finite decimal number",
    OB_TOO_LARGE: "does not fit in int64",
    OB_TOO_FINE: "finer than 18 decimal digits",
    OB_TOO_LONG: "longer than 64 characters",
    OB_FINER: "has more decimal digits",
}


cpdef tuple parse_decimal(str text):
    """Return ``(mantissa, scale)`` of decimal text: what :func:`orderbook.scale.parse` returns. O(length of the text).

    Raises:
        ScaleError: no plain decimal number, or one beyond int64.

    >>> parse_decimal("2683.80000000")
    (26838, 1)
    """
    cdef Py_ssize_t n
    cdef int64_t mantissa = 0
    cdef int scale = 0
    if len(text) > 64:  # in characters, as the reference counts; more bytes than that are no digits
        raise ScaleError(text, _REASONS[OB_TOO_LONG])
    raw = text.encode("utf-8", "surrogatepass")
    n = PyBytes_GET_SIZE(raw)
    cdef int code = ob_parse_decimal(PyBytes_AS_STRING(raw), n, &mantissa, &scale)
    if code == OB_TOO_LONG:
        code = OB_NOT_DECIMAL
    if code != OB_OK:
        raise ScaleError(text, _REASONS[code])
    return mantissa, scale


def parse_at(str text, int scale):
    """Return the mantissa of decimal text at a scale from 0 to 18, None if it needs more digits than that. O(length).

    Raises:
        ScaleError: no plain decimal number, or one beyond int64 at this scale.

    >>> parse_at("12.50", 2), parse_at("12.50", 0)
    (1250, None)
    """
    cdef int64_t mantissa = 0
    if not 0 <= scale <= 18:
        raise UsageError(f"a scale is 0 to 18, not {scale}")
    raw = text.encode("utf-8", "surrogatepass")
    cdef int code = ob_parse_at(PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw), scale, &mantissa)
    if code == OB_FINER:
        return None
    if code != OB_OK:
        raise ScaleError(text, _REASONS[code])
    return mantissa


# -- from a table to a program -----------------------------------------------------------------------------------------

include "_program.pxi"


# -- events ------------------------------------------------------------------------------------------------------------


@cython.final
cdef class _Maker:
    """How a message's event is put together: what is the same every time, and what is read."""

    cdef type cls
    cdef tuple fixed   # (name, value)
    cdef tuple read    # (name, number of the attribute)
    cdef bint levels

    def __init__(self, spec):
        self.cls = event_class(spec.kind)
        self.levels = spec.levels is not None
        names = [field.name for field in spec.fields]
        self.read = tuple((name, _ATTRIBUTES[name]) for name in dict.fromkeys(names))
        given = {"symbol", "ts_recv", *names} | ({"bids", "asks"} if self.levels else set())
        constants = dict(spec.constants)
        # What an event's class does to its values when it is made would be passed over.
        if hasattr(self.cls, "__post_init__") and spec.kind not in _LEVELLED:
            raise _Uncompiled
        fixed = []
        for field in dataclasses.fields(self.cls):
            if field.name in given:
                continue
            if field.name in constants:
                fixed.append((field.name, constants[field.name]))
            elif field.default is not dataclasses.MISSING:
                fixed.append((field.name, field.default))
            elif field.name in ("bids", "asks"):
                fixed.append((field.name, _NO_LEVELS))
            else:
                raise _Uncompiled
        self.fixed = tuple(fixed)


cdef object _NO_LEVELS = Levels()
cdef tuple _NOTHING = ()


cdef int _spare_digits(const int64_t *column, uint32_t n, int scale) noexcept nogil:
    """How many digits at the end of every number are 0, at most ``scale``."""
    cdef uint32_t i
    cdef int spare = scale
    cdef int64_t power = 1
    for _ in range(spare):
        power *= 10
    for i in range(n):
        while column[i] % power:
            power //= 10
            spare -= 1
        if spare == 0:
            break
    return spare


cdef tuple _numbers(const int64_t *column, uint32_t n, int spare):
    cdef int64_t power = 1
    cdef uint32_t i
    cdef object number
    cdef tuple made = PyTuple_New(n)
    for _ in range(spare):
        power *= 10
    for i in range(n):
        number = PyLong_FromLongLong(column[i] // power if spare else column[i])
        Py_INCREF(number)
        PyTuple_SET_ITEM(made, i, number)
    return made


cdef object _levels(const ob_levels *side, int price_scale, int size_scale, bint counted):
    """A side as Levels at the smallest scales, as parsing its rows one by one gives them."""
    cdef int price_spare, size_spare
    cdef uint32_t i
    if side.n == 0:
        return _NO_LEVELS
    price_spare = _spare_digits(side.prices, side.n, price_scale)
    size_spare = _spare_digits(side.sizes, side.n, size_scale)
    levels = Levels.__new__(Levels)
    levels.prices = _numbers(side.prices, side.n, price_spare)
    levels.sizes = _numbers(side.sizes, side.n, size_spare)
    levels.counts = tuple([side.counts[i] for i in range(side.n)]) if counted else None
    levels.price_scale = price_scale - price_spare
    levels.size_scale = size_scale - size_spare
    return levels


cdef class Scratch:
    """The room that one thread's walks read into. Two threads that share one wait for each other."""

    def __cinit__(self):
        ob_reading_init(&self.reading)
        self._channel = b""
        self._symbol = ""

    def __dealloc__(self):
        ob_reading_free(&self.reading)

    def __reduce__(self):
        return Scratch, ()

    def set_bare_channel(self, channel):
        """Say which channel messages without an envelope came over; ``""`` for none."""
        raw = channel.encode("utf-8", "surrogatepass")
        with cython.critical_section(self):
            self._channel = raw
            self.reading.bare_channel = PyBytes_AS_STRING(self._channel)
            self.reading.bare_channel_length = <uint32_t>PyBytes_GET_SIZE(self._channel)

    cdef str symbol(self):
        """The symbol of the message; the same object for as long as it stays the same."""
        cdef Py_ssize_t size = 0
        cdef const char *known = PyUnicode_AsUTF8AndSize(self._symbol, &size)
        if size != self.reading.symbol_length or memcmp(known, self.reading.symbol, size):
            self._symbol = PyUnicode_DecodeUTF8(self.reading.symbol, self.reading.symbol_length, NULL)
        return self._symbol


cdef class Walker:
    """A table of JSON messages, compiled; see the module. Made by :meth:`make`.

    >>> from orderbook.decode.binance import BINANCE_SPOT
    >>> walker = Walker.make(BINANCE_SPOT.table)
    >>> payload = b'{"u":5,"s":"ETHUSDT","b":"10.50","B":"2","a":"11","A":"0"}'
    >>> walker.read(payload, None, Scratch())[0].bid_price
    '10.50'
    >>> walker.read(b'{"u":5', None, Scratch()) is None
    True
    """

    def __cinit__(self):
        self.program = <ob_program *>PyMem_Calloc(1, sizeof(ob_program))
        if self.program is NULL:
            raise MemoryError
        ob_program_init(self.program)
        self._makers = []
        self._meanings = {}

    def __init__(self):
        raise TypeError("Walker.make(table) makes a Walker")

    def __dealloc__(self):
        PyMem_Free(self.program)

    def __reduce__(self):
        return Walker.make, (self.table,)

    @staticmethod
    def make(table):
        """Return a table compiled, None if nothing of it can be. O(size of the table)."""
        cdef Walker walker
        cdef int i
        if table.channels is not None:
            return None
        walker = Walker.__new__(Walker)
        walker.table = table
        try:
            walker._compile()
        except _Uncompiled:
            return None
        for i in range(walker.program.n_messages):
            if walker.program.messages[i].kind != OB_KIND_DECLINED:
                return walker
        return None

    def _compile(self):
        cdef _Compiler compiler = _Compiler()
        cdef int i
        compiler.p = self.program
        compiler.table = self.table
        compiler.meanings = self._meanings
        compiler.envelope()
        for message in self.table.messages:
            compiler.message(message)
        compiler.settle()
        for i, message in enumerate(self.table.messages):
            maker = None
            if self.program.messages[i].kind not in (OB_KIND_DECLINED, OB_KIND_IGNORED):
                try:
                    maker = _Maker(message.events[0])
                except _Uncompiled:
                    self.program.messages[i].kind = OB_KIND_DECLINED
            self._makers.append(maker)
        if ob_seal(self.program) < 0:
            raise _Uncompiled

    @property
    def compiled(self):
        """The names of the messages that are compiled, in the order of the table."""
        return tuple(
            message.name
            for i, message in enumerate(self.table.messages)
            if self.program.messages[i].kind != OB_KIND_DECLINED
        )

    def image(self):
        """Return the program's bytes, for tools that run ``walker.h`` without Python, built like this module."""
        return (<char *>self.program)[: sizeof(ob_program)]

    def scratch(self):
        """Return room for one thread to read into."""
        return Scratch()

    cdef int walk(self, const char *buf, Py_ssize_t n, ob_reading *r) noexcept nogil:
        """Read one message: OB_OK, or OB_DECLINE. ``r`` belongs to the calling thread."""
        return ob_walk(self.program, buf, <size_t>n, r)

    def read(self, bytes payload not None, ts_recv, Scratch scratch not None):
        """Return a payload's events, ``[]`` for a message of no use, None if the readable interpreter must decide."""
        cdef object event
        with cython.critical_section(scratch):
            scratch.reading.price_scale = scratch.reading.size_scale = 0
            if self.walk(PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload), &scratch.reading) != OB_OK:
                return None
            if scratch.reading.kind == OB_KIND_IGNORED:
                return []
            event = self._event(scratch, ts_recv)
        return [event]

    def accepts(self, bytes payload not None, Scratch scratch not None, int price_scale=0, int size_scale=0):
        """Say whether a walk from the given scales reads a payload, and make nothing of it; for tests."""
        with cython.critical_section(scratch):
            scratch.reading.price_scale = price_scale
            scratch.reading.size_scale = size_scale
            return self.walk(PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload), &scratch.reading) == OB_OK

    cdef object _event(self, Scratch scratch, object ts_recv):
        """The event of a message that was read: what ``build_event`` makes of it."""
        cdef ob_reading *r = &scratch.reading
        cdef _Maker maker = self._makers[r.message]
        cdef object event = maker.cls.__new__(maker.cls)
        # Events are frozen, and made here: their slots are filled past __setattr__, which refuses.
        PyObject_GenericSetAttr(event, "symbol", scratch.symbol())
        PyObject_GenericSetAttr(event, "ts_recv", ts_recv)
        for name, value in maker.fixed:
            PyObject_GenericSetAttr(event, name, value)
        for name, number in maker.read:
            PyObject_GenericSetAttr(event, name, self._value(&r.values[<int>number]))
        if maker.levels:
            bids = _levels(&r.bids, r.price_scale, r.size_scale, r.has_counts)
            asks = _levels(&r.asks, r.price_scale, r.size_scale, r.has_counts)
            PyObject_GenericSetAttr(event, "bids", bids)
            PyObject_GenericSetAttr(event, "asks", asks)
        return event

    cdef object _value(self, const ob_value *value):
        if value.tag == OB_INT:
            return value.number
        if value.tag == OB_DECIMAL_TEXT or value.tag == OB_TEXT:
            return PyUnicode_DecodeUTF8(value.text, value.length, NULL)
        if value.tag == OB_CHOICE:
            return self._meanings[value.choice]
        if value.tag == OB_BOOL:
            return value.number != 0
        if value.tag == OB_JSON_NUMBER:
            text = PyUnicode_DecodeUTF8(value.text, value.length, NULL)
            return int(text) if text.lstrip("-").isdigit() else Decimal(text)
        return None


# -- rows that were parsed before --------------------------------------------------------------------------------------


cdef int _add_number(object text, int64_t *column, Py_ssize_t at, int *scale) except -1:
    """One more number of a column, all at one scale, which grows with the finest; 0: not for this way."""
    cdef int64_t mantissa = 0
    cdef int own = 0, code
    cdef Py_ssize_t length = 0, i
    cdef const char *bytes_of
    if type(text) is not str or len(text) > 64:
        return 0
    bytes_of = PyUnicode_AsUTF8AndSize(text, &length)
    code = ob_parse_at(bytes_of, length, scale[0], &column[at])
    if code != OB_FINER:
        return code == OB_OK
    if ob_parse_decimal(bytes_of, length, &mantissa, &own) != OB_OK:
        return 0
    for i in range(at):
        if ob_rescale(column[i], scale[0], own, &column[i]) != OB_OK:
            return 0
    column[at], scale[0] = mantissa, own
    return 1


def levels_of(list rows not None, Py_ssize_t price, Py_ssize_t size):
    """Return rows of decimal texts as Levels, as ``Levels.parse`` does; None for rows of anything else. O(rows).

    >>> levels_of([["100.50", "2"], ["100.25", "0"]], 0, 1).prices
    (10050, 10025)
    """
    cdef Py_ssize_t count = len(rows), i
    cdef int64_t *block
    cdef ob_levels side
    cdef int price_scale = 0, size_scale = 0
    cdef list row
    if not 0 < count <= 1_000_000 or price < 0 or size < 0:
        return None
    block = <int64_t *>PyMem_Calloc(2 * count, sizeof(int64_t))
    if block is NULL:
        raise MemoryError
    try:
        for i in range(count):
            if type(rows[i]) is not list:
                return None
            row = rows[i]
            if price >= len(row) or size >= len(row):
                return None
            if not _add_number(row[price], block, i, &price_scale):
                return None
            if not _add_number(row[size], block + count, i, &size_scale) or block[count + i] < 0:
                return None
        side.prices, side.sizes, side.counts, side.n = block, block + count, NULL, <uint32_t>count
        return _levels(&side, price_scale, size_scale, False)
    finally:
        PyMem_Free(block)
