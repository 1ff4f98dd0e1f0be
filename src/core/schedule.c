/* schedule.c: see schedule.h. Wall time is counted in seconds as if it were UTC ("wall"); the zone's offset is all that is
 * asked of the C library. The moment of a wall time is the first at which the local clock shows it or a later one: so
 * a time in a gap is the gap's end, and one that comes twice is its first. */
#include "shunt/core/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define SECOND   INT64_C(1000)
#define MINUTE_S 60
#define DAY_S    86400
#define FAR_S    (40 * 3600)         /* beyond every offset and gap that there was; two changes are farther apart */
#define DAYS_MAX (8 * 366)           /* from one 29 February to the next, where a century is between */
#define SHIFT_MS (2 * 3600 * SECOND) /* what is due in off hours waits for less */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t offset_at(int64_t s)
{
    time_t t = (time_t)s;
    struct tm tm;
    return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

static int64_t wall_at(int64_t ms)
{
    int64_t s = floor_div(ms, SECOND);
    return s + offset_at(s);
}

/* The first second after low at which the offset is another; it is at high. */
static int64_t change_between(int64_t low, int64_t high)
{
    int64_t before = offset_at(low);
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (offset_at(middle) == before)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static int64_t moment_of(int64_t wall)
{
    int64_t before = offset_at(wall - FAR_S), after = offset_at(wall + FAR_S);
    int64_t first = wall - before, second = wall - after;
    if (before == after || offset_at(first) == before)
        return first * SECOND;
    if (offset_at(second) == after)
        return second * SECOND;
    return change_between(second, first) * SECOND;
}

static bool day_fits(const struct schedule *s, int64_t day)
{
    time_t t = (time_t)(day * DAY_S);
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !(s->months >> (tm.tm_mon + 1) & 1))
        return false;
    bool of_month = s->days >> tm.tm_mday & 1, of_week = s->weekdays >> tm.tm_wday & 1;
    return s->either ? of_month || of_week : of_month && of_week;
}

/* Of the calendar, off hours or not. */
static int64_t next_time(const struct schedule *s, int64_t after_ms)
{
    int64_t wall_minute = floor_div(wall_at(after_ms), MINUTE_S) + 1; /* what comes later is not shown earlier */
    int64_t day = floor_div(wall_minute, SCHEDULE_DAY_MINUTES), last = day + DAYS_MAX;
    int minute = (int)(wall_minute - day * SCHEDULE_DAY_MINUTES);
    for (; day <= last; day++, minute = 0) {
        if (!day_fits(s, day))
            continue;
        for (; minute < SCHEDULE_DAY_MINUTES; minute++) {
            if (!(s->minutes[minute / 64] >> (minute % 64) & 1))
                continue;
            int64_t ms = moment_of(day * DAY_S + minute * MINUTE_S);
            if (ms > after_ms)
                return ms;
        }
    }
    return SCHEDULE_NEVER;
}

static bool is_off(const struct off_hours *off, int64_t wall)
{
    int64_t day = floor_div(wall, DAY_S);
    int minute = (int)((wall - day * DAY_S) / MINUTE_S);
    int weekday = (int)((day + 4) - floor_div(day + 4, 7) * 7); /* 1970-01-01 was a Thursday */
    if (off->weekdays >> weekday & 1)
        return true;
    if (off->from <= off->to)
        return minute >= off->from && minute < off->to;
    return minute >= off->from || minute < off->to;
}

static bool may_start(const struct off_hours *off, int64_t wall)
{
    return off->minutes >> (floor_div(wall, MINUTE_S) - floor_div(wall, 3600) * 60) & 1;
}

static int64_t next_minute(int64_t ms, int64_t wall)
{
    int64_t into_s = wall - floor_div(wall, MINUTE_S) * MINUTE_S;
    return (floor_div(ms, SECOND) - into_s + MINUTE_S) * SECOND;
}

bool off_hours_at(const struct off_hours *off, int64_t ms)
{
    return off && off->on && is_off(off, wall_at(ms));
}

int64_t off_hours_start(const struct off_hours *off, int64_t ms)
{
    if (!off || !off->on)
        return ms;
    for (int64_t wall = wall_at(ms); is_off(off, wall) && !may_start(off, wall); wall = wall_at(ms))
        ms = next_minute(ms, wall);
    return ms;
}

static int64_t next_interval(const struct schedule *s, const struct off_hours *off, int64_t last_ms, int64_t after_ms)
{
    int64_t due = last_ms + s->every_ms, ms = due > after_ms ? due : after_ms + 1;
    if (!off || !off->on)
        return ms;
    for (int64_t wall = wall_at(ms); is_off(off, wall) && (ms < due + off->add_ms || !may_start(off, wall));
         wall = wall_at(ms))
        ms = next_minute(ms, wall);
    return ms;
}

int64_t schedule_next(const struct schedule *s, const struct off_hours *off, int64_t last_ms, int64_t after_ms)
{
    if (s->every_ms > 0)
        return next_interval(s, off, last_ms, after_ms);
    if (!off || !off->on)
        return next_time(s, after_ms);
    bool waits = off_hours_start(off, after_ms) > after_ms; /* what was due before may start only after */
    int64_t time = next_time(s, waits ? after_ms - SHIFT_MS : after_ms);
    while (time != SCHEDULE_NEVER && off_hours_start(off, time) <= after_ms)
        time = next_time(s, time);
    return time == SCHEDULE_NEVER ? time : off_hours_start(off, time);
}

/* --- in words --- */

static void put_span(struct str *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *word;
    } units[] = {{86400 * SECOND, "d"}, {3600 * SECOND, "h"}, {60 * SECOND, "min"}, {SECOND, "s"}, {1, "ms"}};
    size_t i = 0;
    while (ms % units[i].ms != 0)
        i++;
    str_printf(out, "%" PRId64 " %s", ms / units[i].ms, units[i].word);
}

static void put_joined(struct str *out, size_t i, size_t n, const char *text)
{
    str_printf(out, "%s%s", i == 0 ? "" : i + 1 == n ? " and " : ", ", text);
}

static void put_times(struct str *out, const struct schedule *s)
{
    size_t n = 0, at = 0;
    for (int m = 0; m < SCHEDULE_DAY_MINUTES; m++)
        n += s->minutes[m / 64] >> (m % 64) & 1;
    str_puts(out, "at ");
    for (int m = 0; m < SCHEDULE_DAY_MINUTES; m++) {
        char text[16];
        if (!(s->minutes[m / 64] >> (m % 64) & 1))
            continue;
        (void)snprintf(text, sizeof text, "%02d:%02d", m / 60, m % 60);
        put_joined(out, at++, n, text);
    }
}

/* From Monday on, as people count. */
static void put_days(struct str *out, unsigned weekdays)
{
    static const char *const names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    const char *between = " on ";
    for (unsigned i = 1; i <= 7; i++) {
        if (!(weekdays >> i % 7 & 1))
            continue;
        str_printf(out, "%s%s", between, names[i % 7]);
        between = ", ";
    }
}

static void put_off_hours(struct str *out, const struct off_hours *off)
{
    size_t n = 0, at = 0;
    for (int m = 0; m < 60; m++)
        n += off->minutes >> m & 1;
    if (n == 60)
        return;
    str_puts(out, n == 1 ? "starts only at minute " : "starts only at minutes ");
    for (int m = 0; m < 60; m++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", m);
        if (off->minutes >> m & 1)
            put_joined(out, at++, n, text);
    }
}

void schedule_reason(const struct schedule *s, const struct off_hours *off, int64_t ms, struct str *out)
{
    if (s->every_ms > 0) {
        str_puts(out, "every ");
        put_span(out, s->every_ms);
    } else if (s->cron) {
        str_printf(out, "cron %s", s->cron);
    } else {
        put_times(out, s);
        if (s->weekdays != 0x7f)
            put_days(out, s->weekdays);
    }
    if (!off_hours_at(off, ms))
        return;
    struct str how = STR_INIT;
    if (s->every_ms > 0 && off->add_ms > 0) {
        str_putc(&how, '+');
        put_span(&how, off->add_ms);
        str_puts(&how, ", ");
    }
    put_off_hours(&how, off);
    if (how.len > 0)
        str_printf(out, "; off hours: %s", how.bytes);
    str_part_fini(&how, out);
}
