/* scheduler.c: see scheduler.h. A task's next moment is worked out when it has run, at a reload, and when the wall clock was
 * stepped; one timer waits for the earliest, never for longer than LOOK_MS, so that a step is seen. */
#include "shunt/service/scheduler.h"

#include <stdio.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/reporter.h"
#include "shunt/service/upkeep.h"

#include "scheduler_inner.h"

#define LOOK_MS INT64_C(5000)
#define STEP_MS 1000 /* the wall clock and the monotonic one went apart by more: it was stepped */

int64_t scheduler_wall(const struct scheduler *x)
{
    return x->service->rt.clock->wall_ms(x->service->rt.clock);
}

int64_t scheduler_mono(const struct scheduler *x)
{
    return runtime_now(&x->service->rt);
}

/* --- when --- */

bool entry_by_interval(const struct entry *t)
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
    return t->began_ms + scheduler_wall(t->scheduler) - scheduler_mono(t->scheduler);
}

void entry_work_out(struct entry *t)
{
    if (entry_by_interval(t))
        t->next_ms = schedule_next(&t->what.schedule, off_of(t), began_wall(t), began_wall(t));
    else
        t->next_ms = schedule_next(&t->what.schedule, off_of(t), 0, t->done_ms);
}

/* It has been done, or is not to be: from then on. wall_ms: when it was seen to be due, since the clock may have been set
 * back while it began. */
static void done_with(struct entry *t, int64_t wall_ms)
{
    t->began_ms = scheduler_mono(t->scheduler);
    t->done_ms = wall_ms;
    entry_work_out(t);
}

/* Due, but is this a moment to begin? Else it is put off. */
static bool may_begin(struct entry *t)
{
    int64_t now = scheduler_wall(t->scheduler), start;
    if (entry_by_interval(t))
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
    if (t->what.task && (!entry_by_interval(t) || t->what.schedule.every_ms >= UPKEEP_SAVE_MS))
        upkeep_save_now(t->scheduler->service->upkeep);
}

void entry_free(struct entry *t)
{
    LL_DELETE2(t->scheduler->entries, t, next_entry);
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
    double ms = (double)(scheduler_mono(t->scheduler) - t->last_mono_ms);
    t->program = NULL;
    t->failures += !fine;
    set_result(t, end);
    if (end->lines_left_out > 0)
        log_warn("task_output_left_out", "Task %s: %zu more lines are not in the log", t->name, end->lines_left_out);
    log_write(LOG_EVENT(fine ? LOG_INFO : LOG_WARN, fine ? "task_ended" : "task_failed", .ms = ms),
              "Task %s ended: %s, %.1f s", t->name, t->result, ms / 1000);
    service_reap(t->scheduler->service);
    if (t->gone)
        entry_free(t);
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

static void run(struct entry *t, int64_t wall_ms)
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
    t->last_ms = wall_ms;
    t->last_mono_ms = scheduler_mono(t->scheduler);
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
    case TASK_REPORT: /* which days are due it knows itself */
        if (s->reporter)
            reporter_look(s->reporter, wall_ms);
        break;
    case TASK_PROGRAM:
        begin_program(t);
        break;
    }
}

static void look_at(struct entry *t)
{
    int64_t now = scheduler_wall(t->scheduler), late = now - t->next_ms;
    if (late < 0)
        return;
    bool missed = !entry_by_interval(t) && late > SCHEDULER_LATE_MAX_MS && t->what.task && !t->what.task->catch_up;
    if (!missed && !may_begin(t))
        return;
    if (missed)
        log_warn("task_missed", "Task %s: its time has passed and is not made up for", t->name);
    else
        run(t, now);
    done_with(t, now);
    if (!missed)
        save(t);
}

/* --- the timer --- */

static void see_step(struct scheduler *x)
{
    struct entry *t;
    int64_t now = scheduler_wall(x), apart = now - scheduler_mono(x), step = apart - x->apart_ms;
    if (step <= STEP_MS && step >= -STEP_MS)
        return;
    x->apart_ms = apart;
    if (step < -SCHEDULER_LATE_MAX_MS && x->service->reporter)
        reporter_look(x->service->reporter, now); /* what was due by a clock far ahead is not */
    LL_FOREACH2(x->entries, t, next_entry)
    {
        if (t->done_ms > now + SCHEDULER_LATE_MAX_MS)
            t->done_ms = now;
        entry_work_out(t);
    }
}

static void on_wait(struct wait *wait);

/* No entry goes meanwhile: that a program has ended is told by the loop. */
void scheduler_look(struct scheduler *x)
{
    struct entry *t, *next;
    int64_t pause = LOOK_MS;
    see_step(x);
    if (x->service->reporter)
        reporter_pump(x->service->reporter);
    LL_FOREACH_SAFE2(x->entries, t, next, next_entry)
    {
        if (!t->gone && !x->draining)
            look_at(t);
    }
    int64_t now = scheduler_wall(x);
    LL_FOREACH2(x->entries, t, next_entry)
    {
        if (!t->gone && t->next_ms - now < pause)
            pause = t->next_ms - now;
    }
    wait_set(&x->service->rt, &x->wait, pause > 0 ? pause : 1, on_wait);
}

static void on_wait(struct wait *wait)
{
    scheduler_look((struct scheduler *)((char *)wait - offsetof(struct scheduler, wait)));
}

/* --- life --- */

struct scheduler *scheduler_new(struct service *s)
{
    struct scheduler *x = mem_zalloc(sizeof *x);
    if (!x)
        return NULL;
    x->service = s;
    x->apart_ms = scheduler_wall(x) - scheduler_mono(x);
    if (scheduler_adopt(x, s->config->settings) == 0)
        return x;
    scheduler_free(x);
    return NULL;
}

void scheduler_start(struct scheduler *x)
{
    x->started = true;
    scheduler_look(x);
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
        entry_free(x->entries);
    mem_free(x);
}
