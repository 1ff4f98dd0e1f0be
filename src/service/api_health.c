/* api_health.c: is it alive, and does work really move. A loop that hangs answers nothing: that is the asker's time-out. */
#include "shunt/service/health.h"

#include "control_inner.h"

void api_healthz(struct http_request *request, void *context)
{
    (void)context;
    http_respond_text(request, 200, "ok\n");
}

void api_readyz(struct http_request *request, void *context)
{
    const struct service *s = ((struct control *)context)->service;
    json_t *checks = health_checks(s);
    bool ready = checks && health_ready(checks);
    size_t i;
    json_t *entry;
    json_array_foreach (checks, i, entry) { /* whoever asks: paths are not told */
        json_object_del(entry, "detail");
        json_object_del(entry, "advice");
    }
    api_answer(request, ready ? 200 : 503, json_pack("{s:b, s:o}", "ready", ready, "checks", checks));
}
