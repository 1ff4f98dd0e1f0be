/* report.h: the daily report: one JSON document of a local day, made of the statistics of that day and nothing else that
 * changes them, and what templates need to show it.
 *
 * Happy way: report_new (numbers, for programs and the store) -> report_view (the same as texts, cut and in order, with
 * lines of at most REPORT_COLUMNS for the text part) -> mustache.h. Every text in a view is without control characters
 * and has a bound. Pure; the present is an argument;
 * what is local is so in the process's zone. Thread: any. Out of memory: NULL.
 */
#ifndef SHUNT_CORE_REPORT_H
#define SHUNT_CORE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define REPORT_COLUMNS   72
#define REPORT_ROWS      40 /* of clients and of destinations that are shown; the rest is summed up */
#define REPORT_ERRORS    10
#define REPORT_SLOWEST   10
#define REPORT_ALERTS    20
#define REPORT_CATCH_UP  7   /* days that are made up for after a downtime */
#define REPORT_LOOK_BACK 100 /* days; so long ago the last one of before it may be */

/* All JSON is borrowed. */
struct report_source {
    int day; /* yyyymmdd */
    /* Of it, of the day before, and of the same weekday before: {"INSTANCE": DAY...} as the store has them, summed up here;
     * NULL and {}: nothing is kept. */
    const json_t *days, *days_before, *days_week;
    const json_t *snapshot; /* of the running service (snapshot.h); NULL: none runs */
    const json_t *totals;   /* store_totals; NULL: not known */
    const json_t *alerts;   /* store_alerts; those of other days are left out */
    int64_t now_ms;         /* wall */
    bool late;              /* made long after its time: the service did not run then */
};

/* {"version": 1, "date", "made_at", "complete" (the day is over), "late", "counted" (anything is kept), "uptime_ms", "totals",
 * "ways", "scans", "clients" and "destinations" (the busiest first), "hours", "last_errors" (the newest first), "slowest",
 * "now" {"totals", "ledger", "queue", "destinations"}, "ledger_balances", "alerts", "day_before", "week_before"} */
json_t *report_new(const struct report_source *source);

struct report_brand {
    const char *name, *colour, *background, *font;
};
/* rows: at most so many of anything, REPORT_ROWS or fewer. */
json_t *report_view(const json_t *report, const struct report_brand *brand, size_t rows);

/* "06:30" -> 390; -1: no time of day. */
int report_at_minutes(const char *text);
/* The newest local day whose report is due: it is over, and the time of day has come since. at_minutes: since midnight. */
int report_due_day(int64_t now_ms, int at_minutes);
/* Was it due so long ago that a reader wonders? */
bool report_is_late(int day, int at_minutes, int64_t now_ms);
/* Of the days up to due the first whose report is still to be made, at most REPORT_CATCH_UP back, and before those the
 * last one of which anything is kept; 0: none. made: dates as integers, of those that were. kept: are there statistics
 * of it? A day without them has a report too, since the service may not have run, but only where one of the days before
 * it has. Before the first that was ever made, there is none to make. */
int report_next_day(int due, const json_t *made, bool (*kept)(void *user, int day), void *user);

#endif
