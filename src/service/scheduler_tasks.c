/* scheduler_tasks.c: the scheduler's tasks from and to elsewhere: as the settings say them, as the store remembers them, and
 * as the API tells of them. */
#include <string.h>

#include "shunt/base/mem.h"

#include "scheduler_inner.h"

static struct entry *find(const struct scheduler *x, const char *name)
{
    struct entry *t;
    LL_FOREACH2(x->entries, t, next_entry)
    {
        if (strcmp(t->name, name) == 0)
            return t;
    }
    return NULL;
}

static struct entry *entry_new(struct scheduler *x, const char *name)
{
    struct entry *t = mem_zalloc(sizeof *t + strlen(name) + 1);
    if (!t)
        return NULL;
    t->scheduler = x;
    t->gone = true;
    strcpy(t->name, name);
    return t;
}

/* What is not there yet, as gone; in the plan's order behind the rest. */
static int make_entries(struct scheduler *x, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (find(x, plan->items[i].name))
            continue;
        struct entry *t = entry_new(x, plan->items[i].name);
        if (!t)
            return ERR_NOMEM;
        LL_APPEND2(x->entries, t, next_entry);
    }
    return 0;
}

static void forget_gone(struct scheduler *x)
{
    struct entry *t, *next;
    LL_FOREACH_SAFE2(x->entries, t, next, next_entry)
    {
        if (t->gone && !t->program)
            entry_free(t);
    }
}

static void take_over(struct entry *t, const struct planned *what)
{
    if (t->gone)
        t->began_ms = scheduler_mono(t->scheduler);
    t->gone = false;
    t->what = *what;
    t->what.name = t->name;
    t->done_ms = scheduler_wall(t->scheduler);
    entry_work_out(t);
}

static bool is_planned(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->items[i].name, name) == 0)
            return true;
    return false;
}

int scheduler_adopt(struct scheduler *x, const struct settings *s)
{
    struct entry *t;
    struct plan *plan = plan_new(s);
    if (x->started)
        scheduler_look(x); /* what is due is due by what was said before */
    if (!plan || make_entries(x, plan) != 0) {
        forget_gone(x);
        mem_free(plan);
        return ERR_NOMEM;
    }
    x->off = plan->off;
    for (size_t i = 0; i < plan->count; i++) {
        t = find(x, plan->items[i].name);
        if (plan->items[i].task || t->gone) /* our own are as they were at the start */
            take_over(t, &plan->items[i]);
    }
    LL_FOREACH2(x->entries, t, next_entry)
    {
        t->gone = t->gone || (t->what.task && !is_planned(plan, t->name));
    }
    forget_gone(x);
    mem_free(plan);
    if (x->started)
        scheduler_look(x);
    return 0;
}

void scheduler_recall(struct scheduler *x, const json_t *known)
{
    struct entry *t;
    int64_t now = scheduler_wall(x);
    LL_FOREACH2(x->entries, t, next_entry)
    {
        const json_t *one = json_object_get(known, t->name);
        int64_t last = json_integer_value(json_object_get(one, "last_ms"));
        int64_t done = json_integer_value(json_object_get(one, "done_ms"));
        if (!t->what.task || !one || t->runs > 0)
            continue;
        t->last_ms = last;
        if (last > 0 && last < now)
            t->began_ms = scheduler_mono(x) - (now - last);
        if (t->what.task->catch_up && done > 0 && done < now)
            t->done_ms = done;
        entry_work_out(t);
    }
}

/* --- as JSON --- */

json_t *scheduler_known(const struct scheduler *x)
{
    const struct entry *t;
    json_t *known = json_object();
    LL_FOREACH2(x->entries, t, next_entry)
    {
        if (!t->what.task || t->gone)
            continue;
        json_t *one = json_pack("{s:I, s:I}", "last_ms", (json_int_t)t->last_ms, "done_ms", (json_int_t)t->done_ms);
        if (json_object_set_new(known, t->name, one) != 0) {
            json_decref(known);
            return NULL;
        }
    }
    return known;
}

static json_t *entry_json(const struct entry *t, size_t count)
{
    char last[CLOCK_RFC3339_MAX];
    clock_rfc3339(t->last_ms, last);
    json_t *json = plan_json(&t->what, &t->scheduler->off, t->next_ms, count);
    json_t *more =
        json_pack("{s:b, s:s?, s:s?, s:I, s:I, s:I}", "running", t->program != NULL, "last",
                  t->last_ms > 0 ? last : NULL, "result", t->result[0] ? t->result : NULL, "runs", (json_int_t)t->runs,
                  "failures", (json_int_t)t->failures, "skipped", (json_int_t)t->skipped);
    if (!json || !more || json_object_update(json, more) != 0) {
        json_decref(json);
        json = NULL;
    }
    json_decref(more);
    return json;
}

json_t *scheduler_json(const struct scheduler *x, size_t count)
{
    const struct entry *t;
    json_t *list = json_array();
    LL_FOREACH2(x->entries, t, next_entry)
    {
        if (!t->gone && json_array_append_new(list, entry_json(t, count)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:o}", "tasks", list);
}
