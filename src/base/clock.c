#include "shunt/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t now_ms(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t real_mono_ms(const struct clock *clock)
{
    (void)clock;
    return now_ms(CLOCK_MONOTONIC);
}

static int64_t real_wall_ms(const struct clock *clock)
{
    (void)clock;
    return now_ms(CLOCK_REALTIME);
}

const struct clock clock_real = {.mono_ms = real_mono_ms, .wall_ms = real_wall_ms};

static int64_t virtual_mono_ms(const struct clock *clock)
{
    return ((const struct clock_virtual *)clock)->mono;
}

static int64_t virtual_wall_ms(const struct clock *clock)
{
    return ((const struct clock_virtual *)clock)->wall;
}

void clock_virtual_init(struct clock_virtual *c, int64_t wall_ms)
{
    c->clock = (struct clock){.mono_ms = virtual_mono_ms, .wall_ms = virtual_wall_ms};
    c->mono = 0;
    c->wall = wall_ms;
}

void clock_virtual_advance(struct clock_virtual *c, int64_t ms)
{
    c->mono += ms;
    c->wall += ms;
}

/* Local time of that moment and the milliseconds of its second (0..999, also before 1970). */
static int local(int64_t wall_ms, struct tm *tm)
{
    int64_t ms = wall_ms % 1000;
    time_t seconds = (time_t)(wall_ms / 1000);
    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    if (!localtime_r(&seconds, tm)) {
        /* a year that does not fit an int: no clock says so */
        seconds = 0;
        (void)gmtime_r(&seconds, tm);
    }
    return (int)ms;
}

void clock_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_MAX])
{
    struct tm tm;
    int ms = local(wall_ms, &tm);
    size_t n = strftime(out, CLOCK_RFC3339_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    long minutes = tm.tm_gmtoff / 60;
    if (minutes == 0) {
        (void)snprintf(out + n, CLOCK_RFC3339_MAX - n, ".%03dZ", ms);
    } else {
        long away = labs(minutes);
        (void)snprintf(out + n, CLOCK_RFC3339_MAX - n, ".%03d%c%02ld:%02ld", ms, minutes < 0 ? '-' : '+', away / 60,
                       away % 60);
    }
}

void clock_plain(int64_t wall_ms, char out[CLOCK_STAMP_MAX])
{
    struct tm tm;
    (void)local(wall_ms, &tm);
    (void)strftime(out, CLOCK_STAMP_MAX, "%Y-%m-%d %H:%M:%S", &tm);
}

void clock_file_stamp(int64_t wall_ms, char out[CLOCK_STAMP_MAX])
{
    struct tm tm;
    (void)local(wall_ms, &tm);
    (void)strftime(out, CLOCK_STAMP_MAX, "%Y%m%d_%H%M%S", &tm);
}

int clock_local_date(int64_t wall_ms)
{
    struct tm tm;
    (void)local(wall_ms, &tm);
    return (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

int clock_local_hour(int64_t wall_ms)
{
    struct tm tm;
    (void)local(wall_ms, &tm);
    return tm.tm_hour;
}
