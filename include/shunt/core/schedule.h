/* schedule.h: when a task is due: after an interval, at times of the day, or by a crontab's five fields; and the off hours,
 * in which tasks run less often.
 *
 * Times of the day are local (the process's zone). One that a change to summer time leaves out counts as the first
 * moment after the gap; one that comes twice counts once, the first time. Times that fall on the same moment are one run.
 * An interval is real time.
 *
 * Off hours: a span of each day, and whole days of the week. In them an interval is longer by what is added, and
 * nothing starts but in the named minutes of the hour: what is due waits for the next of them, or for the end of the off
 * hours.
 *
 * Pure: moments are arguments, in milliseconds since 1970-01-01 UTC. Thread: any. Values; nothing to free.
 */
#ifndef SHUNT_CORE_SCHEDULE_H
#define SHUNT_CORE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/base/error.h"
#include "shunt/base/str.h"

#define SCHEDULE_NEVER       INT64_MAX
#define SCHEDULE_DAY_MINUTES 1440

struct schedule {
    int64_t every_ms;                                /* 0: what follows holds */
    uint64_t minutes[SCHEDULE_DAY_MINUTES / 64 + 1]; /* of the day, as bits */
    uint32_t days;                                   /* of the month: bits 1 to 31 */
    uint16_t months;                                 /* bits 1 to 12 */
    uint8_t weekdays;                                /* bits 0, Sunday, to 6 */
    bool either;                                     /* a day of the month or of the week is enough */
    const char *cron;                                /* as it was written, borrowed; NULL: it was not */
};

struct off_hours {
    bool on;
    int from, to;     /* minutes of the day; the span may go over midnight; the same: none */
    uint8_t weekdays; /* whole days, as above */
    uint64_t minutes; /* of the hour, in which tasks may start; at least one */
    int64_t add_ms;
};

void schedule_every(struct schedule *s, int64_t every_ms);
/* times: "07:00"; days: "mon-fri", "sun"; none: every day. ERR_CONFIG. */
int schedule_at(struct schedule *s, char *const *times, size_t n, struct error *e);
int schedule_on(struct schedule *s, char *const *days, size_t n, struct error *e); /* after schedule_at */
/* Five fields: minute, hour, day of the month, month, day of the week, each "*", "5", "1-5", "mon-fri", "*" or a range with
 * "/STEP", or several of these with commas. Where both days are given and neither begins with "*", one of them is enough.
 * Double quotes around all of it are fine. ERR_CONFIG. */
int schedule_cron(struct schedule *s, const char *text, struct error *e);

int off_hours_span(struct off_hours *o, const char *text, struct error *e); /* "22:00-05:00"; "": none */
int off_hours_days(struct off_hours *o, char *const *days, size_t n, struct error *e);
int off_hours_minutes(struct off_hours *o, char *const *minutes, size_t n, struct error *e); /* none: all */

/* The first run after `after`. last_ms: when it ran last, of which the interval counts. off: NULL, or not on: the task is
 * exempt. SCHEDULE_NEVER: no day fits. */
int64_t schedule_next(const struct schedule *s, const struct off_hours *off, int64_t last_ms, int64_t after_ms);
bool off_hours_at(const struct off_hours *off, int64_t ms);
/* The first moment from ms on at which a task may start. */
int64_t off_hours_start(const struct off_hours *off, int64_t ms);

/* "every 3 min; off hours: +30 min, starts only at minutes 0 and 30", of a run at ms. */
void schedule_reason(const struct schedule *s, const struct off_hours *off, int64_t ms, struct str *out);

#endif
