/* text.c: the part of str.h that looks at foreign bytes: UTF-8, control characters, escapes.
 * Runs of harmless bytes are added in one piece: the log writes tens of thousands of lines a second through here. */
#include <stdint.h>
#include <string.h>

#include "shunt/base/str.h"

/* Length of the character at p (1..4) and its number, or 0 where there is none. */
static size_t utf8_char(const unsigned char *p, size_t n, uint32_t *out)
{
    size_t len;
    uint32_t c, least;
    if (p[0] < 0x80) {
        *out = p[0];
        return 1;
    } else if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        len = 2, c = p[0] & 0x1Fu, least = 0x80;
    } else if ((p[0] & 0xF0u) == 0xE0) {
        len = 3, c = p[0] & 0x0Fu, least = 0x800;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        len = 4, c = p[0] & 0x07u, least = 0x10000;
    } else {
        return 0;
    }
    if (len > n) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0u) != 0x80) {
            return 0;
        }
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if (c < least || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
        return 0;
    }
    *out = c;
    return len;
}

bool utf8_valid(const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t i = 0;
    while (i < n) {
        uint64_t eight;
        if (n - i >= sizeof eight) {
            memcpy(&eight, p + i, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        uint32_t c;
        size_t len = utf8_char(p + i, n - i, &c);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}

size_t utf8_cut(const char *bytes, size_t n, size_t max)
{
    if (n <= max) {
        return n;
    }
    size_t cut = max;
    while (cut > 0 && max - cut < 4 && ((unsigned char)bytes[cut] & 0xC0u) == 0x80) {
        cut--;
    }
    /* not UTF-8 at all: any place is as good */
    return max - cut < 4 ? cut : max;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F);
}

bool text_has_control(const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0x20 || p[i] == 0x7F || (p[i] == 0xC2 && i + 1 < n && p[i + 1] >= 0x80 && p[i + 1] <= 0x9F)) {
            return true;
        }
    }
    return false;
}

static const char hex[] = "0123456789abcdef";

static void put_u(struct str *s, uint32_t c)
{
    const char text[6] = {'\\', 'u', hex[c >> 12 & 15], hex[c >> 8 & 15], hex[c >> 4 & 15], hex[c & 15]};
    str_add(s, text, sizeof text);
}

static void put_x(struct str *s, unsigned char c)
{
    const char text[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
    str_add(s, text, sizeof text);
}

/* '\n' -> 'n' and such; 0 where there is no short form */
static char short_escape(uint32_t c)
{
    switch (c) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static void put_short(struct str *s, char c)
{
    const char text[2] = {'\\', c};
    str_add(s, text, sizeof text);
}

static void json_special(struct str *s, uint32_t c)
{
    char letter = c == '"' || c == '\\' ? (char)c : short_escape(c);
    if (letter) {
        put_short(s, letter);
    } else {
        put_u(s, c);
    }
}

void str_json(struct str *s, const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t run = 0, i = 0; /* p[run..i) is fine as it is and not yet added */
    str_reserve(s, n + 2);
    str_putc(s, '"');
    while (i < n) {
        uint32_t c;
        size_t len = utf8_char(p + i, n - i, &c);
        if (len > 0 && !is_control(c) && c != '"' && c != '\\') {
            i += len;
            continue;
        }
        str_add(s, bytes + run, i - run);
        if (len == 0) {
            str_puts(s, "\xEF\xBF\xBD");
            len = 1;
        } else {
            json_special(s, c);
        }
        i += len;
        run = i;
    }
    str_add(s, bytes + run, n - run);
    str_putc(s, '"');
}

/* What a terminal shows as something else than a character in its place: breaks of lines and paragraphs, marks of width
 * none, turns of the direction. Joiners (U+200C, U+200D) stay: scripts and signs are written with them. */
static bool misleads(uint32_t c)
{
    return c >= 0x61C && (c == 0x61C || c == 0x180E || c == 0x200B || c == 0x200E || c == 0x200F ||
                          (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF);
}

void str_plain(struct str *s, const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t run = 0, i = 0;
    str_reserve(s, n);
    while (i < n) {
        uint32_t c;
        size_t len = utf8_char(p + i, n - i, &c);
        if (len > 0 && !is_control(c) && !misleads(c)) {
            i += len;
            continue;
        }
        str_add(s, bytes + run, i - run);
        if (len == 0) {
            put_x(s, p[i]);
            len = 1;
        } else if (short_escape(c)) {
            put_short(s, short_escape(c));
        } else if (c < 0x80) {
            put_x(s, (unsigned char)c);
        } else {
            put_u(s, c);
        }
        i += len;
        run = i;
    }
    str_add(s, bytes + run, n - run);
}

void str_shell(struct str *s, const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:@%+,-";
    if (*text && strspn(text, safe) == strlen(text)) {
        str_puts(s, text);
        return;
    }
    str_putc(s, '\'');
    for (const char *p = text; *p; p++)
        if (*p == '\'')
            str_puts(s, "'\\''");
        else
            str_putc(s, *p);
    str_putc(s, '\'');
}
