/* api_schedule.c: what runs at which times, and why. */
#include "shunt/core/units.h"
#include "shunt/service/scheduler.h"

#include "control_inner.h"

#define COUNT_DEFAULT 3

void api_schedule(struct http_request *request, void *context)
{
    const struct control *c = context;
    const char *text = http_request_query(request, "count");
    int64_t count = COUNT_DEFAULT;
    if (text && units_count(text, 1, SCHEDULER_RUNS_MAX, &count, NULL) != 0) {
        http_respond_problem(request, 400, "count: no number from 1 to %d", SCHEDULER_RUNS_MAX);
        return;
    }
    api_answer(request, 200, scheduler_json(c->service->scheduler, (size_t)count));
}
