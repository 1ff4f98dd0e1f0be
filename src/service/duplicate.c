/* duplicate.c: see duplicate.h. */
#include "shunt/service/duplicate.h"

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/delivery.h"
#include "shunt/service/storage.h"

struct question {
    struct question *next;
    struct job *job;      /* waits; NULL: it goes on without */
    struct record *about; /* so that a job may go on while the store still reads */
    int64_t since_ms;
    bool answered;
    struct store_seen seen;
};

/* --- for storage --- */

struct question *questions_add(struct question *list, struct question *q)
{
    q->next = list;
    return q;
}

int questions_ask(struct question *list, struct store *store, struct error *e)
{
    for (struct question *q = list; q; q = q->next) {
        int rc = store_seen(store, &q->about->row, q->since_ms, &q->seen, e);
        if (rc != 0)
            return rc;
        q->answered = true;
    }
    return 0;
}

static void question_free(struct question *q)
{
    record_free(q->about);
    mem_free(q);
}

void questions_free(struct question *list)
{
    for (struct question *next; list; list = next) {
        next = list->next;
        question_free(list);
    }
}

/* --- the job's side --- */

/* Once, until there is an answer again. */
static void tell_unknown(struct job *job)
{
    if (!job->jobs->duplicates_unknown)
        log_write(LOG_EVENT(LOG_WARN, "duplicate_unknown", .client = job->client, .file = job->name, .job = job->id),
                  "The store does not say what was delivered before: duplicates are delivered until it does");
    job->jobs->duplicates_unknown = true;
}

static struct question *question_new(struct job *job, int64_t window_ms)
{
    const struct store_job row = {
        .folder = job->folder,
        .name = job->name,
        .sha256 = job->content.sha256,
        .claim = {.device = job->print.dev, .inode = job->print.ino, .mtime_ns = job->print.mtime_ns}};
    struct question *q = mem_zalloc(sizeof *q);
    if (!q)
        return NULL;
    const struct clock *clock = job->jobs->rt->clock;
    q->job = job;
    q->since_ms = clock->wall_ms(clock) - window_ms;
    q->about = record_copy(&row);
    if (q->about)
        return q;
    mem_free(q);
    return NULL;
}

bool duplicate_ask(struct job *job)
{
    const struct duplicate_rule *rule = &job->jobs->rt->duplicates;
    if (rule->window_ms == 0 || job->doubt.state != DOUBT_NONE || job->counts.of[DELIVERY_DONE] > 0)
        return false;
    job->doubt.action = rule->action;
    struct question *q = question_new(job, rule->window_ms);
    if (q && storage_ask(job->jobs->storage, q)) {
        job->doubt.state = DOUBT_ASKED;
        return true;
    }
    if (q)
        question_free(q);
    job->doubt.state = DOUBT_OVER;
    tell_unknown(job);
    return false;
}

static void tell_deliver(struct job *job)
{
    char at[CLOCK_RFC3339_MAX];
    struct error text = {0};
    clock_rfc3339(job->doubt.seen.completed_ms, at);
    error_set(&text, ERR_DUPLICATE, "the same was delivered at %s as job %s", at, job->doubt.seen.id);
    job_note(job, "duplicate", NULL, text.text);
    log_write(LOG_EVENT(LOG_INFO, "duplicate", .phase = way_word(job->way), .worker = job->worker,
                        .client = job->client, .file = job->name, .job = job->id),
              "Duplicate: %s: %s, and is delivered again", job_shown(job), text.text);
}

static void hold(struct job *job)
{
    job->doubt.state = DOUBT_HELD;
    for (size_t i = 1; i < job->n_deliveries; i++)
        jobs_delivery_to(&job->deliveries[i], DELIVERY_WAITING);
}

static void release(struct job *job)
{
    job->doubt.state = DOUBT_OVER;
    for (size_t i = 1; i < job->n_deliveries; i++)
        if (job->deliveries[i].state == DELIVERY_WAITING)
            lanes_enqueue(&job->deliveries[i]);
}

/* NULL: there is no answer. */
static void answered(struct job *job, const struct store_seen *seen)
{
    job->doubt.state = DOUBT_OVER;
    if (!seen)
        tell_unknown(job);
    else
        job->jobs->duplicates_unknown = false;
    if (seen && seen->completed_ms != 0) {
        job->doubt.seen = *seen;
        if (job->doubt.action == DUPLICATE_DELIVER)
            tell_deliver(job);
        else
            hold(job);
    }
    jobs_deliver(job);
}

void questions_let_go(struct question *list, bool read)
{
    for (struct question *q = list; q; q = q->next) {
        struct job *job = q->job;
        q->job = NULL;
        if (job)
            answered(job, read && q->answered ? &q->seen : NULL);
    }
}

static void skip(struct job *job)
{
    char at[CLOCK_RFC3339_MAX];
    clock_rfc3339(job->doubt.seen.completed_ms, at);
    error_set(&job->error, ERR_DUPLICATE, "duplicate, archived only: the same was delivered at %s as job %s", at,
              job->doubt.seen.id);
    job_note(job, "skipped", NULL, job->error.text);
    log_write(LOG_EVENT(LOG_INFO, "duplicate", .phase = way_word(job->way), .worker = job->worker,
                        .client = job->client, .file = job->name, .job = job->id),
              "Skipped %s: %s", job_shown(job), job->error.text);
}

static void fail(struct job *job)
{
    char at[CLOCK_RFC3339_MAX];
    clock_rfc3339(job->doubt.seen.completed_ms, at);
    error_set(&job->error, ERR_DUPLICATE,
              "duplicate: the same was delivered at %s as job %s; `shunt retry %s` delivers it all the same", at,
              job->doubt.seen.id, job->id);
    job->doubt.state = DOUBT_FAILS;
}

void duplicate_advance(struct job *job)
{
    if (job->doubt.state != DOUBT_HELD)
        return;
    const struct delivery *archive = &job->deliveries[0];
    if (archive->state != DELIVERY_DONE && archive->state != DELIVERY_FAILED)
        return;
    if (archive->state == DELIVERY_FAILED || !archive->same) {
        release(job);
        return;
    }
    job->doubt.state = DOUBT_OVER;
    jobs_keep_archive(job);
    (job->doubt.action == DUPLICATE_SKIP ? skip : fail)(job);
}

void duplicate_skip_again(struct job *job, const char *why)
{
    job->doubt.state = DOUBT_OVER;
    jobs_keep_archive(job);
    error_set(&job->error, ERR_DUPLICATE, "%s", why);
}
