/* destination_dir.c: a destination that is a folder of this machine, also a mounted one. The work blocks, so it runs in
 * a work request. */
#include <string.h>

#include "shunt/service/destination.h"

/* What cannot be swept stays: a dot file, in nobody's way. Our own, too: a copy uses it up, but this time it may be a
 * link. */
static void sweep(const struct batch *batch, const struct place_item *item)
{
    struct error ignored = {0};
    place_sweep(batch->place, item, &ignored);
    for (size_t i = 0; i < batch->n_stale_tags; i++) {
        struct place theirs = *batch->place;
        error_clear(&ignored);
        theirs.tag = batch->stale_tags[i];
        place_sweep(&theirs, item, &ignored);
    }
}

static void run(struct work *work)
{
    struct batch *batch = (struct batch *)work;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i].redone)
            sweep(batch, &batch->items[i]);
    place_publish(batch->place, batch->items, batch->count);
}

static void done(struct work *work)
{
    struct batch *batch = (struct batch *)work;
    batch->done(batch);
}

static int start(struct batch *batch, struct error *e)
{
    int rc = work_submit(batch->loop, &batch->work, run, done);
    return rc == 0 ? 0 : error_set(e, rc, "no work request can be made");
}

const struct destination_driver destination_dir = {.name = "dir", .start = start};

static const struct destination_driver *const drivers[] = {&destination_dir};

const struct destination_driver *destination_driver_find(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}
