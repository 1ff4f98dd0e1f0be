/* No question looks through all jobs. */
#include "sqlite_files.h"

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
    assert_int_equal(store_last(s, "RANK", "no such", &(struct store_claim){.inode = 1}, NULL, NULL, &e), 0);
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
    const struct CMUnitTest tests[] = {
        ONE(no_question_looks_through_all_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
