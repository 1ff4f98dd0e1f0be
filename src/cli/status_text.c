/* status_text.c: see status_text.h. */
#include "shunt/cli/status_text.h"

#include <stdio.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/core/json_get.h"
#include "shunt/core/stats.h"
#include "shunt/core/when.h"
#include "shunt/store/store.h"

#define MINUTE_MS 60000
#define HOUR_MS   (60 * MINUTE_MS)

void status_totals(const json_t *status, const struct look *look, struct str *out)
{
    const json_t *totals = json_object_get(status, "totals");
    if (!json_is_object(totals)) {
        str_puts(out, "not known: there is no store");
        return;
    }
    for (unsigned i = 0; i < JOB_STATUSES; i++) {
        const char *word = job_status_word((enum job_status)i);
        char text[48];
        json_int_t n = json_number_of(totals, word);
        snprintf(text, sizeof text, "%s %" JSON_INTEGER_FORMAT, word, n);
        str_puts(out, i > 0 ? "   " : "");
        put_painted(out, look, n > 0 && i != STATUS_CANCELLED ? paint_of_status(word) : PAINT_NONE, text);
    }
}

void status_oldest(const json_t *status, int64_t now_ms, struct str *out)
{
    const char *since = text_in(json_object_get(status, "totals"), "oldest_pending_at");
    char span[WHEN_TEXT_MAX], local[WHEN_TEXT_MAX];
    int64_t ms;
    if (!since || when_parse(since, now_ms, false, &ms, NULL) != 0) {
        str_puts(out, "nothing waits");
        return;
    }
    when_span(now_ms - ms, span);
    when_local(since, local);
    str_printf(out, "waiting for %s, since %s", span, local);
}

static json_int_t in_hour(const json_t *stats, int hour, const char *key)
{
    return hour < 0 ? 0 : json_number_of(json_array_get(json_object_get(stats, "hours"), (size_t)hour), key);
}

void status_rate(const json_t *status, int64_t now_ms, struct str *out)
{
    const json_t *stats = json_object_get(json_object_get(status, "snapshot"), "stats");
    int hour = clock_local_hour(now_ms);
    if (!stats || json_number_of(stats, "date") != clock_local_date(now_ms)) {
        str_puts(out, "nothing today");
        return;
    }
    /* zones are whole quarters of an hour apart from UTC, some not whole hours: the minute is asked of the local time */
    char local[CLOCK_STAMP_MAX];
    clock_plain(now_ms, local);
    double minutes = (double)((local[14] - '0') * 10 + (local[15] - '0')) + (double)(now_ms % MINUTE_MS) / MINUTE_MS;
    json_int_t n = in_hour(stats, hour, "processed"), errors = in_hour(stats, hour, "errors");
    str_printf(out, "this hour %" JSON_INTEGER_FORMAT " processed (%.1f a minute), %" JSON_INTEGER_FORMAT " errors", n,
               (double)n / (minutes < 1 ? 1 : minutes), errors);
    if (hour > 0)
        str_printf(out, "; the hour before %" JSON_INTEGER_FORMAT " and %" JSON_INTEGER_FORMAT,
                   in_hour(stats, hour - 1, "processed"), in_hour(stats, hour - 1, "errors"));
}

void status_ledger(const json_t *status, struct str *out)
{
    const struct ledger ledger = ledger_of(json_object_get(json_object_get(status, "snapshot"), "ledger"));
    ledger_text(&ledger, out);
}

void status_destinations(const json_t *status, const struct look *look, size_t indent, struct str *out)
{
    static const struct column columns[] = {{.head = "DESTINATION", .most = 26},
                                            {.head = "BREAKER"},
                                            {.head = "IN HAND", .right = true},
                                            {.head = "QUEUED", .right = true},
                                            {.head = "DELIVERED", .right = true},
                                            {.head = "FAILURES", .right = true},
                                            {.head = ""}};
    struct table t;
    size_t i;
    const json_t *d;
    table_init(&t, columns, 7);
    json_array_foreach (json_object_get(json_object_get(status, "snapshot"), "destinations"), i, d) {
        bool held = json_is_true(json_object_get(d, "held")), hangs = json_is_true(json_object_get(d, "hanging"));
        const char *breaker = text_in(d, "breaker");
        table_cell(&t, text_in(d, "label"), PAINT_NONE);
        table_cell(&t, breaker, paint_of_status(breaker));
        table_number(&t, json_number_of(d, "in_hand"));
        table_number(&t, json_number_of(d, "queued"));
        table_number(&t, json_number_of(d, "delivered"));
        table_number(&t, json_number_of(d, "failures"));
        table_cell(&t,
                   held && hangs ? "held, hanging"
                   : held        ? "held"
                   : hangs       ? "hanging"
                                 : " ",
                   held || hangs ? PAINT_WARN : PAINT_NONE);
    }
    table_print(&t, look, indent, out);
    table_fini(&t);
}
