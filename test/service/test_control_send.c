/* test_control_send.c: jobs and files that are sent to a whole service, and what it tells of them, without memory. */
#include "control.h"

#define SENT(key, name)                                                                                                \
    "|Idempotency-Key: " key "\r\n|{\"job_id\":\"" name                                                                \
    "\",\"username\":\"u\",\"campaign\":\"c\",\"ticket\":" TICKET("RANK") "}"

static void no_memory_for_what_is_told_of_jobs_is_no_harm(void **state)
{
    struct world w = world_new(*state);
    ask_short_of_memory(&w, "GET", "//job-status/nothing", "", 404, false);
    ask_short_of_memory(&w, "GET", "//batch-status/nothing", "", 404, false);
    ask_short_of_memory(&w, "GET", "//jobs/active", "", 200, false);
    ask_short_of_memory(&w, "GET", "//memory-stats", "", 200, false);
    ask_short_of_memory(&w, "GET", "//health", "", 200, false);
    ask_short_of_memory(&w, "GET", "//worker-stats", "", 200, false);
    ask_short_of_memory(&w, "POST", "//process-job", "{}", 422, true);
    ask_short_of_memory(&w, "POST", "//process-batch", "[{}]", 202, true);
    ask_short_of_memory(&w, "POST", "//upload/NOBODY?name=a.json", "x", 404, false);
    world_free(&w);
}

static void until_delivered(struct world *w, size_t count)
{
    while (w->service->rt.ledger.archived_only + w->service->rt.ledger.delivered < count || w->service->jobs.count > 0)
        turn(w, NULL);
    assert_int_equal(w->service->rt.ledger.archived_only + w->service->rt.ledger.delivered, count);
}

/* Sent again until it is taken: it is there once, whatever was answered. */
static void no_memory_while_a_job_is_sent_neither_loses_nor_doubles_it(void **state)
{
    struct world w = world_new(*state);
    size_t count = 0;
    SCARCE_SWEEP (n) {
        char body[1024];
        snprintf(body, sizeof body, SENT("k%zu", "s%zu"), n, n);
        rest(&w);
        scarce_begin(n, 1);
        scarce_spare_json();
        int status = ask(&w, "POST", "//process-job", body);
        bool hit = scarce_end();
        if (status != 202 && !(hit && (status == 503 || status == 0)))
            fail_msg("allocation %zu: %d", n, status);
        int again = ask(&w, "POST", "//process-job", body);
        if (again != 200 && !(status != 202 && again == 202))
            fail_msg("allocation %zu: %d, then %d", n, status, again);
        until_delivered(&w, ++count);
    }
    rest(&w);
    world_free(&w);
}

static void no_memory_while_a_file_is_sent_leaves_it_whole_or_not_at_all(void **state)
{
    struct world w = world_new(*state);
    SCARCE_SWEEP (n) {
        char target[64], file[64];
        snprintf(target, sizeof target, "//upload/RANK?name=f%zu.json", n);
        snprintf(file, sizeof file, "hot/RANK/f%zu.json", n);
        rest(&w);
        scarce_begin(n, 1);
        int status = ask(&w, "POST", target, TICKET("RANK"));
        bool hit = scarce_end();
        assert_true(status == 201 || (hit && (status == 503 || status == 0)));
        assert_true(exists(in(w.s, file)) || status != 201);
        int again = ask(&w, "POST", target, TICKET("RANK"));
        assert_true(again == 409 || (again == 201 && status != 201));
        assert_file(in(w.s, file), TICKET("RANK"));
    }
    world_free(&w);
}

int main(void)
{
    make_pool_of_one();
    const struct CMUnitTest tests[] = {
        T(no_memory_for_what_is_told_of_jobs_is_no_harm),
        T(no_memory_while_a_job_is_sent_neither_loses_nor_doubles_it),
        T(no_memory_while_a_file_is_sent_leaves_it_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
