/* spool.c: see spool.h. A job is written, waits, is due and queued (here), is moved (spool_move.c), and leaves the table. */
#include <string.h>
#include <utlist.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/io/files.h"

#include "spool_inner.h"

#define WAIT_MAX_MS 60000 /* the wall clock may be set meanwhile */

static const char *id_of(const struct spooled *job)
{
    return job->record->row.id;
}

struct spooled *spool_find(const struct spool *spool, const char *id)
{
    struct spooled *job;
    HASH_FIND_STR(spool->table, id, job);
    return job;
}

struct spooled *spool_reserve(struct spool *spool, struct record *record, int64_t run_at_ms, enum priority priority)
{
    struct spooled *job = mem_zalloc(sizeof *job);
    if (!job)
        return NULL;
    job->spool = spool;
    job->record = record;
    job->run_at_ms = run_at_ms;
    job->priority = priority;
    HASH_ADD_KEYPTR(hh, spool->table, id_of(job), strlen(id_of(job)), job);
    if (!hash_added(job)) {
        mem_free(job);
        return NULL;
    }
    spool->count++;
    return job;
}

void spool_leave(struct spooled *job)
{
    struct spool *spool = job->spool;
    wait_cancel(&spool->service->rt, &job->wait);
    HASH_DEL(spool->table, job);
    spool->count--;
    spool->n_due -= job->due;
    record_free(job->record);
    mem_free(job->path);
    mem_free(job);
}

void spool_give_up(struct spooled *job)
{
    spool_leave(job);
}

/* --- waiting --- */

static void queue(struct spooled *job)
{
    job->state = SPOOLED_WAITING;
    if (!job->due)
        job->spool->n_due++;
    job->due = true;
    DL_APPEND(job->spool->queue[job->priority], job);
}

static void on_time(struct wait *wait)
{
    spool_enter((struct spooled *)((char *)wait - offsetof(struct spooled, wait)));
}

void spool_put_off(struct spooled *job, int64_t pause_ms)
{
    job->state = SPOOLED_WAITING;
    if (wait_set(&job->spool->service->rt, &job->wait, pause_ms, on_time) != 0)
        queue(job); /* no memory to wait in: looked at again by the next turn */
}

void spool_enter(struct spooled *job)
{
    const struct clock *clock = job->spool->service->rt.clock;
    int64_t left = job->run_at_ms - clock->wall_ms(clock);
    if (left > 0)
        spool_put_off(job, left < WAIT_MAX_MS ? left : WAIT_MAX_MS);
    else
        queue(job);
}

bool spool_hold(struct spooled *job)
{
    if (job->state != SPOOLED_WAITING)
        return false;
    if (due_listed(&job->wait.due))
        wait_cancel(&job->spool->service->rt, &job->wait);
    else
        DL_DELETE(job->spool->queue[job->priority], job);
    job->state = SPOOLED_WRITING;
    return true;
}

/* --- life --- */

struct spool *spool_new(struct service *s, struct error *e)
{
    struct spool *spool = mem_zalloc(sizeof *spool);
    if (!spool || !(spool->path = files_join(s->config->data, "scheduled"))) {
        mem_free(spool);
        error_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    spool->service = s;
    spool->look_at_ms = runtime_now(&s->rt) + SPOOL_LOOK_MS;
    if (files_mkdirs(spool->path, s->config->settings->folder_mode, true, e) != 0 ||
        spool_read(spool->path, NULL, spool_take_up, spool, e) != 0) {
        error_set(e, ERR_NOMEM, "out of memory");
        spool_free(spool);
        return NULL;
    }
    if (spool->count > 0)
        log_info("scheduled", "%zu jobs that were sent wait in %s", spool->count, spool->path);
    return spool;
}

void spool_free(struct spool *spool)
{
    if (!spool)
        return;
    struct spooled *job, *next;
    HASH_ITER (hh, spool->table, job, next)
        spool_leave(job);
    for (struct spool_meta *meta = spool->done, *after; meta; meta = after) {
        after = meta->next;
        mem_free(meta);
    }
    spool_forget_seen(spool);
    mem_free(spool->path);
    mem_free(spool);
}
