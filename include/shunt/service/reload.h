/* reload.h: SIGHUP: routes.ini and the access file are each read and checked whole in a work request, then swapped whole
 * on the loop; on any fault the old one stays and each fault is logged. Jobs in flight finish under the table that routed them: a look
 * holds its table, a delivery its lane. Signals that come while one is being read make one more reading. Thread: loop.
 */
#ifndef SHUNT_SERVICE_RELOAD_H
#define SHUNT_SERVICE_RELOAD_H

#include "shunt/service/service.h"

struct reload *reload_new(struct service *s); /* NULL: no memory */
void reload_request(struct reload *r);
bool reload_idle(const struct reload *r);
void reload_free(struct reload *r);

#endif
