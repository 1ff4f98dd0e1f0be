/* api_retry_page.c: the jobs of a page: read from the store with their past, in a work request; then, on the loop, those
 * that are in hand or need no retry are refused. */
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/core/json_get.h"
#include "shunt/core/when.h"

#include "api_retry.h"

#define IDS_A_PAGE 100

void retry_page_fini(struct page *page)
{
    for (struct record *r = page->past, *next; r; r = next) {
        next = r->next;
        record_free(r);
    }
    json_decref(page->jobs);
    mem_free(page->items);
    mem_free(page->told);
    mem_free(page->expected);
    *page = (struct page){0};
}

bool retry_refuse(struct retry_call *retry, json_t *id, json_t *file, const char *why)
{
    json_t *entry = json_pack("{s:O?, s:O?, s:o}", "id", id, "file", file, "why", api_text(why));
    return json_array_append_new(retry->refused, entry) == 0;
}

size_t retry_told(const struct retry_call *retry)
{
    return json_array_size(retry->retried) + json_array_size(retry->refused);
}

/* --- reading --- */

/* The job of an id, or {"id", "why"}. */
static int read_id(struct store *store, const char *id, json_t **out, struct error *e)
{
    struct error why = {0};
    int rc = store ? store_show(store, id, out, &why) : error_set(&why, ERR_GONE, "%s: no job has this id", id);
    if (rc == ERR_GONE || rc == ERR_CONFLICT) {
        *out = json_pack("{s:s, s:o}", "id", id, "why", api_text(why.text));
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
    size_t room = retry->limit - retry_told(retry);
    if (retry->ids)
        return read_ids(retry, store, room < IDS_A_PAGE ? room : IDS_A_PAGE, e);
    retry->filter.before = retry->cursor;
    retry->filter.limit = room < LIST_MAX ? room : LIST_MAX;
    if (store)
        return store_list(store, &retry->filter, &call->result, e);
    call->result = json_pack("{s:[], s:n}", "jobs", "next");
    return call->result ? 0 : error_set(e, ERR_NOMEM, "out of memory");
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

/* For store_each_cb. */
static int is_newer(void *user, const struct store_job *row)
{
    json_t *job = user;
    const char *id = json_string_value(json_object_get(job, "id"));
    if (!id || strcmp(id, row->id) == 0)
        return 0;
    json_t *why =
        json_sprintf("a newer ticket of its name came after it (job %s); to put it back all the same, name it "
                     "by its id",
                     row->id);
    return json_object_set_new(job, "why", why) == 0 ? 0 : ERR_NOMEM;
}

/* In the work request that has read them. An older version is never put over a newer one by the way: it must be named. */
static int read_past(struct retry_call *retry, struct store *store, struct error *e)
{
    size_t i;
    json_t *job;
    int rc = 0;
    json_array_foreach (json_object_get(retry->call.result, "jobs"), i, job) {
        const char *id = json_string_value(json_object_get(job, "id"));
        const char *folder = json_string_value(json_object_get(job, "folder"));
        const char *name = json_string_value(json_object_get(job, "file"));
        if (rc != 0 || !id || !folder || !name)
            continue;
        rc = store_find(store, id, add_past, &retry->page, e);
        if (rc == 0 && !retry->ids)
            rc = store_last(store, folder, name, NULL, is_newer, job, e);
    }
    return rc == ERR_NOMEM && e->code == 0 ? error_set(e, rc, "out of memory") : rc;
}

/* ---- by itself: once, of what had an attempt. What was refused is refused again; what was put back before is a person's. */

static bool was_put_back(const json_t *job)
{
    size_t i;
    const json_t *event;
    json_array_foreach (json_object_get(job, "events"), i, event)
        if (strcmp(json_text_of(event, "event"), "retried") == 0)
            return true;
    return false;
}

/* *out: it is to be put back now. */
static int is_its_time(const struct retry_call *retry, struct store *store, const json_t *job, bool *out,
                       struct error *e)
{
    int64_t failed_ms;
    json_t *whole = NULL;
    *out = json_integer_value(json_object_get(job, "retry_count")) > 0 &&
           when_parse(json_text_of(job, "completed_at"), 0, false, &failed_ms, NULL) == 0 &&
           failed_ms <= retry->failed_before_ms;
    int rc = *out ? store_show(store, json_text_of(job, "id"), &whole, e) : 0;
    *out = *out && rc == 0 && !was_put_back(whole);
    json_decref(whole);
    return rc == ERR_GONE ? 0 : rc;
}

static int keep_whose_time_it_is(struct retry_call *retry, struct store *store, struct error *e)
{
    json_t *jobs = json_object_get(retry->call.result, "jobs");
    int rc = 0;
    for (size_t i = json_array_size(jobs); rc == 0 && i-- > 0;) {
        bool keep;
        rc = is_its_time(retry, store, json_array_get(jobs, i), &keep, e);
        if (rc == 0 && !keep)
            (void)json_array_remove(jobs, i);
    }
    return rc;
}

int retry_read_page(struct call *call, struct store *store, struct error *e)
{
    int rc = read_jobs(call, store, e);
    if (rc == 0 && store && !call->request)
        rc = keep_whose_time_it_is((struct retry_call *)call, store, e);
    return rc == 0 && store ? read_past((struct retry_call *)call, store, e) : rc;
}

/* --- choosing --- */

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
    if (is == STATUS_COMPLETED)
        return "it was delivered";
    const char *expected = recall_expected(&retry->call.control->service->recall, folder, name);
    return expected && strcmp(expected, id) != 0 ? "another ticket of its name was put back, and is not taken up yet"
                                                 : NULL;
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

/* Before it lies in the hot folder, where it is seen at once. */
static bool expect(struct retry_call *retry, const json_t *job)
{
    struct service *s = retry->call.control->service;
    struct record *past = take_past(&retry->page, json_string_value(json_object_get(job, "id")));
    char text[WHO_MAX + 64];
    if (!recall_expect(&s->recall, past, retry->reroute))
        return false;
    snprintf(text, sizeof text, "put back by %s%s", retry->who, retry->reroute ? ", to be delivered everywhere" : "");
    hands_note(&s->recall.hands, json_string_value(json_object_get(job, "folder")),
               json_string_value(json_object_get(job, "file")), s->rt.clock->wall_ms(s->rt.clock), "retried", text);
    return true;
}

bool retry_choose(struct retry_call *retry, json_t *jobs)
{
    struct page *page = &retry->page;
    size_t i, room = json_array_size(jobs) + 1;
    json_t *job;
    page->jobs = json_array();
    page->items = mem_zalloc(room * sizeof *page->items);
    page->told = mem_zalloc(room * sizeof *page->told);
    page->expected = mem_zalloc(room * sizeof *page->expected);
    if (!page->jobs || !page->items || !page->told || !page->expected)
        return false;
    json_array_foreach (jobs, i, job) {
        const char *why = json_string_value(json_object_get(job, "why"));
        why = why ? why : why_not(retry, job);
        json_t *id = json_object_get(job, "id"), *file = json_object_get(job, "file");
        bool fine = why ? retry_refuse(retry, id, file, why) : json_array_append(page->jobs, job) == 0;
        if (!fine)
            return false;
        if (!why && !retry->dry_run)
            page->expected[page->count] = expect(retry, job);
        if (!why)
            page->items[page->count++] = (struct putback){.path = json_string_value(json_object_get(job, "path")),
                                                          .folder = json_string_value(json_object_get(job, "folder")),
                                                          .name = json_string_value(json_object_get(job, "file"))};
    }
    return true;
}
