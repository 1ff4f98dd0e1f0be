/* store_sqlite_read.c: jobs are looked up. Each call reads within one transaction: job and deliveries are of one moment.
 *
 * By name: the index is in parts, each of NAMES_SHIFT's rows; they are asked one after the other, the newest first. */
#include <string.h>

#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_sqlite.h"

int sqlite_unfinished(struct store *store, store_each_cb each, void *user, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    struct row row = {0};
    sqlite3_stmt *statement;
    int rc = sql_begin(s, false, e), answer = 0;
    if (rc) {
        return rc;
    }
    rc = sql_get(s, SQL_UNFINISHED, &statement, e);
    while (rc == 0 && answer == 0 && (rc = sql_step(s, statement, e)) == 1) {
        rc = row_read(s, statement, &row, e);
        answer = rc ? 0 : each(user, &row.job);
    }
    row_fini(&row);
    rc = sql_end(s, rc, e);
    return rc ? rc : answer;
}

int sqlite_uncounted(struct store *store, unsigned instance, store_each_cb each, void *user, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    struct row row = {0};
    sqlite3_stmt *statement;
    int rc = sql_begin(s, false, e), answer = 0;
    if (rc) {
        return rc;
    }
    rc = sql_get(s, SQL_UNCOUNTED, &statement, e);
    if (rc == 0) {
        (void)sqlite3_bind_int64(statement, 1, instance);
    }
    while (rc == 0 && answer == 0 && (rc = sql_step(s, statement, e)) == 1) {
        rc = row_read(s, statement, &row, e);
        row.job.instance = instance;
        row.job.outcome = (uint64_t)sqlite3_column_int64(statement, 24);
        answer = rc ? 0 : each(user, &row.job);
    }
    row_fini(&row);
    rc = sql_end(s, rc, e);
    return rc ? rc : answer;
}

/* The newest by name, in *row, which is borrowed until the statement's next step. 1: found. */
static int newest(struct sqlite_store *s, enum sql which, const char *folder, const char *name,
                  const struct store_claim *file, struct row *row, struct error *e)
{
    int64_t next = 0;
    sqlite3_stmt *statement;
    int rc = next_row(s, &next, e);
    rc = rc ? rc : sql_get(s, which, &statement, e);
    for (int64_t part = next >> NAMES_SHIFT; rc == 0 && part >= 0; part--) {
        (void)sqlite3_bind_int64(statement, 1, part);
        bind_text(statement, 2, name);
        if (which != SQL_BY_NAME) {
            bind_text(statement, 3, folder);
        }
        if (which == SQL_LAST_OF_FILE) {
            (void)sqlite3_bind_int64(statement, 4, (int64_t)file->inode);
            (void)sqlite3_bind_int64(statement, 5, file->mtime_ns);
        }
        rc = sql_step(s, statement, e);
    }
    if (rc == 1) {
        int failed = row_read(s, statement, row, e);
        rc = failed ? failed : 1;
    }
    return rc;
}

int sqlite_last(struct store *store, const char *folder, const char *name, const struct store_claim *file,
                store_each_cb each, void *user, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    struct row row = {0};
    int rc = sql_begin(s, false, e), answer = 0;
    if (rc) {
        return rc;
    }
    rc = file ? newest(s, SQL_LAST_OF_FILE, folder, name, file, &row, e) : 0;
    rc = rc ? rc : newest(s, SQL_LAST, folder, name, NULL, &row, e);
    if (rc == 1) {
        answer = each(user, &row.job);
        rc = 0;
    }
    row_fini(&row);
    rc = sql_end(s, rc, e);
    return rc ? rc : answer;
}

static int first_part(struct sqlite_store *s, int64_t since_ms, int64_t *part, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_FIRST_COMPLETED, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, since_ms);
    rc = sql_step(s, statement, e);
    if (rc == 1) {
        bool none = sqlite3_column_type(statement, 0) == SQLITE_NULL;
        *part = none ? INT64_MAX : sqlite3_column_int64(statement, 0) >> (NAMES_SHIFT - BLOCK_SHIFT);
        rc = 0;
        (void)sqlite3_reset(statement);
    }
    return rc;
}

/* What one part of the index says. False: look no further. */
static bool seen_in_part(sqlite3_stmt *statement, struct store_seen *last, bool *same)
{
    int64_t at = sqlite3_column_int64(statement, 1);
    const char *id = (const char *)sqlite3_column_text(statement, 2);
    bool put_back = sqlite3_column_int(statement, 0) == STATUS_FAILED;
    if (put_back) {
        *same = false;
    } else if (id && at > last->completed_ms) {
        last->completed_ms = at;
        memccpy(last->id, id, '\0', sizeof last->id);
        *same = sqlite3_column_int(statement, 3) != 0;
    }
    return !put_back;
}

int sqlite_seen(struct store *store, const struct store_job *job, int64_t since_ms, struct store_seen *out,
                struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    struct store_seen last = {.completed_ms = 0};
    int64_t next = 0, first = 0;
    bool more = true, same = false;
    sqlite3_stmt *statement;
    int rc = sql_begin(s, false, e);
    if (rc) {
        return rc;
    }
    rc = next_row(s, &next, e);
    rc = rc ? rc : first_part(s, since_ms, &first, e);
    rc = rc ? rc : sql_get(s, SQL_SEEN, &statement, e);
    for (int64_t part = next >> NAMES_SHIFT; rc == 0 && more && part >= first; part--) {
        (void)sqlite3_bind_int64(statement, 1, part);
        bind_text(statement, 2, job->name);
        bind_text(statement, 3, job->folder);
        (void)sqlite3_bind_blob(statement, 4, job->sha256, STORE_HASH_SIZE, SQLITE_STATIC);
        (void)sqlite3_bind_int64(statement, 5, since_ms);
        (void)sqlite3_bind_int64(statement, 6, (int64_t)job->claim.inode);
        (void)sqlite3_bind_int64(statement, 7, job->claim.mtime_ns);
        if ((rc = sql_step(s, statement, e)) == 1) {
            more = seen_in_part(statement, &last, &same);
            rc = 0;
            (void)sqlite3_reset(statement);
        }
    }
    if (rc == 0 && same) {
        *out = last;
    }
    return sql_end(s, rc, e);
}

/* 1: found, in *row; ERR_CONFLICT. */
static int by_id(struct sqlite_store *s, const char *id, struct row *row, struct error *e)
{
    size_t n = strlen(id);
    char *after = mem_strndup(id, n);
    sqlite3_stmt *statement;
    int rc = after ? sql_get(s, SQL_BY_ID, &statement, e) : store_no_memory(e);
    if (rc || n == 0 || (unsigned char)after[n - 1] >= 0x7f) { /* no id has such bytes */
        mem_free(after);
        return rc;
    }
    after[n - 1]++;
    bind_text(statement, 1, id);
    bind_text(statement, 2, after);
    rc = sql_step(s, statement, e);
    if (rc == 1) {
        int failed = row_read(s, statement, row, e);
        bool whole = strlen(row->job.id) == n; /* the first in order */
        /* stepping on gives up what was read */
        rc = failed ? failed : whole ? 1 : sql_step(s, statement, e);
        if (rc == 1 && !whole) {
            rc = error_set(e, ERR_CONFLICT, "%s: several jobs' ids begin so; give more of it", id);
        } else if (rc == 0) {
            rc = sql_step(s, statement, e);
            failed = rc == 1 ? row_read(s, statement, row, e) : 0;
            rc = failed ? failed : rc;
        }
    }
    mem_free(after);
    return rc;
}

int sqlite_find(struct store *store, const char *id, store_each_cb each, void *user, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    struct row row = {0};
    int rc = sql_begin(s, false, e), answer = 0;
    if (rc) {
        return rc;
    }
    rc = by_id(s, id, &row, e);
    if (rc == 1 && strcmp(row.job.id, id) == 0) {
        answer = each(user, &row.job);
    }
    row_fini(&row);
    if (rc == ERR_CONFLICT) { /* it is but the beginning of several */
        error_clear(e);
    }
    rc = sql_end(s, rc == 1 || rc == ERR_CONFLICT ? 0 : rc, e);
    return rc ? rc : answer;
}

static int whole(struct sqlite_store *s, const struct row *row, json_t **out, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_EVENTS, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, row->row);
    if ((rc = sql_step(s, statement, e)) == 1) {
        const char *events = (const char *)sqlite3_column_text(statement, 0);
        rc = events ? json_job_whole(&row->job, events, out, e) : store_no_memory(e);
    }
    return rc;
}

int sqlite_show(struct store *store, const char *id, json_t **out, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    struct row row = {0};
    int rc = sql_begin(s, false, e);
    if (rc) {
        return rc;
    }
    rc = by_id(s, id, &row, e);
    rc = rc ? rc : newest(s, SQL_BY_NAME, NULL, id, NULL, &row, e);
    rc = rc == 1   ? whole(s, &row, out, e)
         : rc == 0 ? error_set(e, ERR_GONE, "%s: no job has this id or file name", id)
                   : rc;
    row_fini(&row);
    return sql_end(s, rc, e);
}

int sqlite_totals(struct store *store, json_t **out, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *totals, *oldest;
    int rc = sql_begin(s, false, e);
    if (rc) {
        return rc;
    }
    rc = sql_get(s, SQL_TOTALS, &totals, e);
    rc = rc ? rc : sql_get(s, SQL_OLDEST_PENDING, &oldest, e);
    if (rc == 0 && (rc = sql_step(s, totals, e)) == 1 && (rc = sql_step(s, oldest, e)) == 1) {
        int64_t counts[JOB_STATUSES];
        for (int i = 0; i < JOB_STATUSES; i++) {
            counts[i] = sqlite3_column_int64(totals, i);
        }
        *out = json_totals(counts, sqlite3_column_int64(oldest, 0));
        rc = *out ? 0 : store_no_memory(e);
    }
    return sql_end(s, rc, e);
}
