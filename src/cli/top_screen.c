/* top_screen.c: see top_screen.h. */
#include "shunt/cli/top_screen.h"

#include <string.h>

#include "shunt/cli/status_text.h"
#include "shunt/core/json_get.h"
#include "shunt/core/when.h"

/* What was made so far, line by line. */
struct screen {
    const struct look *look;
    struct str *out;
    size_t rows;
};

static bool has_room(const struct screen *s)
{
    return s->rows < s->look->rows;
}

/* text: escaped already, without colours. */
static void line(struct screen *s, enum paint paint, const char *text)
{
    struct str cut = STR_INIT;
    if (!has_room(s))
        return;
    put_cut(&cut, text, s->look->columns);
    str_puts(s->out, s->rows++ > 0 ? "\n" : "");
    put_painted(s->out, s->look, paint, cut.bytes);
    str_part_fini(&cut, s->out);
}

/* text: emptied. */
static void take_line(struct screen *s, enum paint paint, struct str *text)
{
    s->out->failed = s->out->failed || str_failed(text);
    line(s, paint, text->bytes);
    str_clear(text);
}

static void put_head(struct screen *s, const struct top_view *v)
{
    struct str text = STR_INIT;
    char now[WHEN_TEXT_MAX], utc[WHEN_TEXT_MAX];
    const char *health = text_in(v->status, "health");
    when_utc(v->now_ms, utc);
    when_local(utc, now);
    str_printf(&text, "shunt top  %s  ", now);
    if (v->trouble)
        str_plain(&text, v->trouble, strlen(v->trouble));
    else
        str_plain(&text, health ? health : "-", strlen(health ? health : "-"));
    take_line(s, v->trouble ? PAINT_BAD : PAINT_HEAD, &text);
    str_fini(&text);
}

static void put_numbers(struct screen *s, const struct top_view *v)
{
    struct look plain = *s->look;
    struct str text = STR_INIT;
    const json_t *snapshot = json_object_get(v->status, "snapshot");
    const json_t *ledger = json_object_get(snapshot, "ledger"), *queue = json_object_get(snapshot, "queue");
    plain.colour = false; /* a line that is cut within a colour would keep it */
    str_puts(&text, "Jobs    ");
    status_totals(v->status, &plain, &text);
    take_line(s, PAINT_NONE, &text);
    str_puts(&text, "Oldest  ");
    status_oldest(v->status, v->now_ms, &text);
    take_line(s, PAINT_NONE, &text);
    str_printf(&text,
               "Now     %" JSON_INTEGER_FORMAT " in work, %" JSON_INTEGER_FORMAT " waiting, %" JSON_INTEGER_FORMAT
               " names queued",
               json_number_of(ledger, "in_work"), json_number_of(ledger, "waiting"), json_number_of(queue, "queued"));
    if (v->per_s >= 0)
        str_printf(&text, ", %.1f tickets a second", v->per_s);
    take_line(s, PAINT_NONE, &text);
    str_puts(&text, "Rate    ");
    status_rate(v->status, v->now_ms, &text);
    take_line(s, PAINT_NONE, &text);
    str_fini(&text);
}

static void put_degraded(struct screen *s, const struct top_view *v)
{
    size_t i;
    const json_t *value;
    struct str text = STR_INIT;
    json_array_foreach (json_object_get(v->status, "degraded"), i, value) {
        const char *what = json_string_value(value);
        str_puts(&text, "Degraded: ");
        str_plain(&text, what ? what : "", what ? strlen(what) : 0);
        take_line(s, PAINT_BAD, &text);
    }
    str_fini(&text);
}

/* A table's lines, which are painted and cut already. */
static void put_destinations(struct screen *s, const struct top_view *v)
{
    struct str table = STR_INIT;
    status_destinations(v->status, s->look, 0, &table);
    line(s, PAINT_NONE, "");
    for (const char *at = table.bytes; *at && has_room(s); s->rows++) {
        size_t len = strcspn(at, "\n");
        str_puts(s->out, s->rows > 0 ? "\n" : "");
        str_add(s->out, at, len);
        at += len + (at[len] == '\n');
    }
    str_part_fini(&table, s->out);
}

static void put_errors(struct screen *s, const struct top_view *v)
{
    const json_t *errors =
        json_object_get(json_object_get(json_object_get(v->status, "snapshot"), "stats"), "last_errors");
    struct str text = STR_INIT;
    size_t n = json_array_size(errors);
    if (n > 0) {
        line(s, PAINT_NONE, "");
        line(s, PAINT_HEAD, "LAST ERRORS");
    }
    while (n-- > 0 && has_room(s)) {
        const json_t *one = json_array_get(errors, n);
        const char *const parts[] = {text_in(one, "client"), "/", text_in(one, "file"), ": ", text_in(one, "error")};
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            str_plain(&text, parts[i] ? parts[i] : "-", strlen(parts[i] ? parts[i] : "-"));
        take_line(s, PAINT_NONE, &text);
    }
    str_fini(&text);
}

void top_screen(const struct top_view *v, struct str *out)
{
    struct screen s = {.look = &v->look, .out = out};
    put_head(&s, v);
    if (json_is_object(v->status)) {
        put_numbers(&s, v);
        put_degraded(&s, v);
        put_destinations(&s, v);
        put_errors(&s, v);
    }
}
