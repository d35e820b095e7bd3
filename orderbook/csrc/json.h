/* JSON tokens, strictly and inside their bounds: whitespace, strings, numbers, literals, and whole values to pass over.
 *
 * Every function takes where it stands and the end of the buffer, and returns where it stopped, or NULL for anything
 * that is wrong, odd or cut short. What passes here passes orjson and the standard library's parser too; not the other
 * way round: numbers that might be no finite double and nesting deeper than any venue's are NULL, since a caller that
 * gets NULL asks the readable interpreter.
 */
#ifndef OB_JSON_H
#define OB_JSON_H

#include "decimal.h"

#define OB_MAX_NUMBER 40  /* characters of a number; with at most two digits of exponent it is a finite double */
#define OB_MAX_NESTING 60 /* of what is passed over; one bit each says whether it is an object */

/* What a value is. OB_HUGE is an integer beyond int64. */
enum {
    OB_NOTHING, OB_STRING, OB_INTEGER, OB_REAL, OB_HUGE, OB_TRUE, OB_FALSE, OB_NULL, OB_OBJECT, OB_ARRAY
};

OB_INLINE const char *ob_space(const char *p, const char *end) {
    /* No venue sends any, so one comparison must do. */
    while (p < end && OB_UNLIKELY((unsigned char)*p <= ' ')) {
        if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t') break;
        p++;
    }
    return p;
}

/* -- strings ------------------------------------------------------------------------------------------------------ */

OB_INLINE int ob_between(char c, unsigned low, unsigned high) {
    return (unsigned char)c - low <= high - low;
}

/* One character of two to four bytes: no overlong form, no surrogate, nothing above U+10FFFF (RFC 3629). */
OB_NOINLINE const char *ob_utf8(const char *p, const char *end) {
    unsigned char c = (unsigned char)*p;
    ptrdiff_t length = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    unsigned low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (c < 0xC2 || c > 0xF4 || end - p < length || !ob_between(p[1], low, high)) return NULL;
    for (ptrdiff_t i = 2; i < length; i++) {
        if (!ob_between(p[i], 0x80, 0xBF)) return NULL;
    }
    return p + length;
}

/* Four hexadecimal digits, or -1. */
OB_INLINE int ob_hex4(const char *p, const char *end) {
    int code = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        if (ob_is_digit(c)) code = code << 4 | (c - '0');
        else if (ob_between(c, 'a', 'f')) code = code << 4 | (c - 'a' + 10);
        else if (ob_between(c, 'A', 'F')) code = code << 4 | (c - 'A' + 10);
        else return -1;
    }
    return code;
}

/* A backslash and what it escapes; a surrogate only as one half of a pair. */
OB_NOINLINE const char *ob_escape(const char *p, const char *end) {
    if (end - p < 2) return NULL;
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return p + 2;
    case 'u':
        break;
    default:
        return NULL;
    }
    int code = ob_hex4(p + 2, end);
    if (code < 0 || (code >= 0xDC00 && code <= 0xDFFF)) return NULL;
    p += 6;
    if (code < 0xD800 || code > 0xDBFF) return p;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return NULL;
    code = ob_hex4(p + 2, end);
    return code >= 0xDC00 && code <= 0xDFFF ? p + 6 : NULL;
}

/* The first of 16 bytes that ends a string or needs a look (quote, backslash, control, outside ASCII), or 16. */
OB_INLINE unsigned ob_special16(const char *p) {
#ifdef OB_SSE2
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i special = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
    /* Signed: bytes from 0x80 on are negative, so this takes them together with the control characters. */
    special = _mm_or_si128(special, _mm_cmplt_epi8(x, _mm_set1_epi8(0x20)));
    return ob_ctz((uint64_t)(unsigned)_mm_movemask_epi8(special) | 0x10000u);
#else
    unsigned i = 0;
    while (i < 16 && ob_between(p[i], 0x20, 0x7F) && p[i] != '"' && p[i] != '\\') i++;
    return i;
#endif
}

/* The rest of a string up to its closing quote, at which the answer stands. */
OB_INLINE const char *ob_string(const char *p, const char *end, int *escaped) {
    *escaped = 0;
    for (;;) {
        unsigned skip = 16;
        while (end - p >= 16 && (skip = ob_special16(p)) == 16) p += 16;
        if (skip < 16) p += skip;
        else while (p < end && ob_between(*p, 0x20, 0x7F) && *p != '"' && *p != '\\') p++;
        if (p == end) return NULL;
        if (OB_LIKELY(*p == '"')) return p;
        if (*p == '\\') {
            *escaped = 1;
            p = ob_escape(p, end);
        } else {
            p = ob_utf8(p, end); /* a control character is none */
        }
        if (p == NULL) return NULL;
    }
}

/* -- numbers and literals ----------------------------------------------------------------------------------------- */

OB_INLINE const char *ob_digits_of(const char *p, const char *end) {
    while (p < end && ob_is_digit(*p)) p++;
    return p;
}

/* `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`, if it is surely a finite double. */
OB_NOINLINE const char *ob_number_general(const char *p, const char *end, int *kind, int64_t *number) {
    const char *start = p, *digits, *part;
    p += *p == '-';
    digits = p;
    p = ob_digits_of(p, end);
    if (p == digits || (*digits == '0' && p - digits > 1)) return NULL;
    *kind = OB_INTEGER;
    part = p;
    if (p < end && *p == '.') {
        *kind = OB_REAL;
        p = ob_digits_of(p + 1, end);
        if (p - part < 2) return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        *kind = OB_REAL;
        p++;
        p += p < end && (*p == '+' || *p == '-');
        part = p;
        p = ob_digits_of(p, end);
        if (p == part || p - part > 2) return NULL;
    }
    if (p - start > OB_MAX_NUMBER) return NULL;
    if (*kind == OB_INTEGER) {
        int scale;
        if (ob_parse_decimal(start, (size_t)(p - start), number, &scale) != OB_OK) *kind = OB_HUGE;
    }
    return p;
}

/* A number. Integers of up to 15 digits, nearly all there are, take a few multiplications. */
OB_INLINE const char *ob_number(const char *p, const char *end, int *kind, int64_t *number) {
    const uint64_t digits = UINT64_C(0x0F0F0F0F0F0F0F0F);
    if (OB_LIKELY(end - p >= 16)) {
        uint64_t lo = ob_load8(p), hi = ob_load8(p + 8);
        unsigned n = ob_ctz((uint64_t)ob_nondigits16(lo, hi) | 0x10000u);
        if (OB_LIKELY(n - 1u < 15u && p[n] != '.' && (p[n] | 0x20) != 'e' && (*p != '0' || n == 1))) {
            *kind = OB_INTEGER;
            if (n <= 8) {
                *number = (int64_t)ob_eight_digits(lo << (8 * (8 - n)) & digits);
            } else {
                unsigned shift = 8 * (16 - n);
                hi = hi << shift | lo >> (64 - shift);
                *number = (int64_t)(ob_eight_digits(lo << shift & digits) * 100000000u + ob_eight_digits(hi & digits));
            }
            return p + n;
        }
    }
    return ob_number_general(p, end, kind, number);
}

/* `true`, `false` or `null`. */
OB_INLINE const char *ob_literal(const char *p, const char *end, int *kind) {
    if (end - p >= 4 && memcmp(p, "true", 4) == 0) {
        *kind = OB_TRUE;
        return p + 4;
    }
    if (end - p >= 5 && memcmp(p, "false", 5) == 0) {
        *kind = OB_FALSE;
        return p + 5;
    }
    if (end - p >= 4 && memcmp(p, "null", 4) == 0) {
        *kind = OB_NULL;
        return p + 4;
    }
    return NULL;
}

/* -- values that nobody asked for --------------------------------------------------------------------------------- */

/* A value without parts. */
OB_INLINE const char *ob_skip_scalar(const char *p, const char *end) {
    int kind;
    int64_t number;
    if (*p == '"') {
        p = ob_string(p + 1, end, &kind);
        return p == NULL ? NULL : p + 1;
    }
    if (*p == '-' || ob_is_digit(*p)) return ob_number(p, end, &kind, &number);
    return ob_literal(p, end, &kind);
}

/* A key with its colon, up to the value. */
OB_INLINE const char *ob_skip_key(const char *p, const char *end) {
    int escaped;
    p = ob_space(p, end);
    if (p == end || *p != '"') return NULL;
    p = ob_string(p + 1, end, &escaped);
    if (p == NULL) return NULL;
    p = ob_space(p + 1, end);
    return p == end || *p != ':' ? NULL : p + 1;
}

/* An object or an array with all that is in it. A loop, not a recursion: no input can exhaust the stack. */
OB_NOINLINE const char *ob_skip_nested(const char *p, const char *end) {
    uint64_t objects = 0; /* the lowest bit is the innermost container's */
    int depth = 0;
    for (;;) {
        /* Here a value must follow. */
        p = ob_space(p, end);
        if (p == end) return NULL;
        if (*p == '{' || *p == '[') {
            int object = *p == '{';
            const char *inner = ob_space(p + 1, end);
            if (++depth > OB_MAX_NESTING || inner == end) return NULL;
            objects = objects << 1 | (uint64_t)object;
            if (*inner != (object ? '}' : ']')) {
                p = object ? ob_skip_key(inner, end) : inner;
                if (p == NULL) return NULL;
                continue;
            }
            p = inner; /* empty: closed below */
        } else {
            p = ob_skip_scalar(p, end);
            if (p == NULL) return NULL;
        }
        /* After a value, or at the closing bracket of an empty container. */
        for (;;) {
            int object = (int)(objects & 1);
            p = ob_space(p, end);
            if (p == end) return NULL;
            if (*p == ',') break;
            if (*p != (object ? '}' : ']')) return NULL;
            p++;
            objects >>= 1;
            if (--depth == 0) return p;
        }
        p++;
        if (objects & 1) p = ob_skip_key(p, end);
        if (p == NULL) return NULL;
    }
}

/* Any value; there is at least one byte. */
OB_INLINE const char *ob_skip(const char *p, const char *end) {
    return *p == '{' || *p == '[' ? ob_skip_nested(p, end) : ob_skip_scalar(p, end);
}

#endif
