/* jobs_make.c: see jobs_inner.h. What a job owns, from the claimed ticket to its end. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "shunt/base/mem.h"
#include "shunt/service/lane.h"
#include "shunt/service/record.h"

#include "jobs_inner.h"

static char *key_of(const char *folder, const char *name)
{
    char *key = mem_alloc(strlen(folder) + strlen(name) + 2);
    if (key)
        job_write_key(key, folder, name);
    return key;
}

static char *field_copy(const struct ticket *t, size_t index)
{
    if (index >= t->count || t->fields[index].kind != FIELD_STRING)
        return NULL;
    return mem_strndup(t->fields[index].text, t->fields[index].len);
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

struct job *job_make(struct jobs *jobs, const struct take_item *item, const struct routes *routes)
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
    if (!job->key || !job->folder || !job->name || !job->client || !make_deliveries(job, item, routes)) {
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
    job->created_ms = job->started_ms = job->jobs->rt->clock->wall_ms(job->jobs->rt->clock);
    job_id_make(job->created_ms, random, job->id);
}

void job_content_drop(struct job *job)
{
    if (!job->content.bytes)
        return;
    job->jobs->kept_bytes -= job->content.size;
    mem_free(job->content.bytes);
    job->content.bytes = NULL;
}

static void keep_content(struct job *job, struct source_content *content)
{
    job->content = *content;
    content->bytes = NULL;
    if (!job->content.bytes)
        return;
    job->jobs->kept_bytes += job->content.size;
    bool most_likely_nobody_copies = job->n_deliveries == 1 && job->deliveries[0].lane->links;
    if (most_likely_nobody_copies || job->jobs->kept_bytes > JOBS_KEEP_MAX)
        job_content_drop(job);
}

void job_rest(struct job *job)
{
    struct error ignored = {0};
    if (source_quiet(&job->source)) { /* nobody wrote to it; but the archive's link changed its ctime */
        source_look(&job->source, &ignored);
        job->print = job->source.print;
    }
    source_close(&job->source);
    job_content_drop(job);
}

void job_take(struct job *job, struct take_item *item)
{
    job->taken_ns = uv_hrtime();
    job->left = item->left;
    job->retry = item->retry;
    job->source = item->source;
    job->print = item->source.fd >= 0 ? item->source.print : item->readiness.last;
    item->source.fd = -1;
    keep_content(job, &item->content);
    job->declared = item->declared;
    item->declared = NULL;
    job->error = item->error;
    make_id(job);
}

static const struct error none;
static const struct error without_memory = {.code = ERR_NOMEM, .text = "out of memory"};

const struct error *delivery_error(const struct delivery *d)
{
    return d->error ? d->error : &none;
}

static void drop_error(struct delivery *d)
{
    if (d->error != &without_memory)
        mem_free((void *)d->error);
}

void delivery_set_error(struct delivery *d, const struct error *why)
{
    struct error *kept = mem_alloc(sizeof *kept);
    if (kept)
        *kept = *why;
    drop_error(d);
    d->error = kept ? kept : &without_memory;
}

static void delivery_fini(struct delivery *d)
{
    drop_error(d);
    lanes_leave(d);
    mem_free(d->final_name);
}

void jobs_keep_archive(struct job *job)
{
    for (; job->n_deliveries > 1; job->n_deliveries--) {
        struct delivery *d = &job->deliveries[job->n_deliveries - 1];
        job->counts.of[d->state]--;
        delivery_fini(d);
    }
}

void job_free(struct job *job)
{
    for (size_t i = 0; i < job->n_deliveries; i++)
        delivery_fini(&job->deliveries[i]);
    wait_cancel(job->jobs->rt, &job->settle_wait);
    source_close(&job->source);
    job_content_drop(job);
    char *const owned[] = {job->key,      job->folder,   job->name,   job->client,
                           job->declared, job->category, job->studio, job->title};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        mem_free(owned[i]);
    job_forget_events(job);
    if (job->record)
        job->record->owner = NULL;
    mem_free(job->deliveries);
    mem_free(job);
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

bool job_was_opened(const struct job *job)
{
    return job->error.code != ERR_UNREADABLE && job->error.code != ERR_POISON;
}

/* For the log: the name below hot, without a slash before what lies right in it. */
const char *job_shown(const struct job *job)
{
    return job->folder[0] == '\0' ? job->name : job->key;
}
