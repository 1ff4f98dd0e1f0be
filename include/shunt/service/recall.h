/* recall.h: what the store knows of tickets that an earlier run left in underprocess, so that what was delivered then is
 * not delivered again.
 *
 * Loaded once, before the loop turns; later the store is asked for one ticket at a time. A ticket is known again by its
 * folder, name and bytes. Thread: loop, but for recall_match.
 */
#ifndef SHUNT_SERVICE_RECALL_H
#define SHUNT_SERVICE_RECALL_H

#include "shunt/service/hands.h"
#include "shunt/service/instance.h"
#include "shunt/service/record.h"
#include "shunt/service/storage.h"

struct remembered;

struct recall {
    const struct instance *instance;
    struct remembered *table;
    size_t count;
    struct hands hands; /* who put them there */
    bool whole; /* of what lies in underprocess it knows all that the store does; not once something was adopted */
    struct record *lost; /* unfinished, and another of their name came after them */
    size_t finished;     /* tickets that lay in underprocess though their jobs had ended */
    size_t unknown;      /* tickets that lay there, of which the store knew nothing */
};

/* Reads the unfinished jobs, and finished ones whose ticket still lies in underprocess. Trouble with the store is told:
 * then nothing is remembered. ERR_NOMEM. */
int recall_load(struct recall *r, struct storage *st, const struct instance *instance, struct error *e);
/* Unfinished ones of this instance whose ticket is not in underprocess any more: a list, the caller's; forgotten here. */
struct record *recall_lost(struct recall *r, const struct instance *instance);
/* A ticket is about to lie in its hot folder again. Takes what the store knows of it (NULL is fine). anew: what was
 * delivered is to be delivered again. False: nothing is remembered, since there is no memory, or another is expected
 * under that name: it is delivered as a new one; identical files stay as they are. */
bool recall_expect(struct recall *r, struct record *past, bool anew);
/* The ticket of a job that was sent lies in underprocess now; who was expected under its name is none any more. Takes the
 * record (NULL is fine). False: no memory, nothing is remembered. */
bool recall_moved(struct recall *r, struct record *past);
/* The id of the job whose ticket is still to be taken up under that name; NULL: none. */
const char *recall_expected(const struct recall *r, const char *folder, const char *name);
void recall_forget(struct recall *r, const char *folder, const char *name); /* it was not put back after all */
/* Before its first delivery is queued: gives the job its id and its past, where they are remembered. False: nothing is
 * remembered of its name. */
bool recall_job(struct recall *r, struct job *job);
/* Likewise, of a ticket that lay in underprocess and of which nothing is remembered, though the store may know it: it was
 * adopted from another instance, or the store was away at the start. The store is asked, then jobs_go_on. False: it has
 * nothing to say, or cannot be asked: then the job's records are matched with what it knows when they are written. */
bool recall_ask(struct recall *r, struct job *job);
/* For store_each_cb, in the store's request; user: the record of an unsure job, not written yet. Where row is the same
 * ticket's, the record becomes one of row's job; record->was is then the id that it had. */
int recall_match(void *user, const struct store_job *row);
bool recall_waited(const struct recall *r, const char *folder, const char *name); /* it was not in work at the end */
void recall_fini(struct recall *r);

#endif
