/* test_storage.c: the lane to the store by itself: batches, order, and what happens while the store fails or hangs. */
#include "faulty.h"

#define SETTINGS "[store]\nurl = memory:\n"

/* Jobs that wait: only that the storage names them matters. */
static struct job waiting[32];
static unsigned went_on[32];
static size_t n_went_on;

static void on_recorded(struct job *job)
{
    assert_true(n_went_on < 32);
    went_on[n_went_on++] = (unsigned)(job - waiting);
}

struct bench {
    struct parts *p;
    struct storage *st;
    struct faulty *store;
    unsigned next; /* number of the next record */
};

static struct bench bench_new(void **state, const char *settings)
{
    struct bench b = {.p = parts_new(*state, settings, ROUTES_ONE)};
    b.st = &b.p->storage;
    b.st->recorded = on_recorded;
    b.store = faulty_new(b.p);
    n_went_on = 0;
    return b;
}

static void bench_free(struct bench *b)
{
    faulty_hang(b->store, false);
    parts_free(b->p);
    assert_null(b->store->inner);
    free(b->store);
}

static struct record *new_record(struct bench *b)
{
    char id[JOB_ID_SIZE], name[16];
    snprintf(id, sizeof id, "01990000-0000-7000-8000-%012u", b->next);
    snprintf(name, sizeof name, "%u", b->next++);
    struct store_job row = {.id = id,
                            .folder = "RANK",
                            .name = name,
                            .status = STATUS_COMPLETED,
                            .created_ms = 1770388246000,
                            .completed_ms = 1770388246000};
    struct record *r = record_copy(&row);
    assert_non_null(r);
    return r;
}

static void add(struct bench *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        storage_add(b->st, new_record(b), NULL);
}

/* Turns until nothing is in work. */
static void settle(struct bench *b)
{
    storage_pump(b->st);
    while (b->st->active) {
        uv_run(&b->p->loop, UV_RUN_ONCE);
        storage_pump(b->st);
    }
}

static void assert_in_order(const struct bench *b, size_t count)
{
    assert_int_equal(b->store->recorded, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(b->store->order[i], i);
}

static void records_are_written_in_their_order_a_batch_at_a_time(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    add(&b, 1200);
    assert_false(storage_idle(b.st));
    settle(&b);
    assert_in_order(&b, 1200);
    assert_int_equal(b.store->n_batches, 3);
    assert_int_equal(b.store->batches[0], 500);
    assert_int_equal(b.store->batches[2], 200);
    assert_true(storage_idle(b.st));
    bench_free(&b);
}

static void what_comes_while_a_batch_is_written_shares_the_next(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    faulty_hang(b.store, true);
    add(&b, 1);
    storage_pump(b.st);
    add(&b, 1);
    storage_pump(b.st);
    add(&b, 2);
    storage_pump(b.st);
    faulty_hang(b.store, false);
    settle(&b);
    assert_int_equal(b.store->n_batches, 2);
    assert_int_equal(b.store->batches[1], 3);
    assert_in_order(&b, 4);
    bench_free(&b);
}

static void a_job_goes_on_once_its_record_is_in_the_store(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    faulty_hang(b.store, true);
    assert_true(storage_add(b.st, new_record(&b), &waiting[0]));
    assert_false(storage_add(b.st, new_record(&b), NULL));
    assert_false(storage_add(b.st, NULL, &waiting[1])); /* no memory for a record: nothing to wait for */
    storage_pump(b.st);
    faulty_wait_inside(b.store);
    uv_run(&b.p->loop, UV_RUN_NOWAIT);
    assert_int_equal(n_went_on, 0);
    faulty_hang(b.store, false);
    settle(&b);
    assert_int_equal(n_went_on, 1);
    assert_int_equal(went_on[0], 0);
    bench_free(&b);
}

static void a_failing_store_holds_up_no_job_and_catches_up_in_order(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    b.store->fails = ERR_NOSPACE;
    for (unsigned i = 0; i < 3; i++)
        assert_true(storage_add(b.st, new_record(&b), &waiting[i]));
    settle(&b);
    assert_int_equal(n_went_on, 3);
    assert_true(b.st->degraded);
    assert_int_equal(b.st->why.code, ERR_NOSPACE);
    assert_true(storage_idle(b.st)); /* a stop does not wait for it */
    assert_false(storage_add(b.st, new_record(&b), &waiting[3]));
    add(&b, 600);
    advance(b.p, 1000);
    settle(&b);
    assert_int_equal(n_went_on, 3);
    b.store->fails = 0;
    advance(b.p, 2000);
    settle(&b);
    assert_in_order(&b, 604);
    assert_false(b.st->degraded);
    assert_int_equal(logged(b.p->s, "store_failed"), 1);
    assert_int_equal(logged(b.p->s, "store_back"), 1);
    assert_int_equal(logged(b.p->s, "store_lost"), 0);
    assert_true(storage_add(b.st, new_record(&b), &waiting[4])); /* jobs wait for it again */
    settle(&b);
    assert_int_equal(went_on[3], 4);
    bench_free(&b);
}

static void a_failing_store_is_tried_with_growing_pauses(void **state)
{
    static const int64_t pauses_ms[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct bench b = bench_new(state, SETTINGS);
    b.store->fails = ERR_BUSY; /* locked by another process */
    add(&b, 1);
    settle(&b);
    for (unsigned i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
        assert_int_equal(b.store->tries, i + 1);
        advance(b.p, pauses_ms[i] - 1);
        settle(&b);
        assert_int_equal(b.store->tries, i + 1);
        advance(b.p, 1);
        settle(&b);
    }
    b.store->fails = 0;
    advance(b.p, 30000);
    settle(&b);
    assert_in_order(&b, 1);
    b.store->fails = ERR_BUSY; /* and then again from the shortest on */
    add(&b, 1);
    settle(&b);
    unsigned tries = b.store->tries;
    advance(b.p, 1000);
    settle(&b);
    assert_int_equal(b.store->tries, tries + 1);
    bench_free(&b);
}

static void records_that_find_no_room_are_counted_and_told(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    b.store->fails = ERR_NOSPACE;
    b.store->forgets = true;
    add(&b, 1);
    settle(&b);
    add(&b, STORAGE_RECORDS_MAX + 6);
    assert_int_equal(b.st->queued, STORAGE_RECORDS_MAX);
    assert_int_equal(b.st->lost, 7);
    b.store->fails = 0;
    advance(b.p, 1000);
    storage_pump(b.st);
    while (!(b.st->queued == 0 && storage_idle(b.st))) {
        uv_run(&b.p->loop, UV_RUN_ONCE);
        storage_pump(b.st);
    }
    assert_in_order(&b, STORAGE_RECORDS_MAX); /* the oldest stay */
    assert_int_equal(logged(b.p->s, "store_lost"), 1);
    assert_int_equal(b.st->lost, 0);
    bench_free(&b);
}

/* A job's n-th change of state: what goes without saying, and what happened now. */
static void change(struct bench *b, struct job *job, int n)
{
    char error[32];
    snprintf(error, sizeof error, "attempt %d", n);
    const struct store_event events[] = {{.at_ms = 1770388246000, .event = "claimed"},
                                         {.at_ms = 1770388246000 + n, .event = "attempt_failed", .text = error}};
    const struct store_job row = {.id = "01990000-0000-7000-8000-00000000000f",
                                  .folder = "RANK",
                                  .name = "7",
                                  .status = STATUS_PENDING,
                                  .created_ms = 1770388246000,
                                  .error = error,
                                  .events = events,
                                  .n_events = 2};
    struct record *r = record_copy(&row);
    assert_non_null(r);
    r->owner = job;
    storage_add(b->st, r, NULL);
}

static json_t *shown(struct bench *b)
{
    json_t *job = NULL;
    struct error e = {0};
    assert_int_equal(store_show(b->store->inner, "01990000-0000-7000-8000-00000000000f", &job, &e), 0);
    return job;
}

static void a_job_that_changes_often_while_the_store_is_away_waits_as_one_record_with_its_whole_story(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    struct job flapping = {.n_deliveries = 0};
    b.store->fails = ERR_NOSPACE;
    add(&b, 1);
    settle(&b);
    for (int n = 1; n <= 100; n++)
        change(&b, &flapping, n);
    add(&b, 1);
    change(&b, &flapping, 101);
    assert_int_equal(b.st->queued, 3);
    b.store->fails = 0;
    advance(b.p, 1000);
    settle(&b);
    assert_null(flapping.record);
    assert_int_equal(b.store->recorded, 3);
    assert_int_equal(b.store->order[1], 7); /* it kept its place */
    json_t *job = shown(&b), *events = json_object_get(job, "events");
    assert_int_equal(json_array_size(events), 102);
    assert_string_equal(json_string_value(json_object_get(job, "error_message")), "attempt 101");
    for (size_t i = 1; i < 102; i++) {
        char text[32];
        snprintf(text, sizeof text, "attempt %zu", i);
        assert_string_equal(json_string_value(json_object_get(json_array_get(events, i), "text")), text);
    }
    json_decref(job);
    bench_free(&b);
}

static void what_a_job_becomes_while_its_record_is_written_is_written_after_it(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    struct job job = {.n_deliveries = 0};
    faulty_hang(b.store, true);
    change(&b, &job, 1);
    storage_pump(b.st);
    faulty_wait_inside(b.store);
    change(&b, &job, 2);
    change(&b, &job, 3);
    assert_int_equal(b.st->queued, 1);
    faulty_hang(b.store, false);
    settle(&b);
    json_t *json = shown(&b);
    assert_int_equal(json_array_size(json_object_get(json, "events")), 4);
    assert_string_equal(json_string_value(json_object_get(json, "error_message")), "attempt 3");
    json_decref(json);
    assert_null(job.record);
    bench_free(&b);
}

static void of_a_very_long_story_the_first_and_the_newest_stay(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    struct job flapping = {.n_deliveries = 0};
    b.store->fails = ERR_NOSPACE;
    add(&b, 1);
    settle(&b);
    for (int n = 1; n <= 2000; n++)
        change(&b, &flapping, n);
    assert_int_equal(flapping.record->row.n_events, 500);
    assert_string_equal(flapping.record->row.events[0].event, "claimed");
    assert_string_equal(flapping.record->row.events[499].text, "attempt 2000");
    bench_free(&b);
    assert_null(flapping.record);
}

static void a_store_that_hangs_lets_jobs_go_on_after_a_while(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    faulty_hang(b.store, true);
    storage_add(b.st, new_record(&b), &waiting[0]);
    storage_pump(b.st);
    faulty_wait_inside(b.store);
    storage_add(b.st, new_record(&b), &waiting[1]);
    advance(b.p, 9999);
    assert_int_equal(n_went_on, 0);
    advance(b.p, 1);
    assert_int_equal(n_went_on, 2);
    assert_true(b.st->degraded);
    assert_non_null(strstr(b.st->why.text, "has not answered"));
    assert_false(storage_idle(b.st)); /* its request is still out: a stop waits for it, as long as stops wait */
    faulty_hang(b.store, false);
    settle(&b);
    assert_in_order(&b, 2);
    assert_int_equal(n_went_on, 2); /* each once */
    assert_false(b.st->degraded);
    assert_int_equal(logged(b.p->s, "store_back"), 1);
    bench_free(&b);
}

static void a_store_that_is_damaged_is_opened_anew_and_told_all_of_the_batch(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    b.store->fails = ERR_SYNTAX;
    add(&b, 2);
    storage_add(b.st, new_record(&b), &waiting[0]);
    settle(&b);
    assert_null(b.store->inner); /* closed */
    assert_ptr_not_equal(b.st->store, &b.store->store);
    json_t *totals;
    struct error e = {0};
    assert_int_equal(store_totals(b.st->store, &totals, &e), 0);
    assert_int_equal(json_integer_value(json_object_get(totals, "completed")), 3);
    json_decref(totals);
    assert_int_equal(n_went_on, 1);
    assert_false(b.st->degraded);
    bench_free(&b);
}

static void of_snapshots_that_wait_the_newest_is_saved(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    struct error e = {0};
    json_t *saved;
    storage_save(b.st, json_pack("{s:i}", "n", 1));
    storage_save(b.st, json_pack("{s:i}", "n", 2));
    settle(&b);
    assert_int_equal(b.store->saved, 1);
    assert_int_equal(store_load_snapshot(b.store->inner, 0, &saved, &e), 0);
    assert_int_equal(json_integer_value(json_object_get(saved, "n")), 2);
    json_decref(saved);
    bench_free(&b);
}

static size_t kept(const struct bench *b)
{
    json_t *totals;
    struct error e = {0};
    assert_int_equal(store_totals(b->store->inner, &totals, &e), 0);
    size_t count = (size_t)json_integer_value(json_object_get(totals, "completed"));
    json_decref(totals);
    return count;
}

static void old_jobs_are_removed_when_it_is_time(void **state)
{
    struct bench b = bench_new(state, SETTINGS "keep_rows = 5\n");
    add(&b, 20);
    settle(&b); /* due at the start, with the first batch */
    assert_int_equal(kept(&b), 5);
    add(&b, 1);
    settle(&b);
    assert_int_equal(kept(&b), 6);
    storage_retain(b.st);
    settle(&b);
    assert_int_equal(kept(&b), 5);
    bench_free(&b);
}

static void at_the_stop_all_that_waits_is_written(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    add(&b, 1200);
    storage_last(b.st, json_pack("{s:s}", "state", "stopped"));
    assert_in_order(&b, 1200);
    assert_int_equal(b.store->saved, 1);
    assert_true(storage_idle(b.st));
    bench_free(&b);
}

static void at_the_stop_a_store_that_was_away_is_tried_at_once(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    b.store->fails = ERR_NOSPACE;
    add(&b, 700);
    settle(&b);
    b.store->fails = 0;
    storage_last(b.st, json_object());
    assert_in_order(&b, 700);
    bench_free(&b);
}

static void at_the_stop_a_failing_store_is_tried_once_and_what_is_lost_is_told(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    b.store->fails = ERR_NOSPACE;
    add(&b, 700);
    storage_last(b.st, json_object());
    assert_int_equal(b.store->tries, 1);
    assert_int_equal(logged(b.p->s, "store_lost"), 1);
    assert_true(storage_idle(b.st));
    bench_free(&b);
}

static void without_memory_nothing_is_lost(void **state)
{
    struct bench b = bench_new(state, SETTINGS);
    size_t count = 0;
    SCARCE_SWEEP (n) {
        add(&b, 2);
        count += 2;
        scarce_begin(n, 1);
        settle(&b);
        scarce_end();
        advance(b.p, 30000);
        settle(&b);
        assert_in_order(&b, count);
    }
    bench_free(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(records_are_written_in_their_order_a_batch_at_a_time),
        T(what_comes_while_a_batch_is_written_shares_the_next),
        T(a_job_goes_on_once_its_record_is_in_the_store),
        T(a_failing_store_holds_up_no_job_and_catches_up_in_order),
        T(a_failing_store_is_tried_with_growing_pauses),
        T(records_that_find_no_room_are_counted_and_told),
        T(a_job_that_changes_often_while_the_store_is_away_waits_as_one_record_with_its_whole_story),
        T(what_a_job_becomes_while_its_record_is_written_is_written_after_it),
        T(of_a_very_long_story_the_first_and_the_newest_stay),
        T(a_store_that_hangs_lets_jobs_go_on_after_a_while),
        T(a_store_that_is_damaged_is_opened_anew_and_told_all_of_the_batch),
        T(of_snapshots_that_wait_the_newest_is_saved),
        T(old_jobs_are_removed_when_it_is_time),
        T(at_the_stop_all_that_waits_is_written),
        T(at_the_stop_a_store_that_was_away_is_tried_at_once),
        T(at_the_stop_a_failing_store_is_tried_once_and_what_is_lost_is_told),
        T(without_memory_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
