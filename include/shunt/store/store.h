/* store.h: where state outlives the process, behind one driver interface. All state that is not a file in a folder goes
 * through here.
 *
 * A driver is chosen by the URL's scheme. "file:PATH" is one JSON document, replaced whole.
 * Calls block: the service runs them in a work request, one at a time (a lane of one), never on the loop while it turns.
 * What is kept so far: the snapshot of the running service (statistics of the day, ledger, destinations, time, pid),
 * which a start takes up and `shunt status` reads. Ownership: json_t references as said at each call. Thread: any, one
 * call at a time for each store.
 */
#ifndef SHUNT_STORE_STORE_H
#define SHUNT_STORE_STORE_H

#include <jansson.h>

#include "shunt/base/error.h"

struct store;

struct store_driver {
    const char *scheme;
    int (*open)(struct store **out, const char *rest, const char *base,
                struct error *e); /* base: folder that a relative path starts from */
    int (*save)(struct store *s, const json_t *snapshot, struct error *e);
    int (*load)(struct store *s, json_t **snapshot,
                struct error *e); /* new reference; NULL and 0 where there is none yet */
    void (*close)(struct store *s);
};

struct store { /* drivers put this first */
    const struct store_driver *driver;
};

/* ERR_CONFIG for an unknown scheme, with the known ones. */
int store_open(struct store **out, const char *url, const char *base, struct error *e);
int store_save(struct store *s, const json_t *snapshot, struct error *e); /* durable when it returns 0 */
/* A damaged snapshot is set aside as PATH.damaged (never deleted) and reported as ERR_SYNTAX; the next load finds none.
 */
int store_load(struct store *s, json_t **snapshot, struct error *e);
void store_close(struct store *s); /* NULL is fine */

extern const struct store_driver store_file;

#endif
