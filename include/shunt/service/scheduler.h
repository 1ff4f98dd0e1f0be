/* scheduler.h: what is due at times: our own scan, retention and report, and the tasks of shunt.ini.
 *
 * Happy way: scheduler_recall (when each ran last, of the store) -> scheduler_start -> at its time a task is run: a piece of
 * our own work, or a program (program.h). A run that comes due while the one before goes on is skipped and counted.
 * Of times that were missed while the service was down one is made up for, where the task says so; while it runs, also
 * those that a step of the clock or a long sleep passed over, of LATE_MAX at most unless it says so. Where the clock goes back
 * a time does not come again, unless it goes back by more than LATE_MAX: then it was wrong before. Intervals count by the
 * monotonic clock, and over a restart from the last run.
 *
 * A reload takes tasks over as they are then: a program in work goes on, and none is begun for a task of its name until
 * it has ended. Of several instances each runs every task. Thread: loop.
 */
#ifndef SHUNT_SERVICE_SCHEDULER_H
#define SHUNT_SERVICE_SCHEDULER_H

#include "shunt/service/service.h"

#define SCHEDULER_LATE_MAX_MS (3 * 3600 * INT64_C(1000))
#define SCHEDULER_RUNS_MAX    100 /* that the API tells of a task */

struct scheduler *scheduler_new(struct service *s); /* NULL: no memory */
void scheduler_recall(struct scheduler *x, const json_t *known);
void scheduler_start(struct scheduler *x);
int scheduler_adopt(struct scheduler *x,
                    const struct settings *s);  /* borrowed until the next. ERR_NOMEM: all is as before */
void scheduler_drain(struct scheduler *x);      /* nothing is begun any more, programs are stopped */
bool scheduler_idle(const struct scheduler *x); /* no program is in work */
bool scheduler_owns(const struct scheduler *x, int pid);
void scheduler_close(struct scheduler *x); /* the timer */
void scheduler_free(struct scheduler *x);

json_t *scheduler_known(const struct scheduler *x);              /* for the store; NULL: no memory */
json_t *scheduler_json(const struct scheduler *x, size_t count); /* {"tasks": [...]}; likewise */

#endif
