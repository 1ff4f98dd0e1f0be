/* api_load.c: how loaded the service is: memory and whether jobs are accepted, what is in work and waits, and whether all is
 * as it should be. */

#include "shunt/core/when.h"
#include "shunt/service/lane.h"

#include "acceptance.h"
#include "spool.h"

/* --- memory --- */

struct memory_call {
    struct call call; /* first */
    struct acceptance acceptance;
};

static int run_memory(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    (void)e;
    (void)acceptance_open(&((struct memory_call *)call)->acceptance, call->control->service->config);
    return 0;
}

static json_t *percent_of(uint64_t used, uint64_t of)
{
    return of > 0 ? json_real((double)used * 100 / (double)of) : json_null();
}

static json_t *group_of(const struct pressure *p)
{
    if (p->limit_bytes == 0)
        return json_null();
    return json_pack("{s:I, s:I, s:o}", "limit_bytes", (json_int_t)p->limit_bytes, "used_bytes",
                     (json_int_t)p->used_bytes, "used_percent", percent_of(p->used_bytes, p->limit_bytes));
}

static json_t *stalls_of(const struct pressure *p)
{
    if (p->some_percent < 0)
        return json_null();
    return json_pack("{s:f, s:f}", "some_avg10", p->some_percent, "full_avg10", p->stalled_percent);
}

static void on_memory(struct call *call)
{
    const struct memory_call *memory = (struct memory_call *)call;
    const struct pressure *p = &memory->acceptance.pressure;
    const struct settings *s = call->control->service->config->settings;
    bool open = memory->acceptance.limit == PRESSURE_NONE;
    uint64_t used = p->total_bytes - p->available_bytes;
    json_t *system = json_pack("{s:I, s:I, s:o}", "total_bytes", (json_int_t)p->total_bytes, "available_bytes",
                               (json_int_t)p->available_bytes, "used_percent", percent_of(used, p->total_bytes));
    json_t *limits = json_pack("{s:I, s:I, s:I}", "max_memory_percent", (json_int_t)s->max_memory_percent,
                               "min_free_bytes", (json_int_t)s->min_free_bytes, "queue", (json_int_t)s->queue_limit);
    json_t *disk = p->free_bytes == UINT64_MAX ? json_null() : json_integer((json_int_t)p->free_bytes);
    api_answer(call->request, 200,
               json_pack("{s:{s:I}, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:b, s:s, s:s}", "process", "rss_bytes",
                         (json_int_t)p->own_bytes, "system", system, "cgroup", group_of(p), "pressure", stalls_of(p),
                         "limits", limits, "disk_free_bytes", disk, "queued", (json_int_t)p->waiting,
                         "recommended_concurrency", (json_int_t)pressure_concurrency(p, s), "accepting", open, "limit",
                         pressure_word(memory->acceptance.limit), "why", memory->acceptance.why));
    call_free(call);
}

void api_memory(struct http_request *request, void *context)
{
    struct control *c = context;
    struct memory_call *memory = call_new(c, request, sizeof *memory);
    if (!memory)
        return;
    memory->call.run = run_memory;
    memory->call.done = on_memory;
    acceptance_begin(&memory->acceptance, c->service, 1);
    call_begin_or_refuse(&memory->call, &c->submits);
}

/* --- health --- */

void api_service_health(struct http_request *request, void *context)
{
    const struct service *s = ((struct control *)context)->service;
    char now[WHEN_TEXT_MAX];
    size_t down = 0;
    for (const struct lane *lane = s->lanes.lanes; lane; lane = lane->next)
        down += lane->breaker.state != BREAKER_CLOSED || lane->hanging > 0;
    bool fine = !s->storage.degraded && s->scanner.missing.code == 0 && down == 0;
    when_utc(s->rt.clock->wall_ms(s->rt.clock), now);
    api_answer(request, 200,
               json_pack("{s:s, s:s, s:s, s:I, s:s}", "status",
                         s->rt.draining ? "draining"
                         : fine         ? "healthy"
                                        : "degraded",
                         "store", s->storage.degraded ? "away" : "connected", "queue",
                         s->scanner.missing.code != 0 ? "hot folder missing" : "connected", "destinations_down",
                         (json_int_t)down, "timestamp", now));
}

/* --- workers --- */

static json_t *queues_of(const struct service *s)
{
    json_t *queues =
        json_pack("{s:I, s:I}", "intake", (json_int_t)s->intake.queued, "submitted", (json_int_t)s->spool->n_due);
    for (const struct lane *lane = s->lanes.lanes; queues && lane; lane = lane->next)
        if (json_object_set_new(queues, lane->name, json_integer((json_int_t)lane->queued)) != 0) {
            json_decref(queues);
            return NULL;
        }
    return queues;
}

void api_workers(struct http_request *request, void *context)
{
    const struct service *s = ((struct control *)context)->service;
    unsigned delivering = 0;
    for (const struct lane *lane = s->lanes.lanes; lane; lane = lane->next)
        delivering += lane->active;
    api_answer(request, 200,
               json_pack("{s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:o}", "active", (json_int_t)s->rt.ledger.in_work,
                         "waiting", (json_int_t)s->rt.ledger.waiting, "scheduled",
                         (json_int_t)(s->spool->count - s->spool->n_due), "workers", "intake",
                         (json_int_t)s->config->settings->workers, "intake_busy", (json_int_t)s->intake.active,
                         "delivering", (json_int_t)delivering, "delivering_limit", (json_int_t)s->lanes.limit, "queues",
                         queues_of(s)));
}
