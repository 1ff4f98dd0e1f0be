/* duplicate.h: is a ticket the same that its hot folder delivered last, and lately? [intake] duplicate_window, duplicate.
 *
 * Happy way: duplicate_ask (a job begins) -> the store's lane asks (question.h) -> not seen: delivered. Seen, and not
 * to be delivered again: first to the archive alone; where these very bytes had the plain name there already, the job
 * ends with that, skipped or failed (duplicate_advance). Otherwise it is delivered: the store is an index, and may
 * have missed a newer version (it was away, and we crashed); the folders are the truth.
 *
 * Without an answer (store away, hanging, no memory) a ticket is delivered, which is told once. Not asked is who was put
 * back by a person, and who is delivered in part. A skipped one is completed in the store with the error that says why:
 * that is how it is known not to have been delivered. Thread: loop.
 */
#ifndef SHUNT_SERVICE_DUPLICATE_H
#define SHUNT_SERVICE_DUPLICATE_H

#include <stdbool.h>

#include "shunt/core/settings.h"
#include "shunt/store/store.h"

struct job;

enum doubt_state {
    DOUBT_NONE,
    DOUBT_ASKED, /* the store; none of its deliveries is queued */
    DOUBT_HELD,  /* the archive; the others are held back */
    DOUBT_OVER,
    DOUBT_FAILS, /* it is a duplicate, and fails for it */
};

/* A job's. */
struct doubt {
    enum doubt_state state;
    enum duplicate_action action;
    struct store_seen seen;
};

bool duplicate_ask(struct job *job); /* false: nothing is to be asked, deliver it */
void duplicate_advance(struct job *job);
/* An earlier run skipped it, and came no further than to record that. */
void duplicate_skip_again(struct job *job, const char *why);

#endif
