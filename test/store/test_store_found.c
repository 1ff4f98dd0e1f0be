/* Jobs that are asked for by what they were: unfinished, by their file, by their id, by their bytes. */
#include "contract.h"

static void unfinished_jobs_come_back_as_they_were(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    record_samples(s, 0, 3);
    sample(&m, 3)->job.status = STATUS_PENDING;
    m.deliveries[1].state = DELIVERY_WAITING;
    m.deliveries[1].next_ms = NOON + 5;
    m.deliveries[1].attempts = 4;
    m.job.crashes = 1;
    record(s, &m.job, 1);
    struct error e = {0};
    struct found f = {0};
    assert_int_equal(store_unfinished(s, note, &f, &e), 0);
    assert_string_equal(f.names, "RANK/t3.json(was full) ");
    assert_int_equal(f.job.status, STATUS_PENDING);
    assert_int_equal(f.job.crashes, 1);
    assert_int_equal(f.job.claim.device, 0xffffffffffff0001u);
    assert_int_equal(f.job.claim.inode, 3);
    assert_int_equal(f.job.claim.mtime_ns, (NOON + 3000) * 1000000 + 1);
    assert_int_equal(f.job.n_deliveries, 2);
    assert_int_equal(f.job.n_events, 0);
    assert_int_equal(f.delivery.state, DELIVERY_WAITING);
    assert_int_equal(f.delivery.next_ms, NOON + 5);
    assert_int_equal(f.delivery.attempts, 4);

    sample(&m, 4)->job.status = STATUS_PROCESSING;
    record(s, &m.job, 1);
    f = (struct found){.stop_after = 1};
    assert_int_equal(store_unfinished(s, note, &f, &e), 77);
    assert_int_equal(f.count, 1);
    f = (struct found){0};
    assert_int_equal(store_unfinished(s, note, &f, &e), 0);
    assert_int_equal(f.count, 2);
    store_close(s);
}

static void the_newest_job_of_a_file_is_found(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    for (int i = 0; i < 5; i++) {
        sample(&m, i)->job.name = "same.json";
        m.job.folder = i == 4 ? "LOREAL" : "RANK";
        m.job.size = (uint64_t)i;
        m.job.claim = (struct store_claim){.inode = i < 2 ? 7 : 8, .mtime_ns = 9};
        record(s, &m.job, 1);
    }
    struct error e = {0};
    struct found f = {0};
    const struct store_claim file = {.inode = 7, .mtime_ns = 9}, changed = {.inode = 7, .mtime_ns = 10};
    assert_int_equal(store_last(s, "RANK", "same.json", &file, note, &f, &e), 0);
    assert_int_equal(f.job.size, 1); /* the newest of that very file, though others came after it */
    assert_int_equal(store_last(s, "RANK", "same.json", &changed, note, &f, &e), 0);
    assert_int_equal(f.job.size, 3);
    f = (struct found){0};
    assert_int_equal(store_last(s, "RANK", "same.json", NULL, note, &f, &e), 0);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.job.size, 3);
    assert_int_equal(store_last(s, "RANK", "Same.json", NULL, note, &f, &e), 0);
    assert_int_equal(store_last(s, "", "same.json", NULL, note, &f, &e), 0);
    assert_int_equal(f.count, 1);
    f = (struct found){.stop_after = 1};
    assert_int_equal(store_last(s, "LOREAL", "same.json", NULL, note, &f, &e), 77);
    store_close(s);
}

static void a_job_is_found_by_its_whole_id(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    struct error e = {0};
    struct found f = {0};
    char id[JOB_ID_SIZE];
    for (int i = 0; i < 3; i++) {
        sample(&m, i)->job.size = (uint64_t)i;
        record(s, &m.job, 1);
        if (i == 1)
            memccpy(id, m.job.id, '\0', sizeof id);
    }
    assert_int_equal(store_find(s, id, note, &f, &e), 0);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.job.size, 1);
    assert_int_equal(f.job.n_deliveries, m.job.n_deliveries);
    id[strlen(id) - 1] = '\0'; /* its beginning is not it */
    assert_int_equal(store_find(s, id, note, &f, &e), 0);
    assert_int_equal(store_find(s, "x", note, &f, &e), 0);
    assert_int_equal(store_find(s, "", note, &f, &e), 0);
    assert_int_equal(f.count, 1);
    assert_int_equal(e.code, 0);
    store_close(s);
}

/* As a new file of the n-th sample's folder, with a name and bytes. */
static struct store_seen seen(struct store *s, const char *name, int byte, int64_t since_ms)
{
    struct error e = {0};
    struct store_seen out;
    uint8_t hash[STORE_HASH_SIZE];
    memset(hash, byte, sizeof hash);
    struct store_job job = {.folder = "RANK", .name = name, .sha256 = hash, .claim = {.inode = 4711, .mtime_ns = 1}};
    assert_int_equal(store_seen(s, &job, since_ms, &out, &e), 0);
    assert_int_equal(out.completed_ms == 0, out.id[0] == '\0');
    return out;
}

static int64_t seen_at(struct store *s, const char *name, int byte, int64_t since_ms)
{
    return seen(s, name, byte, since_ms).completed_ms;
}

static void the_same_bytes_completed_before_are_known(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    record_samples(s, 1, 4);
    sample(&m, 4)->job.status = STATUS_FAILED;
    record(s, &m.job, 1);
    assert_int_equal(seen_at(s, "t2.json", 2, 0), NOON + 2040);
    assert_string_equal(seen(s, "t2.json", 2, 0).id, sample(&m, 2)->id);
    assert_int_equal(seen_at(s, "t2.json", 2, NOON + 2040), NOON + 2040);
    assert_int_equal(seen_at(s, "t2.json", 2, NOON + 2041), 0);
    assert_int_equal(seen_at(s, "t2.json", 3, 0), 0);
    assert_int_equal(seen_at(s, "t9.json", 2, 0), 0);
    assert_int_equal(seen_at(s, "t4.json", 4, 0), 0); /* it was never delivered */
    /* begun before, completed within */
    sample(&m, 5)->job.status = STATUS_PENDING;
    m.job.completed_ms = 0;
    record(s, &m.job, 1);
    m.job.status = STATUS_COMPLETED;
    m.job.completed_ms = NOON + 900000;
    record(s, &m.job, 1);
    assert_int_equal(seen_at(s, "t5.json", 5, NOON + 800000), NOON + 900000);
    store_close(s);
}

/* The n-th sample under the first one's name, with bytes of its own. */
static void record_version(struct store *s, int n, int byte, enum job_status status, const char *error)
{
    struct sample m;
    sample(&m, n);
    m.job.name = "t1.json";
    m.job.status = status;
    m.job.error = error;
    memset(m.sha256, byte, sizeof m.sha256);
    record(s, &m.job, 1);
}

static void only_the_version_delivered_last_is_the_same(void **state)
{
    (void)state;
    struct store *s = opened();
    record_version(s, 1, 'A', STATUS_COMPLETED, NULL);
    record_version(s, 2, 'B', STATUS_COMPLETED, NULL);
    assert_int_equal(seen_at(s, "t1.json", 'A', 0), 0);
    assert_int_equal(seen_at(s, "t1.json", 'B', 0), NOON + 2040);
    record_version(s, 3, 'A', STATUS_COMPLETED, NULL);
    assert_int_equal(seen_at(s, "t1.json", 'A', 0), NOON + 3040);
    assert_int_equal(seen_at(s, "t1.json", 'B', 0), 0);
    record_version(s, 4, 'C', STATUS_FAILED, "out of attempts");
    assert_int_equal(seen_at(s, "t1.json", 'A', 0), NOON + 3040);
    store_close(s);
}

static void a_duplicate_that_was_skipped_was_not_delivered(void **state)
{
    (void)state;
    struct store *s = opened();
    record_version(s, 1, 'A', STATUS_COMPLETED, NULL);
    record_version(s, 2, 'A', STATUS_COMPLETED, "duplicate");
    assert_int_equal(seen_at(s, "t1.json", 'A', 0), NOON + 1040);
    assert_int_equal(seen_at(s, "t1.json", 'A', NOON + 1041), 0);
    store_close(s);
}

static void what_failed_and_is_put_back_is_no_duplicate(void **state)
{
    (void)state;
    struct store *s = opened();
    struct sample m;
    struct error e = {0};
    struct store_seen out;
    record_version(s, 1, 'A', STATUS_COMPLETED, NULL);
    record_version(s, 2, 'A', STATUS_FAILED, "duplicate");
    assert_int_equal(seen_at(s, "t1.json", 'A', 0), NOON + 1040); /* another file */
    sample(&m, 2)->job.name = "t1.json";
    memset(m.sha256, 'A', sizeof m.sha256);
    assert_int_equal(store_seen(s, &m.job, 0, &out, &e), 0);
    assert_int_equal(out.completed_ms, 0);
    record_version(s, 3, 'A', STATUS_COMPLETED, NULL);
    assert_int_equal(store_seen(s, &m.job, 0, &out, &e), 0);
    assert_int_equal(out.completed_ms, 0);
    record_version(s, 2, 'A', STATUS_CANCELLED, "it changed"); /* and was taken up again, by nobody's wish */
    assert_int_equal(store_seen(s, &m.job, 0, &out, &e), 0);
    assert_int_equal(out.completed_ms, NOON + 3040);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH_DRIVER(unfinished_jobs_come_back_as_they_were),
        EACH_DRIVER(the_newest_job_of_a_file_is_found),
        EACH_DRIVER(a_job_is_found_by_its_whole_id),
        EACH_DRIVER(the_same_bytes_completed_before_are_known),
        EACH_DRIVER(only_the_version_delivered_last_is_the_same),
        EACH_DRIVER(a_duplicate_that_was_skipped_was_not_delivered),
        EACH_DRIVER(what_failed_and_is_put_back_is_no_duplicate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
