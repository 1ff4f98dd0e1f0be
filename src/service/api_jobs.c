/* api_jobs.c: jobs, as the store knows them and as they are in the service's hands. */
#include <stdlib.h>
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/units.h"
#include "shunt/core/when.h"
#include "shunt/service/delivery.h"

#include "attempts.h"
#include "control_inner.h"

/* --- filters --- */

static int moment(const char *name, const char *text, int64_t now_wall_ms, bool end, int64_t *out, struct error *e)
{
    if (!text)
        return 0;
    return when_parse(text, now_wall_ms, end, out, e) == 0 ? 0 : error_context(e, "%s", name);
}

int api_filter(const struct filter_texts *texts, int64_t now_wall_ms, struct store_filter *out, struct error *e)
{
    out->client = texts->client;
    out->category = texts->category;
    out->destination = texts->destination;
    out->error = texts->error;
    out->text = texts->text;
    int rc = moment("since", texts->since, now_wall_ms, false, &out->since_ms, e);
    return rc ? rc : moment("until", texts->until, now_wall_ms, true, &out->until_ms, e);
}

static int statuses(const char *text, unsigned *out, struct error *e)
{
    while (text && *text) {
        size_t len = strcspn(text, ",");
        char word[16];
        enum job_status status;
        snprintf(word, sizeof word, "%.*s", len < sizeof word ? (int)len : 0, text);
        if (!job_status_from(word, &status))
            return error_set(e, ERR_USAGE,
                             "status: %.*s is none; known: pending, processing, completed, failed, cancelled",
                             len < 64 ? (int)len : 64, text);
        *out |= 1U << status;
        text += len;
        text += *text == ',';
    }
    return 0;
}

int api_limit(const char *text, size_t *out, struct error *e)
{
    int64_t n = (int64_t)*out;
    if (text && units_count(text, 1, LIST_MAX, &n, NULL) != 0)
        return error_set(e, ERR_USAGE, "limit: no number from 1 to %d", LIST_MAX);
    *out = (size_t)n;
    return 0;
}

/* --- a page --- */

struct list_call {
    struct call call; /* first */
    struct store_filter filter;
};

static int read_list(struct call *call, struct store *store, struct error *e)
{
    struct list_call *list = (struct list_call *)call;
    if (store) {
        int rc = store_list(store, &list->filter, &call->result, e);
        return rc == ERR_USAGE ? error_context(e, "before") : rc;
    }
    call->result = json_pack("{s:[], s:n}", "jobs", "next");
    return call->result ? 0 : error_set(e, ERR_NOMEM, "out of memory");
}

void api_result(struct call *call)
{
    if (call->code != 0) {
        call_fail(call);
        return;
    }
    http_respond_json(call->request, 200, call->result);
    call_free(call);
}

static int fill_list(const struct http_request *request, int64_t now_wall_ms, struct store_filter *filter,
                     struct error *e)
{
    const struct filter_texts texts = {.client = http_request_query(request, "client"),
                                       .category = http_request_query(request, "category"),
                                       .destination = http_request_query(request, "destination"),
                                       .error = http_request_query(request, "error"),
                                       .text = http_request_query(request, "text"),
                                       .since = http_request_query(request, "since"),
                                       .until = http_request_query(request, "until")};
    filter->before = http_request_query(request, "before");
    int rc = api_filter(&texts, now_wall_ms, filter, e);
    rc = rc ? rc : statuses(http_request_query(request, "status"), &filter->statuses, e);
    return rc ? rc : api_limit(http_request_query(request, "limit"), &filter->limit, e);
}

void api_jobs(struct http_request *request, void *context)
{
    struct control *c = context;
    const struct clock *clock = c->service->rt.clock;
    struct list_call *list = call_new(c, request, sizeof *list);
    if (!list)
        return;
    list->call.run = read_list;
    list->call.done = api_result;
    list->call.code = fill_list(request, clock->wall_ms(clock), &list->filter, &list->call.error);
    if (list->call.code != 0)
        call_fail(&list->call);
    else
        call_begin_or_refuse(&list->call, &c->reads);
}

/* --- one --- */

json_t *api_delivery(const struct delivery *d)
{
    const struct runtime *rt = d->lane->lanes->rt;
    int64_t next_ms = d->wait.due.at_ms - runtime_now(rt);
    json_t *next = due_listed(&d->wait.due) ? json_integer(next_ms > 0 ? next_ms : 0) : json_null();
    json_t *why = api_text(d->error ? d->error->text : NULL);
    return json_pack("{s:s, s:s, s:s, s:i, s:I, s:o, s:o}", "name", d->lane->name, "label", d->lane->label, "state",
                     delivery_state_word(d->state), "attempts", (int)d->attempts, "attempts_limit",
                     (json_int_t)attempts_limit(d), "next_in_ms", next, "error", why);
}

static json_t *live_state(const struct job *job)
{
    json_t *deliveries = json_array();
    for (size_t i = 0; i < job->n_deliveries; i++) {
        if (json_array_append_new(deliveries, api_delivery(&job->deliveries[i])) != 0) {
            json_decref(deliveries);
            deliveries = NULL;
            break;
        }
    }
    return json_pack("{s:s, s:o}", "state", job_state_word(job->state), "deliveries", deliveries);
}

json_t *api_text(const char *text)
{
    if (!text)
        return json_null();
    struct str plain = STR_INIT;
    str_plain(&plain, text, strlen(text));
    json_t *json = str_failed(&plain) ? NULL : json_string(plain.bytes);
    str_fini(&plain);
    return json;
}

/* A job that the store does not have yet. */
static json_t *fresh_job(const struct job *job)
{
    bool waits = job->state == JOB_WAITING;
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "id", job->id, "source", "ticket",
                     "phase", way_word(job->way), "status", job_status_word(waits ? STATUS_PENDING : STATUS_PROCESSING),
                     "folder", api_text(job->folder), "file", api_text(job->name), "client", api_text(job->client),
                     "category", api_text(job->category), "studio", api_text(job->studio), "title",
                     api_text(job->title), "size", (json_int_t)job->content.size);
}

struct show_call {
    struct call call; /* first */
    char *id;
};

static void show_fini(struct call *call)
{
    mem_free(((struct show_call *)call)->id);
}

static int read_job(struct call *call, struct store *store, struct error *e)
{
    const char *id = ((struct show_call *)call)->id;
    return store ? store_show(store, id, &call->result, e)
                 : error_set(e, ERR_GONE, "%s: no job has this id or file name", id);
}

/* What is in hand is known here first; the store may lag behind, or be away: *fresh, it does not have that job. */
static struct job *live_job(const struct call *call, bool *fresh)
{
    const char *asked = ((const struct show_call *)call)->id;
    const char *stored = json_string_value(json_object_get(call->result, "id"));
    bool several;
    struct job *job = jobs_look_up(&call->control->service->jobs, asked, &several);
    if (!job || several || call->code == ERR_CONFLICT)
        return NULL;
    *fresh = call->code != 0 || !stored || strcmp(stored, job->id) != 0;
    return job;
}

bool job_complete(struct call *call)
{
    bool fresh = false;
    struct job *job = live_job(call, &fresh);
    if (call->code != 0 && !job) {
        call_fail(call);
        return false;
    }
    if (fresh) {
        json_decref(call->result);
        call->result = fresh_job(job);
    }
    json_t *live = job ? live_state(job) : NULL;
    bool fine = call->result && (!job || json_object_set_new(call->result, "live", live) == 0);
    if (!fine) {
        http_respond_json(call->request, 503, NULL);
        call_free(call);
    }
    return fine;
}

static void on_job(struct call *call)
{
    if (!job_complete(call))
        return;
    http_respond_json(call->request, 200, call->result);
    call_free(call);
}

void job_show(struct http_request *request, struct control *c, void (*done)(struct call *call))
{
    struct show_call *show = call_new(c, request, sizeof *show);
    if (!show)
        return;
    show->call.fini = show_fini;
    show->call.run = read_job;
    show->call.done = done;
    show->id = mem_strdup(http_request_param(request, "id"));
    if (show->id) {
        call_begin_or_refuse(&show->call, &c->reads);
        return;
    }
    http_respond_problem(request, 503, "out of memory");
    call_free(&show->call);
}

void api_job(struct http_request *request, void *context)
{
    job_show(request, context, on_job);
}

/* --- cancelling --- */

/* Not in hand: is it known at all? */
static void on_not_in_hand(struct call *call)
{
    if (call->code != 0) {
        call_fail(call);
        return;
    }
    const char *status = json_string_value(json_object_get(call->result, "status"));
    http_respond_problem(call->request, 409, "%s is not in the service's hands: it is %s",
                         ((struct show_call *)call)->id, status ? status : "unknown");
    call_free(call);
}

/* The job in hand that is meant. NULL: answered, or not in hand (*several false). */
static struct job *in_hand(struct http_request *request, struct control *c, bool *several)
{
    const char *id = http_request_param(request, "id");
    struct job *job = jobs_look_up(&c->service->jobs, id, several);
    if (*several)
        http_respond_problem(request, 409, "%s: several jobs in hand are called so; give more of the id", id);
    return *several ? NULL : job;
}

void api_cancel(struct http_request *request, void *context)
{
    struct control *c = context;
    const char *id = http_request_param(request, "id");
    bool several;
    struct job *job = in_hand(request, c, &several);
    if (!job) {
        if (!several && !cancel_spooled(request, c, id))
            job_show(request, c, on_not_in_hand);
        return;
    }
    char who[WHO_MAX];
    struct error e = {0};
    api_who(request, who);
    json_t *answer = json_pack("{s:s, s:s}", "id", job->id, "result", "cancelled");
    if (!answer) { /* what cannot be told is not done */
        http_respond_problem(request, 503, "out of memory");
        return;
    }
    if (jobs_cancel(job, who, &e) != 0) {
        http_respond_problem(request, 409, "%s cannot be cancelled: %s", id, e.text);
        json_decref(answer);
        return;
    }
    log_write(LOG_EVENT(LOG_WARN, "cancelled", .client = job->client, .file = job->name, .job = job->id),
              "Cancelled by %s, goes to the failed folder", who);
    api_answer(request, 200, answer);
}

void api_reset(struct http_request *request, void *context)
{
    struct control *c = context;
    const char *id = http_request_param(request, "id");
    bool several;
    struct job *job = in_hand(request, c, &several);
    if (!job) {
        if (!several)
            job_show(request, c, on_not_in_hand);
        return;
    }
    char who[WHO_MAX];
    struct error e = {0};
    api_who(request, who);
    json_t *answer = json_pack("{s:s, s:s}", "id", job->id, "result", "reset");
    if (!answer) {
        http_respond_problem(request, 503, "out of memory");
        return;
    }
    if (jobs_reset(job, who, &e) != 0) {
        http_respond_problem(request, 409, "%s cannot be reset: %s", id, e.text);
        json_decref(answer);
        return;
    }
    log_write(LOG_EVENT(LOG_INFO, "reset", .client = job->client, .file = job->name, .job = job->id),
              "Its attempts begin anew, says %s", who);
    api_answer(request, 200, answer);
}
