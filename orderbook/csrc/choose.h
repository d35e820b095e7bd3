/* From the noted values to the message: the first whose conditions hold, and its fields as the table says. */
#ifndef OB_CHOOSE_H
#define OB_CHOOSE_H

/* What stands at a node, NULL for nothing. */
OB_INLINE const ob_slot *ob_at(const ob_run *w, int node) {
    const ob_slot *slot = &w->r->slots[node];
    return slot->generation == w->r->generation ? slot : NULL;
}

/* -- the channel -------------------------------------------------------------------------------------------------- */

/* The first separator from `at` on, or the end. */
OB_INLINE const char *ob_separator(const ob_program *p, const char *at, const char *end) {
    const char *separator = p->arena + p->separator.at;
    const size_t width = (size_t)p->separator.length;
    for (; (size_t)(end - at) >= width; at++) {
        if (*at == *separator && (width == 1 || memcmp(at, separator, width) == 0)) return at;
    }
    return end;
}

/* The part of the topic that names the channel; all of it if it has too few parts. */
OB_INLINE void ob_split_topic(ob_run *w, const char *text, size_t n) {
    const ob_program *p = w->program;
    const char *start = text, *end = text + n, *channel = text;
    size_t length = n;
    w->r->channel = text;
    w->r->channel_length = (uint32_t)n;
    for (int part = 0;; part++) {
        const char *stop = ob_separator(p, start, end);
        if (part == p->topic_channel) {
            channel = start;
            length = (size_t)(stop - start);
        }
        if (part + 1 == p->topic_parts) break;
        if (stop == end) return;
        start = stop + p->separator.length;
    }
    w->r->channel = channel;
    w->r->channel_length = (uint32_t)length;
}

/* Whether the message is in an envelope, and the channel that it came over. */
OB_INLINE void ob_open(ob_run *w) {
    ob_reading *r = w->r;
    const ob_program *p = w->program;
    r->enveloped = 0;
    r->channel = "";
    r->channel_length = 0;
    w->channel.kind = OB_STRING;
    w->channel.text = r->channel;
    w->channel.length = 0;
    if (p->envelope_topic < 0) return;
    const ob_slot *topic = ob_at(w, p->envelope_topic), *body = ob_at(w, p->envelope_body);
    if (topic && topic->kind == OB_STRING && body && (body->kind == OB_OBJECT || body->kind == OB_ARRAY)) {
        r->enveloped = 1;
        ob_split_topic(w, topic->text, topic->length);
    } else {
        r->channel = r->bare_channel;
        r->channel_length = r->bare_channel_length;
    }
    w->channel.text = r->channel;
    w->channel.length = r->channel_length;
}

/* -- conditions --------------------------------------------------------------------------------------------------- */

OB_INLINE int ob_equals(const ob_program *p, const ob_slot *slot, const ob_wanted *wanted) {
    if (slot->kind != wanted->kind) return 0;
    if (slot->kind == OB_STRING) return ob_same_text(p, wanted->text, slot->text, slot->length);
    return slot->kind != OB_INTEGER || slot->number == wanted->number;
}

OB_INLINE int ob_among(const ob_program *p, const ob_slot *slot, int first, int end) {
    for (int i = first; i < end; i++) {
        if (ob_equals(p, slot, &p->wanted[i])) return i;
    }
    return -1;
}

OB_INLINE int ob_holds(const ob_run *w, const ob_condition *c) {
    const ob_slot *slot = c->channel ? &w->channel : ob_at(w, c->node[w->r->enveloped]);
    switch (c->test) {
    case OB_TEST_PRESENT: return slot != NULL;
    case OB_TEST_ABSENT: return slot == NULL;
    case OB_TEST_EQUALS: return slot && ob_among(w->program, slot, c->wanted, c->wanted_end) >= 0;
    case OB_TEST_DIFFERS: return !slot || ob_among(w->program, slot, c->wanted, c->wanted_end) < 0;
    case OB_TEST_TYPE: return slot && (c->types >> slot->kind & 1);
    default: return slot && slot->kind == OB_INTEGER && (slot->number & c->mask) == c->bits;
    }
}

OB_INLINE const ob_message *ob_match(const ob_run *w) {
    const ob_program *p = w->program;
    for (int i = 0; i < p->n_messages; i++) {
        const ob_message *message = &p->messages[i];
        int at = message->when;
        if (message->opaque) return NULL;
        while (at < message->when_end && ob_holds(w, &p->conditions[at])) at++;
        if (at == message->when_end) return message;
    }
    return NULL;
}

/* -- fields ------------------------------------------------------------------------------------------------------- */

OB_INLINE int ob_bounded(const ob_field *field, int64_t number, ob_value *value) {
    int64_t most = INT64_MAX / field->unit;
    if (field->has_least && number < field->least) return OB_DECLINE;
    if (number > most || number < -most) return OB_DECLINE;
    value->number = number * field->unit;
    value->tag = OB_INT;
    return OB_OK;
}

/* The reference compares with what the wire says times the unit. */
OB_INLINE int ob_choose_one(const ob_program *p, const ob_field *field, int kind, ob_value *value) {
    ob_slot chosen;
    if (field->choices == field->choices_end) return OB_OK;
    chosen.kind = kind;
    chosen.number = value->number;
    chosen.text = value->text;
    chosen.length = value->length;
    int choice = ob_among(p, &chosen, field->choices, field->choices_end);
    if (choice < 0) return OB_DECLINE;
    value->tag = OB_CHOICE;
    value->choice = (int16_t)choice;
    value->number = p->wanted[choice].meaning;
    return OB_OK;
}

/* An optional minus and 1 to 19 digits; what int64 cannot hold is refused by all. */
OB_INLINE int ob_integer_text(const ob_slot *slot, int64_t *number) {
    const char *s = slot->text, *end = s + slot->length;
    int scale;
    s += s < end && *s == '-';
    if (s == end || end - s > OB_MAX_DIGITS || ob_digits_of(s, end) != end) return OB_DECLINE;
    return ob_parse_decimal(slot->text, slot->length, number, &scale);
}

OB_INLINE int ob_decimal_value(const ob_field *field, const ob_slot *slot, ob_value *value) {
    int scale, code = ob_parse_decimal(slot->text, slot->length, &value->number, &scale);
    if (code != OB_OK || (field->has_least && value->number < field->least)) return OB_DECLINE;
    value->scale = (int8_t)scale;
    value->tag = slot->kind == OB_STRING ? OB_DECIMAL_TEXT : OB_JSON_NUMBER;
    return OB_OK;
}

/* A value that is there, by how the table says that it is written. */
OB_INLINE int ob_read_value(const ob_program *p, const ob_field *field, const ob_slot *slot, ob_value *value) {
    int64_t number;
    switch (field->wire) {
    case OB_WIRE_INTEGER:
        if (slot->kind != OB_INTEGER || ob_bounded(field, slot->number, value) != OB_OK) return OB_DECLINE;
        return ob_choose_one(p, field, OB_INTEGER, value);
    case OB_WIRE_INTEGER_TEXT:
        if (slot->kind != OB_STRING || ob_integer_text(slot, &number) != OB_OK) return OB_DECLINE;
        if (ob_bounded(field, number, value) != OB_OK) return OB_DECLINE;
        return ob_choose_one(p, field, OB_INTEGER, value);
    case OB_WIRE_DECIMAL:
        return slot->kind == OB_STRING ? ob_decimal_value(field, slot, value) : OB_DECLINE;
    case OB_WIRE_NUMBER:
        return slot->kind == OB_INTEGER || slot->kind == OB_REAL ? ob_decimal_value(field, slot, value) : OB_DECLINE;
    case OB_WIRE_TEXT:
        if (slot->kind != OB_STRING || slot->length == 0) return OB_DECLINE;
        value->tag = OB_TEXT;
        return ob_choose_one(p, field, OB_STRING, value);
    default:
        if (slot->kind != OB_TRUE && slot->kind != OB_FALSE) return OB_DECLINE;
        value->tag = OB_BOOL;
        value->number = slot->kind == OB_TRUE;
        return ob_choose_one(p, field, slot->kind, value);
    }
}

/* Whether a twin says that there is no value: 1 or 0, OB_DECLINE where Python's == would have to be asked. */
OB_INLINE int ob_same_as_twin(const ob_run *w, const ob_slot *slot, int node) {
    const ob_slot *twin = ob_at(w, node);
    if (twin == NULL) return 0;
    if (slot->kind == OB_STRING || twin->kind == OB_STRING) {
        if (slot->kind != twin->kind) return 0;
        return slot->length == twin->length && memcmp(slot->text, twin->text, slot->length) == 0;
    }
    return slot->kind == OB_INTEGER && twin->kind == OB_INTEGER ? slot->number == twin->number : OB_DECLINE;
}

OB_INLINE int ob_read_field(const ob_run *w, const ob_field *field) {
    ob_value *value = &w->r->values[field->attribute];
    const ob_program *p = w->program;
    value->tag = OB_ABSENT;
    if (field->node[0] < 0) {
        value->tag = OB_CONSTANT;
        value->number = field->constant;
        return OB_OK;
    }
    const ob_slot *slot = ob_at(w, field->node[w->r->enveloped]);
    if (slot && field->empty < field->empty_end && ob_among(p, slot, field->empty, field->empty_end) >= 0) slot = NULL;
    if (slot == NULL) return field->required ? OB_DECLINE : OB_OK;
    if (field->unless[0] >= 0) {
        int same = ob_same_as_twin(w, slot, field->unless[w->r->enveloped]);
        if (same) return same < 0 ? OB_DECLINE : OB_OK;
    }
    value->text = slot->text;
    value->length = slot->length;
    value->scale = 0;
    return ob_read_value(p, field, slot, value);
}

/* A quote of size 0, or without a price, is a side that is empty. */
OB_INLINE void ob_drop_empty_side(ob_reading *r, int price, int size) {
    if (r->values[price].tag == OB_ABSENT || r->values[size].tag == OB_ABSENT || r->values[size].number == 0)
        r->values[price].tag = r->values[size].tag = OB_ABSENT;
}

OB_INLINE int ob_take_symbol(ob_run *w, const ob_message *message) {
    ob_reading *r = w->r;
    r->symbol = "";
    r->symbol_length = 0;
    if (message->symbol[0] < 0) return OB_OK;
    const ob_slot *slot = ob_at(w, message->symbol[r->enveloped]);
    if (slot == NULL || slot->kind != OB_STRING || slot->length == 0) return OB_DECLINE;
    r->symbol = slot->text;
    r->symbol_length = slot->length;
    return OB_OK;
}

OB_INLINE int ob_take_levels(ob_run *w, const ob_message *message) {
    ob_reading *r = w->r;
    r->has_counts = 0;
    if (!message->levels) {
        r->bids.n = r->asks.n = 0; /* of a message that has some and is taken for another */
        return OB_OK;
    }
    if (r->bids.node != message->bids[r->enveloped] || r->asks.node != message->asks[r->enveloped]) return OB_DECLINE;
    r->has_counts = w->program->lanes[w->program->nodes[r->bids.node].lane].count >= 0;
    return OB_OK;
}

OB_INLINE int ob_choose(ob_run *w) {
    ob_reading *r = w->r;
    ob_open(w);
    const ob_message *message = ob_match(w);
    if (message == NULL || message->kind == OB_KIND_DECLINED) return OB_DECLINE;
    r->message = (int32_t)(message - w->program->messages);
    r->kind = message->kind;
    for (int i = 0; i < OB_ATTRIBUTES; i++) r->values[i].tag = OB_ABSENT;
    if (ob_take_symbol(w, message) != OB_OK || ob_take_levels(w, message) != OB_OK) return OB_DECLINE;
    for (int i = message->fields; i < message->fields_end; i++) {
        if (ob_read_field(w, &w->program->fields[i]) != OB_OK) return OB_DECLINE;
    }
    if (message->kind == OB_KIND_QUOTE) {
        ob_drop_empty_side(r, OB_BID_PRICE, OB_BID_SIZE);
        ob_drop_empty_side(r, OB_ASK_PRICE, OB_ASK_SIZE);
    }
    return OB_OK;
}

#endif
