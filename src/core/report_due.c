/* report_due.c: which local day is to be reported on, by the clock and by what was made before: see report.h. */
#include <time.h>

#include "shunt/base/clock.h"
#include "shunt/core/report.h"
#include "shunt/core/when.h"

#define LATE_MS (15 * 60 * INT64_C(1000))

int report_at_minutes(const char *text)
{
    static const char shape[] = "dd:dd";
    for (size_t i = 0; i < sizeof shape; i++)
        if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return -1;
    int hours = (text[0] - '0') * 10 + text[1] - '0', minutes = (text[3] - '0') * 10 + text[4] - '0';
    return hours < 24 && minutes < 60 ? hours * 60 + minutes : -1;
}

int report_due_day(int64_t now_ms, int at_minutes)
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    int today = clock_local_date(now_ms);
    if (!localtime_r(&seconds, &tm))
        return when_day_add(today, -2);
    return when_day_add(today, tm.tm_hour * 60 + tm.tm_min >= at_minutes ? -1 : -2);
}

bool report_is_late(int day, int at_minutes, int64_t now_ms)
{
    struct tm tm = {
        .tm_year = day / 10000 - 1900, .tm_mon = day / 100 % 100 - 1, .tm_mday = day % 100 + 1, .tm_min = at_minutes};
    tm.tm_isdst = -1;
    return now_ms - (int64_t)mktime(&tm) * 1000 > LATE_MS;
}

/* Is there one made of a day in [from, to]? */
static bool has(const json_t *made, int from, int to)
{
    size_t i;
    const json_t *day;
    json_array_foreach (made, i, day)
        if (json_integer_value(day) >= from && json_integer_value(day) <= to)
            return true;
    return false;
}

/* The last day before the newest REPORT_CATCH_UP of which anything is kept: on it a long downtime began. */
static int last_before(int due, const json_t *made, bool (*kept)(void *user, int day), void *user)
{
    for (int back = REPORT_CATCH_UP; back < REPORT_LOOK_BACK; back++) {
        int day = when_day_add(due, -back);
        if (!has(made, 0, day))
            return 0;
        if (kept(user, day))
            return has(made, day, day) ? 0 : day;
    }
    return 0;
}

int report_next_day(int due, const json_t *made, bool (*kept)(void *user, int day), void *user)
{
    int before = last_before(due, made, kept, user);
    if (before != 0)
        return before;
    for (int back = REPORT_CATCH_UP - 1; back >= 0; back--) {
        int day = when_day_add(due, -back);
        if (has(made, day, day) || !has(made, 0, day))
            continue;
        if (kept(user, day) || has(made, when_day_add(day, -REPORT_CATCH_UP), when_day_add(day, -1)))
            return day;
    }
    return 0;
}
