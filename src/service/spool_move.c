/* spool_move.c: see spool_inner.h. One work request at a time moves up to MOVES_MAX tickets and removes what is done
 * with: an ID.job goes when the store knows where the ticket is. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "shunt/base/mem.h"
#include "shunt/io/files.h"
#include "shunt/io/work.h"
#include "shunt/service/recall.h"
#include "shunt/service/watching.h"

#include "spool_inner.h"

#define MOVES_MAX       64
#define BUSY_PAUSE_MS   100
#define BROKEN_PAUSE_MS 1000

struct spool_move {
    struct work work; /* first */
    struct spool *spool;
    struct spool_meta *done;
    size_t count;
    struct spooled *jobs[];
};

/* --- what the store is told --- */

static void on_known(void *user)
{
    struct spool_meta *meta = user;
    meta->ready = true;
    if (meta->job)
        spool_leave(meta->job);
    meta->job = NULL;
}

static struct spool_meta *meta_new(struct spool *spool, const char *id)
{
    struct spool_meta *meta = mem_zalloc(sizeof *meta);
    if (!meta)
        return NULL;
    memccpy(meta->id, id, '\0', JOB_ID_SIZE);
    LL_PREPEND(spool->done, meta);
    return meta;
}

void spool_finish_later(struct spool *spool, struct record *record, struct spool_meta *meta, struct spooled *job)
{
    if (job) {
        job->state = SPOOLED_MOVED;
        spool->n_due -= job->due;
        job->due = false;
    }
    meta->job = job;
    record->told = on_known;
    record->user = meta;
    record->patient = true; /* a key is not to be forgotten while the store is away */
    if (!storage_add(&spool->service->storage, record, NULL))
        on_known(meta);
}

int spool_forget(struct spool *spool, const char *id)
{
    struct spool_meta *meta = meta_new(spool, id);
    if (meta)
        meta->ready = true;
    return meta ? 0 : ERR_NOMEM;
}

void spool_set_moved(struct spool *spool, struct record *record, const char *path, const struct store_claim *claim)
{
    const struct clock *clock = spool->service->rt.clock;
    record->row.path = path;
    record->row.claim = *claim;
    record->row.status = STATUS_PROCESSING;
    record->row.started_ms = clock->wall_ms(clock);
}

bool spool_prepare(struct spool *spool, const struct record *record, struct record **told, struct spool_meta **meta)
{
    *told = record_copy(&record->row);
    *meta = *told ? meta_new(spool, record->row.id) : NULL;
    if (*meta && recall_moved(&spool->service->recall, record_copy(&record->row)))
        return true;
    if (*meta)
        LL_DELETE(spool->done, *meta);
    mem_free(*meta);
    record_free(*told);
    return false;
}

char *spool_path_of(const struct service *s, const struct store_job *row)
{
    struct str path = STR_INIT;
    str_printf(&path, "%s/%s/%s", s->instance.path, row->folder, row->name);
    return str_take(&path);
}

/* --- moving --- */

static void run_move(struct work *work)
{
    struct spool_move *m = (struct spool_move *)work;
    const struct service *s = m->spool->service;
    const struct settings *set = s->config->settings;
    struct error e = {0};
    int fd = files_open_folder(m->spool->path, &e);
    for (size_t i = 0; i < m->count; i++) {
        struct spooled *job = m->jobs[i];
        struct error why = {0};
        job->code = fd < 0 ? fd
                           : spool_move_one(fd, s->instance.fd, &job->record->row, set->folder_mode,
                                            set->durability == DURABILITY_FULL, &job->claim, &why);
    }
    for (const struct spool_meta *meta = m->done; fd >= 0 && meta; meta = meta->next) {
        char name[SPOOL_FILE_SIZE];
        spool_file_name(meta->id, "job", name);
        (void)unlinkat(fd, name, 0); /* what stays is seen to be done with at the next start */
    }
    if (fd >= 0)
        close(fd);
}

static void on_tell_again(struct wait *wait);

/* Its ticket may lie in underprocess before we know that: were it taken up by a scan meanwhile, its job could end before
 * the store is told that it was moved. */
bool spool_moves(struct spool *spool, const char *folder, const char *name)
{
    struct spooled *job;
    DL_FOREACH (spool->moving, job) {
        const struct store_job *row = &job->record->row;
        if (strcmp(row->name, name) == 0 && strcmp(row->folder, folder) == 0) {
            job->seen = true;
            return true;
        }
    }
    return false;
}

/* What a scan found under its name was something else. */
static void not_moved(struct spooled *job)
{
    DL_DELETE(job->spool->moving, job);
    if (job->seen)
        scanner_want_full(&job->spool->service->scanner);
    job->seen = false;
}

static void on_moved_one(struct spooled *job)
{
    struct spool *spool = job->spool;
    struct service *s = spool->service;
    const struct store_job *row = &job->record->row;
    struct record *told;
    struct spool_meta *meta;
    bool prepared = spool_prepare(spool, job->record, &told, &meta);
    if (!prepared && wait_set(&s->rt, &job->wait, BUSY_PAUSE_MS, on_tell_again) == 0)
        return;
    DL_DELETE(spool->moving, job);
    if (!intake_see_sent(&s->intake, row->folder, row->name, job->priority))
        scanner_want_full(&s->scanner);
    if (prepared)
        spool_finish_later(spool, told, meta, job);
    else
        spool_leave(job);
}

static void on_tell_again(struct wait *wait)
{
    on_moved_one((struct spooled *)((char *)wait - offsetof(struct spooled, wait)));
}

static void on_moved(struct work *work)
{
    struct spool_move *m = (struct spool_move *)work;
    m->spool->active = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct spooled *job = m->jobs[i];
        if (job->code == 0) {
            spool_set_moved(m->spool, job->record, job->path, &job->claim);
            on_moved_one(job);
        } else if (job->code == ERR_GONE) {
            not_moved(job);
            spool_leave(job);
        } else {
            not_moved(job);
            spool_put_off(job, job->code == ERR_BUSY ? BUSY_PAUSE_MS : BROKEN_PAUSE_MS);
        }
    }
    for (struct spool_meta *meta = m->done, *next; meta; meta = next) {
        next = meta->next;
        mem_free(meta);
    }
    mem_free(m);
}

/* An older one of that name is in hand: it would be found taken. */
static bool name_in_hand(const struct service *s, const struct store_job *row)
{
    return jobs_find(&s->jobs, row->folder, row->name) != NULL;
}

/* The next that is due, where the intake has room for one more beside those that were chosen. NULL: none. */
static struct spooled *next_due(struct spool *spool, size_t chosen)
{
    const struct service *s = spool->service;
    bool waits[PRIORITIES];
    for (int i = 0; i < PRIORITIES; i++)
        waits[i] = spool->queue[i] && !s->rt.draining && intake_room(&s->intake, (enum priority)i) > chosen;
    enum priority next = priority_next(&spool->turn, waits);
    return next == PRIORITIES ? NULL : spool->queue[next];
}

static void choose(struct spool *spool, struct spool_move *m)
{
    struct service *s = spool->service;
    struct spooled *job;
    while (m->count < MOVES_MAX && (job = next_due(spool, m->count)) != NULL) {
        DL_DELETE(spool->queue[job->priority], job);
        if (name_in_hand(s, &job->record->row) || (!job->path && !(job->path = spool_path_of(s, &job->record->row)))) {
            spool_put_off(job, BUSY_PAUSE_MS);
            if (!due_listed(&job->wait.due)) /* no memory to wait in: it stands in the queue again */
                break;
            continue;
        }
        job->state = SPOOLED_MOVING;
        DL_APPEND(spool->moving, job);
        m->jobs[m->count++] = job;
    }
    struct spool_meta *meta, *next_meta;
    LL_FOREACH_SAFE (spool->done, meta, next_meta)
        if (meta->ready) {
            LL_DELETE(spool->done, meta);
            LL_PREPEND(m->done, meta);
        }
}

static void undo(struct spool *spool, struct spool_move *m)
{
    for (size_t i = 0; i < m->count; i++) {
        not_moved(m->jobs[i]);
        spool_put_off(m->jobs[i], BROKEN_PAUSE_MS);
    }
    for (struct spool_meta *meta = m->done, *next; meta; meta = next) {
        next = meta->next;
        LL_PREPEND(spool->done, meta);
    }
    mem_free(m);
}

static bool has_work(const struct spool *spool)
{
    const struct service *s = spool->service;
    for (int i = 0; i < PRIORITIES && !s->rt.draining; i++)
        if (spool->queue[i] && intake_room(&s->intake, (enum priority)i) > 0)
            return true;
    for (const struct spool_meta *meta = spool->done; meta; meta = meta->next)
        if (meta->ready)
            return true;
    return false;
}

void spool_pump(struct spool *spool)
{
    spool_look_again(spool);
    if (spool->active || !has_work(spool))
        return;
    struct spool_move *m = mem_zalloc(sizeof *m + MOVES_MAX * sizeof m->jobs[0]);
    if (!m)
        return;
    m->spool = spool;
    choose(spool, m);
    if (m->count == 0 && !m->done)
        mem_free(m);
    else if (work_submit(spool->service->rt.loop, &m->work, run_move, on_moved) == 0)
        spool->active = m;
    else
        undo(spool, m);
}

bool spool_idle(const struct spool *spool)
{
    return !spool->active && !spool->look;
}
