/* when.c: see when.h. Numbers are read by hand: strptime(3) takes too much. */
#include "shunt/core/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shunt/base/clock.h"
#include "shunt/core/units.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* So many digits; -1: others. */
static int digits(const char **p, int count)
{
    int n = 0;
    for (int i = 0; i < count; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        n = n * 10 + (**p - '0');
    }
    return n;
}

static bool literal(const char **p, char c)
{
    return **p == c && (*p)++;
}

static bool date(const char **p, struct tm *tm)
{
    tm->tm_year = digits(p, 4) - 1900;
    bool fine = literal(p, '-') && (tm->tm_mon = digits(p, 2) - 1) >= 0 && literal(p, '-');
    tm->tm_mday = fine ? digits(p, 2) : -1;
    struct tm same = *tm;
    return tm->tm_year >= 70 && tm->tm_mday > 0 && timegm(&same) != (time_t)-1 && same.tm_mday == tm->tm_mday &&
           same.tm_mon == tm->tm_mon;
}

static bool time_of_day(const char **p, struct tm *tm)
{
    tm->tm_hour = digits(p, 2);
    bool fine = tm->tm_hour >= 0 && tm->tm_hour < 24 && literal(p, ':');
    tm->tm_min = fine ? digits(p, 2) : -1;
    fine = fine && tm->tm_min >= 0 && tm->tm_min < 60 && literal(p, ':');
    tm->tm_sec = fine ? digits(p, 2) : -1;
    return fine && tm->tm_sec >= 0 && tm->tm_sec <= 60; /* a leap second */
}

static int fraction_ms(const char **p)
{
    if (!literal(p, '.'))
        return 0;
    int ms = 0, unit = 100;
    const char *first = *p;
    for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        ms += (**p - '0') * unit;
    return *p == first ? -1 : ms;
}

/* Minutes east of UTC. */
static bool zone(const char **p, int *minutes)
{
    *minutes = 0;
    if (literal(p, 'Z') || literal(p, 'z'))
        return true;
    int sign = **p == '-' ? -1 : 1;
    if (!literal(p, '+') && !literal(p, '-'))
        return false;
    int hours = digits(p, 2);
    int rest = hours >= 0 && hours < 24 && literal(p, ':') ? digits(p, 2) : -1;
    *minutes = sign * (hours * 60 + rest);
    return rest >= 0 && rest < 60;
}

static bool moment(const char *p, int64_t *out)
{
    struct tm tm = {.tm_isdst = 0};
    int minutes;
    if (!date(&p, &tm) || !(literal(&p, 'T') || literal(&p, 't') || literal(&p, ' ')) || !time_of_day(&p, &tm))
        return false;
    int ms = fraction_ms(&p);
    if (ms < 0 || !zone(&p, &minutes) || *p != '\0')
        return false;
    *out = ((int64_t)timegm(&tm) - (int64_t)minutes * 60) * 1000 + ms;
    return true;
}

static bool local_day(const char *p, bool end, int64_t *out)
{
    struct tm tm = {.tm_isdst = -1};
    if (!date(&p, &tm) || *p != '\0')
        return false;
    tm.tm_mday += end;
    *out = (int64_t)mktime(&tm) * 1000;
    return true;
}

int when_parse(const char *text, int64_t now_wall_ms, bool end, int64_t *out, struct error *e)
{
    int64_t age;
    if (moment(text, out) || local_day(text, end, out))
        return 0;
    if (units_ms(text, &age, NULL) == 0 && age <= now_wall_ms) {
        *out = now_wall_ms - age;
        return 0;
    }
    return error_set(e, ERR_USAGE,
                     "%.64s is no moment; write an age (2h, 3d), a day (2026-02-06) or a time (2026-02-06T15:30:00Z)",
                     text);
}

bool when_day(const char *text, int *day)
{
    struct tm tm = {.tm_isdst = 0};
    if (!date(&text, &tm) || *text != '\0')
        return false;
    *day = (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
    return true;
}

int when_day_add(int day, int days)
{
    struct tm tm = {.tm_year = day / 10000 - 1900, .tm_mon = day / 100 % 100 - 1, .tm_mday = day % 100 + days};
    (void)timegm(&tm);
    return (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

void when_day_text(int day, char out[WHEN_TEXT_MAX])
{
    snprintf(out, WHEN_TEXT_MAX, "%04d-%02d-%02d", day / 10000, day / 100 % 100, day % 100);
}

void when_utc(int64_t ms, char out[WHEN_TEXT_MAX])
{
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;
    out[0] = '\0';
    if (!gmtime_r(&seconds, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900)
        return;
    size_t n = strftime(out, WHEN_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, WHEN_TEXT_MAX - n, ".%03dZ", (int)(ms - (int64_t)seconds * 1000));
}

void when_local(const char *rfc3339, char out[WHEN_TEXT_MAX])
{
    int64_t ms;
    _Static_assert(CLOCK_STAMP_MAX <= WHEN_TEXT_MAX, "a stamp fits");
    if (rfc3339 && when_parse(rfc3339, 0, false, &ms, NULL) == 0)
        clock_plain(ms, out);
    else
        strcpy(out, "-");
}

void when_local_ms(const char *rfc3339, char out[WHEN_TEXT_MAX])
{
    int64_t ms;
    when_local(rfc3339, out);
    if (rfc3339 && when_parse(rfc3339, 0, false, &ms, NULL) == 0)
        snprintf(out + strlen(out), WHEN_TEXT_MAX - strlen(out), ".%03d", (int)((ms % 1000 + 1000) % 1000));
}

void when_span(int64_t ms, char out[WHEN_TEXT_MAX])
{
    int64_t s = ms < 0 ? 0 : ms / 1000;
    if (s < MINUTE)
        snprintf(out, WHEN_TEXT_MAX, "%" PRId64 " s", s);
    else if (s < HOUR)
        snprintf(out, WHEN_TEXT_MAX, "%" PRId64 " min", s / MINUTE);
    else if (s < DAY)
        snprintf(out, WHEN_TEXT_MAX, "%" PRId64 " h %" PRId64 " min", s / HOUR, s % HOUR / MINUTE);
    else
        snprintf(out, WHEN_TEXT_MAX, "%" PRId64 " d %" PRId64 " h", s / DAY, s % DAY / HOUR);
}
