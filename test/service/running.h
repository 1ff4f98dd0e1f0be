/* running.h: the whole service in this process, on a folder of its own: started, looked at by a timer of the test, stopped.
 * Nothing may be left in its loop. */
#ifndef SHUNT_TEST_RUNNING_H
#define SHUNT_TEST_RUNNING_H

#include "shunt/service/service.h"

#include "parts.h"

#define FAST        "[intake]\nsettle = 100ms\nsettle_complete = 10ms\nscan_interval = 200ms\n[delivery]\ndurability = none\n"
#define DEADLINE_MS 20000
#define POLL_MS     1

/* Looks every few milliseconds: done? Then the service is stopped. */
struct watcher {
    uv_timer_t timer;
    struct service *service;
    struct scratch *s;
    bool (*done)(struct watcher *w);
    uint64_t until_ns;
    bool in_time;
    unsigned step;
};

static inline void on_poll(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    uv_timer_t *waits = &w->service->rt.timer;
    if (waits->timer_cb) /* libuv does not know how fast the clock is */
        waits->timer_cb(waits);
    w->in_time = w->done(w);
    if (!w->in_time && uv_hrtime() < w->until_ns)
        return;
    uv_close((uv_handle_t *)timer, NULL);
    service_stop(w->service);
}

static inline struct service *start_by(struct scratch *s, bool once, const struct clock *clock)
{
    struct error e = {0};
    struct config *config = load_config(s);
    assert_non_null(config);
    struct service *service = service_new(config, clock, once, &e);
    if (!service)
        fail_msg("%s", e.text);
    return service;
}

static inline struct service *start(struct scratch *s, bool once)
{
    return start_by(s, once, &clock_real);
}

static inline void count_handle(uv_handle_t *handle, void *count)
{
    (void)handle;
    ++*(size_t *)count;
}

static inline void run_until(struct service *service, struct scratch *s, bool (*done)(struct watcher *w))
{
    struct watcher w = {.service = service, .s = s, .done = done, .until_ns = uv_hrtime() + DEADLINE_MS * 1000000ull};
    uv_timer_init(&service->loop, &w.timer);
    w.timer.data = &w;
    uv_timer_start(&w.timer, on_poll, POLL_MS, POLL_MS);
    assert_int_equal(service_run(service), EXIT_DONE);
    assert_true(w.in_time);
    size_t handles = 0;
    uv_walk(&service->loop, count_handle, &handles);
    assert_int_equal(handles, 0);
    assert_false(uv_loop_alive(&service->loop));
}

/* A service from its start until that is done. */
static inline void serve(struct scratch *s, bool (*done)(struct watcher *w))
{
    struct service *service = start(s, false);
    run_until(service, s, done);
    service_free(service);
}

/* The first start makes what stays: libuv's threads and its signal pipe. */
static inline size_t descriptors_when_idle(struct scratch *s)
{
    struct service *service = start(s, true);
    service_run(service);
    service_free(service);
    return open_descriptors();
}

static inline size_t in_folder(struct scratch *s, const char *name)
{
    size_t n = 0;
    DIR *dir = opendir(in(s, name));
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static inline bool one_is_through(struct watcher *w)
{
    return w->service->rt.ledger.delivered + w->service->rt.ledger.failed == 1;
}

static inline int setup(void **state)
{
    int rc = scratch_setup(state);
    if (rc == 0)
        open_log(*state);
    return rc;
}

static inline int teardown(void **state)
{
    log_close();
    return scratch_teardown(state);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
