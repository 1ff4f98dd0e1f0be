/* destination.h: the driver interface of destinations. A driver turns a batch of items for one destination into
 * results.
 *
 * Contract: start() is called on the loop and must not block. Non-zero = done is never called, the items are untouched,
 * the error says why. Zero = done is called once, later, on the loop, each item's `error` filled. A driver whose
 * protocol blocks runs in a work request (dir); one that does not lives on the loop (HTTP, S3 through curl's multi
 * handle). A batch borrows its lane's place, which a reload never changes (an altered destination gets a new lane).
 * Retries, limits, breaker and order belong to service/delivery, never to a driver.
 */
#ifndef SHUNT_SERVICE_DESTINATION_H
#define SHUNT_SERVICE_DESTINATION_H

#include <stddef.h>

#include <uv.h>

#include "shunt/base/error.h"
#include "shunt/core/faults.h"
#include "shunt/core/routes.h"
#include "shunt/io/place.h"
#include "shunt/io/work.h"

struct batch {
    struct work work; /* for drivers that block */
    uv_loop_t *loop;
    const struct place *place; /* where, fully resolved; borrowed until done */
    struct place_item *items;
    size_t count;
    /* Tags of dead instances whose tickets we adopted; their temporaries are swept before items that are `redone`. Taken:
     * the lane frees them after done. */
    char **stale_tags;
    size_t n_stale_tags;
    void (*done)(struct batch *batch);
};

struct destination_driver {
    const char *name; /* as in routes.ini: driver = dir */
    int (*start)(struct batch *batch, struct error *e);
};

const struct destination_driver *destination_driver_find(const char *name); /* NULL: unknown */
extern const struct destination_driver destination_dir;

#endif
