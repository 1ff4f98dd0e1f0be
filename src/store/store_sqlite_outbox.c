/* store_sqlite_outbox.c: messages to the outside. */
#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_sqlite.h"

int sqlite_outbox_put(struct store *store, const struct store_message *m, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement;
    char *text;
    int rc = sql_get(s, SQL_OUTBOX_PUT, &statement, e);
    rc = rc ? rc : json_encode(m->document, &text, e);
    if (rc) {
        return rc;
    }
    bind_text(statement, 1, m->kind);
    bind_text(statement, 2, m->key);
    bind_text(statement, 3, text);
    (void)sqlite3_bind_int64(statement, 4, m->created_ms);
    (void)sqlite3_bind_int64(statement, 5, m->due_ms);
    (void)sqlite3_bind_int64(statement, 6, m->expires_ms);
    rc = sql_begin(s, true, e);
    if (rc == 0) {
        rc = sql_end(s, sql_run(s, statement, e), e);
    }
    mem_free(text);
    return rc;
}

/* ---- taking ---- */

static int next_due(struct sqlite_store *s, int64_t *next, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_OUTBOX_NEXT, &statement, e);
    if (rc) {
        return rc;
    }
    rc = sql_step(s, statement, e);
    *next = rc == 1 ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_reset(statement);
    return rc < 0 ? rc : 0;
}

/* The rows are gathered in rows[]. */
static int gather(struct sqlite_store *s, sqlite3_stmt *due, json_t *messages, int64_t *rows, struct error *e)
{
    int rc;
    for (size_t n = 0; (rc = sql_step(s, due, e)) == 1; n++) {
        json_t *document;
        const char *text = (const char *)sqlite3_column_text(due, 3);
        rc = text ? json_decode(text, (size_t)sqlite3_column_bytes(due, 3), &document, e) : store_no_memory(e);
        if (rc) {
            return rc;
        }
        rows[n] = sqlite3_column_int64(due, 0);
        json_t *one =
            json_pack("{s:o, s:o, s:o, s:I, s:I, s:I}", "kind", json_text((const char *)sqlite3_column_text(due, 1)),
                      "key", json_text((const char *)sqlite3_column_text(due, 2)), "document", document, "created_ms",
                      (json_int_t)sqlite3_column_int64(due, 4), "expires_ms", (json_int_t)sqlite3_column_int64(due, 5),
                      "attempt", (json_int_t)sqlite3_column_int64(due, 6) + 1);
        if (json_array_append_new(messages, one) != 0) {
            return store_no_memory(e);
        }
    }
    return rc;
}

static int take(struct sqlite_store *s, const struct store_taking *t, json_t *messages, struct error *e)
{
    sqlite3_stmt *due, *taken;
    int64_t *rows = mem_alloc(t->most * sizeof *rows);
    int rc = rows ? sql_get(s, SQL_OUTBOX_DUE, &due, e) : store_no_memory(e);
    rc = rc ? rc : sql_get(s, SQL_OUTBOX_TAKE, &taken, e);
    if (rc == 0) {
        (void)sqlite3_bind_int64(due, 1, t->now_ms);
        (void)sqlite3_bind_int64(due, 2, (int64_t)t->most);
        rc = gather(s, due, messages, rows, e);
        (void)sqlite3_reset(due);
    }
    for (size_t i = 0; rc == 0 && i < json_array_size(messages); i++) {
        (void)sqlite3_bind_int64(taken, 1, rows[i]);
        (void)sqlite3_bind_int64(taken, 2, t->until_ms);
        (void)sqlite3_bind_int64(taken, 3, t->instance);
        rc = sql_run(s, taken, e);
    }
    mem_free(rows);
    return rc;
}

int sqlite_outbox_take(struct store *store, const struct store_taking *t, json_t **out, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    int64_t next = 0;
    json_t *messages = json_array();
    int rc = messages ? next_due(s, &next, e) : store_no_memory(e);
    if (rc == 0 && next != 0 && next <= t->now_ms && t->most > 0) { /* only then is there anything to write */
        rc = sql_begin(s, true, e);
        if (rc == 0) {
            rc = take(s, t, messages, e);
            rc = rc ? rc : next_due(s, &next, e);
            rc = sql_end(s, rc, e);
        }
    }
    *out = rc ? NULL : json_pack("{s:O, s:I}", "messages", messages, "next_ms", (json_int_t)next);
    json_decref(messages);
    return rc ? rc : *out ? 0 : store_no_memory(e);
}

int sqlite_outbox_release(struct store *store, unsigned instance, int64_t now_ms, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_OUTBOX_RELEASE, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, instance);
    (void)sqlite3_bind_int64(statement, 2, now_ms);
    rc = sql_begin(s, true, e);
    return rc ? rc : sql_end(s, sql_run(s, statement, e), e);
}

/* ---- what became of it ---- */

int sqlite_outbox_record(struct store *store, const struct store_sent *sent, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement;
    char *text = NULL;
    int rc = sql_get(s, SQL_OUTBOX_RECORD, &statement, e);
    rc = rc == 0 && sent->document ? json_encode(sent->document, &text, e) : rc;
    if (rc) {
        return rc;
    }
    bind_text(statement, 1, sent->key);
    (void)sqlite3_bind_int64(statement, 2, sent->attempt);
    (void)sqlite3_bind_int(statement, 3, (int)sent->state);
    (void)sqlite3_bind_int64(statement, 4, sent->due_ms);
    bind_time(statement, 5, sent->state == OUTBOX_WAITING ? 0 : sent->at_ms);
    bind_text(statement, 6, sent->error);
    bind_text(statement, 7, text);
    rc = sql_begin(s, true, e);
    if (rc == 0) {
        rc = sql_end(s, sql_run(s, statement, e), e);
    }
    mem_free(text);
    return rc;
}

/* ---- for people ---- */

static int list_one(json_t *list, sqlite3_stmt *row, struct error *e)
{
    json_t *to = NULL;
    const char *text = (const char *)sqlite3_column_text(row, 4);
    int rc = text ? json_decode(text, (size_t)sqlite3_column_bytes(row, 4), &to, e) : 0;
    if (rc) {
        return rc;
    }
    const struct outbox_row one = {
        .kind = (const char *)sqlite3_column_text(row, 0),
        .key = (const char *)sqlite3_column_text(row, 1),
        .state = sqlite3_column_int(row, 2),
        .subject = (const char *)sqlite3_column_text(row, 3),
        .to = to,
        .created_ms = sqlite3_column_int64(row, 5),
        .due_ms = sqlite3_column_int64(row, 6),
        .expires_ms = sqlite3_column_int64(row, 7),
        .ended_ms = sqlite3_column_int64(row, 8),
        .attempts = sqlite3_column_int64(row, 9),
        .error = (const char *)sqlite3_column_text(row, 10),
    };
    rc = json_array_append_new(list, json_outbox_row(&one)) == 0 ? 0 : store_no_memory(e);
    json_decref(to);
    return rc;
}

int sqlite_outbox_list(struct store *store, unsigned states, size_t limit, json_t **out, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_OUTBOX_LIST, &statement, e);
    if (rc) {
        return rc;
    }
    json_t *list = json_array();
    (void)sqlite3_bind_int64(statement, 1, states ? states : (1u << OUTBOX_STATES) - 1);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)page_limit(limit));
    rc = list ? 0 : store_no_memory(e);
    while (rc == 0 && (rc = sql_step(s, statement, e)) == 1) {
        rc = list_one(list, statement, e);
    }
    (void)sqlite3_reset(statement);
    if (rc) {
        json_decref(list);
        return rc;
    }
    *out = list;
    return 0;
}
