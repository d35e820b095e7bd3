"""What other compiled modules may use: the C interface of orderbook/csrc/walker.h, and what owns a program."""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t


cdef extern from "decimal.h" nogil:
    enum:
        OB_OK
        OB_NOT_DECIMAL
        OB_TOO_LARGE
        OB_TOO_FINE
        OB_TOO_LONG
        OB_FINER
    int ob_parse_decimal(const char *s, size_t n, int64_t *mantissa, int *scale)
    int ob_parse_at(const char *s, size_t n, int scale, int64_t *mantissa)
    int ob_rescale(int64_t mantissa, int scale, int target, int64_t *out)


cdef extern from "walker.h" nogil:
    enum:
        OB_DECLINE
        OB_MAX_PATH
        OB_STRING, OB_INTEGER, OB_REAL, OB_TRUE, OB_FALSE, OB_NULL, OB_OBJECT, OB_ARRAY
        OB_KIND_DECLINED, OB_KIND_IGNORED, OB_KIND_SNAPSHOT, OB_KIND_DELTA, OB_KIND_REVEAL, OB_KIND_TRADE
        OB_KIND_QUOTE, OB_KIND_HEARTBEAT, OB_KIND_STATUS, OB_KIND_CLEAR, OB_KIND_ORDER_ADD, OB_KIND_ORDER_MODIFY
        OB_KIND_ORDER_CANCEL, OB_KIND_ORDER_EXECUTE, OB_KIND_ORDER_REPLACE
        OB_TS_EVENT, OB_SEQUENCE, OB_FIRST_SEQUENCE, OB_PREV_SEQUENCE, OB_GROUP_SEQUENCE, OB_CHECKSUM, OB_PRICE
        OB_SIZE, OB_SIDE, OB_TRADE_ID, OB_ORDER_ID, OB_NEW_ID, OB_HIDDEN, OB_UPSERT, OB_BID_PRICE, OB_BID_SIZE
        OB_ASK_PRICE, OB_ASK_SIZE, OB_COMPLETE, OB_VIEW_DEPTH, OB_STATUS, OB_ATTRIBUTES
        OB_TEST_PRESENT, OB_TEST_ABSENT, OB_TEST_EQUALS, OB_TEST_DIFFERS, OB_TEST_TYPE, OB_TEST_BITS
        OB_WIRE_INTEGER, OB_WIRE_INTEGER_TEXT, OB_WIRE_DECIMAL, OB_WIRE_NUMBER, OB_WIRE_TEXT, OB_WIRE_BOOLEAN
        OB_ABSENT, OB_INT, OB_DECIMAL_TEXT, OB_JSON_NUMBER, OB_TEXT, OB_BOOL, OB_CHOICE, OB_CONSTANT
        OB_MAX_WANTED, OB_MAX_CONDITIONS, OB_MAX_FIELDS, OB_MAX_MESSAGES, OB_MAX_LANES

    ctypedef struct ob_span:
        int32_t at, length

    ctypedef struct ob_node:
        int32_t lane, indexed

    ctypedef struct ob_wanted:
        int64_t number, meaning
        ob_span text
        int32_t kind

    ctypedef struct ob_condition:
        int64_t mask, bits
        int32_t test, channel
        int32_t node[2]
        int32_t wanted, wanted_end
        uint32_t types

    ctypedef struct ob_field:
        int64_t unit, least, constant
        int32_t attribute, wire
        int32_t node[2]
        int32_t unless[2]
        int32_t has_least, required, choices, choices_end, empty, empty_end

    ctypedef struct ob_lane:
        ob_span price_key, size_key, count_key
        int32_t price, size, count, ask, numbers, keyed, quick

    ctypedef struct ob_message:
        int32_t kind, opaque, when, when_end, fields, fields_end
        int32_t symbol[2]
        int32_t levels
        int32_t bids[2]
        int32_t asks[2]

    ctypedef struct ob_program:
        int32_t n_nodes, n_wanted, n_conditions, n_fields, n_messages, n_lanes
        int32_t envelope_body, envelope_topic, topic_channel, topic_parts
        ob_span separator
        ob_node nodes[1]
        ob_wanted wanted[1]
        ob_condition conditions[1]
        ob_field fields[1]
        ob_message messages[1]
        ob_lane lanes[1]

    ctypedef struct ob_value:
        int64_t number
        const char *text
        uint32_t length
        int16_t choice
        int8_t scale
        uint8_t tag

    ctypedef struct ob_levels:
        int64_t *prices
        int64_t *sizes
        uint32_t *counts
        uint32_t n

    ctypedef struct ob_reading:
        const char *bare_channel
        uint32_t bare_channel_length
        int32_t price_scale, size_scale
        int32_t message, kind, enveloped, has_counts
        const char *symbol
        const char *channel
        uint32_t symbol_length, channel_length
        ob_value values[1]
        ob_levels bids, asks
        uint32_t generation

    void ob_reading_init(ob_reading *r)
    void ob_reading_free(ob_reading *r)
    void ob_program_init(ob_program *p)
    int ob_add_text(ob_program *p, const char *text, size_t n, ob_span *span)
    int ob_add_key(ob_program *p, int parent, const char *text, size_t n)
    int ob_add_index(ob_program *p, int parent, int index)
    int ob_seal(ob_program *p)
    int ob_walk(const ob_program *program, const char *buf, size_t len, ob_reading *r)


cdef class Scratch:
    cdef ob_reading reading
    cdef bytes _channel
    cdef str _symbol
    cdef str symbol(self)


cdef class Walker:
    cdef ob_program *program
    cdef readonly object table
    cdef list _makers
    cdef dict _meanings
    cdef int walk(self, const char *buf, Py_ssize_t n, ob_reading *r) noexcept nogil
    cdef object _event(self, Scratch scratch, object ts_recv)
    cdef object _value(self, const ob_value *value)


cpdef tuple parse_decimal(str text)
