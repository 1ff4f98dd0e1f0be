/* jobs.c: see jobs.h. Callbacks of lanes and settle record; jobs_advance decides; move() is the only writer of
 * job->state. */
#include "shunt/service/jobs.h"

#include <assert.h>
#include <string.h>

#include "shunt/base/hash.h"
#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/lane.h"
#include "shunt/service/recall.h"
#include "shunt/service/settle.h"
#include "shunt/service/storage.h"

#include "jobs_inner.h"

#define OLDEST_OF_MAX 10000 /* the table is in the order of taking: further ones are younger */

struct job_handle {
    struct job *job;
    UT_hash_handle hh;
};

static void on_recorded(struct job *job)
{
    settle_enqueue(job->jobs->settle, job);
}

/* The ticket's job goes on under the id that the store has for it. */
static void on_matched(void *user, const struct record *r)
{
    struct job *job = jobs_find(user, r->row.folder, r->row.name);
    log_write(LOG_EVENT(LOG_INFO, "known_again", .client = r->row.client, .file = r->row.name, .job = r->row.id),
              "%s is known again: it is the job that was taken up as %s", r->row.name, r->was);
    if (job && strcmp(job->id, r->was) == 0)
        memccpy(job->id, r->row.id, '\0', JOB_ID_SIZE);
}

void jobs_init(struct jobs *jobs, struct runtime *rt, struct delivery_lanes *lanes, struct settle *settle,
               struct storage *storage, struct recall *recall)
{
    *jobs = (struct jobs){.rt = rt, .lanes = lanes, .settle = settle, .storage = storage, .recall = recall};
    storage->recorded = on_recorded;
    storage->matched = on_matched;
    storage->user = jobs;
}

static bool counts_as_waiting(enum job_state s)
{
    return s == JOB_WAITING;
}

static void move(struct job *job, enum job_state to)
{
    assert(job_allows(job->state, to));
    struct ledger *ledger = &job->jobs->rt->ledger;
    if (counts_as_waiting(job->state) != counts_as_waiting(to)) {
        bool waits = counts_as_waiting(to);
        ledger->waiting += waits ? 1 : (uint64_t)-1;
        ledger->in_work += waits ? (uint64_t)-1 : 1;
    }
    if (to == JOB_SETTLING || to == JOB_FAILING)
        job->settling_ns = uv_hrtime();
    job->state = to;
}

struct job *jobs_find(const struct jobs *jobs, const char *folder, const char *name)
{
    /* Without memory of its own: who asks must not take "there is none" for an answer that only wanted memory. */
    char key[2 * NAME_SIZE];
    if (jobs->count == 0 || strlen(folder) > NAME_LEN_MAX || strlen(name) > NAME_LEN_MAX)
        return NULL;
    job_write_key(key, folder, name);
    struct job_handle *handle;
    HASH_FIND_STR(jobs->table, key, handle);
    return handle ? handle->job : NULL;
}

static bool only_held(const struct job *job)
{
    bool held = false;
    for (size_t i = 0; i < job->n_deliveries; i++) {
        const struct delivery *d = &job->deliveries[i];
        if (d->state == DELIVERY_DONE)
            continue;
        if (!d->lane->held || d->state == DELIVERY_ACTIVE)
            return false;
        held = true;
    }
    return held;
}

int64_t jobs_oldest_ms(const struct jobs *jobs)
{
    int64_t now = jobs->rt->clock->wall_ms(jobs->rt->clock), oldest = now;
    size_t left = OLDEST_OF_MAX;
    for (const struct job_handle *handle = jobs->table; handle && left > 0; handle = handle->hh.next, left--)
        if (handle->job->started_ms < oldest && !only_held(handle->job))
            oldest = handle->job->started_ms;
    return now - oldest;
}

struct job *jobs_look_up(const struct jobs *jobs, const char *id, bool *several)
{
    struct job *found = NULL;
    size_t len = strlen(id);
    *several = false;
    for (struct job_handle *handle = jobs->table; handle && len > 0; handle = handle->hh.next) {
        struct job *job = handle->job;
        if (strncmp(job->id, id, len) != 0 && strcmp(job->name, id) != 0)
            continue;
        *several = found != NULL;
        found = job;
        if (*several)
            break;
    }
    return found;
}

struct job *jobs_next(const struct jobs *jobs, const struct job *after)
{
    const struct job_handle *handle = after ? after->handle->hh.next : jobs->table;
    return handle ? handle->job : NULL;
}

static bool enter_table(struct jobs *jobs, struct job *job)
{
    struct job_handle *handle = mem_zalloc(sizeof *handle);
    if (!handle)
        return false;
    handle->job = job;
    HASH_ADD_KEYPTR(hh, jobs->table, job->key, strlen(job->key), handle);
    if (!hash_added(handle)) { /* no memory: uthash leaves it out */
        mem_free(handle);
        return false;
    }
    job->handle = handle;
    jobs->count++;
    return true;
}

static void leave_table(struct job *job)
{
    HASH_DEL(job->jobs->table, job->handle);
    mem_free(job->handle);
    job->jobs->count--;
}

/* From now on the store knows that it ends, and the statistics count it when it has. */
static void number(struct job *job)
{
    if (job->outcome == 0)
        job->outcome = ++job->jobs->outcomes;
}

/* Recorded first: a crash may come between its move to the failed folder and the record of that. */
static void set_aside(struct job *job)
{
    number(job);
    if (!storage_add(job->jobs->storage, record_of(job, STATUS_PROCESSING, NULL), job))
        settle_enqueue(job->jobs->settle, job);
}

int jobs_begin(struct jobs *jobs, struct take_item *item, struct routes *routes, enum way way, unsigned worker,
               bool watched)
{
    struct job *job = job_make(jobs, item, routes);
    if (!job)
        return ERR_NOMEM;
    if (!enter_table(jobs, job)) {
        job_free(job);
        return ERR_NOMEM;
    }
    job->way = way;
    job->worker = worker;
    job->own_move_pending = watched;
    job_take(job, item);
    bool known = recall_job(jobs->recall, job);
    jobs->rt->ledger.taken++;
    jobs->rt->ledger.in_work++;
    job->state = JOB_TAKEN;
    if (known || !recall_ask(jobs->recall, job))
        jobs_go_on(job);
    return 0;
}

void jobs_go_on(struct job *job)
{
    job_tell_begun(job);
    if (job->n_deliveries == 0) { /* it is invalid */
        move(job, JOB_FAILING);
        set_aside(job);
        return;
    }
    move(job, JOB_DELIVERING);
    if (!duplicate_ask(job))
        jobs_deliver(job);
}

void jobs_deliver(struct job *job)
{
    for (size_t i = 0; i < job->n_deliveries; i++)
        if (job->deliveries[i].state == DELIVERY_QUEUED)
            lanes_enqueue(&job->deliveries[i]);
    jobs_advance(job); /* nothing may be left to do */
}

void jobs_delivery_to(struct delivery *d, enum delivery_state to)
{
    if (d->state == to)
        return;
    assert(delivery_allows(d->state, to));
    d->job->counts.of[d->state]--;
    d->job->counts.of[to]++;
    d->lane->ended -= delivery_has_ended(d->state);
    d->lane->ended += delivery_has_ended(to);
    d->state = to;
    if (to == DELIVERY_DONE && d->done_ms == 0)
        d->done_ms = d->job->jobs->rt->clock->wall_ms(d->job->jobs->rt->clock);
    if (delivery_has_ended(to))
        job_count_delivery(d);
}

void jobs_advance(struct job *job)
{
    for (size_t i = 0; i < job->n_deliveries; i++) {
        struct delivery *d = &job->deliveries[i];
        if (d->state == DELIVERY_DONE && !d->told) {
            d->told = true;
            job_tell_delivered(job, d);
        }
    }
    duplicate_advance(job);
    enum job_state next = job_state_of(&job->counts);
    if (next == JOB_SETTLING && job->doubt.state == DOUBT_FAILS)
        next = JOB_FAILING;
    if (job->changed && next != JOB_DELIVERING)
        next = JOB_SETTLING;
    if (next == job->state)
        return;
    move(job, next);
    struct storage *storage = job->jobs->storage;
    if (next == JOB_WAITING) {
        job_rest(job);
        job_tell_waiting(job);
        storage_add(storage, record_of(job, STATUS_PENDING, NULL), NULL);
    } else if (next == JOB_SETTLING && job->changed) {
        jobs_settled(job, ERR_CHANGED, NULL);
    } else if (next == JOB_SETTLING) {
        job_content_drop(job); /* it waits for the store now */
        number(job);
        if (!storage_add(storage, record_of(job, STATUS_COMPLETED, NULL), job))
            settle_enqueue(job->jobs->settle, job);
    } else if (next == JOB_FAILING) {
        job_rest(job);
        job_find_error(job);
        set_aside(job);
    }
}

static void end(struct job *job, enum job_state state, bool look_again, bool in_underprocess)
{
    struct jobs *jobs = job->jobs;
    move(job, state);
    jobs->rt->ledger.in_work--;
    struct ledger *l = &jobs->rt->ledger;
    if (state == JOB_DONE)
        *(job->n_deliveries > 1 ? &l->delivered : &l->archived_only) += 1;
    else
        *(state == JOB_FAILED ? &l->failed : &l->returned) += 1;
    job_count_ended(job, state);
    char *folder = job->folder, *name = job->name;
    enum way way = job->way;
    job->folder = job->name = NULL;
    leave_table(job);
    job_free(job);
    if (jobs->ended)
        jobs->ended(jobs->user, folder, name, look_again, in_underprocess, way);
    mem_free(folder);
    mem_free(name);
}

void jobs_settled(struct job *job, int code, const char *failed_path)
{
    struct jobs *jobs = job->jobs;
    if (code == ERR_CHANGED) {
        error_clear(&job->error);
        error_set(&job->error, ERR_CHANGED, "it changed while it was processed, and is taken up again as another job");
        job->outcome = 0; /* what is taken up again is counted */
        storage_add(jobs->storage, record_of(job, STATUS_CANCELLED, NULL), NULL);
        job_tell_returned(job);
        end(job, JOB_RETURNED, job->again, true);
        return;
    }
    bool failed = job->state == JOB_FAILING;
    if (failed) {
        job_tell_failed(job, failed_path);
        enum job_status is = job->error.code == ERR_CANCELLED ? STATUS_CANCELLED : STATUS_FAILED;
        storage_add(jobs->storage, record_of(job, is, failed_path), NULL);
    } else {
        job_tell_done(job);
    }
    if (jobs->on_outcome)
        jobs->on_outcome(jobs->outcome_user, job, failed_path);
    end(job, failed ? JOB_FAILED : JOB_DONE, job->again, false);
}

int jobs_cancel(struct job *job, const char *who, struct error *e)
{
    bool open = (job->state == JOB_WAITING || job->state == JOB_DELIVERING) && !job->changed;
    if (!open || job->counts.of[DELIVERY_ACTIVE] > 0 || job->doubt.state == DOUBT_ASKED)
        return error_set(e, ERR_BUSY, open ? "it is being delivered right now" : "it is about to end");
    error_set(&job->error, ERR_CANCELLED, "cancelled by %s", who);
    const struct error cancelled = {.code = ERR_CANCELLED, .text = "cancelled before"};
    for (size_t i = 0; i < job->n_deliveries; i++) {
        struct delivery *d = &job->deliveries[i];
        if (d->state != DELIVERY_QUEUED && d->state != DELIVERY_WAITING)
            continue;
        lanes_dequeue(d);
        if (!d->error)
            delivery_set_error(d, &cancelled);
        jobs_delivery_to(d, DELIVERY_WAITING);
        jobs_delivery_to(d, DELIVERY_FAILED);
    }
    jobs_advance(job);
    return 0;
}

int jobs_reset(struct job *job, const char *who, struct error *e)
{
    if ((job->state != JOB_WAITING && job->state != JOB_DELIVERING) || job->changed)
        return error_set(e, ERR_BUSY, "it is about to end");
    for (size_t i = 0; i < job->n_deliveries; i++) {
        struct delivery *d = &job->deliveries[i];
        if (d->state == DELIVERY_DONE || d->state == DELIVERY_FAILED)
            continue;
        d->attempts = 0;
        if (due_listed(&d->wait.due)) {
            wait_cancel(job->jobs->rt, &d->wait);
            lanes_enqueue(d);
        }
    }
    job_note(job, "reset", NULL, who);
    jobs_advance(job);
    if (job->state == JOB_WAITING)
        storage_add(job->jobs->storage, record_of(job, STATUS_PENDING, NULL), NULL);
    return 0;
}

void jobs_abandon(struct job *job, const struct error *why)
{
    struct jobs *jobs = job->jobs;
    error_clear(&job->error);
    error_set(&job->error, why->code, "%s; it stays in %s", why->text, jobs->lanes->instance->path);
    if (jobs->on_outcome)
        jobs->on_outcome(jobs->outcome_user, job, jobs->lanes->instance->path);
    end(job, JOB_RETURNED, false, false);
}

void jobs_check_ledger(struct jobs *jobs)
{
    int64_t difference;
    const struct ledger *l = &jobs->rt->ledger;
    bool fine = ledger_balances(l, &difference);
    if (fine && l->in_work + l->waiting != jobs->count) { /* what is counted as in hand is what is there */
        difference = (int64_t)(l->in_work + l->waiting) - (int64_t)jobs->count;
        fine = false;
    }
    if (fine)
        difference = 0;
    if (difference != jobs->ledger_difference && !fine) {
        struct str text = STR_INIT;
        ledger_text(&jobs->rt->ledger, &text);
        log_error("ledger", "The ledger does not balance, %lld tickets: %s", (long long)difference, text.bytes);
        str_fini(&text);
    }
    jobs->ledger_difference = difference;
}

json_t *jobs_counted(const struct jobs *jobs)
{
    json_t *but = json_array();
    for (struct job_handle *handle = jobs->table; but && handle; handle = handle->hh.next)
        if (handle->job->outcome > 0 &&
            json_array_append_new(but, json_integer((json_int_t)handle->job->outcome)) != 0) {
            json_decref(but);
            return NULL;
        }
    return json_pack("{s:I, s:o}", "to", (json_int_t)jobs->outcomes, "but", but);
}

void jobs_fini(struct jobs *jobs)
{
    struct job_handle *handle, *next;
    HASH_ITER (hh, jobs->table, handle, next) {
        struct job *job = handle->job;
        leave_table(job);
        job_free(job);
    }
}
