/* test_service.c: the whole service on the real clock: started, fed, stopped. No descriptor may be left. */

#include "running.h"

static bool at_once(struct watcher *w)
{
    (void)w;
    return true;
}

static void it_starts_stops_and_leaves_nothing(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST, ROUTES_TWO);
    size_t before = descriptors_when_idle(s);
    serve(s, at_once);
    assert_int_equal(open_descriptors(), before);
    assert_true(exists(in(s, "hot")));
    assert_true(exists(in(s, "archive")));
    assert_true(exists(in(s, "failed")));
    assert_true(exists(in(s, "shunt.db")));
    assert_false(instance_alive(in(s, "under"), 0));
}

static void what_lies_there_at_the_start_is_delivered(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST, ROUTES_TWO);
    make_folder(s, "hot/RANK");
    put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
    serve(s, one_is_through);
    assert_file(in(s, "archive/RANK/a.json"), TICKET("RANK"));
    assert_file(in(s, "out/a/a.json"), TICKET("RANK"));
    assert_file(in(s, "out/b/a.json"), TICKET("RANK"));
    assert_int_equal(in_folder(s, "hot/RANK"), 0);
    assert_int_equal(in_folder(s, "under/0/RANK"), 0);
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
}

static bool crash_left_is_through(struct watcher *w)
{
    return w->service->rt.ledger.delivered == 3;
}

static void what_a_crash_left_in_underprocess_is_delivered_also_of_another_instance(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST, ROUTES_ONE);
    make_folder(s, "under/0/RANK");
    make_folder(s, "under/5/RANK");
    make_folder(s, "hot/RANK");
    put(in(s, "under/0/RANK/a.json"), TICKET("RANK"));
    put(in(s, "under/5/RANK/b.json"), TICKET("RANK"));
    put(in(s, "hot/RANK/a.json"), TICKET("RANK") "\n"); /* a newer one of the same name */
    serve(s, crash_left_is_through);
    assert_file(in(s, "out/a/a.json"), TICKET("RANK") "\n");
    assert_file(in(s, "out/a/b.json"), TICKET("RANK"));
    assert_int_equal(in_folder(s, "archive/RANK"), 3); /* both versions */
}

static bool delivered_and_put_back(struct watcher *w)
{
    return w->service->rt.ledger.delivered == 1 && logged(w->s, "put_back") == 2;
}

static void what_is_no_file_leaves_underprocess_and_its_name_is_free(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST, ROUTES_ONE);
    make_folder(s, "under/0/RANK/folder.json");
    make_folder(s, "hot/RANK");
    assert_int_equal(symlink("nowhere", in(s, "under/0/RANK/a.json")), 0);
    put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
    serve(s, delivered_and_put_back);
    assert_file(in(s, "out/a/a.json"), TICKET("RANK"));
    assert_int_equal(in_folder(s, "under/0/RANK"), 0);
    assert_true(exists(in(s, "hot/RANK/folder.json")));
    assert_true(exists(in(s, "hot/RANK/a (not a file).json")));
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
    put_config(s, FAST "concurrency = 2\n", ROUTES_TWO);
    struct service *service = start(s, false);
    run_until(service, s, hundreds_are_through);
    assert_int_equal(service->rt.ledger.delivered, 300);
    assert_int_equal(service->rt.ledger.returned, 0);
    service_free(service);
    assert_int_equal(in_folder(s, "out/a"), 300);
    assert_int_equal(in_folder(s, "out/b"), 300);
}

static bool stopped_while_it_waits(struct watcher *w)
{
    return w->service->rt.ledger.waiting == 1;
}

static void a_stop_leaves_what_waits_and_the_next_start_takes_it_up(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST "breaker_failures = 1\n[retry]\nfirst = 1h\nmax = 1h\n", ROUTES_TWO);
    make_folder(s, "hot/RANK");
    put(in(s, "hot/RANK/t.json"), TICKET("RANK"));
    make_folder(s, "out");
    put(in(s, "out/a"), "no folder");
    serve(s, stopped_while_it_waits);
    assert_file(in(s, "under/0/RANK/t.json"), TICKET("RANK"));
    assert_file(in(s, "archive/RANK/t.json"), TICKET("RANK"));
    unlink(in(s, "out/a"));
    serve(s, one_is_through);
    assert_file(in(s, "out/a/t.json"), TICKET("RANK"));
    assert_int_equal(in_folder(s, "out/b"), 1);
    assert_int_equal(in_folder(s, "archive/RANK"), 1);
}

static bool a_look_is_in_work(struct watcher *w)
{
    return w->service->intake.active > 0;
}

static void a_stop_finishes_what_is_being_looked_at(void **state)
{
    struct scratch *s = *state;
    char path[64];
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
}

static bool both_are_through(struct watcher *w)
{
    return w->service->rt.ledger.delivered == 2 && w->service->jobs.count == 0;
}

/* A newer file of a name that lies in underprocess has to wait, and there is no memory to wait in. */
static void without_memory_a_name_that_must_wait_does_not_hold_up_the_loop(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST, ROUTES_ONE);
    SCARCE_SWEEP (n) {
        make_folder(s, "hot/RANK");
        make_folder(s, "under/0/RANK");
        put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
        put(in(s, "under/0/RANK/a.json"), TICKET("RANK"));
        struct service *service = start_by(s, false, &clock_fast);
        assert_true(intake_see(&service->intake, "RANK", "a.json", WAY_REALTIME, true, false));
        assert_true(intake_see(&service->intake, "RANK", "a.json", WAY_REALTIME, false, false));
        fill_waits(&service->rt, 0);
        scarce_begin(n, SCARCE_FOR_EVER);
        alarm(DEADLINE_MS / 1000);
        intake_pump(&service->intake);
        alarm(0);
        scarce_end();
        run_until(service, s, both_are_through);
        service_free(service);
    }
}

static void a_service_that_never_runs_is_freed_whole(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST, ROUTES_TWO);
    size_t before = descriptors_when_idle(s);
    service_free(start(s, false));
    assert_int_equal(open_descriptors(), before);
}

static void what_cannot_be_made_is_told_at_the_start(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    put_config(s, FAST, ROUTES_TWO);
    put(in(s, "archive"), "no folder");
    assert_null(service_new(load_config(s), &clock_real, false, &e));
    assert_non_null(strstr(e.text, "archive"));
    unlink(in(s, "archive"));
    put_config(s, FAST "[store]\nurl = carrier-pigeon:x\n", ROUTES_TWO);
    error_clear(&e);
    assert_null(service_new(load_config(s), &clock_real, false, &e));
    assert_int_equal(e.code, ERR_CONFIG);
}

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
        T(without_memory_a_name_that_must_wait_does_not_hold_up_the_loop),
        T(a_service_that_never_runs_is_freed_whole),
        T(what_cannot_be_made_is_told_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
