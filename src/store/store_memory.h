/* store_memory.h: what the files of the memory driver share. */
#ifndef SHUNT_STORE_MEMORY_H
#define SHUNT_STORE_MEMORY_H

#include "shunt/store/store.h"

struct kept_job { /* its texts, deliveries and hash come behind it */
    struct store_job job;
    uint64_t row;
    char *events;
};

struct kept_alert {
    struct kept_alert *older;
    struct store_alert alert;
    int64_t last_ms, closed_ms, count;
};

struct memory_store {
    struct store store;
    struct kept_job **jobs; /* by row */
    size_t count, room;
    uint64_t next_row;
    json_t *snapshots, *days;  /* {"INSTANCE": ...}; {"DATE": {"INSTANCE": ...}} */
    json_t *reports;           /* {"DATE": ...} */
    struct kept_alert *alerts; /* newest first */
    json_t *outbox;            /* [ROW...], oldest first; see store_memory_outbox.c */
};

/* ---- store_memory_job.c ---- */
/* With the events appended to these; of job, which is borrowed, nothing is kept but the copy. NULL: no memory. */
struct kept_job *kept_copy(const struct store_job *job, const char *events);
void kept_free(struct kept_job *job);
bool texts_same(const char *a, const char *b); /* NULL is the same as nothing */

/* ---- store_memory_record.c ---- */
int memory_record(struct store *store, const struct store_job *jobs, size_t count, struct error *e);
int memory_retain(struct store *store, const struct store_retention *r, size_t *removed, struct error *e);

/* ---- store_memory_read.c ---- */
int memory_unfinished(struct store *store, store_each_cb each, void *user, struct error *e);
int memory_find(struct store *store, const char *id, store_each_cb each, void *user, struct error *e);
int memory_last(struct store *store, const char *folder, const char *name, const struct store_claim *file,
                store_each_cb each, void *user, struct error *e);
int memory_seen(struct store *store, const struct store_job *job, int64_t since_ms, struct store_seen *out,
                struct error *e);
int memory_list(struct store *store, const struct store_filter *filter, json_t **out, struct error *e);
int memory_show(struct store *store, const char *id, json_t **out, struct error *e);
int memory_totals(struct store *store, json_t **out, struct error *e);

/* ---- store_memory_kept.c ---- */
void memory_forget_alerts(struct memory_store *m);
int memory_uncounted(struct store *store, unsigned instance, store_each_cb each, void *user, struct error *e);
int memory_save_snapshot(struct store *store, unsigned instance, const json_t *snapshot, struct error *e);
int memory_load_snapshot(struct store *store, unsigned instance, json_t **snapshot, struct error *e);
int memory_save_day(struct store *store, unsigned instance, int date, const json_t *day, struct error *e);
int memory_load_day(struct store *store, int date, json_t **days, struct error *e);
int memory_save_report(struct store *store, int date, const json_t *report, struct error *e);
int memory_load_report(struct store *store, int date, json_t **report, struct error *e);
int memory_reports(struct store *store, json_t **dates, struct error *e);
int memory_alert(struct store *store, const struct store_alert *alert, bool open, struct error *e);
int memory_alerts(struct store *store, bool open, size_t limit, json_t **out, struct error *e);

/* ---- store_memory_outbox.c ---- */
int memory_outbox_put(struct store *store, const struct store_message *m, struct error *e);
int memory_outbox_take(struct store *store, const struct store_taking *t, json_t **out, struct error *e);
int memory_outbox_release(struct store *store, unsigned instance, int64_t now_ms, struct error *e);
int memory_outbox_record(struct store *store, const struct store_sent *sent, struct error *e);
int memory_outbox_list(struct store *store, unsigned states, size_t limit, json_t **out, struct error *e);

#endif
