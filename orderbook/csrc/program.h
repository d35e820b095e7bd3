/* A format's table (orderbook/decode/table.py) as plain arrays, for ob_walk.
 *
 * One flat struct without pointers: it can be copied, written to a file and read again by the same build. It is filled
 * once by the ob_add_... functions and ob_seal, and never changes after that, so threads may share it.
 *
 * Every path that the table speaks of is a node of one tree of keys and indexes, counted from the top of the frame.
 * A path from the message has two nodes: of a bare message, and of one inside the envelope.
 */
#ifndef OB_PROGRAM_H
#define OB_PROGRAM_H

#include "json.h"

enum {
    OB_MAX_NODES = 256, OB_MAX_KEYS = 256, OB_MAX_HASH = 1024, OB_MAX_INDEXES = 64, OB_MAX_WANTED = 256,
    OB_MAX_CONDITIONS = 256, OB_MAX_FIELDS = 256, OB_MAX_MESSAGES = 64, OB_MAX_LANES = 32, OB_MAX_ARENA = 4096,
    OB_MAX_PATH = 16 /* keys and indexes of a path: the deepest recursion of the walker */
};

/* What a message becomes: table.Kind, as far as it can be compiled. */
enum {
    OB_KIND_DECLINED, OB_KIND_IGNORED, OB_KIND_SNAPSHOT, OB_KIND_DELTA, OB_KIND_REVEAL, OB_KIND_TRADE, OB_KIND_QUOTE,
    OB_KIND_HEARTBEAT, OB_KIND_STATUS, OB_KIND_CLEAR, OB_KIND_ORDER_ADD, OB_KIND_ORDER_MODIFY, OB_KIND_ORDER_CANCEL,
    OB_KIND_ORDER_EXECUTE, OB_KIND_ORDER_REPLACE
};

/* Attributes of events, in the order of ob_reading.values. */
enum {
    OB_TS_EVENT, OB_SEQUENCE, OB_FIRST_SEQUENCE, OB_PREV_SEQUENCE, OB_GROUP_SEQUENCE, OB_CHECKSUM, OB_PRICE, OB_SIZE,
    OB_SIDE, OB_TRADE_ID, OB_ORDER_ID, OB_NEW_ID, OB_HIDDEN, OB_UPSERT, OB_BID_PRICE, OB_BID_SIZE, OB_ASK_PRICE,
    OB_ASK_SIZE, OB_COMPLETE, OB_VIEW_DEPTH, OB_STATUS, OB_ATTRIBUTES
};

enum { OB_TEST_PRESENT, OB_TEST_ABSENT, OB_TEST_EQUALS, OB_TEST_DIFFERS, OB_TEST_TYPE, OB_TEST_BITS };
enum { OB_WIRE_INTEGER, OB_WIRE_INTEGER_TEXT, OB_WIRE_DECIMAL, OB_WIRE_NUMBER, OB_WIRE_TEXT, OB_WIRE_BOOLEAN };

/* How a value got its number; see ob_value. */
enum { OB_ABSENT, OB_INT, OB_DECIMAL_TEXT, OB_JSON_NUMBER, OB_TEXT, OB_BOOL, OB_CHOICE, OB_CONSTANT };

/* A range of bytes of the arena. */
typedef struct {
    int32_t at, length;
} ob_span;

typedef struct {
    int32_t hash, mask; /* of its keys: where in ob_program.hash, and their number of places less one; -1: none */
    int32_t lane;       /* of ob_program.lanes, if an array here holds levels, else -1 */
    int32_t indexed;    /* 1: some path goes on by an index */
} ob_node;

typedef struct {
    uint64_t word; /* the first eight bytes, the first lowest, 0 after the last */
    ob_span text;
    int32_t parent, node;
} ob_key;

typedef struct {
    int32_t parent, index, node;
} ob_index;

/* A value to compare with; for a choice, `meaning` is what it means if that is an integer. */
typedef struct {
    int64_t number, meaning;
    ob_span text;
    int32_t kind;
} ob_wanted;

typedef struct {
    int64_t mask, bits;
    int32_t test;
    int32_t channel;             /* 1: asks about the channel's name, not about a node */
    int32_t node[2];             /* of a bare and of an enveloped message */
    int32_t wanted, wanted_end;  /* of ob_program.wanted */
    uint32_t types;              /* one bit for each OB_STRING ... OB_ARRAY */
} ob_condition;

typedef struct {
    int64_t unit, least, constant;
    int32_t attribute, wire, node[2], unless[2]; /* unless: -1 for none. A constant has no node (-1) */
    int32_t has_least, required;
    int32_t choices, choices_end, empty, empty_end;
} ob_field;

/* How the levels of an array are written; `quick`: as ["price","size"] and nothing else that we need. */
typedef struct {
    ob_span price_key, size_key, count_key;
    int32_t price, size, count; /* indexes; count -1: no counts */
    int32_t ask, numbers, keyed, quick;
} ob_lane;

typedef struct {
    int32_t kind;
    int32_t opaque; /* 1: its conditions could not be compiled, so nothing from here on can be decided */
    int32_t when, when_end, fields, fields_end;
    int32_t symbol[2]; /* nodes; -1: a message of no instrument */
    int32_t levels, bids[2], asks[2];
} ob_message;

typedef struct {
    uint32_t size; /* of this struct: an image of another build is refused */
    int32_t n_nodes, n_keys, n_hash, n_indexes, n_wanted, n_conditions, n_fields, n_messages, n_lanes, n_arena;
    int32_t envelope_body, envelope_topic; /* nodes; -1: messages have none */
    int32_t topic_channel, topic_parts;    /* which part names the channel, and how many there must be */
    ob_span separator;
    ob_node nodes[OB_MAX_NODES];
    ob_key keys[OB_MAX_KEYS];
    int16_t hash[OB_MAX_HASH];
    ob_index indexes[OB_MAX_INDEXES];
    ob_wanted wanted[OB_MAX_WANTED];
    ob_condition conditions[OB_MAX_CONDITIONS];
    ob_field fields[OB_MAX_FIELDS];
    ob_message messages[OB_MAX_MESSAGES];
    ob_lane lanes[OB_MAX_LANES];
    char arena[OB_MAX_ARENA];
} ob_program;

/* -- building. All return -1 when the table is too large for the arrays. ------------------------------------------ */

OB_NOINLINE int ob_add_node(ob_program *p) {
    if (p->n_nodes == OB_MAX_NODES) return -1;
    ob_node *node = &p->nodes[p->n_nodes];
    node->hash = node->mask = node->lane = -1;
    node->indexed = 0;
    return p->n_nodes++;
}

/* An empty program whose first node is the frame. */
OB_NOINLINE void ob_program_init(ob_program *p) {
    memset(p, 0, sizeof *p);
    p->size = (uint32_t)sizeof *p;
    p->envelope_body = p->envelope_topic = -1;
    ob_add_node(p);
}

OB_NOINLINE int ob_add_text(ob_program *p, const char *text, size_t n, ob_span *span) {
    if (n > (size_t)(OB_MAX_ARENA - p->n_arena)) return -1;
    if (n) memcpy(p->arena + p->n_arena, text, n);
    span->at = p->n_arena;
    span->length = (int32_t)n;
    p->n_arena += (int32_t)n;
    return 0;
}

/* The node below another by a key; the same one whenever it is asked for. */
OB_NOINLINE int ob_add_key(ob_program *p, int parent, const char *text, size_t n) {
    for (int i = 0; i < p->n_keys; i++) {
        const ob_key *key = &p->keys[i];
        if (key->parent == parent && (size_t)key->text.length == n && !memcmp(p->arena + key->text.at, text, n))
            return key->node;
    }
    if (p->n_keys == OB_MAX_KEYS || p->n_nodes == OB_MAX_NODES) return -1;
    ob_key *key = &p->keys[p->n_keys];
    if (ob_add_text(p, text, n, &key->text) < 0) return -1;
    key->word = ob_load_upto8(text, n);
    key->parent = parent;
    key->node = ob_add_node(p);
    p->n_keys++;
    return key->node;
}

/* The node below another by an index. */
OB_NOINLINE int ob_add_index(ob_program *p, int parent, int index) {
    for (int i = 0; i < p->n_indexes; i++) {
        if (p->indexes[i].parent == parent && p->indexes[i].index == index) return p->indexes[i].node;
    }
    if (p->n_indexes == OB_MAX_INDEXES || p->n_nodes == OB_MAX_NODES) return -1;
    ob_index *entry = &p->indexes[p->n_indexes++];
    entry->parent = parent;
    entry->index = index;
    p->nodes[parent].indexed = 1;
    return entry->node = ob_add_node(p);
}

OB_INLINE uint32_t ob_hash(uint64_t word, size_t length) {
    return (uint32_t)((word + length) * UINT64_C(0x9E3779B97F4A7C15) >> 40);
}

/* Make the tables by which keys are found; the last step. */
OB_NOINLINE int ob_seal(ob_program *p) {
    memset(p->hash, -1, sizeof p->hash);
    p->n_hash = 0;
    for (int node = 0; node < p->n_nodes; node++) {
        int count = 0, places = 4;
        for (int i = 0; i < p->n_keys; i++) count += p->keys[i].parent == node;
        if (!count) continue;
        while (places < 2 * count) places *= 2; /* at least half are free, so every search ends */
        if (p->n_hash + places > OB_MAX_HASH) return -1;
        p->nodes[node].hash = p->n_hash;
        p->nodes[node].mask = places - 1;
        for (int i = 0; i < p->n_keys; i++) {
            if (p->keys[i].parent != node) continue;
            uint32_t at = ob_hash(p->keys[i].word, (size_t)p->keys[i].text.length);
            while (p->hash[p->n_hash + (int)(at & (uint32_t)(places - 1))] >= 0) at++;
            p->hash[p->n_hash + (int)(at & (uint32_t)(places - 1))] = (int16_t)i;
        }
        p->n_hash += places;
    }
    return 0;
}

/* -- asking ------------------------------------------------------------------------------------------------------- */

/* A loop: the texts of a table are a few letters, and a call would take longer than the comparison. */
OB_INLINE int ob_same_text(const ob_program *p, ob_span span, const char *text, size_t n) {
    const char *own = p->arena + span.at;
    if ((size_t)span.length != n) return 0;
    for (size_t i = 0; i < n; i++) {
        if (own[i] != text[i]) return 0;
    }
    return 1;
}

/* The node below another by a key whose first eight bytes are `word`, or -1. */
OB_INLINE int ob_find_key(const ob_program *p, const ob_node *parent, uint64_t word, const char *text, size_t n) {
    if (parent->mask < 0) return -1;
    for (uint32_t at = ob_hash(word, n);; at++) {
        int i = p->hash[parent->hash + (int32_t)(at & (uint32_t)parent->mask)];
        if (i < 0) return -1;
        const ob_key *key = &p->keys[i];
        if (key->word == word && (size_t)key->text.length == n && (n <= 8 || ob_same_text(p, key->text, text, n)))
            return key->node;
    }
}

OB_INLINE int ob_find_index(const ob_program *p, int parent, int index) {
    for (int i = 0; i < p->n_indexes; i++) {
        if (p->indexes[i].parent == parent && p->indexes[i].index == index) return p->indexes[i].node;
    }
    return -1;
}

#endif
