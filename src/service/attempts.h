/* attempts.h: failed attempts and failed tickets, told to people: an attempt where its destination says so, and then the end
 * of it with the command that puts the ticket back; every other failed ticket among those of its client, destination and
 * error. Thread: loop. */
#ifndef SHUNT_SERVICE_ATTEMPTS_H
#define SHUNT_SERVICE_ATTEMPTS_H

#include "shunt/service/delivery.h"

/* As its destination has it, and before that the routes that match its ticket. */
struct retry_policy attempts_policy(const struct delivery *d);
/* How often the delivery is tried in all; 0: without limit. */
int64_t attempts_limit(const struct delivery *d);
/* It is tried again at d->next_ms. */
void attempts_tell(const struct delivery *d, const struct error *why);
void attempts_tell_failed(const struct job *job, const char *failed_path);

#endif
