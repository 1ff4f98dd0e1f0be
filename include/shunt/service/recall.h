/* recall.h: what the store knows of tickets that an earlier run left in underprocess, so that what was delivered then is
 * not delivered again.
 *
 * Loaded once, before the loop turns. A ticket is known again by its folder, name and bytes. Thread: loop.
 */
#ifndef SHUNT_SERVICE_RECALL_H
#define SHUNT_SERVICE_RECALL_H

#include "shunt/service/instance.h"
#include "shunt/service/record.h"
#include "shunt/service/storage.h"

struct remembered;

struct recall {
    struct remembered *table;
    size_t count;
};

/* Reads the unfinished jobs, and finished ones whose ticket still lies in underprocess. Unfinished ones of this
 * instance whose ticket is gone are ended in the store, and told. Trouble with the store is told: then nothing is
 * remembered. ERR_NOMEM. */
int recall_load(struct recall *r, struct storage *st, const struct instance *instance, struct error *e);
/* A failed ticket is about to be put back into its hot folder. Takes what the store knows of it (NULL is fine). anew: what was
 * delivered is to be delivered again. */
void recall_expect(struct recall *r, struct record *past, bool anew);
void recall_forget(struct recall *r, const char *folder, const char *name); /* it was not put back after all */
/* Before its first delivery is queued: gives the job its id and its past, where the store knows of it. */
void recall_job(struct recall *r, struct job *job);
bool recall_waited(const struct recall *r, const char *folder, const char *name); /* it was not in work at the end */
void recall_fini(struct recall *r);

#endif
