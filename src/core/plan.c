/* plan.c: see plan.h. */
#include "shunt/core/plan.h"

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"

static struct planned *add_own(struct plan *plan, enum task_run run, const char *name)
{
    struct planned *p = &plan->items[plan->count++];
    *p = (struct planned){.name = name, .run = run, .exempt = true};
    return p;
}

struct plan *plan_new(const struct settings *s)
{
    struct plan *plan = mem_zalloc(sizeof *plan + (s->tasks.count + 3) * sizeof plan->items[0]);
    const char *key;
    if (!plan)
        return NULL;
    (void)task_off_hours(s, &plan->off, &key, NULL); /* it was checked when it was read, as each task was */
    schedule_every(&add_own(plan, TASK_SCAN, task_run_words[TASK_SCAN])->schedule, s->scan_interval_ms);
    if (s->keep_jobs_ms > 0 || s->keep_rows > 0)
        schedule_every(&add_own(plan, TASK_RETENTION, task_run_words[TASK_RETENTION])->schedule, PLAN_RETENTION_MS);
    if (s->report_enabled)
        (void)schedule_at(&add_own(plan, TASK_REPORT, TASK_REPORT_NAME)->schedule, &s->report_at, 1, NULL);
    for (size_t i = 0; i < s->tasks.count; i++) {
        const struct task *t = (const struct task *)s->tasks.items[i];
        struct planned *p = &plan->items[plan->count++];
        *p = (struct planned){.name = t->section.name, .run = t->run, .task = t, .exempt = t->exempt};
        (void)task_schedule(t, &p->schedule, &key, NULL);
    }
    return plan;
}

static json_t *run_json(const struct planned *p, const struct off_hours *off, int64_t ms)
{
    char at[CLOCK_RFC3339_MAX];
    struct str why = STR_INIT;
    clock_rfc3339(ms, at);
    schedule_reason(&p->schedule, off, ms, &why);
    json_t *json = str_failed(&why) ? NULL : json_pack("{s:s, s:s}", "at", at, "why", why.bytes);
    str_fini(&why);
    return json;
}

json_t *plan_runs(const struct planned *p, const struct off_hours *off, int64_t first_ms, size_t count)
{
    json_t *list = json_array();
    int64_t ms = first_ms;
    for (size_t i = 0; list && i < count && ms != SCHEDULE_NEVER; i++) {
        if (json_array_append_new(list, run_json(p, plan_off(p, off), ms)) != 0) {
            json_decref(list);
            return NULL;
        }
        ms = schedule_next(&p->schedule, plan_off(p, off), ms, ms);
    }
    return list;
}

json_t *plan_json(const struct planned *p, const struct off_hours *off, int64_t first_ms, size_t count)
{
    const struct task *t = p->task;
    return json_pack("{s:s, s:s, s:s?, s:b, s:b, s:o}", "name", p->name, "run", t ? task_run_words[p->run] : p->name,
                     "program", t && p->run == TASK_PROGRAM ? t->program : NULL, "exempt", p->exempt, "catch_up",
                     t && t->catch_up, "next", plan_runs(p, off, first_ms, count));
}
