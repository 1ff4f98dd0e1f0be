/* record.c: see record.h. A row is first made of what the job has, then copied in one piece: filled twice by the same
 * code, once to know how much room its parts need, once into that room. */
#include "shunt/service/record.h"

#include <string.h>
#include <sys/stat.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"
#include "shunt/service/delivery.h"

#define ALIGN(n)   (((n) + 15) & ~(size_t)15)
#define EVENTS_MAX 500 /* of one job while the store is away */

struct builder {
    char *base; /* NULL: only measured */
    size_t used;
};

static void *copy(struct builder *b, const void *bytes, size_t size)
{
    void *p = b->base ? b->base + b->used : NULL;
    b->used += ALIGN(size);
    if (p && size > 0)
        memcpy(p, bytes, size);
    return p;
}

static const char *text(struct builder *b, const char *s)
{
    return s ? copy(b, s, strlen(s) + 1) : NULL;
}

static void copy_row(struct builder *b, struct store_job *to, const struct store_job *from)
{
    *to = *from;
    const char **texts[] = STORE_JOB_TEXTS(to);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = text(b, *texts[i]);
    to->sha256 = from->sha256 ? copy(b, from->sha256, STORE_HASH_SIZE) : NULL;
    struct store_delivery *deliveries = copy(b, from->deliveries, from->n_deliveries * sizeof *deliveries);
    for (size_t i = 0; i < from->n_deliveries; i++) {
        struct store_delivery d = from->deliveries[i];
        const char **of_delivery[] = STORE_DELIVERY_TEXTS(&d);
        for (size_t n = 0; n < sizeof of_delivery / sizeof *of_delivery; n++)
            *of_delivery[n] = text(b, *of_delivery[n]);
        if (deliveries)
            deliveries[i] = d;
    }
    to->deliveries = deliveries;
    struct store_event *events = copy(b, from->events, from->n_events * sizeof *events);
    for (size_t i = 0; i < from->n_events; i++) {
        struct store_event e = from->events[i];
        e.event = text(b, e.event);
        e.destination = text(b, e.destination);
        e.text = text(b, e.text);
        if (events)
            events[i] = e;
    }
    to->events = events;
}

struct record *record_copy(const struct store_job *row)
{
    struct builder b = {0};
    struct store_job measured;
    copy_row(&b, &measured, row);
    struct record *r = mem_alloc(ALIGN(sizeof *r) + b.used);
    if (!r)
        return NULL;
    b = (struct builder){.base = (char *)r + ALIGN(sizeof *r)};
    *r = (struct record){.next = NULL};
    copy_row(&b, &r->row, row);
    return r;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool has_event(const struct store_job *row, const struct store_event *event)
{
    for (size_t i = 0; i < row->n_events; i++) {
        const struct store_event *e = &row->events[i];
        if (e->at_ms == event->at_ms && same_text(e->event, event->event) && same_text(e->text, event->text) &&
            same_text(e->destination, event->destination))
            return true;
    }
    return false;
}

struct record *record_merged(const struct record *older, const struct record *newer)
{
    struct store_job row = newer->row;
    size_t n = 0;
    struct store_event *all = mem_alloc((older->row.n_events + newer->row.n_events + 1) * sizeof *all);
    if (!all)
        return NULL;
    for (; n < older->row.n_events; n++)
        all[n] = older->row.events[n];
    for (size_t i = 0; i < newer->row.n_events; i++)
        if (!has_event(&older->row, &newer->row.events[i])) /* what goes without saying is in each */
            all[n++] = newer->row.events[i];
    if (n > EVENTS_MAX) {
        memmove(all + 1, all + n - (EVENTS_MAX - 1), (EVENTS_MAX - 1) * sizeof *all);
        n = EVENTS_MAX;
    }
    row.events = all;
    row.n_events = n;
    struct record *r = record_copy(&row);
    mem_free(all);
    if (!r)
        return NULL;
    r->job = newer->job;
    r->owner = newer->owner;
    r->unsure = newer->unsure;
    return r;
}

struct store_claim record_claim(const struct stat *st)
{
    return (struct store_claim){.device = st->st_dev,
                                .inode = st->st_ino,
                                .mtime_ns = st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec};
}

void record_free(struct record *r)
{
    if (r && r->owner && r->owner->record == r)
        r->owner->record = NULL;
    mem_free(r);
}

/* --- what a job has --- */

static const char *error_text(const struct error *e)
{
    return e->code != 0 ? e->text : NULL;
}

static void fill_deliveries(struct store_job *row, struct store_delivery *deliveries, const struct job *job)
{
    for (size_t i = 0; i < job->n_deliveries; i++) {
        const struct delivery *d = &job->deliveries[i];
        const struct error *why = d->state == DELIVERY_DONE ? NULL : d->error;
        deliveries[i] = (struct store_delivery){.destination = d->lane->name,
                                                .label = d->lane->label,
                                                .state = d->state,
                                                .attempts = d->attempts,
                                                .next_ms = d->state == DELIVERY_WAITING ? d->next_ms : 0,
                                                .done_ms = d->done_ms,
                                                .final_name = d->final_name,
                                                .error = why ? why->text : NULL};
        row->retries += d->attempts;
    }
    row->deliveries = deliveries;
    row->n_deliveries = job->n_deliveries;
}

/* In the order of their time. */
static void add_event(struct store_job *row, struct store_event *events, struct store_event event)
{
    size_t at = row->n_events++;
    for (; at > 0 && events[at - 1].at_ms > event.at_ms; at--)
        events[at] = events[at - 1];
    events[at] = event;
}

/* What goes without saying, and what was noted. */
static void fill_events(struct store_job *row, struct store_event *events, const struct job *job)
{
    add_event(row, events, (struct store_event){.at_ms = row->created_ms, .event = "claimed", .text = row->phase});
    for (const struct job_event *e = job->events; e; e = e->next)
        add_event(
            row, events,
            (struct store_event){.at_ms = e->at_ms, .event = e->event, .destination = e->destination, .text = e->text});
    for (size_t i = 0; i < job->n_deliveries; i++) {
        const struct delivery *d = &job->deliveries[i];
        if (d->state == DELIVERY_DONE)
            add_event(
                row, events,
                (struct store_event){
                    .at_ms = d->done_ms, .event = "delivered", .destination = d->lane->name, .text = d->final_name});
    }
    if (row->completed_ms)
        add_event(row, events,
                  (struct store_event){
                      .at_ms = row->completed_ms, .event = job_status_word(row->status), .text = row->error});
    row->events = events;
}

static bool was_read(const struct job *job)
{
    static const uint8_t nothing[SHA256_SIZE];
    return memcmp(job->content.sha256, nothing, SHA256_SIZE) != 0;
}

/* Where the ticket lies while we have it, or its copy in the archive once it is completed. */
static char *path_of(const struct job *job, enum job_status status)
{
    struct str path = STR_INIT;
    const struct delivery *archived = job->n_deliveries > 0 ? &job->deliveries[0] : NULL;
    if (status == STATUS_COMPLETED && archived)
        str_printf(&path, "%s/%s/%s", archived->lane->place.path, job->client,
                   archived->final_name ? archived->final_name : job->name);
    else
        str_printf(&path, "%s/%s", job->jobs->lanes->instance->path, job_shown(job));
    return str_take(&path);
}

/* parts: room for all deliveries, then for all events. */
static struct record *make(struct job *job, enum job_status status, const char *path, void *parts)
{
    struct store_delivery *deliveries = parts;
    struct store_event *events = (struct store_event *)(deliveries + job->n_deliveries);
    const struct clock *clock = job->jobs->rt->clock;
    struct store_job row = {
        .id = job->id,
        .source = "ticket",
        .phase = way_word(job->way),
        .folder = job->folder,
        .name = job->name,
        .client = job->client,
        .category = job->category,
        .studio = job->studio,
        .title = job->title,
        .path = path,
        .size = job->content.size,
        .sha256 = was_read(job) ? job->content.sha256 : NULL,
        .claim = {.device = job->print.dev, .inode = job->print.ino, .mtime_ns = job->print.mtime_ns},
        .status = status,
        .created_ms = job->created_ms,
        .started_ms = job->started_ms,
        .completed_ms = status >= STATUS_COMPLETED ? clock->wall_ms(clock) : 0,
        .error = error_text(&job->error),
        .instance = job->jobs->lanes->instance->number,
        .outcome = job->outcome,
    };
    fill_deliveries(&row, deliveries, job);
    fill_events(&row, events, job);
    return record_copy(&row);
}

struct record *record_of(struct job *job, enum job_status status, const char *path)
{
    size_t n_events = job->n_deliveries + 2;
    for (const struct job_event *e = job->events; e; e = e->next)
        n_events++;
    void *parts = mem_alloc(job->n_deliveries * sizeof(struct store_delivery) + n_events * sizeof(struct store_event));
    char *own = path ? NULL : path_of(job, status);
    struct record *r = parts && (path || own) ? make(job, status, path ? path : own, parts) : NULL;
    if (r) {
        job_forget_events(job);
        r->owner = job;
        r->unsure = job->unsure;
    }
    mem_free(own);
    mem_free(parts);
    return r;
}
