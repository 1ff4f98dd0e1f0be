/* store_sqlite_retain.c: old jobs go, a bounded number a call, with their deliveries, counts and blocks' notes. */
#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_sqlite.h"

#define ROOM_PAGES  "1024" /* given back to the file system in one call */
#define ALERTS_KEEP 10000
#define OUTBOX_KEEP 5000

struct removal {
    struct sqlite_store *s;
    size_t most, count; /* of this call */
    int64_t *rows;      /* of the statement that runs */
    size_t n;
    int64_t delta[JOB_STATUSES];
    int64_t next_row;
};

/* Gathered before they are deleted: a statement does not like its table changed under it. */
static int gather(struct removal *r, sqlite3_stmt *statement, struct error *e)
{
    int rc;
    r->n = 0;
    while ((rc = sql_step(r->s, statement, e)) == 1) {
        int status = sqlite3_column_int(statement, 1);
        r->rows[r->n++] = sqlite3_column_int64(statement, 0);
        if (status >= 0 && status < JOB_STATUSES) {
            r->delta[status]--;
        }
    }
    return rc;
}

static int run_on(struct removal *r, enum sql which, int64_t key, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(r->s, which, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, key);
    return sql_run(r->s, statement, e);
}

static int tidy_block(struct removal *r, int64_t block, struct error *e)
{
    sqlite3_stmt *left, *times;
    int rc = sql_get(r->s, SQL_BLOCK_LEFT, &left, e);
    rc = rc ? rc : sql_get(r->s, SQL_BLOCK_TIMES, &times, e);
    if (rc) {
        return rc;
    }
    int64_t low = block << BLOCK_SHIFT, high = ((block + 1) << BLOCK_SHIFT) - 1;
    (void)sqlite3_bind_int64(left, 1, low);
    (void)sqlite3_bind_int64(left, 2, high);
    rc = sql_step(r->s, left, e);
    bool empty = rc == 1 && sqlite3_column_int64(left, 0) == 0;
    (void)sqlite3_reset(left);
    if (rc < 0) {
        return rc;
    }
    if (!empty) {
        (void)sqlite3_bind_int64(times, 1, block);
        (void)sqlite3_bind_int64(times, 2, low);
        (void)sqlite3_bind_int64(times, 3, high);
        return sql_run(r->s, times, e);
    }
    if (high >= r->next_row) {
        return 0; /* the newest: whoever adds to it trusts in what it noted there */
    }
    rc = run_on(r, SQL_WORDS_DELETE, block, e);
    return rc ? rc : run_on(r, SQL_BLOCK_DELETE, block, e);
}

/* Rows ascend, so that a block's are together. */
static int delete_gathered(struct removal *r, struct error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n; i++) {
        rc = run_on(r, SQL_JOB_DELETE, r->rows[i], e);
        int64_t block = r->rows[i] >> BLOCK_SHIFT;
        if (rc == 0 && (i + 1 == r->n || r->rows[i + 1] >> BLOCK_SHIFT != block)) {
            rc = tidy_block(r, block, e);
        }
    }
    r->count += r->n;
    return rc;
}

static int remove_of_block(struct removal *r, int64_t block, int64_t before_ms, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(r->s, SQL_OLD_JOBS, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, block << BLOCK_SHIFT);
    (void)sqlite3_bind_int64(statement, 2, ((block + 1) << BLOCK_SHIFT) - 1);
    (void)sqlite3_bind_int64(statement, 3, before_ms);
    (void)sqlite3_bind_int64(statement, 4, (int64_t)(r->most - r->count));
    rc = gather(r, statement, e);
    return rc ? rc : delete_gathered(r, e);
}

static int remove_old(struct removal *r, int64_t before_ms, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(r->s, SQL_OLD_BLOCKS, &statement, e);
    for (int64_t block = 0; rc == 0 && r->count < r->most; block++) {
        (void)sqlite3_bind_int64(statement, 1, block);
        (void)sqlite3_bind_int64(statement, 2, before_ms);
        rc = sql_step(r->s, statement, e);
        if (rc != 1) {
            return rc;
        }
        block = sqlite3_column_int64(statement, 0);
        (void)sqlite3_reset(statement);
        rc = remove_of_block(r, block, before_ms, e);
    }
    return rc;
}

static int remove_surplus(struct removal *r, uint64_t keep, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(r->s, SQL_TOTALS, &statement, e);
    if (rc || (rc = sql_step(r->s, statement, e)) != 1) {
        return rc;
    }
    int64_t surplus = -(int64_t)keep;
    for (int i = 0; i < JOB_STATUSES; i++) {
        surplus += sqlite3_column_int64(statement, i) + r->delta[i];
    }
    (void)sqlite3_reset(statement);
    if (surplus <= 0 || (rc = sql_get(r->s, SQL_OLDEST_JOBS, &statement, e)) != 0) {
        return rc;
    }
    int64_t most = (int64_t)(r->most - r->count);
    (void)sqlite3_bind_int64(statement, 1, surplus < most ? surplus : most);
    rc = gather(r, statement, e);
    return rc ? rc : delete_gathered(r, e);
}

int sqlite_retain(struct store *store, const struct store_retention *what, size_t *removed, struct error *e)
{
    struct removal r = {.s = (struct sqlite_store *)store, .most = what->most};
    r.rows = mem_alloc(what->most * sizeof *r.rows);
    if (!r.rows) {
        return store_no_memory(e);
    }
    int rc = sql_begin(r.s, true, e);
    if (rc) {
        mem_free(r.rows);
        return rc;
    }
    rc = next_row(r.s, &r.next_row, e);
    if (rc == 0 && what->before_ms > 0) {
        rc = remove_old(&r, what->before_ms, e);
    }
    if (rc == 0 && what->keep_rows > 0 && r.count < r.most) {
        rc = remove_surplus(&r, what->keep_rows, e);
    }
    rc = rc ? rc : totals_add(r.s, r.delta, r.next_row, e);
    rc = rc ? rc : run_on(&r, SQL_ALERTS_TRIM, ALERTS_KEEP, e);
    rc = rc ? rc : run_on(&r, SQL_OUTBOX_TRIM, OUTBOX_KEEP, e);
    rc = sql_end(r.s, rc, e);
    mem_free(r.rows);
    if (rc) {
        return rc;
    }
    *removed = r.count;
    /* what was removed stays removed: room that is not given back now is the next time */
    (void)sql_exec(r.s, "PRAGMA incremental_vacuum(" ROOM_PAGES ")", NULL);
    return 0;
}
