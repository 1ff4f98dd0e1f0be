/* store_sqlite.h: what the files of the SQLite driver share: the open database, its statements, errors, transactions.
 *
 * Statements are prepared when first asked for and kept. sql_get() gives one ready to be bound: every parameter is bound
 * anew each time; texts are borrowed until it has run. Thread: one at a time for each store. */
#ifndef SHUNT_STORE_SQLITE_H
#define SHUNT_STORE_SQLITE_H

#include <sqlite3.h>

#include "shunt/base/embedded.h"
#include "shunt/base/str.h"
#include "shunt/store/store.h"

#define BLOCK_SHIFT 10 /* rows of a block; as in the migrations */
#define NAMES_SHIFT 11 /* rows of a part of the index `names`; as in the migrations */

#define SUSPECT ".suspect" /* PATH.suspect: damage was met; the next opening looks closely */

extern const struct embedded sqlite_migrations[]; /* [0] leads to version 1 */
extern const size_t sqlite_migrations_count;      /* the version that this program knows */

enum sql {
    SQL_BEGIN,
    SQL_BEGIN_WRITE,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_NEXT_ROW,
    SQL_JOB_ADD,
    SQL_JOB_FIND,
    SQL_JOB_UPDATE,
    SQL_DELIVERY_SET,
    SQL_DELIVERIES_CUT,
    SQL_BLOCK_NOTE,
    SQL_WORD_NOTE,
    SQL_TOTALS_ADD,
    SQL_TOTALS,
    SQL_OLDEST_PENDING,
    SQL_UNFINISHED,
    SQL_LAST,
    SQL_LAST_OF_FILE,
    SQL_BY_ID,
    SQL_BY_NAME,
    SQL_EVENTS,
    SQL_DELIVERIES,
    SQL_FIRST_COMPLETED,
    SQL_SEEN,
    SQL_NEXT_BLOCK,
    SQL_SPARSE_NOT_COMPLETED,
    SQL_SPARSE_ERROR,
    SQL_LIST_ROWS,
    SQL_LIST_NOT_COMPLETED,
    SQL_LIST_ERROR,
    SQL_LIST_NAME,
    SQL_LIST_BATCH,
    SQL_OLD_BLOCKS,
    SQL_OLD_JOBS,
    SQL_OLDEST_JOBS,
    SQL_JOB_DELETE,
    SQL_BLOCK_LEFT,
    SQL_BLOCK_TIMES,
    SQL_BLOCK_DELETE,
    SQL_WORDS_DELETE,
    SQL_ALERTS_TRIM,
    SQL_UNCOUNTED_SET,
    SQL_UNCOUNTED_DROP,
    SQL_UNCOUNTED,
    SQL_UNCOUNTED_FROM,
    SQL_COUNTED,
    SQL_SNAPSHOT_SET,
    SQL_SNAPSHOT_GET,
    SQL_DAY_SET,
    SQL_DAY_GET,
    SQL_REPORT_ADD,
    SQL_REPORT_TRIM,
    SQL_REPORT_GET,
    SQL_REPORTS,
    SQL_ALERT_COUNT,
    SQL_ALERT_OPEN,
    SQL_ALERT_CLOSE,
    SQL_ALERTS,
    SQL_ALERTS_OPEN,
    SQL_OUTBOX_PUT,
    SQL_OUTBOX_NEXT,
    SQL_OUTBOX_DUE,
    SQL_OUTBOX_TAKE,
    SQL_OUTBOX_RELEASE,
    SQL_OUTBOX_RECORD,
    SQL_OUTBOX_LIST,
    SQL_OUTBOX_TRIM,
    SQL_CHECK,
    SQL_CHECK_KEYS,
    SQL_CHECK_TOTALS,
    SQL_BACKUP,
    SQL_STATEMENTS
};

struct word_seen;

struct sqlite_store {
    struct store store;
    sqlite3 *db;
    char *path;
    enum store_mode mode; /* STORE_READ or STORE_WRITE */
    bool unflushed;
    bool open; /* damage that is met from now on is marked; before, it is found */
    sqlite3_stmt *statements[SQL_STATEMENTS];
    struct word_seen *seen; /* which words are noted already; see store_sqlite_words.c */
};

/* ---- store_sqlite.c ---- */
int sql_get(struct sqlite_store *s, enum sql which, sqlite3_stmt **out, struct error *e);
int sql_step(struct sqlite_store *s, sqlite3_stmt *statement, struct error *e); /* 1: a row; 0: done, and reset */
int sql_run(struct sqlite_store *s, sqlite3_stmt *statement, struct error *e);  /* to its end; 0 */
int sql_do(struct sqlite_store *s, enum sql which, struct error *e);            /* one without parameters */
int sql_exec(struct sqlite_store *s, const char *sql, struct error *e);         /* not kept */
int sql_number(struct sqlite_store *s, const char *sql, int64_t *out, struct error *e);
int sql_begin(struct sqlite_store *s, bool write, struct error *e);
int sql_end(struct sqlite_store *s, int rc, struct error *e); /* commits where rc is 0, else rolls back; returns rc */
int sql_error(struct sqlite_store *s, int sqlite_code, struct error *e);

void bind_text(sqlite3_stmt *statement, int n, const char *text); /* borrowed; NULL: null */
void bind_time(sqlite3_stmt *statement, int n, int64_t ms);       /* 0: null */

/* ---- store_sqlite_open.c ---- */
int sqlite_store_open(struct store **out, const char *rest, const char *base, enum store_mode mode, struct error *e);
void sqlite_store_close(struct store *s);

/* ---- store_sqlite_memory.c ---- */
int sqlite_memory_start(struct error *e); /* SQLite allocates by base/mem.h from here on */

/* ---- store_sqlite_words.c ---- */
enum word_kind { WORD_CLIENT, WORD_CATEGORY, WORD_DESTINATION };
struct block_times { /* what is not written yet of the block that is worked on; block -1: none */
    int64_t block, first_ms, last_ms, completed_ms;
};
int words_note(struct sqlite_store *s, int64_t row, const struct store_job *job, struct error *e);
void words_forget(struct sqlite_store *s); /* what was noted may have been rolled back */
int times_note(struct sqlite_store *s, struct block_times *times, int64_t row, const struct store_job *job,
               struct error *e);
int times_flush(struct sqlite_store *s, struct block_times *times, struct error *e);
char *word_folded(const char *word); /* mem_free; NULL: no memory */

/* ---- store_sqlite_record.c ---- */
int sqlite_record(struct store *store, const struct store_job *jobs, size_t count, struct error *e);
/* Within a transaction. delta: how many more of each status. */
int totals_add(struct sqlite_store *s, const int64_t delta[JOB_STATUSES], int64_t next_row, struct error *e);
int next_row(struct sqlite_store *s, int64_t *row, struct error *e);

/* ---- store_sqlite_job.c ---- */
#define JOB_COLUMNS                                                                                                    \
    "row, id, status, created_at, client, category, folder, name, title, error_message, source, phase, studio, path, " \
    "size, sha256, device, inode, mtime_ns, retry_count, crashes, started_at, completed_at, batch_id"
#define DELIVERY_COLUMNS "destination, label, state, attempts, next_at, done_at, final_name, error"
struct row { /* one job as it was read: borrowed until the statement's next step, and its deliveries */
    int64_t row;
    struct store_job job;
    struct store_delivery *deliveries;
    size_t room;
};
int row_read(struct sqlite_store *s, sqlite3_stmt *statement, struct row *row, struct error *e);
void row_fini(struct row *row);
/* Parameters from 1 on: JOB_COLUMNS, then the events; from `first` on: DELIVERY_COLUMNS. Texts are borrowed. */
void row_bind(sqlite3_stmt *to, int64_t row, const struct store_job *job, const struct str *events);
void row_bind_delivery(sqlite3_stmt *to, int first, const struct store_delivery *d);

/* ---- store_sqlite_read.c ---- */
int sqlite_unfinished(struct store *store, store_each_cb each, void *user, struct error *e);
int sqlite_uncounted(struct store *store, unsigned instance, store_each_cb each, void *user, struct error *e);
int sqlite_find(struct store *store, const char *id, store_each_cb each, void *user, struct error *e);
int sqlite_last(struct store *store, const char *folder, const char *name, const struct store_claim *file,
                store_each_cb each, void *user, struct error *e);
int sqlite_seen(struct store *store, const struct store_job *job, int64_t since_ms, struct store_seen *out,
                struct error *e);
int sqlite_show(struct store *store, const char *id, json_t **out, struct error *e);
int sqlite_totals(struct store *store, json_t **out, struct error *e);

/* ---- store_sqlite_list.c ---- */
int sqlite_list(struct store *store, const struct store_filter *filter, json_t **out, struct error *e);

/* ---- store_sqlite_retain.c ---- */
int sqlite_retain(struct store *store, const struct store_retention *r, size_t *removed, struct error *e);

/* ---- store_sqlite_kept.c ---- */
int sqlite_save_snapshot(struct store *store, unsigned instance, const json_t *snapshot, struct error *e);
int sqlite_load_snapshot(struct store *store, unsigned instance, json_t **snapshot, struct error *e);
int sqlite_save_day(struct store *store, unsigned instance, int date, const json_t *day, struct error *e);
int sqlite_load_day(struct store *store, int date, json_t **days, struct error *e);
int sqlite_save_report(struct store *store, int date, const json_t *report, struct error *e);
int sqlite_load_report(struct store *store, int date, json_t **report, struct error *e);
int sqlite_reports(struct store *store, json_t **dates, struct error *e);
int sqlite_alert(struct store *store, const struct store_alert *alert, bool open, struct error *e);
int sqlite_alerts(struct store *store, bool open, size_t limit, json_t **out, struct error *e);

/* ---- store_sqlite_outbox.c ---- */
int sqlite_outbox_put(struct store *store, const struct store_message *m, struct error *e);
int sqlite_outbox_take(struct store *store, const struct store_taking *t, json_t **out, struct error *e);
int sqlite_outbox_release(struct store *store, unsigned instance, int64_t now_ms, struct error *e);
int sqlite_outbox_record(struct store *store, const struct store_sent *sent, struct error *e);
int sqlite_outbox_list(struct store *store, unsigned states, size_t limit, json_t **out, struct error *e);

/* ---- store_sqlite_care.c ---- */
int sqlite_check(struct store *store, json_t **findings, struct error *e);
int sqlite_backup(struct store *store, const char *path, struct error *e);
int sqlite_vacuum(struct store *store, struct error *e);

#endif
