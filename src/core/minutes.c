/* minutes.c: see minutes.h. Spans in which nothing was counted are cleared by the next that is. */
#include "shunt/core/minutes.h"

#define SECOND_MS 1000
#define MINUTE_MS 60000

static void count(struct minutes_ring *r, int64_t span)
{
    for (int64_t at = span - r->newest < MINUTES_KEPT ? r->newest + 1 : span - MINUTES_KEPT + 1; at <= span; at++)
        r->counts[at % MINUTES_KEPT] = 0;
    r->newest = span;
    r->counts[span % MINUTES_KEPT]++;
}

static void spans(const struct minutes_ring *r, int64_t span, uint64_t out[MINUTES_KEPT])
{
    for (int64_t i = 0; i < MINUTES_KEPT; i++) {
        int64_t at = span - MINUTES_KEPT + 1 + i;
        out[i] = at >= 0 && at <= r->newest && at > r->newest - MINUTES_KEPT ? r->counts[at % MINUTES_KEPT] : 0;
    }
}

void minutes_count(struct minutes *m, int64_t now_ms)
{
    count(&m->minutes, now_ms / MINUTE_MS);
    count(&m->seconds, now_ms / SECOND_MS);
}

void minutes_hour(const struct minutes *m, int64_t now_ms, uint64_t out[MINUTES_KEPT])
{
    spans(&m->minutes, now_ms / MINUTE_MS, out);
}

uint64_t minutes_rate(const struct minutes *m, int64_t now_ms)
{
    uint64_t seconds[MINUTES_KEPT], sum = 0;
    spans(&m->seconds, now_ms / SECOND_MS, seconds);
    for (int i = 0; i < MINUTES_KEPT; i++)
        sum += seconds[i];
    return sum;
}
