/* Other processes that have the database, or are killed while they write. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "sqlite_files.h"

static void a_locked_database_is_busy(void **state)
{
    (void)state;
    struct store *s = opened();
    record_samples(s, 0, 1);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(in_folder("shunt.db"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct sample m;
    struct error e = {0};
    assert_int_equal(store_record(s, &sample(&m, 1)->job, 1, &e), ERR_BUSY);
    assert_string_equal(names(list(s, (struct store_filter){0})), "t0"); /* reading goes on */
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    record(s, &m.job, 1);
    assert_string_equal(names(list(s, (struct store_filter){0})), "t1 t0");
    store_close(s);
}

#define BATCH 50

/* Batches of BATCH jobs, one after the other, until it is killed. */
static void record_for_ever(int from)
{
    struct store *s = opened();
    static struct sample m[BATCH];
    struct store_job jobs[BATCH];
    for (int n = from;; n += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            jobs[i] = sample(&m[i], n + i)->job;
        }
        struct error e = {0};
        if (store_record(s, jobs, BATCH, &e) != 0) {
            _exit(1);
        }
    }
}

static pid_t start_writer(int from)
{
    pid_t child = fork();
    if (child == 0) {
        record_for_ever(from);
    }
    return child;
}

static void kill_9_leaves_all_or_none_of_a_batch(void **state)
{
    (void)state;
    for (int round = 0; round < 15; round++) {
        pid_t child = start_writer(round * 100000);
        nanosleep(&(struct timespec){.tv_nsec = 30000000 + 1700000 * round}, NULL);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        struct store *s = opened();
        json_int_t n = total_of(s, "completed");
        assert_int_equal(n % BATCH, 0);
        assert_no_findings(s);
        store_close(s);
        assert_int_equal(number("shunt.db", "SELECT count(*) FROM processing_jobs"), n);
        assert_int_equal(number("shunt.db", "SELECT count(*) FROM deliveries"), 2 * n);
    }
    assert_true(number("shunt.db", "SELECT count(*) FROM processing_jobs") > 0);
}

static void two_processes_record_and_a_third_reads_meanwhile(void **state)
{
    (void)state;
    struct store *s = opened();
    pid_t first = start_writer(0), second = start_writer(5000000);
    struct error e = {0};
    bool whole = true;
    json_int_t last = 0;
    for (int i = 0; i < 100000 && last < 4000; i++) {
        json_int_t n = total_of(s, "completed");
        whole = whole && n % BATCH == 0 && n >= last;
        last = n;
        json_t *out = NULL;
        whole = whole && store_list(s, &(struct store_filter){.client = "rank"}, &out, &e) == 0;
        json_decref(out);
    }
    assert_int_equal(waitpid(first, NULL, WNOHANG), 0); /* neither gave up */
    assert_int_equal(waitpid(second, NULL, WNOHANG), 0);
    kill(first, SIGKILL);
    kill(second, SIGKILL);
    waitpid(first, NULL, 0);
    waitpid(second, NULL, 0);
    assert_true(whole && last >= 4000);
    assert_no_findings(s);
    store_close(s);
}

static void processes_that_start_together_make_one_database(void **state)
{
    (void)state;
    put_file("shunt.db", "no database", 11); /* which one of them sets aside */
    pid_t children[6];
    for (int i = 0; i < 6; i++) {
        if ((children[i] = fork()) == 0) {
            struct store *s = NULL;
            struct error e = {0};
            struct sample m;
            int rc = store_open(&s, url, folder, STORE_WRITE, &e);
            rc = rc ? rc : store_record(s, &sample(&m, i)->job, 1, &e);
            _exit(rc ? 1 : 0);
        }
    }
    for (int i = 0; i < 6; i++) {
        int status;
        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }
    struct store *s = opened();
    assert_int_equal(total_of(s, "completed"), 6);
    store_close(s);
    assert_true(exists("shunt.db.damaged-1"));
    assert_false(exists("shunt.db.damaged-2"));
}

static void a_backup_is_whole_while_work_goes_on(void **state)
{
    (void)state;
    struct store *s = opened(), *copy;
    record_samples(s, 0, 100);
    pid_t writer = start_writer(1000);
    struct error e = {0};
    assert_int_equal(store_backup(s, in_folder("copy.db"), &e), 0);
    assert_int_equal(store_backup(s, in_folder("copy.db"), &e), ERR_BUSY);
    error_clear(&e);
    assert_int_equal(store_backup(s, in_folder("gone/copy.db"), &e), ERR_NOPLACE);
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    store_close(s);
    error_clear(&e);
    assert_int_equal(store_open(&copy, "sqlite:copy.db", folder, STORE_WRITE, &e), 0);
    assert_int_equal(e.code, 0);
    assert_no_findings(copy);
    assert_true(total_of(copy, "completed") >= 100);
    assert_int_equal(total_of(copy, "completed") % BATCH, 0);
    store_close(copy);
    assert_false(exists("copy.db.part"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(a_locked_database_is_busy),
        ONE(kill_9_leaves_all_or_none_of_a_batch),
        ONE(two_processes_record_and_a_third_reads_meanwhile),
        ONE(processes_that_start_together_make_one_database),
        ONE(a_backup_is_whole_while_work_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
