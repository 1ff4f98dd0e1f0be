/* clock.h: time as an argument, so that core and its tests run on a virtual clock.
 *
 * mono_ms never goes back and knows no wall time: pauses, time-outs, readiness.
 * wall_ms is milliseconds since 1970-01-01 UTC; may step either way: names, log lines, the local day.
 * Local time is the process's zone (TZ, set once at start from [report] timezone, before any thread).
 */
#ifndef SHUNT_BASE_CLOCK_H
#define SHUNT_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*mono_ms)(const struct clock *clock);
    int64_t (*wall_ms)(const struct clock *clock);
};

extern const struct clock clock_real;

/* For tests: set the two numbers, pass &c.clock. */
struct clock_virtual {
    struct clock clock;
    int64_t mono;
    int64_t wall;
};
void clock_virtual_init(struct clock_virtual *c, int64_t wall_ms);
void clock_virtual_advance(struct clock_virtual *c, int64_t ms); /* both */

/* Buffers hold what the name says and a NUL. */
#define CLOCK_RFC3339_MAX 32
#define CLOCK_STAMP_MAX   32
void clock_rfc3339(int64_t wall_ms,
                   char out[CLOCK_RFC3339_MAX]); /* 2026-02-06T15:30:46.123+01:00, local with its offset, "Z" for UTC */
void clock_plain(int64_t wall_ms, char out[CLOCK_STAMP_MAX]);      /* 2026-02-06 15:30:46, local */
void clock_file_stamp(int64_t wall_ms, char out[CLOCK_STAMP_MAX]); /* 20260206_153046, local */

/* Local date as yyyymmdd and hour 0-23. */
int clock_local_date(int64_t wall_ms);
int clock_local_hour(int64_t wall_ms);

#endif
