/* store_sqlite.c: the driver's table, its statements, and what every call does with them: run, tell what failed, end the
 * transaction. */
#include "store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shunt/base/str.h"

#define FILTER                                                                                                         \
    " AND (?3 >> status) & 1"                                                                                          \
    " AND (?4 IS NULL OR client = ?4 COLLATE NOCASE)"                                                                  \
    " AND (?5 IS NULL OR category = ?5 COLLATE NOCASE)"                                                                \
    " AND (?6 IS NULL OR EXISTS (SELECT 1 FROM deliveries d WHERE d.job = row AND d.destination = ?6))"                \
    " AND (?7 IS NULL OR holds(error_message, ?7))"                                                                    \
    " AND (?8 IS NULL OR holds(name, ?8) OR holds(title, ?8) OR holds(id, ?8) OR holds(error_message, ?8))"            \
    " AND (?9 IS NULL OR folder = ?9)"                                                                                 \
    " AND (?10 IS NULL OR name = ?10)"                                                                                 \
    " AND (?14 IS NULL OR batch_id = ?14)"                                                                             \
    " AND created_at >= ?11 AND created_at < ?12"                                                                      \
    " ORDER BY row DESC LIMIT ?13"
#define LIST(index, condition)                                                                                         \
    "SELECT " JOB_COLUMNS " FROM processing_jobs " index " WHERE row BETWEEN ?1 AND ?2" condition FILTER

static const char *const texts[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN",
    [SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",

    [SQL_NEXT_ROW] = "SELECT next_row FROM totals WHERE id = 1",
    [SQL_JOB_ADD] = "INSERT INTO processing_jobs (" JOB_COLUMNS ", events)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,"
                    " ?20, ?21, ?22, ?23, ?24, ?25) ON CONFLICT (id) DO NOTHING",
    [SQL_JOB_FIND] = "SELECT row, status, events FROM processing_jobs WHERE id = ?1",
    /* parameters as in the one above; folder, name, batch_id and created_at stay, and the indexes on them untouched */
    [SQL_JOB_UPDATE] = "UPDATE processing_jobs SET status = ?3, client = ?5, category = ?6, title = ?9,"
                       " error_message = ?10, source = ?11, phase = ?12, studio = ?13, path = ?14, size = ?15,"
                       " sha256 = ?16, device = ?17, inode = ?18, mtime_ns = ?19, retry_count = ?20, crashes = ?21,"
                       " started_at = ?22, completed_at = ?23, events = ?25 WHERE row = ?1",
    [SQL_DELIVERY_SET] =
        "INSERT INTO deliveries (job, n, " DELIVERY_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT (job, n) DO UPDATE SET destination = ?3, label = ?4, state = ?5, attempts = ?6,"
        " next_at = ?7, done_at = ?8, final_name = ?9, error = ?10",
    [SQL_DELIVERIES_CUT] = "DELETE FROM deliveries WHERE job = ?1 AND n >= ?2",
    [SQL_BLOCK_NOTE] = "INSERT INTO blocks (block, first_at, last_at, completed_at) VALUES (?1, ?2, ?3, ?4)"
                       " ON CONFLICT (block) DO UPDATE SET first_at = min(first_at, excluded.first_at),"
                       " last_at = max(last_at, excluded.last_at),"
                       " completed_at = max(completed_at, excluded.completed_at)",
    [SQL_WORD_NOTE] = "INSERT INTO block_words (block, kind, word) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    [SQL_TOTALS_ADD] = "UPDATE totals SET pending = pending + ?1, processing = processing + ?2,"
                       " completed = completed + ?3, failed = failed + ?4, cancelled = cancelled + ?5,"
                       " next_row = max(next_row, ?6) WHERE id = 1",

    [SQL_TOTALS] = "SELECT pending, processing, completed, failed, cancelled FROM totals WHERE id = 1",
    [SQL_OLDEST_PENDING] = "SELECT min(created_at) FROM processing_jobs INDEXED BY unfinished"
                           " WHERE status = 0 AND status < 2",
    [SQL_UNFINISHED] = "SELECT " JOB_COLUMNS " FROM processing_jobs INDEXED BY unfinished WHERE status < 2",
    [SQL_LAST] = "SELECT " JOB_COLUMNS " FROM processing_jobs INDEXED BY names"
                 " WHERE row >> 11 = ?1 AND name = ?2 AND folder = ?3 ORDER BY row DESC LIMIT 1",
    [SQL_LAST_OF_FILE] = "SELECT " JOB_COLUMNS " FROM processing_jobs INDEXED BY names"
                         " WHERE row >> 11 = ?1 AND name = ?2 AND folder = ?3 AND inode = ?4 AND mtime_ns = ?5"
                         " ORDER BY row DESC LIMIT 1",
    [SQL_BY_ID] = "SELECT " JOB_COLUMNS " FROM processing_jobs WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 2",
    [SQL_BY_NAME] = "SELECT " JOB_COLUMNS " FROM processing_jobs INDEXED BY names"
                    " WHERE row >> 11 = ?1 AND name = ?2 ORDER BY row DESC LIMIT 1",
    [SQL_EVENTS] = "SELECT events FROM processing_jobs WHERE row = ?1",
    [SQL_DELIVERIES] = "SELECT " DELIVERY_COLUMNS " FROM deliveries WHERE job = ?1 ORDER BY n",
    [SQL_FIRST_COMPLETED] = "SELECT min(block) FROM blocks INDEXED BY blocks_completed WHERE completed_at >= ?1",
    /* what was put back first, then the last delivered */
    [SQL_SEEN] = "SELECT status, completed_at, id, sha256 IS ?4 FROM processing_jobs INDEXED BY names"
                 " WHERE row >> 11 = ?1 AND name = ?2 AND folder = ?3"
                 " AND (status = 2 AND error_message IS NULL AND completed_at >= ?5"
                 " OR status = 3 AND sha256 = ?4 AND inode = ?6 AND mtime_ns = ?7)"
                 " ORDER BY status = 3 DESC, completed_at DESC, row DESC LIMIT 1",

    [SQL_NEXT_BLOCK] = "SELECT block FROM blocks b WHERE block <= ?1 AND last_at >= ?2 AND first_at < ?3"
                       " AND (?4 IS NULL OR EXISTS (SELECT 1 FROM block_words w WHERE w.block = b.block AND w.kind = 0"
                       " AND w.word = ?4))"
                       " AND (?5 IS NULL OR EXISTS (SELECT 1 FROM block_words w WHERE w.block = b.block AND w.kind = 1"
                       " AND w.word = ?5))"
                       " AND (?6 IS NULL OR EXISTS (SELECT 1 FROM block_words w WHERE w.block = b.block AND w.kind = 2"
                       " AND w.word = ?6))"
                       " ORDER BY block DESC LIMIT 1",
    [SQL_SPARSE_NOT_COMPLETED] = "SELECT row FROM processing_jobs INDEXED BY not_completed"
                                 " WHERE status <> 2 AND row <= ?1 ORDER BY row DESC LIMIT 1 OFFSET ?2",
    [SQL_SPARSE_ERROR] = "SELECT row FROM processing_jobs INDEXED BY with_error"
                         " WHERE error_message IS NOT NULL AND row <= ?1 ORDER BY row DESC LIMIT 1 OFFSET ?2",
    [SQL_LIST_ROWS] = LIST("NOT INDEXED", ""),
    [SQL_LIST_NOT_COMPLETED] = LIST("INDEXED BY not_completed", " AND status <> 2"),
    [SQL_LIST_ERROR] = LIST("INDEXED BY with_error", " AND error_message IS NOT NULL"),
    [SQL_LIST_NAME] = LIST("INDEXED BY names", " AND row >> 11 = ?2 >> 11 AND name = ?10"),
    [SQL_LIST_BATCH] = LIST("INDEXED BY batches", " AND batch_id = ?14"),

    [SQL_OLD_BLOCKS] = "SELECT block FROM blocks WHERE block >= ?1 AND first_at < ?2 ORDER BY block LIMIT 1",
    [SQL_OLD_JOBS] = "SELECT row, status FROM processing_jobs NOT INDEXED WHERE row BETWEEN ?1 AND ?2 AND status >= 2"
                     " AND created_at < ?3 ORDER BY row LIMIT ?4",
    [SQL_OLDEST_JOBS] = "SELECT row, status FROM processing_jobs NOT INDEXED WHERE row > 0 AND status >= 2"
                        " ORDER BY row LIMIT ?1",
    [SQL_JOB_DELETE] = "DELETE FROM processing_jobs WHERE row = ?1",
    [SQL_BLOCK_LEFT] = "SELECT count(*) FROM processing_jobs NOT INDEXED WHERE row BETWEEN ?1 AND ?2",
    [SQL_BLOCK_TIMES] = "UPDATE blocks SET (first_at, last_at) = (SELECT min(created_at), max(created_at)"
                        " FROM processing_jobs NOT INDEXED WHERE row BETWEEN ?2 AND ?3) WHERE block = ?1",
    [SQL_BLOCK_DELETE] = "DELETE FROM blocks WHERE block = ?1",
    [SQL_WORDS_DELETE] = "DELETE FROM block_words WHERE block = ?1",
    [SQL_ALERTS_TRIM] = "DELETE FROM alerts WHERE closed_at IS NOT NULL AND row <= (SELECT max(row) FROM alerts) - ?1",

    [SQL_UNCOUNTED_SET] = "INSERT INTO uncounted (job, instance, outcome) VALUES (?1, ?2, ?3)"
                          " ON CONFLICT (job) DO UPDATE SET instance = ?2, outcome = ?3",
    [SQL_UNCOUNTED_DROP] = "DELETE FROM uncounted WHERE job = ?1",
    [SQL_UNCOUNTED] = "SELECT " JOB_COLUMNS ", outcome FROM uncounted"
                      " CROSS JOIN processing_jobs ON row = job WHERE instance = ?1 ORDER BY outcome",
    [SQL_UNCOUNTED_FROM] = "SELECT job FROM uncounted WHERE job >= ?1 ORDER BY job LIMIT 1",
    [SQL_COUNTED] = "DELETE FROM uncounted WHERE job BETWEEN ?3 AND ?4"
                    " AND instance = ?1 AND outcome <= json_extract(?2, '$.counted.to')"
                    " AND outcome NOT IN (SELECT value FROM json_each(?2, '$.counted.but'))",

    [SQL_SNAPSHOT_SET] = "INSERT INTO snapshots (instance, document) VALUES (?1, ?2)"
                         " ON CONFLICT (instance) DO UPDATE SET document = excluded.document",
    [SQL_SNAPSHOT_GET] = "SELECT document FROM snapshots WHERE instance = ?1",
    [SQL_DAY_SET] = "INSERT INTO daily_stats (date, instance, document) VALUES (?1, ?2, ?3)"
                    " ON CONFLICT (date, instance) DO UPDATE SET document = excluded.document",
    [SQL_DAY_GET] = "SELECT document, instance FROM daily_stats WHERE date = ?1 ORDER BY instance",
    [SQL_REPORT_ADD] = "INSERT INTO reports (date, document) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    [SQL_REPORT_TRIM] = "DELETE FROM reports WHERE date NOT IN (SELECT date FROM reports ORDER BY date DESC LIMIT ?1)",
    [SQL_REPORT_GET] = "SELECT document FROM reports WHERE date = ?1",
    [SQL_REPORTS] = "SELECT date FROM reports ORDER BY date DESC",
    [SQL_ALERT_COUNT] = "UPDATE alerts SET count = count + 1, last_at = ?3, text = ?4"
                        " WHERE kind = ?1 AND subject = ?2 AND closed_at IS NULL",
    [SQL_ALERT_OPEN] = "INSERT INTO alerts (kind, subject, opened_at, last_at, count, text)"
                       " VALUES (?1, ?2, ?3, ?3, 1, ?4)",
    [SQL_ALERT_CLOSE] = "UPDATE alerts SET closed_at = ?3 WHERE kind = ?1 AND subject = ?2 AND closed_at IS NULL",
    [SQL_ALERTS] = "SELECT kind, subject, opened_at, last_at, closed_at, count, text FROM alerts"
                   " ORDER BY row DESC LIMIT ?1",
    [SQL_ALERTS_OPEN] = "SELECT kind, subject, opened_at, last_at, closed_at, count, text FROM alerts"
                        " INDEXED BY open_alerts WHERE closed_at IS NULL ORDER BY row DESC LIMIT ?1",

    [SQL_OUTBOX_PUT] = "INSERT INTO outbox (kind, key, document, created_at, due_at, expires_at)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (key) DO NOTHING",
    [SQL_OUTBOX_NEXT] = "SELECT min(due_at) FROM outbox INDEXED BY outbox_due WHERE state = 0",
    [SQL_OUTBOX_DUE] = "SELECT row, kind, key, document, created_at, expires_at, attempts FROM outbox"
                       " INDEXED BY outbox_due WHERE state = 0 AND due_at <= ?1 ORDER BY due_at LIMIT ?2",
    [SQL_OUTBOX_TAKE] = "UPDATE outbox SET due_at = ?2, taken_by = ?3, attempts = attempts + 1 WHERE row = ?1",
    [SQL_OUTBOX_RELEASE] = "UPDATE outbox INDEXED BY outbox_due SET due_at = ?2, taken_by = NULL"
                           " WHERE state = 0 AND due_at > ?2 AND taken_by = ?1",
    [SQL_OUTBOX_RECORD] = "UPDATE outbox SET state = ?3, due_at = ?4, taken_by = NULL, ended_at = ?5,"
                          " error = iif(?3 = 1, ?6, coalesce(?6, error)), document ="
                          " iif(?3 = 0, coalesce(?7, document), json_object("
                          "'subject', json_extract(coalesce(?7, document), '$.subject'),"
                          " 'to', json_extract(coalesce(?7, document), '$.to')))"
                          " WHERE key = ?1 AND attempts = ?2 AND state = 0",
    [SQL_OUTBOX_LIST] = "SELECT kind, key, state, json_extract(document, '$.subject'),"
                        " json_extract(document, '$.to'), created_at, due_at, expires_at, ended_at, attempts, error"
                        " FROM outbox WHERE (?1 >> state) & 1 ORDER BY row DESC LIMIT ?2",
    [SQL_OUTBOX_TRIM] = "DELETE FROM outbox WHERE state <> 0 AND row <= (SELECT max(row) FROM outbox) - ?1",

    [SQL_CHECK] = "PRAGMA integrity_check(20)",
    [SQL_CHECK_KEYS] = "SELECT count(*) FROM deliveries d"
                       " WHERE NOT EXISTS (SELECT 1 FROM processing_jobs WHERE row = d.job)",
    [SQL_CHECK_TOTALS] = "SELECT 'the totals say ' || said || ', there are ' || counted FROM"
                         " (SELECT pending || ' ' || processing || ' ' || completed || ' ' || failed || ' ' ||"
                         " cancelled AS said FROM totals),"
                         " (SELECT count(*) FILTER (WHERE status = 0) || ' ' || count(*) FILTER (WHERE status = 1) ||"
                         " ' ' || count(*) FILTER (WHERE status = 2) || ' ' || count(*) FILTER (WHERE status = 3) ||"
                         " ' ' || count(*) FILTER (WHERE status = 4) AS counted FROM processing_jobs)"
                         " WHERE said <> counted",
    [SQL_BACKUP] = "VACUUM INTO ?1",
};

/* A damaged page may be met long after opening, where nothing can be done but to tell. The mark makes the next opening
 * look closely. */
static void mark_damaged(const struct sqlite_store *s)
{
    if (s->mode != STORE_WRITE || !s->open) {
        return;
    }
    struct str mark = STR_INIT;
    str_puts(&mark, s->path);
    str_puts(&mark, SUSPECT);
    int fd = str_failed(&mark) ? -1 : open(mark.bytes, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0) {
        close(fd);
    }
    str_fini(&mark);
}

static int error_code_of(const struct sqlite_store *s, int code)
{
    int errnum = s->db ? sqlite3_system_errno(s->db) : 0;
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_FULL:
        return ERR_NOSPACE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_SYNTAX;
    case SQLITE_READONLY:
        return ERR_READONLY;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    case SQLITE_PERM:
        return ERR_ACCESS;
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_NOMEM) {
            return ERR_NOMEM;
        }
        return errnum == ENOSPC || errnum == EDQUOT ? ERR_NOSPACE : ERR_IO;
    case SQLITE_CANTOPEN:
        return errnum ? error_from_errno(errnum) : ERR_IO;
    default:
        return ERR_INTERNAL;
    }
}

int sql_error(struct sqlite_store *s, int sqlite_code, struct error *e)
{
    int code = error_code_of(s, sqlite_code);
    if (code == ERR_SYNTAX) {
        mark_damaged(s);
    }
    const char *what = s->db && code != ERR_NOMEM ? sqlite3_errmsg(s->db) : sqlite3_errstr(sqlite_code);
    return error_set(e, code, "the store %s: %s", s->path ? s->path : "", what);
}

int sql_get(struct sqlite_store *s, enum sql which, sqlite3_stmt **out, struct error *e)
{
    sqlite3_stmt **kept = &s->statements[which];
    if (!*kept) {
        int rc = sqlite3_prepare_v3(s->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, kept, NULL);
        if (rc != SQLITE_OK) {
            return sql_error(s, rc, e);
        }
    }
    *out = *kept;
    return 0;
}

int sql_step(struct sqlite_store *s, sqlite3_stmt *statement, struct error *e)
{
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        return 1;
    }
    int failed = rc == SQLITE_DONE ? 0 : sql_error(s, rc, e);
    (void)sqlite3_reset(statement); /* tells the same again */
    return failed;
}

int sql_run(struct sqlite_store *s, sqlite3_stmt *statement, struct error *e)
{
    int rc;
    do {
        rc = sql_step(s, statement, e);
    } while (rc == 1);
    return rc;
}

int sql_do(struct sqlite_store *s, enum sql which, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, which, &statement, e);
    return rc ? rc : sql_run(s, statement, e);
}

int sql_exec(struct sqlite_store *s, const char *sql, struct error *e)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sql_error(s, rc, e);
}

int sql_number(struct sqlite_store *s, const char *sql, int64_t *out, struct error *e)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
    if (rc != SQLITE_OK) {
        return sql_error(s, rc, e);
    }
    rc = sql_step(s, statement, e);
    *out = rc == 1 ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_finalize(statement);
    return rc < 0 ? rc : 0;
}

/* Without memory even this may fail: then the next one that begins does it first. */
static void roll_back(struct sqlite_store *s)
{
    if (!sqlite3_get_autocommit(s->db)) {
        sqlite3_stmt *rollback = s->statements[SQL_ROLLBACK]; /* prepared when the store was opened */
        (void)sqlite3_step(rollback);
        (void)sqlite3_reset(rollback);
    }
}

/* A database that was moved or removed under us takes rows that nobody will find, and gives rows of the past. */
static int still_there(struct sqlite_store *s, struct error *e)
{
    int moved = 0;
    (void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved ? error_set(e, ERR_IO, "the store %s was moved or removed while it is open", s->path) : 0;
}

int sql_begin(struct sqlite_store *s, bool write, struct error *e)
{
    roll_back(s);
    int rc = still_there(s, e);
    rc = rc ? rc : sql_do(s, write ? SQL_BEGIN_WRITE : SQL_BEGIN, e);
    if (rc) {
        roll_back(s);
    }
    return rc;
}

/* A statement in the midst of its rows would keep the transaction open. */
int sql_end(struct sqlite_store *s, int rc, struct error *e)
{
    for (size_t i = 0; i < SQL_STATEMENTS; i++) {
        (void)sqlite3_reset(s->statements[i]);
    }
    if (rc == 0) {
        rc = sql_do(s, SQL_COMMIT, e);
    }
    if (rc) {
        roll_back(s);
    }
    return rc;
}

void bind_text(sqlite3_stmt *statement, int n, const char *text)
{
    if (text) {
        (void)sqlite3_bind_text(statement, n, text, -1, SQLITE_STATIC);
    } else {
        (void)sqlite3_bind_null(statement, n);
    }
}

void bind_time(sqlite3_stmt *statement, int n, int64_t ms)
{
    if (ms != 0) {
        (void)sqlite3_bind_int64(statement, n, ms);
    } else {
        (void)sqlite3_bind_null(statement, n);
    }
}

const struct store_driver store_sqlite = {
    .scheme = "sqlite",
    .open = sqlite_store_open,
    .close = sqlite_store_close,
    .record = sqlite_record,
    .unfinished = sqlite_unfinished,
    .find = sqlite_find,
    .last = sqlite_last,
    .seen = sqlite_seen,
    .list = sqlite_list,
    .show = sqlite_show,
    .totals = sqlite_totals,
    .retain = sqlite_retain,
    .uncounted = sqlite_uncounted,
    .save_snapshot = sqlite_save_snapshot,
    .load_snapshot = sqlite_load_snapshot,
    .save_day = sqlite_save_day,
    .load_day = sqlite_load_day,
    .save_report = sqlite_save_report,
    .load_report = sqlite_load_report,
    .reports = sqlite_reports,
    .alert = sqlite_alert,
    .alerts = sqlite_alerts,
    .outbox_put = sqlite_outbox_put,
    .outbox_take = sqlite_outbox_take,
    .outbox_release = sqlite_outbox_release,
    .outbox_record = sqlite_outbox_record,
    .outbox_list = sqlite_outbox_list,
    .check = sqlite_check,
    .backup = sqlite_backup,
    .vacuum = sqlite_vacuum,
};
