/* store_sqlite_job.c: a row of processing_jobs and its deliveries as structs, both ways. Which column is which is known here:
 * what is read and what is written stand in the order of JOB_COLUMNS and DELIVERY_COLUMNS. */
#include <string.h>

#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_sqlite.h"

static const char *text_at(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

static char *copy_at(sqlite3_stmt *statement, int column, bool *failed)
{
    const char *text = text_at(statement, column);
    char *copy = text ? mem_strdup(text) : NULL;
    *failed = *failed || (text && !copy);
    return copy;
}

static void forget_deliveries(struct row *row)
{
    for (size_t i = 0; i < row->job.n_deliveries; i++) {
        struct store_delivery *d = &row->deliveries[i];
        mem_free((char *)d->destination);
        mem_free((char *)d->label);
        mem_free((char *)d->final_name);
        mem_free((char *)d->error);
    }
    row->job.n_deliveries = 0;
}

void row_fini(struct row *row)
{
    forget_deliveries(row);
    mem_free(row->deliveries);
}

static bool make_room(struct row *row)
{
    if (row->job.n_deliveries < row->room) {
        return true;
    }
    size_t room = row->room > 0 ? 2 * row->room : 8;
    struct store_delivery *more = mem_resize(row->deliveries, room * sizeof *more);
    if (more) {
        row->deliveries = more;
        row->room = room;
    }
    return more != NULL;
}

void row_bind_delivery(sqlite3_stmt *to, int first, const struct store_delivery *d)
{
    bind_text(to, first, d->destination);
    bind_text(to, first + 1, d->label);
    (void)sqlite3_bind_int(to, first + 2, (int)d->state);
    (void)sqlite3_bind_int64(to, first + 3, d->attempts);
    bind_time(to, first + 4, d->next_ms);
    bind_time(to, first + 5, d->done_ms);
    bind_text(to, first + 6, d->final_name);
    bind_text(to, first + 7, d->error);
}

static bool add_delivery(struct row *row, sqlite3_stmt *from)
{
    if (!make_room(row)) {
        return false;
    }
    bool failed = false;
    int state = sqlite3_column_int(from, 2);
    row->deliveries[row->job.n_deliveries++] = (struct store_delivery){
        .destination = copy_at(from, 0, &failed),
        .label = copy_at(from, 1, &failed),
        .state = state >= 0 && state < DELIVERY_STATES ? (enum delivery_state)state : DELIVERY_FAILED,
        .attempts = (unsigned)sqlite3_column_int64(from, 3),
        .next_ms = sqlite3_column_int64(from, 4),
        .done_ms = sqlite3_column_int64(from, 5),
        .final_name = copy_at(from, 6, &failed),
        .error = copy_at(from, 7, &failed),
    };
    return !failed;
}

static int read_deliveries(struct sqlite_store *s, struct row *row, struct error *e)
{
    sqlite3_stmt *from;
    int rc = sql_get(s, SQL_DELIVERIES, &from, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(from, 1, row->row);
    while ((rc = sql_step(s, from, e)) == 1) {
        if (!add_delivery(row, from)) {
            (void)sqlite3_reset(from);
            return store_no_memory(e);
        }
    }
    row->job.deliveries = row->deliveries;
    return rc;
}

void row_bind(sqlite3_stmt *to, int64_t row, const struct store_job *job, const struct str *events)
{
    (void)sqlite3_bind_int64(to, 1, row);
    bind_text(to, 2, job->id);
    (void)sqlite3_bind_int(to, 3, (int)job->status);
    (void)sqlite3_bind_int64(to, 4, job->created_ms);
    bind_text(to, 5, job->client);
    bind_text(to, 6, job->category);
    bind_text(to, 7, job->folder);
    bind_text(to, 8, job->name);
    bind_text(to, 9, job->title);
    bind_text(to, 10, job->error);
    bind_text(to, 11, job->source);
    bind_text(to, 12, job->phase);
    bind_text(to, 13, job->studio);
    bind_text(to, 14, job->path);
    (void)sqlite3_bind_int64(to, 15, (int64_t)job->size);
    (void)sqlite3_bind_blob(to, 16, job->sha256, job->sha256 ? STORE_HASH_SIZE : 0, SQLITE_STATIC);
    (void)sqlite3_bind_int64(to, 17, (int64_t)job->claim.device);
    (void)sqlite3_bind_int64(to, 18, (int64_t)job->claim.inode);
    (void)sqlite3_bind_int64(to, 19, job->claim.mtime_ns);
    (void)sqlite3_bind_int64(to, 20, job->retries);
    (void)sqlite3_bind_int64(to, 21, job->crashes);
    bind_time(to, 22, job->started_ms);
    bind_time(to, 23, job->completed_ms);
    (void)sqlite3_bind_text(to, 24, events->bytes, (int)events->len, SQLITE_STATIC);
}

int row_read(struct sqlite_store *s, sqlite3_stmt *from, struct row *row, struct error *e)
{
    forget_deliveries(row);
    row->row = sqlite3_column_int64(from, 0);
    int status = sqlite3_column_int(from, 2);
    row->job = (struct store_job){
        .id = text_at(from, 1),
        .status = status >= 0 && status < JOB_STATUSES ? (enum job_status)status : STATUS_FAILED,
        .created_ms = sqlite3_column_int64(from, 3),
        .client = text_at(from, 4),
        .category = text_at(from, 5),
        .folder = text_at(from, 6),
        .name = text_at(from, 7),
        .title = text_at(from, 8),
        .error = text_at(from, 9),
        .source = text_at(from, 10),
        .phase = text_at(from, 11),
        .studio = text_at(from, 12),
        .path = text_at(from, 13),
        .size = (uint64_t)sqlite3_column_int64(from, 14),
        .sha256 = sqlite3_column_bytes(from, 15) == STORE_HASH_SIZE ? sqlite3_column_blob(from, 15) : NULL,
        .claim = {(uint64_t)sqlite3_column_int64(from, 16), (uint64_t)sqlite3_column_int64(from, 17),
                  sqlite3_column_int64(from, 18)},
        .retries = (unsigned)sqlite3_column_int64(from, 19),
        .crashes = (unsigned)sqlite3_column_int64(from, 20),
        .started_ms = sqlite3_column_int64(from, 21),
        .completed_ms = sqlite3_column_int64(from, 22),
    };
    return read_deliveries(s, row, e);
}
