/* reconcile.h: at start the store, the folders and the statistics of the day are brought to agree.
 *
 * What a crash, or somebody while we did not run, can leave, and what becomes of it:
 * - a job that ended after the last snapshot: it is counted from its row, once (store_uncounted);
 * - a job in work whose ticket is gone: cancelled; its ticket in the failed folder: failed, and counted; in a hot folder: it
 *   goes on when the ticket is taken up;
 * - a ticket in underprocess whose job had ended: it goes on without being delivered twice, and is counted when it ends;
 * - a ticket in underprocess that the store does not know: taken up as new.
 * The result is one line in the log, `reconciled`: a WARN where something had to be mended.
 *
 * Blocking, before the loop turns. Only jobs of this instance are touched. What ended on a later day than that of the
 * statistics turns the day.
 */
#ifndef SHUNT_SERVICE_RECONCILE_H
#define SHUNT_SERVICE_RECONCILE_H

#include "shunt/service/service.h"

#define ENDED_DAYS_MAX 8

struct ended_days { /* as JSON, oldest first */
    json_t *days[ENDED_DAYS_MAX];
    size_t count;
};

/* s->rt.stats: as the last snapshot had them, of its date. ended: takes the days that are over. ERR_NOMEM; other trouble
 * with the store is told, and tried again at the next start. */
int reconcile(struct service *s, struct ended_days *ended, struct error *e);

/* For a store that can be read only later. Of a row that store_uncounted gives: 1: it is to be counted, 0: what still lies in
 * underprocess is counted when it ends; ERR_NOMEM. Thread: any. */
int reconcile_is_missed(const struct instance *instance, const struct store_job *row);
/* Counts them. ERR_NOMEM: some of them. */
int reconcile_count(struct service *s, struct ended_days *ended, const struct record *missed);

#endif
