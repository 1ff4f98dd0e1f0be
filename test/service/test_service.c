/* test_service.c: the whole service in this process, on a folder of its own and the real clock: started, fed, stopped by
 * a timer of the test. Nothing may be left in its loop, and no descriptor. */
#include "shunt/service/reload.h"
#include "shunt/service/service.h"
#include "shunt/service/snapshot.h"
#include "shunt/service/upkeep.h"

#include "parts.h"

#define FAST        "[intake]\nsettle = 100ms\nsettle_complete = 10ms\nscan_interval = 200ms\n[delivery]\ndurability = none\n"
#define SWEEP       "[service]\ndrain_timeout = 1h\n" FAST "hang = 1h\n[retry]\nfirst = 10ms\nmax = 10ms\n"
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

static bool delivered_and_put_back(struct watcher *w)
{
    return w->service->rt.ledger.delivered == 1 && logged(w->s, "put_back") == 2;
}

static void what_is_no_file_leaves_underprocess_and_its_name_is_free(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_ONE);
    make_folder(s, "under/0/RANK/folder.json");
    make_folder(s, "hot/RANK");
    assert_int_equal(symlink("nowhere", in(s, "under/0/RANK/a.json")), 0);
    put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
    struct service *service = start(s, false);
    run_until(service, s, delivered_and_put_back);
    service_free(service);
    assert_file(in(s, "out/a/a.json"), TICKET("RANK"));
    assert_int_equal(in_folder(s, "under/0/RANK"), 0);
    assert_true(exists(in(s, "hot/RANK/folder.json")));
    assert_true(exists(in(s, "hot/RANK/a (not a file).json")));
    log_close();
}

#define LISTED_MOST 10 /* of a queue of 40 */

static bool sixty_are_through(struct watcher *w)
{
    size_t queued = w->service->intake.queued;
    assert_true(queued <= LISTED_MOST);
    return w->service->rt.ledger.delivered == 60;
}

static void what_a_listing_finds_leaves_most_of_the_queue_to_events(void **state)
{
    struct scratch *s = *state;
    char name[32];
    open_log(s);
    put_config(s, "[intake]\nqueue_limit = 40\nin_work_limit = 1\nbatch_size = 1\n[delivery]\ndurability = none\n",
               ROUTES_ONE);
    make_folder(s, "hot/RANK");
    for (unsigned i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "hot/RANK/%u.json", i);
        put(in(s, name), TICKET("RANK"));
    }
    struct service *service = start(s, false);
    run_until(service, s, sixty_are_through);
    service_free(service);
    assert_int_equal(in_folder(s, "out/a"), 60);
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
    SCARCE_SWEEP (n) {
        struct error e = {0};
        struct config *config = load_config(s);
        unlink(in(s, "shunt.db"));
        scarce_begin(n, 1);
        struct service *service = service_new(config, &clock_real, false, &e);
        bool hit = scarce_end();
        assert_int_equal(e.code, service ? 0 : ERR_NOMEM);
        assert_true(service || hit); /* SQLite gets by without some of what it asks for */
        assert_false(exists(in(s, "shunt.db.damaged-1")));
        service_free(service);
        assert_int_equal(open_descriptors(), before);
    }
    log_close();
}

/* It would be saved over by the next save. */
static void no_memory_at_the_start_does_not_lose_the_days_statistics(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_TWO);
    make_folder(s, "hot/RANK");
    put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
    struct service *service = start(s, false);
    run_until(service, s, one_is_through);
    service_free(service);
    SCARCE_SWEEP (n) {
        struct error e = {0};
        struct config *config = load_config(s);
        scarce_begin(n, 1);
        scarce_spare_json();
        service = service_new(config, &clock_real, false, &e);
        bool hit = scarce_end();
        assert_true(service || hit);
        if (service)
            assert_int_equal(stats_totals_of(service->rt.stats)->processed, 1);
        service_free(service);
    }
    service = start(s, false);
    assert_int_equal(stats_totals_of(service->rt.stats)->processed, 1);
    service_free(service);
    log_close();
}

/* Whatever allocation fails while it is described: the whole or nothing. */
static void no_memory_for_a_snapshot_makes_none(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_TWO);
    struct service *service = start(s, false);
    SCARCE_SWEEP (n) {
        scarce_begin(n, 1);
        json_t *snapshot = snapshot_of(service, "running");
        bool hit = scarce_end();
        assert_int_equal(snapshot == NULL, hit);
        if (snapshot)
            assert_int_equal(json_array_size(json_object_get(snapshot, "destinations")), 3);
        json_decref(snapshot);
    }
    service_free(service);
    log_close();
}

#define DAY_MS (24 * 3600 * INT64_C(1000))
static int64_t stepped_wall_ms;
static int64_t stepped_wall(const struct clock *clock)
{
    (void)clock;
    return stepped_wall_ms;
}
static const struct clock clock_stepped = {.mono_ms = fast_mono, .wall_ms = stepped_wall};

static void tick(struct service *service)
{
    upkeep_start(service->upkeep);
    storage_pump(&service->storage);
    while (!storage_idle(&service->storage))
        uv_run(&service->loop, UV_RUN_ONCE);
}

/* Whatever allocation fails when the day turns: it is told, whole and once, and the statistics are saved in the end. */
static void no_memory_at_the_days_end_does_not_lose_the_day(void **state)
{
    struct scratch *s = *state;
    open_log(s);
    put_config(s, FAST, ROUTES_TWO);
    stepped_wall_ms = clock_real.wall_ms(&clock_real);
    struct service *service = start_by(s, false, &clock_stepped);
    stepped_wall_ms += DAY_MS;
    tick(service);
    size_t lines = logged(s, "day_ended");
    assert_true(lines > 0);
    SCARCE_SWEEP (n) {
        uint64_t lost = log_dropped();
        size_t told = logged(s, "day_ended");
        stepped_wall_ms += DAY_MS;
        scarce_begin(n, 1);
        tick(service);
        scarce_end();
        tick(service);
        assert_int_equal(logged(s, "day_ended") - told + log_dropped() - lost, lines);
        assert_int_equal(stats_date(service->rt.stats), clock_local_date(stepped_wall_ms));
    }
    service_free(service);
    log_close();
}

/* Whatever allocation fails while it reads anew: all of the new table or all of the old, and told which. */
static void no_memory_for_a_reload_keeps_the_routes_from_before(void **state)
{
    struct scratch *s = *state;
    const char *to = "a";
    open_log(s);
    put_config(s, FAST, ROUTES_ONE);
    struct service *service = start(s, false);
    SCARCE_SWEEP (n) {
        const char *other = to[0] == 'a' ? "c" : "a";
        char text[256];
        snprintf(text, sizeof text, "[destination %s]\npath = out/%s\n[route all]\nclient = *\nto = %s\n", other, other,
                 other);
        put(in(s, "routes.ini"), text);
        size_t done = logged(s, "reloaded"), refused = logged(s, "reload_refused");
        uint64_t lost = log_dropped();
        scarce_begin(n, 1);
        reload_request(service->reload);
        while (!reload_idle(service->reload))
            uv_run(&service->loop, UV_RUN_ONCE);
        bool hit = scarce_end();
        done = logged(s, "reloaded") - done;
        refused = logged(s, "reload_refused") - refused;
        lost = log_dropped() - lost;
        bool taken = strcmp(service->rt.routes->destinations[0].name, other) == 0;
        assert_true(taken || hit);
        assert_true(taken ? refused == 0 : done == 0);
        assert_int_equal(done + refused + lost > 0, true);
        assert_non_null(lanes_of(&service->lanes, service->rt.routes, 0));
        if (taken)
            to = other;
        assert_string_equal(service->rt.routes->destinations[0].name, to);
    }
    service_free(service);
    log_close();
}

/* Four tickets, one of them bad, one of a client who comes later, and between them a reload that alters a lane. */
static bool all_are_through(struct watcher *w)
{
    const struct ledger *l = &w->service->rt.ledger;
    struct scratch *s = w->s;
    bool idle = l->in_work == 0 && l->waiting == 0 && w->service->intake.count == 0;
    if (w->step == 0 && l->delivered + l->failed >= 3) {
        reload_request(w->service->reload);
        w->step++;
    } else if (w->step == 1 && reload_idle(w->service->reload)) {
        assert_int_equal(mkdir(in(s, "hot/NEW"), 0755), 0); /* the test's own memory is libc's */
        put(in(s, "hot/NEW/new.json"), TICKET("NEW"));
        w->step++;
    }
    return w->step == 2 && l->delivered + l->failed >= 4 && idle;
}

static void assert_conserved(struct scratch *s)
{
    static const char *const delivered[] = {"a.json", "b.json", "new.json"};
    char path[64];
    for (size_t i = 0; i < 3; i++)
        for (const char *to = "ab"; *to; to++) {
            snprintf(path, sizeof path, "out/%c/%s", *to, delivered[i]);
            assert_file(in(s, path), i == 0 ? TICKET("RANK") : i == 1 ? TICKET("CIBC") : TICKET("NEW"));
        }
    assert_int_equal(in_folder(s, "out/a"), 3);
    assert_int_equal(in_folder(s, "out/b"), 3);
    assert_int_equal(in_folder(s, "archive/RANK") + in_folder(s, "archive/CIBC") + in_folder(s, "archive/NEW"), 3);
    assert_int_equal(in_folder(s, "failed/RANK"), 2);
    assert_int_equal(in_folder(s, "hot/RANK") + in_folder(s, "hot/CIBC") + in_folder(s, "hot/NEW"), 0);
    assert_int_equal(in_folder(s, "under/0/RANK") + in_folder(s, "under/0/CIBC") + in_folder(s, "under/0/NEW"), 0);
}

/* Jansson's memory is none of a ticket's way; the sweeps over the snapshot and the day's end have it. */
static void run_short_of_memory(struct scratch *s, size_t n, size_t times)
{
    static const char *const used[] = {"hot", "out", "archive", "failed"};
    put_config(s, SWEEP, ROUTES_TWO);
    make_folder(s, "hot/RANK");
    make_folder(s, "hot/CIBC");
    put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
    put(in(s, "hot/CIBC/b.json"), TICKET("CIBC"));
    put(in(s, "hot/RANK/bad.json"), "nonsense");
    struct service *service = start_by(s, false, &clock_fast);
    put(in(s, "routes.ini"), ROUTES_TWO "[destination c]\npath = out/c\n");
    fill_waits(&service->rt, 2); /* the ticks never fail */
    scarce_begin(n, times);
    scarce_spare_json();
    run_until(service, s, all_are_through);
    scarce_end();
    service_free(service);
    assert_conserved(s);
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++)
        scratch_remove(in(s, used[i]));
}

/* Whatever allocation fails while it runs: no ticket is lost or there twice, and each comes to its end. */
static void no_memory_while_it_runs_loses_nothing(void **state)
{
    open_log(*state);
    SCARCE_SWEEP (n)
        run_short_of_memory(*state, n, 1);
    log_close();
}

#define IN_A_ROW 7

static void no_memory_for_a_while_loses_nothing(void **state)
{
    open_log(*state);
    SCARCE_SWEEP (n)
        run_short_of_memory(*state, 1 + (n - 1) * IN_A_ROW, IN_A_ROW);
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
    SCARCE_SWEEP (n) {
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
        scarce_begin(n, 1);
        alarm(DEADLINE_MS / 1000); /* it must end by itself */
        assert_int_equal(service_run(service), EXIT_DONE);
        alarm(0);
        assert_false(sleeps_for_ever);
        scarce_end();
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

/* Hundreds of services need not wait for a disk. */
static int setup_in_memory(void **state)
{
    bool there = access("/dev/shm", W_OK) == 0;
    return scratch_setup_at(state, there ? "/dev/shm/shunt-test-XXXXXX" : "/tmp/shunt-test-XXXXXX");
}
#define SWEEP_OF(f) cmocka_unit_test_setup_teardown(f, setup_in_memory, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_starts_stops_and_leaves_nothing),
        T(what_lies_there_at_the_start_is_delivered),
        T(what_is_dropped_is_delivered_or_failed),
        T(what_a_crash_left_in_underprocess_is_delivered_also_of_another_instance),
        T(what_is_no_file_leaves_underprocess_and_its_name_is_free),
        T(what_a_listing_finds_leaves_most_of_the_queue_to_events),
        T(many_at_once_are_all_delivered_once),
        T(a_stop_leaves_what_waits_and_the_next_start_takes_it_up),
        T(a_stop_finishes_what_is_being_looked_at),
        T(a_reload_takes_good_routes_and_keeps_them_over_bad_ones),
        T(once_ends_by_itself_with_every_outcome),
        T(a_service_that_never_runs_is_freed_whole),
        T(what_cannot_be_made_is_told_at_the_start),
        SWEEP_OF(no_memory_at_the_start_is_told),
        SWEEP_OF(no_memory_at_the_start_does_not_lose_the_days_statistics),
        SWEEP_OF(no_memory_for_a_snapshot_makes_none),
        SWEEP_OF(no_memory_at_the_days_end_does_not_lose_the_day),
        SWEEP_OF(no_memory_for_a_reload_keeps_the_routes_from_before),
        SWEEP_OF(no_memory_while_it_runs_loses_nothing),
        SWEEP_OF(no_memory_for_a_while_loses_nothing),
        SWEEP_OF(no_memory_in_once_loses_nothing_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
