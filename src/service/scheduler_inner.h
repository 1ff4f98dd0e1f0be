/* scheduler_inner.h: what the files of the scheduler share. */
#ifndef SHUNT_SERVICE_SCHEDULER_INNER_H
#define SHUNT_SERVICE_SCHEDULER_INNER_H

#include <utlist.h>

#include "shunt/core/plan.h"
#include "shunt/service/program.h"
#include "shunt/service/scheduler.h"

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

/* scheduler.c */
int64_t scheduler_wall(const struct scheduler *x);
int64_t scheduler_mono(const struct scheduler *x);
bool entry_by_interval(const struct entry *t);
void entry_work_out(struct entry *t); /* its next moment, of what was done last */
void entry_free(struct entry *t);
void scheduler_look(struct scheduler *x); /* runs what is due, and sets the timer for what is next */

#endif
