/* task.h: what [task NAME] says: a piece of work, and when it is due. Part of the settings (settings.h), which own it: what
 * is made of a task here borrows from it. Pure. Thread: any. */
#ifndef SHUNT_CORE_TASK_H
#define SHUNT_CORE_TASK_H

#include "shunt/core/schedule.h"
#include "shunt/core/settings.h"

#define TASKS_MAX 100

enum task_run { TASK_PROGRAM, TASK_SCAN, TASK_RETENTION, TASK_STUCK, TASK_REPORT };
/* By enum task_run; ends with NULL, before TASK_REPORT, which no task can be. But for program, no task has such a name, nor
 * TASK_REPORT_NAME: they are our own. */
extern const char *const task_run_words[];
#define TASK_REPORT_NAME "report"

struct task {
    struct section section; /* first */
    enum task_run run;
    char *program;
    int64_t timeout_ms;
    int64_t every_ms; /* 0: not so */
    struct text_list at, on;
    char *cron;
    bool catch_up;
    bool exempt;
};

/* ERR_CONFIG; *key: which of the section's is wrong. */
int task_schedule(const struct task *t, struct schedule *out, const char **key, struct error *e);
int task_off_hours(const struct settings *s, struct off_hours *out, const char **key, struct error *e);

/* The program and its arguments, ends with NULL; one block, mem_free. ERR_CONFIG, ERR_NOMEM. */
int task_command(const char *program, char ***argv, struct error *e);

/* Of the kind (settings.h). */
void task_check(const struct section *section, const struct settings *s, const char *file, struct faults *faults);

#endif
