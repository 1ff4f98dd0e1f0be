/* test_service_memory.c: whatever allocation of the whole service fails: it is told, and nothing is lost. */
#define SCARCE_STRIDE 3
#define FASTER        40

#include "shunt/service/reload.h"
#include "shunt/service/snapshot.h"
#include "shunt/service/upkeep.h"

#include "running.h"

/* Whatever allocation fails while it is made: told, and nothing is left. */
static void no_memory_at_the_start_is_told(void **state)
{
    struct scratch *s = *state;
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
}

/* It would be saved over by the next save. */
static void no_memory_at_the_start_does_not_lose_the_days_statistics(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST, ROUTES_TWO);
    make_folder(s, "hot/RANK");
    put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
    serve(s, one_is_through);
    SCARCE_SWEEP (n) {
        struct error e = {0};
        struct config *config = load_config(s);
        scarce_begin(n, 1);
        scarce_spare_json();
        struct service *service = service_new(config, &clock_real, false, &e);
        bool hit = scarce_end();
        assert_true(service || hit);
        if (service)
            assert_int_equal(stats_totals_of(service->rt.stats)->processed, 1);
        service_free(service);
    }
    struct service *service = start(s, false);
    assert_int_equal(stats_totals_of(service->rt.stats)->processed, 1);
    service_free(service);
}

/* Whatever allocation fails while it is described: the whole or nothing. */
static void no_memory_for_a_snapshot_makes_none(void **state)
{
    struct scratch *s = *state;
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
}

#define DAY_MS (24 * 3600 * INT64_C(1000))

/* No thread of the store allocates any more. */
static void wait_for_store(struct service *service)
{
    while (!storage_idle(&service->storage))
        uv_run(&service->loop, UV_RUN_ONCE);
}

static void tick(struct service *service)
{
    upkeep_start(service->upkeep);
    storage_pump(&service->storage);
    wait_for_store(service);
}

/* Whatever allocation fails when the day turns: it is told, whole and once, and the statistics are saved in the end. */
static void no_memory_at_the_days_end_does_not_lose_the_day(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST "[report]\nenabled = no\n", ROUTES_TWO);
    wall_now_ms = clock_real.wall_ms(&clock_real);
    struct service *service = start_by(s, false, &clock_set);
    wall_now_ms += DAY_MS;
    tick(service);
    size_t lines = logged(s, "day_ended");
    assert_true(lines > 0);
    SCARCE_SWEEP (n) {
        uint64_t lost = log_dropped();
        size_t told = logged(s, "day_ended");
        wall_now_ms += DAY_MS;
        while (service->holds.in_work) /* a worker may not allocate while the allocator is exchanged */
            uv_run(&service->loop, UV_RUN_ONCE);
        scarce_begin(n, 1);
        tick(service);
        scarce_end();
        tick(service);
        assert_int_equal(logged(s, "day_ended") - told + log_dropped() - lost, lines);
        assert_int_equal(stats_date(service->rt.stats), clock_local_date(wall_now_ms));
    }
    service_free(service);
}

/* Whatever allocation fails while it reads anew: all of the new table or all of the old, and told which. */
static void no_memory_for_a_reload_keeps_the_routes_from_before(void **state)
{
    struct scratch *s = *state;
    const char *to = "a";
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
        wait_for_store(service);
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
}

#define SWEEP                                                                                                          \
    "[service]\ndrain_timeout = 1h\n[intake]\nduplicate_window = 1h\nduplicate = skip\n" FAST                          \
    "hang = 1h\n[retry]\nfirst = 10ms\nmax = 10ms\n"

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

/* Each life goes on from the first one's store, so that the hundredth has no more to read than the second. */
static void give_a_past(struct scratch *s)
{
    if (exists(in(s, "past.db")))
        copy(in(s, "past.db"), in(s, "shunt.db"));
    else if (exists(in(s, "shunt.db")))
        copy(in(s, "shunt.db"), in(s, "past.db"));
}

/* Jansson's memory is none of a ticket's way; the sweeps over the snapshot and the day's end have it. */
static void run_short_of_memory(struct scratch *s, size_t n, size_t times)
{
    static const char *const used[] = {"hot", "out", "archive", "failed"};
    give_a_past(s);
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
    SCARCE_SWEEP (n)
        run_short_of_memory(*state, n, 1);
}

#define IN_A_ROW 7

static void no_memory_for_a_while_loses_nothing(void **state)
{
    SCARCE_SWEEP (n)
        run_short_of_memory(*state, 1 + (n - 1) * IN_A_ROW, IN_A_ROW);
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
}

static bool the_second_is_through(struct watcher *w)
{
    const struct ledger *l = &w->service->rt.ledger;
    return l->delivered + l->archived_only == 1 && l->in_work == 0;
}

/* Skipped, or, where the store could not be asked, delivered again. */
static void no_memory_for_a_duplicate_loses_nothing(void **state)
{
    struct scratch *s = *state;
    size_t skipped = 0;
    put_config(s, SWEEP, ROUTES_TWO);
    make_folder(s, "hot/RANK");
    put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
    struct service *first = start_by(s, false, &clock_fast);
    run_until(first, s, one_is_through);
    service_free(first);
    SCARCE_SWEEP (n) {
        give_a_past(s);
        scratch_remove(in(s, "out"));
        put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
        struct service *service = start_by(s, false, &clock_fast);
        fill_waits(&service->rt, 2);
        scarce_begin(n, 1);
        scarce_spare_json();
        run_until(service, s, the_second_is_through);
        bool hit = scarce_end(), was_skipped = service->rt.ledger.archived_only == 1;
        assert_true(was_skipped || hit);
        skipped += was_skipped;
        service_free(service);
        assert_int_equal(in_folder(s, "out/a") + in_folder(s, "out/b"), was_skipped ? 0 : 2);
        assert_file(in(s, "archive/RANK/a.json"), TICKET("RANK"));
        assert_int_equal(in_folder(s, "archive/RANK"), 1);
        assert_int_equal(in_folder(s, "hot/RANK") + in_folder(s, "under/0/RANK") + in_folder(s, "failed"), 0);
    }
    assert_true(skipped > 0);
}

static int setup_in_memory(void **state)
{
    int rc = scratch_setup_in_memory(state);
    if (rc == 0)
        open_log(*state);
    return rc;
}
#define SWEEP_OF(f) cmocka_unit_test_setup_teardown(f, setup_in_memory, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWEEP_OF(no_memory_at_the_start_is_told),
        SWEEP_OF(no_memory_at_the_start_does_not_lose_the_days_statistics),
        SWEEP_OF(no_memory_for_a_snapshot_makes_none),
        SWEEP_OF(no_memory_at_the_days_end_does_not_lose_the_day),
        SWEEP_OF(no_memory_for_a_reload_keeps_the_routes_from_before),
        SWEEP_OF(no_memory_while_it_runs_loses_nothing),
        SWEEP_OF(no_memory_for_a_while_loses_nothing),
        SWEEP_OF(no_memory_for_a_duplicate_loses_nothing),
        SWEEP_OF(no_memory_in_once_loses_nothing_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
