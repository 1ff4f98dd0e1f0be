/* api_retry.c: failed tickets are put back. A page at a time: its jobs are read from the store, those that are in hand
 * are left out on the loop, the others' files are moved in a second work request. Of a filter's jobs those whose ticket is
 * no longer there were put back before, and are passed over; one that is named is told of. */
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"

#include "control_inner.h"
#include "putback.h"

#define RETRY_LIMIT 1000 /* unless the request says otherwise */
#define IDS_A_PAGE  100

struct page {
    json_t *jobs; /* borrows what the store told: */
    size_t count;
    struct putback *items;
    struct control_retry *told; /* got before anything is moved */
    size_t n_told;
    struct record *past; /* what the store knows of its jobs */
};

struct retry_call {
    struct call call; /* first */
    json_t *body;     /* the filter's texts are its */
    json_t *ids;      /* NULL: by filter. Borrowed from the body */
    size_t next_id;
    struct store_filter filter;
    char *cursor;
    size_t limit;
    bool dry_run, reroute;
    char who[WHO_MAX];
    json_t *retried, *refused;
    struct page page;
};

static void page_fini(struct page *page)
{
    for (struct record *r = page->past, *next; r; r = next) {
        next = r->next;
        record_free(r);
    }
    json_decref(page->jobs);
    mem_free(page->items);
    mem_free(page->told);
    *page = (struct page){0};
}

static void retry_fini(struct call *call)
{
    struct retry_call *retry = (struct retry_call *)call;
    page_fini(&retry->page);
    json_decref(retry->body);
    json_decref(retry->retried);
    json_decref(retry->refused);
    mem_free(retry->cursor);
}

/* --- the request --- */

static int only(const json_t *object, const char *where, const char *const *names, struct error *e)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        const char *const *known = names;
        while (*known && strcmp(*known, key) != 0)
            known++;
        if (!*known)
            return error_set(e, ERR_USAGE, "%s%.64s: no such parameter", where, key);
    }
    return 0;
}

static int get_bool(const json_t *body, const char *key, bool *out, struct error *e)
{
    const json_t *value = json_object_get(body, key);
    if (value && !json_is_boolean(value))
        return error_set(e, ERR_USAGE, "%s: neither true nor false", key);
    *out = json_is_true(value);
    return 0;
}

static int get_text(const json_t *filter, const char *key, const char **out, struct error *e)
{
    const json_t *value = json_object_get(filter, key);
    *out = json_string_value(value);
    return !value || *out ? 0 : error_set(e, ERR_USAGE, "filter.%s: no text", key);
}

static int get_filter(struct retry_call *retry, const json_t *filter, int64_t now_wall_ms, struct error *e)
{
    static const char *const known[] = {"client", "category", "destination", "error", "text", "since", "until", NULL};
    struct filter_texts t = {0};
    const char **const texts[] = {&t.client, &t.category, &t.destination, &t.error, &t.text, &t.since, &t.until};
    if (!json_is_object(filter) || json_object_size(filter) == 0)
        return error_set(e, ERR_USAGE,
                         "filter: an object with at least one of client, category, destination, error, "
                         "text, since, until; for every failed ticket say \"all\": true");
    int rc = only(filter, "filter.", known, e);
    for (size_t i = 0; rc == 0 && known[i]; i++)
        rc = get_text(filter, known[i], texts[i], e);
    rc = rc ? rc : api_filter(&t, now_wall_ms, &retry->filter, e);
    if (rc)
        error_context(e, "filter");
    return rc;
}

static int get_ids(struct retry_call *retry, json_t *ids, struct error *e)
{
    size_t i;
    json_t *id;
    if (!json_is_array(ids))
        return error_set(e, ERR_USAGE, "ids: no list");
    json_array_foreach (ids, i, id)
        if (json_string_length(id) == 0)
            return error_set(e, ERR_USAGE, "ids: number %zu is no text", i + 1);
    retry->ids = ids;
    return 0;
}

static int get_limit(struct retry_call *retry, struct error *e)
{
    const json_t *limit = json_object_get(retry->body, "limit");
    retry->limit = RETRY_LIMIT;
    if (!limit)
        return 0;
    json_int_t n = json_integer_value(limit);
    if (n < 1 || n > RETRY_MAX)
        return error_set(e, ERR_USAGE, "limit: no number from 1 to %d", RETRY_MAX);
    retry->limit = (size_t)n;
    return 0;
}

/* What is asked for; *e names what is wrong. */
static int understand(struct retry_call *retry, int64_t now_wall_ms, struct error *e)
{
    static const char *const known[] = {"ids", "filter", "all", "dry_run", "limit", "reroute", NULL};
    json_t *ids = json_object_get(retry->body, "ids"), *filter = json_object_get(retry->body, "filter");
    bool all = false;
    if (!json_is_object(retry->body))
        return error_set(e, ERR_USAGE, "the body is no JSON object");
    int rc = only(retry->body, "", known, e);
    rc = rc ? rc : get_bool(retry->body, "all", &all, e);
    rc = rc ? rc : get_bool(retry->body, "dry_run", &retry->dry_run, e);
    rc = rc ? rc : get_bool(retry->body, "reroute", &retry->reroute, e);
    rc = rc ? rc : get_limit(retry, e);
    if (rc == 0 && (ids != NULL) + (filter != NULL) + all != 1)
        rc = error_set(e, ERR_USAGE, "exactly one of ids, filter and all says which");
    retry->filter.statuses = 1U << STATUS_FAILED;
    if (rc == 0 && ids)
        rc = get_ids(retry, ids, e);
    else if (rc == 0 && filter)
        rc = get_filter(retry, filter, now_wall_ms, e);
    return rc;
}

/* --- what is told --- */

static bool refuse_job(struct retry_call *retry, json_t *id, json_t *file, const char *why)
{
    struct str plain = STR_INIT;
    str_plain(&plain, why, strlen(why));
    json_t *entry =
        str_failed(&plain) ? NULL : json_pack("{s:O?, s:O?, s:s}", "id", id, "file", file, "why", plain.bytes);
    str_fini(&plain);
    return json_array_append_new(retry->refused, entry) == 0;
}

static size_t told(const struct retry_call *retry)
{
    return json_array_size(retry->retried) + json_array_size(retry->refused);
}

static bool more(const struct retry_call *retry)
{
    return retry->ids ? retry->next_id < json_array_size(retry->ids) : retry->cursor != NULL;
}

static void finish(struct retry_call *retry)
{
    api_answer(retry->call.request, 200,
               json_pack("{s:O, s:O, s:b}", "retried", retry->retried, "refused", retry->refused, "more", more(retry)));
    call_free(&retry->call);
}

static void no_memory(struct retry_call *retry)
{
    http_respond_problem(retry->call.request, 503, "out of memory; what was put back stands in the log");
    call_free(&retry->call);
}

/* --- a page --- */

static void read_on(struct retry_call *retry);

static bool add_told(struct retry_call *retry, const json_t *job, const struct putback *item)
{
    struct str to = STR_INIT;
    str_printf(&to, "%s/%s%s%s", retry->call.control->service->config->settings->hot, item->folder,
               item->folder[0] ? "/" : "", item->name);
    json_t *entry = str_failed(&to) ? NULL
                                    : json_pack("{s:O?, s:O?, s:O?, s:s}", "id", json_object_get(job, "id"), "file",
                                                json_object_get(job, "file"), "client", json_object_get(job, "client"),
                                                "to", to.bytes);
    str_fini(&to);
    return json_array_append_new(retry->retried, entry) == 0;
}

static int run_putback(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    (void)e;
    struct retry_call *retry = (struct retry_call *)call;
    putback_run(call->control->service->config, retry->page.items, retry->page.count, retry->dry_run);
    return 0;
}

static void on_put_back(struct call *call)
{
    struct retry_call *retry = (struct retry_call *)call;
    struct page *page = &retry->page;
    bool fine = true;
    for (size_t i = 0; i < page->count; i++) {
        const struct putback *item = &page->items[i];
        const json_t *job = json_array_get(page->jobs, i);
        json_t *id = json_object_get(job, "id"), *file = json_object_get(job, "file");
        if (item->error.code == 0) {
            page->told[page->n_told++] =
                (struct control_retry){.id = json_string_value(id),
                                       .folder = item->folder,
                                       .name = item->name,
                                       .client = json_string_value(json_object_get(job, "client"))};
            fine = add_told(retry, job, item) && fine;
            continue;
        }
        recall_forget(&call->control->service->recall, item->folder, item->name);
        if (retry->ids || item->error.code != ERR_GONE) {
            fine = refuse_job(retry, id, file, item->error.text) && fine;
        }
    }
    if (!retry->dry_run)
        control_retried(call->control->service, page->told, page->n_told, retry->reroute, retry->who);
    page_fini(page);
    if (fine)
        read_on(retry);
    else
        no_memory(retry);
}

/* NULL: it can be tried. */
static const char *why_not(const struct retry_call *retry, const json_t *job)
{
    const struct jobs *jobs = &retry->call.control->service->jobs;
    const char *id = json_string_value(json_object_get(job, "id"));
    const char *status = json_string_value(json_object_get(job, "status"));
    const char *folder = json_string_value(json_object_get(job, "folder"));
    const char *name = json_string_value(json_object_get(job, "file"));
    if (!id || !status || !folder || !name || !json_string_value(json_object_get(job, "path")))
        return "it is not known where its ticket is, or where it came from";
    const struct job *live = jobs_find(jobs, folder, name);
    enum job_status is;
    if ((live && strcmp(live->id, id) == 0) || !job_status_from(status, &is) || is == STATUS_PENDING ||
        is == STATUS_PROCESSING)
        return "it is still running";
    return is == STATUS_COMPLETED ? "it was delivered" : NULL;
}

/* For store_each_cb. */
static int add_past(void *user, const struct store_job *row)
{
    struct page *page = user;
    struct record *r = record_copy(row);
    if (!r)
        return ERR_NOMEM;
    r->next = page->past;
    page->past = r;
    return 0;
}

static struct record *take_past(struct page *page, const char *id)
{
    for (struct record **at = &page->past; *at; at = &(*at)->next) {
        struct record *r = *at;
        if (strcmp(r->row.id, id) != 0)
            continue;
        *at = r->next;
        r->next = NULL;
        return r;
    }
    return NULL;
}

/* In the work request that has read them. */
static int read_past(struct retry_call *retry, struct store *store, struct error *e)
{
    size_t i;
    json_t *job;
    int rc = 0;
    json_array_foreach (json_object_get(retry->call.result, "jobs"), i, job) {
        const char *folder = json_string_value(json_object_get(job, "folder"));
        const char *name = json_string_value(json_object_get(job, "file"));
        if (rc == 0 && folder && name)
            rc = store_last(store, folder, name, add_past, &retry->page, e);
    }
    return rc;
}

/* What of the page's jobs can be tried. False: no memory. */
static bool choose(struct retry_call *retry, json_t *jobs)
{
    struct page *page = &retry->page;
    size_t i, room = json_array_size(jobs) + 1;
    json_t *job;
    page->jobs = json_array();
    page->items = mem_zalloc(room * sizeof *page->items);
    page->told = mem_zalloc(room * sizeof *page->told);
    if (!page->jobs || !page->items || !page->told)
        return false;
    json_array_foreach (jobs, i, job) {
        const char *why = json_string_value(json_object_get(job, "why"));
        why = why ? why : why_not(retry, job);
        json_t *id = json_object_get(job, "id"), *file = json_object_get(job, "file");
        bool fine = why ? refuse_job(retry, id, file, why) : json_array_append(page->jobs, job) == 0;
        if (!fine)
            return false;
        if (!why && !retry->dry_run) /* before it lies in the hot folder, where it is seen at once */
            recall_expect(&retry->call.control->service->recall, take_past(page, json_string_value(id)),
                          retry->reroute);
        if (!why)
            page->items[page->count++] = (struct putback){.path = json_string_value(json_object_get(job, "path")),
                                                          .folder = json_string_value(json_object_get(job, "folder")),
                                                          .name = json_string_value(json_object_get(job, "file"))};
    }
    return true;
}

static void on_page(struct call *call)
{
    struct retry_call *retry = (struct retry_call *)call;
    if (call->code != 0) {
        call_fail(call);
        return;
    }
    const char *next = json_string_value(json_object_get(call->result, "next"));
    char *cursor = next ? mem_strdup(next) : NULL;
    mem_free(retry->cursor);
    retry->cursor = cursor;
    bool fine = (cursor || !next) && choose(retry, json_object_get(call->result, "jobs"));
    json_decref(call->result);
    call->result = NULL;
    if (!fine) {
        no_memory(retry);
    } else if (retry->page.count == 0) {
        page_fini(&retry->page);
        read_on(retry);
    } else {
        call->run = run_putback;
        call->done = on_put_back;
        call_begin_or_refuse(call, &call->control->moves);
    }
}

/* The job of an id, or {"id", "why"}. */
static int read_id(struct store *store, const char *id, json_t **out, struct error *e)
{
    struct error why = {0};
    int rc = store ? store_show(store, id, out, &why) : error_set(&why, ERR_GONE, "%s: no job has this id", id);
    if (rc == ERR_GONE || rc == ERR_CONFLICT) {
        struct str plain = STR_INIT;
        str_plain(&plain, why.text, strlen(why.text));
        *out = str_failed(&plain) ? NULL : json_pack("{s:s, s:s}", "id", id, "why", plain.bytes);
        str_fini(&plain);
        return *out ? 0 : error_set(e, ERR_NOMEM, "out of memory");
    }
    return rc ? error_set(e, rc, "%s", why.text) : 0;
}

static int read_ids(struct retry_call *retry, struct store *store, size_t most, struct error *e)
{
    json_t *jobs = json_array();
    int rc = jobs ? 0 : error_set(e, ERR_NOMEM, "out of memory");
    size_t next = retry->next_id;
    for (; rc == 0 && json_array_size(jobs) < most && next < json_array_size(retry->ids); next++) {
        json_t *job = NULL;
        rc = read_id(store, json_string_value(json_array_get(retry->ids, next)), &job, e);
        if (rc == 0 && json_array_append_new(jobs, job) != 0)
            rc = error_set(e, ERR_NOMEM, "out of memory");
    }
    retry->call.result = rc == 0 ? json_pack("{s:O, s:n}", "jobs", jobs, "next") : NULL;
    json_decref(jobs);
    if (rc == 0 && !retry->call.result)
        rc = error_set(e, ERR_NOMEM, "out of memory");
    if (rc == 0)
        retry->next_id = next;
    return rc;
}

static int read_jobs(struct call *call, struct store *store, struct error *e)
{
    struct retry_call *retry = (struct retry_call *)call;
    size_t room = retry->limit - told(retry);
    if (retry->ids)
        return read_ids(retry, store, room < IDS_A_PAGE ? room : IDS_A_PAGE, e);
    retry->filter.before = retry->cursor;
    retry->filter.limit = room < LIST_MAX ? room : LIST_MAX;
    if (store)
        return store_list(store, &retry->filter, &call->result, e);
    call->result = json_pack("{s:[], s:n}", "jobs", "next");
    return call->result ? 0 : error_set(e, ERR_NOMEM, "out of memory");
}

static int read_page(struct call *call, struct store *store, struct error *e)
{
    int rc = read_jobs(call, store, e);
    return rc == 0 && store ? read_past((struct retry_call *)call, store, e) : rc;
}

static void begin_page(struct retry_call *retry)
{
    retry->call.run = read_page;
    retry->call.done = on_page;
    call_begin_or_refuse(&retry->call, &retry->call.control->reads);
}

static void read_on(struct retry_call *retry)
{
    if (more(retry) && told(retry) < retry->limit)
        begin_page(retry);
    else
        finish(retry);
}

/* --- the handler --- */

static int parse(struct retry_call *retry, struct error *e)
{
    size_t len;
    const char *body = http_request_body(retry->call.request, &len);
    const struct clock *clock = retry->call.control->service->rt.clock;
    json_error_t fault;
    retry->body = json_loadb(body, len, JSON_REJECT_DUPLICATES, &fault);
    if (!retry->body && json_error_code(&fault) == json_error_out_of_memory)
        return error_set(e, ERR_NOMEM, "out of memory");
    if (!retry->body)
        return error_set(e, ERR_USAGE, "the body is no JSON: line %d: %s", fault.line, fault.text);
    return understand(retry, clock->wall_ms(clock), e);
}

void api_retry(struct http_request *request, void *context)
{
    struct control *c = context;
    static const char *const known[] = {NULL};
    if (!api_query_known(request, known))
        return;
    struct retry_call *retry = call_new(c, request, sizeof *retry);
    if (!retry)
        return;
    retry->call.fini = retry_fini;
    retry->retried = json_array();
    retry->refused = json_array();
    api_who(request, retry->who);
    int rc = parse(retry, &retry->call.error);
    retry->call.code = rc;
    if (rc == 0 && retry->retried && retry->refused) {
        begin_page(retry);
        return;
    }
    if (rc == 0)
        retry->call.code = error_set(&retry->call.error, ERR_NOMEM, "out of memory");
    call_fail(&retry->call);
}
