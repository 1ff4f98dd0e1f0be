/* api_report.c: the daily report: today's so far, an earlier day's as it was made, the days that there are, and sending
 * one again. */
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/core/when.h"
#include "shunt/service/report_make.h"
#include "shunt/service/reporter.h"
#include "shunt/service/snapshot.h"

#include "control_inner.h"

/* Its styles stand in the tags, as mail clients need them; nothing else may be done by what a name made its way into. */
#define REPORT_POLICY                                                                                                  \
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "     \
    "sandbox"

struct report_call {
    struct call call; /* first */
    struct report_order order;
    json_t *snapshot;
    enum report_format format;
    struct str text, html; /* text: as was asked for; of a mail, its text */
};

static void report_fini(struct call *call)
{
    struct report_call *r = (struct report_call *)call;
    json_decref(r->snapshot);
    str_fini(&r->text);
    str_fini(&r->html);
}

static int render(const struct report_call *r, enum report_format format, struct str *out, struct error *e)
{
    const struct config *config = r->call.control->service->config;
    struct error why = {0};
    int rc = report_render(config, r->call.result, format, false, out, &why);
    if (rc != 0 && rc != ERR_NOMEM)
        rc = report_render(config, r->call.result, format, true, out, e);
    return rc == ERR_NOMEM ? error_set(e, rc, "out of memory") : rc;
}

static int run_get(struct call *call, struct store *store, struct error *e)
{
    struct report_call *r = (struct report_call *)call;
    int rc = report_make(store, &r->order, &call->result, e);
    return rc ? rc : render(r, r->format, &r->text, e);
}

static int run_send(struct call *call, struct store *store, struct error *e)
{
    struct report_call *r = (struct report_call *)call;
    int rc = report_make(store, &r->order, &call->result, e);
    rc = rc ? rc : render(r, REPORT_HTML, &r->html, e);
    return rc ? rc : render(r, REPORT_TEXT, &r->text, e);
}

static void on_got(struct call *call)
{
    struct report_call *r = (struct report_call *)call;
    static const char *const types[] = {"application/json", "text/html; charset=utf-8", "text/plain; charset=utf-8"};
    if (call->code != 0) {
        call_fail(call);
        return;
    }
    if (r->format == REPORT_HTML)
        http_request_set_header(call->request, "Content-Security-Policy", REPORT_POLICY);
    http_respond(call->request, 200, types[r->format], r->text.bytes, r->text.len);
    call_free(call);
}

static void on_rendered(struct call *call)
{
    struct report_call *r = (struct report_call *)call;
    char date[WHEN_TEXT_MAX], key[2 * WHEN_TEXT_MAX], who[WHO_MAX];
    if (call->code != 0) {
        call_fail(call);
        return;
    }
    when_day_text(r->order.day, date);
    snprintf(key, sizeof key, "report:%s:%lld", date, (long long)r->order.now_ms);
    const struct report_mail mail = {key, call->result, &r->html, &r->text};
    if (reporter_mail(call->control->service, &mail, NULL, NULL)) {
        api_who(call->request, who);
        log_info("report_sent", "The report of %s is mailed again, asked for by %s", date, who);
        api_answer(call->request, 202, json_pack("{s:s}", "date", date));
    } else {
        http_respond_problem(call->request, 503, "out of memory");
    }
    call_free(call);
}

/* NULL: answered. */
static struct report_call *new_call(struct http_request *request, struct control *c)
{
    const struct service *s = c->service;
    const char *date = http_request_query(request, "date");
    int64_t now_ms = s->rt.clock->wall_ms(s->rt.clock);
    int today = clock_local_date(now_ms), day = today;
    if (date && !when_day(date, &day)) {
        http_respond_problem(request, 400, "date: %s is no day; write it as 2026-02-06", date);
        return NULL;
    }
    struct report_call *r = call_new(c, request, sizeof *r);
    if (!r)
        return NULL;
    str_init(&r->text);
    str_init(&r->html);
    r->call.fini = report_fini;
    r->snapshot = snapshot_of(s, api_health(s));
    r->order = (struct report_order){.day = day,
                                     .snapshot = r->snapshot,
                                     .instance = s->instance.number,
                                     .now_ms = now_ms,
                                     .uncounted = day == today};
    if (r->snapshot)
        return r;
    http_respond_problem(request, 503, "out of memory");
    call_free(&r->call);
    return NULL;
}

void api_report(struct http_request *request, void *context)
{
    const char *format = http_request_query(request, "format");
    unsigned which = 0;
    while (format && report_formats[which] && strcmp(report_formats[which], format) != 0)
        which++;
    if (!report_formats[which]) {
        http_respond_problem(request, 400, "format: %s is none of json, html, text", format);
        return;
    }
    struct report_call *r = new_call(request, context);
    if (!r)
        return;
    r->format = (enum report_format)which;
    r->call.run = run_get;
    r->call.done = on_got;
    call_begin_or_refuse(&r->call, &((struct control *)context)->reads);
}

void api_report_send(struct http_request *request, void *context)
{
    struct control *c = context;
    if (!reporter_has_mail(c->service)) {
        http_respond_problem(request, 409, "there is nobody to mail it to: see [mail] in shunt.ini");
        return;
    }
    struct report_call *r = new_call(request, c);
    if (!r)
        return;
    r->call.run = run_send;
    r->call.done = on_rendered;
    call_begin_or_refuse(&r->call, &c->reads);
}

/* The first of all only says where they begin. */
static int run_list(struct call *call, struct store *store, struct error *e)
{
    json_t *dates = NULL, *list = json_array(), *date;
    size_t i;
    int rc = list ? 0 : error_set(e, ERR_NOMEM, "out of memory");
    rc = rc || !store ? rc : store_reports(store, &dates, e);
    json_array_foreach (dates, i, date) {
        char text[WHEN_TEXT_MAX];
        json_t *report = NULL;
        int day = (int)json_integer_value(date);
        if (rc == 0 && i + 1 == json_array_size(dates))
            rc = store_load_report(store, day, &report, e);
        bool empty = report && json_object_size(report) == 0;
        json_decref(report);
        when_day_text(day, text);
        if (rc == 0 && !empty && json_array_append_new(list, json_string(text)) != 0)
            rc = error_set(e, ERR_NOMEM, "out of memory");
    }
    json_decref(dates);
    if (rc == 0 && !(call->result = json_pack("{s:O}", "reports", list)))
        rc = error_set(e, ERR_NOMEM, "out of memory");
    json_decref(list);
    return rc;
}

void api_reports(struct http_request *request, void *context)
{
    struct control *c = context;
    struct call *call = call_new(c, request, sizeof *call);
    if (!call)
        return;
    call->run = run_list;
    call->done = api_result;
    call_begin_or_refuse(call, &c->reads);
}
