/* test_duplicate.c: tickets that ask the store whether they are duplicates, of a store that says, does and withholds what
 * the test wants. */
#include <pthread.h>

#include "parts.h"

#define WINDOW    "[delivery]\ndurability = none\n[intake]\nduplicate_window = 1h\nduplicate = "
#define BEFORE_MS 1770388000000
#define BEFORE_ID "01990000-0000-7000-8000-000000000001"
#define HANG_MS   10000

/* One at a time. */
static struct {
    struct store store;
    pthread_mutex_t lock; /* held by the test: the store hangs */
    int code;             /* of what it is asked */
    bool seen;
    unsigned asked, recorded;
    struct store_job last; /* recorded; only its numbers */
    char error[ERROR_TEXT_MAX];
} fake;

static int fake_record(struct store *s, const struct store_job *jobs, size_t count, struct error *e)
{
    (void)s;
    (void)e;
    fake.recorded += (unsigned)count;
    fake.last = jobs[count - 1];
    snprintf(fake.error, sizeof fake.error, "%s", fake.last.error ? fake.last.error : "");
    return 0;
}

static int fake_seen(struct store *s, const struct store_job *job, int64_t since_ms, struct store_seen *out,
                     struct error *e)
{
    (void)s;
    pthread_mutex_lock(&fake.lock);
    pthread_mutex_unlock(&fake.lock);
    fake.asked++;
    if (fake.code != 0)
        return error_set(e, fake.code, "the store says no");
    if (strcmp(job->folder, "RANK") != 0 || since_ms > BEFORE_MS)
        return error_set(e, ERR_INTERNAL, "wrong question");
    if (fake.seen) {
        out->completed_ms = BEFORE_MS;
        strcpy(out->id, BEFORE_ID);
    }
    return 0;
}

static int fake_retain(struct store *s, const struct store_retention *r, size_t *removed, struct error *e)
{
    (void)s;
    (void)r;
    (void)removed;
    (void)e;
    return 0;
}

static void fake_close(struct store *s)
{
    (void)s;
}

static const struct store_driver driver = {
    .record = fake_record, .seen = fake_seen, .retain = fake_retain, .close = fake_close};

static struct parts *parts_with_store(void **state, const char *action)
{
    char settings[256];
    snprintf(settings, sizeof settings, "%s%s\n", WINDOW, action);
    struct parts *p = parts_new(*state, settings, ROUTES_TWO);
    memset(&fake, 0, sizeof fake);
    pthread_mutex_init(&fake.lock, NULL);
    fake.store.driver = &driver;
    fake.seen = true;
    p->storage.store = &fake.store;
    p->storage.degraded = false;
    p->storage.pause_ms = 1000;
    return p;
}

static void turn(struct parts *p)
{
    lanes_pump(&p->lanes);
    storage_pump(&p->storage);
    settle_pump(&p->settle);
}

static void run_until_ended(struct parts *p, unsigned ended)
{
    uint64_t until_ns = uv_hrtime() + 20000000000ull;
    turn(p);
    while (p->ended < ended || p->storage.active) {
        assert_true(uv_hrtime() < until_ns);
        uv_run(&p->loop, UV_RUN_NOWAIT);
        turn(p);
    }
    int64_t difference;
    assert_true(ledger_balances(&p->rt.ledger, &difference));
}

static void archive_holds(struct scratch *s, const char *text)
{
    make_folder(s, "archive/RANK");
    put(in(s, "archive/RANK/t0.json"), text);
}

static void what_the_store_never_saw_is_delivered(void **state)
{
    struct parts *p = parts_with_store(state, "skip");
    fake.seen = false;
    begin(p);
    run_until_ended(p, 1);
    assert_file(in(*state, "out/b/t0.json"), TICKET("RANK"));
    assert_int_equal(fake.asked, 1);
    assert_int_equal(p->rt.ledger.delivered, 1);
    assert_int_equal(logged(*state, "duplicate"), 0);
    parts_free(p);
}

static void without_a_window_the_store_is_not_asked(void **state)
{
    struct parts *p = parts_with_store(state, "skip");
    p->rt.duplicates.window_ms = 0;
    begin(p);
    run_until_ended(p, 1);
    assert_int_equal(fake.asked, 0);
    assert_int_equal(p->rt.ledger.delivered, 1);
    parts_free(p);
}

static void a_duplicate_is_skipped_where_the_archive_has_it(void **state)
{
    struct parts *p = parts_with_store(state, "skip");
    archive_holds(*state, TICKET("RANK"));
    begin(p);
    run_until_ended(p, 1);
    assert_false(exists(in(*state, "out/a/t0.json")));
    assert_false(exists(in(*state, "out/b/t0.json")));
    assert_false(exists(in(*state, "under/0/RANK/t0.json")));
    assert_int_equal(p->rt.ledger.archived_only, 1);
    assert_int_equal(fake.last.status, STATUS_COMPLETED);
    assert_int_equal(fake.last.n_deliveries, 1);
    assert_non_null(strstr(fake.error, BEFORE_ID));
    assert_int_equal(lane_named(p, "a")->deliveries, 0);
    parts_free(p);
}

static void what_the_archive_does_not_have_is_delivered_whatever_the_store_says(void **state)
{
    struct parts *p = parts_with_store(state, "skip");
    archive_holds(*state, TICKET("OTHER"));
    begin(p);
    run_until_ended(p, 1);
    assert_file(in(*state, "out/a/t0.json"), TICKET("RANK"));
    assert_file(in(*state, "out/b/t0.json"), TICKET("RANK"));
    assert_file(in(*state, "archive/RANK/t0.json"), TICKET("RANK"));
    assert_string_equal(fake.error, "");
    parts_free(p);
}

static void a_duplicate_fails_with_its_reason(void **state)
{
    struct parts *p = parts_with_store(state, "fail");
    archive_holds(*state, TICKET("RANK"));
    begin(p);
    run_until_ended(p, 1);
    assert_false(exists(in(*state, "out/a/t0.json")));
    assert_int_equal(entries(in(*state, "failed/RANK")), 2);
    assert_int_equal(p->rt.ledger.failed, 1);
    assert_int_equal(p->returned, 0);
    parts_free(p);
}

static void a_duplicate_may_be_delivered_and_is_told(void **state)
{
    struct parts *p = parts_with_store(state, "deliver");
    archive_holds(*state, TICKET("RANK"));
    begin(p);
    run_until_ended(p, 1);
    assert_file(in(*state, "out/a/t0.json"), TICKET("RANK"));
    assert_int_equal(logged(*state, "duplicate"), 1);
    assert_string_equal(fake.error, "");
    parts_free(p);
}

static void a_store_that_fails_holds_up_nobody_and_that_is_told_once(void **state)
{
    struct parts *p = parts_with_store(state, "skip");
    fake.code = ERR_IO;
    begin(p);
    begin(p);
    run_until_ended(p, 2);
    begin(p); /* it is not even asked now */
    run_until_ended(p, 3);
    assert_int_equal(p->rt.ledger.delivered, 3);
    assert_true(p->storage.degraded);
    assert_int_equal(logged(*state, "duplicate_unknown"), 1);
    parts_free(p);
}

static void a_store_that_hangs_is_not_waited_for_and_its_late_answer_changes_nothing(void **state)
{
    struct parts *p = parts_with_store(state, "skip");
    archive_holds(*state, TICKET("RANK"));
    begin(p);
    pthread_mutex_lock(&fake.lock);
    turn(p);
    begin(p); /* waits for the next request */
    assert_false(storage_idle(&p->storage));
    advance(p, HANG_MS);
    uint64_t until_ns = uv_hrtime() + 20000000000ull;
    while (p->ended < 2) { /* both are gone when the answer comes */
        assert_true(uv_hrtime() < until_ns);
        turn(p);
        uv_run(&p->loop, UV_RUN_NOWAIT);
    }
    assert_file(in(*state, "out/a/t0.json"), TICKET("RANK"));
    assert_file(in(*state, "out/a/t1.json"), TICKET("RANK"));
    pthread_mutex_unlock(&fake.lock);
    run_until_ended(p, 2);
    assert_int_equal(p->rt.ledger.delivered, 2);
    assert_int_equal(logged(*state, "duplicate"), 0);
    parts_free(p);
}

static void while_it_waits_for_the_answer_it_cannot_be_cancelled_afterwards_it_can(void **state)
{
    struct parts *p = parts_with_store(state, "skip");
    archive_holds(*state, TICKET("RANK"));
    struct error e = {0};
    struct job *job = begin(p);
    assert_int_equal(jobs_cancel(job, "a test", &e), ERR_BUSY);
    p->lanes.archive->concurrency = 0; /* the archive takes nothing yet */
    uint64_t until_ns = uv_hrtime() + 20000000000ull;
    while (job->doubt.state != DOUBT_HELD) {
        assert_true(uv_hrtime() < until_ns);
        turn(p);
        uv_run(&p->loop, UV_RUN_NOWAIT);
    }
    error_clear(&e);
    assert_int_equal(jobs_cancel(job, "a test", &e), 0);
    run_until_ended(p, 1);
    assert_int_equal(p->rt.ledger.failed, 1);
    parts_free(p);
}

static void who_still_waits_at_the_end_leaks_nothing(void **state)
{
    struct parts *p = parts_with_store(state, "skip");
    begin(p);
    assert_false(storage_idle(&p->storage));
    p->storage.store = NULL;
    parts_free(p);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_the_store_never_saw_is_delivered),
        T(without_a_window_the_store_is_not_asked),
        T(a_duplicate_is_skipped_where_the_archive_has_it),
        T(what_the_archive_does_not_have_is_delivered_whatever_the_store_says),
        T(a_duplicate_fails_with_its_reason),
        T(a_duplicate_may_be_delivered_and_is_told),
        T(a_store_that_fails_holds_up_nobody_and_that_is_told_once),
        T(a_store_that_hangs_is_not_waited_for_and_its_late_answer_changes_nothing),
        T(while_it_waits_for_the_answer_it_cannot_be_cancelled_afterwards_it_can),
        T(who_still_waits_at_the_end_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
