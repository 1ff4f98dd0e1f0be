/* gate.h: everything that comes over the control's listeners passes here first: who is it, may it do this, does it come
 * from a page of ours, and has its route the parameters that it names? What passes, or does
 * not, is told to the log when it is over.
 *
 * The control socket is the service's own user's and root's, who may do everything. Over TCP: a bearer's token, or the
 * cookie of a session; where the settings name nobody, any program of this machine, as long as no page of another site
 * (by a name that it has had pointed here) or a proxy speaks for somebody else. What changes something is refused where
 * a browser says that another site's page asks for it. */
#ifndef SHUNT_SERVICE_GATE_H
#define SHUNT_SERVICE_GATE_H

#include "shunt/net/http_server.h"
#include "shunt/service/session.h"

#define GATE_COOKIE "shunt_session"

struct control;

struct gate {
    struct access *access; /* taken */
    struct sessions sessions;
    struct tries tries;
};

extern const struct http_field gate_fields[];
extern const size_t gate_n_fields;

struct identity {
    const char *name; /* NULL: nobody; valid until the next reload or log-in */
    unsigned rights;
    const char *refused; /* why nobody, where more can be told */
    bool session;        /* by a cookie: it can log out */
};

struct identity gate_identity(struct control *c, const struct http_request *request);
/* The session's cookie, or NULL; mem_free. */
char *gate_cookie(const struct http_request *request);

/* For struct http_options, whose context is the control. */
bool gate_admit(struct http_request *request, void *context);
void gate_over(const struct http_request *request, unsigned status, double ms, void *context);

void gate_adopt(struct gate *g, struct access *access); /* takes it; sessions whose line is gone end */
void gate_fini(struct gate *g);

#endif
