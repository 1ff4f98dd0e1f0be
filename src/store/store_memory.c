/* store_memory.c: a store that ends with its process, for tests. Everything is looked through one by one.
 * "memory:NAME" and "memory:" are the same: a new, empty one. */
#include "store_memory.h"

#include "shunt/base/mem.h"

#include "store_json.h"

static void memory_close(struct store *store)
{
    struct memory_store *m = (struct memory_store *)store;
    for (size_t i = 0; i < m->count; i++) {
        kept_free(m->jobs[i]);
    }
    memory_forget_alerts(m);
    json_decref(m->snapshots);
    json_decref(m->days);
    json_decref(m->reports);
    json_decref(m->outbox);
    mem_free(m->jobs);
    mem_free(m);
}

static int memory_open(struct store **out, const char *rest, const char *base, enum store_mode mode, struct error *e)
{
    (void)rest;
    (void)base;
    if (mode == STORE_READ) {
        return error_set(e, ERR_GONE, "a store in memory is seen by nobody but its process");
    }
    struct memory_store *m = mem_zalloc(sizeof *m);
    if (!m) {
        return store_no_memory(e);
    }
    m->store.driver = &store_memory;
    m->next_row = 1;
    m->snapshots = json_object();
    m->days = json_object();
    m->reports = json_object();
    m->outbox = json_array();
    if (!m->snapshots || !m->days || !m->reports || !m->outbox) {
        memory_close(&m->store);
        return store_no_memory(e);
    }
    *out = &m->store;
    return 0;
}

static int memory_check(struct store *store, json_t **findings, struct error *e)
{
    (void)store;
    *findings = json_array();
    return *findings ? 0 : store_no_memory(e);
}

static int memory_backup(struct store *store, const char *path, struct error *e)
{
    (void)store;
    return error_set(e, ERR_USAGE, "%s: of a store in memory there is no copy", path);
}

static int memory_vacuum(struct store *store, struct error *e)
{
    (void)store;
    (void)e;
    return 0;
}

const struct store_driver store_memory = {
    .scheme = "memory",
    .open = memory_open,
    .close = memory_close,
    .record = memory_record,
    .unfinished = memory_unfinished,
    .find = memory_find,
    .last = memory_last,
    .seen = memory_seen,
    .list = memory_list,
    .show = memory_show,
    .totals = memory_totals,
    .retain = memory_retain,
    .uncounted = memory_uncounted,
    .save_snapshot = memory_save_snapshot,
    .load_snapshot = memory_load_snapshot,
    .save_day = memory_save_day,
    .load_day = memory_load_day,
    .save_report = memory_save_report,
    .load_report = memory_load_report,
    .reports = memory_reports,
    .alert = memory_alert,
    .alerts = memory_alerts,
    .outbox_put = memory_outbox_put,
    .outbox_take = memory_outbox_take,
    .outbox_release = memory_outbox_release,
    .outbox_record = memory_outbox_record,
    .outbox_list = memory_outbox_list,
    .check = memory_check,
    .backup = memory_backup,
    .vacuum = memory_vacuum,
};
