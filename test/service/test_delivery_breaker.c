/* test_delivery_breaker.c: places that are down or hang: what opens the breaker, and what closes it. */
#include "lanes.h"

static void the_breaker_opens_after_failures_in_a_row_and_a_probe_closes_it(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    struct job *opened_by = bring_down(p, a, 4), *later = begin(p);
    archive_all(p);
    assert_int_equal(a->breaker.state, BREAKER_OPEN);
    assert_int_equal(opened_by->deliveries[1].attempts, 0);
    assert_int_equal(later->state, JOB_WAITING);
    advance(p, 9999); /* those that failed before it opened are due meanwhile: they wait too */
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 0);
    assert_int_equal(a->queued, 5);
    advance(p, 1);
    lanes_pump(&p->lanes);
    assert_int_equal(requests_of(a), 1);
    assert_int_equal(request_of(a)->count, 1);
    answer(p, request_of(a), ERR_IO);
    assert_int_equal(a->breaker.state, BREAKER_OPEN);
    advance(p, 19999); /* twice as long */
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 0);
    advance(p, 1);
    lanes_pump(&p->lanes);
    answer(p, request_of(a), 0);
    assert_int_equal(a->breaker.state, BREAKER_CLOSED);
    answer_all(p, a, 0);
    assert_int_equal(a->delivered, 5);
    assert_int_equal(p->rt.ledger.waiting, 0);
    assert_int_equal(logged(*state, "destination_down"), 1);
    assert_int_equal(logged(*state, "destination_up"), 1);
    bench_free(p);
}

static void what_was_delivered_does_not_wait_for_a_place_that_goes_down(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
    struct lane *a = lane_named(p, "a"), *b = lane_named(p, "b");
    for (int i = 0; i < 8; i++) { /* delivered by a, while their jobs wait for b */
        begin(p);
        archive_all(p);
        answer_all(p, a, i < 4 ? 0 : ERR_IO);
    }
    assert_int_equal(a->breaker.state, BREAKER_OPEN);
    assert_int_equal(logged(*state, "destination_down"), 1);
    assert_non_null(strstr(get(in(*state, "log")), "a is down: 4 deliveries wait"));
    answer_all(p, b, 0);
    bench_free(p);
}

static void probes_are_not_counted_as_attempts(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    struct job *job = bring_down(p, a, 4);
    for (int i = 0; i < 20; i++) {
        advance(p, 30000);
        lanes_pump(&p->lanes);
        answer(p, request_of(a), ERR_NOPLACE);
    }
    assert_int_equal(job->deliveries[1].attempts, 0);
    assert_int_equal(job->state, JOB_WAITING);
    assert_int_equal(p->rt.ledger.waiting, 4);
    bench_free(p);
}

static void one_ticket_that_a_place_does_not_bear_cannot_keep_it_down(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    bring_down(p, a, 3);
    struct job *poison = bring_down(p, a, 1);
    for (int i = 0; i < 10 && a->breaker.state != BREAKER_CLOSED; i++) {
        advance(p, 30000);
        lanes_pump(&p->lanes);
        struct batch *probe = request_of(a);
        assert_non_null(probe);
        answer(p, probe, strcmp(probe->items[0].name, poison->name) == 0 ? ERR_IO : 0);
    }
    assert_int_equal(a->breaker.state, BREAKER_CLOSED);
    bench_free(p);
}

/* After a pause of ours it is tried again, with one ticket, and is up. */
static void assert_probed_and_up(struct parts *p, struct lane *a)
{
    advance(p, 1000);
    lanes_pump(&p->lanes);
    assert_int_equal(requests_of(a), 1);
    answer(p, request_of(a), 0);
    assert_int_equal(a->breaker.state, BREAKER_CLOSED);
}

static void a_probe_that_ran_out_of_our_memory_decides_nothing(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    bring_down(p, a, 4);
    advance(p, 10000);
    lanes_pump(&p->lanes);
    answer(p, request_of(a), ERR_NOMEM);
    assert_int_equal(n_requests, 0);
    assert_probed_and_up(p, a);
    bench_free(p);
}

static void our_own_shortage_is_no_failure_of_the_place_or_the_ticket(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    struct job *job = begin(p);
    archive_all(p);
    for (int i = 0; i < 10; i++) {
        answer(p, request_of(a), i % 3 == 0 ? ERR_NOMEM : i % 3 == 1 ? ERR_NOFILES : ERR_SOURCE);
        assert_int_equal(job->state, JOB_WAITING);
        advance(p, 1000);
        lanes_pump(&p->lanes);
    }
    answer(p, request_of(a), 0);
    assert_int_equal(job->state, JOB_SETTLING);
    assert_int_equal(job->deliveries[1].attempts, 0);
    assert_int_equal(a->failures, 0);
    bench_free(p);
}

static void a_probe_that_cannot_be_started_is_started_later(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    bring_down(p, a, 4);
    driver_refuses = true;
    advance(p, 10000);
    lanes_pump(&p->lanes);
    driver_refuses = false;
    assert_probed_and_up(p, a);
    bench_free(p);
}

static void a_place_that_hangs_gets_nothing_more_and_others_go_on(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
    struct lane *a = lane_named(p, "a"), *b = lane_named(p, "b");
    begin(p);
    archive_all(p);
    answer(p, request_of(b), 0);
    struct batch *hung = request_of(a);
    advance(p, 4999);
    assert_int_equal(a->hanging, 0);
    advance(p, 1);
    assert_int_equal(a->hanging, 1);
    assert_int_equal(logged(*state, "destination_hangs"), 1);
    begin(p);
    archive_all(p);
    assert_int_equal(requests_of(a), 1);
    answer_all(p, b, 0);
    assert_int_equal(b->delivered, 2);
    assert_true(lanes_idle(&p->lanes)); /* a stop does not wait for it */
    answer(p, hung, 0);
    assert_int_equal(a->hanging, 0);
    assert_int_equal(requests_of(a), 1);
    answer(p, request_of(a), 0);
    assert_int_equal(a->delivered, 2);
    assert_int_equal(logged(*state, "destination_answers"), 1);
    bench_free(p);
}

static void while_draining_no_place_that_is_down_is_tried(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    bring_down(p, a, 4);
    p->rt.draining = true;
    advance(p, 60000);
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 0);
    assert_true(lanes_idle(&p->lanes));
    bench_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_breaker_opens_after_failures_in_a_row_and_a_probe_closes_it),
        T(what_was_delivered_does_not_wait_for_a_place_that_goes_down),
        T(probes_are_not_counted_as_attempts),
        T(one_ticket_that_a_place_does_not_bear_cannot_keep_it_down),
        T(a_probe_that_ran_out_of_our_memory_decides_nothing),
        T(our_own_shortage_is_no_failure_of_the_place_or_the_ticket),
        T(a_probe_that_cannot_be_started_is_started_later),
        T(a_place_that_hangs_gets_nothing_more_and_others_go_on),
        T(while_draining_no_place_that_is_down_is_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
