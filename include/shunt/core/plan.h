/* plan.h: all that is due at times, as the settings say it: our own scan, retention and report, and the tasks. Borrows from the
 * settings. Pure. Thread: any. */
#ifndef SHUNT_CORE_PLAN_H
#define SHUNT_CORE_PLAN_H

#include <jansson.h>

#include "shunt/core/task.h"

#define PLAN_RETENTION_MS 60000

struct planned {
    const char *name;
    enum task_run run;
    const struct task *task; /* NULL: our own */
    struct schedule schedule;
    bool exempt; /* from the off hours */
};

struct plan {
    struct off_hours off;
    size_t count;
    struct planned items[];
};

struct plan *plan_new(const struct settings *s); /* mem_free; NULL: no memory */
static inline const struct off_hours *plan_off(const struct planned *p, const struct off_hours *off)
{
    return p->exempt ? NULL : off;
}
/* [{"at": RFC 3339, "why"}, ...], the next `count` runs, of which the first is at first_ms. NULL: no memory. */
json_t *plan_runs(const struct planned *p, const struct off_hours *off, int64_t first_ms, size_t count);
/* {"name", "run", "program", "exempt", "catch_up", "next"}. NULL: no memory. */
json_t *plan_json(const struct planned *p, const struct off_hours *off, int64_t first_ms, size_t count);

#endif
