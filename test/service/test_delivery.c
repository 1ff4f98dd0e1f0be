/* test_delivery.c: what is given to the lanes' requests, how they end, and what is tried again. */
#include "lanes.h"

static void a_lane_has_no_more_requests_at_once_than_its_limit(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    for (int i = 0; i < 10; i++)
        begin(p);
    archive_all(p);
    assert_int_equal(requests_of(a), 2);
    assert_int_equal(request_of(a)->count, 3);
    assert_int_equal(a->queued, 4);
    answer(p, request_of(a), 0);
    assert_int_equal(requests_of(a), 2);
    assert_int_equal(a->queued, 1);
    answer(p, request_of(a), 0);
    assert_int_equal(requests_of(a), 2);
    answer_all(p, a, 0);
    assert_int_equal(a->delivered, 10);
    assert_true(lanes_idle(&p->lanes));
    bench_free(p);
}

static void destinations_together_keep_to_their_share_of_the_pool_and_the_archive_has_its_own(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
    p->lanes.limit = 3;
    for (int i = 0; i < 12; i++)
        begin(p);
    lanes_pump(&p->lanes);
    assert_true(requests_of(p->lanes.archive) > 0);
    assert_int_equal(n_requests - requests_of(p->lanes.archive), 3);
    for (int i = 0; i < 100 && n_requests > 0; i++) {
        answer(p, requests[0], 0);
        assert_true(n_requests - requests_of(p->lanes.archive) <= 3);
    }
    assert_int_equal(lane_named(p, "a")->delivered, 12);
    assert_int_equal(lane_named(p, "b")->delivered, 12);
    assert_int_equal(p->lanes.archive->delivered, 12);
    bench_free(p);
}

static void a_failed_delivery_is_tried_again_after_its_pause_and_fails_at_the_limit(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
    struct lane *a = lane_named(p, "a"), *b = lane_named(p, "b");
    struct job *job = begin(p);
    archive_all(p);
    answer(p, request_of(b), 0);
    for (unsigned attempt = 1; attempt <= 3; attempt++) {
        assert_int_equal(requests_of(a), 1);
        assert_int_equal(job->state, JOB_DELIVERING);
        answer(p, request_of(a), ERR_IO);
        assert_int_equal(job->deliveries[1].attempts, attempt);
        if (attempt == 3)
            break;
        assert_int_equal(job->state, JOB_WAITING);
        assert_int_equal(job->source.fd, -1); /* nothing is held while it waits */
        assert_null(job->content.bytes);
        advance(p, 74);
        lanes_pump(&p->lanes);
        assert_int_equal(n_requests, 0);
        advance(p, 51);
        lanes_pump(&p->lanes);
    }
    assert_int_equal(job->state, JOB_FAILING);
    assert_non_null(strstr(job->error.text, "after 3 attempts"));
    assert_int_equal(n_requests, 0); /* b was not sent it again */
    assert_int_equal(b->delivered, 1);
    assert_int_equal(a->failures, 3);
    assert_ptr_equal(p->settle.aside.head, job);
    bench_free(p);
}

static void an_invalid_ticket_is_not_tried_again_and_does_not_count_against_the_place(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    for (int i = 0; i < 9; i++) {
        struct job *job = begin(p);
        archive_all(p);
        answer(p, request_of(a), ERR_CONFLICT);
        assert_int_equal(job->state, JOB_FAILING);
    }
    assert_int_equal(a->breaker.state, BREAKER_CLOSED);
    bench_free(p);
}

static void the_archive_is_tried_without_limit(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *archive = p->lanes.archive;
    archive->breaker_policy.failures = 0;
    struct job *job = begin(p);
    lanes_pump(&p->lanes);
    answer(p, request_of(lane_named(p, "a")), 0);
    for (int i = 0; i < 20; i++) {
        answer(p, request_of(archive), ERR_NOSPACE);
        assert_int_equal(job->state, JOB_WAITING);
        advance(p, 125);
        lanes_pump(&p->lanes);
    }
    answer(p, request_of(archive), 0);
    assert_int_equal(job->state, JOB_SETTLING);
    bench_free(p);
}

static void a_request_that_cannot_be_started_is_started_later(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    struct job *job = begin(p);
    archive_all(p);
    answer(p, request_of(a), 0);
    job = begin(p);
    driver_refuses = true;
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 0);
    assert_int_equal(job->state, JOB_DELIVERING);
    driver_refuses = false;
    assert_true(due_listed(&a->probe.due)); /* the loop is woken for it */
    advance(p, 1000);
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 2);
    bench_free(p);
}

static void an_original_that_changed_or_is_gone_ends_its_job_as_returned(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    const int codes[] = {ERR_CHANGED, ERR_GONE};
    for (size_t i = 0; i < 10; i++) {
        begin(p);
        archive_all(p);
        answer(p, request_of(a), codes[i % 2]);
        assert_int_equal(p->returned, i + 1);
        assert_int_equal(p->jobs.count, 0);
    }
    assert_int_equal(p->rt.ledger.returned, 10);
    assert_int_equal(a->failures, 0);
    assert_int_equal(a->deliveries, 0);
    int64_t difference;
    assert_true(ledger_balances(&p->rt.ledger, &difference));
    bench_free(p);
}

static void a_job_that_changed_waits_for_its_other_requests_and_leaves_their_queues(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
    struct lane *a = lane_named(p, "a"), *b = lane_named(p, "b");
    bring_down(p, b, 0);
    begin(p);
    archive_all(p);
    answer(p, request_of(a), ERR_CHANGED);
    assert_int_equal(p->returned, 0); /* b still reads it */
    answer(p, request_of(b), ERR_IO); /* and would wait for another try */
    assert_int_equal(p->returned, 1);
    advance(p, 10000);
    lanes_pump(&p->lanes);
    assert_int_equal(n_requests, 0);
    assert_int_equal(b->deliveries, 0);
    bench_free(p);
}

/* TICKET("RANK") and blanks. */
static struct job *begin_of_size(struct parts *p, const char *name, size_t len)
{
    char path[64], *text = malloc(len);
    memset(text, ' ', len);
    memcpy(text, TICKET("RANK"), strlen(TICKET("RANK")));
    snprintf(path, sizeof path, "hot/RANK/%s", name);
    put_bytes(in(p->s, path), text, len);
    free(text);
    struct job *job = take_up(p, name);
    assert_non_null(job);
    return job;
}

static void a_large_ticket_is_copied_from_where_it_lies(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    begin_of_size(p, "large.json", TAKE_KEEP_MAX + 1);
    archive_all(p);
    struct batch *batch = request_of(lane_named(p, "a"));
    assert_null(batch->items[0].bytes);
    assert_string_equal(batch->items[0].source, in(*state, "under/0/RANK/large.json"));
    assert_int_equal(batch->items[0].size, TAKE_KEEP_MAX + 1);
    bench_free(p);
}

static void of_many_tickets_in_hand_only_so_much_is_kept(void **state)
{
    struct parts *p = bench_new(state, SETTINGS, ROUTES_ONE);
    struct lane *a = lane_named(p, "a");
    const size_t room = JOBS_KEEP_MAX / TAKE_KEEP_MAX;
    size_t kept = 0;
    char name[32];
    for (size_t i = 0; i < room + 5; i++) {
        snprintf(name, sizeof name, "b%zu.json", i);
        kept += begin_of_size(p, name, TAKE_KEEP_MAX)->content.bytes != NULL;
    }
    assert_int_equal(kept, room);
    archive_all(p);
    answer_all(p, a, 0);
    assert_int_equal(a->delivered, room + 5);
    assert_non_null(begin_of_size(p, "later.json", TAKE_KEEP_MAX)->content.bytes);
    bench_free(p);
}

/* Whatever allocations fail on the way of a ticket: it is delivered in the end. */
static void delay_by(void **state, size_t in_a_row)
{
    SCARCE_SWEEP (n) {
        struct parts *p = bench_new(state, SETTINGS, ROUTES_TWO);
        char name[32], under[64];
        snprintf(name, sizeof name, "t.json");
        put(in(*state, "hot/RANK/t.json"), TICKET("RANK"));
        struct take_item item = ticket_item(name);
        struct take_batch batch = batch_of(p, &item);
        take_run(&batch);
        assert_int_equal(item.taken, TAKEN_CLAIMED);
        fill_waits(&p->rt, 0);
        scarce_begin(n, in_a_row);
        int rc = jobs_begin(&p->jobs, &item, p->rt.routes, WAY_REALTIME, 1, false);
        struct job *job = rc == 0 ? p->jobs.count > 0 ? p->lanes.archive->queue->job : NULL : NULL;
        for (int i = 0; rc == 0 && i < 10 && job->state != JOB_SETTLING; i++) {
            lanes_pump(&p->lanes);
            while (n_requests > 0)
                answer(p, requests[0], i == 0 ? ERR_IO : 0);
            advance(p, 1000);
        }
        scarce_end();
        if (rc == 0) {
            assert_int_equal(job->state, JOB_SETTLING);
        } else {
            assert_int_equal(p->jobs.count, 0);
            assert_int_equal(lane_named(p, "a")->deliveries, 0);
            assert_int_equal(p->rt.ledger.taken, 0);
        }
        snprintf(under, sizeof under, "under/0/RANK/t.json");
        assert_true(exists(in(*state, under)));
        unlink(in(*state, under));
        take_item_fini(&item);
        bench_free(p);
    }
}

static void no_memory_on_the_way_only_delays(void **state)
{
    delay_by(state, 1);
    delay_by(state, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_lane_has_no_more_requests_at_once_than_its_limit),
        T(destinations_together_keep_to_their_share_of_the_pool_and_the_archive_has_its_own),
        T(a_failed_delivery_is_tried_again_after_its_pause_and_fails_at_the_limit),
        T(an_invalid_ticket_is_not_tried_again_and_does_not_count_against_the_place),
        T(the_archive_is_tried_without_limit),
        T(a_request_that_cannot_be_started_is_started_later),
        T(an_original_that_changed_or_is_gone_ends_its_job_as_returned),
        T(a_job_that_changed_waits_for_its_other_requests_and_leaves_their_queues),
        T(a_large_ticket_is_copied_from_where_it_lies),
        T(of_many_tickets_in_hand_only_so_much_is_kept),
        T(no_memory_on_the_way_only_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
