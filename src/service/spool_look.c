/* spool_look.c: see spool_inner.h. What lies in the folder: at the start, and what another instance accepted before it
 * stopped. */
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

#include "shunt/base/mem.h"
#include "shunt/io/work.h"

#include "spool_inner.h"

/* --- what others left --- */

struct spool_look {
    struct work work; /* first */
    struct spool *spool;
    int64_t at_ms;
    struct found_job *found;
};

/* A job that is accepted does not change: it is in our table since we read it, until it is due. */
struct spool_seen {
    int64_t at_ms; /* by the look of that time */
    UT_hash_handle hh;
    char id[JOB_ID_SIZE];
};

struct found_job {
    struct found_job *next;
    struct record *record;
    int64_t run_at_ms;
    enum priority priority;
};

static bool is_seen(void *user, const char *id)
{
    const struct spool_look *l = user;
    struct spool_seen *seen;
    HASH_FIND_STR(l->spool->seen, id, seen);
    if (seen)
        seen->at_ms = l->at_ms;
    return seen != NULL;
}

static void forget_seen(struct spool *spool, struct spool_seen *seen)
{
    HASH_DEL(spool->seen, seen);
    mem_free(seen);
}

/* Without memory it is read again, which does no harm. */
static void see(const struct spool_look *l, const char *id)
{
    struct spool_seen *seen = mem_zalloc(sizeof *seen);
    if (!seen)
        return;
    seen->at_ms = l->at_ms;
    memccpy(seen->id, id, '\0', JOB_ID_SIZE);
    HASH_ADD_STR(l->spool->seen, id, seen);
    if (!hash_added(seen))
        mem_free(seen);
}

static int remember(void *user, const struct spool_found *found)
{
    struct spool_look *l = user;
    struct found_job *job = found->ticket ? mem_zalloc(sizeof *job) : NULL;
    if (!job) { /* it is being done with; or there is no memory: seen by the next look */
        record_free(found->record);
        return 0;
    }
    job->record = found->record;
    job->run_at_ms = found->run_at_ms;
    job->priority = found->priority;
    LL_PREPEND(l->found, job);
    see(l, found->record->row.id);
    return 0;
}

static void run_look(struct work *work)
{
    struct spool_look *l = (struct spool_look *)work;
    struct error ignored = {0}; /* tried again */
    struct spool_seen *seen, *next;
    if (spool_read(l->spool->path, is_seen, remember, l, &ignored) != 0)
        return;
    HASH_ITER (hh, l->spool->seen, seen, next)
        if (seen->at_ms != l->at_ms) /* it lies there no more */
            forget_seen(l->spool, seen);
}

/* Into the table, unless it is there. Takes the record. False: no memory. */
static bool take_up(struct spool *spool, const struct found_job *found)
{
    bool known = spool_find(spool, found->record->row.id) != NULL;
    struct spooled *job = known ? NULL : spool_reserve(spool, found->record, found->run_at_ms, found->priority);
    if (job)
        spool_enter(job);
    else
        record_free(found->record);
    return known || job;
}

static void on_look(struct work *work)
{
    struct spool_look *l = (struct spool_look *)work;
    struct spool *spool = l->spool;
    spool->look = NULL;
    for (struct found_job *found = l->found, *next; found; found = next) {
        next = found->next;
        if (!take_up(spool, found))
            spool_forget_seen(spool); /* read again by the next look */
        mem_free(found);
    }
    mem_free(l);
}

void spool_forget_seen(struct spool *spool)
{
    struct spool_seen *seen, *next;
    HASH_ITER (hh, spool->seen, seen, next)
        forget_seen(spool, seen);
}

void spool_look_again(struct spool *spool)
{
    const struct runtime *rt = &spool->service->rt;
    if (spool->look || rt->draining || runtime_now(rt) < spool->look_at_ms)
        return;
    struct spool_look *l = mem_zalloc(sizeof *l);
    spool->look_at_ms = runtime_now(rt) + SPOOL_LOOK_MS;
    if (!l)
        return;
    l->spool = spool;
    l->at_ms = spool->look_at_ms;
    if (work_submit(rt->loop, &l->work, run_look, on_look) == 0)
        spool->look = l;
    else
        mem_free(l);
}

/* --- at the start --- */

static bool lies_there(const char *path, const struct store_job *row, struct store_claim *claim)
{
    struct stat st;
    if (lstat(path, &st) != 0 || (uint64_t)st.st_size != row->size)
        return false;
    *claim = record_claim(&st);
    return true;
}

struct asked {
    const char *path;
    bool known;
};

static int on_row(void *user, const struct store_job *row)
{
    struct asked *asked = user;
    asked->known = row->status >= STATUS_COMPLETED || (row->path && strcmp(row->path, asked->path) == 0);
    return 0;
}

/* Does the store know that the ticket was moved to that path, or even what became of it? */
static bool is_known(const struct spool *spool, const char *id, const char *path)
{
    struct store *store = spool->service->storage.store;
    struct asked asked = {.path = path};
    struct error ignored = {0}; /* it is told again */
    if (store)
        (void)store_find(store, id, on_row, &asked, &ignored);
    return asked.known;
}

/* The ticket was moved, and then we died: it is known again where it lies, or its job has ended by now, or another
 * instance has it. Takes the record. */
static int take_up_moved(struct spool *spool, struct record *record)
{
    struct store_claim claim;
    struct record *told;
    struct spool_meta *meta;
    char *path = spool_path_of(spool->service, &record->row);
    bool there = path && !is_known(spool, record->row.id, path) && lies_there(path, &record->row, &claim);
    struct spooled *job = there ? spool_reserve(spool, record, 0, PRIORITY_NORMAL) : NULL;
    int rc = path && (job || !there) ? 0 : ERR_NOMEM;
    if (job) {
        job->path = path;
        spool_set_moved(spool, record, path, &claim);
        if (spool_prepare(spool, record, &told, &meta)) {
            spool_finish_later(spool, told, meta, job);
            return 0;
        }
        spool_leave(job);
        return ERR_NOMEM;
    }
    if (rc == 0)
        rc = spool_forget(spool, record->row.id);
    record_free(record);
    mem_free(path);
    return rc;
}

int spool_take_up(void *user, const struct spool_found *found)
{
    struct spool *spool = user;
    struct record *record = found->record;
    if (!found->ticket)
        return take_up_moved(spool, record);
    struct spooled *job = spool_reserve(spool, record, found->run_at_ms, found->priority);
    if (!job) {
        record_free(record);
        return ERR_NOMEM;
    }
    storage_add(&spool->service->storage, record_copy(&record->row), NULL);
    spool_enter(job);
    return 0;
}
