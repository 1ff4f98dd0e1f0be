/* json_text.c: counting, string content and byte order marks. Nothing here allocates or can fail. */
#include "json_text.h"

#include <string.h>

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Eight bytes at a time: this runs over every byte of every ticket. */
static size_t count_following(const uint8_t *bytes, size_t n)
{
    size_t count = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        count += (size_t)((((word >> 7) & ~(word >> 6) & EACH_BYTE) * EACH_BYTE) >> 56);
    }
    for (; i < n; i++) {
        count += (bytes[i] & 0xC0) == 0x80;
    }
    return count;
}

static size_t count_lines(const uint8_t *bytes, size_t n)
{
    const uint64_t low = 0x7F * EACH_BYTE;
    size_t count = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        word ^= '\n' * EACH_BYTE;
        uint64_t zero = ~(((word & low) + low) | word | low);
        count += (size_t)(((zero >> 7) * EACH_BYTE) >> 56);
    }
    for (; i < n; i++) {
        count += bytes[i] == '\n';
    }
    return count;
}

void text_place_advance(struct text_place *place, const uint8_t *bytes, size_t n)
{
    const uint8_t *last = n > 0 ? memrchr(bytes, '\n', n) : NULL;
    if (last != NULL) {
        size_t upto = (size_t)(last - bytes) + 1;
        place->line += (int64_t)count_lines(bytes, upto);
        place->column = 1;
        bytes += upto;
        n -= upto;
    }
    place->column += (int64_t)(n - count_following(bytes, n));
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static size_t escape_unit(const uint8_t *bytes, size_t n)
{
    if (n < 2) {
        return 0;
    }
    if (bytes[1] != 'u') {
        return bytes[1] != '\0' && strchr("\"\\/bfnrt", bytes[1]) != NULL ? 2 : 0;
    }
    if (n < 6) {
        return 0;
    }
    return is_hex(bytes[2]) && is_hex(bytes[3]) && is_hex(bytes[4]) && is_hex(bytes[5]) ? 6 : 0;
}

/* As lax as yajl, so that a text is judged alike however it is cut: fields are checked strictly elsewhere. */
static size_t character_unit(const uint8_t *bytes, size_t n)
{
    uint8_t c = bytes[0];
    size_t len = (c >> 5) == 0x6 ? 2 : (c >> 4) == 0xE ? 3 : (c >> 3) == 0x1E ? 4 : 0;
    if (len == 0 || len > n) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

size_t json_units(const uint8_t *bytes, size_t n)
{
    size_t at = 0;
    while (at < n) {
        uint8_t c = bytes[at];
        size_t len;
        if (c >= 0x80) {
            len = character_unit(bytes + at, n - at);
        } else if (c == '\\') {
            len = escape_unit(bytes + at, n - at);
        } else {
            len = c >= 0x20 && c != '"';
        }
        if (len == 0) {
            break;
        }
        at += len;
    }
    return at;
}

/* Is this \uD800..\uDBFF (a high half) or \uDC00..\uDFFF (a low one)? */
enum half { HALF_NO, HALF_YES, HALF_CUT };
static enum half surrogate_half(const uint8_t *bytes, size_t n, bool low)
{
    static const char *const wanted[2][6] = {
        {"\\", "u", "dD", "89abAB", NULL, NULL},
        {"\\", "u", "dD", "cdefCDEF", NULL, NULL},
    };
    for (size_t i = 0; i < 6; i++) {
        if (i == n) {
            return HALF_CUT;
        }
        const char *set = wanted[low][i];
        if (set == NULL ? !is_hex(bytes[i]) : bytes[i] == '\0' || strchr(set, bytes[i]) == NULL) {
            return HALF_NO;
        }
    }
    return HALF_YES;
}

size_t json_escape(const uint8_t *bytes, size_t n, bool *lone)
{
    *lone = false;
    if ((n >= 2 && bytes[1] != 'u') || (n >= 3 && (bytes[2] | 0x20) != 'd')) {
        return 2;
    }
    enum half low = surrogate_half(bytes, n, true);
    enum half high = surrogate_half(bytes, n, false);
    if (low == HALF_YES) {
        *lone = true;
        return 6;
    }
    if (low == HALF_CUT || high == HALF_CUT) {
        return 0;
    }
    if (high == HALF_NO) {
        return 2;
    }
    enum half second = surrogate_half(bytes + 6, n - 6, true);
    if (second == HALF_CUT) {
        return 0;
    }
    *lone = second == HALF_NO;
    return *lone ? 6 : 12;
}

enum text_start text_start(const uint8_t *bytes, size_t n)
{
    static const uint8_t zero[TEXT_START_MAX];
    if (n == 0) {
        return TEXT_EMPTY;
    }
    if (bytes[0] == 0xEF && memcmp(bytes, "\xEF\xBB\xBF", n < 3 ? n : 3) == 0) {
        return n < 3 ? TEXT_BOM_CUT : TEXT_BOM;
    }
    if (memcmp(bytes, zero, n) == 0) {
        return TEXT_NULS;
    }
    if (n == 4 && (memcmp(bytes, "\0\0\xFE\xFF", 4) == 0 || memcmp(bytes, "\0\0\0", 3) == 0 ||
                   memcmp(bytes + 1, "\0\0\0", 3) == 0 || memcmp(bytes, "\xFF\xFE\0\0", 4) == 0)) {
        return TEXT_UTF32;
    }
    if (n >= 2 &&
        (memcmp(bytes, "\xFE\xFF", 2) == 0 || memcmp(bytes, "\xFF\xFE", 2) == 0 || bytes[0] == 0 || bytes[1] == 0)) {
        return TEXT_UTF16;
    }
    return TEXT_UTF8;
}
