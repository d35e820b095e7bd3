/* Decimal text to int64 at a scale: the same answers as orderbook/scale.py, which is the specification.
 *
 * A number is mantissa / 10**scale. Nothing is rounded: one that needs more digits than there are is an error code.
 * Plain C11 without Python.h, allocation or state; every read stays inside [s, s + n).
 *
 *   ob_parse_decimal   any decimal text, in canonical form (the smallest scale that holds it)
 *   ob_parse_at        the number at a scale that the caller has in mind: the hot one, eight digits at a time
 *   ob_rescale         a number at another scale
 */
#ifndef OB_DECIMAL_H
#define OB_DECIMAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define OB_SSE2 1
#endif
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define OB_LIKELY(x) (x)
#define OB_UNLIKELY(x) (x)
#define OB_INLINE static __forceinline
#define OB_NOINLINE static __declspec(noinline)
#else
#define OB_LIKELY(x) __builtin_expect(!!(x), 1)
#define OB_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define OB_INLINE static inline __attribute__((always_inline, unused))
/* Not inlined, so that the rare paths leave the registers of the common ones alone. */
#define OB_NOINLINE static __attribute__((noinline, unused))
#endif

enum {
    OB_OK = 0,
    OB_NOT_DECIMAL = -1, /* "not a finite decimal number" */
    OB_TOO_LARGE = -2,   /* "does not fit in int64" */
    OB_TOO_FINE = -3,    /* "finer than 18 decimal digits" */
    OB_TOO_LONG = -4,    /* "longer than 64 characters" */
    OB_FINER = -5        /* needs more digits than the scale asked for; ob_parse_decimal knows how many */
};

#define OB_MAX_SCALE 18
#define OB_MAX_TEXT 64
#define OB_MAX_DIGITS 19 /* of a number below 2**63, which leaves uint64 room for any number of so many digits */

static const uint64_t OB_TEN[OB_MAX_SCALE + 1] = {
    UINT64_C(1), UINT64_C(10), UINT64_C(100), UINT64_C(1000), UINT64_C(10000), UINT64_C(100000), UINT64_C(1000000),
    UINT64_C(10000000), UINT64_C(100000000), UINT64_C(1000000000), UINT64_C(10000000000), UINT64_C(100000000000),
    UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000), UINT64_C(1000000000000000),
    UINT64_C(10000000000000000), UINT64_C(100000000000000000), UINT64_C(1000000000000000000)};

/* -- bits and bytes ----------------------------------------------------------------------------------------------- */

/* The number of zero bits below the lowest set one; x is not 0. */
OB_INLINE unsigned ob_ctz(uint64_t x) {
#if defined(_MSC_VER) && !defined(__clang__)
    unsigned low = (unsigned)x;
    unsigned long at;
    if (low) {
        _BitScanForward(&at, low);
        return (unsigned)at;
    }
    _BitScanForward(&at, (unsigned)(x >> 32));
    return (unsigned)at + 32;
#else
    return (unsigned)__builtin_ctzll(x);
#endif
}

/* Eight bytes, the first in the lowest byte whatever the machine's own order. */
OB_INLINE uint64_t ob_load8(const char *s) {
#if (defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) || defined(_MSC_VER)
    uint64_t word;
    memcpy(&word, s, 8);
    return word;
#else
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) word = word << 8 | (unsigned char)s[i];
    return word;
#endif
}

OB_INLINE uint64_t ob_load4(const char *s) {
#if (defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) || defined(_MSC_VER)
    uint32_t word;
    memcpy(&word, s, 4);
    return word;
#else
    return (uint64_t)(unsigned char)s[0] | (uint64_t)(unsigned char)s[1] << 8 | (uint64_t)(unsigned char)s[2] << 16 |
           (uint64_t)(unsigned char)s[3] << 24;
#endif
}

/* Up to eight bytes, 0 after the last; two loads that overlap, so that nothing past the end is read. */
OB_INLINE uint64_t ob_load_upto8(const char *s, size_t n) {
    if (n >= 8) return ob_load8(s);
    if (n >= 4) return ob_load4(s) | ob_load4(s + n - 4) << (8 * (n - 4));
    if (n == 0) return 0;
    return (uint64_t)(unsigned char)s[0] | (uint64_t)(unsigned char)s[n >> 1] << (8 * (n >> 1)) |
           (uint64_t)(unsigned char)s[n - 1] << (8 * (n - 1));
}

/* Eight bytes of value 0 to 9, the most significant digit in the lowest byte, as a number (three multiplications). */
OB_INLINE uint64_t ob_eight_digits(uint64_t v) {
    v = v * 10 + (v >> 8);
    return ((v & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x000F424000000064) +
            (v >> 16 & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x0000271000000001)) >> 32;
}

/* The high bit of each byte that is no ASCII digit. No carry passes from byte to byte: the high bits are set apart. */
OB_INLINE uint64_t ob_nondigits8(uint64_t w) {
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t low = w & ~high;
    uint64_t above = low + UINT64_C(0x4646464646464646);  /* high bit: above '9' */
    uint64_t below = ~(low + UINT64_C(0x5050505050505050)); /* high bit: below '0' */
    return (above | below | w) & high;
}

/* One bit for each of 16 bytes that is no digit; lo holds the first eight. */
OB_INLINE unsigned ob_nondigits16(uint64_t lo, uint64_t hi) {
#ifdef OB_SSE2
    __m128i v = _mm_sub_epi8(_mm_set_epi64x((long long)hi, (long long)lo), _mm_set1_epi8('0'));
    __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v);
    return ~(unsigned)_mm_movemask_epi8(digit) & 0xFFFFu;
#else
    /* The multiplication gathers the eight high bits, shifted down to bit 0 of each byte, into the top byte. */
    const uint64_t gather = UINT64_C(0x0102040810204080);
    unsigned first = (unsigned)((ob_nondigits8(lo) >> 7) * gather >> 56);
    return first | (unsigned)((ob_nondigits8(hi) >> 7) * gather >> 56) << 8;
#endif
}

/* -- scales ------------------------------------------------------------------------------------------------------- */

/* A number at another scale, exactly: OB_FINER when digits would be lost, OB_TOO_LARGE when it does not fit. */
OB_INLINE int ob_rescale(int64_t mantissa, int scale, int target, int64_t *out) {
    if (target == scale) {
        *out = mantissa;
        return OB_OK;
    }
    if (target > scale) {
        int64_t factor = (int64_t)OB_TEN[target - scale];
        int64_t most = INT64_MAX / factor;
        if (mantissa > most || mantissa < -most) return OB_TOO_LARGE;
        *out = mantissa * factor;
        return OB_OK;
    }
    int64_t divisor = (int64_t)OB_TEN[scale - target];
    if (mantissa % divisor) return OB_FINER;
    *out = mantissa / divisor;
    return OB_OK;
}

/* -- plain numbers of at most 16 characters, eight digits at a time ------------------------------------------------ */

#define OB_GENERAL 1 /* not for the quick way: ask ob_parse_at_general */

/* 1 to 16 bytes: up to eight digits, then perhaps a point and up to eight more. As words of digits of value 0 to 9: the
 * whole part up to the highest byte, the fraction from the lowest. 0 for anything else. */
OB_INLINE int ob_split_sixteen(const char *s, size_t n, uint64_t *whole, uint64_t *fraction) {
    const uint64_t digits = UINT64_C(0x0F0F0F0F0F0F0F0F);
    uint64_t lo = ob_load_upto8(s, n), hi = n > 8 ? ob_load8(s + n - 8) >> (8 * (16 - n)) : 0;
    unsigned odd = ob_nondigits16(lo, hi) & ((1u << n) - 1u);
    size_t point = odd ? ob_ctz(odd) : n;
    if (OB_UNLIKELY(point - 1 > 7)) return 0;
    *whole = lo << (8 * (8 - point)) & digits;
    *fraction = 0;
    if (!odd) return 1;
    if (OB_UNLIKELY((odd & (odd - 1u)) || n - point > 9 || s[point] != '.')) return 0;
    if (OB_LIKELY(point < 7)) *fraction = (lo >> (8 * (point + 1)) | hi << (8 * (7 - point))) & digits;
    else *fraction = hi >> (8 * (point - 7)) & digits;
    return 1;
}

/* Those two words as a number at a scale. */
OB_INLINE int ob_join(uint64_t whole, uint64_t fraction, int scale, int64_t *mantissa) {
    whole = ob_eight_digits(whole);
    if (OB_LIKELY((unsigned)(scale - 1) < 8u)) {
        /* Two shifts, for one by 64 is undefined. What lies beyond the scale must be zeros. */
        if (OB_UNLIKELY(fraction >> (8 * (scale - 1)) >> 8)) return OB_FINER;
        fraction = ob_eight_digits(fraction << (8 * (8 - scale)));
        *mantissa = (int64_t)(whole * OB_TEN[scale] + fraction);
        return OB_OK;
    }
    if (scale == 0) {
        if (fraction) return OB_FINER;
        *mantissa = (int64_t)whole;
        return OB_OK;
    }
    if (whole >= (uint64_t)INT64_MAX / OB_TEN[scale]) return OB_GENERAL;
    *mantissa = (int64_t)(whole * OB_TEN[scale] + ob_eight_digits(fraction) * OB_TEN[scale - 8]);
    return OB_OK;
}

/* -- any decimal text --------------------------------------------------------------------------------------------- */

OB_INLINE int ob_is_digit(char c) {
    return (unsigned char)(c - '0') <= 9;
}

/* Digits on both sides of the point, as they are written. */
typedef struct {
    uint64_t value;  /* of the digits up to the last that is not 0, as long as `digits` is at most OB_MAX_DIGITS */
    int digits;      /* of the number so far, without leading zeros */
    int zeros;       /* that stand after the last digit other than 0 */
    int fraction;    /* digits after the point */
    int any;
} ob_digits;

OB_INLINE const char *ob_take_digits(const char *s, const char *end, ob_digits *d) {
    const char *start = s;
    for (; s < end && ob_is_digit(*s); s++) {
        if (*s == '0') {
            /* Zeros are kept apart until another digit follows: those at the end may not count. */
            d->zeros += d->digits > 0;
            continue;
        }
        d->digits += d->zeros + 1;
        if (d->digits <= OB_MAX_DIGITS) d->value = d->value * OB_TEN[d->zeros] * 10 + (uint64_t)(*s - '0');
        d->zeros = 0;
    }
    d->any |= s > start;
    return s;
}

/* `[eE][+-]?[0-9]{1,6}` up to the end of the text. */
OB_INLINE int ob_take_exponent(const char *s, const char *end, int *exponent) {
    int negative = 0, value = 0;
    s++;
    if (s < end && (*s == '+' || *s == '-')) negative = *s++ == '-';
    if (s == end || end - s > 6) return OB_NOT_DECIMAL;
    for (; s < end; s++) {
        if (!ob_is_digit(*s)) return OB_NOT_DECIMAL;
        value = value * 10 + (*s - '0');
    }
    *exponent = negative ? -value : value;
    return OB_OK;
}

/* The digits as a mantissa in canonical form. The order of the checks is that of scale.py: its errors are ours. */
OB_INLINE int ob_canonical(const ob_digits *d, int scale, uint64_t *mantissa, int *canonical) {
    int zeros = d->zeros;
    *mantissa = 0;
    *canonical = 0;
    if (d->digits == 0) return OB_OK;
    if (scale > 0) {
        int drop = zeros < scale ? zeros : scale;
        zeros -= drop;
        scale -= drop;
    }
    if (scale < 0) {
        zeros -= scale; /* at most 63 + 999999 */
        scale = 0;
    }
    if (d->digits + zeros > OB_MAX_DIGITS) return OB_TOO_LARGE;
    *mantissa = d->value * OB_TEN[zeros];
    if (*mantissa > (uint64_t)INT64_MAX) return OB_TOO_LARGE;
    if (scale > OB_MAX_SCALE) return OB_TOO_FINE;
    *canonical = scale;
    return OB_OK;
}

OB_NOINLINE int ob_parse_decimal_general(const char *s, size_t n, int64_t *mantissa, int *scale) {
    ob_digits d = {0, 0, 0, 0, 0};
    uint64_t value;
    int exponent = 0, canonical, negative = 0, code;
    const char *end = s + n;
    if (n > OB_MAX_TEXT) return OB_TOO_LONG;
    if (s < end && (*s == '+' || *s == '-')) negative = *s++ == '-';
    s = ob_take_digits(s, end, &d);
    if (s < end && *s == '.') {
        const char *point = ++s;
        s = ob_take_digits(s, end, &d);
        d.fraction = (int)(s - point);
    }
    if (!d.any) return OB_NOT_DECIMAL;
    if (s < end) {
        if (*s != 'e' && *s != 'E') return OB_NOT_DECIMAL;
        if (ob_take_exponent(s, end, &exponent) != OB_OK) return OB_NOT_DECIMAL;
    }
    code = ob_canonical(&d, d.fraction - exponent, &value, &canonical);
    if (code != OB_OK) return code;
    *mantissa = negative ? -(int64_t)value : (int64_t)value;
    *scale = canonical;
    return OB_OK;
}

/* Parse decimal text exactly, in canonical form: 0, or one of the codes above and *mantissa and *scale as they were. */
OB_INLINE int ob_parse_decimal(const char *s, size_t n, int64_t *mantissa, int *scale) {
    uint64_t whole, fraction;
    if (OB_LIKELY(n - 1 < 16) && OB_LIKELY(ob_split_sixteen(s, n, &whole, &fraction))) {
        int own = 0;
        /* The last digit that is not 0 is in the highest byte that is not 0. */
        for (uint64_t rest = fraction; rest; rest >>= 8) own++;
        *scale = own;
        return ob_join(whole, fraction, own, mantissa);
    }
    return ob_parse_decimal_general(s, n, mantissa, scale);
}

/* -- text at a known scale ---------------------------------------------------------------------------------------- */

OB_NOINLINE int ob_parse_at_general(const char *s, size_t n, int scale, int64_t *mantissa) {
    int64_t value;
    int own;
    int code = ob_parse_decimal_general(s, n, &value, &own);
    if (code != OB_OK) return code;
    if (own > scale) return OB_FINER;
    return ob_rescale(value, own, scale, mantissa);
}

/* Decimal text of at most 16 bytes at a scale. */
OB_INLINE int ob_parse_sixteen(const char *s, size_t n, int scale, int64_t *mantissa) {
    uint64_t whole, fraction;
    if (!ob_split_sixteen(s, n, &whole, &fraction)) return OB_GENERAL;
    return ob_join(whole, fraction, scale, mantissa);
}

/* Parse decimal text at a scale (0 to 18), exactly. OB_FINER: it needs more digits; else as ob_parse_decimal, and
 * OB_TOO_LARGE also for what fits at its own scale but not at this one. */
OB_INLINE int ob_parse_at(const char *s, size_t n, int scale, int64_t *mantissa) {
    if (OB_LIKELY(n - 1 < 16)) {
        int code = ob_parse_sixteen(s, n, scale, mantissa);
        if (OB_LIKELY(code != OB_GENERAL)) return code;
    }
    return ob_parse_at_general(s, n, scale, mantissa);
}

#endif
