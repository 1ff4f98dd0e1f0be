/* task.h: what [task NAME] says: a piece of work, and when it is due. Part of the settings (settings.h), which own it. */
#ifndef SHUNT_CORE_TASK_H
#define SHUNT_CORE_TASK_H

#include "shunt/core/settings.h"

#define TASKS_MAX 100

enum task_run { TASK_PROGRAM, TASK_SCAN, TASK_RETENTION };
extern const char *const task_run_words[]; /* by enum task_run; ends with NULL */

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

#endif
