/* api_retry.c: failed tickets are put back. A page at a time: its jobs are read from the store, those that are in hand
 * are left out on the loop, the others' files are moved in a second work request. Of a filter's jobs those whose ticket is
 * no longer there were put back before, and are passed over; one that is named is told of. What is put back by itself
 * ([retry] again_after) goes the same way, without a request: it is looked for now and then, what cannot be read or moved
 * is so the next time. */
#include "api_retry.h"

#include <stdio.h>

#include "shunt/base/mem.h"
#include "shunt/core/units.h"

static void retry_fini(struct call *call)
{
    struct retry_call *retry = (struct retry_call *)call;
    call->control->putting_back = call->control->putting_back && call->request;
    retry_page_fini(&retry->page);
    json_decref(retry->body);
    json_decref(retry->retried);
    json_decref(retry->refused);
    mem_free(retry->cursor);
}

/* --- what is told --- */

static bool more(const struct retry_call *retry)
{
    return retry->ids ? retry->next_id < json_array_size(retry->ids) : retry->cursor != NULL;
}

static void finish(struct retry_call *retry)
{
    if (retry->call.request)
        api_answer(retry->call.request, 200,
                   json_pack("{s:O, s:O, s:b, s:s?}", "retried", retry->retried, "refused", retry->refused, "more",
                             more(retry), "next", retry->cursor));
    call_free(&retry->call);
}

static void no_memory(struct retry_call *retry)
{
    if (retry->call.request)
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
        if (page->expected[i]) {
            recall_forget(&call->control->service->recall, item->folder, item->name);
            hands_forget(&call->control->service->recall.hands, item->folder, item->name);
        }
        if (retry->ids || item->error.code != ERR_GONE) {
            fine = retry_refuse(retry, id, file, item->error.text) && fine;
        }
    }
    if (!retry->dry_run)
        control_retried(call->control->service, page->told, page->n_told, retry->reroute, retry->who);
    retry_page_fini(page);
    if (fine)
        read_on(retry);
    else
        no_memory(retry);
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
    bool fine = (cursor || !next) && retry_choose(retry, json_object_get(call->result, "jobs"));
    json_decref(call->result);
    call->result = NULL;
    if (!fine) {
        no_memory(retry);
    } else if (retry->page.count == 0) {
        retry_page_fini(&retry->page);
        read_on(retry);
    } else {
        call->run = run_putback;
        call->done = on_put_back;
        call_begin_or_refuse(call, &call->control->moves);
    }
}

static void begin_page(struct retry_call *retry)
{
    retry->call.run = retry_read_page;
    retry->call.done = on_page;
    call_begin_or_refuse(&retry->call, &retry->call.control->reads);
}

static void read_on(struct retry_call *retry)
{
    if (more(retry) && retry_told(retry) < retry->limit)
        begin_page(retry);
    else
        finish(retry);
}

/* --- the handler --- */

void api_retry(struct http_request *request, void *context)
{
    struct control *c = context;
    struct retry_call *retry = call_new(c, request, sizeof *retry);
    if (!retry)
        return;
    retry->call.fini = retry_fini;
    retry->retried = json_array();
    retry->refused = json_array();
    api_who(request, retry->who);
    int rc = retry_read(retry, &retry->call.error);
    retry->call.code = rc;
    if (rc == 0 && retry->retried && retry->refused) {
        begin_page(retry);
        return;
    }
    if (rc == 0)
        retry->call.code = error_set(&retry->call.error, ERR_NOMEM, "out of memory");
    call_fail(&retry->call);
}

/* --- by itself --- */

void control_retry_again(struct control *c)
{
    struct service *s = c->service;
    int64_t after_ms = s->config->settings->again_after_ms;
    char after[UNITS_TEXT_MAX];
    struct retry_call *retry = after_ms > 0 && !c->putting_back ? mem_zalloc(sizeof *retry) : NULL;
    if (!retry)
        return;
    units_ms_text(after_ms, after);
    retry->call.control = c;
    retry->call.fini = retry_fini;
    retry->retried = json_array();
    retry->refused = json_array();
    retry->limit = RETRY_MAX;
    retry->failed_before_ms = s->rt.clock->wall_ms(s->rt.clock) - after_ms;
    retry->filter = (struct store_filter){.statuses = 1U << STATUS_FAILED, .until_ms = retry->failed_before_ms};
    snprintf(retry->who, sizeof retry->who, "[retry] again_after = %s", after);
    c->putting_back = true;
    if (retry->retried && retry->refused)
        begin_page(retry);
    else
        call_free(&retry->call);
}
