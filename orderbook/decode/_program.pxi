# From a table to a program for walker.h. Included by _walker.pyx, whose imports it uses.


class _Uncompiled(Exception):
    """The table uses what the program has no words for."""


cdef dict _KINDS = {
    Kind.IGNORED: OB_KIND_IGNORED,
    Kind.SNAPSHOT: OB_KIND_SNAPSHOT,
    Kind.DELTA: OB_KIND_DELTA,
    Kind.REVEAL: OB_KIND_REVEAL,
    Kind.TRADE: OB_KIND_TRADE,
    Kind.QUOTE: OB_KIND_QUOTE,
    Kind.HEARTBEAT: OB_KIND_HEARTBEAT,
    Kind.STATUS: OB_KIND_STATUS,
    Kind.CLEAR: OB_KIND_CLEAR,
    Kind.ORDER_ADD: OB_KIND_ORDER_ADD,
    Kind.ORDER_MODIFY: OB_KIND_ORDER_MODIFY,
    Kind.ORDER_CANCEL: OB_KIND_ORDER_CANCEL,
    Kind.ORDER_EXECUTE: OB_KIND_ORDER_EXECUTE,
    Kind.ORDER_REPLACE: OB_KIND_ORDER_REPLACE,
}
cdef frozenset _LEVELLED = frozenset({Kind.SNAPSHOT, Kind.DELTA, Kind.REVEAL})
cdef tuple _QUOTED = ("bid_price", "bid_size", "ask_price", "ask_size")

cdef dict _ATTRIBUTES = {
    "ts_event": OB_TS_EVENT, "sequence": OB_SEQUENCE, "first_sequence": OB_FIRST_SEQUENCE,
    "prev_sequence": OB_PREV_SEQUENCE, "group_sequence": OB_GROUP_SEQUENCE, "checksum": OB_CHECKSUM,
    "price": OB_PRICE, "size": OB_SIZE, "side": OB_SIDE, "trade_id": OB_TRADE_ID, "order_id": OB_ORDER_ID,
    "new_id": OB_NEW_ID, "hidden": OB_HIDDEN, "upsert": OB_UPSERT, "bid_price": OB_BID_PRICE,
    "bid_size": OB_BID_SIZE, "ask_price": OB_ASK_PRICE, "ask_size": OB_ASK_SIZE, "complete": OB_COMPLETE,
    "view_depth": OB_VIEW_DEPTH, "status": OB_STATUS,
}

cdef dict _TESTS = {
    Test.PRESENT: OB_TEST_PRESENT, Test.ABSENT: OB_TEST_ABSENT, Test.EQUALS: OB_TEST_EQUALS,
    Test.DIFFERS: OB_TEST_DIFFERS, Test.TYPE: OB_TEST_TYPE, Test.BITS: OB_TEST_BITS,
}

cdef dict _TYPES = {
    "object": 1 << OB_OBJECT, "array": 1 << OB_ARRAY, "string": 1 << OB_STRING, "integer": 1 << OB_INTEGER,
    "number": 1 << OB_INTEGER | 1 << OB_REAL, "boolean": 1 << OB_TRUE | 1 << OB_FALSE, "null": 1 << OB_NULL,
}

cdef dict _WIRES = {
    Wire.INTEGER: OB_WIRE_INTEGER, Wire.INTEGER_TEXT: OB_WIRE_INTEGER_TEXT, Wire.DECIMAL: OB_WIRE_DECIMAL,
    Wire.NUMBER: OB_WIRE_NUMBER, Wire.TEXT: OB_WIRE_TEXT, Wire.BOOLEAN: OB_WIRE_BOOLEAN,
}


cdef bint _is_int64(object value):
    return type(value) is int and INT64_MIN < value <= INT64_MAX


cdef bytes _utf8(object text):
    if type(text) is not str:
        raise _Uncompiled
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate: no valid JSON has one
        raise _Uncompiled from None


cdef class _Compiler:
    """Fills the program of one walker; every method that cannot raises _Uncompiled."""

    cdef ob_program *p
    cdef object table
    cdef dict meanings

    cdef int node(self, tuple path) except -1:
        """The node of a path from the top of the frame."""
        cdef int at = 0
        if len(path) > OB_MAX_PATH:
            raise _Uncompiled
        for key in path:
            if type(key) is int:
                if not 0 <= key < 1024:
                    raise _Uncompiled
                at = ob_add_index(self.p, at, key)
            else:
                raw = _utf8(key)
                at = ob_add_key(self.p, at, PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw))
            if at < 0:
                raise _Uncompiled
        return at

    cdef int nodes(self, tuple path, int32_t *both) except -1:
        """The nodes of a path from the message: of a bare one, and of one in an envelope."""
        cdef object envelope = self.table.envelope
        both[0] = both[1] = self.node(path)
        if envelope is not None:
            both[1] = self.node(envelope.body + path)
        return 0

    cdef int span(self, object text, ob_span *span) except -1:
        raw = _utf8(text)
        if ob_add_text(self.p, PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw), span) < 0:
            raise _Uncompiled
        return 0

    cdef int want(self, object value, object meaning) except -1:
        """One more value to compare with."""
        cdef ob_wanted *wanted
        if self.p.n_wanted == OB_MAX_WANTED:
            raise _Uncompiled
        wanted = &self.p.wanted[self.p.n_wanted]
        if type(value) is str:
            wanted.kind = OB_STRING
            self.span(value, &wanted.text)
        elif type(value) is bool:
            wanted.kind = OB_TRUE if value else OB_FALSE
        elif value is None:
            wanted.kind = OB_NULL
        elif _is_int64(value):
            wanted.kind = OB_INTEGER
            wanted.number = value
        else:
            raise _Uncompiled
        if isinstance(meaning, int) and INT64_MIN < meaning <= INT64_MAX:
            wanted.meaning = int(meaning)
        self.meanings[self.p.n_wanted] = meaning
        self.p.n_wanted += 1
        return 0

    cdef int envelope(self) except -1:
        cdef object envelope = self.table.envelope
        if envelope is None:
            return 0
        if not envelope.separator or envelope.symbol < 0 or envelope.channel < 0:
            raise _Uncompiled
        self.p.envelope_body = self.node(envelope.body)
        self.p.envelope_topic = self.node(envelope.topic)
        self.p.topic_channel = envelope.channel
        self.p.topic_parts = max(envelope.symbol, envelope.channel) + 1
        self.span(envelope.separator, &self.p.separator)
        return 0

    cdef int condition(self, object source) except -1:
        cdef ob_condition *c
        if self.p.n_conditions == OB_MAX_CONDITIONS:
            raise _Uncompiled
        c = &self.p.conditions[self.p.n_conditions]
        c.test = _TESTS[source.test]
        c.channel = source.scope is Scope.CHANNEL
        if source.scope is Scope.FRAME:
            c.node[0] = c.node[1] = self.node(source.path)
        elif source.scope is Scope.BODY:
            self.nodes(source.path, c.node)
        c.wanted = self.p.n_wanted
        if source.test is Test.TYPE:
            c.types = 0
            for name in source.values:
                c.types |= <uint32_t>_TYPES[name]
        elif source.test is Test.BITS:
            mask, bits = source.values
            if not (_is_int64(mask) and _is_int64(bits)):
                raise _Uncompiled
            c.mask, c.bits = mask, bits
        else:
            for value in source.values:
                self.want(value, None)
        c.wanted_end = self.p.n_wanted
        self.p.n_conditions += 1
        return 0

    cdef ob_field *new_field(self, object name) except NULL:
        cdef ob_field *f
        if self.p.n_fields == OB_MAX_FIELDS or name not in _ATTRIBUTES:
            raise _Uncompiled
        f = &self.p.fields[self.p.n_fields]
        f.attribute = _ATTRIBUTES[name]
        f.unit = 1
        f.node[0] = f.node[1] = f.unless[0] = f.unless[1] = -1
        self.p.n_fields += 1
        return f

    cdef int field(self, object source) except -1:
        cdef ob_field *f = self.new_field(source.name)
        if source.wire not in _WIRES or source.scale or type(source.unit) is not int or source.unit < 1:
            raise _Uncompiled
        if source.wire is Wire.NUMBER and not self.table.exact_numbers:
            raise _Uncompiled  # the reference's number is a float: its digits are not the message's
        if not (_is_int64(source.unit) and (source.least is None or _is_int64(source.least))):
            raise _Uncompiled
        f.wire = _WIRES[source.wire]
        f.unit = source.unit
        f.required = bool(source.required)
        f.has_least = source.least is not None
        f.least = source.least or 0
        self.nodes(source.path, f.node)
        if source.unless:
            self.nodes(source.unless, f.unless)
        f.choices = self.p.n_wanted
        for value, meaning in source.choices:
            self.want(value, meaning)
        f.choices_end = f.empty = self.p.n_wanted
        for text in source.empty:
            if type(text) is not str:
                raise _Uncompiled
            self.want(text, None)
        f.empty_end = self.p.n_wanted
        return 0

    cdef int constant(self, object name, object value) except -1:
        """A number or a truth can be said in C; anything else only in Python."""
        cdef ob_field *f
        f = self.new_field(name)
        if value is None:
            self.p.n_fields -= 1  # what is not there is absent already
            return 0
        if isinstance(value, int) and INT64_MIN < value <= INT64_MAX:
            f.constant = int(value)
        return 0

    cdef int lane_key(self, object key, int32_t *index, ob_span *span, bint keyed) except -1:
        if keyed:
            self.span(key, span)
        elif type(key) is int and 0 <= key < 1024:
            index[0] = key
        else:
            raise _Uncompiled
        return 0

    cdef int lane(self, object levels, tuple path, bint ask) except -1:
        """A side's array, at both of its nodes."""
        cdef int32_t both[2]
        cdef ob_lane *lane
        cdef int i
        if self.p.n_lanes == OB_MAX_LANES:
            raise _Uncompiled
        lane = &self.p.lanes[self.p.n_lanes]
        keys = [levels.price, levels.size] + ([] if levels.count is None else [levels.count])
        if len(set(keys)) != len(keys) or len(set(map(type, keys))) != 1:
            raise _Uncompiled
        if levels.wire is not Wire.DECIMAL and not (levels.wire is Wire.NUMBER and self.table.exact_numbers):
            raise _Uncompiled
        lane.ask = ask
        lane.keyed = type(levels.price) is str
        lane.numbers = levels.wire is Wire.NUMBER
        lane.count = -1
        self.lane_key(levels.price, &lane.price, &lane.price_key, lane.keyed)
        self.lane_key(levels.size, &lane.size, &lane.size_key, lane.keyed)
        if levels.count is not None:
            lane.count = 0
            self.lane_key(levels.count, &lane.count, &lane.count_key, lane.keyed)
        lane.quick = keys == [0, 1] and not lane.numbers
        self.nodes(path, both)
        for i in range(2):
            if self.p.nodes[both[i]].lane >= 0 and not self.same_lane(&self.p.lanes[self.p.nodes[both[i]].lane], lane):
                raise _Uncompiled  # two kinds of messages write the same place in two ways
        for i in range(2):
            if self.p.nodes[both[i]].lane < 0:
                self.p.nodes[both[i]].lane = self.p.n_lanes
        self.p.n_lanes += 1
        return 0

    cdef bint same_lane(self, ob_lane *a, ob_lane *b) except? -1:
        # Keys are told apart by where they stand in the arena, so lanes of keyed rows are the same only by being one.
        return (
            not a.keyed and not b.keyed and a.ask == b.ask and a.numbers == b.numbers
            and a.price == b.price and a.size == b.size and a.count == b.count
        )

    cdef int event(self, object spec, ob_message *m) except -1:
        """What a message becomes; sets the kind last, so that a message that fails stays declined."""
        if spec.kind not in _KINDS:
            raise _Uncompiled
        m.fields = m.fields_end = self.p.n_fields
        m.symbol[0] = m.symbol[1] = -1
        if spec.kind is Kind.IGNORED:
            m.kind = OB_KIND_IGNORED
            return 0
        if spec.orders is not None or spec.limit is not None:
            raise _Uncompiled
        if spec.symbol:
            if len(spec.symbol) != 1 or spec.symbol[0].source is not SymbolFrom.FIELD:
                raise _Uncompiled
            self.nodes(spec.symbol[0].path, m.symbol)
        for name, value in spec.constants:
            if spec.kind is Kind.QUOTE and name in _QUOTED:
                raise _Uncompiled
            self.constant(name, value)
        for field in spec.fields:
            if spec.kind is Kind.QUOTE and field.name in _QUOTED and (
                field.choices or field.wire not in (Wire.DECIMAL, Wire.NUMBER, Wire.INTEGER)
            ):
                raise _Uncompiled
            self.field(field)
        m.fields_end = self.p.n_fields
        if spec.levels is not None:
            if spec.kind not in _LEVELLED or type(spec.levels) is not LevelArrays:
                raise _Uncompiled
            if spec.levels.bids == spec.levels.asks:
                raise _Uncompiled
            self.lane(spec.levels, spec.levels.bids, False)
            self.lane(spec.levels, spec.levels.asks, True)
            self.nodes(spec.levels.bids, m.bids)
            self.nodes(spec.levels.asks, m.asks)
            m.levels = 1
        m.kind = _KINDS[spec.kind]
        return 0

    cdef int message(self, object source) except -1:
        cdef ob_message *m
        if self.p.n_messages == OB_MAX_MESSAGES:
            raise _Uncompiled
        m = &self.p.messages[self.p.n_messages]
        self.p.n_messages += 1
        m.kind = OB_KIND_DECLINED
        m.when = m.when_end = self.p.n_conditions
        try:
            for condition in source.when:
                self.condition(condition)
        except _Uncompiled:
            m.opaque = 1
            return 0
        m.when_end = self.p.n_conditions
        if len(source.events) != 1:
            return 0
        try:
            self.event(source.events[0], m)
        except _Uncompiled:
            m.kind = OB_KIND_DECLINED
        return 0

    cdef int settle(self) except -1:
        """An array that conditions or fields look into is not read as levels: its messages are declined."""
        cdef int i, j, node
        for i in range(self.p.n_messages):
            for j in range(2):
                if self.p.messages[i].levels and (
                    self.p.nodes[self.p.messages[i].bids[j]].indexed or self.p.nodes[self.p.messages[i].asks[j]].indexed
                ):
                    self.p.messages[i].kind = OB_KIND_DECLINED
        for node in range(self.p.n_nodes):
            if self.p.nodes[node].indexed:
                self.p.nodes[node].lane = -1
        return 0
