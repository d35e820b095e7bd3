# Rows of levels into C columns. Plain lists of plain values (what orjson yields) and parsed Levels are read here; anything
# else, and anything wrong, is the reference's to parse or to refuse: nothing here raises for what a row holds.

cdef enum:
    ROW_PRICE = 0
    ROW_SIZE = 1
    TEXT_MAX = 64


cdef int columns_reserve(Columns *columns, size_t count) except -1:
    """Room for `count` rows in three columns, which are one block."""
    cdef int64_t *block
    cdef size_t room
    if count > columns.room:
        room = max(count, 2 * columns.room, <size_t>64)
        block = <int64_t *>malloc(3 * room * sizeof(int64_t))
        if block == NULL:
            raise MemoryError
        free(columns.prices)
        columns.prices, columns.sizes, columns.counts = block, block + room, block + 2 * room
        columns.room = room
    columns.count = 0
    columns.counted = False
    return 0


cdef inline void columns_free(Columns *columns) noexcept:
    free(columns.prices)


cdef int parse_long(object value, int64_t *mantissa):
    """1 where it fits in int64, and its negative too."""
    cdef int overflow = 0
    mantissa[0] = PyLong_AsLongLongAndOverflow(value, &overflow)
    return not overflow and mantissa[0] != INT64_MIN


cdef int parse_double(double value, int64_t *mantissa, int *scale) except -1:
    """A float means its shortest repr."""
    cdef char *text
    cdef int code
    if -_exact < value < _exact and value == <double><int64_t>value:
        mantissa[0], scale[0] = <int64_t>value, 0
        return 1
    text = PyOS_double_to_string(value, b'r', 0, 0, NULL)
    if text == NULL:
        raise MemoryError
    code = ob_parse_decimal(text, strlen(text), mantissa, scale)
    PyMem_Free(text)
    return code == OB_OK


cdef int widen_column(int64_t *column, size_t count, int *scale, int target) noexcept:
    if not ob_rescale_column(column, count, scale[0], target):
        return 0
    scale[0] = target
    return 1


cdef int parse_value(object value, int64_t *column, size_t at, int *scale) except -1:
    """Write one number behind `at` others, all of them at one scale, which grows with the finest; 0: not understood."""
    cdef int64_t mantissa = 0
    cdef int own = 0, code
    cdef const char *text
    cdef Py_ssize_t length
    if type(value) is str:
        if not PyUnicode_IS_COMPACT_ASCII(value):
            return 0
        text = <const char *>PyUnicode_1BYTE_DATA(value)
        length = PyUnicode_GET_LENGTH(value)
        code = ob_parse_at(text, length, scale[0], &column[at])
        if code == OB_OK:
            return 1
        if code != OB_FINER or ob_parse_decimal(text, length, &mantissa, &own) != OB_OK:
            return 0
    elif type(value) is int:
        if not parse_long(value, &mantissa):
            return 0
    elif type(value) is float:
        if not parse_double(value, &mantissa, &own):
            return 0
    else:
        return 0
    if own > scale[0]:
        if not widen_column(column, at, scale, own):
            return 0
    elif not ob_fits(mantissa, <int64_t>OB_TEN[scale[0] - own]):
        return 0
    column[at] = mantissa * <int64_t>OB_TEN[scale[0] - own]
    return 1


cdef int parse_row(object row, Columns *columns, size_t at) except -1:
    cdef object price, size
    if type(row) is list:
        if PyList_GET_SIZE(row) < 2:
            return 0
        price, size = <object>PyList_GET_ITEM(row, ROW_PRICE), <object>PyList_GET_ITEM(row, ROW_SIZE)
    elif type(row) is tuple:
        if PyTuple_GET_SIZE(row) < 2:
            return 0
        price, size = <object>PyTuple_GET_ITEM(row, ROW_PRICE), <object>PyTuple_GET_ITEM(row, ROW_SIZE)
    else:
        return 0
    if not parse_value(price, columns.prices, at, &columns.price_scale):
        return 0
    return parse_value(size, columns.sizes, at, &columns.size_scale) and columns.sizes[at] >= 0


cdef int parse_list(list rows, Columns *columns) except -1:
    cdef Py_ssize_t i, count = len(rows)
    columns_reserve(columns, count)
    for i in range(count):
        if not parse_row(<object>PyList_GET_ITEM(rows, i), columns, i):
            return 0
    columns.count = count
    return 1


cdef int copy_ints(object column, int64_t *out, size_t count, int64_t low) except -1:
    """A column of plain ints; 0 where one is something else, or out of range."""
    cdef size_t i
    cdef object value
    if type(column) is not tuple or <size_t>PyTuple_GET_SIZE(column) != count:
        return 0
    for i in range(count):
        value = <object>PyTuple_GET_ITEM(column, i)
        if type(value) is not int or not parse_long(value, &out[i]) or out[i] < low:
            return 0
    return 1


cdef int copy_counts(object column, Columns *columns) except -1:
    cdef size_t i
    cdef object value
    if column is None:
        return 1
    if type(column) is not tuple or <size_t>PyTuple_GET_SIZE(column) != columns.count:
        return 0
    columns.counted = True
    for i in range(columns.count):
        value = <object>PyTuple_GET_ITEM(column, i)
        if value is None:
            columns.counts[i] = -1
        elif type(value) is not int or not parse_long(value, &columns.counts[i]):
            return 0
        elif not 0 <= columns.counts[i] <= _max_count:
            return 0
    return 1


cdef int copy_scale(object scale, int64_t *column, size_t count, int *target) except -1:
    """Bring a column and the scale that the caller has in mind to the finer of the two."""
    cdef int own
    if type(scale) is not int or not 0 <= scale <= OB_MAX_SCALE:
        return 0
    own = scale
    if own > target[0]:
        target[0] = own
    return ob_rescale_column(column, count, own, target[0])


cdef int copy_levels(object levels, Columns *columns) except -1:
    """Levels that were parsed before, or built by hand, which nobody trusts."""
    cdef object prices = levels.prices
    if type(prices) is not tuple:
        return 0
    columns_reserve(columns, PyTuple_GET_SIZE(prices))
    columns.count = PyTuple_GET_SIZE(prices)
    if not copy_ints(prices, columns.prices, columns.count, -INT64_MAX):
        return 0
    if not copy_ints(levels.sizes, columns.sizes, columns.count, 0):
        return 0
    if not copy_scale(levels.price_scale, columns.prices, columns.count, &columns.price_scale):
        return 0
    if not copy_scale(levels.size_scale, columns.sizes, columns.count, &columns.size_scale):
        return 0
    return copy_counts(levels.counts, columns)


cdef int read_rows(object rows, Columns *columns) except -1:
    """The rows as columns at scales at least as fine as those that the columns come with; 0: not for this way."""
    if type(rows) is list:
        return parse_list(rows, columns)
    if type(rows) is Levels:
        return copy_levels(rows, columns)
    return 0
