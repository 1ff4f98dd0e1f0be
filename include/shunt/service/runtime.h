/* runtime.h: what all parts of the running service share, and the one timer for every wait.
 *
 * The loop thread owns it. Parts keep a borrowed pointer; the composition root (service.h) makes it first and frees it
 * last.
 */
#ifndef SHUNT_SERVICE_RUNTIME_H
#define SHUNT_SERVICE_RUNTIME_H

#include <uv.h>

#include "shunt/base/clock.h"
#include "shunt/core/alarm.h"
#include "shunt/core/due.h"
#include "shunt/core/metrics.h"
#include "shunt/core/stats.h"
#include "shunt/service/config.h"

/* A moment at which something is to be looked at again. Zero it before the first use; it stays where it is while it is
 * set. */
struct wait {
    struct due_entry due;
    void (*fire)(struct wait *wait);
};

/* How long the loop works before it looks for events again: nothing is answered in that time. */
struct loop_meter {
    uint64_t at_ns, idle_ns; /* at the last look */
    uint64_t busy_ns;        /* in all */
    uint64_t longest_ns;     /* since start */
    uint64_t recent_ns;      /* likewise, since who shows it set it to 0 */
};

/* [intake] duplicate_window and duplicate */
struct duplicate_rule {
    int64_t window_ms;
    enum duplicate_action action;
};

struct runtime {
    uv_loop_t *loop;
    struct loop_meter meter;
    const struct clock *clock;
    const struct config *config;      /* settings and paths; never changes while we run */
    struct routes *routes;            /* the table in force; a reload swaps it */
    struct duplicate_rule duplicates; /* in force; likewise */
    struct stats *stats;
    struct metrics *metrics;
    struct alarm *alarm;
    struct ledger ledger;
    struct due_list waits;
    uv_timer_t timer; /* armed for the earliest of `waits` */
    size_t stuck;     /* tickets in work that cannot move: in a request that hangs, or whose last act fails for now */
    bool draining;    /* no new work is begun */
    bool once;        /* `shunt once`: no watching, no breaker, everything ends */
};

int runtime_init(struct runtime *rt, uv_loop_t *loop, const struct config *config, const struct clock *clock);
void runtime_meter(struct runtime *rt); /* once in each turn, right before the loop waits */
/* First in each signal's callback: libuv 1.44 does not count a wait that a signal broke off as waiting, so the turn counts
 * from here. */
void runtime_meter_signalled(struct runtime *rt);
void runtime_close(struct runtime *rt); /* closes the timer; run the loop until it is gone, then runtime_fini */
void runtime_fini(struct runtime *rt);
static inline int64_t runtime_now(const struct runtime *rt)
{
    return rt->clock->mono_ms(rt->clock);
}

/* Calls wait->fire on the loop at or after the moment, once. Setting a set one moves it. Never from inside wait_set. */
int wait_set(struct runtime *rt, struct wait *wait, int64_t pause_ms, void (*fire)(struct wait *wait));
void wait_cancel(struct runtime *rt, struct wait *wait);

#endif
