/* report_text.c: see report_inner.h. */
#include <stdio.h>
#include <string.h>

#include "report_inner.h"

#define ELLIPSIS "…"

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += begins_character(*text);
    return n;
}

/* Where the character of that number begins, or the end. */
static size_t offset_of(const char *text, size_t number)
{
    size_t at = 0;
    for (; text[at] != '\0'; at++)
        if (begins_character(text[at]) && number-- == 0)
            break;
    return at;
}

static void put_cut(struct str *out, const char *text, size_t most)
{
    bool long_ = characters(text) > most;
    str_add(out, text, offset_of(text, long_ ? most - 1 : most));
    str_puts(out, long_ ? ELLIPSIS : "");
}

static json_t *take_json(struct str *text)
{
    json_t *json = str_failed(text) ? NULL : json_string(text->bytes);
    str_fini(text);
    return json;
}

json_t *shown(const char *text, size_t most)
{
    struct str plain = STR_INIT, cut = STR_INIT;
    size_t len = text ? strlen(text) : 0;
    str_plain(&plain, text ? text : "", utf8_cut(text ? text : "", len, 4 * most + 4));
    put_cut(&cut, plain.bytes, most);
    str_part_fini(&plain, &cut);
    return take_json(&cut);
}

void grouped(json_int_t n, char out[NUMBER_TEXT_MAX])
{
    char digits[NUMBER_TEXT_MAX];
    int len = snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

json_t *count(json_int_t n)
{
    char text[NUMBER_TEXT_MAX];
    grouped(n, text);
    return json_string(text);
}

json_t *percent(const json_t *number)
{
    return json_is_number(number) ? json_sprintf("%.1f %%", json_number_value(number)) : json_string("–");
}

json_t *seconds(const json_t *ms)
{
    double s = json_number_value(ms) / 1000;
    if (!json_is_number(ms))
        return json_string("–");
    return s < 100 ? json_sprintf("%.2f s", s) : json_sprintf("%.0f s", s);
}

void column(struct str *out, const char *text, size_t width, bool right)
{
    size_t len = characters(text);
    for (size_t i = len; right && i < width; i++)
        str_putc(out, ' ');
    put_cut(out, text, width);
    for (size_t i = len; !right && i < width; i++)
        str_putc(out, ' ');
}

void column_count(struct str *out, json_int_t n, size_t width)
{
    char text[NUMBER_TEXT_MAX];
    grouped(n, text);
    column(out, text, width, true);
}

json_t *line_of(struct str *out)
{
    size_t len = out->len;
    while (len > 0 && out->bytes[len - 1] == ' ')
        len--;
    json_t *json = str_failed(out) ? NULL : json_stringn(out->bytes, len);
    str_fini(out);
    return json;
}

/* The words that fit, or as much of one that does not. */
static size_t fitting(const char *text, size_t room)
{
    size_t end = offset_of(text, room), at = end;
    if (text[end] == '\0' || text[end] == ' ')
        return end;
    while (at > 0 && text[at] != ' ')
        at--;
    return at > 0 ? at : end;
}

json_t *wrapped(const char *text, const char *before)
{
    struct str out = STR_INIT;
    size_t room = REPORT_COLUMNS - characters(before);
    while (*text) {
        size_t n = fitting(text, room);
        if (out.len > 0)
            str_putc(&out, '\n');
        str_puts(&out, before);
        str_add(&out, text, n);
        text += n;
        text += strspn(text, " ");
    }
    return take_json(&out);
}
