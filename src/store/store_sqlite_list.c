/* store_sqlite_list.c: a page of jobs, the newest first.
 *
 * Rows are looked at a window at a time, from the newest down: what leads to them is chosen by the filter, all else is
 * asked of each row. A call looks at so many rows and no more; where these do not fill the page, it ends early with a
 * cursor, and the caller goes on from there if it likes. */
#include <string.h>

#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_sqlite.h"

#define WINDOW     1024
#define LOOK_STEPS 3000000 /* of SQLite's machine: some forty for a row; a few hundredths of a second */

enum lead { BY_ROWS, BY_NOT_COMPLETED, BY_ERROR, BY_NAME };

struct scan {
    const struct store_filter *filter;
    enum lead lead;
    char *client, *category, *destination; /* folded */
    unsigned statuses;
    int64_t since_ms, until_ms;
    size_t limit, count;
    int64_t low, high; /* the window */
    int64_t last;      /* row that was listed last */
    bool more;
    int64_t steps; /* what it has cost so far */
    struct row row;
    json_t *jobs;
};

static int prepare(struct scan *scan, const struct store_filter *f, struct error *e)
{
    const unsigned all = (1u << JOB_STATUSES) - 1;
    *scan = (struct scan){.filter = f, .limit = page_limit(f->limit)};
    scan->statuses = f->statuses == 0 ? all : f->statuses;
    scan->since_ms = f->since_ms == 0 ? INT64_MIN : f->since_ms;
    scan->until_ms = f->until_ms == 0 ? INT64_MAX : f->until_ms;
    scan->lead = f->error                                         ? BY_ERROR
                 : (scan->statuses & 1u << STATUS_COMPLETED) == 0 ? BY_NOT_COMPLETED
                 : f->name                                        ? BY_NAME
                                                                  : BY_ROWS;
    scan->client = f->client ? word_folded(f->client) : NULL;
    scan->category = f->category ? word_folded(f->category) : NULL;
    scan->destination = f->destination ? word_folded(f->destination) : NULL;
    scan->jobs = json_array();
    bool failed = (f->client && !scan->client) || (f->category && !scan->category) ||
                  (f->destination && !scan->destination) || !scan->jobs;
    return failed ? store_no_memory(e) : 0;
}

static void finish(struct scan *scan)
{
    mem_free(scan->client);
    mem_free(scan->category);
    mem_free(scan->destination);
    row_fini(&scan->row);
    json_decref(scan->jobs);
}

static void count_steps(struct scan *scan, sqlite3_stmt *statement)
{
    scan->steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
}

/* ---- windows: 1: scan->low to scan->high, at most `high`; 0: there is none ---- */

static int block_window(struct sqlite_store *s, struct scan *scan, int64_t high, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_NEXT_BLOCK, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, high >> BLOCK_SHIFT);
    (void)sqlite3_bind_int64(statement, 2, scan->since_ms);
    (void)sqlite3_bind_int64(statement, 3, scan->until_ms);
    bind_text(statement, 4, scan->client);
    bind_text(statement, 5, scan->category);
    bind_text(statement, 6, scan->destination);
    rc = sql_step(s, statement, e);
    count_steps(scan, statement);
    if (rc == 1) {
        int64_t block = sqlite3_column_int64(statement, 0), end = ((block + 1) << BLOCK_SHIFT) - 1;
        scan->low = block << BLOCK_SHIFT;
        scan->high = end < high ? end : high;
        (void)sqlite3_reset(statement);
    }
    return rc;
}

static int sparse_window(struct sqlite_store *s, struct scan *scan, int64_t high, struct error *e)
{
    sqlite3_stmt *statement;
    enum sql which = scan->lead == BY_ERROR ? SQL_SPARSE_ERROR : SQL_SPARSE_NOT_COMPLETED;
    int rc = sql_get(s, which, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, high);
    (void)sqlite3_bind_int(statement, 2, WINDOW - 1);
    rc = sql_step(s, statement, e);
    if (rc >= 0) {
        scan->low = rc == 1 ? sqlite3_column_int64(statement, 0) : 0;
        scan->high = high;
        (void)sqlite3_reset(statement);
    }
    return rc < 0 ? rc : 1;
}

static int window(struct sqlite_store *s, struct scan *scan, int64_t high, struct error *e)
{
    if (high <= 0) {
        return 0;
    }
    switch (scan->lead) {
    case BY_ROWS:
        return block_window(s, scan, high, e);
    case BY_NAME:
        scan->low = high >> NAMES_SHIFT << NAMES_SHIFT;
        scan->high = high;
        return 1;
    default:
        return sparse_window(s, scan, high, e);
    }
}

/* ---- the rows of a window ---- */

static void bind_filter(sqlite3_stmt *to, const struct scan *scan)
{
    const struct store_filter *f = scan->filter;
    (void)sqlite3_bind_int64(to, 1, scan->low);
    (void)sqlite3_bind_int64(to, 2, scan->high);
    (void)sqlite3_bind_int64(to, 3, scan->statuses);
    bind_text(to, 4, f->client);
    bind_text(to, 5, f->category);
    bind_text(to, 6, f->destination);
    bind_text(to, 7, f->error);
    bind_text(to, 8, f->text);
    bind_text(to, 9, f->folder);
    bind_text(to, 10, f->name);
    (void)sqlite3_bind_int64(to, 11, scan->since_ms);
    (void)sqlite3_bind_int64(to, 12, scan->until_ms);
    /* one more tells whether there is more */
    (void)sqlite3_bind_int64(to, 13, (int64_t)(scan->limit - scan->count + 1));
}

static int take_rows(struct sqlite_store *s, struct scan *scan, struct error *e)
{
    static const enum sql by[] = {SQL_LIST_ROWS, SQL_LIST_NOT_COMPLETED, SQL_LIST_ERROR, SQL_LIST_NAME};
    sqlite3_stmt *statement;
    int rc = sql_get(s, by[scan->lead], &statement, e);
    if (rc) {
        return rc;
    }
    bind_filter(statement, scan);
    while ((rc = sql_step(s, statement, e)) == 1) {
        if (scan->count == scan->limit) {
            scan->more = true;
            (void)sqlite3_reset(statement);
            return 0;
        }
        rc = row_read(s, statement, &scan->row, e);
        if (rc == 0 && json_array_append_new(scan->jobs, json_job(&scan->row.job)) != 0) {
            rc = store_no_memory(e);
        }
        if (rc) {
            return rc;
        }
        scan->last = scan->row.row;
        scan->count++;
    }
    count_steps(scan, statement);
    return rc;
}

/* *next: the page goes on below it; 0: nothing is left. */
static int take_page(struct sqlite_store *s, struct scan *scan, int64_t high, int64_t *next, struct error *e)
{
    *next = 0;
    for (;;) {
        int rc = window(s, scan, high, e);
        if (rc <= 0) {
            return rc;
        }
        if (scan->steps >= LOOK_STEPS) {
            *next = scan->high + 1;
            return 0;
        }
        rc = take_rows(s, scan, e);
        if (rc || scan->more) {
            *next = scan->last;
            return rc;
        }
        high = scan->low - 1;
    }
}

int sqlite_list(struct store *store, const struct store_filter *filter, json_t **out, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    struct scan scan;
    int64_t high, next = 0;
    uint64_t cursor;
    if (!cursor_of(filter, &cursor, e)) {
        return ERR_USAGE;
    }
    int rc = prepare(&scan, filter, e);
    rc = rc ? rc : sql_begin(s, false, e);
    if (rc) {
        finish(&scan);
        return rc;
    }
    rc = next_row(s, &high, e);
    if (rc == 0) {
        rc = take_page(s, &scan, cursor < (uint64_t)high ? (int64_t)cursor - 1 : high - 1, &next, e);
    }
    rc = sql_end(s, rc, e);
    if (rc == 0) {
        *out = json_page(json_incref(scan.jobs), (uint64_t)next);
        rc = *out ? 0 : store_no_memory(e);
    }
    finish(&scan);
    return rc;
}
