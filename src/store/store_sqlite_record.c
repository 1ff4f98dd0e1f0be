/* store_sqlite_record.c: jobs are recorded, one transaction a call.
 *
 * Most jobs are new, so they are inserted at once, without looking whether they are there; one that is there then takes
 * on what is given. Rows are numbered here and not by SQLite, which would give a number again after the newest is removed.
 * How many there are of each status is counted along. */
#include <string.h>

#include "shunt/base/str.h"

#include "store_json.h"
#include "store_sqlite.h"

struct batch {
    int64_t next_row;
    int64_t delta[JOB_STATUSES];
    struct block_times times;
    struct str events; /* of the job in hand */
};

int next_row(struct sqlite_store *s, int64_t *row, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_NEXT_ROW, &statement, e);
    if (rc == 0 && (rc = sql_step(s, statement, e)) == 1) {
        *row = sqlite3_column_int64(statement, 0);
        (void)sqlite3_reset(statement);
        return 0;
    }
    return rc ? rc : error_set(e, ERR_SYNTAX, "the store %s: its totals are missing", s->path);
}

int totals_add(struct sqlite_store *s, const int64_t delta[JOB_STATUSES], int64_t next, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_TOTALS_ADD, &statement, e);
    if (rc) {
        return rc;
    }
    for (int i = 0; i < JOB_STATUSES; i++) {
        (void)sqlite3_bind_int64(statement, i + 1, delta[i]);
    }
    (void)sqlite3_bind_int64(statement, JOB_STATUSES + 1, next);
    return sql_run(s, statement, e);
}

static int set_deliveries(struct sqlite_store *s, int64_t row, const struct store_job *job, struct error *e)
{
    sqlite3_stmt *to;
    int rc = sql_get(s, SQL_DELIVERY_SET, &to, e);
    for (size_t i = 0; rc == 0 && i < job->n_deliveries; i++) {
        (void)sqlite3_bind_int64(to, 1, row);
        (void)sqlite3_bind_int64(to, 2, (int64_t)i);
        row_bind_delivery(to, 3, &job->deliveries[i]);
        rc = sql_run(s, to, e);
    }
    return rc;
}

static int add_events(struct str *events, const struct store_job *job, struct error *e)
{
    events_add(events, job->events, job->n_events);
    return str_failed(events) ? store_no_memory(e) : 0;
}

/* 1: added; 0: there is one of that id. */
static int add(struct sqlite_store *s, struct batch *b, const struct store_job *job, struct error *e)
{
    sqlite3_stmt *statement;
    str_clear(&b->events);
    int rc = add_events(&b->events, job, e);
    rc = rc ? rc : sql_get(s, SQL_JOB_ADD, &statement, e);
    if (rc) {
        return rc;
    }
    row_bind(statement, b->next_row, job, &b->events);
    rc = sql_run(s, statement, e);
    return rc ? rc : sqlite3_changes(s->db);
}

static int find(struct sqlite_store *s, struct batch *b, const char *id, int64_t *row, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_JOB_FIND, &statement, e);
    if (rc) {
        return rc;
    }
    bind_text(statement, 1, id);
    rc = sql_step(s, statement, e);
    if (rc != 1) {
        return rc ? rc : error_set(e, ERR_SYNTAX, "the store %s: an index disagrees with its table", s->path);
    }
    *row = sqlite3_column_int64(statement, 0);
    int status = sqlite3_column_int(statement, 1);
    const char *events = (const char *)sqlite3_column_text(statement, 2);
    if (status >= 0 && status < JOB_STATUSES) {
        b->delta[status]--;
    }
    str_clear(&b->events);
    str_puts(&b->events, events ? events : "");
    (void)sqlite3_reset(statement);
    return events ? 0 : store_no_memory(e);
}

static int update(struct sqlite_store *s, struct batch *b, const struct store_job *job, int64_t *row, struct error *e)
{
    sqlite3_stmt *statement, *cut;
    int rc = find(s, b, job->id, row, e);
    rc = rc ? rc : add_events(&b->events, job, e);
    rc = rc ? rc : sql_get(s, SQL_JOB_UPDATE, &statement, e);
    rc = rc ? rc : sql_get(s, SQL_DELIVERIES_CUT, &cut, e);
    if (rc) {
        return rc;
    }
    row_bind(statement, *row, job, &b->events);
    rc = sql_run(s, statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(cut, 1, *row);
    (void)sqlite3_bind_int64(cut, 2, (int64_t)job->n_deliveries);
    return sql_run(s, cut, e);
}

/* known: the job was there before, and may have been to be counted. */
static int set_uncounted(struct sqlite_store *s, int64_t row, const struct store_job *job, bool known, struct error *e)
{
    sqlite3_stmt *statement;
    if (job->outcome == 0 && !known) {
        return 0;
    }
    int rc = sql_get(s, job->outcome > 0 ? SQL_UNCOUNTED_SET : SQL_UNCOUNTED_DROP, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, row);
    if (job->outcome > 0) {
        (void)sqlite3_bind_int64(statement, 2, job->instance);
        (void)sqlite3_bind_int64(statement, 3, (int64_t)job->outcome);
    }
    return sql_run(s, statement, e);
}

static int record_one(struct sqlite_store *s, struct batch *b, const struct store_job *job, struct error *e)
{
    int64_t row = b->next_row;
    int added = add(s, b, job, e);
    int rc = added < 0 ? added : added == 0 ? update(s, b, job, &row, e) : 0;
    if (rc) {
        return rc;
    }
    b->next_row += added;
    b->delta[job->status]++;
    rc = set_deliveries(s, row, job, e);
    rc = rc ? rc : set_uncounted(s, row, job, added == 0, e);
    rc = rc ? rc : words_note(s, row, job, e);
    return rc ? rc : times_note(s, &b->times, row, job, e);
}

int sqlite_record(struct store *store, const struct store_job *jobs, size_t count, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    struct batch b = {.times.block = -1, .events = STR_INIT};
    int rc = sql_begin(s, true, e);
    if (rc) {
        return rc;
    }
    rc = next_row(s, &b.next_row, e);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = record_one(s, &b, &jobs[i], e);
    }
    rc = rc ? rc : times_flush(s, &b.times, e);
    rc = rc ? rc : totals_add(s, b.delta, b.next_row, e);
    rc = sql_end(s, rc, e);
    if (rc) {
        words_forget(s);
    }
    str_fini(&b.events);
    return rc;
}
