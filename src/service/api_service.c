/* api_service.c: the service as a whole: its status, its destinations, a scan. All of it is known on the loop, but for
 * the store's totals and alerts: where they cannot be had, the status is told without them. */
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/lane.h"
#include "shunt/service/snapshot.h"
#include "shunt/service/upkeep.h"
#include "shunt/service/watching.h"

#include "control_inner.h"

/* --- status --- */

static bool add_text(json_t *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whatever a name quotes: it becomes UTF-8. */
static bool add_text(json_t *list, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct str plain = STR_INIT;
    str_plain(&plain, text, strlen(text));
    bool fine = !str_failed(&plain) && json_array_append_new(list, json_string(plain.bytes)) == 0;
    str_fini(&plain);
    return fine;
}

static bool add_destinations(const struct delivery_lanes *lanes, json_t *list)
{
    bool fine = true;
    for (const struct lane *lane = lanes->lanes; fine && lane; lane = lane->next) {
        if (lane->breaker.state != BREAKER_CLOSED)
            fine = add_text(list, "%s is down: %zu deliveries wait", lane->label, lane->queued);
        if (fine && lane->hanging > 0)
            fine = add_text(list, "%s hangs: nothing else is sent there until it answers", lane->label);
    }
    return fine;
}

json_t *api_degraded(const struct service *s, const char *store)
{
    json_t *list = json_array();
    bool fine = list != NULL;
    if (fine && store)
        fine = add_text(list, "the store cannot be read: %s", store);
    if (fine && s->storage.degraded)
        fine = add_text(list, "the store cannot be written (%s): routing goes on, %zu records are written later",
                        s->storage.why.text, s->storage.queued);
    if (fine && s->scanner.told_missing)
        fine = add_text(list, "the hot folder %s cannot be listed", s->rt.config->hot);
    if (fine && watching_unwatched(&s->scanner) > 0)
        fine = add_text(list, "%zu folders cannot be watched and are only scanned", watching_unwatched(&s->scanner));
    if (fine && s->settle.remove.troubled)
        fine = add_text(list, "delivered tickets cannot be taken off %s", s->instance.path);
    if (fine && s->settle.aside.troubled)
        fine = add_text(list, "tickets cannot be moved to the failed folder %s", s->rt.config->failed);
    if (fine && add_destinations(&s->lanes, list))
        return list;
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

static void set_held(struct http_request *request, struct control *c, bool held)
{
    struct service *s = c->service;
    const char *name = http_request_param(request, "name");
    char who[WHO_MAX];
    api_who(request, who);
    int rc = held ? lanes_hold(&s->lanes, name) : lanes_release(&s->lanes, name);
    if (rc == ERR_GONE) {
        http_respond_problem(request, 404, "%s: there is no destination of this name", name);
        return;
    }
    if (rc != 0) {
        http_respond_problem(request, 503, "out of memory");
        return;
    }
    log_write(LOG_EVENT(LOG_WARN, held ? "held" : "released", .destination = name),
              held ? "%s is held by %s: its deliveries wait until it is released" : "%s is released by %s", name, who);
    upkeep_save_now(s->upkeep);
    api_answer(request, 200, json_pack("{s:s, s:b}", "name", name, "held", held));
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
