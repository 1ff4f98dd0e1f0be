/* putback.h: failed tickets go back to where they came from: out of the failed folder, into their hot folder, under
 * their own name, and their reason files go. Nothing is ever replaced, and no link followed below the two roots. Blocking:
 * runs in a work request. */
#ifndef SHUNT_SERVICE_PUTBACK_H
#define SHUNT_SERVICE_PUTBACK_H

#include <stddef.h>

#include "shunt/service/config.h"

struct putback {
    const char *path;          /* in, borrowed: where the ticket is, absolute; it may come from anywhere */
    const char *folder, *name; /* in, borrowed: below hot */
    struct error error;        /* out. ERR_GONE: it lies there no more; ERR_BUSY: the name is taken */
};

/* dry_run: only looks whether it could be. */
void putback_run(const struct config *c, struct putback *items, size_t count, bool dry_run);

#endif
