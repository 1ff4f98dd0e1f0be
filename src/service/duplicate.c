/* duplicate.c: see duplicate.h. */
#include "shunt/service/duplicate.h"

#include "shunt/base/log.h"
#include "shunt/service/delivery.h"
#include "shunt/service/question.h"
#include "shunt/service/storage.h"

struct seen_question {
    struct question question;
    int64_t since_ms;
    struct store_seen seen;
};

/* Once, until there is an answer again. */
static void tell_unknown(struct job *job)
{
    if (!job->jobs->duplicates_unknown)
        log_write(LOG_EVENT(LOG_WARN, "duplicate_unknown", .client = job->client, .file = job->name, .job = job->id),
                  "The store does not say what was delivered before: duplicates are delivered until it does");
    job->jobs->duplicates_unknown = true;
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

static void answered(struct question *question, struct job *job, bool known)
{
    const struct store_seen *seen = &((struct seen_question *)question)->seen;
    job->doubt.state = DOUBT_OVER;
    if (!known)
        tell_unknown(job);
    else
        job->jobs->duplicates_unknown = false;
    if (known && seen->completed_ms != 0) {
        job->doubt.seen = *seen;
        if (job->doubt.action == DUPLICATE_DELIVER)
            tell_deliver(job);
        else
            hold(job);
    }
    jobs_deliver(job);
}

static int ask(struct question *question, struct store *store, struct error *e)
{
    struct seen_question *q = (struct seen_question *)question;
    return store_seen(store, &question->about->row, q->since_ms, &q->seen, e);
}

bool duplicate_ask(struct job *job)
{
    const struct duplicate_rule *rule = &job->jobs->rt->duplicates;
    if (rule->window_ms == 0 || job->doubt.state != DOUBT_NONE || job->counts.of[DELIVERY_DONE] > 0)
        return false;
    job->doubt.action = rule->action;
    const struct clock *clock = job->jobs->rt->clock;
    struct seen_question *q = question_new(job, sizeof *q);
    if (q) {
        q->question.ask = ask;
        q->question.answer = answered;
        q->since_ms = clock->wall_ms(clock) - rule->window_ms;
    }
    if (q && storage_ask(job->jobs->storage, &q->question)) {
        job->doubt.state = DOUBT_ASKED;
        return true;
    }
    question_free((struct question *)q);
    job->doubt.state = DOUBT_OVER;
    tell_unknown(job);
    return false;
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
