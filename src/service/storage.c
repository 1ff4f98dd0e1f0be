/* storage.c: see storage.h. The part on the loop; what a request does in its worker is in storage_run.c. */
#include "shunt/service/storage.h"

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/question.h"

#include "storage_inner.h"
#include "storage_notes.h"

#define BATCH_MAX      500
#define AGAIN_MS       1000
#define AGAIN_MAX_MS   30000
#define HANG_MS        10000 /* longer than another process may lock the store */
#define RETAIN_AT_ONCE 1000

static void let_go(struct storage *st, struct record *r)
{
    struct job *job = r->job;
    void (*told)(void *user) = r->patient ? NULL : r->told;
    r->job = NULL;
    r->told = r->patient ? r->told : NULL;
    if (job)
        st->recorded(job);
    if (told)
        told(r->user);
}

static void degrade(struct storage *st, const struct error *why)
{
    st->why = *why;
    if (!st->degraded)
        log_write(LOG_EVENT(LOG_ERROR, "store_failed", .error = why->text),
                  "The store cannot be written: routing goes on, what happens is recorded when it is back");
    if (!st->degraded)
        st->degraded_ms = st->rt->clock->wall_ms(st->rt->clock);
    st->degraded = true;
    for (struct record *r = st->queue; r; r = r->next)
        let_go(st, r);
    struct question *questions = st->questions;
    st->questions = NULL;
    questions_let_go(questions, false);
    questions_free(questions);
}

static void restored(struct storage *st)
{
    if (!st->degraded)
        return;
    st->degraded = false;
    st->pause_ms = AGAIN_MS;
    log_info("store_back", "The store is written again, %zu records follow%s", st->queued,
             st->lost ? "; some were lost for want of room" : "");
    if (st->lost)
        log_warn("store_lost", "%llu jobs are not in the store: too many waited for it", (unsigned long long)st->lost);
    st->lost = 0;
}

/* The first of a list that is the queue from here on. */
static void link_at(struct storage *st, struct record **link, struct record *r)
{
    *link = r;
    if (r)
        r->link = link;
    else
        st->tail = link;
}

static void append(struct storage *st, struct record *r)
{
    link_at(st, st->tail, r);
    link_at(st, &r->next, NULL);
    st->queued++;
    if (!r->owner)
        return;
    if (r->owner->record)
        r->owner->record->owner = NULL;
    r->owner->record = r;
}

/* In place of the one of the same job that still waits: whose state changes often does not fill the queue. */
static bool take_place(struct storage *st, struct record *r)
{
    struct record *old = r->owner ? r->owner->record : NULL;
    if (!old || old->taken || old->job || old->told)
        return false;
    struct record *both = record_merged(old, r);
    if (!both)
        return false;
    link_at(st, old->link, both);
    link_at(st, &both->next, old->next);
    both->owner->record = both;
    record_free(old);
    record_free(r);
    return true;
}

/* They were there before what came meanwhile. */
static void put_back(struct storage *st, struct record *first, size_t count)
{
    if (count == 0)
        return;
    struct record *last = first;
    first->taken = false;
    while (last->next) {
        last = last->next;
        last->taken = false;
    }
    link_at(st, &last->next, st->queue);
    link_at(st, &st->queue, first);
    st->queued += count;
    st->ahead += count;
}

static void on_again(struct wait *wait)
{
    (void)wait; /* the turn's pump finds what waits */
}

static void errands_done(struct errand *x)
{
    for (struct errand *next; x; x = next) {
        next = x->next;
        x->done(x, x->rc);
    }
}

static void on_done(struct work *work)
{
    struct storage_request *q = (struct storage_request *)work;
    struct storage *st = q->st;
    st->active = NULL;
    st->store = q->store;
    wait_cancel(st->rt, &st->hang);
    if (q->replaced.code == ERR_GONE)
        log_error("store_gone", "The store %s was taken away; a new one begins, which knows nothing of what was before",
                  q->replaced.text);
    else if (q->replaced.code != 0)
        log_write(LOG_EVENT(LOG_ERROR, "store_damaged", .error = q->replaced.text),
                  "The store was damaged; a new one begins, which knows nothing of what was before");
    if (q->error.code == 0) {
        for (struct record *r = q->records, *next; r; r = next) {
            next = r->next;
            r->patient = false;
            if (r->was[0] != '\0')
                st->matched(st->user, r);
            let_go(st, r);
            record_free(r);
        }
    } else {
        for (struct record *r = q->records; r; r = r->next)
            let_go(st, r);
        put_back(st, q->records, q->count);
    }
    const struct error *bad = q->error.code ? &q->error : q->other.code ? &q->other : NULL;
    metrics_store_write(st->rt->metrics, !bad, q->count, uv_hrtime() - q->began_ns);
    if (bad) {
        degrade(st, bad);
        wait_set(st->rt, &st->again, st->pause_ms, on_again);
        st->pause_ms = st->pause_ms * 2 < AGAIN_MAX_MS ? st->pause_ms * 2 : AGAIN_MAX_MS;
    } else {
        restored(st);
        if (q->retain)
            st->retain = q->more_to_retain;
    }
    notes_done(st, q->notes, q->unwritten);
    questions_let_go(q->questions, true);
    questions_free(q->questions);
    json_decref(q->snapshot);
    errands_done(q->errands);
    mem_free(q);
}

static void on_hang(struct wait *wait)
{
    struct storage *st = (struct storage *)((char *)wait - offsetof(struct storage, hang));
    struct error why = {0};
    error_set(&why, ERR_TIMEOUT, "it has not answered for %d s", HANG_MS / 1000);
    for (struct record *r = st->active->records; r; r = r->next)
        let_go(st, r);
    degrade(st, &why);
    questions_let_go(st->active->questions, false);
}

static bool retention_due(const struct storage *st, struct store_retention *r)
{
    const struct settings *s = st->rt->config->settings;
    int64_t now = st->rt->clock->wall_ms(st->rt->clock);
    *r = (struct store_retention){.before_ms = s->keep_jobs_ms > 0 ? now - s->keep_jobs_ms : 0,
                                  .keep_rows = (uint64_t)s->keep_rows,
                                  .most = RETAIN_AT_ONCE};
    return (s->keep_jobs_ms > 0 || s->keep_rows > 0) && st->retain;
}

/* Its promise is that of the deliveries. */
static enum store_mode mode_of(const struct settings *s)
{
    return s->durability == DURABILITY_FULL ? STORE_WRITE : STORE_WRITE_UNFLUSHED;
}

static struct storage_request *request_new(struct storage *st)
{
    const struct config *c = st->rt->config;
    size_t count = st->snapshot ? st->ahead : st->queued; /* what came after the snapshot is written after it */
    count = count < BATCH_MAX ? count : BATCH_MAX;
    struct storage_request *q = mem_zalloc(sizeof *q + count * sizeof q->rows[0]);
    if (!q)
        return NULL;
    q->st = st;
    q->store = st->store;
    q->url = c->settings->store_url;
    q->base = c->data;
    q->mode = mode_of(c->settings);
    q->instance = st->instance;
    q->records = st->queue;
    q->snapshot = count < st->ahead ? NULL : st->snapshot;
    q->notes = q->unwritten = notes_take(st);
    q->questions = st->questions;
    st->questions = NULL;
    q->errands = st->errands;
    st->errands = NULL;
    q->retain = retention_due(st, &q->retention);
    q->count = count;
    q->began_ns = uv_hrtime();
    struct record **end = &q->records;
    for (size_t i = 0; i < count; i++) {
        q->rows[i] = (*end)->row;
        (*end)->taken = true;
        end = &(*end)->next;
    }
    struct record *left = *end;
    *end = NULL;
    link_at(st, &st->queue, left);
    st->queued -= count;
    st->ahead -= count < st->ahead ? count : st->ahead;
    if (q->snapshot)
        st->snapshot = NULL;
    return q;
}

static void request_undo(struct storage *st, struct storage_request *q)
{
    put_back(st, q->records, q->count);
    notes_done(st, q->notes, q->notes);
    st->questions = q->questions;
    st->errands = q->errands;
    if (q->snapshot)
        st->snapshot = q->snapshot;
    mem_free(q);
}

void storage_pump(struct storage *st)
{
    struct store_retention ignored;
    if (st->active || due_listed(&st->again.due) ||
        (st->queued == 0 && !st->questions && !st->snapshot && !st->notes && !st->errands &&
         !retention_due(st, &ignored)))
        return;
    struct storage_request *q = request_new(st);
    if (q && work_submit(st->rt->loop, &q->work, storage_run, on_done) == 0) {
        st->active = q;
        wait_set(st->rt, &st->hang, HANG_MS, on_hang);
        return;
    }
    if (q)
        request_undo(st, q);
    wait_set(st->rt, &st->again, AGAIN_MS, on_again);
}

bool storage_add(struct storage *st, struct record *r, struct job *job)
{
    if (!r)
        return false;
    r->job = st->degraded ? NULL : job;
    if (take_place(st, r))
        return !st->degraded && job;
    if (st->queued >= STORAGE_RECORDS_MAX) {
        st->lost++;
        metrics_store_lost(st->rt->metrics);
        record_free(r);
        return false;
    }
    r->told = st->degraded && !r->patient ? NULL : r->told;
    append(st, r);
    return r->job || r->told;
}

void storage_retain(struct storage *st)
{
    st->retain = true;
}

bool storage_ask(struct storage *st, struct question *q)
{
    bool only_locked =
        st->why.code == ERR_BUSY && st->pause_ms == AGAIN_MS; /* when it was opened; no request failed yet */
    if (st->degraded && !(q->patient && only_locked))
        return false;
    st->questions = questions_add(st->questions, q);
    return true;
}

void storage_do(struct storage *st, struct errand *x)
{
    struct errand **end = &st->errands;
    while (*end)
        end = &(*end)->next;
    x->next = NULL;
    *end = x;
}

void storage_save(struct storage *st, json_t *snapshot)
{
    json_decref(st->snapshot);
    st->snapshot = snapshot;
    st->ahead = st->queued;
}

bool storage_idle(const struct storage *st)
{
    return !st->active && !st->questions && ((st->queued == 0 && !st->errands) || st->degraded);
}

void storage_last(struct storage *st, json_t *snapshot)
{
    storage_save(st, snapshot);
    wait_cancel(st->rt, &st->again);
    struct storage_request *q;
    do {
        if (!(q = request_new(st)))
            return;
        q->retain = false;
        storage_run(&q->work);
        st->active = q;
        on_done(&q->work);
    } while ((st->queued > 0 || st->snapshot) && !st->degraded);
    if (st->queued > 0)
        log_warn("store_lost", "%zu records could not be written to the store: %s", st->queued, st->why.text);
    wait_cancel(st->rt, &st->again);
}

size_t storage_unwritten(const struct storage *st)
{
    return st->queued + (st->active ? st->active->count : 0);
}

int storage_open(struct storage *st, struct runtime *rt, unsigned instance, struct error *e)
{
    struct error why = {0};
    *st = (struct storage){.rt = rt, .instance = instance, .pause_ms = AGAIN_MS, .retain = true};
    st->tail = &st->queue;
    int rc =
        store_open(&st->store, rt->config->settings->store_url, rt->config->data, mode_of(rt->config->settings), &why);
    if (rc == ERR_CONFIG || rc == ERR_NOMEM)
        return error_set(e, rc, "%s", why.text);
    if (rc != 0)
        degrade(st, &why);
    else if (why.code != 0)
        log_write(LOG_EVENT(LOG_ERROR, "store_damaged", .error = why.text),
                  "The store was damaged; a new one begins, which knows nothing of what was before");
    return 0;
}

void storage_close(struct storage *st)
{
    for (struct record *r = st->queue, *next; r; r = next) {
        next = r->next;
        if (r->told)
            r->told(r->user);
        record_free(r);
    }
    questions_free(st->questions);
    json_decref(st->snapshot);
    notes_free(st->notes);
    store_close(st->store);
    *st = (struct storage){0};
}
