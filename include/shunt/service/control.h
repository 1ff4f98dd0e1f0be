/* control.h: what people and programs ask of the running service and tell it: HTTP with JSON, on a UNIX socket that only
 * the service's own user may use, and on TCP for whom the access file names (access.h).
 *
 * Happy way: control_new -> control_listen -> requests are answered on the loop -> control_close, after which the loop
 * runs dry. What the loop knows is answered at once. What the store knows is read in work requests, one at a time, on a
 * connection of our own; tickets are put back in others, so that a failed folder that hangs holds up no reader; what
 * only takes time by its size (the routing table, a ticket to be explained) in a third kind. The queues
 * have a bound; beyond it, and while the service drains, the answer is 503. A service that cannot listen goes on without.
 * Thread: loop.
 */
#ifndef SHUNT_SERVICE_CONTROL_H
#define SHUNT_SERVICE_CONTROL_H

#include "shunt/net/http_server.h"
#include "shunt/service/access.h"
#include "shunt/service/service.h"

struct control;

/* Reads the access file. NULL: *e says why (ERR_CONFIG: a person must mend it). */
struct control *control_new(struct service *s, struct error *e);
/* Where shunt.ini says; what fails is a WARN. A TCP address that is taken is tried again until it is free. */
void control_listen(struct control *c);
/* Why there is no dashboard yet; code 0: there is one, or none is wanted. */
const struct error *control_no_address(const struct control *c);
/* Who may come in from now on; takes it. */
void control_adopt_access(struct control *c, struct access *access);
bool control_idle(const struct control *c);
void control_close(struct control *c); /* turn the loop until it is empty */
void control_free(struct control *c);  /* NULL is fine */

/* What failed [retry] again_after ago or earlier and nobody put back yet. Now and then; nothing while it is being done. */
void control_retry_again(struct control *c);

/* The API (control_routes.c), for its description and for other listeners. Its roles are those of access_allows. */
extern const struct http_route control_routes[];
extern const size_t control_n_routes;

/* A failed ticket that lies in its hot folder again. */
struct control_retry {
    const char *id, *folder, *name, *client; /* borrowed; client NULL: not known */
};

/* Called for all that one request has put back, once they lie there. reroute: deliveries that were done before are to
 * be done again, as today's table has them. */
void control_retried(struct service *s, const struct control_retry *retried, size_t count, bool reroute,
                     const char *who);

#endif
