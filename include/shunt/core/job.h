/* job.h: the states of a job and of its deliveries, as tables with the successors that are allowed.
 *
 * taken --> delivering <--> waiting --> settling --> done
 *   |            |             |
 *   +------------+-------------+------> failing --> failed
 *                             settling, failing --> returned
 *
 * Returned: the file changed while we had it; it is looked at anew where it lies.
 * One function moves a job (in service/jobs.c); a step that the table does not hold is a programmer's error (assert).
 * Pure. Loop thread only.
 */
#ifndef SHUNT_CORE_JOB_H
#define SHUNT_CORE_JOB_H

#include <stdbool.h>
#include <stdint.h>

enum job_state {
    JOB_TAKEN,
    JOB_DELIVERING,
    JOB_WAITING,
    JOB_SETTLING,
    JOB_FAILING,
    JOB_DONE,
    JOB_FAILED,
    JOB_RETURNED,
    JOB_STATES
};
enum way { WAY_STARTUP, WAY_REALTIME, WAY_PERIODIC, WAY_ONCE, WAYS };
enum delivery_state {
    DELIVERY_QUEUED,
    DELIVERY_ACTIVE,
    DELIVERY_WAITING,
    DELIVERY_DONE,
    DELIVERY_FAILED,
    DELIVERY_STATES
};

bool job_allows(enum job_state from, enum job_state to);
bool delivery_has_ended(enum delivery_state s); /* done or failed */
bool delivery_allows(enum delivery_state from, enum delivery_state to);
const char *job_state_word(enum job_state s);
const char *delivery_state_word(enum delivery_state s);
const char *way_word(enum way w); /* "STARTUP", "REALTIME", "PERIODIC", "ONCE" */

/* Counts by state of a job's deliveries decide what the job is: */
struct delivery_counts {
    unsigned of[DELIVERY_STATES];
};
/* all done: SETTLING; none queued or active and one failed and none waiting: FAILING; some queued or active:
 * DELIVERING; else WAITING. */
enum job_state job_state_of(const struct delivery_counts *counts);

/* UUID version 7 (RFC 9562) from wall time and 10 random bytes. */
#define JOB_ID_SIZE 37
/* Always the same for the same hash: a UUID of version 8. */
void job_id_named(const uint8_t hash[16], char out[JOB_ID_SIZE]);
void job_id_make(int64_t wall_ms, const uint8_t random[10], char out[JOB_ID_SIZE]);

#endif
