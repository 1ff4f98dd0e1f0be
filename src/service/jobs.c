/* jobs.c: see jobs.h. Callbacks of lanes and settle record; jobs_advance decides; move() is the only writer of
 * job->state. */
#include "shunt/service/jobs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "shunt/base/hash.h"
#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/lane.h"
#include "shunt/service/recall.h"
#include "shunt/service/settle.h"
#include "shunt/service/storage.h"

struct job_handle {
    struct job *job;
    UT_hash_handle hh;
};

static void on_recorded(struct job *job)
{
    settle_enqueue(job->jobs->settle, job);
}

void jobs_init(struct jobs *jobs, struct runtime *rt, struct delivery_lanes *lanes, struct settle *settle,
               struct storage *storage, struct recall *recall)
{
    *jobs = (struct jobs){.rt = rt, .lanes = lanes, .settle = settle, .storage = storage, .recall = recall};
    storage->recorded = on_recorded;
}

void job_note(struct job *job, const char *event, const char *destination, const char *text)
{
    size_t len = strlen(text);
    struct job_event *e = mem_alloc(sizeof *e + len + 1);
    if (!e) /* the job is worth more than its story */
        return;
    *e = (struct job_event){.next = job->events,
                            .at_ms = job->jobs->rt->clock->wall_ms(job->jobs->rt->clock),
                            .event = event,
                            .destination = destination};
    memcpy(e->text, text, len + 1);
    job->events = e;
}

void job_forget_events(struct job *job)
{
    for (struct job_event *e = job->events, *next; e; e = next) {
        next = e->next;
        mem_free(e);
    }
    job->events = NULL;
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
    job->state = to;
}

static char *field_copy(const struct ticket *t, size_t index)
{
    if (index >= t->count || t->fields[index].kind != FIELD_STRING)
        return NULL;
    return mem_strndup(t->fields[index].text, t->fields[index].len);
}

static void job_free(struct job *job)
{
    if (job->handle) {
        HASH_DEL(job->jobs->table, job->handle);
        mem_free(job->handle);
        job->jobs->count--;
    }
    for (size_t i = 0; i < job->n_deliveries; i++) {
        lanes_leave(&job->deliveries[i]);
        mem_free(job->deliveries[i].final_name);
    }
    wait_cancel(job->jobs->rt, &job->settle_wait);
    source_close(&job->source);
    source_content_fini(&job->content);
    char *const owned[] = {job->key,      job->folder,   job->name,   job->client,
                           job->declared, job->category, job->studio, job->title};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        mem_free(owned[i]);
    job_forget_events(job);
    mem_free(job->deliveries);
    mem_free(job);
}

static void write_key(char *key, const char *folder, const char *name)
{
    stpcpy(stpcpy(stpcpy(key, folder), "/"), name);
}

static char *key_of(const char *folder, const char *name)
{
    char *key = mem_alloc(strlen(folder) + strlen(name) + 2);
    if (key)
        write_key(key, folder, name);
    return key;
}

struct job *jobs_find(const struct jobs *jobs, const char *folder, const char *name)
{
    /* Without memory of its own: who asks must not take "there is none" for an answer that only wanted memory. */
    char key[2 * NAME_SIZE];
    if (jobs->count == 0 || strlen(folder) > NAME_LEN_MAX || strlen(name) > NAME_LEN_MAX)
        return NULL;
    write_key(key, folder, name);
    struct job_handle *handle;
    HASH_FIND_STR(jobs->table, key, handle);
    return handle ? handle->job : NULL;
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

static bool make_deliveries(struct job *job, const struct take_item *item, const struct routes *routes)
{
    size_t n = item->invalid ? 0 : item->n_destinations + 1;
    if (n == 0)
        return true;
    job->deliveries = mem_zalloc(n * sizeof *job->deliveries);
    if (!job->deliveries)
        return false;
    job->n_deliveries = n;
    for (size_t i = 0; i < n; i++) {
        struct delivery *d = &job->deliveries[i];
        d->job = job;
        d->lane = i == 0 ? job->jobs->lanes->archive : lanes_of(job->jobs->lanes, routes, item->destinations[i - 1]);
        d->lane->deliveries++;
        d->state = DELIVERY_QUEUED;
    }
    job->counts.of[DELIVERY_QUEUED] = (unsigned)n;
    return true;
}

/* Everything that can fail; NULL: no memory, the item still owns all. */
static struct job *job_make(struct jobs *jobs, const struct take_item *item, const struct routes *routes)
{
    struct job *job = mem_zalloc(sizeof *job);
    if (!job)
        return NULL;
    job->jobs = jobs;
    job->source.fd = -1;
    const char *client =
        item->ticket.count > 0 && !item->invalid ? item->ticket.fields[FIELD_CLIENT].text : item->client;
    job->key = key_of(item->client, item->name);
    job->folder = mem_strdup(item->client);
    job->name = mem_strdup(item->name);
    job->client = mem_strdup(client);
    if (!job->key || !job->folder || !job->name || !job->client || !make_deliveries(job, item, routes) ||
        !enter_table(jobs, job)) {
        job_free(job);
        return NULL;
    }
    job->category = field_copy(&item->ticket, FIELD_CATEGORY);
    job->studio = field_copy(&item->ticket, FIELD_STUDIO);
    job->title = field_copy(&item->ticket, FIELD_TITLE);
    return job;
}

static void make_id(struct job *job)
{
    uint8_t random[10];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        for (size_t i = 0; i < sizeof random; i++)
            random[i] = (uint8_t)rand();
    job->created_ms = job->jobs->rt->clock->wall_ms(job->jobs->rt->clock);
    job_id_make(job->created_ms, random, job->id);
}

bool job_was_opened(const struct job *job)
{
    return job->error.code != ERR_UNREADABLE && job->error.code != ERR_POISON;
}

/* For the log: the name below hot, without a slash before what lies right in it. */
const char *job_shown(const struct job *job)
{
    return job->folder[0] == '\0' ? job->name : job->key;
}

/* Its hash and size stay. */
static void content_drop(struct source_content *content)
{
    mem_free(content->bytes);
    content->bytes = NULL;
}

int jobs_begin(struct jobs *jobs, struct take_item *item, struct routes *routes, enum way way, unsigned worker,
               bool watched)
{
    struct job *job = job_make(jobs, item, routes);
    if (!job)
        return ERR_NOMEM;
    job->way = way;
    job->worker = worker;
    job->left = item->left;
    job->taken_ns = uv_hrtime();
    job->own_move_pending = watched;
    job->source = item->source;
    job->print = item->source.fd >= 0 ? item->source.print : item->readiness.last;
    item->source.fd = -1;
    job->content = item->content;
    item->content.bytes = NULL;
    if (job->n_deliveries == 1 && job->deliveries[0].lane->links) /* most likely nobody copies it */
        content_drop(&job->content);
    job->declared = item->declared;
    item->declared = NULL;
    job->error = item->error;
    make_id(job);
    recall_job(jobs->recall, job);
    jobs->rt->ledger.taken++;
    jobs->rt->ledger.in_work++;
    if (log_wanted(LOG_INFO))
        log_write(LOG_EVENT(LOG_INFO, "processing", .phase = way_word(way), .worker = worker, .client = job->client,
                            .file = job->name, .job = job->id),
                  "Processing: %s", job_shown(job));
    job->state = JOB_TAKEN;
    if (item->invalid) {
        move(job, JOB_FAILING);
        settle_enqueue(jobs->settle, job);
        return 0;
    }
    move(job, JOB_DELIVERING);
    for (size_t i = 0; i < job->n_deliveries; i++)
        if (job->deliveries[i].state == DELIVERY_QUEUED)
            lanes_enqueue(&job->deliveries[i]);
    jobs_advance(job); /* nothing may be left to do */
    return 0;
}

void jobs_delivery_to(struct delivery *d, enum delivery_state to)
{
    if (d->state == to)
        return;
    assert(delivery_allows(d->state, to));
    d->job->counts.of[d->state]--;
    d->job->counts.of[to]++;
    d->state = to;
    if (to == DELIVERY_DONE && d->done_ms == 0)
        d->done_ms = d->job->jobs->rt->clock->wall_ms(d->job->jobs->rt->clock);
}

static void log_delivered(const struct job *job, const struct delivery *d)
{
    if (!log_wanted(LOG_INFO))
        return;
    const char *as = d->final_name ? d->final_name : job->name;
    if (d->lane->is_archive)
        log_write(LOG_EVENT(LOG_INFO, "stored", .phase = way_word(job->way), .worker = job->worker,
                            .client = job->client, .file = job->name, .job = job->id, .destination = d->lane->name),
                  "Stored: %s/%s", job->client, as);
    else
        log_write(LOG_EVENT(d->beside ? LOG_WARN : LOG_INFO, "routed", .phase = way_word(job->way),
                            .worker = job->worker, .client = job->client, .file = job->name, .job = job->id,
                            .destination = d->lane->name),
                  d->beside ? "Routed to: %s (%s) as %s: its own name is taken there by another's file, which stays"
                            : "Routed to: %s (%s)",
                  d->lane->label, job_shown(job), as);
}

/* The original is no longer what was read, or must wait: what was kept for speed goes. */
static void rest(struct job *job)
{
    struct error ignored = {0};
    if (source_quiet(&job->source)) { /* nobody wrote to it; but the archive's link changed its ctime */
        source_look(&job->source, &ignored);
        job->print = job->source.print;
    }
    source_close(&job->source);
    content_drop(&job->content);
}

/* Why a job fails that was valid: its first delivery that is out of attempts; the reason file tells of all. */
static void tell_why(struct job *job)
{
    for (size_t i = 0; i < job->n_deliveries; i++) {
        const struct delivery *d = &job->deliveries[i];
        if (d->state == DELIVERY_FAILED) {
            error_set(&job->error, d->error.code, "%s: failed after %u attempt%s: %s", d->lane->label, d->attempts,
                      d->attempts == 1 ? "" : "s", d->error.text);
            return;
        }
    }
}

void jobs_advance(struct job *job)
{
    for (size_t i = 0; i < job->n_deliveries; i++) {
        struct delivery *d = &job->deliveries[i];
        if (d->state == DELIVERY_DONE && !d->told) {
            d->told = true;
            log_delivered(job, d);
        }
    }
    enum job_state next = job_state_of(&job->counts);
    if (job->changed && next != JOB_DELIVERING)
        next = JOB_SETTLING;
    if (next == job->state)
        return;
    move(job, next);
    struct storage *storage = job->jobs->storage;
    if (next == JOB_WAITING) {
        rest(job);
        storage_add(storage, record_of(job, STATUS_PENDING, NULL), NULL);
    } else if (next == JOB_SETTLING && job->changed) {
        jobs_settled(job, ERR_CHANGED, NULL);
    } else if (next == JOB_SETTLING) {
        content_drop(&job->content); /* it waits for the store now */
        if (!storage_add(storage, record_of(job, STATUS_COMPLETED, NULL), job))
            settle_enqueue(job->jobs->settle, job);
    } else if (next == JOB_FAILING) {
        rest(job);
        tell_why(job);
        settle_enqueue(job->jobs->settle, job);
    }
}

static double took_ms(const struct job *job)
{
    return (double)(uv_hrtime() - job->taken_ns) / 1e6;
}

static void count_outcome(struct job *job, bool failed, const char *text)
{
    struct runtime *rt = job->jobs->rt;
    size_t n = 0;
    const char **labels = mem_alloc((job->n_deliveries + 1) * sizeof *labels);
    for (size_t i = 1; labels && i < job->n_deliveries; i++)
        if (job->deliveries[i].state == DELIVERY_DONE && !job->deliveries[i].before)
            labels[n++] = job->deliveries[i].lane->label;
    int64_t wall = rt->clock->wall_ms(rt->clock);
    struct stats_outcome o = {.client = job->folder[0] ? job->folder : job->client,
                              .category = job->category,
                              .way = job->way,
                              .hour = clock_local_hour(wall),
                              .ms = took_ms(job),
                              .destinations = labels,
                              .n_destinations = n,
                              .celtra = job->category && strcmp(job->category, "CELTRA") == 0};
    if (!o.client[0])
        o.client = "(hot folder root)";
    if (failed)
        stats_failed(rt->stats, &o, job->name, text, wall);
    else
        stats_processed(rt->stats, &o);
    mem_free(labels);
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
    char *folder = job->folder, *name = job->name;
    enum way way = job->way;
    job->folder = job->name = NULL;
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
        log_write(LOG_EVENT(LOG_WARN, "returned", .phase = way_word(job->way), .worker = job->worker,
                            .client = job->client, .file = job->name, .job = job->id),
                  "Changed while it was processed, taken up again: %s", job_shown(job));
        error_clear(&job->error);
        error_set(&job->error, ERR_CHANGED, "it changed while it was processed, and is taken up again as another job");
        storage_add(jobs->storage, record_of(job, STATUS_CANCELLED, NULL), NULL);
        end(job, JOB_RETURNED, job->again, true);
        return;
    }
    bool failed = job->state == JOB_FAILING;
    if (failed) {
        count_outcome(job, true, job->error.text);
        log_write(LOG_EVENT(LOG_ERROR, "failed", .phase = way_word(job->way), .worker = job->worker,
                            .client = job->client, .file = job->name, .job = job->id, .ms = took_ms(job),
                            .error = job->error.text),
                  "Failed %s -> %s", job_shown(job), failed_path);
        enum job_status is = job->error.code == ERR_CANCELLED ? STATUS_CANCELLED : STATUS_FAILED;
        storage_add(jobs->storage, record_of(job, is, failed_path), NULL);
    } else {
        count_outcome(job, false, NULL);
        if (log_wanted(LOG_INFO))
            log_write(LOG_EVENT(LOG_INFO, "processed", .phase = way_word(job->way), .worker = job->worker,
                                .client = job->client, .file = job->name, .job = job->id, .ms = took_ms(job)),
                      "Successfully processed %s (%.2fs)", job_shown(job), took_ms(job) / 1000);
    }
    if (jobs->on_outcome)
        jobs->on_outcome(jobs->outcome_user, job, failed_path);
    end(job, failed ? JOB_FAILED : JOB_DONE, job->again, false);
}

int jobs_cancel(struct job *job, const char *who, struct error *e)
{
    bool open = (job->state == JOB_WAITING || job->state == JOB_DELIVERING) && !job->changed;
    if (!open || job->counts.of[DELIVERY_ACTIVE] > 0)
        return error_set(e, ERR_BUSY, open ? "it is being delivered right now" : "it is about to end");
    error_set(&job->error, ERR_CANCELLED, "cancelled by %s", who);
    for (size_t i = 0; i < job->n_deliveries; i++) {
        struct delivery *d = &job->deliveries[i];
        if (d->state != DELIVERY_QUEUED && d->state != DELIVERY_WAITING)
            continue;
        lanes_dequeue(d);
        error_set(&d->error, ERR_CANCELLED, "cancelled before");
        jobs_delivery_to(d, DELIVERY_WAITING);
        jobs_delivery_to(d, DELIVERY_FAILED);
    }
    jobs_advance(job);
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

void jobs_fini(struct jobs *jobs)
{
    struct job_handle *handle, *next;
    HASH_ITER (hh, jobs->table, handle, next)
        job_free(handle->job);
}
