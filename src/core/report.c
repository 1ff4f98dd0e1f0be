/* report.c: see report.h. The days of all instances are summed up as JSON; then what people look for first is put in order. A
 * step that finds no memory makes a NULL, which Jansson hands on, so that only the last asks. */
#include "shunt/core/report.h"

#include <stdlib.h>
#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/core/json_get.h"
#include "shunt/core/stats.h"
#include "shunt/core/when.h"

#define REPORT_VERSION 1

/* --- days are summed up --- */

static int add(json_t *sum, const json_t *day);

static int add_member(json_t *sum, const char *key, json_t *value)
{
    json_t *own = json_object_get(sum, key);
    if (!own)
        return json_object_set_new(sum, key, json_deep_copy(value));
    if (json_is_object(own) || json_is_array(own))
        return add(own, value);
    if (json_is_integer(own) && json_is_integer(value))
        return json_integer_set(own, json_integer_value(own) + json_integer_value(value));
    if (json_is_real(own) && json_is_number(value))
        return json_real_set(own, json_real_value(own) + json_number_value(value));
    return 0;
}

/* Numbers are added, arrays of the hours one by one, and lists joined. */
static int add(json_t *sum, const json_t *day)
{
    const char *key;
    json_t *value;
    size_t i;
    int rc = 0;
    if (json_is_object(sum) && json_is_object(day))
        json_object_foreach ((json_t *)(uintptr_t)day, key, value)
            rc = rc ? rc : add_member(sum, key, value);
    else if (json_is_array(sum) && json_is_array(day) && json_array_size(sum) == 24 && json_array_size(day) == 24)
        json_array_foreach (day, i, value)
            rc = rc ? rc : add(json_array_get(sum, i), value);
    else if (json_is_array(sum) && json_is_array(day))
        json_array_foreach (day, i, value)
            rc = rc ? rc : json_array_append_new(sum, json_deep_copy(value));
    return rc;
}

/* What is no day of ours is left out. NULL: no memory. */
static json_t *sum_of(const json_t *days, bool *counted)
{
    struct stats *none = stats_new(0);
    json_t *sum = none ? stats_to_json(none) : NULL, *day;
    const char *instance;
    stats_free(none);
    *counted = false;
    json_object_foreach ((json_t *)(uintptr_t)days, instance, day) {
        struct stats *sound = stats_new((int)json_integer_value(json_object_get(day, "date")));
        int rc = sound ? stats_from_json(sound, day) : ERR_NOMEM;
        *counted = *counted || rc == 0;
        if (rc == 0 && (!sum || add(sum, day) != 0))
            rc = ERR_NOMEM;
        if (rc == ERR_NOMEM) {
            json_decref(sum);
            sum = NULL;
        }
        stats_free(sound);
    }
    return sum;
}

/* --- what is made of the sum --- */

static json_t *average(double sum, json_int_t n)
{
    return n > 0 ? json_real(sum / (double)n) : json_null();
}

/* Rounded down to tenths: 100 means no error. */
static json_t *success(json_int_t processed, json_int_t errors)
{
    json_int_t all = processed + errors;
    return all > 0 ? json_real((double)(json_int_t)((double)processed * 1000 / (double)all) / 10) : json_null();
}

static json_int_t failed_attempts(const json_t *sum)
{
    const char *name;
    json_t *value;
    json_int_t n = 0;
    json_object_foreach (json_object_get(sum, "destinations"), name, value)
        n += json_number_of(value, "failed_attempts");
    return n;
}

static json_t *totals_of(const json_t *sum)
{
    const json_t *t = json_object_get(sum, "totals");
    json_int_t processed = json_number_of(t, "processed"), errors = json_number_of(t, "errors"),
               batches = json_number_of(t, "batches");
    return json_pack("{s:I, s:I, s:o, s:I, s:o, s:o, s:I, s:I}", "processed", processed, "errors", errors,
                     "success_percent", success(processed, errors), "batches", batches, "average_batch",
                     average((double)json_number_of(t, "batch_tickets"), batches), "average_ms",
                     average(json_number_value(json_object_get(t, "total_ms")), processed), "retries",
                     json_number_of(t, "retries"), "failed_attempts", failed_attempts(sum));
}

static json_t *scans_of(const json_t *sum)
{
    json_t *scans = json_copy(json_object_get(sum, "scans"));
    double total_ms = json_number_value(json_object_get(scans, "total_ms"));
    if (json_object_del(scans, "total_ms") == 0 &&
        json_object_set_new(scans, "average_ms", average(total_ms, json_number_of(scans, "completed"))) == 0)
        return scans;
    json_decref(scans);
    return NULL;
}

/* --- order --- */

struct ranked {
    json_t *value;
    double rank;
    size_t at;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? 1 : -1;
    return x->at < y->at ? -1 : 1;
}

/* The highest first, at most so many; equal ones as they stand. list: taken. */
static json_t *in_order(json_t *list, double (*rank)(const json_t *value), size_t most)
{
    size_t n = json_array_size(list), i;
    struct ranked *ranked = mem_alloc((n + 1) * sizeof *ranked);
    json_t *ordered = ranked && list ? json_array() : NULL, *value;
    if (ordered) {
        json_array_foreach (list, i, value)
            ranked[i] = (struct ranked){value, rank(value), i};
        qsort(ranked, n, sizeof *ranked, by_rank);
    }
    for (i = 0; ordered && i < n && i < most; i++) {
        if (json_array_append(ordered, ranked[i].value) != 0) {
            json_decref(ordered);
            ordered = NULL;
        }
    }
    mem_free(ranked);
    json_decref(list);
    return ordered;
}

static double rank_of_client(const json_t *c)
{
    return (double)(json_number_of(c, "processed") + json_number_of(c, "errors"));
}

static double rank_of_destination(const json_t *d)
{
    return (double)(json_number_of(d, "delivered") + json_number_of(d, "failed_attempts"));
}

static double rank_of_time(const json_t *e)
{
    return (double)json_number_of(e, "time");
}

static double rank_of_slow(const json_t *d)
{
    return json_number_value(json_object_get(d, "ms"));
}

/* A table by name as a list, the busiest first; what has no number but zero is left out. */
static json_t *list_of(const json_t *sum, const char *table, const char *called, double (*rank)(const json_t *value))
{
    json_t *list = json_array(), *value;
    const char *name;
    json_object_foreach (json_object_get(sum, table), name, value) {
        if (rank(value) == 0)
            continue;
        json_t *one = json_pack("{s:s}", called, name);
        if (!one || json_object_update(one, value) != 0 || json_array_append(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
        json_decref(one);
    }
    return in_order(list, rank, SIZE_MAX);
}

/* --- the rest --- */

static int64_t moment_of(const json_t *object, const char *key, int64_t otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    int64_t ms;
    return text && when_parse(text, 0, false, &ms, NULL) == 0 ? ms : otherwise;
}

/* Those that were open at some time of the day. */
static json_t *alerts_of(const struct report_source *in)
{
    char day[WHEN_TEXT_MAX];
    int64_t begin = 0, end = 0;
    size_t i;
    json_t *alert, *list = json_array();
    when_day_text(in->day, day);
    (void)when_parse(day, 0, false, &begin, NULL);
    (void)when_parse(day, 0, true, &end, NULL);
    json_array_foreach (in->alerts, i, alert) {
        if (moment_of(alert, "opened_at", INT64_MAX) >= end || moment_of(alert, "closed_at", INT64_MAX) < begin)
            continue;
        if (json_array_append(list, alert) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *now_of(const struct report_source *in)
{
    const json_t *s = in->snapshot;
    return json_pack("{s:O?, s:O?, s:O?, s:O?}", "totals", in->totals, "ledger", json_object_get(s, "ledger"), "queue",
                     json_object_get(s, "queue"), "destinations", json_object_get(s, "destinations"));
}

static json_t *balance_of(const json_t *l)
{
    const struct ledger ledger = ledger_of(l);
    int64_t difference;
    return l ? json_boolean(ledger_balances(&ledger, &difference)) : json_null();
}

static json_t *uptime_of(const struct report_source *in)
{
    int64_t started = moment_of(in->snapshot, "started", in->now_ms);
    return in->snapshot ? json_integer(in->now_ms > started ? in->now_ms - started : 0) : json_null();
}

/* {"date", "processed", "errors", "success_percent"}; null: nothing is kept of it. */
static json_t *other_day(const json_t *days, int day)
{
    bool counted;
    json_t *sum = sum_of(days, &counted);
    const json_t *t = json_object_get(sum, "totals");
    json_int_t processed = json_number_of(t, "processed"), errors = json_number_of(t, "errors");
    char date[WHEN_TEXT_MAX];
    when_day_text(day, date);
    json_t *other = !sum      ? NULL
                    : counted ? json_pack("{s:s, s:I, s:I, s:o}", "date", date, "processed", processed, "errors",
                                          errors, "success_percent", success(processed, errors))
                              : json_null();
    json_decref(sum);
    return other;
}

static json_t *document(const struct report_source *in, const json_t *sum, bool counted)
{
    char date[WHEN_TEXT_MAX], made[WHEN_TEXT_MAX];
    when_day_text(in->day, date);
    when_utc(in->now_ms, made);
    return json_pack(
        "{s:i, s:s, s:s, s:b, s:b, s:b, s:o, s:o, s:O, s:o, s:o, s:o, s:O, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "version", REPORT_VERSION, "date", date, "made_at", made, "complete", clock_local_date(in->now_ms) > in->day,
        "late", (int)in->late, "counted", (int)counted, "uptime_ms", uptime_of(in), "totals", totals_of(sum), "ways",
        json_object_get(sum, "ways"), "scans", scans_of(sum), "clients",
        list_of(sum, "clients", "client", rank_of_client), "destinations",
        list_of(sum, "destinations", "destination", rank_of_destination), "hours", json_object_get(sum, "hours"),
        "last_errors", in_order(json_incref(json_object_get(sum, "last_errors")), rank_of_time, REPORT_ERRORS),
        "slowest", in_order(json_incref(json_object_get(sum, "slowest")), rank_of_slow, REPORT_SLOWEST), "now",
        now_of(in), "ledger_balances", balance_of(json_object_get(in->snapshot, "ledger")), "alerts", alerts_of(in),
        "day_before", other_day(in->days_before, when_day_add(in->day, -1)), "week_before",
        other_day(in->days_week, when_day_add(in->day, -7)));
}

json_t *report_new(const struct report_source *source)
{
    bool counted;
    json_t *sum = sum_of(source->days, &counted);
    json_t *report = sum ? document(source, sum, counted) : NULL;
    json_decref(sum);
    return report;
}
