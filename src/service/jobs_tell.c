/* jobs_tell.c: see jobs_inner.h. A job's lines in the log, and its part of the day's statistics. */
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/feed.h"
#include "shunt/service/lane.h"

#include "attempts.h"
#include "jobs_inner.h"

void job_tell_begun(const struct job *job)
{
    if (log_wanted(LOG_INFO))
        log_write(LOG_EVENT(LOG_INFO, "processing", .phase = way_word(job->way), .worker = job->worker,
                            .client = job->client, .file = job->name, .job = job->id),
                  "Processing: %s", job_shown(job));
}

void job_tell_delivered(const struct job *job, const struct delivery *d)
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

void job_find_error(struct job *job)
{
    for (size_t i = 0; i < job->n_deliveries; i++) {
        const struct delivery *d = &job->deliveries[i];
        if (d->state == DELIVERY_FAILED) {
            error_set(&job->error, delivery_error(d)->code, "%s: failed after %u attempt%s: %s", d->lane->label,
                      d->attempts, d->attempts == 1 ? "" : "s", delivery_error(d)->text);
            return;
        }
    }
}

const char *job_counted_as(const struct job *job)
{
    return job->folder[0] ? job->folder : job->client[0] ? job->client : "(hot folder root)";
}

static enum ticket_end end_of(const struct job *job, enum job_state state)
{
    if (state == JOB_DONE)
        return job->n_deliveries > 1 ? TICKET_END_DELIVERED : TICKET_END_ARCHIVED;
    if (state != JOB_FAILED)
        return TICKET_END_RETURNED;
    return job->error.code == ERR_CANCELLED ? TICKET_END_CANCELLED : TICKET_END_FAILED;
}

void job_count_ended(const struct job *job, enum job_state state)
{
    uint64_t now = uv_hrtime();
    metrics_ticket_ended(job->jobs->rt->metrics, job_counted_as(job), end_of(job, state),
                         job->settling_ns > 0 ? now - job->settling_ns : 0, now - job->taken_ns);
}

void job_count_delivery(const struct delivery *d)
{
    enum delivery_end end = DELIVERY_END_DELIVERED;
    if (d->told) /* by an earlier run */
        return;
    if (d->state == DELIVERY_FAILED)
        end = d->job->changed                       ? DELIVERY_END_RETURNED
              : d->job->error.code == ERR_CANCELLED ? DELIVERY_END_CANCELLED
                                                    : DELIVERY_END_FAILED;
    struct runtime *rt = d->job->jobs->rt;
    uint64_t took_ns = uv_hrtime() - d->job->taken_ns;
    metrics_delivery_ended(rt->metrics, d->lane->name, end, took_ns);
    if (end != DELIVERY_END_DELIVERED || d->lane->is_archive)
        return;
    const struct stats_slow done = {.client = job_counted_as(d->job),
                                    .file = d->job->name,
                                    .destination = d->lane->label,
                                    .ms = (double)took_ns / 1e6,
                                    .wall_ms = rt->clock->wall_ms(rt->clock)};
    stats_delivered(rt->stats, &done);
}

static double took_ms(const struct job *job)
{
    return (double)(uv_hrtime() - job->taken_ns) / 1e6;
}

static void count_outcome(const struct job *job, bool failed, const char *text)
{
    struct runtime *rt = job->jobs->rt;
    size_t n = 0;
    const char **labels = mem_alloc((job->n_deliveries + 1) * sizeof *labels);
    for (size_t i = 1; labels && i < job->n_deliveries; i++)
        if (job->deliveries[i].state == DELIVERY_DONE && !job->deliveries[i].before)
            labels[n++] = job->deliveries[i].lane->label;
    int64_t wall = rt->clock->wall_ms(rt->clock);
    struct stats_outcome o = {.client = job_counted_as(job),
                              .category = job->category,
                              .way = job->way,
                              .hour = clock_local_hour(wall),
                              .ms = took_ms(job),
                              .destinations = labels,
                              .n_destinations = n,
                              .celtra = job->category && strcmp(job->category, "CELTRA") == 0};
    if (failed)
        stats_failed(rt->stats, &o, job->name, text, wall);
    else
        stats_processed(rt->stats, &o);
    mem_free(labels);
}

void job_tell_waiting(const struct job *job)
{
    feed_job(job->jobs->feed, job, STATUS_PENDING, took_ms(job));
}

void job_tell_returned(const struct job *job)
{
    feed_job(job->jobs->feed, job, STATUS_CANCELLED, took_ms(job));
    log_write(LOG_EVENT(LOG_WARN, "returned", .phase = way_word(job->way), .worker = job->worker, .client = job->client,
                        .file = job->name, .job = job->id),
              "Changed while it was processed, taken up again: %s", job_shown(job));
}

void job_tell_done(const struct job *job)
{
    count_outcome(job, false, NULL);
    feed_job(job->jobs->feed, job, STATUS_COMPLETED, took_ms(job));
    if (log_wanted(LOG_INFO))
        log_write(LOG_EVENT(LOG_INFO, "processed", .phase = way_word(job->way), .worker = job->worker,
                            .client = job->client, .file = job->name, .job = job->id, .ms = took_ms(job)),
                  "Successfully processed %s (%.2fs)", job_shown(job), took_ms(job) / 1000);
}

void job_tell_failed(const struct job *job, const char *failed_path)
{
    count_outcome(job, true, job->error.text);
    attempts_tell_failed(job, failed_path);
    feed_job(job->jobs->feed, job, job->error.code == ERR_CANCELLED ? STATUS_CANCELLED : STATUS_FAILED, took_ms(job));
    log_write(LOG_EVENT(LOG_ERROR, "failed", .phase = way_word(job->way), .worker = job->worker, .client = job->client,
                        .file = job->name, .job = job->id, .ms = took_ms(job), .error = job->error.text),
              "Failed %s -> %s", job_shown(job), failed_path);
}
