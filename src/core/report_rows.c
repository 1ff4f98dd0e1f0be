/* report_rows.c: the report's tables, row by row, each also as a line of the text part: see report_inner.h. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/core/when.h"

#include "report_inner.h"

#define FILE_CHARACTERS  100
#define ERROR_CHARACTERS 240
#define CATEGORIES       6
#define BAR_COLUMNS      40

/* item: taken, NULL where there was no memory. */
void report_append(json_t **list, json_t *item)
{
    if (*list && json_array_append_new(*list, item) == 0)
        return;
    json_decref(*list ? *list : item);
    *list = NULL;
}

json_t *report_local_time(int64_t ms)
{
    char text[CLOCK_STAMP_MAX];
    clock_plain(ms, text);
    return json_string(text);
}

/* "PRODUCTION 40, CELTRA 11 and 3 more" */
static json_t *categories_of(const json_t *client, size_t most)
{
    struct str out = STR_INIT;
    const char *name;
    json_t *n, *categories = json_object_get(client, "categories");
    size_t i = 0;
    json_object_foreach (categories, name, n) {
        char number[NUMBER_TEXT_MAX];
        if (i++ >= CATEGORIES)
            continue;
        report_grouped(json_integer_value(n), number);
        str_printf(&out, "%s%s %s", i > 1 ? ", " : "", name, number);
    }
    if (i > CATEGORIES)
        str_printf(&out, " and %zu more", i - CATEGORIES);
    json_t *json = str_failed(&out) ? NULL : report_shown(out.bytes, most);
    str_fini(&out);
    return json;
}

static json_t *client_line(const char *name, const json_t *client)
{
    struct str line = STR_INIT;
    report_column(&line, name, 30, false);
    report_column_count(&line, json_number_of(client, "processed"), 12);
    report_column_count(&line, json_number_of(client, "routed"), 10);
    report_column_count(&line, json_number_of(client, "celtra"), 10);
    report_column_count(&line, json_number_of(client, "errors"), 10);
    return report_line_of(&line);
}

json_t *report_client_row(const json_t *client)
{
    json_t *name = report_shown(json_text_of(client, "client"), NAME_CHARACTERS),
           *categories = categories_of(client, 200);
    json_t *lines = categories ? report_wrapped(json_string_value(categories), "    ") : NULL;
    json_t *line = name ? client_line(json_string_value(name), client) : NULL;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:b}", "name", name, "processed",
                     report_count(json_number_of(client, "processed")), "routed",
                     report_count(json_number_of(client, "routed")), "celtra",
                     report_count(json_number_of(client, "celtra")), "errors",
                     report_count(json_number_of(client, "errors")), "failed", json_number_of(client, "errors") > 0,
                     "categories", categories, "line", line, "category_lines", lines, "has_categories",
                     json_object_size(json_object_get(client, "categories")) > 0);
}

json_t *report_destination_row(const json_t *d)
{
    struct str line = STR_INIT;
    json_t *name = report_shown(json_text_of(d, "destination"), NAME_CHARACTERS);
    json_int_t delivered = json_number_of(d, "delivered"), failed = json_number_of(d, "failed_attempts");
    report_column(&line, name ? json_string_value(name) : "", 42, false);
    report_column_count(&line, delivered, 12);
    report_column_count(&line, failed, 18);
    return json_pack("{s:o, s:o, s:o, s:b, s:o}", "name", name, "delivered", report_count(delivered), "failed_attempts",
                     report_count(failed), "failed", failed > 0, "line", report_line_of(&line));
}

json_t *report_table_of(const json_t *list, size_t most, json_t *(*row)(const json_t *item), const char *what,
                        const char *counted)
{
    size_t i;
    const json_t *item;
    json_t *rows = json_array();
    json_int_t rest = 0;
    json_array_foreach (list, i, item) {
        if (i < most)
            report_append(&rows, row(item));
        else
            rest += json_number_of(item, counted) + json_number_of(item, "errors");
    }
    size_t n = json_array_size(list);
    char number[NUMBER_TEXT_MAX];
    report_grouped(rest, number);
    json_t *more = n > most ? json_sprintf("and %zu more %s with %s tickets", n - most, what, number) : json_null();
    return json_pack("{s:b, s:o, s:o}", "any", n > 0, "rows", rows, "more", more);
}

static json_int_t of_hour(const json_t *hour)
{
    return json_number_of(hour, "processed") + json_number_of(hour, "errors");
}

static json_t *hour_row(size_t i, const json_t *hour, json_int_t highest)
{
    json_int_t errors = json_number_of(hour, "errors"), all = of_hour(hour);
    int width = highest > 0 ? (int)(all * 100 / highest) : 0;
    int bar = highest > 0 ? (int)(all * BAR_COLUMNS / highest) : 0;
    width = all > 0 && width == 0 ? 1 : width;
    bar = all > 0 && bar == 0 ? 1 : bar;
    struct str line = STR_INIT;
    str_printf(&line, "%02zu  ", i);
    for (int k = 0; k < bar; k++)
        str_putc(&line, '#');
    for (int k = bar; k < BAR_COLUMNS; k++)
        str_putc(&line, ' ');
    report_column_count(&line, all, 12);
    if (errors > 0)
        str_printf(&line, "  %" JSON_INTEGER_FORMAT " failed", errors);
    return json_pack("{s:o, s:o, s:o, s:b, s:b, s:i, s:b, s:o}", "hour", json_sprintf("%02zu", i), "count",
                     report_count(all), "errors", report_count(errors), "failed", errors > 0, "any", all > 0, "width",
                     width, "rest", width < 100, "line", report_line_of(&line));
}

json_t *report_hours_of(const json_t *hours)
{
    size_t i;
    const json_t *hour;
    json_int_t highest = 0;
    json_t *rows = json_array();
    json_array_foreach (hours, i, hour)
        highest = of_hour(hour) > highest ? of_hour(hour) : highest;
    json_array_foreach (hours, i, hour)
        report_append(&rows, hour_row(i, hour, highest));
    return rows;
}

json_t *report_error_row(const json_t *e)
{
    json_t *client = report_shown(json_text_of(e, "client"), NAME_CHARACTERS),
           *file = report_shown(json_text_of(e, "file"), FILE_CHARACTERS);
    json_t *text = report_shown(json_text_of(e, "error"), ERROR_CHARACTERS),
           *time = report_local_time(json_number_of(e, "time"));
    json_t *lines = text ? report_wrapped(json_string_value(text), "    ") : NULL, *line = NULL;
    json_t *name = client && file ? json_sprintf("%s/%s", json_string_value(client), json_string_value(file)) : NULL;
    if (time && name) {
        struct str head = STR_INIT;
        str_printf(&head, "%s  ", json_string_value(time));
        report_column(&head, json_string_value(name), REPORT_COLUMNS - 21, false);
        line = report_line_of(&head);
    }
    json_decref(name);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "time", time, "client", client, "file", file, "error", text,
                     "line", line, "error_lines", lines);
}

json_t *report_slow_row(const json_t *d)
{
    struct str line = STR_INIT;
    json_t *took = report_seconds(json_object_get(d, "ms")),
           *file = report_shown(json_text_of(d, "file"), FILE_CHARACTERS);
    json_t *client = report_shown(json_text_of(d, "client"), NAME_CHARACTERS);
    json_t *destination = report_shown(json_text_of(d, "destination"), NAME_CHARACTERS);
    if (took && file && client && destination) {
        struct str name = STR_INIT;
        str_printf(&name, "%s/%s to %s", json_string_value(client), json_string_value(file),
                   json_string_value(destination));
        report_column(&line, json_string_value(took), 9, true);
        str_puts(&line, "  ");
        report_column(&line, name.bytes, REPORT_COLUMNS - 11, false);
        str_part_fini(&name, &line);
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "took", took, "client", client, "file", file, "destination",
                     destination, "line", report_line_of(&line));
}

/* The text names what it is about. */
json_t *report_alert_row(const json_t *a)
{
    char opened[WHEN_TEXT_MAX], closed[WHEN_TEXT_MAX];
    bool over = json_is_string(json_object_get(a, "closed_at"));
    const char *text = json_text_of(a, "text");
    when_local(json_text_of(a, "opened_at"), opened);
    when_local(json_text_of(a, "closed_at"), closed);
    json_t *what = report_shown(text[0] != '\0' ? text : json_text_of(a, "subject"), ERROR_CHARACTERS);
    json_t *when = over ? json_sprintf("%s to %s", opened, closed) : json_sprintf("since %s", opened);
    return json_pack("{s:o, s:b, s:o, s:o}", "when", when, "open", !over, "lines",
                     what ? report_wrapped(json_string_value(what), "    ") : NULL, "what", what);
}

json_t *report_rows_of(const json_t *list, size_t most, json_t *(*row)(const json_t *item))
{
    size_t i;
    const json_t *item;
    json_t *rows = json_array();
    json_array_foreach (list, i, item)
        if (i < most)
            report_append(&rows, row(item));
    return rows;
}
