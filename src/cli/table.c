/* table.c: see table.h. */
#include "shunt/cli/table.h"

#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "shunt/base/mem.h"

#define COLUMNS_LEAST 20
#define GAP           2
#define ELLIPSIS      "\xE2\x80\xA6"

static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

void look_at_output(struct look *look)
{
    struct winsize size = {0};
    *look = (struct look){.terminal = isatty(STDOUT_FILENO) == 1, .columns = 80, .rows = 24};
    look->colour = look->terminal && wants_colour();
    if (look->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        look->columns = size.ws_col == 0 ? look->columns : size.ws_col < COLUMNS_LEAST ? COLUMNS_LEAST : size.ws_col;
        look->rows = size.ws_row == 0 ? look->rows : size.ws_row;
    }
    setlocale(LC_CTYPE, "C.UTF-8"); /* where there is none, all but ASCII counts as one column */
}

/* ---- paint ---- */

enum paint paint_of_status(const char *status)
{
    static const struct {
        const char *word;
        enum paint paint;
    } table[] = {{"completed", PAINT_GOOD},  {"done", PAINT_GOOD},    {"closed", PAINT_GOOD},
                 {"processing", PAINT_BUSY}, {"active", PAINT_BUSY},  {"running", PAINT_GOOD},
                 {"pending", PAINT_WARN},    {"waiting", PAINT_WARN}, {"cancelled", PAINT_WARN},
                 {"probing", PAINT_WARN},    {"failed", PAINT_BAD},   {"open", PAINT_BAD},
                 {"not running", PAINT_BAD}, {"stuck", PAINT_BAD}};
    for (size_t i = 0; status && i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].word, status) == 0)
            return table[i].paint;
    return PAINT_NONE;
}

void put_painted(struct str *out, const struct look *look, enum paint paint, const char *text)
{
    static const char *const codes[] = {[PAINT_NONE] = "",         [PAINT_GOOD] = "\x1b[32m", [PAINT_BUSY] = "\x1b[36m",
                                        [PAINT_WARN] = "\x1b[33m", [PAINT_BAD] = "\x1b[31m",  [PAINT_HEAD] = "\x1b[1m"};
    bool painted = look->colour && paint != PAINT_NONE;
    str_puts(out, painted ? codes[paint] : "");
    str_puts(out, text);
    str_puts(out, painted ? "\x1b[0m" : "");
}

/* ---- widths ---- */

/* The character at text (valid UTF-8, as str_plain makes it): its bytes, and the columns it takes. */
static size_t character(const char *text, size_t *columns)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    wchar_t c = len == 1 ? p[0] : (wchar_t)(p[0] & (0x7Fu >> len));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0u) != 0x80) { /* not UTF-8 after all: a byte a column */
            *columns = 1;
            return 1;
        }
        c = (wchar_t)(c << 6 | (p[i] & 0x3F));
    }
    int width = wcwidth(c);
    *columns = width < 0 ? 1 : (size_t)width;
    return len;
}

size_t text_columns(const char *text)
{
    size_t sum = 0, columns;
    while (*text) {
        text += character(text, &columns);
        sum += columns;
    }
    return sum;
}

size_t put_cut(struct str *out, const char *text, size_t most)
{
    size_t whole = text_columns(text), taken = 0, columns;
    if (whole <= most) {
        str_puts(out, text);
        return whole;
    }
    while (most > 0) {
        size_t len = character(text, &columns);
        if (taken + columns > most - 1)
            break;
        str_add(out, text, len);
        text += len;
        taken += columns;
    }
    str_puts(out, most > 0 ? ELLIPSIS : "");
    return taken + (most > 0);
}

/* ---- table ---- */

void table_init(struct table *t, const struct column *columns, size_t n)
{
    *t = (struct table){.columns = columns, .n = n};
    for (size_t i = 0; i < n; i++)
        t->widths[i] = strlen(columns[i].head);
}

static void empty(struct table *t)
{
    for (size_t i = 0; i < t->count; i++)
        mem_free(t->cells[i].text);
    t->count = 0;
}

void table_fini(struct table *t)
{
    empty(t);
    mem_free(t->cells);
    t->cells = NULL;
}

static bool grow(struct table *t)
{
    if (t->count < t->room)
        return true;
    size_t room = t->room == 0 ? 16 * t->n : 2 * t->room;
    struct table_cell *cells = mem_resize(t->cells, room * sizeof *cells);
    if (!cells)
        return false;
    t->cells = cells;
    t->room = room;
    return true;
}

void table_cell(struct table *t, const char *text, enum paint paint)
{
    struct str plain = STR_INIT;
    if (!text || !*text)
        text = "-";
    str_plain(&plain, text, strlen(text));
    char *taken = t->failed || !grow(t) ? NULL : str_take(&plain);
    str_fini(&plain);
    if (!taken) {
        t->failed = true;
        return;
    }
    size_t i = t->count % t->n, width = text_columns(taken);
    t->cells[t->count++] = (struct table_cell){taken, paint};
    if (width > t->widths[i])
        t->widths[i] = width;
}

void table_number(struct table *t, json_int_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, number);
    table_cell(t, text, PAINT_NONE);
}

static size_t width_of(const struct table *t, size_t i, const struct look *look)
{
    size_t most = t->columns[i].most;
    return look->terminal && most > 0 && t->widths[i] > most ? most : t->widths[i];
}

static void spaces(struct str *out, size_t n)
{
    str_printf(out, "%*s", (int)n, "");
}

/* One line; cells[i].text NULL: the heads. */
static void put_line(const struct table *t, const struct table_cell *cells, const struct look *look, size_t indent,
                     struct str *out)
{
    size_t left = look->terminal ? look->columns - (indent < look->columns ? indent : look->columns) : SIZE_MAX;
    spaces(out, indent);
    for (size_t i = 0; i < t->n; i++) {
        const char *text = cells ? cells[i].text : t->columns[i].head;
        size_t width = width_of(t, i, look);
        bool last = i + 1 == t->n;
        struct str cut = STR_INIT;
        size_t taken = put_cut(&cut, text, last && left < width ? left : width < left ? width : left);
        size_t room = width < left ? width : left, pad = room - (taken < room ? taken : room);
        if (t->columns[i].right)
            spaces(out, pad);
        put_painted(out, look, cells ? cells[i].paint : PAINT_HEAD, cut.bytes);
        str_part_fini(&cut, out);
        if (last || left <= room + GAP)
            break;
        spaces(out, (t->columns[i].right ? 0 : pad) + GAP);
        left -= room + GAP;
    }
    while (out->len > 0 && out->bytes[out->len - 1] == ' ')
        out->bytes[--out->len] = '\0';
    str_putc(out, '\n');
}

void table_print(struct table *t, const struct look *look, size_t indent, struct str *out)
{
    if (!t->headed && t->count > 0)
        put_line(t, NULL, look, indent, out);
    t->headed = t->headed || t->count > 0;
    for (size_t i = 0; i + t->n <= t->count; i += t->n)
        put_line(t, t->cells + i, look, indent, out);
    out->failed = out->failed || t->failed;
    empty(t);
}

/* ---- for programs ---- */

void csv_field(struct str *out, const char *text)
{
    if (!text)
        return;
    if (!text[strcspn(text, "\",\r\n")]) {
        str_puts(out, text);
        return;
    }
    str_putc(out, '"');
    for (; *text; text++) {
        if (*text == '"')
            str_putc(out, '"');
        str_putc(out, *text);
    }
    str_putc(out, '"');
}

const char *text_in(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int append(const char *bytes, size_t n, void *user)
{
    struct str *text = user;
    str_add(text, bytes, n);
    return str_failed(text) ? -1 : 0;
}

bool put_json(struct str *out, const struct look *look, const json_t *value, size_t flags)
{
    flags |= JSON_ENCODE_ANY | (look->terminal ? JSON_ENSURE_ASCII : 0);
    if (value && json_dump_callback(value, append, out, flags) == 0)
        return true;
    out->failed = true;
    return false;
}
