/* report_view.c: the report as texts for the templates: see report.h. What finds no memory is a NULL that Jansson hands on. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/core/when.h"

#include "report_inner.h"

#define GOOD_PERCENT 99.0 /* the success rate is green from here on */

static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};

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

static json_t *span(const json_t *ms)
{
    char text[WHEN_TEXT_MAX];
    if (!json_is_integer(ms))
        return json_null();
    when_span(json_integer_value(ms), text);
    return json_string(text);
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
    json_int_t then = json_number_of(day, "processed");
    json_t *date = long_date(json_text_of(day, "date")),
           *rate = report_percent(json_object_get(day, "success_percent"));
    json_t *change = change_of(processed, then);
    report_column(&line, what, 26, false);
    report_column_count(&line, then, 12);
    report_column_count(&line, json_number_of(day, "errors"), 10);
    report_column(&line, rate ? json_string_value(rate) : "", 12, true);
    report_column(&line, change ? json_string_value(change) : "", 12, true);
    report_append(rows, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "what", what, "date", date, "processed",
                                  report_count(then), "errors", report_count(json_number_of(day, "errors")), "rate",
                                  rate, "change", change, "line", report_line_of(&line)));
}

static json_t *comparison_of(const json_t *report)
{
    json_t *rows = json_array();
    json_int_t processed = json_number_of(json_object_get(report, "totals"), "processed");
    compare(&rows, "the day before", json_object_get(report, "day_before"), processed);
    compare(&rows, "the same weekday before", json_object_get(report, "week_before"), processed);
    return rows;
}

static void fact(json_t **rows, const char *what, json_t *value)
{
    struct str line = STR_INIT;
    report_column(&line, what, 52, false);
    report_column(&line, value ? json_string_value(value) : "", 20, true);
    report_append(rows, json_pack("{s:s, s:o, s:o}", "what", what, "value", value, "line", report_line_of(&line)));
}

static json_t *performance_of(const json_t *report)
{
    const json_t *t = json_object_get(report, "totals"), *s = json_object_get(report, "scans");
    const json_t *batch = json_object_get(t, "average_batch");
    json_t *rows = json_array();
    fact(&rows, "Average time of a ticket", report_seconds(json_object_get(t, "average_ms")));
    fact(&rows, "Average batch",
         json_is_number(batch) ? json_sprintf("%.1f", json_number_value(batch)) : json_string("–"));
    fact(&rows, "Scans completed", report_count(json_number_of(s, "completed")));
    fact(&rows, "Scans skipped", report_count(json_number_of(s, "skipped")));
    fact(&rows, "Scans that were slow", report_count(json_number_of(s, "slow")));
    fact(&rows, "Scans that timed out", report_count(json_number_of(s, "timed_out")));
    fact(&rows, "Delivery attempts that failed", report_count(json_number_of(t, "failed_attempts")));
    fact(&rows, "Deliveries tried again", report_count(json_number_of(t, "retries")));
    return rows;
}

static json_t *ways_of(const json_t *report)
{
    const json_t *w = json_object_get(report, "ways");
    json_t *rows = json_array();
    fact(&rows, "Found at start", report_count(json_number_of(w, "STARTUP")));
    fact(&rows, "Found in real time", report_count(json_number_of(w, "REALTIME")));
    fact(&rows, "Found by a periodic scan", report_count(json_number_of(w, "PERIODIC")));
    return rows;
}

static json_t *now_of(const json_t *report)
{
    const json_t *now = json_object_get(report, "now"), *totals = json_object_get(now, "totals"), *d;
    const json_t *ledger = json_object_get(now, "ledger"), *queue = json_object_get(now, "queue");
    json_t *rows = json_array();
    size_t i;
    if (json_is_object(ledger)) {
        fact(&rows, "Tickets in work", report_count(json_number_of(ledger, "in_work")));
        fact(&rows, "Tickets that wait for a destination", report_count(json_number_of(ledger, "waiting")));
        fact(&rows, "File names that wait to be looked at", report_count(json_number_of(queue, "queued")));
    }
    if (json_is_object(totals))
        fact(&rows, "Failed tickets, until put back", report_count(json_number_of(totals, "failed")));
    json_array_foreach (json_object_get(now, "destinations"), i, d) {
        bool down = strcmp(json_text_of(d, "breaker"), "closed") != 0, held = json_is_true(json_object_get(d, "held"));
        if (!down && !held)
            continue;
        json_t *name = report_shown(json_text_of(d, "label"), 32);
        if (name) {
            struct str what = STR_INIT;
            str_printf(&what, "%s, %s", json_string_value(name), held ? "held" : "down");
            fact(&rows, what.bytes, json_sprintf("%" JSON_INTEGER_FORMAT " waiting", json_number_of(d, "queued")));
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
    json_t *text =
        json_sprintf("%" JSON_INTEGER_FORMAT " taken up %s %" JSON_INTEGER_FORMAT " delivered + %" JSON_INTEGER_FORMAT
                     " archived only + %" JSON_INTEGER_FORMAT " failed + %" JSON_INTEGER_FORMAT
                     " returned + %" JSON_INTEGER_FORMAT " waiting + %" JSON_INTEGER_FORMAT " in work",
                     json_number_of(l, "taken"), balances ? "=" : "is not", json_number_of(l, "delivered"),
                     json_number_of(l, "archived_only"), json_number_of(l, "failed"), json_number_of(l, "returned"),
                     json_number_of(l, "waiting"), json_number_of(l, "in_work"));
    json_t *lines = text ? report_wrapped(json_string_value(text), "    ") : NULL;
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
    return json_pack("{s:o, s:o, s:o, s:b, s:o}", "processed", report_count(json_number_of(totals, "processed")),
                     "errors", report_count(json_number_of(totals, "errors")), "rate", report_percent(rate),
                     "rate_good", !json_is_number(rate) || json_number_value(rate) >= GOOD_PERCENT, "batches",
                     report_count(json_number_of(totals, "batches")));
}

static json_t *brand_of(const struct report_brand *brand)
{
    return json_pack("{s:o, s:s, s:s, s:s}", "name", report_shown(brand->name, NAME_CHARACTERS), "colour",
                     brand->colour, "background", brand->background, "font", brand->font);
}

json_t *report_view(const json_t *report, const struct report_brand *brand, size_t rows)
{
    const json_t *totals = json_object_get(report, "totals");
    bool any = json_number_of(totals, "processed") + json_number_of(totals, "errors") > 0;
    bool complete = json_is_true(json_object_get(report, "complete"));
    int64_t made_ms = 0;
    json_t *errors =
        report_rows_of(json_object_get(report, "last_errors"), fewer(rows, REPORT_ERRORS), report_error_row);
    json_t *alerts = report_rows_of(json_object_get(report, "alerts"), fewer(rows, REPORT_ALERTS), report_alert_row);
    json_t *slowest = report_rows_of(json_object_get(report, "slowest"), fewer(rows, REPORT_SLOWEST), report_slow_row);
    json_t *comparison = comparison_of(report), *now = now_of(report);
    bool has_errors = json_array_size(errors) > 0, has_alerts = json_array_size(alerts) > 0;
    bool has_slowest = json_array_size(slowest) > 0, has_comparison = json_array_size(comparison) > 0;
    bool has_now = json_array_size(now) > 0;
    (void)when_parse(json_text_of(report, "made_at"), 0, false, &made_ms, NULL);
    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:b, s:o, s:b, s:o, s:b, s:o, "
        "s:b, s:o, s:o}",
        "brand", brand_of(brand), "date", json_text_of(report, "date"), "day", long_date(json_text_of(report, "date")),
        "made", report_local_time(made_ms), "uptime", span(json_object_get(report, "uptime_ms")), "late",
        json_is_true(json_object_get(report, "late")), "so_far", !complete, "idle", !any, "uncounted",
        !json_is_true(json_object_get(report, "counted")), "cards", cards_of(totals), "performance",
        performance_of(report), "ways", ways_of(report), "clients",
        report_table_of(json_object_get(report, "clients"), rows, report_client_row, "clients", "processed"),
        "destinations",
        report_table_of(json_object_get(report, "destinations"), rows, report_destination_row, "destinations",
                        "delivered"),
        "hours", report_hours_of(json_object_get(report, "hours")), "has_errors", (int)has_errors, "errors", errors,
        "has_slowest", (int)has_slowest, "slowest", slowest, "has_now", (int)has_now, "now", now, "has_alerts",
        (int)has_alerts, "alerts", alerts, "has_comparison", (int)has_comparison, "comparison", comparison, "ledger",
        ledger_of(report));
}
