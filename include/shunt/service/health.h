/* health.h: the one judgement of how the service does, for /readyz, /metrics, `shunt status` and whoever asks.
 *
 * [{"name", "ok", "required", "text", "detail", "advice"}...]; detail (paths) and advice (what a person can do), where there are
 * any, are not for everybody. Ready is who passes all that are required. What is not required is worth a person's look, but
 * work goes on: one destination of several is down. Not ready: it starts or stops, nothing can be
 * taken up, delivered, recorded or set aside, or something has waited for longer than [http] ready_oldest. Thread: loop.
 */
#ifndef SHUNT_SERVICE_HEALTH_H
#define SHUNT_SERVICE_HEALTH_H

#include "shunt/service/service.h"

json_t *health_checks(const struct service *s); /* new reference; NULL: no memory */
bool health_ready(const json_t *checks);
/* The texts of what is not as it should be, with what can be done about it; starting and stopping are as they should
 * be. NULL: no memory. */
json_t *health_degraded(const json_t *checks);

/* How long the oldest has waited that is known and not done: a name to be looked at, a ticket in hand. What a writer
 * has not finished does not wait for us, what waits for destinations that a person holds does not either. 0: nothing. */
int64_t health_oldest_ms(const struct service *s);

#endif
