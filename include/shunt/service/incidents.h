/* incidents.h: what is wrong for a while: in the store as alerts, opened when it is noticed and closed when it is over, and
 * raised with the alarm, which knows whom to tell and when.
 *
 * Subject a destination: "destination_down" (its breaker is not closed), "destination_hangs", "destination_held" (by a
 * person, and something waits for it). Subject the instance: "store_degraded" (in the store when that is back, with the time
 * it began), "ledger" (it does not balance), "scan_timeout" (the last full scan stopped at its time-out),
 * "intake_stopped" (the hot folder cannot be listed, or underprocess is away or read-only). Subject a folder: "disk_low". Of
 * other instances than 0 these subjects end in " (instance N)" in the store: each opens and closes its own. Subject an
 * [expect NAME]: "expected_missing", from its time to the end of the local day or until enough have come
 * to this instance. Looked at with each tick of the upkeep: what finds no memory is told by the next. One that was open when an
 * earlier run ended goes on until it is known to be over: a destination that was down until something was delivered there, or
 * it is in no table any more. Thread: loop.
 */
#ifndef SHUNT_SERVICE_INCIDENTS_H
#define SHUNT_SERVICE_INCIDENTS_H

#include "shunt/service/service.h"

#define INCIDENTS_OPEN_MAX 1000 /* that are taken up */

struct incident;

struct incidents {
    struct service *service;
    struct incident *open;
    char self[32];       /* "instance 0" */
    int64_t degraded_ms; /* that was told last */
};

/* Takes up the open ones; trouble with the store is the storage's to tell. ERR_NOMEM. */
int incidents_init(struct incidents *in, struct service *s, struct error *e);
/* What stands open in the store, but for what other instances that live have opened. Blocks; any thread. */
int incidents_read(const struct service *s, struct store *store, json_t **alerts, struct error *e);
/* What was read so, later than that. ERR_NOMEM: again is fine. */
int incidents_inherit(struct incidents *in, const json_t *alerts);
void incidents_look(struct incidents *in);
void incidents_fini(struct incidents *in);

#endif
