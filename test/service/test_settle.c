/* test_settle.c: what becomes of the claimed original of what was delivered, and of either kind without memory. */
#include <sys/wait.h>

#include "settling.h"

/* Its deliveries are done: it goes to settle. */
static void deliver(struct job *job)
{
    for (size_t i = 0; i < job->n_deliveries; i++) {
        struct delivery *d = &job->deliveries[i];
        lanes_leave(d); /* out of the queue */
        d->lane->deliveries++;
        jobs_delivery_to(d, DELIVERY_ACTIVE);
        jobs_delivery_to(d, DELIVERY_DONE);
    }
    jobs_advance(job);
}

static void a_delivered_ticket_is_removed(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    deliver(begin(p));
    settle_now(p);
    assert_false(exists(in(*state, "under/0/RANK/t0.json")));
    assert_int_equal(p->jobs.count, 0);
    assert_int_equal(p->rt.ledger.delivered, 1);
    assert_int_equal(p->returned, 0);
    assert_balanced(p);
    parts_free(p);
}

static void many_are_removed_in_few_requests(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS "[intake]\nbatch_size = 7\n", ROUTES_ONE);
    for (int i = 0; i < 100; i++)
        deliver(begin(p));
    settle_now(p);
    assert_int_equal(entries(in(*state, "under/0/RANK")), 0);
    assert_int_equal(p->rt.ledger.delivered, 100);
    assert_balanced(p);
    parts_free(p);
}

static void what_was_written_to_meanwhile_is_returned_not_removed(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin(p);
    /* The claimed file is still open in its producer's hands: opening it again breaks our lease. */
    int writer = open(in(*state, "under/0/RANK/t0.json"), O_WRONLY | O_APPEND | O_NONBLOCK);
    if (writer < 0)
        assert_int_equal(errno, EWOULDBLOCK);
    deliver(job);
    settle_now(p);
    assert_true(exists(in(*state, "under/0/RANK/t0.json")));
    assert_int_equal(p->returned, 1);
    assert_int_equal(p->rt.ledger.returned, 1);
    assert_balanced(p);
    if (writer >= 0)
        close(writer);
    parts_free(p);
}

/* It waited in between, so that no lease tells. */
static void what_changed_while_it_waited_is_returned_not_removed(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin(p);
    source_close(&job->source);
    put(in(*state, "under/0/RANK/t0.json"), TICKET("RANK") " ");
    deliver(job);
    settle_now(p);
    assert_file(in(*state, "under/0/RANK/t0.json"), TICKET("RANK") " ");
    assert_int_equal(p->returned, 1);
    parts_free(p);
}

static void what_somebody_has_open_for_writing_is_returned_not_removed(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin(p);
    source_close(&job->source);
    int writer = open(in(*state, "under/0/RANK/t0.json"), O_WRONLY);
    deliver(job);
    settle_now(p);
    close(writer);
    assert_true(exists(in(*state, "under/0/RANK/t0.json")));
    assert_int_equal(p->returned, 1);
    parts_free(p);
}

static void what_waited_and_kept_still_is_removed(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin(p);
    source_close(&job->source);
    deliver(job);
    settle_now(p);
    assert_false(exists(in(*state, "under/0/RANK/t0.json")));
    assert_int_equal(p->rt.ledger.delivered, 1);
    parts_free(p);
}

static void what_somebody_took_away_is_done(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin(p), *waited = begin(p);
    source_close(&waited->source);
    scratch_remove(in(*state, "under/0/RANK"));
    deliver(job);
    deliver(waited);
    settle_now(p);
    assert_int_equal(p->jobs.count, 0);
    assert_int_equal(logged(*state, "settle_failed"), 0);
    assert_balanced(p);
    parts_free(p);
}

static void a_job_that_waits_for_another_try_is_freed_at_the_end(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    put(in(*state, "failed"), "not a folder");
    begin_text(p, "bad.json", "nonsense");
    settle_now(p);
    assert_int_equal(p->jobs.count, 1);
    parts_free(p); /* the leak check sees the rest */
}

/* Whatever allocations fail: each ticket is in underprocess or settled, and settled in the end. */
static void delay_by(struct scratch *s, size_t in_a_row)
{
    SCARCE_SWEEP (n) {
        struct parts *p = parts_new(s, SETTINGS, ROUTES_ONE);
        struct job *good = begin(p);
        begin_text(p, "bad.json", "nonsense");
        fill_waits(&p->rt, 0);
        scarce_begin(n, in_a_row);
        deliver(good);
        for (int i = 0; i < 5 && p->jobs.count > 0; i++) {
            for (int k = 0; k < 100 && !settle_idle(&p->settle); k++) {
                settle_pump(&p->settle);
                if (p->settle.remove.active + p->settle.aside.active > 0)
                    uv_run(&p->loop, UV_RUN_ONCE);
            }
            assert_int_equal(p->jobs.count,
                             exists(in(s, "under/0/RANK/t0.json")) + exists(in(s, "under/0/RANK/bad.json")));
            advance(p, 64000);
        }
        scarce_end();
        assert_int_equal(p->jobs.count, 0);
        assert_int_equal(p->rt.ledger.delivered, 1);
        assert_int_equal(p->rt.ledger.failed, 1);
        assert_string_equal(failed_text(s, false), "nonsense");
        assert_non_null(strstr(failed_text(s, true), "invalid JSON"));
        scratch_remove(in(s, "failed"));
        parts_free(p);
    }
}

static void no_memory_only_delays(void **state)
{
    delay_by(*state, 1);
    delay_by(*state, 3);
}

static void a_request_without_memory_wakes_the_loop_for_another(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    begin_text(p, "bad.json", "nonsense");
    scarce_begin(1, 1);
    settle_pump(&p->settle);
    assert_true(scarce_end());
    assert_int_equal(p->settle.remove.active + p->settle.aside.active, 0);
    assert_int_equal(p->rt.waits.count, 1);
    settle_now(p);
    assert_int_equal(p->jobs.count, 0);
    parts_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_delivered_ticket_is_removed),
        T(many_are_removed_in_few_requests),
        T(what_was_written_to_meanwhile_is_returned_not_removed),
        T(what_changed_while_it_waited_is_returned_not_removed),
        T(what_somebody_has_open_for_writing_is_returned_not_removed),
        T(what_waited_and_kept_still_is_removed),
        T(what_somebody_took_away_is_done),
        T(a_job_that_waits_for_another_try_is_freed_at_the_end),
        T(no_memory_only_delays),
        T(a_request_without_memory_wakes_the_loop_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
