/* test_recall_asked.c: tickets of which the store is asked only when they are taken up, or later: those of other instances,
 * and those that were taken up while it was away. */
#include "past.h"

static void turn_until_answered(struct parts *p)
{
    storage_pump(&p->storage);
    while (p->storage.active) {
        uv_run(&p->loop, UV_RUN_ONCE);
        storage_pump(&p->storage);
    }
}

/* Another instance's ticket lies in our underprocess: x.json of underprocess/1. */
static struct past *adopted(struct parts *p, bool known_at_start)
{
    struct past *past = past_of(p);
    snprintf(past->path, sizeof past->path, "%s/1/RANK/x.json", p->instance.root);
    if (known_at_start) { /* as it was then; it has got on since */
        past->deliveries[1].state = DELIVERY_WAITING;
        record_past(p, &past->row);
        past->deliveries[1].state = DELIVERY_DONE;
    }
    load(p);
    assert_true(p->recall.whole);
    p->recall.whole = false; /* as the scanner says when it has adopted */
    record_past(p, &past->row);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    return past;
}

static void what_another_instance_delivered_before_it_died_is_not_delivered_again(void **state)
{
    for (int known = 0; known < 2; known++) {
        struct faulty *f;
        struct parts *p = bench_new(state, &f);
        adopted(p, known != 0);
        struct job *job = take(p, true);
        assert_int_equal(job->state, JOB_TAKEN); /* it waits for the answer */
        turn_until_answered(p);
        assert_string_equal(job->id, ID);
        assert_int_equal(job->created_ms, OLDER_MS);
        assert_states(job, DELIVERY_DONE, DELIVERY_DONE, DELIVERY_QUEUED);
        assert_false(job->unsure);
        bench_free(p, f);
        assert_int_equal(unlink(in(*state, "under/0/RANK/x.json")), 0);
    }
}

/* Completed by an instance that died before it had removed it, and a newer version came through another one since. */
static void what_was_delivered_before_a_newer_version_is_not_delivered_again(void **state)
{
    for (int adopts = 0; adopts < 2; adopts++) {
        struct faulty *f;
        struct parts *p = bench_new(state, &f);
        if (adopts)
            load(p);
        put(in(p->s, "under/0/RANK/x.json"), TEXT);
        struct store_job *row = completed(p);
        record_past(p, row);
        row->id = "01990000-0000-7000-8000-000000000002";
        row->claim.inode++;
        row->sha256 = (const uint8_t *)"another version, of 32 bytes ...";
        record_past(p, row);
        if (!adopts)
            load(p);
        p->recall.whole = !adopts;
        struct job *job = take(p, true);
        turn_until_answered(p);
        assert_string_equal(job->id, ID);
        assert_states(job, DELIVERY_DONE, DELIVERY_DONE, DELIVERY_DONE);
        bench_free(p, f);
        (void)unlink(in(*state, "under/0/RANK/x.json"));
    }
}

static void what_another_instance_still_has_is_not_taken_for_ours(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    adopted(p, false);
    make_folder(p->s, "under/1/RANK");
    put(in(p->s, "under/1/RANK/x.json"), TEXT);
    struct job *job = take(p, true);
    turn_until_answered(p);
    assert_new(job);
    bench_free(p, f);
}

static void a_new_ticket_like_one_that_another_instance_had_at_our_start_is_another_job(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    adopted(p, true);
    assert_int_equal(unlink(in(p->s, "under/0/RANK/x.json")), 0); /* it was delivered by now; the next has its name */
    put(in(p->s, "hot/RANK/x.json"), TEXT);
    assert_new(take(p, false));
    bench_free(p, f);
}

static void one_that_was_taken_up_unknown_becomes_the_job_that_the_store_has(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    put(in(p->s, "under/0/RANK/x.json"), TEXT);
    struct store_job *row = completed(p);
    row->status = STATUS_PENDING;
    record_past(p, row);
    f->fails = ERR_NOSPACE;
    load(p);
    struct job *job = take(p, true);
    turn_until_answered(p); /* there is none */
    assert_true(job->unsure);
    assert_new(job);
    char was[JOB_ID_SIZE];
    memcpy(was, job->id, sizeof was);
    storage_add(&p->storage, record_of(job, STATUS_PENDING, NULL), NULL);
    f->fails = 0;
    advance(p, 30000);
    turn_until_answered(p);
    assert_string_equal(job->id, ID);
    struct error e = {0};
    json_t *page;
    const struct store_filter all = {.limit = 10};
    assert_int_equal(store_list(f->inner, &all, &page, &e), 0);
    assert_int_equal(json_array_size(json_object_get(page, "jobs")), 1);
    json_decref(page);
    assert_int_equal(logged(p->s, "known_again"), 1);
    bench_free(p, f);
}

static void another_file_than_the_store_knows_stays_a_job_of_its_own(void **state)
{
    struct faulty *f;
    struct parts *p = bench_new(state, &f);
    record_completed_of_another_file(p);
    f->fails = ERR_NOSPACE;
    load(p);
    struct job *job = take(p, true);
    turn_until_answered(p);
    storage_add(&p->storage, record_of(job, STATUS_PENDING, NULL), NULL);
    f->fails = 0;
    advance(p, 30000);
    turn_until_answered(p);
    assert_new(job);
    assert_int_equal(logged(p->s, "known_again"), 0);
    bench_free(p, f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_another_instance_delivered_before_it_died_is_not_delivered_again),
        T(what_was_delivered_before_a_newer_version_is_not_delivered_again),
        T(what_another_instance_still_has_is_not_taken_for_ours),
        T(a_new_ticket_like_one_that_another_instance_had_at_our_start_is_another_job),
        T(one_that_was_taken_up_unknown_becomes_the_job_that_the_store_has),
        T(another_file_than_the_store_knows_stays_a_job_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
