/* stats_day.h: a day of statistics for tests, and a look at its numbers. */
#ifndef SHUNT_TEST_STATS_DAY_H
#define SHUNT_TEST_STATS_DAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shunt/base/clock.h"
#include "shunt/base/error.h"
#include "shunt/base/mem.h"
#include "shunt/core/stats.h"

#define DAY     20260206
#define HOUR_MS INT64_C(3600000)

static inline struct stats *new_stats(void)
{
    struct stats *s = stats_new(DAY);
    assert_non_null(s);
    return s;
}

static inline struct stats_outcome outcome(const char *client, const char *category, enum way way)
{
    return (struct stats_outcome){.client = client, .category = category, .way = way, .hour = 15, .ms = 100};
}

static inline void check_line(const struct stats *s, const char *expected)
{
    struct str out = STR_INIT;
    stats_line(s, &out);
    assert_string_equal(out.bytes, expected);
    str_fini(&out);
}

/* By "clients.RANK.routed". */
static inline json_int_t number_in(const struct stats *s, const char *path)
{
    json_t *root = stats_to_json(s);
    assert_non_null(root);
    const json_t *at = root;
    char copy[1100], *rest = copy;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key; (key = strsep(&rest, "."));)
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(key)) : json_object_get(at, key);
    if (!json_is_integer(at))
        fail_msg("no number at %s", path);
    json_int_t n = json_integer_value(at);
    json_decref(root);
    return n;
}

static inline struct stats *busy_day(void)
{
    struct stats *s = new_stats();
    const char *const to[] = {"Monday Rank"};
    struct stats_outcome o = outcome("RANK", "PRODUCTION", WAY_STARTUP);
    o.destinations = to;
    o.n_destinations = 1;
    stats_processed(s, &o);
    o.client = "CIBC";
    stats_failed(s, &o, "x.json", "bad", INT64_C(1770388246123));
    stats_batch(s, 2);
    stats_scan(s, true, 1234.5);
    stats_delivery_failed(s, "Celtra");
    stats_delivered(s, &(struct stats_slow){"RANK", "1.json", "Monday Rank", 1500.5, INT64_C(1770388246123)});
    return s;
}

static inline void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

#endif
