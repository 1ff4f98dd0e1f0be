/* incidents.h: what is wrong for a while, as alerts in the store: opened when it is noticed, closed when it is over.
 *
 * "destination_down" (subject: the destination; its breaker is not closed), "store_degraded" (the instance; told when the store
 * is back, with the time it began), "ledger" (the instance; it does not balance). Looked at with each tick of the upkeep:
 * what finds no memory is told by the next. One that was open when an earlier run ended goes on until it is known to be over:
 * a destination's until something was delivered there, or it is in no table any more. Thread: loop.
 */
#ifndef SHUNT_SERVICE_INCIDENTS_H
#define SHUNT_SERVICE_INCIDENTS_H

#include "shunt/service/service.h"

struct incident;

struct incidents {
    struct service *service;
    struct incident *open;
    char self[32];       /* "instance 0" */
    int64_t degraded_ms; /* that was told last */
};

/* Takes up the open ones; trouble with the store is the storage's to tell. ERR_NOMEM. */
int incidents_init(struct incidents *in, struct service *s, struct error *e);
void incidents_look(struct incidents *in);
void incidents_fini(struct incidents *in);

#endif
