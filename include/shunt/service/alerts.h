/* alerts.h: what the alarm (core/alarm.h) has to tell goes to people by mail and to programs by webhook, through the outbox.
 *
 * Looked at with each tick of the upkeep. Where neither mail nor webhook is set nobody is told: what is wrong stands in the
 * log, in the store and on the pages. A webhook's document: {"event": "alert", "instance", "brand", "at", "subject",
 * "items": [...]} with alarm.h's items. What finds no memory or no room is told by the next tick. Thread: loop.
 */
#ifndef SHUNT_SERVICE_ALERTS_H
#define SHUNT_SERVICE_ALERTS_H

#include "shunt/service/service.h"

struct outbox;

void alerts_tick(struct service *s, struct outbox *outbox);

/* How the program is called by somebody who is to use these settings: "shunt -c /srv/shunt.ini". */
void alerts_command(const struct config *config, struct str *out);

#endif
