/* runtime.c: one due list and one libuv timer carry every pause of the program: looks at files that are not whole yet,
 * retries, breakers, scans, the day's turn. The timer is armed for the earliest; when it fires, all that is due is
 * fired and it is armed anew. */
#include "shunt/service/runtime.h"

#include <assert.h>
#include <stddef.h>

#define STANDING_WAITS 4 /* the scheduler's, the upkeep's, the listener's and the outbox's: they set themselves anew */

static void on_timer(uv_timer_t *timer);

static void arm(struct runtime *rt)
{
    int64_t sleep_ms = due_sleep_ms(&rt->waits, runtime_now(rt));
    if (sleep_ms < 0) {
        uv_timer_stop(&rt->timer);
        return;
    }
    /* libuv counts from the loop's own, slightly old time: without the update the timer fires early and spins. */
    uv_update_time(rt->loop);
    uv_timer_start(&rt->timer, on_timer, (uint64_t)sleep_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct runtime *rt = timer->data;
    int64_t now = runtime_now(rt);
    struct due_entry *entry;
    while ((entry = due_pop(&rt->waits, now)) != NULL) {
        struct wait *wait = (struct wait *)((char *)entry - offsetof(struct wait, due));
        wait->fire(wait);
    }
    if (!uv_is_closing((uv_handle_t *)timer))
        arm(rt);
}

int runtime_init(struct runtime *rt, uv_loop_t *loop, const struct config *config, const struct clock *clock)
{
    const struct settings *s = config->settings;
    struct alarm_policy policy;
    *rt = (struct runtime){.loop = loop,
                           .clock = clock,
                           .config = config,
                           .routes = routes_ref(config->routes),
                           .duplicates = {s->duplicate_window_ms, s->duplicate}};
    due_init(&rt->waits);
    rt->stats = stats_new(clock_local_date(clock->wall_ms(clock)));
    rt->metrics = metrics_new();
    rt->alarm = alarm_policy_of(s, &policy, NULL) == 0 ? alarm_new(&policy) : NULL;
    if (!rt->stats || !rt->metrics || !rt->alarm || due_reserve(&rt->waits, STANDING_WAITS) != 0) {
        alarm_free(rt->alarm);
        metrics_free(rt->metrics);
        stats_free(rt->stats);
        routes_unref(rt->routes);
        *rt = (struct runtime){0}; /* nothing to close */
        return ERR_NOMEM;
    }
    uv_timer_init(loop, &rt->timer);
    rt->timer.data = rt;
    return 0;
}

void runtime_meter(struct runtime *rt)
{
    struct loop_meter *m = &rt->meter;
    uint64_t now = uv_hrtime(), idle = uv_metrics_idle_time(rt->loop);
    if (m->at_ns > 0) {
        uint64_t waited = idle - m->idle_ns, passed = now - m->at_ns, busy = passed > waited ? passed - waited : 0;
        m->busy_ns += busy;
        m->longest_ns = busy > m->longest_ns ? busy : m->longest_ns;
        metrics_turn(rt->metrics, busy);
        m->recent_ns = busy > m->recent_ns ? busy : m->recent_ns;
    }
    m->at_ns = now;
    m->idle_ns = idle;
}

void runtime_meter_signalled(struct runtime *rt)
{
    rt->meter.at_ns = uv_hrtime();
    rt->meter.idle_ns = uv_metrics_idle_time(rt->loop);
}

void runtime_close(struct runtime *rt)
{
    uv_close((uv_handle_t *)&rt->timer, NULL);
}

void runtime_fini(struct runtime *rt)
{
    due_fini(&rt->waits);
    alarm_free(rt->alarm);
    metrics_free(rt->metrics);
    stats_free(rt->stats);
    routes_unref(rt->routes);
}

int wait_set(struct runtime *rt, struct wait *wait, int64_t pause_ms, void (*fire)(struct wait *wait))
{
    assert(pause_ms >= 0);
    wait->fire = fire;
    int64_t earliest = due_sleep_ms(&rt->waits, runtime_now(rt));
    int rc = due_add(&rt->waits, &wait->due, runtime_now(rt) + pause_ms);
    if (rc == 0 && (earliest < 0 || pause_ms < earliest))
        arm(rt);
    return rc;
}

void wait_cancel(struct runtime *rt, struct wait *wait)
{
    due_remove(&rt->waits, &wait->due);
}
