/* report_view.c: the report as texts for the templates: see report.h. What finds no memory is a NULL that Jansson hands on. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/core/when.h"

#include "report_inner.h"

#define NAME_CHARACTERS  80
#define FILE_CHARACTERS  100
#define ERROR_CHARACTERS 240
#define CATEGORIES       6
#define GOOD_PERCENT     99.0 /* the success rate is green from here on */
#define BAR_COLUMNS      40

static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* item: taken, NULL where there was no memory. */
static void append(json_t **list, json_t *item)
{
    if (*list && json_array_append_new(*list, item) == 0)
        return;
    json_decref(*list ? *list : item);
    *list = NULL;
}

/* "Friday, 6 February 2026" */
static json_t *long_date(const char *date)
{
    int day;
    if (!when_day(date, &day))
        return json_string(date);
    int year = day / 10000, month = day / 100 % 100, of_month = day % 100;
    int m = month < 3 ? month + 12 : month, y = month < 3 ? year - 1 : year; /* Zeller's congruence, from Saturday */
    int weekday = (of_month + 13 * (m + 1) / 5 + y + y / 4 - y / 100 + y / 400 + 6) % 7;
    return json_sprintf("%s, %d %s %d", weekdays[weekday], of_month, months[month - 1], year);
}

static json_t *local_time(int64_t ms)
{
    char text[CLOCK_STAMP_MAX];
    clock_plain(ms, text);
    return json_string(text);
}

static json_t *span(const json_t *ms)
{
    char text[WHEN_TEXT_MAX];
    if (!json_is_integer(ms))
        return json_null();
    when_span(json_integer_value(ms), text);
    return json_string(text);
}

/* --- tables --- */

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
        grouped(json_integer_value(n), number);
        str_printf(&out, "%s%s %s", i > 1 ? ", " : "", name, number);
    }
    if (i > CATEGORIES)
        str_printf(&out, " and %zu more", i - CATEGORIES);
    json_t *json = str_failed(&out) ? NULL : shown(out.bytes, most);
    str_fini(&out);
    return json;
}

static json_t *client_line(const char *name, const json_t *client)
{
    struct str line = STR_INIT;
    column(&line, name, 30, false);
    column_count(&line, number_of(client, "processed"), 12);
    column_count(&line, number_of(client, "routed"), 10);
    column_count(&line, number_of(client, "celtra"), 10);
    column_count(&line, number_of(client, "errors"), 10);
    return line_of(&line);
}

static json_t *client_row(const json_t *client)
{
    json_t *name = shown(text_of(client, "client"), NAME_CHARACTERS), *categories = categories_of(client, 200);
    json_t *lines = categories ? wrapped(json_string_value(categories), "    ") : NULL;
    json_t *line = name ? client_line(json_string_value(name), client) : NULL;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:b}", "name", name, "processed",
                     count(number_of(client, "processed")), "routed", count(number_of(client, "routed")), "celtra",
                     count(number_of(client, "celtra")), "errors", count(number_of(client, "errors")), "failed",
                     number_of(client, "errors") > 0, "categories", categories, "line", line, "category_lines", lines,
                     "has_categories", json_object_size(json_object_get(client, "categories")) > 0);
}

static json_t *destination_row(const json_t *d)
{
    struct str line = STR_INIT;
    json_t *name = shown(text_of(d, "destination"), NAME_CHARACTERS);
    json_int_t delivered = number_of(d, "delivered"), failed = number_of(d, "failed_attempts");
    column(&line, name ? json_string_value(name) : "", 42, false);
    column_count(&line, delivered, 12);
    column_count(&line, failed, 18);
    return json_pack("{s:o, s:o, s:o, s:b, s:o}", "name", name, "delivered", count(delivered), "failed_attempts",
                     count(failed), "failed", failed > 0, "line", line_of(&line));
}

/* {"any", "rows", "more"}: more: a sentence, null where all are shown. */
static json_t *table_of(const json_t *list, size_t most, json_t *(*row)(const json_t *item), const char *what,
                        const char *counted)
{
    size_t i;
    const json_t *item;
    json_t *rows = json_array();
    json_int_t rest = 0;
    json_array_foreach (list, i, item) {
        if (i < most)
            append(&rows, row(item));
        else
            rest += number_of(item, counted) + number_of(item, "errors");
    }
    size_t n = json_array_size(list);
    char number[NUMBER_TEXT_MAX];
    grouped(rest, number);
    json_t *more = n > most ? json_sprintf("and %zu more %s with %s tickets", n - most, what, number) : json_null();
    return json_pack("{s:b, s:o, s:o}", "any", n > 0, "rows", rows, "more", more);
}

static json_int_t of_hour(const json_t *hour)
{
    return number_of(hour, "processed") + number_of(hour, "errors");
}

static json_t *hour_row(size_t i, const json_t *hour, json_int_t highest)
{
    json_int_t errors = number_of(hour, "errors"), all = of_hour(hour);
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
    column_count(&line, all, 12);
    if (errors > 0)
        str_printf(&line, "  %" JSON_INTEGER_FORMAT " failed", errors);
    return json_pack("{s:o, s:o, s:o, s:b, s:b, s:i, s:b, s:o}", "hour", json_sprintf("%02zu", i), "count", count(all),
                     "errors", count(errors), "failed", errors > 0, "any", all > 0, "width", width, "rest", width < 100,
                     "line", line_of(&line));
}

static json_t *hours_of(const json_t *hours)
{
    size_t i;
    const json_t *hour;
    json_int_t highest = 0;
    json_t *rows = json_array();
    json_array_foreach (hours, i, hour)
        highest = of_hour(hour) > highest ? of_hour(hour) : highest;
    json_array_foreach (hours, i, hour)
        append(&rows, hour_row(i, hour, highest));
    return rows;
}

static json_t *error_row(const json_t *e)
{
    json_t *client = shown(text_of(e, "client"), NAME_CHARACTERS), *file = shown(text_of(e, "file"), FILE_CHARACTERS);
    json_t *text = shown(text_of(e, "error"), ERROR_CHARACTERS), *time = local_time(number_of(e, "time"));
    json_t *lines = text ? wrapped(json_string_value(text), "    ") : NULL, *line = NULL;
    json_t *name = client && file ? json_sprintf("%s/%s", json_string_value(client), json_string_value(file)) : NULL;
    if (time && name) {
        struct str head = STR_INIT;
        str_printf(&head, "%s  ", json_string_value(time));
        column(&head, json_string_value(name), REPORT_COLUMNS - 21, false);
        line = line_of(&head);
    }
    json_decref(name);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "time", time, "client", client, "file", file, "error", text,
                     "line", line, "error_lines", lines);
}

static json_t *slow_row(const json_t *d)
{
    struct str line = STR_INIT;
    json_t *took = seconds(json_object_get(d, "ms")), *file = shown(text_of(d, "file"), FILE_CHARACTERS);
    json_t *client = shown(text_of(d, "client"), NAME_CHARACTERS);
    json_t *destination = shown(text_of(d, "destination"), NAME_CHARACTERS);
    if (took && file && client && destination) {
        struct str name = STR_INIT;
        str_printf(&name, "%s/%s to %s", json_string_value(client), json_string_value(file),
                   json_string_value(destination));
        column(&line, json_string_value(took), 9, true);
        str_puts(&line, "  ");
        column(&line, name.bytes, REPORT_COLUMNS - 11, false);
        str_part_fini(&name, &line);
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "took", took, "client", client, "file", file, "destination",
                     destination, "line", line_of(&line));
}

static json_t *alert_row(const json_t *a)
{
    struct str text = STR_INIT;
    char opened[WHEN_TEXT_MAX], closed[WHEN_TEXT_MAX];
    bool over = json_is_string(json_object_get(a, "closed_at"));
    when_local(text_of(a, "opened_at"), opened);
    when_local(text_of(a, "closed_at"), closed);
    str_printf(&text, "%s: %s", text_of(a, "subject"), text_of(a, "text"));
    json_t *what = str_failed(&text) ? NULL : shown(text.bytes, ERROR_CHARACTERS);
    str_fini(&text);
    json_t *when = over ? json_sprintf("%s to %s", opened, closed) : json_sprintf("since %s", opened);
    return json_pack("{s:o, s:b, s:o, s:o}", "when", when, "open", !over, "lines",
                     what ? wrapped(json_string_value(what), "    ") : NULL, "what", what);
}

static json_t *rows_of(const json_t *list, size_t most, json_t *(*row)(const json_t *item))
{
    size_t i;
    const json_t *item;
    json_t *rows = json_array();
    json_array_foreach (list, i, item)
        if (i < most)
            append(&rows, row(item));
    return rows;
}

/* --- what is compared, what there is now --- */

static json_t *change_of(json_int_t now, json_int_t then)
{
    if (then == 0)
        return json_string(now == 0 ? "±0 %" : "–");
    double change = ((double)now - (double)then) * 100 / (double)then;
    return change < 0.5 && change > -0.5 ? json_string("±0 %") : json_sprintf("%+.0f %%", change);
}

static void compare(json_t **rows, const char *what, const json_t *day, json_int_t processed)
{
    struct str line = STR_INIT;
    if (!json_is_object(day))
        return;
    json_int_t then = number_of(day, "processed");
    json_t *date = long_date(text_of(day, "date")), *rate = percent(json_object_get(day, "success_percent"));
    json_t *change = change_of(processed, then);
    column(&line, what, 26, false);
    column_count(&line, then, 12);
    column_count(&line, number_of(day, "errors"), 10);
    column(&line, rate ? json_string_value(rate) : "", 12, true);
    column(&line, change ? json_string_value(change) : "", 12, true);
    append(rows, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "what", what, "date", date, "processed", count(then),
                           "errors", count(number_of(day, "errors")), "rate", rate, "change", change, "line",
                           line_of(&line)));
}

static json_t *comparison_of(const json_t *report)
{
    json_t *rows = json_array();
    json_int_t processed = number_of(json_object_get(report, "totals"), "processed");
    compare(&rows, "the day before", json_object_get(report, "day_before"), processed);
    compare(&rows, "the same weekday before", json_object_get(report, "week_before"), processed);
    return rows;
}

static void fact(json_t **rows, const char *what, json_t *value)
{
    struct str line = STR_INIT;
    column(&line, what, 52, false);
    column(&line, value ? json_string_value(value) : "", 20, true);
    append(rows, json_pack("{s:s, s:o, s:o}", "what", what, "value", value, "line", line_of(&line)));
}

static json_t *performance_of(const json_t *report)
{
    const json_t *t = json_object_get(report, "totals"), *s = json_object_get(report, "scans");
    const json_t *batch = json_object_get(t, "average_batch");
    json_t *rows = json_array();
    fact(&rows, "Average time of a ticket", seconds(json_object_get(t, "average_ms")));
    fact(&rows, "Average batch",
         json_is_number(batch) ? json_sprintf("%.1f", json_number_value(batch)) : json_string("–"));
    fact(&rows, "Scans completed", count(number_of(s, "completed")));
    fact(&rows, "Scans skipped", count(number_of(s, "skipped")));
    fact(&rows, "Scans that were slow", count(number_of(s, "slow")));
    fact(&rows, "Scans that timed out", count(number_of(s, "timed_out")));
    fact(&rows, "Delivery attempts that failed", count(number_of(t, "failed_attempts")));
    fact(&rows, "Deliveries tried again", count(number_of(t, "retries")));
    return rows;
}

static json_t *ways_of(const json_t *report)
{
    const json_t *w = json_object_get(report, "ways");
    json_t *rows = json_array();
    fact(&rows, "Found at start", count(number_of(w, "STARTUP")));
    fact(&rows, "Found in real time", count(number_of(w, "REALTIME")));
    fact(&rows, "Found by a periodic scan", count(number_of(w, "PERIODIC")));
    return rows;
}

static json_t *now_of(const json_t *report)
{
    const json_t *now = json_object_get(report, "now"), *totals = json_object_get(now, "totals"), *d;
    const json_t *ledger = json_object_get(now, "ledger"), *queue = json_object_get(now, "queue");
    json_t *rows = json_array();
    size_t i;
    if (json_is_object(ledger)) {
        fact(&rows, "Tickets in work", count(number_of(ledger, "in_work")));
        fact(&rows, "Tickets that wait for a destination", count(number_of(ledger, "waiting")));
        fact(&rows, "File names that wait to be looked at", count(number_of(queue, "queued")));
    }
    if (json_is_object(totals))
        fact(&rows, "Failed tickets, until put back", count(number_of(totals, "failed")));
    json_array_foreach (json_object_get(now, "destinations"), i, d) {
        bool down = strcmp(text_of(d, "breaker"), "closed") != 0, held = json_is_true(json_object_get(d, "held"));
        if (!down && !held)
            continue;
        json_t *name = shown(text_of(d, "label"), 32);
        if (name) {
            struct str what = STR_INIT;
            str_printf(&what, "%s, %s", json_string_value(name), held ? "held" : "down");
            fact(&rows, what.bytes, json_sprintf("%" JSON_INTEGER_FORMAT " waiting", number_of(d, "queued")));
            str_fini(&what);
        }
        json_decref(name);
    }
    return rows;
}

static json_t *ledger_of(const json_t *report)
{
    const json_t *l = json_object_get(json_object_get(report, "now"), "ledger");
    bool balances = json_is_true(json_object_get(report, "ledger_balances"));
    if (!json_is_object(l))
        return json_null();
    json_t *text = json_sprintf(
        "%" JSON_INTEGER_FORMAT " taken up %s %" JSON_INTEGER_FORMAT " delivered + %" JSON_INTEGER_FORMAT
        " archived only + %" JSON_INTEGER_FORMAT " failed + %" JSON_INTEGER_FORMAT " returned + %" JSON_INTEGER_FORMAT
        " waiting + %" JSON_INTEGER_FORMAT " in work",
        number_of(l, "taken"), balances ? "=" : "is not", number_of(l, "delivered"), number_of(l, "archived_only"),
        number_of(l, "failed"), number_of(l, "returned"), number_of(l, "waiting"), number_of(l, "in_work"));
    json_t *lines = text ? wrapped(json_string_value(text), "    ") : NULL;
    return json_pack("{s:o, s:o, s:b}", "text", text, "lines", lines, "balances", (int)balances);
}

/* --- the whole --- */

static size_t fewer(size_t a, size_t b)
{
    return a < b ? a : b;
}

static json_t *cards_of(const json_t *totals)
{
    const json_t *rate = json_object_get(totals, "success_percent");
    return json_pack("{s:o, s:o, s:o, s:b, s:o}", "processed", count(number_of(totals, "processed")), "errors",
                     count(number_of(totals, "errors")), "rate", percent(rate), "rate_good",
                     !json_is_number(rate) || json_number_value(rate) >= GOOD_PERCENT, "batches",
                     count(number_of(totals, "batches")));
}

static json_t *brand_of(const struct report_brand *brand)
{
    return json_pack("{s:o, s:s, s:s, s:s}", "name", shown(brand->name, NAME_CHARACTERS), "colour", brand->colour,
                     "background", brand->background, "font", brand->font);
}

json_t *report_view(const json_t *report, const struct report_brand *brand, size_t rows)
{
    const json_t *totals = json_object_get(report, "totals");
    bool any = number_of(totals, "processed") + number_of(totals, "errors") > 0;
    bool complete = json_is_true(json_object_get(report, "complete"));
    int64_t made_ms = 0;
    json_t *errors = rows_of(json_object_get(report, "last_errors"), fewer(rows, REPORT_ERRORS), error_row);
    json_t *alerts = rows_of(json_object_get(report, "alerts"), fewer(rows, REPORT_ALERTS), alert_row);
    json_t *slowest = rows_of(json_object_get(report, "slowest"), fewer(rows, REPORT_SLOWEST), slow_row);
    json_t *comparison = comparison_of(report), *now = now_of(report);
    bool has_errors = json_array_size(errors) > 0, has_alerts = json_array_size(alerts) > 0;
    bool has_slowest = json_array_size(slowest) > 0, has_comparison = json_array_size(comparison) > 0;
    bool has_now = json_array_size(now) > 0;
    (void)when_parse(text_of(report, "made_at"), 0, false, &made_ms, NULL);
    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:b, s:o, s:b, s:o, s:b, s:o, "
        "s:b, s:o, s:o}",
        "brand", brand_of(brand), "date", text_of(report, "date"), "day", long_date(text_of(report, "date")), "made",
        local_time(made_ms), "uptime", span(json_object_get(report, "uptime_ms")), "late",
        json_is_true(json_object_get(report, "late")), "so_far", !complete, "idle", !any, "uncounted",
        !json_is_true(json_object_get(report, "counted")), "cards", cards_of(totals), "performance",
        performance_of(report), "ways", ways_of(report), "clients",
        table_of(json_object_get(report, "clients"), rows, client_row, "clients", "processed"), "destinations",
        table_of(json_object_get(report, "destinations"), rows, destination_row, "destinations", "delivered"), "hours",
        hours_of(json_object_get(report, "hours")), "has_errors", (int)has_errors, "errors", errors, "has_slowest",
        (int)has_slowest, "slowest", slowest, "has_now", (int)has_now, "now", now, "has_alerts", (int)has_alerts,
        "alerts", alerts, "has_comparison", (int)has_comparison, "comparison", comparison, "ledger", ledger_of(report));
}
