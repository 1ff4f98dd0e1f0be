/* minutes.h: how many there were in each of the last sixty minutes, and in the last sixty seconds.
 *
 * The time is an argument, milliseconds of a clock that never goes back (base/clock.h, mono_ms): a step of the wall clock
 * makes no hole in the line. Zero it before the first use. Pure. Thread: one.
 */
#ifndef SHUNT_CORE_MINUTES_H
#define SHUNT_CORE_MINUTES_H

#include <stdint.h>

#define MINUTES_KEPT 60

struct minutes_ring {
    int64_t newest; /* number of the span that was counted in last; its place is that modulo MINUTES_KEPT */
    uint64_t counts[MINUTES_KEPT];
};

struct minutes {
    struct minutes_ring minutes, seconds;
};

void minutes_count(struct minutes *m, int64_t now_ms);
/* Oldest first; the last is the minute that is not over yet. */
void minutes_hour(const struct minutes *m, int64_t now_ms, uint64_t out[MINUTES_KEPT]);
/* In the last sixty seconds, the one that is not over yet among them. */
uint64_t minutes_rate(const struct minutes *m, int64_t now_ms);

#endif
