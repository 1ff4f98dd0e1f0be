/* store_sqlite_kept.c: what is kept besides jobs: snapshots, days, alerts. */
#include <stdio.h>

#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_sqlite.h"

#define COUNTED_AT_ONCE 4096

/* Binds the document to parameter n of it, and runs it. */
static int save(struct sqlite_store *s, sqlite3_stmt *statement, int n, const json_t *document, struct error *e)
{
    char *text;
    int rc = json_encode(document, &text, e);
    if (rc) {
        return rc;
    }
    bind_text(statement, n, text);
    rc = sql_begin(s, true, e);
    if (rc == 0) {
        rc = sql_end(s, sql_run(s, statement, e), e);
    }
    mem_free(text);
    return rc;
}

static int load(sqlite3_stmt *statement, json_t **out, struct error *e)
{
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    return text ? json_decode(text, (size_t)sqlite3_column_bytes(statement, 0), out, e) : store_no_memory(e);
}

static int first_uncounted(struct sqlite_store *s, int64_t from, int64_t *job, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_UNCOUNTED_FROM, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, from);
    rc = sql_step(s, statement, e);
    *job = sqlite3_column_int64(statement, 0);
    (void)sqlite3_reset(statement);
    return rc;
}

/* A few at a time: SQLite gathers the keys of all rows that a statement removes, and those of a busy time are many. */
static int count_up(struct sqlite_store *s, unsigned instance, const char *snapshot, struct error *e)
{
    sqlite3_stmt *counted;
    int64_t job = 0;
    int rc;
    for (int64_t from = INT64_MIN; (rc = first_uncounted(s, from, &job, e)) == 1; from = job + COUNTED_AT_ONCE) {
        rc = sql_get(s, SQL_COUNTED, &counted, e);
        if (rc) {
            return rc;
        }
        (void)sqlite3_bind_int64(counted, 1, instance);
        bind_text(counted, 2, snapshot);
        (void)sqlite3_bind_int64(counted, 3, job);
        (void)sqlite3_bind_int64(counted, 4, job + COUNTED_AT_ONCE - 1);
        rc = sql_run(s, counted, e);
        if (rc) {
            return rc;
        }
    }
    return rc;
}

static int save_and_count(struct sqlite_store *s, unsigned instance, const char *snapshot, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_SNAPSHOT_SET, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, instance);
    bind_text(statement, 2, snapshot);
    rc = sql_run(s, statement, e);
    return rc ? rc : count_up(s, instance, snapshot, e);
}

int sqlite_save_snapshot(struct store *store, unsigned instance, const json_t *snapshot, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    char *text;
    int rc = json_encode(snapshot, &text, e);
    if (rc) {
        return rc;
    }
    rc = sql_begin(s, true, e);
    if (rc == 0) {
        rc = sql_end(s, save_and_count(s, instance, text, e), e);
    }
    mem_free(text);
    return rc;
}

int sqlite_load_snapshot(struct store *store, unsigned instance, json_t **snapshot, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_SNAPSHOT_GET, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, instance);
    if ((rc = sql_step(s, statement, e)) == 1) {
        rc = load(statement, snapshot, e);
    }
    (void)sqlite3_reset(statement);
    return rc;
}

int sqlite_save_day(struct store *store, unsigned instance, int date, const json_t *day, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_DAY_SET, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int(statement, 1, date);
    (void)sqlite3_bind_int64(statement, 2, instance);
    return save(s, statement, 3, day, e);
}

static int add_day(json_t *days, sqlite3_stmt *statement, struct error *e)
{
    json_t *day;
    char instance[24];
    (void)snprintf(instance, sizeof instance, "%lld", (long long)sqlite3_column_int64(statement, 1));
    int rc = load(statement, &day, e);
    return rc ? rc : json_object_set_new(days, instance, day) != 0 ? store_no_memory(e) : 0;
}

int sqlite_load_day(struct store *store, int date, json_t **days, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_DAY_GET, &statement, e);
    if (rc) {
        return rc;
    }
    json_t *all = json_object();
    (void)sqlite3_bind_int(statement, 1, date);
    rc = all ? 0 : store_no_memory(e);
    while (rc == 0 && (rc = sql_step(s, statement, e)) == 1) {
        rc = add_day(all, statement, e);
    }
    (void)sqlite3_reset(statement);
    if (rc) {
        json_decref(all);
        return rc;
    }
    *days = all;
    return 0;
}

int sqlite_save_report(struct store *store, int date, const json_t *report, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement, *trim;
    int rc = sql_get(s, SQL_REPORT_ADD, &statement, e);
    rc = rc ? rc : sql_get(s, SQL_REPORT_TRIM, &trim, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int(statement, 1, date);
    (void)sqlite3_bind_int(trim, 1, STORE_REPORTS_MAX);
    rc = save(s, statement, 2, report, e);
    return rc ? rc : sql_run(s, trim, e);
}

int sqlite_load_report(struct store *store, int date, json_t **report, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_REPORT_GET, &statement, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int(statement, 1, date);
    if ((rc = sql_step(s, statement, e)) == 1) {
        rc = load(statement, report, e);
    }
    (void)sqlite3_reset(statement);
    return rc;
}

int sqlite_reports(struct store *store, json_t **dates, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_REPORTS, &statement, e);
    if (rc) {
        return rc;
    }
    json_t *list = json_array();
    rc = list ? 0 : store_no_memory(e);
    while (rc == 0 && (rc = sql_step(s, statement, e)) == 1) {
        rc = json_array_append_new(list, json_integer(sqlite3_column_int64(statement, 0))) ? store_no_memory(e) : 0;
    }
    (void)sqlite3_reset(statement);
    if (rc) {
        json_decref(list);
        return rc;
    }
    *dates = list;
    return 0;
}

static int run_alert(struct sqlite_store *s, enum sql which, const struct store_alert *alert, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, which, &statement, e);
    if (rc) {
        return rc;
    }
    bind_text(statement, 1, alert->kind);
    bind_text(statement, 2, alert->subject);
    (void)sqlite3_bind_int64(statement, 3, alert->at_ms);
    if (which != SQL_ALERT_CLOSE) {
        bind_text(statement, 4, alert->text);
    }
    rc = sql_run(s, statement, e);
    return rc ? rc : sqlite3_changes(s->db);
}

int sqlite_alert(struct store *store, const struct store_alert *alert, bool open, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    int rc = sql_begin(s, true, e);
    if (rc) {
        return rc;
    }
    rc = run_alert(s, open ? SQL_ALERT_COUNT : SQL_ALERT_CLOSE, alert, e);
    if (rc == 0 && open) {
        rc = run_alert(s, SQL_ALERT_OPEN, alert, e);
    }
    return sql_end(s, rc < 0 ? rc : 0, e);
}

static json_t *alert_at(sqlite3_stmt *statement)
{
    const struct store_alert alert = {
        .kind = (const char *)sqlite3_column_text(statement, 0),
        .subject = (const char *)sqlite3_column_text(statement, 1),
        .at_ms = sqlite3_column_int64(statement, 2),
        .text = (const char *)sqlite3_column_text(statement, 6),
    };
    return json_alert(&alert, sqlite3_column_int64(statement, 3), sqlite3_column_int64(statement, 4),
                      sqlite3_column_int64(statement, 5));
}

int sqlite_alerts(struct store *store, bool open, size_t limit, json_t **out, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    sqlite3_stmt *statement;
    int rc = sql_get(s, open ? SQL_ALERTS_OPEN : SQL_ALERTS, &statement, e);
    if (rc) {
        return rc;
    }
    json_t *list = json_array();
    (void)sqlite3_bind_int64(statement, 1, (int64_t)page_limit(limit));
    rc = list ? 0 : store_no_memory(e);
    while (rc == 0 && (rc = sql_step(s, statement, e)) == 1) {
        rc = json_array_append_new(list, alert_at(statement)) == 0 ? 0 : store_no_memory(e);
    }
    (void)sqlite3_reset(statement);
    if (rc) {
        json_decref(list);
        return rc;
    }
    *out = list;
    return 0;
}
