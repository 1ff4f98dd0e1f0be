/* storage_run.c: one request on the store, in a worker: records first, then questions, notes, the snapshot, errands, retention.
 * A store that is damaged, or was moved away under us, is opened anew and the records are written once more. */
#include "shunt/service/recall.h"

#include "storage_inner.h"
#include "storage_notes.h"

static int reopen(struct storage_request *q, struct error *e)
{
    struct error found = {0};
    store_close(q->store);
    q->store = NULL;
    int rc = store_open(&q->store, q->url, q->base, q->mode, &found);
    if (rc != 0)
        return error_set(e, rc, "%s", found.text);
    if (found.code != 0)
        q->replaced = found;
    return 0;
}

static bool is_empty(struct store *store)
{
    struct error ignored = {0};
    json_t *totals = NULL, *value;
    const char *key;
    json_int_t sum = 0;
    if (store_totals(store, &totals, &ignored) != 0)
        return false;
    json_object_foreach (totals, key, value)
        sum += json_integer_value(value);
    json_decref(totals);
    return sum == 0;
}

/* Jobs that were taken up while the store could not say what it knew of them become those that it knows. */
static int match_unsure(struct storage_request *q)
{
    int rc = 0;
    for (struct record *r = q->records; rc == 0 && r; r = r->next)
        if (r->unsure)
            rc = store_last(q->store, r->row.folder, r->row.name, &r->row.claim, recall_match, r, &q->error);
    return rc;
}

static int record_all(struct storage_request *q)
{
    int rc = match_unsure(q);
    return rc ? rc : store_record(q->store, q->rows, q->count, &q->error);
}

/* Damaged, or moved away under us. */
static int record_anew(struct storage_request *q, int was)
{
    error_clear(&q->error);
    int rc = reopen(q, &q->error);
    if (rc == 0 && was == ERR_IO && q->replaced.code == 0 && is_empty(q->store))
        error_set(&q->replaced, ERR_GONE, "%s", q->url);
    return rc ? rc : record_all(q);
}

static void retain(struct storage_request *q)
{
    size_t removed = 0;
    if (store_retain(q->store, &q->retention, &removed, &q->other) == 0)
        q->more_to_retain = removed == q->retention.most;
}

static void run_errands(struct storage_request *q, int rc)
{
    for (struct errand *x = q->errands; x; x = x->next)
        x->rc = rc ? rc : x->run(x, q->store, &q->other);
}

void storage_run(struct work *work)
{
    struct storage_request *q = (struct storage_request *)work;
    int rc = q->store ? 0 : reopen(q, &q->error);
    if (rc == 0 && q->count > 0)
        rc = record_all(q);
    if (rc == ERR_SYNTAX || rc == ERR_IO)
        rc = record_anew(q, rc);
    if (rc == 0 && q->questions)
        (void)questions_ask(q->questions, q->store, &q->other);
    if (rc == 0 && (q->unwritten = notes_write(q->store, q->instance, q->notes, &q->other)))
        rc = q->other.code;
    if (rc == 0 && q->snapshot) /* after the day that its own follows */
        rc = store_save_snapshot(q->store, q->instance, q->snapshot, &q->other);
    run_errands(q, rc);
    if (rc == 0 && q->retain)
        retain(q);
}
