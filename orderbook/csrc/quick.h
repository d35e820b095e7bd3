/* The common level, ["price","size"] without a space: found, checked and parsed without a branch or a shift that
 * depends on how long its parts are, for those lengths change from level to level and nothing else does.
 *
 * A look at 32 or 48 bytes gives two masks, of the quotes and of the digits. They say where both numbers are, and where
 * the next level starts before this one's numbers are known. The digits before a point are the eight bytes that end
 * there, those after it the eight bytes that end where the scale ends, both less what does not belong to them.
 */
#ifndef OB_QUICK_H
#define OB_QUICK_H

#define OB_EIGHT UINT64_C(0x0F0F0F0F0F0F0F0F)
#define OB_LOW(n) ((n) < 1 ? 0 : OB_EIGHT >> (8 * (8 - (n)) & 63)) /* n digits in the lowest bytes */
#define OB_PAIR(s, f) {(s) < 1 ? 0 : OB_LOW((f) < (s) ? (f) : (s)) << (8 * (8 - (s)) & 63), OB_LOW((f) - (s))}
#define OB_EACH(s) {OB_PAIR(s, 0), OB_PAIR(s, 0), OB_PAIR(s, 1), OB_PAIR(s, 2), OB_PAIR(s, 3), \
                    OB_PAIR(s, 4), OB_PAIR(s, 5), OB_PAIR(s, 6), OB_PAIR(s, 7), OB_PAIR(s, 8)}

/* By scale, and by how far the point stands from the closing quote (0: no point; then one more than there are digits
 * after it): of the eight bytes that end with the scale's last digit those that are digits of the fraction, and of the
 * eight bytes that follow. A digit other than 0 there needs a finer scale. */
static const struct {
    uint64_t kept, beyond;
} OB_FRACTION[9][10] = {OB_EACH(0), OB_EACH(1), OB_EACH(2), OB_EACH(3), OB_EACH(4),
                        OB_EACH(5), OB_EACH(6), OB_EACH(7), OB_EACH(8)};
/* By the number of digits before the point, of the eight bytes that end there. */
static const uint64_t OB_WHOLE[9] = {0, OB_EIGHT << 56, OB_EIGHT << 48, OB_EIGHT << 40, OB_EIGHT << 32,
                                     OB_EIGHT << 24, OB_EIGHT << 16, OB_EIGHT << 8, OB_EIGHT};

/* One bit for each quote among 16 bytes, and for each digit. */
OB_INLINE uint64_t ob_quotes16(const char *p, uint64_t *digits) {
#ifdef OB_SSE2
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p), v = _mm_sub_epi8(x, _mm_set1_epi8('0'));
    *digits = (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v));
    return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
#else
    const uint64_t low = UINT64_C(0x7F7F7F7F7F7F7F7F), gather = UINT64_C(0x0102040810204080);
    uint64_t quotes = 0;
    *digits = ~ob_nondigits16(ob_load8(p), ob_load8(p + 8)) & 0xFFFF;
    for (int i = 0; i < 2; i++) {
        uint64_t x = ob_load8(p + 8 * i) ^ UINT64_C(0x2222222222222222); /* 0 where there is a quote */
        quotes |= ((~(((x & low) + low) | x) & ~low) >> 7) * gather >> 56 << (8 * i);
    }
    return quotes;
#endif
}

/* The parts of a number between two quotes, given as bits: up to eight digits, perhaps a point and up to eight more.
 * 0 for anything else, and for digits beyond the reach. Up to 8 bytes before p are read, and 64 from it on. */
OB_INLINE int ob_parts(const char *p, uint64_t digits, uint64_t opening, uint64_t closing, size_t reach,
                       uint64_t *whole, uint64_t *fraction) {
    uint64_t inside = ~digits & (closing - 2 * opening);
    size_t point = ob_ctz(inside | closing), gap = ob_ctz(closing) - point, before = point - ob_ctz(opening) - 1;
    if (OB_UNLIKELY((inside & (inside - 1)) || before - 1 > 7 || gap > 9)) return 0;
    if (OB_UNLIKELY(inside && p[point] != '.')) return 0;
    *whole = ob_load8(p + point - 8) & OB_WHOLE[before];
    p += point + reach;
    *fraction = ob_load8(p - 7) & OB_FRACTION[reach][gap].kept;
    return OB_LIKELY(!(ob_load8(p + 1) & OB_FRACTION[reach][gap].beyond));
}

/* Four times eight digits, the first of each in the lowest byte, as numbers. */
OB_INLINE void ob_four_numbers(const uint64_t digits[4], uint64_t numbers[4]) {
#if defined(OB_SSE2) && (defined(__x86_64__) || defined(_M_X64))
    const __m128i tens = _mm_set1_epi16(10), byte = _mm_set1_epi16(0xFF);
    const __m128i hundreds = _mm_set1_epi32(1 << 16 | 100), myriads = _mm_set1_epi32(1 << 16 | 10000);
    __m128i a = _mm_set_epi64x((long long)digits[1], (long long)digits[0]);
    __m128i b = _mm_set_epi64x((long long)digits[3], (long long)digits[2]);
    a = _mm_add_epi16(_mm_mullo_epi16(_mm_and_si128(a, byte), tens), _mm_srli_epi16(a, 8));
    b = _mm_add_epi16(_mm_mullo_epi16(_mm_and_si128(b, byte), tens), _mm_srli_epi16(b, 8));
    a = _mm_packs_epi32(_mm_madd_epi16(a, hundreds), _mm_madd_epi16(b, hundreds));
    a = _mm_madd_epi16(a, myriads);
    uint64_t first = (uint64_t)_mm_cvtsi128_si64(a), second = (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(a, a));
    numbers[0] = first & UINT32_MAX;
    numbers[1] = first >> 32;
    numbers[2] = second & UINT32_MAX;
    numbers[3] = second >> 32;
#else
    for (int i = 0; i < 4; i++) numbers[i] = ob_eight_digits(digits[i]);
#endif
}

/* The loop of ob_quick_rows; `deep`, which is a constant, says that a scale is above 8. */
OB_INLINE const char *ob_rows(ob_run *w, ob_levels *side, const char *p, int *more, const int deep) {
    /* The bytes `"],["`, `"]` and `","` as they are loaded. */
    const uint64_t next_row = UINT64_C(0x225B2C5D22), last_row = 0x5D22, between = 0x222C22;
    const int price_scale = w->r->price_scale, size_scale = w->r->size_scale;
    const size_t price_reach = (size_t)(price_scale < 8 ? price_scale : 8);
    const size_t size_reach = (size_t)(size_scale < 8 ? size_scale : 8);
    const uint64_t price_power = OB_TEN[price_scale], size_power = OB_TEN[size_scale];
    const char *last = w->end - 64;
    int64_t *prices = side->prices + side->n, *sizes = side->sizes + side->n;
    int64_t *const full = side->prices + side->capacity;
    *more = 1;
    while (p <= last && prices < full) {
        uint64_t high, higher, digits, parts[4], numbers[4], tail;
        uint64_t quotes = ob_quotes16(p, &digits) ^ 2; /* less the one at 1 */
        quotes |= ob_quotes16(p + 16, &high) << 16;
        digits |= high << 16;
        uint64_t first = quotes & (0 - quotes), second;
        quotes &= ~(first * 5); /* it ends the price; two further on the size starts */
        if (OB_UNLIKELY(!quotes)) { /* longer than most */
            quotes |= ob_quotes16(p + 32, &higher) << 32;
            digits |= higher << 32;
        }
        second = quotes & (0 - quotes);
        if (OB_UNLIKELY(!first || !second || (ob_load4(p + ob_ctz(first)) & 0xFFFFFF) != between)) break;
        if (!ob_parts(p, digits, 2, first, price_reach, &parts[0], &parts[1])) break;
        if (!ob_parts(p, digits, first << 2, second, size_reach, &parts[2], &parts[3])) break;
        ob_four_numbers(parts, numbers);
        tail = ob_load8(p + ob_ctz(second));
        if (OB_UNLIKELY((tail & 0xFFFF) != last_row)) break;
        if (deep) {
            if (numbers[0] >= (uint64_t)INT64_MAX / price_power) break;
            if (numbers[2] >= (uint64_t)INT64_MAX / size_power) break;
            numbers[1] *= OB_TEN[(size_t)price_scale - price_reach];
            numbers[3] *= OB_TEN[(size_t)size_scale - size_reach];
        }
        *prices++ = (int64_t)(numbers[0] * price_power + numbers[1]);
        *sizes++ = (int64_t)(numbers[2] * size_power + numbers[3]);
        p += ob_ctz(second) + 2;
        if (OB_LIKELY((tail & UINT64_C(0xFFFFFFFFFF)) == next_row)) {
            p++;
            continue;
        }
        *more = *p == ',';
        p += *more;
        break;
    }
    side->n = (uint32_t)(prices - side->prices);
    return p;
}

/* As many common levels as there are, from a bracket on. Stops at the first that is written otherwise or needs finer
 * scales (*more 1), or behind the last one (*more 0). */
OB_INLINE const char *ob_quick_rows(ob_run *w, ob_levels *side, const char *p, int *more) {
    *more = 1;
    if (p - w->begin < 8 || w->end - p < 64 || p[0] != '[' || p[1] != '"') return p;
    if (OB_UNLIKELY(w->r->price_scale > 8 || w->r->size_scale > 8)) return ob_rows(w, side, p, more, 1);
    return ob_rows(w, side, p, more, 0);
}

#endif
