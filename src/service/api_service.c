/* api_service.c: the service as a whole: its status, its destinations, a scan. All of it is known on the loop, but for
 * the store's totals and alerts: where they cannot be had, the status is told without them. */
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/health.h"
#include "shunt/service/lane.h"
#include "shunt/service/snapshot.h"
#include "shunt/service/upkeep.h"
#include "shunt/service/watching.h"

#include "control_inner.h"

/* --- status --- */

json_t *api_degraded(const struct service *s, const char *store)
{
    json_t *checks = health_checks(s), *list = checks ? health_degraded(checks) : NULL;
    json_decref(checks);
    if (!list || !store)
        return list;
    struct str plain = STR_INIT;
    str_puts(&plain, "the store cannot be read: ");
    str_plain(&plain, store, strlen(store));
    if (!str_failed(&plain) && json_array_insert_new(list, 0, json_string(plain.bytes)) == 0) {
        str_fini(&plain);
        return list;
    }
    str_fini(&plain);
    json_decref(list);
    return NULL;
}

const char *api_health(const struct service *s)
{
    return s->rt.draining ? "draining" : "running";
}

/* known: of the store, {"totals", "alerts"}; NULL: nothing. */
static void answer_status(const struct service *s, struct http_request *request, const json_t *known, const char *why)
{
    api_answer(request, 200,
               json_pack("{s:s, s:o, s:O?, s:O?, s:o}", "health", api_health(s), "snapshot",
                         snapshot_of(s, api_health(s)), "totals", json_object_get(known, "totals"), "alerts",
                         json_object_get(known, "alerts"), "degraded", api_degraded(s, why)));
}

static int read_known(struct call *call, struct store *store, struct error *e)
{
    json_t *totals = NULL, *alerts = NULL;
    int rc = store ? store_totals(store, &totals, e) : 0;
    rc = rc || !store ? rc : store_alerts(store, true, 0, &alerts, e);
    if (rc == 0 && !(call->result = json_pack("{s:O?, s:O?}", "totals", totals, "alerts", alerts)))
        rc = error_set(e, ERR_NOMEM, "out of memory");
    json_decref(totals);
    json_decref(alerts);
    return rc;
}

static void on_known(struct call *call)
{
    answer_status(call->control->service, call->request, call->result, call->code != 0 ? call->error.text : NULL);
    call_free(call);
}

void api_status(struct http_request *request, void *context)
{
    struct control *c = context;
    struct call *call = call_new(c, request, sizeof *call);
    if (!call)
        return;
    call->run = read_known;
    call->done = on_known;
    if (call_begin(call, &c->reads))
        return;
    answer_status(c->service, request, NULL, c->service->rt.draining ? NULL : "too much is asked at once");
    call_free(call);
}

/* --- destinations --- */

void api_destinations(struct http_request *request, void *context)
{
    struct control *c = context;
    api_answer(request, 200, json_pack("{s:o}", "destinations", snapshot_destinations(c->service)));
}

struct hold_call {
    struct call call; /* first */
    const char *name; /* the request's */
    bool held;
    char who[WHO_MAX];
};

static int run_hold(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    const struct hold_call *hold = (const struct hold_call *)call;
    return holds_write(&call->control->service->instance, hold->name, hold->held ? hold->who : NULL, e);
}

static void on_hold(struct call *call)
{
    const struct hold_call *hold = (const struct hold_call *)call;
    struct service *s = call->control->service;
    holds_changed(&s->holds);
    /* ERR_GONE: a reload took the destination away meanwhile */
    if (call->code == 0 &&
        (hold->held ? lanes_hold(&s->lanes, hold->name, hold->who) : lanes_release(&s->lanes, hold->name)) == ERR_NOMEM)
        call->code = error_set(&call->error, ERR_NOMEM, "out of memory");
    if (call->code != 0) {
        call_fail(call);
        return;
    }
    log_write(LOG_EVENT(LOG_WARN, hold->held ? "held" : "released", .destination = hold->name),
              hold->held ? "%s is held by %s: its deliveries wait until it is released" : "%s is released by %s",
              hold->name, hold->who);
    upkeep_save_now(s->upkeep);
    api_answer(call->request, 200, json_pack("{s:s, s:b}", "name", hold->name, "held", hold->held));
    call_free(call);
}

static void set_held(struct http_request *request, struct control *c, bool held)
{
    const char *name = http_request_param(request, "name");
    if (!lanes_know(&c->service->lanes, name)) {
        http_respond_problem(request, 404, "%s: there is no destination of this name", name);
        return;
    }
    struct hold_call *hold = call_new(c, request, sizeof *hold);
    if (!hold)
        return;
    hold->name = name;
    hold->held = held;
    api_who(request, hold->who);
    hold->call.run = run_hold;
    hold->call.done = on_hold;
    call_begin_or_refuse(&hold->call, &c->checks);
}

void api_hold(struct http_request *request, void *context)
{
    set_held(request, context, true);
}

void api_release(struct http_request *request, void *context)
{
    set_held(request, context, false);
}

/* --- scan --- */

void api_scan(struct http_request *request, void *context)
{
    struct service *s = ((struct control *)context)->service;
    if (s->rt.draining) {
        http_respond_problem(request, 503, "the service is stopping");
        return;
    }
    char who[WHO_MAX];
    api_who(request, who);
    log_info("scan_asked", "A scan is asked for by %s", who);
    scanner_want_full(&s->scanner);
    api_answer(request, 202, json_pack("{s:s}", "scan", "due"));
}
