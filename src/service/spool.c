/* spool.c: see spool.h. A job is written, waits, is due and queued, is moved, and leaves the table. One work request at a
 * time moves up to MOVES_MAX tickets and removes what is done with. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/io/files.h"
#include "shunt/io/work.h"
#include "shunt/service/recall.h"
#include "shunt/service/watching.h"

#include "spool_inner.h"

#define MOVES_MAX       64
#define WAIT_MAX_MS     60000 /* the wall clock may be set meanwhile */
#define BUSY_PAUSE_MS   100
#define BROKEN_PAUSE_MS 1000
#define LOOK_MS         10000

struct spool_meta {
    struct spool_meta *next;
    struct spooled *job; /* stays in the table until the store knows of it; NULL: none */
    bool ready;          /* the store knows of the move */
    char id[JOB_ID_SIZE];
};

struct spool_move {
    struct work work; /* first */
    struct spool *spool;
    struct spool_meta *done;
    size_t count;
    struct spooled *jobs[];
};

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

struct spooled *spool_reserve(struct spool *spool, struct record *record, int64_t run_at_ms)
{
    struct spooled *job = mem_zalloc(sizeof *job);
    if (!job)
        return NULL;
    job->spool = spool;
    job->record = record;
    job->run_at_ms = run_at_ms;
    HASH_ADD_KEYPTR(hh, spool->table, id_of(job), strlen(id_of(job)), job);
    if (!hash_added(job)) {
        mem_free(job);
        return NULL;
    }
    spool->count++;
    return job;
}

static void leave(struct spooled *job)
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
    leave(job);
}

/* --- waiting --- */

static void queue(struct spooled *job)
{
    job->state = SPOOLED_WAITING;
    if (!job->due)
        job->spool->n_due++;
    job->due = true;
    DL_APPEND(job->spool->queue, job);
}

static void on_time(struct wait *wait)
{
    spool_enter((struct spooled *)((char *)wait - offsetof(struct spooled, wait)));
}

static void put_off(struct spooled *job, int64_t pause_ms)
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
        put_off(job, left < WAIT_MAX_MS ? left : WAIT_MAX_MS);
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
        DL_DELETE(job->spool->queue, job);
    job->state = SPOOLED_WRITING;
    return true;
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

static void on_known(void *user)
{
    struct spool_meta *meta = user;
    meta->ready = true;
    if (meta->job)
        leave(meta->job);
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

/* Its ID.job goes when the store knows where the ticket is. Takes the record; job may be NULL. */
static void finish_later(struct spool *spool, struct record *record, struct spool_meta *meta, struct spooled *job)
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

static int forget(struct spool *spool, const char *id)
{
    struct spool_meta *meta = meta_new(spool, id);
    if (meta)
        meta->ready = true;
    return meta ? 0 : ERR_NOMEM;
}

/* From now on its ticket lies in underprocess. */
static void set_moved(struct spool *spool, struct record *record, const char *path, const struct store_claim *claim)
{
    const struct clock *clock = spool->service->rt.clock;
    record->row.path = path;
    record->row.claim = *claim;
    record->row.status = STATUS_PROCESSING;
    record->row.started_ms = clock->wall_ms(clock);
}

/* What recall is to know before the ticket is looked at, and what the store will be told. False: no memory, nothing is
 * known. */
static bool prepare(struct spool *spool, const struct record *record, struct record **told, struct spool_meta **meta)
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
    bool prepared = prepare(spool, job->record, &told, &meta);
    if (!prepared && wait_set(&s->rt, &job->wait, BUSY_PAUSE_MS, on_tell_again) == 0)
        return;
    DL_DELETE(spool->moving, job);
    if (!intake_see(&s->intake, row->folder, row->name, WAY_REALTIME, true, false))
        scanner_want_full(&s->scanner);
    if (prepared)
        finish_later(spool, told, meta, job);
    else
        leave(job);
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
            set_moved(m->spool, job->record, job->path, &job->claim);
            on_moved_one(job);
        } else if (job->code == ERR_GONE) {
            not_moved(job);
            leave(job);
        } else {
            not_moved(job);
            put_off(job, job->code == ERR_BUSY ? BUSY_PAUSE_MS : BROKEN_PAUSE_MS);
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

/* Where its ticket will lie. mem_free. */
static char *path_of(const struct service *s, const struct store_job *row)
{
    struct str path = STR_INIT;
    str_printf(&path, "%s/%s/%s", s->instance.path, row->folder, row->name);
    return str_take(&path);
}

static void choose(struct spool *spool, struct spool_move *m)
{
    struct service *s = spool->service;
    size_t room = s->rt.draining ? 0 : intake_room(&s->intake);
    struct spooled *job, *next;
    DL_FOREACH_SAFE (spool->queue, job, next) {
        if (m->count == MOVES_MAX || m->count == room)
            break;
        DL_DELETE(spool->queue, job);
        if (name_in_hand(s, &job->record->row) || (!job->path && !(job->path = path_of(s, &job->record->row)))) {
            put_off(job, BUSY_PAUSE_MS);
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
        put_off(m->jobs[i], BROKEN_PAUSE_MS);
    }
    for (struct spool_meta *meta = m->done, *next; meta; meta = next) {
        next = meta->next;
        LL_PREPEND(spool->done, meta);
    }
    mem_free(m);
}

/* --- what another instance accepted before it stopped --- */

struct spool_look {
    struct work work; /* first */
    struct spool *spool;
    struct found_job *found;
};

struct found_job {
    struct found_job *next;
    struct record *record;
    int64_t run_at_ms;
};

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
    LL_PREPEND(l->found, job);
    return 0;
}

static void run_look(struct work *work)
{
    struct spool_look *l = (struct spool_look *)work;
    struct error ignored = {0}; /* tried again */
    (void)spool_read(l->spool->path, remember, l, &ignored);
}

static void on_look(struct work *work)
{
    struct spool_look *l = (struct spool_look *)work;
    struct spool *spool = l->spool;
    spool->look = NULL;
    for (struct found_job *found = l->found, *next; found; found = next) {
        next = found->next;
        struct spooled *job = NULL;
        if (!spool_find(spool, found->record->row.id))
            job = spool_reserve(spool, found->record, found->run_at_ms);
        if (job)
            spool_enter(job);
        else
            record_free(found->record);
        mem_free(found);
    }
    mem_free(l);
}

static void look(struct spool *spool)
{
    const struct runtime *rt = &spool->service->rt;
    if (spool->look || rt->draining || runtime_now(rt) < spool->look_at_ms)
        return;
    struct spool_look *l = mem_zalloc(sizeof *l);
    spool->look_at_ms = runtime_now(rt) + LOOK_MS;
    if (!l)
        return;
    l->spool = spool;
    if (work_submit(rt->loop, &l->work, run_look, on_look) == 0)
        spool->look = l;
    else
        mem_free(l);
}

static bool has_work(const struct spool *spool)
{
    const struct service *s = spool->service;
    if (spool->queue && !s->rt.draining && intake_room(&s->intake) > 0)
        return true;
    for (const struct spool_meta *meta = spool->done; meta; meta = meta->next)
        if (meta->ready)
            return true;
    return false;
}

void spool_pump(struct spool *spool)
{
    look(spool);
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

/* --- life --- */

static bool lies_there(const char *path, const struct store_job *row, struct store_claim *claim)
{
    struct stat st;
    if (lstat(path, &st) != 0 || (uint64_t)st.st_size != row->size)
        return false;
    *claim = (struct store_claim){.device = st.st_dev,
                                  .inode = st.st_ino,
                                  .mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec};
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
    char *path = path_of(spool->service, &record->row);
    bool there = path && !is_known(spool, record->row.id, path) && lies_there(path, &record->row, &claim);
    struct spooled *job = there ? spool_reserve(spool, record, 0) : NULL;
    int rc = path && (job || !there) ? 0 : ERR_NOMEM;
    if (job) {
        job->path = path;
        set_moved(spool, record, path, &claim);
        if (prepare(spool, record, &told, &meta)) {
            finish_later(spool, told, meta, job);
            return 0;
        }
        leave(job);
        return ERR_NOMEM;
    }
    if (rc == 0)
        rc = forget(spool, record->row.id);
    record_free(record);
    mem_free(path);
    return rc;
}

static int take_up(void *user, const struct spool_found *found)
{
    struct spool *spool = user;
    struct record *record = found->record;
    if (!found->ticket)
        return take_up_moved(spool, record);
    struct spooled *job = spool_reserve(spool, record, found->run_at_ms);
    if (!job) {
        record_free(record);
        return ERR_NOMEM;
    }
    storage_add(&spool->service->storage, record_copy(&record->row), NULL);
    spool_enter(job);
    return 0;
}

struct spool *spool_new(struct service *s, struct error *e)
{
    struct spool *spool = mem_zalloc(sizeof *spool);
    if (!spool || !(spool->path = files_join(s->config->data, "scheduled"))) {
        mem_free(spool);
        error_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    spool->service = s;
    spool->look_at_ms = runtime_now(&s->rt) + LOOK_MS;
    if (files_mkdirs(spool->path, s->config->settings->folder_mode, true, e) != 0 ||
        spool_read(spool->path, take_up, spool, e) != 0) {
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
        leave(job);
    for (struct spool_meta *meta = spool->done, *after; meta; meta = after) {
        after = meta->next;
        mem_free(meta);
    }
    mem_free(spool->path);
    mem_free(spool);
}
