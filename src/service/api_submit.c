/* api_submit.c: jobs that are sent. A request goes through these steps: its body is understood (a work request); its ids
 * are reserved; where it has a key, the store is asked whether it was sent before; what is new is written into the spool
 * (a work request); the store is told, and when it knows, or is away, the answer is given. Once written the jobs are
 * accepted whatever happens. */
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/when.h"

#include "acceptance.h"
#include "spool.h"
#include "submission.h"

struct submit_call {
    struct call call; /* first */
    struct acceptance acceptance;
    struct submission_context context;
    bool many;
    char who[WHO_MAX], batch[JOB_ID_SIZE];
    char *key;
    struct submission *items;
    size_t count;
    struct spool_file *files; /* room for count */
    size_t untold;            /* records that the store does not have yet, and one for us */
};

static void submit_fini(struct call *call)
{
    struct submit_call *submit = (struct submit_call *)call;
    for (size_t i = 0; i < submit->count; i++) {
        if (submit->items[i].spooled)
            spool_give_up(submit->items[i].spooled);
        submission_fini(&submit->items[i]);
    }
    mem_free(submit->items);
    mem_free(submit->files);
    mem_free(submit->key);
}

static bool is_new(const struct submission *s)
{
    return s->error.code == 0 && !s->known;
}

static size_t count_new(const struct submit_call *submit)
{
    size_t n = 0;
    for (size_t i = 0; i < submit->count; i++)
        n += is_new(&submit->items[i]);
    return n;
}

/* --- the answer --- */

static json_t *one_answer(const struct submission *s)
{
    const struct store_job *row = &s->record->row;
    char at[WHEN_TEXT_MAX] = "";
    if (s->run_at_ms)
        when_utc(s->run_at_ms, at);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s}", "task_id", row->id, "status", job_status_word(s->status),
                     "client", row->folder, "file", row->name, "run_at", s->run_at_ms ? json_string(at) : json_null(),
                     "priority", priority_word(s->priority));
}

static json_t *batch_answer(const struct submit_call *submit)
{
    json_t *ids = json_array(), *refused = json_array();
    bool fine = ids && refused;
    for (size_t i = 0; fine && i < submit->count; i++) {
        const struct submission *s = &submit->items[i];
        fine = s->error.code ? json_array_append_new(
                                   refused, json_pack("{s:I, s:s}", "index", (json_int_t)i, "why", s->error.text)) == 0
                             : json_array_append_new(ids, json_string(s->record->row.id)) == 0;
    }
    if (fine)
        return json_pack("{s:s, s:o, s:o}", "batch_id", submit->batch, "task_ids", ids, "refused", refused);
    json_decref(ids);
    json_decref(refused);
    return NULL;
}

static void answer(struct submit_call *submit)
{
    const struct submission *first = &submit->items[0];
    struct call *call = &submit->call;
    if (!submit->many && first->error.code != 0) {
        call->code = first->error.code;
        call->error = first->error;
        acceptance_fail(call);
        return;
    }
    unsigned status = count_new(submit) > 0 ? 202 : 200;
    for (size_t i = 0; submit->many && i < submit->count; i++)
        if (submit->items[i].error.code != 0)
            status = 202;
    api_answer(call->request, status, submit->many ? batch_answer(submit) : one_answer(first));
    call_free(call);
}

/* --- accepted --- */

static void on_told(void *user)
{
    struct submit_call *submit = user;
    if (--submit->untold == 0)
        answer(submit);
}

static void tell_store(struct submit_call *submit, struct submission *s)
{
    struct record *copy = record_copy(&s->record->row);
    if (!copy) /* told when it is taken up, at the latest */
        return;
    copy->told = on_told;
    copy->user = submit;
    submit->untold++;
    if (!storage_add(&submit->call.control->service->storage, copy, NULL))
        submit->untold--;
}

static void on_written(struct call *call)
{
    struct submit_call *submit = (struct submit_call *)call;
    if (call->code != 0) {
        acceptance_fail(call);
        return;
    }
    submit->untold = 1;
    for (size_t i = 0; i < submit->count; i++) {
        struct submission *s = &submit->items[i];
        if (!is_new(s))
            continue;
        const struct store_job *row = &s->record->row;
        log_write(LOG_EVENT(LOG_INFO, "submitted", .client = row->folder, .file = row->name, .job = row->id),
                  "Sent by %s", submit->who);
        tell_store(submit, s);
        spool_enter(s->spooled);
        s->spooled = NULL;
    }
    on_told(submit);
}

/* A file that cannot be had any more is its job's error, not that of the others. */
static int run_write(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    struct submit_call *submit = (struct submit_call *)call;
    const struct config *c = call->control->service->config;
    size_t n = 0;
    for (size_t i = 0; i < submit->count; i++) {
        struct submission *s = &submit->items[i];
        if (!is_new(s) || (s->file && submission_load(c, s) != 0))
            continue;
        submit->files[n++] = (struct spool_file){.row = &s->record->row,
                                                 .run_at_ms = s->run_at_ms,
                                                 .priority = s->priority,
                                                 .bytes = s->bytes,
                                                 .len = s->len};
    }
    int rc = n > 0 ? spool_write(submit->context.spool, submit->files, n, c->settings->mode, e) : 0;
    for (size_t i = 0; i < submit->count; i++)
        submission_unload(&submit->items[i]);
    return rc;
}

/* --- what is new --- */

/* The same key again: of a job that waits, or is being written by a request that came right before. */
static void compare_spooled(struct submission *s, const struct spooled *spooled)
{
    const char *mine = submission_mark(s->record->row.events[0].text);
    const char *theirs = submission_mark(spooled->record->row.events[0].text);
    if (!mine || !theirs || strcmp(mine, theirs) != 0)
        error_set(&s->error, ERR_BAD_FIELD, "Idempotency-Key: it was sent before with another body");
    else if (spooled->state == SPOOLED_WRITING)
        error_set(&s->error, ERR_BUSY, "the same is being accepted right now");
    else
        s->known = true;
}

/* False: no memory. */
static bool reserve(struct submit_call *submit, struct submission *s)
{
    struct spool *spool = submit->call.control->service->spool;
    const struct spooled *other = spool_find(spool, s->record->row.id);
    if (other) {
        compare_spooled(s, other);
        return true;
    }
    struct record *copy = record_copy(&s->record->row);
    s->spooled = copy ? spool_reserve(spool, copy, s->run_at_ms, s->priority) : NULL;
    if (!s->spooled)
        record_free(copy);
    return s->spooled != NULL;
}

/* Before the store is asked: who leaves the spool's table meanwhile is in the store, and was not when it was asked. */
static bool reserve_all(struct submit_call *submit)
{
    struct call *call = &submit->call;
    const struct spool *spool = call->control->service->spool;
    bool fine = true;
    if (spool->count + submit->count > SPOOL_MAX) {
        call->code = error_set(&call->error, ERR_NOSPACE,
                               "queue: %zu jobs wait for their time, it takes %d; send again when some have begun",
                               spool->count, SPOOL_MAX);
        return false;
    }
    for (size_t i = 0; fine && i < submit->count; i++)
        if (is_new(&submit->items[i]))
            fine = reserve(submit, &submit->items[i]);
    if (!fine)
        call->code = error_set(&call->error, ERR_NOMEM, "out of memory");
    return fine;
}

static void write_new(struct submit_call *submit)
{
    struct call *call = &submit->call;
    submit->files = mem_zalloc(submit->count * sizeof *submit->files);
    if (!submit->files) {
        call->code = error_set(&call->error, ERR_NOMEM, "out of memory");
        acceptance_fail(call);
        return;
    }
    if (count_new(submit) == 0) {
        answer(submit);
        return;
    }
    call->run = run_write;
    call->done = on_written;
    call_begin_or_refuse(call, &call->control->submits);
}

/* --- was it sent before? --- */

static int ask_one(struct submission *s, struct store *store, struct error *e)
{
    json_t *job = NULL;
    struct error why = {0};
    int rc = store_show(store, s->record->row.id, &job, &why);
    if (rc == ERR_GONE || rc == ERR_CONFLICT)
        return 0;
    if (rc != 0)
        return error_set(e, rc, "%s", why.text);
    const char *mine = submission_mark(s->record->row.events[0].text), *theirs = NULL;
    size_t i;
    json_t *event;
    json_array_foreach (json_object_get(job, "events"), i, event)
        if (strcmp(json_string_value(json_object_get(event, "event")), "submitted") == 0)
            theirs = submission_mark(json_string_value(json_object_get(event, "text")));
    error_clear(&s->error); /* it may be asked twice */
    if (!theirs || strcmp(mine, theirs) != 0)
        error_set(&s->error, ERR_BAD_FIELD, "Idempotency-Key: it was sent before with another body");
    const char *status = json_string_value(json_object_get(job, "status"));
    s->known = status && job_status_from(status, &s->status);
    json_decref(job);
    return 0;
}

static int run_ask(struct call *call, struct store *store, struct error *e)
{
    struct submit_call *submit = (struct submit_call *)call;
    int rc = 0;
    for (size_t i = 0; store && rc == 0 && i < submit->count; i++) {
        if (submit->items[i].spooled)
            rc = ask_one(&submit->items[i], store, e);
    }
    return rc;
}

static void on_asked(struct call *call)
{
    struct submit_call *submit = (struct submit_call *)call;
    if (call->code != 0) { /* whether it was sent before is not known */
        acceptance_fail(call);
        return;
    }
    for (size_t i = 0; i < submit->count; i++) {
        struct submission *s = &submit->items[i];
        if (s->spooled && !is_new(s)) {
            spool_give_up(s->spooled);
            s->spooled = NULL;
        }
    }
    write_new(submit);
}

/* --- the body --- */

static int run_read(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    struct submit_call *submit = (struct submit_call *)call;
    size_t len;
    const char *body = http_request_body(call->request, &len);
    int rc = submissions_read(&submit->context, submit->many, body, len, &submit->items, &submit->count, e);
    submit->acceptance.pressure.more = submit->count;
    if (rc == 0)
        (void)acceptance_open(&submit->acceptance, submit->context.config);
    return rc;
}

static void on_read(struct call *call)
{
    struct submit_call *submit = (struct submit_call *)call;
    if (call->code != 0) {
        acceptance_fail(call);
    } else if (submit->acceptance.limit != PRESSURE_NONE) {
        acceptance_refuse(&submit->acceptance, call->request);
        call_free(call);
    } else if (!reserve_all(submit)) {
        acceptance_fail(call);
    } else if (submit->key) {
        call->run = run_ask;
        call->done = on_asked;
        call_begin_or_refuse(call, &call->control->reads);
    } else {
        write_new(submit);
    }
}

/* --- the handlers --- */

/* 0, ERR_USAGE, ERR_NOMEM, ERR_IO. */
static int fill(struct submit_call *submit, struct http_request *request, struct error *e)
{
    const struct service *s = submit->call.control->service;
    const char *key = http_request_header(request, "Idempotency-Key");
    size_t len = key ? strlen(key) : 0;
    if (key && (len == 0 || len > KEY_MAX))
        return error_set(e, ERR_USAGE, "Idempotency-Key: from 1 to %d bytes", KEY_MAX);
    if (key && !(submit->key = mem_strdup(key)))
        return error_set(e, ERR_NOMEM, "out of memory");
    submit->context = (struct submission_context){.config = s->config,
                                                  .clock = s->rt.clock,
                                                  .spool = s->spool->path,
                                                  .key = submit->key,
                                                  .batch = submit->many ? submit->batch : NULL,
                                                  .who = submit->who};
    if (submit->many && key)
        submission_id(submit->key, "batch", -1, submit->batch);
    else if (submit->many)
        return submission_new_id(s->rt.clock, submit->batch, e);
    return 0;
}

static void submit(struct http_request *request, struct control *c, bool many)
{
    struct submit_call *submit = call_new(c, request, sizeof *submit);
    if (!submit)
        return;
    submit->call.fini = submit_fini;
    submit->call.run = run_read;
    submit->call.done = on_read;
    submit->many = many;
    api_who(request, submit->who);
    acceptance_begin(&submit->acceptance, c->service, 1);
    submit->call.code = fill(submit, request, &submit->call.error);
    if (submit->call.code != 0)
        acceptance_fail(&submit->call);
    else
        call_begin_or_refuse(&submit->call, &c->submits);
}

void api_process_job(struct http_request *request, void *context)
{
    submit(request, context, false);
}

void api_process_batch(struct http_request *request, void *context)
{
    submit(request, context, true);
}
