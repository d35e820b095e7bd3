/* Runs the walker on whole and damaged messages, for AddressSanitizer and UBSan to watch.
 *
 *   walker_harness PROGRAM CORPUS ROUNDS SEED
 *
 * PROGRAM is Walker.image(), CORPUS one message a line. Every input is copied into a block of exactly its size, so that
 * a read past the end is seen. Exits with 1, and says why, when a reading contradicts itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "walker.h"

static uint64_t state;

/* xorshift64*: the same inputs on every machine for a seed. */
static uint64_t random_below(uint64_t n) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717) % n;
}

static void fail(const char *why, const char *input, size_t n) {
    fprintf(stderr, "%s: ", why);
    fwrite(input, 1, n, stderr);
    fputc('\n', stderr);
    exit(1);
}

static char *read_file(const char *path, size_t *n) {
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    size_t got, capacity = 0;
    if (file == NULL) fail("cannot open", path, strlen(path));
    *n = 0;
    do {
        capacity = capacity * 2 + 4096;
        bytes = realloc(bytes, capacity);
        if (bytes == NULL) fail("no memory", path, strlen(path));
        got = fread(bytes + *n, 1, capacity - *n, file);
        *n += got;
    } while (*n == capacity);
    fclose(file);
    return bytes;
}

/* -- damage ------------------------------------------------------------------------------------------------------- */

static const char *const TOKENS[] = {
    "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e9", "\\u0041", "\\ud800", "null", "true", "1e400",
    "9223372036854775808", "[[[[[[[[[[[[[[[[[[[[", "{\"a\":{\"a\":", "\xc3\xa4", "\xff", "\x80", " ", "\n", "\"b\":[],",
    "\"data\":{},", "[\"1\",\"2\"],", "[\"0.000000000000000001\",\"9223372036854775807\"],", "12345678.12345678"};

#define N_TOKENS (sizeof TOKENS / sizeof *TOKENS)

/* One change in place; `n` bytes in a block of `capacity`. */
static size_t damage(char *bytes, size_t n, size_t capacity) {
    size_t at = random_below(n + 1), left = n - at, width = left ? random_below(left < 20 ? left : 20) + 1 : 0;
    const char *token = TOKENS[random_below(N_TOKENS)];
    size_t length = strlen(token);
    switch (random_below(5)) {
    case 0:
        if (left) bytes[at] ^= (char)(1 << random_below(8));
        return n;
    case 1:
        memmove(bytes + at, bytes + at + width, left - width);
        return n - width;
    case 2:
        return random_below(20) ? n : at;
    case 3:
        if (n + width > capacity) return n;
        memmove(bytes + at + width, bytes + at, left);
        return n + width;
    default:
        if (n + length > capacity) return n;
        memmove(bytes + at + length, bytes + at, left);
        memcpy(bytes + at, token, length);
        return n + length;
    }
}

/* -- checks ------------------------------------------------------------------------------------------------------- */

static int inside(const char *text, uint32_t length, const char *bytes, size_t n) {
    return length == 0 || (text >= bytes && text + length <= bytes + n);
}

static void check_levels(const ob_levels *side, const char *bytes, size_t n) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < side->n; i++) {
        sum += (uint64_t)side->prices[i];
        if (side->sizes[i] < 0) fail("a negative size", bytes, n);
    }
    if (side->n && sum == UINT64_C(0x5EED5EED5EED5EED)) puts("");
}

static void check_value(const ob_value *value, const char *bytes, size_t n) {
    int64_t mantissa;
    int scale;
    if (value->tag == OB_DECIMAL_TEXT || value->tag == OB_JSON_NUMBER) {
        if (!inside(value->text, value->length, bytes, n)) fail("a span outside", bytes, n);
        if (ob_parse_decimal(value->text, value->length, &mantissa, &scale) || mantissa != value->number ||
            scale != value->scale || ob_parse_at(value->text, value->length, scale, &mantissa) ||
            mantissa != value->number)
            fail("a number that is another", bytes, n);
    }
}

static int walk_one(const ob_program *program, const char *message, size_t n, ob_reading *r) {
    char *bytes = malloc(n ? n : 1);
    if (bytes == NULL) fail("no memory", message, n);
    memcpy(bytes, message, n);
    int price_scale = r->price_scale = (int32_t)random_below(19);
    int size_scale = r->size_scale = (int32_t)random_below(19);
    int ok = ob_walk(program, n ? bytes : bytes + 1, n, r) == OB_OK;
    if (r->price_scale < price_scale || r->size_scale < size_scale) fail("a coarser scale", bytes, n);
    if (ok) {
        if (!inside(r->symbol, r->symbol_length, bytes, n)) fail("a symbol outside", bytes, n);
        check_levels(&r->bids, bytes, n);
        check_levels(&r->asks, bytes, n);
        for (int i = 0; i < OB_ATTRIBUTES; i++) check_value(&r->values[i], bytes, n);
    } else if (r->price_scale != price_scale || r->size_scale != size_scale) {
        fail("a declined message that moved the scales", bytes, n);
    }
    free(bytes);
    return ok;
}

/* Decimal text of any kind: both ways to parse it agree. */
static void numbers(uint64_t rounds) {
    static const char LETTERS[] = "00000012345678999..-+eE x";
    for (uint64_t i = 0; i < rounds; i++) {
        size_t n = random_below(random_below(4) ? 18 : 70);
        char *text = malloc(n ? n : 1);
        int64_t exact = 0, at = 0, back = 0;
        int own = 0, scale = (int)random_below(19);
        if (text == NULL) fail("no memory", "", 0);
        for (size_t j = 0; j < n; j++) text[j] = LETTERS[random_below(random_below(3) ? 19 : sizeof LETTERS - 1)];
        int code = ob_parse_decimal(text, n, &exact, &own);
        int code_at = ob_parse_at(text, n, scale, &at);
        if (code != OB_OK && code_at != code) fail("another refusal", text, n);
        if (code == OB_OK && (code_at == OB_FINER) != (own > scale)) fail("finer or not", text, n);
        if (code == OB_OK && code_at == OB_OK && (ob_rescale(at, scale, own, &back) || back != exact))
            fail("another number", text, n);
        free(text);
    }
}

int main(int argc, char **argv) {
    enum { CAPACITY = 1 << 16 };
    static char work[CAPACITY];
    size_t n_image, n_corpus, accepted = 0, whole = 0, lines = 0;
    if (argc != 5) return 2;
    char *image = read_file(argv[1], &n_image), *corpus = read_file(argv[2], &n_corpus);
    uint64_t rounds = strtoull(argv[3], NULL, 10);
    ob_program *program = malloc(sizeof *program);
    ob_reading reading;
    state = strtoull(argv[4], NULL, 10) * 2 + 1;
    if (program == NULL || n_image != sizeof *program) fail("an image of another build", "", 0);
    memcpy(program, image, n_image);
    ob_reading_init(&reading);
    const char **starts = malloc((n_corpus + 1) * sizeof *starts);
    size_t *lengths = malloc((n_corpus + 1) * sizeof *lengths);
    if (starts == NULL || lengths == NULL) fail("no memory", "", 0);
    for (char *at = corpus, *end = corpus + n_corpus; at < end;) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) stop = end;
        if (stop - at < CAPACITY / 2) {
            starts[lines] = at;
            lengths[lines++] = (size_t)(stop - at);
        }
        whole += (size_t)walk_one(program, at, (size_t)(stop - at), &reading);
        at = stop + 1;
    }
    if (lines == 0) fail("an empty corpus", "", 0);
    for (uint64_t i = 0; i < rounds; i++) {
        size_t line = random_below(lines), n = lengths[line];
        memcpy(work, starts[line], n);
        for (uint64_t changes = random_below(4) + 1; changes; changes--) n = damage(work, n, CAPACITY);
        accepted += (size_t)walk_one(program, work, n, &reading);
    }
    numbers(rounds);
    printf("%zu of %zu whole, %zu of %llu damaged\n", whole, lines, accepted, (unsigned long long)rounds);
    ob_reading_free(&reading);
    free(program);
    free(image);
    free(corpus);
    free(starts);
    free(lengths);
    return 0;
}
