/* sqlite_files.h: the files of the SQLite driver, as another program sees them, for the tests of what only this driver
 * promises. */
#ifndef SHUNT_TEST_SQLITE_FILES_H
#define SHUNT_TEST_SQLITE_FILES_H

#include <sqlite3.h>

#include "samples.h"

static const char sqlite_url[] = "sqlite:shunt.db";

static inline void put_file(const char *name, const char *bytes, size_t n)
{
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static inline bool exists(const char *name)
{
    return access(in_folder(name), F_OK) == 0;
}

/* As another program would. */
static inline void run_sql(const char *name, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(in_folder(name), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s", why);
    }
    sqlite3_close(db);
}

static inline int64_t number(const char *name, const char *sql)
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

static inline int refusal(const char *where, enum store_mode mode, struct error *e)
{
    struct store *s;
    error_clear(e);
    int rc = store_open(&s, where, folder, mode, e);
    assert_null(s);
    return rc;
}

static inline void fill_and_close(void)
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

#define ONE(test) ON(test, sqlite_url)

#endif
