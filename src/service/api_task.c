/* api_task.c: what became of jobs that were sent: one, those of a batch, and all that are in hand. And a job that waits for
 * its time is taken back. */
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/when.h"

#include "control_inner.h"
#include "spool.h"

static json_t *time_of(int64_t ms)
{
    char text[WHEN_TEXT_MAX];
    if (ms == 0)
        return json_null();
    when_utc(ms, text);
    return json_string(text);
}

/* --- one --- */

static json_t *progress_of(const json_t *deliveries)
{
    size_t i, done = 0, all = json_array_size(deliveries);
    json_t *delivery;
    json_array_foreach (deliveries, i, delivery) {
        const char *state = json_string_value(json_object_get(delivery, "state"));
        done += state && strcmp(state, "done") == 0;
    }
    return json_pack("{s:I, s:I}", "done", (json_int_t)done, "all", (json_int_t)all);
}

/* The store may lag behind: what is in hand is in work or waits. */
static json_t *status_of(const json_t *job, const struct spooled *spooled)
{
    const json_t *live = json_object_get(job, "live");
    const char *state = json_string_value(json_object_get(live, "state"));
    const char *status = json_string_value(json_object_get(job, "status"));
    const json_t *deliveries = json_object_get(live ? live : job, "deliveries");
    if (state)
        status = job_status_word(strcmp(state, "waiting") == 0 ? STATUS_PENDING : STATUS_PROCESSING);
    else
        state = spooled ? "scheduled" : status;
    json_t *what =
        json_pack("{s:O?, s:s?, s:s?, s:o, s:o}", "task_id", json_object_get(job, "id"), "status", status, "state",
                  state, "progress", progress_of(deliveries), "run_at", time_of(spooled ? spooled->run_at_ms : 0));
    json_t *rest = json_pack("{s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?}", "file", json_object_get(job, "file"),
                             "client", json_object_get(job, "client"), "batch_id", json_object_get(job, "batch_id"),
                             "created_at", json_object_get(job, "created_at"), "started_at",
                             json_object_get(job, "started_at"), "completed_at", json_object_get(job, "completed_at"),
                             "error", json_object_get(job, "error_message"), "deliveries", deliveries);
    if (!what || !rest || json_object_update(what, rest) != 0) {
        json_decref(what);
        what = NULL;
    }
    json_decref(rest);
    return what;
}

/* The store is away: what the spool knows. */
static json_t *spooled_job(const struct spooled *spooled)
{
    const struct store_job *row = &spooled->record->row;
    return json_pack("{s:s, s:s, s:o, s:o, s:s?, s:o}", "id", row->id, "status", "pending", "file", api_text(row->name),
                     "client", api_text(row->client), "batch_id", row->batch, "created_at", time_of(row->created_ms));
}

/* NULL: it does not wait (any more). */
static struct spooled *find_waiting(const struct service *s, const char *id)
{
    struct spooled *job = s->spool ? spool_find(s->spool, id) : NULL;
    return job && job->state != SPOOLED_MOVED ? job : NULL;
}

static void on_status(struct call *call)
{
    const char *id = http_request_param(call->request, "id");
    const struct spooled *spooled = find_waiting(call->control->service, id);
    if (call->code != 0 && spooled) {
        json_decref(call->result);
        call->result = spooled_job(spooled);
        call->code = 0;
    }
    if (!job_complete(call))
        return;
    api_answer(call->request, 200, status_of(call->result, spooled));
    call_free(call);
}

void api_job_status(struct http_request *request, void *context)
{
    job_show(request, context, on_status);
}

/* --- a batch --- */

struct batch_call {
    struct call call; /* first */
    char *id;
};

static void batch_fini(struct call *call)
{
    mem_free(((struct batch_call *)call)->id);
}

static int read_batch(struct call *call, struct store *store, struct error *e)
{
    const char *id = ((struct batch_call *)call)->id;
    const struct store_filter filter = {.batch = id, .limit = LIST_MAX};
    int rc = store ? store_list(store, &filter, &call->result, e) : 0;
    if (rc == 0 && json_array_size(json_object_get(call->result, "jobs")) == 0)
        return error_set(e, ERR_GONE, "%s: no jobs were sent together under this id", id);
    return rc;
}

static json_t *batch_jobs(const json_t *jobs, size_t counts[JOB_STATUSES])
{
    json_t *list = json_array();
    for (size_t i = json_array_size(jobs); list && i-- > 0;) { /* in the order in which they were sent */
        const json_t *job = json_array_get(jobs, i);
        enum job_status status;
        if (job_status_from(json_string_value(json_object_get(job, "status")), &status))
            counts[status]++;
        json_t *one = json_pack("{s:O?, s:O?, s:O?, s:O?}", "task_id", json_object_get(job, "id"), "status",
                                json_object_get(job, "status"), "file", json_object_get(job, "file"), "error",
                                json_object_get(job, "error_message"));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static void on_batch(struct call *call)
{
    size_t n[JOB_STATUSES] = {0};
    if (call->code != 0) {
        call_fail(call);
        return;
    }
    const json_t *jobs = json_object_get(call->result, "jobs");
    json_t *list = batch_jobs(jobs, n);
    const char *status = n[STATUS_PENDING] + n[STATUS_PROCESSING] > 0 ? "processing" : "completed";
    json_t *counts = json_object();
    for (int i = 0; i < JOB_STATUSES; i++)
        if (json_object_set_new(counts, job_status_word((enum job_status)i), json_integer((json_int_t)n[i])) != 0) {
            json_decref(counts);
            counts = NULL;
        }
    api_answer(call->request, 200,
               json_pack("{s:s, s:s, s:I, s:o, s:o}", "batch_id", ((struct batch_call *)call)->id, "status", status,
                         "total", (json_int_t)json_array_size(jobs), "counts", counts, "jobs", list));
    call_free(call);
}

void api_batch_status(struct http_request *request, void *context)
{
    struct control *c = context;
    struct batch_call *batch = call_new(c, request, sizeof *batch);
    if (!batch)
        return;
    batch->call.fini = batch_fini;
    batch->call.run = read_batch;
    batch->call.done = on_batch;
    batch->id = mem_strdup(http_request_param(request, "id"));
    if (batch->id) {
        call_begin_or_refuse(&batch->call, &c->reads);
        return;
    }
    http_respond_problem(request, 503, "out of memory");
    call_free(&batch->call);
}

/* --- all in hand --- */

struct active {
    json_t *list;
    bool failed;
};

static bool add_active(struct active *a, const char *id, const char *folder, const char *name, const char *status,
                       const char *state, int64_t run_at_ms)
{
    json_t *one = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "task_id", id, "status", status, "state", state, "client",
                            api_text(folder), "file", api_text(name), "run_at", time_of(run_at_ms));
    a->failed = json_array_append_new(a->list, one) != 0;
    return !a->failed && json_array_size(a->list) < LIST_MAX;
}

static bool add_in_hand(struct active *a, const struct job *job)
{
    enum job_status status = job->state == JOB_WAITING ? STATUS_PENDING : STATUS_PROCESSING;
    return add_active(a, job->id, job->client, job->name, job_status_word(status), job_state_word(job->state), 0);
}

void api_active(struct http_request *request, void *context)
{
    const struct service *s = ((struct control *)context)->service;
    struct active a = {.list = json_array()};
    size_t count = s->jobs.count;
    bool room = a.list != NULL;
    for (const struct job *job = jobs_next(&s->jobs, NULL); room && job; job = jobs_next(&s->jobs, job))
        room = add_in_hand(&a, job);
    for (const struct spooled *job = s->spool->table; job; job = job->hh.next) {
        const struct store_job *row = &job->record->row;
        if (job->state == SPOOLED_MOVED)
            continue;
        count++;
        room = room && add_active(&a, row->id, row->folder, row->name, "pending", "scheduled", job->run_at_ms);
    }
    bool more = json_array_size(a.list) < count;
    if (a.failed) {
        json_decref(a.list);
        a.list = NULL;
    }
    api_answer(request, 200, json_pack("{s:o, s:I, s:b}", "jobs", a.list, "count", (json_int_t)count, "more", more));
}

/* --- cancelling --- */

struct cancel_call {
    struct call call; /* first */
    struct spooled *job;
    char who[WHO_MAX];
};

static int run_drop(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    return spool_drop(call->control->service->spool->path, ((struct cancel_call *)call)->job->record->row.id, e);
}

static void on_dropped(struct call *call)
{
    struct cancel_call *cancel = (struct cancel_call *)call;
    struct spooled *job = cancel->job;
    struct service *s = call->control->service;
    struct store_job row = job->record->row;
    if (call->code != 0) {
        http_respond_problem(call->request, call->code == ERR_GONE ? 409 : 503, "%s cannot be cancelled: %s", row.id,
                             call->error.text);
        spool_enter(job);
        call_free(call);
        return;
    }
    char text[WHO_MAX + 16];
    snprintf(text, sizeof text, "cancelled by %s", cancel->who);
    struct store_event event = {.at_ms = s->rt.clock->wall_ms(s->rt.clock), .event = "cancelled", .text = text};
    row.status = STATUS_CANCELLED;
    row.completed_ms = event.at_ms;
    row.error = text;
    row.path = NULL;
    row.events = &event;
    row.n_events = 1;
    storage_add(&s->storage, record_copy(&row), NULL);
    log_write(LOG_EVENT(LOG_WARN, "cancelled", .client = row.folder, .file = row.name, .job = row.id),
              "Cancelled by %s before its time", cancel->who);
    api_answer(call->request, 200, json_pack("{s:s, s:s}", "id", row.id, "result", "cancelled"));
    spool_give_up(job);
    cancel->job = NULL;
    call_free(call);
}

bool cancel_spooled(struct http_request *request, struct control *c, const char *id)
{
    struct spooled *job = find_waiting(c->service, id);
    if (!job)
        return false;
    struct cancel_call *cancel = call_new(c, request, sizeof *cancel);
    if (!cancel)
        return true;
    if (!spool_hold(job)) {
        http_respond_problem(request, 409, "%s cannot be cancelled: it is being taken up right now", id);
        call_free(&cancel->call);
        return true;
    }
    cancel->job = job;
    cancel->call.run = run_drop;
    cancel->call.done = on_dropped;
    cancel->call.fini = NULL;
    api_who(request, cancel->who);
    if (!call_begin(&cancel->call, &c->submits)) {
        http_respond_problem(request, 503, "too much is asked at once; ask again later");
        spool_enter(job);
        call_free(&cancel->call);
    }
    return true;
}
