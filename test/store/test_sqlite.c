/* What only the SQLite driver promises: its place, its versions, damage, full disks, other processes, and that no question
 * looks through all jobs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "samples.h"

extern const size_t sqlite_migrations_count;

static const char sqlite_url[] = "sqlite:shunt.db";

static void put_file(const char *name, const char *bytes, size_t n)
{
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void get_file(const char *name, char *bytes, size_t room)
{
    FILE *f = fopen(in_folder(name), "r");
    assert_non_null(f);
    bytes[fread(bytes, 1, room - 1, f)] = '\0';
    fclose(f);
}

static bool exists(const char *name)
{
    return access(in_folder(name), F_OK) == 0;
}

/* As another program would. */
static void run_sql(const char *name, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(in_folder(name), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s", why);
    }
    sqlite3_close(db);
}

static int64_t number(const char *name, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(in_folder(name), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return n;
}

static int refusal(const char *where, enum store_mode mode, struct error *e)
{
    struct store *s;
    error_clear(e);
    int rc = store_open(&s, where, folder, mode, e);
    assert_null(s);
    return rc;
}

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

/* ---- damage ---- */

/* Opened though damaged: told of, and empty. */
static void assert_set_aside_as(const char *name)
{
    struct store *s;
    struct error e = {0};
    assert_int_equal(store_open(&s, url, folder, STORE_WRITE, &e), 0);
    assert_int_equal(e.code, ERR_SYNTAX);
    assert_non_null(strstr(e.text, name));
    assert_true(exists(name));
    assert_string_equal(names(list(s, (struct store_filter){0})), "");
    record_samples(s, 0, 1);
    store_close(s);
    store_close(opened());
}

static void what_is_no_database_is_set_aside_and_never_lost(void **state)
{
    (void)state;
    static const char first[] =
        "half a database, or something else of some length, which is no matter here at all.....";
    char text[256];
    struct error e;
    put_file("shunt.db", first, sizeof first - 1);
    put_file("shunt.db-wal", "its log", 7);
    assert_int_equal(refusal(sqlite_url, STORE_READ, &e), ERR_SYNTAX);
    assert_set_aside_as("shunt.db.damaged-1");
    put_file("shunt.db", "xy", 2);
    assert_set_aside_as("shunt.db.damaged-2");
    get_file("shunt.db.damaged-1", text, sizeof text);
    assert_string_equal(text, first);
    get_file("shunt.db.damaged-1-wal", text, sizeof text);
    assert_string_equal(text, "its log");
}

static void fill_and_close(void)
{
    struct store *s = opened();
    struct sample m[100];
    struct store_job jobs[100];
    for (int from = 0; from < 1000; from += 100) {
        for (int i = 0; i < 100; i++) {
            jobs[i] = sample(&m[i], from + i)->job;
        }
        record(s, jobs, 100);
    }
    store_close(s);
}

static void a_truncated_database_is_set_aside(void **state)
{
    (void)state;
    fill_and_close();
    assert_int_equal(truncate(in_folder("shunt.db"), 100000), 0);
    assert_set_aside_as("shunt.db.damaged-1");
}

static void spoil_pages(int from_page, int until_page)
{
    int fd = open(in_folder("shunt.db"), O_WRONLY);
    char dirt[4096];
    memset(dirt, 0xa5, sizeof dirt);
    for (int page = from_page; page < until_page; page++) {
        assert_int_equal(pwrite(fd, dirt, sizeof dirt, 4096 * (off_t)(page - 1)), sizeof dirt);
    }
    close(fd);
}

static void damaged_pages_are_found_when_it_is_opened(void **state)
{
    (void)state;
    fill_and_close();
    spoil_pages(30, 31);
    assert_set_aside_as("shunt.db.damaged-1");
}

static void damage_that_is_met_later_is_told_and_found_by_the_next_opening(void **state)
{
    (void)state;
    fill_and_close();
    struct store *s = opened();
    store_close(s);
    s = opened();
    run_sql("shunt.db", "UPDATE totals SET next_row = next_row + 1"); /* what it has read it reads anew */
    spoil_pages(4, 100);
    struct error e = {0};
    json_t *out;
    int rc = 0;
    for (int i = 0; rc == 0 && i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "t%d.json", i);
        rc = store_show(s, name, &out, &e);
        json_decref(out);
    }
    assert_int_equal(rc, ERR_SYNTAX);
    assert_true(exists("shunt.db.suspect"));
    assert_int_equal(store_check(s, &out, &e), 0);
    assert_true(json_array_size(out) > 0);
    json_decref(out);
    store_close(s);
    assert_set_aside_as("shunt.db.damaged-1");
    assert_false(exists("shunt.db.suspect"));
}

/* ---- a full disk, limits, removed files ---- */

static void fill_until_it_fails(struct store *s, int expected)
{
    int rc = 0;
    json_int_t recorded = 0;
    struct error e = {0};
    for (int n = 0; rc == 0 && n < 100000; n++) {
        struct sample m;
        rc = store_record(s, &sample(&m, n)->job, 1, &e);
        recorded += rc == 0;
    }
    if (rc != expected) {
        fail_msg("%d: %s", rc, e.text);
    }
    assert_int_equal(total_of(s, "completed"), recorded);
    assert_no_findings(s);
}

static void on_a_full_disk_what_is_there_stays(void **state)
{
    (void)state;
    if (mount("none", folder, "tmpfs", 0, "size=512k") != 0) {
        skip();
    }
    struct store *s = opened();
    fill_until_it_fails(s, ERR_NOSPACE);
    /* with room again it goes on */
    size_t removed;
    struct error e = {0};
    char option[] = "size=4m";
    assert_int_equal(mount("none", folder, "tmpfs", MS_REMOUNT, option), 0);
    record_samples(s, 500000, 500001);
    assert_int_equal(store_retain(s, &(struct store_retention){.keep_rows = 10, .most = 1000}, &removed, &e), 0);
    assert_no_findings(s);
    store_close(s);
    umount2(folder, MNT_DETACH);
}

static void a_limit_on_files_is_told_and_nothing_is_half_there(void **state)
{
    (void)state;
    struct store *s = opened();
    struct rlimit old, low = {300000, RLIM_INFINITY};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    low.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    fill_until_it_fails(s, ERR_IO);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, before);
    record_samples(s, 500000, 500001);
    store_close(s);
}

static void a_store_that_was_moved_away_takes_nothing(void **state)
{
    (void)state;
    struct store *s = opened();
    record_samples(s, 0, 1);
    assert_int_equal(rename(in_folder("shunt.db"), in_folder("elsewhere.db")), 0);
    struct sample m;
    struct error e = {0};
    assert_int_equal(store_record(s, &sample(&m, 1)->job, 1, &e), ERR_IO);
    assert_non_null(strstr(e.text, "moved or removed"));
    store_close(s);
}

/* ---- other processes ---- */

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

/* ---- care ---- */

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

/* ---- what leads to the answers ---- */

#define ASKED_MAX 128
static char *asked[ASKED_MAX];
static size_t n_asked;

static int keep_question(unsigned kind, void *user, void *statement, void *text)
{
    (void)user;
    (void)text;
    const char *sql = sqlite3_sql(statement);
    for (size_t i = 0; i < n_asked; i++) {
        if (strcmp(asked[i], sql) == 0) {
            return 0;
        }
    }
    if (kind == SQLITE_TRACE_STMT && n_asked < ASKED_MAX) {
        asked[n_asked++] = strdup(sql);
    }
    return 0;
}

static int watch(sqlite3 *db, const char **why, const void *api)
{
    (void)why;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, keep_question, NULL);
}

static void nothing(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    (void)values;
    sqlite3_result_int(context, 0);
}

static void ask_everything(struct store *s)
{
    const struct store_filter filters[] = {
        {0},
        {.statuses = 1u << STATUS_FAILED, .client = "RANK"},
        {.statuses = 1u << STATUS_PENDING},
        {.statuses = 1u << STATUS_COMPLETED, .category = "x", .since_ms = NOON, .until_ms = NOON + 1},
        {.destination = "monday", .text = "t"},
        {.error = "full", .client = "RANK"},
        {.name = "t1.json", .folder = "RANK"},
        {.before = "3"},
        {.batch = "b", .statuses = 1u << STATUS_FAILED, .error = "x"},
    };
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        json_decref(list(s, filters[i]));
    }
    json_decref(show(s, "t1.json"));
    json_decref(totals(s));
    struct error e = {0};
    uint8_t hash[STORE_HASH_SIZE] = {0};
    struct store_job job = {.folder = "RANK", .name = "t1.json", .sha256 = hash};
    struct store_seen seen;
    size_t removed;
    assert_int_equal(store_seen(s, &job, NOON, &seen, &e), 0);
    assert_int_equal(store_last(s, "RANK", "no such", NULL, NULL, &e), 0);
    assert_int_equal(store_unfinished(s, NULL, NULL, &e), 0);
    assert_int_equal(store_uncounted(s, 0, NULL, NULL, &e), 0);
    assert_int_equal(store_retain(s, &(struct store_retention){NOON + 1, 3, 1}, &removed, &e), 0);
    assert_int_equal(store_retain(s, &(struct store_retention){0, 3, 1}, &removed, &e), 0);
}

static void no_question_looks_through_all_jobs(void **state)
{
    (void)state;
    store_close(opened()); /* SQLite is set up by its first user */
    assert_int_equal(sqlite3_auto_extension((void (*)(void))watch), SQLITE_OK);
    struct store *s = opened();
    sqlite3_reset_auto_extension();
    record_samples(s, 0, 10);
    record_samples(s, 0, 1);
    ask_everything(s);
    size_t of_jobs = 0;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(in_folder("shunt.db"), &db), SQLITE_OK);
    sqlite3_create_function(db, "holds", 2, SQLITE_UTF8, NULL, nothing, NULL, NULL);
    for (size_t i = 0; i < n_asked; i++) {
        char question[4096];
        snprintf(question, sizeof question, "EXPLAIN QUERY PLAN %s", asked[i]);
        sqlite3_stmt *plan;
        if (!strstr(asked[i], "processing_jobs") && !strstr(asked[i], "deliveries")) {
            continue;
        }
        if (sqlite3_prepare_v2(db, question, -1, &plan, NULL) != SQLITE_OK) {
            if (strstr(asked[i], "holds")) { /* the function is the store's own */
                fail_msg("%s", sqlite3_errmsg(db));
            }
            continue;
        }
        of_jobs++;
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(plan, 3);
            bool sorts =
                strstr(step, "TEMP B-TREE") && !strstr(asked[i], "INDEXED BY names"); /* a part's of one name */
            bool small = strstr(asked[i], "FROM uncounted") != NULL; /* holds the jobs of a few seconds */
            if ((strncmp(step, "SCAN", 4) == 0 || sorts) && (!small || strstr(step, "processing_jobs"))) {
                fail_msg("%s: %s", step, asked[i]);
            }
        }
        sqlite3_finalize(plan);
    }
    sqlite3_close(db);
    for (size_t i = 0; i < n_asked; i++) {
        free(asked[i]);
    }
    assert_true(of_jobs >= 20);
    store_close(s);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_prestate_setup_teardown(test, make_folder, remove_folder, (void *)(sqlite_url))
    const struct CMUnitTest tests[] = {
        ONE(a_bad_place_is_told_at_the_start),
        ONE(what_is_recorded_outlives_the_process),
        ONE(a_reader_sees_what_a_writer_records_and_changes_nothing),
        ONE(a_store_at_rest_is_read_without_the_right_to_write),
        ONE(the_database_of_another_program_is_left_alone),
        ONE(a_newer_database_is_refused_with_both_versions),
        ONE(an_older_database_is_brought_up_to_date),
        ONE(what_is_no_database_is_set_aside_and_never_lost),
        ONE(a_truncated_database_is_set_aside),
        ONE(damaged_pages_are_found_when_it_is_opened),
        ONE(damage_that_is_met_later_is_told_and_found_by_the_next_opening),
        ONE(on_a_full_disk_what_is_there_stays),
        ONE(a_limit_on_files_is_told_and_nothing_is_half_there),
        ONE(a_store_that_was_moved_away_takes_nothing),
        ONE(a_locked_database_is_busy),
        ONE(kill_9_leaves_all_or_none_of_a_batch),
        ONE(two_processes_record_and_a_third_reads_meanwhile),
        ONE(processes_that_start_together_make_one_database),
        ONE(a_backup_is_whole_while_work_goes_on),
        ONE(removed_jobs_take_their_deliveries_and_their_room_along),
        ONE(of_ended_messages_and_of_reports_the_newest_stay),
        ONE(a_check_tells_what_disagrees),
        ONE(no_question_looks_through_all_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
