/* upkeep.h: what is done now and then: the statistics line of a minute, the turn of the local day, the snapshot in the
 * store, the alerts, and freeing what a reload left. A day that ended is logged and saved in the store, also one that ended
 * while we did not run. Where the store cannot be read at the start, nothing is saved over what an earlier run left in it:
 * that is read when the store is back, put before what was counted since, and saved from then on.
 *
 * One tick every UPKEEP_TICK_MS. The day turns when the local date is another than the statistics': no timer is set for
 * midnight, which a clock step or a change to summer time would make wrong. Thread: loop.
 */
#ifndef SHUNT_SERVICE_UPKEEP_H
#define SHUNT_SERVICE_UPKEEP_H

#include "shunt/service/service.h"

#define UPKEEP_TICK_MS 1000
#define UPKEEP_LINE_MS 60000
#define UPKEEP_SAVE_MS 10000

struct upkeep *upkeep_new(struct service *s, struct error *e); /* takes up the day's statistics */
void upkeep_start(struct upkeep *u);
void upkeep_log_state(struct upkeep *u);  /* everything, for USR1 and the end */
void upkeep_tell_stuck(struct upkeep *u); /* to people, as [task NAME] run = stuck has it */
void upkeep_save_now(struct upkeep *u);   /* the snapshot, to the store's lane */
void upkeep_last(struct upkeep *u);       /* the last snapshot, blocking: the loop has done its work */
void upkeep_free(struct upkeep *u);

#endif
