/* mail_text.c: see mail_text.h. */
#include "shunt/core/mail_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define COLUMNS     76 /* of a line with encoded words (RFC 2047); of others 78 */
#define WORD_MAX    60 /* of what is written as it is */
#define WORD_FRAME  12 /* "=?UTF-8?B?" and "?=" */
#define REPLACEMENT "\xef\xbf\xbd"
#define BREAK       "\r\n "

/* ---- foreign text ---- */

/* Bytes of the character at p; 0: it is none. */
static size_t character(const char *p, size_t n)
{
    for (size_t len = 1; len <= 4 && len <= n; len++)
        if (utf8_valid(p, len))
            return len;
    return 0;
}

static bool is_line_end(const char *p, size_t len)
{
    return len == 3 && (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0); /* U+2028, U+2029 */
}

/* One line of UTF-8 without control characters. */
static void put_clean(struct str *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = character(text + i, n - i);
        if (len == 0)
            str_puts(out, REPLACEMENT);
        else if (text_has_control(text + i, len) || is_line_end(text + i, len))
            str_putc(out, ' ');
        else
            str_add(out, text + i, len);
        i += len > 0 ? len : 1;
    }
}

void mail_lines(struct str *out, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        size_t eol = strcspn(text + i, "\r\n");
        for (size_t end = i + eol; i < end;) {
            const char *tab = memchr(text + i, '\t', end - i);
            size_t part = tab ? (size_t)(tab - text) - i : end - i;
            put_clean(out, text + i, part);
            i += part;
            if (tab) {
                str_putc(out, '\t');
                i++;
            }
        }
        str_puts(out, "\r\n");
        i += text[i] == '\r' && text[i + 1] == '\n' ? 2 : text[i] != '\0';
    }
}

#define QUOTED_COLUMNS 73 /* of 76, so that whatever comes last fits before the soft break */

size_t mail_encoded_size(const char *text, size_t len)
{
    size_t size = 0, column = 0;
    for (size_t i = 0; i < len; i++) {
        bool blank = text[i] == '\t' || text[i] == ' ', last = i + 1 == len || text[i + 1] == '\n';
        bool plain = blank ? !last : text[i] > ' ' && text[i] <= '~' && text[i] != '=';
        if (text[i] == '\n') {
            size += 2;
            column = 0;
            continue;
        }
        if (column >= QUOTED_COLUMNS) {
            size += 3;
            column = 0;
        }
        size += plain ? 1 : 3;
        column += plain ? 1 : 3;
    }
    return size;
}

/* ---- headers ---- */

static void put_base64(struct str *out, const char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *b = (const unsigned char *)bytes;
    for (size_t i = 0; i < n; i += 3) {
        unsigned three = (unsigned)b[i] << 16 | (i + 1 < n ? (unsigned)b[i + 1] << 8 : 0) | (i + 2 < n ? b[i + 2] : 0u);
        str_putc(out, digits[three >> 18]);
        str_putc(out, digits[three >> 12 & 63]);
        str_putc(out, i + 1 < n ? digits[three >> 6 & 63] : '=');
        str_putc(out, i + 2 < n ? digits[three & 63] : '=');
    }
}

/* Encoded words, each of whole characters and on a line that is short enough. column: where the line stands. */
static void put_encoded(struct str *out, size_t *column, const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t room = COLUMNS > *column + WORD_FRAME ? (COLUMNS - *column - WORD_FRAME) / 4 * 3 : 0;
        size_t part = utf8_cut(text + i, n - i, room);
        if (part > 0) {
            size_t before = out->len;
            str_puts(out, "=?UTF-8?B?");
            put_base64(out, text + i, part);
            str_puts(out, "?=");
            *column += out->len - before;
            i += part;
        }
        if (i < n || part == 0) {
            str_puts(out, BREAK);
            *column = 1;
        }
    }
}

/* Can it stand as it is, and be folded at its spaces? */
static bool is_plain(const char *text, size_t n)
{
    size_t word = 0;
    if (strstr(text, "=?") || strstr(text, "  ") || text[0] == ' ' || (n > 0 && text[n - 1] == ' '))
        return false;
    for (size_t i = 0; i < n; i++) {
        word = text[i] == ' ' ? 0 : word + 1;
        if (text[i] < ' ' || text[i] > '~' || word > WORD_MAX)
            return false;
    }
    return true;
}

static void put_folded(struct str *out, size_t column, const char *text)
{
    bool first = true;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (!first && column + 1 + word > COLUMNS) {
            str_puts(out, BREAK);
            column = 1;
        } else if (!first) {
            str_putc(out, ' ');
            column++;
        }
        str_add(out, text, word);
        column += word;
        text += word + (text[word] == ' ');
        first = false;
    }
}

void mail_header(struct str *out, const char *name, const char *text)
{
    struct str clean = STR_INIT;
    size_t n = strlen(text), cut = n > MAIL_SUBJECT_MAX ? utf8_cut(text, n, MAIL_SUBJECT_MAX) : n;
    put_clean(&clean, text, cut);
    if (cut < n)
        str_puts(&clean, "\xe2\x80\xa6"); /* an ellipsis */
    str_printf(out, "%s: ", name);
    size_t column = strlen(name) + 2;
    if (is_plain(clean.bytes, clean.len))
        put_folded(out, column, clean.bytes);
    else
        put_encoded(out, &column, clean.bytes, clean.len);
    str_part_fini(&clean, out);
}

/* A phrase: as it is where it can be, quoted, or encoded. */
static void put_name(struct str *out, size_t *column, const char *name)
{
    static const char atoms[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/?^_`{|}~ ";
    size_t n = strlen(name), before = out->len;
    if (!is_plain(name, n) || n > WORD_MAX) {
        put_encoded(out, column, name, n);
        return;
    }
    bool quoted = name[strspn(name, atoms)] != '\0';
    str_puts(out, quoted ? "\"" : "");
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            str_putc(out, '\\');
        str_putc(out, *p);
    }
    str_puts(out, quoted ? "\"" : "");
    *column += out->len - before;
}

void mail_header_addresses(struct str *out, const char *name, const struct mail_address *list, size_t n)
{
    str_printf(out, "%s: ", name);
    size_t column = strlen(name) + 2;
    for (size_t i = 0; i < n; i++) {
        const struct mail_address *a = &list[i];
        size_t length = strlen(a->address) + strlen(a->name) + 6;
        if (i > 0) {
            str_puts(out, column + length > COLUMNS ? "," BREAK : ", ");
            column = column + length > COLUMNS ? 1 : column + 2;
        }
        if (a->name[0] == '\0') {
            str_puts(out, a->address);
            column += strlen(a->address);
            continue;
        }
        put_name(out, &column, a->name);
        bool breaks = column + strlen(a->address) + 3 > COLUMNS;
        str_printf(out, "%s<%s>", breaks ? BREAK : " ", a->address);
        column = (breaks ? 1 : column + 1) + strlen(a->address) + 2;
    }
}

bool mail_list_id_valid(const char *id)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
    size_t n = strlen(id);
    return n > 0 && n < MAIL_ADDRESS_MAX && strspn(id, allowed) == n;
}

void mail_date(int64_t wall_ms, char out[MAIL_DATE_MAX])
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm = {0};
    (void)localtime_r(&seconds, &tm);
    long east = tm.tm_gmtoff / 60, minutes = east < 0 ? -east : east;
    (void)snprintf(out, MAIL_DATE_MAX, "%s, %02d %s %04d %02d:%02d:%02d %c%02ld%02ld", days[tm.tm_wday % 7], tm.tm_mday,
                   months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, east < 0 ? '-' : '+',
                   minutes / 60 % 100, minutes % 60);
}

void mail_message_id(const char *hash, const char *from, char out[MAIL_ID_MAX])
{
    const char *at = strrchr(from, '@');
    (void)snprintf(out, MAIL_ID_MAX, "<%.40s@%s>", hash, at ? at + 1 : "localhost");
}
