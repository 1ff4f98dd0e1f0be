/* intake.h: from "there may be a file of that name" to a job: the names that wait to be looked at, and the looks.
 *
 * Happy way: events and scans call intake_see -> the name is queued -> intake_pump hands up to batch_size names to a
 * worker (take.h) -> a claimed file becomes a job. What is not whole waits on the due list and is looked at again; it
 * leaves the table only by being claimed or by being gone. What a crash left in work is taken up one at a time
 * (trial.h). What a job of the same name holds is remembered there (job->again) and looked at when the job ends.
 * Bounded: queue_limit names queued, CANDIDATES_MAX known. What finds no room is not taken in, and its folder is
 * scanned again when there is room. Thread: loop.
 */
#ifndef SHUNT_SERVICE_INTAKE_H
#define SHUNT_SERVICE_INTAKE_H

#include "shunt/core/priority.h"
#include "shunt/service/instance.h"
#include "shunt/service/jobs.h"
#include "shunt/service/take.h"
#include "shunt/service/trial.h"

#define CANDIDATES_MAX 100000
#define WORKERS_MAX    256
#define HIGH_ROOM      64 /* names beyond queue_limit, so that a full queue does not hold up what has a high priority */

struct candidate;

struct intake {
    struct runtime *rt;
    struct jobs *jobs;
    const struct instance *instance;
    struct candidate *table;
    struct candidate *queue[PRIORITIES];
    unsigned turn; /* priority_next */
    size_t count, queued, looking;
    size_t claimed;          /* candidates that lie in underprocess */
    unsigned active;         /* looks in work */
    bool busy[WORKERS_MAX];  /* by worker number - 1 */
    struct wait batch_wait;  /* until a small batch goes anyway */
    struct error barred;     /* why nothing can be moved into underprocess; code 0: it can, as far as is known */
    struct wait barred_wait; /* until that is tried again */
    int64_t oldest_queued_ms;
    struct trial poison; /* what was on trial when an earlier run crashed */
    bool on_trial;       /* a suspect is, alone; its note may lie there */
    bool crash_told;
    bool stopped_well; /* the run before ended on purpose: what it left in work is no suspect */
    int64_t trial_until_ms;
    struct work trial_work; /* removes the note */
    bool trial_ending;
    size_t suspects;                                 /* candidates that a crash left in work */
    bool (*watched)(void *user, const char *folder); /* do events of this folder come? */
    void (*forgot)(void *user);                      /* a name found no memory: all must be scanned again */
    void *user;
};

void intake_init(struct intake *in, struct runtime *rt, struct jobs *jobs, const struct instance *instance);
void intake_fini(struct intake *in); /* after the looks have come back */

/* A file `name` may be in `folder` ("" = right in hot; claimed: in underprocess). moved: it was made, moved or removed,
 * not only written to. False: no room now, to be told again. */
bool intake_see(struct intake *in, const char *folder, const char *name, enum way way, bool claimed, bool moved);
/* What was sent with a priority lies in underprocess now. */
bool intake_see_sent(struct intake *in, const char *folder, const char *name, enum priority priority);
size_t intake_room(const struct intake *in, enum priority priority); /* names of it that are still taken */
void intake_pump(struct intake *in);
/* How long the oldest name has been known that waits for us, not for its writer. 0: none. */
int64_t intake_oldest_ms(const struct intake *in);
bool intake_idle(const struct intake *in);  /* no look is in work */
bool intake_empty(const struct intake *in); /* and nothing is known that waits */

/* For jobs_ended_cb; user is the intake. */
void intake_job_ended(void *user, const char *folder, const char *name, bool look_again, bool in_underprocess,
                      enum way way);

#endif
