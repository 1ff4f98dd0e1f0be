/* test_service.c: the whole service in this process, on a folder of its own and the real clock: started, fed, stopped by
 * a timer of the test. Nothing may be left in its loop, and no descriptor. */
#include "shunt/service/service.h"

#include "parts.h"

#define FAST        "[intake]\nsettle = 100ms\nsettle_complete = 10ms\nscan_interval = 200ms\n[delivery]\ndurability = none\n"
#define SWEEP       "[service]\ndrain_timeout = 1h\n" FAST "hang = 1h\n[retry]\nfirst = 10ms\nmax = 10ms\n"
#define DEADLINE_MS 20000
#define POLL_MS     5

/* Twenty times as fast, so that pauses of seconds do not make a sweep of hundreds of runs long. */
#define FASTER 20
static int64_t fast_mono(const struct clock *clock)
{
    (void)clock;
    return clock_real.mono_ms(&clock_real) * FASTER;
}
static int64_t fast_wall(const struct clock *clock)
{
    (void)clock;
    return clock_real.wall_ms(&clock_real);
}
static const struct clock clock_fast = {.mono_ms = fast_mono, .wall_ms = fast_wall};

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

static void on_poll(uv_timer_t *timer)
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

static struct service *start_by(struct scratch *s, bool once, const struct clock *clock)
{
    struct error e = {0};
    struct config *config = load_config(s);
    assert_non_null(config);
    struct service *service = service_new(config, clock, once, &e);
    if (!service)
        fail_msg("%s", e.text);
    return service;
}

static struct service *start(struct scratch *s, bool once)
{
    return start_by(s, once, &clock_real);
}

static void count_handle(uv_handle_t *handle, void *count)
{
    (void)handle;
    ++*(size_t *)count;
}

static void run_until(struct service *service, struct scratch *s, bool (*done)(struct watcher *w))
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

/* The first start makes what stays: libuv's threads and its signal pipe. */
static size_t descriptors_when_idle(struct scratch *s)
{
    struct service *service = start(s, true);
    service_run(service);
    service_free(service);
    return open_descriptors();
}

static size_t in_folder(struct scratch *s, const char *name)
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

static bool at_once(struct watcher *w)
{
    (void)w;
    return true;
}

static void it_starts_stops_and_leaves_nothing(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_TWO);
    size_t before = descriptors_when_idle(s);
    struct service *service = start(s, false);
    run_until(service, s, at_once);
    service_free(service);
    assert_int_equal(open_descriptors(), before);
    assert_true(exists(in(s, "hot")));
    assert_true(exists(in(s, "archive")));
    assert_true(exists(in(s, "failed")));
    assert_true(exists(in(s, "shunt.db")));
    assert_false(instance_alive(in(s, "under"), 0));
    log_close();
}

static bool one_is_through(struct watcher *w)
{
    return w->service->rt.ledger.delivered + w->service->rt.ledger.failed == 1;
}

static void what_lies_there_at_the_start_is_delivered(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_TWO);
    make_folder(s, "hot/RANK");
    put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
    struct service *service = start(s, false);
    run_until(service, s, one_is_through);
    service_free(service);
    assert_file(in(s, "archive/RANK/a.json"), TICKET("RANK"));
    assert_file(in(s, "out/a/a.json"), TICKET("RANK"));
    assert_file(in(s, "out/b/a.json"), TICKET("RANK"));
    assert_int_equal(in_folder(s, "hot/RANK"), 0);
    assert_int_equal(in_folder(s, "under/0/RANK"), 0);
    log_close();
}

static bool drop_and_wait(struct watcher *w)
{
    struct scratch *s = w->s;
    switch (w->step) {
    case 0:
        if (!w->service->scanner.number || w->service->scanner.full)
            return false;
        make_folder(s, "hot/NEW");
        put(in(s, "hot/NEW/a.json"), TICKET("NEW"));
        put(in(s, "hot/RANK/.b"), TICKET("RANK"));
        assert_int_equal(rename(in(s, "hot/RANK/.b"), in(s, "hot/RANK/b.json")), 0);
        put(in(s, "hot/RANK/bad.json"), "nonsense");
        put(in(s, "hot/root.json"), TICKET("RANK"));
        w->step++;
        return false;
    default:
        return w->service->rt.ledger.delivered == 2 && w->service->rt.ledger.failed == 2;
    }
}

static void what_is_dropped_is_delivered_or_failed(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_ONE);
    make_folder(s, "hot/RANK");
    struct service *service = start(s, false);
    run_until(service, s, drop_and_wait);
    int64_t difference;
    assert_true(ledger_balances(&service->rt.ledger, &difference));
    service_free(service);
    assert_file(in(s, "out/a/a.json"), TICKET("NEW"));
    assert_file(in(s, "out/a/b.json"), TICKET("RANK"));
    assert_int_equal(in_folder(s, "failed/RANK"), 2);
    assert_int_equal(in_folder(s, "failed"), 3); /* RANK, the ticket of the root and its reason */
    assert_int_equal(in_folder(s, "hot"), 2);
    log_close();
}

static bool crash_left_is_through(struct watcher *w)
{
    return w->service->rt.ledger.delivered == 3;
}

static void what_a_crash_left_in_underprocess_is_delivered_also_of_another_instance(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_ONE);
    make_folder(s, "under/0/RANK");
    make_folder(s, "under/5/RANK");
    make_folder(s, "hot/RANK");
    put(in(s, "under/0/RANK/a.json"), TICKET("RANK"));
    put(in(s, "under/5/RANK/b.json"), TICKET("RANK"));
    put(in(s, "hot/RANK/a.json"), TICKET("RANK") "\n"); /* a newer one of the same name */
    struct service *service = start(s, false);
    run_until(service, s, crash_left_is_through);
    service_free(service);
    assert_file(in(s, "out/a/a.json"), TICKET("RANK") "\n");
    assert_file(in(s, "out/a/b.json"), TICKET("RANK"));
    assert_int_equal(in_folder(s, "archive/RANK"), 3); /* both versions */
    log_close();
}

static bool hundreds_are_through(struct watcher *w)
{
    char path[64];
    while (w->step < 300) {
        snprintf(path, sizeof path, "hot/C%u/t%u.json", w->step % 7, w->step);
        make_folder(w->s, "hot/C0");
        char folder[32];
        snprintf(folder, sizeof folder, "hot/C%u", w->step % 7);
        make_folder(w->s, folder);
        char text[256];
        snprintf(text, sizeof text,
                 "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"C%u\",\"JobCategory\":\"X\"}}}", w->step % 7);
        put(in(w->s, path), text);
        if (++w->step % 50 == 0)
            return false;
    }
    return w->service->rt.ledger.delivered >= 300;
}

static void many_at_once_are_all_delivered_once(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST "concurrency = 2\n", ROUTES_TWO);
    struct service *service = start(s, false);
    run_until(service, s, hundreds_are_through);
    assert_int_equal(service->rt.ledger.delivered, 300);
    assert_int_equal(service->rt.ledger.returned, 0);
    service_free(service);
    assert_int_equal(in_folder(s, "out/a"), 300);
    assert_int_equal(in_folder(s, "out/b"), 300);
    log_close();
}

static bool stopped_while_it_waits(struct watcher *w)
{
    return w->service->rt.ledger.waiting == 1;
}

static void a_stop_leaves_what_waits_and_the_next_start_takes_it_up(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST "breaker_failures = 1\n[retry]\nfirst = 1h\nmax = 1h\n", ROUTES_TWO);
    make_folder(s, "hot/RANK");
    put(in(s, "hot/RANK/t.json"), TICKET("RANK"));
    make_folder(s, "out");
    put(in(s, "out/a"), "no folder");
    struct service *service = start(s, false);
    run_until(service, s, stopped_while_it_waits);
    service_free(service);
    assert_file(in(s, "under/0/RANK/t.json"), TICKET("RANK"));
    assert_file(in(s, "archive/RANK/t.json"), TICKET("RANK"));
    unlink(in(s, "out/a"));
    service = start(s, false);
    run_until(service, s, one_is_through);
    service_free(service);
    assert_file(in(s, "out/a/t.json"), TICKET("RANK"));
    assert_int_equal(in_folder(s, "out/b"), 1);
    assert_int_equal(in_folder(s, "archive/RANK"), 1);
    log_close();
}

static bool a_look_is_in_work(struct watcher *w)
{
    return w->service->intake.active > 0;
}

static void a_stop_finishes_what_is_being_looked_at(void **state)
{
    struct scratch *s = *state;
    char path[64];
    open_log(s);
    put_config(s, FAST, ROUTES_ONE);
    make_folder(s, "hot/RANK");
    for (unsigned i = 0; i < 600; i++) {
        snprintf(path, sizeof path, "hot/RANK/t%u.json", i);
        put(in(s, path), TICKET("RANK"));
    }
    struct service *service = start(s, false);
    run_until(service, s, a_look_is_in_work);
    assert_true(service->rt.ledger.delivered > 0);
    assert_int_equal(service->rt.ledger.in_work, 0);
    assert_int_equal(in_folder(s, "under/0/RANK"), 0);
    assert_int_equal(in_folder(s, "hot/RANK") + in_folder(s, "out/a"), 600);
    service_free(service);
    log_close();
}

static bool reloaded(struct watcher *w)
{
    struct scratch *s = w->s;
    switch (w->step) {
    case 0:
        put(in(s, "routes.ini"), "[destination c]\npath = out/c\n[route all]\nclient = *\nto = c\n");
        raise(SIGHUP);
        w->step++;
        return false;
    case 1:
        if (logged(s, "reloaded") == 0)
            return false;
        put(in(s, "routes.ini"), "[destination d]\n");
        raise(SIGHUP);
        w->step++;
        return false;
    case 2:
        if (logged(s, "reload_refused") == 0)
            return false;
        put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
        w->step++;
        return false;
    default:
        return one_is_through(w);
    }
}

static void a_reload_takes_good_routes_and_keeps_them_over_bad_ones(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_TWO);
    make_folder(s, "hot/RANK");
    struct service *service = start(s, false);
    run_until(service, s, reloaded);
    lanes_retire(&service->lanes);
    size_t lanes = 0;
    for (const struct lane *lane = service->lanes.lanes; lane; lane = lane->next)
        lanes++;
    assert_int_equal(lanes, 2); /* the archive and c */
    service_free(service);
    assert_file(in(s, "out/c/a.json"), TICKET("RANK"));
    assert_int_equal(in_folder(s, "out/a"), 0);
    assert_true(logged(s, "reload_fault") >= 1);
    log_close();
}

struct outcomes {
    unsigned delivered, failed;
};

static void on_outcome(void *user, const struct job *job, const char *failed_path)
{
    (void)job;
    struct outcomes *o = user;
    *(failed_path ? &o->failed : &o->delivered) += 1;
}

static void once_ends_by_itself_with_every_outcome(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST "[retry]\nfirst = 10ms\nmax = 10ms\n", ROUTES_TWO);
    make_folder(s, "hot/RANK");
    make_folder(s, "out");
    put(in(s, "out/b"), "no folder");
    put(in(s, "hot/RANK/good.json"), TICKET("RANK"));
    put(in(s, "hot/RANK/bad.json"), "{");
    put(in(s, "hot/RANK/not-asked.json"), TICKET("RANK"));
    struct outcomes o = {0};
    struct service *service = start(s, true);
    service->jobs.on_outcome = on_outcome;
    service->jobs.outcome_user = &o;
    assert_true(intake_see(&service->intake, "RANK", "good.json", WAY_ONCE, false, false));
    assert_true(intake_see(&service->intake, "RANK", "bad.json", WAY_ONCE, false, false));
    assert_int_equal(service_run(service), EXIT_DONE);
    service_free(service);
    assert_int_equal(o.delivered, 0);
    assert_int_equal(o.failed, 2);
    assert_file(in(s, "out/a/good.json"), TICKET("RANK"));
    assert_true(exists(in(s, "hot/RANK/not-asked.json")));
    unlink(in(s, "out/b"));
    service = start(s, true);
    service->jobs.on_outcome = on_outcome;
    service->jobs.outcome_user = &o;
    assert_true(intake_see(&service->intake, "RANK", "not-asked.json", WAY_ONCE, false, false));
    assert_true(intake_see(&service->intake, "RANK", "missing.json", WAY_ONCE, false, false));
    assert_int_equal(service_run(service), EXIT_DONE);
    service_free(service);
    assert_int_equal(o.delivered, 1);
    assert_int_equal(o.failed, 2);
    log_close();
}

static void a_service_that_never_runs_is_freed_whole(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_TWO);
    size_t before = descriptors_when_idle(s);
    service_free(start(s, false));
    assert_int_equal(open_descriptors(), before);
    log_close();
}

static void what_cannot_be_made_is_told_at_the_start(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    open_log(s);
    put_config(s, FAST, ROUTES_TWO);
    put(in(s, "archive"), "no folder");
    assert_null(service_new(load_config(s), &clock_real, false, &e));
    assert_non_null(strstr(e.text, "archive"));
    unlink(in(s, "archive"));
    put_config(s, FAST "[store]\nurl = carrier-pigeon:x\n", ROUTES_TWO);
    error_clear(&e);
    assert_null(service_new(load_config(s), &clock_real, false, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    log_close();
}

/* Whatever allocation fails while it is made: told, and nothing is left. */
static void no_memory_at_the_start_is_told(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_TWO);
    size_t before = descriptors_when_idle(s);
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct error e = {0};
        struct config *config = load_config(s);
        parts_fail_allocation(n);
        struct service *service = service_new(config, &clock_real, false, &e);
        failed = parts_failed();
        parts_fail_allocation(0);
        if (service)
            service_free(service);
        else
            assert_int_not_equal(e.code, 0);
        assert_int_equal(open_descriptors(), before);
    }
    log_close();
}

static bool three_are_through(struct watcher *w)
{
    const struct ledger *l = &w->service->rt.ledger;
    return l->delivered + l->failed >= 3 && l->in_work == 0 && l->waiting == 0 && w->service->intake.count == 0;
}

/* Whatever allocation fails while it runs: no ticket is lost, and each comes to its end. */
static void no_memory_while_it_runs_loses_nothing(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, SWEEP, ROUTES_TWO);
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        make_folder(s, "hot/RANK");
        put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
        put(in(s, "hot/RANK/b.json"), TICKET("RANK"));
        put(in(s, "hot/RANK/bad.json"), "nonsense");
        struct service *service = start_by(s, false, &clock_fast);
        parts_fail_allocation(n);
        run_until(service, s, three_are_through);
        failed = parts_failed();
        parts_fail_allocation(0);
        service_free(service);
        assert_int_equal(in_folder(s, "out/a"), 2);
        assert_int_equal(in_folder(s, "out/b"), 2);
        assert_int_equal(in_folder(s, "archive/RANK"), 2);
        assert_int_equal(in_folder(s, "failed/RANK"), 2);
        assert_int_equal(in_folder(s, "under/0/RANK"), 0);
        scratch_remove(in(s, "out"));
        scratch_remove(in(s, "archive"));
        scratch_remove(in(s, "failed"));
    }
    log_close();
}

/* Stands in for libuv's knowledge of the fast clock. */
static void on_tick(uv_timer_t *timer)
{
    struct service *service = timer->data;
    if (service->rt.timer.timer_cb && !service->closing)
        service->rt.timer.timer_cb(&service->rt.timer);
    if (service->closing)
        uv_close((uv_handle_t *)timer, NULL);
}

/* After the service's own turn, before the loop sleeps: where there is something to do, something must come to wake it. */
static bool sleeps_for_ever;
static void on_going_to_sleep(uv_prepare_t *prepare)
{
    const struct service *s = prepare->data;
    if (s->closing) {
        uv_close((uv_handle_t *)prepare, NULL);
        return;
    }
    bool wakes = s->rt.waits.count > 0 ||
                 s->intake.active + s->lanes.active + s->settle.remove.active + s->settle.aside.active > 0;
    sleeps_for_ever = sleeps_for_ever || !wakes;
}

static void watch_sleep(struct service *service, uv_prepare_t *prepare)
{
    uv_prepare_cb turn = service->before_poll.prepare_cb;
    sleeps_for_ever = false;
    uv_prepare_init(&service->loop, prepare);
    prepare->data = service;
    uv_prepare_stop(&service->before_poll); /* the last one started runs first */
    uv_prepare_start(prepare, on_going_to_sleep);
    uv_prepare_start(&service->before_poll, turn);
}

static void no_memory_in_once_loses_nothing_and_ends(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, SWEEP, ROUTES_TWO);
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        uv_timer_t tick;
        uv_prepare_t prepare;
        make_folder(s, "hot/RANK");
        put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
        struct service *service = start_by(s, true, &clock_fast);
        assert_true(intake_see(&service->intake, "RANK", "a.json", WAY_ONCE, false, false));
        uv_timer_init(&service->loop, &tick);
        tick.data = service;
        uv_timer_start(&tick, on_tick, POLL_MS, POLL_MS);
        watch_sleep(service, &prepare);
        parts_fail_allocation(n);
        alarm(DEADLINE_MS / 1000); /* it must end by itself */
        assert_int_equal(service_run(service), EXIT_DONE);
        alarm(0);
        assert_false(sleeps_for_ever);
        failed = parts_failed();
        parts_fail_allocation(0);
        service_free(service);
        assert_int_equal(in_folder(s, "out/a") + in_folder(s, "under/0/RANK") + in_folder(s, "hot/RANK"), 1);
        scratch_remove(in(s, "out"));
        scratch_remove(in(s, "archive"));
        scratch_remove(in(s, "under"));
        scratch_remove(in(s, "hot"));
    }
    log_close();
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_starts_stops_and_leaves_nothing),
        T(what_lies_there_at_the_start_is_delivered),
        T(what_is_dropped_is_delivered_or_failed),
        T(what_a_crash_left_in_underprocess_is_delivered_also_of_another_instance),
        T(many_at_once_are_all_delivered_once),
        T(a_stop_leaves_what_waits_and_the_next_start_takes_it_up),
        T(a_stop_finishes_what_is_being_looked_at),
        T(a_reload_takes_good_routes_and_keeps_them_over_bad_ones),
        T(once_ends_by_itself_with_every_outcome),
        T(a_service_that_never_runs_is_freed_whole),
        T(what_cannot_be_made_is_told_at_the_start),
        T(no_memory_at_the_start_is_told),
        T(no_memory_while_it_runs_loses_nothing),
        T(no_memory_in_once_loses_nothing_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
