/* scheduler.c: see scheduler.h. A task's next moment is worked out when it has run, at a reload, and when the wall clock was
 * stepped; one timer waits for the earliest, never for longer than LOOK_MS, so that a step is seen. */
#include "shunt/service/scheduler.h"

#include <string.h>
#include <utlist.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/plan.h"
#include "shunt/service/program.h"
#include "shunt/service/upkeep.h"

#define LOOK_MS INT64_C(5000)
#define STEP_MS 1000 /* the wall clock and the monotonic one went apart by more: it was stepped */

struct entry {
    struct planned what;
    struct scheduler *scheduler;
    struct entry *next_entry;
    bool gone;            /* from the settings; kept until its program has ended */
    int64_t began_ms;     /* mono; from when its interval counts */
    int64_t done_ms;      /* wall; times up to this one are done with */
    int64_t next_ms;      /* wall */
    int64_t last_ms;      /* wall; when it was begun last; 0: never */
    int64_t last_mono_ms; /* the same */
    uint64_t runs, failures, skipped;
    bool skip_told;  /* of the run in work */
    char result[64]; /* of the last run; "": none yet */
    struct program *program;
    char name[];
};

struct scheduler {
    struct service *service;
    struct off_hours off;
    struct entry *entries; /* in the order of the plan */
    int64_t apart_ms;      /* the wall clock from the monotonic one */
    struct wait wait;
    bool started, draining;
};

static int64_t wall(const struct scheduler *x)
{
    return x->service->rt.clock->wall_ms(x->service->rt.clock);
}

static int64_t mono(const struct scheduler *x)
{
    return runtime_now(&x->service->rt);
}

/* --- when --- */

static bool by_interval(const struct entry *t)
{
    return t->what.schedule.every_ms > 0;
}

static const struct off_hours *off_of(const struct entry *t)
{
    return plan_off(&t->what, &t->scheduler->off);
}

/* The wall time at which its interval began, as the clock goes now. */
static int64_t began_wall(const struct entry *t)
{
    return t->began_ms + wall(t->scheduler) - mono(t->scheduler);
}

static void work_out(struct entry *t)
{
    if (by_interval(t))
        t->next_ms = schedule_next(&t->what.schedule, off_of(t), began_wall(t), began_wall(t));
    else
        t->next_ms = schedule_next(&t->what.schedule, off_of(t), 0, t->done_ms);
}

/* It has been done, or is not to be: from now on. */
static void done_with(struct entry *t)
{
    t->began_ms = mono(t->scheduler);
    t->done_ms = wall(t->scheduler);
    work_out(t);
}

/* Due, but is this a moment to begin? Else it is put off. */
static bool may_begin(struct entry *t)
{
    int64_t now = wall(t->scheduler), start;
    if (by_interval(t))
        start = schedule_next(&t->what.schedule, off_of(t), began_wall(t), now - 1);
    else
        start = off_hours_start(off_of(t), now);
    if (start > now)
        t->next_ms = start;
    return start <= now;
}

/* --- what --- */

static void save(const struct entry *t)
{
    if (t->what.task && (!by_interval(t) || t->what.schedule.every_ms >= UPKEEP_SAVE_MS))
        upkeep_save_now(t->scheduler->service->upkeep);
}

static void entry_free(struct scheduler *x, struct entry *t)
{
    LL_DELETE2(x->entries, t, next_entry);
    mem_free(t);
}

static void set_result(struct entry *t, const struct program_end *end)
{
    if (end->timed_out)
        snprintf(t->result, sizeof t->result, "stopped at its time-out");
    else if (end->signal)
        snprintf(t->result, sizeof t->result, "ended by signal %d", end->signal);
    else
        snprintf(t->result, sizeof t->result, "exit status %d", end->exit_status);
}

static void on_ended(void *user, const struct program_end *end)
{
    struct entry *t = user;
    bool fine = end->exit_status == 0 && end->signal == 0 && !end->timed_out;
    double ms = (double)(mono(t->scheduler) - t->last_mono_ms);
    t->program = NULL;
    t->failures += !fine;
    set_result(t, end);
    if (end->lines_left_out > 0)
        log_warn("task_output_left_out", "Task %s: %zu more lines are not in the log", t->name, end->lines_left_out);
    log_write(LOG_EVENT(fine ? LOG_INFO : LOG_WARN, fine ? "task_ended" : "task_failed", .ms = ms),
              "Task %s ended: %s, %.1f s", t->name, t->result, ms / 1000);
    service_reap(t->scheduler->service);
    if (t->gone)
        entry_free(t->scheduler, t);
}

static void begin_program(struct entry *t)
{
    const struct task *task = t->what.task;
    struct error e = {0};
    if (program_start(&t->scheduler->service->rt, t->name, task->program, task->timeout_ms, on_ended, t, &t->program,
                      &e) == 0) {
        log_info("task_started", "Task %s started: %s", t->name, task->program);
        return;
    }
    t->failures++;
    snprintf(t->result, sizeof t->result, "could not be started");
    log_write(LOG_EVENT(LOG_ERROR, "task_failed", .error = e.text), "Task %s cannot be started", t->name);
}

static void run(struct entry *t)
{
    struct service *s = t->scheduler->service;
    if (t->program) {
        t->skipped++;
        if (!t->skip_told)
            log_warn("task_skipped", "Task %s skipped until the run before has ended", t->name);
        t->skip_told = true;
        return;
    }
    t->skip_told = false;
    t->runs++;
    t->last_ms = wall(t->scheduler);
    t->last_mono_ms = mono(t->scheduler);
    switch (t->what.run) {
    case TASK_SCAN:
        scanner_tick(&s->scanner);
        break;
    case TASK_RETENTION:
        storage_retain(&s->storage);
        break;
    case TASK_STUCK:
        upkeep_tell_stuck(s->upkeep);
        break;
    case TASK_PROGRAM:
        begin_program(t);
        break;
    }
}

static void look_at(struct entry *t)
{
    int64_t late = wall(t->scheduler) - t->next_ms;
    if (late < 0)
        return;
    bool missed = !by_interval(t) && late > SCHEDULER_LATE_MAX_MS && !(t->what.task && t->what.task->catch_up);
    if (!missed && !may_begin(t))
        return;
    if (missed)
        log_warn("task_missed", "Task %s: its time has passed and is not made up for", t->name);
    else
        run(t);
    done_with(t);
    if (!missed)
        save(t);
}

/* --- the timer --- */

static void see_step(struct scheduler *x)
{
    struct entry *t;
    int64_t now = wall(x), apart = now - mono(x), step = apart - x->apart_ms;
    if (step <= STEP_MS && step >= -STEP_MS)
        return;
    x->apart_ms = apart;
    LL_FOREACH2(x->entries, t, next_entry)
    {
        if (t->done_ms > now + SCHEDULER_LATE_MAX_MS)
            t->done_ms = now;
        work_out(t);
    }
}

static void on_wait(struct wait *wait);

/* No entry goes meanwhile: that a program has ended is told by the loop. */
static void look(struct scheduler *x)
{
    struct entry *t, *next;
    int64_t pause = LOOK_MS;
    see_step(x);
    LL_FOREACH_SAFE2(x->entries, t, next, next_entry)
    {
        if (!t->gone && !x->draining)
            look_at(t);
    }
    int64_t now = wall(x);
    LL_FOREACH2(x->entries, t, next_entry)
    {
        if (!t->gone && t->next_ms - now < pause)
            pause = t->next_ms - now;
    }
    wait_set(&x->service->rt, &x->wait, pause > 0 ? pause : 1, on_wait);
}

static void on_wait(struct wait *wait)
{
    look((struct scheduler *)((char *)wait - offsetof(struct scheduler, wait)));
}

/* --- taking over what the settings say --- */

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
            entry_free(x, t);
    }
}

static void take_over(struct entry *t, const struct planned *what)
{
    if (t->gone)
        t->began_ms = mono(t->scheduler);
    t->gone = false;
    t->what = *what;
    t->what.name = t->name;
    t->done_ms = wall(t->scheduler);
    work_out(t);
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
        look(x); /* what is due is due by what was said before */
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
        look(x);
    return 0;
}

void scheduler_recall(struct scheduler *x, const json_t *known)
{
    struct entry *t;
    int64_t now = wall(x);
    LL_FOREACH2(x->entries, t, next_entry)
    {
        const json_t *one = json_object_get(known, t->name);
        int64_t last = json_integer_value(json_object_get(one, "last_ms"));
        int64_t done = json_integer_value(json_object_get(one, "done_ms"));
        if (!t->what.task || !one)
            continue;
        t->last_ms = last;
        if (last > 0 && last < now)
            t->began_ms = mono(x) - (now - last);
        if (t->what.task->catch_up && done > 0 && done < now)
            t->done_ms = done;
        work_out(t);
    }
}

/* --- life --- */

struct scheduler *scheduler_new(struct service *s)
{
    struct scheduler *x = mem_zalloc(sizeof *x);
    if (!x)
        return NULL;
    x->service = s;
    x->apart_ms = wall(x) - mono(x);
    if (scheduler_adopt(x, s->config->settings) == 0)
        return x;
    scheduler_free(x);
    return NULL;
}

void scheduler_start(struct scheduler *x)
{
    x->started = true;
    look(x);
}

void scheduler_drain(struct scheduler *x)
{
    struct entry *t;
    x->draining = true;
    LL_FOREACH2(x->entries, t, next_entry)
    {
        if (t->program)
            program_stop(t->program);
    }
}

bool scheduler_idle(const struct scheduler *x)
{
    const struct entry *t;
    LL_FOREACH2(x->entries, t, next_entry)
    {
        if (t->program)
            return false;
    }
    return true;
}

bool scheduler_owns(const struct scheduler *x, int pid)
{
    const struct entry *t;
    LL_FOREACH2(x->entries, t, next_entry)
    {
        if (t->program && program_pid(t->program) == pid)
            return true;
    }
    return false;
}

void scheduler_close(struct scheduler *x)
{
    wait_cancel(&x->service->rt, &x->wait);
}

void scheduler_free(struct scheduler *x)
{
    if (!x)
        return;
    while (x->entries)
        entry_free(x, x->entries);
    mem_free(x);
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
