/* ask.c: see ask.h. A socket on which nobody listens is passed over: a service that was killed leaves its one behind. */
#include "shunt/cli/ask.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/cli/filter.h"
#include "shunt/cli/table.h"
#include "shunt/core/when.h"
#include "shunt/service/report_make.h"

void ask_begin(struct ask *a, const struct config *config)
{
    *a = (struct ask){.config = config, .timeout_ms = ASK_TIMEOUT_MS};
}

void ask_end(struct ask *a)
{
    http_client_free(a->client);
    store_close(a->store);
    a->client = NULL;
    a->store = NULL;
}

/* Leaves the instance that was asked; the next is connected to when it is asked. */
static void pass(struct ask *a)
{
    http_client_free(a->client);
    a->client = NULL;
    a->instance++;
}

/* To the instance, or the first after it that has a socket. ERR_GONE: none. */
static int connect_to(struct ask *a, struct error *e)
{
    for (; !a->client && a->config->control && a->instance < INSTANCES_MAX; a->instance++) {
        char *path = config_control(a->config, a->instance);
        if (!path)
            return error_set(e, ERR_NOMEM, "out of memory");
        int rc = access(path, F_OK) == 0 ? http_client_new(path, a->timeout_ms, &a->client, e) : 0;
        mem_free(path);
        if (rc)
            return rc;
        if (a->client)
            break;
    }
    if (a->client)
        return 0;
    return error_set(e, ERR_GONE,
                     a->config->control ? "shunt is not running"
                                        : "shunt has no control socket: [service] control = no");
}

static int code_of(long status)
{
    switch (status) {
    case 401:
    case 403:
        return ERR_ACCESS;
    case 404:
        return ERR_GONE;
    case 409:
        return ERR_CONFLICT;
    default:
        return status < 500 ? ERR_USAGE : ERR_NETWORK;
    }
}

static int read_reply(struct http_reply *reply, json_t **out, struct error *e)
{
    if (reply->status >= 400)
        return error_set(e, code_of(reply->status), "%s", reply->problem ? reply->problem : "the service refused");
    if (!reply->body)
        return error_set(e, ERR_NETWORK, "the service's answer is no JSON");
    *out = json_incref(reply->body);
    return 0;
}

/* One instance: the first that listens from a->instance on. */
static int request(struct ask *a, const char *method, const char *target, const json_t *body, json_t **out,
                   struct error *e)
{
    for (;;) {
        struct http_reply reply = {0};
        struct error why = {0};
        int rc = connect_to(a, e);
        if (rc)
            return rc;
        rc = http_client_request(a->client, method, target, body, &reply, &why);
        if (rc == 0) {
            a->answered = true;
            rc = read_reply(&reply, out, e);
            http_reply_fini(&reply);
            return rc;
        }
        if (rc != ERR_GONE)
            return error_set(e, rc, "%s", why.text);
        pass(a);
    }
}

int ask_get(struct ask *a, const char *target, json_t **out, struct error *e)
{
    return request(a, "GET", target, NULL, out, e);
}

int ask_post(struct ask *a, const char *target, const json_t *body, json_t **out, struct error *e)
{
    return request(a, "POST", target, body, out, e);
}

int ask_post_all(struct ask *a, bool every, const char *target, json_t **out, struct error *e)
{
    struct error first = {0};
    *out = NULL;
    for (;; pass(a)) {
        json_t *one = NULL;
        struct error why = {0};
        int rc = request(a, "POST", target, NULL, &one, &why);
        if (rc == ERR_GONE && !a->client) { /* no more of them */
            if (*out)
                return 0;
            return error_set(e, first.code ? first.code : rc, "%s", first.code ? first.text : why.text);
        }
        if (rc == 0 && !*out)
            *out = one;
        else
            json_decref(one);
        if (rc && (first.code == 0 || rc == ERR_CONFLICT)) /* that it is there, but not so, says more */
            first = why;
        if (every ? rc != 0 : rc == 0 || (rc != ERR_GONE && rc != ERR_CONFLICT)) {
            if (rc) {
                json_decref(*out);
                *out = NULL;
            }
            return rc ? error_set(e, rc, "%s", why.text) : 0;
        }
    }
}

/* ---- reading, also without a service ---- */

/* Is it to be read from the store? Opened where it must be; *rc is then what that gave. */
static bool turn_to_store(struct ask *a, const struct error *why, int *rc, struct error *e)
{
    if (why->code != ERR_GONE || a->answered)
        return false;
    *rc = store_open(&a->store, a->config->settings->store_url, a->config->data, STORE_READ, e);
    if (*rc == 0)
        fprintf(stderr, "%s; from the store:\n", why->text);
    else if (*rc == ERR_GONE)
        error_context(e, "%s", why->text);
    return true;
}

static int ask_service(struct ask *a, const struct str *target, json_t **out, struct error *e)
{
    if (str_failed(target))
        return error_set(e, ERR_NOMEM, "out of memory");
    return ask_get(a, target->bytes, out, e);
}

int ask_job(struct ask *a, const char *id, json_t **job, struct error *e)
{
    struct str target = STR_INIT;
    str_puts(&target, "/api/v1/jobs/");
    url_part(&target, id);
    int rc = ask_service(a, &target, job, e);
    str_fini(&target);
    return rc;
}

int ask_id(struct ask *a, const char *text, struct str *out, struct error *e)
{
    json_t *job = NULL;
    struct error why = {0};
    int rc = ask_job(a, text, &job, &why);
    const char *id = text_in(job, "id");
    if (rc == 0 || (rc == ERR_GONE && a->answered))
        str_puts(out, id ? id : text);
    else
        error_set(e, rc, "%s", why.text);
    json_decref(job);
    return rc == ERR_GONE && a->answered ? 0 : rc;
}

int ask_list(struct ask *a, const struct store_filter *filter, json_t **page, struct error *e)
{
    struct store_filter asked = *filter;
    struct str target = STR_INIT;
    struct error why = {0};
    asked.limit = asked.limit > FILTER_PAGE_MAX ? FILTER_PAGE_MAX : asked.limit;
    str_puts(&target, "/api/v1/jobs?");
    filter_query(&asked, &target);
    int rc = a->store ? 0 : ask_service(a, &target, page, &why);
    str_fini(&target);
    if (!a->store && !turn_to_store(a, &why, &rc, e))
        return rc ? error_set(e, rc, "%s", why.text) : 0;
    return a->store ? store_list(a->store, &asked, page, e) : rc;
}

int ask_show(struct ask *a, const char *id, json_t **job, struct error *e)
{
    struct error why = {0};
    int rc = a->store ? 0 : ask_job(a, id, job, &why);
    if (!a->store && !turn_to_store(a, &why, &rc, e))
        return rc ? error_set(e, rc, "%s", why.text) : 0;
    return a->store ? store_show(a->store, id, job, e) : rc;
}

int ask_mail(struct ask *a, json_t **messages, struct error *e)
{
    struct error why = {0};
    json_t *answer = NULL;
    int rc = ask_get(a, "/api/v1/mail", &answer, &why);
    if (turn_to_store(a, &why, &rc, e))
        return a->store ? store_outbox_list(a->store, 0, 0, messages, e) : rc;
    *messages = json_incref(json_object_get(answer, "messages"));
    json_decref(answer);
    return rc ? error_set(e, rc, "%s", why.text) : 0;
}

int ask_report(struct ask *a, int day, json_t **report, struct error *e)
{
    char date[WHEN_TEXT_MAX], target[96];
    struct error why = {0};
    int64_t now_ms = clock_real.wall_ms(&clock_real);
    const struct report_order order = {.day = day, .now_ms = now_ms, .uncounted = day == clock_local_date(now_ms)};
    when_day_text(day, date);
    snprintf(target, sizeof target, "/api/v1/report?date=%s", date);
    int rc = ask_get(a, target, report, &why);
    if (turn_to_store(a, &why, &rc, e))
        return a->store ? report_make(a->store, &order, report, e) : rc;
    return rc ? error_set(e, rc, "%s", why.text) : 0;
}
