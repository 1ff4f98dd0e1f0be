/* snapshot.h: the running service as JSON, as the store keeps it and `shunt status` shows it. {"version":1,
 * "state":"running|draining|stopped", "pid", "instance", "started", "saved" (RFC 3339), "saved_ms", "stats":{...},
 * "ledger":{...}, "queue":{...}, "destinations":[...], "held":[names, as lane.h]} Thread: loop. Returns a new
 * reference, NULL: no memory. */
#ifndef SHUNT_SERVICE_SNAPSHOT_H
#define SHUNT_SERVICE_SNAPSHOT_H

#include "shunt/service/service.h"

#define SNAPSHOT_VERSION 1

json_t *snapshot_destinations(const struct service *s);
json_t *snapshot_ledger(const struct service *s);
json_t *snapshot_queue(const struct service *s);
json_t *snapshot_of(const struct service *s, const char *state);

#endif
