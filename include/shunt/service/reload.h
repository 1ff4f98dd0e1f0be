/* reload.h: SIGHUP: shunt.ini and routes.ini are read and checked whole in a work request, then the routes, and of the
 * settings those about duplicates, the schedule and the tasks, are swapped whole on the loop; what else changed in shunt.ini
 * is told, and waits for the next start. On any fault all stays as it was and each fault is logged. The access file is taken
 * or refused by itself. Jobs in flight finish under the table that routed them: a look holds its table, a delivery its lane.
 * Signals that come while one is being read make one more reading. Thread: loop.
 */
#ifndef SHUNT_SERVICE_RELOAD_H
#define SHUNT_SERVICE_RELOAD_H

#include "shunt/service/service.h"

struct reload *reload_new(struct service *s); /* NULL: no memory */
void reload_request(struct reload *r);
const struct settings *reload_last(const struct reload *r); /* what shunt.ini said last */
bool reload_idle(const struct reload *r);
void reload_free(struct reload *r);

#endif
