/* The database: its place, whose it is and of which version, and its care. */
#include <sys/stat.h>
#include <sys/wait.h>

#include "../counted.h"
#include "sqlite_files.h"

extern const size_t sqlite_migrations_count;

/* ---- its place ---- */

static void a_bad_place_is_told_at_the_start(void **state)
{
    (void)state;
    struct error e;
    assert_int_equal(refusal("sqlite:gone/x.db", STORE_WRITE, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "gone/x.db: No such file or directory"));
    assert_int_equal(refusal("sqlite:", STORE_WRITE, &e), ERR_CONFIG);
    assert_int_equal(refusal("sqlite:x/", STORE_WRITE, &e), ERR_CONFIG);
    assert_int_equal(mkdir(in_folder("dir"), 0700), 0);
    assert_int_equal(refusal("sqlite:dir", STORE_WRITE, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "is not a regular file"));
    assert_int_equal(refusal(sqlite_url, STORE_READ, &e), ERR_GONE);
    assert_false(exists("shunt.db"));
}

static void what_is_recorded_outlives_the_process(void **state)
{
    (void)state;
    struct store *s = opened();
    record_samples(s, 0, 3);
    store_close(s);
    assert_false(exists("shunt.db-wal"));
    s = opened();
    assert_string_equal(names(list(s, (struct store_filter){0})), "t2 t1 t0");
    store_close(s);
    assert_int_equal(number("shunt.db", "PRAGMA application_id"), 0x73687574);
    assert_int_equal(number("shunt.db", "PRAGMA auto_vacuum"), 2);
    assert_int_equal(number("shunt.db", "SELECT count(*) FROM files"), 3);
    assert_int_equal(number("shunt.db", "SELECT count(*) FROM events"), 6);
}

static void a_reader_sees_what_a_writer_records_and_changes_nothing(void **state)
{
    (void)state;
    struct store *s = opened(), *reader = NULL;
    struct error e = {0};
    record_samples(s, 0, 1);
    assert_int_equal(store_open(&reader, url, folder, STORE_READ, &e), 0);
    assert_string_equal(names(list(reader, (struct store_filter){0})), "t0");
    record_samples(s, 1, 2);
    assert_string_equal(names(list(reader, (struct store_filter){0})), "t1 t0");
    struct sample m;
    assert_int_equal(store_record(reader, &sample(&m, 5)->job, 1, &e), ERR_READONLY);
    store_close(s);
    assert_string_equal(names(list(reader, (struct store_filter){0})), "t1 t0");
    store_close(reader);
}

static void a_store_at_rest_is_read_without_the_right_to_write(void **state)
{
    (void)state;
    struct store *s = opened();
    record_samples(s, 0, 2);
    store_close(s);
    pid_t child = fork();
    if (child == 0) { /* nobody, to whom modes mean something */
        struct error e = {0};
        bool read = chmod(folder, 0555) == 0 && chmod(in_folder("shunt.db"), 0444) == 0 &&
                    (geteuid() != 0 || setuid(65534) == 0) && store_open(&s, url, folder, STORE_READ, &e) == 0;
        _exit(read && total_of(s, "completed") == 2 ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    chmod(folder, 0700);
    assert_int_equal(status, 0);
}

/* ---- whose, and of which version ---- */

static void the_database_of_another_program_is_left_alone(void **state)
{
    (void)state;
    struct error e;
    run_sql("shunt.db", "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    assert_int_equal(refusal(sqlite_url, STORE_WRITE, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "another program"));
    run_sql("shunt.db", "PRAGMA application_id = 7");
    assert_int_equal(refusal(sqlite_url, STORE_WRITE, &e), ERR_CONFIG);
    assert_int_equal(refusal(sqlite_url, STORE_READ, &e), ERR_CONFIG);
    assert_false(exists("shunt.db.damaged-1"));
    assert_int_equal(number("shunt.db", "SELECT count(*) FROM theirs"), 1);
}

static void a_newer_database_is_refused_with_both_versions(void **state)
{
    (void)state;
    struct store *s = opened();
    store_close(s);
    run_sql("shunt.db", "PRAGMA user_version = 99");
    struct error e;
    assert_int_equal(refusal(sqlite_url, STORE_WRITE, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "version 99"));
    char known[32];
    (void)snprintf(known, sizeof known, "knows %zu", sqlite_migrations_count);
    assert_non_null(strstr(e.text, known));
    assert_int_equal(refusal(sqlite_url, STORE_READ, &e), ERR_CONFIG);
    assert_int_equal(number("shunt.db", "PRAGMA user_version"), 99);
}

/* As version 1 left it: the text is not to be changed. */
static const char version_1[] =
    "CREATE TABLE processing_jobs (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status INTEGER NOT NULL CHECK"
    " (status BETWEEN 0 AND 4), created_at INTEGER NOT NULL, client TEXT, category TEXT, folder TEXT, name TEXT,"
    " title TEXT, error_message TEXT, source TEXT, phase TEXT, studio TEXT, path TEXT, size INTEGER NOT NULL,"
    " sha256 BLOB, device INTEGER NOT NULL, inode INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, retry_count INTEGER NOT"
    " NULL, crashes INTEGER NOT NULL, started_at INTEGER, completed_at INTEGER, events TEXT NOT NULL) STRICT;"
    "CREATE INDEX unfinished ON processing_jobs (status, created_at) WHERE status < 2;"
    "CREATE INDEX not_completed ON processing_jobs (row, status) WHERE status <> 2;"
    "CREATE INDEX with_error ON processing_jobs (row) WHERE error_message IS NOT NULL;"
    "CREATE INDEX names ON processing_jobs (row >> 13, name, folder);"
    "CREATE TABLE deliveries (job INTEGER NOT NULL REFERENCES processing_jobs ON DELETE CASCADE, n INTEGER NOT NULL,"
    " destination TEXT NOT NULL, label TEXT, state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4), attempts INTEGER NOT"
    " NULL, next_at INTEGER, done_at INTEGER, final_name TEXT, error TEXT, PRIMARY KEY (job, n)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE blocks (block INTEGER PRIMARY KEY, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, completed_at"
    " INTEGER NOT NULL) STRICT;"
    "CREATE INDEX blocks_completed ON blocks (completed_at);"
    "CREATE TABLE block_words (block INTEGER NOT NULL, kind INTEGER NOT NULL, word TEXT NOT NULL, PRIMARY KEY (block,"
    " kind, word)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE totals (id INTEGER PRIMARY KEY CHECK (id = 1), pending INTEGER NOT NULL, processing INTEGER NOT NULL,"
    " completed INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL, next_row INTEGER NOT NULL) STRICT;"
    "INSERT INTO processing_jobs (row, id, status, created_at, client, folder, name, size, device, inode, mtime_ns,"
    " retry_count, crashes, events) VALUES (1, 'old-1', 1, 1790000000000, 'RANK', 'RANK', 'old.json', 5, 1, 2, 3, 0, 0,"
    " '[[1790000000000,\"claimed\",null,null]]');"
    "INSERT INTO deliveries VALUES (1, 0, 'archive', 'Archive', 0, 0, NULL, NULL, NULL, NULL);"
    "INSERT INTO blocks VALUES (0, 1790000000000, 1790000000000, 0);"
    "INSERT INTO block_words VALUES (0, 0, 'rank'), (0, 2, 'archive');"
    "INSERT INTO totals VALUES (1, 0, 1, 0, 0, 0, 2);"
    "PRAGMA application_id = 0x73687574; PRAGMA user_version = 1";

static void an_older_database_is_brought_up_to_date(void **state)
{
    (void)state;
    run_sql("shunt.db", version_1);
    struct error e = {0};
    assert_int_equal(refusal(sqlite_url, STORE_READ, &e), ERR_CONFIG); /* a reader changes nothing */
    assert_int_equal(number("shunt.db", "PRAGMA user_version"), 1);
    struct store *s = opened();
    record_samples(s, 0, 1);
    json_t *none;
    assert_int_equal(store_load_snapshot(s, 0, &none, &e), 0);
    assert_null(none);
    assert_string_equal(names(list(s, (struct store_filter){.client = "RANK"})), "t0 old");
    assert_int_equal(total_of(s, "processing"), 1);
    assert_no_findings(s);
    store_close(s);
    assert_int_equal(number("shunt.db", "PRAGMA user_version"), sqlite_migrations_count);
}

/* ---- care ---- */

static void removed_jobs_take_their_deliveries_and_their_room_along(void **state)
{
    (void)state;
    fill_and_close();
    struct stat before, after;
    assert_int_equal(stat(in_folder("shunt.db"), &before), 0);
    struct store *s = opened();
    struct error e = {0};
    size_t removed;
    assert_int_equal(store_retain(s, &(struct store_retention){.keep_rows = 10, .most = 5000}, &removed, &e), 0);
    assert_int_equal(removed, 990);
    assert_no_findings(s);
    store_close(s);
    assert_int_equal(number("shunt.db", "SELECT count(*) FROM deliveries"), 20);
    assert_int_equal(stat(in_folder("shunt.db"), &after), 0);
    assert_true(after.st_size < before.st_size / 4);
    s = opened();
    assert_int_equal(store_vacuum(s, &e), 0);
    assert_string_equal(names(list(s, (struct store_filter){.limit = 2})), "t999 t998");
    store_close(s);
}

static void of_ended_messages_and_of_reports_the_newest_stay(void **state)
{
    (void)state;
    struct error e = {0};
    size_t removed;
    store_close(opened());
    run_sql("shunt.db", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5003)"
                        " INSERT INTO outbox (kind, key, document, created_at, due_at, expires_at, state, ended_at)"
                        " SELECT 'mail', i, '{}', 1, 1, 1, i > 1, iif(i > 1, 1, NULL) FROM n");
    run_sql("shunt.db", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
                        " INSERT INTO reports (date, document) SELECT 20260000 + i, '{}' FROM n");
    struct store *s = opened();
    json_t *report = json_object();
    assert_int_equal(store_save_report(s, 20270101, report, &e), 0);
    assert_int_equal(store_retain(s, &(struct store_retention){.most = 10}, &removed, &e), 0);
    json_decref(report);
    store_close(s);
    assert_int_equal(number("shunt.db", "SELECT count(*) FROM reports"), STORE_REPORTS_MAX);
    assert_int_equal(number("shunt.db", "SELECT min(date) FROM reports"), 20260002);
    assert_int_equal(number("shunt.db", "SELECT count(*) FROM outbox"), 5001);
    assert_int_equal(number("shunt.db", "SELECT count(*) FROM outbox WHERE row = 1"), 1); /* it waits */
    assert_int_equal(number("shunt.db", "SELECT min(row) FROM outbox WHERE state <> 0"), 4);
}

static void many_jobs_are_counted_in_little_memory(void **state)
{
    (void)state;
    fill_and_close();
    run_sql("shunt.db",
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
            " INSERT INTO uncounted (job, instance, outcome) SELECT i * 5 + i / 1000 * 77777, i % 3 = 0, i FROM n");
    mem_set(&counted);
    struct store *s = opened();
    struct error e = {0};
    json_t *snapshot = json_pack("{s:{s:i, s:[i, i, i]}}", "counted", "to", 59000, "but", 1, 3, 58000);
    assert_int_equal(store_save_snapshot(s, 0, snapshot, &e), 0); /* its cache is full from now on */
    size_t before = allocated;
    allocated_most = allocated;
    assert_int_equal(store_save_snapshot(s, 1, snapshot, &e), 0);
    size_t most = allocated_most - before;
    json_decref(snapshot);
    store_close(s);
    mem_set(NULL);
    assert_in_range(most, 1, 200 * 1024);
    assert_int_equal(number("shunt.db", "SELECT count(*) FROM uncounted WHERE instance = 0 AND outcome <= 59000"), 2);
    assert_int_equal(number("shunt.db", "SELECT count(*) FROM uncounted WHERE instance = 1 AND outcome <= 59000"), 1);
    assert_int_equal(number("shunt.db", "SELECT count(*) FROM uncounted WHERE outcome > 59000"), 1000);
}

static void a_check_tells_what_disagrees(void **state)
{
    (void)state;
    fill_and_close();
    run_sql("shunt.db", "UPDATE totals SET failed = 7; INSERT INTO deliveries (job, n, destination, state, attempts)"
                        " VALUES (77777, 0, 'x', 0, 0)");
    struct store *s = opened();
    struct error e = {0};
    json_t *findings;
    assert_int_equal(store_check(s, &findings, &e), 0);
    assert_json(findings, "[\"1 deliveries belong to no job\","
                          " \"the totals say 0 0 1000 7 0, there are 0 0 1000 0 0\"]");
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(a_bad_place_is_told_at_the_start),
        ONE(what_is_recorded_outlives_the_process),
        ONE(a_reader_sees_what_a_writer_records_and_changes_nothing),
        ONE(a_store_at_rest_is_read_without_the_right_to_write),
        ONE(the_database_of_another_program_is_left_alone),
        ONE(a_newer_database_is_refused_with_both_versions),
        ONE(an_older_database_is_brought_up_to_date),
        ONE(removed_jobs_take_their_deliveries_and_their_room_along),
        ONE(of_ended_messages_and_of_reports_the_newest_stay),
        ONE(many_jobs_are_counted_in_little_memory),
        ONE(a_check_tells_what_disagrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
